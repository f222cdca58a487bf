"""Bessel functions of real order and their kin (DLMF 9 and 10)."""

from __future__ import annotations

from symcompile.ir.build import Value, call
from symcompile.ir.ops.op import Pull, library, pointer, scipy
from symcompile.ir.ops.rules import Refused


def _difference(op: str) -> Pull:
    def rule(g: Value, f: Value, n: Value, x: Value) -> Value:
        if n.exact() == 0:
            return -(g * call(op, n + 1, x))
        return g * ((call(op, n - 1, x) - call(op, n + 1, x)) / 2)

    return rule


def _besseli(g: Value, f: Value, n: Value, x: Value) -> Value:
    if n.exact() == 0:
        return g * call("besseli", n + 1, x)
    return g * ((call("besseli", n - 1, x) + call("besseli", n + 1, x)) / 2)


def _besselk(g: Value, f: Value, n: Value, x: Value) -> Value:
    if n.exact() == 0:
        return -(g * call("besselk", n + 1, x))
    return -(g * ((call("besselk", n - 1, x) + call("besselk", n + 1, x)) / 2))


def _spherical(op: str) -> Pull:
    # DLMF 10.51.2, in the form without a division by x.
    def rule(g: Value, f: Value, n: Value, x: Value) -> Value:
        if n.exact() == 0:
            return -(g * call(op, n + 1, x))
        top = n * call(op, n - 1, x) - (n + 1) * call(op, n + 1, x)
        return g * (top / (2 * n + 1))

    return rule


def _sinc(g: Value, f: Value, x: Value) -> Value:
    return -(g * call("spherical_j", x.lift(1), x))


_ORDER = Refused("a Bessel function", "order")
_BOX = ((2.5, 2.5), (0.2, 9.0))

ROWS = [
    library(
        "besselj",
        (_ORDER, _difference("besselj")),
        domain=_BOX,
        sympy="besselj",
        complex=pointer("jv", 2),
        numpy="special.jv({0}, {1})",
        good="{0} == np.floor({0})",
    ),
    library(
        "bessely",
        (_ORDER, _difference("bessely")),
        domain=_BOX,
        sympy="bessely",
        complex=pointer("yv", 2),
        numpy="special.yv({0}, {1})",
        good="({0} >= 0.0) | ({0} == np.floor({0}))",
    ),
    library(
        "besseli",
        (_ORDER, _besseli),
        domain=_BOX,
        sympy="besseli",
        complex=pointer("iv", 2),
        numpy="special.iv({0}, {1})",
    ),
    library(
        "besselk",
        (_ORDER, _besselk),
        domain=_BOX,
        sympy="besselk",
        complex=pointer("kv", 2),
        numpy="special.kv({0}, {1})",
        good="{0} == np.floor({0})",
    ),
    library(
        "spherical_j",
        (_ORDER, _spherical("spherical_j")),
        domain=((2, 2), (0.2, 9.0)),
        sympy="jn",
        complex=True,
    ),
    library(
        "spherical_y",
        (_ORDER, _spherical("spherical_y")),
        domain=((2, 2), (0.2, 9.0)),
        sympy="yn",
        complex=True,
    ),
    library(
        "sinc",
        (_sinc,),
        sympy="sinc",
        numpy="np.sin({0})/{0}",
        good="({0} != 0.0) & (np.abs({0}) < np.inf)",
        complex=True,
    ),
    library(
        "airyai",
        (lambda g, f, x: g * call("airyaiprime", x),),
        sympy="airyai",
        complex=pointer("airy", entry=0),
        numpy="special.airy({0})[0]",
        good="({0} <= 0.75) | ({0} >= 8.0)",
    ),
    library(
        "airyaiprime",
        (lambda g, f, x: g * (x * call("airyai", x)),),
        sympy="airyaiprime",
        complex=pointer("airy", entry=1),
        numpy="special.airy({0})[1]",
        good="({0} <= 0.75) | ({0} >= 8.0)",
    ),
    scipy(
        "airybi",
        lambda g, f, x: g * call("airybiprime", x),
        name="airy",
        entry=2,
        sympy="airybi",
        complex=True,
    ),
    scipy(
        "airybiprime",
        lambda g, f, x: g * (x * call("airybi", x)),
        name="airy",
        entry=3,
        sympy="airybiprime",
        complex=True,
    ),
]
