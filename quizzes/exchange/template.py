"""The empty table people begin with, and what its columns mean."""

from __future__ import annotations

import io

import xlsxwriter

from foundation.i18n import gettext as _
from quizzes.exchange.table import BLOOM, KIND_WORDS, columns, heading


def blank(language: str) -> bytes:
    """An empty template with two examples and a sheet that says what the columns mean."""
    chinese = language == "zh"
    examples = [
        {"kind": KIND_WORDS["single"] if chinese else "single", "content_area": "needs-and-deposits", "bloom": BLOOM["apply"] if chinese else "apply",
         "difficulty": "0.65", "stem_zh": "客户问三个月后要用的钱怎样存最合适？", "stem_en": "How is money needed in three months best kept?",
         "option_a_zh": "短期存款", "option_a_en": "A short-term deposit",
         "feedback_a_zh": "对，期限合得上。", "feedback_a_en": "Right, the term fits.",
         "option_b_zh": "五年期存款", "option_b_en": "A five-year deposit",
         "feedback_b_zh": "提前支取会损失利息。", "feedback_b_en": "Early withdrawal costs interest.",
         "misconception_b_zh": "只看利率", "misconception_b_en": "Looks at the rate alone", "answer": "A"},
        {"kind": KIND_WORDS["cloze"] if chinese else "cloze", "content_area": "needs-and-deposits",
         "stem_zh": "补全下面一句。", "stem_en": "Complete the sentence.",
         "text_zh": "了解客户先问目标，再问[[期限|投资期限]]。", "text_en": "Ask for the goal first, then for the [[horizon|time horizon]]."},
    ]
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": True})
    page = book.add_worksheet(_("Item table"))
    bold = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
    names = columns()
    for place, name in enumerate(names):
        page.set_column(place, place, 30 if name.startswith(("stem", "text")) else 16)
        page.write_string(0, place, heading(name, language), bold)
        for line, example in enumerate(examples, 1):
            if told := example.get(name):
                page.write_string(line, place, told)
    page.freeze_panes(1, 2)
    notes = book.add_worksheet(_("What the columns mean"))
    notes.set_column(0, 0, 28)
    notes.set_column(1, 1, 100)
    for line, (name, told) in enumerate(explanations()):
        notes.write_string(line, 0, heading(name, language), bold)
        notes.write_string(line, 1, told)
    book.close()
    return out.getvalue()


def explanations() -> list[tuple[str, str]]:
    """(column, what it means) in the reader's language."""
    kinds = ", ".join(f"{name} {word}" for name, word in KIND_WORDS.items())
    return [
        ("key", _("Left empty, the item gets a number of its own. With the number of an item in the bank the row is a change of it.")),
        ("kind", _("One of: %(kinds)s", kinds=kinds)),
        ("stem_zh", _("The question in Chinese and in English. One language is enough to begin with; the other is listed as missing.")),
        ("text_zh", _("Gaps only: the sentence with its gaps, each with what it accepts: [[word|another word]].")),
        ("option_a_zh", _("Options from A. Matching: “left => right” in one cell, a spare as “=> right”. Ordering: in the right order. "
                          "Short answer: option A holds the model answer.")),
        ("feedback_a_zh", _("What a trainee reads who chose this option. True or false: A for “true”, B for “false”. Gaps: A for the first.")),
        ("misconception_a_zh", _("The thinking error a wrong option catches.")),
        ("answer", _("The letters of the right options; %(yes)s or %(no)s; or a number.", yes="对", no="错")),
        ("tolerance", _("Calculation: how far from the number still counts.")),
        ("tags", _("Words to find the item by, parted by semicolons.")),
        ("set", _("The number of the shared situation this item belongs to; that row comes before, as kind set.")),
        ("more", _("What our own exports keep beside; leave it as it is.")),
    ]
