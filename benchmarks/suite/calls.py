"""What calling costs: small functions, where hardly anything is computed, and small fits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import sympy as sp

import symcompile as sc
from benchmarks.suite.base import (
    Call,
    Comparison,
    Goal,
    MissingError,
    Setting,
    compare,
    kernel_of,
    with_backends,
    with_peers,
)
from benchmarks.suite.peers import peer

x = sp.Symbol("x")
FORMULA = (sp.sin(x) + x**2) / 2
CALLS = 10


def run(setting: Setting) -> Iterator[Comparison]:
    """Compare calls with a number, with a small vector, with few samples; and a whole fit."""
    yield _number(setting)
    yield _rosenbrock(setting)
    yield from _samples(setting)


def _ten(function: Any, *args: Any) -> Call:
    """Return ten calls, so that the loop around them is not what is timed."""

    def run() -> Any:
        for _ in range(CALLS - 1):
            function(*args)
        return function(*args)

    # Unrolled for one argument, which the shortest calls take.
    if len(args) == 1:
        (a,) = args

        def run() -> Any:
            function(a), function(a), function(a), function(a), function(a)
            function(a), function(a), function(a), function(a)
            return function(a)

    return run


def _number(setting: Setting) -> Comparison:
    base = "lambdify with math"
    found = Comparison(
        "(sin(x) + x**2)/2 of a float", base=base, goals=(Goal("symcompile", 60e-9),)
    )
    ways = {base: _ten(sp.lambdify(x, FORMULA, "math"), 0.5)}
    with_backends(found, ways, setting, lambda b: _ten(sc.lambdify(x, FORMULA, backend=b), 0.5))
    with_peers(found, ways, {"symengine": _symengine, "Numba by hand": _numba})
    return compare(found, ways, setting, calls=CALLS)


def _symengine() -> Call:
    symengine = peer("symengine")
    function = symengine.Lambdify([symengine.Symbol("x")], [symengine.sympify(FORMULA)])
    return _ten(function, 0.5)


def _numba() -> Call:
    import math

    import numba

    return _ten(numba.njit(lambda x: (math.sin(x) + x**2) / 2), 0.5)


def _rosenbrock(setting: Setting) -> Comparison:
    size = 10
    base = "SciPy's rosen, rosen_der"
    found = Comparison(
        f"Rosenbrock's function and gradient, {size} parameters", base=base,
        goals=(Goal("symcompile", 300e-9),),
    )  # fmt: skip
    w = sp.symbols(f"w0:{size}")
    loss = sum(100 * (w[i + 1] - w[i] ** 2) ** 2 + (1 - w[i]) ** 2 for i in range(size - 1))
    definition = sc.define("rosenbrock", loss, params=w)
    p = np.linspace(-1.0, 1.0, size)

    def scipy(p: Any) -> Any:
        from scipy.optimize import rosen, rosen_der

        return rosen(p), rosen_der(p)

    def made(backend: str) -> Call:
        return _ten(kernel_of(definition, backend, ("value_and_grad",)).bind().value_and_grad, p)

    ways = with_backends(found, {base: _ten(scipy, p)}, setting, made)
    return compare(found, ways, setting, calls=CALLS)


def _samples(setting: Setting) -> Iterator[Comparison]:
    w0, w1, a, b = sp.symbols("w0 w1 x y")
    definition = sc.define(
        "linreg", (w0 + w1 * a - b) ** 2, params=(w0, w1), data=(a, b), reduce="mean"
    )
    rng = np.random.default_rng(1)
    X = rng.normal(size=150)
    Y = 3.0 + 2.0 * X + rng.normal(size=150)
    p = np.array([0.5, 0.5])
    objectives: dict[str, Any] = {}

    def both(p: Any) -> tuple[float, Any]:
        r = p[0] + p[1] * X - Y
        return float(r @ r) / len(X), np.array([2 * r.mean(), 2 * float(r @ X) / len(X)])

    def made(backend: str) -> Call:
        kernel = kernel_of(definition, backend, ("value_and_grad",))
        objectives[backend] = kernel.bind(X, Y)
        return _ten(objectives[backend].value_and_grad, p)

    base = "NumPy by hand"
    found = Comparison(
        "linear regression, value and gradient of 150 bound samples", base=base,
        goals=(Goal("symcompile", 300e-9),),
    )  # fmt: skip
    ways = with_backends(found, {base: _ten(both, p)}, setting, made)
    yield compare(found, ways, setting, calls=CALLS)
    for method in ("BFGS", "L-BFGS-B"):
        yield _fit(method, both, objectives, setting)


def _fit(method: str, by_hand: Any, objectives: dict[str, Any], setting: Setting) -> Comparison:
    from scipy.optimize import minimize

    base = "SciPy, NumPy by hand"
    found = Comparison(f"{method} of the same, 150 samples", base=base)
    start = [0.0, 0.0]
    ways: dict[str, Call] = {
        base: lambda: minimize(by_hand, start, jac=True, method=method).x,
    }

    def made(backend: str) -> Call:
        if backend not in objectives:
            raise MissingError("not built")
        return lambda: objectives[backend].minimize(start, method=method).x

    with_backends(found, ways, setting, made)
    # The same with nothing to compute: what SciPy takes.
    known = [objectives[backend] for backend in objectives][-1:]
    if known:
        ways["SciPy alone, points replayed"] = _replayed(known[0], start, method)
    return compare(found, ways, setting, tolerance=1e-5)


def _replayed(objective: Any, start: Any, method: str) -> Call:
    from scipy.optimize import minimize

    seen: list[Any] = []

    def record(p: Any) -> Any:
        seen.append(objective.value_and_grad(p))
        return seen[-1]

    minimize(record, start, jac=True, method=method)

    def call() -> Any:
        answers = iter(seen)
        return minimize(lambda p: next(answers), start, jac=True, method=method).x

    return call
