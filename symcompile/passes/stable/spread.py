"""Formulas multiplied out, with the stable forms in them taken back, and back from that."""

from __future__ import annotations

from collections.abc import Collection

from symcompile.ir.algebra import exact
from symcompile.ir.build import Builder, Value
from symcompile.ir.graph import Kind
from symcompile.ir.polynomial import Polynomial, polynomials
from symcompile.passes.stable.site import FORMS, Term, total, unrefined

#: Sums and products of more operations are not multiplied out.
_MOST_SPREAD = 64
_SIMPLE = ("add", "sub", "mul", "neg")
#: What may be made anew then.
_MADE = FORMS | {"select"}


def multiplied_out(b: Builder, *nodes: int) -> list[Polynomial] | None:
    """Return nodes as polynomials in what is neither a sum nor a product, or None.

    The squares of square roots are what stands under them.
    """
    graph = b.graph
    if any(_is_large(b, node) for node in nodes):
        return None
    nodes = tuple(spread(b, node) for node in nodes)
    atoms: set[int] = set()
    pending, seen = list(nodes), set[int]()
    while pending:
        index = pending.pop()
        if index in seen:
            continue
        seen.add(index)
        if len(seen) > _MOST_SPREAD:
            return None
        if exact(graph, index) is not None:
            continue
        inner = _inner(b, index)
        if inner:
            pending += inner
        else:
            atoms.add(index)
    return polynomials(graph, nodes, atoms)


def _inner(b: Builder, index: int) -> tuple[int, ...]:
    """Return what a node is a polynomial in; nothing of one that is none."""
    op, args, *_ = b.graph.nodes[index]
    if op in ("add", "sub", "neg", "mul"):
        return args
    if op == "powi":
        return args[:1] if 0 < (exact(b.graph, args[1]) or 0) <= 8 else ()
    return args if op == "div" and exact(b.graph, args[1]) else ()


def _is_large(b: Builder, root: int) -> bool:
    """Return whether a polynomial is certainly too long: one so deep has as many operations.

    The simplification of a longer one may leave one that is short enough.
    """
    levels: list[int] = b.memo.setdefault(("levels", 0), [])
    for index in range(len(levels), root + 1):
        op, args, *_ = b.graph.nodes[index]
        args = args[:1] if op in FORMS else _inner(b, index)
        levels.append(1 + max([levels[arg] for arg in args], default=0))
    return levels[root] > 2 * _MOST_SPREAD


def too_large(b: Builder, factors: Collection[int]) -> bool:
    """Return whether :func:`multiplied_out` takes no products that have these as factors.

    Times a number, a factor may be two nodes less, where the numbers cancel.
    """
    plain = _plain(b)
    if not all(plain[node] for node in factors):
        return False
    nodes = b.graph.nodes
    most = _MOST_SPREAD + 2 * len(factors)
    pending, seen = list(factors), set[int]()
    while pending:
        index = pending.pop()
        if index not in seen:
            seen.add(index)
            if len(seen) > most:
                return True
            op, args, _, _, _ = nodes[index]
            pending += args if op in _SIMPLE else _inner(b, index)
    return False


def _plain(b: Builder) -> bytearray:
    """Return which nodes stay as they are where stable forms in them are taken back."""
    nodes = b.graph.nodes
    found: bytearray = b.memo.setdefault(("plain", 0), bytearray())
    for index in range(len(found), len(nodes)):
        op, args, _, axes, kind = nodes[index]
        same = not axes and kind is not Kind.COMPLEX and op not in _MADE
        if same and args:
            for arg in args if op in _SIMPLE else _inner(b, index):
                if not found[arg]:
                    same = False
        found.append(same)
    return found


def spread(b: Builder, node: int, depth: int = 6) -> int:
    """Return a sum or product without the stable forms in it."""
    key = (f"spread {depth}", node)
    made: int | None = b.memo.get(key)
    if made is None:
        made = unrefined(b, node)
        found = b.graph[made]
        if depth and found.op in ("add", "sub", "neg", "mul", "powi"):
            made = b.call(found.op, *[spread(b, arg, depth - 1) for arg in found.args])
        b.memo[key] = made
    return made


def from_polynomial(b: Builder, polynomial: Polynomial) -> Value:
    """Return a polynomial as a sum of products."""
    terms: list[Term] = []
    for monomial, c in polynomial.items():
        node: int | None = None
        for base, power in monomial:
            factor = base if power == 1 else b.call("powi", base, b.constant(power))
            node = factor if node is None else b.call("mul", node, factor)
        terms.append(Term(c, node))
    return total(b, terms)
