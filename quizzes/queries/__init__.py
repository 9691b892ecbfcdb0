"""Reads of this part: attempts and what they earned (`attempts`), and the pictures pages print (`pages`)."""

from quizzes.queries.attempts import (
    AttemptView,
    Earned,
    ExamFact,
    NoSuchSlot,
    SlotView,
    attempts_of,
    bank,
    blueprint_version,
    chain_holds,
    chain_of,
    earned_of,
    exam_facts,
    get_attempt,
    item_version,
    one_slot,
    own_attempt_or_404,
    pools_of,
    score_now,
    slots_of,
)
from quizzes.queries.pages import (
    AttemptPage,
    CheckPage,
    ResultPage,
    StartPage,
    attempt_page,
    check_page,
    described,
    one_question,
    result_page,
    start_page,
)

__all__ = [
    "AttemptPage", "AttemptView", "CheckPage", "Earned", "ExamFact", "NoSuchSlot", "ResultPage", "SlotView", "StartPage", "attempt_page", "attempts_of", "bank",
    "blueprint_version", "chain_holds", "chain_of", "check_page", "described", "earned_of", "exam_facts", "get_attempt", "item_version",
    "one_question", "one_slot", "own_attempt_or_404", "pools_of", "result_page", "score_now", "slots_of", "start_page",
]
