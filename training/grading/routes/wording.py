"""How refusals, gaps and differences are worded for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from foundation.i18n import gettext as _
from foundation.i18n import pick
from training.grading.rules.judgement import Judgement, JudgementRefused, Lack
from training.grading.rules.rubric import NOT_OBSERVED, Instrument


@dataclass(frozen=True)
class Difference:
    """One place where the page and the server hold different things."""

    label: str
    yours: str
    saved: str


def lack_place(lack: Lack) -> str:
    """The id of the place on the console where something is missing."""
    return {"level": f"c-{lack.key}", "evidence": f"evidence-{lack.key}", "quotation": f"quotation-{lack.key}", "time": f"when-{lack.key}",
            "global_judgement": "global", "nothing_observed": f"c-{lack.key}"}[lack.what]


def lack_label(lack: Lack, rubric: Instrument) -> str:
    if lack.what == "global_judgement":
        return _("Overall judgement")
    if lack.what in ("quotation", "time"):
        return next((pick(line.text) for line in rubric.red_lines if line.key == lack.key), lack.key)
    return next((pick(criterion.title) for criterion in rubric.criteria if criterion.key == lack.key), lack.key)


def lack_message(lack: Lack) -> str:
    return {
        "level": _("Choose a level, or say that there was no opportunity to observe."),
        "evidence": _("This level needs a line of evidence."),
        "quotation": _("A red line needs the words or the action."),
        "time": _("A red line needs the minute or the line."),
        "global_judgement": _("Make the overall judgement."),
        "nothing_observed": _("Nothing was observed. Leave the rating open and tell the trainer."),
    }[lack.what]


def level_name(rubric: Instrument, level: str) -> str:
    if not level:
        return "—"
    if level == NOT_OBSERVED:
        return _("No opportunity to observe")
    return next((pick(found.title) for found in rubric.levels if found.key == level), level)


def refused_message(refused: JudgementRefused) -> str:
    if refused.reason == "too_long":
        return _("Too long to be kept: at most %(limit)d characters. Your text is still here; shorten it and save again.", limit=refused.limit)
    return _("This level, criterion or red line is not in the rubric. Nothing was saved; load the page again.")


def differences(rubric: Instrument, yours: Judgement, saved: Judgement) -> list[Difference]:
    """What differs between a judgement on the page and the one on the server, in the order of the rubric."""
    found: list[Difference] = []

    def compare(label: str, a: str, b: str) -> None:
        if a != b:
            found.append(Difference(label, a or "—", b or "—"))

    for criterion in rubric.criteria:
        title, key = pick(criterion.title), criterion.key
        compare(title, level_name(rubric, yours.levels.get(key, "")), level_name(rubric, saved.levels.get(key, "")))
        compare(_("%(title)s, evidence", title=title), yours.evidence.get(key, ""), saved.evidence.get(key, ""))
    for line in rubric.red_lines:
        notes = [judgement.red_lines.get(line.key) for judgement in (yours, saved)]
        compare(pick(line.text), *(f"{note.happened_at} {note.quotation}".strip() or _("ticked") if note else "" for note in notes))
    if rubric.global_judgement:
        names = {anchor.key: pick(anchor.text) for anchor in rubric.global_judgement.anchors}
        compare(_("Overall judgement"), names.get(yours.global_judgement, ""), names.get(saved.global_judgement, ""))
    compare(_("Your comment"), yours.comment, saved.comment)
    return found


def rater_refused(reason: str) -> str:
    return {
        "same_person": _("The raters must be different people."),
        "trainee": _("Nobody rates their own performance."),
        "mentor": _("The trainee's mentor cannot be a rater."),
        "not_of_cohort": _("Every rater must be a trainer of this cohort."),
        "number": _("What counts towards the award needs two raters; practice needs one or two."),
        "not_yours": _("This rating belongs to somebody else."),
    }[reason]


def names_of(ids: Iterable[int], names: Mapping[int, str]) -> str:
    """Names in a row, in the punctuation of the reader's language."""
    return _(", ").join(names.get(id_, str(id_)) for id_ in ids)
