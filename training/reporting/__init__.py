"""Records for HR and the personal training file."""
