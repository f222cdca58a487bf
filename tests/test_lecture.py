"""The published figures of the lecture, out of every backend."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from scipy.optimize import minimize

import symcompile as sc
from symcompile.demo.specimens import load_specimens

w0, w1, x, y = sp.symbols("w0 w1 x y")
LOSS = 2.7447662570799594
OPTIMUM = [12.6899981, -0.7180591]
INVERSE_HESSIAN = [[5.57425906, -1.09086733], [-1.09086733, 0.23434848]]

backends = pytest.mark.parametrize("backend", sc.BACKENDS)


@cache
def kernel(backend: sc.Backend) -> sc.Kernel:
    definition = sc.define(
        "linreg", (w0 + w1 * x - y) ** 2, params=(w0, w1), data=(x, y), reduce="mean"
    )
    return sc.compile(definition, backend=backend)


@pytest.fixture(params=["own", "shared"])
def samples(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray]:
    if request.param == "own":
        return load_specimens()
    folder: Path = request.getfixturevalue("shared_data")
    with (folder / "trilotropicos.csv").open() as file:
        rows = list(csv.reader(file))[1:]
    return tuple(np.array(rows, dtype=float).T)


@backends
def test_bfgs_run(backend: sc.Backend, samples: tuple[np.ndarray, np.ndarray]) -> None:
    k = kernel(backend)
    direct = minimize(k.value_and_grad, [0, 0], args=samples, jac=True, method="BFGS")
    bound = k.bind(*samples).minimize([0, 0], method="BFGS")
    for found in (direct, bound):
        assert found.fun == pytest.approx(LOSS, rel=1e-13)
        np.testing.assert_allclose(found.x, OPTIMUM, atol=5e-8)
        assert (found.nit, found.nfev) == (9, 10)
        np.testing.assert_allclose(found.hess_inv, INVERSE_HESSIAN, atol=5e-9)


@backends
def test_value_and_gradient_at_a_point(
    backend: sc.Backend, samples: tuple[np.ndarray, np.ndarray]
) -> None:
    loss, grad = kernel(backend).value_and_grad([10.98668483, 0.37723461], *samples)
    assert loss == pytest.approx(16.7906945, abs=3e-7)
    np.testing.assert_allclose(grad, [6.77949907, 36.19071996], atol=3e-7)


@backends
def test_scalar_examples(backend: sc.Backend) -> None:
    f = sc.lambdify(x, (sp.sin(x) + x**2) / 2, backend=backend)
    assert f(10) == pytest.approx(49.72798944, abs=5e-9)
    z = x**2 + x * sp.cos(y)
    k = sc.compile(z, params=(x, y), backend=backend)
    at = {x: 2, y: sp.pi / 4}
    value, grad = k.value_and_grad([2, np.pi / 4])
    assert value == pytest.approx(float(z.subs(at)), rel=1e-15)
    expected = [float(z.diff(s).subs(at)) for s in (x, y)]
    np.testing.assert_allclose(grad, expected, rtol=1e-15)


@pytest.mark.parametrize("backend", ["python", "cython"])
def test_loss_written_out_over_numbers(
    backend: sc.Backend, samples: tuple[np.ndarray, np.ndarray]
) -> None:
    written = sum((w0 + w1 * a - b) ** 2 for a, b in zip(*samples, strict=True)) / len(samples[0])
    for loss in (written, sp.expand(written)):
        k = sc.compile(loss, params=(w0, w1), backend=backend)
        value, grad = k.value_and_grad([10.98668483, 0.37723461])
        assert value == pytest.approx(16.7906945, abs=3e-7)
        np.testing.assert_allclose(grad, [6.77949907, 36.19071996], atol=3e-7)
        found = k.bind().minimize([0, 0], method="BFGS")
        np.testing.assert_allclose(found.x, OPTIMUM, atol=5e-8)


def test_gradient_prints_as_sympy_prints_it() -> None:
    a, b = load_specimens()
    written = sp.expand(sum((w0 + w1 * p - q) ** 2 for p, q in zip(a, b, strict=True)) / 150)
    gradient = sc.define("written", written, params=(w0, w1)).gradient()
    expected = [written.diff(w0), written.diff(w1)]
    for ours, theirs in zip(gradient.results, expected, strict=True):
        difference = sp.Poly(ours - theirs, w0, w1)
        assert max(map(abs, difference.coeffs())) < 1e-12
