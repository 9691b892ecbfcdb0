"""Plain rules of certificates: the record, its number and code, its state over time, and the paper made from it."""
