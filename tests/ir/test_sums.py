"""Sums pulled apart: what leaves a sum, and what does not."""

from __future__ import annotations

import numpy as np

from symcompile.ir.affine import Affine
from symcompile.ir.build import Builder
from symcompile.ir.graph import Axis, Gather, Input, View
from tests.arrays import evaluate


def test_a_delta_of_a_gathered_index_stays_in_its_sum() -> None:
    """``Sum_j delta(r[i], j)*X[i, j]``: the index r[i] is no function of the others."""
    n_, d_ = Axis(Affine.of("n")), Axis(Affine.of("d"))
    b = Builder()
    graph = b.graph
    x, r = graph.input("data", 0, (n_, d_)), graph.input("data", 1, (n_,))
    same = b.delta(Affine(0, ((0, 1), (1, -1))), (d_, d_))
    picked = b.view(same, View((Gather(1, (0,)), Affine(0, ((1, 1),)))), (n_, d_), (r,))
    root = b.reduce_sum(b.call("mul", picked, x), 1)
    table = np.arange(6.0).reshape(3, 2)
    inputs = {Input("data", 0): table, Input("data", 1): np.array([1.0, 0.0, 1.0])}
    (found,) = evaluate(graph, [root], inputs, {"n": 3, "d": 2})
    assert found.tolist() == [1.0, 2.0, 5.0]
