"""Affine functions with whole coefficients: sizes of arrays, and indices into them.

A variable is the name of a size (a ``str``) or the position of an axis (an ``int``): the size
``n - 1``, the index ``2*i + 1`` where ``i`` runs over the first axis of a node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

Var: TypeAlias = str | int


class Affine(NamedTuple):
    """``const + sum(coefficient*variable)``, canonical: equal functions are equal tuples.

    >>> n = Affine.of("n")
    >>> n - 1 + 1 == n, str(2*n - 1)
    (True, '2*n - 1')
    """

    const: int
    terms: tuple[tuple[Var, int], ...] = ()

    @classmethod
    def of(cls, value: Var | int, *, axis: bool = False) -> Affine:
        """Return a size by its name, a number, or (with ``axis``) the index along an axis."""
        if isinstance(value, str) or axis:
            return cls(0, ((value, 1),))
        return cls(value)

    def _combine(self, other: Affine, factor: int) -> Affine:
        found = dict(self.terms)
        for var, coefficient in other.terms:
            found[var] = found.get(var, 0) + factor * coefficient
        return _canonical(self.const + factor * other.const, found)

    def __add__(self, other: Affine | int) -> Affine:  # type: ignore[override]
        return self._combine(lift(other), 1)

    def __radd__(self, other: int) -> Affine:
        return self._combine(lift(other), 1)

    def __sub__(self, other: Affine | int) -> Affine:
        return self._combine(lift(other), -1)

    def __rsub__(self, other: int) -> Affine:
        return lift(other)._combine(self, -1)

    def __neg__(self) -> Affine:
        return self * -1

    def __mul__(self, factor: int) -> Affine:  # type: ignore[override]
        return _canonical(self.const * factor, {v: c * factor for v, c in self.terms})

    def __rmul__(self, factor: int) -> Affine:  # type: ignore[override]
        return self * factor

    def coefficient(self, var: Var) -> int:
        """Return the coefficient of a variable."""
        return next((c for v, c in self.terms if v == var and type(v) is type(var)), 0)

    @property
    def axes(self) -> tuple[int, ...]:
        """The axes it depends on, ascending."""
        return tuple(v for v, _ in self.terms if isinstance(v, int))

    @property
    def sizes(self) -> tuple[str, ...]:
        """The sizes it depends on, sorted."""
        return tuple(v for v, _ in self.terms if isinstance(v, str))

    @property
    def number(self) -> int | None:
        """Its value, where it is a constant."""
        return None if self.terms else self.const

    @property
    def axis(self) -> int | None:
        """The axis whose plain index it is, or None."""
        if self.const == 0 and len(self.terms) == 1 and self.terms[0][1] == 1:
            var = self.terms[0][0]
            return var if isinstance(var, int) else None
        return None

    def substitute(self, values: Mapping[Var, Affine]) -> Affine:
        """Return it with variables replaced."""
        total = Affine(self.const)
        for var, coefficient in self.terms:
            total = total + coefficient * values.get(var, Affine(0, ((var, 1),)))
        return total

    def on(self, positions: Sequence[int]) -> Affine:
        """Return it with axis ``k`` called ``positions[k]``."""
        return self.substitute({a: Affine(0, ((positions[a], 1),)) for a in self.axes})

    def bounds(self, extents: Sequence[Affine]) -> tuple[Affine, Affine]:
        """Return the smallest and the largest value over the axes, whose sizes are given."""
        low = high = Affine(self.const)
        for var, coefficient in self.terms:
            if isinstance(var, str):
                part = Affine(0, ((var, coefficient),))
                low, high = low + part, high + part
            elif coefficient > 0:
                high = high + coefficient * (extents[var] - 1)
            else:
                low = low + coefficient * (extents[var] - 1)
        return low, high

    def nonnegative(self) -> bool:
        """Return whether it is at least 0 for all sizes of at least 1, as far as can be seen."""
        return (
            all(c >= 0 for _, c in self.terms) and self.const + sum(c for _, c in self.terms) >= 0
        )

    def evaluate(self, values: Mapping[Any, int]) -> int:
        """Return its value for given variables."""
        return self.const + sum(c * values[v] for v, c in self.terms)

    def text(self, name: Callable[[Var], str] = str) -> str:
        """Return it as Python and C write it.

        >>> Affine(1, ((0, 2), ("n", -1))).text(lambda v: "i" if v == 0 else str(v))
        '2*i - n + 1'
        """
        parts: list[tuple[str, str]] = []
        for var, coefficient in sorted(self.terms, key=lambda t: (t[1] < 0, isinstance(t[0], str))):
            size = abs(coefficient)
            shown = name(var) if size == 1 else f"{size}*{name(var)}"
            parts.append(("-" if coefficient < 0 else "+", shown))
        if self.const or not parts:
            parts.append(("-" if self.const < 0 else "+", str(abs(self.const))))
        first, *rest = parts
        head = f"-{first[1]}" if first[0] == "-" else first[1]
        return head + "".join(f" {sign} {shown}" for sign, shown in rest)

    def __str__(self) -> str:
        return self.text()


def lift(value: Affine | int) -> Affine:
    """Return a number as an affine function."""
    return value if isinstance(value, Affine) else Affine(value)


def _canonical(const: int, terms: Mapping[Var, int]) -> Affine:
    kept = [(v, c) for v, c in terms.items() if c]
    kept.sort(key=lambda term: (isinstance(term[0], str), term[0]))
    return Affine(const, tuple(kept))


def total(parts: Iterable[Affine]) -> Affine:
    """Return a sum."""
    result = Affine(0)
    for part in parts:
        result = result + part
    return result
