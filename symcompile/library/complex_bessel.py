"""Spherical Bessel functions of complex numbers."""

from __future__ import annotations

import cmath
import math

from scipy import special

from symcompile.library.primitives import floor


def spherical_j_z(order: float, z: complex) -> complex:
    """Return the spherical Bessel function of the first kind; negative order: 10.47.15."""
    if order != floor(order) or abs(order) > 500.0:
        return cmath.sqrt(0.5 * math.pi / z) * special.jv(order + 0.5, z)
    if order >= 0.0:
        return spherical_j_whole_z(order, z)
    found = spherical_y_upwards_z(-order - 1.0, z)
    return -found if math.fmod(order, 2.0) != 0.0 else found


def spherical_y_z(order: float, z: complex) -> complex:
    """Return the spherical Bessel function of the second kind; of negative order likewise."""
    if order != floor(order) or abs(order) > 500.0:
        return cmath.sqrt(0.5 * math.pi / z) * special.yv(order + 0.5, z)
    if order >= 0.0:
        return spherical_y_upwards_z(order, z)
    found = spherical_j_whole_z(-order - 1.0, z)
    return found if math.fmod(order, 2.0) != 0.0 else -found


def spherical_y_upwards_z(order: float, z: complex) -> complex:
    """Return the function of the second kind of a whole order by recurrence upwards."""
    before, now = cmath.sin(z) / z, -cmath.cos(z) / z
    for k in range(int(order)):
        before, now = now, (2.0 * k + 1.0) / z * now - before
    return now


def spherical_j_whole_z(order: float, z: complex) -> complex:
    """Return the function of the first kind of a whole order.

    The power series (DLMF 10.53.1) where z^2 is small against the order, else recurrence upwards
    from sin and cos while the order is below |z|, and Miller's downward beyond (DLMF 10.51.1).
    """
    size = abs(z)
    if not size < math.inf:
        return complex(math.nan, math.nan)
    n = int(order)
    if size * size < 4.0 * (order + 1.5) or size < 1.0:
        scale = complex(1.0, 0.0)
        for k in range(1, n + 1):
            scale *= z / (2.0 * k + 1.0)
        term = complex(1.0, 0.0)
        total = term
        for k in range(1, 60):
            term *= -0.5 * z * z / (k * (2.0 * (order + k) + 1.0))
            total += term
            if abs(term) < 1e-18:
                break
        return scale * total
    zero, below = cmath.sin(z) / z, cmath.cos(z) / z  # of orders 0 and -1
    if order <= size:
        before, now = below, zero
        for k in range(n):
            before, now = now, (2.0 * k + 1.0) / z * now - before
        return now
    high, low, found = complex(0.0, 0.0), complex(1e-300, 0.0), complex(0.0, 0.0)
    for k in range(n + 20 + int(size), 0, -1):
        high, low = low, (2.0 * k + 1.0) / z * low - high
        if k - 1 == n:
            found = low
        if abs(low) > 1e200:
            low *= 1e-200
            high *= 1e-200
            found *= 1e-200
    one = zero / z - below
    return found * (zero / low) if abs(zero) > abs(one) else found * (one / high)
