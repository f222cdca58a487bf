"""Arithmetic, powers, logarithms and the trigonometric and hyperbolic functions."""

from __future__ import annotations

from symcompile.ir.build import Value, call
from symcompile.ir.ops.op import Op, Spelling, function, infix
from symcompile.ir.ops.rules import is_rounded, one_less_square, sqrt


def _pow_exponent(g: Value, f: Value, x: Value, y: Value) -> Value:
    # At x = 0 < y the limit is 0, but the product would be 0*(-inf).
    return call("select", call("eq", x, 0), x.lift(0), g * f * call("log", x))


def _pow_base(g: Value, f: Value, x: Value, y: Value) -> Value:
    slope = g * (y * call("pow", x, y - 1))
    if y.exact() is not None or g.builder.textbook:
        return slope
    # Of 0^0 it is 0, where the product would be 0*inf. For other x the product stays, since it
    # has a slope in y.
    origin = call("and", call("eq", x, 0), call("eq", y, 0))
    return call("select", origin, x.lift(0), slope)


def _powi_base(g: Value, f: Value, x: Value, k: Value) -> Value:
    power = k.exact()
    assert power is not None, "the exponent of powi is a constant"
    return g * (k.lift(power) * call("powi", x, power - 1))


def _tan(g: Value, f: Value, x: Value) -> Value:
    if x.complex:  # 1 + f^2 cancels far from the real axis
        return g * call("sech_squared", Value(x.builder, x.builder.call("imaginary")) * x)
    return g * (1 + f * f)


# The derivatives of inverse functions of complex numbers are written in their values, which
# know the side of a branch cut: 1 - x loses the sign of a zero.
_COMPLEX_POWER = Spelling(
    "pow({0}, {1})", "np.power({0}, {1})", "cpow({0}, {1})", "sc_pow({0}, {1})"
)


_COMPLEX_ROOT = Spelling(
    "pow({0}, 1/3)", "np.power({0}, 1/3)", "cpow({0}, 1/3)", "sc_pow({0}, 1.0/3.0)"
)


def _slope_along(g: Value, f: Value, x: Value, y: Value, size: Value) -> Value:
    other = call("hypot_slope", y, x, size)
    return g * (other * other / size)


def _slope_across(g: Value, f: Value, x: Value, y: Value, size: Value) -> Value:
    return -(g * (f * call("hypot_slope", y, x, size) / size))


def _div_dividend(g: Value, f: Value, x: Value, y: Value) -> Value:
    return 1 / y * g if is_rounded(y) and not g.builder.textbook else g / y


def _div_divisor(g: Value, f: Value, x: Value, y: Value) -> Value:
    """Return ``-g*x/y**2``, dividing by y only what is divided anyway, for the slope in x."""
    if g.builder.textbook:
        return -(g * (f / y))
    number = x.exact()
    if number is None:
        return -(g / y * f)
    # There is no slope in a constant.
    return -(g * (f * f)) if number == 1 else -(g * (f / y))


ROWS = [
    infix("add", lambda g, f, x, y: g, lambda g, f, x, y: g),
    infix("sub", lambda g, f, x, y: g, lambda g, f, x, y: -g),
    infix("mul", lambda g, f, x, y: g * y, lambda g, f, x, y: g * x),
    infix("div", _div_dividend, _div_divisor),
    Op(
        "neg",
        1,
        (lambda g, f, x: -g,),
        *("-{0}", "-{0}", "-{0}", "-{0}"),
        complex=Spelling("-{0}", "-{0}", "-{0}", "-{0}"),
    ),
    Op(
        "powi",
        2,
        (_powi_base, None),
        python="math.pow({0}, {1})",
        numpy="np.power({0}, {1})",
        numba="math.pow({0}, {1})",
        c="pow({0}, {1})",
        domain=((-3.0, 3.0), (2, 2)),
        complex=_COMPLEX_POWER,
    ),
    Op(
        "pow",
        2,
        (_pow_base, _pow_exponent),
        python="math.pow({0}, {1})",
        numpy="np.power({0}, {1})",
        numba="math.pow({0}, {1})",
        c="pow({0}, {1})",
        libm="pow",
        domain=((0.1, 4.0), (-3.0, 3.0)),
        complex=_COMPLEX_POWER,
    ),
    function("sqrt", lambda g, f, x: g / f / 2, domain=(0.01, 9.0), vector=False),
    function(
        "cbrt",
        lambda g, f, x: g / (3 * (f * f)),
        sympy="Cbrt",
        numba="np.cbrt",
        domain=(0.01, 9.0),
        complex=_COMPLEX_ROOT,
    ),
    function("exp", lambda g, f, x: g * f, sympy="exp"),
    function(
        "expm1",
        lambda g, f, x: g * call("exp", x),
        sympy="expm1",
        complex=Spelling("np.expm1({0})", "np.expm1({0})", "cexpm1({0})", "sc_cexpm1({0})"),
    ),
    function("log", lambda g, f, x: g / x, domain=(0.01, 9.0)),
    function(
        "log1p",
        lambda g, f, x: g / (1 + x),
        sympy="log1p",
        domain=(-0.9, 9.0),
        complex=Spelling("clog1p({0})", "clog1p({0})", "clog1p({0})", "sc_clog1p({0})"),
    ),
    function("sin", lambda g, f, x: g * call("cos", x), sympy="sin"),
    function("cos", lambda g, f, x: -(g * call("sin", x)), sympy="cos"),
    function("tan", _tan, sympy="tan", domain=(-1.5, 1.5)),
    function(
        "asin",
        lambda g, f, x: g / (call("cos", f) if x.complex else sqrt(one_less_square(x))),
        sympy="asin",
        numpy="np.arcsin",
        domain=(-0.99, 0.99),
    ),
    function(
        "acos",
        lambda g, f, x: -(g / (call("sin", f) if x.complex else sqrt(one_less_square(x)))),
        sympy="acos",
        numpy="np.arccos",
        domain=(-0.99, 0.99),
    ),
    function("atan", lambda g, f, x: g / (1 + x * x), sympy="atan", numpy="np.arctan"),
    # The slope of atan(1/x), taken as that of a quotient, cancels about 0.
    Op(
        "acot",
        1,
        (lambda g, f, x: -(g / (1 + x * x)),),
        python="math.atan(1.0/{0})",
        numpy="np.arctan(1.0/{0})",
        numba="math.atan(1.0/{0})",
        c="atan(1.0/{0})",
        mpmath="acot",
        sympy="acot",
        libm="atan",
        domain=((0.2, 3.0),),
        complex=Spelling(
            "cmath.atan(1.0/{0})", "np.arctan(1.0/{0})", "cmath.atan(1.0/{0})", "catan(1.0/{0})"
        ),
    ),
    function("sinh", lambda g, f, x: g * call("cosh", x), sympy="sinh"),
    function("cosh", lambda g, f, x: g * call("sinh", x), sympy="cosh"),
    # Not 1 - tanh^2, which cancels as tanh nears 1.
    function("tanh", lambda g, f, x: g * call("sech_squared", x), sympy="tanh"),
    function(
        "asinh",
        lambda g, f, x: g / (call("cosh", f) if x.complex else call("hypot", x, 1)),
        sympy="asinh",
        numpy="np.arcsinh",
    ),
    function(
        "acosh",
        lambda g, f, x: (
            g / (call("sinh", f) if x.complex else call("sqrt", x - 1) * call("sqrt", x + 1))
        ),
        sympy="acosh",
        numpy="np.arccosh",
        domain=(1.01, 9.0),
    ),
    function(
        "atanh",
        lambda g, f, x: g / one_less_square(x),
        sympy="atanh",
        numpy="np.arctanh",
        domain=(-0.99, 0.99),
    ),
    Op(
        "atan2",
        2,
        (
            lambda g, f, y, x: g * (x / (x * x + y * y)),
            lambda g, f, y, x: -(g * (y / (x * x + y * y))),
        ),
        python="math.atan2({0}, {1})",
        numpy="np.arctan2({0}, {1})",
        numba="math.atan2({0}, {1})",
        c="atan2({0}, {1})",
        mpmath="atan2",
        sympy="atan2",
        libm="atan2",
        domain=((-3.0, 3.0), (-3.0, 3.0)),
    ),
    Op(
        "hypot",
        2,
        (
            lambda g, f, x, y: g * call("hypot_slope", x, y, f),
            lambda g, f, x, y: g * call("hypot_slope", y, x, f),
        ),
        python="math.hypot({0}, {1})",
        numpy="np.hypot({0}, {1})",
        numba="math.hypot({0}, {1})",
        c="hypot({0}, {1})",
        mpmath="hypot",
        sympy="hypot",
        libm="hypot",
        domain=((-3.0, 3.0), (-3.0, 3.0)),
    ),
    # x/hypot(x, y) as a function of both, whose own slope is y^2/hypot^3: that of the quotient
    # would be the difference of 1 and (x/hypot)^2.
    Op(
        "hypot_slope",
        3,
        (_slope_along, _slope_across, None),
        *("({0}/{2})",) * 4,
        domain=((0.5, 3.0), (0.5, 3.0), (0.5, 3.0)),
    ),
]
