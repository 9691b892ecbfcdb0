"""Plain rules of quizzes: items and their keys, formulas, papers, scoring, attempts. No database, no clock, no web."""
