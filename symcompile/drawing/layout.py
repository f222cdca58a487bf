"""Where nodes of a graph stand: in layers, from what is given to what is computed.

Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical system structures"
(1981): nodes are put into layers, edges over several layers get a waypoint in each, the order in
each layer is improved by barycentres, and places follow from the order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

_SWEEPS: Final = 24


@dataclass(frozen=True)
class Layout:
    """Places of nodes and the way of edges; the first coordinate grows along the computation.

    Attributes:
        places: of each node.
        ways: the points that each edge goes through, from its tail to its head.
    """

    places: dict[int, tuple[float, float]]
    ways: dict[tuple[int, int], list[tuple[float, float]]]

    @property
    def size(self) -> tuple[float, float]:
        """How far it reaches in both directions."""
        return (
            max((x for x, _ in self.places.values()), default=0.0),
            max((y for _, y in self.places.values()), default=0.0),
        )


def arrange(
    edges: Mapping[int, Sequence[int]], widths: Mapping[int, float], gap: float = 0.6
) -> Layout:
    """Return a layout.

    Args:
        edges: the tails of the edges into each node, in the order of the computation: a tail
            comes before its heads.
        widths: how much room each node takes along the computation.
        gap: between two layers.

    Example:
        >>> layout = arrange({0: [], 1: [], 2: [0, 1]}, {0: 1, 1: 1, 2: 1})
        >>> layout.places[0][0] < layout.places[2][0]
        True
    """
    layers = _layers(edges)
    rows, chains = _with_waypoints(edges, layers)
    neighbours = _neighbours(chains)
    _order(rows, neighbours)
    heights = _heights(rows, neighbours)
    left = 0.0
    middles: list[float] = []
    for row in rows:
        width = max((widths[node] for node in row if node >= 0), default=0.0)
        middles.append(left + width / 2)
        left += width + gap
    level = {node: k for k, row in enumerate(rows) for node in row}
    places = {node: (middles[layers[node]], heights[node]) for node in edges}
    ways = {
        edge: [(middles[level[point]], heights[point]) for point in chain]
        for edge, chain in chains.items()
    }
    return Layout(places, ways)


def _layers(edges: Mapping[int, Sequence[int]]) -> dict[int, int]:
    """Return the layer of each node: inputs as near to their first use as they can be."""
    layers: dict[int, int] = {}
    for node, tails in edges.items():
        layers[node] = max((layers[tail] + 1 for tail in tails), default=0)
    heads: dict[int, list[int]] = {node: [] for node in edges}
    for node, tails in edges.items():
        for tail in tails:
            heads[tail].append(node)
    for node, tails in edges.items():
        if not tails and heads[node]:
            layers[node] = min(layers[head] for head in heads[node]) - 1
    return layers


def _with_waypoints(
    edges: Mapping[int, Sequence[int]], layers: Mapping[int, int]
) -> tuple[list[list[int]], dict[tuple[int, int], list[int]]]:
    """Return the nodes of each layer, and those along each edge; waypoints are negative."""
    rows: list[list[int]] = [[] for _ in range(max(layers.values(), default=-1) + 1)]
    for node in edges:
        rows[layers[node]].append(node)
    chains: dict[tuple[int, int], list[int]] = {}
    fresh = -1
    for node, tails in edges.items():
        for tail in dict.fromkeys(tails):
            chain = [tail]
            for layer in range(layers[tail] + 1, layers[node]):
                rows[layer].append(fresh)
                chain.append(fresh)
                fresh -= 1
            chains[tail, node] = [*chain, node]
    return rows, chains


def _neighbours(chains: Mapping[tuple[int, int], list[int]]) -> dict[str, dict[int, list[int]]]:
    before: dict[int, list[int]] = {}
    after: dict[int, list[int]] = {}
    for chain in chains.values():
        for tail, head in pairwise(chain):
            before.setdefault(head, []).append(tail)
            after.setdefault(tail, []).append(head)
    return {"before": before, "after": after}


def _order(rows: list[list[int]], neighbours: Mapping[str, Mapping[int, list[int]]]) -> None:
    """Sort each layer by the mean place of its neighbours, forth and back; keep the best."""
    best, fewest = [list(row) for row in rows], _crossings(rows, neighbours["before"])
    for sweep in range(_SWEEPS):
        forth = sweep % 2 == 0
        side = neighbours["before" if forth else "after"]
        for k in range(1, len(rows)) if forth else range(len(rows) - 2, -1, -1):
            other = {node: at for at, node in enumerate(rows[k - 1 if forth else k + 1])}
            here = {node: at for at, node in enumerate(rows[k])}

            means = {}
            for node in rows[k]:
                found = [other[one] for one in side.get(node, ()) if one in other]
                means[node] = sum(found) / len(found) if found else float(here[node])
            rows[k].sort(key=lambda node, means=means: means[node])  # type: ignore[misc]
        crossings = _crossings(rows, neighbours["before"])
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
        if not fewest:
            break
    rows[:] = best


def _crossings(rows: Sequence[Sequence[int]], before: Mapping[int, list[int]]) -> int:
    total = 0
    for k in range(1, len(rows)):
        place = {node: at for at, node in enumerate(rows[k - 1])}
        ends = [sorted(place[t] for t in before.get(node, ()) if t in place) for node in rows[k]]
        seen = [0] * (len(place) + 1)  # a Fenwick tree over the tails so far
        count = 0
        for tails in ends:
            for tail in tails:
                at, below = tail + 1, 0
                while at:
                    below += seen[at]
                    at -= at & -at
                total += count - below
            for tail in tails:
                at = tail + 1
                while at < len(seen):
                    seen[at] += 1
                    at += at & -at
                count += 1
    return total


def _heights(
    rows: Sequence[Sequence[int]], neighbours: Mapping[str, Mapping[int, list[int]]]
) -> dict[int, float]:
    """Return heights: each node near the mean of its neighbours, in order, a distance apart."""
    heights = {node: float(k) for row in rows for k, node in enumerate(row)}
    for sweep in range(_SWEEPS):
        forth = sweep % 2 == 0
        for row in rows if forth else reversed(rows):
            wanted = []
            for node in row:
                near = [*neighbours["before"].get(node, ()), *neighbours["after"].get(node, ())]
                wanted.append(sum(heights[n] for n in near) / len(near) if near else heights[node])
            for node, height in zip(row, _apart(row, wanted), strict=True):
                heights[node] = height
    low = min(heights.values(), default=0.0)
    return {node: height - low for node, height in heights.items()}


def _apart(row: Sequence[int], wanted: Sequence[float]) -> list[float]:
    """Return the nearest heights (least squares) that are in order and far enough apart."""
    # With distances taken off, heights may not fall: pool those that would (Ayer et al. 1955).
    offsets = [0.0]
    for one, other in pairwise(row):
        offsets.append(offsets[-1] + (1.0 if one >= 0 or other >= 0 else 0.4))
    blocks: list[tuple[float, int]] = []
    for height, offset in zip(wanted, offsets, strict=True):
        total, count = float(height - offset), 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / count:
            rest, more = blocks.pop()
            total, count = total + rest, count + more
        blocks.append((total, count))
    pooled = [total / count for total, count in blocks for _ in range(count)]
    return [height + offset for height, offset in zip(pooled, offsets, strict=True)]
