"""When moments with axes serve, and what is said about it."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symcompile as sc
from tests.gram.cases import (
    CASES,
    FEATURES,
    OUTPUTS,
    RESIDUAL,
    SAMPLES,
    X,
    c,
    from_moments,
    i,
    j,
    k,
    n,
    plain_kernel,
    sample_data,
    w,
    y,
)


def test_the_plan_says_what_is_computed_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    kernel = plain_kernel("llvm")
    assert "the data are few" in kernel.bind(np.ones((9, 3)), np.ones(9)).plan
    wide = kernel.bind(np.broadcast_to(1.0, (60_000, 784)), np.ones(60_000))
    assert "value, value_and_grad: a pass over the data (308505 moments cost more)" in wide.plan
    tall = kernel.bind(np.ones((200_000, 10)), np.ones(200_000))
    assert "value, value_and_grad: 66 moments in minimize" in tall.plan
    assert tall._moments.function("value_and_grad", fit=True) is not None
    assert tall._moments.function("value_and_grad") is None


def test_moments_that_take_too_much_memory_are_not_used() -> None:
    objective = plain_kernel().bind(np.ones((1, 3000)), np.ones(1))
    assert "take too much memory" in objective.plan
    assert objective.value(np.zeros(3000)) == 1.0


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        (sp.Sum(sp.log(1 + sp.exp(RESIDUAL)), SAMPLES), "exp of the parameters"),
        (sp.Sum(sp.Abs(RESIDUAL), SAMPLES), "abs of the parameters"),
        (sp.Sum(y[i] / (1 + RESIDUAL), SAMPLES), "a quotient by the parameters"),
        (sp.Sum(w[j] ** 2, FEATURES) + y[0] * X[0, 0], "nothing is summed over samples"),
        (sp.Sum(RESIDUAL**9, SAMPLES), "of the parameters"),
    ],
)
def test_other_formulas_say_why_not(formula: Any, reason: str) -> None:
    kernel = sc.compile(formula, params=w, data=(X, y), backend="python")
    objective = kernel.bind(np.ones((5, 2)), np.ones(5))
    assert reason in objective.plan
    p = np.array([0.1, 0.2])
    assert objective.value(p) == kernel.value(p, np.ones((5, 2)), np.ones(5))


def test_sizes_that_data_do_not_say() -> None:
    free = sp.IndexedBase("f", shape=(c,))
    formula = sp.Sum(RESIDUAL**2, SAMPLES) + sp.Sum(free[k] ** 2, OUTPUTS)
    kernel = sc.compile(formula, params=(w, free), data=(X, y), backend="python")
    objective = kernel.bind(np.ones((5, 2)), np.ones(5))
    assert "the data do not say c" in objective.plan
    assert objective.value(np.zeros(5)) == 5.0


def test_float32_takes_the_data() -> None:
    formula, params, data, _ = CASES["plain"]
    kernel = sc.compile(formula, params=params, data=data, backend="python", dtype="float32")
    objective = kernel.bind(np.ones((9, 2)), np.ones(9))
    assert "float32" in objective.plan


def test_a_logarithm_of_a_sum_is_computed_from_moments() -> None:
    data = sample_data(50)
    formula = n * sp.log(sp.Sum(RESIDUAL**2, SAMPLES) / n) / 2
    kernel = sc.compile(formula, params=w, data=(X, y), backend="python")
    objective = kernel.bind(data["X"], data["y"])
    p = np.array([0.1, -0.2, 0.3, 0.4])
    value, grad = from_moments(objective, "value_and_grad")(p)
    direct, slopes = kernel.value_and_grad(p, data["X"], data["y"])
    assert value == pytest.approx(direct, rel=1e-14)
    np.testing.assert_allclose(grad, slopes, rtol=1e-13)
    assert "hessian, hvp: a pass over the data (a sum over samples within" in objective.plan


def test_arguments_are_checked_as_ever() -> None:
    objective = plain_kernel().bind(np.ones((3, 2)), np.ones(3))
    with pytest.raises(sc.SymcompileError, match="p"):
        objective.value([1.0])
    with pytest.raises(sc.SymcompileError, match="v"):
        objective.hvp([1.0, 2.0], [1.0])
    assert objective.value((0, 1)) == objective.value(np.array([0.0, 1.0])) == 0.0


def test_an_objective_pickles() -> None:
    data = sample_data()
    objective = plain_kernel().bind(data["X"], data["y"])
    again = pickle.loads(pickle.dumps(objective))
    p = np.ones(4)
    assert from_moments(again, "value")(p) == from_moments(objective, "value")(p)


def test_fits_reach_the_solution() -> None:
    data = sample_data(400)
    want = np.linalg.lstsq(data["X"], data["y"], rcond=None)[0]
    objective = plain_kernel().bind(data["X"], data["y"])
    for method in ("BFGS", "Newton-CG", "trust-exact", "L-BFGS-B"):
        found = objective.minimize(np.zeros(4), method=method)
        np.testing.assert_allclose(found.x, want, rtol=1e-5)


def test_binding_looks_at_no_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    """What serves many samples is found when a function is first called."""
    kernel = plain_kernel()
    kernel.value_and_grad(np.zeros(2), np.ones((3, 2)), np.ones(3))

    def refuse(*_: Any) -> Any:
        raise AssertionError("the pipeline runs while data are bound")

    with monkeypatch.context() as patch:
        patch.setattr("symcompile.compiler.plan", refuse)
        patch.setattr("symcompile.compiler.Binding.split", refuse)
        objective = kernel.bind(np.ones((100_000, 2)), np.ones(100_000))
    assert objective.value(np.array([0.25, 0.75])) == 0.0
