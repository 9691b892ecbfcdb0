"""The pages of statistics: what they show and withhold, filters good and hostile, exports, who may look, no names."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from tests.factories import Factory
from tests.statistics_world import Asked, able, bank_singles, people, sit

PAGES = ("/statistics/items", "/statistics/repairs", "/statistics/forms", "/statistics/forms/final-exam", "/statistics/gain", "/statistics/method")


@pytest.fixture
def asked(make: Factory) -> list[Asked]:
    """Two cohorts of 40 and 3 who sat the exam; item 3 carries a wrong key, which the able do not take."""
    make.person("reviewer", "reviewer")
    cohort = make.cohort("2026-A", weeks_ago=6, seats=90)
    make.trainer(cohort, "trainer")
    found = bank_singles(8)
    by_skill = able(3)

    def answer(person: int, place: int) -> int | None:
        return (1 if person >= 25 else 0) if place == 3 else ((0 if person >= 8 * (place % 5) else 1 + place % 2) if place else by_skill(person, place))

    group = people(cohort, 40, "A")
    sit(group, found, lambda person, place: 0 if person > 30 else 1, "pre-test", "pre_test")
    sit(group, found, answer)
    sit(people(make.cohort("2026-B", weeks_ago=6), 3, "B"), found, answer)
    return found


@pytest.fixture
def client(asked: list[Asked], client_for: Callable[..., Any]) -> Any:
    return client_for("reviewer")


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_the_table_shows_figures_with_their_n_and_interval(client: Any, asked: list[Asked]) -> None:
    page = client.get("/statistics/items").get_data(as_text=True)
    text = words(page)
    assert "344 answers in 43 papers" in text and "8 of the bank’s" in text
    row = re.search(rf"<tr>(?:(?!</tr>).)*{asked[3].key}(?:(?!</tr>).)*</tr>", page, re.S)
    assert row is not None
    assert "43" in words(row.group(0)) and "Key in doubt" in words(row.group(0)) and "−" in words(row.group(0))
    assert page.index(f">{asked[3].key}</a></th>" if f">{asked[3].key}</a></th>" in page else asked[3].key) < page.index(asked[5].key), "most urgent first"
    assert "受试" not in page, "no name of a trainee"


def test_the_repair_queue_begins_with_the_wrong_key_and_leads_on(client: Any, asked: list[Asked]) -> None:
    page = client.get("/statistics/repairs").get_data(as_text=True)
    first = page.split('<ol class="repairs">')[1].split("</li>")[0]
    assert asked[3].key in first and "Key in doubt" in first and "See the figures" in first
    only = client.get("/statistics/repairs?advice=miskeyed").get_data(as_text=True)
    assert words(only).count("See the figures") == 1


def test_one_item_shows_its_options_by_group_and_its_cohorts(client: Any, asked: list[Asked]) -> None:
    text = words(page := client.get(f"/statistics/items/{asked[3].key}").get_data(as_text=True))
    assert "Bottom 27%" in text and "Top 27%" in text and "Key in doubt" in text
    assert page.count("<polyline") >= 3, "one trace for each option"
    assert "2 further cohorts together" in text, "of 40 and 3, neither may stand alone: the other would follow by subtraction"
    assert "受试" not in page


def test_whole_papers_show_reliability_and_the_distribution_with_its_table(client: Any) -> None:
    page = client.get("/statistics/forms/final-exam").get_data(as_text=True)
    text = words(page)
    assert "Everybody had the same items" in text and "KR-20" in text and "Standard error of measurement" in text and "Bar 80" in text
    assert page.count('class="bar') >= 2 and "See the table" in text
    assert "Written exam" in words(client.get("/statistics/forms").get_data(as_text=True))


def test_gain_shows_pairs_and_both_means(client: Any) -> None:
    text = words(client.get("/statistics/gain").get_data(as_text=True))
    assert "40 trainees sat both. 0 sat only the pre-test, 3 only the exam" in text and "Before the course" in text


def test_a_cohort_of_three_shows_no_figure(client: Any, asked: list[Asked]) -> None:
    from courses import queries as courses

    cohort_id = courses.find_cohort_id("2026-B")
    text = words(client.get(f"/statistics/items?cohort={cohort_id}").get_data(as_text=True))
    assert "not given: n = 3, from 5" in text and not re.search(r"\d+% \d+%–\d+%", text)
    assert "Scores are not shown" in words(client.get(f"/statistics/forms/final-exam?cohort={cohort_id}").get_data(as_text=True))
    assert "Too few pairs" in words(client.get(f"/statistics/gain?cohort={cohort_id}").get_data(as_text=True))


# ── exports ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_table_goes_out_as_csv_and_xlsx_with_every_row_of_the_filter(client: Any, asked: list[Asked]) -> None:
    answer = client.get("/statistics/items.csv")
    lines = answer.data.decode("utf-8-sig").splitlines()
    assert lines[0].startswith("item,piece,kind,content_area,objective") and len(lines) == 9
    assert answer.headers["Content-Disposition"].startswith("attachment")
    rows = CalamineWorkbook.from_filelike(io.BytesIO(client.get(f"/statistics/items.xlsx?q={asked[3].key}").data)).get_sheet_by_index(0).to_python()
    assert len(rows) == 2 and rows[1][0] == asked[3].key and rows[1][6] == 43 and "miskeyed" in str(rows[1])
    assert client.get("/statistics/items.pdf").status_code == 404


def test_reading_an_export_writes_nothing(client: Any) -> None:
    from foundation import audit

    before = audit.head()
    client.get("/statistics/items.csv")
    assert audit.head() == before


# ── filters ──────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("query", ["from=2026-13-40", "use=everything", "advice=<script>", "cohort=abc", "from=now", "cohort=１２"])
def test_a_filter_that_cannot_be_read_is_said_and_left_out(client: Any, query: str) -> None:
    answer = client.get(f"/statistics/items?{query}")
    assert answer.status_code == 422 and "A filter could not be read" in answer.get_data(as_text=True)
    assert "344 answers" in answer.get_data(as_text=True) and "<script>" not in answer.get_data(as_text=True).replace("<script type", "")


@pytest.mark.parametrize("query", ["page=999", "page=-1", "sort=hacked", "kind=nothing", "q=%00%E2%80%AE", "q=" + "x" * 3000, "area=no-such", "sitting=9"])
def test_other_strange_input_is_taken_calmly(client: Any, query: str) -> None:
    assert client.get(f"/statistics/items?{query}").status_code == 200


def test_filters_narrow_and_keep_their_values(client: Any, asked: list[Asked]) -> None:
    text = words(page := client.get(f"/statistics/items?q={asked[2].key}&sort=key&use=exam").get_data(as_text=True))
    assert "1 items fit the filter" in text or "1 item" in text
    assert f'value="{asked[2].key}"' in page and '<option value="exam" selected>' in page
    assert "No item fits this filter" in client.get("/statistics/items?q=zzzz").get_data(as_text=True)
    assert "40" in words(client.get(f"/statistics/items/{asked[2].key}?use=pre_test").get_data(as_text=True))


# ── who may look ─────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("role", ["trainee", "mentor", "hr", "admin"])
def test_only_who_keeps_the_item_bank_may_look(asked: list[Asked], make: Factory, client_for: Callable[..., Any], role: str) -> None:
    make.person(f"some-{role}", role)
    client = client_for(f"some-{role}")
    assert {client.get(path).status_code for path in (*PAGES, f"/statistics/items/{asked[0].key}", "/statistics/items.csv")} == {403}


def test_anothers_cohort_answers_like_an_unknown_one(asked: list[Asked], client_for: Callable[..., Any]) -> None:
    from courses import queries as courses

    client, other = client_for("trainer"), courses.find_cohort_id("2026-B")
    for path in ("/statistics/items", "/statistics/repairs", f"/statistics/items/{asked[0].key}", "/statistics/forms/final-exam", "/statistics/gain"):
        for cohort in (other, 987654):
            assert client.get(f"{path}?cohort={cohort}").status_code == 404, path
    assert client.get("/statistics/items.csv", query_string={"cohort": other}).status_code == 404
    assert client.get("/statistics/items").status_code == 200


def test_unknown_items_papers_and_sittings_are_not_there(client: Any) -> None:
    for path in ("/statistics/items/no-such-thing", "/statistics/forms/no-such-thing", "/statistics/forms/final-exam?sitting=987654"):
        assert client.get(path).status_code == 404


def test_an_empty_bank_of_answers_says_what_will_fill_the_page(make: Factory, client_for: Callable[..., Any]) -> None:
    make.person("reviewer", "reviewer")
    client = client_for("reviewer")
    for path, text in (("/statistics/items", "No answers yet"), ("/statistics/repairs", "Nothing to repair"), ("/statistics/forms", "No paper has ended yet"),
                       ("/statistics/forms/final-exam", "No paper has ended yet"), ("/statistics/gain", "Too few pairs")):
        assert text in client.get(path).get_data(as_text=True)


def test_both_languages_are_whole(asked: list[Asked], client_for: Callable[..., Any]) -> None:
    client = client_for("reviewer", "zh")
    for path in (*PAGES, f"/statistics/items/{asked[3].key}"):
        page = client.get(path).get_data(as_text=True)
        assert '<html lang="zh-CN">' in page
        left = re.findall(r">([A-Z][a-z]+ [a-z]+ [a-z ]+)<", page.split('<main id="main"')[1])
        assert left == [], (path, left)


def test_a_page_asks_the_database_few_questions(client: Any, asked: list[Asked], query_count: Any) -> None:
    for path in (*PAGES, f"/statistics/items/{asked[3].key}"):
        client.get(path)
        with query_count() as counted:
            client.get(path)
        assert counted.number <= 18, (path, counted.number)
