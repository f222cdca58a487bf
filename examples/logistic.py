"""Logistic regression: two features, a bias, and labels that are -1 or 1.

Written as a textbook does, log(1 + exp(-margin)) would overflow. It is recognised and compiled in
a form that does not, and its derivatives likewise.
"""

import sympy as sp

import symcompile as sc

w1, w2, b = sp.symbols("w1 w2 b")
x1, x2, label = sp.symbols("x1 x2 label")

margin = label * (w1 * x1 + w2 * x2 + b)

logistic = sc.define(
    "logistic",
    sp.log(1 + sp.exp(-margin)),
    params=(w1, w2, b),
    data=(x1, x2, label),
    reduce="mean",
)
