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
from quizzes.queries.late import LateList, LatePage, late_attempt, late_list, late_page, sitting_in_review_or_404, watched_attempt_or_404
from quizzes.queries.pages import ResultPage, described, one_question, result_page
from quizzes.queries.papers import AttemptPage, CheckPage, Desk, SectionPage, attempt_page, check_page, desk, last_seen, section_page, told
from quizzes.queries.planned import SittingView, get_sitting, sitting_or_404
from quizzes.queries.sittings import Admission, FormSlot, admission, own_paper, slots_from
from quizzes.queries.start import Entrance, StartPage, entrance, start_page

__all__ = [
    "SittingView", "get_sitting", "sitting_or_404",
    "Admission", "AttemptPage", "AttemptView", "CheckPage", "Desk", "Earned", "Entrance", "ExamFact", "FormSlot", "LateList", "LatePage", "NoSuchSlot",
    "ResultPage", "SectionPage", "SlotView", "StartPage", "admission", "attempt_page", "attempts_of", "bank", "blueprint_version", "chain_holds", "chain_of",
    "check_page", "described", "desk", "earned_of", "entrance", "exam_facts", "get_attempt", "item_version", "last_seen", "late_attempt", "late_list",
    "late_page", "one_question", "one_slot", "own_attempt_or_404", "own_paper", "pools_of", "result_page", "score_now", "section_page",
    "sitting_in_review_or_404", "slots_from", "slots_of", "start_page", "told", "watched_attempt_or_404",
]
