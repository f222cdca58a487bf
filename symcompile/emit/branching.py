"""Straight-line code with branches: what only one arm of a choice needs is computed there only.

:mod:`symcompile.emit.regions` says where each node is needed. A choice between numbers at hand
stays an expression, ``(a if c else b)``. One that has an arm with statements becomes a variable,
which the arms set: all that is needed under one condition shares a block with it, as far as the
order allows. The code of a region comes first, then the blocks within that it makes possible, and
so on; so a value and its gradient are in one block, if nothing between them has to wait.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from symcompile.emit.conditions import Condition
from symcompile.emit.expression import LONGEST_INLINE, Printer
from symcompile.emit.regions import ROOT, Placement

#: Blocks are nested so deep at most: what is deeper is entered by a flag, from outside.
DEEPEST = 16


@dataclass(frozen=True)
class Move:
    """In this block, a choice is its arm."""

    choice: int
    arm: int


@dataclass(frozen=True)
class Flag:
    """In this block, it is known whether a region that is too deep is to be entered."""

    region: int


@dataclass
class Block:
    """What is done in a region, or in a part of it that follows something outside."""

    region: int
    steps: list[int | Move | Flag | Block] = field(default_factory=list)


class Arrangement:
    """The blocks of straight-line code.

    Args:
        printer: knows how long what is printed will be.
        nodes: what is computed, each after what it needs.
        results: nodes that are used afterwards, once for each mention.
        named: nodes that become statements in any case.

    Attributes:
        place: the regions of the nodes.
        variables: choices that are variables, and which one each is: a choice that is nothing
            but the arm of another shares its variable.
        first: the value that a variable has before it is set, if it is zero: most choices in the
            code of derivatives are between something and zero.
        block: all of the code; None if its conditions wait for each other.
    """

    def __init__(
        self,
        printer: Printer,
        nodes: Sequence[int],
        results: Sequence[int],
        named: Collection[int],
    ) -> None:
        self.graph = printer.graph
        self._own = set(nodes)
        roots = [n for n in (*results, *named) if n in self._own]
        found: Block | None = None
        for exact in (True, False):
            self.place = Placement(self.graph, nodes, roots, exact=exact)
            self._results = [self.place.actual(n) for n in roots]
            self.regions = self.place.regions
            self.nodes = [n for n in nodes if n in self.place.needs and n not in self.place.taken]
            self.variables: dict[int, int] = {}
            self.first: dict[int, int] = {}
            self._find_variables(printer, results, named)
            self._find_needed()
            found = _Scheduler(self).run()
            if found is not None:
                break
        self.block = found

    def parts(self, region: int) -> Condition:
        """Return what a region asks beyond the one around it."""
        several = self.regions.members.get(region)
        if several is None:
            return Condition("is", *self.regions.literal[region])
        outer = self.regions.parent[region]
        found = _decided([self.regions.path(member, outer) for member in several])
        assert found is not None
        return found

    def asked(self, region: int) -> list[int]:
        """Return the truth values that a region asks for, once for each mention."""
        return [self.place.actual(node) for node in _comparisons(self.parts(region))]

    def deep(self, region: int) -> bool:
        """Return whether a region is entered from outside of all blocks."""
        return region not in self.regions.members and self.regions.depth[region] % DEEPEST == 0

    def opposite(self, region: int) -> int | None:
        """Return the region whose block is what is done otherwise, or None."""
        if region in self.regions.members or self.deep(region):
            return None
        other = self.regions.sibling(region)
        if other is None or self.regions.parent[other] != self.regions.parent[region]:
            return None
        return other

    def around(self, region: int) -> int:
        """Return the region in whose block that of a region stands."""
        return ROOT if self.deep(region) else self.regions.parent[region]

    def moves(self, choice: int) -> list[tuple[int, int]]:
        """Return the regions in which a variable is set, and the arms it is set to."""
        first = self.first.get(self.variables[choice])
        return [move for move in self._arms(choice) if move[1] != first]

    def _arms(self, choice: int) -> list[tuple[int, int]]:
        _, yes, no = self.graph[choice].args
        where = self.place.arms[choice]
        return [
            (region, self.place.actual(arm))
            for arm, found in zip((yes, no), where, strict=True)
            for region in found
        ]

    def _find_variables(
        self, printer: Printer, results: Sequence[int], named: Collection[int]
    ) -> None:
        """Find the choices with an arm that has statements."""
        place, depth = self.place, self.regions.depth
        uses: dict[int, int] = {}
        atoms: set[int] = {*named, *self.graph.labels}
        for node in map(place.actual, results):
            uses[node] = uses.get(node, 0) + 1
        for node in self.nodes:
            for operand in place.operands(node):
                uses[operand] = uses.get(operand, 0) + 1
            atoms.update(place.actual(arg) for arg in printer.repeated(node))
        # How long the text of a node is, and how deep the deepest statement is within it.
        length: dict[int, int] = {}
        deepest: dict[int, int] = {}
        for node in self.nodes:
            operands = place.operands(node)
            size = printer.width(node) + sum(length.get(operand, 4) for operand in operands)
            inner = max((deepest.get(operand, 0) for operand in operands), default=0)
            level = depth[place.region(node)]
            if node in place.arms and any(deepest.get(a, 0) > level for a in operands[1:]):
                self.variables[node] = node
            alone = uses.get(node, 0) <= 1 and node not in atoms
            if alone and size <= LONGEST_INLINE and node not in self.variables:
                length[node], deepest[node] = size, inner
            else:
                length[node], deepest[node] = 4, level
        for node in reversed(self.variables):
            for region, arm in self._arms(node):
                if self.graph[arm].op == "const" and self.graph[arm].data == 0:
                    self.first.setdefault(self.variables[node], arm)
                alone = uses.get(arm, 0) == 1 and arm not in atoms and arm in self.variables
                same = self.graph[arm].kind is self.graph[node].kind
                if alone and same and place.needs[arm] == (region,):
                    self.variables[arm] = self.variables[node]

    def _find_needed(self) -> None:
        """Find what is needed: a variable does without the value of its condition."""
        self.needed: set[int] = set()
        self.entered: set[int] = {ROOT}
        pending = list(self._results)
        while pending:
            node = pending.pop()
            if node in self.needed or node not in self._own:
                continue
            self.needed.add(node)
            places = [self.place.region(node)]
            if node in self.variables:
                for region, arm in self.moves(node):
                    places.append(region)
                    pending.append(arm)
            else:
                pending += self.place.operands(node)
            for inner in places:
                region = inner
                while region not in self.entered:
                    self.entered.add(region)
                    pending += self.asked(region)
                    region = self.regions.parent[region]


def _decided(paths: Sequence[Sequence[tuple[int, bool]]]) -> Condition | None:
    """Return the condition that one of some paths is taken; None for one that holds anyway."""
    if any(not path for path in paths):
        return None
    found = []
    for node in dict.fromkeys(path[0][0] for path in paths):
        sides = []
        for outcome in (True, False):
            rest = [path[1:] for path in paths if path[0] == (node, outcome)]
            inner = _decided(rest) if rest else None
            here = Condition("is", node, outcome)
            sides.append((bool(rest), here, inner))
        (yes, asked, after), (no, opposite, otherwise) = sides
        if yes and no and (after is None) != (otherwise is None):
            # One outcome is enough; after the other, more is asked.
            first, second = (asked, otherwise) if after is None else (opposite, after)
            assert second is not None
            found.append(_joined("any", first, second))
            continue
        both = []
        for there, here, inner in sides:
            if there:
                both.append(here if inner is None else _joined("all", here, inner))
        found += both
    return found[0] if len(found) == 1 else _joined("any", *found)


def _joined(op: str, *parts: Condition) -> Condition:
    flat: list[Condition] = []
    for part in parts:
        flat += part.parts if part.op == op else [part]
    return Condition("all" if op == "all" else "any", parts=tuple(flat))


def _comparisons(condition: Condition) -> list[int]:
    if condition.op == "is":
        return [condition.node]
    return [node for part in condition.parts for node in _comparisons(part)]


class _Scheduler:
    """Puts the nodes into blocks: each item as soon as what it needs is there."""

    def __init__(self, code: Arrangement) -> None:
        self.code = code
        self.waits: dict[object, int] = {}
        self.after: dict[object, list[object]] = {}
        self.home: dict[object, int] = {}
        #: What is ready, by region; and regions around which something is.
        self.ready: dict[int, list[tuple[int, int, object]]] = {}
        self.inner: dict[int, list[tuple[int, int]]] = {}
        self.marked: set[int] = {ROOT}
        self.count = 0
        self._add_items()

    def _add_items(self) -> None:
        code, place = self.code, self.code.place
        for region in sorted(code.entered - {ROOT}):
            around = code.around(region)
            conditions: list[object]
            if code.deep(region):
                flag = Flag(region)
                self._add(flag, code.asked(region), code.regions.parent[region])
                conditions = [flag]
            else:
                conditions = list(code.asked(region))
            self._add(("enter", region), conditions, around)
        for node in code.nodes:
            if node not in code.needed:
                continue
            if node in code.variables:
                steps: list[object] = []
                for region, arm in code.moves(node):
                    move = (node, arm, region)
                    self._add(move, [arm], region)
                    steps.append(move)
                self._add(node, steps, place.region(node))
            else:
                self._add(node, place.operands(node), place.region(node))

    def _add(self, item: object, needs: Iterable[object], region: int) -> None:
        self.home[item] = region
        found = [n for n in needs if not isinstance(n, int) or n in self.code.needed]
        if region != ROOT:
            found.append(("enter", region))
        self.waits[item] = len(found)
        for need in found:
            self.after.setdefault(need, []).append(item)

    def run(self) -> Block | None:
        """Return the code in blocks; None where each of two conditions waits for the other.

        Two comparisons that several regions share may be asked in either order. No order does
        then for both of them, to be asked just where they are needed.
        """
        for item, waits in list(self.waits.items()):
            if waits == 0:
                self._announce(item)
        whole = Block(ROOT)
        stack = [whole]
        while stack:
            block = stack[-1]
            ready, inner = self.ready.get(block.region), self.inner.get(block.region)
            if ready:
                *_, item = heapq.heappop(ready)
                self._put(block, item)
                self._finish(item)
            elif inner:
                _, region = heapq.heappop(inner)
                if region in self.marked:
                    self._open(stack, region)
            else:
                stack.pop()
                if stack:
                    self.marked.discard(block.region)
                    other = self.code.opposite(block.region)
                    if other is not None and other in self.marked:
                        self._open(stack, other)
        return whole if all(waits == 0 for waits in self.waits.values()) else None

    def _open(self, stack: list[Block], region: int) -> None:
        block = Block(region)
        stack[-1].steps.append(block)
        stack.append(block)

    def _put(self, block: Block, item: object) -> None:
        if isinstance(item, int | Flag):
            block.steps.append(item)
        elif isinstance(item, tuple) and len(item) == 3:
            block.steps.append(Move(item[0], item[1]))

    def _announce(self, item: object) -> None:
        """Note that an item can be computed; entries of regions take no code and no time."""
        pending = [item]
        while pending:
            item = pending.pop()
            if isinstance(item, tuple) and item[0] == "enter":
                pending += self._released(item)
                continue
            region = self.home[item]
            key = item if isinstance(item, int) else _key(item)
            self.count += 1
            heapq.heappush(self.ready.setdefault(region, []), (key, self.count, item))
            while region not in self.marked:
                self.marked.add(region)
                around = self.code.around(region)
                heapq.heappush(self.inner.setdefault(around, []), (key, region))
                region = around

    def _released(self, item: object) -> list[object]:
        found = []
        for other in self.after.get(item, ()):
            self.waits[other] -= 1
            if self.waits[other] == 0:
                found.append(other)
        return found

    def _finish(self, item: object) -> None:
        for other in self._released(item):
            self._announce(other)


def _key(item: object) -> int:
    """Return when a move or flag comes: with the choice it is for."""
    if isinstance(item, tuple):
        return int(item[0])
    assert isinstance(item, Flag)
    return 0
