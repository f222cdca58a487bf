"""A linear regression bound and fitted by BFGS, against one BLAS pass for its moments.

Also how accurate a loss of moments is at the optimum of an ill-conditioned problem. Run
``python benchmarks/linear_fit.py [samples]``.
"""

from __future__ import annotations

import statistics
import sys
import time

import mpmath
import numpy as np
import sympy as sp
from scipy.optimize import minimize
from timing import machine, seconds

import symcompile as sc


def regression(samples: int, rounds: int = 7) -> None:
    """Print what binding and a fit take, and one pass of BLAS for the five sums."""
    w0, w1, x, y = sp.symbols("w0 w1 x y")
    kernel = sc.compile(
        (w0 + w1 * x - y) ** 2, params=(w0, w1), data=(x, y), reduce="mean", name="linreg"
    )
    rng = np.random.default_rng(1)
    xs = rng.normal(size=samples)
    ys = 1 + 2 * xs + rng.normal(size=samples)
    ones = np.ones(samples)

    def blas() -> object:
        return np.dot(xs, ones), np.dot(ys, ones), np.dot(xs, xs), np.dot(xs, ys), np.dot(ys, ys)

    def fit() -> object:
        objective = kernel.bind(xs, ys)
        return objective.minimize([0, 0], method="BFGS")

    def call() -> object:
        return kernel.bind(xs, ys).value_and_grad([0.5, 0.5])

    def from_data() -> object:
        return minimize(kernel.value_and_grad, [0, 0], args=(xs, ys), jac=True, method="BFGS")

    ways = {
        "BLAS, five sums": blas,
        "bind and one call": call,
        "bind and fit": fit,
        "one pass over the data": lambda: kernel.value_and_grad([0.5, 0.5], xs, ys),
        "fit, a pass for each call": from_data,
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            found[name].append(time.perf_counter() - start)
    print(f"\nlinear regression, {samples:,} samples, {kernel.backend}")
    for name, times in found.items():
        ratio = statistics.median(
            t / base for t, base in zip(times, found["BLAS, five sums"], strict=True)
        )
        print(f"  {name:<28} {seconds(statistics.median(times)):>10}   {ratio:6.2f} of BLAS")
    objective = kernel.bind(xs, ys)
    objective.value_and_grad(np.array([0.5, 0.5]))
    start = time.perf_counter()
    for _ in range(1000):
        objective.value_and_grad(np.array([0.5, 0.5]))
    print(f"  {'a call after the first':<28} {seconds((time.perf_counter() - start) / 1000):>10}")
    print(f"  {objective.plan}")


def accuracy(samples: int = 200_000, degree: int = 4) -> None:
    """Print the errors of a loss at the optimum of a fit in powers of numbers near 100."""
    weights, (x, y) = sp.symbols(f"w0:{degree + 1}"), sp.symbols("x y")
    formula = (sum(w * x**k for k, w in enumerate(weights)) - y) ** 2
    kernel = sc.compile(formula, params=weights, data=(x, y), reduce="sum", name="powers")
    rng = np.random.default_rng(2)
    xs = rng.uniform(100, 110, size=samples)
    ys = np.sin(xs) + rng.normal(size=samples)
    with mpmath.workdps(60):
        rows = np.array([[mpmath.mpf(v) ** k for k in range(degree + 1)] for v in xs.tolist()])
        target = np.array([mpmath.mpf(v) for v in ys.tolist()])
        gram, right = rows.T @ rows, rows.T @ target
        p = np.array([float(v) for v in mpmath.lu_solve(mpmath.matrix(gram), mpmath.matrix(right))])
        residuals = rows @ np.array([mpmath.mpf(v) for v in p.tolist()]) - target
        exact = residuals @ residuals
        slopes = 2 * (rows.T @ residuals)
        plain = np.array(
            [[float(np.dot(xs**j, xs**k)) for k in range(degree + 1)] for j in range(degree + 1)]
        )
        sums = np.array([float(np.dot(xs**k, ys)) for k in range(degree + 1)])
        naive = p @ plain @ p - 2 * p @ sums + ys @ ys
        objective = kernel.bind(xs, ys)
        ways = {
            "a pass over the data": kernel.value_and_grad(p, xs, ys),
            "symcompile": objective.fitted("value_and_grad")(p),
            "moments in double precision": (naive, 2 * (plain @ p - sums)),
        }
        print(f"\npowers to {degree} of numbers in (100, 110), at the optimum: relative errors")
        for name, (value, grad) in ways.items():
            worst = max(
                float(abs((mpmath.mpf(float(g)) - s) / s))
                for g, s in zip(grad, slopes, strict=True)
            )
            off = float(abs((mpmath.mpf(float(value)) - exact) / exact))
            print(f"  {name:<28} value {off:8.1e}   gradient {worst:8.1e}")
        print(f"  {objective.plan}")


if __name__ == "__main__":
    print(machine())
    regression(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000)
    accuracy()
