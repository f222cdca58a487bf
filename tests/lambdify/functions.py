"""A few functions that hold many formulas each: compiling is what costs."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import sympy as sp

import symcompile as sc

x, y, z, w, t, a, b = sp.symbols("x y z w t a b")
A, B, X = sp.MatrixSymbol("A", 2, 2), sp.MatrixSymbol("B", 2, 1), sp.MatrixSymbol("X", 3, 1)
f = sp.Function("f")(t)
g = sp.Function("g")(t)
first, second = sp.Dummy("d"), sp.Dummy("d")

backends = pytest.mark.parametrize("backend", sc.BACKENDS)
#: For what takes a C compiler several modules. LLVM compiles the same C.
few = pytest.mark.parametrize(
    "backend",
    [
        pytest.param(backend, marks=[pytest.mark.long] * (backend == "cython"))
        for backend in sc.BACKENDS
    ],
)

#: Arguments and formula by name.
FUNCTIONS: dict[str, tuple[Any, Any]] = {
    "plain": ((x, y), x * sp.cos(y) + x**2),
    "containers": (
        (x, y),
        [
            x + y,
            (x * y, ()),
            {"difference": x - y, y: [sp.Integer(3)]},
            sp.Matrix([[x, y], [x * y, 1], [0, x]]),
            sp.Array([[[x, y]]]),
            x < y,
            [],
            sp.true,
            (y,),
            sp.ImmutableSparseMatrix(2, 2, {(0, 1): x}),
            7,
            sp.Matrix(0, 3, []),
        ],
    ),
    "nested": ([w, [[[x]], y], (z,)], [w, x, y, z]),
    "matrices": (
        (A, B, x),
        [
            A * B,
            A**-1 * B,
            B.T * A**-1,
            A**3,
            A**-2,
            x * A + 2 * sp.Identity(2) - sp.ZeroMatrix(2, 2),
            sp.HadamardProduct(A, A.T),
            sp.Trace(A),
            sp.Determinant(A),
            A[0, 1] * x,
            (A * B)[1, 0],
            sp.BlockMatrix([[A, B]]),
            sp.KroneckerProduct(A, B),
            A.applyfunc(sp.exp),
            A[:, 1],
        ],
    ),
    "column": (X, [X.T * X, X * X.T, (X * X.T) * X, X]),
    "functions": (
        (f.diff(t, 2), f.diff(t), f, g, t),
        [f.diff(t, 2) + 10 * f.diff(t) + 100 * f + 1000 * g + 10000 * t, f.diff(t) ** 2],
    ),
    "names": (
        (*sp.symbols("lambda class x;import_os sin E λ out function _run x_2"), first, second),
        [
            sp.Add(*[s * 2**k for k, s in enumerate(sp.symbols("lambda class x;import_os sin"))]),
            sp.sin(sp.Symbol("sin")) + sp.Symbol("E") * sp.Symbol("λ"),
            sp.Symbol("out") - sp.Symbol("function") + sp.Symbol("_run") * sp.Symbol("x_2"),
            first - second,
        ],
    ),
    "ieee": (
        x,
        [1 / x, sp.log(x), sp.sqrt(x), sp.exp(x), sp.Piecewise((x, x < 3), (x**2, x > 5))],
    ),
    "holomorphic": ((x, y), [x**2 * y + sp.sin(x), 3, sp.Abs(x), sp.Matrix([x, 1])]),
    "imaginary": (x, [sp.exp(sp.I * x), x, 2]),
}


@cache
def function(name: str, backend: sc.Backend, dtype: str = "float64") -> Any:
    """Return a compiled function of the table."""
    args, expr = FUNCTIONS[name]
    return sc.lambdify(args, expr, backend=backend, dtype=dtype)  # type: ignore[arg-type]
