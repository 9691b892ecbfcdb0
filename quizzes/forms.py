"""Shapes of what a page sends: the plain form of one question, and the JSON of one autosave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_wtf.file import FileField
from wtforms import DateTimeLocalField, HiddenField, IntegerField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import AnyOf, DataRequired, InputRequired, Length, NumberRange, Optional

from foundation.forms import BaseForm, HiddenInput, TrimmedField
from foundation.i18n import lazy_gettext
from quizzes.rules.hearing import REMEDIES
from quizzes.rules.marking import MAX_COMMENT, MAX_REASON
from quizzes.rules.recovery import DEVICE, OPERATION, moment
from quizzes.services.conduct import MOST_AT_ONCE, OF_THE_PAGE, WITH_POSITION, Fact


class AnswerForm(BaseForm):
    """One question. Its answer fields are named by the item (`a`, `a.<key>`) and read by rules.answer."""

    position = HiddenField()
    version = HiddenField()
    go = HiddenField(validators=[Length(max=10)])

    def place(self) -> tuple[int, int]:
        """(position, version the answer was made on); (0, -1) where they are no numbers."""
        return _number(self.position.data, 0), _number(self.version.data, -1)


class ReviewForm(BaseForm):
    """One question of the spaced review: the objective and the token of the question as it was asked; `go`: answer | unknown."""

    objective = HiddenField(validators=[Length(max=100)])
    token = HiddenField(validators=[Length(max=40)])
    go = HiddenField(validators=[Length(max=10)])


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 7 else otherwise


@dataclass(frozen=True)
class JsonAnswer:
    """One autosave: {"op", "position", "version", "answer", "device"?}."""

    op: str
    position: int
    version: int
    answer: dict[str, Any]
    device: str

    @classmethod
    def read(cls, sent: Any) -> JsonAnswer | None:
        """The save, or None where it is not one."""
        if not isinstance(sent, dict) or not set(sent) <= {"op", "position", "version", "answer", "device"}:
            return None
        op, position, version, answer = (sent.get(name) for name in ("op", "position", "version", "answer"))
        if not isinstance(op, str) or not OPERATION.fullmatch(op) or not isinstance(answer, dict):
            return None
        device = sent.get("device", "")
        if not isinstance(device, str) or (device and not DEVICE.fullmatch(device)):
            return None
        if any(isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 10**6 for number in (position, version)):
            return None
        return cls(op, position, version, answer, device)  # type: ignore[arg-type]


@dataclass(frozen=True)
class JsonReport:
    """What a page tells of itself: {"op", "device", "unsent", "hidden", "facts": [{"op", "kind", "at", "position"?, "figure"?}]}."""

    device: str
    unsent: int
    is_hidden: bool
    facts: tuple[Fact, ...]

    @classmethod
    def read(cls, sent: Any) -> JsonReport | None:
        """The report, or None where it is not one. A kind of fact that no page tells is refused with the whole."""
        if not isinstance(sent, dict) or not set(sent) <= {"op", "device", "unsent", "hidden", "facts"}:
            return None
        device, unsent, hidden, facts = sent.get("device", ""), sent.get("unsent", 0), sent.get("hidden", False), sent.get("facts", [])
        if not isinstance(device, str) or not (device == "" or DEVICE.fullmatch(device)) or not isinstance(hidden, bool):
            return None
        if not _is_count(unsent, 1000) or not isinstance(facts, list) or len(facts) > MOST_AT_ONCE:
            return None
        found = [_fact(one) for one in facts]
        return None if None in found else cls(device, unsent, hidden, tuple(found))  # type: ignore[arg-type]


def _is_count(value: Any, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


def _fact(one: Any) -> Fact | None:
    if not isinstance(one, dict) or not set(one) <= {"op", "kind", "at", "position", "figure"}:
        return None
    op, kind, position, figure = (one.get(name) for name in ("op", "kind", "position", "figure"))
    if not isinstance(op, str) or not OPERATION.fullmatch(op) or kind not in OF_THE_PAGE:
        return None
    if any(number is not None and not _is_count(number, 10**7) for number in (position, figure)):
        return None
    if kind in ("flag", "unflag") and not position:
        return None
    return Fact(op, kind, moment(one.get("at")), position if kind in WITH_POSITION else None, figure)


class SectionForm(BaseForm):
    """Closing a section: which one it was when the page was made."""

    section = HiddenField()

    def number(self) -> int:
        """-1 where it is none."""
        return _number(self.section.data, -1)


class RecoveryForm(BaseForm):
    """A recovery file from a trainee's device."""

    file = FileField(lazy_gettext("Recovery file (JSON)"), render_kw={"accept": ".json,application/json"})


class LateForm(BaseForm):
    """What becomes of an answer that arrived late, and why."""

    decision = StringField(lazy_gettext("Decision"), validators=[AnyOf(["accept", "refuse"], message=lazy_gettext("Choose one."))])
    reason = TextAreaField(lazy_gettext("Reason"), validators=[InputRequired(lazy_gettext("Say why; it is kept with the decision.")),
                                                                   Length(max=500)])


class MarkForm(BaseForm):
    """What a marker gives one answer; criteria and points are read from the request by the item's keys."""

    version = IntegerField(validators=[Optional(), NumberRange(0, 10**7)], widget=HiddenInput())
    comment = TextAreaField(lazy_gettext("Your comment"), validators=[Length(max=MAX_COMMENT)])
    reason = TextAreaField(lazy_gettext("Reason of the correction"), validators=[Length(max=MAX_REASON)])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.found: list[tuple[str, str, str]] = []

    def refuse(self, place: str, label: str, message: str) -> None:
        """Add to the summary: the id of the place on the page, what it is called, what is wrong."""
        self.found.append((place, label, message))

    def problems(self) -> list[tuple[str, str, str]]:
        return [*super().problems(), *self.found]

    def about(self, place: str) -> str:
        """What was said about one place, '' for nothing."""
        return next((message for where, _label, message in self.found if where == place), "")


# ── planned sittings ─────────────────────────────────────────────────────────────────────────────────────────────
EXTRA_REASONS = [
    SelectChoice("accommodation", lazy_gettext("an agreed accommodation")), SelectChoice("language", lazy_gettext("not their first language")),
    SelectChoice("technical", lazy_gettext("a technical fault")), SelectChoice("disturbance", lazy_gettext("a disturbance in the room")),
    SelectChoice("other", lazy_gettext("another reason, noted as an incident"))]
INCIDENT_KINDS = [
    SelectChoice("note", lazy_gettext("Note")), SelectChoice("network", lazy_gettext("Network")), SelectChoice("device", lazy_gettext("Device")),
    SelectChoice("conduct", lazy_gettext("Conduct")), SelectChoice("illness", lazy_gettext("Interruption for health")),
    SelectChoice("evacuation", lazy_gettext("Evacuation"))]


class SittingForm(BaseForm):
    """A sitting to be planned; times are local to the cohort. Choices of papers are given by the page."""

    blueprint = RadioField(lazy_gettext("Paper"), validators=[InputRequired(lazy_gettext("Choose a paper."))])
    opens = DateTimeLocalField(lazy_gettext("Opens"), format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
                               validators=[InputRequired(lazy_gettext("Give date and time."))])
    closes = DateTimeLocalField(lazy_gettext("Closes"), format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
                                validators=[InputRequired(lazy_gettext("Give date and time."))])
    place = TrimmedField(lazy_gettext("Place"), validators=[DataRequired(lazy_gettext("Say where it is sat.")), Length(max=120)])
    mode = RadioField(lazy_gettext("Papers"), validators=[InputRequired(lazy_gettext("Choose one."))],
                      choices=[SelectChoice("forms", lazy_gettext("Fixed parallel forms")), SelectChoice("person", lazy_gettext("A paper for each person"))])
    forms = SelectField(lazy_gettext("How many forms"), choices=list("2345"), validators=[Optional()])
    break_minutes = IntegerField(lazy_gettext("Break in minutes"), default=0,
                                 validators=[InputRequired(lazy_gettext("Give a number of minutes; 0 for none.")), NumberRange(0, 60)])


class ApproveForm(BaseForm):
    """The approval of the papers whose proof was looked at."""

    proof = HiddenField(validators=[Length(max=64)])


class CancelForm(BaseForm):
    """Why a sitting is called off."""

    cancel_reason = TrimmedField(lazy_gettext("Reason"), validators=[DataRequired(lazy_gettext("Say why; it is kept with the sitting.")), Length(max=500)])


class AllowanceForm(BaseForm):
    """Extra time and extra break of one person."""

    enrolment = IntegerField(widget=HiddenInput(), validators=[InputRequired()])
    row_version = IntegerField(widget=HiddenInput(), validators=[Optional(), NumberRange(0, 10**7)])
    extra_minutes = IntegerField(lazy_gettext("Extra minutes"), validators=[InputRequired(lazy_gettext("Give a number of minutes; 0 for none.")),
                                                                            NumberRange(0, 240)])
    break_minutes = IntegerField(lazy_gettext("Extra break in minutes"), validators=[InputRequired(lazy_gettext("Give a number of minutes; 0 for none.")),
                                                                                     NumberRange(0, 60)])
    reason = SelectField(lazy_gettext("Reason"), choices=EXTRA_REASONS)


class ExtraTimeForm(BaseForm):
    """More time for one person (`enrolment`) or, without one, for everybody."""

    enrolment = IntegerField(widget=HiddenInput(), validators=[Optional()])
    minutes = IntegerField(lazy_gettext("Extra minutes"), validators=[InputRequired(lazy_gettext("Give a number of minutes, 1 to 120.")), NumberRange(1, 120)])
    reason = SelectField(lazy_gettext("Reason"), choices=EXTRA_REASONS)


class PauseForm(BaseForm):
    """Why the hall is paused."""

    pause_reason = TrimmedField(lazy_gettext("Reason"),
                                validators=[DataRequired(lazy_gettext("Say why; it is kept in the log of the room.")), Length(max=500)])


class IncidentForm(BaseForm):
    """Something that happened, in the room or (with `attempt`) to one person."""

    attempt = IntegerField(widget=HiddenInput(), validators=[Optional()])
    kind = SelectField(lazy_gettext("What it was"), choices=INCIDENT_KINDS)
    body = TextAreaField(lazy_gettext("What happened"), validators=[DataRequired(lazy_gettext("Write one sentence: what was seen, said or done.")),
                                                                    Length(max=2000)])


# ── hearings ─────────────────────────────────────────────────────────────────────────────────────────────────────
class TellingForm(BaseForm):
    """A form whose further fields are named by an item; what is wrong with them is told by `refuse`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.found: list[tuple[str, str, str]] = []

    def refuse(self, place: str, label: str, message: str) -> None:
        """Add to the summary: the id of the place on the page, what it is called, what is wrong."""
        self.found.append((place, label, message))

    def problems(self) -> list[tuple[str, str, str]]:
        return [*super().problems(), *self.found]

    def about(self, place: str) -> str:
        """What was said about one place, '' for nothing."""
        return next((message for where, _label, message in self.found if where == place), "")


class HearingForm(TellingForm):
    """What is wrong with an item and what should be done about it."""

    complaint = TextAreaField(lazy_gettext("What is wrong with this question"), validators=[
        InputRequired(lazy_gettext("Say what is wrong: the decision is made on it.")), Length(max=4000)], render_kw={"rows": 4})
    remedy = RadioField(lazy_gettext("Remedy"), choices=[SelectChoice(remedy) for remedy in REMEDIES],
                        validators=[InputRequired(lazy_gettext("Choose what should be done."))])


class DecisionForm(TellingForm):
    """Posting a remedy: the minutes, and the hash of the dry run that was read."""

    minutes = TextAreaField(lazy_gettext("Minutes: what was weighed, and why it is decided so"), validators=[
        InputRequired(lazy_gettext("Write the minutes: a decision without its reasons is none.")), Length(max=8000)], render_kw={"rows": 6})
    seen = HiddenField(validators=[Length(max=64)])


class DismissForm(BaseForm):
    """Ending a hearing without a remedy."""

    reason = TextAreaField(lazy_gettext("Reason"), render_kw={"rows": 3},
                           validators=[InputRequired(lazy_gettext("Say why; it is kept with the decision.")), Length(max=4000)])
