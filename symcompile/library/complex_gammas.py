"""Gamma functions of complex numbers: quotients, polygamma, incomplete gamma functions.

On the real axis, where the functions of real numbers are defined, their values are those.
"""

from __future__ import annotations

import cmath
import math

from scipy import special

from symcompile.library.complex_elementary import expm1_z, log1p_z, power_z
from symcompile.library.gammas import (
    binomial,
    catalan_number,
    digamma_difference,
    factorial,
    factorial2,
    falling_factorial,
    rising_factorial,
    upper_gamma,
)
from symcompile.library.integrals import harmonic
from symcompile.library.primitives import floor
from symcompile.library.zeta import _BERNOULLI, polygamma


def gamma_quotient_z(a: complex, b: complex) -> complex:
    """Return gamma(a)/gamma(b)."""
    if abs(a) < 150.0 and abs(b) < 150.0:
        return special.gamma(a) * special.rgamma(b)
    return cmath.exp(special.loggamma(a) - special.loggamma(b))


def beta_z(a: complex, b: complex) -> complex:
    """Return B(a, b) = gamma(a) gamma(b)/gamma(a + b) (DLMF 5.12)."""
    if abs(a) < 150.0 and abs(b) < 150.0 and abs(a + b) < 150.0:
        return special.gamma(a) * special.rgamma(a + b) * special.gamma(b)
    return cmath.exp(special.loggamma(a) - special.loggamma(a + b) + special.loggamma(b))


def factorial_z(z: complex) -> complex:
    """Return z! = gamma(z + 1)."""
    if z.imag == 0.0:
        return complex(factorial(z.real), 0.0)
    return special.gamma(z + 1.0)


def factorial2_z(z: complex) -> complex:
    """Return z!!: 2^(z/2) gamma(z/2 + 1) (2/pi)^((1 - cos(pi z))/4)."""
    if z.imag == 0.0:
        return complex(factorial2(z.real), 0.0)
    x, y = math.fmod(z.real, 2.0), z.imag
    exponent = 0.25 * (1.0 - cmath.cos(math.pi * complex(x, y)))
    scale = cmath.exp(0.34657359027997264 * z - 0.45158270528945486 * exponent)
    return scale * special.gamma(0.5 * z + 1.0)


def rising_factorial_z(x: complex, k: complex) -> complex:
    """Return gamma(x + k)/gamma(x), a product where k is a whole number (DLMF 5.2.5)."""
    if k.imag == 0.0:
        if x.imag == 0.0:
            return complex(rising_factorial(x.real, k.real), 0.0)
        if k.real == floor(k.real) and abs(k.real) <= 40.0:
            found = complex(1.0, 0.0)
            for i in range(int(abs(k.real))):
                found *= x + float(i) if k.real > 0.0 else x - (i + 1.0)
            return found if k.real >= 0.0 else 1.0 / found
    return gamma_quotient_z(x + k, x)


def falling_factorial_z(x: complex, k: complex) -> complex:
    """Return gamma(x + 1)/gamma(x - k + 1), a product where k is a whole number."""
    if k.imag == 0.0:
        if x.imag == 0.0:
            return complex(falling_factorial(x.real, k.real), 0.0)
        if k.real == floor(k.real) and 0.0 <= k.real <= 40.0:
            found = complex(1.0, 0.0)
            for i in range(int(k.real)):
                found *= x - float(i)
            return found
    return gamma_quotient_z(x + 1.0, x - k + 1.0)


def binomial_z(n: complex, k: complex) -> complex:
    """Return gamma(n + 1)/(gamma(k + 1) gamma(n - k + 1)), a product for small whole k."""
    if k.imag == 0.0:
        if n.imag == 0.0:
            return complex(binomial(n.real, k.real), 0.0)
        if k.real == floor(k.real) and k.real <= 40.0:
            found = complex(1.0 if k.real >= 0.0 else 0.0, 0.0)
            for i in range(int(k.real)):
                found = found * (n - float(i)) / (i + 1.0)
            return found
    return gamma_quotient_z(n + 1.0, n - k + 1.0) * special.rgamma(k + 1.0)


def catalan_number_z(n: complex) -> complex:
    """Return 4^n gamma(n + 1/2)/(sqrt(pi) gamma(n + 2)), the n-th number of Catalan."""
    if n.imag == 0.0:
        return complex(catalan_number(n.real), 0.0)
    scale = cmath.exp(1.3862943611198906 * n) / 1.7724538509055161
    return scale * gamma_quotient_z(n + 0.5, n + 2.0)


def digamma_difference_z(x: complex, d: complex) -> complex:
    """Return psi(x + d) - psi(x), which does not cancel: DLMF 5.5.2 up to 12, then 5.11.2."""
    if x.imag == 0.0 and d.imag == 0.0:
        return complex(digamma_difference(x.real, d.real), 0.0)
    if not (x.real > -1e3 and (x + d).real > -1e3):
        return special.psi(x + d) - special.psi(x)
    total = complex(0.0, 0.0)
    while x.real < 12.0 or (x + d).real < 12.0:
        total += d / x / (x + d)
        x += 1.0
    u, v = 1.0 / x, 1.0 / (x + d)
    found = log1p_z(d * u) + d * u * v * (0.5 + (u + v) / 12.0)
    return total + (found + (digamma_tail_z(v * v) - digamma_tail_z(u * u)))


def digamma_tail_z(y: complex) -> complex:
    """Return the asymptotic series of digamma from y^2 on, where y = 1/x^2 (DLMF 5.11.2)."""
    tail = 1.0 / 240.0 + y * (-1.0 / 132.0 + y * (691.0 / 32760.0 - y / 12.0))
    return y * y * (1.0 / 120.0 + y * (-1.0 / 252.0 + y * tail))


def harmonic_z(n: complex) -> complex:
    """Return a harmonic number, psi(n + 1) - psi(1) (DLMF 5.4.14)."""
    if n.imag == 0.0:
        return complex(harmonic(n.real), 0.0)
    return digamma_difference_z(complex(1.0, 0.0), n)


def polygamma_z(order: float, z: complex) -> complex:
    """Return a derivative of digamma: (-1)^(n+1) n! zeta(n + 1, z) (DLMF 5.15.1).

    The Hurwitz zeta function is summed by Euler-Maclaurin, from where the real part of z + k is
    large, or from z on where the imaginary part is.
    """
    if z.imag == 0.0:
        return complex(polygamma(order, z.real), 0.0)
    if order == 0.0:
        return special.psi(z)
    if not (0.0 < order <= 170.0 and floor(order) == order and z.real > -1e5):
        return complex(math.nan, math.nan)
    s = order + 1.0
    total = complex(0.0, 0.0)
    while z.real < 12.0 + order and abs(z.imag) < 24.0 + 2.0 * order:
        total += power_z(z, -s)
        z += 1.0
    power = power_z(z, -s)
    total += power * z / order + power / 2.0
    factor = s * power / z
    for k in range(8):
        total += _BERNOULLI[k] * factor
        factor *= (s + 2.0 * k + 1.0) * (s + 2.0 * k + 2.0) / (z * z)
    return (1.0 if math.fmod(order, 2.0) == 1.0 else -1.0) * special.gamma(s) * total


def expint_fraction(order: float, z: complex, count: int) -> complex:
    """Return e^z times the exponential integral, by its continued fraction (DLMF 8.9.2)."""
    f = z + (2.0 * count + order)
    for i in range(count, 0, -1):
        f = z + (2.0 * i - 2.0 + order) - i * (i - 1.0 + order) / f
    return 1.0 / f


def fraction_terms(z: complex) -> int:
    """Return how many terms the continued fraction takes; 0 where it converges too slowly.

    It does as exp(-4 sqrt(n) Re sqrt(z)).
    """
    root = cmath.sqrt(z).real
    if not abs(z) >= 1.0 or root < 0.25:
        return 0
    return int(100.0 / (root * root)) + 12


def gamma_powers(a: float, z: complex, skipped: float) -> complex:
    """Return the sum of (-z)^k/(k! (a + k)) over k from 0 on, one of them left out."""
    term = complex(1.0, 0.0)
    total = complex(0.0, 0.0)
    if skipped != 0.0:
        total = term / a
    for k in range(1, 4000):
        term *= -z / float(k)
        if float(k) != skipped:
            total += term / (a + k)
        if k > abs(z) and abs(term) < 1e-18 * abs(total) and k > skipped:
            break
    return total


def lower_gamma_series(a: float, z: complex) -> complex:
    """Return the same by that of its two series that cancels less (DLMF 8.7.1)."""
    if z.real < 0.0:
        return power_z(z, a) * gamma_powers(a, z, -1.0)
    term = complex(1.0 / a, 0.0)
    total = term
    for k in range(1, 4000):
        term *= z / (a + k)
        total += term
        if abs(term) < 1e-18 * abs(total):
            break
    return power_z(z, a) * cmath.exp(-z) * total


def expint_series(order: float, z: complex) -> complex:
    """Return the exponential integral of order 1, 2, ... by its series (DLMF 8.19.8)."""
    below = order - 1.0
    scale = power_z(-z, below) * special.rgamma(order)
    digamma = harmonic(below) - 0.5772156649015329 if order <= 40.0 else special.psi(order)
    return scale * (digamma - cmath.log(z)) - gamma_powers(-below, z, below)


def upper_gamma_z(a: float, z: complex) -> complex:
    """Return the upper incomplete gamma function (DLMF 8.2.2), not normalised.

    By a continued fraction, but for small z, or z near the negative axis, by series: DLMF 8.4.15
    and 8.7.3, and for a near 0 in the form of :func:`upper_gamma_small`.
    """
    if z.imag == 0.0 and z.real >= 0.0:
        return complex(upper_gamma(a, z.real), 0.0)
    if math.isnan(a) or z != z or abs(a) > 1e4:
        return complex(math.nan, math.nan)
    count = fraction_terms(z)
    if count > 0 and abs(z) >= a:
        return cmath.exp(a * cmath.log(z) - z) * expint_fraction(1.0 - a, z, count)
    if a <= 0.0 and a == floor(a):
        return power_z(z, a) * expint_series(1.0 - a, z)
    if -0.5 < a < 0.5:
        logarithm = 0.0
        for k in range(45, 1, -1):
            logarithm = -a * (logarithm + (1.0 + special.zetac(float(k))) / k)
        logarithm = -a * (0.5772156649015329 + logarithm)
        power = expm1_z(a * cmath.log(z))
        found = (math.expm1(logarithm) - power) / a
        return found - (1.0 + power) * (gamma_powers(a, z, 0.0))
    return special.gamma(a) - lower_gamma_series(a, z)


def lower_gamma_z(a: float, z: complex) -> complex:
    """Return the lower incomplete gamma function (DLMF 8.2.1), not normalised."""
    if (a <= 0.0 and a == floor(a)) or math.isnan(a) or z != z or abs(a) > 1e4:
        return complex(math.nan, math.nan)
    if z == 0.0:
        return complex(0.0 if a > 0.0 else math.inf, 0.0)
    count = fraction_terms(z)
    if count > 0 and abs(z) >= a + 1.0:
        return special.gamma(a) - upper_gamma_z(a, z)
    return lower_gamma_series(a, z)


def expint_z(order: float, z: complex) -> complex:
    """Return the exponential integral of real order (DLMF 8.19.1)."""
    if order <= 0.0 and order == floor(order) and order >= -1e4:
        term = complex(1.0, 0.0)
        total = term
        for k in range(int(-order)):
            term *= (-order - k) / z
            total += term
        return cmath.exp(-z) / z * total
    if math.isnan(order) or z != z or abs(order) > 1e4:
        return complex(math.nan, math.nan)
    count = fraction_terms(z)
    if count > 0 and abs(z) >= 1.0 - order:
        return cmath.exp(-z) * expint_fraction(order, z, count)
    if order == floor(order):
        return expint_series(order, z)
    return power_z(z, order - 1.0) * upper_gamma_z(1.0 - order, z)
