"""Single operations, constants and elements of arrays of the IR as SymPy.

SymPy's automatic evaluation is left on, so what comes out reads as if it had been typed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import sympy as sp

from symcompile.frontend.raised_specials import SPECIALS
from symcompile.ir.graph import Constant, Graph, Special
from symcompile.ir.ops import CONSTANTS, OPS
from symcompile.ir.ops.registered import FUNCTIONS

# Binary digits of a double, and how many of them behind the point still look like a fraction
# that somebody wrote.
_DOUBLE = 53
_NICE_BITS = 20

_SPECIAL = {Special.INF: sp.oo, Special.NEG_INF: -sp.oo, Special.NAN: sp.nan}


def float_values(graph: Graph, nodes: Iterable[int]) -> frozenset[Fraction]:
    """Return the constants among ``nodes`` that were floats where the formula was written.

    The IR keeps every constant exact, so this is read off the values: a long binary fraction
    comes from a float. So does a short one that is a factor: a quotient of integers is lowered
    as a division.

    >>> graph = Graph()
    >>> tenth = graph.constant(Fraction(0.1))
    >>> float_values(graph, [tenth, graph.constant(Fraction(1, 3))]) == {Fraction(0.1)}
    True
    """
    found: set[Fraction] = set()
    # isinstance would ask the abstract base classes of numbers, of most nodes in vain.
    for index in nodes:
        op, args, data, _, _ = graph.nodes[index]
        if type(data) is Fraction and _looks_binary(data):
            found.add(data)
        if op == "mul":
            for arg in args:
                value = graph.nodes[arg].data
                if type(value) is Fraction and _trailing_zeros(value.denominator) > 0:
                    found.add(value)
    return frozenset(found)


def _looks_binary(value: Fraction) -> bool:
    return max(_trailing_zeros(value.numerator), _trailing_zeros(value.denominator)) > _NICE_BITS


def _trailing_zeros(value: int) -> int:
    return (value & -value).bit_length() - 1 if value else 0


def raise_number(value: Constant, inexact: bool = False) -> Any:
    """Return an exact constant as a SymPy number, a Float if it is ``inexact``.

    >>> raise_number(Fraction(1, 3)), raise_number(Fraction(0.1), inexact=True)
    (1/3, 0.100000000000000)
    """
    if isinstance(value, Special):
        return _SPECIAL[value]
    exact = sp.Rational(value.numerator, value.denominator)
    if not inexact:
        return exact
    # A Float of more than fifteen digits keeps them.
    whole = abs(value.numerator)
    bits = (whole >> _trailing_zeros(whole)).bit_length()
    dyadic = value.denominator & (value.denominator - 1) == 0
    return sp.Float(exact, precision=max(_DOUBLE, bits) if dyadic else _DOUBLE)


def raise_op(op: str, args: Sequence[Any]) -> Any:
    """Return an operation of the table applied to SymPy expressions.

    >>> raise_op("softplus", [sp.Symbol("x")])
    log(exp(x) + 1)
    """
    try:
        return _maker(op)(*args)
    except ValueError:  # SymPy cannot compare what has no approximation, as erfcinv
        if op not in ("min", "max"):
            raise
        return _maker(op)(*args, evaluate=False)


def raise_reduction(op: str, body: Any, limits: Sequence[tuple[Any, Any, Any]]) -> Any:
    """Return a reduction over indices with their first and last values.

    SymPy has no maximum over an index, so that is a function of the limits.

    >>> i, n = sp.symbols("i n")
    >>> raise_reduction("reduce_max", sp.IndexedBase("x")[i], [(i, 0, n - 1)])
    Max(x[i], (i, 0, n - 1))
    """
    if op == "reduce_max":
        return sp.Function("Max", commutative=True)(body, *(sp.Tuple(*limit) for limit in limits))
    return (sp.Product if op == "reduce_prod" else sp.Sum)(body, *limits)


def index_symbol(name: str) -> sp.Symbol:
    """Return the symbol of an index."""
    return sp.Symbol(name, integer=True)


def size_symbol(name: str) -> sp.Symbol:
    """Return the symbol of a size."""
    return sp.Symbol(name, integer=True, positive=True)


@dataclass(frozen=True)
class Element:
    """How an array is written where it has indices.

    Attributes:
        base: what takes the indices: an ``IndexedBase`` or a ``MatrixSymbol``.
        thin: per dimension, whether it has size 1, so that the IR has no axis for it; nothing
            where no dimension has.
    """

    base: Any
    thin: tuple[bool, ...] = ()

    def at(self, indices: Sequence[Any]) -> Any:
        """Return an element."""
        if self.thin:
            found = iter(indices)
            indices = [sp.S.Zero if thin else next(found) for thin in self.thin]
        return self.base[tuple(indices)] if indices else self.base


@cache
def _maker(op: str) -> Callable[..., Any]:
    case = _CASES.get(op)
    if case is not None:
        return case
    if op in FUNCTIONS:
        registered: Callable[..., Any] = FUNCTIONS[op]
        return registered
    if op in CONSTANTS:
        value = getattr(sp, CONSTANTS[op][1].replace("Pi", "pi").replace("Exp1", "E"))
        return lambda: value
    from sympy.codegen import cfunctions, numpy_nodes, scipy_nodes

    name = OPS[op].sympy or op
    for module in (sp, cfunctions, numpy_nodes, scipy_nodes):
        if hasattr(module, name):
            found: Callable[..., Any] = getattr(module, name)
            return found
    unknown: Callable[..., Any] = sp.Function(name)  # SymPy has none such
    return unknown


def _joined(x: Any, y: Any) -> Any:
    # A product with I is made of the parts of the other factor.
    if isinstance(y, sp.re) and x == -sp.im(y.args[0]):
        return sp.I * y.args[0]
    return x + sp.I * y


def _less(x: Any, y: Any) -> Any:
    return sp.Gt(y, x) if x.is_Number else sp.Lt(x, y)


def _less_or_equal(x: Any, y: Any) -> Any:
    return sp.Ge(y, x) if x.is_Number else sp.Le(x, y)


def _equal(x: Any, y: Any) -> Any:
    return sp.Eq(y, x) if x.is_Number else sp.Eq(x, y)


def _unequal(x: Any, y: Any) -> Any:
    if isinstance(x, sp.logic.boolalg.BooleanFunction | sp.core.relational.Relational):
        return sp.Xor(x, y)
    return sp.Ne(y, x) if x.is_Number else sp.Ne(x, y)


def _select(condition: Any, yes: Any, no: Any) -> Any:
    # One Piecewise for a chain of choices, as it was before lowering.
    rest = no.args if isinstance(no, sp.Piecewise) else [(no, True)]
    if no is sp.nan:
        rest = []
    return sp.Piecewise((yes, condition), *rest)


_CASES: dict[str, Callable[..., Any]] = {
    **SPECIALS,
    "add": sp.Add,
    "sub": lambda x, y: x - y,
    "mul": sp.Mul,
    "div": lambda x, y: x / y,
    "neg": lambda x: -x,
    "pow": sp.Pow,
    "powi": sp.Pow,
    "sqrt": sp.sqrt,
    "log": sp.log,
    "min": sp.Min,
    "max": sp.Max,
    "select": _select,
    "softplus": lambda x: sp.log(1 + sp.exp(x)),
    "sigmoid": lambda x: 1 / (1 + sp.exp(-x)),
    "bose": lambda x: 1 / (sp.exp(x) - 1),
    "erfcx": lambda x: sp.exp(x**2) * sp.erfc(x),
    "detach": lambda x: x,
    "refined": lambda x, better: x,
    "sloped": lambda x, u, slope: x,
    "sech_squared": lambda x: 1 - sp.tanh(x) ** 2,
    "imaginary": lambda: sp.I,
    "conj": sp.conjugate,
    "widen": lambda x: x,
    "widen_below": lambda x: x,
    "narrow": lambda x: x,
    "complex": _joined,
    "lt": _less,
    "le": _less_or_equal,
    "eq": _equal,
    "ne": _unequal,
    "and": sp.And,
    "or": sp.Or,
    "not": sp.Not,
    "true": lambda: sp.true,
    "false": lambda: sp.false,
}
