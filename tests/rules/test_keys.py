"""The secrets of an installation: made once, readable by the program's user alone, refused otherwise."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from foundation import keys


def public(made: keys.Keys) -> bytes:
    return made.issuer.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def test_keys_are_made_once_and_stay(tmp_path: Path) -> None:
    first, again = keys.load(tmp_path), keys.load(tmp_path)
    assert (first.session, first.ledger, public(first)) == (again.session, again.ledger, public(again))
    assert len({first.session, first.ledger}) == 2
    assert len(first.session) >= 64


def test_two_installations_share_nothing(tmp_path: Path) -> None:
    one, other = keys.load(tmp_path / "one"), keys.load(tmp_path / "other")
    assert one.session != other.session
    assert one.ledger != other.ledger
    assert public(one) != public(other)


def test_modes_are_narrow_from_the_first_moment(tmp_path: Path) -> None:
    keys.load(tmp_path)
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "keys").iterdir()} == {0o600}


@pytest.mark.parametrize(("name", "mode"), [("", 0o755), ("", 0o770), ("session", 0o644), ("issuer.pem", 0o640), ("ledger", 0o604)])
def test_wider_modes_are_refused_with_the_remedy(tmp_path: Path, name: str, mode: int) -> None:
    keys.load(tmp_path)
    (tmp_path / "keys" / name).chmod(mode)
    with pytest.raises(keys.UnsafeKeys, match="chmod"):
        keys.load(tmp_path)


def test_processes_that_start_together_agree_on_the_keys(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _number: keys.load(tmp_path).session, range(8)))
    assert len(set(made)) == 1


def test_the_environment_may_bring_the_session_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "from-the-environment")
    assert keys.load(tmp_path).session == b"from-the-environment"
