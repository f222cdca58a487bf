"""Elementary functions of complex numbers that :mod:`cmath` has not."""

from __future__ import annotations

import cmath
import math

from symcompile.library.primitives import floor


def narrow(z: complex) -> float:
    """Return a complex number as the real one that it is; NaN if it is none."""
    return z.real if z.imag == 0.0 else math.nan


def log1p_z(z: complex) -> complex:
    """Return log(1 + z), which near 0 has the real part log1p(x (2 + x) + y^2)/2."""
    x, y = z.real, z.imag
    if abs(z) < 0.5:
        return complex(0.5 * math.log1p(x * (2.0 + x) + y * y), math.atan2(y, 1.0 + x))
    return cmath.log(1.0 + z)


def expm1_z(z: complex) -> complex:
    """Return exp(z) - 1, whose real part is expm1(x) cos(y) - 2 sin(y/2)^2."""
    x, y = z.real, z.imag
    s = math.sin(0.5 * y)
    real = math.expm1(x) * math.cos(y) - 2.0 * s * s
    return complex(real, math.exp(x) * math.sin(y))


def power_z(z: complex, a: float) -> complex:
    """Return z to a real power, by squaring where that is a whole number."""
    if a != floor(a) or abs(a) > 1024.0:
        return cmath.exp(a * cmath.log(z))
    n = int(abs(a))
    found, square = complex(1.0, 0.0), z
    while n > 0:
        if n % 2 == 1:
            found *= square
        n = n // 2
        if n > 0:
            square *= square
    return 1.0 / found if a < 0.0 else found


def sinc_z(z: complex) -> complex:
    """Return sin(z)/z, and 1 at 0."""
    return complex(1.0, 0.0) if z == 0.0 else cmath.sin(z) / z


def exp2_z(z: complex) -> complex:
    """Return 2 to a power."""
    angle = 0.6931471805599453 * z.imag
    size = math.exp2(z.real)
    return complex(size * math.cos(angle), size * math.sin(angle))


def log2_z(z: complex) -> complex:
    """Return the logarithm to the base 2."""
    return cmath.log(z) / 0.6931471805599453


def log10_z(z: complex) -> complex:
    """Return the logarithm to the base 10."""
    return cmath.log(z) / 2.302585092994046


def cosm1_z(z: complex) -> complex:
    """Return cos(z) - 1, as -2 sin(z/2)^2."""
    s = cmath.sin(0.5 * z)
    return -2.0 * s * s


def powm1_z(x: complex, y: complex) -> complex:
    """Return x^y - 1."""
    return expm1_z(y * cmath.log(x))


def fma_z(x: complex, y: complex, z: complex) -> complex:
    """Return x y + z; complex numbers have no operation that rounds it once."""
    return x * y + z
