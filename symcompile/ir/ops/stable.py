"""Stable forms. Their expansion into operations that exist stands in passes.expand."""

from __future__ import annotations

from symcompile.ir.build import Value, call
from symcompile.ir.ops.op import Op, scipy

ROWS = [
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
    # 1/(exp(x) - 1), the occupation of Bose and Einstein; sigmoid is Fermi's and Dirac's.
    Op(
        "bose",
        1,
        (lambda g, f, x: g * (f * call("bose", -x)),),
        python="",
        numpy="",
        numba="",
        c="",
        domain=((0.1, 3.0),),
    ),
    Op(
        "sech",
        1,
        (lambda g, f, x: -(g * (f * call("tanh", x))),),
        python="",
        numpy="",
        numba="",
        c="",
    ),
    # exp(x^2)*erfc(x)
    scipy(
        "erfcx",
        lambda g, f, x: g * (2 * x * f - 2 / call("sqrt", Value(x.builder, x.builder.call("pi")))),
    ),
    # A constant for derivatives; passes.expand takes it away.
    Op("detach", 1, (None,), python="", numpy="", numba="", c=""),
    # The first argument, computed as the second, which is equal to it but for rounding: the
    # formula that is differentiated and the one that is evaluated may differ.
    Op("refined", 2, (lambda g, f, x, better: g, None), python="", numpy="", numba="", c=""),
    # The first argument, whose derivative in the second is the third, besides its own.
    Op(
        "sloped",
        3,
        (lambda g, f, x, u, slope: g, lambda g, f, x, u, slope: g * slope, None),
        python="",
        numpy="",
        numba="",
        c="",
    ),
    Op(
        "sech_squared",
        1,
        (lambda g, f, x: g * (-2 * (f * call("tanh", x))),),
        python="",
        numpy="",
        numba="",
        c="",
    ),
]
