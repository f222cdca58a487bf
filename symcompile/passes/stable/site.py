"""What a rule is, and what it works with: flat sums, flat products, and derivatives that stay.

A rule is tried where an operation of the kind it names is made. It returns the node that is to
stand there, or None. Its ``identity`` says which two formulas are equal, and for which real
numbers; its ``source`` where that is from, or why it holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

from symcompile.ir.algebra import exact
from symcompile.ir.build import Builder, Number, Value
from symcompile.ir.graph import Special
from symcompile.ir.sums import factors, product

#: What stands for a formula that is computed in another way.
FORMS = frozenset({"sloped", "detach", "refined"})
#: Sums of more terms are not searched.
MOST_TERMS = 16
#: Most coefficients are these, which take time to be made.
ONE, MINUS_ONE = Fraction(1), Fraction(-1)


class Site:
    """A place where a rule may apply: an operation about to be made, with its new arguments.

    Attributes:
        b: the graph under construction.
        op: the operation.
        args: its arguments.
        final: whether derivatives have been taken already.
        found: what :func:`~symcompile.passes.stable.terms.meetings` found.
    """

    __slots__ = ("_terms", "args", "b", "final", "found", "op")

    def __init__(self, b: Builder, op: str, args: tuple[int, ...], final: bool = False) -> None:
        self.b, self.op, self.args, self.final = b, op, args, final
        self._terms: list[Term] | None = None
        self.found: dict[bool, Any] = {}

    def value(self, node: int) -> Value:
        """Return a node with the operators of arithmetic."""
        return Value(self.b, node)

    def number(self, value: Number | Special) -> Value:
        """Return a constant."""
        return Value(self.b, self.b.constant(value))

    @property
    def original(self) -> Value:
        """The operation as it stands."""
        return Value(self.b, self.b.call(self.op, *self.args))

    @property
    def terms(self) -> list[Term]:
        """The operation as a flat sum."""
        if self._terms is None:
            sign = ONE if self.op == "add" else MINUS_ONE
            self._terms = flat(self.b, [Term(ONE, self.args[0]), Term(sign, self.args[1])])
        return self._terms


Apply = Callable[[Site], "Value | None"]


@dataclass(frozen=True, eq=False)
class Rule:
    """One rewriting.

    Attributes:
        name: what ``symcompile show`` calls it.
        ops: the operations where it is tried.
        apply: what it does: the better form, or None.
        identity: the two formulas, and where they are equal.
        source: a reference, or the reason.
        needs: operations one of which must be among the terms of a sum or their factors, or the
            factors of a product; none if it is tried everywhere.
        complex: whether it holds for complex numbers.
        early: whether it is for formulas only, not for their derivatives.
        whole: whether it is for sums only that are no terms of other sums.
        meets: whether it is about two terms that have all but one factor in common.
    """

    name: str
    ops: tuple[str, ...]
    apply: Apply
    identity: str
    source: str
    needs: frozenset[str] = frozenset()
    complex: bool = False
    early: bool = False
    whole: bool = False
    meets: bool = False


class Term(NamedTuple):
    """``coefficient*node``; the node is None where the term is a number."""

    coefficient: Fraction
    node: int | None


def flat(b: Builder, parts: Iterable[Term]) -> list[Term]:
    """Return the terms of a sum, those of sums within it too; equal ones stay apart."""
    found: list[Term] = []
    pending = list(parts)[::-1]
    nodes = b.graph.nodes
    while pending:
        term = pending.pop()
        c, index = term
        if index is None:
            found.append(term)
            continue
        op, args, data, _, _ = nodes[index]
        if op == "add":
            if len(found) + len(pending) < MOST_TERMS:
                pending += (Term(c, args[1]), Term(c, args[0]))
                continue
        elif op == "sub":
            if len(found) + len(pending) < MOST_TERMS:
                pending += (Term(_minus(c), args[1]), Term(c, args[0]))
                continue
        elif op == "neg":
            pending.append(Term(_minus(c), args[0]))
            continue
        elif op == "mul":
            factor = nodes[args[0]].data
            if type(factor) is Fraction:
                pending.append(Term(factor if c is ONE else c * factor, args[1]))
                continue
        elif op == "div":
            divisor = nodes[args[1]].data
            if type(divisor) is Fraction and divisor:
                pending.append(Term(c / divisor, args[0]))
                continue
        elif type(data) is Fraction:
            found.append(Term(data if c is ONE else c * data, None))
            continue
        found.append(term)
    return found


def _minus(c: Fraction) -> Fraction:
    return MINUS_ONE if c is ONE else ONE if c is MINUS_ONE else -c


def terms_of(b: Builder, node: int) -> list[Term]:
    """Return a node as a flat sum."""
    return flat(b, [Term(ONE, node)])


def total(b: Builder, terms: Sequence[Term]) -> Value:
    """Return a sum of terms."""
    result: Value | None = None
    for term in terms:
        c = term.coefficient
        if term.node is None:
            part = Value(b, b.constant(abs(c)))
        elif abs(c) == 1:
            part = Value(b, term.node)
        else:
            part = abs(c) * Value(b, term.node)
        if result is None:
            result = part if c >= 0 else -part
        else:
            result = result + part if c >= 0 else result - part
    return Value(b, b.constant(0)) if result is None else result


def collected(terms: Iterable[Term]) -> dict[int | None, Fraction]:
    """Return the coefficient of each node of a sum; the number at None."""
    found: dict[int | None, Fraction] = {}
    for term in terms:
        found[term.node] = found.get(term.node, Fraction(0)) + term.coefficient
    return {node: c for node, c in found.items() if c}


def difference(b: Builder, x: int, y: int) -> Value | None:
    """Return ``x - y`` without the terms that the two share, or None where they share none.

    Adding and taking away a term that is finite rounds twice and changes nothing else.
    """
    left, right = collected(terms_of(b, x)), collected(terms_of(b, y))
    rest: dict[int | None, Fraction] = dict(left)
    shared = False
    for node, c in right.items():
        shared = shared or (node in left and (node is not None or left[node] == c))
        rest[node] = rest.get(node, Fraction(0)) - c
    kept = [Term(c, node) for node, c in rest.items() if c]
    if not shared or len(kept) >= len(left) + len(right):
        return None
    return total(b, kept)


def split(b: Builder, node: int) -> tuple[list[int], list[int], bool]:
    """Return factors, divisors and whether the sign is changed, of a flat product."""
    return factors(b.graph, node)


def joined(b: Builder, top: list[int], bottom: list[int], negative: bool = False) -> Value:
    """Return a product."""
    return Value(b, product(b, top, bottom, negative))


def argument(b: Builder, node: int | None, op: str) -> int | None:
    """Return z where a node is ``op(z)``."""
    if node is None:
        return None
    found = b.graph[node]
    return found.args[0] if found.op == op else None


def gamma_argument(b: Builder, node: int) -> Value | None:
    """Return x where a node is ``gamma(x)``; a factorial is one as well."""
    found = b.graph[node]
    if found.op == "gamma":
        return Value(b, found.args[0])
    return 1 + Value(b, found.args[0]) if found.op == "factorial" else None


def square_of(b: Builder, node: int | None) -> int | None:
    """Return z where a node is ``z*z``."""
    if node is None:
        return None
    found = b.graph[node]
    if found.op == "mul" and found.args[0] == found.args[1]:
        return found.args[0]
    if found.op == "powi":
        power = exact(b.graph, found.args[1])
        if power is not None and power > 0 and power % 2 == 0:
            half = power / 2
            return b.call("powi", found.args[0], b.constant(half))
    return None


def unrefined(b: Builder, node: int) -> int:
    """Return the formula that a stable form was made from."""
    while b.graph[node].op in FORMS:
        node = b.graph[node].args[0]
    return node


def refined(plain: Value, better: Value) -> Value:
    """Return ``plain`` computed as ``better``, and differentiated as it stands."""
    b = plain.builder
    return Value(b, b.call("refined", plain.node, better.node))


def with_slopes(
    value: Value, arguments: Sequence[Value], slopes: Callable[[Value], Sequence[Value]]
) -> Value:
    """Return a value whose derivatives in some nodes are given; it has no others.

    ``slopes`` is given the function, so that it may be used in its derivatives. These are
    differentiated again: first derivatives are as given, second ones those of the slopes.
    """
    b = value.builder
    fixed = Value(b, b.call("detach", value.node))

    def sloped(inner: Value) -> Value:
        result = fixed
        for argument, slope in zip(arguments, slopes(inner), strict=True):
            node = b.call("sloped", result.node, argument.node, slope.node)
            result = Value(b, node)
        return result

    return sloped(sloped(fixed))


def where(condition: Value, yes: Value | Number, no: Value | Number) -> Value:
    """Return one of two values."""
    b = condition.builder
    branches = (condition.lift(value).node for value in (yes, no))
    return Value(b, b.call("select", condition.node, *branches))


def less(x: Value, y: Value | Number) -> Value:
    """Return whether ``x < y``."""
    return Value(x.builder, x.builder.call("lt", x.node, x.lift(y).node))
