"""Why a change was refused. Nothing is changed where one of these is raised."""

from __future__ import annotations

from typing import Any

from training.grading.rules.judgement import Lack


class AlreadyArranged(Exception):
    """This trainee already has this station: still open, or done and counting. `enrolment_ids` names the trainees."""

    def __init__(self, enrolment_ids: list[int]) -> None:
        super().__init__(enrolment_ids)
        self.enrolment_ids = enrolment_ids


class RaterRefused(Exception):
    """`reason`: same_person, trainee, mentor, not_of_cohort, number (too few or too many raters)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class AlreadyAssigned(Exception):
    """This performance has its raters."""


class NotHeld(Exception):
    """A third rater is asked only while two final ratings lie too far apart."""


class NotOpen(Exception):
    """The activity is not open to this trainee yet."""


class CaseClosed(Exception):
    """The case was handed in, or its time is up. `reason`: handed_in or time_up."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnknownQuestion(Exception):
    """The case has no such question."""


class TextTooLong(Exception):
    """More characters than an answer may have; `limit` says how many are allowed."""

    def __init__(self, question_key: str, length: int, limit: int) -> None:
        super().__init__(f"{question_key}: {length} > {limit}")
        self.question_key, self.length, self.limit = question_key, length, limit


class EmptyAnswers(Exception):
    """Some answers are empty and the trainee has not said that this is meant; `keys` names the questions."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        super().__init__(keys)
        self.keys = keys


class StaleDraft(Exception):
    """Another tab or device saved in between. `theirs` is what stands now (a text, or a judgement as JSON)."""

    def __init__(self, theirs: Any, version: int, key: str = "") -> None:
        super().__init__(version)
        self.theirs, self.version, self.key = theirs, version, key


class OperationReused(Exception):
    """The operation id of the last save came again with other content."""


class NotPerformed(Exception):
    """There is nothing to judge yet: the work is not handed in."""


class RatingIsFinal(Exception):
    """The rating was made final before; it stands."""


class RatingIncomplete(Exception):
    """What a final rating still needs, in `lacks`."""

    def __init__(self, lacks: tuple[Lack, ...]) -> None:
        super().__init__(lacks)
        self.lacks = lacks


class JudgeIsInvolved(Exception):
    """Who decides on a red line must neither be a rater of the performance nor its trainee."""


class AlreadyDecided(Exception):
    """This report was decided before; the decision stands."""
