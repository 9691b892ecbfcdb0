"""Recovery files: only the right key opens them, one changed character closes them, and what comes out is read strictly."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quizzes.rules.breaks import Happened, breaks_of
from quizzes.rules.recovery import FORMAT, MOST_ENTRIES, BadRecovery, KeptAnswer, device_key, moment, open_file, seal

SECRET, DEVICE = b"s" * 64, "ab" * 16
AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def key_for(device: str) -> bytes:
    return device_key(SECRET, 7, 3, device)


def file_of(*kept: KeptAnswer, **changes: Any) -> bytes:
    entries = [seal(key_for(DEVICE), bytes([number]) * 12, 7, 3, DEVICE, one) for number, one in enumerate(kept, 1)]
    return json.dumps({"format": FORMAT, "attempt": 7, "device": DEVICE, "made_at": AT.isoformat(), "entries": entries, **changes}).encode()


def kept(op: str = "op-1", answer: Any = None, **more: Any) -> KeptAnswer:
    given = {"text": "客户说：明天再来 🙂"} if answer is None else answer
    return KeptAnswer(op, more.get("position", 1), more.get("version", 0), more.get("after", ""), given, AT)


def test_what_was_sealed_comes_out_as_it_was() -> None:
    one, two = kept(), kept("op-2", {"choice": "A"}, position=12, version=3, after="op-1")
    assert open_file(file_of(one, two), 7, 3, key_for) == (DEVICE, (one, two))


def test_keys_differ_by_attempt_person_device_and_installation() -> None:
    made = {device_key(*parts) for parts in ((SECRET, 7, 3, DEVICE), (SECRET, 8, 3, DEVICE), (SECRET, 7, 4, DEVICE), (SECRET, 7, 3, "cd" * 16),
                                             (b"t" * 64, 7, 3, DEVICE), (SECRET, 73, 3, DEVICE))}
    assert len(made) == 6 and {len(key) for key in made} == {32}
    assert device_key(SECRET, 7, 3, DEVICE) == key_for(DEVICE)


@given(place=st.integers(min_value=0), bit=st.integers(min_value=0, max_value=7))
def test_one_changed_bit_of_a_sealed_answer_is_a_forgery(place: int, bit: int) -> None:
    file = json.loads(file_of(kept()))
    for name in ("data", "iv"):
        sealed = bytearray(base64.b64decode(file["entries"][0][name]))
        sealed[place % len(sealed)] ^= 1 << bit
        forged = {**file, "entries": [{**file["entries"][0], name: base64.b64encode(sealed).decode()}]}
        with pytest.raises(BadRecovery, match="forged"):
            open_file(json.dumps(forged).encode(), 7, 3, key_for)


def test_an_entry_cannot_be_moved_to_another_operation_person_or_device() -> None:
    file = json.loads(file_of(kept()))
    renamed = {**file, "entries": [{**file["entries"][0], "op": "op-9"}]}
    for raw, person in ((renamed, 3), (file, 4), ({**file, "device": "cd" * 16}, 3)):
        with pytest.raises(BadRecovery, match="forged") as refused:
            open_file(json.dumps(raw).encode(), 7, person, lambda device, person=person: device_key(SECRET, 7, person, device))
        assert refused.value.entry == 1
    with pytest.raises(BadRecovery, match="attempt"):
        open_file(json.dumps({**file, "attempt": 8}).encode(), 7, 3, key_for)


HOSTILE: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
    (lambda f: [], "format"), (lambda f: {**f, "format": "x"}, "format"),
    (lambda f: {**f, "attempt": True}, "attempt"), (lambda f: {**f, "attempt": "7"}, "attempt"),
    (lambda f: {**f, "device": "../../x"}, "format"), (lambda f: {**f, "entries": {}}, "format"), (lambda f: {**f, "entries": []}, "format"),
    (lambda f: {**f, "entries": f["entries"] * (MOST_ENTRIES + 1)}, "too-many"), (lambda f: {**f, "entries": [None]}, "format"),
    (lambda f: {**f, "entries": [{**f["entries"][0], "op": "a b"}]}, "format"), (lambda f: {**f, "entries": [{**f["entries"][0], "iv": "!!"}]}, "forged"),
    (lambda f: {**f, "entries": [{**f["entries"][0], "iv": "AAAA"}]}, "forged"), (lambda f: {**f, "entries": [{**f["entries"][0], "data": ""}]}, "forged"),
]


@pytest.mark.parametrize(("change", "reason"), HOSTILE)
def test_what_is_no_recovery_file_of_this_attempt_is_refused_by_its_reason(change: Callable[[dict[str, Any]], Any], reason: str) -> None:
    with pytest.raises(BadRecovery, match=reason):
        open_file(json.dumps(change(json.loads(file_of(kept())))).encode(), 7, 3, key_for)


@pytest.mark.parametrize("raw", [b"", b"\x00", b"PK\x03\x04", b"[" * 200_000, "{\"format\": \"\ud800\"}".encode("utf-8", "surrogatepass"), b"\xff\xfe"])
def test_bytes_that_are_no_json_are_refused(raw: bytes) -> None:
    with pytest.raises(BadRecovery):
        open_file(raw, 7, 3, key_for)


@pytest.mark.parametrize("body", [{"position": "1"}, {"version": -1}, {"version": True}, {"answer": "x"}, {"after": 5}, {"after": "a b"}, {"position": 10**7}])
def test_a_sealed_entry_of_another_shape_is_refused_although_it_opens(body: dict[str, Any]) -> None:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from quizzes.rules.recovery import associated

    whole = {"position": 1, "version": 0, "after": "", "answer": {}, "at": "", **body}
    data = AESGCM(key_for(DEVICE)).encrypt(b"n" * 12, json.dumps(whole).encode(), associated(7, 3, DEVICE, "op-1"))
    entry = {"op": "op-1", "iv": base64.b64encode(b"n" * 12).decode(), "data": base64.b64encode(data).decode()}
    with pytest.raises(BadRecovery, match="format"):
        open_file(json.dumps({"format": FORMAT, "attempt": 7, "device": DEVICE, "entries": [entry]}).encode(), 7, 3, key_for)


@given(st.text(max_size=60))
def test_a_device_clock_is_read_or_is_nothing(text: str) -> None:
    read = moment(text)
    assert read is None or read.tzinfo is UTC


# ── breaks ───────────────────────────────────────────────────────────────────────────────────────────────────────
@given(st.lists(st.tuples(st.sampled_from(["break_start", "break_end", "pause", "resume"]), st.integers(1, 400)), max_size=14), st.integers(0, 900),
       st.integers(0, 3000))
def test_a_break_never_costs_more_than_was_granted(steps: list[tuple[str, int]], allowed: int, after: int) -> None:
    """Played as the services do it: a start grants what is left, an end notes what was used."""
    events: list[Happened] = []
    now = AT
    is_paused = False
    for kind, seconds in steps:
        now += timedelta(seconds=seconds)
        state = breaks_of(events, allowed, now)
        if kind == "pause" and not is_paused:
            events.append(Happened("pause", now))
            is_paused = True
        elif kind == "resume" and is_paused:
            events.append(Happened("resume", now))
            is_paused = False
        elif kind == "break_start" and state.since is None and state.left and not is_paused:
            events.append(Happened("break_start", now, state.left))
        elif kind == "break_end" and state.since is not None and not is_paused:
            events.append(Happened("break_end", now, state.granted - state.unused))
    earlier, later = breaks_of(events, allowed, now), breaks_of(events, allowed, now + timedelta(seconds=after))
    assert 0 <= earlier.used <= later.used <= allowed
    assert later.left == allowed - later.used and later.unused <= later.granted
    assert later.is_on + later.is_overrun == (later.since is not None)
    if is_paused:
        assert later.used == earlier.used
