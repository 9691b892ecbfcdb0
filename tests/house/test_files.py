"""Guards over the files themselves: sizes, styles, templates, addresses, words."""

from __future__ import annotations

import ast
import itertools
import re
import subprocess
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCAL = {".venv", ".git", ".setup", "instance", "node_modules", "__pycache__", ".hypothesis", ".pytest_cache", ".mypy_cache", ".ruff_cache",
         ".import_linter_cache", "test-results", "LC_MESSAGES"}


@cache
def files() -> tuple[Path, ...]:
    """Every file that belongs to the project: what git would keep (in a copy without git, everything but local folders)."""
    answer = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=False)
    if answer.returncode == 0 and answer.stdout:
        found = [ROOT / name for name in answer.stdout.splitlines()]
    else:
        found = [path for path in ROOT.rglob("*") if not LOCAL & set(path.relative_to(ROOT).parts)]
    return tuple(sorted(path for path in found if path.is_file()))


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def of_kind(*suffixes: str, under: str = "") -> list[Path]:
    return [path for path in files() if path.suffix in suffixes and named(path).startswith(under)]


TEMPLATES = of_kind(".html", under="templates/")


def own(path: Path) -> bool:
    return not named(path).startswith("static/vendor/")


def test_there_are_files_to_look_at() -> None:
    assert len(TEMPLATES) > 20
    assert len(of_kind(".py")) > 60


def test_no_file_is_longer_than_anyone_can_keep_in_mind() -> None:
    long = {named(path): count for path in of_kind(".py", ".js") if own(path) and (count := len(path.read_text().splitlines())) > 500}
    assert long == {}


def test_a_function_that_imports_inside_says_why() -> None:
    """An import inside a function often hides a circle; those that have another reason say so on the line."""
    guilty = []
    for path in of_kind(".py"):
        if named(path).startswith(("tests/", "bench/", "migrations/")):
            continue
        lines = path.read_text().splitlines()
        for node in ast.walk(ast.parse("\n".join(lines))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                guilty += [f"{named(path)}:{inner.lineno}" for inner in ast.walk(node)
                           if isinstance(inner, ast.Import | ast.ImportFrom) and "#" not in lines[inner.lineno - 1]]
    assert guilty == []


@pytest.mark.parametrize("path", of_kind(".py"), ids=named)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    text = path.read_text()
    if text.strip():
        assert ast.get_docstring(ast.parse(text)), "begin the file with a docstring"


# ── templates ────────────────────────────────────────────────────────────────────────────────────────────────────
class Markup(HTMLParser):
    """Notes what a strict CSP would block, and what leaves the house."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _value in attrs]
        self.found += [f"<{tag} {name}> at line {self.getpos()[0]}" for name in names if name == "style" or (name.startswith("on") and len(name) > 3)]
        if tag == "style" or (tag == "script" and "src" not in names):
            self.found.append(f"inline <{tag}> at line {self.getpos()[0]}")
        self.found += [f"{name}={value}" for name, value in attrs if value and value.strip().lower().startswith("javascript:")]


@pytest.mark.parametrize("path", TEMPLATES, ids=named)
def test_a_template_has_no_inline_style_script_or_handler(path: Path) -> None:
    markup = Markup()
    markup.feed(path.read_text())
    assert markup.found == []


@pytest.mark.parametrize("path", TEMPLATES, ids=named)
def test_a_template_only_prints(path: Path) -> None:
    text = path.read_text()
    assert "|safe" not in text.replace(" ", ""), "text is made safe where it is made, never in a template"
    assert "{% autoescape false" not in text
    assert not re.search(r"\.query\b|db\.session|\.execute\(", text)


@pytest.mark.parametrize("path", TEMPLATES, ids=named)
def test_every_macro_a_template_imports_is_used(path: Path) -> None:
    text = re.sub(r"\{#.*?#\}", "", path.read_text(), flags=re.S)
    for names in re.findall(r"\{%-?\s*from\s+\S+\s+import\s+(.+?)\s*(?:with context\s*)?-?%\}", text):
        for name in re.split(r",\s*", names):
            used = name.split(" as ")[-1].strip()
            assert len(re.findall(rf"\b{re.escape(used)}\b", text)) > 1, f"{used} is imported and not used"


ABROAD = re.compile(r"""(?:src|href|action|srcset|poster|data|url\(|@import|from|import)\s*[=(]?\s*["']?\s*(?:https?:)?//(?!www\.w3\.org/)""")


def test_nothing_is_loaded_from_elsewhere() -> None:
    shown = [path for path in of_kind(".html", ".css", ".js", ".mjs", ".svg") if named(path).startswith(("static/", "templates/")) and own(path)]
    guilty = [f"{named(path)}:{number}" for path in shown for number, line in enumerate(path.read_text().splitlines(), 1) if ABROAD.search(line)]
    assert guilty == []


def test_scripts_bring_no_texts_and_no_styles_of_their_own() -> None:
    """A text in JavaScript has no translation; an inline style is blocked by the CSP."""
    guilty = []
    for path in of_kind(".js", ".mjs", under="static/"):
        if not own(path):
            continue
        code = re.sub(r"/\*.*?\*/|(?<!:)//[^\n]*", "", path.read_text(), flags=re.S)
        marks = ("eval(", "new Function", ".innerHTML", ".outerHTML", "document.write", ".cssText", 'setAttribute("style"')
        guilty += [f"{named(path)}: {mark}" for mark in marks if mark in code]
        if re.search(r'"[^"\n]*[\u4e00-\u9fff][^"\n]*"|`[^`]*[\u4e00-\u9fff][^`]*`', code):
            guilty.append(f"{named(path)}: Chinese text")
    assert guilty == []


def test_every_enhancement_that_a_page_asks_for_exists_and_none_is_left_over() -> None:
    asked = {name for path in TEMPLATES for value in re.findall(r'data-enhance="([^"{]+)"', path.read_text()) for name in value.split()}
    built = {name for path in TEMPLATES for value in re.findall(r'data-enhance="[^"]*\{', path.read_text()) for name in [value]}
    there = {path.stem for path in of_kind(".js", under="static/js/enhance/")}
    assert asked <= there, asked - there
    if not built:
        used_by_scripts = {name for path in of_kind(".js", under="static/js/") for name in re.findall(r'from "\./([\w-]+)\.js"', path.read_text())}
        assert there <= asked | used_by_scripts, f"no page asks for {there - asked - used_by_scripts}"


# ── the look ─────────────────────────────────────────────────────────────────────────────────────────────────────
def declarations(block: str) -> dict[str, str]:
    lines = re.sub(r"/\*.*?\*/", "", block, flags=re.S).split(";")
    return {name.strip(): " ".join(value.split()) for name, _colon, value in (line.partition(":") for line in lines) if name.strip()}


def test_dark_by_choice_and_dark_by_system_are_the_same_dark() -> None:
    css = (ROOT / "static/css/qizhou.css").read_text().split("@media print")[0]
    selector = r'(?:\[data-theme="dark"\]|:root:not\(\[data-theme="light"\]\))[^{]*\{([^{}]*--[^{}]*)\}'
    blocks = [declarations(match.group(1)) for match in re.finditer(selector, css)]
    tokens = [{name: value for name, value in block.items() if name.startswith("--")} for block in blocks]
    assert len(tokens) == 2, f"{len(tokens)} dark token blocks"
    assert tokens[0] == tokens[1]


def test_no_class_is_defined_in_the_design_sheet_and_again_from_scratch() -> None:
    """Our own sheets add to the design; a rule that stands in two with the same selector and the same words is a copy."""
    def rules(name: str) -> set[str]:
        css = re.sub(r"/\*.*?\*/", "", (ROOT / "static/css" / name).read_text(), flags=re.S)
        return {" ".join(rule.split()) for rule in re.findall(r"[^{}]+\{[^{}]*\}", css)}

    sheets = [rules(path.name) for path in (ROOT / "static/css").glob("*.css")]
    assert len(sheets) > 2 and all(not one & other for one, other in itertools.combinations(sheets, 2))


# ── words ────────────────────────────────────────────────────────────────────────────────────────────────────────
def forbidden() -> list[re.Pattern[str]]:
    """Words of the place where the program was made; put together here so that this file does not hold them."""
    machine = ["/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/[a-z]", "/opt/" + "(?:pypi|wheels)", "\\.py" + "env\\b"]
    makers = ["\\bsub-?ag" + "ents?\\b", "\\bL" + "LM\\b", "\\bChat" + "GPT\\b", "\\bClau" + "de\\b", "\\bAnth" + "ropic\\b", "\\bOpen" + "AI\\b"]
    leftovers = ["\\bTO" + "DO\\b", "\\bFIX" + "ME\\b", "\\bXX" + "X\\b", "\\bHA" + "CK\\b", "lorem ip" + "sum"]
    return [re.compile(word) for word in machine + makers + leftovers]


def test_no_file_speaks_of_the_machine_it_was_written_on_or_of_unfinished_work() -> None:
    patterns = forbidden()
    guilty = []
    for path in files():
        if not own(path) or path.suffix in {".png", ".jpg", ".ico", ".woff2", ".pdf", ".xlsx", ".mo"}:
            continue
        text = path.read_text(errors="replace")
        guilty += [f"{named(path)}: {match.group(0)}" for pattern in patterns for match in [pattern.search(text)] if match]
    assert guilty == []


def test_names_that_hide_what_a_file_does_are_not_used() -> None:
    assert [named(path) for path in of_kind(".py") if re.search(r"(^|_)(utils?|helpers?|manager|handlers?)$", path.stem)] == []


def test_data_folders_and_secrets_are_not_in_the_tree() -> None:
    assert [named(path) for path in files() if path.suffix in {".db", ".pem", ".sqlite", ".mo", ".pyc"} or "instance" in path.relative_to(ROOT).parts] == []
