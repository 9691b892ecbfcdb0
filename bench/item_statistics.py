"""How long the table of items takes with 100,000 answers, beside one bare SELECT of the same rows.

`python -m bench.item_statistics` alone, or as part of `make bench`. 1,000 people of ten cohorts sit papers of 100 items each,
every paper in an order of its own. Measured is the whole page over the application: reading, analysing, rendering.
"""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from random import Random

os.environ.setdefault("QIZHOU_ARGON2_KIB", "64")
PEOPLE, ITEMS, COHORTS, ROUNDS = 1000, 100, 10, 3
LIMIT_S = 2.0


def prepare(data: Path) -> None:
    """An installation with 100,000 answers and a reviewer who may sign in."""
    from app import create_app
    from foundation import clock, content, i18n, schema
    from foundation.db import db, transaction
    from tests.factories import Factory
    from tests.statistics_world import able, bank_singles, people, sit

    i18n.build()
    app = create_app({"DATA": data})
    with app.app_context():
        schema.upgrade()
        with transaction():
            content.load(content.read_all(), None)
        make = Factory(app)
        make.person("reviewer", "reviewer")
        asked = bank_singles(ITEMS)
        for number in range(COHORTS):
            cohort = make.cohort(f"bench-{number}", weeks_ago=4 + number * 6, seats=PEOPLE)
            group = people(cohort, PEOPLE // COHORTS, f"B{number}")
            sit(group, lambda person, number=number: Random(number * PEOPLE + person).sample(asked, ITEMS), able(3, seed=number),
                at=clock.now() - timedelta(weeks=number * 6))
        db.session.remove()


def bare_select(data: Path) -> float:
    """Seconds in which SQLite hands over the same rows as plain tuples."""
    connection = sqlite3.connect(data / "qizhou.db")
    begun = time.perf_counter()
    rows = connection.execute("SELECT r.attempt_id, r.slot_id, r.run, s.item_key, s.item_version_id, r.fraction, r.mark, r.possible, s.marks, r.answer "
                              "FROM response r JOIN slot s ON s.id = r.slot_id").fetchall()
    seconds = time.perf_counter() - begun
    connection.close()
    assert len(rows) == PEOPLE * ITEMS
    return seconds


def measure() -> dict[str, object]:
    """Median seconds of the page, of the bare select, and how many times the select the page takes."""
    from app import create_app
    from tests.conftest import Browserless

    with tempfile.TemporaryDirectory(prefix="qizhou-statistics-") as folder:
        data = Path(folder) / "data"
        prepare(data)
        app = create_app({"DATA": data})
        app.test_client_class = Browserless
        client = app.test_client()
        client.sign_in("reviewer")      # type: ignore[attr-defined]
        pages, selects, busy = [], [], []
        for _round in range(ROUNDS + 1):        # the first round parses the content, as a new process does once
            begun, cpu = time.perf_counter(), time.process_time()
            answer = client.get("/statistics/items")
            pages.append(time.perf_counter() - begun)
            busy.append(time.process_time() - cpu)
            assert answer.status_code == 200 and str(PEOPLE * ITEMS) in answer.get_data(as_text=True)
            selects.append(bare_select(data))
        page, select = sorted(pages[1:])[ROUNDS // 2], sorted(selects)[ROUNDS // 2]
        return {"answers": PEOPLE * ITEMS, "first page": round(pages[0], 2), "page": round(page, 2),
                "of which computing": round(sorted(busy[1:])[ROUNDS // 2], 2), "limit": LIMIT_S, "bare select": round(select, 2),
                "times the select": round(page / select, 1)}


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
