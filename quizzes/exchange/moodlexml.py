"""Moodle XML: read and written. Pictures travel inside, as base64 beside the text that shows them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import unquote
from xml.sax.saxutils import escape

from quizzes.exchange import gaps
from quizzes.exchange.kinds import as_number, part_stem
from quizzes.exchange.markup import from_html, from_markdown, from_plain, html_of, to_html
from quizzes.exchange.outward import gap_meta, main_language, merged, stem_lines
from quizzes.exchange.question import MAX_QUESTIONS, Answer, NotReadable, Question, Remark, Text, meta_line, split_meta, take_meta, take_tag
from quizzes.exchange.xmltree import Node, pieces
from quizzes.rules.picture import ENDINGS, MAX_BYTES, NoPicture, measure

_PLUGIN_FILE = "@@PLUGINFILE@@/"
_UNIT_LIMIT = 20
# parts of a question that say nothing an item of ours could lose: defaults, display, and what is read elsewhere
_KNOWN = frozenset(
    "name questiontext generalfeedback defaultgrade penalty hidden idnumber tags answer single shuffleanswers answernumbering correctfeedback "
    "partiallycorrectfeedback incorrectfeedback shownumcorrect showstandardinstruction subquestion units unitgradingtype unitpenalty showunits unitsleft "
    "usecase graderinfo responseformat responserequired responsefieldlines minwordlimit maxwordlimit attachments attachmentsrequired maxbytes "
    "filetypeslist responsetemplate layouttype selecttype selectcount gradingtype showgrading numberingstyle instructions hint coursetag "
    "shownumcorrect shuffle category info file questionid".split())
_PRAISE = frozenset(("", "your answer is correct.", "your answer is partially correct.", "your answer is incorrect.", "答案正确", "你的答案是正确的。",
                     "回答正确。", "你的答案是部分正确的。", "你的答案是错误的。", "回答不正确。", "您的答案正确。", "您的答案部分正确。", "您的答案不正确。"))


@dataclass(frozen=True)
class Carried:
    """A picture that came inside a file, checked by its own bytes."""

    sha256: str
    content: bytes
    media_type: str
    name: str


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────
class _Reading:
    """What is known of the file so far: the category, and the pictures found in it."""

    def __init__(self) -> None:
        self.category = ""
        self.pictures: dict[str, Carried] = {}

    def text(self, question: Question, node: Node | None, outer: Node | None = None) -> Text:
        """The text of a <questiontext>-like element, in the format it names; `outer` holds files that belong to it as well."""
        if node is None:
            return {}
        words = node.told("text") if node.find("text") else node.text.strip()
        form = node.attributes.get("format", "html")
        if form == "plain_text":
            found = from_plain(words)
        elif form == "markdown":
            found = from_markdown(words)
        else:
            files = [*node.all("file"), *(outer.all("file") if outer else ())]
            found = from_html(words if form == "html" else words.replace("\n", "<br>"), lambda address: self._picture(question, address, files))
            for file in files:
                name = file.attributes.get("name", "")
                if name and unquote(name) not in unquote(words):
                    question.say("file_unused", name[:60], line=file.line)
        for code, value in found.dropped:
            question.say(f"dropped_{code}", value, line=node.line)
        return found.text

    def _picture(self, question: Question, address: str, files: list[Node]) -> str | None:
        """The SHA-256 of a picture that the file itself brings; nothing is ever fetched and no path is ever followed."""
        if address.startswith(_PLUGIN_FILE):
            name = unquote(address.removeprefix(_PLUGIN_FILE).split("?")[0])
            for file in files:
                if file.attributes.get("path", "/").strip("/") + "/" + file.attributes.get("name", "") in (name, f"/{name}"):
                    return self._keep(question, file.text, file.attributes.get("name", ""), file.line)
            question.say("file_missing", name[:60])
            return None
        if told := re.match(r"data:image/[a-z+.-]{1,20};base64,", address, re.I):
            return self._keep(question, address[told.end():], "", question.line)
        own = re.fullmatch(r"picture:([0-9a-f]{64})", address)
        return own[1] if own else None

    def _keep(self, question: Question, told: str, name: str, line: int) -> str | None:
        bare = "".join(told.split())
        if len(bare) > MAX_BYTES * 4 // 3 + 8:
            question.say("picture_bytes", name[:60], severity="error", line=line)
            return None
        try:
            content = base64.b64decode(bare, validate=True)
            found = measure(content)
        except (binascii.Error, ValueError) as fault:
            question.say(f"picture_{fault.reason}" if isinstance(fault, NoPicture) else "picture_base64", name[:60], severity="error", line=line)
            return None
        sha256 = hashlib.sha256(content).hexdigest()
        plain = re.sub(r"[\x00-\x1f\x7f/\\]", "_", name)[:120] or f"{sha256[:12]}.{found.ending}"
        self.pictures.setdefault(sha256, Carried(sha256, content, found.media_type, plain))
        return sha256


def read(content: bytes) -> tuple[list[Question], list[Remark], dict[str, Carried]]:
    """Every question of a file with its pictures; what could not be read stands in the remarks. Raises NotReadable."""
    reading = _Reading()
    questions: list[Question] = []
    nodes, odd = pieces(content, "quiz", "question")
    remarks = [Remark(line, "", "unknown_part", (name,), "warning") for line, name in odd]
    if len(nodes) > MAX_QUESTIONS:
        raise NotReadable("too_many", nodes[MAX_QUESTIONS].line, f"{MAX_QUESTIONS:,}")
    for node in nodes:
        kind = node.attributes.get("type", "")
        if kind == "category":
            reading.category = node.told("category", "text")
            continue
        question = Question("essay", node.line, " ".join(node.told("name", "text").split())[:300], node.told("idnumber"), reading.category)
        read_kind = _KINDS.get(kind)
        if read_kind is None:
            question.say("unsupported", kind[:40] or "?", severity="error")
            remarks += question.remarks
            continue
        _shared(reading, question, node)
        read_kind(reading, question, node)
        if any(remark.is_error for remark in question.remarks):
            remarks += [remark for remark in question.remarks if remark.is_error]
            continue
        questions.append(question)
    return questions, remarks, reading.pictures


def _shared(reading: _Reading, question: Question, node: Node) -> None:
    for line, comment in node.comments:
        if comment.startswith("qz:"):
            take_meta(question, comment.removeprefix("qz:").strip(), line)
    for holder in node.all("tags"):
        for tag in holder.all("tag"):
            take_tag(question, tag.told("text"))
    if node.attributes.get("type") not in ("cloze", "multianswer"):
        question.stem = reading.text(question, node.find("questiontext"))
    question.general = reading.text(question, node.find("generalfeedback"))
    question.shuffle = node.told("shuffleanswers") not in ("0", "false")
    question.marks = node.told("defaultgrade") or "1"
    for part in node.children:
        if part.name not in _KNOWN:
            question.say("unknown_part", part.name[:40], line=part.line)
    for name in ("correctfeedback", "partiallycorrectfeedback", "incorrectfeedback"):
        told = re.sub(r"<[^>]*>", "", node.told(name, "text")).strip()
        if told.casefold() not in _PRAISE:
            question.say("combined_feedback", name)
    if node.find("hint") is not None:
        question.say("hints")
    if node.told("hidden") == "1":
        question.say("hidden", severity="note")
    if node.attributes.get("type") != "essay" and _decimal(question.marks, Decimal(1)) != 1:
        question.say("marks_apart", _plain(question.marks), severity="note")
    if _decimal(node.told("penalty"), Decimal(0)) not in (0, Decimal("0.1"), Decimal(1), Decimal("0.3333333")):
        question.say("penalty", _plain(node.told("penalty")), severity="note")


def _plain(told: str) -> str:
    return told.rstrip("0").rstrip(".") if "." in told else told


def _decimal(told: str, otherwise: Decimal) -> Decimal:
    value = as_number(told)
    return otherwise if value is None else value


def _fraction(node: Node) -> Decimal:
    return _decimal(node.attributes.get("fraction", "0"), Decimal(0)) / 100


def _multichoice(reading: _Reading, question: Question, node: Node) -> None:
    question.kind = "multichoice"
    question.is_single = node.told("single").casefold() not in ("false", "0")
    question.answers = [Answer(reading.text(question, answer), _fraction(answer), reading.text(question, answer.find("feedback")), answer.line)
                        for answer in node.all("answer")]
    if not any(answer.fraction > 0 for answer in question.answers):
        question.say("none_right", severity="error")


def _truefalse(reading: _Reading, question: Question, node: Node) -> None:
    question.kind = "truefalse"
    found = {answer.told("text").casefold(): Answer({"": answer.told("text").casefold()}, _fraction(answer), reading.text(question, answer.find("feedback")))
             for answer in node.all("answer")}
    question.answers = [found.get(name, Answer({"": name}, Decimal(0))) for name in ("true", "false")]
    if question.answers[0].fraction == question.answers[1].fraction:
        question.say("none_right", severity="error")


def _matching(reading: _Reading, question: Question, node: Node) -> None:
    question.kind = "matching"
    question.pairs = [(reading.text(question, pair), reading.text(question, pair.find("answer"))) for pair in node.all("subquestion")]
    question.pairs = [pair for pair in question.pairs if pair[1]]
    if sum(1 for left, _right in question.pairs if left) < 2:
        question.say("pairs_few", severity="error")


def _numerical(reading: _Reading, question: Question, node: Node) -> None:
    question.kind = "numerical"
    for answer in node.all("answer"):
        told = answer.told("text")
        value, width = as_number(told), as_number(answer.told("tolerance") or "0")
        if told == "*":
            question.say("wrong_feedback", severity="warning", line=answer.line)
        elif value is None or width is None or width < 0:
            question.say("not_a_number", told[:40], severity="error", line=answer.line)
        else:
            question.answers.append(Answer({"": format(value, "f")}, _fraction(answer), reading.text(question, answer.find("feedback")), answer.line,
                                           format(width, "f")))
    question.answers.sort(key=lambda answer: answer.fraction != 1)
    if not question.answers or question.answers[0].fraction != 1:
        question.say("none_right", severity="error")
    for unit in (unit for holder in node.all("units") for unit in holder.all("unit")):
        if _decimal(unit.told("multiplier"), Decimal(1)) == 1 and len(question.units) < _UNIT_LIMIT:
            question.units.append(unit.told("unit_name")[:40])
        else:
            question.say("unit_multiplier", unit.told("unit_name")[:40], unit.told("multiplier")[:20], line=unit.line)


def _shortanswer(reading: _Reading, question: Question, node: Node) -> None:
    question.kind = "cloze"
    question.case_matters = node.told("usecase") == "1"
    answers = [gaps.Said(answer.told("text"), _fraction(answer), reading.text(question, answer.find("feedback"))) for answer in node.all("answer")]
    question.gaps = {"a": gaps.gap_of(question, answers)}
    question.text = {"": "[[a]]"}


def _multianswer(reading: _Reading, question: Question, node: Node) -> None:
    """The text holds the gaps; they are taken out first, so that their own text is not read as the sentence's."""
    question.kind = "cloze"
    holder = node.find("questiontext")
    if holder is None:
        return
    inner = holder.find("text") or holder
    inner.parts = [gaps.take_out(question, inner.text, lambda told: _feedback(reading, question, told))]
    question.text = reading.text(question, holder)
    part_stem(question)
    if not question.gaps and not any(remark.is_error for remark in question.remarks):
        question.say("no_gaps", severity="error")


def _feedback(reading: _Reading, question: Question, told: str) -> Text:
    found = from_html(told)
    for code, value in found.dropped:
        question.say(f"dropped_{code}", value)
    return found.text


def _essay(reading: _Reading, question: Question, node: Node) -> None:
    question.kind = "essay"
    question.grader_info = reading.text(question, node.find("graderinfo"))
    if re.sub(r"<[^>]*>", "", node.told("responsetemplate", "text")).strip():
        question.say("response_template")
    if node.told("attachments") not in ("", "0"):
        question.say("attachments")
    question.marks = _plain(question.marks)


def _ordering(reading: _Reading, question: Question, node: Node) -> None:
    question.kind = "ordering"
    entries = sorted(node.all("answer"), key=lambda answer: _fraction(answer))
    question.answers = [Answer(reading.text(question, answer), line=answer.line) for answer in entries]
    rule = node.told("gradingtype").upper()
    question.exact_order = rule in ("ALL_OR_NOTHING", "-1")
    if rule not in ("", "ALL_OR_NOTHING", "-1", "RELATIVE_NEXT_EXCLUDE_LAST", "1"):
        question.say("ordering_rule", rule[:40])
    if node.told("selecttype").upper() not in ("", "0", "ALL"):
        question.say("ordering_selection", node.told("selectcount")[:10])
    if len(question.answers) < 3:
        question.say("order_short", severity="error")


def _description(_reading: _Reading, question: Question, _node: Node) -> None:
    question.kind = "description"


_KINDS: dict[str, Callable[[_Reading, Question, Node], None]] = {
    "multichoice": _multichoice, "truefalse": _truefalse, "matching": _matching, "numerical": _numerical, "shortanswer": _shortanswer, "essay": _essay,
    "cloze": _multianswer, "multianswer": _multianswer, "ordering": _ordering, "description": _description,
}


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────
Pictures = Mapping[str, tuple[str, bytes]]   # SHA-256 → (media type, bytes)


class _Writing:
    def __init__(self, pictures: Pictures) -> None:
        self.pictures = pictures
        self.losses: list[Remark] = []
        self.out: list[str] = []
        self.key = ""

    def element(self, name: str, text: Text | None, extra: str = "", attributes: str = "") -> str:
        """A text element in HTML with the pictures it shows; `extra` stands inside it, after the text."""
        address, shown = self.addresses()
        return self.raw(name, to_html(text or {}, address), shown, extra, attributes)

    def addresses(self) -> tuple[Callable[[str], str], dict[str, str]]:
        """What gives a picture its address inside the file, and the pictures that were asked for."""
        shown: dict[str, str] = {}

        def address(sha256: str) -> str:
            if sha256 not in self.pictures:
                self.losses.append(Remark(0, self.key, "loss_picture_gone", (sha256[:12],), "warning"))
                return f"picture:{sha256}"
            shown[sha256] = f"{sha256}.{ENDINGS[self.pictures[sha256][0]]}"
            return _PLUGIN_FILE + shown[sha256]

        return address, shown

    def raw(self, name: str, markup: str, shown: Mapping[str, str], extra: str = "", attributes: str = "") -> str:
        files = "".join(f'<file name="{file}" path="/" encoding="base64">{base64.b64encode(self.pictures[sha256][1]).decode()}</file>'
                        for sha256, file in shown.items())
        return f'<{name}{attributes} format="html"><text>{cdata(markup)}</text>{files}{extra}</{name}>'


def cdata(text: str) -> str:
    return "" if not text else "<![CDATA[" + text.replace("]]>", "]]]]><![CDATA[>") + "]]>"


def write(questions: Iterable[Question], pictures: Pictures, heading: str = "") -> tuple[bytes, list[Remark]]:
    """The questions as a Moodle XML file, and what Moodle will not do with it."""
    writing = _Writing(pictures)
    out = ['<?xml version="1.0" encoding="UTF-8"?>', f"<!-- {escape(heading).replace('--', '- -')} -->", "<quiz>"]
    category = None
    for question in questions:
        if question.category != category:
            category = question.category
            out.append(f'<question type="category"><category><text>{escape("$course$/top/" + category.replace("/", "//"))}</text></category></question>')
        out.append(_written(writing, question))
    return ("\n".join([*out, "</quiz>"]) + "\n").encode(), writing.losses


def _written(writing: _Writing, question: Question) -> str:
    writing.key = question.idnumber
    kind, lines, text = _WRITERS[question.kind](writing, question)
    tags, rest = split_meta(question.meta)
    head = [f'<question type="{kind}">']
    if rest:
        head.append(f"<!-- qz: {meta_line(rest)} -->")
    head += [f"<name><text>{escape(question.name)}</text></name>", text or writing.element("questiontext", question.stem),
             writing.element("generalfeedback", question.general), f"<defaultgrade>{question.marks}</defaultgrade>", "<penalty>0</penalty>",
             "<hidden>0</hidden>",             f"<idnumber>{escape(question.idnumber)}</idnumber>"]
    told = "".join(f"<tag><text>{escape(tag)}</text></tag>" for tag in (*question.tags, *tags))
    return "\n".join([*head, *lines, f"<tags>{told}</tags>", "</question>"])


def _share(fraction: Decimal) -> str:
    text = format((fraction * 100).quantize(Decimal("0.00001")), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


Written = tuple[str, list[str], str]


def _answer(writing: _Writing, answer: Answer) -> str:
    return writing.element("answer", answer.text, writing.element("feedback", answer.feedback), f' fraction="{_share(answer.fraction)}"')


def _write_choice(writing: _Writing, question: Question) -> Written:
    shuffle = "true" if question.shuffle else "false"
    return "multichoice", [f"<single>{'true' if question.is_single else 'false'}</single>", f"<shuffleanswers>{shuffle}</shuffleanswers>",
                           "<answernumbering>ABCD</answernumbering>", *(_answer(writing, answer) for answer in question.answers)], ""


def _write_truth(writing: _Writing, question: Question) -> Written:
    return "truefalse", [f'<answer fraction="{_share(answer.fraction)}" format="moodle_auto_format"><text>{answer.text[""]}</text>'
                         f"{writing.element('feedback', answer.feedback)}</answer>" for answer in question.answers], ""


def _write_matching(writing: _Writing, question: Question) -> Written:
    if "pair_feedback" in question.meta:
        writing.losses.append(Remark(0, question.idnumber, "loss_pair_feedback", severity="note"))
    return "matching", [f"<shuffleanswers>{'true' if question.shuffle else 'false'}</shuffleanswers>",
                        *(writing.element("subquestion", left, f"<answer><text>{cdata(to_html(right))}</text></answer>") for left, right in question.pairs)], ""


def _write_numerical(writing: _Writing, question: Question) -> Written:
    if "parameters" in question.meta:
        writing.losses.append(Remark(0, question.idnumber, "loss_parameters", severity="note"))
    lines = [f'<answer fraction="{_share(answer.fraction)}" format="moodle_auto_format"><text>{answer.text[""]}</text>'
             f"<tolerance>{answer.tolerance}</tolerance>{writing.element('feedback', answer.feedback)}</answer>" for answer in question.answers]
    units = "".join(f"<unit><multiplier>1</multiplier><unit_name>{escape(unit)}</unit_name></unit>" for unit in question.units)
    return "numerical", [*lines, f"<units>{units}</units>", "<unitgradingtype>0</unitgradingtype>", "<unitpenalty>0</unitpenalty>",
                         "<showunits>3</showunits>", "<unitsleft>0</unitsleft>"], ""


def _write_cloze(writing: _Writing, question: Question) -> Written:
    beside = gap_meta(question)
    if list(question.gaps) == ["a"] and all(told == "[[a]]" for told in question.text.values()):
        question.meta = question.meta | {"accept": beside["accept"]}
        gap = question.gaps["a"]
        return "shortanswer", [f"<usecase>{int(question.case_matters)}</usecase>", *(
            f'<answer fraction="100" format="moodle_auto_format"><text>{escape(word)}</text>{writing.element("feedback", gap.feedback)}</answer>'
            for word in merged(gap))], ""
    main = main_language(question)
    if "text" in beside:
        writing.losses.append(Remark(0, question.idnumber, "loss_gap_language", severity="note"))
    question.meta = question.meta | beside | {"stem_lines": stem_lines(question)}
    address, shown = writing.addresses()
    stem = to_html(question.stem, address)
    markup = gaps.put_in(html_of(question.text.get(main, ""), address), question)
    return "cloze", [], writing.raw("questiontext", f"{stem}<br>{markup}" if stem else markup, shown)


def _write_essay(writing: _Writing, question: Question) -> Written:
    return "essay", ["<responseformat>editor</responseformat>", "<responserequired>1</responserequired>", "<responsefieldlines>10</responsefieldlines>",
                     "<attachments>0</attachments>", writing.element("graderinfo", question.grader_info),
                     '<responsetemplate format="html"><text></text></responsetemplate>'], ""


def _write_ordering(writing: _Writing, question: Question) -> Written:
    rule = "ALL_OR_NOTHING" if question.exact_order else "RELATIVE_NEXT_EXCLUDE_LAST"
    return "ordering", ["<layouttype>VERTICAL</layouttype>", "<selecttype>ALL</selecttype>", "<selectcount>0</selectcount>",
                        f"<gradingtype>{rule}</gradingtype>", "<showgrading>SHOW</showgrading>", "<numberingstyle>none</numberingstyle>",
                        *(writing.element("answer", answer.text, attributes=f' fraction="{number}.0000000"')
                          for number, answer in enumerate(question.answers, 1))], ""


def _write_description(_writing: _Writing, _question: Question) -> Written:
    return "description", [], ""


_WRITERS: dict[str, Callable[[_Writing, Question], Written]] = {
    "multichoice": _write_choice, "truefalse": _write_truth, "matching": _write_matching, "numerical": _write_numerical, "cloze": _write_cloze,
    "essay": _write_essay, "ordering": _write_ordering, "description": _write_description,
}
__all__ = ["Carried", "cdata", "read", "write"]
