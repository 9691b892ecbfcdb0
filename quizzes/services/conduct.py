"""What happens at the desk besides answering: which device holds the paper, sections closed, breaks, and the facts a page tells.

Facts, never verdicts: that a window lost the focus says nothing about why. Callers hold the transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import Table, bindparam, func, insert, select, update

from foundation import audit, clock, hotwrite
from foundation.db import db
from quizzes import queries
from quizzes.models import Attempt, AttemptEvent, Presence, Slot
from quizzes.queries.papers import break_allowance, events_of
from quizzes.rules.breaks import breaks_of

OF_THE_PAGE = frozenset({"focus_lost", "focus_back", "paste", "offline", "online", "reconnect", "flag", "unflag"})
WITH_POSITION = frozenset({"flag", "unflag", "paste"})
WITH_FIGURE = {"paste": "length", "reconnect": "queued"}
MOST_AT_ONCE = 50
MOST_FACTS = 3000                        # of one attempt: a page that tells more is not telling anything


class Ended(Exception):
    """The attempt has ended; nothing of this kind happens any more."""


class HeldElsewhere(Exception):
    """Another device holds the paper. `seen_at`: when its page was last heard of, None if never."""

    def __init__(self, seen_at: datetime | None) -> None:
        super().__init__("held elsewhere")
        self.seen_at = seen_at


class SectionMoved(Exception):
    """This is not the open section (any more), or nothing comes after it."""


class NoBreakLeft(Exception):
    """The allowance is used up, or there is none."""


class HallPaused(Exception):
    """The hall stands still; nobody begins or ends a break by themselves meanwhile."""


def _open(attempt_id: int, now: datetime) -> Attempt:
    """The row of an attempt that is open. Raises Ended."""
    if not queries.get_attempt(attempt_id).is_open(now):
        raise Ended
    return db.session.get_one(Attempt, attempt_id)


# ── the device ───────────────────────────────────────────────────────────────────────────────────────────────────
def claim_device(attempt_id: int, device: str, take: bool, actor_id: int) -> bool:
    """Let this device hold the paper; True where it does so from now on. The first one has it without asking, a further one
    only where somebody pressed the button (`take`).

    Raises Ended, or HeldElsewhere.
    """
    now = clock.now()
    row = _open(attempt_id, now)
    if row.device == device:
        return False
    if row.device and not take:
        raise HeldElsewhere(queries.last_seen(attempt_id))
    previous, row.device = row.device, device
    db.session.add(AttemptEvent(attempt_id=attempt_id, kind="device", at=now, device=device, by_id=actor_id, detail={"device": device, "previous": previous}))
    db.session.flush()
    if previous:
        audit.record("attempt:device", f"attempt:{attempt_id}", actor_id, device=device[:8], previous=previous[:8])
    return True


# ── sections ─────────────────────────────────────────────────────────────────────────────────────────────────────
def close_section(attempt_id: int, number: int, actor_id: int) -> int:
    """Close the open section of a one-way paper, for good; the number of the next one. Raises Ended, SectionMoved."""
    now = clock.now()
    row = _open(attempt_id, now)
    last = db.session.execute(select(func.max(Slot.section)).where(Slot.attempt_id == attempt_id)).scalar_one()
    if not queries.blueprint_version(row.blueprint_version_id).one_way or number != row.section or number >= last:
        raise SectionMoved
    row.section = number + 1
    db.session.add(AttemptEvent(attempt_id=attempt_id, kind="section", at=now, by_id=actor_id, detail={"closed": number}))
    db.session.flush()
    audit.record("attempt:section", f"attempt:{attempt_id}", actor_id, closed=number)
    return row.section


# ── breaks ───────────────────────────────────────────────────────────────────────────────────────────────────────
def start_break(attempt_id: int, actor_id: int) -> int:
    """Begin a break; for how many seconds it stops the clock. They are added to the deadline at once, so that it holds although
    nobody comes back. A second start changes nothing. Raises Ended, NoBreakLeft, HallPaused."""
    now = clock.now()
    row = _open(attempt_id, now)
    if row.paused_at is not None:
        raise HallPaused
    view = queries.get_attempt(attempt_id)
    taken = breaks_of(events_of(attempt_id), break_allowance(view) if view.sitting_id else 0, now)
    if taken.since is not None:
        return taken.unused
    if taken.left == 0:
        raise NoBreakLeft
    row.closes_at += timedelta(seconds=taken.left)
    db.session.add(AttemptEvent(attempt_id=attempt_id, kind="break_start", at=now, by_id=actor_id, detail={"seconds": taken.left}))
    db.session.flush()
    audit.record("attempt:break_start", f"attempt:{attempt_id}", actor_id, granted=taken.left)
    return taken.left


def end_break(attempt_id: int, actor_id: int) -> int:
    """Come back; how many seconds of break were used. What was not used is taken off the deadline again. Without a break
    nothing changes. Raises Ended, HallPaused."""
    now = clock.now()
    row = _open(attempt_id, now)
    if row.paused_at is not None:
        raise HallPaused
    view = queries.get_attempt(attempt_id)
    taken = breaks_of(events_of(attempt_id), break_allowance(view) if view.sitting_id else 0, now)
    if taken.since is None:
        return 0
    used = taken.granted - taken.unused
    row.closes_at -= timedelta(seconds=taken.unused)
    db.session.add(AttemptEvent(attempt_id=attempt_id, kind="break_end", at=now, by_id=actor_id, detail={"seconds": used}))
    db.session.flush()
    audit.record("attempt:break_end", f"attempt:{attempt_id}", actor_id, used=used)
    return used


# ── facts of the page ────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Fact:
    """Something the page noticed. `figure`: of a paste how many characters, of a reconnection how many answers waited."""

    op: str
    kind: str
    device_at: datetime | None = None
    position: int | None = None
    figure: int | None = None

    def detail(self) -> dict[str, int] | None:
        return {WITH_FIGURE[self.kind]: self.figure} if self.kind in WITH_FIGURE and self.figure is not None else None


_E, _P, _S = (cast(Table, model.__table__) for model in (AttemptEvent, Presence, Slot))
_SEEN = hotwrite.Statement(select(_P.c.seen_at).where(_P.c.attempt_id == bindparam("attempt")))
_FIRST_SEEN = hotwrite.Statement(insert(_P))
_SEEN_AGAIN = hotwrite.Statement(
    update(_P).where(_P.c.attempt_id == bindparam("attempt")).values(seen_at=bindparam("moment"), unsent=bindparam("waiting"), is_hidden=bindparam("hidden")))
_COUNT = hotwrite.Statement(select(func.count().label("count")).select_from(_E).where(_E.c.attempt_id == bindparam("attempt")))
_KNOWN = hotwrite.Statement(select(_E.c.id).where(_E.c.attempt_id == bindparam("attempt"), _E.c.op == bindparam("op")))
_PLACES = hotwrite.Statement(select(func.max(_S.c.position).label("last")).where(_S.c.attempt_id == bindparam("attempt")))
_NOTE = hotwrite.Statement(insert(_E))


def record_facts(attempt_id: int, device: str, facts: Sequence[Fact], unsent: int, is_hidden: bool) -> int:
    """Keep what the page noticed (the same operation once) and that it was heard of; how many facts were new. Runs in a hot
    transaction: nothing of it belongs into the audit trail."""
    now = clock.now()
    line = hotwrite.line()
    kept = 0
    if facts:
        room = MOST_FACTS - line.rows(_COUNT, attempt=attempt_id)[0].count
        last = line.rows(_PLACES, attempt=attempt_id)[0].last or 0
        for fact in facts[:MOST_AT_ONCE]:
            if fact.kind not in OF_THE_PAGE or (fact.position is not None and not 1 <= fact.position <= last) or kept >= room:
                continue
            if line.rows(_KNOWN, attempt=attempt_id, op=fact.op):
                continue
            line.run(_NOTE, attempt_id=attempt_id, kind=fact.kind, at=now, device_at=fact.device_at, device=device, by_id=None, position=fact.position,
                     detail=fact.detail(), op=fact.op)
            kept += 1
    if line.rows(_SEEN, attempt=attempt_id):
        line.run(_SEEN_AGAIN, attempt=attempt_id, moment=now, waiting=unsent, hidden=is_hidden)
    else:
        line.run(_FIRST_SEEN, attempt_id=attempt_id, seen_at=now, unsent=unsent, is_hidden=is_hidden)
    return kept
