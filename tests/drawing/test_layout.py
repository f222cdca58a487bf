"""Layouts of random graphs: edges go one way, and nothing stands on anything else."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from symcompile.drawing.layout import _crossings, arrange


@st.composite
def graphs(draw: st.DrawFn) -> dict[int, list[int]]:
    count = draw(st.integers(1, 25))
    return {
        node: draw(st.lists(st.integers(0, node - 1), max_size=3)) if node else []
        for node in range(count)
    }


@given(graphs())
def test_edges_go_one_way_and_nodes_stand_apart(edges: dict[int, list[int]]) -> None:
    widths = {node: 0.5 + 0.1 * (node % 7) for node in edges}
    layout = arrange(edges, widths)
    for node, tails in edges.items():
        for tail in tails:
            room = (widths[node] + widths[tail]) / 2
            assert layout.places[node][0] - layout.places[tail][0] > room
            way = layout.ways[tail, node]
            assert way[0] == layout.places[tail]
            assert way[-1] == layout.places[node]
            assert all(a[0] < b[0] for a, b in pairwise(way))
    places = list(layout.places.values())
    for k, (x, y) in enumerate(places):
        assert y >= -1e-9
        for other_x, other_y in places[:k]:
            assert abs(x - other_x) > 0.2 or abs(y - other_y) > 0.99


def test_crossings_are_counted_and_removed() -> None:
    assert _crossings([[0, 1], [2, 3]], {2: [1], 3: [0]}) == 1
    assert _crossings([[0, 1], [2, 3]], {2: [0, 1], 3: [0, 1]}) == 1
    layout = arrange({0: [], 1: [], 2: [1], 3: [0], 4: [2, 3]}, dict.fromkeys(range(5), 1.0))
    (x0, y0), (x1, y1) = layout.places[0], layout.places[1]
    assert x0 == x1
    assert (y0 < y1) == (layout.places[3][1] < layout.places[2][1])


def test_nothing_is_a_layout_too() -> None:
    assert arrange({}, {}).size == (0.0, 0.0)
