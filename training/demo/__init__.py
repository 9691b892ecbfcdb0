"""The demo installation: two cohorts, made through the same services as real use."""
