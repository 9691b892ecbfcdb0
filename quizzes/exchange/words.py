"""What there is to say about a file, in the reader's language."""

from __future__ import annotations

from foundation.i18n import gettext as _
from quizzes.exchange.question import Remark


def message(remark: Remark) -> str:
    """The words of a remark. Values are shown as text; whoever prints them escapes them."""
    v = (*remark.values, "", "", "")
    for said in (_file, _shape, _answers, _lost, _bank, _out):
        if told := said(remark.code, v):
            return told
    return remark.code


def _file(code: str, v: tuple[str, ...]) -> str:
    """The file as a whole."""
    return {
        "empty": lambda: _("The file is empty."),
        "archive": lambda: _("This is an archive. Unpack it and choose the file inside."),
        "no_format": lambda: _("This is none of the formats that can be read: GIFT, Moodle XML, CSV, XLSX."),
        "too_large": lambda: _("The file is larger than %(limit)s MB.", limit=v[0]),
        "too_many": lambda: _("More than %(limit)s questions. Split the file.", limit=v[0]),
        "too_many_parts": lambda: _("The file has far more parts than questions could need. It was not read."),
        "too_deep": lambda: _("Elements stand inside each other deeper than questions could need. The file was not read."),
        "encoding": lambda: _("From this line on the text is neither UTF-8 nor GB18030. Save the file as UTF-8."),
        "control": lambda: _("Holds a control character (%(code)s) that no text may have.", code=v[0]),
        "doctype": lambda: _("Holds a document type or an entity. Such files are refused: they can reach for other files."),
        "xml": lambda: _("This is not well-formed XML: %(fault)s.", fault=v[0]),
        "not_moodle_xml": lambda: _("The outermost element is <%(name)s>; Moodle XML begins with <quiz>.", name=v[0]),
        "no_items": lambda: _("There is no question in this file."),
        "table_no_heading": lambda: _("No heading row: the first rows need a column for the question (%(name)s) and one for kind or answer.",
                                      name="stem_zh 题干"),
        "table_empty": lambda: _("The file is empty."),
        "table_old_excel": lambda: _("This is an old Excel file (.xls) or one with a password. Save it as .xlsx without a password, or as CSV."),
        "table_not_a_table": lambda: _("This is neither CSV nor XLSX. Save the table in one of the two."),
        "table_damaged": lambda: _("The workbook is damaged and cannot be read to its end. Open it, save it again, and send the new file."),
        "table_too_large_inside": lambda: _("The workbook unpacks to far more than a table of items can hold. It was not read."),
        "table_no_sheet": lambda: _("The workbook has no visible sheet."),
        "table_encoding": lambda: _("From this line on the text is neither UTF-8 nor GB18030. Save the file as UTF-8."),
        "table_quote": lambda: _("A quotation mark opens here and is not closed, or one cell holds over a million characters."),
        "column_unknown": lambda: _("The column “%(heading)s” is not used.", heading=v[0]),
        "column_twice": lambda: _("Two columns are headed “%(heading)s”. Keep one.", heading=v[0]),
        "unknown_part": lambda: _("<%(name)s> is not known and will not come along.", name=v[0]),
        "category_crowded": lambda: _("A category has to stand on a line of its own, with an empty line after it."),
        "meta_unreadable": lambda: _("The line that begins with qz: cannot be read. Leave such lines as they were exported, or delete them."),
    }.get(code, str)()


def _shape(code: str, v: tuple[str, ...]) -> str:
    """How a question is written."""
    return {
        "unsupported": lambda: _("Questions of type “%(name)s” cannot be taken in.", name=v[0]),
        "unsupported_gap": lambda: _("Gaps of type %(name)s cannot be taken in; short answers and numbers can.", name=v[0]),
        "title_open": lambda: _("The title opens with :: and is not closed."),
        "brace_open": lambda: _("A brace has no partner. Write \\{ and \\} where braces belong to the text."),
        "brace_twice": lambda: _("There is a brace inside the answers, or a second block of answers. Write \\{ and \\} where braces belong to the text."),
        "no_answers": lambda: _("These are no answers: “%(text)s”. Right ones begin with =, wrong ones with ~.", text=v[0]),
        "text_before_answers": lambda: _("Text stands before the first = or ~: “%(text)s”.", text=v[0]),
        "truth_feedback": lambda: _("True or false takes at most two texts of feedback."),
        "weight_range": lambda: _("The weight %(value)s%% is not between −100 and 100.", value=v[0]),
        "kind_unknown": lambda: _("The kind “%(value)s” is not known.", value=v[0]),
        "too_long": lambda: _("A text of %(length)s characters; at most %(limit)s fit.", length=v[0], limit=v[1]),
        "cell_control": lambda: _("The cell %(column)s holds control characters. Type the text anew.", column=v[0]),
        "cell_fault": lambda: _("The cell %(column)s holds the spreadsheet's error value %(value)s.", column=v[0], value=v[1]),
        "cell_formula": lambda: _("The cell %(column)s is a formula; its value “%(value)s” is taken as text.", column=v[0], value=v[1]),
        "gaps_differ": lambda: _("Gaps are missing, empty, or not as many in Chinese as in English. Write [[word|another word]]."),
        "gaps_many": lambda: _("%(number)s gaps; a table holds ten.", number=v[0]),
        "no_gaps": lambda: _("The text has no gap."),
        "pair_half": lambda: _("“%(text)s” lacks its other half.", text=v[0]),
        "pairs_few": lambda: _("Matching needs at least two pairs."),
        "order_short": lambda: _("Ordering needs at least three entries."),
    }.get(code, str)()


def _answers(code: str, v: tuple[str, ...]) -> str:
    """What is right, and how much it earns."""
    return {
        "none_right": lambda: _("No answer earns the full mark, so nothing would be right."),
        "not_a_number": lambda: _("“%(value)s” is not a number. Write digits, with a point for decimals.", value=v[0]),
        "answer_option": lambda: _("“%(value)s” does not name the right options; there are: %(known)s", value=v[0], known=v[1]),
        "answer_one": lambda: _("A question with one right answer names several: “%(value)s”.", value=v[0]),
        "answer_truth": lambda: _("“%(value)s” is neither true nor false.", value=v[0]),
        "partial_weight": lambda: _("An answer that earns a part (%(value)s) will count as wrong: here an answer is right or not.", value=v[0]),
        "negative_weight": lambda: _("A wrong answer that costs marks (%(value)s) will earn nothing and cost nothing.", value=v[0]),
        "no_full_mark": lambda: _("The best answer earns %(value)s; it will count as right.", value=v[0]),
        "uneven_weights": lambda: _("Right answers of different weight (%(values)s) will count alike.", values=v[0]),
        "weights_sum": lambda: _("The right answers add up to %(value)s; here they make the full mark.", value=v[0]),
        "uneven_penalties": lambda: _("Wrong answers of different weight (%(values)s) will all cost as much as the worst.", values=v[0]),
        "wildcard": lambda: _("The asterisk in “%(value)s” stands for itself here, not for any text.", value=v[0]),
        "gap_tolerance": lambda: _("The number %(value)s in a gap loses its tolerance of %(width)s.", value=v[0], width=v[1]),
        "gap_weights": lambda: _("Gaps of different weight (%(values)s) will count alike.", values=v[0]),
        "second_answer": lambda: _("A second full answer, %(value)s, will not come along: a calculation has one.", value=v[0]),
        "trap_tolerance": lambda: _("The tolerance of %(width)s for %(value)s will not come along: the item has one.", value=v[0], width=v[1]),
        "unit_multiplier": lambda: _("The unit “%(name)s” (× %(factor)s) will not come along: an item has one unit.", name=v[0], factor=v[1]),
        "wrong_feedback": lambda: _("Feedback on every other answer will not come along. %(text)s", text=v[0]),
        "ordering_rule": lambda: _("The rule %(name)s is not known; neighbouring pairs will count.", name=v[0]),
        "ordering_selection": lambda: _("A choice of entries will not come along; all are shown."),
        "marks_apart": lambda: _("The question was worth %(value)s marks; here the blueprint decides.", value=v[0]),
        "penalty": lambda: _("The deduction of %(value)s for each further try will not come along.", value=v[0]),
    }.get(code, str)()


def _lost(code: str, v: tuple[str, ...]) -> str:
    """What of a text does not come along."""
    return {
        "dropped_element": lambda: _("%(name)s and what stands in it will not come along.", name=v[0]),
        "dropped_script_attribute": lambda: _("The script in %(name)s will not come along.", name=v[0]),
        "dropped_format": lambda: _("The formatting %(name)s will not come along, its text will.", name=v[0]),
        "dropped_link": lambda: _("The link to %(address)s becomes plain text: the system runs without a network.", address=v[0] or "—"),
        "dropped_list": lambda: _("A list becomes lines."),
        "dropped_table": lambda: _("A table becomes lines."),
        "dropped_comment": lambda: _("A comment in the text will not come along: %(text)s", text=v[0]),
        "dropped_language": lambda: _("The text in the language “%(name)s” will not come along.", name=v[0]),
        "dropped_picture": lambda: _("The picture %(address)s is not in the file and will not come along.", address=v[0] or "—"),
        "dropped_tex": lambda: _("A formula in TeX will be shown as it is typed."),
        "dropped_html_in_markdown": lambda: _("HTML inside Markdown will be shown as it is typed."),
        "direction": lambda: _("Signs that turn the direction of text (%(codes)s) are taken out.", codes=v[0]),
        "hints": lambda: _("Hints for further tries will not come along."),
        "hidden": lambda: _("The question was hidden; here it begins as a draft."),
        "combined_feedback": lambda: _("The feedback in <%(name)s> will not come along.", name=v[0]),
        "general_feedback": lambda: _("The general feedback has no place beside the feedback on each answer and will not come along."),
        "pair_feedback": lambda: _("Feedback on one pair will not come along: %(text)s", text=v[0]),
        "feedback_shared": lambda: _("The general feedback now stands at every pair."),
        "response_template": lambda: _("The template for the answer will not come along."),
        "attachments": lambda: _("Attached files as an answer will not come along."),
        "description_alone": lambda: _("A text without a question will not come along."),
        "file_missing": lambda: _("The picture %(name)s is named and not in the file.", name=v[0]),
        "file_unused": lambda: _("The file %(name)s is not shown in any text and will not come along.", name=v[0]),
        "picture_kind": lambda: _("%(name)s is not a PNG, JPEG, GIF or WebP picture, whatever its name says.", name=v[0]),
        "picture_damaged": lambda: _("The picture %(name)s is damaged, or something else is hidden behind it.", name=v[0]),
        "picture_bytes": lambda: _("The picture %(name)s is larger than 4 MB.", name=v[0]),
        "picture_points": lambda: _("The picture %(name)s has over 24 million points, or a side over 8,000.", name=v[0]),
        "picture_base64": lambda: _("The bytes of %(name)s cannot be read.", name=v[0]),
        "picture_in_list": lambda: _("A picture on the right of a pair is shown as its description only."),
    }.get(code, str)()


def _bank(code: str, v: tuple[str, ...]) -> str:
    """The item beside what the bank holds."""
    return {
        "key_twice": lambda: _("The number stands in line %(line)s already.", line=v[0]),
        "same_name": lambda: _("Another question of the same name stands before; this one gets a number of its own."),
        "key_in_set": lambda: _("An item of the set %(key)s has this number.", key=v[0]),
        "being_edited": lambda: _("Somebody is working on a draft of this item. Finish or discard it first."),
        "is_retired": lambda: _("The item is retired; approving the draft brings it back into use."),
        "keys_lost": lambda: _("The entries are no longer as many as when they were exported: their keys are given anew."),
        "changed_outside": lambda: _("The text was changed elsewhere (%(place)s); what stood beside it no longer fits and is left out.", place=v[0]),
        "meta_refused": lambda: _("What stands after qz: does not fit an item of this kind: %(text)s", text=v[0]),
        "set_without_text": lambda: _("The shared situation of the set %(key)s is not in the file; the item comes in by itself.", key=v[0]),
        "tag_refused": lambda: _("“%(tag)s” is not taken as a tag: at most 40 letters and digits, twenty tags an item.", tag=v[0]),
        "picture_unknown": lambda: _("The picture %(name)s… is neither in the file nor in the bank; its description is shown.", name=v[0]),
    }.get(code, str)()


def _out(code: str, v: tuple[str, ...]) -> str:
    """What a file that leaves holds less well."""
    return {
        "loss_picture": lambda: _("Pictures are named and not included; here they are found again."),
        "loss_picture_gone": lambda: _("The picture %(name)s… is missing in the bank.", name=v[0]),
        "loss_pair_feedback": lambda: _("The feedback on each pair stands together in the general feedback."),
        "loss_parameters": lambda: _("Other programs ask it with the figures of the example; the formula travels along for us."),
        "loss_gaps": lambda: _("Becomes one question for each gap; here it is one item again."),
        "loss_gap_language": lambda: _("Other programs show the gaps in Chinese; the English text travels along for us."),
        "loss_cell": lambda: _("The cell %(column)s is too long for a workbook and stays empty. Choose CSV.", column=v[0]),
    }.get(code, str)()
