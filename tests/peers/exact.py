"""Values and derivatives of SymPy expressions in mpmath, and how rounding moves them.

This is a judge of its own: it walks SymPy's trees, and knows nothing of the package's IR.
Derivatives are central differences at many digits.

Scales are those of :mod:`symcompile.checking.rounding`: how far a result moves, per unit of
relative perturbation, when the result of every operation and every local slope is perturbed once.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any, NamedTuple

import sympy as sp

from tests.peers.mathematics import MEANINGS, tribonacci_constant
from tests.peers.units import MP

mp = MP

#: Steps of differences; 60 digits leave more than 25 to second ones.
_STEP = mp.mpf(10) ** -18
_STEP_TWICE = mp.mpf(10) ** -14
_DELTA = mp.mpf(10) ** -22
_DRAWS = 4

_NUMBERS = {
    sp.pi: lambda: +mp.pi,
    sp.E: lambda: +mp.e,
    sp.EulerGamma: lambda: +mp.euler,
    sp.Catalan: lambda: +mp.catalan,
    sp.GoldenRatio: lambda: +mp.phi,
    sp.S.TribonacciConstant: lambda: tribonacci_constant(mp),
}
# Where these jump or bend, and what tells how near that is.
_BREAKS: dict[str, Callable[..., Any]] = {
    "Abs": abs,
    "sign": abs,
    "Heaviside": lambda x, *_: abs(x),
    "floor": lambda x: abs(x - mp.nint(x)),
    "ceiling": lambda x: abs(x - mp.nint(x)),
    "frac": lambda x: abs(x - mp.nint(x)),
    "Mod": lambda x, y: abs(x / y - mp.nint(x / y)),
}
for _name in ("Max", "Min", "maximum", "minimum"):
    _BREAKS[_name] = lambda *xs: min(
        abs(x - y) / (abs(x) + abs(y) + 1) for k, x in enumerate(xs) for y in xs[:k]
    )
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "StrictLessThan": lambda x, y: x < y,
    "LessThan": lambda x, y: x <= y,
    "StrictGreaterThan": lambda x, y: x > y,
    "GreaterThan": lambda x, y: x >= y,
    "Equality": lambda x, y: x == y,
    "Unequality": lambda x, y: x != y,
}


class OutsideError(Exception):
    """The point is outside of the domain of a function."""


class Step(NamedTuple):
    """One operation of a tape: its name, what it does, and the places of its arguments."""

    name: str
    apply: Callable[..., Any]
    args: tuple[int, ...]


class Tape:
    """An expression as a sequence of operations on numbers.

    Args:
        expr: the expression.
        symbols: its symbols, in the order of the inputs.
        complex: whether it is one of complex numbers.
        weights: how many units the result of a function may be off, where that is more than one.
    """

    def __init__(
        self,
        expr: Any,
        symbols: Sequence[sp.Symbol],
        complex: bool = False,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        self.symbols = tuple(symbols)
        self.complex = complex
        self.weights = weights or {}
        self.steps: list[Step] = []
        self._places: dict[Any, int] = {}
        for slot, symbol in enumerate(self.symbols):
            self._places[symbol] = self._append(Step("input", _constant(slot), ()))
        self.root = self._place(expr)

    def _append(self, step: Step) -> int:
        self.steps.append(step)
        return len(self.steps) - 1

    def _place(self, expr: Any) -> int:
        found = self._places.get(expr)
        if found is None:
            found = self._places[expr] = self._append(self._step(expr))
        return found

    def _step(self, expr: Any) -> Step:
        if expr in (sp.true, sp.false):
            return Step("truth", _constant(expr is sp.true), ())
        if expr in _NUMBERS:
            return Step("rounded", _constant(_NUMBERS[expr]()), ())
        if expr is sp.I:
            return Step("exact", _constant(mp.mpc(0, 1)), ())
        if isinstance(expr, sp.Rational):
            value = mp.mpf(expr.p) / expr.q
            return Step("exact" if _is_double(expr) else "rounded", _constant(value), ())
        if isinstance(expr, sp.Float):
            man, exponent = sp.Rational(expr).p, sp.Rational(expr).q
            value = mp.mpf(man) / exponent
            exact = _is_double(sp.Rational(expr))
            return Step("exact" if exact else "rounded", _constant(value), ())
        name = type(expr).__name__
        if isinstance(expr, sp.Piecewise):
            flat = [part for pair in expr.args for part in (pair.expr, pair.cond)]
            return Step("piecewise", _piecewise, tuple(map(self._place, flat)))
        if isinstance(expr, sp.hyper):
            upper, lower = len(expr.ap), len(expr.bq)
            places = tuple(map(self._place, (*expr.ap, *expr.bq, expr.argument)))
            return Step("hyper", _hyper(upper, lower), places)
        args = tuple(map(self._place, expr.args))
        if isinstance(expr, sp.Add):
            return Step("add", lambda *xs: reduce(lambda x, y: x + y, xs), args)
        if isinstance(expr, sp.Mul):
            return Step("mul", lambda *xs: reduce(lambda x, y: x * y, xs), args)
        if isinstance(expr, sp.Pow):
            return Step("pow", _power, args)
        if name in _COMPARE:
            return Step("compare", _COMPARE[name], args)
        if isinstance(expr, sp.And):
            return Step("logic", lambda *xs: all(xs), args)
        if isinstance(expr, sp.Or):
            return Step("logic", lambda *xs: any(xs), args)
        if isinstance(expr, sp.Not):
            return Step("logic", lambda x: not x, args)
        if isinstance(expr, sp.Xor):
            return Step("logic", lambda *xs: sum(xs) % 2 == 1, args)
        if isinstance(expr, sp.ITE):
            return Step("logic", lambda c, x, y: x if c else y, args)
        meaning = MEANINGS[name]
        return Step(name, lambda *xs: meaning(mp, *xs), args)

    def run(
        self,
        inputs: Sequence[Any],
        draw: Draw | None = None,
        base: Sequence[Any] | None = None,
    ) -> list[Any]:
        """Return the values of all steps."""
        values: list[Any] = []
        for place, step in enumerate(self.steps):
            if step.name == "input":
                values.append(inputs[step.apply()])
                continue
            args = [values[arg] for arg in step.args]
            if draw is not None and base is not None:
                args = [
                    _sloped(draw, (place, k), value, base[arg])
                    for k, (arg, value) in enumerate(zip(step.args, args, strict=True))
                ]
            if draw is not None and step.name == "add":
                args = [draw.move((place, k, "term"), value) for k, value in enumerate(args)]
            value = self._apply(step, args)
            if draw is not None and step.name != "exact" and not isinstance(value, bool):
                count = max(len(step.args) - 1, 1) if step.name == "mul" else 1
                value = draw.move(place, value, self.weights.get(step.name, count))
            values.append(value)
        return values

    def _apply(self, step: Step, args: Sequence[Any]) -> Any:
        if step.name != "piecewise" and any(value is None or value != value for value in args):
            return None  # of a branch that is not taken
        try:
            value = step.apply(*args)
        except (ValueError, ZeroDivisionError, OverflowError, mp.NoConvergence):
            return None
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, mp.mpc) and not self.complex:
            return value.real if value.imag == 0 else None
        if mp.isnan(value) or mp.isinf(value):
            return None
        return value

    def at(self, inputs: Sequence[Any]) -> Any:
        """Return the value.

        Raises:
            OutsideError: it has none.
        """
        found = self.run(inputs)[self.root]
        if found is None:
            raise OutsideError
        return found

    def margin(self, values: Sequence[Any]) -> Any:
        """Return how far the nearest jump or kink is, where 0 is at it."""
        nearest = mp.mpf(1)
        for step in self.steps:
            args = [values[arg] for arg in step.args]
            if step.name in _BREAKS:
                if any(value is None for value in args):
                    continue
                nearest = min(nearest, _BREAKS[step.name](*args))
            elif step.name == "compare" and None not in args:
                x, y = args
                nearest = min(nearest, abs(x - y) / (abs(x) + abs(y) + 1))
        return nearest

    def extremes(self, values: Sequence[Any]) -> tuple[Any, Any]:
        """Return the smallest magnitude but 0, and the largest, of all values."""
        sizes = [abs(v) for v in values if v is not None and not isinstance(v, bool) and v != 0]
        return min(sizes, default=mp.mpf(1)), max(sizes, default=mp.mpf(1))


class Draw:
    """One draw of rounding errors, the same wherever it is asked for."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._known: dict[Any, int] = {}

    def sign(self, key: Any) -> int:
        """Return 1 or -1."""
        found = self._known.get(key)
        if found is None:
            found = random.Random(f"{self.seed} {key}").choice((-1, 1))
            self._known[key] = found
        return found

    def move(self, key: Any, value: Any, weight: float = 1) -> Any:
        """Return a value that is a little off."""
        if value is None or isinstance(value, bool):
            return value
        return value * (1 + self.sign(key) * weight * _DELTA)


def _sloped(draw: Draw, key: Any, value: Any, base: Any) -> Any:
    if value is None or base is None or isinstance(value, bool):
        return value
    return value + draw.sign((key, "slope")) * _DELTA * (value - base)


class Truth(NamedTuple):
    """Value, gradient and product of the Hessian with a vector, exact."""

    value: Any
    gradient: list[Any]
    product: list[Any]


class Judged(NamedTuple):
    """What a formula gives at a point, and where that point stands."""

    truth: Truth
    margin: Any
    extremes: tuple[Any, Any]


def judge_point(
    tape: Tape, point: Sequence[Any], vector: Sequence[float], derivatives: bool = True
) -> Judged:
    """Return the exact results at a point.

    Raises:
        OutsideError: it is outside of the domain.
    """
    exact = [mp.mpmathify(x) for x in point]
    values = tape.run(exact)
    if values[tape.root] is None:
        raise OutsideError
    truth = _results(tape, exact, vector, None, derivatives)
    return Judged(truth, tape.margin(values), tape.extremes(values))


def scales(
    tape: Tape, point: Sequence[Any], vector: Sequence[float], truth: Truth
) -> tuple[Any, list[Any], list[Any]]:
    """Return how far each result moves per unit of perturbation, at least its own size."""
    exact = [mp.mpmathify(x) for x in point]
    found = [abs(entry) for entry in _flat(truth)]
    for seed in range(_DRAWS):
        moved = _results(tape, exact, vector, Draw(seed), bool(truth.gradient))
        for k, (entry, was) in enumerate(zip(_flat(moved), _flat(truth), strict=True)):
            found[k] = max(found[k], abs(entry - was) / _DELTA)
    count = len(truth.gradient)
    return found[0], found[1 : 1 + count], found[1 + count :]


def _flat(truth: Truth) -> list[Any]:
    return [truth.value, *truth.gradient, *truth.product]


def _results(
    tape: Tape, point: Sequence[Any], vector: Sequence[float], draw: Draw | None, all_of_it: bool
) -> Truth:
    centre = tape.run(point, draw)
    if centre[tape.root] is None:
        raise OutsideError

    def f(moved: Sequence[Any]) -> Any:
        found = tape.run(moved, draw, centre if draw is not None else None)[tape.root]
        if found is None:
            raise OutsideError
        return found

    if not all_of_it:
        return Truth(centre[tape.root], [], [])
    count = len(point)
    axes = [[mp.mpf(j == k) for j in range(count)] for k in range(count)]
    size = [max(abs(x), mp.mpf(10) ** -3) for x in point]
    direction = [mp.mpf(v) for v in vector]

    def shift(*moves: tuple[Sequence[Any], Any]) -> Any:
        moved = list(point)
        for axis, step in moves:
            moved = [x + step * a for x, a in zip(moved, axis, strict=True)]
        return f(moved)

    gradient = []
    for k in range(count):
        h = _STEP * size[k]
        gradient.append((shift((axes[k], h)) - shift((axes[k], -h))) / (2 * h))
    largest = max(
        (abs(v) / s for v, s in zip(direction, size, strict=True) if v), default=mp.mpf(1)
    )
    t = _STEP_TWICE / largest
    product = []
    for k in range(count):
        h = _STEP_TWICE * size[k]
        total = mp.mpf(0)
        for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
            total += a * b * shift((axes[k], a * h), (direction, b * t))
        product.append(total / (4 * h * t))
    return Truth(centre[tape.root], gradient, product)


def _constant(value: Any) -> Callable[[], Any]:
    return lambda: value


def _piecewise(*flat: Any) -> Any:
    for value, condition in zip(flat[::2], flat[1::2], strict=True):
        if condition is None:
            return None
        if condition:
            return value
    return None


def _hyper(upper: int, lower: int) -> Callable[..., Any]:
    def value(*args: Any) -> Any:
        return mp.hyper(list(args[:upper]), list(args[upper : upper + lower]), args[-1])

    return value


def _power(base: Any, exponent: Any) -> Any:
    if base == 0 and not isinstance(exponent, mp.mpc) and exponent <= 0:
        return mp.mpf(1) if exponent == 0 else None
    if not isinstance(exponent, mp.mpc) and exponent == mp.nint(exponent):
        return base ** int(exponent)
    return mp.power(base, exponent)


def _is_double(value: sp.Rational) -> bool:
    return sp.Rational(float(value)) == value
