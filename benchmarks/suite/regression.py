"""Whole fits by least squares, data bound within the clock: a line, and ten features."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import sympy as sp

import symcompile as sc
from benchmarks.suite.base import Call, Comparison, Goal, Setting, compare, kernel_of, with_backends

SAMPLES = 10_000_000
ROWS, FEATURES = 1_000_000, 10
GRAM, PASS = "NumPy, X.T @ X by hand, solved", "a pass for each call"
MOMENTS, DOTS = "five moments, one BLAS call", "five moments, dot by dot"


def run(setting: Setting) -> Iterator[Comparison]:
    """Compare bind and BFGS with BLAS calls that find the moments which say everything."""
    yield _line(setting)
    yield _features(setting)


def _line(setting: Setting) -> Comparison:
    """Return a line through ten million points."""
    w0, w1, x, y = sp.symbols("w0 w1 x y")
    definition = sc.define(
        "linreg", (w0 + w1 * x - y) ** 2, params=(w0, w1), data=(x, y), reduce="mean"
    )
    rng = np.random.default_rng(1)
    # One array, so that BLAS finds all sums of products at once.
    rows = np.ones((3, SAMPLES))
    rows[1] = rng.normal(size=SAMPLES)
    rows[2] = 3.0 + 2.0 * rows[1] + rng.normal(size=SAMPLES)
    X, Y = rows[1], rows[2]
    found = Comparison(
        f"linear regression of {SAMPLES:,} samples: bind and fit", base=MOMENTS,
        goals=(Goal("symcompile", 4.0, MOMENTS), Goal("symcompile", 4.0, DOTS)),
    )  # fmt: skip

    def solved() -> Any:
        sums = rows @ rows.T
        return np.linalg.solve(sums[:2, :2], sums[:2, 2])

    ways: dict[str, Call] = {
        DOTS: lambda: (X.sum(), Y.sum(), X @ X, X @ Y, Y @ Y),
        MOMENTS: lambda: rows @ rows.T,
        "SciPy, NumPy by hand": partial(_numpy, X, Y),
    }
    results: dict[str, Call] = {MOMENTS: solved, "SciPy, NumPy by hand": partial(_numpy, X, Y)}

    def made(backend: str) -> Call:
        kernel = kernel_of(definition, backend, ("value_and_grad",))
        return lambda: kernel.bind(X, Y).minimize([0.0, 0.0], method="BFGS").x

    own = with_backends(found, {}, setting, made)
    ways |= own
    results |= own
    # BFGS stops where the gradient is small.
    rounds = min(setting.rounds, 7)
    return compare(found, ways, setting, results=results, tolerance=1e-4, rounds=rounds)


def _features(setting: Setting) -> Comparison:
    """Return a million samples of ten features, in index notation."""
    n, m = sp.symbols("n m", integer=True, positive=True)
    i, j = sp.Idx("i", n), sp.Idx("j", m)
    w, y = sp.IndexedBase("w", shape=(m,)), sp.IndexedBase("y", shape=(n,))
    x = sp.IndexedBase("X", shape=(n, m))
    residual = y[i] - sp.Sum(w[j] * x[i, j], (j, 0, m - 1))
    definition = sc.define(
        "features", sp.Sum(residual**2, (i, 0, n - 1)) / n, params=w, data=(x, y)
    )
    rng = np.random.default_rng(2)
    X = rng.normal(size=(ROWS, FEATURES)) @ (np.eye(FEATURES) + 0.5)  # features go together
    Y = X @ rng.normal(size=FEATURES) + rng.normal(size=ROWS)
    start = np.zeros(FEATURES)
    found = Comparison(
        f"least squares, {ROWS:,} samples of {FEATURES} features: bind and fit", base=GRAM,
        goals=(Goal("symcompile", 3.0, GRAM),),
    )  # fmt: skip

    def fitted(backend: str) -> Call:
        kernel = kernel_of(definition, backend, ("value_and_grad",))
        return lambda: kernel.bind(X, Y).minimize(start, method="BFGS").x

    def passing(backend: str) -> Call:
        from scipy.optimize import minimize

        kernel = kernel_of(definition, backend, ("value_and_grad",))
        return lambda: (
            minimize(kernel.value_and_grad, start, args=(X, Y), jac=True, method="BFGS").x
        )

    ways: dict[str, Call] = {GRAM: lambda: np.linalg.solve(X.T @ X, X.T @ Y)}
    ways |= with_backends(found, {}, setting, fitted)
    passes = with_backends(found, {}, setting, passing)
    ways |= {f"{PASS}, {name.removeprefix('symcompile ')}": way for name, way in passes.items()}
    rounds = min(setting.rounds, 7)
    return compare(found, ways, setting, tolerance=1e-4, rounds=rounds)


def _numpy(X: Any, Y: Any) -> Any:
    from scipy.optimize import minimize

    def both(p: Any) -> tuple[float, Any]:
        r = p[0] + p[1] * X - Y
        return r @ r / len(X), np.array([2 * r.mean(), 2 * (r @ X) / len(X)])

    return minimize(both, [0.0, 0.0], jac=True, method="BFGS").x
