"""Sums by their terms: what two of them have in common, and one in place of both.

Terms are compared with all their other factors, so that ``a*exp(z) - a`` is seen as well as
``exp(z) - 1``; the terms may stand anywhere in a flat sum.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from symcompile.ir.algebra import exact
from symcompile.ir.build import Builder, Value, call
from symcompile.passes.stable.site import (
    Rule,
    Site,
    Term,
    difference,
    joined,
    split,
    total,
    unrefined,
)

DLMF = "NIST DLMF"

#: Terms of more factors are not searched: sums of long products would take quadratic time.
_MOST_FACTORS = 8


@dataclass(frozen=True)
class Part:
    """A term taken apart: ``coefficient*rest*op(z)``, or divided by it where ``below``."""

    coefficient: Fraction
    op: str
    node: int
    top: tuple[int, ...]
    bottom: tuple[int, ...]
    below: bool = False

    @property
    def rest(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return self.top, self.bottom


def _without(nodes: tuple[int, ...], k: int) -> tuple[int, ...]:
    return tuple(sorted(nodes[:k] + nodes[k + 1 :]))


class _Factors(NamedTuple):
    """A product: the number in front, its other factors and divisors, and their operations."""

    number: Fraction
    top: tuple[int, ...]
    bottom: tuple[int, ...]
    ops: frozenset[str]


_NONE = _Factors(Fraction(1), (), (), frozenset())


def _factors(b: Builder, node: int | None) -> _Factors:
    """Return the factors of a node; None is the number 1."""
    if node is None:
        return _NONE
    found: _Factors | None = b.memo.get(("factors", node))
    if found is None:
        top, bottom, negative = split(b, node)
        c = Fraction(-1 if negative else 1)
        for nodes, power in ((top, 1), (bottom, -1)):
            for factor in list(nodes):
                value = exact(b.graph, factor)
                if value:
                    c *= value**power
                    nodes.remove(factor)
        few = len(top) + len(bottom) <= _MOST_FACTORS
        ops = frozenset(b.graph[factor].op for factor in (*top, *bottom) if few)
        found = _Factors(c, tuple(sorted(top)), tuple(sorted(bottom)), ops)
        b.memo["factors", node] = found
    return found


def taken_apart(b: Builder, term: Term) -> tuple[Fraction, tuple[int, ...], tuple[int, ...]]:
    """Return the number in front of a term, its other factors, and its other divisors."""
    found = _factors(b, term.node)
    return term.coefficient * found.number, found.top, found.bottom


def whole(b: Builder, term: Term) -> Part:
    """Return a term as a coefficient and a rest."""
    c, top, bottom = taken_apart(b, term)
    return Part(c, "", -1, top, bottom)


def parts(b: Builder, term: Term, ops: frozenset[str]) -> Iterator[Part]:
    own = _factors(b, term.node).ops
    if not own or ("pow" not in ops and not own & ops):
        return
    c, top, bottom = taken_apart(b, term)
    if "pow" in ops:
        top = tuple(unrefined(b, node) for node in top)
    for k, node in enumerate(top):
        if b.graph[node].op in ops:
            yield Part(c, b.graph[node].op, node, _without(top, k), bottom)
    for k, node in enumerate(bottom):
        if b.graph[node].op in ops:
            yield Part(c, b.graph[node].op, node, tuple(sorted(top)), _without(bottom, k), True)


def replaced(site: Site, gone: Counter[int], part: Part, made: Value) -> Value:
    """Return the sum with two terms replaced by ``part`` with ``made`` as its function."""
    b = site.b
    node = joined(b, [*part.top, made.node], list(part.bottom)).node
    terms: list[Term] = []
    for k, term in enumerate(site.terms):
        if k not in gone:
            terms.append(term)
        elif k == min(gone):
            terms.append(Term(part.coefficient, node))
    return total(b, terms)


def beside_one(
    site: Site, ops: frozenset[str], form: Callable[[Value, Value, bool], Value | None]
) -> Value | None:
    """Replace ``f + 1`` (or ``f - 1``, where the last argument of ``form`` is true)."""
    b = site.b
    wholes: list[Part] = []
    for i, term in enumerate(site.terms):
        for part in parts(b, term, ops):
            if part.below:
                continue
            wholes = wholes or [whole(b, term) for term in site.terms]
            for j, other in enumerate(wholes):
                if (
                    j == i
                    or other.rest != part.rest
                    or abs(other.coefficient) != abs(part.coefficient)
                ):
                    continue
                made = form(
                    site.value(part.node), site.number(1), other.coefficient != part.coefficient
                )
                if made is not None:
                    return replaced(site, Counter([i, j]), part, made)
    return None


def of_two(
    site: Site,
    ops: frozenset[str],
    form: Callable[[Value, Value], Value | None],
    same: bool = False,
) -> Value | None:
    """Replace ``f(x) - f(y)`` (``f(x) + f(y)`` if ``same``) by what ``form`` makes of the two."""
    b = site.b
    found: list[tuple[int, Part]] = []
    for i, term in enumerate(site.terms):
        found += [(i, part) for part in parts(b, term, ops) if not part.below]
    for a, (i, part) in enumerate(found):
        for j, other in found[a + 1 :]:
            sign = 1 if same else -1
            if i == j or part.rest != other.rest or part.coefficient != sign * other.coefficient:
                continue
            made = form(site.value(part.node), site.value(other.node))
            if made is not None:
                return replaced(site, Counter([i, j]), part, made)
    return None


def argument(f: Value) -> Value:
    return Value(f.builder, f.builder.graph[f.node].args[0])


def operation(f: Value) -> str:
    return f.builder.graph[f.node].op


_SUMS = ("add", "sub")


def sum_rule(
    name: str,
    apply: Callable[[Site], Value | None],
    identity: str,
    source: str,
    *needs: str,
    complex: bool = False,
) -> Rule:
    return Rule(name, _SUMS, apply, identity, source, frozenset(needs), complex)


def logarithm(base: Value) -> Value:
    """Return a logarithm, as log1p of what is left of ``base - 1``."""
    b = base.builder
    small = difference(b, base.node, b.constant(1))
    return call("log", base) if small is None else call("log1p", small)
