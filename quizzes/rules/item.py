"""Items as frozen types: one class per kind, as FORMATS section 3 has them, and the part of each that decides marks.

An item is read twice: from its file (defaults merged, complaints located) and from a stored version (`parse`). What is
stored keeps the order of parameters, because they are drawn in file order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from foundation.yamlsource import Bilingual, Day, Dec, Strict

Bloom = Literal["remember", "understand", "apply", "analyse", "evaluate", "create"]
Usage = Literal["practice", "exam", "both"]
Status = Literal["draft", "reviewed", "approved", "retired"]
KEY = r"^[a-z0-9]+(-[a-z0-9]+)*$"
BLANK = re.compile(r"\[\[([a-z0-9-]+)\]\]")
PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
Key = Annotated[str, Field(pattern=KEY)]


class Difficulty(Strict):
    """The share of the full mark that trainees are expected to earn, and where the expectation comes from."""

    expected_fraction: Dec = Field(gt=0, lt=1)
    basis: Literal["panel", "pretest"]


class Claim(Strict):
    key: str
    source: Bilingual | str
    reviewed: Day
    text: Bilingual | None = None


class Option(Strict):
    """One option. A wrong one names the thinking error it catches."""

    key: Key
    text: Bilingual
    correct: bool = False
    feedback: Bilingual
    misconception: Bilingual | None = None


class Entry(Strict):
    """One entry of a matching or ordering list."""

    key: Key
    text: Bilingual


class Base(Strict):
    """What every item has."""

    key: Key
    content_area: str
    programme: str = "service-manager"
    status: Status
    reviewed: Day
    author_role: str
    reviewer_role: str
    approver_role: str | None = None
    source: str = ""
    claims: tuple[Claim, ...] = Field(default=(), strict=False)
    enemy_of: tuple[str, ...] = Field(default=(), strict=False)
    shuffle: bool = True

    @property
    def expected(self) -> Decimal:
        raise NotImplementedError


class Question(Base):
    """What every item with an answer of its own has. `usage` left out means both practice and exam."""

    objective: str
    bloom: Bloom
    difficulty: Difficulty
    source: str
    stem: Bilingual
    usage: Usage = "both"

    @property
    def expected(self) -> Decimal:
        return self.difficulty.expected_fraction


class PerOption(Strict):
    rule: Literal["per-option", "all-or-nothing"] = "per-option"
    wrong: Dec = Decimal("-1")
    floor: Dec = Decimal("0")


class Choice(Question):
    """Common to single and multiple."""

    options: tuple[Option, ...] = Field(min_length=2, max_length=8, strict=False)
    feedback: Bilingual | None = None

    @property
    def right(self) -> tuple[str, ...]:
        return tuple(option.key for option in self.options if option.correct)

    def option(self, key: str) -> Option:
        return next(option for option in self.options if option.key == key)


class Single(Choice):
    kind: Literal["single"]


class Multiple(Choice):
    kind: Literal["multiple"]
    choose: int = Field(ge=1)
    scoring: PerOption = PerOption()


class TrueFalseFeedback(Strict):
    if_true: Bilingual
    if_false: Bilingual


class TrueFalse(Question):
    kind: Literal["true_false"]
    answer: bool
    feedback: TrueFalseFeedback


class PairRule(Strict):
    rule: Literal["per-pair"] = "per-pair"


class Matching(Question):
    kind: Literal["matching"]
    left: tuple[Entry, ...] = Field(min_length=2, max_length=10, strict=False)
    right: tuple[Entry, ...] = Field(min_length=2, max_length=13, strict=False)
    answer: dict[str, str]
    feedback: dict[str, Bilingual]
    scoring: PairRule = PairRule()


class OrderRule(Strict):
    rule: Literal["adjacent-pairs", "exact"] = "adjacent-pairs"


class Ordering(Question):
    """`sequence` stands in the right order; it is shown in another."""

    kind: Literal["ordering"]
    sequence: tuple[Entry, ...] = Field(min_length=3, max_length=10, strict=False)
    feedback: Bilingual
    scoring: OrderRule = OrderRule()


def _number_text(value: Any) -> str:
    """A number of a file as the text it is shown and frozen as: 100000 or "1.50"."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("write whole numbers plainly and decimals as quoted text")
    text = str(value)
    if not re.fullmatch(r"-?\d{1,18}(\.\d{1,12})?", text):
        raise ValueError(f"{text!r} is not a number")
    return text


NumberText = Annotated[str, BeforeValidator(_number_text)]


class Parameter(Strict):
    """A number drawn for each attempt: `from` … `to` in steps of `step`, or one of `choice`."""

    name: str = Field(pattern=r"^[a-z_][a-z0-9_]*$")
    first: NumberText | None = Field(default=None, alias="from")
    to: NumberText | None = None
    step: NumberText | None = None
    choice: tuple[NumberText, ...] | None = Field(default=None, min_length=1, max_length=200, strict=False)

    @model_validator(mode="after")
    def one_way(self) -> Parameter:
        given = [value is not None for value in (self.first, self.to, self.step)]
        if self.choice is None and not all(given):
            raise ValueError(f"{self.name}: give from, to and step, or choice")
        if self.choice is not None and any(given):
            raise ValueError(f"{self.name}: from, to, step and choice exclude each other")
        if self.choice is None:
            first, last, step = Decimal(self.first or 0), Decimal(self.to or 0), Decimal(self.step or 0)
            if step <= 0 or last < first or (last - first) % step != 0 or (last - first) / step > 10_000:
                raise ValueError(f"{self.name}: {self.to} is not reached from {self.first} in steps of {self.step}")
        return self

    def values(self) -> tuple[str, ...]:
        """Every value it can take, as text."""
        if self.choice is not None:
            return self.choice
        first, last, step = Decimal(self.first or 0), Decimal(self.to or 0), Decimal(self.step or 0)
        return tuple(format(first + step * index, "f") for index in range(int((last - first) / step) + 1))


def _parameters(value: Any) -> Any:
    """A file has {name: {from, to, step}}; a stored version a list, which keeps the order."""
    if isinstance(value, Mapping):
        return [{"name": name, **(spec if isinstance(spec, Mapping) else {"choice": spec})} for name, spec in value.items()]
    return value


class Rounding(Strict):
    places: int = Field(ge=0, le=8)
    mode: Literal["half-up"] = "half-up"


class Tolerance(Strict):
    absolute: Dec = Field(ge=0)


class Example(Strict):
    values: dict[str, NumberText]
    answer: Dec


class Trap(Strict):
    """A recognised wrong way of calculating, with its own feedback and, where the thinking deserves it, its own fraction."""

    formula: str
    feedback: Bilingual
    fraction: Dec = Field(default=Decimal("0"), ge=0, lt=1)


class Numeric(Question):
    kind: Literal["numeric"]
    parameters: Annotated[tuple[Parameter, ...], BeforeValidator(_parameters), Field(strict=False)]
    constraints: tuple[str, ...] = Field(default=(), strict=False)
    formula: str
    unit: Bilingual
    rounding: Rounding
    tolerance: Tolerance
    accept_separators: bool = True
    example: Example
    traps: tuple[Trap, ...] = Field(default=(), strict=False)
    feedback: Bilingual


class Accept(Strict):
    zh: tuple[str, ...] = Field(min_length=1, strict=False)
    en: tuple[str, ...] = Field(min_length=1, strict=False)


class Blank(Strict):
    accept: Accept
    feedback: Bilingual


class MatchingRule(Strict):
    ignore: tuple[Literal["case", "spaces", "punctuation", "width"], ...] = Field(default=("case", "spaces", "punctuation", "width"), strict=False)


class Cloze(Question):
    kind: Literal["cloze"]
    text: Bilingual
    blanks: dict[Key, Blank] = Field(min_length=1, max_length=12)
    matching: MatchingRule = MatchingRule()
    feedback: Bilingual | None = None

    def order(self) -> tuple[str, ...]:
        """The blanks in the order of the Chinese text, which both languages share the keys of."""
        return tuple(dict.fromkeys(BLANK.findall(self.text.zh)))


class Point(Strict):
    key: Key
    marks: int
    text: Bilingual


class Marking(Strict):
    max: int = Field(gt=0)
    points: tuple[Point, ...] = Field(min_length=1, strict=False)
    deductions: tuple[Point, ...] = Field(default=(), strict=False)


class Length(Strict):
    zh_chars: tuple[int, int] = Field(strict=False)
    en_words: tuple[int, int] = Field(strict=False)


class ShortAnswer(Question):
    """Marked by a person; a program never gives its fraction."""

    kind: Literal["short_answer"]
    length: Length
    marking: Marking
    model_answer: Bilingual
    marked_by: str
    feedback: Bilingual | None = None


class CriterionLevel(Strict):
    """What an answer of this level shows, and the marks it earns in its criterion."""

    marks: int = Field(ge=0, le=100)
    descriptor: Bilingual


class EssayCriterion(Strict):
    """One thing an essay is judged by. Levels stand from the best down to nothing."""

    key: Key
    title: Bilingual
    levels: tuple[CriterionLevel, ...] = Field(min_length=2, max_length=6, strict=False)

    @model_validator(mode="after")
    def something_to_earn(self) -> EssayCriterion:
        if self.max == 0:
            raise ValueError(f"{self.key}: no level earns anything")
        return self

    @property
    def max(self) -> int:
        return max(level.marks for level in self.levels)


class Essay(Question):
    """A longer text, marked by people criterion by criterion; a program never gives its fraction."""

    kind: Literal["essay"]
    length: Length
    criteria: tuple[EssayCriterion, ...] = Field(min_length=1, max_length=10, strict=False)
    model_answer: Bilingual
    marked_by: str
    feedback: Bilingual | None = None

    @property
    def max(self) -> int:
        """The marks of the best level of every criterion together; a mark is a share of it."""
        return sum(criterion.max for criterion in self.criteria)


Part = Annotated[Single | Multiple | TrueFalse | Matching | Ordering | Numeric | Cloze | ShortAnswer | Essay, Field(discriminator="kind")]


class ItemSet(Base):
    """A shared situation with items that are each complete; drawn as a whole."""

    kind: Literal["set"]
    title: Bilingual
    stem: Bilingual
    items: tuple[Part, ...] = Field(min_length=2, max_length=10, strict=False)
    feedback: Bilingual | None = None

    @property
    def usage(self) -> Usage:
        return self.items[0].usage

    @property
    def expected(self) -> Decimal:
        return sum((item.expected for item in self.items), Decimal(0)) / len(self.items)


Item = Single | Multiple | TrueFalse | Matching | Ordering | Numeric | Cloze | ShortAnswer | Essay | ItemSet
Answerable = Single | Multiple | TrueFalse | Matching | Ordering | Numeric | Cloze | ShortAnswer | Essay
KINDS: dict[str, type[Base]] = {
    "single": Single, "multiple": Multiple, "true_false": TrueFalse, "matching": Matching, "ordering": Ordering, "numeric": Numeric,
    "cloze": Cloze, "short_answer": ShortAnswer, "essay": Essay, "set": ItemSet,
}
PERSON_MARKED = frozenset({"short_answer", "essay"})
MACHINE_SCORED = frozenset(KINDS) - {"set"} - PERSON_MARKED


def parse(body: Any) -> Item:
    """A stored version as a typed item. Raises pydantic's ValidationError for anything else."""
    return KINDS[body["kind"]].model_validate(body)  # type: ignore[return-value]


def to_body(item: Item) -> dict[str, Any]:
    """What is stored: everything that is said, as plain JSON."""
    return item.model_dump(mode="json", by_alias=True, exclude_none=True)


def parts(item: Item) -> tuple[Answerable, ...]:
    """The items with an answer of their own: those of a set, or the item itself."""
    return item.items if isinstance(item, ItemSet) else (item,)


def part(item: Item, key: str) -> Answerable:
    """The item or the set's item of that key. Raises KeyError."""
    for candidate in parts(item):
        if candidate.key == key:
            return candidate
    raise KeyError(key)


def walk(items: Mapping[str, Item]) -> Iterator[tuple[Item, Answerable]]:
    """Every answerable item with the piece it stands in."""
    for item in items.values():
        for answerable in parts(item):
            yield item, answerable


def scoring_of(item: Item) -> dict[str, Any]:
    """The part that decides marks: kinds, keys, answers, mark rules, formulas, tolerance. Its hash names the instrument."""
    if isinstance(item, ItemSet):
        return {"kind": "set", "items": [[entry.key, scoring_of(entry)] for entry in item.items]}
    rule: dict[str, Any] = {"kind": item.kind}
    if isinstance(item, Single | Multiple):
        rule |= {"options": sorted(option.key for option in item.options), "right": sorted(item.right)}
    if isinstance(item, Multiple):
        rule |= {"choose": item.choose, "scoring": item.scoring.model_dump(mode="json")}
    elif isinstance(item, TrueFalse):
        rule |= {"answer": item.answer}
    elif isinstance(item, Matching):
        rule |= {"right": sorted(entry.key for entry in item.right), "answer": dict(item.answer), "scoring": item.scoring.model_dump(mode="json")}
    elif isinstance(item, Ordering):
        rule |= {"sequence": [entry.key for entry in item.sequence], "scoring": item.scoring.model_dump(mode="json")}
    elif isinstance(item, Numeric):
        rule |= item.model_dump(mode="json", by_alias=True, exclude_none=True,
                                include={"parameters", "constraints", "formula", "rounding", "tolerance", "accept_separators"})
        rule |= {"traps": [[trap.formula, format(trap.fraction, "f")] for trap in item.traps]}
    elif isinstance(item, Cloze):
        rule |= {"blanks": {key: blank.accept.model_dump(mode="json") for key, blank in item.blanks.items()}, "ignore": sorted(item.matching.ignore)}
    elif isinstance(item, ShortAnswer):
        rule |= {"max": item.marking.max, "points": [[point.key, point.marks] for point in (*item.marking.points, *item.marking.deductions)]}
    elif isinstance(item, Essay):
        rule |= {"criteria": [[criterion.key, [level.marks for level in criterion.levels]] for criterion in item.criteria]}
    return rule


def from_placeholders(text: str, values: Mapping[str, str]) -> str:
    """A text with its drawn values: `{principal}` → 100,000; rates keep their digits.

    >>> from_placeholders("{principal} at {rate}%", {"principal": "100000", "rate": "1.50"})
    '100,000 at 1.50%'
    """
    def say(match: re.Match[str]) -> str:
        value = values.get(match.group(1))
        if value is None:
            return match.group(0)
        whole, point, decimals = value.partition(".")
        return (f"{int(whole):,}" if abs(int(whole)) >= 1000 else whole) + point + decimals

    return PLACEHOLDER.sub(say, text)
