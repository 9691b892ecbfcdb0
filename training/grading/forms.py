"""Forms of this part. They check shape; the services check sense."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from wtforms import BooleanField, Field, HiddenField, IntegerField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, ValidationError

from foundation.forms import BaseForm, HiddenInput
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

    version = IntegerField(validators=[InputRequired()], widget=HiddenInput())
    device_at = HiddenField(validators=[Length(max=40)])
    sure = BooleanField(lazy_gettext("I have looked through my rating. Once final it cannot be changed."))


class CaseForm(PageForm):
    """The writing page; texts and versions are read by the case's question keys."""


class HandInForm(PageForm):
    """`seen`: the versions of the texts as the check page showed them."""

    seen = HiddenField(validators=[Length(max=2000)])
    empty_is_meant = BooleanField(lazy_gettext("I hand in without these answers. They are marked as they are."))


class IdList(Field):
    """Boxes that were ticked, as ids; `known` are the ids the page offers."""

    known: Collection[int] = ()

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = list(dict.fromkeys(int(value) if _is_id(value) else -1 for value in valuelist))

    def pre_validate(self, form: Any) -> None:
        if any(id_ not in self.known for id_ in self.data or ()):
            raise ValidationError(_("This choice is no longer on the list. Choose again."))


class OneOf(StringField):
    """One key among those the page offers."""

    known: Collection[str] = ()

    def pre_validate(self, form: Any) -> None:
        if self.data not in self.known:
            raise ValidationError(_("This choice is no longer on the list. Choose again."))


def _is_id(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) < 10


def _some_raters(_form: Any, field: Any) -> None:
    if not field.data:
        raise ValidationError(_("Choose the raters."))


class ArrangeForm(PageForm):
    station = OneOf(lazy_gettext("Station"))
    raters = IdList(lazy_gettext("Raters"), validators=[_some_raters])
    trainees = IdList(lazy_gettext("Trainees to arrange"))
    everyone = BooleanField(lazy_gettext("Everyone who has not been arranged at this station"))


class MarkersForm(PageForm):
    """The second form of the page: ids of its own, so that the summary links to the right place."""

    case = OneOf(lazy_gettext("Case"), id="m-case")
    raters = IdList(lazy_gettext("Raters"), id="m-raters", validators=[_some_raters])


class DecideForm(PageForm):
    decision = OneOf()
    reason = TextAreaField(lazy_gettext("Reason"), validators=[Length(max=2000)])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.decision.known = ("confirm", "reject")

    def validate_reason(self, field: Any) -> None:
        if not (field.data or "").strip():
            raise ValidationError(_("Write the reason: what the record shows."))
