"""Changes of this part. The caller holds the transaction; refusals are exceptions named for their reason."""

from training.grading.services.arranging import arrange_role_plays, assign_markers, assign_third, mark_performed, schedule_performance
from training.grading.services.casework import Saved, close_due_case, close_due_cases, due_cases, hand_in_case, open_case, save_case_draft
from training.grading.services.rating import finalise_rating, save_rating_draft
from training.grading.services.red_lines import decide_red_line
from training.grading.services.refusals import (
    AlreadyArranged,
    AlreadyAssigned,
    AlreadyDecided,
    CaseClosed,
    EmptyAnswers,
    JudgeIsInvolved,
    NotHeld,
    NotOpen,
    NotPerformed,
    OperationReused,
    RaterRefused,
    RatingIncomplete,
    RatingIsFinal,
    StaleDraft,
    TextTooLong,
    UnknownQuestion,
)

__all__ = [
    "AlreadyArranged", "AlreadyAssigned", "AlreadyDecided", "CaseClosed", "EmptyAnswers", "JudgeIsInvolved", "NotHeld", "NotOpen", "NotPerformed",
    "OperationReused", "RaterRefused", "RatingIncomplete", "RatingIsFinal", "Saved", "StaleDraft", "TextTooLong", "UnknownQuestion",
    "arrange_role_plays", "assign_markers", "assign_third", "close_due_case", "close_due_cases", "decide_red_line", "due_cases",
    "finalise_rating", "hand_in_case", "mark_performed", "open_case", "save_case_draft", "save_rating_draft", "schedule_performance",
]
