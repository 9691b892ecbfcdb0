"""GIFT, Moodle's text format: read and written. https://docs.moodle.org/en/GIFT_format is what both sides follow.

Escapes (`\\~ \\= \\# \\{ \\} \\: \\n \\\\`) are turned into single signs first, so that the grammar sees only signs that mean something.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

from quizzes.exchange.kinds import as_number, part_stem
from quizzes.exchange.markup import Reduced, from_html, from_markdown, from_plain, html_of, to_html
from quizzes.exchange.outward import gap_meta, main_language, merged, one_gap, stem_lines
from quizzes.exchange.question import MAX_QUESTIONS, Answer, Gap, NotReadable, Question, Remark, Text, meta_line, take_meta, take_tag
from quizzes.exchange.reading import decoded

_ESCAPES = {"~": "\x01", "=": "\x02", "#": "\x03", "{": "\x04", "}": "\x05", ":": "\x06", "\\": "\x07", "n": "\x0e"}
_PLAIN = str.maketrans({sign: ("\n" if name == "n" else name) for name, sign in _ESCAPES.items()} | {"\x0f": ""})
_FORMAT = re.compile(r"\s*\[(html|moodle|plain|markdown)\]", re.I)
_WEIGHT = re.compile(r"\s*%(-?[0-9]+(?:\.[0-9]*)?)%")
_ID = re.compile(r"\[id:([^\]]*)\]")
_TAG = re.compile(r"\[tag:([^\]]*)\]")
_TRUTH = re.compile(r"(T|TRUE|F|FALSE)\s*(?:#|\Z)", re.I)
_ORDERING = re.compile(r"\s*>\s*((?:(?:\d+|ALL|RANDOM|CONTIGUOUS|REL|EXACT|HORIZONTAL|HORI|H|VERTICAL|VERT|V|[A-Z]+_[A-Z_]+|SHOW|TRUE|YES|HIDE|FALSE|"
                       r"NO|none|abc|ABCD|123|iii|IIII)(?:[ \t]+|(?=\n)))*)", re.I)
_MISSING_WORD = "\x10"


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────
class _Fault(Exception):
    def __init__(self, code: str, *values: str, at: int = 0) -> None:
        super().__init__(code)
        self.code, self.values, self.at = code, values, at


def read(content: bytes) -> tuple[list[Question], list[Remark]]:
    """Every question of a GIFT file; what could not be read stands in the remarks, each with its line. Raises NotReadable."""
    questions: list[Question] = []
    remarks: list[Remark] = []
    category = ""
    for line, block, comments in _blocks(decoded(content)):
        if len(questions) >= MAX_QUESTIONS:
            raise NotReadable("too_many", line, f"{MAX_QUESTIONS:,}")
        stripped = block.replace("\x0f", "").strip()
        if stripped.startswith("$CATEGORY:"):
            category = stripped.removeprefix("$CATEGORY:").splitlines()[0].strip()
            if "\n" in stripped:
                remarks.append(Remark(line, category, "category_crowded"))
            continue
        question = Question("essay", line, category=category)
        for at, comment in comments:
            _comment(question, comment, at)
        try:
            _question(question, block)
        except _Fault as fault:
            question.say(fault.code, *fault.values, severity="error", line=line + block.count("\n", 0, fault.at))
            remarks += question.remarks
            continue
        questions.append(question)
    return questions, remarks


def _blocks(text: str) -> Iterable[tuple[int, str, list[tuple[int, str]]]]:
    """(line, text, comments) of every question: they are parted by empty lines, and comment lines may stand anywhere."""
    start = 0
    lines: list[str] = []
    comments: list[tuple[int, str]] = []
    for number, line in enumerate([*text.split("\n"), ""], 1):
        if line.lstrip().startswith("//"):
            comments.append((number, line.lstrip()[2:].strip()))
            if lines:
                lines.append("\x0f")
        elif line.strip():
            if line.lstrip().startswith("$CATEGORY:") and lines:
                yield start, "\n".join(lines), comments
                lines, comments = [], []
            start = start if lines else number
            lines.append(line)
        elif lines:
            yield start, "\n".join(lines), comments
            lines, comments = [], []


def _comment(question: Question, comment: str, line: int) -> None:
    if comment.startswith("qz:"):
        take_meta(question, comment.removeprefix("qz:").strip(), line)
        return
    for tag in _TAG.findall(comment):
        take_tag(question, tag)
    if ids := _ID.findall(comment):
        question.idnumber = ids[0].strip()


def _question(question: Question, block: str) -> None:
    text = re.sub(r"\\([~=#{}:\\n])", lambda match: _ESCAPES[match[1]], block)
    at = len(text) - len(text.lstrip())
    if text.startswith("::", at):
        end = text.find("::", at + 2)
        if end < 0:
            raise _Fault("title_open")
        question.name = _clean(text[at + 2:end])
        at = end + 2
    form = ""
    if told := _FORMAT.match(text, at):
        form, at = told[1].lower(), told.end()
    opens, closes = text.find("{", at), text.rfind("}")
    if opens < 0 and closes < 0:
        question.kind = "description"
        question.stem = _text(question, text[at:], form)
        return
    if opens < 0 or closes < opens:
        raise _Fault("brace_open", at=max(opens, closes, 0))
    inside = text[opens + 1:closes]
    if "{" in inside or "}" in inside:
        raise _Fault("brace_twice", at=opens + 1 + min(index for index in (inside.find("{"), inside.find("}")) if index >= 0))
    before, after = text[at:opens], text[closes + 1:]
    if not question.name:
        question.name = _clean(re.sub(r"<[^<>]*>", "", before))[:120]
    general = inside.find("####")
    if general >= 0:
        question.general = _text(question, inside[general + 4:], form)
        inside = inside[:general]
    _answers(question, inside, form, opens + 1, (before, after))


def _answers(question: Question, inside: str, form: str, at: int, around: tuple[str, str]) -> None:
    before, after = around
    bare = inside.replace("\x0f", "").strip()
    gap_after = bool(after.replace("\x0f", "").strip())
    question.stem = _text(question, f"{before}{_MISSING_WORD}{after}" if gap_after else before, form)
    if not bare:
        question.kind = "essay"
    elif bare.startswith("#"):
        _numbers(question, inside[inside.find("#") + 1:], form, at)
    elif bare.startswith(">"):
        _order(question, bare, form)
    elif told := _TRUTH.match(bare):
        _truth(question, bare, told, form)
    else:
        tokens = _tokens(inside, at)
        if not tokens:
            raise _Fault("no_answers", bare[:40], at=at)
        signs = {sign for sign, _told, _place in tokens}
        if signs == {"="} and all("->" in told for _sign, told, _place in tokens):
            _pairs(question, tokens, form)
        elif signs == {"="}:
            _gap(question, tokens, form, around if gap_after else None)
        else:
            _options(question, tokens, form)


def _tokens(inside: str, at: int) -> list[tuple[str, str, int]]:
    """(= or ~, what follows, where) of every answer. Raises _Fault for text before the first."""
    found = [(match[1], match[2], at + match.start()) for match in re.finditer(r"([=~])([^=~]*)", inside)]
    head = re.split(r"[=~]", inside, maxsplit=1)[0].replace("\x0f", "").strip()
    if head and found:
        raise _Fault("text_before_answers", head[:40], at=at)
    return found


def _weighted(told: str) -> tuple[Decimal | None, str, str]:
    """(weight or None, text, feedback) of one answer."""
    weight = None
    if match := _WEIGHT.match(told):
        weight, told = Decimal(match[1]) / 100, told[match.end():]
        if abs(weight) > 1:
            raise _Fault("weight_range", match[1])
    text, _sign, feedback = told.partition("#")
    return weight, text, feedback


def _options(question: Question, tokens: list[tuple[str, str, int]], form: str) -> None:
    """Without a "=" several answers are right, as the weights say."""
    question.kind = "multichoice"
    question.is_single = any(sign == "=" for sign, _told, _place in tokens)
    for sign, told, place in tokens:
        try:
            weight, text, feedback = _weighted(told)
        except _Fault as fault:
            fault.at = place
            raise
        share = weight if weight is not None else Decimal(int(sign == "="))
        question.answers.append(Answer(_text(question, text, form), share, _text(question, feedback, form), question.line))
    if not any(answer.fraction > 0 for answer in question.answers):
        raise _Fault("none_right", at=tokens[0][2])


def _gap(question: Question, tokens: list[tuple[str, str, int]], form: str, around: tuple[str, str] | None) -> None:
    """A short answer is a cloze of one gap; a missing word keeps its place in the sentence."""
    question.kind = "cloze"
    gap = Gap({"": []})
    for _sign, told, _place in tokens:
        weight, text, feedback = _weighted(told)
        word = _clean(text)
        if weight is not None and weight < 1:
            question.say("partial_weight", f"{word[:30]} {weight * 100:f}%")
            continue
        if "*" in word:
            question.say("wildcard", word[:30])
        gap.accept[""].append(word)
        gap.feedback = gap.feedback or _text(question, feedback, form)
    if not gap.accept[""]:
        raise _Fault("none_right", at=tokens[0][2])
    question.gaps = {"a": gap}
    question.text = {"": "[[a]]"}
    if around:
        question.text = {name: told.replace(_MISSING_WORD, "[[a]]", 1) for name, told in question.stem.items()}
        question.stem = {}
        part_stem(question)


def _pairs(question: Question, tokens: list[tuple[str, str, int]], form: str) -> None:
    question.kind = "matching"
    for _sign, told, place in tokens:
        left, _arrow, right = told.partition("->")
        right, _hash, feedback = right.partition("#")
        if feedback.strip():
            question.say("pair_feedback", _clean(feedback)[:40])
        if not right.replace("\x0f", "").strip():
            raise _Fault("pair_half", _clean(left)[:40], at=place)
        question.pairs.append((_text(question, left, form), _text(question, right, form)))
    if sum(1 for left, _right in question.pairs if left) < 2:
        raise _Fault("pairs_few", at=tokens[0][2])


def _truth(question: Question, bare: str, told: re.Match[str], form: str) -> None:
    question.kind = "truefalse"
    right = told[1][:1].upper() == "T"
    parts = bare.split("#")[1:]
    if len(parts) > 2:
        raise _Fault("truth_feedback")
    wrong_said = _text(question, parts[0], form) if parts else {}
    right_said = _text(question, parts[1], form) if len(parts) > 1 else {}
    question.answers = [Answer({"": "true"}, Decimal(int(right)), right_said if right else wrong_said),
                        Answer({"": "false"}, Decimal(int(not right)), wrong_said if right else right_said)]


def _numbers(question: Question, told: str, form: str, at: int) -> None:
    """`{#3}`, `{#3:0.1}`, `{#2.9..3.1}`, or several of them with weights."""
    question.kind = "numerical"
    tokens = _tokens(told, at) or [("=", told, at)]
    for sign, text, place in tokens:
        try:
            weight, number, feedback = _weighted(text)
        except _Fault as fault:
            fault.at = place
            raise
        bare = number.translate(_PLAIN).strip()
        if sign == "~" and bare in ("", "*"):
            question.say("wrong_feedback", _clean(feedback)[:40])
            continue
        value, tolerance = _range(bare)
        if value is None:
            raise _Fault("not_a_number", bare[:40], at=place)
        share = weight if weight is not None else Decimal(int(sign == "="))
        question.answers.append(Answer({"": value}, share, _text(question, feedback, form), question.line, tolerance))
    if not any(answer.fraction == 1 for answer in question.answers):
        raise _Fault("none_right", at=at)
    question.answers.sort(key=lambda answer: answer.fraction != 1)


def _range(told: str) -> tuple[str | None, str]:
    """(value, tolerance) of a number as GIFT writes it."""
    low, dots, high = told.partition("..")
    if dots:
        least, most = as_number(low), as_number(high)
        if least is None or most is None or most < least:
            return None, "0"
        return _fixed((least + most) / 2), _fixed((most - least) / 2)
    number, colon, tolerance = re.sub("\x06", ":", told).partition(":")
    value, width = as_number(number), as_number(tolerance) if colon else Decimal(0)
    if value is None or width is None or width < 0:
        return None, "0"
    return _fixed(value), _fixed(width)


def _fixed(value: Decimal) -> str:
    return format(value, "f")


def _order(question: Question, bare: str, form: str) -> None:
    """`{>ALL VERTICAL … first⏎second⏎third}`: one entry a line, in the right order."""
    question.kind = "ordering"
    head = _ORDERING.match(bare)
    settings = head[1].upper().split() if head else []
    question.exact_order = bool({"ALL_OR_NOTHING", "ABSOLUTE_POSITION"} & set(settings))
    other = [word for word in settings if "_" in word and word not in ("RELATIVE_NEXT_EXCLUDE_LAST", "ALL_OR_NOTHING")]
    if other:
        question.say("ordering_rule", ", ".join(other))
    entries = [line for line in bare[head.end() if head else 1:].split("\n") if line.replace("\x0f", "").strip()]
    if len(entries) < 3:
        raise _Fault("order_short")
    question.answers = [Answer(_text(question, entry, form)) for entry in entries]


def _clean(text: str) -> str:
    return " ".join(text.translate(_PLAIN).split())


def _text(question: Question, told: str, form: str) -> Text:
    """A text in the format it says itself or the question said."""
    if match := _FORMAT.match(told):
        form, told = match[1].lower(), told[match.end():]
    words = told.translate(_PLAIN).strip()
    if form == "plain":
        found = from_plain(words)
    elif form == "markdown":
        found = from_markdown(words)
    elif form == "html":
        found = from_html(words, _known_picture)
    else:
        found = from_html(words.replace("\n", "<br>"), _known_picture)
    return _told(question, found)


def _known_picture(address: str) -> str | None:
    """A picture that went out by its SHA-256: GIFT has no room for the bytes, so it is the bank's own or none."""
    told = re.fullmatch(r"picture:([0-9a-f]{64})", address)
    return told[1] if told else None


def _told(question: Question, found: Reduced) -> Text:
    for code, value in found.dropped:
        question.say(f"dropped_{code}", value)
    return found.text


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────
def write(questions: Iterable[Question], heading: str) -> tuple[bytes, list[Remark]]:
    """The questions as a GIFT file, and what it could not hold. `heading`: a line that says what the file is."""
    out = [f"// {heading}", ""]
    losses: list[Remark] = []
    category = None
    for question in questions:
        if question.category != category:
            category = question.category
            out += [f"$CATEGORY: $course$/top/{category.replace('/', '//')}", ""]
        for part in _parts_of(question, losses):
            out += _written(part)
    return ("\n".join(out).rstrip("\n") + "\n").encode(), losses


def _parts_of(question: Question, losses: list[Remark]) -> list[Question]:
    """The question itself; a text of several gaps as one question a gap, because GIFT knows one."""
    if any("picture:" in told for text in question.texts() for told in text.values()):
        losses.append(Remark(0, question.idnumber, "loss_picture", severity="note"))
    if question.kind == "matching" and "pair_feedback" in question.meta:
        losses.append(Remark(0, question.idnumber, "loss_pair_feedback", severity="note"))
    if question.kind == "numerical" and "parameters" in question.meta:
        losses.append(Remark(0, question.idnumber, "loss_parameters", severity="note"))
    if question.kind != "cloze":
        return [question]
    main = main_language(question)
    if all(told == "[[a]]" for told in question.text.values()) and len(question.gaps) == 1:
        question.meta = question.meta | {"accept": gap_meta(question)["accept"]}
        return [question]
    losses.append(Remark(0, question.idnumber, "loss_gaps", severity="note"))
    parts = []
    for number, key in enumerate(question.gaps):
        sentence = one_gap(question.text.get(main, ""), key, list(question.gaps))
        part = Question("cloze", name=f"{question.name} ({number + 1}/{len(question.gaps)})" if number else question.name, category=question.category,
                        idnumber=question.idnumber if not number else f"{question.idnumber}-{key}", stem=question.stem, text={"": sentence},
                        gaps={"a": question.gaps[key]}, case_matters=question.case_matters, meta={"gap_of": question.idnumber, "gap": key})
        if not number:
            part.general, part.tags = question.general, question.tags
            part.meta |= question.meta | {"whole": question.text, "accept": gap_meta(question)["accept"]}
        parts.append(part)
    return parts


def _escaped(text: str) -> str:
    return re.sub(r"[~=#{}:\\]", r"\\\g<0>", text).replace("\n", "\\n")


def _html(text: Text) -> str:
    return _escaped(to_html(text))


def _written(question: Question) -> list[str]:
    marks = "".join(f" [tag:{tag.replace(']', ')')}]" for tag in question.tags)
    if question.kind == "description" and question.general:
        question.meta = question.meta | {"feedback": question.general}
    lines = [f"// [id:{question.idnumber}]{marks}", f"// qz: {meta_line(question.meta)}"]
    head = f"::{_escaped(question.name)}::[html]"
    body, after = _html(question.stem), ""
    general = f"####{_html(question.general)}" if question.general else ""
    if question.kind == "description":
        return [*lines, head + (body or "—"), ""]
    if question.kind == "cloze":
        sentence = next(iter(question.text.values()), "[[a]]").partition("[[a]]")
        before, after = _escaped(html_of(sentence[0])), _escaped(html_of(sentence[2]))
        if before.strip() or after.strip():
            question.meta = question.meta | {"stem_lines": stem_lines(question)}
            lines[1] = f"// qz: {meta_line(question.meta)}"
            body += _escaped("<br>") + before
    return [*lines, f"{head}{body}{{{_inside(question)}{general}}}{after}", ""]


def _inside(question: Question) -> str:
    def said(answer: Answer) -> str:
        return f"#{_html(answer.feedback)}" if answer.feedback else ""

    if question.kind == "essay":
        return ""
    if question.kind == "truefalse":
        yes, no = question.answers
        right, wrong = (yes, no) if yes.fraction > no.fraction else (no, yes)
        return ("TRUE" if right is yes else "FALSE") + (f"#{_html(wrong.feedback)}#{_html(right.feedback)}" if wrong.feedback or right.feedback else "")
    if question.kind == "matching":
        return "".join(f"\n={_html(left)} -> {_html(right)}" for left, right in question.pairs) + "\n"
    if question.kind == "ordering":
        rule = "ALL_OR_NOTHING" if question.exact_order else "RELATIVE_NEXT_EXCLUDE_LAST"
        return f">ALL VERTICAL {rule} SHOW none\n" + "\n".join(_html(answer.text) for answer in question.answers) + "\n"
    if question.kind == "numerical":
        return "#" + "".join(f"\n={'' if answer.fraction == 1 else _share(answer.fraction)}{answer.text['']}:{answer.tolerance}{said(answer)}"
                             for answer in question.answers) + "\n"
    if question.kind == "cloze":
        gap = next(iter(question.gaps.values()))
        feedback = f"#{_html(gap.feedback)}" if gap.feedback else ""
        return "".join(f"\n={_escaped(word)}{feedback}" for word in merged(gap)) + "\n"
    return "".join(f"\n{'=' if question.is_single and answer.fraction == 1 else '~' + (_share(answer.fraction) if answer.fraction else '')}"
                   f"{_html(answer.text)}{said(answer)}" for answer in question.answers) + "\n"


def _share(fraction: Decimal) -> str:
    share = format((fraction * 100).quantize(Decimal("0.00001")), "f")
    return f"%{share.rstrip('0').rstrip('.') if '.' in share else share}%"
