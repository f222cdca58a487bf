"""The table of elementwise operations: adding a function is adding a row.

A row gives the local derivatives and the spellings. A derivative rule takes a cotangent (or
tangent) ``g``, the result ``f`` and the arguments, and returns ``g * df/d(arg)``: the product
is diagonal, so forward and reverse mode share it. ``None`` says that the derivative is zero
wherever it exists. Formulas are those of the NIST Digital Library of Mathematical Functions
(https://dlmf.nist.gov), arranged so that nothing cancels or overflows that need not.

Spellings are format strings over the printed arguments. One that names an argument twice gets
a variable or a literal there, never a compound expression.
"""

from __future__ import annotations

import re

from symcompile.ir.ops import (
    bessel,
    choices,
    codegen,
    complexes,
    constants,
    counting,
    elementary,
    elliptic,
    orthogonal,
    special,
    stable,
)
from symcompile.ir.ops.constants import CONSTANTS
from symcompile.ir.ops.op import INFIX, Op, Pull, Spelling
from symcompile.ir.ops.rules import Refused

__all__ = [
    "BY_SYMPY_CLASS",
    "CHOOSING",
    "CONSTANTS",
    "INFIX",
    "OPS",
    "WORDS",
    "Op",
    "Pull",
    "Spelling",
]

_ANALYSIS = (special, elliptic, bessel, orthogonal, counting)
_TABLES = (elementary, codegen, *_ANALYSIS, choices, complexes, stable, constants)

#: All operations by name.
OPS: dict[str, Op] = {row.name: row for table in _TABLES for row in table.ROWS}

#: Arguments that choose a function rather than vary: exponents, orders, degrees, branches.
CHOOSING: frozenset[tuple[str, int]] = frozenset({("powi", 1)}) | {
    (row.name, position)
    for row in OPS.values()
    for position, rule in enumerate(row.derivatives)
    if isinstance(rule, Refused)
}

#: SymPy class name -> operation, for classes lowered one to one.
BY_SYMPY_CLASS: dict[str, str] = {row.sympy: row.name for row in OPS.values() if row.sympy}

#: Every name that the spellings use, in any language; no variable may be called so.
WORDS: frozenset[str] = frozenset(
    word
    for row in OPS.values()
    for text in (row.python, row.numpy, row.numba, row.c, *(row.complex or ()))
    for word in re.findall(r"(?<![\w.])[A-Za-z]\w*", text)
)
