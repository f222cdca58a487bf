"""Gamma, beta, error, exponential and elliptic integrals, zeta: functions of analysis.

Formulas are those of the NIST Digital Library of Mathematical Functions, 5 to 8, 19 and 25.
"""

from __future__ import annotations

from dataclasses import replace

from symcompile.ir.build import Value, call
from symcompile.ir.ops.op import Pull, function, library, pointer, scipy
from symcompile.ir.ops.rules import (
    Refused,
    cos,
    digamma,
    digamma_difference,
    exp,
    log,
    number,
    power,
    sin,
    sqrt,
    where,
)


def _two_over_sqrt_pi(x: Value) -> Value:
    return 2 / sqrt(number(x, "pi"))


def _inverse_weight(f: Value, x: Value) -> Value:
    # exp(f^2), where x = erfc(f); for small x the square would be magnified.
    return where(call("lt", x, 1), call("erfcx", f) / x, exp(f * f))


def _quarter(x: Value) -> Value:
    """Return pi x^2/2."""
    return number(x, "pi") * (x * x) / 2


def _polylog(g: Value, f: Value, s: Value, z: Value) -> Value:
    return g * call("polylog_ratio", z.lift(0), s - 1, z)


def _shi(g: Value, f: Value, x: Value) -> Value:
    # sinh(x)/x as a series, since what comes of the quotient next cancels about 0.
    if x.complex:
        return g * where(call("eq", x, 0), x.lift(1), call("sinh", x) / x)
    return g * call("hyp0f1", x.lift(3) / 2, x * x / 4)


def _fresnel(name: str) -> Pull:
    """Return the rule of a Fresnel integral: a function of pi x^2/2, which has exact zeros."""
    function = {"sinpi": sin, "cospi": cos}[name]

    def rule(g: Value, f: Value, x: Value) -> Value:
        return g * (function(_quarter(x)) if x.complex else call(name, x * x / 2))

    return rule


def _upper_power(a: Value, x: Value) -> Value:
    """Return x^(a - 1) e^-x."""
    return power(x, a - 1) * exp(-x)


def _beta_weight(a: Value, b: Value, x: Value) -> Value:
    """Return x^(a - 1) (1 - x)^(b - 1)."""
    return power(x, a - 1) * power(1 - x, b - 1)


def _shifted(op: str, k: Value, s: Value, a: Value) -> Value:
    """Return minus the derivative in a of the k-th derivative in s (DLMF 25.11.17)."""
    found = s * call(op, k, s + 1, a)
    order = k.exact()
    return found if order == 0 else found + k * call(op, k - 1, s + 1, a)


ROWS = [
    function(
        "erf",
        lambda g, f, x: g * (_two_over_sqrt_pi(x) * exp(-(x * x))),
        sympy="erf",
        numpy="special.erf",
        complex=pointer("erf"),
    ),
    function(
        "erfc",
        lambda g, f, x: -(g * (_two_over_sqrt_pi(x) * exp(-(x * x)))),
        sympy="erfc",
        numpy="special.erfc",
        complex=pointer("erfc"),
    ),
    library(
        "erfi",
        (lambda g, f, x: g * (_two_over_sqrt_pi(x) * exp(x * x)),),
        sympy="erfi",
        complex=pointer("erfi"),
        numpy="special.erfi({0})",
        good="np.abs({0}) > 0.75",
    ),
    # exp(x^2) erfc(x).
    scipy("erfcx", lambda g, f, x: g * (2 * x * f - _two_over_sqrt_pi(x)), complex=True),
    scipy(
        "erfinv",
        lambda g, f, x: g * (sqrt(number(x, "pi")) / 2 * exp(f * f)),
        sympy="erfinv",
        domain=(-0.99, 0.99),
    ),
    scipy(
        "erfcinv",
        lambda g, f, x: -(g * (sqrt(number(x, "pi")) / 2 * _inverse_weight(f, x))),
        sympy="erfcinv",
        domain=(0.01, 1.99),
    ),
    library(
        "erf2",
        (
            lambda g, f, x, y: -(g * (_two_over_sqrt_pi(x) * exp(-(x * x)))),
            lambda g, f, x, y: g * (_two_over_sqrt_pi(y) * exp(-(y * y))),
        ),
        sympy="erf2",
        complex=True,
    ),
    function(
        "gamma",
        lambda g, f, x: g * (f * digamma(x)),
        sympy="gamma",
        numpy="special.gamma",
        libm="tgamma",
        python="gamma",
        domain=(0.1, 6.0),
        vector=False,
        complex=pointer("gamma"),
    ),
    replace(
        scipy("loggamma", lambda g, f, x: g * digamma(x), sympy="loggamma", complex=True),
        python="_log_gamma({0})",
        # At whole numbers it is right anyway.
        numpy="_mostly(special.loggamma({0}), ({0} < 0.5) | ({0} > 2.5) | ({0} == np.floor({0})), "
        "_log_gamma, {0})",
        numba="_log_gamma({0})",
        c="sc_loggamma({0})",
        domain=((0.1, 9.0),),
    ),
    scipy(
        "digamma",
        lambda g, f, x: g * call("polygamma", x.lift(1), x),
        name="psi",
        domain=(0.1, 9.0),
        complex=True,
    ),
    library(
        "polygamma",
        (
            Refused("polygamma", "order"),
            lambda g, f, n, x: g * call("polygamma", n + 1, x),
        ),
        domain=((1, 1), (0.1, 9.0)),
        numpy="special.polygamma({0}, {1})",
        good="({0} >= 1.0) & ({0} < 170.0) & ({0} == np.floor({0})) & ({1} > 0.0)",
        complex=True,
    ),
    library(
        "digamma_difference",
        (
            lambda g, f, x, d: (
                g * (call("polygamma", x.lift(1), x + d) - call("polygamma", x.lift(1), x))
            ),
            lambda g, f, x, d: g * call("polygamma", x.lift(1), x + d),
        ),
        domain=(0.1, 6.0),
        complex=True,
    ),
    library(
        "beta",
        (
            lambda g, f, a, b: -(g * (f * digamma_difference(a, b))),
            lambda g, f, a, b: -(g * (f * digamma_difference(b, a))),
        ),
        domain=(0.1, 6.0),
        numpy="special.beta({0}, {1})",
        good="({0} > 0.0) & ({0} < 5.0) & ({1} > 0.0) & ({1} < 5.0)",
        complex=True,
    ),
    library(
        "upper_gamma",
        (Refused("uppergamma", "order"), lambda g, f, a, x: -(g * _upper_power(a, x))),
        domain=((2.5, 2.5), (0.1, 6.0)),
        sympy="uppergamma",
        numpy="special.gammaincc({0}, {1})*special.gamma({0})",
        good="({0} > 1.0) & ({0} < 165.0) & ({1} > 0.0) & ({1} < {0})",
        complex=True,
    ),
    library(
        "lower_gamma",
        (Refused("lowergamma", "order"), lambda g, f, a, x: g * _upper_power(a, x)),
        domain=((2.5, 2.5), (0.1, 6.0)),
        sympy="lowergamma",
        numpy="special.gammainc({0}, {1})*special.gamma({0})",
        good="({0} > 0.0) & ({0} < 165.0) & ({1} >= 0.0)",
        complex=True,
    ),
    library(
        "beta_incomplete",
        (
            Refused("betainc", "first parameter"),
            Refused("betainc", "second parameter"),
            lambda g, f, a, b, x, y: -(g * _beta_weight(a, b, x)),
            lambda g, f, a, b, x, y: g * _beta_weight(a, b, y),
        ),
        domain=((2.5, 2.5), (1.5, 1.5), (0.05, 0.95), (0.05, 0.95)),
        sympy="betainc",
    ),
    library(
        "beta_regularized",
        (
            Refused("betainc_regularized", "first parameter"),
            Refused("betainc_regularized", "second parameter"),
            lambda g, f, a, b, x, y: -(g * (_beta_weight(a, b, x) / call("beta", a, b))),
            lambda g, f, a, b, x, y: g * (_beta_weight(a, b, y) / call("beta", a, b)),
        ),
        domain=((2.5, 2.5), (1.5, 1.5), (0.05, 0.95), (0.05, 0.95)),
        sympy="betainc_regularized",
    ),
    library(
        "lambertw",
        (
            lambda g, f, x, k: g / (exp(f) * (1 + f)),
            Refused("LambertW", "branch"),
        ),
        domain=((0.1, 6.0), (0, 0)),
        numpy="special.lambertw({0}, {1}).real",
        good="({0} > -0.36) & (({1} == 0.0) | ({0} < 0.0)) & (({1} == 0.0) | ({1} == -1.0))",
        complex=True,
    ),
    library(
        "expi",
        (lambda g, f, x: g * (exp(x) / x),),
        domain=(0.1, 6.0),
        sympy="Ei",
        complex=pointer("expi"),
        numpy="np.where({0} < 0.0, -special.exp1(-{0}), special.expi({0}))",
    ),
    library(
        "expint",
        (Refused("expint", "order"), lambda g, f, n, x: -(g * call("expint", n - 1, x))),
        domain=((2.5, 2.5), (0.1, 6.0)),
        sympy="expint",
        numpy="special.expn(np.where(({0} >= 1.0) & ({0} < 1e9), np.floor({0}), 1.0), {1})",
        good="({0} >= 1.0) & ({0} < 1e9) & ({0} == np.floor({0})) & ({1} > 0.0)",
        complex=True,
    ),
    library(
        "logarithmic_integral",
        (lambda g, f, x: g / log(x),),
        domain=(1.1, 9.0),
        sympy="li",
        numpy="special.expi(np.log({0}))",
        good="({0} >= 2.5) & ({0} < np.inf)",
        complex=True,
    ),
    scipy(
        "sine_integral",
        lambda g, f, x: g * call("sinc", x),
        name="sici",
        entry=0,
        sympy="Si",
        complex=True,
    ),
    library(
        "cosine_integral",
        (lambda g, f, x: g * (cos(x) / x),),
        domain=(0.1, 9.0),
        sympy="Ci",
        complex=pointer("sici", entry=1),
        numpy="np.where({0} < 0.0, np.nan, special.sici({0})[1])",
    ),
    scipy(
        "hyperbolic_sine_integral",
        _shi,
        name="shichi",
        entry=0,
        sympy="Shi",
        complex=True,
    ),
    library(
        "hyperbolic_cosine_integral",
        (lambda g, f, x: g * (call("cosh", x) / x),),
        domain=(0.1, 9.0),
        sympy="Chi",
        complex=pointer("shichi", entry=1),
        numpy="np.where({0} < 0.0, np.nan, special.shichi({0})[1])",
    ),
    scipy("fresnels", _fresnel("sinpi"), name="fresnel", entry=0, sympy="fresnels", complex=True),
    scipy("fresnelc", _fresnel("cospi"), name="fresnel", entry=1, sympy="fresnelc", complex=True),
    library("sinpi", (lambda g, f, x: g * (number(x, "pi") * call("cospi", x)),)),
    library("cospi", (lambda g, f, x: -(g * (number(x, "pi") * call("sinpi", x))),)),
    # Derivatives in s have the order k.
    library(
        "zeta",
        (Refused("zeta", "order"), lambda g, f, k, s: g * call("zeta", k + 1, s)),
        domain=((0, 0), (1.1, 9.0)),
        numpy="special.zeta({1})",
        good="({0} == 0.0) & ({1} > 1.0)",
    ),
    library(
        "hurwitz",
        (
            Refused("zeta", "order"),
            lambda g, f, k, s, a: g * call("hurwitz", k + 1, s, a),
            lambda g, f, k, s, a: -(g * _shifted("hurwitz", k, s, a)),
        ),
        domain=((0, 0), (1.1, 9.0), (0.2, 6.0)),
        numpy="special.zeta({1}, {2})",
        good="({0} == 0.0) & ({1} > 1.0) & ({2} > 0.0)",
    ),
    library(
        "dirichlet_eta",
        (Refused("zeta", "order"), lambda g, f, k, s: g * call("dirichlet_eta", k + 1, s)),
        domain=((0, 0), (0.1, 6.0)),
    ),
    library(
        "hurwitz_eta",
        (
            Refused("zeta", "order"),
            lambda g, f, k, s, a: g * call("hurwitz_eta", k + 1, s, a),
            lambda g, f, k, s, a: -(g * _shifted("hurwitz_eta", k, s, a)),
        ),
        domain=((0, 0), (0.1, 6.0), (0.2, 6.0)),
    ),
    library(
        "polylog",
        (Refused("polylog", "order"), _polylog),
        domain=((2.5, 2.5), (-0.9, 0.9)),
        sympy="polylog",
    ),
    # The j-th derivative of Li_s(z)/z.
    library(
        "polylog_ratio",
        (
            Refused("polylog", "order"),
            Refused("polylog", "order"),
            lambda g, f, j, s, z: g * call("polylog_ratio", j + 1, s, z),
        ),
        domain=((0, 0), (2.5, 2.5), (-0.9, 0.9)),
    ),
]
