"""Pages of statistics: items, repair queue, one item, papers and their reliability, gain. Nothing here changes anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from flask import Blueprint, Response, abort, current_app, make_response, render_template, request, url_for
from flask_login import current_user

from foundation import clock, exports
from foundation.i18n import gettext as _
from foundation.i18n import pick
from foundation.permissions import Permission, requires
from quizzes.queries import form_statistics, observed
from quizzes.queries import statistics as queries
from quizzes.rules import plots
from quizzes.rules.advice import URGENCY, Advice
from quizzes.rules.areas import title_of
from quizzes.rules.item import KINDS
from quizzes.rules.statistics import Figure

bp = Blueprint("statistics", __name__)
FORMATS = {"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
USES: dict[str, tuple[str, ...]] = {"taught": observed.TAUGHT, **{purpose: (purpose,) for purpose in observed.ALL}}


# ── what the address asks for ────────────────────────────────────────────────────────────────────────────────────
def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None


def _number(text: str, most: int = 10**9) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= most else None


def _selection(source: Mapping[str, str]) -> tuple[observed.Selection, str, list[str]]:
    """The selection of a query string, its kind of papers, and the names of fields that could not be read and were left out."""
    problems = []
    use = source.get("use", "") or "taught"
    if use not in USES:
        use = "taught"
        problems.append(_("Which papers"))
    days = {name: _day(source.get(name, "")) for name in ("from", "to")}
    for name, label in (("from", _("From")), ("to", _("To"))):
        if source.get(name) and days[name] is None:
            problems.append(label)
    ids = {name: _number(source.get(name, "")) for name in ("cohort", "sitting")}
    for name, label in (("cohort", _("Cohort")), ("sitting", _("Sitting"))):
        if source.get(name) and ids[name] is None:
            problems.append(label)
    return observed.Selection(USES[use], ids["cohort"], days["from"], days["to"], sitting_id=ids["sitting"]), use, problems


def _filter(source: Mapping[str, str]) -> tuple[queries.Filter, list[str]]:
    selection, use, problems = _selection(source)
    advice, sort = source.get("advice", ""), source.get("sort", "") or "urgency"
    if sort not in queries.SORTS:
        sort = "urgency"
    if advice not in ("", "any", *URGENCY):
        advice = ""
        problems.append(_("Advice"))
    kind = source.get("kind", "")
    return queries.Filter(selection, use, source.get("area", "")[:80], kind if kind in KINDS else "", advice, source.get("q", "").strip()[:100], sort,
                          _number(source.get("page", ""), 10**6) or 1), problems


def _query(wanted: queries.Filter, **changes: Any) -> dict[str, Any]:
    """The filter as the query string that makes it; empty ones are left out."""
    wanted = replace(wanted, **changes)
    return {**_chosen(wanted.selection, wanted.use), **{name: value for name, value in (
        ("area", wanted.area), ("kind", wanted.kind), ("advice", wanted.advice), ("q", wanted.search),
        ("sort", wanted.sort if wanted.sort != "urgency" else ""), ("page", wanted.number if wanted.number > 1 else "")) if value}}


def _chosen(selection: observed.Selection, use: str) -> dict[str, Any]:
    return {name: value for name, value in (
        ("use", use if use != "taught" else ""), ("cohort", selection.cohort_id), ("from", selection.since and selection.since.isoformat()),
        ("to", selection.until and selection.until.isoformat()), ("sitting", selection.sitting_id)) if value}


# ── words ────────────────────────────────────────────────────────────────────────────────────────────────────────
def use_name(use: str) -> str:
    """Which papers are looked at, as readers know them."""
    return {"taught": _("After the lessons (all but the pre-test)"), "exam": _("Written exam"), "mock": _("Mock exam"), "stage_test": _("Stage test"),
            "practice": _("Practice"), "pre_test": _("Pre-test")}[use]


def kind_name(kind: str) -> str:
    return {"single": _("Single choice"), "multiple": _("Multiple choice"), "true_false": _("True or false"), "matching": _("Matching"),
            "ordering": _("Ordering"), "numeric": _("Numeric"), "cloze": _("Cloze"), "short_answer": _("Short answer"), "essay": _("Essay"),
            "set": _("Item set")}.get(kind, kind)


def advice_name(code: str) -> str:
    """An advice in a few words."""
    return {"miskeyed": _("Key in doubt"), "negative": _("Works against the rest"), "draws_best": _("A wrong option draws the best"),
            "harder": _("Harder than expected"), "weak": _("Separates weakly"), "easier": _("Easier than expected"),
            "unused": _("An option nobody takes")}[code]


def advice_text(code: str) -> str:
    """What to do about it, in a sentence."""
    return {
        "miskeyed": _("Solve the item anew without looking at the key; if another option is right, open a hearing."),
        "negative": _("Who does well elsewhere does badly here: look for a second right answer, a trap in the wording or a wrong key."),
        "draws_best": _("Ask what the best see in this option: it may be defensible, or the key too coarse."),
        "harder": _("Check wording, reading load and whether the lessons teach it; else correct the expected difficulty."),
        "weak": _("It says little about who knows more: sharpen the wrong options or the situation."),
        "easier": _("Look for cues that give the key away; else correct the expected difficulty."),
        "unused": _("Replace the option by a thinking error that trainees really make, or take it out."),
    }[code]


def advice_rule(code: str) -> str:
    """The band of an advice, as it is published."""
    return {
        "miskeyed": _("From 30 answers: a wrong option goes with the rest of the paper at r of at least 0.15, while the key does not (r below 0.05)."),
        "negative": _("From 30 answers: discrimination below 0."),
        "draws_best": _("From 30 answers: the top group takes a wrong option at least 10 points more often than the bottom group."),
        "harder": _("From 10 answers: facility at least 15 points below the expected, which lies outside the interval."),
        "weak": _("From 30 answers: discrimination from 0 to below 0.20."),
        "easier": _("From 10 answers: facility at least 15 points above the expected, which lies outside the interval."),
        "unused": _("From 30 answers: a wrong option is taken by fewer than 5 in 100."),
    }[code]


def advice_figure(one: Advice) -> str:
    """The number an advice rests on."""
    if one.code in ("miskeyed", "negative", "weak"):
        return f"r = {signed(one.figure)}"
    if one.code == "draws_best":
        return _("%(n)s points more at the top", n=points((one.figure or 0.0) * 100))
    return percent(one.figure)


def band_name(band: str) -> str:
    return {"excellent": _("very good"), "good": _("good"), "marginal": _("marginal"), "poor": _("weak"), "negative": _("negative")}[band]


def withheld(figure: Figure, least: int = 5) -> str:
    """Why a figure is not given."""
    return {"few": _("not given: n = %(n)d, from %(least)d", n=figure.n, least=least), "flat": _("not given: no spread"),
            "differ": _("not given: papers differ")}.get(figure.why, "")


def percent(share: float | None, places: int = 0) -> str:
    """A share 0..1 for reading: 64 %."""
    return "—" if share is None else f"{share * 100:.{places}f}%"


def signed(value: float | None, places: int = 2) -> str:
    """A correlation or difference with a real minus sign."""
    return "—" if value is None else f"{value:.{places}f}".replace("-", "−") if round(value, places) else f"{0:.{places}f}"


def points(value: float | Decimal | None) -> str:
    """Points of a paper, one decimal at most."""
    return "—" if value is None else f"{value:.1f}".removesuffix(".0")


def plus(value: float | None) -> str:
    """A gain of shares as points of 100, always with its sign."""
    return "—" if value is None else f"{value * 100:+.0f}".replace("-", "−") if round(value * 100) else "0"


def bin_labels(view: form_statistics.FormView) -> list[tuple[str, int]]:
    """The columns of a histogram in words: (from – to below, count)."""
    step = float(view.marks) / len(view.bins)
    return [(f"{points(step * index)}–{points(step * (index + 1))}", count) for index, count in enumerate(view.bins)]


def links(piece_key: str, item_key: str, in_exam: bool) -> list[tuple[str, str]]:
    """(label, address) of what may be done about an item by whom asks: the bank, and a hearing where exam results stand on it."""
    found = []
    views = current_app.view_functions
    if "bank.item" in views:
        found.append((_("Open in the item bank"), url_for("bank.item", key=piece_key)))
    if in_exam and "hearings.open" in views and any(current_user.may(one) for one in getattr(views["hearings.open"], "guard", ())):
        found.append((_("Open a hearing"), url_for("hearings.open", key=item_key)))
    return found


def named(keys: Iterable[str], name: Callable[[str], str]) -> list[tuple[str, str]]:
    """Entries of a filter: keys with what readers see."""
    return [(key, name(key)) for key in keys]


def cohort_names(cohorts: Iterable[queries.Choice]) -> list[tuple[str, str]]:
    return [(cohort.value, pick(cohort.label)) for cohort in cohorts]


def area_name(area: str) -> str:
    return pick(title_of(area))


@bp.context_processor
def _words() -> dict[str, Any]:
    spoken = (advice_figure, advice_name, advice_rule, advice_text, area_name, band_name, bin_labels, cohort_names, kind_name, links, named, percent, plus,
              points, signed, title_of, use_name, withheld)
    return {"uses": tuple(USES), "codes": URGENCY, "letters": "ABCDEFGHIJKLM", **{word.__name__: word for word in spoken}}


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────────────────
@bp.get("/statistics/items")
@requires(Permission.EDIT_ITEMS)
def items() -> Any:
    """The table of items with the plot of facility and discrimination."""
    wanted, problems = _filter(request.args)
    page = queries.items_page(wanted, current_user)
    plot = plots.map_plot([(row.key, row.analysis.facility.value or 0.0, row.analysis.discrimination.value or 0.0, _is_conspicuous(row))
                           for row in page.plotted]) if page.plotted else None
    return render_template("quizzes/statistics/items.html", page=page, problems=problems, plot=plot, filter=page.filter,
                           page_address=lambda number: url_for("statistics.items", **_query(page.filter, number=number)),
                           file=lambda format_: url_for("statistics.items_file", format_=format_, **_query(page.filter, number=1)),
                           inner=_chosen(page.filter.selection, page.filter.use)), 422 if problems else 200


def _is_conspicuous(row: queries.ItemRow) -> bool:
    """Marked in a plot: the key in doubt, negative, or shown to be weak; harder than expected is told in the table."""
    return any(one.code in ("miskeyed", "negative", "draws_best") or (one.code == "weak" and one.is_shown) for one in row.advice)


@bp.get("/statistics/repairs")
@requires(Permission.EDIT_ITEMS)
def repairs() -> Any:
    """The items that should be looked at, the most urgent first."""
    wanted, problems = _filter(request.args)
    page = queries.items_page(replace(wanted, advice=wanted.advice or "any", sort="urgency"), current_user, per_page=25)
    return render_template("quizzes/statistics/repairs.html", page=page, filter=page.filter, problems=problems,
                           page_address=lambda number: url_for("statistics.repairs", **_query(page.filter, number=number)),
                           inner=_chosen(page.filter.selection, page.filter.use)), 422 if problems else 200


COLUMNS = ("item", "piece", "kind", "content_area", "objective", "usage", "n", "expected", "facility", "facility_low", "facility_high", "discrimination_n",
           "discrimination", "discrimination_low", "discrimination_high", "unanswered", "advice", "advice_shown", "answers_in_other_scorings", "retired",
           "last_day")


@bp.get("/statistics/items.<format_>")
@requires(Permission.EDIT_ITEMS)
def items_file(format_: str) -> Response:
    """The table as a file, all rows of the filter. It holds no person's data, so nothing is logged."""
    if format_ not in FORMATS:
        abort(404)
    wanted, _problems = _filter(request.args)
    rows = [_cells(row) for row in queries.all_rows(wanted, current_user)]
    headings = _headings()
    columns = [exports.Column(key, headings[key], 34 if key in ("objective", "advice") else 14) for key in COLUMNS]
    body = exports.to_csv(columns, rows) if format_ == "csv" else exports.to_xlsx(columns, rows, _("Item statistics"))
    answer = make_response(body)
    answer.headers["Content-Type"] = FORMATS[format_]
    answer.headers["Content-Disposition"] = f'attachment; filename="item-statistics-{clock.today("Asia/Shanghai").isoformat()}.{format_}"'
    return answer


def _headings() -> dict[str, str]:
    return dict(zip(COLUMNS, (
        _("Item"), _("Piece"), _("Kind"), _("Content area"), _("Objective"), _("Use"), _("Answers"), _("Expected"), _("Facility"), _("Facility, from"),
        _("Facility, to"), _("Answers for discrimination"), _("Discrimination"), _("Discrimination, from"), _("Discrimination, to"), _("Unanswered"),
        _("Advice"), _("Advice beyond doubt"), _("Answers in other scorings"), _("Retired"), _("Last answered")), strict=True))


def _cells(row: queries.ItemRow) -> dict[str, Any]:
    def digits(value: float | None) -> str | None:
        return None if value is None else f"{value:.4f}"

    p, r = row.analysis.facility, row.analysis.discrimination
    return dict(zip(COLUMNS, (
        row.key, row.piece_key, row.kind, row.area, row.objective, row.usage, row.analysis.n, digits(row.expected), digits(p.value), digits(p.low),
        digits(p.high), r.n, digits(r.value), digits(r.low), digits(r.high), row.analysis.unanswered,
        " ".join(f"{one.code}:{one.option}" if one.option else one.code for one in row.advice), any(one.is_shown for one in row.advice), row.earlier,
        row.is_retired, row.last_on), strict=True))


@bp.get("/statistics/items/<key>")
@requires(Permission.EDIT_ITEMS)
def item(key: str) -> Any:
    """One item: its figures, the use of its options by score group, its facility in each cohort."""
    selection, use, problems = _selection(request.args)
    page = queries.item_page(key, replace(selection, sitting_id=None), use, current_user)
    return render_template("quizzes/statistics/item.html", page=page, problems=problems, option_plots=[_traces(scoring) for scoring in page.scorings],
                           cohort_plots=[_cohorts(scoring, page.expected) for scoring in page.scorings],
                           inner=_chosen(page.selection, page.use)), 422 if problems else 200


def _traces(scoring: queries.ScoringView) -> plots.TracePlot | None:
    uses = [line.use for line in scoring.options]
    if not scoring.analysis.group or not uses:
        return None
    return plots.trace_plot([("ABCDEFGHIJKLM"[number], use.is_right, use.bottom or 0.0, use.share.value or 0.0, use.top or 0.0)
                             for number, use in enumerate(uses)])


def _cohorts(scoring: queries.ScoringView, expected: float) -> plots.DotPlot | None:
    shown = [split.figure for split in scoring.cohorts if split.figure.is_given]
    if len(shown) < 2:
        return None
    return plots.dot_plot([(figure.value or 0.0, figure.low or 0.0, figure.high or 0.0) for figure in shown], expected)


@bp.get("/statistics/forms")
@requires(Permission.EDIT_ITEMS)
def forms() -> Any:
    """Every paper that was sat, to choose from."""
    return render_template("quizzes/statistics/forms.html", lines=form_statistics.form_lines(current_user))


@bp.get("/statistics/forms/<key>")
@requires(Permission.EDIT_ITEMS)
def form(key: str) -> Any:
    """One blueprint: scores, reliability and standard error form by form, and a map of its items."""
    selection, _use, problems = _selection(request.args)
    page = form_statistics.form_page(key, replace(selection, purposes=observed.ALL, blueprint_key=key), current_user)
    judged = [row for row in page.rows if row.analysis.discrimination.is_given and row.analysis.facility.is_given]
    return render_template(
        "quizzes/statistics/form.html", page=page, problems=problems,
        histograms=[plots.histogram_plot(view.bins, float(view.marks), view.bar) if view.bins else None for view in page.forms],
        map_plot=plots.map_plot([(row.key, row.analysis.facility.value or 0.0, row.analysis.discrimination.value or 0.0, _is_conspicuous(row))
                            for row in judged]) if judged else None,
        inner=_chosen(page.selection, "taught")), 422 if problems else 200


@bp.get("/statistics/gain")
@requires(Permission.EDIT_ITEMS)
def gain() -> Any:
    """From the pre-test to the final exam, objective by objective."""
    selection, _use, problems = _selection(request.args)
    page = form_statistics.gain_page(replace(selection, purposes=("pre_test", "exam"), sitting_id=None), current_user)
    given = [line for line in page.areas if line.gain.before is not None and line.gain.after is not None]
    plot = plots.dot_plot([(line.gain.after or 0.0,) * 3 for line in given], before=[line.gain.before or 0.0 for line in given]) if given else None
    return render_template("quizzes/statistics/gain.html", page=page, problems=problems, plot=plot, plotted=given,
                           inner=_chosen(page.selection, "taught")), 422 if problems else 200


@bp.get("/statistics/method")
@requires(Permission.EDIT_ITEMS)
def method() -> str:
    """How the figures are made: what counts, from how many answers, and the advice bands."""
    return render_template("quizzes/statistics/method.html")


BLUEPRINTS: tuple[Blueprint, ...] = (bp,)
