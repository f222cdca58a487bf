"""Which nodes that depend on data alone are worth keeping, once they have been computed.

Every node that a pass needs of the data is either computed anew in each pass, from arguments that
it needs then, or computed once and read. That every choice has a price makes it a cut of a
network: the cheapest cut is found exactly, in place of a guess at each node. Of equally good
choices it is the one nearest to what depends on parameters, so that few large formulas are kept,
not the parts of which they are made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from symcompile.binding.expansion import LATE
from symcompile.binding.mincut import nearest_cut
from symcompile.ir.cost import LIBRARY, OTHERS, kind_of, nominal_sizes, points
from symcompile.ir.graph import BODY_OPS, LEAVES, REDUCTIONS, Axes, Function, Graph, Input, Kind
from symcompile.ir.ops import OPS
from symcompile.ir.volume import ZERO, Volume

#: What reading eight more bytes costs in additions, and calls of functions that have no vector
#: variant, or a loop in them.
READ, SPECIAL, LOOP = 10, 500, 2000
#: What is kept takes at most so many times the memory of the data.
MOST_MEMORY = 2
#: With more nodes a cut is not looked for.
_MOST_NODES = 3000
_LEAVES = LEAVES | {"index", "delta"}


@dataclass(frozen=True)
class Frontier:
    """What is kept of a function's data.

    Attributes:
        kept: the nodes, in topological order.
        saved: what a pass costs less, in additions, reading them set off against it.
        work: what it costs without.
    """

    kept: tuple[int, ...]
    saved: Volume
    work: Volume


def frontier(function: Function, data: Sequence[Axes]) -> Frontier | None:
    """Return what is worth keeping for a function, or None if nothing is.

    Args:
        function: as it was optimised.
        data: the axes of all data.
    """
    graph = function.graph
    order = graph.ancestors(function.roots())
    late = _late(graph, order)
    if not late:
        return None  # all of it would be computed once, and called once as a rule
    early = [index for index in order if index not in late and graph[index].op not in _LEAVES]
    weights = {index: weight(graph, index) for index in early}
    summed = any(graph[index].op in REDUCTIONS for index in early)
    if (sum(weights.values()) <= READ and not summed) or len(early) > _MOST_NODES:
        return None
    ends = {arg for index in order if index in late for arg in graph[index].args}
    ends.update(function.roots())
    ends &= weights.keys()
    sizes = nominal_sizes(graph, order)
    for name in (name for axes in data for axis in axes for name in axis.extent.sizes):
        sizes.setdefault(name, OTHERS)  # of data that this function does not use
    keepable = _keepable(graph, order, early)
    room = MOST_MEMORY * sum(points(axes, sizes) for axes in data)
    kept, computed = _cut(graph, ends, weights, keepable, sizes)
    few = _best(graph, kept, weights, sizes, room)
    if len(few) < len(kept):
        kept, computed = _cut(graph, ends, weights, few, sizes)
    if not kept:
        return None
    saved = _total(graph, {n: w for n, w in weights.items() if n not in computed})
    for index in kept:
        saved = saved + Volume.product(graph[index].axes) * -READ
    work = _total(graph, {index: weight(graph, index) for index in order})
    return Frontier(kept, saved, work)


def promising(function: Function) -> bool:
    """Return whether anything may be worth keeping of a function as lowered, or its derivatives.

    It takes one look at each node. Derivatives add functions of data where functions of data and
    parameters are: the logarithm of the base of a power. Sums of data that only they have cost
    little beside the rest, and are not looked for.
    """
    graph = function.graph
    order = graph.ancestors(function.roots())
    late, total = _late(graph, order), 0
    for index in order:
        node = graph[index]
        if index not in late:
            if node.op in REDUCTIONS:
                return True
            total += weight(graph, index) if node.axes and node.op not in _LEAVES else 0
        elif any(arg not in late and graph[arg].axes for arg in node.args):
            total += weight(graph, index) if weight(graph, index) >= LIBRARY else 0
    return total > READ


def weight(graph: Graph, index: int) -> int:
    """Return what one value of a node costs, in additions."""
    op = graph[index].op
    if op in BODY_OPS:
        return LOOP
    if op in OPS and OPS[op].special:
        return SPECIAL
    return kind_of(op).weighed({})


def _late(graph: Graph, order: Sequence[int]) -> set[int]:
    """Return the nodes that are known only at a call."""
    found: set[int] = set()
    for index in order:
        node = graph[index]
        own = isinstance(node.data, Input) and node.data.role in LATE
        if own or any(arg in found for arg in node.args):
            found.add(index)
    return found


def _keepable(graph: Graph, order: Sequence[int], early: Sequence[int]) -> set[int]:
    """Return the nodes that may be kept: real numbers, and not what arrays are indexed with.

    Numbers are kept that a loop over data gives; others cost a call next to nothing.
    """
    indices = {
        arg for at in order if graph[at].op in ("view", "scatter") for arg in graph[at].args[1:]
    }
    looped: set[int] = set()
    for index in early:
        node = graph[index]
        if node.op in REDUCTIONS or node.axes or any(arg in looped for arg in node.args):
            looped.add(index)
    return {n for n in looped if graph[n].kind is Kind.REAL} - indices


def _domain(graph: Graph, index: int) -> Axes:
    """Return the axes over which a node is work: those of what it sums, or its own."""
    node = graph[index]
    summed = node.op in REDUCTIONS or node.op == "scatter"
    return graph[node.args[0]].axes if summed else node.axes


def _cut(
    graph: Graph,
    ends: set[int],
    weights: Mapping[int, int],
    keepable: set[int],
    sizes: Mapping[str, int],
) -> tuple[tuple[int, ...], set[int]]:
    """Return what is kept, and what is computed in every pass."""
    # Node k is 2k + 2 where it is needed, 2k + 3 where it is computed. Both stay with the source
    # (0) if so; what the cut parts is paid for: reading between the two, computing before the
    # sink (1). Reading costs a little more than as much computing.
    edges: dict[tuple[int, int], int] = {}
    every = sum(2 * w * points(_domain(graph, n), sizes) for n, w in weights.items()) + 1
    for index, cost in weights.items():
        needed, computed = 2 * index + 2, 2 * index + 3
        reading = (2 * READ + 1) * points(graph[index].axes, sizes)
        edges[needed, computed] = reading if index in keepable else every
        edges[computed, needed] = every
        edges[computed, 1] = 2 * cost * points(_domain(graph, index), sizes)
        for arg in graph[index].args:
            if arg in weights:
                edges[computed, 2 * arg + 2] = every
    for index in ends:
        edges[0, 2 * index + 2] = every
    near = nearest_cut(edges, 0, 1)
    computed_nodes = {n for n in weights if 2 * n + 3 in near}
    kept = tuple(n for n in weights if 2 * n + 2 in near and n not in computed_nodes)
    return kept, computed_nodes


def _best(
    graph: Graph,
    kept: Sequence[int],
    weights: Mapping[int, int],
    sizes: Mapping[str, int],
    room: int,
) -> set[int]:
    """Return those of what would be kept that there is room for: what costs most for its size."""
    cost: dict[int, int] = {}
    for index in kept:
        pending, seen = [index], {index}
        while pending:
            args = set(graph[pending.pop()].args) & weights.keys()
            new = args - seen - set(kept)
            seen |= new
            pending += new
        cost[index] = sum(weights[n] * points(_domain(graph, n), sizes) for n in seen)
    found, used = set[int](), 0
    for index in sorted(kept, key=lambda n: (-cost[n] / points(graph[n].axes, sizes), n)):
        size = points(graph[index].axes, sizes) if graph[index].axes else 0
        if used + size <= room:
            found.add(index)
            used += size
    return found


def _total(graph: Graph, weights: Mapping[int, int]) -> Volume:
    total = ZERO
    for index, cost in weights.items():
        if cost:
            total = total + Volume.product(_domain(graph, index)) * cost
    return total
