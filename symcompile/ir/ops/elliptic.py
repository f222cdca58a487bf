"""Elliptic integrals (DLMF 19). Their derivatives are integrals too, so that nothing cancels."""

from __future__ import annotations

from symcompile.ir.build import Value, call
from symcompile.ir.ops.op import library, scipy, variant
from symcompile.ir.ops.rules import HALF, Refused, number, power, sin, sqrt


def _delta(z: Value, m: Value) -> Value:
    """Return 1 - m sin^2(z)."""
    return 1 - m * (sin(z) * sin(z))


def _moment(p: Value | int, q: Value | int, r: Value | int, n: Value, z: Value, m: Value) -> Value:
    """Return the integral of sin^(2p)/((1 - m sin^2)^(q/2) (1 - n sin^2)^r) from 0 to z."""
    return call("elliptic_moment", z.lift(p), z.lift(q), z.lift(r), n, z, m)


def _moment_characteristic(
    g: Value, f: Value, p: Value, q: Value, r: Value, n: Value, z: Value, m: Value
) -> Value:
    return g * (r * _moment(p + 1, q, r + 1, n, z, m))


def _moment_amplitude(
    g: Value, f: Value, p: Value, q: Value, r: Value, n: Value, z: Value, m: Value
) -> Value:
    square = sin(z) * sin(z)
    weight = power(_delta(z, m), -q / 2) * power(_delta(z, n), -r)
    return g * (power(square, p) * weight)


def _moment_parameter(
    g: Value, f: Value, p: Value, q: Value, r: Value, n: Value, z: Value, m: Value
) -> Value:
    return g * (q / 2 * _moment(p + 1, q + 2, r, n, z, m))


def _elliptic_d(g: Value, f: Value, m: Value) -> Value:
    # D is pi/4 2F1(1/2, 3/2; 2; m).
    slope = call("hyp2f1", m.lift(3 * HALF), m.lift(5 * HALF), m.lift(3), m)
    return g * (3 * number(m, "pi") / 32 * slope)


def _elliptic_g(g: Value, f: Value, m: Value) -> Value:
    # G is pi/4 2F1(3/2, 3/2; 2; m).
    slope = call("hyp2f1", m.lift(5 * HALF), m.lift(5 * HALF), m.lift(3), m)
    return g * (9 * number(m, "pi") / 32 * slope)


def _pi_characteristic(g: Value, f: Value, n: Value, m: Value) -> Value:
    return g * _moment(1, 1, 2, n, number(m, "pi") / 2, m)


def _pi_parameter(g: Value, f: Value, n: Value, m: Value) -> Value:
    return g * (_moment(1, 3, 1, n, number(m, "pi") / 2, m) / 2)


ROWS = [
    scipy(
        "elliptic_k",
        lambda g, f, m: g * (call("elliptic_g", m) / 2),
        name="ellipk",
        domain=(-3.0, 0.9),
        complex=variant("elliptic_k"),
    ),
    scipy(
        "elliptic_e",
        lambda g, f, m: -(g * (call("elliptic_d", m) / 2)),
        name="ellipe",
        domain=(-3.0, 0.9),
        complex=variant("elliptic_e"),
    ),
    # (K - E)/m and 2 K', whose own formulas in K and E cancel at 0.
    library(
        "elliptic_d",
        (_elliptic_d,),
        domain=(-3.0, 0.9),
        numpy="(special.elliprd(0.0, 1.0 - {0}, 1.0)/3.0)",
        complex=True,
    ),
    library(
        "elliptic_g",
        (_elliptic_g,),
        domain=(-3.0, 0.9),
        numpy="(special.elliprd(0.0, 1.0, 1.0 - {0})/3.0)",
        complex=True,
    ),
    scipy(
        "elliptic_f",
        lambda g, f, z, m: g / sqrt(_delta(z, m)),
        lambda g, f, z, m: g * (_moment(1, 3, 0, z.lift(0), z, m) / 2),
        name="ellipkinc",
        domain=((-1.5, 1.5), (-3.0, 0.9)),
        sympy="elliptic_f",
    ),
    scipy(
        "elliptic_e_incomplete",
        lambda g, f, z, m: g * sqrt(_delta(z, m)),
        lambda g, f, z, m: -(g * (_moment(1, 1, 0, z.lift(0), z, m) / 2)),
        name="ellipeinc",
        domain=((-1.5, 1.5), (-3.0, 0.9)),
    ),
    library(
        "elliptic_moment",
        (
            Refused("elliptic_moment", "order"),
            Refused("elliptic_moment", "order"),
            Refused("elliptic_moment", "order"),
            _moment_characteristic,
            _moment_amplitude,
            _moment_parameter,
        ),
        domain=((1, 1), (3, 3), (1, 1), (0.5, 0.8), (-1.5, 1.5), (-3.0, 0.9)),
    ),
    library(
        "elliptic_pi",
        (_pi_characteristic, _pi_parameter),
        domain=((0.5, 0.8), (-3.0, 0.4)),
    ),
    library(
        "elliptic_pi_incomplete",
        (
            lambda g, f, n, z, m: g * _moment(1, 1, 2, n, z, m),
            lambda g, f, n, z, m: g / (sqrt(_delta(z, m)) * _delta(z, n)),
            lambda g, f, n, z, m: g * (_moment(1, 3, 1, n, z, m) / 2),
        ),
        domain=((0.5, 0.8), (-1.5, 1.5), (-3.0, 0.4)),
    ),
]
