"""How a lesson reads: paragraphs, time, emphasis, links, figures, review; with waivers. No database."""

from __future__ import annotations

from pathlib import Path

import pytest

from courses import loader
from foundation.content import Library

ZH, EN = "lessons/products/deposit-products.zh.md", "lessons/products/deposit-products.en.md"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A content folder with one shipped lesson pair, which may be changed."""
    monkeypatch.setattr(loader, "CONTENT", tmp_path)
    for name in (ZH, EN):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text((Path(loader.__file__).parent / "content" / name).read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


def change(folder: Path, name: str, *changes: tuple[str, str]) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    (folder / name).write_text(text, encoding="utf-8")


def told(severity: str = "") -> list[str]:
    library = Library()
    loader.read_lessons(library)
    return [str(problem) for problem in library.problems if severity in ("", problem.severity)]


def heading(folder: Path, name: str, number: int = 1) -> str:
    """A heading line of the lesson, to put text behind."""
    return [line for line in (folder / name).read_text(encoding="utf-8").splitlines() if line.startswith("## ")][number]


def add(folder: Path, zh: str, en: str) -> None:
    """A paragraph under the second heading of both languages."""
    for name, text in ((ZH, zh), (EN, en)):
        line = heading(folder, name)
        change(folder, name, (line, f"{line}\n\n{text}"))


def signed(folder: Path) -> None:
    for name in (ZH, EN):
        text = (folder / name).read_text(encoding="utf-8")
        head, body = text.split("---\n", 2)[1:]
        lines = [line for line in head.splitlines() if not line.startswith(("author_role", "reviewer_role"))]
        (folder / name).write_text("---\n" + "\n".join([*lines, "author_role: writer", "reviewer_role: reader"]) + "\n---\n" + body, encoding="utf-8")


def test_a_finished_lesson_that_two_people_signed_has_no_complaint(folder: Path) -> None:
    signed(folder)
    assert told() == []


def test_an_approved_lesson_without_a_second_reader_is_refused(folder: Path) -> None:
    signed(folder)
    for name in (ZH, EN):
        change(folder, name, ("reviewer_role: reader", "reviewer_role: writer"))
    assert ["approved needs an author_role and a reviewer_role" in line for line in told("error")] == [True, True]


def test_a_paragraph_too_long_is_told_under_its_heading_at_its_line_and_can_be_waived(folder: Path) -> None:
    signed(folder)
    add(folder, "客户先说办法，后说缘由。" * 20, "The customer tells the way first and the reason later. " * 14)
    found = told("warning")
    label = heading(folder, ZH).split("{#")[1].rstrip("}")
    (zh,) = (line for line in found if "a paragraph of 200 Chinese characters" in line)
    assert f"warning: {label}: " in zh
    lines = (folder / ZH).read_text(encoding="utf-8").splitlines()
    assert "客户先说办法" in lines[int(zh.split(":")[1]) - 1]
    assert any("a paragraph of 140 English words" in line for line in found)
    waiver = "waive:\n  - {check: paragraph, where: LABEL, reason: a list in words, by_role: editor}\nauthor_role".replace("LABEL", label)
    for name in (ZH, EN):
        change(folder, name, ("author_role", waiver))
    assert not [line for line in told() if "paragraph" in line]


def test_a_waiver_that_silences_nothing_is_an_error_of_the_lesson(folder: Path) -> None:
    signed(folder)
    change(folder, EN, ("author_role", "waive:\n  - {check: paragraph, where: nowhere, reason: x, by_role: editor}\nauthor_role"))
    (line,) = told("error")
    assert "deposit-products.en.md:" in line and "silences nothing" in line


@pytest.mark.parametrize(("zh", "en", "check"), [
    ("这里有**没有关上的强调。", "Here is **emphasis that is closed**.", "emphasis"),
    ("利率 2.85% 由题目给出。", "The rate is given in the question.", "figures"),
])
def test_emphasis_left_open_and_figures_that_one_language_lacks_are_warnings(folder: Path, zh: str, en: str, check: str) -> None:
    signed(folder)
    add(folder, zh, en)
    assert sum(line.endswith(f"[{check}]") for line in told("warning")) == 1


def test_chinese_left_in_the_english_text_is_an_error_at_its_line(folder: Path) -> None:
    add(folder, "一句话。", "One sentence, 一句话.")
    (line,) = told("error")
    assert "Chinese characters in the English text" in line
    assert "一句话" in (folder / EN).read_text(encoding="utf-8").splitlines()[int(line.split(":")[1]) - 1]


def test_minutes_far_from_the_reading_time_are_a_warning(folder: Path) -> None:
    signed(folder)
    for name in (ZH, EN):
        change(folder, name, ("minutes: 15", "minutes: 40"))
    (line,) = told()
    assert "the lesson says 40" in line and "deposit-products.zh.md" in line


@pytest.mark.parametrize(("link", "message"), [
    ("[回看](#nowhere)", "links to #nowhere, which is no heading of this lesson"),
    ("[另一课](lesson:no-such-lesson)", "links to lesson no-such-lesson, which does not exist"),
    ("[另一课](lesson:deposit-products#nowhere)", "but that lesson has no such heading"),
    ("[网站](https://example.org)", "a link is #heading, lesson:key or lesson:key#heading"),
    ("[空]()", "links to nothing"),
])
def test_a_link_that_leads_nowhere_is_an_error_in_both_languages(folder: Path, link: str, message: str) -> None:
    target = link[link.index("("):]
    add(folder, link, f"[See]{target}")
    found = told("error")
    assert len(found) == 2 and all(message in line for line in found)
    assert not any(":1:1 " in line for line in found), "the line of the link is told"


def test_links_to_headings_and_lessons_that_exist_are_sound_and_must_be_the_same_in_both_languages(folder: Path) -> None:
    anchor = heading(folder, ZH).split("{#")[1].rstrip("}")
    add(folder, f"[回看](#{anchor})和[这一课](lesson:deposit-products#{anchor})", f"[Back](#{anchor}) and [this lesson](lesson:deposit-products#{anchor})")
    assert told("error") == []
    add(folder, "[再看](lesson:deposit-products)", "Once more.")
    assert [line.split(" ", 1)[1] for line in told("error")] == ["the links differ between zh and en"]


@pytest.mark.parametrize(("old", "new", "message"), [
    ("days=5", "days=soon", "a job-task has a key, days"),
    ("evidence=form", "evidence=hearsay", "a job-task has a key, days"),
    ("::: callout kind=", "::: callout claim=none kind=", "claim none is not in the front matter"),
])
def test_attributes_that_a_page_could_not_use_are_errors(folder: Path, old: str, new: str, message: str) -> None:
    change(folder, ZH, (old, new))
    assert any(message in line for line in told("error"))


@pytest.mark.parametrize(("text", "message"), [
    ("no front matter", "must begin with a front matter"),
    ("---\nkey: [1\n---\n", "deposit-products.zh.md:"),
    ("---\nformat: qizhou/lesson@1\n---\n", "is missing"),
    ("", "must begin with a front matter"),
])
def test_a_broken_lesson_file_is_told_and_leaves_no_piece(folder: Path, text: str, message: str) -> None:
    (folder / ZH).write_text(text, encoding="utf-8")
    library = Library()
    loader.read_lessons(library)
    assert any(message in str(problem) for problem in library.errors) and not library.pieces


def test_a_language_alone_is_an_error_whichever_it_is(folder: Path) -> None:
    (folder / ZH).unlink()
    assert ["deposit-products.zh.md is missing" in line for line in told("error")] == [True]
    (folder / EN).rename(folder / ZH)
    assert any("deposit-products.en.md is missing" in line for line in told("error"))


def test_a_file_that_is_not_utf8_is_told(folder: Path) -> None:
    (folder / EN).write_bytes("存款".encode("gb18030"))
    assert any("is not UTF-8" in line for line in told("error"))
