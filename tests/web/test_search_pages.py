"""Search and glossary: everybody finds what they may read, and no query finds more."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from courses import library
from foundation import clock, content
from foundation.content import ContentHead
from foundation.db import db, transaction
from tests.factories import Factory

Client = Callable[..., Any]


def found(page: str) -> list[str]:
    return re.findall(r'<h2>(?:<a href="([^"]+)">)?', page[page.find('class="finds"'):]) if 'class="finds"' in page else []


def ask(client: Any, asked: str, **more: Any) -> str:
    answer = client.get(f"/search?q={quote(asked)}", **more)
    assert answer.status_code == 200
    return str(answer.get_data(as_text=True))


@pytest.fixture
def anna(make: Factory, client_for: Client) -> Any:
    """A trainee in the first week: week 1 is open, all else closed."""
    make.trainee(make.cohort(weeks_ago=0), "anna", "安然")
    return client_for("anna")


@pytest.fixture
def tess(make: Factory, client_for: Client) -> Any:
    make.trainer(make.cohort("2026-T"), "tess")
    return client_for("tess")


def a_sentence(key: str, language: str = "zh") -> str:
    """Some words of a lesson's text that stand in no title and in no other lesson."""
    bodies = {k: content.version(id_).body for k, id_ in content.current_ids("lesson").items()}
    texts = {k: "".join(str(block["text"]) for block in body[language]["blocks"]) for k, body in bodies.items()}
    titles = "".join(body[language]["title"] for body in bodies.values())
    for match in re.finditer(r"[\u4e00-\u9fff]{6}", texts[key]):
        if match.group() not in titles and sum(match.group() in text for text in texts.values()) == 1:
            return match.group()
    raise AssertionError(f"{key} has no words of its own")


def test_a_trainee_finds_a_lesson_of_an_open_week_with_the_hit_in_context(anna: Any) -> None:
    words = a_sentence("deposit-products")
    page = ask(anna, words)
    assert "/lessons/deposit-products" in page and "<mark>" in page
    assert words in re.sub(r"</?mark>", "", page)


def test_a_hit_leads_to_its_heading(anna: Any) -> None:
    body = content.version(content.current_ids("lesson")["deposit-products"]).body
    heading, anchor = re.search(r"^## (.+?) \{#([a-z0-9-]+)\}", "\n".join(b["text"] for b in body["zh"]["blocks"]), re.MULTILINE).groups()  # type: ignore[union-attr]
    assert f'/lessons/deposit-products#{anchor}"' in ask(anna, heading) or "/lessons/deposit-products" in ask(anna, heading)
    assert f'id="{anchor}"' in anna.get("/lessons/deposit-products").get_data(as_text=True)


def test_a_trainee_finds_only_the_title_of_a_closed_week(make: Factory, anna: Any, tess: Any) -> None:
    closed = "needs-iceberg"
    body = content.version(content.current_ids("lesson")[closed]).body
    words = a_sentence(closed)
    assert f"/lessons/{closed}" in ask(tess, words), "the trainer finds it"
    page = ask(anna, words)
    assert f"/lessons/{closed}" not in page
    sample = re.sub(r"</?mark>", "", "".join(re.findall(r'<p class="sample">(.*?)</p>', page)))
    assert words not in sample
    title = re.sub(r"</?mark>", "", ask(anna, body["zh"]["title"]))
    assert body["zh"]["title"] in title and f"/lessons/{closed}" not in title
    assert "Opens on" in title or "Opens after" in title


def test_no_word_of_a_closed_lesson_comes_out_whatever_is_asked(anna: Any) -> None:
    closed = content.version(content.current_ids("lesson")["needs-iceberg"]).body["zh"]
    text = "".join(block["text"] for block in closed["blocks"] if block["name"] == "prose")
    for asked in re.findall(r"[\u4e00-\u9fff]{2,4}", text)[:25]:
        page = ask(anna, asked)
        for sample in re.findall(r'<p class="sample">(.*?)</p>', page):
            plain = re.sub(r"<[^>]+>", "", sample).strip("…")
            assert plain[:20] not in text


def test_a_lesson_out_of_the_own_programme_is_not_found(make: Factory, anna: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lesson that no unit of the programme names: staff find it, the trainee does not, not even its title."""
    original = library.queries.unit_states_of

    def without_week_1(*args: Any, **kwargs: Any) -> Any:
        return original(*args, **kwargs)[1:]

    monkeypatch.setattr(library.queries, "unit_states_of", without_week_1)
    page = ask(anna, a_sentence("deposit-products"))
    assert "deposit-products" not in page


def test_a_retired_lesson_is_found_by_nobody_on_the_staff(tess: Any) -> None:
    words = a_sentence("deposit-products")
    with transaction():
        head = db.session.query(ContentHead).filter_by(kind="lesson", key="deposit-products").one()
        head.retired_at = clock.now()
    assert "/lessons/deposit-products" not in ask(tess, words)


def test_questions_keys_and_the_role_players_part_are_in_no_search(anna: Any, tess: Any) -> None:
    station = content.version(content.current_ids("station")["needs-interview-1"]).body
    item = next(content.version(id_).body for id_ in content.current_ids("item").values())
    for client in (anna, tess):
        for secret in (station["role_player"]["persona"]["zh"][:12], item["stem"]["zh"][:14]):
            samples = "".join(re.findall(r'<p class="sample">(.*?)</p>', ask(client, secret)))
            assert secret not in re.sub(r"<[^>]+>", "", samples)


def test_a_trainer_finds_the_brief_of_a_station_and_a_trainee_does_not(anna: Any, tess: Any) -> None:
    title = content.version(content.current_ids("station")["needs-interview-1"]).body["title"]["zh"]
    assert title in re.sub(r"</?mark>", "", ask(tess, title))
    assert title not in re.sub(r"</?mark>", "", ask(anna, title).split('class="finds"')[-1].split("</ol>")[0])


def test_a_final_case_is_found_by_nobody(tess: Any) -> None:
    for id_ in content.current_ids("case").values():
        body = content.version(id_).body
        page = re.sub(r"</?mark>", "", ask(tess, body["title"]["zh"]).split('class="finds"')[-1])
        assert (body["title"]["zh"] in page) == (body["use"] == "practice")


HOSTILE = ("", " ", "，。", "\x00", "a", "的", "' OR 1=1 --", "<script>alert(1)</script>", "{{7*7}}", "%", "客" * 5000, "(a+)+$", "../../etc/passwd", "😀")


def test_any_query_is_answered_and_shown_as_text(anna: Any) -> None:
    for asked in HOSTILE:
        answer = anna.get("/search", query_string={"q": asked})
        assert answer.status_code == 200, asked
        assert "<script>alert" not in answer.get_data(as_text=True)


def test_any_page_number_is_answered(anna: Any) -> None:
    for wanted in ("", "0", "-1", "9" * 30, "x", "２", "1e3", "\x00"):
        assert anna.get("/search", query_string={"q": "客户", "page": wanted}).status_code == 200, wanted


def test_nothing_found_offers_terms_that_come_near(anna: Any) -> None:
    glossary = content.version(content.current_ids("glossary")["glossary"]).body["terms"]
    word = next(t["term"]["en"] for t in glossary if len(t["term"]["en"]) > 12 and " " not in t["term"]["en"])
    page = ask(anna, word[:-3] + "zzq")
    assert "Terms that come near" in page and 'href="/glossary#' in page


def test_many_hits_are_paged_and_a_page_beyond_the_last_is_the_last(tess: Any) -> None:
    first = ask(tess, "客户")
    total = int(re.search(r"(\d+) results? for", first).group(1))  # type: ignore[union-attr]
    assert total > 20 and first.count("<li") >= 20 and 'rel="next"' in first
    last = tess.get("/search?q=客户&page=9999").get_data(as_text=True)
    assert 'rel="prev"' in last and 'rel="next"' not in last


def test_a_hit_in_the_other_language_says_its_language(make: Factory, client_for: Client) -> None:
    make.trainer(make.cohort("2026-T"), "tess")
    client = client_for("tess", language="zh")
    body = content.version(content.current_ids("lesson")["deposit-products"]).body
    word = next(w for w in re.findall(r"[a-z]{8,}", " ".join(b["text"] for b in body["en"]["blocks"])))
    assert re.search(r'<li lang="en">', ask(client, word))


def test_who_reads_no_lessons_has_no_search(make: Factory, client_for: Client) -> None:
    make.person("hilda", "hr")
    client = client_for("hilda")
    assert client.get("/search?q=x").status_code == client.get("/glossary").status_code == client.get("/books").status_code == 403
    assert 'role="search"' not in client.get("/").get_data(as_text=True)
    assert client_for("").get("/search").status_code == 303


def test_somebody_with_the_role_but_no_cohort_finds_the_glossary_alone(make: Factory, client_for: Client) -> None:
    make.person("nobody", "trainee")
    client = client_for("nobody")
    assert "/lessons/" not in ask(client, "客户")
    assert 'href="/glossary#' in ask(client, "客户")


def test_a_search_asks_the_database_little_however_much_it_finds(anna: Any, tess: Any, query_count: Any) -> None:
    for client, limit in ((anna, 14), (tess, 10)):
        ask(client, "客户")
        with query_count() as counted:
            ask(client, "客户经理")
        assert counted.number <= limit, counted.statements


# ── glossary ─────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_glossary_lists_every_term_in_both_languages_with_open_lessons_only(anna: Any) -> None:
    page = anna.get("/glossary").get_data(as_text=True)
    for term in content.version(content.current_ids("glossary")["glossary"]).body["terms"]:
        assert f'id="{term["key"]}"' in page and term["term"]["zh"] in page
    assert "/lessons/deposit-products" in page and "/lessons/needs-iceberg" not in page


def test_a_trainer_sees_every_lesson_that_uses_a_term(tess: Any) -> None:
    assert "/lessons/needs-iceberg" in tess.get("/glossary").get_data(as_text=True)


def test_the_glossary_is_narrowed_by_words_and_survives_any(anna: Any) -> None:
    page = anna.get("/glossary?q=SURFACE need").get_data(as_text=True)
    assert 'id="surface-need"' in page and 'id="trust"' not in page
    for asked in ("<script>", "%", "客" * 4000, "\x00", "((("):
        answer = anna.get("/glossary", query_string={"q": asked})
        assert answer.status_code == 200 and "<script>" not in answer.get_data(as_text=True).replace("<script type=", "")


def test_the_glossary_asks_the_database_little(anna: Any, query_count: Any) -> None:
    anna.get("/glossary")
    with query_count() as counted:
        anna.get("/glossary")
    assert counted.number <= 13, counted.statements


def test_a_lesson_links_its_terms_to_the_glossary_once(anna: Any) -> None:
    page = anna.get("/lessons/deposit-products").get_data(as_text=True)
    linked = re.findall(r'<a class="term" href="/glossary#([a-z0-9-]+)" title="[^"]+">', page)
    assert linked and len(linked) == len(set(linked))
    glossary = anna.get("/glossary").get_data(as_text=True)
    assert all(f'id="{key}"' in glossary for key in linked)


def test_the_search_field_stands_on_every_page_of_a_reader(anna: Any) -> None:
    for address in ("/", "/course", "/lessons/deposit-products"):
        page = anna.get(address).get_data(as_text=True)
        assert page.count('class="find-top"') == 1 and 'class="find-link"' in page
