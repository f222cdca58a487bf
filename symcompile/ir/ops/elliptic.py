"""Elliptic integrals (DLMF 19). Their derivatives are integrals too, so that nothing cancels."""

from __future__ import annotations

from symcompile.ir.build import Value, call
from symcompile.ir.ops.op import library, scipy
from symcompile.ir.ops.rules import HALF, Refused, number, power, sin, sqrt


def _delta(z: Value, m: Value) -> Value:
    """Return 1 - m sin^2(z)."""
    return 1 - m * (sin(z) * sin(z))


def _moment(p: int, q: int, z: Value, m: Value) -> Value:
    """Return the integral of sin^(2p)/(1 - m sin^2)^(q/2) from 0 to z."""
    return call("elliptic_moment", z.lift(p), z.lift(q), z, m)


def _moment_amplitude(g: Value, f: Value, p: Value, q: Value, z: Value, m: Value) -> Value:
    sine = sin(z)
    return g * (power(sine * sine, p) * power(_delta(z, m), -q / 2))


def _moment_parameter(g: Value, f: Value, p: Value, q: Value, z: Value, m: Value) -> Value:
    return g * (q / 2 * call("elliptic_moment", p + 1, q + 2, z, m))


def _elliptic_d(g: Value, f: Value, m: Value) -> Value:
    # D is pi/4 2F1(1/2, 3/2; 2; m).
    slope = call("hyp2f1", m.lift(3 * HALF), m.lift(5 * HALF), m.lift(3), m)
    return g * (3 * number(m, "pi") / 32 * slope)


def _elliptic_g(g: Value, f: Value, m: Value) -> Value:
    # G is pi/4 2F1(3/2, 3/2; 2; m).
    slope = call("hyp2f1", m.lift(5 * HALF), m.lift(5 * HALF), m.lift(3), m)
    return g * (9 * number(m, "pi") / 32 * slope)


def _pi_characteristic(g: Value, f: Value, n: Value, m: Value) -> Value:
    first, second = call("elliptic_k", m), call("elliptic_e", m)
    top = second + (m - n) * first / n + (n * n - m) * f / n
    return g * (top / (2 * (m - n) * (n - 1)))


def _pi_parameter(g: Value, f: Value, n: Value, m: Value) -> Value:
    return g * ((call("elliptic_e", m) / (m - 1) + f) / (2 * (n - m)))


def _pi_incomplete_characteristic(g: Value, f: Value, n: Value, z: Value, m: Value) -> Value:
    root, weight = sqrt(_delta(z, m)), 1 - n * (sin(z) * sin(z))
    top = call("elliptic_e_incomplete", z, m) + (m - n) * call("elliptic_f", z, m) / n
    top = top + (n * n - m) * f / n - n * root * sin(2 * z) / (2 * weight)
    return g * (top / (2 * (m - n) * (n - 1)))


def _pi_incomplete_parameter(g: Value, f: Value, n: Value, z: Value, m: Value) -> Value:
    root = sqrt(_delta(z, m))
    top = call("elliptic_e_incomplete", z, m) / (m - 1) + f
    return g * ((top - m * sin(2 * z) / (2 * (m - 1) * root)) / (2 * (n - m)))


ROWS = [
    scipy(
        "elliptic_k",
        lambda g, f, m: g * (call("elliptic_g", m) / 2),
        name="ellipk",
        domain=(-3.0, 0.9),
    ),
    scipy(
        "elliptic_e",
        lambda g, f, m: -(g * (call("elliptic_d", m) / 2)),
        name="ellipe",
        domain=(-3.0, 0.9),
    ),
    # (K - E)/m and 2 K', whose own formulas in K and E cancel at 0.
    library(
        "elliptic_d",
        (_elliptic_d,),
        domain=(-3.0, 0.9),
        numpy="(special.elliprd(0.0, 1.0 - {0}, 1.0)/3.0)",
    ),
    library(
        "elliptic_g",
        (_elliptic_g,),
        domain=(-3.0, 0.9),
        numpy="(special.elliprd(0.0, 1.0, 1.0 - {0})/3.0)",
    ),
    scipy(
        "elliptic_f",
        lambda g, f, z, m: g / sqrt(_delta(z, m)),
        lambda g, f, z, m: g * (_moment(1, 3, z, m) / 2),
        name="ellipkinc",
        domain=((-1.5, 1.5), (-3.0, 0.9)),
        sympy="elliptic_f",
    ),
    scipy(
        "elliptic_e_incomplete",
        lambda g, f, z, m: g * sqrt(_delta(z, m)),
        lambda g, f, z, m: -(g * (_moment(1, 1, z, m) / 2)),
        name="ellipeinc",
        domain=((-1.5, 1.5), (-3.0, 0.9)),
    ),
    library(
        "elliptic_moment",
        (
            Refused("elliptic_moment", "order"),
            Refused("elliptic_moment", "order"),
            _moment_amplitude,
            _moment_parameter,
        ),
        domain=((1, 1), (3, 3), (-1.5, 1.5), (-3.0, 0.9)),
    ),
    library(
        "elliptic_pi",
        (_pi_characteristic, _pi_parameter),
        domain=((0.5, 0.8), (-3.0, 0.4)),
    ),
    library(
        "elliptic_pi_incomplete",
        (
            _pi_incomplete_characteristic,
            lambda g, f, n, z, m: g / (sqrt(_delta(z, m)) * (1 - n * (sin(z) * sin(z)))),
            _pi_incomplete_parameter,
        ),
        domain=((0.5, 0.8), (-1.5, 1.5), (-3.0, 0.4)),
    ),
]
