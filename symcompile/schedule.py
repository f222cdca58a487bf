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

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from symcompile.ir.affine import Affine
from symcompile.ir.graph import LEAVES, REDUCTIONS, Axes, Axis, Function, Gather, View, whole
from symcompile.planning import (
    CHEAP,
    Contraction,
    Frames,
    Nest,
    Phase,
    Scalars,
    Schedule,
    Step,
    Storage,
    Store,
    Sweep,
    cost,
    is_work,
    seen,
)
from symcompile.ir.views import support

BLOCKS = 64
TILE = 512
#: Where there are no vector lanes to share a tile, it is shorter, for the same error.
SCALAR_TILE = 128


@dataclass
class _Root:
    """Something that a nest exists for: a node to hold, a reduction, a scatter, a store."""

    key: tuple[object, ...]
    axes: Axes
    lead: int
    #: The nodes over ``axes`` whose values it needs: views of what is held, or work done here.
    bodies: tuple[int, ...]
    kind: str
    node: int
    store: Store | None = None
    level: int = -1
    closure: list[int] = field(default_factory=list)


def schedule(function: Function) -> Schedule:
    """Return the phases of a function. Even stages are scalar code, odd ones are sweeps."""
    return _Planner(function).run()


class _Planner:
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
            if (found := self._contraction(index)) is not None
        }
        self.stage: dict[int, int] = {}
        #: Whether a reduction or scatter is over the lead axis: complete after its sweep only.
        self.total: set[int] = set()
        self.storage: dict[int, Storage] = {}
        #: Scatters whose sum is all that is wanted: they add into its array.
        self.targets: dict[int, int] = {}
        for index in self.order:
            self._place(index)
        self.direct = self._direct()

    def lead(self, axes: Axes) -> int:
        return self.frames.lead(axes)

    def _uses(self) -> dict[int, int]:
        uses = dict.fromkeys(self.order, 0)
        for index in self.order:
            for arg in self.graph[index].args:
                uses[arg] += 1
        for _, node, _ in self.pieces:
            uses[node] += 1
        return uses

    # -- stages ----------------------------------------------------------------------------

    def _place(self, index: int) -> None:
        """Find the stage of a node: of a sweep that computes it, or at which it is ready."""
        graph, node = self.graph, self.graph[index]
        if node.op in REDUCTIONS or node.op == "scatter":
            axes = graph[node.args[0]].axes
            lead = self.lead(axes)
            at = self._ready(axes, lead, node.args[0])
            at = max([at, *[self._gathered(axes, lead, index, g) for g in node.args[1:]]])
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
        at = 1
        if view is not None:
            for gathered in graph[arg].args[1:]:
                at = max(at, self._gathered(axes, lead, arg, gathered))
        if not node.axes:
            return max(at, self._scalar_stage(source) | 1)
        if node.op in LEAVES or node.op in ("index", "delta"):
            return at
        if source in self.total:
            return max(at, self.stage[source] + 2)
        if self.aligned(source, view, axes, lead):
            return max(at, self.stage[source])
        return max(at, self.stage[source] + 2)

    def _gathered(self, axes: Axes, lead: int, user: int, arg: int) -> int:
        """Return the stage in which an index read from ``arg`` can be used."""
        view = self.graph[user].data
        assert isinstance(view, View)
        place = self.graph[user].args.index(arg)
        positions = next(
            i.axes for i in view.index if isinstance(i, Gather) and i.arg == place
        )
        return self._ready_seen(axes, lead, arg, whole(positions))

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
        stores: dict[int, list[_Root]] = {}
        for store, node, axes in self.pieces:
            if not axes:
                scalars.setdefault(self._scalar_stage(node), []).append(store)
                continue
            if self.direct.get(node) == store:
                continue
            lead = self.lead(axes)
            at = self._ready(axes, lead, node)
            root = _Root(("store", store), axes, lead, (node,), "store", node, store)
            stores.setdefault(at, []).append(root)
        last = max([*self.stage.values(), *scalars, *stores, 0]) + 2
        sweeps: dict[int, list[Sweep]] = {}
        for number in range(last | 1, 0, -2):
            sweeps[number] = self._sweeps(number, stores.get(number, []))
        phases: list[Phase] = []
        for number in range(last + 1):
            if number % 2:
                phases += sweeps[number]
                continue
            nodes = [
                i
                for i in self.order
                if not self.graph[i].axes
                and self.graph[i].op not in LEAVES
                and i not in self.total
                and self.stage[i] == number
            ]
            found = tuple(scalars.get(number, ()))
            if nodes or found:
                phases.append(Scalars(tuple(nodes), found))
        targets = {index: self.target(index) for index in self.targets}
        return Schedule(
            self.function, tuple(phases), self.storage, self.frames, targets, self.direct
        )

    def _sweeps(self, number: int, stores: list[_Root]) -> list[Sweep]:
        """Return the sweeps of a stage; what they need of earlier ones is noted in `storage`."""
        roots = list(stores)
        for index in self.order:
            node = self.graph[index]
            if (node.op in REDUCTIONS or node.op == "scatter") and self.stage[index] == number:
                roots.append(self._reduction_root(index))
            elif self.storage.get(index) == "full" and self.stage[index] == number:
                roots.append(self._held(index))
        axes: list[Axis] = []
        for root in roots:
            axis = root.axes[root.lead]
            if axis not in axes:
                axes.append(axis)
        found = []
        for axis in axes:
            own = [r for r in roots if r.axes[r.lead] == axis]
            found.append(_SweepPlanner(self, number, axis, own).run())
        return found

    def _reduction_root(self, index: int) -> _Root:
        node = self.graph[index]
        axes = self.graph[node.args[0]].axes
        kind = "scatter" if node.op == "scatter" else "sum"
        bodies: tuple[int, ...] = (node.args[0],)
        if index in self.contractions:
            kind = "contraction"
            bodies = (self.contractions[index].left, self.contractions[index].right)
        return _Root((kind, index), axes, self.lead(axes), bodies, kind, index)

    def _held(self, index: int) -> _Root:
        axes = self.graph[index].axes
        return _Root(("held", index), axes, self.lead(axes), (index,), "held", index)


class _SweepPlanner:
    """The nests of one sweep."""

    def __init__(self, plan: _Planner, stage: int, axis: Axis, roots: list[_Root]) -> None:
        self.plan, self.graph = plan, plan.graph
        self.stage, self.axis = stage, axis
        self.roots: dict[tuple[object, ...], _Root] = {root.key: root for root in roots}
        #: Nodes that nests leave for others, and the root that makes them.
        self.held: dict[int, _Root] = {
            root.node: root for root in roots if root.kind != "store"
        }
        self.order = {index: k for k, index in enumerate(plan.order)}

    def run(self) -> Sweep:
        self._explore(list(self.roots.values()))
        self._share()
        for root in list(self.roots.values()):
            self._level(root)
        self._delay()
        steps = self._steps()
        totals = [r.node for r in self.roots.values() if r.node in self.plan.total]
        totals = [t for t in totals if ("sum", t) in self.roots or ("scatter", t) in self.roots
                  or ("contraction", t) in self.roots]
        totals = [self.plan.target(node) for node in totals]
        return Sweep(self.axis, tuple(steps), tuple(dict.fromkeys(totals)))

    def _hold(self, index: int) -> None:
        """Make a node of this sweep one that is held in a buffer."""
        if index in self.held:
            return
        root = self.plan._held(index)
        self.roots[root.key] = self.held[index] = root
        self.plan.storage.setdefault(index, "tile")
        self._explore([root])

    def _explore(self, roots: Iterable[_Root]) -> None:
        """Find what each root computes, and what it needs held."""
        for root in roots:
            root.closure = []
            force = root.kind == "contraction"
            pending = list(root.bodies)
            visited: set[int] = set()
            if root.kind == "scatter":
                self._need_indices(root, root.node)
            while pending:
                index = pending.pop()
                if index in visited or not self.graph[index].axes:
                    continue
                visited.add(index)
                source, view = seen(self.graph, index)
                if view is not None:
                    self._need_indices(root, index)
                    if self.graph[source].axes:
                        self._need(root, source, view)
                    continue
                if not is_work(self.graph, index) or index in self.plan.total:
                    self._need(root, index, None)
                    continue
                if force or (index in self.held and index != root.node):
                    self._hold(index)
                    continue
                if self._in_full(index) and not (root.kind == "held" and index == root.node):
                    continue
                root.closure.append(index)
                pending.extend(self.graph[index].args)

    def _in_full(self, index: int) -> bool:
        """Return whether an earlier sweep left a node in an array."""
        return self.plan.storage.get(index) == "full" and self.plan.stage[index] < self.stage

    def _need(self, root: _Root, source: int, view: View | None) -> None:
        """See to it that a root can read ``source`` from memory."""
        plan, node = self.plan, self.graph[source]
        if node.op in LEAVES or node.op in ("index", "delta") or source in plan.total:
            return
        aligned = plan.aligned(source, view, root.axes, root.lead)
        if node.op in REDUCTIONS or node.op == "scatter":  # within the tile
            if not aligned or plan.stage[source] < self.stage:
                plan.storage[source] = "full"
            else:
                plan.storage.setdefault(source, "tile")
            return
        if not aligned:
            plan.storage[source] = "full"
        elif not self._in_full(source):
            self._hold(source)

    def _need_indices(self, root: _Root, user: int) -> None:
        view = self.graph[user].data
        assert isinstance(view, View)
        for index in view.index:
            if isinstance(index, Gather):
                arg = self.graph[user].args[index.arg]
                if self.graph[arg].axes and not self.plan.printed(arg):
                    self._need(root, arg, whole(index.axes))

    def _share(self) -> None:
        """Hold what several roots would compute each, where that is not cheap."""
        for index in reversed(self.plan.order):
            if index in self.held or not is_work(self.graph, index) or index in self.plan.total:
                continue
            users = [r for r in self.roots.values() if index in r.closure and r.node != index]
            if len(users) < 2 or self._chain(index) <= CHEAP:
                continue
            self._hold(index)
            for root in users:
                self._explore([root])

    def _chain(self, index: int) -> int:
        """Return what computing a node again costs, up to what is held or in memory."""
        total, pending, visited = 0, [index], set[int]()
        while pending and total <= CHEAP:
            node = pending.pop()
            if node in visited or not is_work(self.graph, node):
                continue
            visited.add(node)
            if node != index and (node in self.held or node in self.plan.total):
                continue
            total += cost(self.graph[node].op)
            pending.extend(self.graph[node].args)
        return total

    # -- levels ----------------------------------------------------------------------------

    def _level(self, root: _Root) -> int:
        """Return after how many other nests a root can run."""
        if root.level >= 0:
            return root.level
        level = 0
        for source, direct in self._inputs(root):
            maker = self.held.get(source)
            if maker is None or maker is root:
                continue
            before = self._level(maker)
            same = direct and maker.kind == "held" and root.kind != "contraction"
            level = max(level, before if same else before + 1)
        root.level = level
        return level

    def _inputs(self, root: _Root) -> Iterator[tuple[int, bool]]:
        """Yield the nodes that a root reads, and whether at its own point."""
        closure = set(root.closure)
        users = [*root.closure, *([root.node] if root.kind == "scatter" else [])]
        args = [arg for user in root.closure for arg in self.graph[user].args]
        for arg in [*root.bodies, *args]:
            source, view = seen(self.graph, arg)
            if view is not None:
                users.append(arg)
                yield source, False
            elif arg not in closure:
                yield arg, True
        for user in users:
            view = self.graph[user].data
            if isinstance(view, View):
                for index in view.index:
                    if isinstance(index, Gather):
                        arg = self.graph[user].args[index.arg]
                        yield seen(self.graph, arg)[0], False

    def _delay(self) -> None:
        """Let what nothing here waits for run with the last nest over the same axes."""
        latest: dict[tuple[object, ...], int] = {}
        for root in self.roots.values():
            key = (root.axes, root.lead)
            if root.kind in ("held", "sum", "store"):
                latest[key] = max(latest.get(key, 0), root.level)
        for root in self.roots.values():
            waits = root.kind == "store" or (root.kind == "sum" and root.node in self.plan.total)
            if waits:
                root.level = max(root.level, latest[root.axes, root.lead])

    def _steps(self) -> list[Step]:
        groups: dict[tuple[object, ...], list[_Root]] = {}
        for number, root in enumerate(self.roots.values()):
            alone = root.kind in ("contraction", "scatter")
            key = (root.level, root.axes, root.lead, number if alone else -1)
            groups.setdefault(key, []).append(root)
        ordered = sorted(groups.values(), key=lambda rs: (rs[0].level, self._first(rs)))
        return [self._step(roots) for roots in ordered]

    def _first(self, roots: list[_Root]) -> tuple[int, int]:
        return min(self.order[root.node] for root in roots), len(roots)

    def _step(self, roots: list[_Root]) -> Step:
        first = roots[0]
        if first.kind == "contraction":
            return self.plan.contractions[first.node]
        nodes = {index for root in roots for index in root.closure}
        held = {r.node for r in roots if r.kind == "held"}
        wanted = {h for h in held if self._used_outside(h, roots)}
        sums = tuple(r.node for r in roots if r.kind == "sum")
        scatters = tuple(r.node for r in roots if r.kind == "scatter")
        return Nest(
            axes=first.axes,
            lead=first.lead,
            nodes=tuple(sorted(nodes | {h for h in held if is_work(self.graph, h)})),
            kept=tuple(sorted(wanted)),
            sums=tuple(sorted(sums)),
            scatters=scatters,
            stores=tuple(r.store for r in roots if r.store is not None),
            vector=not any(self._collides(s, first.lead) for s in scatters),
        )

    def _used_outside(self, index: int, roots: list[_Root]) -> bool:
        """Return whether a held node is read elsewhere than in its own nest, at its own point."""
        if self.plan.storage.get(index) == "full":
            return True
        for root in self.roots.values():
            for source, direct in self._inputs(root):
                if source == index and (root not in roots or not direct):
                    return True
        return False

    def _collides(self, index: int, lead: int) -> bool:
        """Return whether two points of the lead axis may add to one place."""
        view = self.graph[index].data
        assert isinstance(view, View)
        if view.clamped:
            return True
        return not any(isinstance(i, Affine) and i.coefficient(lead) for i in view.index)


def pieces(function: Function) -> Iterator[tuple[Store, int, Axes]]:
    """Yield the entries of all outputs: which it is, its node, and the axes that it fills."""
    for number, output in enumerate(function.outputs):
        filled: tuple[Axes, ...] = ((),)
        for dim in output.layout:
            filled = tuple(axes + segment for axes in filled for segment in dim)
        for entry, (node, axes) in enumerate(zip(output.entries, filled, strict=True)):
            yield Store(number, entry, node), node, axes
