"""Elliptic integrals and their derivatives, by Carlson's symmetric integrals (DLMF 19.25)."""

from __future__ import annotations

import math

from scipy import special

from symcompile.library.primitives import floor


def elliptic_d(m: float) -> float:
    """Return (K(m) - E(m))/m, the integral of sin^2/sqrt(1 - m sin^2) (DLMF 19.25.2)."""
    return special.elliprd(0.0, 1.0 - m, 1.0) / 3.0


def elliptic_g(m: float) -> float:
    """Return the integral of sin^2/(1 - m sin^2)^(3/2) from 0 to pi/2, twice K'(m)."""
    return special.elliprd(0.0, 1.0, 1.0 - m) / 3.0


def elliptic_moment(p: float, q: float, r: float, n: float, z: float, m: float) -> float:
    """Return the integral of sin^(2 p)/((1 - m sin^2)^(q/2) (1 - n sin^2)^r) from 0 to z.

    For p = 1, q = 1 or 3 and r = 0 it is an integral of Carlson's, plus as many complete ones as
    z has half turns; for others a rule on each half turn.
    """
    turns = floor(z / math.pi + 0.5) if abs(z) > 0.5 * math.pi else 0.0
    rest = z - turns * math.pi
    s, c = math.sin(rest), math.cos(rest)
    y, w = 1.0 - m * s * s, 1.0 - n * s * s
    if y < 0.0 or w <= 0.0 or (turns != 0.0 and (m >= 1.0 or n >= 1.0)):
        return math.nan
    if p == 1.0 and q == 1.0 and r == 0.0:
        found = s * s * s / 3.0 * special.elliprd(c * c, y, 1.0)
        return found + 2.0 * turns * elliptic_d(m) if turns != 0.0 else found
    if p == 1.0 and q == 3.0 and r == 0.0:
        found = s * s * s / 3.0 * special.elliprd(c * c, 1.0, y)
        return found + 2.0 * turns * elliptic_g(m) if turns != 0.0 else found
    found = elliptic_rule(p, q, r, n, rest, m)
    if turns != 0.0:
        found += 2.0 * turns * elliptic_rule(p, q, r, n, 0.5 * math.pi, m)
    return found


def elliptic_rule(p: float, q: float, r: float, n: float, z: float, m: float) -> float:
    """Return the same for |z| <= pi/2, by the tanh-sinh rule (Takahasi and Mori 1974)."""
    half = 0.5 * z
    total = 0.0
    for k in range(-56, 57):
        t = 0.0625 * k
        u = 0.5 * math.pi * math.sinh(t)
        w = 0.5 * math.pi * math.cosh(t) / (math.cosh(u) * math.cosh(u))
        # From the nearer end, where the integrand may be steep.
        place = half * (1.0 + math.tanh(u))
        s, c = math.sin(place), math.cos(place)
        square, rest = s * s, c * c
        if square <= 0.5:
            y, v = 1.0 - m * square, 1.0 - n * square
        else:
            y, v = (1.0 - m) + m * rest, (1.0 - n) + n * rest
        total += w * math.pow(square, p) * math.pow(y, -0.5 * q) * math.pow(v, -r)
    return 0.0625 * half * total


def elliptic_pi(n: float, m: float) -> float:
    """Return the complete elliptic integral of the third kind (DLMF 19.2.8)."""
    if n > 1.0 or m > 1.0:
        return math.nan
    if n == 1.0 or m == 1.0:
        return math.inf
    return elliptic_cel(math.sqrt(1.0 - m), 1.0 - n, 1.0, 1.0)


def elliptic_cel(k: float, p: float, a: float, b: float) -> float:
    """Return the general complete elliptic integral of Bulirsch (1969), procedure cel, p > 0."""
    if k == 0.0:
        return math.inf
    p = math.sqrt(p)
    b /= p
    e, last, mean = k, 0.0, 1.0
    for _ in range(40):
        before = a
        a += b / p
        g = e / p
        b = 2.0 * (b + before * g)
        p += g
        last = mean
        mean = k + mean
        if abs(last - k) <= 1e-8 * last:
            break
        k = 2.0 * math.sqrt(e)
        e = k * mean
    return 0.5 * math.pi * (b + a * mean) / (mean * (mean + p))


def elliptic_pi_incomplete(n: float, z: float, m: float) -> float:
    """Return the incomplete elliptic integral of the third kind (DLMF 19.25.14)."""
    turns = floor(z / math.pi + 0.5)
    rest = z - turns * math.pi
    s, c = math.sin(rest), math.cos(rest)
    y, w = 1.0 - m * s * s, 1.0 - n * s * s
    if y < 0.0 or w <= 0.0:
        return math.nan
    found = s * special.elliprf(c * c, y, 1.0)
    found += n / 3.0 * s * s * s * special.elliprj(c * c, y, 1.0, w)
    return found + 2.0 * turns * elliptic_pi(n, m) if turns != 0.0 else found
