"""What a call costs: (sin(x) + x**2)/2 on one number and on a million, and a logistic loss.

Run ``python benchmarks/calls.py``.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from timing import interleaved, machine, report

import symcompile as sc

x = sp.Symbol("x")
formula = (sp.sin(x) + x**2) / 2


def scalar_call() -> None:
    """Print the cost of one call with a float."""
    base = "lambdify math"
    functions = {base: sp.lambdify(x, formula, "math")}
    functions |= {f"symcompile {b}": sc.lambdify(x, formula, backend=b) for b in sc.BACKENDS}

    def ten(function):  # ten calls a measurement: the loop around them must not be what is timed
        def run(f=function):
            f(10.0), f(10.0), f(10.0), f(10.0), f(10.0)
            f(10.0), f(10.0), f(10.0), f(10.0), f(10.0)

        return run

    times = interleaved({name: ten(f) for name, f in functions.items()})
    times = {name: [t / 10 for t in values] for name, values in times.items()}
    report("(sin(x) + x**2)/2 of one float", times, base)


def array_call(size: int) -> None:
    """Print the cost of one call with an array."""
    values = np.linspace(0.0, 10.0, size)
    base = "lambdify numpy"
    functions = {base: sp.lambdify(x, formula)}
    functions |= {f"symcompile {b}": sc.lambdify(x, formula, backend=b) for b in sc.BACKENDS}
    times = interleaved({n: lambda f=f: f(values) for n, f in functions.items()}, least=0.02)
    report(f"(sin(x) + x**2)/2 of {size:,} doubles", times, base)


def logistic(samples: int = 1_000_000, features: int = 10) -> None:
    """Print the cost of a logistic loss with its gradient, data bound."""
    weights, columns = sp.symbols(f"w0:{features}"), sp.symbols(f"x0:{features}")
    bias, y = sp.symbols("b y")
    score = sum(w * column for w, column in zip(weights, columns, strict=True)) + bias
    definition = sc.define(
        "logistic",
        sp.log(1 + sp.exp(-y * score)),
        params=(*weights, bias),
        data=(*columns, y),
        reduce="mean",
    )
    rng = np.random.default_rng(1)
    data = [rng.normal(size=samples) for _ in range(features)]
    labels = np.sign(rng.normal(size=samples))
    p = rng.normal(size=features + 1)

    def by_hand() -> tuple[float, np.ndarray]:
        margin = labels * (sum(w * c for w, c in zip(p, data, strict=False)) + p[-1])
        t = np.exp(-np.abs(margin))
        loss = np.mean(np.maximum(-margin, 0) + np.log1p(t))
        slope = -labels * np.where(margin >= 0, t, 1.0) / (1 + t) / samples
        return loss, np.array([slope @ c for c in data] + [slope.sum()])

    ways = {"NumPy by hand": by_hand}
    for backend in sc.BACKENDS:
        objective = sc.compile(definition, backend=backend).bind(*data, labels)
        ways[f"symcompile {backend}"] = lambda o=objective: o.value_and_grad(p)
    times = interleaved(ways, rounds=9, least=0.0)
    report(f"logistic value and gradient, {samples:,} x {features}", times, "NumPy by hand")


if __name__ == "__main__":
    print(machine())
    scalar_call()
    array_call(1_000)
    array_call(1_000_000)
    logistic()
