"""How moments with axes are summed and contracted: exactly, in one order, once."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symcompile as sc
from symcompile.build.loader import build_llvm, build_python
from symcompile.emit.gram import emit_gram
from symcompile.gram import building, moments
from symcompile.options import Options
from tests.gram.cases import (
    CASES,
    exact_slopes,
    from_moments,
    off,
    plain_kernel,
    rational,
    sample_data,
    ssq,
)


def test_threads_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    data = sample_data(100_001, 6)
    p = np.random.default_rng(3).normal(size=6)
    found = set()
    for threads in ("1", "2", "64"):
        monkeypatch.setenv("SYMCOMPILE_NUM_THREADS", threads)
        objective = plain_kernel("llvm").bind(data["X"], data["y"])
        value, grad = from_moments(objective, "value_and_grad")(p)
        hessian = from_moments(objective, "hessian")(p)
        found.add((value, grad.tobytes(), hessian.tobytes()))
    assert len(found) == 1


def _modules(fused: bool) -> dict[str, Any]:
    name = "gram_llvm"
    return {
        "python": build_python(emit_gram("python", None, fused=False), "gram_python", Options()),
        "llvm": build_llvm(emit_gram("llvm", None, fused=fused), name, Options()),
    }


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("samples", [0, 1, 7, 512, 1025, 5000])
def test_sums_of_products_are_exact_to_a_hundred_bits(samples: int, fused: bool) -> None:
    rng = np.random.default_rng(samples)
    scale = 10.0 ** rng.integers(-6, 6, size=(samples, 3))
    columns = rng.normal(size=(samples, 3)) * scale
    # A column, two products, and the product of a product.
    table = np.array([[0, -1, -1], [0, 0, -1], [1, 2, 0], [3 + 2, 1, -1]], np.int64)
    layouts = [columns, np.asfortranarray(columns), np.repeat(columns, 2, axis=0)[::2]]
    exact = rational(columns)
    ones = [
        exact[:, 0],
        exact[:, 0] ** 2,
        exact[:, 1] * exact[:, 2],
        exact[:, 1] ** 2 * exact[:, 2],
    ]
    for module in _modules(fused).values():
        for layout in layouts:
            found = module.sums(table, layout[:, :2], layout[:, 2:]).reshape(-1, 3)
            for (high, low, size), terms in zip(found.tolist(), ones, strict=True):
                whole = sum(map(abs, terms), Fraction(0))
                error = abs(Fraction(high) + Fraction(low) - sum(terms, Fraction(0)))
                assert error <= whole * Fraction(2) ** -92
                assert abs(Fraction(size) - whole) <= whole * Fraction(2) ** -40


@pytest.mark.parametrize("name", ["several outputs", "fourth powers", "weighted ridge"])
def test_numpy_contracts_as_compiled_code_does(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    formula, params, data, _ = CASES[name]
    given_data = sample_data(40)
    kernel = sc.compile(formula, params=params, data=data, backend="python")
    columns = [given_data[str(base.label)] for base in data]
    p = np.random.default_rng(4).normal(
        size={"several outputs": 13, "fourth powers": 4}.get(name, 5)
    )
    found = []
    for module in _modules(fused=True).values():
        tools = (module.sums, module.contractions)
        monkeypatch.setattr(moments, "sums_and_contractions", lambda _, t=tools: t)
        objective = kernel.bind(*columns)
        value, grad = from_moments(objective, "value_and_grad")(p)
        found.append(np.array([value, *grad]))
        assert from_moments(objective, "value_and_grad")(p * np.nan) is None
    np.testing.assert_allclose(*found, rtol=4e-16)


def test_long_sums_over_features_are_contracted_in_parts() -> None:
    data = sample_data(30, 700)
    p = np.random.default_rng(5).normal(size=700)
    objective = plain_kernel("llvm").bind(data["X"], data["y"])
    A, t = rational(data["X"]), rational(data["y"])
    value, grad = from_moments(objective, "value_and_grad")(p)
    residuals = t - A @ rational(p)
    assert off(value, ssq(residuals)) < 4e-16
    for slope, exact in zip(grad, -2 * (A.T @ residuals), strict=True):
        assert off(slope, exact) < 4e-16


def test_functions_share_the_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    data, rows = sample_data(), []
    sums, contract = building.sums_and_contractions(Options())

    def counting(table: Any, *columns: Any) -> Any:
        rows.append(len(table))
        return sums(table, *columns)

    monkeypatch.setattr(moments, "sums_and_contractions", lambda _: (counting, contract))
    objective = plain_kernel().bind(data["X"], data["y"])
    p = np.ones(4)
    objective.value_and_grad(p)
    assert rows == [1 + 4 + 10]  # y'y, X'y and half of X'X
    objective.hessian(p)
    objective.grad(p)
    objective.hvp(p, p)
    assert sum(rows) == 15


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_small_shapes_and_layouts(data: st.DataObject) -> None:
    samples, features = data.draw(st.integers(0, 5)), data.draw(st.integers(1, 4))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    scale = 10.0 ** data.draw(st.integers(-8, 8))
    columns = rng.normal(size=(samples, features)) * scale
    layout = data.draw(st.sampled_from(["C", "F", "reversed", "every other"]))
    if layout == "F":
        columns = np.asfortranarray(columns)
    elif layout == "reversed":
        columns = columns[::-1, ::-1]
    elif layout == "every other":
        columns = np.repeat(columns, 2, axis=1)[:, ::2]
    target, weights = rng.normal(size=samples), rng.uniform(0.1, 2, size=samples)
    formula, params, names, exact = CASES["weighted ridge"]
    kernel = sc.compile(formula, params=params, data=names, backend="python")
    objective = kernel.bind(columns, target, weights)
    p = rng.normal(size=features + 1) * 10.0 ** data.draw(st.integers(-8, 8))
    value, grad = objective.value_and_grad(p)
    given_data = {"X": rational(columns), "y": rational(target), "g": rational(weights)}
    # Of negative parameters and positive data, all terms have one sign.
    sizes, most = {key: np.abs(array) for key, array in given_data.items()}, np.abs(rational(p))
    whole = exact(-most, sizes)
    assert abs(Fraction(value) - exact(rational(p), given_data)) <= whole * Fraction(2) ** -49
    if samples:
        want = exact_slopes(lambda at: exact(at, given_data), rational(p))
        bound = exact_slopes(lambda at: exact(-at, sizes), most)
        for slope, right, whole in zip(grad, want, bound, strict=True):
            assert abs(Fraction(float(slope)) - right) <= whole * Fraction(2) ** -48
