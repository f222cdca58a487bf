"""Index arithmetic: which symbols are indices and sizes, and what is affine in them.

Each object is looked at once, children first and without recursion, however often it is shared.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixExpr

from symcompile.errors import LoweringError
from symcompile.frontend.brief import brief
from symcompile.frontend.frames import Term
from symcompile.ir.affine import Affine

#: What an index stands for while an expression is lowered; the variable of an applied function.
Bindings = Mapping[Any, "Affine | Term"]

_LEAVES = (sp.IndexedBase, sp.Idx, sp.MatrixSymbol, sp.Identity, sp.ZeroMatrix, sp.OneMatrix)
_FRACTIONS = {"floor": 0, "ceiling": 1}


class Linear(NamedTuple):
    """``const + sum(coefficient*symbol)``."""

    const: Fraction
    terms: tuple[tuple[Any, Fraction], ...] = ()

    @property
    def whole(self) -> bool:
        """Whether all coefficients are whole numbers."""
        return self.const.denominator == 1 and all(c.denominator == 1 for _, c in self.terms)

    def scaled(self, factor: Fraction) -> Linear:
        """Return it times a number."""
        return _linear(self.const * factor, {s: c * factor for s, c in self.terms})


class Info(NamedTuple):
    """What is known of an object: its free indices, and itself if it is affine."""

    free: frozenset[Any]
    linear: Linear | None = None


@dataclass(frozen=True)
class Derived:
    """A size that is another one divided: ``floor(value/divisor)``, called ``name``."""

    name: str
    value: Affine
    divisor: int


_NOTHING = Info(frozenset())


class Indices:
    """The indices and sizes of a formula.

    Attributes:
        sizes: the name of each symbol that is a size.
        tracked: what may be bound: indices, and variables of functions.
        variables: the latter.
        derived: sizes that are others divided, in the order in which they were met.
    """

    def __init__(
        self,
        sizes: Mapping[Any, str] | None = None,
        tracked: Iterable[Any] = (),
        variables: Iterable[Any] = (),
    ) -> None:
        self.sizes: dict[Any, str] = dict(sizes or {})
        self.variables: set[Any] = set(variables)
        self.tracked: set[Any] = {*tracked, *self.variables}
        self.derived: list[Derived] = []
        self._macros: dict[Any, Any] = {}
        # Keyed by identity, with the object kept so that its address is not used again.
        self._seen: dict[int, tuple[Info, Any]] = {}

    def variable(self) -> sp.Symbol:
        """Return a new variable for a function."""
        found = sp.Dummy("element", real=True)
        self.variables.add(found)
        self.tracked.add(found)
        return found

    def define(self, symbol: Any, expr: Any) -> None:
        """Let a symbol stand for an expression that has free indices."""
        self._macros[symbol] = expr

    def macro(self, symbol: Any) -> Any:
        """Return what a symbol stands for, or None."""
        return self._macros.get(symbol)

    def free(self, expr: Any) -> frozenset[Any]:
        """Return the tracked symbols that are free in an expression."""
        return self.info(expr).free

    def linear(self, expr: Any) -> Linear | None:
        """Return an expression as an affine function with whole coefficients, or None."""
        found = self.info(expr).linear
        return found if found is not None and found.whole else None

    def resolve(self, linear: Linear, bindings: Bindings, expr: Any) -> Affine:
        """Return an affine function of labels and sizes.

        Raises:
            LoweringError: an index that nothing binds.
        """
        total = Affine(int(linear.const))
        for symbol, coefficient in linear.terms:
            value = bindings.get(symbol)
            if not isinstance(value, Affine):
                if symbol not in self.sizes:
                    raise LoweringError(
                        f"the index {symbol} in {brief(expr)} is bound by no sum; let it run in "
                        "a Sum, or make the formula that depends on it the only value",
                        expr,
                    )
                value = Affine.of(self.sizes[symbol])
            total = total + int(coefficient) * value
        return total

    def affine(self, expr: Any, bindings: Bindings, what: str) -> Affine:
        """Return an expression as an affine function of labels and sizes.

        Raises:
            LoweringError: it is none.
        """
        linear = self.linear(expr)
        if linear is None:
            raise LoweringError(
                f"{what} {brief(expr)} is not affine: sums of whole multiples of sizes and "
                "indices can be compiled, and floor(n/2) of a size",
                expr,
            )
        return self.resolve(linear, bindings, expr)

    def info(self, expr: Any) -> Info:
        """Return what is known of an object."""
        seen = self._seen
        found = seen.get(id(expr))
        if found is not None:
            return found[0]
        stack = [expr]
        while stack:
            current = stack[-1]
            if id(current) in seen:
                stack.pop()
                continue
            children = self._children(current)
            pending = [child for child in children if id(child) not in seen]
            if pending:
                stack.extend(pending)
                continue
            stack.pop()
            infos = [seen[id(child)][0] for child in children]
            seen[id(current)] = (self._combine(current, infos), current)
        return seen[id(expr)][0]

    def _children(self, expr: Any) -> Sequence[Any]:
        if not isinstance(expr, sp.Basic) or isinstance(expr, _LEAVES):
            return ()
        if isinstance(expr, sp.Symbol):
            macro = self._macros.get(expr)
            return () if macro is None else (macro,)
        if isinstance(expr, sp.Indexed):
            return tuple(expr.args[1:])
        if isinstance(expr, sp.Sum | sp.Product):
            return (expr.function, *[bound for limit in expr.limits for bound in limit.args[1:]])
        if isinstance(expr, sp.Lambda):
            return (expr.expr,)
        return tuple(expr.args)

    def _combine(self, expr: Any, infos: Sequence[Info]) -> Info:
        if isinstance(expr, sp.Symbol | sp.Idx):
            if expr in self.variables:
                return Info(frozenset((expr,)))
            if expr in self.tracked:
                return Info(frozenset((expr,)), _linear(Fraction(0), {expr: Fraction(1)}))
            if expr in self.sizes:
                return Info(frozenset(), _linear(Fraction(0), {expr: Fraction(1)}))
            return Info(infos[0].free) if infos else _NOTHING
        if isinstance(expr, sp.Rational):
            return Info(frozenset(), Linear(Fraction(int(expr.p), int(expr.q))))
        if isinstance(expr, sp.Sum | sp.Product):
            free = infos[0].free
            position = 1
            for limit in expr.limits:
                free = free - {limit.args[0]}
                for info in infos[position : position + len(limit.args) - 1]:
                    free = free | info.free
                position += len(limit.args) - 1
            return Info(free)
        if isinstance(expr, sp.Lambda):
            return Info(infos[0].free - set(expr.variables))
        return Info(_union(infos), self._linear_of(expr, infos))

    def _linear_of(self, expr: Any, infos: Sequence[Info]) -> Linear | None:
        if not infos or isinstance(expr, MatrixExpr):
            return None
        parts = [info.linear for info in infos]
        if None in parts:
            return None
        rows = [part for part in parts if part is not None]
        if isinstance(expr, sp.Add):
            total: dict[Any, Fraction] = {}
            for row in rows:
                for symbol, coefficient in row.terms:
                    total[symbol] = total.get(symbol, Fraction(0)) + coefficient
            return _linear(sum((row.const for row in rows), Fraction(0)), total)
        if isinstance(expr, sp.Mul):
            factor, rest = Fraction(1), None
            for row in rows:
                if not row.terms:
                    factor *= row.const
                elif rest is None:
                    rest = row
                else:
                    return None
            return Linear(factor) if rest is None else rest.scaled(factor)
        name = type(expr).__name__
        if name in _FRACTIONS:
            return self._divided(rows[0], up=bool(_FRACTIONS[name]))
        return None

    def _divided(self, inner: Linear, *, up: bool) -> Linear | None:
        """Return the floor or ceiling of a size divided: another size."""
        if inner.whole:
            return inner
        if not all(symbol in self.sizes for symbol, _ in inner.terms):
            return None
        divisor = math.lcm(inner.const.denominator, *[c.denominator for _, c in inner.terms])
        value = self.resolve(inner.scaled(Fraction(divisor)), {}, None)
        if up:
            value = value + (divisor - 1)
        name = next(
            (d.name for d in self.derived if (d.value, d.divisor) == (value, divisor)), None
        )
        if name is None:
            plain = len(value.terms) == 1 and value.const == 0 and value.terms[0][1] == 1
            wish = f"{value}_over_{divisor}" if plain else f"part{len(self.derived)}"
            name = distinct(wish, self.sizes.values())
            self.derived.append(Derived(name, value, divisor))
            self.sizes[sp.Dummy(name)] = name
        symbol = next(s for s, found in self.sizes.items() if found == name)
        return _linear(Fraction(0), {symbol: Fraction(1)})


def distinct(wish: str, taken: Iterable[str]) -> str:
    """Return a name that is not taken yet.

    >>> distinct("n", ["n", "m"])
    'n_2'
    """
    found, count, names = wish, 1, set(taken)
    while found in names:
        count += 1
        found = f"{wish}_{count}"
    return found


def _linear(const: Fraction, terms: Mapping[Any, Fraction]) -> Linear:
    return Linear(const, tuple((s, c) for s, c in terms.items() if c))


def _union(infos: Sequence[Info]) -> frozenset[Any]:
    free: frozenset[Any] = frozenset()
    for info in infos:
        if not info.free <= free:
            free = info.free if free <= info.free else free | info.free
    return free
