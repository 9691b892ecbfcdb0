"""The trainee's own certificate: seen once released, and by nobody else's hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from foundation import clock
from foundation.db import transaction
from tests.credentials_world import World, decide
from tests.factories import Factory
from training.credentials import services


@pytest.fixture
def world(make: Factory) -> World:
    return World(make)


def test_without_a_certificate_the_page_says_what_fills_it(world: World, client_for: Callable[..., Any]) -> None:
    world.trainee("zhixing")
    page = client_for("zhixing", "zh").get("/my/certificate").get_data(as_text=True)
    assert "船还在路上" in page and "培训部确认之后" in page


def test_the_certificate_stands_on_the_page_as_on_paper(world: World, client_for: Callable[..., Any]) -> None:
    made = world.certify(world.trainee("zhixing", name="陆知行"))
    client = client_for("zhixing", "zh")
    page = client.get("/my/certificate").get_data(as_text=True)
    for told in ("结业证书", "陆知行", "客户服务经理专业培训", "七周，140 学时", "综合评定<b>良好</b>", made.number, made.facts["expires_on"], "seven-week"):
        assert told in page
    pdf = client.get(f"/my/certificates/{made.id}/certificate.pdf")
    assert pdf.data.startswith(b"%PDF-1.7") and pdf.headers["Cache-Control"] == "no-store"


def test_before_its_release_nothing_of_it_shows_anywhere(world: World, client_for: Callable[..., Any]) -> None:
    """The canary: an unreleased certificate's number, code and hash are on no page of the trainee, HR or the public."""
    soon = clock.now() + timedelta(days=1)
    made = world.certify(world.trainee("zhixing", name="陆知行"), released_at=soon)
    world.make.person("hr", "hr")
    canaries = (made.number, made.code, made.facts_hash, made.facts_hash[:16])
    pages = {
        "zhixing": ("/", "/my/certificate", f"/my/certificates/{made.id}", f"/my/certificates/{made.id}/certificate.pdf", "/my/record"),
        "hr": ("/", "/records/certifications", f"/records/certifications?q={made.name}", "/records/certifications.csv", "/records/certifications.jsonl",
               f"/certificates/{made.id}"),
        "": (f"/verify/{made.code}",),
    }
    for login, addresses in pages.items():
        client = client_for(login)
        for address in addresses:
            text = client.get(address).get_data(as_text=True).replace(f"/verify/{made.code}", "")
            assert not [canary for canary in canaries if canary in text], (login, address)
    with clock.standing_at(soon):
        client = client_for("zhixing")
        assert made.number in client.get("/my/certificate").get_data(as_text=True)
        assert made.number in client.get("/my/record").get_data(as_text=True)


def test_somebody_else_s_certificate_is_as_unknown(world: World, client_for: Callable[..., Any]) -> None:
    made = world.certify(world.trainee("owner"))
    world.trainee("other")
    client = client_for("other")
    for end in ("", "/certificate.pdf"):
        theirs, unknown = client.get(f"/my/certificates/{made.id}{end}"), client.get(f"/my/certificates/4711{end}")
        assert theirs.status_code == unknown.status_code == 404
        assert theirs.get_data(as_text=True).replace(f"/{made.id}{end}", "") == unknown.get_data(as_text=True).replace(f"/4711{end}", "")
    assert client.get(f"/certificates/{made.id}").status_code == 403


def test_a_revoked_certificate_says_so_and_is_not_handed_out(world: World, client_for: Callable[..., Any]) -> None:
    made = world.certify(world.trainee("zhixing"))
    with transaction():
        services.revoke(made.id, world.reviewer, "材料不实")
    client = client_for("zhixing")
    page = client.get("/my/certificate").get_data(as_text=True)
    assert "was revoked on" in page and "材料不实" in page and "Download the PDF" not in page
    assert client.get(f"/my/certificates/{made.id}/certificate.pdf").status_code == 404


def test_the_live_certificate_comes_first_and_former_ones_are_listed(world: World, client_for: Callable[..., Any]) -> None:
    old = world.certify(world.trainee("zhixing"))
    with transaction():
        number = services.issue_anew(old.id, world.reviewer, "单位更正").number
    page = client_for("zhixing").get("/my/certificate").get_data(as_text=True)
    assert page.index(number) < page.index(old.number) and "Replaced" in page


def test_the_personal_file_holds_what_was_released(world: World, client_for: Callable[..., Any]) -> None:
    enrolment_id = world.trainee("zhixing", name="陆知行")
    client = client_for("zhixing", "zh")
    page = client.get("/my/record").get_data(as_text=True)
    assert "个人培训档案" in page and "陆知行" in page and "还没有发布的结果" in page and "暂无荣誉记录" in page
    with transaction():
        decide(enrolment_id, world.reviewer_id, outcome="resit", released_at=clock.now() + timedelta(days=1), total="77.7")
    assert "77.7" not in client.get("/my/record").get_data(as_text=True)
    made = world.certify(enrolment_id)
    page = client.get("/my/record").get_data(as_text=True)
    assert made.number in page and "83.8" in page and "四项各自达标" in page and "77.7" not in page


def test_an_empty_file_says_so(world: World, client_for: Callable[..., Any]) -> None:
    world.make.person("newcomer", "trainee")
    assert "档案里还没有内容" in client_for("newcomer", "zh").get("/my/record").get_data(as_text=True)


def test_the_file_asks_a_bounded_number_of_questions(world: World, client_for: Callable[..., Any], query_count: Any) -> None:
    world.certify(world.trainee("zhixing"))
    client = client_for("zhixing")
    client.get("/my/record")
    with query_count() as counted:
        client.get("/my/record")
    assert counted.number <= 12


@pytest.mark.parametrize("address", ["/my/certificate", "/my/record", "/my/certificates/1", "/my/certificates/1/certificate.pdf"])
def test_strangers_sign_in_first_and_staff_have_no_such_page(world: World, client_for: Callable[..., Any], address: str) -> None:
    assert client_for("").get(address).status_code == 303
    assert client_for("reviewer").get(address).status_code == 403
