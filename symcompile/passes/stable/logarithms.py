"""Logarithms of what overflows, underflows, or is nearly one."""

from __future__ import annotations

from fractions import Fraction

from symcompile.ir.algebra import exact
from symcompile.ir.build import Builder, Value, call
from symcompile.ir.graph import Special
from symcompile.passes.exponentials import log1p_of, log_of
from symcompile.passes.stable.site import (
    Rule,
    Site,
    argument,
    gamma_argument,
    less,
    refined,
    split,
    terms_of,
    total,
    unrefined,
    where,
    with_slopes,
)
from symcompile.passes.stable.spread import spread

# exp(-2*20) is below the spacing of doubles at one.
_FAR = 20


def _one_plus(b: Builder, node: int) -> Value | None:
    """Return u where a node is ``1 + u``, a flat sum with the number one in it."""
    terms = terms_of(b, node)
    if len(terms) < 2:
        return None
    ones = [k for k, term in enumerate(terms) if term.node is None and term.coefficient == 1]
    if len(ones) != 1 or sum(term.node is None for term in terms) > 1:
        return None
    return total(b, [term for k, term in enumerate(terms) if k != ones[0]])


def _log1p(site: Site) -> Value | None:
    u = _one_plus(site.b, site.args[0])
    return None if u is None else call("log1p", u)


def _softplus(site: Site) -> Value | None:
    z = argument(site.b, site.args[0], "exp")
    return None if z is None else call("softplus", site.value(z))


def _log_of(site: Site) -> Value | None:
    found = log_of(site.b, site.args[0])
    return None if found is None else site.value(found)


def _log1p_of(site: Site) -> Value | None:
    found = log1p_of(site.b, site.args[0])
    return None if found is None else site.value(found)


def _negated(b: Builder, node: int, op: str) -> Value | None:
    """Return z where a node is ``-op(z)``."""
    inner = argument(b, node, "neg")
    z = argument(b, inner, op)
    return None if z is None else Value(b, z)


def log1mexp(z: Value) -> Value:
    """Return ``log(1 - exp(z))``, by Maechler's two cases, with its derivatives."""
    plain = call("log", -call("expm1", z))
    # ln 2 need not be exact: both cases hold on both sides of it.
    near = less(z.lift(Fraction(-693, 1000)), z)
    better = where(near, plain, call("log1p", -call("exp", z)))
    return with_slopes(refined(plain, better), [z], lambda f: [-call("bose", -z)])


def _log1mexp(site: Site) -> Value | None:
    if site.op == "log":
        z = _negated(site.b, site.args[0], "expm1")
    else:
        z = _negated(site.b, site.args[0], "exp")
    return None if z is None else log1mexp(z)


def _logexpm1(site: Site) -> Value | None:
    z = argument(site.b, site.args[0], "expm1")
    if z is None:
        return None
    x = site.value(z)
    near = less(x, 1)
    plain = call("log", call("expm1", x))
    better = where(near, plain, x + call("log1p", -call("exp", -x)))
    return with_slopes(refined(plain, better), [x], lambda f: [-call("bose", -x)])


def _log_sigmoid(site: Site) -> Value | None:
    if site.op == "log":
        z = argument(site.b, site.args[0], "sigmoid")
        return None if z is None else -call("softplus", -site.value(z))
    inner = _negated(site.b, site.args[0], "sigmoid")
    return None if inner is None else -call("softplus", inner)


def _scaled(b: Builder, node: int, op: str) -> tuple[Fraction, Value] | None:
    """Return c and z where a node is ``c*op(z)``, c a positive number."""
    top, bottom, negative = split(b, node)
    c, z = Fraction(1), None
    for factor in top:
        value, inner = exact(b.graph, factor), argument(b, factor, op)
        if value is not None:
            c *= value
        elif inner is not None and z is None:
            z = inner
        else:
            return None
    for factor in bottom:
        value = exact(b.graph, factor)
        if not value:
            return None
        c /= value
    return None if z is None or negative or c <= 0 else (c, Value(b, z))


def _log_cosh(site: Site) -> Value | None:
    found = _scaled(site.b, site.args[0], "cosh")
    if found is None:
        return None
    c, z = found
    size = call("abs", z)
    plain = site.original
    if c == 1:
        root = call("sinh", z / 2)
        near = call("log1p", 2 * (root * root))
    else:
        near = plain
    far = size + call("log", z.lift(c / 2))
    return with_slopes(
        refined(plain, where(less(size, _FAR), near, far)), [z], lambda f: [call("tanh", z)]
    )


def _log_sinh(site: Site) -> Value | None:
    found = _scaled(site.b, site.args[0], "sinh")
    if found is None:
        return None
    c, z = found
    far = z + call("log", z.lift(c / 2))
    better = where(less(z, _FAR), site.original, far)
    return with_slopes(refined(site.original, better), [z], lambda f: [1 / call("tanh", z)])


def _log_tanh(site: Site) -> Value | None:
    """``log(1 + tanh(z))`` as ``log1p(tanh(z))``."""
    z = argument(site.b, site.args[0], "tanh")
    if z is None:
        inner = _negated(site.b, site.args[0], "tanh")
        if inner is None:
            return None
        x = -inner
    else:
        x = site.value(z)
    near = less(x.lift(Fraction(-1, 2)), x)
    far = call("log", x.lift(2)) - call("softplus", -2 * x)
    plain = call("log1p", call("tanh", x))
    slope = 2 * call("sigmoid", -2 * x)
    return with_slopes(refined(plain, where(near, plain, far)), [x], lambda f: [slope])


def _log_one_plus_tanh(site: Site) -> Value | None:
    """``log(2*sigmoid(2*z))``, which is how ``log(1 + tanh(z))`` arrives here."""
    found = _scaled(site.b, site.args[0], "sigmoid")
    if found is None:
        return None
    c, z = found
    if c == 1:
        return -call("softplus", -z)
    if c != 2:
        return None
    half = z / 2
    near = less(z.lift(-1), z)
    plain = call("log1p", call("tanh", half))
    far = call("log", z.lift(2)) - call("softplus", -z)
    slope = call("sigmoid", -z)
    return with_slopes(refined(plain, where(near, plain, far)), [z], lambda f: [slope])


def _log_gamma(site: Site) -> Value | None:
    x = gamma_argument(site.b, site.args[0])
    if x is None:
        return None
    # Gamma is positive between some of the negative integers too; there it stays.
    better = where(less(x.lift(0), x), call("loggamma", x), site.original)
    return with_slopes(refined(site.original, better), [x], lambda f: [call("digamma", x)])


def _log_power(site: Site) -> Value | None:
    """The exponent in front: no overflow of the power."""
    node = site.b.graph[site.args[0]]
    if node.op == "sqrt":
        return call("log", site.value(node.args[0])) / 2
    if node.op not in ("pow", "powi"):
        return None
    base, exponent = site.value(node.args[0]), site.value(node.args[1])
    number = exponent.exact()
    if node.op == "powi":
        assert number is not None
        inner = base if number % 2 else call("abs", base)
        return number * call("log", inner)
    if number is not None:
        # A power with an exponent that is no whole number is one of numbers that are not negative.
        return number * call("log", base)
    infinity = site.number(Special.INF)
    b = site.b
    inside = Value(b, b.call("and", less(base.lift(0), base).node, less(base, infinity).node))
    return refined(site.original, where(inside, exponent * call("log", base), site.original))


def _log_inverse_hyperbolic(site: Site) -> Value | None:
    """``log(x + sqrt(x^2 + 1))`` and ``log(x + sqrt(x^2 - 1))``."""
    b = site.b
    inside = site.args[0]
    if b.graph[inside].op == "select":  # its conjugate for one sign of x
        inside = b.graph[inside].args[2]
    terms = terms_of(b, inside)
    if len(terms) != 2 or any(t.coefficient != 1 or t.node is None for t in terms):
        return None
    for root, other in (terms, terms[::-1]):
        assert other.node is not None and root.node is not None
        inner = argument(b, unrefined(b, root.node), "sqrt")
        if inner is None:
            continue
        inner = spread(b, inner)
        square = b.call("powi", other.node, b.constant(2))
        product = b.call("mul", other.node, other.node)
        parts = terms_of(b, inner)
        numbers = [t.coefficient for t in parts if t.node is None]
        nodes = [t for t in parts if t.node is not None]
        if len(numbers) != 1 or len(nodes) != 1 or nodes[0].coefficient != 1:
            continue
        if nodes[0].node not in (square, product) or abs(numbers[0]) != 1:
            continue
        x = Value(b, other.node)
        return call("asinh" if numbers[0] == 1 else "acosh", x)
    return None


def _log_ratio(site: Site) -> Value | None:
    """``log((1 + x)/(1 - x))``, and its kin where the terms that differ change their sign."""
    b = site.b
    top, bottom, negative = split(b, site.args[0])
    if len(top) != 1 or len(bottom) != 1 or negative:
        return None
    first, second = _one_plus(b, top[0]), _one_plus(b, bottom[0])
    if first is None or second is None or (-first).node != second.node:
        return None
    return 2 * call("atanh", first)


def _logerfc_value(z: Value, c: Fraction, plain: Value) -> Value:
    """Return ``log(c*erfc(z))``."""
    tail = call("log", c * call("erfcx", z)) - z * z
    if c == 1:
        middle = where(less(z, Fraction(1, 2)), call("log1p", -call("erf", z)), plain)
    elif c == Fraction(1, 2):
        middle = where(less(z, 0), call("log1p", -call("erfc", -z) / 2), plain)
    else:
        middle = plain
    # Far to the left erfcx overflows to infinity, and the slope is zero, as it should be.
    slope = -2 / call("sqrt", Value(z.builder, z.builder.call("pi"))) / call("erfcx", z)
    return with_slopes(refined(plain, where(less(z, 5), middle, tail)), [z], lambda f: [slope])


def _log_erfc(site: Site) -> Value | None:
    found = _scaled(site.b, site.args[0], "erfc")
    return None if found is None else _logerfc_value(found[1], found[0], site.original)


_MAECHLER = "M. Mächler, Accurately computing log(1 - exp(-|a|)), 2012"
_HIGHAM = "N. J. Higham, Accuracy and Stability of Numerical Algorithms (2nd ed., 2002), 1.14"
_BLANCHARD = (
    "P. Blanchard, D. J. Higham, N. J. Higham, Accurately computing the log-sum-exp and softmax "
    "functions, IMA J. Numer. Anal. 41, 2021"
)

RULES = [
    Rule(
        "log1mexp",
        ("log", "log1p"),
        _log1mexp,
        "log(1 - exp(z)) = log(-expm1(z)) = log1p(-exp(z)) for z < 0",
        _MAECHLER,
    ),
    Rule(
        "log of expm1",
        ("log",),
        _logexpm1,
        "log(exp(z) - 1) = z + log1p(-exp(-z)) for z > 0",
        f"{_MAECHLER}; exp(z)*(1 - exp(-z))",
    ),
    Rule(
        "log of sigmoid",
        ("log", "log1p"),
        _log_sigmoid,
        "log(sigmoid(z)) = -softplus(-z), log(1 - sigmoid(z)) = -softplus(z)",
        "log(1/u) = -log(u)",
    ),
    Rule(
        "log of 1 + tanh",
        ("log",),
        _log_one_plus_tanh,
        "log(1 + tanh(z)) = log1p(tanh(z)) = log(2) - softplus(-2*z)",
        "1 + tanh(z) = 2*sigmoid(2*z)",
    ),
    Rule(
        "log1p of tanh",
        ("log1p",),
        _log_tanh,
        "log1p(tanh(z)) = log(2) - softplus(-2*z)",
        "1 + tanh(z) = 2*sigmoid(2*z)",
    ),
    Rule(
        "log of cosh",
        ("log",),
        _log_cosh,
        "log(cosh(z)) = log1p(2*sinh(z/2)^2) = |z| - log(2) + log1p(exp(-2*|z|))",
        "NIST DLMF 4.35.20, 4.28.2; the last term is below rounding for |z| > 20",
    ),
    Rule(
        "log of sinh",
        ("log",),
        _log_sinh,
        "log(sinh(z)) = z - log(2) + log1p(-exp(-2*z)) for z > 0",
        "NIST DLMF 4.28.1; the last term is below rounding for z > 20",
    ),
    Rule(
        "log of gamma",
        ("log",),
        _log_gamma,
        "log(gamma(z)) = loggamma(z) for z > 0",
        "definition; gamma is positive there",
    ),
    Rule(
        "log of erfc",
        ("log",),
        _log_erfc,
        "log(erfc(z)) = log1p(-erf(z)) = log(erfcx(z)) - z^2, erfcx(z) = exp(z^2)*erfc(z)",
        "W. J. Cody, Rational Chebyshev approximations for the error function, 1969",
    ),
    Rule(
        "asinh, acosh",
        ("log",),
        _log_inverse_hyperbolic,
        "log(x + sqrt(x^2 + 1)) = asinh(x), log(x + sqrt(x^2 - 1)) = acosh(x) for x >= 1",
        "NIST DLMF 4.37.16, 4.37.19",
    ),
    Rule(
        "atanh",
        ("log",),
        _log_ratio,
        "log((1 + x)/(1 - x)) = 2*atanh(x)",
        "NIST DLMF 4.37.24",
    ),
    Rule(
        "log of power",
        ("log",),
        _log_power,
        "log(x^y) = y*log(x) for x > 0, log(x^k) = k*log(|x|) for even k",
        "NIST DLMF 4.8.5",
    ),
    Rule(
        "log1p",
        ("log",),
        _log1p,
        "log(1 + u) = log1p(u)",
        f"definition of log1p; {_HIGHAM}",
        complex=True,
    ),
    Rule(
        "log-sum-exp",
        ("log",),
        _log_of,
        "log(sum(exp(a_k))) = m + log(sum(exp(a_k - m))), m the largest; "
        "log(u*exp(a)) = log(u) + a",
        _BLANCHARD,
    ),
    Rule(
        "softplus",
        ("log1p",),
        _softplus,
        "log(1 + exp(z)) = softplus(z) = max(z, 0) + log1p(exp(-|z|))",
        _MAECHLER,
    ),
    Rule(
        "log1p-sum-exp",
        ("log1p",),
        _log1p_of,
        "log(1 + sum(exp(a_k))) = softplus(log(sum(exp(a_k))))",
        _BLANCHARD,
    ),
]
