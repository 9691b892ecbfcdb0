"""What is practised, judged and awarded."""
