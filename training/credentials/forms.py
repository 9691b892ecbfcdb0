"""Forms of certificates: they check shape, the services sense."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from wtforms import BooleanField, HiddenField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional, ValidationError

from foundation.forms import BaseForm, TrimmedField
from foundation.i18n import gettext as _
from foundation.i18n import lazy_gettext


class ConfirmResultForm(BaseForm):
    """The reviewer's confirmation from the results board. `release_at` is a local time in the cohort's zone, or empty for now;
    `seen` is what the board showed, so that a stale one can be answered with both versions."""

    expected_hash = HiddenField(validators=[InputRequired(), Length(max=64)])
    seen = HiddenField(validators=[Length(max=20_000)])
    checked = BooleanField(lazy_gettext("I have checked the evidence; the verdict follows the rules"))
    release_at = TrimmedField(lazy_gettext("Release to the trainee at"), validators=[Optional(), Length(max=25)])

    def validate_checked(self, field: BooleanField) -> None:
        if not field.data:
            raise ValidationError(_("Tick that you have checked the evidence."))

    def validate_release_at(self, field: TrimmedField) -> None:
        try:
            datetime.fromisoformat(field.data or "")
        except ValueError:
            raise ValidationError(_("Write the release as a date and a time, or leave it empty for at once.")) from None

    def released_at(self, zone: str) -> datetime | None:
        """The moment of release in UTC; None for at once."""
        if not self.release_at.data:
            return None
        moment = datetime.fromisoformat(self.release_at.data)
        return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)


def _enough(field: TextAreaField) -> None:
    """A reason of some substance, without blanks around it."""
    field.data = (field.data or "").strip()
    if len(field.data) < 4:
        raise ValidationError(_("Say in a few words why; it stays on record."))


class RevokeForm(BaseForm):
    """Why a certificate ends."""

    reason = TextAreaField(lazy_gettext("Reason for revoking"), validators=[InputRequired(), Length(max=500)])

    def validate_reason(self, field: TextAreaField) -> None:
        _enough(field)


class AnewForm(BaseForm):
    """Why a certificate is issued again."""

    anew_reason = TextAreaField(lazy_gettext("Reason for issuing anew"), validators=[InputRequired(), Length(max=500)])

    def validate_anew_reason(self, field: TextAreaField) -> None:
        _enough(field)


class VerifyForm(BaseForm):
    """Number and holder's name together, as printed on the certificate."""

    number = TrimmedField(lazy_gettext("Certificate number"), validators=[InputRequired(), Length(max=40)],
                          render_kw={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"})
    name = TrimmedField(lazy_gettext("Holder's name"), validators=[InputRequired(), Length(max=100)], render_kw={"autocomplete": "off"})
