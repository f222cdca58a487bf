"""What a schedule is: records, and the questions about nodes that decide it.

A node over axes is computed in a *nest*: loops over its axes, the *lead* axis innermost and cut
into tiles. Nests over one lead axis that can share their tiles are one *sweep*: what one leaves
for another is held in buffers as long as a tile.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from symcompile.ir.affine import Affine
from symcompile.ir.graph import (
    BODY_OPS,
    LEAVES,
    REDUCTIONS,
    STRUCTURAL,
    Axes,
    Axis,
    Function,
    Graph,
    View,
)
from symcompile.ir.ops import OPS
from symcompile.ir.views import support
from symcompile.ir.volume import ZERO, Volume

#: Where the value of a node is held: a register of one nest, a buffer as long as a tile, an array
#: of its own size, or an array that sums are added up in.
Storage = Literal["tile", "full", "total"]

#: What is computed again rather than held costs at most this many simple operations.
CHEAP = 8
_LIBRARY, _SLOW = 20, 5
# A loop of some length. Integrals are longer, but threads cannot share them: Python calls them.
_LOOP, _QUADRATURE = 400, 10
_SLOW_OPS = frozenset({"div", "sqrt"})


@dataclass(frozen=True)
class Store:
    """Entry ``entry`` of output ``output`` of the function is node ``node``."""

    output: int
    entry: int
    node: int


@dataclass(frozen=True)
class Scalars:
    """Straight-line code.

    Attributes:
        nodes: what is computed, in order.
        stores: entries of outputs that are written.
    """

    nodes: tuple[int, ...]
    stores: tuple[Store, ...]


@dataclass(frozen=True)
class Nest:
    """Loops over ``axes``, all in one.

    Attributes:
        axes: the axes; the one at ``lead`` runs over a tile, innermost.
        lead: which one that is.
        nodes: what is computed in the loops, in order.
        kept: those of them, or views, that are written to their buffers.
        sums: reductions of what is computed here, over the lead or another axis.
        scatters: scatters of what is computed here.
        stores: entries of outputs.
        vector: whether the innermost loop may be vectorised.
    """

    axes: Axes
    lead: int
    nodes: tuple[int, ...] = ()
    kept: tuple[int, ...] = ()
    sums: tuple[int, ...] = ()
    scatters: tuple[int, ...] = ()
    stores: tuple[Store, ...] = ()
    vector: bool = True


@dataclass(frozen=True)
class Contraction:
    """``node``, a sum of products of two arrays, as a product of matrices.

    Attributes:
        node: the reduction.
        axes: the axes of its body.
        lead: the position of the lead axis among them.
        summed: the position of the axis that is summed.
        left: the factor with the rows.
        right: the factor with the columns.
        rows: the positions of the axes that only ``left`` has: at most one.
        columns: the same of ``right``.
    """

    node: int
    axes: Axes
    lead: int
    summed: int
    left: int
    right: int
    rows: tuple[int, ...]
    columns: tuple[int, ...]


Step = Nest | Contraction


@dataclass(frozen=True)
class Sweep:
    """One loop over the tiles of an axis.

    Attributes:
        axis: the axis.
        steps: what is done for each tile, in order.
        totals: the reductions and scatters that are complete after it.
    """

    axis: Axis
    steps: tuple[Step, ...]
    totals: tuple[int, ...]


Phase = Scalars | Sweep


def contents(phase: Phase) -> tuple[list[int], list[int], list[Store]]:
    """Return what a phase computes, sums and stores, its nests taken together."""
    if isinstance(phase, Scalars):
        return list(phase.nodes), [], list(phase.stores)
    nests = [step for step in phase.steps if isinstance(step, Nest)]
    nodes = sorted({node for nest in nests for node in nest.nodes})
    sums = sorted({node for nest in nests for node in nest.sums})
    return nodes, sums, [store for nest in nests for store in nest.stores]


def used_later(
    graph: Graph, phases: Iterable[tuple[list[int], list[int], list[Store]]]
) -> frozenset[int]:
    """Return the nodes that the contents of some phases use."""
    found: set[int] = set()
    for nodes, sums, stores in phases:
        for node in (*nodes, *sums):
            found.update(graph[node].args)
        found.update(store.node for store in stores)
    return frozenset(found)


class Frames:
    """Which axis leads: of the axes of a node, the one along which it is cut into tiles.

    Samples lead: what data has and parameters have not. Then what has a size known at call time
    only, then what is longer. Of data the first axis is best, of parameters the last, which is
    contiguous.
    """

    def __init__(self, graph: Graph, order: Iterable[int]) -> None:
        self._data: set[str | int] = set()
        self._params: set[str | int] = set()
        for index in order:
            node = graph[index]
            if node.op == "input":
                role = node.data.role  # type: ignore[union-attr]
                kind = self._data if role == "data" else self._params
                for axis in node.axes:
                    kind.update(_atoms(axis.extent))

    def lead(self, axes: Axes) -> int:
        """Return the position of the lead axis.

        >>> from symcompile.ir.graph import SAMPLES
        >>> g = Graph()
        >>> d = Axis(Affine.of("d"))
        >>> nodes = [g.input("data", 0, (d, SAMPLES)), g.input("param", 0, (d,))]
        >>> Frames(g, nodes).lead((d, SAMPLES))
        1
        """
        best = max(self._rank(axis) for axis in axes)
        found = [k for k, axis in enumerate(axes) if self._rank(axis) == best]
        return found[0] if best[0] else found[-1]

    def _rank(self, axis: Axis) -> tuple[bool, bool, int, str]:
        atoms = _atoms(axis.extent)
        samples = bool(atoms & self._data) and not atoms & self._params
        number = axis.extent.number
        return samples, number is None, number or 0, "" if number else str(axis.extent)


@dataclass(frozen=True)
class Schedule:
    """A function and its phases in order.

    Attributes:
        function: the function.
        phases: the phases.
        storage: where nodes over axes are held.
        frames: which axis of a node leads.
        targets: scatters that are added into the array of a node that is their sum.
        direct: totals whose array is where an entry of an output lies.
    """

    function: Function
    phases: tuple[Phase, ...]
    storage: dict[int, Storage]
    frames: Frames
    targets: dict[int, int]
    direct: dict[int, Store]

    @property
    def graph(self) -> Graph:
        """The graph of the function."""
        return self.function.graph

    @property
    def loops(self) -> bool:
        """Whether any phase is a loop."""
        return any(isinstance(phase, Sweep) for phase in self.phases)


def _atoms(extent: Affine) -> set[str | int]:
    number = extent.number
    return set(extent.sizes) if number is None else {number}


def work(schedule: Schedule, sweep: Sweep) -> Volume:
    """Return what a sweep costs, in simple operations."""
    graph = schedule.graph
    total = ZERO
    for step in sweep.steps:
        if isinstance(step, Contraction):
            each = 1
        else:
            ends = len(step.kept) + len(step.sums) + len(step.scatters) + len(step.stores)
            each = ends + sum(cost(graph[node].op) for node in step.nodes)
        total = total + Volume.product(step.axes) * each
    return total


def spent(schedule: Schedule) -> Volume:
    """Return what all sweeps of a function cost, in simple operations."""
    total = ZERO
    for phase in schedule.phases:
        if isinstance(phase, Sweep):
            total = total + work(schedule, phase)
    return total


def left_behind(schedule: Schedule, sweep: Sweep) -> list[int]:
    """Return the nodes that a sweep leaves in arrays of their own size, each once."""
    found: list[int] = []
    for step in sweep.steps:
        made = [*step.kept, *step.sums, *step.scatters] if isinstance(step, Nest) else [step.node]
        for node in (schedule.targets.get(n, n) for n in made):
            if schedule.graph[node].axes and schedule.storage.get(node) in ("full", "total"):
                found.append(node)
    return list(dict.fromkeys(found))


def cost(op: str) -> int:
    """Return what an operation of the table costs, an addition being 1."""
    if op in BODY_OPS:
        return _QUADRATURE if op == "integral" else _LOOP
    if op in _SLOW_OPS:
        return _SLOW
    if op in STRUCTURAL or op in LEAVES:
        return 0
    return _LIBRARY if op == "powi" or OPS[op].libm or OPS[op].special else 1


def is_work(graph: Graph, index: int) -> bool:
    """Return whether a node over axes is computed elementwise."""
    node = graph[index]
    return bool(node.axes) and node.op not in STRUCTURAL and node.op not in LEAVES


def is_virtual(graph: Graph, index: int) -> bool:
    """Return whether a node is never held: it is printed where it is used."""
    return graph[index].op in ("view", "index", "delta") or graph[index].op in LEAVES


def seen(graph: Graph, index: int) -> tuple[int, View | None]:
    """Return the node behind a view, and the view."""
    node = graph[index]
    if node.op != "view":
        return index, None
    assert isinstance(node.data, View)
    return node.args[0], node.data


__all__ = [
    "CHEAP",
    "REDUCTIONS",
    "Contraction",
    "Frames",
    "Nest",
    "Phase",
    "Scalars",
    "Schedule",
    "Step",
    "Storage",
    "Store",
    "Sweep",
    "contents",
    "cost",
    "is_virtual",
    "is_work",
    "left_behind",
    "seen",
    "support",
    "used_later",
    "work",
]
