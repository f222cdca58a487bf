"""Error functions, the logarithmic integral and the function of Lambert, of complex numbers."""

from __future__ import annotations

import cmath
import math

from scipy import special

from symcompile.library.complex_elementary import log1p_z
from symcompile.library.primitives import floor


def erf2_z(x: complex, y: complex) -> complex:
    """Return erf(y) - erf(x), by the complements where both are close to one."""
    if x.real > 0.5 and y.real > 0.5:
        return special.erfc(x) - special.erfc(y)
    if x.real < -0.5 and y.real < -0.5:
        return special.erfc(-y) - special.erfc(-x)
    return special.erf(y) - special.erf(x)


def logarithmic_integral_z(z: complex) -> complex:
    """Return li(z) = Ei(log z) (DLMF 6.2.8)."""
    if z == 0.0:
        return complex(0.0, 0.0)
    return special.expi(cmath.log(z))


def lambertw_z(z: complex, branch: float) -> complex:
    """Return the function of Lambert on any branch (DLMF 4.13).

    The iteration of Halley for w e^w = z, started from the series at the branch point -1/e, or from
    the asymptotic expansion; see Corless et al., On the Lambert W function (1996).
    """
    if z != z or branch != floor(branch):
        return complex(math.nan, math.nan)
    if z == 0.0:
        return z if branch == 0.0 else complex(-math.inf, 0.0)
    if abs(z) == math.inf:
        return cmath.log(z) + complex(0.0, 2.0 * math.pi * branch)
    # z e + 1, with what e is rounded by.
    q = (z * 2.718281828459045 + 1.0) + z * 1.4456468917292502e-16
    upper = z.imag >= 0.0
    near = abs(q) < (1.0 if branch == 0.0 else 0.3) and (
        branch == 0.0 or (branch == -1.0 and upper) or (branch == 1.0 and not upper)
    )
    if near:
        p = cmath.sqrt(2.0 * q)
        p = p if branch == 0.0 else -p
        w = -1.0 + p * (1.0 + p * (-1.0 / 3.0 + p * (11.0 / 72.0 - p * (43.0 / 540.0))))
        if abs(p) < 1e-3:
            return w
    elif branch == 0.0 and abs(z) < 3.0 and z.real > -0.5:
        v = log1p_z(z)
        w = v * (1.0 - log1p_z(v) / (2.0 + v))
    else:
        v = cmath.log(z) + complex(0.0, 2.0 * math.pi * branch)
        w = v - cmath.log(v)
    for _ in range(40):
        if w.real > 0.0:
            f = w - z * cmath.exp(-w)
            slope = w + 1.0 - (w + 2.0) * f / (2.0 * w + 2.0)
        else:
            e = cmath.exp(w)
            f = w * e - z
            slope = e * (w + 1.0) - (w + 2.0) * f / (2.0 * w + 2.0)
        step = f / slope
        w -= step
        if abs(step) <= 1e-15 * abs(w):
            break
    return w
