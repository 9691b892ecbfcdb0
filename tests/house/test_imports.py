"""Who may import whom: the contracts hold, and they speak of every package there is."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = {contract["id"]: contract for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]}


def packages(folder: Path, prefix: str = "") -> set[str]:
    return {prefix + path.parent.name for path in folder.glob("*/__init__.py")}


def test_the_contracts_hold() -> None:
    program = Path(sys.executable).parent / "lint-imports"
    answer = subprocess.run([str(program), "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_every_package_has_its_storey() -> None:
    listed = {name.strip() for layer in CONTRACTS["storeys"]["layers"] for name in layer.split("|")}
    existing = (packages(ROOT) - {"tests", "bench", "training"}) | packages(ROOT / "training", "training.")
    assert listed == existing
    assert set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]) == packages(ROOT) - {"tests", "bench"}


def test_every_part_with_rules_is_under_the_rules_contract() -> None:
    found = [path.parent.relative_to(ROOT) for folder in ("courses", "quizzes", "training") for path in (ROOT / folder).rglob("rules/__init__.py")]
    with_rules = {".".join(path.parts) for path in found}
    assert set(CONTRACTS["rules"]["source_modules"]) == with_rules
    assert {part.removesuffix(".rules") for part in with_rules} <= set(CONTRACTS["rooms"]["containers"])


@pytest.mark.parametrize("word", ["current_app", "db.session", "datetime.now", "time.time(", "random.random", "float("])
def test_rules_do_not_speak_of_what_they_must_not_know(word: str) -> None:
    """The contract sees imports; this sees what can be had without one."""
    excused = {"float(": {"quizzes/rules/spacing.py"}}      # a memory model reckons in floats; no mark or bar is made of them
    guilty = [name for folder in ("courses", "quizzes", "training") for path in (ROOT / folder).rglob("rules/*.py")
              if word in path.read_text() and (name := path.relative_to(ROOT).as_posix()) not in excused.get(word, ())]
    assert guilty == []


def test_only_the_application_knows_every_part() -> None:
    top = {path.stem for path in ROOT.glob("*.py")}
    assert top == {"app", "serve"}, "a new file at the root is a new place that knows everything"
