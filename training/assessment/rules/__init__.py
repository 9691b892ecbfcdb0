"""Plain rules of the assessment: the scheme, what counts of what happened, deadlines, reach, and the words of a verdict."""
