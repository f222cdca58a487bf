"""(sin(x) + x**2)/2 of arrays, against NumPy, other compilers and C by hand."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import sympy as sp

import symcompile as sc
from benchmarks.suite.base import (
    Call,
    Comparison,
    Goal,
    Setting,
    compare,
    one_thread,
    with_backends,
    with_peers,
)
from benchmarks.suite.peers import library, peer, pointer

x = sp.Symbol("x")
FORMULA = (sp.sin(x) + x**2) / 2
NUMPY, HAND = "lambdify with NumPy", "C by hand"

SOURCE = """
void f(const double *restrict x, double *restrict y, long n)
{
    #pragma omp simd
    for (long i = 0; i < n; i++) {
        y[i] = (sin(x[i]) + x[i]*x[i])/2.0;
    }
}
"""


def run(setting: Setting) -> Iterator[Comparison]:
    """Compare the formula of 1,000 and of a million doubles, and with ``out=`` of 100,000."""
    for size in (1_000, 1_000_000):
        yield _against_all(size, setting)
    yield _against_hand(100_000, setting)


def _against_all(size: int, setting: Setting) -> Comparison:
    goals = (Goal("symcompile", 1 / 6, NUMPY), Goal("symcompile", 1.0, "heyoka"))
    found = Comparison(
        f"(sin(x) + x**2)/2 of {size:,} doubles", base=NUMPY, pieces=size, piece="element",
        goals=goals,
    )  # fmt: skip
    values = np.linspace(0.0, 10.0, size)
    ways: dict[str, Call] = {NUMPY: partial(sp.lambdify(x, FORMULA), values)}
    with_backends(
        found, ways, setting, lambda b: partial(sc.lambdify(x, FORMULA, backend=b), values)
    )
    makers = {"Numba by hand": _numba, "JAX": _jax, "heyoka": _heyoka, "symjit": _symjit}
    makers |= {"symengine": _symengine, "CasADi": _casadi}
    with_peers(found, ways, {name: partial(make, values) for name, make in makers.items()})
    return compare(found, ways, setting, least=0.005)


def _against_hand(size: int, setting: Setting) -> Comparison:
    found = Comparison(
        f"the same of {size:,} doubles into an array that is there, one thread", base=HAND,
        pieces=size, piece="element", goals=(Goal("symcompile", 1.1, HAND),),
    )  # fmt: skip
    values, out = np.linspace(0.0, 10.0, size), np.empty(size)
    ways: dict[str, Call] = {}
    with_peers(found, ways, {HAND: partial(_hand, values)})

    def made(backend: str) -> Call:
        return partial(sc.lambdify(x, FORMULA, backend=backend), values, out=out)

    with_backends(found, ways, setting, made)
    with one_thread():
        return compare(found, ways, setting, least=0.005)


def _hand(values: Any) -> Call:
    function, out = library(SOURCE).f, np.empty_like(values)
    args = pointer(values), pointer(out), ctypes.c_long(values.size)

    def call(keep: Any = values) -> Any:
        function(*args)
        return out

    return call


def _numba(values: Any) -> Call:
    import math

    import numba

    @numba.njit(error_model="numpy")
    def loop(x: Any) -> Any:
        y = np.empty_like(x)
        for i in range(x.size):
            y[i] = (math.sin(x[i]) + x[i] ** 2) / 2
        return y

    return partial(loop, values)


def _jax(values: Any) -> Call:
    jax = peer("jax")
    function = jax.jit(lambda x: (jax.numpy.sin(x) + x**2) / 2)
    on_device = jax.device_put(values)
    return lambda: jax.block_until_ready(function(on_device))


def _heyoka(values: Any) -> Call:
    heyoka = peer("heyoka")
    (v,) = heyoka.make_vars("x", "unused")[:1]
    function = heyoka.cfunc([(heyoka.sin(v) + v**2.0) / 2.0], vars=[v])
    return partial(function, values[None, :])


def _symjit(values: Any) -> Call:
    function = peer("symjit").compile_func([x], [FORMULA])
    return lambda: function(values)[0]


def _symengine(values: Any) -> Call:
    symengine = peer("symengine")
    function = symengine.Lambdify([symengine.Symbol("x")], [symengine.sympify(FORMULA)])
    column = values[:, None]
    return partial(function, column)


def _casadi(values: Any) -> Call:
    casadi = peer("casadi")
    v = casadi.MX.sym("x", values.size)
    function = casadi.Function("f", [v], [(casadi.sin(v) + v**2) / 2])
    buffer, trigger = function.buffer()
    out = np.empty_like(values)
    buffer.set_arg(0, memoryview(values))
    buffer.set_res(0, memoryview(out))

    def call(keep: Any = buffer) -> Any:
        trigger()
        return out

    return call
