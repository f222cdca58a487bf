"""What an operation of numbers becomes, to be written again and again for other operands.

The C of an operation is lowered once, over operands that are not known; each use fills in
registers. So long straight-line code needs no text of C, and an operation no second spelling.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from symcompile.cc.expressions import Expressions
from symcompile.cc.preprocess import tokens
from symcompile.cc.types import Type
from symcompile.cc.values import Value
from symcompile.errors import LoweringError

if TYPE_CHECKING:
    from symcompile.cc.unit import Unit

_REGISTER = re.compile(r"%v(\d+)")


@dataclass(frozen=True)
class Recipe:
    """The instructions of an operation, as format strings.

    Attributes:
        lines: the instructions, over the operands and ``i``, which tells one use from another.
        value: what the result is called.
    """

    lines: str
    value: str

    def written(self, number: int, operands: tuple[str, ...]) -> tuple[str, str]:
        """Return the instructions and the result of one use."""
        return self.lines.format(*operands, i=number), self.value.format(*operands, i=number)


def recipe(unit: Unit, text: str, operands: tuple[Type, ...], result: Type) -> Recipe:
    """Return what an expression of C becomes.

    Args:
        unit: the file whose functions it may call.
        text: the expression, a format string over the operands.
        operands: their types, numbers all.
        result: the type of its value.

    Raises:
        LoweringError: it needs memory or branches, whose names cannot be filled in.
    """
    names = [f"sc_operand{k}" for k in range(len(operands))]
    code = Expressions(unit, tokens(text.format(*names), {}))
    for k, (name, type) in enumerate(zip(names, operands, strict=True)):
        code.scopes[0][name] = Value(type, f"{{{k}}}")
    value = code.convert(code.comma(), result)
    lines = "\n".join(code.lines)
    if code.rooms or "{ " in lines or re.search(r"^\w+:$", lines, re.MULTILINE):
        raise LoweringError(f"C: {text} is more than an operation of numbers")
    return Recipe(_REGISTER.sub(r"%n{i}x\1", lines), _REGISTER.sub(r"%n{i}x\1", value.text))
