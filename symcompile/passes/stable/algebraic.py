"""Sums in which the leading terms cancel on paper: conjugates, squares, fractions."""

from __future__ import annotations

from fractions import Fraction

from symcompile.ir.algebra import exact
from symcompile.ir.build import Builder, Value, call
from symcompile.ir.graph import Special
from symcompile.ir.polynomial import Monomial, Polynomial
from symcompile.passes.stable.site import (
    Rule,
    Site,
    Term,
    argument,
    collected,
    joined,
    less,
    refined,
    split,
    square_of,
    terms_of,
    total,
    unrefined,
    where,
)
from symcompile.passes.stable.spread import from_polynomial, multiplied_out, too_large

_MOST_FRACTIONS = 4


def _cancelled(parts: list[Polynomial], rest: Polynomial, most: int) -> bool:
    """Return whether terms cancel in a sum of polynomials, and few are left."""
    every = {monomial for part in parts for monomial in part}
    return 0 < len(rest) <= most and len(rest) < len(every)


def _conjugate(site: Site) -> Value | None:
    b = site.b
    roots: list[int] = []
    for k, term in enumerate(site.terms):
        if term.node is not None and any(_root(b, f) is not None for f in split(b, term.node)[0]):
            roots.append(k)
    if len(roots) != 1 or len(site.terms) < 2:
        return None
    (k,) = roots
    root = total(b, [site.terms[k]])
    rest = total(b, [term for j, term in enumerate(site.terms) if j != k])
    squared = _squared(site, site.terms[k])
    if squared is None:
        return None
    squares = multiplied_out(b, squared.node, call("powi", rest, 2).node)
    if squares is None:
        return None
    left = dict(squares[0])
    for monomial, c in squares[1].items():
        left[monomial] = left.get(monomial, Fraction(0)) - c
    remaining = {m: c for m, c in left.items() if c}
    if not _cancelled(squares, remaining, 3) or any(
        m in squares[0] and m in squares[1] for m in remaining
    ):
        return None
    plain = root + rest
    opposite = b.call("ne", less(root, 0).node, less(rest, 0).node)
    better = from_polynomial(b, remaining) / (root - rest)
    finite = less(call("abs", root), Value(b, b.constant(Special.INF)))
    made = where(Value(b, b.call("and", opposite, finite.node)), better, plain)
    return refined(plain, made) if rest.exact() is not None else made


def _conjugate_over(site: Site) -> Value | None:
    """What :func:`_conjugate` made, over a factor of its numerator: that is cancelled."""
    b = site.b
    top, bottom, negative = split(b, site.original.node)
    for node in top:
        found = b.graph[node]
        if found.op != "select" or b.graph[found.args[1]].op != "div":
            continue
        above, below = (Value(b, arg) for arg in b.graph[found.args[1]].args)
        polynomial = multiplied_out(b, above.node)
        if polynomial is None or unconjugated(b, below.node, found.args[2]) is None:
            continue
        shared = [d for d in bottom if all(d in dict(m) for m in polynomial[0])]
        if not shared:
            continue
        left = {
            tuple((k, p - (k == shared[0])) for k, p in m if p > (k == shared[0])): c
            for m, c in polynomial[0].items()
        }
        rest = [n for n in top if n != node]
        others = list(bottom)
        others.remove(shared[0])
        better = joined(b, [*rest, (from_polynomial(b, left) / below).node], others, negative)
        plain = joined(b, [*rest, found.args[2]], bottom, negative)
        return where(Value(b, found.args[0]), better, plain)
    return None


def unconjugated(b: Builder, below: int, plain: int) -> int | None:
    """Return the sum of which ``below`` is the conjugate, if it is: both have one root."""
    parts = [collected(terms_of(b, node)) for node in (below, plain)]
    same = {k: abs(v) for k, v in parts[0].items()} == {k: abs(v) for k, v in parts[1].items()}
    return plain if same else None


def _root(b: Builder, node: int) -> int | None:
    """Return z where a node is ``sqrt(z)``, in a stable form perhaps."""
    return argument(b, unrefined(b, node), "sqrt")


def _squared(site: Site, term: Term) -> Value | None:
    """Return the square of ``c*rest*sqrt(z)``, without a root."""
    b = site.b
    assert term.node is not None
    top, bottom, _ = split(b, term.node)
    if any(exact(b.graph, node) is None for node in bottom):
        return None
    result = Value(b, b.constant(term.coefficient * term.coefficient))
    found = False
    for factor in top:
        inner = _root(b, factor)
        if inner is not None and not found:
            result = result * Value(b, inner)
            found = True
        else:
            result = result * call("powi", Value(b, factor), 2)
    return result


def _difference_of_squares(site: Site) -> Value | None:
    b = site.b
    if len(site.terms) != 2:
        return None
    first, second = sorted(site.terms, key=lambda term: -term.coefficient)
    if first.coefficient * second.coefficient >= 0:
        return None
    if abs(first.coefficient) != abs(second.coefficient):
        return None
    bases: list[Value] = []
    for term in (first, second):
        base = b.constant(1) if term.node is None else square_of(b, term.node)
        if base is None:
            return None
        bases.append(Value(b, base))
    x, y = bases
    if x.exact() is not None and y.exact() is not None:
        return None
    plain = x * x - y * y
    return first.coefficient * refined(plain, (x - y) * (x + y))


def _fractions(site: Site) -> Value | None:
    b = site.b
    if not 2 <= len(site.terms) <= _MOST_FRACTIONS:
        return None
    tops: list[tuple[Fraction, list[int], list[int]]] = []
    common: list[int] = []
    for term in site.terms:
        if term.node is None:
            tops.append((term.coefficient, [], []))
            continue
        top, bottom, negative = split(b, term.node)
        tops.append((-term.coefficient if negative else term.coefficient, top, bottom))
        for node in set(bottom):
            lacking = bottom.count(node) - common.count(node)
            common += [node] * lacking
    if not common or len(common) > _MOST_FRACTIONS:
        return None
    if too_large(b, [node for _, top, _ in tops for node in top]):
        return None
    parts: list[int] = []
    for c, top, bottom in tops:
        above = list(common)
        for node in bottom:
            above.remove(node)
        parts.append((c * joined(b, [*top, *above], [])).node)
    found = multiplied_out(b, *parts)
    if found is None:
        return None
    added: dict[Monomial, Fraction] = {}
    for polynomial in found:
        for monomial, c in polynomial.items():
            added[monomial] = added.get(monomial, Fraction(0)) + c
    left = {m: c for m, c in added.items() if c}
    if not _cancelled(found, left, 2):
        return None
    result = from_polynomial(b, left)
    for node in common:
        result = result / Value(b, node)
    return result


RULES = [
    Rule(
        "conjugate",
        ("add", "sub"),
        _conjugate,
        "sqrt(u) - v = (u - v^2)/(sqrt(u) + v), where terms of u and v^2 cancel; for v > 0",
        "R. W. Hamming, Numerical Methods for Scientists and Engineers, ch. 3; "
        "N. J. Higham, Accuracy and Stability of Numerical Algorithms, 1.8",
        frozenset({"sqrt", "sloped"}),
    ),
    Rule(
        "conjugate over a factor",
        ("div",),
        _conjugate_over,
        "(sqrt(u) - v)/a = ((u - v^2)/a)/(sqrt(u) + v), where a divides what is left of u - v^2",
        "G. E. Forsythe, How do you solve a quadratic equation?, 1966",
        frozenset({"select"}),
    ),
    Rule(
        "difference of squares",
        ("add", "sub"),
        _difference_of_squares,
        "x^2 - y^2 = (x - y)*(x + y)",
        "N. J. Higham, Accuracy and Stability of Numerical Algorithms, problem 3.8",
        frozenset({"mul", "powi"}),
        whole=True,
    ),
    Rule(
        "fractions",
        ("add", "sub"),
        _fractions,
        "a/b - c/d = (a*d - b*c)/b/d, where terms of the numerator cancel",
        "R. W. Hamming, Numerical Methods for Scientists and Engineers, ch. 3",
        frozenset({"div"}),
    ),
]
