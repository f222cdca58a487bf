"""What indices stand for at one place of a formula, and what is known of them there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import sympy as sp
from sympy.core.relational import Relational

from symcompile.frontend.frames import Term
from symcompile.frontend.linear import Indices
from symcompile.ir.affine import Affine

Key = tuple[Any, ...]


class Scope:
    """Immutable.

    Attributes:
        bindings: what each index stands for, in labels and sizes.
        facts: affine functions that are at least 0 here.
        guarded: whether more is known, but not in this form.
    """

    __slots__ = ("bindings", "facts", "guarded")

    def __init__(
        self,
        bindings: Mapping[Any, Affine | Term],
        facts: tuple[Affine, ...] = (),
        guarded: bool = False,
    ) -> None:
        self.bindings = bindings
        self.facts = facts
        self.guarded = guarded

    def bind(self, symbol: Any, value: Affine | Term) -> Scope:
        """Return the scope in which a symbol stands for ``value``."""
        facts = self.facts
        if isinstance(value, Affine) and facts:  # a label used again is another index
            facts = tuple(f for f in facts if not set(f.axes) & set(value.axes))
        return Scope({**self.bindings, symbol: value}, facts, self.guarded)

    def known(self, facts: Sequence[Affine], *, guarded: bool = False) -> Scope:
        """Return the scope in which more is known."""
        added = tuple(fact for fact in facts if fact not in self.facts)
        if not added and (self.guarded or not guarded):
            return self
        return Scope(self.bindings, self.facts + added, self.guarded or guarded)

    def key(self, free: frozenset[Any]) -> Key:
        """Return all that matters to an expression with these free indices."""
        bindings = self.bindings
        own = tuple((symbol, bindings.get(symbol)) for symbol in sorted(free, key=_order))
        if not self.facts and not self.guarded:
            return own
        labels: set[int] = set()
        for _, value in own:
            if value is not None:
                labels.update(value.axes if isinstance(value, Affine) else value.labels)
        facts = tuple(fact for fact in self.facts if labels.intersection(fact.axes))
        return (own, facts, self.guarded)


def _order(symbol: Any) -> tuple[str, Any]:
    return symbol.name, getattr(symbol, "dummy_index", 0)


class Range(NamedTuple):
    """How an index compares with a limit.

    Attributes:
        least: the smallest value of what must not be negative, as far as can be seen.
        certain: whether it cannot be negative, for any sizes.
        guarded: whether that takes what is known of the place.
    """

    least: Affine
    certain: bool
    guarded: bool


def proven(value: Affine, extents: Sequence[Affine], facts: Sequence[Affine]) -> Range:
    """Return whether ``value`` is at least 0 for all indices for which ``facts`` are.

    >>> i, n = Affine.of(0, axis=True), Affine.of("n")
    >>> proven(n - 1 - i, [n], ()).certain, proven(i - 1, [n], [i - 1])[1:]
    (True, (True, True))
    """
    least = value.bounds(extents)[0]
    if least.nonnegative():
        return Range(least, True, False)
    best = Range(least, False, False)
    shared = [fact for fact in facts if set(fact.axes) & set(value.axes)]
    for k, first in enumerate(shared):
        for second in (None, *shared[k:]):
            rest = value - first if second is None else value - first - second
            found = rest.bounds(extents)[0]
            if found.nonnegative():
                return Range(found, True, True)
            if (found - best.least).nonnegative():
                best = Range(found, False, True)
    return best


def facts_of(
    condition: Any, indices: Indices, scope: Scope, extents: Sequence[Affine], *, holds: bool = True
) -> tuple[list[Affine], bool]:
    """Return what a condition says of indices, and whether it says more than that."""
    facts: list[Affine] = []
    more = False
    stack, seen = [(condition, holds)], {}
    while stack:
        current, true = stack.pop()
        if (id(current), true) in seen:
            continue
        seen[id(current), true] = current
        if isinstance(current, sp.Not):
            stack.append((current.args[0], not true))
        elif isinstance(current, sp.And if true else sp.Or):
            stack += [(part, true) for part in reversed(current.args)]
        elif isinstance(current, Relational):
            found = _compared(current, indices, scope, extents, true)
            facts += found or ()
            more = more or (found is None and bool(indices.free(current)))
        elif indices.free(current):
            more = True
    return facts, more


def _compared(
    relation: Any, indices: Indices, scope: Scope, extents: Sequence[Affine], holds: bool
) -> list[Affine] | None:
    """Return what a comparison of indices says, if that is affine."""
    left, right = (indices.linear(side) for side in relation.args)
    if left is None or right is None:
        return None
    a = indices.resolve(left, scope.bindings, relation)
    b = indices.resolve(right, scope.bindings, relation)
    name = type(relation).__name__
    if not holds:
        name = _NEGATED[name]
    if name == "StrictGreaterThan":
        return [a - b - 1]
    if name == "GreaterThan":
        return [a - b]
    if name == "StrictLessThan":
        return [b - a - 1]
    if name == "LessThan":
        return [b - a]
    if name == "Equality":
        return [a - b, b - a]
    for one in (a - b, b - a):  # they differ, and one is never the smaller
        if one.bounds(extents)[0].nonnegative():
            return [one - 1]
    return None


_NEGATED = {
    "StrictGreaterThan": "LessThan",
    "LessThan": "StrictGreaterThan",
    "GreaterThan": "StrictLessThan",
    "StrictLessThan": "GreaterThan",
    "Equality": "Unequality",
    "Unequality": "Equality",
}
