"""Formulas in content files (numeric items, figures of a case): parsed to a tree, never executed as code; Decimal with 28 digits; everything bounded.

Grammar: names, numbers, `+ - * / ** ( )`; `< <= > >= == !=` once, at the top, in constraints. `**` binds tighter than a
sign on its left and takes whole exponents only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, DecimalException, DivisionByZero, InvalidOperation, Overflow, localcontext
from functools import lru_cache

DIGITS = 28
MAX_LENGTH = 500
MAX_NODES = 200
MAX_DEPTH = 40
MAX_EXPONENT = 480                       # forty years of months
MAX_SIZE = Decimal("1e30")
CONTEXT = Context(prec=DIGITS, traps=[InvalidOperation, DivisionByZero, Overflow])
_TOKEN = re.compile(r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign>\*\*|<=|>=|==|!=|[-+*/()<>]))")
_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


class FormulaError(ValueError):
    """The formula cannot be read, is too large, or has no value for these numbers."""


@dataclass(frozen=True)
class Number:
    value: Decimal


@dataclass(frozen=True)
class Name:
    name: str


@dataclass(frozen=True)
class Minus:
    operand: Tree


@dataclass(frozen=True)
class Operation:
    sign: str                            # + - * / ** or a comparison
    left: Tree
    right: Tree


Tree = Number | Name | Minus | Operation


class _Parser:
    def __init__(self, text: str) -> None:
        if len(text) > MAX_LENGTH:
            raise FormulaError(f"is longer than {MAX_LENGTH} characters")
        self.tokens = self._split(text)
        self.at = 0
        self.nodes = 0

    @staticmethod
    def _split(text: str) -> list[tuple[str, str]]:
        tokens: list[tuple[str, str]] = []
        at = 0
        rest = text.rstrip()
        while at < len(rest):
            match = _TOKEN.match(rest, at)
            if match is None:
                raise FormulaError(f"has {rest[at:].strip()[:1]!r}, which no formula knows")
            kind = match.lastgroup or ""
            tokens.append((kind, match.group(kind)))
            at = match.end()
        return tokens

    def peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def take(self) -> tuple[str, str]:
        if self.at >= len(self.tokens):
            raise FormulaError("ends too early")
        token = self.tokens[self.at]
        self.at += 1
        return token

    def made(self, tree: Tree) -> Tree:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise FormulaError(f"has more than {MAX_NODES} parts")
        return tree

    def whole(self, comparison: bool) -> Tree:
        tree = self.sum(0)
        if self.peek() in _COMPARISONS:
            if not comparison:
                raise FormulaError("compares; only a constraint may")
            sign = self.take()[1]
            tree = self.made(Operation(sign, tree, self.sum(0)))
        elif comparison:
            raise FormulaError("must compare two values")
        if self.at < len(self.tokens):
            raise FormulaError(f"has {self.peek()!r} where it should end")
        return tree

    def sum(self, depth: int) -> Tree:
        tree = self.product(depth)
        while self.peek() in ("+", "-"):
            sign = self.take()[1]
            tree = self.made(Operation(sign, tree, self.product(depth)))
        return tree

    def product(self, depth: int) -> Tree:
        tree = self.signed(depth)
        while self.peek() in ("*", "/"):
            sign = self.take()[1]
            tree = self.made(Operation(sign, tree, self.signed(depth)))
        return tree

    def signed(self, depth: int) -> Tree:
        if depth > MAX_DEPTH:
            raise FormulaError(f"is nested more than {MAX_DEPTH} deep")
        if self.peek() == "-":
            self.take()
            return self.made(Minus(self.signed(depth + 1)))
        return self.power(depth)

    def power(self, depth: int) -> Tree:
        base = self.atom(depth)
        if self.peek() == "**":
            self.take()
            return self.made(Operation("**", base, self.signed(depth + 1)))
        return base

    def atom(self, depth: int) -> Tree:
        kind, text = self.take()
        if kind == "number":
            return self.made(Number(Decimal(text)))
        if kind == "name":
            return self.made(Name(text))
        if text == "(":
            tree = self.sum(depth + 1)
            if self.take()[1] != ")":
                raise FormulaError("has an open bracket")
            return tree
        raise FormulaError(f"has {text!r} where a value should stand")


@lru_cache(maxsize=2048)
def parse(text: str) -> Tree:
    """The tree of a formula. Raises FormulaError.

    >>> evaluate(parse("-2 ** 2 + 3 * (4 - 1)"), {})
    Decimal('5')
    """
    return _Parser(text).whole(comparison=False)


@lru_cache(maxsize=2048)
def parse_constraint(text: str) -> Tree:
    """The tree of a constraint, which is one comparison. Raises FormulaError."""
    return _Parser(text).whole(comparison=True)


def names(tree: Tree) -> frozenset[str]:
    """The names a formula uses."""
    if isinstance(tree, Name):
        return frozenset({tree.name})
    if isinstance(tree, Minus):
        return names(tree.operand)
    if isinstance(tree, Operation):
        return names(tree.left) | names(tree.right)
    return frozenset()


def evaluate(tree: Tree, values: Mapping[str, Decimal]) -> Decimal:
    """The value, with 28 digits. Raises FormulaError for an unknown name, a division by zero or a number too large."""
    with localcontext(CONTEXT):
        try:
            return _value(tree, values)
        except DecimalException as fault:
            raise FormulaError(f"has no value here ({type(fault).__name__})") from None


def holds(tree: Tree, values: Mapping[str, Decimal]) -> bool:
    """Whether a constraint is true for these values. Raises FormulaError."""
    if not isinstance(tree, Operation) or tree.sign not in _COMPARISONS:
        raise FormulaError("must compare two values")
    left, right = evaluate(tree.left, values), evaluate(tree.right, values)
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right, "==": left == right, "!=": left != right}[tree.sign]


def _value(tree: Tree, values: Mapping[str, Decimal]) -> Decimal:
    if isinstance(tree, Number):
        return tree.value
    if isinstance(tree, Name):
        if tree.name not in values:
            raise FormulaError(f"names {tree.name}, which is no parameter")
        return values[tree.name]
    if isinstance(tree, Minus):
        return -_value(tree.operand, values)
    left, right = _value(tree.left, values), _value(tree.right, values)
    if tree.sign == "**":
        if right != right.to_integral_value() or abs(right) > MAX_EXPONENT:
            raise FormulaError(f"has the exponent {right}; whole numbers up to {MAX_EXPONENT} are allowed")
        result = left**right
    elif tree.sign == "+":
        result = left + right
    elif tree.sign == "-":
        result = left - right
    elif tree.sign == "*":
        result = left * right
    elif tree.sign == "/":
        result = left / right
    else:
        raise FormulaError("compares inside a value")
    if abs(result) > MAX_SIZE:
        raise FormulaError("grows beyond any amount of money")
    return result


def rounded(value: Decimal, places: int) -> Decimal:
    """Half-up, once, to a number of decimals.

    >>> rounded(Decimal("0.125"), 2), rounded(Decimal("-0.125"), 2)
    (Decimal('0.13'), Decimal('-0.13'))
    """
    return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, context=Context(prec=60))
