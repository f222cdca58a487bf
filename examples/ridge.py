"""Ridge regression in matrix notation: the mean squared residual and a penalty on the weights.

A vector is a matrix of one column. It may be passed as ``(n, 1)`` or as ``(n,)``; ``lam`` goes by
keyword: ``kernel.value(w, X, y, lam=0.5)``.
"""

import sympy as sp

import symcompile as sc

n, d = sp.symbols("n d", integer=True, positive=True)
X, y, w = sp.MatrixSymbol("X", n, d), sp.MatrixSymbol("y", n, 1), sp.MatrixSymbol("w", d, 1)
lam = sp.Symbol("lam")

residual = X * w - y

ridge = sc.define(
    "ridge",
    (residual.T * residual)[0, 0] / n + lam * (w.T * w)[0, 0],
    params=w,
    data=(X, y),
    constants={lam: 0.1},
)
