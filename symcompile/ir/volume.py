"""Polynomials in sizes: how many entries an array has, where it starts, what a loop costs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import prod

from symcompile.ir.affine import Affine
from symcompile.ir.graph import Axis

_Monomial = tuple[str, ...]


class Volume:
    """A polynomial in sizes with whole coefficients. Immutable.

    >>> n, d = Affine.of("n"), Affine.of("d")
    >>> str(Volume.of(n)*Volume.of(d + 1))
    'd*n + n'
    """

    __slots__ = ("terms",)

    def __init__(self, terms: Mapping[_Monomial, int]) -> None:
        self.terms = {m: c for m, c in terms.items() if c}

    @classmethod
    def of(cls, value: Affine | int) -> Volume:
        """Return a size."""
        if isinstance(value, int):
            return cls({(): value})
        found: dict[_Monomial, int] = {(): value.const}
        for var, coefficient in value.terms:
            assert isinstance(var, str)
            found[(var,)] = coefficient
        return cls(found)

    @classmethod
    def product(cls, axes: Iterable[Axis]) -> Volume:
        """Return the number of points of some axes."""
        result = ONE
        for axis in axes:
            result = result * cls.of(axis.extent)
        return result

    def __add__(self, other: Volume) -> Volume:
        terms = dict(self.terms)
        for monomial, coefficient in other.terms.items():
            terms[monomial] = terms.get(monomial, 0) + coefficient
        return Volume(terms)

    def __mul__(self, other: Volume | int) -> Volume:
        factors = other.terms if isinstance(other, Volume) else {(): other}
        terms: dict[_Monomial, int] = {}
        for first, a in self.terms.items():
            for second, b in factors.items():
                monomial = tuple(sorted(first + second))
                terms[monomial] = terms.get(monomial, 0) + a * b
        return Volume(terms)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Volume) and self.terms == other.terms

    def __hash__(self) -> int:
        return hash(frozenset(self.terms.items()))

    @property
    def number(self) -> int | None:
        """Its value, where it is a constant."""
        return self.terms.get((), 0) if not set(self.terms) - {()} else None

    def evaluate(self, sizes: Mapping[str, int]) -> int:
        """Return its value for given sizes."""
        total = 0
        for monomial, coefficient in self.terms.items():
            total += coefficient * prod(sizes[name] for name in monomial)
        return total

    def text(self, name: Callable[[str], str] = str) -> str:
        """Return it as Python and C write it, terms of high degree first."""
        parts: list[tuple[int, str]] = []
        for monomial, coefficient in sorted(self.terms.items(), key=lambda t: (-len(t[0]), t[0])):
            factors = [name(size) for size in monomial]
            if abs(coefficient) != 1 or not factors:
                factors.insert(0, str(abs(coefficient)))
            parts.append((coefficient, "*".join(factors)))
        if not parts:
            return "0"
        head = ("-" if parts[0][0] < 0 else "") + parts[0][1]
        return head + "".join(f" {'-' if c < 0 else '+'} {t}" for c, t in parts[1:])

    def __str__(self) -> str:
        return self.text()


ZERO = Volume({})
ONE = Volume({(): 1})
