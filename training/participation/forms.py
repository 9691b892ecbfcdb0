"""Forms of this part. The register and the plan have one row per trainee or session and are read by hand."""

from __future__ import annotations

from wtforms import DateTimeLocalField, HiddenField, RadioField, SelectField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from foundation.forms import BaseForm, TrimmedField
from foundation.i18n import lazy_gettext
from training.participation.rules.levels import LEVELS, PARTS
from training.participation.services import LONGEST_NOTE

LONGEST_PLACE = 80
LONGEST_REASON = 300


def _stripped(text: str | None) -> str | None:
    return text.strip() if text else text


class SessionForm(BaseForm):
    """Time and place of one session; the time is local to the cohort."""

    starts = DateTimeLocalField(lazy_gettext("Date and time"), format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"], validators=[InputRequired()])
    place = TrimmedField(lazy_gettext("Place"), validators=[Length(max=LONGEST_PLACE)])
    row_version = HiddenField(default="0")


class NoteForm(BaseForm):
    """An observation of one contribution."""

    trainee = SelectField(lazy_gettext("Trainee"), coerce=int, validators=[InputRequired()])
    part = RadioField(lazy_gettext("What was contributed to"), choices=list(PARTS), validators=[InputRequired()])
    level = RadioField(lazy_gettext("Level seen"), choices=list(LEVELS),
                       validators=[InputRequired(lazy_gettext("Choose the level that fits what you saw."))])
    note = TextAreaField(lazy_gettext("What you saw or heard"), filters=[_stripped],
                         validators=[InputRequired(lazy_gettext("Write one sentence: what was said or done.")), Length(max=LONGEST_NOTE)])
    session = SelectField(lazy_gettext("In which session"), coerce=int, validators=[Optional()], default=0)


class LevelForm(BaseForm):
    """A level of one part: the proposal confirmed, or another one with a reason."""

    part = RadioField(lazy_gettext("What was contributed to"), choices=list(PARTS), validators=[InputRequired()])
    level = RadioField(lazy_gettext("Level"), choices=list(LEVELS),
                       validators=[InputRequired(lazy_gettext("Choose a level."))])
    reason = TextAreaField(lazy_gettext("Reason"), filters=[_stripped], validators=[Length(max=LONGEST_REASON)])
    seen = HiddenField(default="0")
