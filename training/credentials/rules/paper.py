"""The paper: a record drawn as a PDF/A-3u and PDF/UA-1 page, the same bytes every time for the same record and versions.

Typst draws it. The record goes in as JSON, never as markup, so a name is text whatever it contains. The document's date
is the record's; fonts are whole files from a package, and no font of the machine is looked at. Each template stands in a
folder of its own and is never edited once certificates were issued with it: a new look is a new folder.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import pylopdf_fonts_zh_cn
import typst

from training.credentials.rules.glyphs import missing_from
from training.credentials.rules.qr import qr_of
from training.credentials.rules.record import canonical, digest, short_digest

TEMPLATES = Path(__file__).parent.parent / "paper"
TEMPLATE = "certificate-1"
STANDARDS: list[Literal["a-3u", "ua-1"]] = ["a-3u", "ua-1"]
_turn = threading.Lock()


class UnprintableName(Exception):
    """The paper's font lacks a character: the certificate would show a box. `characters` names what is missing."""

    def __init__(self, text: str, characters: tuple[str, ...]) -> None:
        super().__init__(f"{text}: " + ", ".join(f"{c} U+{ord(c):04X}" for c in characters))
        self.text = text
        self.characters = characters


class UnknownTemplate(Exception):
    """A record names a template this program does not carry."""


@dataclass(frozen=True)
class Versions:
    """What the bytes of a PDF depend on besides the record; kept in the certificate's row."""

    template: str
    engine: str
    font: str


@lru_cache(maxsize=1)
def versions() -> Versions:
    """The versions this program draws with now."""
    return Versions(TEMPLATE, f"typst {version('typst')}, segno {version('segno')}",
                    f"pylopdf-fonts-zh-cn {version('pylopdf-fonts-zh-cn')} (Noto Serif SC, Noto Sans SC)")


def check_printable(*texts: str) -> None:
    """Raise UnprintableName where a text holds a character that either font of the paper lacks."""
    for text in texts:
        missing = tuple(dict.fromkeys([*missing_from(text, pylopdf_fonts_zh_cn.serif_path()), *missing_from(text, pylopdf_fonts_zh_cn.sans_path())]))
        if missing:
            raise UnprintableName(text, missing)


@lru_cache(maxsize=4)
def _compiler(template: str) -> typst.Compiler:
    source = TEMPLATES / template / "certificate.typ"
    if not source.is_file():
        raise UnknownTemplate(template)
    return typst.Compiler(str(source), root=str(source.parent), font_paths=[str(pylopdf_fonts_zh_cn.serif_path().parent)], ignore_system_fonts=True)


def draw(record: Mapping[str, Any], template: str = TEMPLATE) -> bytes:
    """The PDF of a record. Raises UnprintableName or UnknownTemplate. About 40 ms; one drawing at a time per process."""
    check_printable(record["name"], *record["programme_title"].values(), *record["issuer"].values(), *record["band_title"].values())
    issued_on = date.fromisoformat(record["issued_on"])
    inputs = {"record": canonical(record), "digest": short_digest(digest(record)), "qr": qr_of(record["verification_url"]).to_svg()}
    with _turn:
        made = _compiler(template).compile(format="pdf", sys_inputs=inputs, pdf_standards=[*STANDARDS],
                                           timestamp=int(datetime.combine(issued_on, time.min, UTC).timestamp()))
    if not isinstance(made, bytes):
        raise TypeError("the engine returned no single document")
    return made
