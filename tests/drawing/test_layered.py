"""The layout: every edge runs to the right, and nothing lies on anything else."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from symcompile.drawing.layered import layered

Case = tuple[list[tuple[float, float]], list[tuple[int, int]]]


@st.composite
def graphs(draw: st.DrawFn) -> Case:
    count = draw(st.integers(1, 25))
    length = st.floats(5, 200)
    sizes = draw(st.lists(st.tuples(length, length), min_size=count, max_size=count))
    pair = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))
    pairs = draw(st.lists(pair, max_size=50))
    return sizes, [(min(p), max(p)) for p in pairs if p[0] != p[1]]


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_edges_run_to_the_right_and_nodes_keep_apart(case: Case) -> None:
    sizes, edges = case
    found = layered(sizes, edges, across=40.0, between=14.0)
    boxes = list(zip(found.centres, sizes, strict=True))
    for (u, v), route in zip(edges, found.routes, strict=True):
        points = [found.centres[u], *route, found.centres[v]]
        assert all(a[0] < b[0] for a, b in itertools.pairwise(points))
        gap = found.centres[v][0] - found.centres[u][0]
        assert gap >= (sizes[u][0] + sizes[v][0]) / 2 + 40.0 - 1e-6
    for ((x, y), (w, h)), ((x2, y2), (w2, h2)) in itertools.combinations(boxes, 2):
        apart_x = abs(x - x2) - (w + w2) / 2
        apart_y = abs(y - y2) - (h + h2) / 2
        assert apart_x >= 40.0 - 1e-6 or apart_y >= 0.3 * 14.0 - 1e-6
    for (x, y), (w, h) in boxes:
        assert x - w / 2 >= -1e-6 and x + w / 2 <= found.width + 1e-6
        assert y - h / 2 >= -1e-6 and y + h / 2 <= found.height + 1e-6
    assert layered(sizes, edges) == found


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_an_edge_that_passes_a_layer_touches_no_node_there(case: Case) -> None:
    sizes, edges = case
    found = layered(sizes, edges)
    for (u, v), route in zip(edges, found.routes, strict=True):
        for x, y in route:
            beside = [
                abs(y - cy) - h / 2
                for k, ((cx, cy), (_, h)) in enumerate(zip(found.centres, sizes, strict=True))
                if cx == x and k not in (u, v)
            ]
            assert all(distance > 0 for distance in beside)


def test_a_crossing_that_need_not_be_is_taken_out() -> None:
    found = layered([(10, 10)] * 4, [(0, 3), (1, 2)])
    ys = [y for _, y in found.centres]
    assert (ys[0] < ys[1]) == (ys[3] < ys[2])


def test_nothing_and_a_lone_node() -> None:
    assert layered([], []).width == 0
    assert layered([(30, 20)], []).centres == ((15.0, 10.0),)
