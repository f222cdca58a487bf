"""A power law fitted to logarithms: value and gradient of bound data, logarithms kept or not."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import sympy as sp

import symcompile as sc
from benchmarks.suite.base import Call, Comparison, Goal, Setting, compare, own, with_backends

SAMPLES = 4_000_000
COMPILED = ("numba", "cython", "llvm")
NUMPY, KEPT = "NumPy by hand", "NumPy by hand, logarithms kept"


def run(setting: Setting) -> Iterator[Comparison]:
    """Compare an objective, which keeps logarithms, with its kernel, which does not, and NumPy."""
    a, b, x, y = sp.symbols("a b x y")
    loss = (a * sp.exp(-b * sp.log(x)) - sp.log(y)) ** 2
    definition = sc.define("power", loss, params=(a, b), data=(x, y), reduce="mean")
    rng = np.random.default_rng(1)
    X = rng.uniform(0.5, 3.0, SAMPLES)
    Y = np.exp(1.2 * X**-0.7 + 0.1 * rng.normal(size=SAMPLES))
    p, logs = np.array([1.0, 0.5]), (np.log(X), np.log(Y))
    found = Comparison(
        f"a power law of {SAMPLES:,} samples, value and gradient", base=KEPT,
        goals=(
            Goal("symcompile", 0.5, KEPT),
            *(Goal(own(backend), 0.8, f"{own(backend)}, nothing kept") for backend in COMPILED),
        ),
    )  # fmt: skip
    ways: dict[str, Call] = {
        KEPT: partial(_numpy, p, *logs),
        NUMPY: lambda: _numpy(p, np.log(X), np.log(Y)),
    }

    def made(backend: str) -> Call:
        kernel = sc.compile(definition, backend=backend)  # type: ignore[arg-type]
        ways[f"{own(backend)}, nothing kept"] = partial(kernel.value_and_grad, p, X, Y)
        return partial(kernel.bind(X, Y).value_and_grad, p)

    yield compare(found, with_backends(found, ways, setting, made), setting)


def _numpy(p: Any, x: Any, y: Any) -> Any:
    u = np.exp(-p[1] * x)
    r = p[0] * u - y
    return r @ r / len(x), np.array([2.0 * (r @ u), -2.0 * p[0] * (r @ (u * x))]) / len(x)
