"""What SymPy's code generation has nodes for: log2, fma, logaddexp, isnan and their like."""

from __future__ import annotations

from symcompile.ir.build import Value, call
from symcompile.ir.ops.op import Op, function, library, variant
from symcompile.ir.ops.rules import log, power, sin


def _share(g: Value, f: Value, x: Value, y: Value) -> Value:
    # exp(x - log(e^x + e^y)), which is the logistic function of x - y.
    return g * call("sigmoid", x - y)


def _mod_divisor(g: Value, f: Value, x: Value, y: Value) -> Value:
    return g * call("detach", (f - x) / y)


def _test(name: str, python: str, numpy: str, c: str) -> Op:
    return Op(name, 1, (None,), f"{python}({{0}})", f"{numpy}({{0}})", f"{numpy}({{0}})", c)


ROWS = [
    function(
        "log2",
        lambda g, f, x: g / (x * log(x.lift(2))),
        sympy="log2",
        numba="np.log2",
        domain=(0.01, 9.0),
        complex=variant("log2"),
    ),
    function(
        "log10",
        lambda g, f, x: g / (x * log(x.lift(10))),
        sympy="log10",
        domain=(0.01, 9.0),
        complex=variant("log10"),
    ),
    function(
        "exp2",
        lambda g, f, x: g * (f * log(x.lift(2))),
        sympy="exp2",
        numba="np.exp2",
        complex=variant("exp2"),
    ),
    library(
        "fma",
        (lambda g, f, x, y, z: g * y, lambda g, f, x, y, z: g * x, lambda g, f, x, y, z: g),
        sympy="fma",
        complex=True,
    ),
    library(
        "logaddexp",
        (_share, lambda g, f, x, y: _share(g, f, y, x)),
        sympy="logaddexp",
        numpy="np.logaddexp({0}, {1})",
    ),
    library(
        "logaddexp2",
        (
            lambda g, f, x, y: g * call("sigmoid", (x - y) * log(x.lift(2))),
            lambda g, f, x, y: g * call("sigmoid", (y - x) * log(x.lift(2))),
        ),
        sympy="logaddexp2",
        numpy="np.logaddexp2({0}, {1})",
    ),
    library(
        "cosm1",
        (lambda g, f, x: -(g * sin(x)),),
        sympy="cosm1",
        numpy="(-2.0*np.square(np.sin(0.5*{0})))",
        complex=True,
    ),
    library(
        "powm1",
        (
            lambda g, f, x, y: g * (y * power(x, y - 1)),
            lambda g, f, x, y: g * (power(x, y) * log(x)),
        ),
        domain=((0.1, 4.0), (-3.0, 3.0)),
        sympy="powm1",
        complex=True,
    ),
    Op(
        "mod",
        2,
        (lambda g, f, x, y: g, _mod_divisor),
        "({0} % {1})",
        "np.mod({0}, {1})",
        "np.mod({0}, {1})",
        "sc_mod({0}, {1})",
        domain=((2.1, 2.4), (0.82, 1.04)),
    ),
    _test("isnan", "math.isnan", "np.isnan", "(isnan({0}) != 0)"),
    _test("isinf", "math.isinf", "np.isinf", "(isinf({0}) != 0)"),
]
