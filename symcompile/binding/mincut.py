"""The cheapest cut of a network: which nodes stay with the source."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from itertools import pairwise

Edges = Mapping[tuple[int, int], int]


def nearest_cut(edges: Edges, source: int, sink: int) -> set[int]:
    """Return the nodes on the source's side of a cheapest cut, as few of them as there can be.

    Args:
        edges: the price of cutting each edge.
        source: stays.
        sink: does not.

    Example:
        >>> sorted(nearest_cut({(0, 1): 3, (1, 2): 2, (2, 3): 2}, 0, 3))
        [0, 1]
    """
    left: dict[int, dict[int, int]] = {source: {}, sink: {}}
    for (start, end), price in edges.items():
        if price:
            left.setdefault(start, {})[end] = price
            left.setdefault(end, {}).setdefault(start, 0)
    while True:
        before = _reached(left, source, sink)
        if sink not in before:
            return set(before)
        path = [sink]
        while path[-1] != source:
            path.append(before[path[-1]])
        path.reverse()
        steps = list(pairwise(path))
        flow = min(left[start][end] for start, end in steps)
        for start, end in steps:
            left[start][end] -= flow
            left[end][start] += flow


def _reached(left: Mapping[int, Mapping[int, int]], source: int, sink: int) -> dict[int, int]:
    """Return what can be reached over edges with something left, and where from: shortest first."""
    before = {source: source}
    pending = deque([source])
    while pending:
        start = pending.popleft()
        for end, price in left[start].items():
            if price and end not in before:
                before[end] = start
                if end == sink:
                    return before
                pending.append(end)
    return before
