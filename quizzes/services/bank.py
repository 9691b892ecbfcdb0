"""The item bank as people work on it: drafts, four eyes, retiring, tags.

A draft may be incomplete; what is handed in is complete and clean; who approves wrote none of it. Approving publishes a
version with the origin `studio` (or `import`), which may be scored from then on. Nothing here deletes a version.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from sqlalchemy import select

from foundation import audit, clock, content
from foundation.content import ContentHead, ContentVersion, Piece
from foundation.db import canonical_json, db
from foundation.people import GrantRow
from foundation.permissions import ROLE_PERMISSIONS, Permission, Role
from foundation.web import StaleVersion
from quizzes.models import ItemDraft, ItemEdit, ItemReview, ItemTag
from quizzes.queries.bank_registers import registers, unregistered
from quizzes.rules.bank import Body, bare
from quizzes.rules.bank_check import Finding, examine, for_scoring
from quizzes.rules.item import KEY, KINDS, parse, scoring_of, to_body

LONGEST_KEY = 60
LONGEST_COMMENT = 2000
MAX_TAGS = 20
_TAG = re.compile(r"[\w][\w .·/+-]{0,39}")
ZONE = "Asia/Shanghai"


class NoSuchDraft(LookupError):
    """There is no draft of that id."""


class NoSuchItem(LookupError):
    """The bank holds no item of that key."""


class BadKey(ValueError):
    """A key is small letters, digits and hyphens, at most 60 signs."""


class KeyTaken(Exception):
    """Another item, draft, or part of a set has this key."""


class NotOpen(Exception):
    """The draft is in another state than this step needs; `state` says in which."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


class NotComplete(Exception):
    """The draft has errors; `findings` are all complaints about it."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__(f"{sum(finding.is_error for finding in findings)} errors")
        self.findings = findings


class OwnDraft(Exception):
    """Who wrote or handed in a draft does not approve it."""


class CommentMissing(ValueError):
    """A refusal or a retirement says why."""


class BaseMoved(Exception):
    """The item was changed elsewhere since the draft was begun: compare before approving."""


class BadTag(ValueError):
    """A tag is one to 40 letters, digits and spaces; an item has at most twenty."""


def body_hash(body: Any) -> str:
    return hashlib.sha256(canonical_json(body).encode()).hexdigest()


def _draft(draft_id: int, row_version: int | None = None, *states: str) -> ItemDraft:
    draft = db.session.get(ItemDraft, draft_id)
    if draft is None:
        raise NoSuchDraft(draft_id)
    if states and draft.state not in states:
        raise NotOpen(draft.state)
    if row_version is not None and draft.row_version != row_version:
        raise StaleVersion(draft.body)
    return draft


def authors_of(draft_id: int) -> frozenset[int]:
    """Everybody who made, changed or handed in a draft: none of them approves it."""
    edits = select(ItemEdit.by_id).where(ItemEdit.draft_id == draft_id)
    handed = select(ItemReview.by_id).where(ItemReview.draft_id == draft_id, ItemReview.act == "hand_in")
    first = select(ItemDraft.author_id).where(ItemDraft.id == draft_id, ItemDraft.author_id.is_not(None))
    return frozenset(db.session.scalars(edits.union(handed, first)))


# ── beginning ────────────────────────────────────────────────────────────────────────────────────────────────────
def _open_draft_of(key: str) -> ItemDraft | None:
    return db.session.scalars(select(ItemDraft).where(ItemDraft.key == key, ItemDraft.state.in_(("draft", "handed_in"))).order_by(ItemDraft.id)).first()


def begin_draft(key: str, actor_id: int) -> int:
    """A draft of an item as it stands; the one that is open, if there is one. Raises NoSuchItem."""
    head = db.session.execute(
        select(ContentVersion.id, ContentVersion.body).join(ContentHead, ContentHead.version_id == ContentVersion.id)
        .where(ContentHead.kind == "item", ContentHead.key == key)).first()
    if head is None:
        raise NoSuchItem(key)
    if (open_one := _open_draft_of(key)) is not None:
        return open_one.id
    return _add(key, head.body, head.id, actor_id)


def new_draft(kind: str, key: str, content_area: str, programme: str, actor_id: int) -> int:
    """A draft of a new item with nothing in it but its key, kind and place. Raises BadKey, KeyTaken, KeyError for an unknown kind."""
    if kind not in KINDS:
        raise KeyError(kind)
    check_new_key(key)
    return _add(key, {"key": key, "kind": kind, "content_area": content_area, "programme": programme}, None, actor_id)


def check_new_key(key: str) -> None:
    """Raises BadKey or KeyTaken where a new item cannot have this key."""
    if not re.fullmatch(KEY, key) or len(key) > LONGEST_KEY:
        raise BadKey(key)
    if _open_draft_of(key) is not None or key in registers().item_keys \
            or db.session.scalar(select(ContentHead.id).where(ContentHead.kind == "item", ContentHead.key == key)) is not None:
        raise KeyTaken(key)


def _add(key: str, body: Body, base_version_id: int | None, actor_id: int) -> int:
    now = clock.now()
    draft = ItemDraft(key=key, kind=body["kind"], content_area=str(body.get("content_area") or ""), base_version_id=base_version_id, origin="studio",
                      state="draft", body=body, author_id=actor_id, made_at=now, updated_at=now)
    db.session.add(draft)
    db.session.flush()
    audit.record("item:draft", f"item:{key}", actor_id, draft=draft.id, base=base_version_id)
    return draft.id


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────
def save_draft(draft_id: int, body: Body, row_version: int, actor_id: int) -> bool:
    """Put a body into a draft; False where it was the same already. Raises NoSuchDraft, NotOpen (handed in: take it back first),
    StaleVersion with the body that stands."""
    draft = _draft(draft_id, row_version, "draft")
    body = {**body, "key": draft.key, "kind": draft.kind}
    if bare(body) == bare(draft.body):
        return False
    hash_ = body_hash(body)
    draft.body, draft.content_area, draft.updated_at = body, str(body.get("content_area") or ""), clock.now()
    db.session.add(ItemEdit(draft_id=draft_id, by_id=actor_id, at=draft.updated_at, body_hash=hash_))
    db.session.flush()
    audit.record("item:edit", f"item:{draft.key}", actor_id, draft=draft_id, body=hash_)
    return True


def complaints(draft_body: Body) -> tuple[Finding, ...]:
    """Everything that stands against handing in: the rules of writing, and names that no register holds."""
    _item, found = examine(draft_body)
    return tuple(sorted((*found, *unregistered(draft_body)), key=lambda finding: not finding.is_error))


def _refuse_incomplete(draft: ItemDraft) -> None:
    found = complaints(draft.body)
    if any(finding.is_error for finding in found):
        raise NotComplete(found)


def _review(draft: ItemDraft, act: str, actor_id: int, comment: str = "", version_id: int | None = None) -> None:
    if len(comment) > LONGEST_COMMENT:
        raise CommentMissing("too long")
    hash_ = body_hash(draft.body)
    db.session.add(ItemReview(draft_id=draft.id, act=act, body_hash=hash_, comment=comment, version_id=version_id, by_id=actor_id, at=clock.now()))
    draft.updated_at = clock.now()
    db.session.flush()
    audit.record(f"item:{act}", f"item:{draft.key}", actor_id, draft=draft.id, body=hash_, version=version_id)


def hand_in(draft_id: int, row_version: int, actor_id: int) -> None:
    """Give a complete draft to a second person. Raises NoSuchDraft, NotOpen, StaleVersion, NotComplete."""
    draft = _draft(draft_id, row_version, "draft")
    _refuse_incomplete(draft)
    draft.state = "handed_in"
    _review(draft, "hand_in", actor_id)


def send_back(draft_id: int, row_version: int, comment: str, actor_id: int) -> None:
    """Return a draft that was handed in to its authors, with the reason; an author takes it back the same way. Raises NoSuchDraft,
    NotOpen, StaleVersion, CommentMissing."""
    draft = _draft(draft_id, row_version, "handed_in")
    if not comment.strip():
        raise CommentMissing
    draft.state = "draft"
    _review(draft, "return", actor_id, comment.strip())


def discard(draft_id: int, row_version: int, actor_id: int) -> None:
    """Throw a draft away; what is published stays as it is. Raises NoSuchDraft, NotOpen, StaleVersion."""
    draft = _draft(draft_id, row_version, "draft")
    draft.state = "discarded"
    _review(draft, "discard", actor_id)


def take_newer_base(draft_id: int, row_version: int, actor_id: int) -> None:
    """Say that the draft was compared with the version published meanwhile and is meant to replace that one. Who says so becomes
    an author. Raises NoSuchDraft, NotOpen, StaleVersion."""
    draft = _draft(draft_id, row_version, "draft")
    draft.base_version_id = _current_version(draft.key)
    db.session.add(ItemEdit(draft_id=draft_id, by_id=actor_id, at=clock.now(), body_hash=body_hash(draft.body)))
    draft.updated_at = clock.now()
    db.session.flush()
    audit.record("item:rebase", f"item:{draft.key}", actor_id, draft=draft_id, base=draft.base_version_id)


def _current_version(key: str) -> int | None:
    return db.session.scalar(select(ContentHead.version_id).where(ContentHead.kind == "item", ContentHead.key == key))


# ── four eyes ────────────────────────────────────────────────────────────────────────────────────────────────────
def _roles(person_ids: frozenset[int], permission: Permission, preferred: Role) -> str:
    """The role in which these people act: of those that carry the permission, the preferred one where somebody has it."""
    found = set(db.session.scalars(select(GrantRow.role).where(GrantRow.person_id.in_(person_ids))))
    fitting = [role for role in Role if role.value in found and permission in ROLE_PERMISSIONS[role]]
    return (preferred if preferred in fitting else fitting[0] if fitting else preferred).value


def approve(draft_id: int, row_version: int, actor_id: int) -> int:
    """Publish a draft that another person wrote; the id of the new version. Raises NoSuchDraft, NotOpen, StaleVersion, OwnDraft,
    BaseMoved, NotComplete. Two people of one role are told apart as, say, reviewer and second-reviewer."""
    draft = _draft(draft_id, row_version, "handed_in")
    authors = authors_of(draft_id)
    if actor_id in authors:
        raise OwnDraft
    if _current_version(draft.key) != draft.base_version_id:
        raise BaseMoved
    _refuse_incomplete(draft)
    author_role = _roles(authors, Permission.EDIT_ITEMS, Role.TRAINER)
    approver_role = _roles(frozenset({actor_id}), Permission.APPROVE_ITEMS, Role.REVIEWER)
    if author_role == approver_role:
        approver_role = f"second-{approver_role}"
    item = parse(for_scoring(draft.body, author_role, approver_role, clock.today(ZONE).isoformat()))
    version_id = content.publish(Piece("item", item.key, to_body(item), scoring_of(item), "approved", ""), draft.origin, actor_id)
    draft.state = "published"
    _review(draft, "approve", actor_id, version_id=version_id)
    return version_id


# ── out of use, and back ─────────────────────────────────────────────────────────────────────────────────────────
def retire_item(key: str, retired: bool, reason: str, actor_id: int) -> bool:
    """Take an item out of use or back into it; False where it was so already. Raises NoSuchItem, CommentMissing."""
    if not reason.strip() or len(reason) > LONGEST_COMMENT:
        raise CommentMissing
    head = db.session.scalars(select(ContentHead).where(ContentHead.kind == "item", ContentHead.key == key)).first()
    if head is None:
        raise NoSuchItem(key)
    if (head.retired_at is not None) == retired:
        return False
    content.set_retired("item", key, retired, actor_id, reason.strip())
    return True


# ── tags ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def tag(key: str, word: str, actor_id: int) -> bool:
    """Put a tag on an item; False where it has it. Raises NoSuchItem, BadTag."""
    word = " ".join(word.split()).lower()
    if not _TAG.fullmatch(word):
        raise BadTag(word)
    if _current_version(key) is None:
        raise NoSuchItem(key)
    have = db.session.scalars(select(ItemTag.tag).where(ItemTag.item_key == key)).all()
    if word in have:
        return False
    if len(have) >= MAX_TAGS:
        raise BadTag(word)
    db.session.add(ItemTag(item_key=key, tag=word, by_id=actor_id, at=clock.now()))
    db.session.flush()
    audit.record("item:tag", f"item:{key}", actor_id, tag=audit.fingerprint(word))
    return True


def untag(key: str, word: str, actor_id: int) -> bool:
    """Take a tag off an item; False where it does not have it."""
    row = db.session.scalars(select(ItemTag).where(ItemTag.item_key == key, ItemTag.tag == word)).first()
    if row is None:
        return False
    db.session.delete(row)
    db.session.flush()
    audit.record("item:untag", f"item:{key}", actor_id, tag=audit.fingerprint(word))
    return True


def row_version(draft_id: int) -> int:
    """The version a draft has now, for a second step in the same transaction."""
    return _draft(draft_id).row_version
