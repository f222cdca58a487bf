"""How each target language spells literals and operations."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from symcompile.errors import LoweringError
from symcompile.ir.dtypes import DType, is_single
from symcompile.ir.graph import Constant, Kind, Special
from symcompile.ir.ops import OPS


def to_float(value: Constant) -> float:
    """Return the double nearest to an exact constant, overflow being an infinity."""
    if isinstance(value, Special):
        return {Special.INF: math.inf, Special.NEG_INF: -math.inf, Special.NAN: math.nan}[value]
    try:
        return value.numerator / value.denominator  # correctly rounded
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def to_single(value: Constant) -> float:
    """Return the float32 nearest to an exact constant, ties to even, as a double.

    >>> from fractions import Fraction
    >>> to_single(Fraction(1, 10))
    0.10000000149011612
    """
    number = to_float(value)
    if isinstance(value, Special) or not math.isfinite(number):
        return number
    with np.errstate(over="ignore", under="ignore"):
        single = np.float32(number)
        if not np.isfinite(single) or float(single) == value:
            return float(single)
        # The double may have been rounded onto the middle between two singles.
        towards = np.float32(-np.inf if float(single) > number else np.inf)
        other = np.nextafter(single, towards)
    if not np.isfinite(other) or (float(single) + float(other)) / 2 != number:
        return float(single)
    nearer = abs(Fraction(float(other)) - value) < abs(Fraction(float(single)) - value)
    return float(other if nearer else single)


class Branching(NamedTuple):
    """How a language writes branches.

    Attributes:
        first: format of the head of a branch.
        other: format of the head of a further one.
        last: the head of what is done otherwise.
        end: what stands after it all.
        assign: format of a statement that sets a variable.
        declare: format of one that declares it; nothing where none is needed.
        start: format of one that declares it with a value.
        negation: what stands before a condition that is not to hold.
        both: what stands between conditions that all have to hold.
        either: what stands between conditions one of which has to.
    """

    first: str = "if {0}:"
    other: str = "elif {0}:"
    last: str = "else:"
    end: str = ""
    assign: str = "{name} = {text}"
    declare: str = ""
    start: str = "{name} = {text}"
    negation: str = "not "
    both: str = "and"
    either: str = "or"


@dataclass(frozen=True)
class Dialect:
    """One target language.

    Attributes:
        name: what people call it.
        spelling: the column of the table of operations.
        infinity: its spelling of infinity.
        nan: its spelling of NaN.
        assign: format of a statement that names a number; C's has its type.
        types: the type of each kind of number.
        single: format of a literal of 24 bits; None where numbers have 53.
        branching: how branches are written.
        vector: the modules whose functions loops call by their bare names, in vector variants.
    """

    name: str
    spelling: str
    infinity: str
    nan: str
    assign: str = "{name} = {text}"
    types: Mapping[Kind, str] = field(default_factory=dict)
    single: str | None = None
    branching: Branching = field(default_factory=Branching)
    vector: str = ""

    @property
    def in_loops(self) -> Dialect:
        """The same language within loops that vector units share."""
        return replace(self, vector=_VECTOR.get(self.name, ""))

    def literal(self, value: Constant) -> str:
        """Return the shortest text that reads back as the same number."""
        number = to_float(value) if self.single is None else to_single(value)
        if math.isnan(number):
            return self.nan
        if math.isinf(number):
            return self.infinity if number > 0 else f"-{self.infinity}"
        if self.single is None:
            return repr(number)
        text = self.single.format(_shortest(np.float32(abs(number))))
        return f"-{text}" if number < 0 else text

    def statement(self, name: str, text: str, kind: Kind) -> str:
        """Return the statement that names a value."""
        return self.assign.format(name=name, text=text, type=self.types.get(kind, ""))

    def of(self, dtype: DType) -> Dialect:
        """Return the same language with the literals of a dtype."""
        if not is_single(dtype) or self.name not in _SINGLE:
            return self
        return _SINGLE[self.name](self)

    def template(self, op: str, complex: bool = False) -> str:
        """Return the format string of an operation, of complex numbers perhaps.

        Raises:
            LoweringError: there is none for complex numbers.
        """
        row = OPS[op]
        if complex:
            if row.complex is None:
                raise LoweringError(f"{op} of a complex number: it is known for real ones only")
            return str(getattr(row.complex, self.spelling))
        text: str = getattr(row, self.spelling)
        if not text:
            raise ValueError(f"{op} has no spelling in {self.name}: a pass should have expanded it")
        if self.vector and row.libm:
            return re.sub(rf"(?:{self.vector})\.{row.libm}\(", f"{row.libm}(", text)
        return text


def _shortest(number: np.float32) -> str:
    """Return the shortest decimal that reads back as the same float32."""
    text = np.format_float_positional(number, unique=True, trim="0")
    return text if len(text) < 16 else np.format_float_scientific(number, unique=True, trim="0")


SCALAR_PYTHON = Dialect("Python", "python", "math.inf", "math.nan")
NUMPY = Dialect("NumPy", "numpy", "np.inf", "np.nan")
NUMBA = Dialect("Numba", "numba", "math.inf", "math.nan")
C = Dialect(
    "C",
    "c",
    "INFINITY",
    "NAN",
    assign="const {type} {name} = {text};",
    types={
        Kind.BOOL: "int",
        Kind.INTEGER: "double",
        Kind.REAL: "double",
        Kind.COMPLEX: "sc_complex",
    },
    branching=Branching(
        first="if ({0}) {{",
        other="}} else if ({0}) {{",
        last="} else {",
        end="}",
        assign="{name} = {text};",
        declare="{type} {name};",
        start="{type} {name} = {text};",
        negation="!",
        both="&&",
        either="||",
    ),
)

#: Modules of a language whose functions have vector variants in loops, under their own names.
_VECTOR = {"Numba": "math|np"}

# What differs at 24 bits. Python's literals take the precision of what they meet in NumPy; its
# scalars are computed in 53 bits.
_SINGLE: dict[str, Callable[[Dialect], Dialect]] = {
    "Numba": lambda d: replace(d, single="f32({0})", infinity="f32(math.inf)", nan="f32(math.nan)"),
    "C": lambda d: replace(
        d, single="{0}f", types={**d.types, Kind.INTEGER: "float", Kind.REAL: "float"}
    ),
    "NumPy": lambda d: replace(d, single="{0}"),
}
