"""Logistic regression in index notation: any number of samples and of features.

The sizes n and d are read off the arrays that a kernel is called with. The sums stay loops, so the
generated code is the same for three features and for a thousand.
"""

import sympy as sp

import symcompile as sc

n, d = sp.symbols("n d", integer=True, positive=True)
i, j = sp.Idx("i", n), sp.Idx("j", d)
X, y = sp.IndexedBase("X", shape=(n, d)), sp.IndexedBase("y", shape=(n,))  # y is -1 or 1
w, b = sp.IndexedBase("w", shape=(d,)), sp.Symbol("b")

z = sp.Sum(w[j] * X[i, j], (j, 0, d - 1)) + b

logreg = sc.define(
    "logreg",
    sp.Sum(sp.log(1 + sp.exp(-y[i] * z)), (i, 0, n - 1)) / n,
    params=(w, b),
    data=(X, y),
)
