"""Forms of this part. They check shape; the services check sense."""

from __future__ import annotations

from typing import Any

from wtforms import BooleanField, HiddenField, IntegerField, SelectField, SelectMultipleField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional, ValidationError

from foundation.forms import BaseForm
from foundation.i18n import gettext as _
from foundation.i18n import lazy_gettext


class PageForm(BaseForm):
    """A form whose fields the page lays out itself; refusals of the service join the summary above it."""

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


class RateForm(PageForm):
    """The console: levels and texts are read from the request by the rubric's keys."""

    version = IntegerField(validators=[InputRequired()])
    device_at = HiddenField(validators=[Length(max=40)])
    sure = BooleanField(lazy_gettext("I have looked through my rating. Once final it cannot be changed."))


class CaseForm(PageForm):
    """The writing page; texts and versions are read by the case's question keys."""


class HandInForm(PageForm):
    """`seen`: the versions of the texts as the check page showed them."""

    seen = HiddenField(validators=[Length(max=2000)])
    empty_is_meant = BooleanField(lazy_gettext("I hand in without these answers. They are marked as they are."))


class _Raters(PageForm):
    raters = SelectMultipleField(lazy_gettext("Raters"), coerce=int, validators=[Optional()])

    def validate_raters(self, field: Any) -> None:
        if not field.data:
            raise ValidationError(_("Choose the raters."))


class ArrangeForm(_Raters):
    station = SelectField(lazy_gettext("Station"), validators=[InputRequired()])
    trainees = SelectMultipleField(lazy_gettext("Trainees to arrange"), coerce=int, validators=[Optional()])
    everyone = BooleanField(lazy_gettext("Everyone who has not been arranged at this station"))


class MarkersForm(_Raters):
    case = SelectField(lazy_gettext("Case"), validators=[InputRequired()])


class ThirdForm(PageForm):
    rater = SelectField(lazy_gettext("Third rater"), coerce=int, validators=[InputRequired()])


class DecideForm(PageForm):
    """`report` tells which of the forms on the page this one is."""

    decision = SelectField(choices=[("confirm", ""), ("reject", "")], validators=[InputRequired()])
    reason = TextAreaField(lazy_gettext("Reason"), validators=[Length(max=2000)])

    def validate_reason(self, field: Any) -> None:
        if not (field.data or "").strip():
            raise ValidationError(_("Write the reason: what the record shows."))
