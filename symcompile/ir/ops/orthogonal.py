"""Hypergeometric functions and orthogonal polynomials (DLMF 15, 13 and 18).

Derivatives are of the same families with shifted parameters, so nothing cancels at the ends.
"""

from __future__ import annotations

from symcompile.ir.build import Value, call
from symcompile.ir.ops.op import library, pointer
from symcompile.ir.ops.rules import HALF, Refused

_PARAMETER = Refused("a hypergeometric function", "parameter")
_DEGREE = Refused("an orthogonal polynomial", "degree")
_WEIGHT = Refused("an orthogonal polynomial", "parameter")


def _assoc_legendre(g: Value, f: Value, n: Value, m: Value, x: Value) -> Value:
    top = x * n * f - (m + n) * call("assoc_legendre", n - 1, m, x)
    return g * (top / ((x - 1) * (x + 1)))


ROWS = [
    library(
        "hyp0f1",
        (_PARAMETER, lambda g, f, b, z: g * (call("hyp0f1", b + 1, z) / b)),
        domain=((1.5, 1.5), (-3.0, 3.0)),
        complex=True,
    ),
    library(
        "hyp1f1",
        (
            _PARAMETER,
            _PARAMETER,
            lambda g, f, a, b, z: g * (a / b * call("hyp1f1", a + 1, b + 1, z)),
        ),
        domain=((1.25, 1.25), (2.5, 2.5), (-3.0, 3.0)),
        complex=pointer("hyp1f1", 3),
    ),
    library(
        "hyp2f1",
        (
            _PARAMETER,
            _PARAMETER,
            _PARAMETER,
            lambda g, f, a, b, c, z: g * (a * b / c * call("hyp2f1", a + 1, b + 1, c + 1, z)),
        ),
        domain=((1.25, 1.25), (0.5, 0.5), (2.5, 2.5), (-3.0, 0.9)),
        complex=pointer("hyp2f1", 4),
    ),
    library(
        "legendre",
        (_DEGREE, lambda g, f, n, x: g * call("gegenbauer", n - 1, x.lift(3 * HALF), x)),
        domain=((4, 4), (-0.99, 0.99)),
        sympy="legendre",
        complex=True,
    ),
    library(
        "assoc_legendre",
        (_DEGREE, _WEIGHT, _assoc_legendre),
        domain=((4, 4), (2, 2), (-0.99, 0.99)),
        sympy="assoc_legendre",
        complex=True,
    ),
    library(
        "chebyshevt",
        (_DEGREE, lambda g, f, n, x: g * (n * call("chebyshevu", n - 1, x))),
        domain=((4, 4), (-0.99, 0.99)),
        sympy="chebyshevt",
        complex=True,
    ),
    library(
        "chebyshevu",
        (_DEGREE, lambda g, f, n, x: g * (2 * call("gegenbauer", n - 1, x.lift(2), x))),
        domain=((4, 4), (-0.99, 0.99)),
        sympy="chebyshevu",
        complex=True,
    ),
    library(
        "gegenbauer",
        (_DEGREE, _WEIGHT, lambda g, f, n, a, x: g * (2 * a * call("gegenbauer", n - 1, a + 1, x))),
        domain=((4, 4), (1.25, 1.25), (-0.99, 0.99)),
        sympy="gegenbauer",
        complex=True,
    ),
    library(
        "hermite",
        (_DEGREE, lambda g, f, n, x: g * (2 * n * call("hermite", n - 1, x))),
        domain=((4, 4), (-3.0, 3.0)),
        sympy="hermite",
        complex=True,
    ),
    library(
        "hermite_prob",
        (_DEGREE, lambda g, f, n, x: g * (n * call("hermite_prob", n - 1, x))),
        domain=((4, 4), (-3.0, 3.0)),
        sympy="hermite_prob",
        complex=True,
    ),
    library(
        "assoc_laguerre",
        (_DEGREE, _WEIGHT, lambda g, f, n, a, x: -(g * call("assoc_laguerre", n - 1, a + 1, x))),
        domain=((4, 4), (1.25, 1.25), (-3.0, 9.0)),
        sympy="assoc_laguerre",
        complex=True,
    ),
    library(
        "jacobi",
        (
            _DEGREE,
            _WEIGHT,
            _WEIGHT,
            lambda g, f, n, a, b, x: (
                g * ((n + a + b + 1) / 2 * call("jacobi", n - 1, a + 1, b + 1, x))
            ),
        ),
        domain=((4, 4), (1.25, 1.25), (0.5, 0.5), (-0.99, 0.99)),
        sympy="jacobi",
        complex=True,
    ),
]
