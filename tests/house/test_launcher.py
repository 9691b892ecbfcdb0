"""`make run` as people use it: a real launcher, a real server, a real worker, started and stopped and killed."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from foundation import schema

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def processes_of(data: Path) -> dict[int, str]:
    """Every living process whose environment names this data folder, with its command line."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if f"QIZHOU_DATA={data}\0".encode() in (entry / "environ").read_bytes():
                    command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    if command:         # a zombie has none
                        found[int(entry.name)] = command
    return found


def eventually(claim: Callable[[], object], within_s: float = 30.0) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if claim():
            return True
        time.sleep(0.05)
    return False


@dataclass
class Run:
    """A launcher under way, and what it has said."""

    process: subprocess.Popen[bytes]
    port: int
    data: Path
    output: Path
    closed: list[http.client.HTTPConnection] = field(default_factory=list)

    @property
    def said(self) -> str:
        return self.output.read_text()

    def ready(self) -> Run:
        assert eventually(lambda: "ready in" in self.said or self.process.poll() is not None, 180), self.said
        assert "ready in" in self.said, self.said
        return self

    def ended(self, within_s: float = 30) -> int:
        return self.process.wait(within_s)

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def child(self, mark: str) -> int:
        """The pid of our direct child whose command line holds `mark`."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return next(int(pid) for pid in children if mark in processes_of(self.data).get(int(pid), ""))


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    """launch(data, **environment) starts serve.py on a free port; everything it started is gone after the test."""
    runs: list[Run] = []

    def start(data: Path, root: Path = ROOT, port: int = 0, **environment: str) -> Run:
        port = port or free_port()
        output = tmp_path / f"output-{len(runs)}"
        kept = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "SECRET_KEY", "QIZHOU_BASE_URL"}}
        with output.open("wb") as handle:
            process = subprocess.Popen([sys.executable, "serve.py"], cwd=root, stdin=subprocess.DEVNULL, stdout=handle, stderr=handle,
                                       env={**kept, "QIZHOU_DATA": str(data), "PORT": str(port), "QIZHOU_DEMO": "0", **environment})
        runs.append(Run(process, port, data, output))
        return runs[-1]

    yield start
    for run in runs:
        for pid in {run.process.pid, *processes_of(run.data)}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        run.process.wait()


@pytest.fixture
def installation(template: Path, tmp_path: Path) -> Path:
    data = tmp_path / "data"
    shutil.copytree(template, data)
    return data


def test_an_empty_folder_becomes_an_installation_and_a_second_start_redoes_nothing(launch: Callable[..., Run], tmp_path: Path) -> None:
    data = tmp_path / "new"
    run = launch(data).ready()
    assert f"schema    {schema.HEAD} (was empty)" in run.said
    assert re.search(r"content   \d+ changes loaded", run.said)
    assert "demo logins" not in run.said
    assert run.get("/readyz")[0] == 200
    assert run.get("/login")[0] == 200
    assert {path.name: path.stat().st_mode & 0o077 for path in data.iterdir() if path.stat().st_mode & 0o077} == {}, "nobody else reads people's records"
    run.process.send_signal(signal.SIGTERM)
    assert run.ended() == 0
    began = time.monotonic()
    again = launch(data).ready()
    took = time.monotonic() - began
    assert f"schema    {schema.HEAD}\n" in again.said
    assert "content   unchanged" in again.said
    assert took < 20, f"the second start took {took:.1f} s"


def test_pages_and_files_are_sent_as_promised(launch: Callable[..., Run], installation: Path) -> None:
    run = launch(installation).ready()
    status, headers, page = run.get("/login", **{"Accept-Encoding": "br, gzip"})
    assert status == 200
    assert "content-encoding" not in headers, "a page holds secrets: compressed, its length would tell them"
    assert headers["cache-control"] == "no-store"
    address = re.search(rb'href="(/static/css/qizhou\.css\?v=[0-9a-f]+)"', page)
    assert address is not None
    hashed = address.group(1).decode()
    status, headers, body = run.get(hashed, **{"Accept-Encoding": "br"})
    assert (status, headers["content-encoding"], headers["cache-control"]) == (200, "br", "public, max-age=31536000, immutable")
    assert headers["x-content-type-options"] == "nosniff"
    assert len(body) < (ROOT / "static/css/qizhou.css").stat().st_size / 2
    assert run.get(hashed, **{"Accept-Encoding": "gzip"})[1]["content-encoding"] == "gzip"
    assert run.get(hashed)[2] == (ROOT / "static/css/qizhou.css").read_bytes()
    for other in ("/static/css/qizhou.css", "/static/css/qizhou.css?v=0123456789"):
        assert run.get(other)[1]["cache-control"] == "max-age=60, public", "only the address of this very content is for ever"
    assert run.get("/static/../serve.py")[0] == 404
    assert run.get("/static/css/none.css")[0] == 404
    assert run.get("/static/js/main.js")[1]["content-type"].startswith("text/javascript")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_stops_within_seconds_and_leaves_no_process(launch: Callable[..., Run], installation: Path, number: signal.Signals) -> None:
    run = launch(installation).ready()
    idle = http.client.HTTPConnection("127.0.0.1", run.port, timeout=10)      # a browser that keeps its connection
    idle.request("GET", "/healthz")
    idle.getresponse().read()
    stuck = socket.create_connection(("127.0.0.1", run.port))                 # and one that never finishes its request
    stuck.sendall(b"GET /login HTTP/1.1\r\nHost: x\r\n")
    assert eventually(lambda: len(processes_of(installation)) >= 5), "launcher, server, two workers of it, our worker"
    began = time.monotonic()
    run.process.send_signal(number)
    assert run.ended() == 0
    assert time.monotonic() - began < 9
    assert run.said.rstrip().endswith("stopped")
    assert eventually(lambda: not processes_of(installation), 2), processes_of(installation)
    idle.close()
    stuck.close()


def test_a_killed_launcher_takes_everything_with_it(launch: Callable[..., Run], installation: Path) -> None:
    run = launch(installation).ready()
    assert eventually(lambda: len(processes_of(installation)) >= 5)
    run.process.kill()
    run.process.wait()
    assert eventually(lambda: not processes_of(installation), 10), processes_of(installation)


def test_a_worker_that_died_is_started_again_and_a_dead_web_process_too(launch: Callable[..., Run], installation: Path) -> None:
    run = launch(installation).ready()
    first = run.child("serve.py worker")
    os.kill(first, signal.SIGKILL)
    assert eventually(lambda: "starting it again" in run.said)

    def another() -> bool:
        with contextlib.suppress(StopIteration):
            return run.child("serve.py worker") != first
        return False

    assert eventually(another), run.said
    server = run.child("granian")
    web = [int(pid) for pid in Path(f"/proc/{server}/task/{server}/children").read_text().split()]
    assert len(web) == 2
    os.kill(web[0], signal.SIGKILL)
    assert eventually(lambda: len(set(Path(f"/proc/{server}/task/{server}/children").read_text().split()) - {str(web[0])}) == 2)
    assert all(run.get("/healthz")[0] == 200 for _time in range(10))


def test_without_its_server_the_launcher_ends_and_says_so(launch: Callable[..., Run], installation: Path) -> None:
    run = launch(installation).ready()
    os.kill(run.child("granian"), signal.SIGKILL)
    assert run.ended() == 1
    assert "the server ended by itself" in run.said
    assert eventually(lambda: not processes_of(installation), 5), processes_of(installation)


def test_two_starts_at_once_prepare_one_installation(launch: Callable[..., Run], tmp_path: Path) -> None:
    data = tmp_path / "new"
    one, two = launch(data), launch(data)
    one.ready()
    two.ready()
    said = one.said + two.said
    assert said.count("(was empty)") == 1
    assert len(re.findall(r"content   \d+ changes loaded", said)) == 1
    assert one.get("/readyz")[0] == two.get("/readyz")[0] == 200


def test_a_first_start_with_demo_data_that_was_cut_leaves_nothing_behind(launch: Callable[..., Run], tmp_path: Path) -> None:
    data = tmp_path / "new"
    run = launch(data, QIZHOU_DEMO="1")
    assert eventually(lambda: "making the demo cohorts" in run.said or run.process.poll() is not None, 120), run.said
    assert run.process.poll() is None, run.said
    run.process.kill()
    run.process.wait()
    assert (data / "first-start").is_dir()
    assert not (data / "qizhou.db").exists()
    kept = {path.name: path.read_bytes() for path in (data / "keys").iterdir()}
    again = launch(data).ready()
    assert "(was empty)" in again.said
    assert not (data / "first-start").exists()
    assert {path.name: path.read_bytes() for path in (data / "keys").iterdir()} == kept


@pytest.mark.postgres
def test_on_postgres_it_starts_redoes_nothing_and_refuses_half_a_demo(launch: Callable[..., Run], tmp_path: Path, empty_postgres: str) -> None:
    """A database on a server cannot be made beside and moved in: it remembers that its demo data is not whole."""
    address = empty_postgres.replace("postgresql+psycopg://", "postgresql://")
    cut = launch(tmp_path / "data", DATABASE_URL=address, QIZHOU_DEMO="1")
    assert eventually(lambda: "making the demo cohorts" in cut.said or cut.process.poll() is not None, 120), cut.said
    time.sleep(1)
    cut.process.kill()
    cut.process.wait()
    assert f"schema    {schema.HEAD} (was empty)" in cut.said
    assert "making the demo data was cut off in this database; give the program an empty one" in refusal(launch(tmp_path / "data", DATABASE_URL=address))


@pytest.mark.postgres
def test_on_postgres_it_serves(launch: Callable[..., Run], tmp_path: Path, empty_postgres: str) -> None:
    address = empty_postgres.replace("postgresql+psycopg://", "postgresql://")
    run = launch(tmp_path / "data", DATABASE_URL=address).ready()
    assert run.get("/readyz")[0] == run.get("/login")[0] == 200
    assert not (tmp_path / "data/qizhou.db").exists()
    run.process.send_signal(signal.SIGTERM)
    assert run.ended() == 0
    assert "content   unchanged" in launch(tmp_path / "data", DATABASE_URL=address).ready().said


# ── reasons not to start, each in one line ───────────────────────────────────────────────────────────────────────
def refusal(run: Run) -> str:
    assert run.ended(120) == 1, run.said
    assert "Traceback" not in run.said
    return run.said


def test_a_port_in_use_is_said(launch: Callable[..., Run], installation: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"cannot start: port {port} cannot be used" in refusal(launch(installation, port=port))


@pytest.mark.parametrize(("name", "value"), [("PORT", "http"), ("WEB_PROCESSES", "0"), ("WEB_THREADS", "-1")])
def test_a_wrong_number_in_the_environment_is_said(launch: Callable[..., Run], installation: Path, name: str, value: str) -> None:
    assert f"cannot start: {name}={value} is not a whole number" in refusal(launch(installation, **{name: value}))


def test_keys_that_others_can_read_are_refused(launch: Callable[..., Run], installation: Path) -> None:
    (installation / "keys" / "session").chmod(0o644)
    assert "can be read by others: chmod 600 it" in refusal(launch(installation))


def test_a_database_of_a_newer_program_is_refused_untouched(launch: Callable[..., Run], installation: Path) -> None:
    database = sqlite3.connect(installation / "qizhou.db")
    database.execute("UPDATE alembic_version SET version_num = '9999_from_the_future'")
    database.commit()
    before = database.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall()
    assert "the database has schema 9999_from_the_future, which this program" in refusal(launch(installation))
    assert database.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall() == before
    database.close()


def test_broken_content_is_told_whole_and_never_loaded(launch: Callable[..., Run], tmp_path: Path, installation: Path) -> None:
    """A new installation cannot start with it; one that has content goes on with what it has."""
    tree = tmp_path / "tree"
    shutil.copytree(ROOT, tree, symlinks=True, ignore=shutil.ignore_patterns(".venv", ".git", "instance", "__pycache__", "node_modules", ".*cache"))
    broken = tree / "training/assessment/content/schemes/default.yaml"
    broken.write_text(broken.read_text() + "unheard_of: 1\nkey: twice\n")
    said = refusal(launch(tmp_path / "new", root=tree))
    assert re.search(r"default\.yaml:\d+:\d+ .*unheard_of: unknown key", said)
    assert re.search(r"default\.yaml:\d+:\d+ key key stands twice", said)
    assert re.search(r"have \d errors \(above\), and the database has no content yet", said)
    run = launch(installation, root=tree).ready()
    assert re.search(r"content   NOT loaded: \d errors \(above\); what was loaded before stays in use", run.said)
    assert run.get("/readyz")[0] == 200
