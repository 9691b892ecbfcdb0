"""The base of every form: CSRF (without a time limit: a session's token outlives a long offline spell) and an operation id."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import get_locale
from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField
from wtforms.validators import Length
from wtforms.widgets import HiddenInput

from foundation.i18n import gettext as _
from foundation.sessions import csrf_token


class BaseForm(FlaskForm):
    """A form whose repeat does nothing twice: `op` names the operation, fresh with every page that shows the form."""

    op = HiddenField(validators=[Length(max=64)])

    class Meta(FlaskForm.Meta):
        @property
        def locales(self) -> list[str]:
            locale = get_locale()
            return ["en"] if locale is not None and locale.language == "en" else ["zh"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        csrf_token()
        super().__init__(*args, **kwargs)
        if not self.op.data:
            self.op.data = secrets.token_urlsafe(18)

    def problems(self) -> list[tuple[str, str, str]]:
        """(field id, label, message) of everything that needs mending, for the summary above the form."""
        found = []
        for field in self:
            for message in field.errors:
                if not isinstance(message, list | tuple | dict):    # a lazily translated message is no str
                    found.append((field.id, field.label.text, str(message)))
        for message in self.form_errors:
            found.append(("", "", str(message)))
        if self.csrf_token.errors and not any(item[0] == "csrf_token" for item in found):
            found.append(("", "", _("The page had been open too long. Please send it again.")))
        return found


class ConfirmForm(BaseForm):
    """A button: nothing but the token and the operation id."""


class TrimmedField(StringField):
    """A one-line text without blanks around it."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        super().process_formdata([value.strip() if isinstance(value, str) else value for value in valuelist])


def local_moment(text: str, zone: str) -> datetime | None:
    """A date-and-time field, read in `zone` (a cohort's), as UTC; None where it is no moment."""
    try:
        value = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if value.tzinfo is not None or not 2000 <= value.year <= 2200:
        return None
    return value.replace(second=0, microsecond=0, tzinfo=ZoneInfo(zone)).astimezone(UTC)


__all__ = ["BaseForm", "ConfirmForm", "HiddenInput", "TrimmedField", "local_moment"]
