"""A layered layout of a directed graph without cycles, left to right.

In three steps, after Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical
system structures", IEEE Transactions on Systems, Man, and Cybernetics 11(2), 1981:

1. a layer for each node: one more than the last of those before it, leaves as late as they can;
2. an order within each layer, by the mean places of neighbours, swept both ways, keeping the
   best; an edge over several layers holds a place in each, which
   edges of one node share;
3. positions: each layer takes the least squares to the mean of its neighbours, with room
   between, which is an isotonic regression.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

Point = tuple[float, float]

_SWEEPS = 12
#: An edge that passes by takes this much room, of what is between nodes.
_PASSING = 0.35


@dataclass(frozen=True)
class Layout:
    """Where everything is.

    Attributes:
        centres: the centre of each node; x grows from left to right, y downward.
        routes: the points that each edge passes between its ends.
        width: of the whole.
        height: of the whole.
    """

    centres: tuple[Point, ...]
    routes: tuple[tuple[Point, ...], ...]
    width: float
    height: float


def layered(
    sizes: Sequence[tuple[float, float]],
    edges: Sequence[tuple[int, int]],
    *,
    across: float = 40.0,
    between: float = 14.0,
) -> Layout:
    """Return a layout in which every edge runs to the right and no two nodes overlap.

    Args:
        sizes: the width and height of each node.
        edges: the nodes at the two ends of each; ``u < v`` for each ``(u, v)``. There may be
            several between the same two nodes.
        across: the room between layers.
        between: the room between nodes of a layer.

    Example:
        >>> found = layered([(10, 10)] * 3, [(0, 1), (1, 2), (0, 2)])
        >>> [x for x, _ in found.centres]
        [5.0, 55.0, 105.0]
        >>> [len(route) for route in found.routes]
        [0, 0, 1]
    """
    if not sizes:
        return Layout((), tuple(() for _ in edges), 0.0, 0.0)
    grid = _Grid(sizes, edges, between)
    grid.reduce_crossings()
    ys = grid.positions()
    lefts, x = [], 0.0
    widths = [max(grid.widths[v] for v in row) for row in grid.rows]
    for width in widths:
        lefts.append(x)
        x += width + across
    middles = [left + width / 2 for left, width in zip(lefts, widths, strict=True)]
    top = min(ys[v] - grid.heights[v] / 2 for v in range(len(ys)))
    bottom = max(ys[v] + grid.heights[v] / 2 for v in range(len(ys)))
    points = [(middles[grid.layer[v]], ys[v] - top) for v in range(len(ys))]
    routes = tuple(tuple(points[v] for v in chain) for chain in grid.chains)
    return Layout(tuple(points[: len(sizes)]), routes, x - across, bottom - top)


def _layers(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """Return the layer of each node: leaves stand right before what uses them first."""
    layer = [0] * count
    after: list[list[int]] = [[] for _ in range(count)]
    fed = [False] * count
    for u, v in edges:
        after[u].append(v)
        fed[v] = True
    for u in range(count):
        for v in after[u]:
            layer[v] = max(layer[v], layer[u] + 1)
    for u in range(count):
        if not fed[u] and after[u]:
            layer[u] = min(layer[v] for v in after[u]) - 1
    return layer


class _Grid:
    """Nodes and the places of edges that pass by, row after row (a row is a layer)."""

    def __init__(
        self,
        sizes: Sequence[tuple[float, float]],
        edges: Sequence[tuple[int, int]],
        between: float,
    ) -> None:
        self.between = between
        self.layer = _layers(len(sizes), edges)
        self.widths = [width for width, _ in sizes]
        self.heights = [height for _, height in sizes]
        self.real = len(sizes)
        self.chains: list[list[int]] = []
        links: dict[tuple[int, int], None] = {}
        # Edges of one node share their places until they part.
        passed: dict[int, list[int]] = {}
        for u, v in edges:
            chain = passed.setdefault(u, [])
            length = self.layer[v] - self.layer[u] - 1
            for layer in range(self.layer[u] + 1 + len(chain), self.layer[v]):
                chain.append(len(self.layer))
                self.layer.append(layer)
                self.widths.append(0.0)
                self.heights.append(0.0)
            own = chain[:length]
            links.update(dict.fromkeys(zip([u, *own], [*own, v], strict=True)))
            self.chains.append(own)
        count = len(self.layer)
        self.before: list[list[int]] = [[] for _ in range(count)]
        self.after: list[list[int]] = [[] for _ in range(count)]
        for u, v in links:
            self.after[u].append(v)
            self.before[v].append(u)
        self.rows: list[list[int]] = [[] for _ in range(max(self.layer) + 1)]
        for v in self._walk():
            self.rows[self.layer[v]].append(v)

    def _walk(self) -> list[int]:
        """Return all places in the order of a walk back from the results: a first order."""
        seen = [False] * len(self.layer)
        found = []
        for start in reversed(range(len(self.layer))):
            pending = [start]
            while pending:
                v = pending.pop()
                if not seen[v]:
                    seen[v] = True
                    found.append(v)
                    pending += reversed(self.before[v])
        return found

    # -- order ---------------------------------------------------------------------------

    def reduce_crossings(self) -> None:
        """Order each row so that few edges cross."""
        best, fewest = [list(row) for row in self.rows], self.crossings()
        for sweep in range(_SWEEPS):
            if fewest == 0:
                break
            down = sweep % 2 == 0
            rows = range(1, len(self.rows)) if down else range(len(self.rows) - 2, -1, -1)
            for k in rows:
                other = self.rows[k - 1 if down else k + 1]
                place = {v: float(p) for p, v in enumerate(other)}
                near = self.before if down else self.after
                own = {v: float(p) for p, v in enumerate(self.rows[k])}
                self.rows[k].sort(key=lambda v, n=near, p=place, o=own: _mean(n[v], p, o[v]))  # type: ignore[misc]
            found = self.crossings()
            if found < fewest:
                best, fewest = [list(row) for row in self.rows], found
        self.rows = best

    def crossings(self) -> int:
        """Return how many pairs of edges cross."""
        total = 0
        for left, right in zip(self.rows, self.rows[1:], strict=False):
            place = {v: p for p, v in enumerate(right)}
            ends = [end for u in left for end in sorted(place[v] for v in self.after[u])]
            total += _inversions(ends, len(right))
        return total

    # -- positions -----------------------------------------------------------------------

    def positions(self) -> list[float]:
        """Return y of each node and place."""
        ys = [0.0] * len(self.layer)
        for row in self.rows:
            for v, y in zip(row, self._spread(row, [0.0] * len(row)), strict=True):
                ys[v] = y
        for sweep in range(2 * _SWEEPS):
            down = sweep % 2 == 0
            both = sweep >= _SWEEPS
            for row in self.rows if down else reversed(self.rows):
                wanted = []
                for v in row:
                    near = self.before[v] if down else self.after[v]
                    near = self.before[v] + self.after[v] if both or not near else near
                    wanted.append(sum(ys[u] for u in near) / len(near) if near else ys[v])
                for v, y in zip(row, self._spread(row, wanted), strict=True):
                    ys[v] = y
        return ys

    def _spread(self, row: Sequence[int], wanted: Sequence[float]) -> list[float]:
        """Return what is nearest to ``wanted`` in least squares and keeps its distances."""
        offsets, offset = [0.0], 0.0
        for u, v in itertools.pairwise(row):
            passing = u >= self.real and v >= self.real
            room = self.between * (_PASSING if passing else 1.0)
            offset += (self.heights[u] + self.heights[v]) / 2 + room
            offsets.append(offset)
        shifted = [w - o for w, o in zip(wanted, offsets, strict=True)]
        return [y + o for y, o in zip(_isotonic(shifted), offsets, strict=True)]


def _mean(near: Sequence[int], place: dict[int, float], own: float) -> float:
    return sum(place[u] for u in near) / len(near) if near else own


def _inversions(ends: Sequence[int], size: int) -> int:
    """Return how many pairs are out of order, by a tree of counts."""
    tree, total = [0] * (size + 1), 0
    for seen, end in enumerate(ends):
        k, below = end + 1, 0
        while k > 0:
            below += tree[k]
            k -= k & -k
        total += seen - below
        k = end + 1
        while k <= size:
            tree[k] += 1
            k += k & -k
    return total


def _isotonic(values: Sequence[float]) -> list[float]:
    """Return the non-decreasing sequence nearest in least squares: adjacent violators pooled."""
    blocks: list[tuple[float, int]] = []
    for value in values:
        mean, count = value, 1
        while blocks and blocks[-1][0] > mean:
            before, number = blocks.pop()
            mean = (before * number + mean * count) / (number + count)
            count += number
        blocks.append((mean, count))
    return [mean for mean, count in blocks for _ in range(count)]
