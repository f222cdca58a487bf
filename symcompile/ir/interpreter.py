"""The meaning of the IR: an interpreter in mpmath, at any precision.

It is the definition that backends are judged by, so it takes nothing from the passes or the
derivative rules. Real stays real: what mpmath would answer with a complex number is NaN here,
and a division by zero is an infinity, as IEEE 754 says.

A node without axes is a number; one with axes is a NumPy array of numbers, of dtype object. Sums
are rounded once, whatever the order of their terms.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import partial
from typing import Any

import mpmath
import numpy as np
from mpmath.ctx_mp import MPContext
from numpy.typing import NDArray

from symcompile.ir.affine import Affine
from symcompile.ir.body import Body
from symcompile.ir.graph import (
    COMPLEX_OPS,
    REAL_OPS,
    REDUCTIONS,
    Axes,
    Gather,
    Graph,
    Input,
    Node,
    Special,
    View,
)
from symcompile.ir.ops import OPS
from symcompile.ir.special_values import VALUES

Number = Any  # mpf of whichever context is in use
Value = Any  # a number, or an object array of numbers
Perturb = Callable[[int, Sequence[Number]], Sequence[Number]]

# More nodes than a body has.
_PLACES = 1 << 20

# What moves data without computing.
_MOVES = frozenset({"view"})


def context(digits: int) -> MPContext:
    """Return an mpmath context of its own with ``digits`` decimal digits."""
    mp = mpmath.mp.clone()
    mp.dps = digits
    return mp


def to_mpf(mp: MPContext, value: Fraction | Special) -> Number:
    """Return an exact constant as a number of ``mp``."""
    if isinstance(value, Fraction):
        return mp.mpf(value.numerator) / value.denominator
    return {Special.INF: mp.inf, Special.NEG_INF: -mp.inf, Special.NAN: mp.nan}[value]


def _real(mp: MPContext, value: Number) -> Number:
    if isinstance(value, mp.mpc):
        return value.real if value.imag == 0 else mp.nan
    return value


def _complex(mp: MPContext, value: Number) -> Number:
    return value if isinstance(value, mp.mpc) else mp.mpc(value)


def _sign(mp: MPContext, x: Number) -> Number:
    if isinstance(x, mp.mpc):
        return x / abs(x) if x != 0 else x
    return x if mp.isnan(x) else mp.sign(x)


def _cube_root(mp: MPContext, x: Number) -> Number:
    if isinstance(x, mp.mpc):
        return mp.cbrt(x)
    return mp.sign(x) * mp.cbrt(abs(x))


def _divide(mp: MPContext, x: Number, y: Number) -> Number:
    if y != 0:
        return x / y
    if isinstance(x, mp.mpc) or isinstance(y, mp.mpc):
        return mp.nan
    return mp.nan if x == 0 or mp.isnan(x) else mp.sign(x) * mp.inf


def _power(mp: MPContext, x: Number, y: Number) -> Number:
    if x == 0 and not isinstance(y, mp.mpc) and y < 0:
        return mp.nan if isinstance(x, mp.mpc) else mp.inf
    return mp.power(x, y)


def _extreme(mp: MPContext, x: Number, y: Number, largest: bool) -> Number:
    if mp.isnan(x) or mp.isnan(y):
        return mp.nan
    return max(x, y) if largest else min(x, y)


_CASES: dict[str, Callable[..., Any]] = {
    **VALUES,
    "add": lambda mp, x, y: x + y,
    "sub": lambda mp, x, y: x - y,
    "mul": lambda mp, x, y: x * y,
    "div": _divide,
    "neg": lambda mp, x: -x,
    "pow": _power,
    "powi": lambda mp, x, k: _power(mp, x, mp.mpf(int(k))),
    "sign": _sign,
    "cbrt": _cube_root,
    "imaginary": lambda mp: mp.mpc(0, 1),
    "re": lambda mp, x: mp.re(x),
    "im": lambda mp, x: mp.im(x),
    "conj": lambda mp, x: mp.conj(x),
    "arg": lambda mp, x: mp.arg(x) if x == x else mp.nan,
    "widen": lambda mp, x: mp.mpc(x),
    "widen_below": lambda mp, x: mp.mpc(x),
    "complex": lambda mp, x, y: mp.mpc(x, y),
    "narrow": lambda mp, x: mp.re(x) if mp.im(x) == 0 else mp.nan,
    "min": lambda mp, x, y: _extreme(mp, x, y, False),
    "max": lambda mp, x, y: _extreme(mp, x, y, True),
    "select": lambda mp, c, x, y: x if c else y,
    "softplus": lambda mp, x: mp.log1p(mp.exp(x)) if x < 0 else x + mp.log1p(mp.exp(-x)),
    "sigmoid": lambda mp, x: 1 / (1 + mp.exp(-x)),
    "bose": lambda mp, x: _divide(mp, mp.mpf(1), mp.expm1(x)),
    "sech": lambda mp, x: mp.sech(x),
    "erfcx": lambda mp, x: mp.exp(x * x) * mp.erfc(x),
    "detach": lambda mp, x: x,
    "refined": lambda mp, x, better: x,
    "sloped": lambda mp, x, u, slope: x,
    "sech_squared": lambda mp, x: mp.sech(x) ** 2,
    "lt": lambda mp, x, y: x < y,
    "le": lambda mp, x, y: x <= y,
    "eq": lambda mp, x, y: x == y,
    "ne": lambda mp, x, y: x != y,
    "and": lambda mp, x, y: x and y,
    "or": lambda mp, x, y: x or y,
    "not": lambda mp, x: not x,
    "true": lambda mp: True,
    "false": lambda mp: False,
    "pi": lambda mp: +mp.pi,
    "e": lambda mp: +mp.e,
    "euler_gamma": lambda mp: +mp.euler,
    "catalan": lambda mp: +mp.catalan,
    "golden_ratio": lambda mp: +mp.phi,
}


def apply_op(mp: MPContext, op: str, args: Sequence[Number]) -> Number:
    """Return one operation on numbers of ``mp``; real in, real (or NaN) out.

    Where an argument is complex the result is, unless it is a part or a truth value.
    """
    case = _CASES.get(op) or VALUES.get(op)
    whole = op in COMPLEX_OPS or (
        op not in REAL_OPS and any(isinstance(arg, mp.mpc) for arg in args)
    )
    kept = _complex if whole else _real
    try:
        function = getattr(mp, OPS[op].mpmath or op) if case is None else partial(case, mp)
        found = function(*args)
    # A pole; and mpmath trips over some infinite arguments, as of shi.
    except (ValueError, ZeroDivisionError, TypeError):
        found = mp.nan
    return found if isinstance(found, bool) else kept(mp, found)


def array_of(entries: Sequence[Number], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return numbers, row-major, as an array of objects.

    >>> array_of([1, 2, 3, 4, 5, 6], (2, 3))
    array([[1, 2, 3],
           [4, 5, 6]], dtype=object)
    """
    found = np.empty(len(entries), dtype=object)
    found[:] = entries
    return found.reshape(shape)


def lengths(axes: Axes, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """Return the shape of an array over ``axes``.

    >>> from symcompile.ir.graph import SAMPLES
    >>> lengths((SAMPLES,), {"n": 3})
    (3,)
    """
    return tuple(axis.extent.evaluate(sizes) for axis in axes)


def flat(value: Value) -> list[Number]:
    """Return the entries of a value, row-major."""
    return value.ravel().tolist() if isinstance(value, np.ndarray) else [value]


def evaluate(
    graph: Graph,
    roots: Sequence[int],
    mp: MPContext,
    inputs: Mapping[Input, Number | Sequence[Number] | NDArray[Any]],
    sizes: Mapping[str, int] | None = None,
    perturb: Perturb | None = None,
) -> list[Value]:
    """Evaluate nodes: a number each, or an object array over the axes of the node.

    Args:
        graph: the graph.
        roots: the nodes wanted.
        mp: the arithmetic.
        inputs: a number for each input node, or an array over its axes: NumPy's, or a list of
            as many numbers, row-major.
        sizes: the sizes by name; a formula per sample has ``n``.
        perturb: called with each node that is computed, and its entries row-major; what it
            returns is used instead. This is how rounding errors are modelled. It is not asked
            about truths, nor about what only moves data.

    Raises:
        ValueError: an input of another size than its node, or indices that are no whole numbers.
        IndexError: an index out of range.

    Example:
        >>> from symcompile.ir.graph import SAMPLES
        >>> g = Graph()
        >>> x = g.input("data", 0, (SAMPLES,))
        >>> mp = context(50)
        >>> roots = [g.add("mul", (x, x)), g.reduce_sum(x)]
        >>> squares, total = evaluate(g, roots, mp, {Input("data", 0): [1, 2, 3]}, {"n": 3})
        >>> squares.tolist(), int(total)
        ([1, 4, 9], 6)
    """
    run = _Run(graph, mp, inputs, sizes or {})
    values = run.values
    for index in graph.ancestors(roots):
        node = graph[index]
        if perturb is not None and isinstance(node.data, Body):
            run.rounding = _within(index, perturb)
        value = run.node(node)
        if perturb is not None and node.args and node.op not in _MOVES:
            if isinstance(value, np.ndarray):
                if value.size and not isinstance(value.flat[0], bool):
                    value = array_of(perturb(index, flat(value)), value.shape)
            elif not isinstance(value, bool):
                (value,) = perturb(index, [value])
        values[index] = value
    return [values[root] for root in roots]


def _within(index: int, perturb: Perturb) -> Callable[[int, Sequence[Number]], Sequence[Number]]:
    """Return the hook for what is computed within the body of a node; its places are negative."""
    return lambda place, values: perturb(-1 - (index * _PLACES + place), values)


class _Run:
    """One evaluation: the values of the nodes so far."""

    def __init__(
        self, graph: Graph, mp: MPContext, inputs: Mapping[Input, Any], sizes: Mapping[str, int]
    ) -> None:
        self.graph, self.mp, self.inputs, self.sizes = graph, mp, inputs, sizes
        self.values: dict[int, Value] = {}
        self.rounding: Callable[[int, Sequence[Number]], Sequence[Number]] | None = None

    def node(self, node: Node) -> Value:
        data, op = node.data, node.op
        if isinstance(data, Input):
            return self.input(self.inputs[data], node.axes)
        if isinstance(data, Fraction | Special):
            return to_mpf(self.mp, data)
        if isinstance(data, Affine):
            return self.function(op, data, self.shape(node.axes))
        args = [self.values[arg] for arg in node.args]
        if isinstance(data, Body):
            return self.with_body(op, data, args, self.shape(node.axes))
        if op in REDUCTIONS:
            assert isinstance(data, int)
            return self.reduce(op, args[0], data)
        if isinstance(data, View):
            return (
                self.scatter(node, data, args) if op == "scatter" else self.view(node, data, args)
            )
        if not node.axes:
            return apply_op(self.mp, op, args)
        shape = self.shape(node.axes)
        count = math.prod(shape)
        columns = [flat(arg) if isinstance(arg, np.ndarray) else [arg] * count for arg in args]
        return array_of([apply_op(self.mp, op, r) for r in zip(*columns, strict=True)], shape)

    def with_body(
        self, op: str, body: Body, args: Sequence[Value], shape: tuple[int, ...]
    ) -> Value:
        """Return a sum, product, integral or derivative of a function of one variable."""
        from symcompile.ir.body_values import body_value

        count = math.prod(shape)
        columns = [flat(arg) if isinstance(arg, np.ndarray) else [arg] * count for arg in args]
        rows = zip(*columns, strict=True) if columns else [()]
        entries = [body_value(self.mp, op, body, row, self.rounding) for row in rows]
        return array_of(entries, shape) if shape else entries[0]

    def shape(self, axes: Axes) -> tuple[int, ...]:
        return lengths(axes, self.sizes)

    def input(self, value: Any, axes: Axes) -> Value:
        if not axes:
            if isinstance(value, np.ndarray):
                if value.size != 1:
                    raise ValueError(f"an array of shape {value.shape} for a number")
                return value.item()
            return value
        shape = self.shape(axes)
        if isinstance(value, np.ndarray) and value.dtype == object:
            entries = flat(value)
        else:
            entries = np.asarray(value, dtype=object).ravel().tolist()
        if len(entries) != math.prod(shape):
            raise ValueError(f"{len(entries)} numbers for an array of shape {shape}")
        return array_of(entries, shape)

    def function(self, op: str, value: Affine, shape: tuple[int, ...]) -> Value:
        """Return ``extent``, ``index`` or ``delta``."""
        whole = np.broadcast_to(self.affine(value, shape), shape).ravel().tolist()
        entries = [self.mp.mpf(int(k == 0) if op == "delta" else k) for k in whole]
        return array_of(entries, shape) if shape else entries[0]

    def reduce(self, op: str, body: NDArray[Any], position: int) -> Value:
        moved = np.moveaxis(body, position, -1)
        shape = moved.shape[:-1]
        combine = {"reduce_sum": self.mp.fsum, "reduce_prod": self.product, "reduce_max": self.max}
        rows = moved.reshape((math.prod(shape), moved.shape[-1]))
        entries = [combine[op](row.tolist()) for row in rows]
        return array_of(entries, shape) if shape else entries[0]

    def product(self, terms: Sequence[Number]) -> Number:
        total = self.mp.mpf(1)
        for term in terms:
            total = total * term
        return total

    def max(self, terms: Sequence[Number]) -> Number:
        largest = -self.mp.inf
        for term in terms:
            largest = _extreme(self.mp, largest, term, True)
        return largest

    # -- indexing --------------------------------------------------------------------------

    def affine(self, value: Affine, shape: tuple[int, ...]) -> NDArray[np.int64]:
        """Return an affine function of the indices, as an array that broadcasts to ``shape``."""
        found = np.zeros((1,) * len(shape), dtype=np.int64) + value.const
        for var, coefficient in value.terms:
            if isinstance(var, str):
                found = found + coefficient * self.sizes[var]
            else:
                along = [1] * len(shape)
                along[var] = shape[var]
                found = found + coefficient * np.arange(shape[var]).reshape(along)
        return found

    def gathered(self, gather: Gather, args: Sequence[Value], rank: int) -> NDArray[np.int64]:
        """Return what a gather reads, as an array that broadcasts to the indices."""
        array = np.asarray(args[gather.arg], dtype=object)
        whole: NDArray[np.int64] = np.empty(array.shape, dtype=np.int64)
        for place, number in np.ndenumerate(array):
            whole[place] = int(number)
            if whole[place] != number:
                raise ValueError(f"the index {number} is no whole number")
        whole = np.transpose(whole, np.argsort(gather.axes)) if gather.axes else whole
        along = [1] * rank
        for position, length in zip(sorted(gather.axes), whole.shape, strict=True):
            along[position] = length
        return whole.reshape(along)

    def places(
        self, view: View, args: Sequence[Value], inner: tuple[int, ...], outer: tuple[int, ...]
    ) -> NDArray[np.int64]:
        """Return the flat position in an array of shape ``inner`` for each index of ``outer``."""
        total = np.zeros(outer, dtype=np.int64)
        for index, length in zip(view.index, inner, strict=True):
            if isinstance(index, Gather):
                found = self.gathered(index, args, len(outer))
            else:
                found = self.affine(index, outer)
            found = np.broadcast_to(found, outer)
            if view.clamped:
                found = np.clip(found, 0, length - 1)
            elif found.size and not (found.min() >= 0 and found.max() < length):
                bad = int(found.min()) if found.min() < 0 else int(found.max())
                raise IndexError(f"the index {bad} is out of range for a length of {length}")
            total = total * length + found
        return total

    def view(self, node: Node, view: View, args: Sequence[Value]) -> Value:
        shape = self.shape(node.axes)
        source = np.asarray(args[0], dtype=object)
        places = self.places(view, args, source.shape, shape)
        if not shape:
            return source.ravel()[int(places)]
        return source.ravel()[places]

    def scatter(self, node: Node, view: View, args: Sequence[Value]) -> Value:
        body, shape = args[0], self.shape(node.axes)
        places = self.places(view, args, shape, np.shape(body))
        terms: list[list[Number]] = [[] for _ in range(math.prod(shape))]
        for place, entry in zip(places.ravel().tolist(), flat(body), strict=True):
            terms[place].append(entry)
        entries = [self.mp.fsum(group) for group in terms]
        return array_of(entries, shape) if shape else entries[0]
