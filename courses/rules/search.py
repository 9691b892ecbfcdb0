"""Full-text search over a few hundred texts: Chinese by bigrams, English by words, the hit shown in context.

Texts are folded once (full width to half width, upper to lower case, accents dropped), character for character, so that
a place in the folded text is the same place in the text a reader sees. A query is looked for in the folded texts
directly: for what seven weeks of lessons hold this is faster than keeping an index, and nothing can be out of date.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

QUERY_LENGTH = 100      # characters of a query that are looked at
TERMS = 24              # bigrams and words of a query that are looked for
SAMPLE = {"zh": 84, "en": 190}      # characters of context

_RUN = re.compile(r"[\u3400-\u9fff]+|[a-z0-9][a-z0-9.'%-]*")
_STOP = frozenset("a an and are as at be by do for from how i in is it of on or that the this to was we what when who with you your".split())
_ENDINGS = ("ing", "ies", "ied", "ed", "es", "s", "y", "e")


@lru_cache(maxsize=20_000)
def _fold_one(character: str) -> str:
    text = unicodedata.normalize("NFKD", character).lower()
    kept = [c for c in text if not unicodedata.combining(c)]
    if len(kept) == 1:
        return {"’": "'", "‘": "'"}.get(kept[0], kept[0])
    return character.lower() if len(character.lower()) == 1 else " "


def fold(text: str) -> str:
    """The text for comparing: same length, half width, lower case, without accents."""
    return "".join(map(_fold_one, text))


@dataclass(frozen=True)
class Term:
    """One thing looked for: two Chinese characters (or a lone one), or an English word in any of its endings."""

    text: str
    word: re.Pattern[str] | None = None

    def places(self, folded: str) -> list[tuple[int, int]]:
        """Where the term stands, from and to."""
        if self.text not in folded:
            return []
        if self.word is not None:
            return [match.span() for match in self.word.finditer(folded)]
        found, at, size = [], folded.find(self.text), len(self.text)
        while at >= 0:
            found.append((at, at + size))
            at = folded.find(self.text, at + 1)
        return found


@dataclass(frozen=True)
class Query:
    """A query taken apart. `whole` is the query folded, for the bonus of standing together; `cut` where it was too long."""

    asked: str
    whole: str
    terms: tuple[Term, ...]
    cut: bool = False


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            base = word[: -len(ending)]
            return base[:-1] if ending in ("ing", "ed") and len(base) > 3 and base[-1] == base[-2] and base[-1] not in "ls" else base
    return word


@lru_cache(maxsize=2000)
def _word(word: str) -> Term:
    word = word.removesuffix("'s").strip(".'-%")
    if len(word) < 4 or not word.isalpha():
        return Term(word, re.compile(rf"(?<![a-z0-9]){re.escape(word)}(?:'?s)?(?![a-z0-9])"))
    stem = _stem(word)
    tail = rf"(?:{re.escape(stem[-1])}?(?:ing|ed|er|ers)|ies|ied|ying|ing|ed|es|er|ers|s|y|e|'s)?"
    return Term(stem, re.compile(rf"(?<![a-z0-9]){re.escape(stem)}{tail}(?![a-z0-9])"))


def parse(asked: str) -> Query:
    """Take a query apart; whatever it holds, this ends quickly and never raises."""
    clean = " ".join("".join(c if c.isprintable() else " " for c in asked[: QUERY_LENGTH * 20]).split())
    cut = len(clean) > QUERY_LENGTH
    clean = clean[:QUERY_LENGTH]
    whole = fold(clean)
    terms: dict[str, Term] = {}
    weak: dict[str, Term] = {}
    for run in _RUN.findall(whole):
        if run[0] > "\u3000":
            for piece in [run] if len(run) == 1 else [run[i:i + 2] for i in range(len(run) - 1)]:
                terms.setdefault(piece, Term(piece))
        elif run.strip(".'-%"):
            (weak if run in _STOP else terms).setdefault(run, _word(run))
    found = tuple((terms or weak).values())
    return Query(clean, whole.strip(), found[:TERMS], cut or len(found) > TERMS)


# ── what is searched ─────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, eq=False)
class Section:
    """A piece of a text under one heading; `anchor` is the heading's id, '' for the beginning."""

    anchor: str
    heading: str
    text: str
    folded_heading: str = field(init=False)
    folded: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "folded_heading", fold(self.heading))
        object.__setattr__(self, "folded", fold(self.text))


@dataclass(frozen=True, eq=False)
class Document:
    """Something that can be found, in one language."""

    kind: str
    key: str
    language: str
    title: str
    sections: tuple[Section, ...]
    folded_title: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "folded_title", fold(self.title))


@dataclass(frozen=True)
class Hit:
    """A document found, with its best section (None where only titles are known). `sample` is that section's text in
    pieces, True where it matches; `title` likewise."""

    document: Document
    section: Section | None
    title: tuple[tuple[str, bool], ...]
    sample: tuple[tuple[str, bool], ...]


def marked(text: str, folded: str, terms: Iterable[Term]) -> tuple[tuple[str, bool], ...]:
    """The text in pieces, True for those that match; what overlaps is joined."""
    out: list[tuple[str, bool]] = []
    at = 0
    for start, end in _joined(terms, folded):
        if start > at:
            out.append((text[at:start], False))
        out.append((text[start:end], True))
        at = end
    if at < len(text):
        out.append((text[at:], False))
    return tuple(out)


def _joined(terms: Iterable[Term], folded: str) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(place for term in terms for place in term.places(folded)):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def sample(section: Section, query: Query, language: str) -> tuple[tuple[str, bool], ...]:
    """Where the section says it: a window in which the most of what was asked stands, cut at spaces in English."""
    width = SAMPLE[language]
    places = _joined(query.terms, section.folded)
    start = 0
    if places:
        named = [(start, index) for index, term in enumerate(query.terms) for start, _end in term.places(section.folded)]

        def worth(place: tuple[int, int]) -> tuple[int, int, int, int]:
            inside = [index for start, index in named if place[0] <= start < place[0] + width * 3 // 4]
            return len(set(inside)), len(inside), place[1] - place[0], -place[0]

        best = max(places, key=worth)
        start = max(0, best[0] - width // 4)
        if language == "en" and start:
            start = section.text.find(" ", start) + 1
    end = min(len(section.text), start + width)
    if language == "en" and end < len(section.text):
        end = max(section.text.rfind(" ", start, end), start + 1)
    pieces = marked(section.text[start:end], section.folded[start:end], query.terms)
    return ((("…", False),) if start else ()) + pieces + ((("…", False),) if end < len(section.text) else ())


def search(query: Query, documents: Sequence[Document], preferred: str) -> tuple[list[Document], bool]:
    """Documents that hold the query, best first: title before heading before text, rare terms before common ones.

    Every word must be there; of three or more bigrams three fifths, since some of them cross the border between two
    words. A document in two languages is listed once, in the `preferred` one where that holds the query. Where nothing
    holds all of it, what holds a part is found and the second value is true.
    """
    if not query.terms:
        return [], False
    counted = [(document, counts) for document in documents if any(counts := _counts(query, document))]
    spread = [sum(1 for _document, counts in counted if counts[i]) for i in range(len(query.terms))]
    weights = [math.log(1 + len(documents) / (1 + seen)) for seen in spread]
    words = [i for i, term in enumerate(query.terms) if term.word is not None]
    pairs = [i for i, term in enumerate(query.terms) if term.word is None]
    needed = len(pairs) if len(pairs) < 3 else math.ceil(len(pairs) * 0.6)
    whole = [(document, counts) for document, counts in counted if sum(1 for i in pairs if counts[i]) >= needed and all(counts[i] for i in words)]
    best: dict[tuple[str, str], tuple[float, Document]] = {}
    for document, counts in whole or counted:
        score = sum(weight * count for weight, count in zip(weights, counts, strict=True)) * (1.5 if document.language == preferred else 1.0)
        if len(query.whole) > 1 and query.whole in document.folded_title:
            score += 40
        known = best.get((document.kind, document.key))
        if known is None or (document.language == preferred, score) > (known[1].language == preferred, known[0]):
            best[(document.kind, document.key)] = (score, document)
    ranked = sorted(best.values(), key=lambda pair: (-pair[0], pair[1].kind, pair[1].key))
    return [document for _score, document in ranked], bool(counted) and not whole


def _counts(query: Query, document: Document) -> list[float]:
    counts = []
    for term in query.terms:
        count = 0.0
        if term.text in document.folded_title:
            count += 8.0 * bool(term.places(document.folded_title))
        for section in document.sections:
            if term.text in section.folded_heading:
                count += 3.0 * bool(term.places(section.folded_heading))
            if term.text in section.folded:
                count += min(len(term.places(section.folded)), 4) * 0.5
        counts.append(count)
    return counts


def show(document: Document, query: Query) -> Hit:
    """What was found as a page prints it, with its best section: done for the finds of one page alone."""

    def weight(section: Section) -> float:
        score = 0.0
        for term in query.terms:
            score += 1.5 * bool(term.places(section.folded_heading)) + (2.0 + 0.1 * min(len(places), 5) if (places := term.places(section.folded)) else 0)
        return score + (4.0 if len(query.whole) > 1 and query.whole in section.folded else 0)

    title = marked(document.title, document.folded_title, query.terms)
    section = max(document.sections, key=weight, default=None)
    return Hit(document, section, title, sample(section, query, document.language) if section else ())


def near(query: Query, terms: Mapping[str, Sequence[str]], limit: int = 6) -> list[str]:
    """Keys of terms that resemble a query that found nothing: those that share the most characters or bigrams with it."""
    asked = _grams(query.whole)
    scored = []
    for key, spellings in terms.items():
        value = max((2 * len(asked & grams) / (len(asked) + len(grams)) for spelling in spellings if asked and (grams := _grams(fold(spelling)))), default=0.0)
        if value > 0.2:
            scored.append((-value, key))
    return [key for _value, key in sorted(scored)[:limit]]


@lru_cache(maxsize=4000)
def _grams(text: str) -> frozenset[str]:
    grams = set()
    for run in _RUN.findall(text):
        if run[0] > "\u3000":
            grams |= set(run)
        grams |= {run[i:i + 2] for i in range(len(run) - 1)}
    return frozenset(grams)


# ── a lesson as sections ─────────────────────────────────────────────────────────────────────────────────────
_HEADING = re.compile(r"^#{2,4} (.+?) \{#([a-z0-9-]+)\}\s*$")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_RULE = re.compile(r"^\|?[\s:|-]+\|?$")


def plain(markdown: str) -> str:
    """The words of a Markdown text on one line."""
    lines = []
    for line in markdown.splitlines():
        if _RULE.match(line):
            continue
        line = _LINK.sub(r"\1", line.strip().strip("|").replace("|", " · "))
        lines.append(re.sub(r"\*\*|`|^#+ |^> |^[-*] |^\d+\. ", "", line).replace("*", ""))
    return " ".join(" ".join(lines).split())


def lesson_document(key: str, body: Mapping[str, Any], language: str, drawing_labels: Any) -> Document:
    """A lesson for searching: its prose, blocks and questions; never the feedback of a self-check, which tells the answer.

    `drawing_labels(name, language)` gives the words in a figure.
    """
    own = body[language]
    parts: list[tuple[str, str, list[str]]] = [("", "", [own["subtitle"]])]
    for block in own["blocks"]:
        name, attrs = block["name"], block["attrs"]
        if name == "prose":
            for line in block["text"].splitlines():
                match = _HEADING.match(line)
                if match:
                    parts.append((match.group(2), plain(match.group(1)), []))
                else:
                    parts[-1][2].append(line)
            continue
        if name == "self-check":
            parts.append((f"check-{attrs.get('key', '')}", "", [block["text"], *(option["text"] for option in block["options"])]))
            continue
        words = [attrs.get("title", ""), block["text"] if name != "dialogue" else ""]
        words += [f"{speaker}{'：' if language == 'zh' else ': '}{said} {note}" for speaker, said, note in block.get("turns", ())]
        if name == "figure":
            words += drawing_labels(attrs["draw"], language)
        parts[-1][2].extend(words)
    sections = tuple(Section(anchor, heading, plain("\n".join(lines))) for anchor, heading, lines in parts if heading or any(line.strip() for line in lines))
    return Document("lesson", key, language, own["title"], sections)
