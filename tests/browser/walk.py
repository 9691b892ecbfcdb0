"""One trainee's way from the open lesson to the certificate that a stranger verifies, role by role, in a real browser.

The tests of a walk follow each other on one installation, as the people do: the trainee's last pieces of work, two
raters, the training department, the certificate, a stranger with the paper, HR, and the administrator, mentor beside.
The whole walk is made twice, with every page in Chinese and with every page in English (test_whole_path_zh, _en).
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from babel.messages.mofile import read_mo
from playwright.sync_api import Page, expect
from python_calamine import CalamineWorkbook

from app import create_app
from quizzes import queries as quiz_queries
from quizzes.rules.answer import to_screen
from quizzes.rules.scoring import right_answer
from tests.browser.conftest import DESKTOP, PHONE, TABLET, Installation, Window

Open = Callable[..., Window]
TRAINEE = "周以宁"
CATALOGUE = Path(__file__).resolve().parents[2] / "foundation/translations/zh/LC_MESSAGES/messages.mo"
COHORT = {"zh": "第七期", "en": "7"}


@cache
def _chinese() -> Any:
    with CATALOGUE.open("rb") as file:
        return read_mo(file)


def right_answers(installation: Installation, attempt_id: int) -> dict[int, dict[str, Any]]:
    """Position → right answer of a paper in the names the page uses, read beside the running product: what somebody who has learnt would choose."""
    app = create_app({"DATA": installation.data})
    with app.app_context():
        found = quiz_queries.slots_of([attempt_id])[attempt_id]
        return {slot.position: to_screen(slot.item, slot.order, right_answer(slot.item, slot.values)) for slot in found}


def answer(page: Page, position: int, given: dict[str, Any]) -> None:
    """Answer the question that is shown, as its kind wants it."""
    form = page.locator(f"#f{position}")
    if "choice" in given:
        form.locator(f"input[value='{given['choice']}']").check(force=True)
    elif "choices" in given:
        for key in given["choices"]:
            form.locator(f"input[value='{key}']").check(force=True)
    elif "value" in given:
        form.locator(f"input[value='{str(given['value']).lower()}']").check(force=True)
    elif "text" in given:
        form.locator("[name=a]").fill(str(given["text"]))
    else:
        for name in ("pairs", "positions"):
            for key, value in given.get(name, {}).items():
                form.locator(f"select[data-entry='{key}']").select_option(str(value))
        for key, value in given.get("blanks", {}).items():
            form.locator(f"input[data-entry='{key}']").fill(value)
    form.locator("[data-role=receipt]").get_by_text(re.compile(r"[0-9A-F]{4}-[0-9A-F]{4}")).wait_for()


def judge(page: Page, level: str, judgement: str | None, evidence: str) -> None:
    """Go through the console as a thumb would: one item after the other, then make the rating final."""
    shown = page.locator("fieldset.crit:visible, #finish:visible").first
    for _step in range(20):
        name = shown.get_attribute("id") or ""
        if name == "finish":
            break
        if name.startswith("c-"):
            page.locator(f"#{name} input[type=radio][value='{level}']").check(force=True)
            page.locator(f"#{name} textarea[name^='evidence.']").fill(evidence)
        elif name == "global" and judgement:
            page.locator(f"#global input[value='{judgement}']").check(force=True)
        page.locator("#thumbbar [data-role=next]").click()
    page.locator("#rate-state.rate-state-ok").wait_for()
    page.locator("#sure").check(force=True)
    page.locator("button[name=act][value=finish]").click()
    expect(page.locator("#rate-state")).to_have_count(0)


class Walk:
    """The walk in one language; the classes that pytest finds name it."""

    language = ""

    def say(self, english: str, **values: str) -> str:
        """A text of the interface as the reader of this walk sees it. Fails where the catalogue has none."""
        text = english if self.language == "en" else str(_chinese()[english].string)
        return text % values if values else text

    def rate(self, me: Window, link: str, level: str, judgement: str) -> None:
        """Open the role-play of a trainee from the list and judge it."""
        page = me.go("/rating")
        page.locator("main").get_by_role("link", name=re.compile(link)).first.click()
        page.locator("#console").wait_for()
        assert me.sideways() == 0
        judge(page, level, judgement, "“您说的不踏实，是怕将来不够用？”停了三秒。")

    def test_the_trainee_reads_the_open_lesson_on_a_phone(self, window: Open) -> None:
        me = window(self.language, PHONE, touch=True)
        page = me.sign_in("trainee")
        expect(page.locator("h1")).to_contain_text(self.say("%(name)s, one thing comes first today.", name="").strip("，, "))
        assert me.sideways() == 0
        page.get_by_role("link", name=self.say("Read the lesson")).click()
        page.wait_for_url("**/lessons/*")
        assert me.sideways() == 0
        for form in page.locator("form.self-check").all():
            key = form.get_attribute("id")
            page.locator(f"#{key} .option input").first.check(force=True)
            page.locator(f"#{key} button").click()
            page.locator(f"#{key} [role=status]").wait_for()
        page.get_by_role("button", name=self.say("I have finished this lesson")).click()
        expect(page.locator("#finish")).to_contain_text(self.say("Finished"))

    def test_the_trainee_sits_the_exam_and_every_answer_has_a_receipt(self, window: Open, installation: Installation) -> None:
        me = window(self.language, PHONE, touch=True)
        page = me.sign_in("trainee")
        me.go("/quizzes/final-exam")
        page.get_by_role("button", name=self.say("Start the exam now")).click()
        page.wait_for_url("**/attempts/*")
        attempt_id = int(re.search(r"/attempts/(\d+)", page.url).group(1))  # type: ignore[union-attr]
        answers = right_answers(installation, attempt_id)
        html = page.content()
        assert '"correct"' not in html and "misconception" not in html
        for position in sorted(answers):
            expect(page.locator(f"#f{position}")).to_be_visible()
            assert me.sideways() == 0
            answer(page, position, answers[position])
            page.locator("[data-role=next]").click()
        page.wait_for_url("**/check")
        page.get_by_role("button", name=self.say("Hand in"), exact=True).click()
        page.wait_for_url("**/result")
        expect(page.locator("main")).to_contain_text(self.say("Handed in"))
        assert "100" not in page.locator("main").inner_text()

    def test_the_trainee_writes_the_case_which_saves_itself(self, window: Open) -> None:
        me = window(self.language, DESKTOP)
        page = me.sign_in("trainee")
        me.go("/cases/press-threat")
        page.get_by_role("button", name=self.say("Begin")).click()
        boxes = page.locator("textarea.case-text")
        expect(boxes.first).to_be_visible()
        for number in range(boxes.count()):
            boxes.nth(number).fill(f"Answer {number + 1}. The complaint is major: a large sum, a deadline for publicity and personal data that leaked. " * 12)
        page.wait_for_timeout(2500)
        page.get_by_role("button", name=self.say("Check before you hand in")).click()
        for box in page.locator("main input[type=checkbox]").all():
            box.check(force=True)
        page.get_by_role("button", name=self.say("Hand in for good")).click()
        expect(page.locator("main")).to_contain_text("Answer 1. The complaint is major")
        expect(page.locator("textarea.case-text:not([readonly])")).to_have_count(0)

    def test_two_raters_judge_the_role_play_and_the_case_without_seeing_each_other(self, window: Open) -> None:
        first = window(self.language, PHONE, touch=True)
        first.sign_in("trainer")
        self.rate(first, TRAINEE, "l4", "good")
        second = window(self.language, TABLET, touch=True)
        second.sign_in("trainer2")
        self.rate(second, TRAINEE, "l4", "good")
        assert "您说的不踏实" not in second.go("/rating").content()

    def test_the_case_gets_two_markers_who_do_not_see_the_name(self, window: Open) -> None:
        first = window(self.language, DESKTOP)
        page = first.sign_in("trainer")
        first.go("/rating")
        page.get_by_role("link", name=re.compile(COHORT[self.language])).first.click()
        form = page.locator("form[action$='/markers']")
        form.locator("input[value='press-threat']").check(force=True)
        for name in ("顾文澜", "贺知秋"):
            form.get_by_label(name).check(force=True)
        form.locator("button[type=submit]").click()
        expect(page.locator("body")).to_contain_text(re.compile("份答卷分配评分员|pieces? of work ha"))
        for login in ("trainer", "trainer2"):
            rater = window(self.language, DESKTOP)
            page = rater.sign_in(login)
            rater.go("/rating")
            links = page.locator("main a[href^='/rating/'], main a[href^='/marking/']").all()
            hrefs = [str(link.get_attribute("href")) for link in links]
            done = False
            for href in dict.fromkeys(hrefs):
                rater.go(href)
                if page.locator("#console").count() and "Answer 1. The complaint is major" in page.locator("body").inner_text():
                    assert TRAINEE not in page.content()
                    judge(page, "good", None, "引用了材料行号，理由能对上事实。")
                    done = True
                    break
            assert done, f"{login} found no case to mark"

    def test_the_training_department_confirms_and_the_certificate_is_issued_at_once(self, window: Open) -> None:
        me = window(self.language, DESKTOP)
        page = me.sign_in("reviewer")
        me.go("/results")
        page.locator("main").get_by_role("link", name=re.compile(COHORT[self.language])).first.click()
        page.get_by_role("link", name=TRAINEE).first.click()
        drawer = page.locator(".drawer")
        expect(drawer).to_contain_text(self.say("Written verdict, as the facts stand now"))
        drawer.locator("input[name=checked]").check(force=True)
        drawer.get_by_role("button", name=self.say("Confirm and issue the certificate")).click()
        expect(page.locator("body")).to_contain_text(re.compile(r"QZ-\d{4}-SM-\d{6}"))

    def test_the_trainee_finds_the_certificate_and_a_stranger_verifies_the_paper(self, window: Open, installation: Installation, tmp_path: Path) -> None:
        me = window(self.language, PHONE, touch=True)
        page = me.sign_in("trainee")
        me.go("/assessment")
        expect(page.locator("main")).to_contain_text(re.compile("加权总分|Total"))
        me.go("/my/certificate")
        expect(page.locator("main")).to_contain_text(TRAINEE)
        assert me.sideways() == 0
        address = str(page.locator("a[href$='.pdf']").first.get_attribute("href"))
        reply = me.context.request.get(installation.base + address)
        assert reply.status == 200 and reply.body().startswith(b"%PDF")
        (tmp_path / "paper.pdf").write_bytes(reply.body())
        subprocess.run(["pdftoppm", "-r", "200", "-png", "-singlefile", "paper.pdf", "paper"], cwd=tmp_path, check=True)
        code = subprocess.run(["zbarimg", "-q", "--raw", "paper.png"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()
        assert code.startswith(installation.base + "/verify/")
        assert TRAINEE in subprocess.run(["pdftotext", "paper.pdf", "-"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
        stranger = window(self.language, PHONE)
        seen = stranger.go(code.removeprefix(installation.base))
        expect(seen.locator("main")).to_contain_text(self.say("Valid"))
        expect(seen.locator("main")).to_contain_text(TRAINEE)
        assert stranger.sideways() == 0
        facts = json.loads(stranger.context.request.get(code, headers={"Accept": "application/json"}).text())
        assert TRAINEE in json.dumps(facts, ensure_ascii=False)

    def test_hr_filters_the_records_and_takes_them_as_a_workbook(self, window: Open, tmp_path: Path) -> None:
        me = window(self.language, DESKTOP)
        page = me.sign_in("hr")
        page.locator(".nav").get_by_role("link", name=self.say("Certification records")).click()
        page.fill("#f-q", TRAINEE)
        page.get_by_role("button", name=self.say("Show"), exact=True).click()
        expect(page.locator("main table")).to_contain_text(TRAINEE)
        reply = me.context.request.get(me.base + "/records/certifications.xlsx")
        assert reply.status == 200
        (tmp_path / "records.xlsx").write_bytes(reply.body())
        rows = CalamineWorkbook.from_path(str(tmp_path / "records.xlsx")).get_sheet_by_index(0).to_python()
        assert len(rows[0]) == 27
        assert any(TRAINEE in row for row in rows[1:])

    def test_the_administrator_imports_a_roster_after_a_preview(self, window: Open, tmp_path: Path) -> None:
        me = window(self.language, DESKTOP)
        page = me.sign_in("admin")
        roster = tmp_path / "roster.csv"
        roster.write_bytes("工号,姓名,机构,岗位,班次\n007,测试甲,城东支行,客户服务经理,2026-SM-08\n7,测试乙,城东支行,客户服务经理,2026-SM-08\n".encode("gb18030"))
        me.go("/people/import")
        page.set_input_files("input[type=file]", str(roster))
        page.locator("main form button[type=submit]").first.click()
        expect(page.locator("main")).to_contain_text("测试甲")
        expect(page.locator("main")).to_contain_text("007")
        page.locator("main form .btn-primary").first.click()
        page.wait_for_load_state()
        me.go("/people/?q=测试甲")
        expect(page.locator("main")).to_contain_text("测试甲")

    def test_the_mentor_sees_the_own_trainees_on_a_phone(self, window: Open) -> None:
        me = window(self.language, PHONE, dark=True)
        page = me.sign_in("mentor")
        expect(page.locator("main")).to_contain_text(TRAINEE)
        page.get_by_role("link", name=TRAINEE).first.click()
        expect(page.locator("main")).to_contain_text(self.say("Gates"))
        assert me.sideways() == 0
