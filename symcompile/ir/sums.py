"""Sums pulled apart: what does not vary leaves them, and Kronecker deltas are contracted.

Each rule holds for real numbers; a term that is summed in another order rounds differently, and
so does a product whose factor is multiplied after the sum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symcompile.ir.affine import Affine
from symcompile.ir.algebra import exact
from symcompile.ir.graph import Graph, View
from symcompile.ir.views import support

if TYPE_CHECKING:
    from symcompile.ir.build import Builder

# Products of more factors are not searched.
_MOST_FACTORS = 32
_PRODUCTS = ("mul", "div", "neg")


def simplified_sum(b: Builder, body: int, position: int) -> int | None:
    """Return a sum over one axis of ``body`` in fewer operations, or None."""
    graph = b.graph
    node = graph[body]
    if position not in support(graph, body):
        return b._constant_along("reduce_sum", body, position, node.axes[position])
    if node.op == "view":
        return _of_view(b, body, position)
    if node.op == "neg":
        return b.call("neg", b.reduce_sum(node.args[0], position))
    if node.op in ("add", "sub") and _falls_apart(b, node.args, position):
        parts = [b.reduce("reduce_sum", arg, position, node.axes[position]) for arg in node.args]
        return b.call(node.op, *parts)
    if node.op in ("mul", "div", "select", "delta"):
        return _of_product(b, body, position)
    return None


def _of_view(b: Builder, body: int, position: int) -> int | None:
    """Sum over a transpose as a transpose of a sum."""
    node = b.graph[body]
    view = node.data
    assert isinstance(view, View)
    plain = view.plain
    source = node.args[0]
    if plain is None or position not in plain or b.graph[source].op == "input":
        return None
    at = plain.index(position)
    if b.graph[source].axes[at] != node.axes[position]:
        return None
    total = b.reduce_sum(source, at)
    kept = [p - (p > position) for p in plain if p != position]
    axes = node.axes[:position] + node.axes[position + 1 :]
    return b.broadcast(total, kept, axes)


def _falls_apart(b: Builder, args: tuple[int, ...], position: int) -> bool:
    """Return whether a sum of two terms is better summed term by term."""
    graph = b.graph
    for arg in args:
        if position not in support(graph, arg):
            return True
        for factor in factors(graph, arg)[0]:
            if _delta_in(graph, factor, position) is not None:
                return True
    return False


def factors(graph: Graph, product: int) -> tuple[list[int], list[int], bool]:
    """Return factors and divisors of a product, and whether its sign is changed.

    >>> from symcompile.ir.graph import Graph
    >>> g = Graph()
    >>> x, y = g.input("param", 0), g.input("param", 1)
    >>> factors(g, g.add("neg", (g.add("mul", (x, g.add("div", (y, x)))),)))
    ([0, 1], [0], True)
    """
    nodes = graph.nodes
    top: list[int] = []
    bottom: list[int] = []
    negative = False
    pending = [product]  # what divides is inverted: -1 for 0, -2 for 1 ...
    while pending:
        key = pending.pop()
        index = key if key >= 0 else ~key
        op, args, _, _, _ = nodes[index]
        if op not in _PRODUCTS or len(top) + len(bottom) + len(pending) > _MOST_FACTORS:
            (top if key >= 0 else bottom).append(index)
        elif op == "neg":
            negative = not negative
            pending.append(args[0] if key >= 0 else ~args[0])
        elif op == "mul":
            first, second = args
            pending += (second, first) if key >= 0 else (~second, ~first)
        else:
            first, second = args
            pending += (~second, first) if key >= 0 else (second, ~first)
    return top, bottom, negative


def product(b: Builder, top: list[int], bottom: list[int], negative: bool = False) -> int:
    """Return a product; small factors meet before large ones."""
    graph = b.graph

    def combined(nodes: list[int]) -> int | None:
        result: int | None = None
        if any(graph.nodes[node].axes for node in nodes):
            nodes = sorted(nodes, key=lambda n: -len(support(graph, n)))
        for node in nodes:
            result = node if result is None else b.call("mul", result, node)
        return result

    above, below = combined(top), combined(bottom)
    if above is None:
        above = b.constant(1)
    if below is not None:
        above = b.call("div", above, below)
    return b.call("neg", above) if negative else above


def _of_product(b: Builder, body: int, position: int) -> int | None:
    graph = b.graph
    axes = graph[body].axes
    top, bottom, negative = factors(graph, body)
    size = sum(exact(graph, factor) != 1 for factor in top) + len(bottom)
    top = [part for factor in top for part in _split_choice(b, factor, position)]
    top = [factor for factor in top if exact(graph, factor) != 1]
    for k, factor in enumerate(top):
        solution = _delta_in(graph, factor, position)
        if solution is not None:
            rest = product(b, top[:k] + top[k + 1 :], bottom, negative)
            return _contracted(b, rest, position, solution, body)
    inside = [f for f in top if position in support(graph, f)]
    below = [f for f in bottom if position in support(graph, f)]
    if len(inside) == len(top) and len(below) == len(bottom) and not negative:
        return None
    kept = [k for k in range(len(axes)) if k != position]
    rest_axes = tuple(axes[k] for k in kept)
    outer_top = [b.restricted(f, kept, rest_axes) for f in top if f not in inside]
    outer_bottom = [b.restricted(f, kept, rest_axes) for f in bottom if f not in below]
    every = len(inside) + len(below) + len(outer_top) + len(outer_bottom)
    inner: int | None = None
    if below and inside and every == size <= _MOST_FACTORS:
        inner = _without(b, body, position)
        if not _varies(graph, inner, position):  # rewritten as it was made
            inner = None
    if inner is None:
        inner = product(b, inside, below)
    total = b.reduce("reduce_sum", inner, position, axes[position])
    return product(b, [total, *outer_top], outer_bottom, negative)


def _varies(graph: Graph, body: int, position: int) -> bool:
    """Return whether all factors of a product vary along an axis, and it has no sign."""
    top, bottom, negative = factors(graph, body)
    top = [factor for factor in top if exact(graph, factor) != 1]
    varying = all(position in support(graph, factor) for factor in (*top, *bottom))
    return varying and not negative and bool(graph[body].axes)


def _without(b: Builder, body: int, position: int) -> int:
    """Return a product without the factors that do not vary, otherwise as it stands.

    A quotient that several products share stays one division: ``g*x/d`` and ``g*y/d`` are two,
    of which ``(g/d)*x`` and ``(g/d)*y`` need one. And what divides is not multiplied out, so it
    does not overflow.
    """
    graph = b.graph
    stripped: dict[int, int | None] = {}
    pending = [body]
    while pending:
        index = pending[-1]
        node = graph[index]
        if index in stripped:
            pending.pop()
        elif position not in support(graph, index):
            stripped[index] = None
        elif node.op not in ("neg", "mul", "div"):
            stripped[index] = index
        elif missing := [arg for arg in node.args if arg not in stripped]:
            pending += missing
        elif node.op == "neg":  # signs are taken out
            stripped[index] = stripped[node.args[0]]
        else:
            first, second = (stripped[arg] for arg in node.args)
            if (first, second) == node.args:
                stripped[index] = index
            elif second is None:
                stripped[index] = first
            elif first is None and node.op == "mul":
                stripped[index] = second
            else:
                top = b.constant(1) if first is None else first
                stripped[index] = b.call(node.op, top, second)
    found = stripped[body]
    assert found is not None
    return found


def _split_choice(b: Builder, factor: int, position: int) -> list[int]:
    """Return a delta and the rest of ``select(c, delta*rest, 0)``."""
    node = b.graph[factor]
    if node.op != "select":
        return [factor]
    for place, other in ((1, 2), (2, 1)):
        if exact(b.graph, node.args[other]) != 0:
            continue
        top, bottom, negative = factors(b.graph, node.args[place])
        for k, part in enumerate(top):
            if _delta_in(b.graph, part, position) is not None:
                args = list(node.args)
                args[place] = product(b, top[:k] + top[k + 1 :], bottom, negative)
                return [part, b.call("select", *args)]
    return [factor]


def _delta_in(graph: Graph, node: int, position: int) -> Affine | None:
    """Return the index along ``position`` at which a delta is 1, in the other axes."""
    found = graph[node]
    back: dict[int, Affine] = {}
    if found.op == "view":
        view = found.data
        assert isinstance(view, View)
        found = graph[found.args[0]]
        back = {k: i for k, i in enumerate(view.index) if isinstance(i, Affine)}
        if view.clamped:
            return None
    if found.op != "delta":
        return None
    assert isinstance(found.data, Affine)
    if found is not graph[node] and not back.keys() >= set(found.data.axes):
        return None  # it varies with an index that is gathered
    value = found.data.substitute(back) if back else found.data  # type: ignore[arg-type]
    factor = value.coefficient(position)
    if abs(factor) != 1:
        return None
    rest = value - Affine(0, ((position, factor),))
    return rest * -factor


def _contracted(b: Builder, rest: int, position: int, solution: Affine, body: int) -> int:
    """Return ``rest`` with the index along ``position`` replaced, which the sum leaves."""
    axes = b.graph[body].axes
    fewer = axes[:position] + axes[position + 1 :]
    place = {k: Affine(0, ((k - (k > position), 1),)) for k in range(len(axes)) if k != position}
    moved = solution.substitute(place)  # type: ignore[arg-type]
    low, high = moved.bounds([axis.extent for axis in fewer])
    last = axes[position].extent - 1
    safe = low.nonnegative() and (last - high).nonnegative()
    top, bottom, negative = factors(b.graph, rest)
    index = tuple(moved if k == position else place[k] for k in range(len(axes)))
    view = View(index, not safe)
    parts = [[b.view(node, view, fewer) for node in nodes] for nodes in (top, bottom)]
    result = product(b, parts[0], parts[1], negative)
    if safe:
        return result
    where = b.index(moved, fewer)
    zero = b.constant(0)
    inside = b.call("le", zero, where)
    inside = b.call("and", inside, b.call("le", where, b.size(last)))
    return b.call("select", inside, result, zero)
