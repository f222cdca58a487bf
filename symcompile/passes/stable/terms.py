"""Sums by their terms: what two of them have in common, and one in place of both.

Terms are compared with all their other factors, so that ``a*exp(z) - a`` is seen as well as
``exp(z) - 1``; the terms may stand anywhere in a flat sum.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from itertools import combinations
from typing import NamedTuple

from symcompile.ir.build import Builder, Value, call
from symcompile.passes.stable.site import (
    FORMS,
    MINUS_ONE,
    ONE,
    Rule,
    Site,
    Term,
    difference,
    joined,
    split,
    terms_of,
    total,
    unrefined,
)

DLMF = "NIST DLMF"

#: Terms of more factors are not searched: sums of long products would take quadratic time.
_MOST_FACTORS = 8
#: The functions that rules about two terms are about.
_MET = frozenset(
    {"exp", "expm1", "cos", "sin", "tan", "cosh", "sinh", "tanh", "sigmoid", "erf", "erfc", "mul"}
    | {"pow", "powi", "sqrt", "cbrt", "log", "log1p", "atan", "asin", "acos"}
)


#: What stands beside a function in a term: other factors and divisors, ascending.
Rest = tuple[tuple[int, ...], tuple[int, ...]]


class Part(NamedTuple):
    """A term taken apart: ``coefficient*rest*op(z)``, or divided by it where ``below``."""

    coefficient: Fraction
    op: str
    node: int
    top: tuple[int, ...]
    bottom: tuple[int, ...]
    below: bool = False

    @property
    def rest(self) -> Rest:
        return self.top, self.bottom


class _Factors(NamedTuple):
    """A product: the number in front, its other factors and divisors, and their operations."""

    number: Fraction
    top: tuple[int, ...]
    bottom: tuple[int, ...]
    ops: frozenset[str]

    @property
    def rest(self) -> Rest:
        return self.top, self.bottom


_NONE = _Factors(ONE, (), (), frozenset())


def _factors(b: Builder, node: int | None) -> _Factors:
    """Return the factors of a node; None is the number 1."""
    if node is None:
        return _NONE
    found: _Factors | None = b.memo.get(("factors", node))
    if found is None:
        top, bottom, negative = split(b, node)
        nodes = b.graph.nodes
        c = MINUS_ONE if negative else ONE
        above: list[int] = []
        for factor in top:
            value = nodes[factor].data
            if type(value) is Fraction and value:
                c = value if c is ONE else c * value
            else:
                above.append(factor)
        below: list[int] = []
        for factor in bottom:
            value = nodes[factor].data
            if type(value) is Fraction and value:
                c = c / value
            else:
                below.append(factor)
        ops: frozenset[str] = frozenset()
        if len(above) + len(below) <= _MOST_FACTORS:
            ops = frozenset([nodes[factor].op for factor in (*above, *below)])
        above.sort()
        below.sort()
        found = _Factors(c, tuple(above), tuple(below), ops)
        b.memo["factors", node] = found
    return found


def _rests(b: Builder, node: int | None) -> frozenset[Rest] | None:
    """Return what is left of a node without one of its functions, and all of it; None of forms."""
    key = ("left", -1 if node is None else node)
    if key in b.memo:
        known: frozenset[Rest] | None = b.memo[key]
        return known
    _, top, bottom, ops = _factors(b, node)
    made: frozenset[Rest] | None = None
    if FORMS.isdisjoint(ops):
        nodes = b.graph.nodes
        found: list[Rest] = [(top, bottom)]
        if ops:
            for k, factor in enumerate(top):
                if nodes[factor].op in _MET:
                    found.append((top[:k] + top[k + 1 :], bottom))
            for k, factor in enumerate(bottom):
                if nodes[factor].op in _MET:
                    found.append((top, bottom[:k] + bottom[k + 1 :]))
        made = frozenset(found)
    b.memo[key] = made
    return made


def taken_apart(b: Builder, term: Term) -> tuple[Fraction, tuple[int, ...], tuple[int, ...]]:
    """Return the number in front of a term, its other factors, and its other divisors."""
    found = _factors(b, term.node)
    return term.coefficient * found.number, found.top, found.bottom


def whole(b: Builder, term: Term) -> Part:
    """Return a term as a coefficient and a rest."""
    c, top, bottom = taken_apart(b, term)
    return Part(c, "", -1, top, bottom)


def parts(b: Builder, term: Term, ops: frozenset[str]) -> list[Part]:
    """Return a term taken apart at each of its factors and divisors that is one of ``ops``."""
    if not _factors(b, term.node).ops & ops:
        return []
    return [_times(term, part) for part in _taken(b, term.node, False).parts if part.op in ops]


class _Taken(NamedTuple):
    """A node taken apart at each of its factors and divisors, and what it leaves then."""

    parts: tuple[Part, ...]
    rests: frozenset[Rest]


def _taken(b: Builder, node: int | None, seen_through: bool) -> _Taken:
    """Return a node taken apart; found once for each node."""
    key = ("taken through forms" if seen_through else "taken", -1 if node is None else node)
    known: _Taken | None = b.memo.get(key)
    if known is not None:
        return known
    c, top, bottom, ops = _factors(b, node)
    found: list[Part] = []
    if ops:
        nodes = b.graph.nodes
        order = top
        if seen_through:
            top = tuple(unrefined(b, factor) for factor in top)
            order = tuple(sorted(top))
        for k, factor in enumerate(top):
            if (op := nodes[factor].op) in _MET:
                rest = top[:k] + top[k + 1 :]
                rest = tuple(sorted(rest)) if seen_through else rest
                found.append(Part(c, op, factor, rest, bottom))
        for k, factor in enumerate(bottom):
            if (op := nodes[factor].op) in _MET:
                found.append(Part(c, op, factor, order, bottom[:k] + bottom[k + 1 :], True))
    # What a term leaves without one of its functions, and the term itself.
    rests = frozenset([_factors(b, node).rest, *[part.rest for part in found]])
    made = b.memo[key] = _Taken(tuple(found), rests)
    return made


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


class Meeting(NamedTuple):
    """Two terms of a sum that have all factors but one in common.

    Attributes:
        first, part: the place of one of them, and it taken apart.
        second, other: the same of the other one; a term without a factor of its own is
            :func:`whole`.
    """

    first: int
    part: Part
    second: int
    other: Part


class Meetings:
    """All meetings of the terms of a sum, in the order of their terms.

    Terms that have something in common are found by what is left of them, so that every rule
    about two terms looks at those only.

    Attributes:
        with_number: a factor of one term stands where the other has none, as in
            ``a*exp(z) - a``; their coefficients differ by the sign at most.
        of_two: a factor of each stands in the same place.
    """

    def __init__(self, site: Site, seen_through: bool) -> None:
        b, terms = site.b, site.terms
        self.with_number: list[Meeting] = []
        self.of_two: list[Meeting] = []
        taken = [_taken(b, term.node, seen_through) for term in terms]
        seen: set[Rest] = set()
        for one in taken:
            if not seen.isdisjoint(one.rests):
                break
            seen |= one.rests
        else:
            return
        wholes: dict[Rest, list[int]] = {}
        for i, term in enumerate(terms):
            wholes.setdefault(_factors(b, term.node).rest, []).append(i)
        found: list[tuple[int, Part]] = []
        same: dict[tuple[Rest, bool], list[int]] = {}
        for i, term in enumerate(terms):
            for part in taken[i].parts:
                rest = part.rest
                same.setdefault((rest, part.below), []).append(len(found))
                found.append((i, part))
                if not part.below and rest in wholes:
                    own = _times(term, part)
                    others = [(j, whole(b, terms[j])) for j in wholes[rest] if j != i]
                    self.with_number += [
                        Meeting(i, own, j, other)
                        for j, other in others
                        if abs(other.coefficient) == abs(own.coefficient)
                    ]
        if len(same) == len(found):
            return
        for k, m in sorted(pair for places in same.values() for pair in combinations(places, 2)):
            (i, part), (j, other) = found[k], found[m]
            if i != j:
                self.of_two.append(Meeting(i, _times(terms[i], part), j, _times(terms[j], other)))


def _times(term: Term, part: Part) -> Part:
    return part._replace(coefficient=term.coefficient * part.coefficient)


#: What is known of the rests of a sum is kept up to this many, of which some may be of terms that
#: are looked at no longer.
_MOST_RESTS = 64


def apart(b: Builder, first: int, second: int) -> bool:
    """Return whether no two terms of a sum of two nodes meet, as far as can be told at once."""
    left, right = _rests_of_sum(b, first), _rests_of_sum(b, second)
    return left is not None and right is not None and left.isdisjoint(right)


def _rests_of_sum(b: Builder, node: int) -> frozenset[Rest] | None:
    """Return what the terms of a node leave, perhaps more than that; None where they may meet.

    Of a sum of known sums it is what those leave, so each step of a long sum costs no more than
    the first.
    """
    key = ("rests", node)
    if key in b.memo:
        known: frozenset[Rest] | None = b.memo[key]
        return known
    op, args, *_ = b.graph[node]
    found: frozenset[Rest] | None = None
    if op in _SUMS and all(("rests", arg) in b.memo for arg in args):
        left, right = (_rests_of_sum(b, arg) for arg in args)
        if left is not None and right is not None and left.isdisjoint(right):
            found = left | right
    if found is None or len(found) > _MOST_RESTS:
        terms = terms_of(b, node)
        if len(terms) == 1:
            found = _rests(b, terms[0].node)
        else:
            found = _joined_rests([_rests(b, term.node) for term in terms])
    b.memo[key] = found
    return found


def _joined_rests(taken: list[frozenset[Rest] | None]) -> frozenset[Rest] | None:
    """Return what several terms leave; None where some are the same."""
    every = set[Rest]()
    count = 0
    for rests in taken:
        if rests is None:
            return None
        every |= rests
        count += len(rests)
    return frozenset(every) if len(every) == count else None


def meetings(site: Site, seen_through: bool = False) -> Meetings:
    """Return the meetings of the terms of a sum, found once for each.

    Args:
        site: the sum.
        seen_through: whether stable forms count as the formulas that they were made from.
    """
    if seen_through and not any(_has_forms(site.b, term) for term in site.terms):
        seen_through = False
    made: Meetings | None = site.found.get(seen_through)
    if made is None:
        made = site.found[seen_through] = Meetings(site, seen_through)
    return made


def _has_forms(b: Builder, term: Term) -> bool:
    return not FORMS.isdisjoint(_factors(b, term.node).ops)


def beside_one(
    site: Site, ops: frozenset[str], form: Callable[[Value, Value, bool], Value | None]
) -> Value | None:
    """Replace ``f + 1`` (or ``f - 1``, where the last argument of ``form`` is true)."""
    for i, part, j, other in meetings(site, "pow" in ops).with_number:
        if part.op in ops:
            minus = other.coefficient != part.coefficient
            made = form(site.value(part.node), site.number(1), minus)
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
    for i, part, j, other in meetings(site, "pow" in ops).of_two:
        if part.op not in ops or other.op not in ops or part.below:
            continue
        if part.coefficient == (other.coefficient if same else -other.coefficient):
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
    meets: bool = True,
) -> Rule:
    """Return a rule for sums; ``meets`` says whether it is about two terms that meet."""
    return Rule(name, _SUMS, apply, identity, source, frozenset(needs), complex, meets=meets)


def logarithm(base: Value) -> Value:
    """Return a logarithm, as log1p of what is left of ``base - 1``."""
    b = base.builder
    small = difference(b, base.node, b.constant(1))
    return call("log", base) if small is None else call("log1p", small)
