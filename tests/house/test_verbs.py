"""The verbs of the project: they are there, they say what they do, and set-up does nothing twice."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VERBS = ("help", "setup", "run", "test", "check", "soak", "bench")


def say(*command: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=120,
                          env={**os.environ, **environment})


def test_help_lists_every_verb_with_what_it_does() -> None:
    listed = re.findall(r"^ {2}make (\w+) +\S", say("make", "help").stdout, re.M)
    assert tuple(listed) == VERBS


@pytest.mark.parametrize("script", ["scripts/setup", ".ci/run"])
def test_scripts_can_be_run_and_are_whole(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)
    assert say("bash", "-n", script).returncode == 0


def small_tree(place: Path) -> Path:
    """A tree in which set-up has something to do and nothing to install: no requirements, one catalogue."""
    (place / "foundation/translations/zh").mkdir(parents=True)
    (place / "scripts").mkdir()
    shutil.copy(ROOT / "scripts/setup", place / "scripts/setup")
    for name in ("requirements.txt", "requirements-dev.txt"):
        (place / name).write_text("# nothing\n")
    (place / "foundation/__init__.py").write_text("")
    (place / "foundation/i18n.py").write_text("from pathlib import Path\n\n\ndef build():\n    folder = Path('foundation/translations/zh/LC_MESSAGES')\n"
                                              "    folder.mkdir(exist_ok=True)\n    (folder / 'messages.mo').write_text('built')\n    print('built')\n")
    (place / "foundation/translations/zh/a.po").write_text("")
    return place


def test_set_up_is_done_once_mended_when_broken_and_made_again_elsewhere(tmp_path: Path) -> None:
    place = small_tree(tmp_path / "one")
    first = say("scripts/setup", "run", cwd=place)
    assert first.returncode == 0, first.stderr
    assert "making .venv" in first.stdout
    assert "installing requirements.txt" in first.stdout
    assert "built" in first.stdout
    began = time.monotonic()
    again = say("scripts/setup", "run", cwd=place)
    assert (again.returncode, again.stdout) == (0, ""), "a second time there is nothing to do and nothing to say"
    assert time.monotonic() - began < 5
    (place / "requirements.txt").write_text("# something else\n")
    changed = say("scripts/setup", "run", cwd=place)
    assert "installing requirements.txt" in changed.stdout
    assert "making .venv" not in changed.stdout
    (place / ".venv/bin/python").unlink()
    assert "making .venv" in say("scripts/setup", "run", cwd=place).stdout
    moved = tmp_path / "two"
    place.rename(moved)
    told = say("scripts/setup", "run", cwd=moved).stdout
    assert f".venv was made for {place}" in told
    assert "making .venv" in told


def test_a_person_who_is_not_root_is_told_what_to_install(tmp_path: Path) -> None:
    """Without apt-get on the path (as without the right to use it) set-up stops with one line that names the packages."""
    place = small_tree(tmp_path / "one")
    assert say("scripts/setup", "run", cwd=place).returncode == 0
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("bash", "cat", "cut", "dirname", "env", "find", "flock", "id", "ls", "mkdir", "rm", "sha256sum"):
        found = shutil.which(name)
        assert found, name
        (tools / name).symlink_to(found)
    answer = say("/bin/bash", "scripts/setup", "test", cwd=place, PATH=str(tools))
    assert answer.returncode == 1
    line = answer.stderr.strip().splitlines()[-1]
    assert line.startswith("cannot go on: programs that the tests use are missing; please run: sudo apt-get install ")
    assert {"chromium", "poppler-utils", "zbar-tools"} <= set(line.split())
