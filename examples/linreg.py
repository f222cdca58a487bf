"""A straight line: the mean squared loss of the lecture "Symbolic computing for ML"."""

import sympy as sp

import symcompile as sc

w0, w1, x, y = sp.symbols("w0 w1 x y")

linreg = sc.define(
    "linreg",
    (w0 + w1 * x - y) ** 2,
    params=(w0, w1),
    data=(x, y),
    reduce="mean",
)
