"""A line that outliers do not pull: Huber's loss, quadratic near zero and linear beyond.

``delta``, where one becomes the other, is a constant: ``kernel.value(p, X, Y, delta=0.5)``.
"""

import sympy as sp

import symcompile as sc

slope, offset, x, y, delta, residual = sp.symbols("slope offset x y delta residual")

robust = sc.define(
    "robust",
    [
        (residual, slope * x + offset - y),
        sp.Piecewise(
            (residual**2 / 2, sp.Abs(residual) <= delta),
            (delta * (sp.Abs(residual) - delta / 2), True),
        ),
    ],
    params=(slope, offset),
    data=(x, y),
    reduce="mean",
    constants={delta: 1.0},
)
