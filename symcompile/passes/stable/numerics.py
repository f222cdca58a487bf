"""A formula as a function of one of its nodes, at high precision: values, errors, expansions.

Nothing here knows about particular functions: what the interpreter can evaluate can be expanded.
The expansion of ``G`` about zero is the polynomial that interpolates it at Chebyshev points, so
it converges geometrically wherever ``G`` is analytic about the interval, and each is checked
against ``G`` itself at other points (L. N. Trefethen, *Approximation Theory and Approximation
Practice*, 2013, chapters 4 and 8).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from symcompile.ir.graph import BODY_OPS, STRUCTURAL, Graph, Input, Kind
from symcompile.ir.interpreter import apply_op, context, to_mpf
from symcompile.ir.ops import CONSTANTS, OPS

_DIGITS = 200
_MOST_NODES = 48
#: Where an operation is exact, or only chooses.
_EXACT = frozenset(
    {"neg", "abs", "min", "max", "select", "detach", "sloped", "lt", "le", "eq", "ne"}
    | {"and", "or", "not", "true", "false", "sign", "floor", "ceil"}
)
_ROUNDED = frozenset({"add", "sub", "mul", "div", "sqrt"})
# Binary orders of magnitude that are followed; those of what takes as many digits are fewer.
_SCALE, _SMALL = 100_000, 4_000
_BITS = {
    **dict.fromkeys(("sin", "cos", "tan"), 1000),
    **dict.fromkeys(("exp", "expm1", "sinh", "cosh", "tanh", "exp2", "softplus", "sigmoid"), 17),
    **dict.fromkeys(("bose", "sech", "sech_squared", "gamma", "loggamma"), 17),
    **dict.fromkeys(("erf", "erfc", "erfcx"), 9),
    "pow": 2000,
    # Series that take as many terms as the argument is large.
    **dict.fromkeys(("besselj", "besseli", "sine_integral", "hyperbolic_sine_integral"), 8),
    **dict.fromkeys(("erfi", "erf2", "airyai", "airybi", "airyaiprime", "airybiprime"), 5),
}
_LARGEST, _SMALLEST, _TINY = 2.0**1023 * (2 - 2.0**-52), 2.0**-1022, 2.0**-1022
_TAIL = Fraction(1, 2**58)

#: Beyond these it is no polynomial worth evaluating.
MOST_TERMS = 22


#: What is evaluated at no great cost, at many digits and for large arguments too.
_QUICK = frozenset(
    {"add", "sub", "mul", "div", "neg", "pow", "powi", "sqrt", "cbrt", "exp", "expm1", "log"}
    | {
        "log1p",
        "sin",
        "cos",
        "tan",
        "asin",
        "acos",
        "acot",
        "atan",
        "atan2",
        "sinh",
        "cosh",
        "tanh",
    }
    | {"asinh", "acosh", "atanh", "hypot", "erf", "erfc", "gamma", "loggamma", "abs", "min", "max"}
    | {"softplus", "sigmoid", "bose", "sech", "sech_squared", "refined", "sloped", "detach"}
    | {"select", "lt", "le", "eq", "ne", "and", "or", "not", "const", "true", "false"}
    | {"log2", "log10", "exp2", "erfcx", *CONSTANTS}
)

_QUICK_AT_ZERO = frozenset(
    {"besselj", "besseli", "sinc", "erfi", "sine_integral", "hyperbolic_sine_integral"}
    | {"lambertw", "erf2", "airyai", "airybi", "airyaiprime", "airybiprime"}
)


class NotOfOneVariableError(Exception):
    """A formula depends on more than the variable, or cannot be evaluated from it."""


class Curve:
    """A node as a function of another one.

    Attributes:
        mp: the arithmetic.
        quick: whether an evaluation takes little time, wherever it is.

    Raises:
        NotOfOneVariableError: it is none, or a long one.
    """

    def __init__(self, graph: Graph, root: int, variable: int) -> None:
        self.mp = context(_DIGITS)
        self._root, self._variable = root, variable
        needed: set[int] = set()
        pending = [root]
        while pending:
            index = pending.pop()
            if index in needed or index == variable:
                continue
            needed.add(index)
            node = graph[index]
            if (
                len(needed) > _MOST_NODES
                or isinstance(node.data, Input)
                or node.op in STRUCTURAL
                or node.op in BODY_OPS
                or node.op == "extent"
                or node.kind is Kind.COMPLEX
                or (node.op != "const" and node.op not in OPS)
                or not (node.op in _QUICK or node.op in _QUICK_AT_ZERO)
            ):
                raise NotOfOneVariableError
            pending += self._arguments(graph, index)
        self._order = sorted(needed)
        self._graph = graph
        # What a refined form was made from is not how it is computed.
        seen: set[int] = set()
        pending = [root]
        while pending:
            index = pending.pop()
            if index not in seen and index != variable:
                seen.add(index)
                node = graph[index]
                if node.op != "refined":
                    pending += self._arguments(graph, index)
        self._computed = frozenset(seen)
        self.quick = all(graph[index].op in _QUICK for index in needed)
        self._known: dict[Any, Any] = {}

    @staticmethod
    def _arguments(graph: Graph, index: int) -> tuple[int, ...]:
        node = graph[index]
        return node.args[:1] if node.op in ("refined", "sloped") else node.args

    def _apply(self, index: int, values: dict[int, Any]) -> Any:
        node = self._graph[index]
        if node.op == "const":
            return to_mpf(self.mp, node.data)  # type: ignore[arg-type]
        args = [values[arg] for arg in self._arguments(self._graph, index)]
        if node.op in ("refined", "sloped"):
            return args[0]
        # Far beyond the range of doubles; this would take as many digits.
        if any(_immense(x, _BITS.get(node.op, _SCALE)) for x in args):
            return self.mp.nan
        return apply_op(self.mp, node.op, args)

    def __call__(self, x: Any) -> Any:
        """Return the value, or None where it is no number."""
        if x not in self._known:
            values = {self._variable: x}
            for index in self._order:
                values[index] = self._apply(index, values)
            found = values[self._root]
            self._known[x] = found if self.mp.isfinite(found) else None
        return self._known[x]

    def indefinite(self) -> bool:
        """Return whether the value at zero is 0/0, or 0 times or infinity less infinity."""
        values = {self._variable: self.mp.mpf(0)}
        for index in self._order:
            value = values[index] = self._apply(index, values)
            if not isinstance(value, bool) and self.mp.isnan(value):
                return self._graph[index].op in ("div", "mul", "sub", "add")
        return False

    def amplification(self, x: Any) -> float:
        """Return the error bound of an evaluation in doubles at ``x``, in units of rounding.

        It is the running error analysis of Higham's *Accuracy and Stability of Numerical
        Algorithms*, section 3.3: infinite where something on the way leaves the range.
        """
        mp = self.mp
        values, errors = {self._variable: x}, {self._variable: mp.mpf(0)}
        for index in self._order:
            node = self._graph[index]
            value = values[index] = self._apply(index, values)
            if isinstance(value, bool) or index not in self._computed:
                errors[index] = mp.mpf(0)
                continue
            size = abs(value)
            if node.op == "const" and mp.isinf(value):  # what is compared with
                errors[index] = mp.mpf(0)
                continue
            if not mp.isfinite(value):
                return float("inf")
            if index != self._root and size > _LARGEST:
                return float("inf")
            if node.op == "const":
                data = node.data
                assert isinstance(data, Fraction)
                errors[index] = size if _rounded(data) else mp.mpf(0)
            elif node.op == "refined":
                errors[index] = 4 * size
            else:
                errors[index] = self._error(index, node.op, values, errors)
            if size < _SMALLEST and index != self._root:
                errors[index] += min(size * 2**53, _TINY)
        found = values[self._root]
        if found == 0:
            return 0.0 if errors[self._root] == 0 else float("inf")
        return float(errors[self._root] / abs(found))

    def _error(self, index: int, op: str, values: dict[int, Any], errors: dict[int, Any]) -> Any:
        mp, size = self.mp, abs(values[index])
        args = self._arguments(self._graph, index)
        if op == "select":
            return errors[args[1] if values[args[0]] else args[2]]
        if op in ("sloped", "detach"):
            return errors[args[0]]
        total = mp.mpf(0) if op in _EXACT else size * (1 if op in _ROUNDED else 2)
        if op == "powi":
            total = size * abs(values[args[1]])
        for k, arg in enumerate(args):
            if errors[arg] == 0:
                continue
            moved = [values[a] for a in args]
            step = abs(moved[k]) * mp.mpf(2) ** -200
            moved[k] = moved[k] + step
            slope = abs(apply_op(mp, op, moved) - values[index]) / step if step else mp.mpf(1)
            total += slope * errors[arg]
        return total


def _immense(value: Any, bits: int) -> bool:
    """Return whether a number is so large, or so small, that to go on takes long."""
    if isinstance(value, bool) or not value:
        return False
    _, _, exponent, size = value._mpf_
    return bool(exponent + size > bits or exponent + size < -_SMALL)


def _rounded(value: Fraction) -> bool:
    try:
        return Fraction(float(value)) != value
    except OverflowError:
        return True


@dataclass(frozen=True)
class Leading:
    """How a function behaves near zero: ``w^power`` times one that is analytic there.

    Attributes:
        power: the exponent.
        limit: the value at zero of the other factor.
        parity: 1 where that is even, -1 where it jumps to its negative, 0 where it is neither.
        sides: on which sides of zero the function exists.
    """

    power: Fraction
    limit: Any
    parity: int
    sides: tuple[int, ...]


def leading(curve: Callable[[Any], Any], mp: Any, sides: tuple[int, ...]) -> Leading | None:
    """Return the behaviour of a function near zero, or None where it has no such form."""
    h, tiny = mp.mpf(2) ** -50, mp.mpf(2) ** -150
    found: list[tuple[Fraction, Any, int]] = []
    for side in sides:
        values = [curve(side * h * 2**k) for k in range(3)]
        if None in values or 0 in values:
            continue
        first, second = values[1] / values[0], values[2] / values[1]
        if first <= 0 or second <= 0:
            continue
        powers = [mp.log(ratio, 2) for ratio in (first, second)]
        power = Fraction(int(mp.nint(6 * powers[0])), 6)
        exact = mp.mpf(power.numerator) / power.denominator
        if any(abs(p - exact) > mp.mpf(2) ** -30 for p in powers):
            continue
        limit = curve(side * tiny)
        found.append((power, limit / tiny**exact if limit else values[0] / h**exact, side))
    if not found:
        return None
    power, limit, side = found[0]
    if len(found) == 1:
        return Leading(power, limit, 0, (side,))
    if found[1][0] != power or power.denominator != 1:
        return None
    ratio = found[1][1] / limit
    sign = int(mp.nint(ratio))
    if abs(abs(ratio) - 1) > mp.mpf(2) ** -30:
        return None
    if sign != (1 if power % 2 == 0 else -1):
        return None  # a kink, as of |w|
    return Leading(power, limit, _parity(curve, mp, sign), sides)


def _parity(curve: Callable[[Any], Any], mp: Any, sign: int) -> int:
    """Return 1 where a function is even but for a power, and 0 where it is not."""
    for k in (3, 5, 7):
        x = mp.mpf(1) / (k * 32)
        left, right = curve(-x), curve(x)
        if left is None or right is None:
            return 0
        if abs(right - sign * left) > abs(right) * mp.mpf(2) ** -200:
            return 0
    return 1


@dataclass(frozen=True)
class Fit:
    """A polynomial in ``w``, or in ``w^2``, lowest coefficient first."""

    coefficients: tuple[Fraction, ...]
    even: bool


def fit(
    curve: Callable[[Any], Any], mp: Any, form: Leading, side: int, radius: Fraction
) -> Fit | None:
    """Return a polynomial that is ``curve(w)/w^power`` for w up to ``radius``, to double precision.

    ``side`` is 1 or -1 for one side of zero, 0 for both.
    """
    power = mp.mpf(form.power.numerator) / form.power.denominator
    r = mp.mpf(radius.numerator) / radius.denominator
    even = form.parity == 1
    low, high = (mp.mpf(0), r * r) if even else ((-r, r) if side == 0 else (mp.mpf(0), r))

    def g(v: Any) -> Any:
        w = mp.sqrt(v) if even else v
        if side < 0 and not even:
            w = -w
        value = curve(w)
        if value is None:
            return None
        return value / (abs(w) ** power if side < 0 else w**power)

    count = MOST_TERMS + 8
    centre, half = (high + low) / 2, (high - low) / 2
    angles = [mp.pi * (2 * k + 1) / (2 * count) for k in range(count)]
    cosines = [mp.cos(angle) for angle in angles]
    values = [g(centre + half * c) for c in cosines]
    if None in values:
        return None
    least = min(abs(v) for v in values)
    if least == 0 or max(abs(v) for v in values) > 1000 * least:
        return None
    # cos(j*angle) by its recurrence.
    chebyshev: list[Any] = []
    before, now = [mp.mpf(1)] * count, cosines
    for _ in range(count):
        chebyshev.append(sum(v * t for v, t in zip(values, before, strict=True)) * 2 / count)
        before, now = now, [2 * c * t - s for c, t, s in zip(cosines, now, before, strict=True)]
    chebyshev[0] /= 2
    bound = least * _TAIL.numerator / _TAIL.denominator
    degree = count
    tail = mp.mpf(0)
    while degree > 0 and tail + abs(chebyshev[degree - 1]) < bound:
        tail += abs(chebyshev[degree - 1])
        degree -= 1
    if degree > MOST_TERMS:
        return None
    coefficients = _monomials(mp, chebyshev[:degree], centre, half)
    if side < 0 and not even:
        coefficients = [c * (-1) ** k for k, c in enumerate(coefficients)]
    reach = max(abs(low), abs(high))
    if sum(abs(c) * reach**k for k, c in enumerate(coefficients)) > 4 * least:
        return None
    return Fit(tuple(exact_fraction(c) for c in coefficients), even)


def _monomials(mp: Any, chebyshev: list[Any], centre: Any, half: Any) -> list[Any]:
    """Return the powers of v that a Chebyshev series in ``(v - centre)/half`` is."""
    size = len(chebyshev)
    total = [mp.mpf(0)] * max(size, 1)
    before = [mp.mpf(1)]
    now = [-centre / half, 1 / half]
    for c in chebyshev:
        for k, a in enumerate(before):
            total[k] += c * a
        following = [mp.mpf(0)] * (len(now) + 1)
        for k, a in enumerate(now):
            following[k] += -2 * centre / half * a
            following[k + 1] += 2 / half * a
        for k, a in enumerate(before):
            following[k] -= a
        before, now = now, following
    return total


def exact_fraction(value: Any) -> Fraction:
    """Return a number of mpmath as a fraction, to 40 digits or so."""
    sign, mantissa, exponent, bits = value._mpf_
    spare = max(bits - 140, 0)
    mantissa, exponent = int(mantissa) >> spare, exponent + spare
    return Fraction(-mantissa if sign else mantissa) * Fraction(2) ** int(exponent)
