"""Gamma, beta, error, exponential and elliptic integrals, zeta: functions of analysis.

Formulas are those of the NIST Digital Library of Mathematical Functions, 5 to 8, 19 and 25.
"""

from __future__ import annotations

from symcompile.ir.build import Value, call
from symcompile.ir.ops.op import Spelling, function, library, scipy
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


def _complex(name: str) -> Spelling:
    python = f"special.{name}({{0}})"
    return Spelling(
        f"complex({python})", python, f"special_{name}_z({{0}})", f"sc_special_{name}_z({{0}})"
    )


def _inverse_weight(f: Value, x: Value) -> Value:
    # exp(f^2), where x = erfc(f); for small x the square would be magnified.
    return where(call("lt", x, 1), call("erfcx", f) / x, exp(f * f))


def _quarter(x: Value) -> Value:
    """Return pi x^2/2."""
    return number(x, "pi") * (x * x) / 2


def _over_or_limit(top: Value, x: Value, limit: int) -> Value:
    """Return ``top/x``, or its limit where x is 0."""
    return where(call("eq", x, 0), x.lift(limit), top / x)


def _polylog(g: Value, f: Value, s: Value, z: Value) -> Value:
    return g * _over_or_limit(call("polylog", s - 1, z), z, 1)


def _upper_power(a: Value, x: Value) -> Value:
    """Return x^(a - 1) e^-x."""
    return power(x, a - 1) * exp(-x)


def _beta_weight(a: Value, b: Value, x: Value) -> Value:
    """Return x^(a - 1) (1 - x)^(b - 1)."""
    return power(x, a - 1) * power(1 - x, b - 1)


def _hurwitz_shifted(k: Value, s: Value, a: Value) -> Value:
    """Return minus the derivative in a of the k-th derivative in s (DLMF 25.11.17)."""
    found = s * call("hurwitz", k, s + 1, a)
    order = k.exact()
    return found if order == 0 else found + k * call("hurwitz", k - 1, s + 1, a)


ROWS = [
    function(
        "erf",
        lambda g, f, x: g * (_two_over_sqrt_pi(x) * exp(-(x * x))),
        sympy="erf",
        numpy="special.erf",
        complex=_complex("erf"),
    ),
    function(
        "erfc",
        lambda g, f, x: -(g * (_two_over_sqrt_pi(x) * exp(-(x * x)))),
        sympy="erfc",
        numpy="special.erfc",
        complex=_complex("erfc"),
    ),
    library(
        "erfi",
        (lambda g, f, x: g * (_two_over_sqrt_pi(x) * exp(x * x)),),
        sympy="erfi",
        complex=_complex("erfi"),
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
        complex=_complex("gamma"),
    ),
    scipy(
        "loggamma",
        lambda g, f, x: g * digamma(x),
        c="sc_loggamma({0})",
        sympy="loggamma",
        domain=(0.1, 9.0),
        complex=True,
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
    ),
    library(
        "upper_gamma",
        (Refused("uppergamma", "order"), lambda g, f, a, x: -(g * _upper_power(a, x))),
        domain=((2.5, 2.5), (0.1, 6.0)),
        sympy="uppergamma",
        numpy="special.gammaincc({0}, {1})*special.gamma({0})",
        good="({0} > 1.0) & ({0} < 165.0) & ({1} > 0.0) & ({1} < {0})",
    ),
    library(
        "lower_gamma",
        (Refused("lowergamma", "order"), lambda g, f, a, x: g * _upper_power(a, x)),
        domain=((2.5, 2.5), (0.1, 6.0)),
        sympy="lowergamma",
        numpy="special.gammainc({0}, {1})*special.gamma({0})",
        good="({0} > 0.0) & ({0} < 165.0) & ({1} >= 0.0)",
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
    ),
    library(
        "expi",
        (lambda g, f, x: g * (exp(x) / x),),
        domain=(0.1, 6.0),
        sympy="Ei",
        numpy="np.where({0} < 0.0, -special.exp1(-{0}), special.expi({0}))",
    ),
    library(
        "expint",
        (Refused("expint", "order"), lambda g, f, n, x: -(g * call("expint", n - 1, x))),
        domain=((2.5, 2.5), (0.1, 6.0)),
        sympy="expint",
        numpy="special.expn(np.where(({0} >= 1.0) & ({0} < 1e9), np.floor({0}), 1.0), {1})",
        good="({0} >= 1.0) & ({0} < 1e9) & ({0} == np.floor({0})) & ({1} > 0.0)",
    ),
    library(
        "logarithmic_integral",
        (lambda g, f, x: g / log(x),),
        domain=(1.1, 9.0),
        sympy="li",
        numpy="special.expi(np.log({0}))",
        good="({0} >= 2.5) & ({0} < np.inf)",
    ),
    scipy(
        "sine_integral",
        lambda g, f, x: g * call("sinc", x),
        name="sici",
        entry=0,
        sympy="Si",
    ),
    library(
        "cosine_integral",
        (lambda g, f, x: g * (cos(x) / x),),
        domain=(0.1, 9.0),
        sympy="Ci",
        numpy="np.where({0} < 0.0, np.nan, special.sici({0})[1])",
    ),
    scipy(
        "hyperbolic_sine_integral",
        lambda g, f, x: g * _over_or_limit(call("sinh", x), x, 1),
        name="shichi",
        entry=0,
        sympy="Shi",
    ),
    library(
        "hyperbolic_cosine_integral",
        (lambda g, f, x: g * (call("cosh", x) / x),),
        domain=(0.1, 9.0),
        sympy="Chi",
        numpy="np.where({0} < 0.0, np.nan, special.shichi({0})[1])",
    ),
    scipy(
        "fresnels", lambda g, f, x: g * sin(_quarter(x)), name="fresnel", entry=0, sympy="fresnels"
    ),
    scipy(
        "fresnelc", lambda g, f, x: g * cos(_quarter(x)), name="fresnel", entry=1, sympy="fresnelc"
    ),
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
            lambda g, f, k, s, a: -(g * _hurwitz_shifted(k, s, a)),
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
        "polylog",
        (Refused("polylog", "order"), _polylog),
        domain=((2.5, 2.5), (-0.9, 0.9)),
        sympy="polylog",
    ),
]
