"""Formulas that plain Python computes until machine code pays."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symcompile as sc
from symcompile.build import cpu
from symcompile.elementwise import promotion, variants
from symcompile.errors import CompileError

x, y = sp.symbols("x y")
WAVE = (sp.sin(x) + x**2) / 2
X = np.linspace(-3.0, 3.0, 1001)


def wave(values: Any) -> Any:
    return (np.sin(values) + values**2) / 2


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiling costs as much as two calls with a thousand elements."""
    monkeypatch.setattr(promotion, "_PRICE", 100_000)


def test_arrays_change_over_when_they_have_paid(cheap: None) -> None:
    f = sc.lambdify(x, WAVE)
    found = [(f(X), f.backend) for _ in range(4)]
    backends = [backend for _, backend in found]
    assert backends[0] == "python" and backends[-1] == "llvm"
    assert backends == sorted(backends, reverse=True)  # once and for all
    for result, _ in found:
        np.testing.assert_allclose(result, wave(X), rtol=1e-15, atol=1e-15)
    np.testing.assert_array_equal(found[-1][0], sc.lambdify(x, WAVE, backend="llvm")(X))


def test_the_same_calls_change_over_at_the_same_place(cheap: None) -> None:
    def changed() -> list[bytes]:
        f = sc.lambdify(x, WAVE)
        return [f(X[:n]).tobytes() for n in (10, 400, 900, 30, 1001, 1001, 7)]

    assert changed() == changed()


def test_numbers_never_do(cheap: None) -> None:
    f = sc.lambdify(x, WAVE)
    for _ in range(20_000):
        f(1.5)
    assert f.backend == "python"
    f(np.float64(1.5)), f(np.array(1.5))
    assert f.backend == "python"


def test_every_kind_of_call_counts_for_itself(cheap: None) -> None:
    f = sc.lambdify((x, y), {"sum": x + sp.exp(y), "both": [x * y, sp.Matrix([[x], [y]])]})
    for _ in range(20):
        found = f(X, 0.5)
        mixed = f(1.0 + 2.0j, X)
    assert f.backend == "llvm"
    np.testing.assert_allclose(found["sum"], X + np.exp(0.5), rtol=1e-15)
    np.testing.assert_allclose(mixed["both"][0], (1 + 2j) * X, rtol=1e-15)
    assert found["both"][1].shape == (1001, 2, 1)
    into = {"sum": np.empty(1001), "both": [np.empty(1001), np.empty((1001, 2, 1))]}
    f(X, 0.5, out=into)
    np.testing.assert_array_equal(into["both"][1], found["both"][1])


def test_a_copy_has_not_paid_yet(cheap: None) -> None:
    f = sc.lambdify(x, WAVE)
    for _ in range(5):
        f(X)
    copy = pickle.loads(pickle.dumps(f))
    assert (f.backend, copy.backend) == ("llvm", "python")
    for _ in range(5):
        copy(X)
    assert copy.backend == "llvm"


@pytest.mark.parametrize("why", ["machine", "build"])
def test_without_llvm_all_goes_on(cheap: None, monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    if why == "machine":
        monkeypatch.setattr(cpu, "has_llvm", lambda: False)
    else:
        real = variants.Variants._compiled

        def compiled(self: variants.Variants, variant: variants.Variant) -> Any:
            if self.backend == "llvm":
                raise CompileError("no such luck")
            return real(self, variant)

        monkeypatch.setattr(variants.Variants, "_compiled", compiled)
    f = sc.lambdify(x, WAVE)
    for _ in range(5):
        np.testing.assert_allclose(f(X), wave(X), rtol=1e-15, atol=1e-15)
    assert f.backend == "python"


def test_threads_that_call_at_once(cheap: None) -> None:
    f = sc.lambdify(x, WAVE)
    with ThreadPoolExecutor(4) as pool:
        for result in pool.map(f, [X] * 40):
            np.testing.assert_allclose(result, wave(X), rtol=1e-15, atol=1e-15)
    assert f.backend == "llvm"


def test_a_backend_that_is_asked_for_stays(cheap: None) -> None:
    f = sc.lambdify(x, WAVE, backend="python")
    for _ in range(5):
        f(X)
    assert f.backend == "python"
