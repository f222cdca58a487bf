"""The table of elementwise operations: adding a function is adding a row.

A row gives the local derivatives and the spellings. A derivative rule takes a cotangent (or
tangent) ``g``, the result ``f`` and the arguments, and returns ``g * df/d(arg)``: the product
is diagonal, so forward and reverse mode share it. ``None`` says that the derivative is zero
wherever it exists. Formulas are those of the NIST Digital Library of Mathematical Functions
(chapters 4, 5 and 7), arranged so that nothing cancels or overflows that need not.

Spellings are format strings over the printed arguments. One that names an argument twice gets
a variable or a literal there, never a compound expression.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from symcompile.ir.build import Value, call

Pull = Callable[..., Value]

INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/"}


@dataclass(frozen=True)
class Op:
    """One operation.

    Attributes:
        name: its name in the IR.
        arity: how many arguments it takes.
        derivatives: per argument a rule or None; see the module.
        python: spelling for scalars with :mod:`math`; raises where IEEE gives NaN or infinity.
        numpy: spelling for arrays.
        numba: spelling inside a Numba function.
        c: spelling in C.
        mpmath: name of the function in mpmath, for the oracle; None where it has its own case.
        sympy: the SymPy class lowered to it, if it is one to one.
        libm: the C function behind it, where glibc has a vector variant.
        domain: per argument the open interval in which tests sample it.
    """

    name: str
    arity: int
    derivatives: tuple[Pull | None, ...]
    python: str
    numpy: str
    numba: str
    c: str
    mpmath: str | None = None
    sympy: str | None = None
    libm: str | None = None
    domain: tuple[tuple[float, float], ...] = ((-3.0, 3.0),)


def _function(
    name: str,
    derivative: Pull | None,
    *,
    sympy: str | None = None,
    libm: str | None = None,
    numpy: str | None = None,
    mpmath: str | None = None,
    domain: tuple[float, float] = (-3.0, 3.0),
    python: str | None = None,
    numba: str | None = None,
    vector: bool = True,
) -> Op:
    """Return a row for a function of one argument that libm, NumPy and mpmath all have."""
    c_name = libm or name
    return Op(
        name,
        1,
        (derivative,),
        python=f"{python or 'math.' + name}({{0}})",
        numpy=f"{numpy or 'np.' + name}({{0}})",
        numba=f"{numba or 'math.' + name}({{0}})",
        c=f"{c_name}({{0}})",
        mpmath=mpmath or name,
        sympy=sympy,
        libm=c_name if vector else None,
        domain=(domain,),
    )


def _infix(name: str, *derivatives: Pull) -> Op:
    text = f"{{0}} {INFIX[name]} {{1}}"
    box = ((-3.0, 3.0), (0.2, 3.0) if name == "div" else (-3.0, 3.0))
    return Op(name, 2, derivatives, text, text, text, text, domain=box)


def _comparison(name: str, symbol: str) -> Op:
    text = f"({{0}} {symbol} {{1}})"
    return Op(name, 2, (None, None), text, text, text, text, domain=((-3.0, 3.0),) * 2)


def _pow_exponent(g: Value, f: Value, x: Value, y: Value) -> Value:
    # At x = 0 < y the limit is 0, but the product would be 0*(-inf).
    return call("select", call("eq", x, 0), x.lift(0), g * f * call("log", x))


def _two_over_sqrt_pi(x: Value) -> Value:
    return 2 / call("sqrt", Value(x.builder, x.builder.call("pi")))


def _powi_base(g: Value, f: Value, x: Value, k: Value) -> Value:
    power = k.exact()
    assert power is not None, "the exponent of powi is a constant"
    return g * (k.lift(power) * call("powi", x, power - 1))


_ROWS = [
    _infix("add", lambda g, f, x, y: g, lambda g, f, x, y: g),
    _infix("sub", lambda g, f, x, y: g, lambda g, f, x, y: -g),
    _infix("mul", lambda g, f, x, y: g * y, lambda g, f, x, y: g * x),
    _infix("div", lambda g, f, x, y: g / y, lambda g, f, x, y: -(g * (f / y))),
    Op("neg", 1, (lambda g, f, x: -g,), "-{0}", "-{0}", "-{0}", "-{0}"),
    Op(
        "powi",
        2,
        (_powi_base, None),
        python="math.pow({0}, {1})",
        numpy="np.power({0}, {1})",
        numba="math.pow({0}, {1})",
        c="pow({0}, {1})",
        domain=((-3.0, 3.0), (2, 2)),
    ),
    Op(
        "pow",
        2,
        (lambda g, f, x, y: g * (y * call("pow", x, y - 1)), _pow_exponent),
        python="math.pow({0}, {1})",
        numpy="np.power({0}, {1})",
        numba="math.pow({0}, {1})",
        c="pow({0}, {1})",
        libm="pow",
        domain=((0.1, 4.0), (-3.0, 3.0)),
    ),
    _function("sqrt", lambda g, f, x: g / (2 * f), domain=(0.01, 9.0), vector=False),
    _function(
        "cbrt",
        lambda g, f, x: g / (3 * (f * f)),
        sympy="Cbrt",
        numba="np.cbrt",
        domain=(0.01, 9.0),
    ),
    _function("exp", lambda g, f, x: g * f, sympy="exp"),
    _function("expm1", lambda g, f, x: g * call("exp", x), sympy="expm1"),
    _function("log", lambda g, f, x: g / x, domain=(0.01, 9.0)),
    _function("log1p", lambda g, f, x: g / (1 + x), sympy="log1p", domain=(-0.9, 9.0)),
    _function("sin", lambda g, f, x: g * call("cos", x), sympy="sin"),
    _function("cos", lambda g, f, x: -(g * call("sin", x)), sympy="cos"),
    _function("tan", lambda g, f, x: g * (1 + f * f), sympy="tan", domain=(-1.5, 1.5)),
    _function(
        "asin",
        lambda g, f, x: g / call("sqrt", (1 - x) * (1 + x)),
        sympy="asin",
        numpy="np.arcsin",
        domain=(-0.99, 0.99),
    ),
    _function(
        "acos",
        lambda g, f, x: -(g / call("sqrt", (1 - x) * (1 + x))),
        sympy="acos",
        numpy="np.arccos",
        domain=(-0.99, 0.99),
    ),
    _function("atan", lambda g, f, x: g / (1 + x * x), sympy="atan", numpy="np.arctan"),
    _function("sinh", lambda g, f, x: g * call("cosh", x), sympy="sinh"),
    _function("cosh", lambda g, f, x: g * call("sinh", x), sympy="cosh"),
    # Not 1 - tanh^2, which cancels as tanh nears 1.
    _function("tanh", lambda g, f, x: g * call("sech_squared", x), sympy="tanh"),
    _function("asinh", lambda g, f, x: g / call("hypot", x, 1), sympy="asinh", numpy="np.arcsinh"),
    _function(
        "acosh",
        lambda g, f, x: g / (call("sqrt", x - 1) * call("sqrt", x + 1)),
        sympy="acosh",
        numpy="np.arccosh",
        domain=(1.01, 9.0),
    ),
    _function(
        "atanh",
        lambda g, f, x: g / ((1 - x) * (1 + x)),
        sympy="atanh",
        numpy="np.arctanh",
        domain=(-0.99, 0.99),
    ),
    _function(
        "erf",
        lambda g, f, x: g * (_two_over_sqrt_pi(x) * call("exp", -(x * x))),
        sympy="erf",
        numpy="special.erf",
    ),
    _function(
        "erfc",
        lambda g, f, x: -(g * (_two_over_sqrt_pi(x) * call("exp", -(x * x)))),
        sympy="erfc",
        numpy="special.erfc",
    ),
    _function(
        "gamma",
        lambda g, f, x: g * (f * call("digamma", x)),
        sympy="gamma",
        numpy="special.gamma",
        libm="tgamma",
        python="gamma",
        domain=(0.1, 6.0),
        vector=False,
    ),
    Op(
        "loggamma",
        1,
        (lambda g, f, x: g * call("digamma", x),),
        python="loggamma({0})",
        numpy="special.loggamma({0})",
        numba="loggamma({0})",
        c="sc_loggamma({0})",
        mpmath="loggamma",
        sympy="loggamma",
        domain=((0.1, 9.0),),
    ),
    Op(
        "digamma",
        1,
        (lambda g, f, x: g * call("polygamma", x.lift(1), x),),
        python="special.psi({0})",
        numpy="special.psi({0})",
        numba="digamma({0})",
        c="sc_digamma({0})",
        mpmath="digamma",
        domain=((0.1, 9.0),),
    ),
    Op(
        "polygamma",
        2,
        (None, lambda g, f, n, x: g * call("polygamma", n + 1, x)),
        python="polygamma({0}, {1})",
        numpy="polygamma({0}, {1})",
        numba="polygamma({0}, {1})",
        c="sc_polygamma({0}, {1})",
        mpmath="polygamma",
        domain=((1, 1), (0.1, 9.0)),
    ),
    Op(
        "abs",
        1,
        (lambda g, f, x: g * call("sign", x),),
        python="abs({0})",
        numpy="np.abs({0})",
        numba="abs({0})",
        c="fabs({0})",
        mpmath="fabs",
        sympy="Abs",
    ),
    Op(
        "sign",
        1,
        (None,),
        python="(math.copysign(1.0, {0}) if {0} < 0.0 or {0} > 0.0 else {0})",
        numpy="np.sign({0})",
        numba="np.sign({0})",
        c="sc_sign({0})",
        mpmath="sign",
        sympy="sign",
    ),
    Op(
        "floor",
        1,
        (None,),
        python="floor({0})",
        numpy="np.floor({0})",
        numba="np.floor({0})",
        c="floor({0})",
        mpmath="floor",
        sympy="floor",
    ),
    Op(
        "ceil",
        1,
        (None,),
        python="ceil({0})",
        numpy="np.ceil({0})",
        numba="np.ceil({0})",
        c="ceil({0})",
        mpmath="ceil",
        sympy="ceiling",
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
        (lambda g, f, x, y: g * (x / f), lambda g, f, x, y: g * (y / f)),
        python="math.hypot({0}, {1})",
        numpy="np.hypot({0}, {1})",
        numba="math.hypot({0}, {1})",
        c="hypot({0}, {1})",
        mpmath="hypot",
        sympy="hypot",
        libm="hypot",
        domain=((-3.0, 3.0), (-3.0, 3.0)),
    ),
    # NaN in, NaN out, as np.minimum; C's fmin would drop it. Derivatives: autodiff.rules.
    Op(
        "min",
        2,
        (None, None),
        python="({0} if {0} <= {1} or {0} != {0} else {1})",
        numpy="np.minimum({0}, {1})",
        numba="np.minimum({0}, {1})",
        c="sc_min({0}, {1})",
        domain=((-3.0, 3.0), (-3.0, 3.0)),
    ),
    Op(
        "max",
        2,
        (None, None),
        python="({0} if {0} >= {1} or {0} != {0} else {1})",
        numpy="np.maximum({0}, {1})",
        numba="np.maximum({0}, {1})",
        c="sc_max({0}, {1})",
        domain=((-3.0, 3.0), (-3.0, 3.0)),
    ),
    Op(
        "select",
        3,
        (None, None, None),
        python="({1} if {0} else {2})",
        numpy="np.where({0}, {1}, {2})",
        numba="({1} if {0} else {2})",
        c="({0} ? {1} : {2})",
    ),
    # The stable forms. Their expansion into operations that exist stands in passes.expand.
    Op(
        "softplus",
        1,
        (lambda g, f, x: g * call("sigmoid", x),),
        python="",
        numpy="",
        numba="",
        c="",
    ),
    Op(
        "sigmoid",
        1,
        (lambda g, f, x: g * (f * call("sigmoid", -x)),),
        python="",
        numpy="",
        numba="",
        c="",
    ),
    # A constant for derivatives; passes.expand takes it away.
    Op("detach", 1, (None,), python="", numpy="", numba="", c=""),
    Op(
        "sech_squared",
        1,
        (lambda g, f, x: g * (-2 * (f * call("tanh", x))),),
        python="",
        numpy="",
        numba="",
        c="",
    ),
    _comparison("lt", "<"),
    _comparison("le", "<="),
    _comparison("eq", "=="),
    _comparison("ne", "!="),
    Op(
        "and",
        2,
        (None, None),
        python="({0} and {1})",
        numpy="np.logical_and({0}, {1})",
        numba="({0} and {1})",
        c="({0} & {1})",
    ),
    Op(
        "or",
        2,
        (None, None),
        python="({0} or {1})",
        numpy="np.logical_or({0}, {1})",
        numba="({0} or {1})",
        c="({0} | {1})",
    ),
    Op(
        "not",
        1,
        (None,),
        python="(not {0})",
        numpy="np.logical_not({0})",
        numba="(not {0})",
        c="(!{0})",
    ),
    Op("true", 0, (), "True", "np.True_", "True", "1"),
    Op("false", 0, (), "False", "np.False_", "False", "0"),
]

#: Named constants, nullary; the passes round them once, together with what they stand in.
CONSTANTS = {
    "pi": ("pi", "Pi"),
    "e": ("e", "Exp1"),
    "euler_gamma": ("euler", "EulerGamma"),
    "catalan": ("catalan", "Catalan"),
    "golden_ratio": ("phi", "GoldenRatio"),
}

OPS: dict[str, Op] = {row.name: row for row in _ROWS} | {
    name: Op(name, 0, (), "", "", "", "", mpmath=mp, sympy=sympy)
    for name, (mp, sympy) in CONSTANTS.items()
}

#: SymPy class name -> operation, for classes lowered one to one.
BY_SYMPY_CLASS: dict[str, str] = {row.sympy: row.name for row in OPS.values() if row.sympy}
