"""Code does not grow with dimensions or data."""

from __future__ import annotations

import pytest
import sympy as sp

from symcompile.compiler import emit, plan
from symcompile.frontend.definition import Definition, define
from symcompile.options import BACKENDS, Backend

n = sp.Symbol("n", integer=True, positive=True)


def logreg(d: int) -> Definition:
    """Return logistic regression on ``d`` features, a number."""
    i, j = sp.Idx("i", n), sp.Idx("j", d)
    X, y = sp.IndexedBase("X", shape=(n, d)), sp.IndexedBase("y", shape=(n,))
    w, b = sp.IndexedBase("w", shape=(d,)), sp.Symbol("b")
    z = sp.Sum(w[j] * X[i, j], (j, 0, d - 1)) + b
    loss = sp.Sum(sp.log(1 + sp.exp(-y[i] * z)), (i, 0, n - 1)) / n
    return define("logreg", loss, params=(w, b), data=(X, y))


@pytest.mark.parametrize("backend", BACKENDS)
def test_source_has_as_many_lines_for_any_dimension(backend: Backend) -> None:
    lines = []
    for d in (3, 784, 100_000):
        definition = logreg(d)
        text = emit(definition, plan(definition), backend)
        lines.append(text.count("\n"))
    assert len(set(lines)) == 1


def test_the_graph_has_as_many_nodes_for_any_dimension() -> None:
    counts = {d: [len(s.graph) for s in plan(logreg(d))] for d in (3, 784)}
    assert counts[3] == counts[784]
