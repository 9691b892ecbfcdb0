"""What is asked and what was answered: item bank, blueprints, attempts, responses."""
