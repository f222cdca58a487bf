"""What rounding may do to a result, and the units in which errors are measured.

Two units (N. J. Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., SIAM 2002,
chapters 1 and 3):

**ulp**
    The error in units of the last place of the exact result: ``|computed - exact| / ulp(exact)``,
    where ``ulp`` is the distance between neighbouring doubles there. A correctly rounded result
    has at most 0.5. It is large, and rightly so, where the formula cancels.

**conditioned ulp**
    ``|computed - exact| / (eps * scale)``, ``eps = 2**-52``. The *scale* of a result is how far
    it moves, per unit of relative perturbation, when every input, the result of every operation
    and, for a derivative, every local derivative is perturbed once: the first-order bound,
    estimated by sampling signs, and at least ``|exact|``. A computation that is backward stable,
    operation by operation, has a small number of conditioned ulp whatever the conditioning of
    the problem.

The unit is that of the dtype: ``eps = 2**-23`` where a definition computes in float32. Of complex
numbers the error is that of the number, ``|computed - exact|``, not of its parts: a product of two
has a part that cancels.

The perturbations are those of the formula as first lowered, so where a backend computes a more
stable form the scale is generous, and the plain ulp says more.
"""

from __future__ import annotations

import cmath
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from mpmath.ctx_mp import MPContext
from numpy.typing import NDArray

from symcompile.ir.affine import Affine
from symcompile.ir.body import Body
from symcompile.ir.graph import BOOLEAN_OPS, Axes, Axis, Graph, Input, Kind, Node, View
from symcompile.ir.interpreter import Number, Perturb, array_of
from symcompile.ir.ops import CHOOSING, CONSTANTS

#: The spacing of doubles at 1.
EPS = 2.0**-52
#: The spacing of float32 at 1.
EPS_SINGLE = 2.0**-23
_TINY, _TINY_SINGLE = 2.0**-1074, 2.0**-149

#: Results that jump. A perturbed evaluation keeps the branches and steps of the exact one.
_STEPS = BOOLEAN_OPS | {"floor", "ceil", "sign"}
# Complex numbers from parts, and parts of them: nothing is rounded.
_PARTS = frozenset({"widen", "widen_below", "narrow", "complex", "imaginary", "re", "im", "conj"})
_NAMED = frozenset(CONSTANTS)
# Reductions whose terms are rounded as they are combined.
_ACCUMULATING = frozenset({"reduce_sum", "reduce_prod", "scatter"})
# Uses that have no local derivative but 0 and 1.
_MOVING = frozenset({"view", "reduce_max", "reduce_sum", "scatter"})


class Slope(NamedTuple):
    """A use of a value: it enters as ``value + error*(value - base)``.

    That is the value itself at the point in question, where it equals ``base``, but its slope
    there is ``1 + error``: the rounding of a local derivative, which need not be that of the
    value.
    """

    error: Input
    base: Input
    node: int
    axes: Axes


class Terms(NamedTuple):
    """Terms that are combined along an axis: what is accumulated rounds each of them.

    ``position`` is that axis, or None where terms from anywhere meet.
    """

    place: Input
    axes: Axes
    position: int | None


@dataclass(frozen=True)
class Instrumented:
    """A copy of a formula with places for the roundings that are not those of a result.

    Attributes:
        graph: the copy.
        roots: its nodes for the roots asked for.
        slopes: the uses of values that depend on the parameters.
        constants: inputs to be set to ``1 + error``, for constants that are no doubles.
        sums: inputs to be set to ``1 +`` the accumulated rounding of a sum or product.
        steps: inputs to be set to the value of a node of the original graph: truths, steps, and
            numbers that are indices.
        wrappers: nodes that only apply all that; they do not round.
    """

    graph: Graph
    roots: tuple[int, ...]
    slopes: tuple[Slope, ...]
    constants: tuple[Input, ...]
    sums: tuple[Terms, ...]
    steps: dict[Input, int]
    wrappers: frozenset[int]


def instrument(
    graph: Graph, roots: Sequence[int], derivatives: bool, single: bool = False
) -> Instrumented:
    """Return a copy of a formula with places for roundings.

    Args:
        graph: the formula.
        roots: its outputs.
        derivatives: whether it is going to be differentiated, so that local derivatives round.
        single: whether numbers have 24 bits.
    """
    return _Instrumenting(graph, derivatives, single).run(roots)


class _Instrumenting:
    def __init__(self, graph: Graph, derivatives: bool, single: bool) -> None:
        self.graph, self.copy = graph, Graph()
        self.single = single
        self.derivatives = derivatives
        self.mapping: dict[int, int] = {}
        self.active: set[int] = set()
        self.slopes: list[Slope] = []
        self.constants: list[Input] = []
        self.sums: list[Terms] = []
        self.fixed: dict[int, int] = {}
        self.steps: dict[Input, int] = {}
        self.wrappers: set[int] = set()
        self.slots = 0

    def run(self, roots: Sequence[int]) -> Instrumented:
        for index in self.graph.ancestors(roots):
            self.mapping[index] = self.node(index)
        return Instrumented(
            self.copy,
            tuple(self.mapping[root] for root in roots),
            tuple(self.slopes),
            tuple(self.constants),
            tuple(self.sums),
            self.steps,
            frozenset(self.wrappers),
        )

    def node(self, index: int) -> int:
        node, copy = self.graph[index], self.copy
        if node.op in _STEPS and node.args and node.kind is not Kind.COMPLEX:
            return self.step(index)
        if isinstance(node.data, Input):
            if node.data.role == "param":
                self.active.add(index)
            return copy.input(node.data.role, node.data.slot, node.axes, node.kind)
        if node.op == "const":
            return copy.constant(node.data)  # type: ignore[arg-type]
        if isinstance(node.data, Affine):
            return self.function(node, node.data)
        if isinstance(node.data, View):
            if node.args[0] in self.active:
                self.active.add(index)
            body = self.used(node, 0, node.args[0])
            # Indices are what they are.
            gathers = tuple(self.step(arg) for arg in node.args[1:])
            made = copy.scatter if node.op == "scatter" else copy.view
            return made(body, node.data, node.axes, gathers)
        if any(arg in self.active for arg in node.args):
            self.active.add(index)
        if node.op in _PARTS:
            made_ = copy.add(node.op, tuple(self.mapping[arg] for arg in node.args))
            self.wrappers.add(made_)
            return made_
        args = tuple(self.used(node, k, arg) for k, arg in enumerate(node.args))
        if isinstance(node.data, Body):
            return copy.bound(node.op, args, node.data)
        if isinstance(node.data, int):
            return copy.reduce(node.op, args[0], node.data)
        return copy.add(node.op, args)

    def function(self, node: Node, value: Affine) -> int:
        if node.op == "delta":
            return self.copy.delta(value, node.axes)
        if node.op == "index":
            return self.copy.index(value, node.axes)
        return self.copy.extent(Axis(value))

    def step(self, index: int) -> int:
        """Return the node for a value that stays that of the exact evaluation."""
        found = self.fixed.get(index)
        if found is None:
            place, found = self.place(self.graph[index].axes)
            self.fixed[index] = found
            self.steps[place] = index
        return found

    def used(self, user: Node, position: int, arg: int) -> int:
        """Return the node for the use of ``arg`` as an argument of ``user``."""
        node, mapped = self.graph[arg], self.mapping[arg]
        if node.kind is Kind.BOOL or (user.op, position) in CHOOSING:
            return mapped
        if user.op not in _MOVING:
            mapped = self.sloped(arg)
        if user.op in _ACCUMULATING:
            place, factor = self.place(node.axes)
            along = user.data if isinstance(user.data, int) else None
            self.sums.append(Terms(place, node.axes, along))
            return self.wrap("mul", mapped, factor)
        return mapped

    def sloped(self, arg: int) -> int:
        """Return the node for a use that has a local derivative."""
        node, mapped = self.graph[arg], self.mapping[arg]
        if _is_rounded_constant(self.graph, arg, self.single):
            place, factor = self.place(())
            self.constants.append(place)
            return self.wrap("mul", mapped, factor)
        if not self.derivatives or arg not in self.active:
            return mapped
        error, slope = self.place(node.axes)
        base, centre = self.place(node.axes)
        self.slopes.append(Slope(error, base, mapped, node.axes))
        change = self.wrap("mul", slope, self.wrap("sub", mapped, centre))
        return self.wrap("add", mapped, change)

    def place(self, axes: Axes) -> tuple[Input, int]:
        # No definition has inputs of this role, so its slots are free.
        place = Input("direction", self.slots)
        self.slots += 1
        return place, self.copy.input(place.role, place.slot, axes)

    def wrap(self, op: str, left: int, right: int) -> int:
        made = self.copy.add(op, (left, right))
        self.wrappers.add(made)
        return made


def _is_rounded_constant(graph: Graph, index: int, single: bool) -> bool:
    node = graph[index]
    if isinstance(node.data, Fraction):
        try:
            number = float(node.data)
            return Fraction(float(np.float32(number)) if single else number) != node.data
        except OverflowError:
            return True
    return node.op in _NAMED


class Draw:
    """One draw of rounding errors, ``+-delta`` each; the same wherever it is asked for.

    Derivatives are differences of evaluations, so an operation must round alike in all of them.
    """

    def __init__(self, mp: MPContext, seed: int, delta: Number) -> None:
        self._mp = mp
        self._seed = seed
        self._delta = delta
        self._up, self._down = 1 + delta, 1 - delta
        self._known: dict[str, list[Number]] = {}

    def factors(self, key: str, count: int) -> list[Number]:
        """Return ``count`` factors ``1 +- delta``."""
        found = self._known.get(key)
        if found is None:
            found = [self._up if s > 0 else self._down for s in self._signs(key, count)]
            self._known[key] = found
        return found

    def moved(self, key: str, values: Sequence[Number], *, turned: bool = True) -> list[Number]:
        """Return numbers times ``1 +- delta``, a factor of its own for each part of a complex one.

        With ``turned`` a complex number is off by as much at a right angle, but where it is real
        or imaginary: a number on a branch cut stays there.
        """
        factors = self.factors(key, len(values))
        if not any(isinstance(value, self._mp.mpc) for value in values):
            return [value * factor for value, factor in zip(values, factors, strict=True)]
        found = []
        others = self.factors(f"{key} i", len(values))
        for value, factor, other in zip(values, factors, others, strict=True):
            if not isinstance(value, self._mp.mpc):
                found.append(value * factor)
            elif turned and value.real and value.imag:
                found.append(value * self._mp.mpc(factor, other - 1))
            else:
                found.append(self._mp.mpc(value.real * factor, value.imag * other))
        return found

    def sums(self, key: str, count: int) -> list[Number]:
        """Return what pairwise summation of ``count`` terms does to each: Higham, 4.2."""
        found = self._known.get(key)
        if found is None:
            totals = [0] * count
            level = 0
            while count >> level:
                signs = self._signs(f"{key}/{level}", (count >> level) + 1)
                totals = [total + signs[i >> level] for i, total in enumerate(totals)]
                level += 1
            found = self._known[key] = [1 + self._delta * total for total in totals]
        return found

    def terms(self, key: str, shape: tuple[int, ...], position: int | None) -> NDArray[Any]:
        """Return what :meth:`sums` does to each of an array of terms, along one axis or all.

        >>> import mpmath
        >>> Draw(mpmath.mp, 0, mpmath.mpf(1) / 8).terms("a", (2, 3), 1).shape
        (2, 3)
        """
        if position is None:
            return array_of(self.sums(key, math.prod(shape)), shape)
        count = shape[position]
        others = shape[:position] + shape[position + 1 :]
        rows = [self.sums(f"{key} {row}", count) for row in range(math.prod(others))]
        entries = [factor for row in rows for factor in row]
        return np.moveaxis(array_of(entries, (*others, count)), -1, position)

    def perturb(self, exact: frozenset[int]) -> Perturb:
        """Return a hook for evaluations by the interpreter; nodes in ``exact`` do not round."""

        def hook(index: int, values: Sequence[Number]) -> Sequence[Number]:
            if index in exact:
                return values
            return self.moved(f"node {index}", values)

        return hook

    def _signs(self, key: str, count: int) -> list[int]:
        bits = random.Random(f"{self._seed} {key}").getrandbits(count) if count else 0
        return [1 if bits >> k & 1 else -1 for k in range(count)]


def to_double(value: Number) -> float:
    """Return the nearest double; what is out of range is infinite.

    >>> import mpmath
    >>> to_double(mpmath.mpf(10)**400), to_double(mpmath.mpf("-0.5"))
    (inf, -0.5)
    """
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def to_number(value: Number, single: bool = False) -> complex:
    """Return the nearest double, or complex number, of 24 bits where it is ``single``."""
    if hasattr(value, "_mpc_"):
        return complex(to_number(value.real, single).real, to_number(value.imag, single).real)
    found = to_double(value)
    if not single:
        return found
    with np.errstate(over="ignore", under="ignore"):
        return float(np.float32(found))


def _one_error(
    mp: MPContext, got: complex, exact: Number, scale: float, single: bool
) -> tuple[float, float]:
    nearest = to_number(exact, single)
    if cmath.isnan(got) or cmath.isnan(nearest):
        same = cmath.isnan(got) and cmath.isnan(nearest)
        return (0.0, 0.0) if same else (math.inf, math.inf)
    if isinstance(got, complex) or isinstance(nearest, complex):
        if cmath.isinf(got) or cmath.isinf(nearest):  # an infinity has no direction
            same = cmath.isinf(got) and cmath.isinf(nearest)
            return (0.0, 0.0) if same else (math.inf, math.inf)
        error = abs(mp.mpc(got) - exact)
        nearest = abs(nearest)
        return _in_units(mp, error, nearest, scale, single)
    if got == nearest and (math.isinf(got) or mp.mpf(got) == exact):
        return 0.0, 0.0
    if math.isinf(got) or mp.isinf(exact):
        return math.inf, math.inf
    return _in_units(mp, abs(mp.mpf(got) - exact), abs(nearest), scale, single)


def _in_units(
    mp: MPContext, error: Number, size: float, scale: float, single: bool
) -> tuple[float, float]:
    unit, conditioned = units(size, scale, single)
    return to_double(error / mp.mpf(unit)), to_double(error / mp.mpf(conditioned))


def units(size: float, scale: float, single: bool = False) -> tuple[float, float]:
    """Return an ulp and a conditioned ulp of a number.

    Args:
        size: its absolute value.
        scale: its scale; see the module.
        single: whether what is computed has 24 bits.

    Example:
        >>> units(1.0, 4.0) == (EPS, 4*EPS)
        True
    """
    if single:
        size = min(size, float(np.finfo(np.float32).max))
        unit, eps, tiny = float(np.spacing(np.float32(size))), EPS_SINGLE, _TINY_SINGLE
    else:
        size = min(size, float(np.finfo(np.float64).max))
        unit, eps, tiny = math.ulp(size), EPS, _TINY
    return unit, max(unit, eps * scale if math.isfinite(scale) else 0.0, tiny)


def errors(
    mp: MPContext,
    computed: Any,
    exact: NDArray[Any],
    scale: NDArray[Any],
    single: bool = False,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the errors of computed numbers against exact results, in ulp and in conditioned ulp.

    Infinity must match infinity of the same sign, NaN must match NaN; a mismatch is infinitely
    wrong. An exact result beyond the range of doubles counts as infinite. Near underflow the
    unit is the smallest subnormal number.

    Args:
        mp: arithmetic with more digits than a double has.
        computed: doubles, float32 or complex numbers.
        exact: numbers of ``mp``, of the same shape.
        scale: doubles of the same shape; see the module.
        single: whether what is computed has 24 bits.

    Example:
        >>> from symcompile.ir.interpreter import context
        >>> mp = context(50)
        >>> ulp, conditioned = errors(mp, 1 + 2*EPS, np.array(mp.mpf(1)), np.array(4.0))
        >>> float(ulp), float(conditioned)
        (2.0, 0.5)
    """
    values = np.asarray(computed)
    values = values.astype(np.complex128 if values.dtype.kind == "c" else np.float64)
    pairs = [
        _one_error(mp, got.item(), true, float(spread), single)
        for got, true, spread in zip(values.flat, exact.flat, scale.flat, strict=True)
    ]
    both = np.array(pairs, dtype=np.float64).reshape((*values.shape, 2))
    return both[..., 0], both[..., 1]
