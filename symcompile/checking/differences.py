"""Central differences of a formula, in arithmetic of many digits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from mpmath.ctx_mp import MPContext
from numpy.typing import ArrayLike, NDArray

from symcompile.checking.layout import assemble, jacobian_rows
from symcompile.checking.rounding import Draw, Instrumented, instrument, to_number
from symcompile.ir.graph import Graph, Input, Output
from symcompile.ir.interpreter import Number, array_of, evaluate, flat, lengths

Exact = NDArray[Any]  # an object array of mpmath numbers

# A parameter nearer to zero than this moves as if it were this large.
_SMALLEST = 30


@dataclass(frozen=True)
class Point:
    """A formula, and where it is differentiated.

    Attributes:
        graph: the formula.
        output: what it returns.
        mp: the arithmetic.
        p: the parameters, packed.
        shapes: the shape of each, without dimensions of size 1.
        fixed: the inputs that are no parameters.
        sizes: the sizes by name.
        value: the shape of the value, samples first.
        step: the step of the differences, relative to a parameter.
        single: whether numbers have 24 bits.
    """

    graph: Graph
    output: Output
    mp: MPContext
    p: tuple[Number, ...]
    shapes: tuple[tuple[int, ...], ...]
    fixed: dict[Input, Any]
    sizes: Mapping[str, int]
    value: tuple[int, ...]
    step: Number
    single: bool = False


class Differences:
    """One function and its derivatives at a point: exact, or with one draw of rounding errors.

    Args:
        where: the formula, the arithmetic and the point.
        draw: the errors, or None.
        derivatives: see :func:`symcompile.checking.rounding.instrument`.
    """

    def __init__(self, where: Point, draw: Draw | None = None, derivatives: bool = False) -> None:
        self.mp = where.mp
        self._draw = draw
        self._sizes, self._shapes, self._shape = where.sizes, where.shapes, where.value
        self._output = where.output
        self._relative = where.step
        self._known: dict[tuple[Number, ...], Exact] = {}
        self._p, self._fixed = where.p, where.fixed
        self._graph = where.graph
        self._roots: Sequence[int] = self._output.entries
        self._exact_nodes: frozenset[int] = frozenset()
        self._single = where.single
        if draw is not None:
            self._instrument(draw, derivatives)

    def _instrument(self, draw: Draw, derivatives: bool) -> None:
        made: Instrumented = instrument(self._graph, self._roots, derivatives, self._single)
        inputs = {**self._fixed, **params(self._p, self._shapes)}
        known = evaluate(self._graph, list(made.steps.values()), self.mp, inputs, self._sizes)
        fixed: dict[Input, Any] = dict(zip(made.steps, known, strict=True))
        for place in made.constants:
            fixed[place] = draw.factors(f"constant {place.slot}", 1)[0]
        for place, axes, position in made.sums:
            shape = lengths(axes, self._sizes)
            fixed[place] = draw.terms(f"sum {place.slot}", shape, position)
        for place, value in self._fixed.items():
            rounded = self._rounded(f"{place.role} {place.slot}", flat(value))
            fixed[place] = _like(value, rounded)
        self._fixed = fixed
        self._p = tuple(self._rounded("param", self._p))
        self._graph, self._roots, self._exact_nodes = made.graph, made.roots, made.wrappers
        self._set_slopes(made, draw)

    def _set_slopes(self, made: Instrumented, draw: Draw) -> None:
        zero = self.mp.mpf(0)
        for slope in made.slopes:
            shape = lengths(slope.axes, self._sizes)
            zeros = array_of([zero] * math.prod(shape), shape) if shape else zero
            self._fixed[slope.error] = self._fixed[slope.base] = zeros
        bases = self._interpret([slope.node for slope in made.slopes], self._p)
        for slope, base in zip(made.slopes, bases, strict=True):
            factors = draw.factors(f"slope {slope.error.slot}", len(flat(base)))
            self._fixed[slope.base] = base
            self._fixed[slope.error] = _like(base, [factor - 1 for factor in factors])

    def _rounded(self, key: str, values: Sequence[Number]) -> list[Number]:
        if self._draw is None:
            return list(values)
        return self._draw.moved(key, values, turned=False)

    def _at(self, point: tuple[Number, ...]) -> Exact:
        found = self._known.get(point)
        if found is None:
            found = self._known[point] = self._evaluate(point)
        return found

    def _interpret(self, nodes: Sequence[int], point: Sequence[Number]) -> list[Any]:
        hook = None if self._draw is None else self._draw.perturb(self._exact_nodes)
        inputs = {**self._fixed, **params(point, self._shapes)}
        return evaluate(self._graph, nodes, self.mp, inputs, self._sizes, hook)

    def _evaluate(self, point: tuple[Number, ...]) -> Exact:
        found = self._interpret(self._roots, point)
        return assemble(self._output, found, self._sizes).reshape(self._shape)

    def _moved(self, *moves: tuple[Sequence[Number], Number]) -> Exact:
        point = list(self._p)
        for direction, step in moves:
            point = [x + step * d if d else x for x, d in zip(point, direction, strict=True)]
        return self._at(tuple(point))

    def step(self, direction: Sequence[Number]) -> Number:
        """Return a step along ``direction`` that is small for each parameter it moves."""
        floor = self.mp.mpf(10) ** -_SMALLEST
        sizes = [max(abs(x), floor) / abs(d) for x, d in zip(self._p, direction, strict=True) if d]
        return self._relative * min(sizes, default=self.mp.mpf(1))

    def _axis(self, k: int) -> list[Number]:
        return [self.mp.mpf(int(j == k)) for j in range(len(self._p))]

    def _first(self, a: Sequence[Number]) -> Exact:
        h = self.step(a)
        return _entries((self._moved((a, h)) - self._moved((a, -h))) / (2 * h))

    def _second(self, a: Sequence[Number], b: Sequence[Number]) -> Exact:
        h, k = self.step(a), self.step(b)
        centre = self._at(self._p)
        if a == b:
            return _entries((self._moved((a, h)) - 2 * centre + self._moved((a, -h))) / (h * h))
        # Two new points a pair, where the formula with four signs takes four.
        both = self._moved((a, h), (b, k)) + self._moved((a, -h), (b, -k))
        one = self._moved((a, h)) + self._moved((a, -h))
        other = self._moved((b, k)) + self._moved((b, -k))
        return _entries((both - one - other + 2 * centre) / (2 * h * k))

    def value(self) -> Exact:
        """Return the value, shaped as a kernel's."""
        return self._at(self._p)

    def jacobian(self) -> Exact:
        """Return the Jacobian, shaped as a kernel's."""
        columns = [self._first(self._axis(k)) for k in range(len(self._p))]
        shape = jacobian_rows(self._output, self._shape)
        rows = [column.reshape(shape) for column in columns]
        return np.stack(rows, axis=-1) if rows else np.empty((*shape, 0), object)

    def hessian(self) -> Exact:
        """Return the Hessian of a scalar output."""
        size = len(self._p)
        found = np.empty((size, size), dtype=object)
        for row in range(size):
            for column in range(row + 1):
                entry = self._second(self._axis(row), self._axis(column))
                found[row, column] = found[column, row] = entry.item()
        return found

    def hvp(self, v: ArrayLike) -> Exact:
        """Return the Hessian of a scalar output times ``v``."""
        direction = self._vector("v", v)
        entries = [self._second(self._axis(k), direction).item() for k in range(len(self._p))]
        return array_of(entries, (len(entries),))

    def jvp(self, v: ArrayLike) -> Exact:
        """Return the Jacobian times ``v``."""
        return self._first(self._vector("v", v))

    def vjp(self, u: ArrayLike) -> Exact:
        """Return ``u`` times the Jacobian."""
        weights = self._vector("u", u)
        if self._draw is not None and self._shape:
            each = math.prod(self._shape[1:]) if self._output.per_sample else 1
            summed = self._draw.sums("sum u", len(weights) // max(each, 1))
            weights = [w * summed[k // each] for k, w in enumerate(weights)]
        rows = self.jacobian().reshape(len(weights), len(self._p))
        # An entry of weight zero counts for nothing, even where it is infinite.
        terms = [
            [w * entry if w else w for entry in row] for w, row in zip(weights, rows, strict=True)
        ]
        return array_of([self.mp.fsum(c) for c in zip(*terms, strict=True)], (len(self._p),))

    def _vector(self, key: str, vector: ArrayLike) -> list[Number]:
        entries = np.ravel(np.asarray(vector))
        return self._rounded(key, [exactly(self.mp, entry) for entry in entries])


def params(point: Sequence[Number], shapes: Sequence[tuple[int, ...]]) -> dict[Input, Any]:
    """Return the inputs of the interpreter for packed parameters of these shapes.

    >>> list(params([1, 2, 3], [(), (2,)]).values())
    [1, array([2, 3], dtype=object)]
    """
    found: dict[Input, Any] = {}
    start = 0
    for slot, shape in enumerate(shapes):
        stop = start + math.prod(shape)
        found[Input("param", slot)] = array_of(point[start:stop], shape) if shape else point[start]
        start = stop
    return found


def _like(value: Any, entries: Sequence[Number]) -> Any:
    return array_of(entries, value.shape) if isinstance(value, np.ndarray) else entries[0]


def exactly(mp: MPContext, value: Any) -> Number:
    """Return a number as one of ``mp``, a complex one as such."""
    number = complex(value)
    if isinstance(value, complex | np.complexfloating):
        return mp.mpc(number)
    return mp.mpf(number.real)


def doubles(values: Exact) -> NDArray[Any]:
    """Return the nearest doubles, or complex numbers where any is."""
    flat = [to_number(value) for value in np.asarray(values, object).flat]
    found = np.array(flat) if flat else np.empty(0)
    return found.astype(found.dtype if found.dtype.kind == "c" else float).reshape(np.shape(values))


def _entries(values: Any) -> Exact:
    # NumPy turns an array without axes into its entry as soon as it computes.
    return np.asarray(values, dtype=object)


def finite(values: Exact) -> NDArray[np.bool_]:
    """Return which entries are finite as doubles."""
    return np.asarray(np.isfinite(doubles(values)))
