"""`make bench`: lesson page and autosave against their yardsticks, a roster of 50,000 rows, and the content files.

Both servers run granian with two workers of one blocking thread. Product and yardstick take turns, so a machine whose
speed drifts is fair to both; the median of the rounds is what counts. A ratio of 1 would be as fast as the yardstick.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import content, disk, item_statistics, load, roster, sitting
from bench.ground import prepare

ROOT = Path(__file__).resolve().parent.parent
PRODUCT, YARDSTICK = 8871, 8872
RESULTS = ROOT / "bench" / "results.json"
ROUNDS, SECONDS = int(os.environ.get("BENCH_ROUNDS", "3")), int(os.environ.get("BENCH_SECONDS", "4"))
TARGETS = {"lesson / bare": (0.20, 0.35), "autosave / durable commit": (0.25, 0.40)}


@contextmanager
def server(target: str, port: int, extra: dict[str, str]) -> Iterator[None]:
    """A granian of two workers for one WSGI application, gone when the block ends."""
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--workers", "2",
               "--blocking-threads", "1", "--log-level", "warning", target]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **extra}, start_new_session=True)
    try:
        for _try in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz" if port != YARDSTICK else f"http://127.0.0.1:{port}/bare", timeout=1)
                break
            except OSError:
                time.sleep(0.1)
        else:
            raise RuntimeError(f"{target} did not start")
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=15)


def alternate(*runs: Callable[[], load.Figure]) -> list[load.Figure]:
    """Each run in turn, ROUNDS times; the round with the median rate stands for each."""
    rounds: list[list[load.Figure]] = [[run() for run in runs] for _round in range(ROUNDS)]
    chosen = []
    for own in zip(*rounds, strict=True):
        middle = statistics.median_low(figure.rate for figure in own)
        figure = next(figure for figure in own if figure.rate == middle)
        figure.rates = [round(f.rate, 1) for f in own]
        chosen.append(figure)
    return chosen


def main() -> None:
    results: dict[str, object] = {}
    with tempfile.TemporaryDirectory(prefix="qizhou-bench-") as folder:
        data = Path(folder) / "data"
        data.mkdir()
        ground = prepare(data, 33)
        lesson = f"http://127.0.0.1:{PRODUCT}/lessons/deposit-products"
        with server("bench.product:application", PRODUCT, {"QIZHOU_DATA": str(data)}):
            request = urllib.request.Request(lesson, headers={"Cookie": ground.lesson_cookie})
            size = len(urllib.request.urlopen(request).read())
            with server("bench.yardstick:application", YARDSTICK, {"BENCH_PAGE_BYTES": str(size), "BENCH_COMMITS": str(data / "commits.db")}):
                bare, page = f"http://127.0.0.1:{YARDSTICK}/bare", f"http://127.0.0.1:{YARDSTICK}/page"
                print(f"lesson page: {size} bytes\n{'':34}{'req/s':>10}{'p99 ms':>10}{'ratio':>8}")
                for connections in (1, 32):
                    figures = alternate(
                        lambda c=connections: load.pages(lesson, c, SECONDS, ground.lesson_cookie),
                        lambda c=connections: load.pages(bare, c, SECONDS), lambda c=connections: load.pages(page, c, SECONDS))
                    for name, figure in zip(("lesson page", "bare route", "Jinja page, same size"), figures, strict=True):
                        ratio = figures[0].rate / figure.rate
                        print(f"{name + f', {connections} conn.':34}{figure.rate:10.0f}{figure.p99_ms:10.2f}{ratio:8.2f}")
                    results[f"lesson/{connections}"] = {
                        "rate": figures[0].rate, "p99_ms": figures[0].p99_ms, "errors": figures[0].errors, "rates": figures[0].rates,
                        "of_bare": figures[0].rate / figures[1].rate, "of_jinja": figures[0].rate / figures[2].rate}
                versions: dict[str, int] = {}
                commit = f"http://127.0.0.1:{YARDSTICK}/commit"
                for connections in (1, 32):
                    saves, route, yard = alternate(
                        lambda c=connections: load.autosaves(PRODUCT, ground.seats[:c], SECONDS, versions),
                        lambda c=connections: load.pages(commit, c, SECONDS, post=True),
                        lambda: load.Figure(disk.durable_commits(data, SECONDS), 0))
                    print(f"{f'autosave, {connections} conn.':34}{saves.rate:10.0f}{saves.p99_ms:10.2f}{'':8}   fewest by one: {saves.fewest}")
                    print(f"{'bare route with one commit':34}{route.rate:10.0f}{route.p99_ms:10.2f}{saves.rate / route.rate:8.2f}")
                    print(f"{'durable commit, bare loop':34}{yard.rate:10.0f}{'':10}{saves.rate / yard.rate:8.2f}")
                    results[f"autosave/{connections}"] = {
                        "rate": saves.rate, "p99_ms": saves.p99_ms, "of_commit": saves.rate / yard.rate, "of_route_with_commit": saves.rate / route.rate,
                        "route_of_commit": route.rate / yard.rate, "fewest": saves.fewest, "errors": saves.errors, "rates": saves.rates}
        results["roster"] = roster.measure(Path(folder))
        print(f"roster of 50,000 rows: {results['roster']}")
    results["content"] = content.measure()
    print(f"content of {content.ITEMS} items: {results['content']}")
    results["item statistics"] = item_statistics.measure()
    print(f"item statistics of {item_statistics.PEOPLE * item_statistics.ITEMS} answers: {results['item statistics']}")
    results["sitting"] = sitting.measure(server)
    print("targets (now, in the end):", TARGETS)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
