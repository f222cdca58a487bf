"""Random expressions over all functions that the package knows, with points where they exist.

Each expression is built together with its values at the points, so that arguments are moved into
the domain of the function that takes them; nearly all that is built can be judged. Functions are
those of the package's own list, and their domains those of its table: a new row is met by itself.
What the table does not say stands in ``DOMAINS``.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import mpmath
import sympy as sp

from symcompile.frontend.scalars import supported_functions
from symcompile.ir.ops import BY_SYMPY_CLASS, OPS
from tests.peers.mathematics import MEANINGS, sympy_class

#: Few digits are enough to place arguments.
_MP = mpmath.mp.clone()
_MP.dps = 25

Domain = tuple[float, float]
_WIDE: Domain = (-3.0, 3.0)


@dataclass(frozen=True)
class Whole:
    """A whole number, written as a constant or as a floor."""

    low: int
    high: int
    #: Whether it must be a constant.
    fixed: bool = True


class Constant(NamedTuple):
    """A number that stays one: no derivative is known in it."""

    low: float
    high: float


#: Of functions that have no row of their own under their name, or whose row says too little.
DOMAINS: dict[str, list[tuple[Any, ...]]] = {
    "Heaviside": [(_WIDE,), (_WIDE, Constant(0.0, 1.0))],
    "LambertW": [((0.1, 6.0),), ((0.1, 6.0), Whole(0, 0)), ((-0.3, -0.05), Whole(-1, -1))],
    "Li": [((1.1, 9.0),)],
    "Max": [(_WIDE, _WIDE), (_WIDE, _WIDE, _WIDE)],
    "Min": [(_WIDE, _WIDE), (_WIDE, _WIDE, _WIDE)],
    "maximum": [(_WIDE, _WIDE), (_WIDE, _WIDE, _WIDE)],
    "minimum": [(_WIDE, _WIDE), (_WIDE, _WIDE, _WIDE)],
    "Mod": [(_WIDE, (0.3, 3.0)), (_WIDE, (-3.0, -0.3))],
    "Sqrt": [((0.01, 9.0),)],
    "acot": [(_WIDE,)],
    "acoth": [((1.1, 9.0),), ((-9.0, -1.1),)],
    "acsc": [((1.1, 9.0),), ((-9.0, -1.1),)],
    "acsch": [((0.1, 3.0),), ((-3.0, -0.1),)],
    "asec": [((1.1, 9.0),), ((-9.0, -1.1),)],
    "asech": [((0.05, 0.95),)],
    "bernoulli": [(Whole(0, 12, False),), (Whole(0, 8), _WIDE)],
    "beta": [((0.1, 6.0), (0.1, 6.0))],
    "besseli": [(Whole(0, 4), (0.2, 9.0)), (Constant(0.1, 4.0), (0.2, 9.0))],
    "besselj": [(Whole(0, 4), _WIDE), (Constant(0.1, 4.0), (0.2, 9.0))],
    "besselk": [(Whole(0, 4), (0.2, 9.0)), (Constant(0.1, 4.0), (0.2, 9.0))],
    "bessely": [(Whole(0, 4), (0.2, 9.0)), (Constant(0.1, 4.0), (0.2, 9.0))],
    "catalan": [((0.1, 6.0),)],
    "cot": [((0.2, 2.9),)],
    "coth": [((0.1, 3.0),), ((-3.0, -0.1),)],
    "csc": [((0.2, 2.9),)],
    "csch": [((0.1, 3.0),), ((-3.0, -0.1),)],
    "digamma": [((0.1, 9.0),), ((-1.9, -1.1),)],
    "dirichlet_eta": [((0.1, 6.0),), (Constant(0.5, 3.0), (0.3, 4.0))],
    "elliptic_e": [((-3.0, 0.9),), ((-1.5, 1.5), (-3.0, 0.9))],
    "elliptic_f": [((-1.5, 1.5), (-3.0, 0.9))],
    "elliptic_k": [((-3.0, 0.9),)],
    "elliptic_pi": [((-2.0, 0.8), (-3.0, 0.4)), ((-2.0, 0.8), (-1.4, 1.4), (-3.0, 0.4))],
    "euler": [(Whole(0, 12, False),), (Whole(0, 8), _WIDE)],
    "factorial2": [(Whole(0, 12, False),)],
    "fibonacci": [(Whole(0, 30, False),), (Whole(1, 8), _WIDE)],
    "frac": [(_WIDE,)],
    "genocchi": [(Whole(1, 12, False),)],
    "harmonic": [((0.1, 6.0),), ((0.1, 6.0), Whole(1, 4))],
    "laguerre": [(Whole(0, 8), (-3.0, 9.0))],
    "log": [((0.01, 9.0),), ((0.01, 9.0), (1.2, 9.0)), ((0.01, 9.0), Whole(2, 10))],
    "lucas": [(Whole(0, 30, False),)],
    "multigamma": [((2.1, 6.0), Whole(1, 4))],
    "polygamma": [(Whole(0, 4), (0.1, 9.0))],
    "sec": [((-1.3, 1.3),)],
    "sech": [(_WIDE,)],
    "sqrt": [((0.01, 9.0),)],
    "subfactorial": [(Whole(0, 12, False),)],
    "tribonacci": [(Whole(0, 30, False),)],
    "yn": [(Whole(0, 5), (0.2, 9.0))],
    "jn": [(Whole(0, 5), (0.2, 9.0))],
    "zeta": [((1.1, 9.0),), ((1.1, 9.0), (0.2, 6.0)), ((-3.0, 0.5),)],
}
for _name in "legendre chebyshevt chebyshevu hermite hermite_prob".split():
    DOMAINS[_name] = [(Whole(0, 8), (-0.99, 0.99)), (Whole(0, 8), (-2.0, 2.0))]
DOMAINS["assoc_legendre"] = [(Whole(3, 5), Whole(0, 3), (-0.99, 0.99))]

#: Functions that are not asked for here, and why.
LEFT_OUT = {
    "amax": "of arrays",
    "amin": "of arrays",
    "hankel1": "complex of real numbers",
    "hankel2": "complex of real numbers",
    "hn1": "complex of real numbers",
    "hn2": "complex of real numbers",
    "hyper": "built below: its arguments are tuples",
    "ITE": "built below, as conditions are",
    "Piecewise": "built below",
    "isnan": "there is nothing but numbers here",
    "isinf": "there is nothing but numbers here",
}

#: What may be asked of complex numbers: analytic off a cut on the real or the imaginary axis.
COMPLEX = """
    acos acosh acoth acot asin asinh atan atanh cos cosh cot coth csc csch exp log sec sech sin
    sinh sqrt tan tanh erf erfc gamma loggamma besselj besseli
""".split()


def signatures() -> dict[str, list[tuple[Any, ...]]]:
    """Return the domains of the arguments of every function, by SymPy's name for it."""
    found = {}
    for name in supported_functions():
        if name in LEFT_OUT or sympy_class(name) is None:
            continue
        if name in DOMAINS:
            found[name] = DOMAINS[name]
        elif (row := OPS.get(BY_SYMPY_CLASS.get(name, name))) is not None:
            domain = row.domain if len(row.domain) == row.arity else row.domain * row.arity
            found[name] = [tuple(map(_domain, domain))]
        else:
            found[name] = [((0.1, 0.9),) * _arity(name)]
    return found


def _arity(name: str) -> int:
    numbers = getattr(sympy_class(name), "nargs", None)
    finite = [int(n) for n in numbers] if isinstance(numbers, sp.FiniteSet) else [1]
    return max(finite)


def _domain(domain: Domain) -> Any:
    low, high = domain
    if low < high:
        return domain
    if isinstance(low, int):
        return Whole(max(low - 2, 0), low + 3)
    return Constant(low - 0.4, low + 0.7)


class Node(NamedTuple):
    """An expression and its values at the points."""

    expr: Any
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Example:
    """An expression, its symbols, and points where it has a value."""

    expr: Any
    symbols: tuple[sp.Symbol, ...]
    points: tuple[tuple[Any, ...], ...]

    def __repr__(self) -> str:
        return f"{sp.srepr(self.expr) if len(str(self.expr)) < 60 else self.expr} at {self.points}"


class _RejectedError(Exception):
    """What was built has no value."""


class Grammar:
    """Builds random expressions.

    Args:
        rng: what decides; of Hypothesis, if examples are to shrink.
        complex: whether numbers are complex.
        single: whether the points are numbers of single precision.
    """

    def __init__(self, rng: random.Random, *, complex: bool = False, single: bool = False) -> None:
        self.rng = rng
        self.complex = complex
        self.single = single
        self.table = signatures()
        if complex:
            self.table = {name: [] for name in COMPLEX if name in self.table}
        self.names = sorted(self.table)

    def example(self, depth: int = 4, name: str | None = None) -> Example:
        """Return an expression of at most ``depth`` operations in depth.

        Args:
            depth: how deep it may be.
            name: a function that it is to hold, at its top.
        """
        count = self.rng.randint(1, 3)
        assumptions: dict[str, bool] = {}
        if not self.complex and self.rng.random() < 0.5:
            assumptions = {"real": True}
        self.symbols = tuple(sp.Symbol(n, **assumptions) for n in ("x", "y", "z")[:count])
        self.points = tuple(tuple(self._number() for _ in range(count)) for _ in range(2))
        self.pool: list[Node] = []
        while True:
            try:
                node = self._called(name, depth) if name is not None else self._node(depth)
            except _RejectedError:
                continue
            if node.expr.free_symbols <= set(self.symbols):
                return Example(node.expr, self.symbols, self.points)

    def _number(self) -> Any:
        rng = self.rng
        kind = rng.randint(0, 9)
        if kind < 6:
            value = rng.uniform(-3, 3)
        elif kind < 8:
            value = float(rng.randint(-12, 12)) / 4
        else:
            value = rng.choice((1e-3, -1e-3, 0.1, 12.5, -7.0))
        if value == 0:
            value = 0.75
        if self.single:
            import numpy as np

            value = float(np.float32(value))
        if self.complex:
            return complex(value, rng.choice((-1, 1)) * rng.uniform(0.2, 2.0))
        return value

    def _node(self, depth: int) -> Node:
        rng = self.rng
        if depth <= 0 or rng.random() < 0.12:
            return self._leaf()
        if self.pool and rng.random() < 0.15:
            return rng.choice(self.pool)
        for _ in range(8):
            try:
                node = self._operation(depth)
            except _RejectedError:
                continue
            self.pool.append(node)
            return node
        return self._leaf()

    def _leaf(self) -> Node:
        if self.rng.random() < 0.75:
            slot = self.rng.randrange(len(self.symbols))
            return Node(
                self.symbols[slot], tuple(_MP.mpmathify(point[slot]) for point in self.points)
            )
        return self._literal()

    def _literal(self) -> Node:
        rng = self.rng
        choices: list[Callable[[], Any]] = [
            lambda: sp.Integer(rng.choice((-3, -2, -1, 1, 2, 3, 5, 10))),
            lambda: sp.Rational(rng.randint(1, 9), rng.randint(2, 9)),
            lambda: sp.Float(repr(round(rng.uniform(-3, 3), 3) + 4)),
            lambda: sp.Float("1.2345678901234567890123456789", 30),
            lambda: rng.choice(
                (sp.pi, sp.E, sp.EulerGamma, sp.Catalan, sp.GoldenRatio, sp.S.TribonacciConstant)
            ),
            lambda: sp.sqrt(rng.choice((2, 3, 5))),
            lambda: sp.Rational(1, 10**18) + rng.randint(1, 3),
        ]
        if self.complex:
            choices.append(lambda: sp.Integer(rng.choice((1, 2))) + sp.I * rng.choice((-1, 1, 2)))
        value = rng.choice(choices)()
        number = _MP.mpmathify(sp.N(value, 25))
        return Node(value, (number,) * len(self.points))

    def _operation(self, depth: int) -> Node:
        rng = self.rng
        kind = rng.randint(0, 19)
        if kind < 4:
            return self._sum(depth)
        if kind < 7:
            return self._product(depth)
        if kind < 9:
            return self._power(depth)
        if kind < 10 and not self.complex:
            return self._piecewise(depth)
        if kind < 11 and not self.complex:
            return self._hyper(depth)
        return self._called(rng.choice(self.names), depth)

    def _sum(self, depth: int) -> Node:
        nodes = [self._node(depth - 1) for _ in range(self.rng.randint(2, 3))]
        signs = [self.rng.choice((1, -1)) for _ in nodes]
        expr = sp.Add(*(sign * node.expr for sign, node in zip(signs, nodes, strict=True)))
        rows = zip(*(node.values for node in nodes), strict=True)
        return self._checked(
            expr, [sum(s * v for s, v in zip(signs, row, strict=True)) for row in rows]
        )

    def _product(self, depth: int) -> Node:
        left, right = self._node(depth - 1), self._node(depth - 1)
        pairs = list(zip(left.values, right.values, strict=True))
        if self.rng.random() < 0.4:
            if any(abs(y) < 0.05 for _, y in pairs):
                raise _RejectedError
            return self._checked(left.expr / right.expr, [x / y for x, y in pairs])
        return self._checked(left.expr * right.expr, [x * y for x, y in pairs])

    def _power(self, depth: int) -> Node:
        rng = self.rng
        kind = rng.randint(0, 3)
        base = self._node(depth - 1)
        if kind == 0:
            exponent = sp.Integer(rng.choice((-3, -2, -1, 2, 3, 4, 7)))
        elif kind == 1:
            exponent = sp.Rational(rng.choice((-3, -1, 1, 3, 5)), rng.choice((2, 3, 4)))
        elif kind == 2:
            exponent = sp.Float(repr(round(rng.uniform(-2.5, 2.5), 2)))
        else:
            power = self._fit(self._node(depth - 1), (-2.5, 2.5))
            base = self._fit(base, (0.1, 4.0))
            return self._checked(
                base.expr**power.expr,
                [_MP.power(x, y) for x, y in zip(base.values, power.values, strict=True)],
            )
        if kind > 0:
            base = self._fit(base, (0.1, 4.0))
        elif any(abs(v) < 0.05 for v in base.values):
            raise _RejectedError
        number = _MP.mpmathify(sp.N(exponent, 25))
        return self._checked(base.expr**exponent, [_MP.power(v, number) for v in base.values])

    def _called(self, name: str, depth: int) -> Node:
        if self.complex:
            return self._called_complex(name, depth)
        domains = self.rng.choice(self.table[name])
        args = [self._argument(domain, depth) for domain in domains]
        # SymPy asks itself long what is the larger one.
        keywords = {"evaluate": False} if name in ("Max", "Min") else {}
        try:
            expr = sympy_class(name)(*(arg.expr for arg in args), **keywords)
        except (ValueError, TypeError, ZeroDivisionError):  # SymPy's own domain is smaller
            raise _RejectedError from None
        rows = zip(*(arg.values for arg in args), strict=True)
        return self._checked(expr, [self._value(name, *row) for row in rows])

    def _value(self, name: str, *args: Any) -> Any:
        try:
            return MEANINGS[name](_MP, *args)
        except (ValueError, ZeroDivisionError, OverflowError, _MP.NoConvergence):
            raise _RejectedError from None

    def _called_complex(self, name: str, depth: int) -> Node:
        arg = self._fit_complex(self._node(depth - 1))
        make = sympy_class(name)
        if name.startswith("bessel"):
            order = self.rng.choice((sp.Integer(0), sp.Integer(2), sp.Rational(3, 2)))
            number = _MP.mpmathify(sp.N(order, 25))
            values = [self._value(name, number, v) for v in arg.values]
            return self._checked(make(order, arg.expr), values)
        return self._checked(make(arg.expr), [self._value(name, v) for v in arg.values])

    def _argument(self, domain: Any, depth: int) -> Node:
        rng = self.rng
        if isinstance(domain, Constant):
            text = repr(round(rng.uniform(domain.low, domain.high), 2))
            value = sp.Rational(text) if rng.random() < 0.5 else sp.Float(text)
            return Node(value, (_MP.mpf(text),) * len(self.points))
        if isinstance(domain, Whole):
            if domain.fixed:
                value = rng.randint(domain.low, domain.high)
                return Node(sp.Integer(value), (_MP.mpf(value),) * len(self.points))
            inner = self._fit(self._node(depth - 1), (domain.low + 0.3, domain.high + 0.7))
            steps = tuple(map(_MP.floor, inner.values))
            if any(abs(v - _MP.nint(v)) < 1e-3 for v in inner.values):
                raise _RejectedError
            return Node(sp.floor(inner.expr), steps)
        return self._fit(self._node(depth - 1), domain)

    def _fit(self, node: Node, domain: Domain) -> Node:
        """Return the node, moved into an interval where its values are not there."""
        if self.complex:
            return self._fit_complex(node)
        low, high = domain
        inside = all(low <= v <= high for v in node.values)
        if inside:
            return node
        rng = self.rng
        least, most = float(min(node.values)), float(max(node.values))
        if not math.isfinite(least) or not math.isfinite(most):
            raise _RejectedError
        width = high - low
        if rng.random() < 0.3:
            inner = self._checked(sp.sin(node.expr), [_MP.sin(v) for v in node.values])
            scale, middle = _short(width * 0.45), _short((low + high) / 2)
            return self._affine(inner, scale, middle, domain)
        if most > least:
            scale = _short(width * rng.uniform(0.2, 0.7) / (most - least))
        else:
            scale = sp.Integer(1)
        goal = low + width * 0.15
        shift = _short(goal - float(scale) * least)
        return self._affine(node, scale, shift, domain)

    def _affine(self, node: Node, scale: Any, shift: Any, domain: Domain) -> Node:
        a, b = (_MP.mpf(each.p) / each.q for each in (scale, shift))
        values = [a * v + b for v in node.values]
        if not all(domain[0] <= v <= domain[1] for v in values):
            raise _RejectedError
        return self._checked(scale * node.expr + shift, values)

    def _fit_complex(self, node: Node) -> Node:
        largest = max(abs(v) for v in node.values)
        scaled = node
        if largest > 3:
            scale = _short(2 / float(largest))
            factor = _MP.mpf(scale.p) / scale.q
            scaled = Node(scale * node.expr, tuple(factor * v for v in node.values))
        # Not near a cut: on one side of it or the other is a matter of rounding.
        if any(min(abs(_MP.re(v)), abs(_MP.im(v))) < 1e-3 for v in scaled.values):
            raise _RejectedError
        return scaled

    def _hyper(self, depth: int) -> Node:
        rng = self.rng
        upper = [sp.Rational(rng.randint(1, 12), 4) for _ in range(rng.randint(0, 2))]
        lower = [sp.Rational(rng.randint(1, 12), 4)]
        inner = self._fit(self._node(depth - 1), (-0.9, 0.9))
        expr = sp.hyper(upper, lower, inner.expr)
        numbers = [[_MP.mpf(each.p) / each.q for each in group] for group in (upper, lower)]
        return self._checked(expr, [_MP.hyper(*numbers, v) for v in inner.values])

    def _piecewise(self, depth: int) -> Node:
        rng = self.rng
        pairs, open_rows = [], set(range(len(self.points)))
        values: list[Any] = [None] * len(self.points)
        for _ in range(rng.randint(1, 2)):
            condition, truths = self._condition(depth - 1)
            branch = self._node(depth - 1)
            pairs.append((branch.expr, condition))
            for row in sorted(open_rows):
                if truths[row]:
                    values[row] = branch.values[row]
                    open_rows.discard(row)
        last = self._node(depth - 1)
        for row in open_rows:
            values[row] = last.values[row]
        return self._checked(sp.Piecewise(*pairs, (last.expr, True)), values)

    def _condition(self, depth: int) -> tuple[Any, list[bool]]:
        rng = self.rng
        kind = rng.randint(0, 6)
        if kind < 4 or depth <= 0:
            left, right = self._node(depth - 1), self._node(depth - 1)
            if any(abs(x - y) < 1e-3 for x, y in zip(left.values, right.values, strict=True)):
                raise _RejectedError
            make, compare = rng.choice(_RELATIONS)
            truths = [compare(x, y) for x, y in zip(left.values, right.values, strict=True)]
            return make(left.expr, right.expr), truths
        parts = [self._condition(depth - 1) for _ in range({4: 2, 5: 1, 6: 3}[kind])]
        rows = list(zip(*(truths for _, truths in parts), strict=True))
        exprs = [expr for expr, _ in parts]
        if kind == 5:
            return sp.Not(exprs[0]), [not row[0] for row in rows]
        if kind == 6:
            return sp.ITE(*exprs), [row[1] if row[0] else row[2] for row in rows]
        if rng.random() < 0.5:
            return sp.And(*exprs), [all(row) for row in rows]
        return sp.Or(*exprs), [any(row) for row in rows]

    def _checked(self, expr: Any, values: Sequence[Any]) -> Node:
        """Return a node, if all of its values are numbers of a moderate size."""
        for value in values:
            if isinstance(value, _MP.mpc) and not self.complex:
                raise _RejectedError
            if not _MP.isfinite(value) or abs(value) > 1e6 or 0 < abs(value) < 1e-8:
                raise _RejectedError
        if expr.has(sp.nan, sp.zoo, sp.oo, -sp.oo) or (not self.complex and expr.has(sp.I)):
            raise _RejectedError
        return Node(expr, tuple(values))


_RELATIONS: list[tuple[Any, Callable[[Any, Any], bool]]] = [
    (sp.Lt, lambda x, y: x < y),
    (sp.Le, lambda x, y: x <= y),
    (sp.Gt, lambda x, y: x > y),
    (sp.Ge, lambda x, y: x >= y),
    (sp.Ne, lambda x, y: x != y),
]


def _short(value: float) -> sp.Rational:
    """Return a rational number of few digits, near a number."""
    return sp.Rational(f"{value:.2g}") if value else sp.Rational(0)
