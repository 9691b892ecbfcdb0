"""Papers of many people, written straight as rows: what a test of statistics or a benchmark reads. Everything is drawn from a seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from sqlalchemy import func, insert, select

from courses.models import Enrolment
from foundation import clock, content
from foundation.db import db, transaction
from foundation.people import Person
from quizzes.models import Attempt, Closure, Response, Slot
from quizzes.queries import item_version
from quizzes.rules.item import Single, TrueFalse
from quizzes.rules.scoring import ONE, ZERO


@dataclass(frozen=True)
class Asked:
    """A single-choice item of the bank: its key, version and options, the right one first."""

    key: str
    version_id: int
    scoring_hash: str
    options: tuple[str, ...]


def bank_singles(count: int) -> list[Asked]:
    """The first single-choice items of the bank, by key."""
    found = []
    for key, version_id in sorted(content.current_ids("item").items()):
        item = item_version(version_id)
        if isinstance(item, Single):
            options = (item.right[0], *(option.key for option in item.options if not option.correct))
            found.append(Asked(key, version_id, content.version(version_id).scoring_hash, options))
            if len(found) == count:
                return found
        elif isinstance(item, TrueFalse):
            continue
    raise LookupError(f"the bank has {len(found)} single-choice items, not {count}")


def people(cohort_id: int, count: int, prefix: str) -> list[int]:
    """Enrolments of new people without accounts, in bulk."""
    now = clock.now()
    with transaction():
        start = db.session.execute(select(func.coalesce(func.max(Person.id), 0))).scalar_one()
        numbers = range(start + 1, start + count + 1)
        db.session.execute(insert(Person), [{"id": n, "employee_no": f"{prefix}{n:06d}", "name": f"受试{n}", "org_unit": "城东支行", "position": "柜员",
                                             "created_at": now} for n in numbers])
        first = db.session.execute(select(func.coalesce(func.max(Enrolment.id), 0))).scalar_one()
        db.session.execute(insert(Enrolment), [{"id": first + index + 1, "cohort_id": cohort_id, "person_id": n, "enrolled_at": now}
                                               for index, n in enumerate(numbers)])
    return [first + index + 1 for index in range(count)]


Answer = Callable[[int, int], int | None]       # (person, item) → number of the option taken, 0 the key; None: nothing


def sit(enrolments: Sequence[int], asked: Sequence[Asked] | Callable[[int], Sequence[Asked]], answer: Answer, blueprint: str = "final-exam",
        purpose: str = "exam", at: datetime | None = None, number: int = 1, form_id: int | None = None, sitting_id: int | None = None,
        marks: Decimal = Decimal(2), values: dict[str, str] | None = None) -> list[int]:
    """Write handed-in papers; the attempts' ids. `answer` says which option each person takes, `values` what was drawn for numeric items."""
    at = at or clock.now() - timedelta(hours=1)
    version_id = content.current_ids("blueprint")[blueprint]
    attempts, closures, slots, responses = [], [], [], []
    with transaction():
        next_attempt, next_slot = (db.session.execute(select(func.coalesce(func.max(model.id), 0))).scalar_one() for model in (Attempt, Slot))
        for person, enrolment_id in enumerate(enrolments):
            next_attempt += 1
            attempts.append({"id": next_attempt, "enrolment_id": enrolment_id, "blueprint_key": blueprint, "blueprint_version_id": version_id,
                             "purpose": purpose, "number": number, "seed": "s", "started_at": at - timedelta(minutes=60), "closes_at": at,
                             "high_water_at": at, "sitting_id": sitting_id, "form_id": form_id})
            closures.append({"attempt_id": next_attempt, "closed_at": at, "how": "handed_in", "head_hash": "0" * 64, "saves": 1})
            for place, item in enumerate(asked(person) if callable(asked) else asked):
                next_slot += 1
                taken = answer(person, place)
                fraction = ONE if taken == 0 else ZERO
                slots.append({"id": next_slot, "attempt_id": next_attempt, "position": place + 1, "item_key": item.key, "item_version_id": item.version_id,
                              "marks": marks, "frozen": {"order": list(item.options), "values": values or {}}})
                responses.append({"attempt_id": next_attempt, "slot_id": next_slot, "run": 1,
                                  "answer": None if taken is None else {"choice": item.options[taken]}, "fraction": fraction, "mark": fraction * marks,
                                  "possible": None, "scoring_hash": item.scoring_hash, "scored_at": at})
        for model, rows in ((Attempt, attempts), (Closure, closures), (Slot, slots), (Response, responses)):
            _insert(model, rows)
    return [row["id"] for row in attempts]


def _insert(model: Any, rows: list[dict[str, Any]]) -> None:
    for start in range(0, len(rows), 5000):
        db.session.execute(insert(model), rows[start:start + 5000])


def able(count: int, seed: int = 7) -> Answer:
    """People who know more take the key more often: option 0 with a chance that grows with their ability, else one of 1 … count - 1."""
    chance = Random(seed)
    ability: dict[int, float] = {}

    def answer(person: int, place: int) -> int | None:
        skill = ability.setdefault(person, chance.random())
        return 0 if chance.random() < 0.25 + 0.7 * skill - 0.01 * (place % 10) else 1 + chance.randrange(count - 1)

    return answer
