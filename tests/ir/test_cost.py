"""Costs as polynomials in sizes."""

from __future__ import annotations

import pytest

from symcompile.ir.affine import Affine
from symcompile.ir.cost import Cost, cost_of, kind_of, nominal_sizes, points
from symcompile.ir.graph import Axis, Graph, View, whole
from symcompile.ir.ops import OPS
from symcompile.ir.volume import ONE, Volume

N, D = Axis(Affine.of("n")), Axis(Affine.of("d"))
FIVE = Axis(Affine(5))


def test_each_node_is_counted_over_its_axes() -> None:
    g = Graph()
    x, w = g.input("data", 0, (N, D)), g.input("param", 0, (D,))
    z = g.reduce_sum(g.add("mul", (x, g.view(w, whole([1]), (N, D)))), 1)
    nodes = g.ancestors([g.reduce_sum(g.add("div", (g.add("exp", (z,)), g.add("sqrt", (z,)))))])
    assert str(cost_of(g, nodes)) == "2*d*n + n operations, 2*n divisions, n library calls"


def test_views_and_leaves_cost_nothing_and_scatters_an_addition() -> None:
    g = Graph()
    x = g.input("data", 0, (N,))
    leaves = [g.extent(N), g.constant(3), g.index(Affine.of(0, axis=True), (N,))]
    shifted = g.view(x, View((Affine.of(0, axis=True) + 1,)), (Axis(N.extent - 1),))
    assert str(cost_of(g, [x, *leaves, shifted])) == "no operations"
    back = g.scatter(shifted, View((Affine.of(0, axis=True) + 1,)), (N,))
    assert str(cost_of(g, [back])) == "n - 1 operations"


def test_one_is_singular() -> None:
    g = Graph()
    x = g.input("param", 0)
    assert str(cost_of(g, g.ancestors([g.add("sin", (g.add("add", (x, x)),))]))) == (
        "1 operation, 1 library call"
    )


@pytest.mark.parametrize("op", sorted(OPS))
def test_every_operation_has_a_cost(op: str) -> None:
    expected = 0 if op in ("detach", "refined", "sloped", "true", "false") else 1
    assert sum((part.number or 0) for part in kind_of(op)) == expected


def test_costs_add_up() -> None:
    n = Volume.of(N.extent)
    cost = Cost(n, ONE).plus(Cost(calls=n)).times(n)
    assert cost == Cost(n * n, n, n * n)
    assert cost.weighed({"n": 10}) == 100 + 5 * 10 + 20 * 100


def test_samples_are_what_data_has_and_parameters_have_not() -> None:
    g = Graph()
    both = [g.input("data", 0, (N, D)), g.input("param", 0, (D, FIVE))]
    assert nominal_sizes(g, both) == {"n": 10_000, "d": 100}
    assert nominal_sizes(g, both[1:]) == {"d": 100}
    square = [g.input("param", 1, (N,)), g.input("data", 1, (N, N))]
    assert nominal_sizes(g, square) == {"n": 100}
    assert points((N, FIVE), {"n": 7}) == 700
