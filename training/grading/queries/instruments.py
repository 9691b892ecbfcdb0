"""Rubrics, stations and cases of content versions as typed values, parsed once per process."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from foundation import content
from foundation.db import database_key
from training.grading.rules.case import Case
from training.grading.rules.rubric import Instrument, Rubric
from training.grading.rules.station import Station

_MODELS: dict[str, Any] = {"rubric": Rubric, "station": Station, "case": Case}


@lru_cache(maxsize=512)
def _typed(_database: str, version_id: int) -> Any:
    stored = content.version(version_id)
    return _MODELS[stored.kind].model_validate(stored.body)


def _of(version_id: int) -> Any:
    return _typed(database_key(), version_id)


def instrument(rubric_version_id: int) -> Instrument:
    """What a performance is rated on: a rubric's own version, or the case that holds its rubric inline."""
    typed = _of(rubric_version_id)
    found = typed.rubric if isinstance(typed, Case) else typed
    assert isinstance(found, Instrument)
    return found


def station_of(version_id: int) -> Station:
    typed = _of(version_id)
    assert isinstance(typed, Station)
    return typed


def case_of(version_id: int) -> Case:
    typed = _of(version_id)
    assert isinstance(typed, Case)
    return typed


def title_of(version_id: int) -> dict[str, str]:
    """The title of a station or case version in both languages."""
    return _of(version_id).title.model_dump()
