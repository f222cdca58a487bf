"""Indices for people to read: letters for axes, and where views and scatters look.

The axes of the IR are anonymous. To print a node it is looked at in a *place*, an index for each
of its axes: an affine function of letters, sizes and values read from data. Going down from a
place, views and broadcasts vanish into the places of their sources.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import chain, count
from typing import NamedTuple

from symcompile.ir.affine import Affine
from symcompile.ir.graph import Axes, Axis, Gather, Graph, Index, View
from symcompile.naming import identifier

#: An index for each axis of a node. Its variables are names: letters, sizes, ``r[k]``.
Place = tuple[Affine, ...]
#: Returns the index that a node holds in a place.
Gathered = Callable[[int, Place], Affine]

_LETTERS = "ijklmopqrstuvwxyzabcefgh"


class Letters:
    """Chooses the letters of indices: an axis of one size has the same letter throughout.

    ``axes`` are those that occur, the first ones get the first letters; ``taken`` are names that
    are no letters; ``sizes`` tells how sizes are called, where not by their names.

    >>> n, d = Axis(Affine.of("n")), Axis(Affine.of("d"))
    >>> letters = Letters([n, d])
    >>> letters.distinct((n, d)), letters.distinct((d, d)), letters.fresh(d, {"j"})
    (('i', 'j'), ('j', 'k'), 'k')
    """

    def __init__(
        self,
        axes: Iterable[Axis] = (),
        taken: Collection[str] = (),
        sizes: Mapping[str, str] | None = None,
    ) -> None:
        self._taken = frozenset(taken)
        self._sizes = dict(sizes or {})
        self._preferred: dict[object, str] = {}
        for axis in axes:
            self._sizes.update({s: s for s in axis.extent.sizes if s not in self._sizes})
            self._wish(axis)

    @property
    def sizes(self) -> Collection[str]:
        """The names of sizes, which are no letters."""
        return self._sizes.keys()

    @property
    def used(self) -> Collection[str]:
        """The letters of the axes that were given."""
        return self._preferred.values()

    def _pool(self) -> Iterator[str]:
        names = chain(_LETTERS, (f"i{k}" for k in count(1)))
        return (name for name in names if name not in self._taken)

    def _wish(self, axis: Axis) -> str:
        # "n" and "n - 1" are ranges of one index, unless both occur at once.
        sizes = axis.extent.sizes
        family: object = sizes[0] if len(sizes) == 1 else axis.extent
        if family not in self._preferred:
            used = set(self._preferred.values())
            self._preferred[family] = next(name for name in self._pool() if name not in used)
        return self._preferred[family]

    def fresh(self, axis: Axis, scope: Collection[str]) -> str:
        """Return a letter for an index along ``axis`` that is not in ``scope``."""
        wish = self._wish(axis)
        if wish not in scope:
            return wish
        kept = {*scope, *self._preferred.values()}
        return next(name for name in self._pool() if name not in kept)

    def distinct(self, axes: Axes) -> tuple[str, ...]:
        """Return a letter for each axis, all different."""
        found: list[str] = []
        for axis in axes:
            found.append(self.fresh(axis, found))
        return tuple(found)

    def place(self, axes: Axes) -> Place:
        """Return the place of a node that is looked at as it is."""
        return tuple(map(Affine.of, self.distinct(axes)))

    def text(self, value: Affine) -> str:
        """Return an index or a size as text: letters first, then sizes."""
        terms = sorted(value.terms, key=lambda t: (t[1] < 0, t[0] in self._sizes))
        # Numbered anew, since a function of axes prints them in the order of their numbers.
        names = [self._sizes.get(str(var), str(var)) for var, _ in terms]
        ordered = Affine(value.const, tuple((k, c) for k, (_, c) in enumerate(terms)))
        return ordered.text(lambda k: names[int(k)])

    def subscript(self, place: Place) -> str:
        """Return what stands behind the name of an array: ``[i + 1, j]``."""
        return f"[{', '.join(map(self.text, place))}]" if place else ""

    def range(self, letter: str, axis: Axis) -> str:
        """Return ``i < n``."""
        return f"{letter} < {self.text(axis.extent)}"


def through(index: Iterable[Index], place: Place, gathered: Callable[[Gather], Affine]) -> Place:
    """Return the place of the source of a view that is looked at in ``place``."""
    return tuple(
        gathered(i) if isinstance(i, Gather) else i.substitute({a: place[a] for a in i.axes})
        for i in index
    )


def source_place(graph: Graph, node: int, place: Place, gathered: Gathered) -> Place:
    """Return where a view looks at its source.

    Clamping is not shown: it stands only where a condition discards what is out of range.

    >>> graph, n = Graph(), Axis(Affine.of("n"))
    >>> y = graph.input("data", 0, (n,))
    >>> later = graph.view(y, View((Affine.of(0, axis=True) + 1,)), (Axis(n.extent - 1),))
    >>> [str(i) for i in source_place(graph, later, (Affine.of("t"),), lambda *_: Affine(0))]
    ['t + 1']
    """
    found = graph[node]
    assert isinstance(found.data, View)

    def read(gather: Gather) -> Affine:
        return gathered(found.args[gather.arg], tuple(place[axis] for axis in gather.axes))

    return through(found.data.index, place, read)


class Bound(NamedTuple):
    """What a reduction or a scatter runs over, seen from a place.

    Attributes:
        place: where the body is looked at.
        ranges: each letter that is bound, and its axis.
        where: pairs of indices that are equal.
    """

    place: Place
    ranges: tuple[tuple[str, Axis], ...]
    where: tuple[tuple[Affine, Affine], ...] = ()


def reduced(
    graph: Graph, node: int, place: Place, scope: Collection[str], letters: Letters
) -> Bound:
    """Return what a reduction runs over."""
    found = graph[node]
    position = found.data
    assert isinstance(position, int)
    axis = graph[found.args[0]].axes[position]
    letter = letters.fresh(axis, scope)
    inside = (*place[:position], Affine.of(letter), *place[position:])
    return Bound(inside, ((letter, axis),))


def scattered(
    graph: Graph,
    node: int,
    place: Place,
    scope: Collection[str],
    letters: Letters,
    gathered: Gathered,
) -> Bound:
    """Return what a scatter runs over: the indices that end in ``place``."""
    found = graph[node]
    view, body = found.data, graph[found.args[0]]
    assert isinstance(view, View)
    known: dict[int, Affine] = {}
    rest: list[int] = []
    for k, index in enumerate(view.index):
        axis = index.axis if isinstance(index, Affine) else None
        # An index that takes every value of the axis it ends in is that axis.
        if axis is not None and axis not in known and body.axes[axis] == found.axes[k]:
            known[axis] = place[k]
        else:
            rest.append(k)
    ranges: list[tuple[str, Axis]] = []
    for position, axis_ in enumerate(body.axes):
        if position not in known:
            letter = letters.fresh(axis_, {*scope, *(name for name, _ in ranges)})
            ranges.append((letter, axis_))
            known[position] = Affine.of(letter)
    inside = tuple(known[position] for position in range(len(body.axes)))

    def read(gather: Gather) -> Affine:
        return gathered(found.args[gather.arg], tuple(inside[axis] for axis in gather.axes))

    ends = through((view.index[k] for k in rest), inside, read)
    where: list[tuple[Affine, Affine]] = []
    for end, k in zip(ends, rest, strict=True):
        if end != place[k]:
            fixed = all(var in letters.sizes for var, _ in end.terms)
            where.append((place[k], end) if fixed else (end, place[k]))
    return Bound(inside, tuple(ranges), tuple(where))


def equation(value: Affine, sizes: Collection[str] = ()) -> tuple[Affine, Affine]:
    """Return the two sides of ``value = 0``, without signs where that can be.

    >>> i, j = Affine.of("i"), Affine.of("j")
    >>> [tuple(map(str, equation(v))) for v in (j - i, i - j + 1, i - 3)]
    [('i', 'j'), ('i + 1', 'j'), ('i', '3')]
    """
    lead = [c for var, c in value.terms if var not in sizes]
    if lead and lead[0] < 0:
        value = -value
    left, right = Affine(0), Affine(0)
    for var, c in value.terms:
        term = Affine(0, ((var, c),))
        if c > 0 and (var not in sizes or not lead):
            left = left + term
        else:
            right = right - term
    alone = all(var in sizes for var, _ in right.terms)
    if value.const > 0 and not alone:
        left = left + value.const
    else:
        right = right - value.const
    return left, right


def mentioned(graph: Graph, order: Iterable[int], roots: Iterable[int]) -> dict[int, int]:
    """Return how often each node is written down; views are not, but what they show is."""
    uses = dict.fromkeys(order, 0)
    for root in roots:
        uses[root] += 1
    nodes = graph.nodes
    for node in sorted(uses, reverse=True):
        op, args, _, _, _ = nodes[node]
        times = min(uses[node], 2) if op == "view" and vanishes(graph, node) else 1
        for arg in args:
            uses[arg] += times
    return uses


def vanishes(graph: Graph, node: int) -> bool:
    """Return whether a node is but a way to look at another one."""
    return graph[node].op == "view" and node not in graph.labels


def placed(graph: Graph, node: int, place: Place) -> Affine:
    """Return what an affine leaf (a size, an index, the argument of a delta) is in a place."""
    value = graph[node].data
    assert isinstance(value, Affine)
    return value.substitute({axis: place[axis] for axis in value.axes})


def chosen_index(graph: Graph, node: int) -> int | None:
    """Return ``i == j`` of a node that is 1 where an index equals something and else 0.

    That is how a Kronecker delta of an index that is read from data is written.
    """
    found = graph[node]
    if found.op != "select" or graph[found.args[0]].op != "eq":
        return None
    yes, no = (graph[arg].data for arg in found.args[1:])
    return found.args[0] if (yes, no) == (1, 0) and _compares_index(graph, found.args[0]) else None


def _compares_index(graph: Graph, comparison: int) -> bool:
    pending = list(graph[comparison].args)
    while pending:
        node = graph[pending.pop()]
        if node.op == "view":
            pending.append(node.args[0])
        elif node.op == "index":
            return True
    return False


def safe_name(name: str) -> str:
    """Return a name as it may stand in a comment, a docstring or a formula.

    >>> safe_name("λ_1"), safe_name('x\"\"\"; import os')
    ('λ_1', 'x_import_os')
    """
    return name if re.fullmatch(r"\w+", name) else identifier(name)


def distinct(names: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """Return safe names, numbered where two are equal.

    >>> distinct(["x", "x", "y"])
    ['x', 'x_2', 'y']
    """
    used = set(taken)
    found = []
    for name in names:
        wish = base = safe_name(name)
        number = 1
        while wish in used:
            number += 1
            wish = f"{base}_{number}"
        used.add(wish)
        found.append(wish)
    return found
