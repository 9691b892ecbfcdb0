"""Load of two kinds, pages and autosaves, both by wrk: a C program, so that the client is not what is measured."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

SCRIPT = Path(__file__).parent / "autosave.lua"


@dataclass
class Figure:
    """Requests a second, 99th percentile in ms, and the fewest requests any one connection got through."""

    rate: float
    p99_ms: float
    fewest: int = 0
    errors: int = 0
    rates: list[float] = field(default_factory=list)


def _ms(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()  # type: ignore[union-attr]
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def pages(url: str, connections: int, seconds: int, cookie: str = "", post: bool = False) -> Figure:
    """GET (or POST, without a body) one address over `connections` kept-alive connections."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "10s"]
    if post:
        command += ["-s", str(SCRIPT.with_name("post.lua"))]
    if cookie:
        command += ["-H", f"Cookie: {cookie}"]
    out = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))  # type: ignore[union-attr]
    found = re.search(r"99%\s+([\d.]+(?:us|ms|s))", out)
    if found is None:
        raise RuntimeError(f"no latencies from {url}:\n{out}")
    p99 = _ms(found.group(1))
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    return Figure(rate, p99, errors=int(bad.group(1)) if bad else 0)


@dataclass(frozen=True)
class Seat:
    """One person sitting an attempt: cookie, token, and the address each answer is saved at."""

    cookie: str
    csrf: str
    address: str
    position: int
    answers: tuple[object, object]


def autosaves(port: int, seats: list[Seat], seconds: int, versions: dict[str, int]) -> Figure:
    """Every seat saves one answer after another over its own connection; only receipts count. The load generator is wrk, so
    that the client takes as little of the machine from the server as it does for the yardstick."""
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
        for seat in seats:
            fields = [seat.cookie, seat.csrf, seat.address, str(seat.position), str(versions.get(seat.address, 0)), *map(json.dumps, seat.answers)]
            file.write("\t".join(fields) + "\n")
        file.flush()
        count = len(seats)
        command = ["wrk", f"-t{count}", f"-c{count}", f"-d{seconds}s", "--latency", "--timeout", "10s", "-s", str(SCRIPT), f"http://127.0.0.1:{port}/",
                   "--", file.name, str(time.monotonic_ns())]
        began = time.monotonic()
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        spent = time.monotonic() - began
    found = re.search(r"^RESULT (\d+) (\d+) (\d+) ([\d.]+) ([\d,]+)$", out, re.M)
    duration = re.search(r"requests in ([\d.]+)(m?s)", out)
    if found is None:
        raise RuntimeError(out)
    if duration is not None:
        spent = float(duration.group(1)) / (1000 if duration.group(2) == "ms" else 1)
    versions.update(zip((seat.address for seat in seats), map(int, found.group(5).split(",")), strict=True))
    kept, fewest, refused = (int(found.group(number)) for number in (1, 2, 3))
    return Figure(kept / spent, float(found.group(4)), fewest, refused)
