"""Where straight-line code is needed: under which outcomes of which comparisons.

A *region* is a path of outcomes: all code, within it where ``a`` holds, within that where ``b``
does not. They are a tree. A node is needed where its uses are; an arm of a choice, in the region
of the choice and under its condition. One walk from the results back finds the regions of each
node: one, or the smallest one around several, or exactly those several where they are few.

In a region that knows the outcome of a comparison, a choice by it is the arm it takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from symcompile.emit.conditions import Condition, Conditions
from symcompile.ir.graph import Graph

ROOT = 0
#: What is needed in more regions than this, or in such as take more comparisons to tell apart, is
#: needed in the region around them.
_MOST, _LONGEST = 8, 16

Needs = tuple[int, ...]


@dataclass
class Regions:
    """The tree of regions; a number each, the root is 0.

    Attributes:
        parent: the region around each.
        literal: what holds in each: a comparison, and its outcome.
        depth: how many regions are around each.
        members: of a region that stands for several, which those are.
    """

    parent: list[int] = field(default_factory=lambda: [ROOT])
    literal: list[tuple[int, bool]] = field(default_factory=lambda: [(-1, True)])
    depth: list[int] = field(default_factory=lambda: [0])
    members: dict[int, Needs] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Ancestors in skips of growing length, which makes walks up logarithmic (Myers 1983,
        # "An applicative random-access stack").
        self._jump = [ROOT]
        self._children: dict[tuple[int, int, bool], int] = {}
        self._asked: dict[int, list[int]] = {}
        self._several: dict[Needs, int] = {}
        #: What holds in regions that are not deep: in whatever order it is asked, it is one.
        self._holds: list[frozenset[tuple[int, bool]] | None] = [frozenset()]
        self._known: dict[frozenset[tuple[int, bool]], int] = {}

    def child(self, region: int, node: int, outcome: bool) -> tuple[int, bool]:
        """Return the region within one where a comparison comes out so, and whether it is new."""
        key = region, node, outcome
        found = self._children.get(key)
        if found is not None:
            return found, False
        holds = self._holds[region]
        holds = None if holds is None or len(holds) >= _LONGEST else holds | {(node, outcome)}
        other = None if holds is None else self._known.get(holds)
        if other is not None:
            self._children[key] = other
            return other, True
        made = self._children[key] = self._add(region, (node, outcome))
        self._holds[made] = holds
        if holds is not None:
            self._known[holds] = made
        self._asked.setdefault(node, []).append(made)
        return made, True

    def several(self, needs: Needs) -> int:
        """Return the region that stands for several."""
        found = self._several.get(needs)
        if found is None:
            around = needs[0]
            for other in needs[1:]:
                around = self.around(around, other)
            found = self._several[needs] = self._add(around, (-1, True))
            self.members[found] = needs
        return found

    def _add(self, parent: int, literal: tuple[int, bool]) -> int:
        jump = self._jump[parent]
        level = self.depth[parent] - self.depth[jump]
        longer = level == self.depth[jump] - self.depth[self._jump[jump]]
        self._jump.append(self._jump[jump] if longer else parent)
        self._holds.append(None)
        self.parent.append(parent)
        self.literal.append(literal)
        self.depth.append(self.depth[parent] + 1)
        return len(self.parent) - 1

    def sibling(self, region: int) -> int | None:
        """Return the region that is, with this one, all of the region around it.

        It may lie elsewhere, if the same was asked in another order before.
        """
        node, outcome = self.literal[region]
        return self._children.get((self.parent[region], node, not outcome))

    def within(self, region: int, outer: int) -> bool:
        """Return whether a region is another, or lies in it."""
        while self.depth[region] > self.depth[outer]:
            jump = self._jump[region]
            region = jump if self.depth[jump] >= self.depth[outer] else self.parent[region]
        return region == outer

    def around(self, one: int, other: int) -> int:
        """Return the smallest region that holds two."""
        if self.depth[one] < self.depth[other]:
            one, other = other, one
        while self.depth[one] > self.depth[other]:
            jump = self._jump[one]
            one = jump if self.depth[jump] >= self.depth[other] else self.parent[one]
        while one != other:  # of one depth, so their jumps are as long
            apart = self._jump[one] != self._jump[other]
            step = self._jump if apart else self.parent
            one, other = step[one], step[other]
        return one

    def known(self, region: int, node: int) -> bool | None:
        """Return the outcome that a comparison has in a region, if it is known."""
        for asked in self._asked.get(node, ())[:_MOST]:
            if self.within(region, asked):
                return self.literal[asked][1]
        return None

    def path(self, region: int, outer: int) -> list[tuple[int, bool]]:
        """Return what holds in a region beyond what holds in one around it, outermost first."""
        found = []
        while region != outer:
            found.append(self.literal[region])
            region = self.parent[region]
        return found[::-1]


class Placement:
    """The regions in which the nodes of straight-line code are needed.

    Args:
        graph: the graph.
        nodes: what is computed, each after what it needs.
        results: those of them that are needed in any case.
        exact: whether what comparisons are made of, too, is needed in just the regions that
            share it, rather than in the one around them. Two comparisons can wait for each
            other then.

    Attributes:
        needs: the regions in which each node is needed, none inside another. Nodes that are
            not needed at all have none.
        taken: choices whose outcome is known wherever they are needed, and the arm they take.
        arms: other choices, and the regions in which they take either arm.
    """

    def __init__(
        self, graph: Graph, nodes: Sequence[int], results: Iterable[int], *, exact: bool = True
    ) -> None:
        self.graph = graph
        self.conditions = Conditions(graph, nodes)
        self.regions = Regions()
        self.needs: dict[int, Needs] = {}
        self.taken: dict[int, int] = {}
        self.arms: dict[int, tuple[Needs, Needs]] = {}
        self._own = set(nodes)
        self._compared = set[int]() if exact else self._find_compared(nodes)
        self._entered: set[int] = set()
        self._combined: dict[tuple[Needs, Needs], Needs] = {}
        for node in results:
            self._need(node, (ROOT,))
        for node in reversed(nodes):
            if node in self.needs:
                self._visit(node)

    def region(self, node: int) -> int:
        """Return the region of a node: one that stands for all that it is needed in."""
        needs = self.needs[node]
        return needs[0] if len(needs) == 1 else self.regions.several(needs)

    def actual(self, node: int) -> int:
        """Return the node that a node is, behind choices that are known."""
        while node in self.taken:
            node = self.taken[node]
        return node

    def operands(self, node: int) -> Sequence[int]:
        """Return what the text of a node mentions."""
        if self.conditions.compound(node):
            return [self.actual(leaf) for leaf in sorted(self.conditions.leaves(node))]
        return [self.actual(arg) for arg in self.graph[node].args]

    def _visit(self, index: int) -> None:
        node, needs = self.graph[index], self.needs[index]
        if node.op == "select":
            condition, yes, no = node.args
            asked = self.conditions.of(condition)
            where = self._enter(needs, asked), self._enter(needs, asked.negated())
            if not where[0] or not where[1]:
                self.taken[index] = yes if where[0] else no
                self._need(self.taken[index], needs)
                return
            self.arms[index] = where
            self._need(condition, needs)
            self._need(yes, where[0])
            self._need(no, where[1])
        elif self.conditions.compound(index):
            # Later parts are needed only where earlier ones do not decide.
            self._entered.clear()
            self._enter(needs, self.conditions.of(index))
            for leaf in sorted(self.conditions.leaves(index)):
                if leaf not in self._entered:  # mentioned, though others decide
                    unknown = [n for n in needs if self.regions.known(n, leaf) is None]
                    self._need(leaf, tuple(unknown))
        else:
            for arg in node.args:
                self._need(arg, needs)

    def _find_compared(self, nodes: Sequence[int]) -> set[int]:
        """Return what comparisons are made of, and they themselves."""
        found: set[int] = set()
        for index in reversed(nodes):
            node = self.graph[index]
            if node.op == "select":
                found.update(self.conditions.leaves(node.args[0]))
            if index in found:
                found.update(node.args)
        return found

    def _need(self, node: int, where: Needs) -> None:
        if node not in self._own or not where:
            return
        before = self.needs.get(node, ())
        if before in ((ROOT,), where):
            return
        found = self._join(before, where)
        if len(found) > 1 and node in self._compared:
            found = (self._around(found),)
        self.needs[node] = found

    def _around(self, needs: Iterable[int]) -> int:
        """Return the smallest region that holds some."""
        first, *rest = needs
        for region in rest:
            first = self.regions.around(first, region)
        return first

    def _enter(self, needs: Needs, condition: Condition) -> Needs:
        """Return the regions within some where a condition holds.

        What is asked on the way is needed.
        """
        if condition.op == "is":
            found: Needs = ()
            for region in needs:
                known = self.regions.known(region, condition.node)
                if known is None:
                    self._entered.add(condition.node)
                    inner, new = self.regions.child(region, condition.node, condition.outcome)
                    if new:
                        self._need(condition.node, (region,))
                    found = self._join(found, (inner,))
                elif known == condition.outcome:
                    found = self._join(found, (region,))
            return found
        if condition.op == "all":
            for part in condition.parts:
                needs = self._enter(needs, part)
            return needs
        found = ()
        for part in condition.parts:
            found = self._join(found, self._enter(needs, part))
            needs = self._enter(needs, part.negated())
        return found

    def _join(self, one: Needs, other: Needs) -> Needs:
        """Return what is needed in either: no region in another, nor both halves of one."""
        if not one or not other or one == other:
            return one or other
        if (ROOT,) in (one, other):
            return (ROOT,)
        key = one, other
        found = self._combined.get(key)
        if found is None:
            found = self._combined[key] = self._joined({*one}, other)
        return found

    def _joined(self, found: set[int], other: Needs) -> Needs:
        regions = self.regions
        pending = list(other)
        while pending:
            region = pending.pop()
            if any(regions.within(region, kept) for kept in found):
                continue
            found = {kept for kept in found if not regions.within(kept, region)}
            half = regions.sibling(region)
            if half in found:
                found.remove(half)
                pending.append(regions.parent[region])
            else:
                found.add(region)
        if len(found) > 1:
            around = self._around(found)
            length = sum(regions.depth[region] - regions.depth[around] for region in found)
            if len(found) > _MOST or length > _LONGEST:
                return (around,)
        return tuple(sorted(found))
