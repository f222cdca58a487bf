"""The reprojection error of bundle adjustment, and its 2 x 15 Jacobian for each observation.

The camera model is that of Triggs et al. 1999, "Bundle adjustment: a modern synthesis": a rotation
by Rodrigues' formula, a centre, a focal length, a principal point, two coefficients of radial
distortion; 11 numbers, with a point's 3 and a weight 15.
"""

from __future__ import annotations

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
    kernel_of,
    one_thread,
    with_backends,
    with_peers,
)
from benchmarks.suite.peers import peer

OBSERVATIONS = 30_000
NAMES = "r0 r1 r2 c0 c1 c2 f u0 v0 k1 k2 X0 X1 X2 w"


def projected(p: Any, m: Any, library: Any) -> tuple[Any, Any]:
    """Return the weighted error of an observation, with a library's functions."""
    r, c, f, centre, k1, k2, point, w = p[0:3], p[3:6], p[6], p[7:9], p[9], p[10], p[11:14], p[14]
    d = [a - b for a, b in zip(point, c, strict=True)]
    square = r[0] ** 2 + r[1] ** 2 + r[2] ** 2
    angle = library.sqrt(square)
    axis = [a / angle for a in r]
    cos, sin = library.cos(angle), library.sin(angle)
    cross = [
        axis[1] * d[2] - axis[2] * d[1],
        axis[2] * d[0] - axis[0] * d[2],
        axis[0] * d[1] - axis[1] * d[0],
    ]
    dot = (axis[0] * d[0] + axis[1] * d[1] + axis[2] * d[2]) * (1 - cos)
    q = [a * cos + b * sin + e * dot for a, b, e in zip(d, cross, axis, strict=True)]
    x, y = q[0] / q[2], q[1] / q[2]
    radius = x**2 + y**2
    scale = f * (1 + radius * (k1 + radius * k2))
    return w * (x * scale + centre[0] - m[0]), w * (y * scale + centre[1] - m[1])


def run(setting: Setting) -> Iterator[Comparison]:
    """Compare the Jacobian of all observations on one thread."""
    rng = np.random.default_rng(1)
    n = OBSERVATIONS
    columns = [*(0.3 * rng.normal(size=(3, n))), *rng.normal(size=(3, n))]
    columns += [1 + 0.1 * rng.uniform(size=n), *rng.normal(size=(2, n))]
    columns += [*(0.01 * rng.normal(size=(2, n))), *rng.normal(size=(2, n))]
    columns += [8 + rng.uniform(size=n), 1 + 0.1 * rng.normal(size=n)]
    measured = list(rng.normal(size=(2, n)))
    columns = [np.ascontiguousarray(c) for c in columns]

    # Steps from each observation's own parameters, which are data: all 15 vary with it.
    steps = sp.symbols([f"d_{name}" for name in NAMES.split()])
    own_values, m = sp.symbols(NAMES), sp.symbols("m0 m1")
    at = [a + b for a, b in zip(own_values, steps, strict=True)]
    definition = sc.define(
        "projection", list(projected(at, m, sp)), params=steps, data=(*own_values, *m)
    )
    found = Comparison(
        f"2 x 15 Jacobian of {n:,} reprojection errors, one thread", base="JAX", pieces=n,
        piece="observation", goals=(Goal("symcompile", 60e-9),),
        notes=("ADBench's C++ by hand takes 170 ns on the machine this is developed on",),
    )  # fmt: skip
    zero = np.zeros(15)

    def made(backend: str) -> Call:
        kernel = kernel_of(definition, backend, ("jacobian",))
        return partial(kernel.bind(*columns, *measured).jacobian, zero)

    with one_thread():
        ways = with_backends(found, {}, setting, made)
        arrays = np.array(columns), np.array(measured)
        makers = {"JAX": _jax, "CasADi": _casadi}
        with_peers(found, ways, {n: partial(make, *arrays) for n, make in makers.items()})
        yield compare(found, ways, setting)


def _jax(p: Any, m: Any) -> Call:
    jax = peer("jax")

    def error(p: Any, m: Any) -> Any:
        return jax.numpy.stack(projected(list(p), list(m), jax.numpy))

    function = jax.jit(jax.vmap(jax.jacfwd(error)))
    arrays = jax.device_put(np.ascontiguousarray(p.T)), jax.device_put(np.ascontiguousarray(m.T))
    return lambda: jax.block_until_ready(function(*arrays))


def _casadi(p: Any, m: Any) -> Call:
    casadi = peer("casadi")
    x, y = casadi.SX.sym("p", 15), casadi.SX.sym("m", 2)
    value = casadi.vertcat(*projected(casadi.vertsplit(x), casadi.vertsplit(y), casadi))
    jacobian = casadi.densify(casadi.jacobian(value, x))
    function = casadi.Function("f", [x, y], [jacobian.T]).map(p.shape[1])
    buffer, trigger = function.buffer()
    args = np.ascontiguousarray(p.T), np.ascontiguousarray(m.T)
    out = np.empty((p.shape[1], 2, 15))
    for k, array in enumerate(args):
        buffer.set_arg(k, memoryview(array.reshape(-1)))
    buffer.set_res(0, memoryview(out.reshape(-1)))

    def call(keep: Any = (buffer, args)) -> Any:
        trigger()
        return out

    return call
