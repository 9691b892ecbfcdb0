"""Changes of this part, gathered: who changes attempts calls these by the part's name."""

from __future__ import annotations

from quizzes.services.attempts import (
    MAX_LATE,
    ExamTaken,
    QuizNotOpen,
    Saved,
    Theirs,
    UnknownSlot,
    close_by_time,
    close_due,
    due_attempts,
    save_answer,
    start_attempt,
    submit_attempt,
)

__all__ = ["MAX_LATE", "ExamTaken", "QuizNotOpen", "Saved", "Theirs", "UnknownSlot", "close_by_time", "close_due", "due_attempts", "save_answer",
           "start_attempt", "submit_attempt"]
