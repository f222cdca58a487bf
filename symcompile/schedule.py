"""Which loop each node lives in, and in what order the loops run.

Hoisting is reading the axes: a node without the sample axis does not belong in the sample
loop. A function becomes phases that alternate between straight-line scalar code and one loop
over the samples: scalars that need no sum, a loop, scalars that need its sums, a loop that
needs those, and so on. A node that two loops need is computed in both: nothing
is kept per sample.

Sums are blocked: at most ``BLOCKS`` blocks of samples, combined in a fixed order, each summed
in tiles of ``TILE`` samples whose partial sums are added with compensation. The blocks are what
threads can share out without changing a bit of the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symcompile.ir.graph import Function, Graph

BLOCKS = 64
TILE = 512
#: Where there are no vector lanes to share a tile, it is shorter, for the same error.
SCALAR_TILE = 128

_LEAVES = frozenset({"const", "input", "extent", "true", "false"})


@dataclass(frozen=True)
class Store:
    """Entry ``entry`` of output ``output`` of the function is node ``node``."""

    output: int
    entry: int
    node: int


@dataclass(frozen=True)
class Phase:
    """Straight-line scalar code, or the body of one loop over the samples.

    Attributes:
        loop: whether this is a loop.
        nodes: what is computed, in order.
        sums: the reductions that accumulate in this loop.
        stores: entries of outputs that this phase writes.
    """

    loop: bool
    nodes: tuple[int, ...]
    sums: tuple[int, ...]
    stores: tuple[Store, ...]


@dataclass(frozen=True)
class Schedule:
    """A function and its phases in order."""

    function: Function
    phases: tuple[Phase, ...]

    @property
    def graph(self) -> Graph:
        """The graph of the function."""
        return self.function.graph

    @property
    def has_loop(self) -> bool:
        """Whether any phase runs over samples."""
        return any(phase.loop for phase in self.phases)

    def hoisted(self, number: int) -> frozenset[int]:
        """Return the nodes of a phase that later phases use: they keep a name."""
        own = set(self.phases[number].nodes)
        found: set[int] = set()
        for phase in self.phases[number + 1 :]:
            for node in phase.nodes:
                found.update(self.graph[node].args)
            found.update(self.graph[node].args[0] for node in phase.sums)
            found.update(store.node for store in phase.stores)
        return frozenset(found & own)


def schedule(function: Function) -> Schedule:
    """Return the phases of a function. Even stages are scalar code, odd ones are loops."""
    graph = function.graph
    order = graph.ancestors(function.roots())
    stage = _stages(graph, order)
    stores = _stores(function, graph, stage)
    last = max([stage[index] for index in order] + list(stores), default=0)
    phases = []
    for number in range(last + 1):
        found = tuple(stores.get(number, ()))
        if number % 2 == 0:
            nodes = [i for i in order if stage[i] == number and _is_scalar_work(graph, i)]
            phases.append(Phase(False, tuple(nodes), (), found))
        else:
            sums = tuple(
                i
                for i in order
                if graph[i].op == "reduce_sum" and stage[graph[i].args[0]] == number
            )
            roots = [graph[i].args[0] for i in sums] + [s.node for s in found]
            phases.append(Phase(True, tuple(_loop_nodes(graph, roots)), sums, found))
    kept = [p for p in phases if p.nodes or p.sums or p.stores]
    return Schedule(function, tuple(kept))


def _is_scalar_work(graph: Graph, index: int) -> bool:
    node = graph[index]
    return not node.axes and node.op not in _LEAVES and node.op != "reduce_sum"


def _stages(graph: Graph, order: Sequence[int]) -> dict[int, int]:
    stage: dict[int, int] = {}
    for index in order:
        node = graph[index]
        highest = max((stage[arg] for arg in node.args), default=0)
        if node.op == "reduce_sum":
            stage[index] = highest + 1
        elif node.axes:
            stage[index] = highest | 1
        else:
            stage[index] = highest
    return stage


def _stores(function: Function, graph: Graph, stage: dict[int, int]) -> dict[int, list[Store]]:
    found: dict[int, list[Store]] = {}
    for number, output in enumerate(function.outputs):
        for entry, node in enumerate(output.entries):
            place = stage[node]
            if output.per_sample:
                place |= 1
            found.setdefault(place, []).append(Store(number, entry, node))
    return found


def _loop_nodes(graph: Graph, roots: Sequence[int]) -> list[int]:
    """Return what a loop computes for ``roots``: their ancestors that vary with the sample."""
    return [
        i
        for i in graph.ancestors(roots)
        if graph[i].axes and graph[i].op not in _LEAVES and graph[i].op != "reduce_sum"
    ]
