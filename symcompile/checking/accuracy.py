"""How accurate each function of the table is, measured on every backend.

The judge is mpmath at 50 digits. Points lie in the row's domain, where tests sample it too: evenly,
and ever closer to both ends of each interval. Errors are in units in the last place of the exact
result, and again *conditioned*: divided by the larger of 1 and the condition number
``sum |x df/dx| / |f|``. Next to a zero of a function no argument is exact enough for a small error
of the first kind (Higham, Accuracy and Stability of Numerical Algorithms, 1.6).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from mpmath.ctx_mp import MPContext
from numpy.typing import NDArray

from symcompile.checking.rounding import errors, to_double
from symcompile.compiler import compile
from symcompile.errors import LoweringError
from symcompile.frontend.definition import Definition
from symcompile.ir.graph import SAMPLES, Graph, Output
from symcompile.ir.interpreter import apply_op, array_of, context
from symcompile.ir.ops import INFIX, OPS, Op
from symcompile.options import BACKENDS, Backend

#: What is measured: Python's backend computes with ``math`` on numbers, with NumPy on arrays.
WAYS = ("Python", "NumPy", "Numba", "Cython")
_BACKENDS: Mapping[str, Backend] = {"Numba": "numba", "Cython": "cython"}

#: Stands for the derivative in an argument that has to be known when compiling.
NO_DERIVATIVE = "none"

_DIGITS = 50
_BATCH = 12  # functions of one compilation
# Rows that are no functions of numbers, but arithmetic, choices or notes of the compiler.
_OTHERS = frozenset(
    """
    neg powi select lt le eq ne and or not true false detach refined sloped
    re im conj arg widen widen_below narrow complex imaginary
    """.split()
) | frozenset(INFIX)

Box = tuple[tuple[float, float], ...]


class Error(NamedTuple):
    """The largest errors of one function in one way, in ulp, and where the second was found."""

    ulp: float
    conditioned: float
    at: tuple[float, ...]


@dataclass(frozen=True)
class Accuracy:
    """The errors of one function, by way; where it does not compile, what was said instead."""

    name: str
    errors: Mapping[str, Error]
    failures: Mapping[str, str]


def measured_functions() -> list[str]:
    """Return the rows of the table that are functions of numbers, in the order of the table.

    >>> {"sin", "erf", "hypot"} <= set(measured_functions()), "add" in measured_functions()
    (True, False)
    """
    return [op.name for op in OPS.values() if op.arity and op.name not in _OTHERS]


def measure(
    names: Sequence[str],
    *,
    points: int = 200,
    backends: Iterable[Backend] = BACKENDS,
    progress: Callable[[str], None] = lambda name: None,
) -> list[Accuracy]:
    """Measure functions of the table.

    Args:
        names: which.
        points: how many points each, about.
        backends: on which.
        progress: called with the name of each when it is done.

    Raises:
        KeyError: there is no such function.

    Example:
        >>> (found,) = measure(["sqrt"], points=20, backends=["python"])
        >>> found.errors["Python"].ulp <= 0.5, found.errors["NumPy"].ulp <= 0.5
        (True, True)
    """
    rows = [OPS[name] for name in names]
    wanted = frozenset(backends)
    found: list[Accuracy] = []
    for start in range(0, len(rows), _BATCH):
        batch = [_Measured(row, points) for row in rows[start : start + _BATCH]]
        for way in WAYS:
            if _BACKENDS.get(way, "python") in wanted:
                _run(batch, way)
        for one in batch:
            found.append(Accuracy(one.row.name, one.accuracy(), one.failures))
            progress(one.row.name)
    return found


class _Measured:
    """One function, its points and what came out at them."""

    def __init__(self, row: Op, points: int) -> None:
        self.row = row
        self.points = sample(row.domain, points)
        self.results: dict[str, NDArray[np.float64]] = {}
        self.failures: dict[str, str] = {}

    def accuracy(self) -> dict[str, Error]:
        """Return the errors, by way."""
        mp = context(_DIGITS)
        exact, scale = truth(mp, self.row.name, self.points)
        found = {}
        for way, computed in self.results.items():
            ulp, conditioned = errors(mp, computed, exact, scale)
            worst = int(np.argmax(conditioned))
            at = tuple(map(float, self.points[:, worst]))
            found[way] = Error(float(ulp.max()), float(conditioned[worst]), at)
        return found


def sample(domain: Box, points: int) -> NDArray[np.float64]:
    """Return points of a domain, shape ``(arguments, points)``; the same each time.

    >>> found = sample(((0.0, 1.0), (2.0, 2.0)), 50)
    >>> found.shape, bool(0 < found[0].min() < 1e-6), bool(1 - 1e-6 < found[0].max() < 1)
    ((2, 50), True, True)
    """
    rng = np.random.default_rng(2024)
    rows = []
    for low, high in domain:
        if low == high:
            rows.append(np.full(points, low))
            continue
        inner = rng.uniform(low, high, points - points // 2)
        near = (high - low) * 2.0 ** -rng.uniform(1, 45, points // 2)
        edges = np.where(rng.random(near.size) < 0.5, low + near, high - near)
        row = np.concatenate([inner, edges])
        np.clip(row, np.nextafter(low, high), np.nextafter(high, low), out=row)
        rows.append(row if not rows else rng.permutation(row))
    return np.array(rows)


def truth(
    mp: MPContext, name: str, points: NDArray[np.float64]
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return the exact values at points, and how far rounding of the arguments may move them.

    Args:
        mp: arithmetic.
        name: an operation of the table.
        points: shape ``(arguments, points)``.

    Returns:
        Numbers of ``mp``, and the scales ``max(|f|, sum |x df/dx|)``, shape ``(points,)`` each.
    """
    exact, scales = [], []
    for column in points.T:
        arguments = [mp.mpf(float(x)) for x in column]
        value = apply_op(mp, name, arguments)
        exact.append(value)
        scales.append(max(abs(to_double(value)), _sensitivity(mp, name, arguments)))
    return array_of(exact, (len(exact),)), np.array(scales)


def _sensitivity(mp: MPContext, name: str, arguments: Sequence[Any]) -> float:
    """Return ``sum |x df/dx|`` by central differences; steps are exact to half the digits."""
    total = mp.mpf(0)
    step = mp.mpf(10) ** (-_DIGITS // 3)
    for k, x in enumerate(arguments):
        if OPS[name].derivatives[k] is None:
            continue
        ends = []
        for moved in (x * (1 + step), x * (1 - step)):
            ends.append(apply_op(mp, name, [*arguments[:k], moved, *arguments[k + 1 :]]))
        change = abs(ends[0] - ends[1]) / (2 * step)
        total += change if mp.isfinite(change) else 0
    return to_double(total)


def _run(batch: Sequence[_Measured], way: str) -> None:
    """Compute a batch in one way; where it does not compile, one function at a time."""
    try:
        results = _results(batch, way)
    except Exception as error:  # whatever is wrong with one row must not hide the others
        for one in batch if len(batch) > 1 else ():
            _run([one], way)
        if len(batch) == 1:
            batch[0].failures[way] = f"{type(error).__name__}: {error}"
        return
    for one, found in zip(batch, results, strict=True):
        one.results[way] = found


def _results(batch: Sequence[_Measured], way: str) -> NDArray[np.float64]:
    """Return the values of a batch, shape ``(functions, points)``."""
    backend = _BACKENDS.get(way, "python")
    scalars = way == "Python"
    columns = [row for one in batch for row in _varying(one)]
    kernel = compile(_definition(batch, scalars), backend=backend)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        rows: Any
        if scalars:
            rows = [_at(kernel, point) for point in zip(*columns, strict=True)]
        else:
            rows = kernel.value([], *columns)
    return np.array(rows, dtype=np.float64).T


def _at(kernel: Any, point: Sequence[float]) -> Any:
    return kernel.value([], **{f"x{k}": float(x) for k, x in enumerate(point)})


def _varying(one: _Measured) -> list[NDArray[np.float64]]:
    """Return the arguments that are no constants."""
    ends = zip(one.points, one.row.domain, strict=True)
    return [row for row, (low, high) in ends if low != high]


def _definition(batch: Sequence[_Measured], scalars: bool) -> Definition:
    """Return a definition whose value is a list of functions, each of arguments of its own."""
    graph = Graph()
    count = 0
    entries = []
    for one in batch:
        arguments = []
        for low, high in one.row.domain:
            if low == high:
                arguments.append(graph.constant(Fraction(low)))
                continue
            # No parameters: some functions have no derivative in an argument.
            role, axes = ("constant", ()) if scalars else ("data", (SAMPLES,))
            arguments.append(graph.input(role, count, axes))  # type: ignore[arg-type]
            count += 1
        entries.append(graph.add(one.row.name, tuple(arguments)))
    names = tuple(f"x{k}" for k in range(count))
    return Definition(
        name="functions",
        params=(),
        data=() if scalars else names,
        constants=tuple((name, None) for name in names) if scalars else (),
        reduce=None,
        ir=graph,
        output=Output("value", tuple(entries), (len(entries),), not scalars),
        sizes=() if scalars else SAMPLES.extent.sizes,
    )


@cache
def derivative_texts(name: str) -> tuple[str, ...]:
    """Return the derivative in each argument as text, from the rules of the table.

    The arguments are called ``x``, ``y`` and ``z`` (or ``n`` where they are whole numbers), the
    value ``f``. An empty text says that it is zero wherever it exists.

    >>> derivative_texts("sqrt"), derivative_texts("hypot")
    (('1/(2*f)',), ('x/f', 'y/f'))
    """
    import sympy as sp

    from symcompile.frontend.raising import raise_nodes
    from symcompile.ir.build import Builder, Value
    from symcompile.ir.graph import Input

    row = OPS[name]
    builder = Builder()
    value = Value(builder, builder.graph.input("cotangent", 0))
    arguments = [Value(builder, builder.graph.input("param", k)) for k in range(row.arity)]
    leaves: dict[Any, Any] = {Input("cotangent", 0): sp.Symbol("f")}
    leaves |= {Input("param", k): sp.Symbol(text) for k, text in enumerate(arguments_of(name))}
    if name in ("min", "max"):  # the table leaves what chooses to the rules of differentiation
        x, y = arguments_of(name)
        sign = "<=" if name == "min" else ">="
        return (
            f"Piecewise((1, {x} {sign} {y}), (0, True))",
            f"Piecewise((0, {x} {sign} {y}), (1, True))",
        )
    found = []
    for rule in row.derivatives:
        if rule is None:
            found.append("")
            continue
        try:
            made = rule(value.lift(1), value, *arguments)
        except LoweringError:  # as in an order that has to be a constant
            found.append(NO_DERIVATIVE)
            continue
        raised = raise_nodes(builder.graph, [made.node], leaves)
        texts = [f"{symbol} = {expr}" for symbol, expr in raised.intermediates]
        found.append("; ".join([str(raised.results[0]), *texts]))
    return tuple(found)


def arguments_of(name: str) -> tuple[str, ...]:
    """Return what the page calls the arguments of a function.

    >>> arguments_of("hypot"), arguments_of("polygamma")
    (('x', 'y'), ('n', 'x'))
    """
    domain = OPS[name].domain
    fixed = iter("nmkl")
    free = iter("xyzwuv")
    boxes = domain if len(domain) == OPS[name].arity else domain * OPS[name].arity
    return tuple(next(fixed) if low == high else next(free) for low, high in boxes)
