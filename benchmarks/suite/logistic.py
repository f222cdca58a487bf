"""A logistic loss with its gradient, data bound, against NumPy, Numba, JAX and C by hand."""

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
    kernel_of,
    with_backends,
    with_peers,
)
from benchmarks.suite.peers import library, peer, pointer

SAMPLES, FEATURES = 1_000_000, 10
NUMPY, HAND = "NumPy by hand", "C by hand"

# Blocks as symcompile has, without its compensated sums.
SOURCE = """
#include <omp.h>
#define D 10
double f(const double *p, const double *const *x, const double *y, long n, double *grad,
         int threads)
{
    enum { BLOCKS = 64 };
    double sums[BLOCKS][16] = {{0.0}};
    #pragma omp parallel for num_threads(threads) schedule(static)
    for (long block = 0; block < BLOCKS; block++) {
        const double *restrict x0 = x[0], *restrict x1 = x[1], *restrict x2 = x[2];
        const double *restrict x3 = x[3], *restrict x4 = x[4], *restrict x5 = x[5];
        const double *restrict x6 = x[6], *restrict x7 = x[7], *restrict x8 = x[8];
        const double *restrict x9 = x[9], *restrict label = y;
        const double p0 = p[0], p1 = p[1], p2 = p[2], p3 = p[3], p4 = p[4], p5 = p[5];
        const double p6 = p[6], p7 = p[7], p8 = p[8], p9 = p[9], b = p[10];
        double s = 0.0, g0 = 0.0, g1 = 0.0, g2 = 0.0, g3 = 0.0, g4 = 0.0, g5 = 0.0;
        double g6 = 0.0, g7 = 0.0, g8 = 0.0, g9 = 0.0, gb = 0.0;
        #pragma omp simd reduction(+:s,g0,g1,g2,g3,g4,g5,g6,g7,g8,g9,gb)
        for (long i = block*n/BLOCKS; i < (block + 1)*n/BLOCKS; i++) {
            const double z = p0*x0[i] + p1*x1[i] + p2*x2[i] + p3*x3[i] + p4*x4[i] + p5*x5[i]
                + p6*x6[i] + p7*x7[i] + p8*x8[i] + p9*x9[i] + b;
            const double m = label[i]*z, t = exp(-fabs(m));
            s += (m < 0.0 ? -m : 0.0) + log1p(t);
            const double u = -label[i]*(m >= 0.0 ? t : 1.0)/(1.0 + t);
            g0 += u*x0[i]; g1 += u*x1[i]; g2 += u*x2[i]; g3 += u*x3[i]; g4 += u*x4[i];
            g5 += u*x5[i]; g6 += u*x6[i]; g7 += u*x7[i]; g8 += u*x8[i]; g9 += u*x9[i];
            gb += u;
        }
        const double found[12] = {s, g0, g1, g2, g3, g4, g5, g6, g7, g8, g9, gb};
        for (int k = 0; k < 12; k++) {
            sums[block][k] = found[k];
        }
    }
    double value = 0.0;
    for (int k = 0; k < D + 1; k++) {
        grad[k] = 0.0;
    }
    for (int block = 0; block < BLOCKS; block++) {
        value += sums[block][0];
        for (int k = 0; k < D + 1; k++) {
            grad[k] += sums[block][k + 1]/n;
        }
    }
    return value/n;
}
"""


def run(setting: Setting) -> Iterator[Comparison]:
    """Compare value and gradient."""
    weights, columns = sp.symbols(f"w0:{FEATURES}"), sp.symbols(f"x0:{FEATURES}")
    bias, y = sp.symbols("b y")
    score = sum(w * c for w, c in zip(weights, columns, strict=True)) + bias
    definition = sc.define(
        "logistic", sp.log(1 + sp.exp(-y * score)), params=(*weights, bias), data=(*columns, y),
        reduce="mean",
    )  # fmt: skip
    rng = np.random.default_rng(1)
    data = [rng.normal(size=SAMPLES) for _ in range(FEATURES)]
    labels, p = np.sign(rng.normal(size=SAMPLES)), rng.normal(size=FEATURES + 1)
    found = Comparison(
        f"logistic value and gradient, {SAMPLES:,} x {FEATURES}, {setting.threads} threads",
        base=NUMPY,
        goals=(Goal("symcompile", 0.4, "JAX"), Goal("symcompile", 1.1, HAND)),
    )
    ways: dict[str, Call] = {NUMPY: partial(_numpy, p, data, labels)}

    def made(backend: str) -> Call:
        kernel = kernel_of(definition, backend, ("value_and_grad",))
        return partial(kernel.bind(*data, labels).value_and_grad, p)

    with_backends(found, ways, setting, made)
    peers = {HAND: _hand, "Numba by hand": _numba, "JAX": _jax}
    with_peers(
        found, ways,
        {name: partial(make, p, data, labels, setting.threads) for name, make in peers.items()},
    )  # fmt: skip
    yield compare(found, ways, setting)


def _numpy(p: Any, data: Any, labels: Any) -> tuple[Any, Any]:
    margin = labels * (sum(w * c for w, c in zip(p, data, strict=False)) + p[-1])
    t = np.exp(-np.abs(margin))
    loss = np.mean(np.maximum(-margin, 0) + np.log1p(t))
    slope = -labels * np.where(margin >= 0, t, 1.0) / (1 + t) / labels.size
    return loss, np.array([slope @ c for c in data] + [slope.sum()])


def _hand(p: Any, data: Any, labels: Any, threads: int) -> Call:
    function, grad = library(SOURCE).f, np.empty(FEATURES + 1)
    function.restype = ctypes.c_double
    pointers = (ctypes.c_void_p * FEATURES)(*[column.ctypes.data for column in data])
    args = (pointer(p), pointers, pointer(labels), ctypes.c_long(labels.size), pointer(grad))

    def call(keep: Any = (p, data, labels)) -> tuple[float, Any]:
        return function(*args, threads), grad

    return call


def _numba(p: Any, data: Any, labels: Any, threads: int) -> Call:
    import math

    import numba

    numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
    X = np.array(data)

    @numba.njit(error_model="numpy", parallel=True)
    def both(p: Any, X: Any, y: Any) -> Any:
        d, n = X.shape
        blocks = 64
        sums = np.zeros((blocks, d + 2))
        for block in numba.prange(blocks):
            sums_here = np.zeros(d + 2)
            for i in range(block * n // blocks, (block + 1) * n // blocks):
                z = p[d]
                for j in range(d):
                    z += p[j] * X[j, i]
                m = y[i] * z
                t = math.exp(-abs(m))
                sums_here[0] += max(-m, 0.0) + math.log1p(t)
                u = -y[i] * (t if m >= 0 else 1.0) / (1 + t)
                for j in range(d):
                    sums_here[j + 1] += u * X[j, i]
                sums_here[d + 1] += u
            sums[block] = sums_here
        total = sums.sum(axis=0) / n
        return total[0], total[1:]

    return partial(both, p, X, labels)


def _jax(p: Any, data: Any, labels: Any, threads: int) -> Call:
    jax = peer("jax")
    jnp = jax.numpy

    def loss(p: Any, X: Any, y: Any) -> Any:
        return jnp.mean(jnp.logaddexp(0.0, -y * (X @ p[:-1] + p[-1])))

    both = jax.jit(jax.value_and_grad(loss))
    arrays = [jax.device_put(a) for a in (p, np.stack(data, axis=1), labels)]
    return lambda: jax.block_until_ready(both(*arrays))
