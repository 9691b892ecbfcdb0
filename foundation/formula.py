"""Formulas in content files: names, numbers, `+ - * / ** ( )` and comparisons, read into a tree and never executed.

All arithmetic is Decimal with 28 digits. Rounding is the caller's, once, at the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, DecimalException, localcontext
from functools import lru_cache

_TOKEN = re.compile(r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign>\*\*|<=|>=|==|!=|[-+*/()<>]))")
_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
MAX_LENGTH = 500
MAX_DEPTH = 60
MAX_EXPONENT = 1000


class FormulaError(Exception):
    """The text is no formula, names something without a value, or has no finite result. The message says which."""


@dataclass(frozen=True)
class Node:
    """A number, a name, or an operator with its operands (`neg` has one)."""

    act: str
    value: Decimal | str = ""
    operands: tuple[Node, ...] = ()


class _Reader:
    def __init__(self, text: str) -> None:
        if len(text) > MAX_LENGTH:
            raise FormulaError(f"longer than {MAX_LENGTH} characters")
        self.tokens: list[tuple[str, str]] = []
        self.depth = 0
        at, end = 0, len(text.rstrip())
        while at < end:
            match = _TOKEN.match(text, at)
            if match is None:
                raise FormulaError(f"{text[at:].strip()[:1]!r} at {at + 1} does not belong in a formula")
            kind = match.lastgroup or ""
            self.tokens.append((kind, match.group(kind)))
            at = match.end()
        self.tokens.append(("end", ""))
        self.next = 0

    def peek(self) -> str:
        kind, text = self.tokens[self.next]
        return text if kind == "sign" else ""

    def take(self) -> tuple[str, str]:
        token = self.tokens[self.next]
        self.next += 1
        return token

    def whole(self) -> Node:
        node = self.comparison()
        if self.tokens[self.next][0] != "end":
            raise FormulaError(f"{self.tokens[self.next][1]!r} is not expected there")
        return node

    def comparison(self) -> Node:
        first = self.sum()
        parts = []
        while self.peek() in _COMPARISONS:
            act = self.take()[1]
            parts.append((act, self.sum()))
        if not parts:
            return first
        left, links = first, []
        for act, right in parts:
            links.append(Node(act, operands=(left, right)))
            left = right
        return links[0] if len(links) == 1 else Node("all", operands=tuple(links))

    def sum(self) -> Node:
        node = self.product()
        while self.peek() in ("+", "-"):
            act = self.take()[1]
            node = Node(act, operands=(node, self.product()))
        return node

    def product(self) -> Node:
        node = self.signed()
        while self.peek() in ("*", "/"):
            act = self.take()[1]
            node = Node(act, operands=(node, self.signed()))
        return node

    def signed(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise FormulaError("nested too deeply")
        try:
            if self.peek() in ("+", "-"):
                act = self.take()[1]
                operand = self.signed()
                return Node("neg", operands=(operand,)) if act == "-" else operand
            return self.power()
        finally:
            self.depth -= 1

    def power(self) -> Node:
        base = self.atom()
        if self.peek() == "**":
            self.take()
            return Node("**", operands=(base, self.signed()))
        return base

    def atom(self) -> Node:
        kind, text = self.take()
        if kind == "number":
            return Node("number", Decimal(text))
        if kind == "name":
            return Node("name", text)
        if text == "(":
            node = self.sum()
            if self.take()[1] != ")":
                raise FormulaError("a bracket is not closed")
            return node
        raise FormulaError("ends too early" if kind == "end" else f"{text!r} is not expected there")


@lru_cache(maxsize=1024)
def parse(text: str) -> Node:
    """The formula as a tree. Raises FormulaError."""
    return _Reader(text).whole()


def names(text: str) -> frozenset[str]:
    """The names a formula uses."""
    return frozenset(node.value for node in _walk(parse(text)) if node.act == "name" and isinstance(node.value, str))


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for operand in node.operands:
        yield from _walk(operand)


def _number(node: Node, values: Mapping[str, Decimal]) -> Decimal:
    if node.act == "number":
        assert isinstance(node.value, Decimal)
        return node.value
    if node.act == "name":
        if node.value not in values:
            raise FormulaError(f"{node.value} has no value")
        return values[str(node.value)]
    if node.act in _COMPARISONS or node.act == "all":
        raise FormulaError("a comparison is no number")
    first = _number(node.operands[0], values)
    if node.act == "neg":
        return -first
    second = _number(node.operands[1], values)
    if node.act == "+":
        return first + second
    if node.act == "-":
        return first - second
    if node.act == "*":
        return first * second
    if node.act == "/":
        return first / second
    if abs(second) > MAX_EXPONENT:
        raise FormulaError(f"an exponent beyond {MAX_EXPONENT}")
    return first ** second


def evaluate(text: str, values: Mapping[str, Decimal] | None = None) -> Decimal:
    """The value of a formula, 28 digits, not rounded to places. Raises FormulaError.

    >>> evaluate("3000000 * 0.90 / 100 * 180 / 365").quantize(Decimal("0.01"))
    Decimal('13315.07')
    >>> evaluate("-a ** 2 + 1", {"a": Decimal(3)})
    Decimal('-8')
    """
    tree = parse(text)
    with localcontext() as context:
        context.prec = 28
        try:
            result = _number(tree, values or {})
        except DecimalException as fault:
            raise FormulaError(f"cannot be computed ({type(fault).__name__})") from None
    if not result.is_finite():
        raise FormulaError("has no finite value")
    return result


def _holds(node: Node, values: Mapping[str, Decimal]) -> bool:
    if node.act == "all":
        return all(_holds(link, values) for link in node.operands)
    if node.act not in _COMPARISONS:
        raise FormulaError("a constraint needs a comparison")
    left, right = (_number(operand, values) for operand in node.operands)
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right, "==": left == right, "!=": left != right}[node.act]


def holds(text: str, values: Mapping[str, Decimal]) -> bool:
    """Whether a comparison, also a chained one, is true of the values. Raises FormulaError.

    >>> holds("0 < rate <= 5", {"rate": Decimal("1.5")})
    True
    """
    tree = parse(text)
    with localcontext() as context:
        context.prec = 28
        try:
            return _holds(tree, values)
        except DecimalException as fault:
            raise FormulaError(f"cannot be computed ({type(fault).__name__})") from None
