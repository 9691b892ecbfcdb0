"""How long the content takes: check, first load and second load of a bank of 450 items, beside libyaml reading the same files.

`python -m bench.content` alone, or as part of `make bench`. The content is the shipped one, with its item files copied
under other keys until the bank is large enough; every numeric item of a copy needs its own proof. Each step is a process
of its own, as a person at the command line has it, and the time is the one on the wall, program start included.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
ITEMS = 450
PARTS = ("courses", "quizzes", "training")
LIMITS = {"check": 10.0, "load": 15.0, "second load": 3.0}
STEP = """
import sys, time
from pathlib import Path
begun = time.perf_counter()
from app import create_app
import courses.loader, quizzes.loader, training.assessment.loader, training.grading.loader, training.participation.loader
root = Path(sys.argv[1])
for part in (courses, quizzes, training.assessment, training.grading, training.participation):
    part.loader.CONTENT = root / part.loader.CONTENT.relative_to(Path.cwd())
app = create_app()
from foundation import append_only, content
from foundation.db import db, transaction
with app.app_context():
    started = time.perf_counter() - begun
    library = content.read_all()
    if sys.argv[2] == "load":
        if not db.inspect(db.engine).has_table("content_version"):
            db.create_all()
            with db.engine.begin() as connection:
                append_only.install(connection)
        library.problems = [problem for problem in library.problems if problem.severity != "error"]
        with transaction():
            steps = len(content.load(library, None))
    else:
        steps = 0
    print(len(library.of("item")), len(library.of("lesson")), steps, len(library.problems), started)
"""


def enlarge(root: Path) -> int:
    """Copy the content below `root` and its item files until there are 450 items; the number of top-level items."""
    for part in PARTS:
        for folder in sorted((ROOT / part).rglob("content")):
            if folder.is_dir():
                shutil.copytree(folder, root / folder.relative_to(ROOT))
    files = {file: file.read_text(encoding="utf-8") for file in sorted((root / "quizzes/content/items").glob("*.yaml"))}
    items = [item for text in files.values() for item in yaml.load(text, Loader=yaml.CSafeLoader)["items"]]
    keys = {entry["key"] for item in items for entry in (item, *item.get("items", ()))}
    count = len(items)
    every = re.compile(r"\b(" + "|".join(sorted(keys, key=len, reverse=True)) + r")\b")
    number = 0
    while count < ITEMS:
        number += 1
        for file, text in files.items():
            made = every.sub(lambda match, suffix=number: f"{match.group(1)}-c{suffix}", text)
            made = re.sub(r"^content_area: (\S+)", rf"content_area: \1-c{number}", made, flags=re.MULTILINE)
            made = re.sub(r'(absolute: "0\.01)"', r'\g<1>' + "0" * number + '"', made)
            file.with_name(f"{file.stem}-c{number}.yaml").write_text(made, encoding="utf-8")
            count += len(yaml.load(text, Loader=yaml.CSafeLoader)["items"])
            if count >= ITEMS:
                break
    return count


def plain_read(root: Path) -> float:
    """Seconds in which libyaml reads the same YAML files into plain values, without places, types or checks."""
    files = list(root.rglob("*.yaml"))
    begun = time.perf_counter()
    for file in files:
        yaml.load(file.read_bytes(), Loader=yaml.CSafeLoader)
    return time.perf_counter() - begun


def measure() -> dict[str, object]:
    """Seconds on the wall for each step, and how many times the plain reading they take."""
    with tempfile.TemporaryDirectory(prefix="qizhou-content-") as folder:
        root, data = Path(folder) / "root", Path(folder) / "data"
        data.mkdir()
        enlarge(root)
        plain = min(plain_read(root) for _round in range(3))
        results: dict[str, object] = {"plain reading": round(plain, 3)}
        for name, act in (("check", "check"), ("second check", "check"), ("load", "load"), ("second load", "load")):
            if name == "load":
                shutil.rmtree(data / "proofs", ignore_errors=True)
            begun = time.perf_counter()
            done = subprocess.run([sys.executable, "-c", STEP, str(root), act], cwd=ROOT, capture_output=True, text=True, check=False,
                                  env={**os.environ, "QIZHOU_DATA": str(data), "PYTHONPATH": str(ROOT)})
            seconds = time.perf_counter() - begun
            if done.returncode:
                raise RuntimeError(done.stderr[-2000:])
            items, lessons, steps, _problems, started = done.stdout.split()[-5:]
            results[name] = {"seconds": round(seconds, 2), "of which program start": round(float(started), 2), "limit": LIMITS.get(name),
                             "times plain reading": round(seconds / plain, 1), "items": int(items), "lessons": int(lessons), "steps": int(steps)}
        return results


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
