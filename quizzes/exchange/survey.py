"""A file looked at: which items it brings, what is new, changed or the same, what is wrong; and, once confirmed, taken in.

Looking and taking in walk the same way. What is confirmed carries a digest of the plan, so that exactly what was shown is
done, or nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from foundation.db import canonical_json
from foundation.web import StaleVersion
from quizzes.exchange import gift, moodlexml, table
from quizzes.exchange.inward import OUR_OWN, Draft, drafts_of
from quizzes.exchange.question import MAX_FILE, NotReadable, Question, Remark
from quizzes.exchange.reading import straighten
from quizzes.queries.exchange import Bank, OpenDraft, bank
from quizzes.rules.bank_diff import difference
from quizzes.services.exchange import Incoming, take_in
from quizzes.services.pictures import NewPicture

FORMATS = ("gift", "moodlexml", "csv")
_TAG = re.compile(r"[\w][\w .·/+-]{0,39}")
_PICTURE = re.compile(r"picture:([0-9a-f]{64})")
_IMAGE = re.compile(r"!\[([^\]]*)\]\(picture:[0-9a-f]{64}\)")
MOST_TAGS = 20


class FileHasErrors(Exception):
    """A file with errors is not taken in."""


class PlanChanged(Exception):
    """The bank changed between looking and confirming: what would be done is no longer what was shown."""


@dataclass(frozen=True)
class Row:
    """One item of the file. `act`: new, changed, same, or refused (an error keeps the whole file out)."""

    line: int
    key: str
    kind: str
    act: str
    stem: Mapping[str, str]
    area: str
    missing: tuple[str, ...]
    changed: tuple[str, ...]
    is_known: bool

    @property
    def lacking(self) -> dict[str, str]:
        """Parts of the item that somebody still has to fill → the one language that lacks, "" where it is more."""
        found: dict[str, set[str]] = {}
        for place in self.missing:
            first, _dot, rest = place.partition(".")
            found.setdefault(first, set()).add(rest.rpartition(".")[2])
        return {name: next(iter(ends)) if len(ends) == 1 and ends <= {"zh", "en"} else "" for name, ends in found.items()}


@dataclass(frozen=True)
class Preview:
    """What a file would do. `remarks` are all of them, errors first, in the order of the file."""

    format: str
    rows: tuple[Row, ...]
    remarks: tuple[Remark, ...]
    pictures: int
    plan: str
    count: Mapping[str, int]

    @property
    def errors(self) -> tuple[Remark, ...]:
        return tuple(remark for remark in self.remarks if remark.is_error)

    @property
    def incomplete(self) -> int:
        return sum(1 for row in self.rows if row.missing and row.act in ("new", "changed"))

    @property
    def does_something(self) -> bool:
        return bool(self.count.get("new") or self.count.get("changed") or self.count.get("tags"))

    @property
    def may_apply(self) -> bool:
        return not self.errors and self.does_something


@dataclass(frozen=True)
class Options:
    """How a file is read. `format` "" finds out; `area` overrides what the file says; `leave_out` passes over questions of kinds
    that cannot be taken in, instead of refusing the file."""

    format: str = ""
    area: str = ""
    leave_out: bool = False


@dataclass
class Survey:
    """A file that was read: its preview, and what taking it in needs."""

    preview: Preview
    batch: str
    drafts: list[Draft] = field(default_factory=list)
    pictures: dict[str, moodlexml.Carried] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────
def format_of(path: Path) -> str:
    """Which of the formats a file has, by its content. Raises NotReadable for archives and what is none of them."""
    with path.open("rb") as file:
        start = file.read(4096)
    if not start.strip(b"\x00 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise NotReadable("empty")
    if start.startswith((b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ")):
        raise NotReadable("archive")
    if start.startswith((b"%PDF", b"\x89PNG", b"GIF8", b"\xff\xd8\xff", b"{\\rtf")):
        raise NotReadable("no_format")
    if start.startswith(b"PK"):
        return "csv"
    head = start.decode("utf-8", errors="replace").lstrip("\ufeff \t\r\n")
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = start.decode("utf-16", errors="replace").lstrip("\ufeff \t\r\n")
    if head.startswith(("<?xml", "<quiz", "<!DOCTYPE", "<!--", "<!doctype")):
        return "moodlexml"
    return "csv" if table.is_table(path) else "gift"


def _read(path: Path, format_: str) -> tuple[list[Question], list[Remark], dict[str, moodlexml.Carried]]:
    if path.stat().st_size > MAX_FILE:
        raise NotReadable("too_large", 0, f"{MAX_FILE // 1024 // 1024}")
    if format_ == "moodlexml":
        return moodlexml.read(path.read_bytes())
    if format_ == "gift":
        return *gift.read(path.read_bytes()), {}
    return *table.read(path), {}


def survey(path: Path, options: Options, batch: str = "") -> Survey:
    """Read a file and say what it would do; writes nothing."""
    if not batch:
        with path.open("rb") as file:
            batch = hashlib.file_digest(file, "sha256").hexdigest()
    format_ = options.format
    try:
        format_ = format_ or format_of(path)
        questions, remarks, pictures = _read(path, format_)
    except NotReadable as fault:
        return Survey(Preview(format_, (), (fault.remark,), 0, "", {}), batch, remarks=[fault.remark])
    straighten(questions)
    drafts = drafts_of(questions, options.area)
    if options.leave_out:
        remarks = [_passed_over(remark) for remark in remarks]
    remarks += [remark for draft in drafts for remark in draft.remarks]
    drafts = [draft for draft in drafts if draft.body]
    remarks += _doubles(drafts)
    if not drafts and not any(remark.is_error for remark in remarks):
        remarks.append(Remark(0, "", "no_items"))
    found = Survey(Preview(format_, (), (), 0, "", {}), batch, drafts, pictures, list(dict.fromkeys(remarks)))
    found.preview = _compare(found, format_)[0]
    return found


def _passed_over(remark: Remark) -> Remark:
    return Remark(remark.line, remark.item, remark.code, remark.values, "warning") if remark.code in ("unsupported", "unsupported_gap") else remark


def _doubles(drafts: Sequence[Draft]) -> list[Remark]:
    """A key twice in a file: named twice in the file itself is an error; made twice from the same name, the later gets a number."""
    remarks = []
    seen: dict[str, int] = {}
    for draft in drafts:
        inside = [str(entry.get("key")) for entry in draft.body.get("items", ())]
        if draft.key in seen and draft.key.startswith("im-"):
            number = 2
            while f"{draft.key}-{number}" in seen:
                number += 1
            draft.key = draft.body["key"] = f"{draft.key}-{number}"
            remarks.append(Remark(draft.line, draft.key, "same_name", (), "note"))
        for key in (draft.key, *inside):
            if key in seen:
                remarks.append(Remark(draft.line, key, "key_twice", (str(seen[key]),)))
            seen.setdefault(key, draft.line)
    return remarks


# ── comparing ────────────────────────────────────────────────────────────────────────────────────────────────────
def stored_form(body: Mapping[str, Any]) -> dict[str, Any]:
    """A body as a draft holds it: without what the bank's own procedure fills, and without empty fields."""
    kept = {name: value for name, value in body.items() if name not in OUR_OWN}
    if "items" in kept:
        kept["items"] = [stored_form(entry) for entry in kept["items"]]
    pruned: dict[str, Any] = _pruned(kept)
    return pruned


def _pruned(value: Any) -> Any:
    if isinstance(value, Mapping):
        kept = {name: _pruned(child) for name, child in value.items()}
        return {name: child for name, child in kept.items() if not _is_blank(child)}
    return [_pruned(child) for child in value] if isinstance(value, list | tuple) else value


def _is_blank(value: Any) -> bool:
    if isinstance(value, Mapping) and value:
        return set(value) <= {"zh", "en"} and all(_is_blank(child) for child in value.values())
    return value is None or value == "" or value == {} or value == []


def _compare(found: Survey, format_: str) -> tuple[Preview, list[Incoming], list[NewPicture]]:
    """The plan for the bank as it stands now."""
    known = bank(found.batch, sorted({sha256 for draft in found.drafts for sha256 in _shown(draft.body)}))
    remarks = list(found.remarks)
    rows: list[Row] = []
    incoming: list[Incoming] = []
    count: Counter[str] = Counter()
    for draft in found.drafts:
        row, item = _one(draft, known, remarks)
        rows.append(row)
        count[row.act] += 1
        if item is not None:
            incoming.append(item)
            count["tags"] += len(item.tags)
    shown = {sha256 for draft in found.drafts for sha256 in _shown(draft.body)}
    fresh = [NewPicture(picture.content, picture.name) for sha256, picture in sorted(found.pictures.items())
             if sha256 in shown and sha256 not in known.pictures]
    remarks += [Remark(draft.line, draft.key, "picture_unknown", (sha256[:12],), "warning") for draft in found.drafts for sha256 in _shown(draft.body)
                if sha256 not in known.pictures and sha256 not in found.pictures]
    remarks = sorted(dict.fromkeys(remarks), key=lambda remark: (not remark.is_error, remark.line))
    plan = hashlib.sha256(canonical_json([[item.key, item.body, item.base_version_id, item.draft_id, item.row_version, list(item.tags)]
                                          for item in incoming]).encode()).hexdigest()
    return Preview(format_, tuple(rows), tuple(remarks), len(fresh), plan, dict(count)), incoming, fresh


def _shown(body: Mapping[str, Any]) -> list[str]:
    return sorted(set(_PICTURE.findall(canonical_json(body))))


def _one(draft: Draft, known: Bank, remarks: list[Remark]) -> tuple[Row, Incoming | None]:
    body = stored_form(draft.body)
    stored, open_one = known.items.get(draft.key), known.drafts.get(draft.key)
    tags = _new_tags(draft, known, remarks)
    holder = known.parts.get(draft.key)
    before = open_one.body if open_one else stored.body if stored else None
    same = before is not None and stored_form(before) == body
    act = "new" if before is None else "same" if same else "changed"
    if act != "same" and draft.key in known.taken_in:
        act = "same"    # this very file brought it before; what people made of it since stands
    if act != "same":
        act = _refusal(draft, act, holder, open_one, stored is not None and stored.is_retired, remarks)
    changed = tuple(dict.fromkeys(change.field.split(".")[0] for change in difference(stored_form(before), body))) if act == "changed" and before else ()
    told = draft.body.get("title") or draft.body["stem"]
    shown = {name: _IMAGE.sub(r"〔\1〕", text) for name, text in told.items()}    # the pictures are not in the bank yet
    row = Row(draft.line, draft.key, body["kind"], act, shown, body["content_area"],
              draft.missing if act != "same" else (), changed, body["content_area"] in known.areas)
    if act in ("new", "changed"):
        base = stored.version_id if stored else None
        return row, Incoming(draft.key, body, base, open_one.id if open_one else None, open_one.row_version if open_one else None, tags)
    return row, Incoming(draft.key, None, None, None, None, tags) if tags and act == "same" else None


def _refusal(draft: Draft, act: str, holder: str | None, open_one: OpenDraft | None, is_retired: bool, remarks: list[Remark]) -> str:
    """`act`, or "refused" with an error that says why."""
    if holder:
        remarks.append(Remark(draft.line, draft.key, "key_in_set", (holder,)))
        return "refused"
    if open_one and not open_one.is_untouched:
        remarks.append(Remark(draft.line, draft.key, "being_edited"))
        return "refused"
    if is_retired:
        remarks.append(Remark(draft.line, draft.key, "is_retired", (), "note"))
    return act


def _new_tags(draft: Draft, known: Bank, remarks: list[Remark]) -> tuple[str, ...]:
    have = known.tags.get(draft.key, frozenset())
    fresh: list[str] = []
    for told in draft.tags:
        tag = " ".join(told.split()).lower()
        if not _TAG.fullmatch(tag) or len(have) + len(fresh) >= MOST_TAGS:
            remarks.append(Remark(draft.line, draft.key, "tag_refused", (tag,), "warning"))
        elif tag not in have and tag not in fresh:
            fresh.append(tag)
    return tuple(fresh)


# ── taking in ────────────────────────────────────────────────────────────────────────────────────────────────────
def apply(found: Survey, expected_plan: str, actor_id: int | None) -> Preview:
    """Take a surveyed file in; inside a transaction. Raises FileHasErrors, or PlanChanged where the bank now leads to another
    plan than the one that was confirmed: then nothing is done."""
    preview, incoming, pictures = _compare(found, found.preview.format)
    if preview.plan != expected_plan:
        raise PlanChanged
    if preview.errors:
        raise FileHasErrors
    try:
        take_in(incoming, pictures, found.batch, preview.format, actor_id)
    except StaleVersion:
        raise PlanChanged from None
    return preview
