"""What an operation of numbers becomes, to be written again and again for other operands.

The C of an operation is lowered once, over operands that are not known; each use fills in
registers. So long straight-line code needs no text of C, and an operation no second spelling.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
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
_FIELD = re.compile(r"\{(\d+)\}")


@dataclass(frozen=True)
class Recipe:
    """The instructions of an operation, over its operands.

    Attributes:
        lines: the instructions, with ``%s`` in the places of ``fields``.
        fields: which numbers stand there: the number of the use, which is 0, and the operands,
            which count from 1.
        value: what the result is called, with ``%s`` in the place of ``field``.
        field: which one stands there; None where the result is a constant.
    """

    lines: str
    fields: tuple[int, ...]
    value: str
    field: int | None

    def written(self, used: Sequence[str | int]) -> tuple[str, str]:
        """Return the instructions and the result of one use: its number, then its operands."""
        lines = self.lines % tuple([used[k] for k in self.fields])
        return lines, self.value if self.field is None else self.value % used[self.field]


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
        code.scopes[0][name] = Value(type, f"{{{k + 1}}}")
    value = code.convert(code.comma(), result)
    lines = "\n".join(code.lines)
    if code.rooms or "{ " in lines or re.search(r"^\w+:$", lines, re.MULTILINE):
        raise LoweringError(f"C: {text} is more than an operation of numbers")
    lines, fields = _parts(lines)
    result_text, found = _parts(value.text)
    return Recipe(lines, fields, result_text if found else value.text, next(iter(found), None))


def _parts(text: str) -> tuple[str, tuple[int, ...]]:
    """Return instructions as a format string, and what stands in each place."""
    text = _REGISTER.sub(r"%n{0}x\1", text).replace("%", "%%")
    return _FIELD.sub("%s", text), tuple(int(k) for k in _FIELD.findall(text))
