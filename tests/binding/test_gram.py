"""Functions over arrays by binding time: which moments with axes a formula needs."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp

from symcompile.binding.gram import Arrays
from symcompile.binding.split import Split, split
from symcompile.compiler import plan
from symcompile.frontend.definition import define
from symcompile.stages import show_stage

n, m, c = sp.symbols("n m c", integer=True, positive=True)
i, j, k = sp.Idx("i", n), sp.Idx("j", m), sp.Idx("k", c)
w, W = sp.IndexedBase("w", shape=(m,)), sp.IndexedBase("W", shape=(m, c))
X, Y = sp.IndexedBase("X", shape=(n, m)), sp.IndexedBase("Y", shape=(n, c))
y, g = sp.IndexedBase("y", shape=(n,)), sp.IndexedBase("g", shape=(n,))
b = sp.Symbol("b")

FEATURES, SAMPLES, OUTPUTS = (j, 0, m - 1), (i, 0, n - 1), (k, 0, c - 1)
RESIDUAL = y[i] - sp.Sum(w[j] * X[i, j], FEATURES)


def _split(formula: Any, names: tuple[str, ...] = ("value",), **how: Any) -> Split:
    how = {"params": w, "data": (X, y)} | how
    definition = define("f", formula, **how)
    return split(definition, plan(definition, names))


def _found(formula: Any, name: str = "value", **how: Any) -> Arrays:
    split = _split(formula, (name,), **how)
    assert not split.reasons
    return split.arrays[name]


def _ranks(found: Arrays) -> list[tuple[int, int]]:
    """Return how many factors and axes moments have."""
    return sorted((len(moment.factors), moment.rank) for moment in found.moments)


def test_least_squares_has_a_gram_matrix_a_vector_and_a_number() -> None:
    assert _ranks(_found(sp.Sum(RESIDUAL**2, SAMPLES))) == [(2, 0), (2, 1), (2, 2)]
    assert _ranks(_found(sp.Sum(RESIDUAL**2, SAMPLES), "hvp")) == [(2, 2)]
    found = _found(sp.Sum(RESIDUAL**2, SAMPLES), "grad")
    assert _ranks(found) == [(2, 1), (2, 2)]
    assert found.degree == 1


def test_weights_come_first() -> None:
    found = _found(sp.Sum(g[i] * RESIDUAL**2, SAMPLES), data=(X, y, g))
    assert _ranks(found) == [(3, 0), (3, 1), (3, 2)]
    for moment in found.moments:
        widths = [len(labels) for _, labels in moment.factors]
        assert widths == sorted(widths)


def test_what_is_of_data_alone_is_summed_into_the_moment() -> None:
    total = sp.Sum((Y[i, k] - sp.Sum(X[i, j] * W[j, k], FEATURES)) ** 2, SAMPLES, OUTPUTS)
    found = _found(total, params=W, data=(X, Y))
    assert _ranks(found) == [(2, 0), (2, 2), (2, 2)]
    (squares,) = [moment for moment in found.moments if moment.rank == 0]
    assert len(squares.axes) == 1


def test_data_are_not_multiplied_out() -> None:
    # X - 1e8 may be exact where X**2 - 2e8*X + 1e16 cancels.
    shifted = sp.Sum(sp.Sum(w[j] * (X[i, j] - 10**8), FEATURES) ** 2, SAMPLES)
    found = _found(shifted)
    assert found.plain == (-1,)
    assert _ranks(found) == [(2, 2)]


def test_names_of_indices_do_not_matter() -> None:
    prediction = sp.Sum(w[j] * X[i, j], FEATURES)
    found = _found(sp.Sum(prediction * (y[i] + prediction) + prediction * y[i], SAMPLES))
    assert sorted(term.coefficient for total in found.sums for term in total.terms) == [1, 2]


def test_refusing_a_formula_takes_no_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Any:
        raise AssertionError("the pipeline runs")

    monkeypatch.setattr("symcompile.compiler.plan", refuse)
    found = _split(sp.Sum(sp.exp(RESIDUAL), SAMPLES), ("value", "grad"))
    assert found.reasons == dict.fromkeys(("value", "grad"), "exp of the parameters")
    assert "float32" in _split(sp.Sum(RESIDUAL, SAMPLES), dtype="float32").reasons["value"]
    rows = sp.Matrix([sp.Sum(w[j] ** 2, FEATURES), b])
    assert "summed" in _split(rows, params=(w, b), data=()).reasons["value"]


def test_the_stage_shows_moments_with_their_axes() -> None:
    total = sp.Sum(g[i] * (sp.log(y[i]) - b - sp.Sum(w[j] * X[i, j], FEATURES)) ** 2, SAMPLES)
    definition = define("f", total, params=(w, b), data=(X, y, g))
    text = show_stage(definition, "binding")
    lines = text.splitlines()
    assert lines[0] == "once, when data are bound:"
    assert "  derived1[i] = log(y[i])" in lines
    assert any("[j, k] = sum over i of g[i]*X[i, j]*X[i, k]" in line for line in lines)
    assert sum(line.startswith("from moments: ") for line in lines) >= 1
    definition = define("f", sp.Sum(sp.exp(RESIDUAL), SAMPLES), params=w, data=(X, y))
    assert show_stage(definition, "binding").endswith("vjp (exp of the parameters)")
    assert "once" not in show_stage(definition, "binding")


def test_text_does_not_depend_on_order_of_discovery() -> None:
    one, two = (_found(sp.Sum(g[i] * RESIDUAL**2, SAMPLES), data=(X, y, g)) for _ in range(2))
    assert (one.moments, one.sums, one.plain) == (two.moments, two.sums, two.plain)
