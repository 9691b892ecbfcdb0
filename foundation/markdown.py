"""CommonMark without HTML, with emphasis that works beside Chinese punctuation.

In CommonMark `**银行：**合规` is not bold, because full-width punctuation counts as punctuation and Chinese has no
spaces. Here a delimiter run that touches a CJK character or full-width sign may open and close on either side.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml, isWhiteSpace
from markdown_it.parser_inline import ParserInline
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline.state_inline import Scanned, StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType
from markupsafe import Markup


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in ("W", "F") or character in "“”‘’…—·"


class _State(StateInline):
    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:
        scanned = super().scanDelims(start, canSplitWord)
        before = self.src[start - 1] if start > 0 else " "
        end = start + scanned.length
        after = self.src[end] if end < self.posMax else " "
        if not (_is_wide(before) or _is_wide(after)):
            return scanned
        return Scanned(not isWhiteSpace(ord(after)), not isWhiteSpace(ord(before)), scanned.length)


class _Inline(ParserInline):
    def parse(self, src: str, md: MarkdownIt, env: EnvType, tokens: list[Token]) -> list[Token]:
        state = _State(src, md, env, tokens)
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


PICTURE = re.compile(r"picture:([0-9a-f]{64})")   # the only pictures there are: by the SHA-256 of their bytes
PICTURES_AT = "/pictures/"


def _picture(self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: EnvType) -> str:
    """`![text](picture:SHA-256)` is a picture of the house; any other address is shown as its text, because pages load nothing from elsewhere."""
    token = tokens[index]
    words = self.renderInlineAsText(token.children or (), options, env)
    house = PICTURE.fullmatch(str(token.attrs.get("src", "")))
    if house is None:
        return escapeHtml(words)
    return f'<img class="picture" src="{PICTURES_AT}{house[1]}" alt="{escapeHtml(words)}">'


@cache
def _engine() -> MarkdownIt:
    engine = MarkdownIt("commonmark", {"html": False, "typographer": False}).enable("table")
    inline = _Inline()
    inline.ruler, inline.ruler2 = engine.inline.ruler, engine.inline.ruler2
    for name in ("_terminator_chars", "terminator_re", "terminator_chars"):
        if hasattr(engine.inline, name):
            setattr(inline, name, getattr(engine.inline, name))
    engine.inline = inline
    engine.add_render_rule("image", _picture)
    engine.validateLink = lambda url: url.startswith(("#", "/", "https://", "http://", "mailto:")) or bool(PICTURE.fullmatch(url))  # type: ignore[method-assign]
    return engine


def parse(text: str) -> list[Token]:
    """Markdown as its tokens, for who prints it other than in HTML."""
    return _engine().parse(text)


def render(text: str) -> Markup:
    """Markdown → safe HTML blocks. Raw HTML in the text is shown as text."""
    return Markup(_engine().render(text))  # noqa: S704 - the engine escapes; html is off


def render_inline(text: str) -> Markup:
    """One line of Markdown → safe inline HTML, without a paragraph around it."""
    return Markup(_engine().renderInline(text))  # noqa: S704
