"""Forms of this part: the cohort, its openings, a waiver. They check shape; services check sense."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from werkzeug.datastructures import MultiDict
from wtforms import DateField, HiddenField, IntegerField, SelectField, TextAreaField
from wtforms.fields import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional, Regexp

from courses.services import CohortPlan
from foundation.forms import BaseForm, TrimmedField
from foundation.i18n import gettext as _
from foundation.i18n import lazy_gettext, pick

ZONES = ("Asia/Shanghai", "Asia/Urumqi", "Asia/Hong_Kong", "Asia/Singapore", "Asia/Tokyo", "Asia/Dubai", "Europe/London", "Europe/Frankfurt",
         "America/New_York", "Australia/Sydney", "UTC")
KEY = re.compile(r"^\w[\w.-]*$")
LEAST_REASON = 5


class EditCohortForm(BaseForm):
    """What may change about a cohort. The last day may stay empty: then the length stays as it is."""

    name_zh = TrimmedField(lazy_gettext("Name in Chinese"), validators=[DataRequired(), Length(max=80)])
    name_en = TrimmedField(lazy_gettext("Name in English"), validators=[DataRequired(), Length(max=80)])
    starts_on = DateField(lazy_gettext("First day"), validators=[InputRequired()])
    ends_on = DateField(lazy_gettext("Last day"), validators=[Optional()])
    zone = SelectField(lazy_gettext("Time zone"), default="Asia/Shanghai")
    seats = IntegerField(lazy_gettext("Seats"), validators=[InputRequired(), NumberRange(min=1, max=500)], default=24)
    row_version = HiddenField(default="0")

    def offer_zones(self, zone: str = "") -> None:
        """Offer the time zones, with the cohort's own where it is not among the usual ones."""
        self.zone.choices = list(ZONES if not zone or zone in ZONES else (*ZONES, zone))

    def plan(self, key: str, programme_key: str, days: int) -> CohortPlan:
        """What was filled in. `days`: from the first day to the last where the last day was left empty."""
        starts_on = self.starts_on.data
        assert isinstance(starts_on, date)
        return CohortPlan(key=key, name_zh=self.name_zh.data or "", name_en=self.name_en.data or "", programme_key=programme_key, starts_on=starts_on,
                          ends_on=self.ends_on.data or starts_on + timedelta(days=days), seats=int(self.seats.data or 0), zone=self.zone.data or "")

    def refuse(self, reason: str) -> None:
        """Write the service's refusal beside the field it is about."""
        field, message = {
            "key_taken": ("key", _("A cohort with this key exists.")),
            "dates": ("ends_on", _("The last day lies before the first.")),
            "seats": ("seats", _("At least one seat.")),
            "seats_taken": ("seats", _("More people are enrolled than that.")),
            "zone": ("zone", _("This time zone is not known.")),
            "programme": ("programme_key", _("This programme is not available any more.")),
            "scheme": ("programme_key", _("The assessment scheme of this programme is missing.")),
        }[reason]
        self[field].errors = [*self[field].errors, message]


class CohortForm(EditCohortForm):
    """A new cohort. The last day may stay empty: then the programme's length decides."""

    key = TrimmedField(lazy_gettext("Key of the cohort"), validators=[
        DataRequired(), Length(max=40), Regexp(KEY, message=lazy_gettext("Letters, digits, “-”, “.” and “_” only; begin with a letter or digit."))],
        render_kw={"autocapitalize": "none", "spellcheck": "false"})
    programme_key = SelectField(lazy_gettext("Programme"), validators=[InputRequired()])

    def offer(self, programmes: Mapping[str, Any]) -> CohortForm:
        """Fill the choices: programme key → title, and the time zones."""
        self.programme_key.choices = [SelectChoice(key, pick(title)) for key, title in programmes.items()]
        self.offer_zones()
        return self


class WaiveForm(BaseForm):
    """A gate is waived with a reason, which goes on record."""

    reason = TextAreaField(lazy_gettext("Reason"), validators=[
        InputRequired(), Length(min=LEAST_REASON, max=500, message=lazy_gettext("Write the reason in 5 to 500 characters."))],
        filters=[lambda text: text.strip() if text else text])


def ids_of(form: MultiDict[str, str], name: str) -> list[int]:
    """The ids that were ticked under a name, each once; anything that is no number is left out."""
    return list(dict.fromkeys(int(value) for value in form.getlist(name) if value.isascii() and value.isdigit() and len(value) < 12))


def day_of(text: str) -> date | None:
    """An ISO day, or None where the text is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
