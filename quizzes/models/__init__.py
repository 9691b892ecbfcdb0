"""Rows of this part: attempts and their saves, what stands around a written exam, the item bank as people work on it."""

from __future__ import annotations

from quizzes.models.attempts import AnswerSave, Attempt, Closure, LateSave, Response, Slot
from quizzes.models.bank import ItemDraft, ItemEdit, ItemPicture, ItemReview, ItemTag
from quizzes.models.exams import (
    AttemptEvent,
    Candidate,
    EssayDraft,
    EssayMark,
    Hearing,
    Incident,
    IncidentText,
    ItemRuling,
    LateDecision,
    PaperForm,
    Presence,
    ReviewAnswer,
    ReviewCard,
    Sitting,
)

__all__ = [
    "AnswerSave", "Attempt", "AttemptEvent", "Candidate", "Closure", "EssayDraft", "EssayMark", "Hearing", "Incident", "IncidentText", "ItemDraft",
    "ItemEdit", "ItemPicture", "ItemReview", "ItemRuling", "ItemTag", "LateDecision", "LateSave", "PaperForm", "Presence", "Response", "ReviewAnswer",
    "ReviewCard", "Sitting", "Slot",
]
