"""The paper: what is printed can be read back, twice gives the same bytes, and no box stands where a character belongs."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from datetime import date
from pathlib import Path

import pylopdf_fonts_zh_cn
import pytest

from tests.rules.test_credentials_record import a_record
from training.credentials.rules import paper
from training.credentials.rules.glyphs import UnreadableFont, characters_of, missing_from
from training.credentials.rules.record import digest, short_digest

SERIF = pylopdf_fonts_zh_cn.serif_path()
# Certificates were issued with these files: changing one would change papers that people hold. Make certificate-2 instead.
FROZEN = {"certificate-1": "56f2ebc1c250832c2d1dac526c8bdff8d1267c734247dac0f8cb08e7fe21f203"}


def folder_digest(name: str) -> str:
    files = sorted((paper.TEMPLATES / name).iterdir())
    return hashlib.sha256(b"".join(file.name.encode() + b"\0" + file.read_bytes() + b"\0" for file in files)).hexdigest()


def text_of(pdf: bytes, folder: Path) -> str:
    file = folder / "paper.pdf"
    file.write_bytes(pdf)
    return subprocess.run(["pdftotext", "-layout", str(file), "-"], capture_output=True, text=True, check=True).stdout


def test_templates_in_use_are_never_edited() -> None:
    assert {folder.name: folder_digest(folder.name) for folder in paper.TEMPLATES.iterdir()} == FROZEN


def test_the_paper_says_what_the_record_says(tmp_path: Path) -> None:
    made = a_record()
    text = text_of(paper.draw(made), tmp_path)
    squeezed = "".join(text.split())
    for expected in ("结业证书", "陆知行", "于2026年10月12日至11月29日修完客户服务经理专业培训（七周，140学时）",
                     "理论测试、技能演示、案例分析、课程参与四项各自达标",
                     "综合评定良好，准予结业", "QZ-2026-SM-000418", "2026-12-04", "2029-12-03", "ABCD-EFGH-IJKL-MNOP", "临江银行总行",
                     short_digest(digest(made)).replace(" ", "")):
        assert expected in squeezed
    assert "has completed the seven-week Customer service manager programme (140 class hours)" in text
    assert "awarded the grade Good" in text
    for private in ("007", "老城支行", "86.0", "83.8"):
        assert private not in text


@pytest.mark.skipif(shutil.which("zbarimg") is None, reason="zbarimg reads the code back")
def test_the_code_on_the_rendered_page_leads_to_the_verification_address(tmp_path: Path) -> None:
    made = a_record()
    (tmp_path / "paper.pdf").write_bytes(paper.draw(made))
    subprocess.run(["pdftoppm", "-r", "110", "-png", str(tmp_path / "paper.pdf"), str(tmp_path / "page")], check=True)
    read = subprocess.run(["zbarimg", "--quiet", "--raw", str(tmp_path / "page-1.png")], capture_output=True, text=True, check=True)
    assert read.stdout.strip() == made["verification_url"]


def test_two_drawings_are_the_same_byte_for_byte_also_in_a_fresh_engine() -> None:
    first = paper.draw(a_record())
    assert paper.draw(a_record()) == first
    paper._compiler.cache_clear()
    assert paper.draw(a_record()) == first


def test_the_paper_is_one_tagged_archival_page_of_a4_with_its_fonts_inside(tmp_path: Path) -> None:
    pdf = paper.draw(a_record())
    assert b"pdfaid:part>3<" in pdf and b"pdfaid:conformance>U<" in pdf and b"pdfuaid:part>1<" in pdf
    file = tmp_path / "paper.pdf"
    file.write_bytes(pdf)
    info = subprocess.run(["pdfinfo", "-isodates", str(file)], capture_output=True, text=True, check=True).stdout
    assert "Pages:           1" in info and "(A4)" in info and "Tagged:          yes" in info
    assert "2026-12-04T00:00:00Z" in info
    fonts = subprocess.run(["pdffonts", str(file)], capture_output=True, text=True, check=True).stdout.splitlines()[2:]
    assert {line.split("+")[1].split()[0] for line in fonts} == {"NotoSansSC-Regular-Identity-H", "NotoSerifSC-Regular-Identity-H"}
    assert all(line.split()[-5:-2] == ["yes", "yes", "yes"] for line in fonts)


def test_markup_in_a_name_is_only_text(tmp_path: Path) -> None:
    name = '#read("art.svg") *粗* $x$ [a] <b> \\u{41} // 注'
    text = text_of(paper.draw(a_record(name=name)), tmp_path)
    assert "".join(name.split()) in "".join(text.split())


def test_a_long_name_and_a_long_title_stay_on_one_page(tmp_path: Path) -> None:
    made = a_record(name="阿依古丽·买买提艾力·阿卜杜热合曼江·图尔荪 Abdurahman", valid_months=None, ended_on=date(2027, 1, 20),
                    programme_title={"zh": "客户服务储备干部（储蓄业务方向）与网点团队管理综合能力提升专项培训",
                                     "en": "Reserve cadre programme for the savings business and team management of branches"})
    made["expires_on"] = None
    text = text_of(paper.draw(made), tmp_path)
    assert text.count("\f") == 1
    assert "阿依古丽·买买提艾力·阿卜杜热合曼江·图尔荪" in "".join(text.split())
    assert "长期" in text and "2027 年 1 月 20 日" in text


@pytest.mark.parametrize(("name", "missing"), [
    ("陆\U0002b7f7行", ("\U0002b7f7",)),          # a CJK extension D character no text font of the package draws
    ("陆知\u202e行", ("\u202e",)),                # turns the direction of what follows: never on a paper
    ("陆知行\U0001f600", ("\U0001f600",)),
    ("Ünal\x07", ("\x07",)),
])
def test_a_name_the_font_cannot_draw_is_refused_with_the_character_named(name: str, missing: tuple[str, ...]) -> None:
    with pytest.raises(paper.UnprintableName) as refused:
        paper.draw(a_record(name=name))
    assert refused.value.characters == missing
    assert f"U+{ord(missing[0]):04X}" in str(refused.value)


@pytest.mark.parametrize("name", ["陆知行", "买买提·艾力", "Müller Ørsted", "㛃", "喆", "堃", "赟", "昇 燚", "䶮"])
def test_names_that_the_font_knows_are_printed(name: str, tmp_path: Path) -> None:
    paper.check_printable(name)
    assert "".join(name.split()) in "".join(text_of(paper.draw(a_record(name=name)), tmp_path).split())


def test_the_reader_of_the_character_map_knows_the_font_and_refuses_a_broken_one(tmp_path: Path) -> None:
    known = characters_of(SERIF)
    assert len(known) > 20_000 and ord("启") in known and ord("A") in known and 0x2B7F7 not in known
    assert missing_from("启舟 \u3000", SERIF) == ()
    broken = tmp_path / "broken.otf"
    broken.write_bytes(b"OTTO\x00\x00" + bytes(20))
    with pytest.raises(UnreadableFont):
        characters_of(broken)


def test_a_record_of_an_unknown_template_is_not_drawn_with_another() -> None:
    with pytest.raises(paper.UnknownTemplate):
        paper.draw(a_record(), "certificate-99")
