"""An exam under faults: connections cut at random bytes, servers killed while they save, a full disk. What was acknowledged
stands, what was sent twice had one effect, and nothing is called saved that is not. The long runs are marked `soak`."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.serving import make_server

from foundation import hotwrite
from foundation.db import db
from quizzes import queries
from quizzes.models import AnswerSave
from quizzes.rules.answer import to_screen
from tests.conftest import ON_BOTH
from tests.cutting_proxy import Seat, cutting_proxy
from tests.factories import PASSWORD, Factory
from tests.sitting_scene import PRACTICE, Room, key_of, single

ROOT = Path(__file__).resolve().parents[2]
SOAK_S = int(os.environ.get("SOAK_SECONDS", "120"))


@pytest.fixture
def room(make: Factory) -> Room:
    return Room(make)


@contextmanager
def served(app: Flask) -> Iterator[int]:
    """The application on a free port, in this process."""
    db.session.remove()
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()


def kept(attempt: int) -> list[Any]:
    db.session.rollback()
    return list(db.session.execute(
        select(AnswerSave.op, AnswerSave.version, AnswerSave.receipt).where(AnswerSave.attempt_id == attempt).order_by(AnswerSave.id)))


def letters(attempt: int, position: int) -> list[dict[str, str]]:
    """The answers of a single-choice question as the page names them."""
    return [{"choice": letter} for letter, _key in zip("ABCDEF", queries.one_slot(attempt, position).order, strict=False)]


def check_whole(seat: Seat, attempt: int, saves: int) -> None:
    """Every acknowledged save stands with its receipt, each operation once, and the chain of the attempt is unbroken."""
    rows = kept(attempt)
    assert {tuple(row) for row in rows} >= set(seat.acknowledged)
    assert len(rows) == len({row.op for row in rows}) == saves
    assert queries.chain_holds(attempt)


def through_the_proxy(app: Flask, room: Room, seed: int, saves: int, seconds: float = 1e9) -> dict[str, int]:
    attempt = room.start(PRACTICE)
    position, _options = single(attempt)
    answers = letters(attempt, position)
    with served(app) as port:
        seat = Seat(port)
        seat.sign_in("learner-2026-a", PASSWORD)
        seat.read_token(attempt)
        end, done = time.monotonic() + seconds, 0
        with cutting_proxy(port, seed) as proxy:
            seat.port = proxy.port
            while done < saves and time.monotonic() < end:
                told = seat.save(attempt, position, answers[done % len(answers)], done)
                done += 1
                assert told["version"] == done
            cuts = dict(proxy.cuts)
    check_whole(seat, attempt, done)
    return {"saves": done, "repeats": seat.repeats, **cuts}


@ON_BOTH
def test_connections_cut_at_random_bytes_lose_no_answer_and_double_none(app: Flask, room: Room) -> None:
    told = through_the_proxy(app, room, seed=20260301, saves=40)
    assert told["request"] >= 5 and told["response"] >= 5, told


@pytest.mark.soak
def test_hours_of_cut_connections(app: Flask, room: Room, record_property: Any) -> None:
    told = through_the_proxy(app, room, seed=random.randrange(10**9), saves=10**6, seconds=SOAK_S)
    for name, value in told.items():
        record_property(name, value)
    assert told["saves"] > SOAK_S


# ── kill -9 ──────────────────────────────────────────────────────────────────────────────────────────────────────
class Server:
    """The product as it is served (two workers), started again and again on one folder and one port."""

    def __init__(self, data: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._data = data
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "2",
                   "--blocking-threads", "1", "--log-level", "warning", "--factory", "app:create_app"]
        environment = {**os.environ, "QIZHOU_DATA": str(self._data), "QIZHOU_ARGON2_KIB": "64"}
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        end = time.monotonic() + 90
        while True:
            try:
                if urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=2).status == 200:
                    return
            except OSError:
                assert time.monotonic() < end and self._process.poll() is None, "the server did not start"
                time.sleep(0.1)

    def kill(self) -> None:
        """No farewell: SIGKILL to all of it."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(timeout=20)
            self._process = None


def killed_while_saving(app: Flask, room: Room, kills: int) -> dict[str, int]:
    attempt = room.start(PRACTICE)
    position, _options = single(attempt)
    answers = letters(attempt, position)
    db.session.remove()
    db.engine.dispose()
    hotwrite.close()
    server = Server(app.config["DATA"])
    chance = random.Random(4711)
    seat, done = Seat(server.port), 0
    server.start()
    try:
        seat.sign_in("learner-2026-a", PASSWORD)
        seat.read_token(attempt)
        for number in range(kills + 1):
            at = threading.Timer(chance.uniform(0.05, 0.5), lambda: (server.kill(), server.start()))
            if number < kills:
                at.start()
            more = done + 12
            while done < more or at.is_alive():
                assert seat.save(attempt, position, answers[done % len(answers)], done, 120)["version"] == done + 1
                done += 1
            if number < kills:
                at.join()
    finally:
        server.kill()
    check_whole(seat, attempt, done)
    assert seat.repeats >= kills
    return {"saves": done, "kills": kills, "repeats": seat.repeats}


def test_a_server_killed_while_it_saves_keeps_every_acknowledged_answer(app: Flask, room: Room) -> None:
    killed_while_saving(app, room, 1)


@pytest.mark.soak
def test_a_server_killed_again_and_again(app: Flask, room: Room, record_property: Any) -> None:
    told = killed_while_saving(app, room, max(5, SOAK_S // 8))
    for name, value in told.items():
        record_property(name, value)


# ── no room on the disk ──────────────────────────────────────────────────────────────────────────────────────────
def test_a_full_disk_is_said_an_answer_is_not_called_saved_and_the_same_save_goes_through_later(app: Flask, room: Room, client_for: Any) -> None:
    attempt = room.start(PRACTICE)
    position, _options = single(attempt)
    answers = letters(attempt, position)
    client = client_for("learner-2026-a")
    token = client.token()

    def send(number: int) -> Any:
        return client.post(f"/attempts/{attempt}/answers", headers={"X-CSRFToken": token},
                           json={"op": f"op-{number}", "position": position, "version": number, "answer": answers[number % len(answers)]})

    assert send(0).status_code == 200
    db.session.remove()
    connection = hotwrite._connection(str(app.config["DATA"] / "qizhou.db"))
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count={pages}")
    number, answer = 1, None
    while number < 3000:
        answer = send(number)
        if answer.status_code != 200:
            break
        number += 1
    assert answer is not None and answer.status_code == 503 and "receipt" not in answer.json, answer
    assert client.get(f"/attempts/{attempt}").status_code == 200, "reading goes on"
    assert len(kept(attempt)) == number
    connection.execute("PRAGMA max_page_count=4294967294")
    again = send(number)
    assert again.status_code == 200 and again.json["version"] == number + 1, "with room again the very same save goes through"
    assert queries.chain_holds(attempt)


def test_right_answers_reach_the_paper_through_any_number_of_cuts(app: Flask, room: Room) -> None:
    """The whole paper answered through a proxy that cuts two connections of three, then handed in: nothing is missing."""
    attempt = room.start(PRACTICE)
    with served(app) as port:
        seat = Seat(port)
        seat.sign_in("learner-2026-a", PASSWORD)
        seat.read_token(attempt)
        with cutting_proxy(port, 7, 0.66) as proxy:
            seat.port = proxy.port
            for slot in queries.slots_of([attempt])[attempt]:
                seat.save(attempt, slot.position, to_screen(slot.item, slot.order, key_of(attempt, slot.position)), 0)
    check_whole(seat, attempt, 10)
    slots = queries.slots_of([attempt])[attempt]
    assert all(slot.scored().fraction == 1 for slot in slots)
