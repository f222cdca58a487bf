"""Operations of the IR in infix notation, and exact numbers, for people to read."""

from __future__ import annotations

from decimal import Context, Decimal
from fractions import Fraction
from typing import NamedTuple

from symcompile.ir.affine import Affine
from symcompile.ir.graph import Constant, Special

# How tightly operators bind.
OR, AND, COMPARE, SUM, PRODUCT, POWER, ATOM = range(7)

#: op -> symbol, its level, the levels its operands need.
BINARY = {
    "add": (" + ", SUM, SUM, SUM),
    "sub": (" - ", SUM, SUM, PRODUCT),
    "mul": ("*", PRODUCT, PRODUCT, PRODUCT),
    "div": ("/", PRODUCT, PRODUCT, POWER),
    "pow": ("**", POWER, ATOM, ATOM),
    "powi": ("**", POWER, ATOM, ATOM),
    "lt": (" < ", COMPARE, SUM, SUM),
    "le": (" <= ", COMPARE, SUM, SUM),
    "eq": (" == ", COMPARE, SUM, SUM),
    "ne": (" != ", COMPARE, SUM, SUM),
    "and": (" and ", AND, AND, AND),
    "or": (" or ", OR, OR, OR),
}


class Text(NamedTuple):
    """Text, and how tightly its outermost operator binds.

    Attributes:
        text: what is printed.
        level: one of the levels of this module.
        reaching: whether it ends in a sum over an index, which takes in all that follows it.
    """

    text: str
    level: int = ATOM
    reaching: bool = False

    def within(self, level: int) -> str:
        """Return it as an operand that must bind as tightly as ``level``."""
        return self.text if self.level >= level else f"({self.text})"


def size_level(value: Affine) -> int:
    """Return how tightly the text of an affine function binds."""
    parts = len(value.terms) + bool(value.const or not value.terms)
    if parts > 1 or value.const < 0 or any(c < 0 for _, c in value.terms):
        return SUM
    return PRODUCT if value.terms and value.terms[0][1] != 1 else ATOM


def literal(value: Constant) -> Text:
    """Return an exact number as a whole number, a fraction or a decimal that reads back."""
    if isinstance(value, Special):
        return Text(value.value, SUM if value is Special.NEG_INF else ATOM)
    level = SUM if value < 0 else ATOM
    if value.denominator == 1 and abs(value) < 10**15:
        return Text(str(value.numerator), level)
    if value.denominator < 10**6 and abs(value.numerator) < 10**6:
        return Text(str(value), min(level, PRODUCT))
    try:
        return Text(repr(float(value)), level)
    except OverflowError:
        return Text(_long(value), level)


def _long(value: Fraction) -> str:
    context = Context(prec=17)
    return str(context.divide(Decimal(value.numerator), Decimal(value.denominator)))
