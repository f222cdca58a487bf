"""The polylogarithm of real order."""

from __future__ import annotations

import math

from scipy import special

from symcompile.library.pairs import two_sum
from symcompile.library.primitives import floor
from symcompile.library.zeta import dirichlet_eta, zeta


def polylog(s: float, z: float) -> float:
    """Return the polylogarithm of real order for z <= 1 (DLMF 25.12.10).

    Near 0 its series; about 1 the expansion in log z (DLMF 25.12.12 and, for whole orders, Wood
    1992, equation 9.5); from -1 to 0 the acceleration of alternating series of Cohen, Rodriguez
    Villegas and Zagier (2000); below -1 the inversion (Wood 1992, equations 10.1 and 11.1).
    """
    if math.isnan(s) or math.isnan(z) or z > 1.0 or s < -500.0:
        return math.nan
    if z == 0.0:
        return z
    if z == -math.inf:
        return z if 0.0 < s < 500.0 else math.nan
    if s > 500.0:
        return z if z >= -1.0 else math.nan
    if z == 1.0:
        return zeta(0.0, s) if s > 1.0 else math.inf
    if s == 1.0:
        return -math.log1p(-z)
    if s == 0.0:
        return z / (1.0 - z)
    if s < 0.0 and s == floor(s) and s > -30.0 and not -0.15 < z < 0.6:
        return polylog_rational(int(-s), z)
    if -0.6 <= z <= 0.6:
        return polylog_series(s, z)
    if z > 0.0:
        return polylog_near_one(s, z)
    if z >= -1.0:
        return polylog_alternating(s, -z)
    if s == floor(s) and s > 0.0 and z < -3.0:
        return polylog_inverted(s, z)
    if s <= 0.0:
        return polylog_eta(s, math.log(-z))
    return polylog_integral(s, math.log(-z))


def polylog_series(s: float, z: float) -> float:
    """Return the sum of z^k/k^s, backwards."""
    count = int(-40.0 / math.log(abs(z))) + 2 if abs(z) > 1e-8 else 4
    if s < 0.0:
        count += int(-10.0 * s)
    total = 0.0
    for k in range(count, 0, -1):
        total = total * z + math.pow(float(k), -s)
    return total * z


def polylog_ratio(j: float, s: float, z: float) -> float:
    """Return the j-th derivative of the polylogarithm over z, j <= 3.

    Near 0 its series; elsewhere (z d/dz) takes the order s to s - 1.
    """
    if abs(z) <= 0.5:
        count = int(-42.0 / math.log(abs(z))) + 8 if abs(z) > 1e-8 else 4
        if s < 0.0:
            count += int(-10.0 * s)
        total = 0.0
        for k in range(count, -1, -1):
            term = math.pow(k + j + 1.0, -s)
            for i in range(int(j)):
                term *= k + i + 1.0
            total = total * z + term
        return total
    if j == 0.0:
        return polylog(s, z) / z
    if j == 1.0:
        return (polylog(s - 1.0, z) - polylog(s, z)) / (z * z)
    if j == 2.0:
        total = polylog(s - 2.0, z) - 3.0 * polylog(s - 1.0, z) + 2.0 * polylog(s, z)
        return total / (z * z * z)
    if j == 3.0:
        total = polylog(s - 3.0, z) - 6.0 * polylog(s - 2.0, z)
        total += 11.0 * polylog(s - 1.0, z) - 6.0 * polylog(s, z)
        return total / (z * z * z * z)
    return math.nan


def polylog_rational(n: int, z: float) -> float:
    """Return the polylogarithm of order -n: z/(1 - z)^(n + 1) times a polynomial.

    Its coefficients are the Eulerian numbers (DLMF 26.14.6), the first one last.
    """
    total = 0.0
    for k in range(n):
        coefficient, choose = 0.0, 1.0
        for j in range(k + 1):
            coefficient += choose * math.pow(k + 1.0 - j, float(n))
            choose *= -(n + 1.0 - j) / (j + 1.0)
        total = total * z + coefficient
    return z * total / math.pow(1.0 - z, n + 1.0)


def polylog_near_one(s: float, z: float) -> float:
    """Return the expansion in the logarithm of z, 0.5 < z < 1."""
    u = math.log1p(z - 1.0)
    total, power = 0.0, 1.0
    whole = s == floor(s) and s > 0.0
    for k in range(40):
        if whole and k == int(s) - 1:
            harmonic = 0.0
            for j in range(1, k + 1):
                harmonic += 1.0 / j
            total += power * (harmonic - math.log(-u))
        else:
            total += zeta(0.0, s - k) * power
        power *= u / (k + 1.0)
    if not whole:
        total += special.gamma(1.0 - s) * math.pow(-u, s - 1.0)
    return total


def polylog_alternating(s: float, y: float) -> float:
    """Return -(sum of (-y)^(k+1)/(k+1)^s) for 0 < y <= 1, s > 0, accelerated."""
    count = 26
    d = math.pow(3.0 + 2.8284271247461903, count)
    d = 0.5 * (d + 1.0 / d)
    b, c, total, power = -1.0, -d, 0.0, 1.0
    for i in range(count):
        c = b - c
        total += c * power * math.pow(i + 1.0, -s)
        power *= y
        b = b * ((i + count) * (i - count)) / ((i + 0.5) * (i + 1.0))
    return -y * total / d


def polylog_inverted(s: float, z: float) -> float:
    """Return the polylogarithm of a whole order below -1 by that of 1/z (Wood 1992, eq. 10.1)."""
    u = math.log(-z)
    inverse = polylog_alternating(s, -1.0 / z) if z > -2.0 else polylog_series(s, 1.0 / z)
    n = int(s)
    total, power = 0.0, 1.0
    for k in range(n + 1):  # u^k/k! times 2 eta(n - k), for even n - k
        if (n - k) % 2 == 0:
            total += 2.0 * (dirichlet_eta(0.0, float(n - k)) if k < n else 0.5) * power
        power *= u / (k + 1.0)
    return -total + (inverse if n % 2 == 1 else -inverse)


def polylog_eta(s: float, x: float) -> float:
    """Return the polylogarithm at -e^x, |x| < pi, by its Taylor series, in values of eta."""
    if x > 2.9:
        return math.nan
    total, power = 0.0, 1.0
    for k in range(100):
        total -= dirichlet_eta(0.0, s - k) * power
        power *= x / (k + 1.0)
    return total


def polylog_integral(s: float, x: float) -> float:
    """Return the polylogarithm of positive order at -e^x, the integral of Fermi and Dirac.

    DLMF 25.12.16 with t = e^u, by the trapezoidal rule, which converges exponentially (Trefethen
    and Weideman 2014).
    """
    step = 0.14 / (1.0 + (x if x > 0.0 else 0.0) / math.pi)
    u = math.log(x + 45.0 if x > 0.0 else 45.0)
    total, lost = 0.0, 0.0
    while True:
        t = math.exp(u)
        w = t - x
        term = (
            math.exp(s * u - w) / (1.0 + math.exp(-w))
            if w > 0.0
            else math.exp(s * u) / (1.0 + math.exp(w))
        )
        total, error = two_sum(total, term)
        lost += error
        if t < x + 1.0 and term < 1e-18 * total:
            break
        if t < 1e-18:
            # What is left is a geometric series.
            total += term / math.expm1(s * step)
            break
        u -= step
    return -step * (total + lost) / special.gamma(s)
