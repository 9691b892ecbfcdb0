"""A private PostgreSQL for the tests: one cluster a run, in a temporary folder, on a Unix socket, gone with the run.

PostgreSQL refuses to run as root, so it runs as `postgres` there. The first process that asks starts it; the watcher
(this file as a program) stops it when the test run that asked has ended, however it ended.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PACKAGE_HINT = "PostgreSQL is missing: apt-get install postgresql (make test does it as root)"
_watchers: list[subprocess.Popen[bytes]] = []   # they outlive us on purpose: see watch()


class PostgresMissing(Exception):
    """The programs are not installed. Tests fail with this; they are never skipped."""


def programs() -> Path:
    """The folder with initdb and postgres, the newest version installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("postgres")
    if on_path and shutil.which("initdb"):
        return Path(on_path).parent
    raise PostgresMissing(PACKAGE_HINT)


def _as_postgres(*command: str) -> list[str]:
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else list(command)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def cluster(folder: Path, run: int) -> str:
    """Address of the cluster of this test run, started if need be. `folder` is shared by the run's processes, `run` its pid."""
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        place = folder / "place"
        if not place.exists():
            place.write_text(_start(folder, run))
        return f"postgresql+psycopg://qizhou@/postgres?host={place.read_text()}"


def _start(folder: Path, run: int) -> str:
    bin_ = programs()
    home = Path(tempfile.mkdtemp(prefix="qizhou-pg-", dir="/tmp"))  # a socket's path may have 107 bytes: pytest's folders are longer
    home.chmod(0o700)
    if os.geteuid() == 0:
        shutil.chown(home, "postgres", "postgres")
    subprocess.run(
        _as_postgres(str(bin_ / "initdb"), "--pgdata", str(home / "data"), "--username", "qizhou", "--auth", "trust", "--encoding", "UTF8",
                     "--locale", "C", "--no-sync"),
        check=True, capture_output=True, cwd="/")
    with (folder / "postgres.log").open("wb") as log:
        _watchers.append(subprocess.Popen([sys.executable, __file__, str(bin_), str(home), str(run)], stdout=log, stderr=log,
                                          stdin=subprocess.DEVNULL, cwd="/", start_new_session=True))
    deadline = time.monotonic() + 30
    while subprocess.run([str(bin_ / "pg_isready"), "--quiet", "--host", str(home)], check=False).returncode != 0:
        if time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL did not start: {(folder / 'postgres.log').read_text()}")
        time.sleep(0.1)
    return str(home)


def watch(bin_: Path, home: Path, run: int) -> None:
    """Keep the server up while process `run` lives, then stop it and remove its files."""
    settings = {"listen_addresses": "", "unix_socket_directories": str(home), "fsync": "off", "synchronous_commit": "off",
                "full_page_writes": "off", "max_connections": "60", "shared_buffers": "64MB", "logging_collector": "off"}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    server = subprocess.Popen(_as_postgres(str(bin_ / "postgres"), "-D", str(home / "data"), *options), cwd="/")
    ending: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: ending.append(number))
    while server.poll() is None and not ending and Path(f"/proc/{run}").exists():
        time.sleep(0.3)
    pid_file = home / "data" / "postmaster.pid"
    if server.poll() is None and pid_file.exists():
        os.kill(int(pid_file.read_text().splitlines()[0]), signal.SIGINT)   # fast shutdown: connections are cut
    server.wait(timeout=30)
    shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    watch(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
