"""One corpus of special functions: formulas of one or two numbers, and where to evaluate them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import sympy as sp
from sympy.codegen import cfunctions, numpy_nodes, scipy_nodes

x, y = sp.symbols("x y", real=True)


class Special(NamedTuple):
    """A formula in ``x`` and ``y``, and its points.

    Attributes:
        name: what it is called.
        formula: the formula.
        points: values of ``x``, or pairs.
        smooth: whether its derivatives in both are to be tested: in ``x`` alone where it is a
            function of ``x`` and an order ``y``, and in none where it is one of whole numbers.
    """

    name: str
    formula: Any
    points: Sequence[Any]
    wrt: str = "x"


def _one(name: str, function: Callable[[Any], Any], *points: float, wrt: str = "x") -> Special:
    return Special(name, function(x), points, wrt)


def _two(
    name: str, function: Callable[[Any, Any], Any], *points: tuple[float, float], wrt: str = "x"
) -> Special:
    return Special(name, function(x, y), points, wrt)


_GAMMAS = [
    _one("gamma", sp.gamma, 0.3, 4.5, -2.5, 30.25),
    _one("loggamma", sp.loggamma, 0.3, 1.625, 50.0, 1e10),
    _one("digamma", sp.digamma, 0.3, 4.5, -2.375, 100.5),
    _two("polygamma", lambda x, n: sp.polygamma(n, x), (2.5, 1), (0.5, 3), (-2.5, 2), (40.5, 1)),
    _two("beta", sp.beta, (0.5, 2.25), (74.5, 0.375), (120.5, 90.25), (-1.5, 2.25), wrt="xy"),
    _two("uppergamma", lambda x, a: sp.uppergamma(a, x), (2.0, 1.5), (0.5, 3.0), (1.25, 0.5)),
    _two("uppergamma_negative", lambda x, a: sp.uppergamma(a, x), (0.25, -1.5), (3.0, -0.5)),
    _two("lowergamma", lambda x, a: sp.lowergamma(a, x), (2.0, 1.5), (0.5, 3.0), (9.5, 4.25)),
    _one(
        "betainc", lambda x: sp.betainc(sp.Rational(7, 5), sp.Rational(31, 10), 0.125, x), 0.5, 0.9
    ),
    _one("betainc_regularized", lambda x: sp.betainc_regularized(1.5, 3, x, 0.75), 0.5, 0.25),
    _one("factorial", sp.factorial, 5.0, 2.5, 30.0, -1.5),
    _one("factorial2", sp.factorial2, 7.0, 8.0, 2.5),
    _one("subfactorial", sp.subfactorial, 7.0, 0.0, 20.0, wrt=""),
    _two("rising", sp.rf, (3.25, 2.0), (8.75, 0.5), (2.5, 3.75), wrt="xy"),
    _two("falling", sp.ff, (3.25, 2.0), (8.75, 0.5), (7.5, 3.75), wrt="xy"),
    _two("binomial", sp.binomial, (4.5, 2.0), (10.25, 3.5), (40.0, 13.0), wrt=""),
    _one("binomial_fixed", lambda x: sp.binomial(x, 4), 4.5, 10.0, -2.5),
    _one("catalan", sp.catalan, 3.0, 4.5, 12.25),
    _one("harmonic", sp.harmonic, 4.0, 0.125, 7.5),
    _one("harmonic_2", lambda x: sp.harmonic(x, 2), 4.0, 0.625, 7.5),
    _one("fibonacci", sp.fibonacci, 10.0, 3.0, 50.0, wrt=""),
    _one("lucas", sp.lucas, 10.0, 3.0, 50.0, wrt=""),
    _one("tribonacci", sp.tribonacci, 10.0, 3.0, wrt=""),
    _one("bernoulli", sp.bernoulli, 10.0, 1.0, 3.0, 40.0, wrt=""),
    _one("euler", sp.euler, 10.0, 3.0, 20.0, wrt=""),
]

_INTEGRALS = [
    _one("erf", sp.erf, 0.25, -2.0, 4.5),
    _one("erfc", sp.erfc, 0.25, -2.0, 9.5, 25.0),
    _one("erfi", sp.erfi, 0.0375, -2.0, 5.5),
    _one("erfinv", sp.erfinv, 0.25, -0.9, 0.999),
    _one("erfcinv", sp.erfcinv, 0.25, 1.9, 1e-20),
    _two("erf2", sp.erf2, (0.5, 1.25), (2.5, 3.0), (-3.5, -2.0), wrt="xy"),
    _one("Ei", sp.Ei, 0.5, -2.0, 10.5, -0.875),
    _one("E1", sp.E1, 0.5, 2.0, 10.5),
    _two("expint", lambda x, n: sp.expint(n, x), (0.5, 2), (1.25, 2.5), (0.25, 1.125), (3.5, -1)),
    _one("li", sp.li, 0.25, 1.5, 10.0, 0.9375),
    _one("Li", sp.Li, 2.5, 10.0),
    _one("Si", sp.Si, 0.5, -3.0, 20.0, 0.0),
    _one("Ci", sp.Ci, 0.5, 3.0, 20.0),
    _one("Shi", sp.Shi, 0.5, -3.0, 10.0),
    _one("Chi", sp.Chi, 0.5, 3.0, 10.0),
    _one("fresnels", sp.fresnels, 0.5, -3.0, 1.4375),
    _one("fresnelc", sp.fresnelc, 0.5, -3.25, 1.4375),
    _one("LambertW", sp.LambertW, 0.5, -0.25, 30.0, 1e-8, -0.3671875),
    _one("LambertW_lower", lambda x: sp.LambertW(x, -1), -0.25, -0.01, -0.3671875),
    _one("elliptic_k", sp.elliptic_k, 0.5, -2.0, 0.9375, 1e-9),
    _one("elliptic_e", sp.elliptic_e, 0.5, -2.0, 0.9375, 1e-9),
    _two("elliptic_f", sp.elliptic_f, (0.5, 0.25), (1.25, -2.0), (3.5, 0.5), wrt="xy"),
    _two("elliptic_e_2", sp.elliptic_e, (0.5, 0.25), (1.25, -2.0), (3.5, 0.5), wrt="xy"),
    _two("elliptic_pi", sp.elliptic_pi, (0.5, 0.25), (-3.5, 0.75), (0.25, -2.0), wrt="xy"),
    _two(
        "elliptic_pi_3", lambda x, y: sp.elliptic_pi(0.25, x, y), (0.5, 0.125), (3.5, 0.5), wrt="xy"
    ),
]

_ZETAS = [
    _one("zeta", sp.zeta, 2.5, 0.5, -3.5, 1.0625, 20.5),
    _two("zeta_2", sp.zeta, (2.5, 1.5), (1.125, 0.25), (9.5, 10.25), wrt="xy"),
    _one("dirichlet_eta", sp.dirichlet_eta, 2.5, 1.0, 0.25, -1.5),
    _one("polylog_2", lambda x: sp.polylog(2, x), 0.25, -0.75, 0.875, -5.5),
    _one("polylog_3", lambda x: sp.polylog(3, x), 0.25, -0.75, 0.875, -5.5),
    _one("polylog_half", lambda x: sp.polylog(sp.Rational(5, 2), x), 0.25, -0.75, 0.875),
    _two("polylog", lambda x, s: sp.polylog(s, x), (0.25, 1.5), (-0.5, -2.0), (0.5, 0.5)),
]

_ORDERS = [(0.5, 0.0), (2.5, 1.0), (3.5, 2.0), (10.75, 0.5), (7.25, 2.375), (30.5, 1.5)]

_BESSELS = [
    _two("besselj", lambda x, n: sp.besselj(n, x), *_ORDERS),
    _two("bessely", lambda x, n: sp.bessely(n, x), *_ORDERS),
    _two("besseli", lambda x, n: sp.besseli(n, x), *_ORDERS),
    _two("besselk", lambda x, n: sp.besselk(n, x), *_ORDERS),
    _one("besselj_0", lambda x: sp.besselj(0, x), 0.5, 12.5),
    _one("jn_0", lambda x: sp.jn(0, x), 0.5, 12.5),
    _one("jn_2", lambda x: sp.jn(2, x), 4.25, 0.125, 20.5, -1.5),
    _one("yn_2", lambda x: sp.yn(2, x), 4.25, 0.125, 20.5),
    _two("jn", lambda x, n: sp.jn(n, x), (0.5, 3.0), (12.5, 4.0), (2.5, 9.0)),
    _one("sinc", sp.sinc, 0.5, 0.0, 12.5, 1e-9),
    _one("airyai", sp.airyai, 0.5, -3.0, 1.9375, 6.5),
    _one("airyaiprime", sp.airyaiprime, 0.5, -3.0, 1.9375, 6.5),
    _one("airybi", sp.airybi, 0.5, -3.0, 1.9375),
    _one("airybiprime", sp.airybiprime, 0.5, -3.0, 1.9375),
]

_DEGREES = [(0.3, 3.0), (-0.75, 8.0), (0.5, 0.0), (0.25, 1.0)]

_POLYNOMIALS = [
    _two("legendre", lambda x, n: sp.legendre(n, x), *_DEGREES, (0.25, 2.5)),
    _one("legendre_5", lambda x: sp.legendre(5, x), 0.3, 1.7),
    _two("assoc_legendre", lambda x, n: sp.assoc_legendre(n, 2, x), (0.3, 3.0), (-0.75, 5.0)),
    _two("chebyshevt", lambda x, n: sp.chebyshevt(n, x), *_DEGREES),
    _two("chebyshevu", lambda x, n: sp.chebyshevu(n, x), *_DEGREES),
    _two("gegenbauer", lambda x, n: sp.gegenbauer(n, 1.25, x), *_DEGREES),
    _two("hermite", lambda x, n: sp.hermite(n, x), *_DEGREES),
    _two("hermite_prob", lambda x, n: sp.hermite_prob(n, x), *_DEGREES),
    _two("laguerre", lambda x, n: sp.laguerre(n, x), *_DEGREES, (8.625, 8.0)),
    _two("assoc_laguerre", lambda x, n: sp.assoc_laguerre(n, 1.5, x), *_DEGREES, (2.5, 1.5)),
    _two("jacobi", lambda x, n: sp.jacobi(n, 1.25, 0.5, x), *_DEGREES),
    _one("hyp0f1", lambda x: sp.hyper([], [1.25], x), 0.5, -9.5),
    _one("hyp1f1", lambda x: sp.hyper([0.25], [3.5], x), -1.625, 20.5),
    _one("hyp2f1", lambda x: sp.hyper([1.5, 2.5], [4.25], x), 0.5, -2.375, 0.9375, -20.5),
]

_CODEGEN = [
    _one("log2", cfunctions.log2, 8.0, 0.3),
    _one("log10", cfunctions.log10, 1000.0, 0.3),
    _one("exp2", cfunctions.exp2, 3.0, -0.3),
    _one("log1p", cfunctions.log1p, 1e-10, 0.5),
    _one("expm1", cfunctions.expm1, 1e-10, 0.5),
    _one("Sqrt", cfunctions.Sqrt, 2.0),
    _one("Cbrt", cfunctions.Cbrt, 27.0, 0.3),
    _one("cosm1", scipy_nodes.cosm1, 1e-8, 2.5),
    _two("powm1", scipy_nodes.powm1, (1.0000001, 2.5), (0.5, 1e-9), (2.5, 3.0), wrt="xy"),
    _two("hypot", cfunctions.hypot, (3.0, 4.0), (1e200, 1e200), wrt="xy"),
    _two(
        "fma", lambda x, y: cfunctions.fma(x, y, sp.Float(0.1)), (2.0, 3.5), (0.1, -1.0), wrt="xy"
    ),
    _two("logaddexp", numpy_nodes.logaddexp, (1.0, 2.0), (1000.0, 999.0), (-3.0, -3.0), wrt="xy"),
    _two("logaddexp2", numpy_nodes.logaddexp2, (1.0, 2.5), (1e4, 1e4), wrt="xy"),
    _two("minimum", numpy_nodes.minimum, (1.0, 2.5), (3.0, -1.0), wrt="xy"),
    _two("maximum", numpy_nodes.maximum, (1.0, 2.5), (3.0, -1.0), wrt="xy"),
    _two("Mod", sp.Mod, (7.5, 2.0), (-7.5, 2.0), (7.5, -2.0), (0.75, 3.0), wrt="xy"),
    _one("frac", sp.frac, 2.75, -0.25),
    _one("Heaviside", lambda x: x * sp.Heaviside(x - 1), 0.5, 3.0),
    _one("Heaviside_jump", lambda x: sp.Heaviside(x - 1) + sp.Heaviside(x, 3), 0.0, 1.0, wrt=""),
    _one("constants", lambda x: x * (sp.pi + sp.E + sp.EulerGamma + sp.Catalan), 0.5),
    _one("ratios", lambda x: x * (sp.GoldenRatio - sp.TribonacciConstant), 0.5),
]

#: All of them. Names are unique.
SPECIALS = [*_GAMMAS, *_INTEGRALS, *_ZETAS, *_BESSELS, *_POLYNOMIALS, *_CODEGEN]
