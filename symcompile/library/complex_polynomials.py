"""Hypergeometric functions and orthogonal polynomials of complex numbers.

A polynomial has its recurrence (DLMF 18.9.1 and 18.9.2); of another degree it is a hypergeometric
function, SciPy's.
"""

from __future__ import annotations

import cmath
import math

from scipy import special

from symcompile.library.primitives import floor


def hyp0f1_z(b: float, z: complex) -> complex:
    """Return 0F1(; b; z): its series, or SciPy's for large z."""
    if abs(z) > 2.0:
        return special.hyp0f1(b, z)
    term = complex(1.0, 0.0)
    total = term
    for k in range(100):
        term *= z / ((b + k) * (k + 1.0))
        total += term
        if abs(term) < 1e-18 * abs(total):
            break
    return total


def legendre_z(n: float, z: complex) -> complex:
    """Return the Legendre polynomial, or function of degree n (DLMF 14.3.1)."""
    if n < 0.0:
        n = -n - 1.0
    if n != floor(n) or n > 1e4:
        return special.hyp2f1(-n, n + 1.0, 1.0, 0.5 * (1.0 - z))
    before, now = complex(0.0, 0.0), complex(1.0, 0.0)
    for k in range(int(n)):
        before, now = now, ((2.0 * k + 1.0) * z * now - float(k) * before) / (k + 1.0)
    return now


def chebyshevt_z(n: float, z: complex) -> complex:
    """Return the Chebyshev polynomial of the first kind, or cos(n acos z)."""
    n = abs(n)
    if n != floor(n) or n > 1e4:
        return cmath.cos(n * cmath.acos(z))
    before, now = z, complex(1.0, 0.0)
    for _k in range(int(n)):
        before, now = now, 2.0 * z * now - before
    return now


def chebyshevu_z(n: float, z: complex) -> complex:
    """Return the Chebyshev polynomial of the second kind, or sin((n + 1) acos z)/sin(acos z)."""
    if n != floor(n) or abs(n) > 1e4:
        angle = cmath.acos(z)
        return cmath.sin((n + 1.0) * angle) / cmath.sin(angle)
    if n < -1.0:
        return -chebyshevu_z(-n - 2.0, z)
    before, now = complex(0.0, 0.0), complex(0.0 if n < 0.0 else 1.0, 0.0)
    for _k in range(int(n)):
        before, now = now, 2.0 * z * now - before
    return now


def gegenbauer_z(n: float, a: float, z: complex) -> complex:
    """Return the Gegenbauer polynomial, or the function of degree n (DLMF 18.5.9)."""
    if n < 0.0 and n == floor(n):
        return complex(0.0, 0.0)
    if n != floor(n) or n > 1e4:
        scale = special.gamma(n + 2.0 * a) / (special.gamma(2.0 * a) * special.gamma(n + 1.0))
        return scale * special.hyp2f1(-n, n + 2.0 * a, a + 0.5, 0.5 * (1.0 - z))
    before, now = complex(0.0, 0.0), complex(1.0, 0.0)
    for k in range(int(n)):
        first, second = 2.0 * (k + a), k + 2.0 * a - 1.0
        before, now = now, (first * z * now - second * before) / (k + 1.0)
    return now


def hermite_z(n: float, z: complex) -> complex:
    """Return the Hermite polynomial of the physicists."""
    if n != floor(n) or n > 1e4:
        return complex(math.nan, math.nan)
    before, now = complex(0.0, 0.0), complex(0.0 if n < 0.0 else 1.0, 0.0)
    for k in range(int(n)):
        before, now = now, 2.0 * (z * now - float(k) * before)
    return now


def hermite_prob_z(n: float, z: complex) -> complex:
    """Return the Hermite polynomial of the probabilists."""
    if n != floor(n) or n > 1e4:
        return complex(math.nan, math.nan)
    before, now = complex(0.0, 0.0), complex(0.0 if n < 0.0 else 1.0, 0.0)
    for k in range(int(n)):
        before, now = now, z * now - float(k) * before
    return now


def assoc_laguerre_z(n: float, a: float, z: complex) -> complex:
    """Return the Laguerre polynomial, or the function of degree n (DLMF 13.6.19)."""
    if n < 0.0 and n == floor(n):
        if a == 0.0:
            return cmath.exp(z) * assoc_laguerre_z(-n - 1.0, 0.0, -z)
        if a == floor(a) and a + n >= 0.0:
            return complex(0.0, 0.0)
    if n != floor(n) or n < 0.0 or n > 1e4:
        scale = special.gamma(n + a + 1.0) / (special.gamma(n + 1.0) * special.gamma(a + 1.0))
        return scale * special.hyp1f1(-n, a + 1.0, z)
    before, now = complex(0.0, 0.0), complex(1.0, 0.0)
    for k in range(int(n)):
        middle = 2.0 * k + 1.0 + a
        before, now = now, ((middle - z) * now - (k + a) * before) / (k + 1.0)
    return now


def jacobi_z(n: float, a: float, b: float, z: complex) -> complex:
    """Return the Jacobi polynomial, or the function of degree n (DLMF 18.5.7)."""
    if n < 0.0 and n == floor(n):
        return complex(0.0, 0.0)
    if n != floor(n) or n > 1e4:
        scale = special.gamma(n + a + 1.0) / (special.gamma(n + 1.0) * special.gamma(a + 1.0))
        return scale * special.hyp2f1(-n, n + a + b + 1.0, a + 1.0, 0.5 * (1.0 - z))
    before, now = complex(0.0, 0.0), complex(1.0, 0.0)
    if n > 0.0:
        before, now = now, 0.5 * ((a - b) + (a + b + 2.0) * z)
    for k in range(1, int(n)):
        s = 2.0 * k + a + b
        first, shift = (s + 1.0) * (s + 2.0) * s, (s + 1.0) * (a - b) * (a + b)
        second = 2.0 * (k + a) * (k + b) * (s + 2.0)
        third = 2.0 * (k + 1.0) * (k + a + b + 1.0) * s
        before, now = now, ((first * z + shift) * now - second * before) / third
    return now


def assoc_legendre_z(n: float, m: float, z: complex) -> complex:
    """Return the associated Legendre function of whole degree and order, of type 2.

    A derivative of a Legendre polynomial is a Gegenbauer polynomial (DLMF 14.7.8 and 18.9.19).
    """
    if m != floor(m) or n != floor(n) or abs(m) > 1e4 or abs(n) > 1e4:
        return complex(math.nan, math.nan)
    if n < 0.0:
        n = -n - 1.0
    if abs(m) > n:
        return complex(0.0, 0.0)
    order = abs(m)
    found = gegenbauer_z(n - order, order + 0.5, z)
    root = cmath.sqrt((1.0 - z) * (1.0 + z))
    for k in range(int(order)):
        found *= -(2.0 * k + 1.0) * root
    if m < 0.0:
        for k in range(int(n - order), int(n + order)):
            found /= k + 1.0
        if math.fmod(order, 2.0) == 1.0:
            found = -found
    return found
