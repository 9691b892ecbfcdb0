"""`make run`: prepare the installation, then keep the server and the worker up until told to stop.

    python serve.py             prepare, serve, supervise
    python serve.py prepare     prepare only (schema, content, demo data)
    python serve.py worker      the worker alone: posts what falls due (the first form starts it by itself)

Preparing is done by one process at a time and does nothing that was done before. A first start with demo data is
made beside the installation and moved in when it is whole, so that a cut leaves nothing behind.
"""

from __future__ import annotations

import ctypes
import fcntl
import http.client
import io
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from flask import Flask
from sqlalchemy import delete, select
from sqlalchemy.exc import OperationalError
from werkzeug.middleware.proxy_fix import ProxyFix

from app import create_app
from foundation import accounts, content, due, keys, schema, staticfiles
from foundation.db import db, transaction
from foundation.people import Installation, Person
from foundation.routes.account import DEMO_LOGINS

ROOT = Path(__file__).resolve().parent
POST_EVERY_S = 5.0
STOP_WITHIN_S = 8.0
DEMO_PASSWORD = "qizhou-demo"  # noqa: S105 - the contract's, only ever for accounts marked as demo
DIGEST_MARK = "content_digest"
DEMO_UNFINISHED = "demo_unfinished"
SUPERVISED = "QIZHOU_SUPERVISED"


class CannotStart(Exception):
    """A reason for people: one clear line, no traceback."""


def say(line: str) -> None:
    print(line, flush=True)


def complain(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


# ── what a start needs ───────────────────────────────────────────────────────────────────────────────────────────
def data_folder() -> Path:
    data = Path(os.environ.get("QIZHOU_DATA") or ROOT / "instance").resolve()
    data.mkdir(parents=True, exist_ok=True)
    return data


def number_from(name: str, default: int, most: int = 65535) -> int:
    """A whole number from the environment. Raises CannotStart where it is none, or out of range."""
    text = os.environ.get(name, "").strip() or str(default)
    if not text.isdigit() or not 1 <= int(text) <= most:
        raise CannotStart(f"{name}={text} is not a whole number from 1 to {most}")
    return int(text)


def check_port_is_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as fault:
            raise CannotStart(f"port {port} cannot be used ({fault.strerror}); PORT=8001 make run takes another") from None


@contextmanager
def alone(data: Path) -> Iterator[None]:
    """One start at a time prepares an installation; a second one waits for it and then finds nothing to do."""
    with (data / "start.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another start is preparing this installation; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def code_and_content_digest() -> str:
    """Hash of everything that decides what a content load brings: the content files, and the program that reads them."""
    files: list[Path] = []
    for part in ("foundation", "courses", "quizzes", "training"):
        for path in (ROOT / part).rglob("*"):
            if path.is_file() and (path.suffix == ".py" or "content" in path.relative_to(ROOT).parts):
                files.append(path)
    return staticfiles.digest_of(ROOT, sorted(files))


def load_content() -> str:
    """Bring the database to the state of the content files, unless they are as at the last start. Says what was done.

    Files with errors are never loaded: an installation that has content goes on with what it has, a new one cannot start.
    """
    digest = code_and_content_digest()
    if accounts.installation_mark(DIGEST_MARK) == digest:
        return "unchanged"
    library = content.read_all()
    if library.errors:
        for problem in library.errors:
            complain(str(problem))
        if db.session.execute(select(content.ContentHead.id).limit(1)).first() is None:
            raise CannotStart(f"the content files have {len(library.errors)} errors (above), and the database has no content yet")
        return f"NOT loaded: {len(library.errors)} errors (above); what was loaded before stays in use"
    with transaction():
        steps = content.load(library, None)
        db.session.merge(Installation(key=DIGEST_MARK, value=digest))
    return f"{len(steps)} changes loaded"


def is_empty() -> bool:
    return db.session.execute(select(Person.id).limit(1)).first() is None


def demo_is_wanted() -> bool:
    return os.environ.get("QIZHOU_DEMO", "1") != "0"


def build_demo() -> None:
    from training.demo.build import build_demo as build  # only a first start needs it

    build()


def mark_demo_unfinished(unfinished: bool) -> None:
    """A database that cannot be made beside (PostgreSQL) remembers that the demo data is not whole yet."""
    with transaction():
        if unfinished:
            db.session.merge(Installation(key=DEMO_UNFINISHED, value="1"))
        else:
            db.session.execute(delete(Installation).where(Installation.key == DEMO_UNFINISHED))


def prepare(data: Path) -> Flask:
    """Keys, schema, content and, on an empty database, the demo data. Returns the application that did it."""
    shutil.rmtree(data / "first-start", ignore_errors=True)       # what a cut first start had begun
    if demo_is_wanted() and not os.environ.get("DATABASE_URL") and not (data / "qizhou.db").exists():
        prepare_beside(data)
    app = create_app()
    with app.app_context():
        before, after = schema.upgrade()
        say(f"  schema    {after}" + ("" if before == after else f" (was {before or 'empty'})"))
        say(f"  content   {load_content()}")
        if accounts.installation_mark(DEMO_UNFINISHED) is not None:
            raise CannotStart("making the demo data was cut off in this database; give the program an empty one")
        if demo_is_wanted() and is_empty():
            say("  demo      making the demo cohorts …")
            mark_demo_unfinished(True)
            build_demo()
            mark_demo_unfinished(False)
        db.session.remove()
        db.engine.dispose()
    return app


def prepare_beside(data: Path) -> None:
    """Make a first installation with demo data in a folder of its own and move it in whole, the database last."""
    keys.load(data)
    beside = data / "first-start"
    shutil.copytree(data / "keys", beside / "keys")
    app = create_app({"DATA": beside})
    with app.app_context():
        schema.upgrade()
        load_content()
        say("  demo      making the demo cohorts (the first start alone takes this long) …")
        build_demo()
        db.session.remove()
        with db.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        db.engine.dispose()
    for leftover in ("qizhou.db-wal", "qizhou.db-shm", "write.lock", "write.lock.next"):
        (beside / leftover).unlink(missing_ok=True)
    shutil.rmtree(beside / "keys")
    for path in sorted(beside.iterdir(), key=lambda path: path.name == "qizhou.db"):
        target = data / path.name
        if target.is_dir():                       # from a start that was cut between two moves
            shutil.rmtree(target)
        path.rename(target)
    beside.rmdir()


# ── the processes ────────────────────────────────────────────────────────────────────────────────────────────────
def end_with_parent(number: signal.Signals, is_orphan: Callable[[], bool]) -> None:
    """Ask the kernel for `number` when our parent dies, so that a killed launcher leaves no process behind (Linux).

    A parent that died before we could ask sends nothing any more: `is_orphan` tells whether that happened.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, int(number), 0, 0, 0)      # PR_SET_PDEATHSIG
        if is_orphan():
            os._exit(1)


def parent_of(pid: int) -> int:
    """The parent of a process; 0 where the process is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def wsgi() -> Any:
    """The application as the server runs it: static files in front; the addresses of proxies believed if told how many."""
    launcher = int(os.environ.get(SUPERVISED) or 0)
    if launcher:                                   # our parent is the server, the server's is the launcher
        end_with_parent(signal.SIGKILL, lambda: parent_of(os.getppid()) != launcher)
    app = create_app()
    copy = staticfiles.compressed_copy(Path(app.static_folder or ""), app.config["DATA"] / "cache")
    answer = staticfiles.StaticFiles(app, copy)
    proxies = int(os.environ.get("QIZHOU_PROXIES", "0") or 0)
    return ProxyFix(answer, x_for=proxies, x_proto=proxies) if proxies else answer


def work(ending: threading.Event, every_s: float = POST_EVERY_S) -> None:
    """Post what falls due, every few seconds, until told to end. Of several workers on one folder one works."""
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(name)s: %(message)s")
    app = create_app()
    with (app.config["DATA"] / "worker.lock").open("w") as handle, app.app_context():
        while not ending.is_set():
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                ending.wait(every_s)
                continue
            due.post_all()
            db.session.remove()
            ending.wait(every_s)


def ending_by_signals() -> threading.Event:
    """An event that SIGTERM, SIGINT and a closed terminal set."""
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: ending.set())
    return ending


def start_process(*arguments: str) -> subprocess.Popen[bytes]:
    """A process of ours: in its own session (Ctrl-C reaches the launcher alone), on our standard error, gone if we are."""
    launcher = os.getpid()
    return subprocess.Popen(  # noqa: S603 - our own interpreter with our own arguments
        [sys.executable, *arguments], cwd=ROOT, env={**os.environ, SUPERVISED: str(launcher)}, stdin=subprocess.DEVNULL, stdout=sys.stderr,
        start_new_session=True, preexec_fn=lambda: end_with_parent(signal.SIGTERM, lambda: os.getppid() != launcher))


def start_server(port: int, processes: int, threads: int) -> subprocess.Popen[bytes]:
    return start_process(
        "-m", "granian", "--interface", "wsgi", "--factory", "--host", "127.0.0.1", "--port", str(port), "--workers", str(processes),
        "--blocking-threads", str(threads), "--no-ws", "--log-level", "error", "--respawn-failed-workers", "--workers-kill-timeout", "4",
        "--working-dir", str(ROOT), "serve:wsgi")


def is_up(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


class Supervisor:
    """The server and the worker: start, look after, stop. The worker is started again; without its server nothing goes on."""

    def __init__(self, port: int, processes: int, threads: int) -> None:
        self.port, self.processes, self.threads = port, processes, threads
        self.ending = ending_by_signals()
        self.server: subprocess.Popen[bytes] | None = None
        self.worker: subprocess.Popen[bytes] | None = None
        self._worker_at = 0.0
        self._pause_s = 1.0

    def start(self) -> bool:
        """Start both; False where the server did not answer within 60 seconds or we were told to end."""
        self.server = start_process_server = start_server(self.port, self.processes, self.threads)
        deadline = time.monotonic() + 60
        while not is_up(self.port):
            if start_process_server.poll() is not None or time.monotonic() > deadline or self.ending.wait(0.05):
                return False
        self._start_worker()
        return True

    def _start_worker(self) -> None:
        self.worker = start_process("serve.py", "worker")
        self._worker_at = time.monotonic()

    def watch(self) -> int:
        """Look after both until told to end (0) or the server is gone (1)."""
        while not self.ending.wait(0.25):
            assert self.server is not None and self.worker is not None
            if self.server.poll() is not None:
                complain(f"the server ended by itself (status {self.server.returncode})")
                return 1
            if self.worker.poll() is not None:
                complain(f"the worker ended (status {self.worker.returncode}); starting it again")
                lived_s = time.monotonic() - self._worker_at
                self._pause_s = 1.0 if lived_s > 60 else min(self._pause_s * 2, 30)
                if self.ending.wait(self._pause_s):
                    break
                self._start_worker()
        return 0

    def stop(self) -> None:
        """Ask both to end, insist after eight seconds."""
        running = [process for process in (self.worker, self.server) if process is not None and process.poll() is None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + STOP_WITHIN_S
        for process in running:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                complain(f"process {process.pid} does not stop; killing it")
                process.kill()
                process.wait()


def run() -> int:
    began = time.monotonic()
    port = number_from("PORT", 8000)
    processes, threads = number_from("WEB_PROCESSES", 2, 256), number_from("WEB_THREADS", 1, 256)
    check_port_is_free(port)
    data = data_folder()
    say(f"启舟 Qizhou in {data}")
    with alone(data):
        app = prepare(data)
        staticfiles.compressed_copy(Path(app.static_folder or ""), data / "cache")
    supervisor = Supervisor(port, processes, threads)
    try:
        if not supervisor.start():
            if supervisor.ending.is_set():
                return 0
            raise CannotStart("the server did not come up; what it said stands above")
        say(f"ready in {time.monotonic() - began:.1f} s at http://127.0.0.1:{port}  (Ctrl-C stops it)")
        with app.app_context():
            if accounts.demo_sign_in_open():
                say(f"demo logins: {' '.join(DEMO_LOGINS)}; password of all: {DEMO_PASSWORD}")
            db.session.remove()
            db.engine.dispose()
        return supervisor.watch()
    finally:
        supervisor.stop()
        say("stopped")


def main(arguments: list[str]) -> int:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without Chinese is no reason to fall over
    os.umask(0o077)                               # the database and the keys are nobody else's to read
    verb = arguments[0] if arguments else "run"
    try:
        if verb == "run":
            return run()
        if verb == "prepare":
            data = data_folder()
            with alone(data):
                prepare(data)
            return 0
        if verb == "worker":
            work(ending_by_signals())
            return 0
        raise CannotStart(f"serve.py does not know {verb!r}; see its first lines")
    except (CannotStart, schema.UnknownSchema, keys.UnsafeKeys) as reason:
        complain(f"cannot start: {reason}")
    except OperationalError as fault:
        complain(f"cannot start: the database cannot be used: {fault.orig}")
    except KeyboardInterrupt:
        complain("stopped before it was ready; the next start goes on where this one was")
    return 1


def _end(status: int) -> NoReturn:
    sys.stdout.flush()
    sys.exit(status)


if __name__ == "__main__":
    _end(main(sys.argv[1:]))
