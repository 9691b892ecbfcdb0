"""Load of two kinds: pages by wrk (a C program, so that the client is not what is measured), autosaves by our own client."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import threading
import time
from dataclasses import dataclass, field


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


def pages(url: str, connections: int, seconds: int, cookie: str = "") -> Figure:
    """GET one address over `connections` kept-alive connections."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "10s"]
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


def autosaves(port: int, seats: list[Seat], seconds: float, versions: dict[str, int]) -> Figure:
    """Every seat saves one answer after another over its own connection; only receipts count."""
    times: list[list[float]] = [[] for _ in seats]
    errors = [0]
    stop = time.monotonic() + seconds

    def sit(index: int, seat: Seat) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        version = versions.get(seat.address, 0)
        while time.monotonic() < stop:
            body = json.dumps({"op": f"{index}-{version}-{time.monotonic_ns()}", "version": version, "position": seat.position,
                               "answer": seat.answers[(version + 1) % 2]})
            began = time.monotonic()
            connection.request("POST", seat.address, body, {"Content-Type": "application/json", "Cookie": seat.cookie, "X-CSRFToken": seat.csrf})
            reply = connection.getresponse()
            content = reply.read()
            if reply.status == 200 and b"receipt" in content:
                version = json.loads(content)["version"]
                times[index].append((time.monotonic() - began) * 1000)
            else:
                errors[0] += 1
                if errors[0] > 20:
                    raise RuntimeError(f"{reply.status} {content[:300]!r}")
        versions[seat.address] = version

    threads = [threading.Thread(target=sit, args=(i, seat)) for i, seat in enumerate(seats)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spent = time.monotonic() - began
    every = sorted(t for own in times for t in own)
    p99 = every[int(len(every) * 0.99)] if every else float("inf")
    return Figure(len(every) / spent, p99, min(len(own) for own in times), errors[0])
