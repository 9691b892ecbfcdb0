"""Forms of this part: they check shape, the services sense."""

from __future__ import annotations

from datetime import date, datetime

from wtforms import SelectField, TextAreaField
from wtforms.fields import DateField
from wtforms.validators import InputRequired, Length, ValidationError

from foundation.forms import BaseForm
from foundation.i18n import gettext as _
from foundation.i18n import lazy_gettext, pick
from training.assessment.rules import deadlines
from training.assessment.rules.scheme import Scheme


class ExtensionForm(BaseForm):
    """A later last day for one component; the day ends at midnight in the cohort's zone."""

    component = SelectField(lazy_gettext("Component"), validators=[InputRequired()])
    until = DateField(lazy_gettext("New last day"), validators=[InputRequired()])
    reason = TextAreaField(lazy_gettext("Reason for the extension"), validators=[InputRequired(), Length(max=500)], render_kw={"rows": "3"})

    def offer(self, scheme: Scheme) -> ExtensionForm:
        """Offer the scheme's components."""
        self.component.choices = [(component.key, pick(component.title)) for component in scheme.components]
        return self

    def validate_reason(self, field: TextAreaField) -> None:
        field.data = (field.data or "").strip()
        if len(field.data) < 4:
            raise ValidationError(_("Say in a few words why; it stays on record."))

    def validate_until(self, field: DateField) -> None:
        if field.data is not None and not date(2000, 1, 1) <= field.data <= date(2999, 12, 31):
            raise ValidationError(_("Choose a day on the calendar."))

    def ends_at(self, zone: str) -> datetime:
        """The instant that ends the chosen day."""
        assert self.until.data is not None
        return deadlines.end_of(self.until.data, zone)
