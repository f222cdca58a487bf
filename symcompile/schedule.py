"""Which loop each node lives in, what is fused, what is held, and in what order the loops run.

Hoisting is reading the axes: a node lives in loops over its own axes and no others. A function
becomes phases that alternate between scalar code and sweeps: each *sweep* runs once over the
tiles of an axis and does all that needs no sum over it, or only those of earlier sweeps. Within
a tile, nodes over the same axes share a nest of loops; what one nest leaves for another is held
in a buffer as long as the tile, unless it is cheap to compute again. So softmax, log-sum-exp
and the gradient that needs them take one pass over the data, a normalisation over the samples
two.

Sums over the lead axis are blocked: at most ``BLOCKS`` blocks of samples, combined in a fixed
order, each summed in tiles whose partial sums are added with compensation. The blocks are what
threads can share out without changing a bit of the result.
"""

from __future__ import annotations

from collections.abc import Iterator

from symcompile.ir.affine import Affine
from symcompile.ir.graph import (
    LEAVES,
    REDUCTIONS,
    STRUCTURAL,
    Axes,
    Axis,
    Function,
    Gather,
    View,
    whole,
)
from symcompile.ir.views import support
from symcompile.planning import (
    Contraction,
    Frames,
    Phase,
    Scalars,
    Schedule,
    Storage,
    Store,
    Sweep,
    is_work,
    seen,
)
from symcompile.sweeps import Root, SweepPlanner, held_root

BLOCKS = 64
TILE = 512


def schedule(function: Function) -> Schedule:
    """Return the phases of a function. Even stages are scalar code, odd ones are sweeps."""
    return Planner(function).run()


class Planner:
    """The stage of each node, and what later stages need held; see :func:`schedule`."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.graph = function.graph
        self.pieces = list(pieces(function))
        self.order = self.graph.ancestors(function.roots())
        self.frames = Frames(self.graph, self.order)
        self.uses = self._uses()
        self.contractions = {
            index: found
            for index in self.order
            if self.graph.nodes[index].op == "reduce_sum"
            and (found := self._contraction(index)) is not None
        }
        self.stage: dict[int, int] = {}
        #: Whether a reduction or scatter is over the lead axis: complete after its sweep only.
        self.total: set[int] = set()
        self.storage: dict[int, Storage] = {}
        #: Scatters whose sum is all that is wanted: they add into its array.
        self.targets: dict[int, int] = {}
        self._place_all()
        self.direct = self._direct()

    def lead(self, axes: Axes) -> int:
        return self.frames.lead(axes)

    def _uses(self) -> dict[int, int]:
        uses = dict.fromkeys(self.order, 0)
        nodes = self.graph.nodes
        for index in self.order:
            for arg in nodes[index].args:
                uses[arg] += 1
        for _, node, _ in self.pieces:
            uses[node] += 1
        return uses

    # -- stages ----------------------------------------------------------------------------

    def _place_all(self) -> None:
        """Find the stage of each node."""
        nodes, stage, total = self.graph.nodes, self.stage, self.total
        for index in self.order:
            op, args, _, axes, _ = nodes[index]
            if axes or op in STRUCTURAL:
                self._place(index)
                continue
            at = 0
            for arg in args:
                ready = stage[arg] + (arg in total)
                if ready > at:
                    at = ready
            stage[index] = at

    def _place(self, index: int) -> None:
        """Find the stage of a node: of a sweep that computes it, or at which it is ready."""
        graph, node = self.graph, self.graph[index]
        if node.op in REDUCTIONS or node.op == "scatter":
            axes = graph[node.args[0]].axes
            lead = self.lead(axes)
            at = self._ready(axes, lead, node.args[0])
            at = max(at, self._gathered(axes, lead, index))
            contraction = self.contractions.get(index)
            if contraction is not None:
                at = max(self._ready(axes, lead, contraction.left), at)
                at = max(self._ready(axes, lead, contraction.right), at)
            self.stage[index] = at
            if self._is_total(index, lead):
                self.total.add(index)
                self.storage[index] = "total"
        elif self._joins(index):
            self.stage[index] = self.stage[node.args[0]]
            self.total.add(index)
            self.storage[index] = "total"
            for arg in node.args:
                self.targets[arg] = index
                self.storage.pop(arg, None)
        elif is_work(graph, index):
            lead = self.lead(node.axes)
            self.stage[index] = max(self._ready(node.axes, lead, arg) for arg in node.args)
        elif node.op == "view" and node.axes:
            self.stage[index] = self._ready(node.axes, self.lead(node.axes), index)
        elif node.axes:
            self.stage[index] = 1
        elif node.op == "view":  # an entry of an array
            self.stage[index] = self._entry_stage(index)
        else:
            self.stage[index] = max((self._scalar_stage(arg) for arg in node.args), default=0)

    def _entry_stage(self, index: int) -> int:
        """Return the even stage at which an entry of an array can be read."""
        source, *gathers = self.graph[index].args
        at = max((self._scalar_stage(arg) for arg in gathers), default=0)
        node = self.graph[source]
        if node.op in LEAVES or node.op in ("index", "delta"):
            return at
        self._keep_whole(source)
        return max(at, self.stage[source] + 1)

    def _keep_whole(self, index: int) -> None:
        """Hold a node in an array of its own size, which later phases can read anywhere."""
        if index not in self.total:
            self.storage[index] = "full"

    def _joins(self, index: int) -> bool:
        """Return whether a node is the sum of two scatters of one sweep that nothing else uses."""
        graph, node = self.graph, self.graph[index]
        if node.op != "add" or not node.axes or node.args[0] == node.args[1]:
            return False
        leads = set()
        for arg in node.args:
            if arg not in self.total or self.uses[arg] != 1:
                return False
            leaf = arg
            while graph[leaf].op == "add":
                leaf = graph[leaf].args[0]
            if graph[leaf].op != "scatter":
                return False
            axes = graph[graph[leaf].args[0]].axes
            leads.add(axes[self.lead(axes)])
        return len(leads) == 1 and len({self.stage[arg] for arg in node.args}) == 1

    def _direct(self) -> dict[int, Store]:
        """Return the totals that can be added up where they are returned."""
        found: dict[int, Store] = {}
        for store, node, axes in self.pieces:
            output = self.function.outputs[store.output]
            if node not in self.total or node in found or self.graph[node].axes != axes:
                continue
            # Row-major there: alone along its dimension, or along the last one.
            if axes and len(output.layout) == 1:
                found[node] = store
        return found

    def target(self, index: int) -> int:
        """Return the node into whose array a scatter is added."""
        while index in self.targets:
            index = self.targets[index]
        return index

    def _is_total(self, index: int, lead: int) -> bool:
        node = self.graph[index]
        if node.op != "scatter":
            return node.data == lead
        view = node.data
        assert isinstance(view, View)
        body = self.graph[node.args[0]].axes
        # Aligned: the lead axis of the body is that of the result.
        at = self.lead(node.axes)
        found = view.index[at]
        others = [i for k, i in enumerate(view.index) if k != at and isinstance(i, Affine)]
        return not (
            isinstance(found, Affine)
            and found.axis == lead
            and body[lead] == node.axes[at]
            and not any(lead in i.axes for i in others)
            and not view.clamped
        )

    def _scalar_stage(self, index: int) -> int:
        """Return the even stage at which a scalar is ready."""
        if index in self.total:
            return self.stage[index] + 1
        return self.stage[index]

    def _ready(self, axes: Axes, lead: int, arg: int) -> int:
        """Return the odd stage in which a nest over ``axes`` can use ``arg``."""
        graph = self.graph
        if not graph[arg].axes:
            return self._scalar_stage(arg) | 1
        source, view = seen(graph, arg)
        node = graph[source]
        at = 1 if view is None else self._gathered(axes, lead, arg)
        if not node.axes:
            return max(at, self._scalar_stage(source) | 1)
        if node.op in LEAVES or node.op in ("index", "delta"):
            return at
        if source in self.total:
            return max(at, self.stage[source] + 2)
        if self.aligned(source, view, axes, lead):
            return max(at, self.stage[source])
        return max(at, self.stage[source] + 2)

    def _gathered(self, axes: Axes, lead: int, user: int) -> int:
        """Return the stage in which the indices can be used that a view or scatter gathers."""
        node = self.graph[user]
        at = 1
        for index in node.data.index if isinstance(node.data, View) else ():
            if isinstance(index, Gather):
                places = whole(index.axes)
                at = max(at, self._ready_seen(axes, lead, node.args[index.arg], places))
        return at

    def _ready_seen(self, axes: Axes, lead: int, source: int, view: View) -> int:
        node = self.graph[source]
        if not node.axes:
            return self._scalar_stage(source) | 1
        if self.printed(source):
            return 1
        if source not in self.total and self.aligned(source, view, axes, lead):
            return self.stage[source]
        return self.stage[source] + 2

    def printed(self, index: int) -> bool:
        """Return whether an index that is gathered can be printed where it is used."""
        node = self.graph[index]
        if node.op == "view":
            return all(self._given(arg) for arg in node.args)
        return self._given(index)

    def _given(self, index: int) -> bool:
        return self.graph[index].op in LEAVES or self.graph[index].op in ("index", "delta")

    def aligned(self, source: int, view: View | None, axes: Axes, lead: int) -> bool:
        """Return whether what is used at a point of the lead axis was computed at that point."""
        if view is None:
            return True
        own = self.graph[source].axes
        at = self.lead(own)
        index = view.index[at]
        return (
            not view.clamped
            and isinstance(index, Affine)
            and index.axis == lead
            and own[at] == axes[lead]
        )

    # -- matrix products -------------------------------------------------------------------

    def _contraction(self, index: int) -> Contraction | None:
        graph, node = self.graph, self.graph[index]
        if node.op != "reduce_sum":
            return None
        body = graph[node.args[0]]
        if body.op != "mul" or self.uses[node.args[0]] != 1:
            return None
        assert isinstance(node.data, int)
        lead, summed = self.lead(body.axes), node.data
        left, right = body.args
        if not (graph[left].axes and graph[right].axes):
            return None
        sides = [support(graph, left), support(graph, right)]
        if summed not in sides[0] or summed not in sides[1] or len(sides[0] & sides[1]) != 1:
            return None
        if lead in sides[1] and lead != summed:
            left, right, sides = right, left, sides[::-1]
        rows = tuple(sorted(sides[0] - {summed}))
        columns = tuple(sorted(sides[1] - {summed}))
        if len(rows) > 1 or len(columns) > 1 or not all(self._matrix(o) for o in (left, right)):
            return None
        matrix = left if rows else right
        if not (rows and columns):
            source, _ = seen(graph, matrix)
            # A vector meets a matrix: worth it only where the layout of memory decides.
            if graph[source].op != "input" or not (rows or columns):
                return None
        return Contraction(index, body.axes, lead, summed, left, right, rows, columns)

    def _matrix(self, operand: int) -> bool:
        """Return whether an operand can lie in memory as an array with constant strides."""
        source, view = seen(self.graph, operand)
        if self.graph[source].op in ("index", "delta"):
            return False
        if view is None:
            return True
        return not view.clamped and all(isinstance(i, Affine) for i in view.index)

    # -- roots -----------------------------------------------------------------------------

    def run(self) -> Schedule:
        scalars: dict[int, list[Store]] = {}
        stores: dict[int, list[Root]] = {}
        for store, node, axes in self.pieces:
            if not axes:
                scalars.setdefault(self._scalar_stage(node), []).append(store)
                continue
            if self.direct.get(node) == store:
                continue
            lead = self.lead(axes)
            at = self._ready(axes, lead, node)
            root = Root(("store", store), axes, lead, (node,), "store", node, store)
            stores.setdefault(at, []).append(root)
        last = max([*self.stage.values(), *scalars, *stores, 0]) + 2
        sweeps: dict[int, list[Sweep]] = {}
        for number in range(last | 1, 0, -2):
            sweeps[number] = self._sweeps(number, stores.get(number, []))
        phases: list[Phase] = []
        every = self.graph.nodes
        plain = [
            i
            for i in self.order
            if not every[i].axes and every[i].op not in LEAVES and i not in self.total
        ]
        for number in range(last + 1):
            if number % 2:
                phases += sweeps[number]
                continue
            nodes = [i for i in plain if self.stage[i] == number]
            found = tuple(scalars.get(number, ()))
            if nodes or found:
                phases.append(Scalars(tuple(nodes), found))
        targets = {index: self.target(index) for index in self.targets}
        return Schedule(
            self.function, tuple(phases), self.storage, self.frames, targets, self.direct
        )

    def _sweeps(self, number: int, stores: list[Root]) -> list[Sweep]:
        """Return the sweeps of a stage; what they need of earlier ones is noted in `storage`."""
        roots = list(stores)
        nodes, storage = self.graph.nodes, self.storage
        for index in self.order:
            op = nodes[index].op
            if op in REDUCTIONS or op == "scatter":
                if self.stage[index] == number:
                    roots.append(self._reduction_root(index))
            elif storage.get(index) == "full" and self.stage[index] == number:
                roots.append(held_root(self, index))
        axes: list[Axis] = []
        for root in roots:
            axis = root.axes[root.lead]
            if axis not in axes:
                axes.append(axis)
        found = []
        for axis in axes:
            own = [r for r in roots if r.axes[r.lead] == axis]
            found.append(SweepPlanner(self, number, axis, own).run())
        return found

    def _reduction_root(self, index: int) -> Root:
        node = self.graph[index]
        axes = self.graph[node.args[0]].axes
        kind = "scatter" if node.op == "scatter" else "sum"
        bodies: tuple[int, ...] = (node.args[0],)
        if index in self.contractions:
            kind = "contraction"
            bodies = (self.contractions[index].left, self.contractions[index].right)
        return Root((kind, index), axes, self.lead(axes), bodies, kind, index)


def pieces(function: Function) -> Iterator[tuple[Store, int, Axes]]:
    """Yield the entries of all outputs: which it is, its node, and the axes that it fills."""
    for number, output in enumerate(function.outputs):
        filled: tuple[Axes, ...] = ((),)
        for dim in output.layout:
            filled = tuple(axes + segment for axes in filled for segment in dim)
        for entry, (node, axes) in enumerate(zip(output.entries, filled, strict=True)):
            yield Store(number, entry, node), node, axes
