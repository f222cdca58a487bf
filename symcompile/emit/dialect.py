"""How each target language spells literals and operations."""

from __future__ import annotations

import math
from dataclasses import dataclass

from symcompile.ir.graph import Constant, Special
from symcompile.ir.ops import OPS


def to_float(value: Constant) -> float:
    """Return the double nearest to an exact constant, overflow being an infinity."""
    if isinstance(value, Special):
        return {Special.INF: math.inf, Special.NEG_INF: -math.inf, Special.NAN: math.nan}[value]
    try:
        return value.numerator / value.denominator  # correctly rounded
    except OverflowError:
        return math.inf if value > 0 else -math.inf


@dataclass(frozen=True)
class Dialect:
    """One target language.

    Attributes:
        name: what people call it.
        spelling: the column of the table of operations.
        infinity: its spelling of infinity.
        nan: its spelling of NaN.
        assign: format of a statement that names a number.
        assign_bool: the same for a truth value.
    """

    name: str
    spelling: str
    infinity: str
    nan: str
    assign: str = "{name} = {text}"
    assign_bool: str = "{name} = {text}"

    def literal(self, value: Constant) -> str:
        """Return the shortest text that reads back as the same double."""
        number = to_float(value)
        if math.isnan(number):
            return self.nan
        if math.isinf(number):
            return self.infinity if number > 0 else f"-{self.infinity}"
        return repr(number)

    def template(self, op: str) -> str:
        """Return the format string of an operation."""
        text: str = getattr(OPS[op], self.spelling)
        if not text:
            raise ValueError(f"{op} has no spelling in {self.name}: a pass should have expanded it")
        return text


SCALAR_PYTHON = Dialect("Python", "python", "math.inf", "math.nan")
NUMPY = Dialect("NumPy", "numpy", "np.inf", "np.nan")
NUMBA = Dialect("Numba", "numba", "math.inf", "math.nan")
C = Dialect(
    "C",
    "c",
    "INFINITY",
    "NAN",
    assign="const double {name} = {text};",
    assign_bool="const int {name} = {text};",
)
