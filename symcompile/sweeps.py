"""One sweep: what its nests compute, share and hold, and in what order they run.

Within a tile, nodes over the same axes share a nest of loops; what one nest leaves for another is
held in a buffer as long as the tile, unless it is cheap to compute again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from symcompile.ir.affine import Affine
from symcompile.ir.graph import LEAVES, REDUCTIONS, Axes, Axis, Gather, View, whole
from symcompile.planning import CHEAP, Nest, Step, Store, Sweep, cost, is_work, seen

if TYPE_CHECKING:
    from symcompile.schedule import Planner


@dataclass
class Root:
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


def held_root(plan: Planner, index: int) -> Root:
    """Return what holds a node in a buffer or an array."""
    axes = plan.graph[index].axes
    return Root(("held", index), axes, plan.lead(axes), (index,), "held", index)


class SweepPlanner:
    """The nests of one sweep."""

    def __init__(self, plan: Planner, stage: int, axis: Axis, roots: list[Root]) -> None:
        self.plan, self.graph = plan, plan.graph
        self.stage, self.axis = stage, axis
        self.roots: dict[tuple[object, ...], Root] = {root.key: root for root in roots}
        #: Nodes that nests leave for others, and the root that makes them.
        self.held: dict[int, Root] = {root.node: root for root in roots if root.kind != "store"}
        self.order = {index: k for k, index in enumerate(plan.order)}

    def run(self) -> Sweep:
        self._explore(list(self.roots.values()))
        self._share()
        for root in list(self.roots.values()):
            self._level(root)
        self._delay()
        steps = self._steps()
        totals = [r.node for r in self.roots.values() if r.node in self.plan.total]
        totals = [
            t
            for t in totals
            if ("sum", t) in self.roots
            or ("scatter", t) in self.roots
            or ("contraction", t) in self.roots
        ]
        totals = [self.plan.target(node) for node in totals]
        return Sweep(self.axis, tuple(steps), tuple(dict.fromkeys(totals)))

    def _hold(self, index: int) -> None:
        """Make a node of this sweep one that is held in a buffer."""
        if index in self.held:
            return
        root = held_root(self.plan, index)
        self.roots[root.key] = self.held[index] = root
        self.plan.storage.setdefault(index, "tile")
        self._explore([root])

    def _explore(self, roots: Iterable[Root]) -> None:
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

    def _need(self, root: Root, source: int, view: View | None) -> None:
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

    def _need_indices(self, root: Root, user: int) -> None:
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

    def _level(self, root: Root) -> int:
        """Return after how many other nests a root can run."""
        if root.level >= 0:
            return root.level
        level = 0
        for source, direct in self._inputs(root):
            maker = self.held.get(source)
            if maker is None or maker is root:
                continue
            before = self._level(maker)
            # Contractions and scatters are never in one nest with what makes their operands.
            shared = root.kind not in ("contraction", "scatter")
            same = direct and maker.kind == "held" and shared
            level = max(level, before if same else before + 1)
        root.level = level
        return level

    def _inputs(self, root: Root) -> Iterator[tuple[int, bool]]:
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
            places = self.graph[user].data
            if isinstance(places, View):
                for index in places.index:
                    if isinstance(index, Gather):
                        arg = self.graph[user].args[index.arg]
                        if not self.plan.printed(arg):
                            yield arg, False

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
        groups: dict[tuple[object, ...], list[Root]] = {}
        into: dict[tuple[object, ...], int] = {}
        for number, root in enumerate(self.roots.values()):
            where: tuple[object, ...] = (root.level, root.axes, root.lead)
            apart = number if root.kind == "contraction" else -1
            if root.kind == "scatter":
                # Two that add to one array must not be in one loop over vectors.
                target = (*where, self.plan.target(root.node))
                into[target] = into.get(target, 0) + 1
                apart = -2 * into[target] - self._collides(root.node, root.lead)
            groups.setdefault((*where, apart), []).append(root)
        ordered = sorted(groups.values(), key=lambda rs: (rs[0].level, self._first(rs)))
        steps = [self._step(roots) for roots in ordered]
        return [step for step in steps if not isinstance(step, Nest) or _does_something(step)]

    def _first(self, roots: list[Root]) -> tuple[int, int]:
        return min(self.order[root.node] for root in roots), len(roots)

    def _step(self, roots: list[Root]) -> Step:
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

    def _used_outside(self, index: int, roots: list[Root]) -> bool:
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


def _does_something(nest: Nest) -> bool:
    return bool(nest.kept or nest.sums or nest.scatters or nest.stores)
