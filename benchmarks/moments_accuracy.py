"""How accurate a loss of moments is at the optimum of an ill-conditioned problem.

Run ``python benchmarks/moments_accuracy.py``.
"""

from __future__ import annotations

import mpmath
import numpy as np
import sympy as sp
from timing import machine

import symcompile as sc


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
    accuracy()
