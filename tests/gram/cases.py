"""Losses over arrays with the same in rational numbers, and how far a number is off."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

import symcompile as sc

n, m, c, n2 = sp.symbols("n m c n2", integer=True, positive=True)
i, j, k, other = sp.Idx("i", n), sp.Idx("j", m), sp.Idx("k", c), sp.Idx("l", n2)
w, q = sp.IndexedBase("w", shape=(m,)), sp.IndexedBase("q", shape=(m,))
W = sp.IndexedBase("W", shape=(m, c))
X, Y = sp.IndexedBase("X", shape=(n, m)), sp.IndexedBase("Y", shape=(n, c))
y, g = sp.IndexedBase("y", shape=(n,)), sp.IndexedBase("g", shape=(n,))
Z, z = sp.IndexedBase("Z", shape=(n2, m)), sp.IndexedBase("z", shape=(n2,))
a, b, lam = sp.symbols("a b lam")

FEATURES, SAMPLES, OUTPUTS = (j, 0, m - 1), (i, 0, n - 1), (k, 0, c - 1)
RESIDUAL = y[i] - sp.Sum(w[j] * X[i, j], FEATURES)
AFFINE = y[i] - b - sp.Sum(w[j] * X[i, j], FEATURES)


def from_moments(objective: Any, name: str) -> Callable[..., Any]:
    found = objective._moments.function(name)
    assert found is not None, objective.plan
    return found  # type: ignore[no-any-return]


def rational(array: Any) -> Any:
    return np.frompyfunc(Fraction, 1, 1)(np.asarray(array, dtype=float)) + Fraction(0)


def exact_slopes(function: Callable[[Any], Any], p: Any) -> list[Fraction]:
    """Return the exact gradient of a polynomial of degree four at most, in rational numbers."""
    found = []
    for at in range(len(p)):
        step = np.array([Fraction(int(at == s)) for s in range(len(p))])
        one = function(p + step) - function(p - step)
        two = function(p + 2 * step) - function(p - 2 * step)
        found.append((8 * one - two) / 12)
    return found


def off(found: Any, exact: Fraction) -> float:
    """Return a relative error, or what is found in place of zero."""
    if not exact:
        return abs(float(found))
    return float(abs(Fraction(float(found)) - exact) / abs(exact))


def sample_data(samples: int = 19, features: int = 4, outputs: int = 3) -> dict[str, Any]:
    rng = np.random.default_rng(samples + features)
    return {
        "X": rng.normal(size=(samples, features)),
        "y": rng.normal(size=samples),
        "Y": rng.normal(size=(samples, outputs)),
        "Z": rng.normal(size=(samples // 2, features)),
        "z": rng.normal(size=samples // 2),
        "q": rng.normal(size=features),
        "g": rng.uniform(0.5, 2, size=samples),
    }


def ssq(r: Any) -> Any:
    return (r * r).sum()


#: A formula, its parameters and data, and the same in rational numbers of `p` and the data.
CASES: dict[str, tuple[Any, tuple[Any, ...], tuple[Any, ...], Callable[[Any, Any], Any]]] = {
    "plain": (
        sp.Sum(RESIDUAL**2, SAMPLES),
        (w,),
        (X, y),
        lambda p, d: ssq(d["y"] - d["X"] @ p),
    ),
    "intercept": (
        sp.Sum(AFFINE**2, SAMPLES) / n,
        (b, w),
        (X, y),
        lambda p, d: ssq(d["y"] - p[0] - d["X"] @ p[1:]) / len(d["y"]),
    ),
    "weighted ridge": (
        sp.Sum(g[i] * AFFINE**2, SAMPLES) + sp.Sum(w[j] ** 2, FEATURES) / 4,
        (w, b),
        (X, y, g),
        lambda p, d: (d["g"] * (d["y"] - p[-1] - d["X"] @ p[:-1]) ** 2).sum() + ssq(p[:-1]) / 4,
    ),
    "times other data": (
        sp.Sum(RESIDUAL**2 * g[i] * y[i], SAMPLES),
        (w,),
        (X, y, g),
        lambda p, d: ((d["y"] - d["X"] @ p) ** 2 * d["g"] * d["y"]).sum(),
    ),
    "scaled features": (
        sp.Sum((y[i] - sp.Sum(w[j] * q[j] * X[i, j] ** 2, FEATURES)) ** 2, SAMPLES),
        (w,),
        (X, y, q),
        lambda p, d: ssq(d["y"] - (d["X"] * d["X"]) @ (p * d["q"])),
    ),
    "two vectors": (
        sp.Sum(sp.Sum(w[j] * X[i, j], FEATURES) * sp.Sum(q[j] * X[i, j], FEATURES) * y[i], SAMPLES),
        (w, q),
        (X, y),
        lambda p, d: ((d["X"] @ p[:4]) * (d["X"] @ p[4:]) * d["y"]).sum(),
    ),
    "several outputs": (
        sp.Sum((Y[i, k] - b - sp.Sum(X[i, j] * W[j, k], FEATURES)) ** 2, SAMPLES, OUTPUTS),
        (W, b),
        (X, Y),
        lambda p, d: ssq(d["Y"] - p[-1] - d["X"] @ p[:-1].reshape(4, 3)),
    ),
    "two data sets": (
        sp.Sum(RESIDUAL**2, SAMPLES)
        + 3 * sp.Sum((z[other] - sp.Sum(w[j] * Z[other, j], FEATURES)) ** 2, (other, 0, n2 - 1)),
        (w,),
        (X, y, Z, z),
        lambda p, d: ssq(d["y"] - d["X"] @ p) + 3 * ssq(d["z"] - d["Z"] @ p),
    ),
    "one feature at a time": (
        sp.Sum((w[j] * X[i, j] - y[i]) ** 2, FEATURES, SAMPLES),
        (w,),
        (X, y),
        lambda p, d: ssq(d["X"] * p - d["y"][:, None]),
    ),
    "fourth powers": (
        sp.Sum(RESIDUAL**4, SAMPLES),
        (w,),
        (X, y),
        lambda p, d: ((d["y"] - d["X"] @ p) ** 4).sum(),
    ),
    "a lag": (
        sp.Sum((y[i + 1] - b * y[i] - a) ** 2, (i, 0, n - 2)),
        (b, a),
        (y,),
        lambda p, d: ssq(d["y"][1:] - p[0] * d["y"][:-1] - p[1]),
    ),
}


def plain_kernel(backend: Any = "python") -> Any:
    formula, params, data, _ = CASES["plain"]
    return sc.compile(formula, params=params, data=data, backend=backend)
