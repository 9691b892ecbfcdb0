"""Pages rendered once and filled in per person: most of a lesson page is the same for everybody who reads it.

A template marks its personal places with `{{ hole('name') }}`. `Spliced` cuts the rendered text at these marks once;
`fill` joins it with one person's values, already safe HTML. Everything else in the page must depend only on the key
under which the page is kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from markupsafe import Markup

_HOLE = re.compile("\x00([a-z_:0-9-]+)\x00")


def hole(name: str) -> Markup:
    """A mark in a template: what stands here differs from person to person."""
    return Markup(f"\x00{name}\x00")  # noqa: S704 - names come from templates


class Spliced:
    """A rendered page cut at its holes."""

    def __init__(self, html: str) -> None:
        parts = _HOLE.split(html)
        self.text: tuple[str, ...] = tuple(parts[0::2])
        self.holes: tuple[str, ...] = tuple(parts[1::2])
        self._bytes = tuple(text.encode() for text in self.text)
        self._rest = tuple(zip(self.holes, self.text[1:], strict=True))
        self._rest_bytes = tuple(zip(self.holes, self._bytes[1:], strict=True))

    def fill(self, values: Mapping[str, str], otherwise: Callable[[str], str]) -> str:
        """The page for one person: `values` by name, `otherwise(name)` for holes not among them."""
        out = [self.text[0]]
        for name, text in self._rest:
            value = values.get(name)
            out.append(otherwise(name) if value is None else value)
            out.append(text)
        return "".join(out)

    def encode(self, values: Mapping[str, str], otherwise: Callable[[str], str]) -> bytes:
        """The same in UTF-8, for an answer: the parts that are the same for everybody were encoded once."""
        out = [self._bytes[0]]
        for name, text in self._rest_bytes:
            value = values.get(name)
            out.append((otherwise(name) if value is None else value).encode())
            out.append(text)
        return b"".join(out)
