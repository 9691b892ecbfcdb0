"""What falls due without anybody asking: attempts whose time is up, and the like.

That something is closed is derived from the time and holds without us; a worker beside the server only posts it, so
that lists and results show it. A part registers what it has to post; each thing is posted in a transaction of its own,
so that one broken row holds up nothing else, and the same thing posted twice must change nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import datetime

from foundation import clock
from foundation.db import db, transaction

log = logging.getLogger("qizhou.due")


@dataclass(frozen=True)
class Duty:
    """`find(now)` reads what is due, outside a transaction; `post(what, now)` posts one of these, inside one."""

    name: str
    find: Callable[[datetime], Iterable[Hashable]]
    post: Callable[[Hashable, datetime], object]


_duties: dict[str, Duty] = {}


def register(name: str, find: Callable[[datetime], Iterable[Hashable]], post: Callable[..., object]) -> None:
    """Add a duty (a part does this where it is wired into the application). The same name again replaces it."""
    _duties[name] = Duty(name, find, post)


def duties() -> dict[str, Duty]:
    """What is registered, by name."""
    return dict(_duties)


def replace(duties_: dict[str, Duty]) -> None:
    """Let exactly these be registered."""
    _duties.clear()
    _duties.update(duties_)


def post_all() -> tuple[int, int]:
    """Post everything that is due now; returns (posted, failed). Faults are logged and tried again next time."""
    posted = failed = 0
    for duty in _duties.values():
        try:
            found = list(duty.find(clock.now()))
        except Exception:
            log.exception("%s: could not look for what is due", duty.name)
            failed += 1
            continue
        finally:
            db.session.rollback()
        for what in found:
            try:
                with transaction():
                    duty.post(what, clock.now())
                posted += 1
            except Exception:
                log.exception("%s: could not post %s", duty.name, what)
                failed += 1
    return posted, failed
