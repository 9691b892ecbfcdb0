"""Our Markdown as HTML that other programs show in the reader's language, and HTML from anywhere as our Markdown.

Two languages stand as Moodle's multi-language spans, `<span lang="zh" class="multilang">…</span><span lang="en" class="multilang">…`;
`{mlang zh}…{mlang}` is read as well. HTML is reduced to emphasis, code, line breaks and pictures; what goes is named.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser

from foundation.markdown import render_inline
from quizzes.exchange.question import MAX_TEXT, Text

HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
BREAK = "\\\n"
_PICTURE_HERE = re.compile(r'<img class="picture" src="/pictures/([0-9a-f]{64})"')
_MLANG = re.compile(r"\{mlang(?:\s+([A-Za-z_,\s-]{1,40}))?\}")
_SPECIAL = re.compile(r"[\\`*_\[\]<!]|&(?=[#A-Za-z])")
_HARMLESS = frozenset({"html", "body", "span", "font", "section", "article", "main", "header", "footer", "figure", "center", "label", "small", "o:p", "tbody"})
_BLOCKS = frozenset({"p", "div", "ul", "ol", "li", "table", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "section", "article",
                     "figure", "hr"})
_SILENT = frozenset({"script", "style", "iframe", "object", "embed", "noscript", "template", "svg", "math", "video", "audio", "form", "head", "title"})
_VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"})
_TEX = re.compile(r"\\\(.*\\\)|\\\[.*\\\]|\$\$.+\$\$")
_RAISED = str.maketrans("0123456789+-=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ")
_LOWERED = str.maketrans("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎")
_RUN = re.compile(r"[*_`\[\]!\\]{60}")
_WRAPS = {"strong": "**", "b": "**", "em": "*", "i": "*"}


def is_chinese(text: str) -> bool:
    return bool(HAN.search(text))


# ── out ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def html_of(markdown: str, picture: Callable[[str], str] | None = None) -> str:
    """One language's text as HTML; `picture` gives the address of a picture by its SHA-256 (else `picture:SHA-256`)."""
    made = str(render_inline(markdown)).replace("<br />", "<br>")
    return _PICTURE_HERE.sub(lambda match: f'<img src="{picture(match[1]) if picture else "picture:" + match[1]}"', made)


def to_html(text: Text, picture: Callable[[str], str] | None = None) -> str:
    """A text in its languages as HTML."""
    told = {name: words for name, words in text.items() if words}
    if set(told) == {""}:
        return html_of(told[""], picture)
    return "".join(f'<span lang="{name}" class="multilang">{html_of(told[name], picture)}</span>' for name in ("zh", "en") if name in told)


# ── in ───────────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass
class Reduced:
    """A text read from HTML; `dropped`: what did not come along, as (code, value)."""

    text: Text
    dropped: list[tuple[str, str]] = field(default_factory=list)


FindPicture = Callable[[str], str | None]   # the address in the file → SHA-256, None where it is not to be had


def _language(told: str) -> str:
    """zh-CN, zh_tw → zh; en-GB → en; anything else itself."""
    first = re.split(r"[-_]", told.strip().casefold())[0]
    return first if first in ("zh", "en") else told.strip().casefold()[:10] or "?"


class _Reducer(HTMLParser):
    """Walks over HTML without a tree, so that depth costs nothing. Pieces are (languages or None, Markdown, is plain text)."""

    def __init__(self, find: FindPicture | None) -> None:
        super().__init__(convert_charrefs=True)
        self.find = find
        self.pieces: list[tuple[str | None, str, bool]] = []
        self.languages: list[str | None] = []
        self.spans: list[bool] = []
        self.wraps: list[str] = []
        self.silent = 0
        self.raised: list[str] = []
        self.lists: list[int] = []
        self.code: list[str] | None = None
        self.dropped: list[tuple[str, str]] = []

    @property
    def language(self) -> str | None:
        return self.languages[-1] if self.languages else None

    def drop(self, code: str, value: str = "") -> None:
        if (code, value[:60]) not in self.dropped and len(self.dropped) < 30:
            self.dropped.append((code, value[:60]))

    def put(self, markdown: str, is_text: bool = False) -> None:
        if not self.silent and markdown:
            self.pieces.append((self.language, markdown, is_text))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attributes}
        if tag in _SILENT and tag not in _VOID:
            self.silent += 1
            self.drop("element", f"<{tag}>")
            return
        if any(name.startswith("on") for name in told):
            self.drop("script_attribute", next(name for name in told if name.startswith("on")))
        if tag in ("embed", "input", "link", "meta", "base"):
            self.drop("element", f"<{tag}>")
        elif tag == "span":
            is_language = "multilang" in told.get("class", "").split() and bool(told.get("lang"))
            self.spans.append(is_language)
            if is_language:
                self.languages.append(_language(told["lang"]))
        elif tag == "br":
            self.put("\n")
        elif tag == "img":
            self._image(told)
        elif tag in _WRAPS:
            mark = "" if _WRAPS[tag] in self.wraps else _WRAPS[tag]     # bold inside bold is bold
            self.wraps.append(mark)
            self.put(f"\x02{mark}" if mark else "")
        elif tag == "code":
            self.code = self.code or []
        elif tag in ("sup", "sub"):
            self.raised.append(tag)
        elif tag in _BLOCKS:
            self._block(tag)
        elif tag in ("td", "th"):
            self.put("\t")
        elif tag == "a":
            self.drop("link", told.get("href", ""))
        elif tag not in _HARMLESS:
            self.drop("format", f"<{tag[:20]}>")

    def _block(self, tag: str) -> None:
        self.put("\n")
        if tag in ("ul", "ol"):
            self.lists.append(0 if tag == "ol" else -1)
            self.drop("list")
        elif tag == "li" and self.lists and self.lists[-1] >= 0:
            self.lists[-1] += 1
            self.put(f"{self.lists[-1]}. ", True)
        elif tag == "li":
            self.put("• ")
        elif tag == "table":
            self.drop("table")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT and tag not in _VOID:
            self.silent = max(0, self.silent - 1)
        elif tag == "span" and self.spans:
            if self.spans.pop():
                self.languages.pop()
        elif tag in _WRAPS and self.wraps and (mark := self.wraps.pop()):
            self.put(f"{mark}\x03")
        elif tag == "code" and self.code is not None:
            self._close_code()
        elif tag in ("sup", "sub") and self.raised:
            self.raised.pop()
        elif tag in ("ul", "ol") and self.lists:
            self.lists.pop()
            self.put("\n")
        elif tag in _BLOCKS:
            self.put("\n")

    def handle_data(self, data: str) -> None:
        data = re.sub(r"[ \t\r\n\f]+", " ", data)
        if self.code is not None:
            self.code.append(data)
            return
        if self.raised and data.strip():
            table = _RAISED if self.raised[-1] == "sup" else _LOWERED
            if not all(ord(sign) in table for sign in data.strip()):
                self.drop("format", f"<{self.raised[-1]}>")
            else:
                data = data.strip().translate(table)
        self.put(data, True)

    def _close_code(self) -> None:
        """Code between as many backticks as it does not hold."""
        told = "".join(self.code or ())
        self.code = None
        fence = "`" * (max((len(run) for run in re.findall("`+", told)), default=0) + 1)
        space = " " if told[:1] in ("`", " ") or told[-1:] in ("`", " ") else ""
        if told:
            self.put(f"{fence}{space}{told}{space}{fence}")

    def close(self) -> None:
        super().close()
        if self.code is not None:
            self._close_code()
        while self.wraps:
            if mark := self.wraps.pop():
                self.put(f"{mark}\x03")

    def handle_comment(self, data: str) -> None:
        if data.strip() and not data.startswith(("[if", "[endif", "StartFragment", "EndFragment")):
            self.drop("comment", data.strip())

    def _image(self, told: dict[str, str]) -> None:
        address = told.get("src", "").strip()
        sha256 = self.find(address) if self.find else None
        words = re.sub(r"[\[\]\\`*_<>\x00-\x1f]", " ", told.get("alt", ""))
        words = " ".join(words.split())[:300]
        if sha256:
            self.put(f"![{words}](picture:{sha256})")
        else:
            self.drop("picture", address)
            self.put(words, True)


def _tidy(pieces: list[tuple[str, bool]]) -> str:
    """Pieces of one language as Markdown, with as few escapes as leave its meaning."""
    plain = _joined([markdown for markdown, _is_text in pieces])
    if len(plain) > MAX_TEXT:       # refused by who asked; rendering it would take long for nothing
        return plain
    if not any(is_text and _SPECIAL.search(markdown) for markdown, is_text in pieces):
        return plain
    careful = _joined([_SPECIAL.sub(r"\\\g<0>", markdown) if is_text else markdown for markdown, is_text in pieces])
    if _RUN.search(plain):          # hundreds of marks in a row mean nothing; finding that out takes a renderer long
        return careful
    return plain if render_inline(plain) == render_inline(careful) else careful


def _joined(parts: list[str]) -> str:
    text = re.sub(r" +", " ", "".join(parts))             # first of all, so that no pattern below runs over long stretches twice
    text = re.sub(r" ?\n[ \n]*", "\n", text)
    text = re.sub(r"\x02(\*+)([ \n]*)", r"\2\1", text)     # emphasis begins and ends beside its words
    text = re.sub(r"([ \n]{0,2})(\*+)\x03", r"\2\1", text)
    text = re.sub(r" ?\n[ \n]*", "\n", text).strip(" \n\t")
    text = re.sub(r"\n?\t", lambda match: "\n" if match[0].startswith("\n") else " | ", text)
    return text.replace("\n", BREAK)


def from_html(markup: str, find: FindPicture | None = None) -> Reduced:
    """HTML as Markdown in its languages; what stands outside of every language span belongs to all of them."""
    markup = _MLANG.sub(lambda match: f'<span lang="{html.escape(match[1].split(",")[0])}" class="multilang">' if match[1] else "</span>", markup)
    reducer = _Reducer(find)
    reducer.feed(markup[:MAX_TEXT * 40])
    reducer.close()
    if any(is_text and _TEX.search(markdown) for _language, markdown, is_text in reducer.pieces):
        reducer.drop("tex")
    told = list(dict.fromkeys(language for language, _markdown, _is_text in reducer.pieces if language))
    known = [language for language in told if language in ("zh", "en")]
    for language in told:
        if language not in known and language != "other":
            reducer.drop("language", language)
    if not told:
        text = {"": _tidy([(markdown, is_text) for _language, markdown, is_text in reducer.pieces])}
    elif not known:
        text = {"": _tidy([(markdown, is_text) for language, markdown, is_text in reducer.pieces if language in (None, told[0])])}
    else:
        text = {name: _tidy([(markdown, is_text) for language, markdown, is_text in reducer.pieces if language in (None, name)]) for name in known}
    return Reduced({name: words for name, words in text.items() if words}, reducer.dropped)


def from_plain(words: str) -> Reduced:
    """Plain text: every sign means itself."""
    told = html.escape(words.strip(), quote=False).replace("\n", "<br>")
    return from_html(told)


def from_markdown(words: str) -> Reduced:
    """Markdown of another program: only language spans are taken apart, the rest stays as it is."""
    parts = re.findall(r'<span[^<>]*\blang="([A-Za-z_-]{2,10})"[^<>]*class="multilang"[^<>]*>(.*?)</span>', words, re.S)
    if parts and not re.sub(r"<span[^<>]*>.*?</span>", "", words, flags=re.S).strip():
        return Reduced({_language(name): told.strip() for name, told in parts if _language(name) in ("zh", "en") and told.strip()})
    dropped = [("html_in_markdown", "")] if re.search(r"<[A-Za-z/!]", words) else []
    return Reduced({"": words.strip().replace("\r", "")}, dropped)


def settled(markdown: str) -> str:
    """What of a text remains after going out as HTML and coming back: the same words, spelled the shortest way."""
    return next(iter(from_html(html_of(markdown), _own_picture).text.values()), "")


def _own_picture(address: str) -> str | None:
    told = re.fullmatch(r"picture:([0-9a-f]{64})", address)
    return told[1] if told else None
