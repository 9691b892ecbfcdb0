"""The item bank from a browser's side: who may open it, what a draft's form keeps, refuses and says, and the way to approval."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from foundation import content
from foundation.audit import head
from foundation.db import db
from quizzes.models import ItemDraft, ItemTag
from quizzes.queries.bank_registers import known_items
from quizzes.rules.bank import to_fields
from quizzes.rules.bank_diff import difference
from quizzes.rules.item import KINDS
from tests.factories import Factory

KEY = "cc-001"
Clients = dict[str, Any]


@pytest.fixture
def clients(make: Factory, client_for: Callable[..., Any]) -> Clients:
    make.person("author", "trainer", name="林立")
    make.person("reviewer", "reviewer", name="唐静")
    make.person("learner", "trainee")
    return {name: client_for(name) for name in ("author", "reviewer", "learner")}


def begin(client: Any, key: str = KEY) -> str:
    answer = client.send(f"/bank/items/{key}/draft")
    assert answer.status_code == 303
    return str(answer.location)


def form_of(page: str) -> dict[str, str]:
    """Every field of the draft's form as a browser would send it."""
    form = re.search(r'<form[^>]*id="draft".*?</form>', page, re.S)
    assert form is not None
    fields: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", form.group(0)):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and not (re.search(r'type="checkbox"', tag) and " checked" not in tag):
            fields[name.group(1)] = html.unescape(value.group(1)) if value else ""
    for name, text in re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>\n?(.*?)</textarea>', form.group(0), re.S):
        fields[name] = html.unescape(text)
    for name, options in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', form.group(0), re.S):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        fields[name] = html.unescape(chosen.group(1)) if chosen else ""
    for own in ("csrf_token", "op", "do", "add_kind"):
        fields.pop(own, None)
    return fields


def text_of(answer: Any) -> str:
    return html.unescape(str(answer.get_data(as_text=True)))


def the_draft() -> ItemDraft:
    db.session.rollback()
    found = db.session.query(ItemDraft).one()
    return found


# ── who may ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_bank_is_for_who_writes_items_and_approving_for_who_may_approve(clients: Clients) -> None:
    draft = begin(clients["author"])
    for path in ("/bank", f"/bank/items/{KEY}", f"/bank/items/{KEY}/history", draft, "/bank/new", "/bank/marking-rules"):
        assert clients["learner"].get(path).status_code == 403
        assert clients["reviewer"].get(path).status_code == 200
    assert clients["author"].send(f"{draft}/approve", {"version": "1"}).status_code == 403
    assert clients["author"].get("/bank/items/no-such-item").status_code == 404
    assert clients["author"].get("/bank/drafts/999").status_code == 404
    assert "/bank" in clients["author"].get("/").get_data(as_text=True)


def test_a_change_without_its_token_is_refused(clients: Clients) -> None:
    draft = begin(clients["author"])
    before = head()
    for path in (draft, f"{draft}/discard", f"/bank/items/{KEY}/tags", f"/bank/items/{KEY}/retire", "/bank/new", f"/bank/items/{KEY}/draft"):
        assert clients["author"].post(path, data={"op": "x", "reason": "x"}).status_code == 400
    db.session.rollback()
    assert head() == before


# ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_is_shown_in_both_languages_with_its_key(clients: Clients, kind: str) -> None:
    item = next((known.item for known in known_items() if known.item.kind == kind), None)
    if item is None:
        pytest.fail(f"no shipped item of the kind {kind}")
    page = text_of(clients["author"].get(f"/bank/items/{item.key}"))
    assert page.count('class="face card"') == 2
    assert 'lang="zh-CN" aria-label="中文"' in page and 'lang="en" aria-label="English"' in page
    assert "答案与反馈" in page and "Key and feedback" in page
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids)), "no id stands twice, though the question does"
    if kind == "numeric":
        assert page.count("Five sample draws") == 1
        assert page != text_of(clients["author"].get(f"/bank/items/{item.key}?draw=2"))


def test_the_list_and_one_item_ask_the_database_little_however_many_items_there_are(clients: Clients, query_count: Callable[[], Any]) -> None:
    for path in ("/bank", f"/bank/items/{KEY}", f"/bank/items/{KEY}/history"):
        clients["author"].get(path)
        with query_count() as counted:
            assert clients["author"].get(path).status_code == 200
        assert counted.number <= 24, (path, counted.statements)


@pytest.mark.parametrize("query", ["page=99999999", "page=-1", "kind=%00&band=x&state=y", "q=%F0%9F%98%80%E2%80%AE", "draw=99999999999", "area=../../x"])
def test_strange_addresses_show_the_list(clients: Clients, query: str) -> None:
    assert clients["author"].get(f"/bank?{query}").status_code == 200
    assert clients["author"].get(f"/bank/items/{KEY}?{query}").status_code == 200


def test_how_each_kind_is_marked_is_stated_in_both_languages(clients: Clients, client_for: Callable[..., Any]) -> None:
    english = text_of(clients["author"].get("/bank/marking-rules"))
    chinese = text_of(client_for("author", "zh").get("/bank/marking-rules"))
    for kind in KINDS:
        assert f'id="{kind}"' in english
    assert english.count("Example,") == chinese.count("例（") == len(KINDS) - 1


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_form_of_each_kind_sends_back_what_is_stored(clients: Clients, kind: str) -> None:
    item = next(known.item for known in known_items() if known.item.kind == kind)
    draft = begin(clients["author"], item.key)
    before = the_draft().body
    fields = form_of(clients["author"].get(draft).get_data(as_text=True))
    assert clients["author"].send(draft, fields).status_code == 303
    stored = the_draft()
    assert stored.row_version == 1, "nothing was changed, so nothing was saved"
    assert stored.body == before
    fields = {name: value + "。" if name.endswith("stem.zh") else value for name, value in fields.items()}
    assert clients["author"].send(draft, fields).status_code == 303
    changed = {change.field.rpartition(".")[0].rpartition(".")[2] for change in difference(before, the_draft().body)}
    assert changed == {"stem"}, "and what was changed is all that was changed"
    assert set(to_fields(kind, before)) <= {name[2:] for name in fields}


def test_a_new_item_is_written_from_nothing_handed_in_returned_and_approved(clients: Clients) -> None:
    author, reviewer = clients["author"], clients["reviewer"]
    answer = author.send("/bank/new", {"kind": "true_false", "key": "fresh-1", "content_area": "cadre", "programme": "service-manager"})
    draft = answer.location
    page = text_of(author.get(draft))
    assert "things to do before it can be handed in" in page
    fields = form_of(author.get(draft).get_data(as_text=True))
    objective = content.find_current("objectives", "objectives").body["objectives"][0]["key"]  # type: ignore[union-attr]
    fields |= {"f.objective": objective, "f.bloom": "apply", "f.difficulty.expected_fraction": "0.60", "f.difficulty.basis": "panel", "f.usage": "both",
               "f.source": "S1", "f.stem.zh": "班前会上，储备干部先说昨天的好事，再说今天的一件事。这样做对吗？",
               "f.stem.en": "At the morning meeting a cadre first names a good thing of yesterday, then one task of today. Is this right?", "f.answer": "true",
               "f.feedback.if_true.zh": "对，先肯定再布置。", "f.feedback.if_true.en": "Right: first the praise, then the task.",
               "f.feedback.if_false.zh": "不对，这正是好的做法。", "f.feedback.if_false.en": "No: this is what works."}
    half = author.send(draft, {**fields, "f.stem.en": "", "do": "hand_in"})
    assert half.status_code == 422
    assert "things need mending" in text_of(half) or "thing needs mending" in text_of(half)
    assert 'href="#f-stem.en"' in half.get_data(as_text=True) and "班前会上" in text_of(half)
    fields = form_of(half.get_data(as_text=True)) | {"f.stem.en": fields["f.stem.en"]}
    handed = author.send(draft, {**fields, "do": "hand_in"})
    assert handed.status_code == 303, text_of(handed)[:3000]
    page = text_of(author.get(draft))
    assert "Waits for approval" in page and "Approve and publish" not in page and "Take it back" in page
    assert "fresh-1" not in content.current_ids("item")
    version = re.search(r'name="version" value="(\d+)"', reviewer.get(draft).get_data(as_text=True)).group(1)  # type: ignore[union-attr]
    assert reviewer.send(f"{draft}/return", {"version": version, "comment": ""}).status_code == 303
    assert the_draft().state == "handed_in", "a return says why"
    assert reviewer.send(f"{draft}/return", {"version": version, "comment": "请改反馈"}).status_code == 303
    assert "请改反馈" in text_of(author.get(draft))
    fields = form_of(author.get(draft).get_data(as_text=True)) | {"f.feedback.if_true.zh": "对。先肯定，再布置一件事。"}
    assert author.send(draft, {**fields, "do": "hand_in"}).status_code == 303
    version = re.search(r'name="version" value="(\d+)"', reviewer.get(draft).get_data(as_text=True)).group(1)  # type: ignore[union-attr]
    first = reviewer.send(f"{draft}/approve", {"version": version}, op="approve-once")
    again = reviewer.send(f"{draft}/approve", {"version": version}, op="approve-once")
    assert (first.status_code, first.location) == (303, "/bank/items/fresh-1") == (again.status_code, again.location)
    stored = content.find_current("item", "fresh-1")
    assert stored is not None and stored.number == 1 and stored.body["feedback"]["if_true"]["zh"] == "对。先肯定，再布置一件事。"
    assert "approved by" in text_of(author.get("/bank/items/fresh-1/history"))


def test_somebody_elses_save_in_between_shows_both_and_loses_neither(clients: Clients) -> None:
    draft = begin(clients["author"])
    page = clients["author"].get(draft).get_data(as_text=True)
    fields = form_of(page)
    assert clients["reviewer"].send(draft, fields | {"f.stem.zh": "唐静改过的题干，第一句怎样回应最合适？"}).status_code == 303
    late = clients["author"].send(draft, fields | {"f.stem.zh": "林立改过的题干，第一句怎样回应最合适？"})
    assert late.status_code == 409
    shown = text_of(late)
    assert "Somebody else saved this draft meanwhile" in shown
    assert "林立改过的题干" in shown and re.search("<del>唐静", shown) and re.search("<ins>林立", shown)
    assert "唐静改过" in the_draft().body["stem"]["zh"]
    mine = form_of(late.get_data(as_text=True))
    assert mine["f.stem.zh"].startswith("林立改过的题干")
    assert clients["author"].send(draft, mine).status_code == 303
    assert "林立改过" in the_draft().body["stem"]["zh"]


@pytest.mark.parametrize("text", ["x" * 6001, "a\u202eb", "a\x0bb", "\ufeff"])
def test_what_cannot_be_kept_is_refused_with_everything_else_still_there(clients: Clients, text: str) -> None:
    draft = begin(clients["author"])
    fields = form_of(clients["author"].get(draft).get_data(as_text=True))
    answer = clients["author"].send(draft, fields | {"f.stem.zh": text, "f.options.0.feedback.zh": "这一句刚写的"})
    assert answer.status_code == 422
    assert 'href="#f-stem.zh"' in answer.get_data(as_text=True)
    assert "这一句刚写的" in text_of(answer)
    assert the_draft().row_version == 1


def test_markup_in_an_item_is_shown_as_text(clients: Clients) -> None:
    draft = begin(clients["author"])
    fields = form_of(clients["author"].get(draft).get_data(as_text=True))
    evil = "<script>alert(1)</script>“><img src=x onerror=alert(1)>"
    assert clients["author"].send(draft, fields | {"f.stem.zh": evil, "f.options.0.text.en": evil, "f.options.0.key": evil}).status_code == 303
    page = clients["author"].get(draft).get_data(as_text=True)
    assert "<script>alert(1)" not in page and "<img src=x" not in page


def test_a_set_grows_and_shrinks_on_the_page(clients: Clients) -> None:
    key = next(known.key for known in known_items() if known.item.kind == "set")
    draft = begin(clients["author"], key)
    count = len(the_draft().body["items"])
    fields = form_of(clients["author"].get(draft).get_data(as_text=True))
    assert clients["author"].send(draft, {**fields, "do": "add", "add_kind": "cloze"}).status_code == 303
    assert [entry["kind"] for entry in the_draft().body["items"]][count:] == ["cloze"]
    fields = form_of(clients["author"].get(draft).get_data(as_text=True)) | {f"f.items.{count}.drop": "1"}
    assert clients["author"].send(draft, fields).status_code == 303
    assert len(the_draft().body["items"]) == count


def test_the_preview_follows_what_is_typed_and_saves_nothing(clients: Clients) -> None:
    draft = begin(clients["author"])
    fields = form_of(clients["author"].get(draft).get_data(as_text=True))
    before = head()
    answer = clients["author"].send(f"{draft}/preview", fields | {"f.stem.zh": "另一个题干，怎样回应最合适？", "f.options.1.text.zh": ""})
    assert answer.status_code == 200
    assert "另一个题干" in text_of(answer) and "……" in text_of(answer)
    db.session.rollback()
    assert head() == before and the_draft().row_version == 1


def test_a_new_key_is_checked_and_the_form_keeps_what_was_typed(clients: Clients) -> None:
    for key in ("Grosse", KEY, "", "a b"):
        answer = clients["author"].send("/bank/new", {"kind": "cloze", "key": key, "content_area": "cadre", "programme": "service-manager"})
        assert answer.status_code == 422, key
        assert 'value="cloze"' in answer.get_data(as_text=True) and 'value="cadre"' in answer.get_data(as_text=True)
    assert db.session.query(ItemDraft).count() == 0


# ── out of use, tags ─────────────────────────────────────────────────────────────────────────────────────────────
def test_an_item_is_taken_out_of_use_with_a_reason_and_put_back(clients: Clients) -> None:
    author = clients["author"]
    assert author.send(f"/bank/items/{KEY}/retire", {"reason": " "}).status_code == 422
    assert author.send(f"/bank/items/{KEY}/retire", {"reason": "题干有误"}).status_code == 303
    page = text_of(author.get(f"/bank/items/{KEY}"))
    assert "Out of use since" in page and "题干有误" in page and "Put back into use" in page
    assert author.send(f"/bank/items/{KEY}/retire", {"reason": "已改好"}).status_code == 303
    assert "Out of use since" not in text_of(author.get(f"/bank/items/{KEY}"))


def test_tags_are_put_on_and_taken_off(clients: Clients) -> None:
    author = clients["author"]
    assert author.send(f"/bank/items/{KEY}/tags", {"tag": "五号厅"}).status_code == 303
    assert "#五号厅" in text_of(author.get(f"/bank/items/{KEY}")) and "#五号厅" in text_of(author.get("/bank?tag=五号厅"))
    bad = author.send(f"/bank/items/{KEY}/tags", {"tag": "<b>"})
    assert bad.status_code == 422 and "A tag is 1 to 40" in text_of(bad)
    assert author.send(f"/bank/items/{KEY}/tags", {"remove": "五号厅"}).status_code == 303
    assert db.session.query(ItemTag).count() == 0


def test_every_page_of_the_bank_speaks_chinese_too(app: Flask, clients: Clients, client_for: Callable[..., Any]) -> None:
    draft = begin(clients["author"])
    client = client_for("author", "zh")
    for path in ("/bank", f"/bank/items/{KEY}", f"/bank/items/{KEY}/history", f"/bank/items/{KEY}/retire", draft, "/bank/new", "/bank/marking-rules"):
        page = client.get(path).get_data(as_text=True)
        outside = re.sub(r'(?s)<section class="face card" lang="en".*?</section>|<textarea.*?</textarea>|<datalist.*?</datalist>|<[^>]+>', " ", page)
        assert not re.search(r"\b(the|draft|item|right|wrong|missing|save)\b", outside), path
