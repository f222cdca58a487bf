"""The cheapest cut of a network: which nodes stay with the source."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

Edges = Mapping[tuple[int, int], int]
_Left = dict[int, dict[int, int]]


def nearest_cut(edges: Edges, source: int, sink: int) -> set[int]:
    """Return the nodes on the source's side of a cheapest cut, as few of them as there can be.

    What reaches the sink over all shortest paths is taken away at once (Dinic 1970).

    Args:
        edges: the price of cutting each edge.
        source: stays.
        sink: does not.

    Example:
        >>> sorted(nearest_cut({(0, 1): 3, (1, 2): 2, (2, 3): 2}, 0, 3))
        [0, 1]
    """
    left: _Left = {source: {}, sink: {}}
    for (start, end), price in edges.items():
        if price:
            ends = left.setdefault(start, {})
            ends[end] = ends.get(end, 0) + price
            left.setdefault(end, {}).setdefault(start, 0)
    while True:
        levels = _levels(left, source)
        if sink not in levels:
            return set(levels)
        _block(left, levels, source, sink)


def _levels(left: _Left, source: int) -> dict[int, int]:
    """Return how many edges with something left lead to each node that can be reached."""
    levels = {source: 0}
    pending = deque([source])
    while pending:
        start = pending.popleft()
        for end, price in left[start].items():
            if price and end not in levels:
                levels[end] = levels[start] + 1
                pending.append(end)
    return levels


def _block(left: _Left, levels: Mapping[int, int], source: int, sink: int) -> None:
    """Take away what flows over shortest paths, until none is left."""
    ends = {
        start: [end for end, price in left[start].items() if price and levels[end] == level + 1]
        for start, level in levels.items()
    }
    path = [source]
    while path:
        start = path[-1]
        if start == sink:
            steps = [(path[k], path[k + 1]) for k in range(len(path) - 1)]
            flow = min(left[first][last] for first, last in steps)
            for first, last in steps:
                left[first][last] -= flow
                left[last][first] += flow
            spent = next(k for k, (first, last) in enumerate(steps) if not left[first][last])
            del path[spent + 1 :]
            continue
        while ends[start] and not left[start][ends[start][-1]]:
            ends[start].pop()
        if ends[start]:
            path.append(ends[start][-1])
            continue
        path.pop()  # nothing goes on from here
        if path:
            ends[path[-1]].pop()
