"""`python -m bench.sitting`: five hundred people begin an exam within a minute and then sit it at once.

Two processes serve. Each person has a connection of their own, saves one answer every ten seconds and reports every
twenty; an invigilator's board asks every five. The starts are spread over three quarters of a minute, the saves evenly
over the ten seconds, as people are. Every answer of the server is checked: 200 with a receipt, or it counts as an error.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench.ground import _cookie

PEOPLE = int(os.environ.get("BENCH_PEOPLE", "500"))
SECONDS = int(os.environ.get("BENCH_SITTING_SECONDS", "60"))
STARTING = 45
SAVE_EVERY, REPORT_EVERY, BOARD_EVERY = 10.0, 20.0, 5.0
PORT = 8873


@dataclass
class Person:
    """A trainee with a session; `answers`: places with two answers each, in the screen's names, known after the start."""

    enrolment_id: int
    cookie: str
    csrf: str
    attempt_id: int = 0
    answers: list[tuple[int, tuple[Any, Any]]] = field(default_factory=list)
    versions: dict[int, int] = field(default_factory=dict)


@dataclass
class Tally:
    """Latencies in ms, and what went wrong."""

    times: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def figures(self) -> dict[str, float]:
        found = sorted(self.times)
        if not found:
            return {"n": 0, "errors": len(self.errors)}
        at = lambda share: round(found[min(len(found) - 1, int(share * len(found)))], 1)  # noqa: E731 - three uses, one line
        return {"n": len(found), "errors": len(self.errors), "p50_ms": at(0.50), "p99_ms": at(0.99), "max_ms": round(found[-1], 1),
                "mean_ms": round(statistics.mean(found), 1)}


class Line:
    """One kept-alive HTTP/1.1 connection, no more than a browser needs of it."""

    def __init__(self, cookie: str) -> None:
        self.cookie = cookie
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def ask(self, method: str, path: str, body: bytes = b"", kind: str = "application/json", csrf: str = "",
                  mark: str = "") -> tuple[int, dict[str, str], bytes]:
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", PORT)
        assert self.reader is not None
        head = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Cookie: {self.cookie}", "Accept: application/json, text/html"]
        head += [f"X-CSRFToken: {csrf}"] if csrf else []
        head += [f"If-None-Match: {mark}"] if mark else []
        head += [f"Content-Type: {kind}", f"Content-Length: {len(body)}"] if method == "POST" else []
        self.writer.write("\r\n".join([*head, "", ""]).encode() + body)
        await self.writer.drain()
        status = int((await self.reader.readline()).split()[1])
        headers: dict[str, str] = {}
        while (line := await self.reader.readline()) not in (b"\r\n", b""):
            name, _colon, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        if headers.get("transfer-encoding") == "chunked":
            told = b""
            while size := int(await self.reader.readline(), 16):
                told += await self.reader.readexactly(size)
                await self.reader.readline()
            await self.reader.readline()
            return status, headers, told
        return status, headers, await self.reader.readexactly(int(headers.get("content-length", "0"))) if status != 304 else b""

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()


def prepare(data: Path, people: int) -> tuple[list[Person], str, int]:
    """A cohort with an approved sitting of the final exam (three fixed forms); (people, an invigilator's cookie, sitting id)."""
    from app import create_app
    from courses import queries as course_queries
    from courses import services as courses
    from foundation import accounts, clock, content, directory, i18n, schema
    from foundation.db import db, transaction
    from foundation.people import Account
    from foundation.permissions import Role
    from quizzes import queries
    from quizzes import services as quizzes

    i18n.build()
    app = create_app({"DATA": data})
    tokens: list[tuple[int, str]] = []
    with app.app_context():
        schema.upgrade()
        with transaction():
            content.load(content.read_all(), None)
        start = clock.today("Asia/Shanghai") - timedelta(days=44)
        with transaction():
            cohort = courses.create_cohort(courses.CohortPlan("BENCH", "考试班", "Exam cohort", "service-manager", start, start + timedelta(days=48),
                                                              people), None)
        programme = course_queries.programme_of(course_queries.get_cohort(cohort))
        gates = [stage.gate.key for stage in programme.stages if stage.gate]
        staff = []
        with transaction():
            for number in range(2):
                person, account = directory.add_person(directory.Particulars(f"T{number:05d}", f"监考{number}"), [(Role.REVIEWER, "*")], None)
                db.session.get_one(Account, account).password_hash = "x"
                staff.append((person, account))
        for batch in range(0, people, 100):
            with transaction():
                for number in range(batch, min(batch + 100, people)):
                    person, account = directory.add_person(directory.Particulars(f"B{number:05d}", f"测量{number}"), [(Role.TRAINEE, "*")], None)
                    db.session.get_one(Account, account).password_hash = "x"
                    enrolment = courses.enrol(cohort, person, None)
                    for gate in gates:
                        courses.waive_gate(enrolment, gate, "bench", staff[0][0])
                    tokens.append((enrolment, accounts.open_session(accounts.Candidate(account, person, "x"), "127.0.0.1", "bench")))
        now = clock.now()
        with transaction():
            sitting = quizzes.plan_sitting(quizzes.SittingPlan(cohort, "final-exam", now - timedelta(hours=1), now + timedelta(hours=4), "302", "forms", 3),
                                           staff[0][0])
        with transaction():
            quizzes.approve_sitting(sitting, queries.get_sitting(sitting).proof_hash, staff[1][0])
        with transaction():
            watcher = accounts.open_session(accounts.Candidate(staff[0][1], staff[0][0], "x"), "127.0.0.1", "bench")
        db.session.remove()
    found = []
    for enrolment, token in tokens:             # outside the context above: its `g` would carry one token over to all
        cookie, csrf = _cookie(app, token)
        found.append(Person(enrolment, cookie, csrf))
    board, _csrf = _cookie(app, watcher)
    with app.app_context():
        db.engine.dispose()
    return found, board, sitting


def read_papers(data: Path, people: list[Person]) -> None:
    """What each may answer: the places of their paper that are answered by one click."""
    from app import create_app
    from foundation.db import db
    from quizzes import queries
    from quizzes.rules.item import Single, TrueFalse

    app = create_app({"DATA": data})
    with app.app_context():
        slots = queries.slots_of([person.attempt_id for person in people])
        for person in people:
            for slot in slots[person.attempt_id]:
                if isinstance(slot.item, Single):
                    person.answers.append((slot.position, ({"choice": "A"}, {"choice": "B"})))
                elif isinstance(slot.item, TrueFalse):
                    person.answers.append((slot.position, ({"value": True}, {"value": False})))
        db.session.remove()
        db.engine.dispose()


async def timed(tally: Tally, ask: Callable[[], Awaitable[str]]) -> None:
    """One request; `ask` returns '' or what was wrong."""
    began = time.perf_counter()
    try:
        wrong = await ask()
    except (OSError, ValueError, IndexError, asyncio.IncompleteReadError) as fault:
        wrong = repr(fault)
    tally.times.append((time.perf_counter() - began) * 1000)
    if wrong:
        tally.errors.append(wrong)


async def begin_all(people: list[Person]) -> tuple[Tally, Tally, float]:
    """Everybody presses start within three quarters of a minute and loads the paper; (starts, papers, seconds until the last had it)."""
    starts, papers = Tally(), Tally()
    began = time.perf_counter()

    async def one(number: int, person: Person) -> None:
        await asyncio.sleep(STARTING * number / len(people))
        line = Line(person.cookie)

        async def start() -> str:
            body = f"csrf_token={person.csrf}&op=start-{person.enrolment_id}".encode()
            status, headers, told = await line.ask("POST", "/quizzes/final-exam/attempts", body, "application/x-www-form-urlencoded")
            where = headers.get("location", "")
            if status != 303 or not where.rsplit("/", 1)[1].isdigit():
                return f"start {status} {where} {told[:200]!r}"
            person.attempt_id = int(where.rsplit("/", 1)[1])
            return ""

        async def paper() -> str:
            status, _headers, _told = await line.ask("GET", f"/attempts/{person.attempt_id}")
            return "" if status == 200 else f"paper {status}"

        await timed(starts, start)
        await timed(papers, paper)
        line.close()

    await asyncio.gather(*(one(number, person) for number, person in enumerate(people)))
    return starts, papers, time.perf_counter() - began


async def sit(people: list[Person], board: str, sitting: int, seconds: float) -> dict[str, Tally]:
    """Everybody saves, reports and is watched for so long."""
    tallies = {name: Tally() for name in ("save", "report", "board")}
    chance = random.Random(716)
    until = time.perf_counter() + seconds

    async def every(period: float, first: float, what: Callable[[], Awaitable[None]]) -> None:
        due = time.perf_counter() + first
        while due < until:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await what()
            due += period

    async def one(person: Person) -> None:
        line, side = Line(person.cookie), Line(person.cookie)
        turn = 0

        async def save() -> None:
            nonlocal turn
            position, answers = person.answers[turn % len(person.answers)]
            version = person.versions.get(position, 0)
            body = json.dumps({"op": f"b-{position}-{version}", "position": position, "version": version, "answer": answers[version % 2]}).encode()
            turn += 1

            async def ask() -> str:
                status, _headers, told = await line.ask("POST", f"/attempts/{person.attempt_id}/answers", body, csrf=person.csrf)
                if status != 200 or not json.loads(told).get("receipt"):
                    return f"save {status} {told[:200]!r}"
                person.versions[position] = version + 1
                return ""

            await timed(tallies["save"], ask)

        async def report() -> None:
            async def ask() -> str:
                body = json.dumps({"device": "", "unsent": 0, "hidden": False, "facts": []}).encode()
                status, _headers, told = await side.ask("POST", f"/attempts/{person.attempt_id}/events", body, csrf=person.csrf)
                return "" if status == 200 else f"report {status} {told[:200]!r}"

            await timed(tallies["report"], ask)

        await asyncio.gather(every(SAVE_EVERY, chance.random() * SAVE_EVERY, save), every(REPORT_EVERY, chance.random() * REPORT_EVERY, report))
        line.close()
        side.close()

    async def watch() -> None:
        line, mark = Line(board), ""

        async def look() -> None:
            async def ask() -> str:
                nonlocal mark
                status, headers, told = await line.ask("GET", f"/exams/{sitting}/board.json", mark=mark)
                mark = headers.get("etag", "")
                return "" if status in (200, 304) and len(told) < 60_000 else f"board {status} {len(told)}"

            await timed(tallies["board"], ask)

        await every(BOARD_EVERY, 1.0, look)
        line.close()

    await asyncio.gather(watch(), *(one(person) for person in people))
    return tallies


def measure(server: Callable[[str, int, dict[str, str]], AbstractContextManager[None]]) -> dict[str, Any]:
    """The whole of it on a fresh installation; prints as it goes and returns the figures. `server` serves an application while open."""
    with tempfile.TemporaryDirectory(prefix="qizhou-bench-") as folder:
        data = Path(folder) / "data"
        data.mkdir()
        people, board, sitting = prepare(data, PEOPLE)
        with server("bench.product:application", PORT, {"QIZHOU_DATA": str(data)}):
            starts, papers, spent = asyncio.run(begin_all(people))
            print(f"{PEOPLE} people had their paper after {spent:.1f} s", flush=True)
            read_papers(data, people)
            tallies = {"start": starts, "paper": papers, **asyncio.run(sit(people, board, sitting, SECONDS))}
    for name, tally in tallies.items():
        print(f"{name:8} {tally.figures()}")
        for error in tally.errors[:5]:
            print("   error", error)
    print("targets: no error, p99 of a save under 300 ms, everybody begun within a minute")
    return {"people": PEOPLE, "all_begun_s": round(spent, 1), **{name: tally.figures() for name, tally in tallies.items()}}


def main() -> None:
    from bench.__main__ import RESULTS, server

    figures = measure(server)
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps({**known, "sitting": figures}, indent=1) + "\n")
    sys.exit(1 if any(value["errors"] for value in figures.values() if isinstance(value, dict)) else 0)


if __name__ == "__main__":
    main()
