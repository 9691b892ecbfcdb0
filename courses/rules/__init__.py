"""Plain rules of the plan: the outline, its calendar, progress from facts, the lesson text."""
