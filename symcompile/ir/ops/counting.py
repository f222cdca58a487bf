"""Factorials, binomials and sequences of whole numbers, as functions of real numbers."""

from __future__ import annotations

from symcompile.ir.build import Value, call
from symcompile.ir.ops.op import Op, library
from symcompile.ir.ops.rules import HALF, Refused, digamma, digamma_difference, log, number, sin


def _factorial2(g: Value, f: Value, x: Value) -> Value:
    pi = number(x, "pi")
    slope = (log(x.lift(2)) + digamma(x / 2 + 1)) / 2
    return g * (f * (slope + pi * sin(pi * x) / 4 * log(2 / pi)))


def _binomial_top(g: Value, f: Value, n: Value, k: Value) -> Value:
    return g * (f * digamma_difference(n - k + 1, k))


def _binomial_bottom(g: Value, f: Value, n: Value, k: Value) -> Value:
    return g * (f * digamma_difference(k + 1, n - 2 * k))


def _catalan(g: Value, f: Value, n: Value) -> Value:
    return g * (f * (log(n.lift(4)) - digamma_difference(n + HALF, n.lift(3 * HALF))))


def _falling_top(g: Value, f: Value, x: Value, k: Value) -> Value:
    return g * (f * digamma_difference(x - k + 1, k))


def _harmonic_general(g: Value, f: Value, n: Value, m: Value) -> Value:
    return g * (m * call("hurwitz", m.lift(0), m + 1, n + 1))


def _sequence(name: str, sympy: str) -> Op:
    return library(name, (Refused(sympy, "index"),), sympy=sympy)


ROWS = [
    library(
        "factorial",
        (lambda g, f, x: g * (f * digamma(x + 1)),),
        domain=(0.1, 6.0),
        sympy="factorial",
        complex=True,
    ),
    library("factorial2", (_factorial2,), domain=(0.1, 6.0), sympy="factorial2", complex=True),
    library(
        "rising_factorial",
        (
            lambda g, f, x, k: g * (f * digamma_difference(x, k)),
            lambda g, f, x, k: g * (f * digamma(x + k)),
        ),
        domain=((0.1, 6.0), (0.1, 6.0)),
        sympy="RisingFactorial",
        complex=True,
    ),
    library(
        "falling_factorial",
        (_falling_top, lambda g, f, x, k: g * (f * digamma(x - k + 1))),
        domain=((6.0, 9.0), (0.1, 5.0)),
        sympy="FallingFactorial",
        complex=True,
    ),
    library(
        "binomial",
        (_binomial_top, _binomial_bottom),
        domain=((6.0, 9.0), (0.1, 5.0)),
        sympy="binomial",
        numpy="special.binom({0}, {1})",
        good="({1} == np.floor({1})) & ({1} >= 0.0) & ({1} <= 20.0) & ({0} != np.floor({0}))",
        complex=True,
    ),
    library("catalan_number", (_catalan,), domain=(0.1, 6.0), complex=True),
    library(
        "harmonic",
        (lambda g, f, n: g * call("polygamma", n.lift(1), n + 1),),
        domain=(0.1, 6.0),
        numpy="special.psi({0} + 1.0) + 0.5772156649015329",
        good="({0} > 0.4) & ({0} != np.floor({0}))",
        complex=True,
    ),
    library(
        "harmonic_general",
        (_harmonic_general, Refused("harmonic", "order")),
        domain=((0.1, 6.0), (2, 2)),
    ),
    _sequence("subfactorial", "subfactorial"),
    _sequence("fibonacci", "fibonacci"),
    _sequence("lucas", "lucas"),
    _sequence("tribonacci", "tribonacci"),
    _sequence("euler_number", "euler"),
    library("bernoulli", (Refused("bernoulli", "index"), Refused("bernoulli", "value at 1"))),
]
