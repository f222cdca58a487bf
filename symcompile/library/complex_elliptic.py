"""Complete elliptic integrals of complex parameter, by the symmetric ones of Carlson (DLMF 19.25).

Beyond 1 on the real axis they are those from below, as SymPy has them (DLMF 19.7.3).
"""

from __future__ import annotations

import math

from scipy import special

from symcompile.library.elliptic import elliptic_d, elliptic_g


def elliptic_k_z(m: complex) -> complex:
    """Return the complete elliptic integral of the first kind."""
    if m.imag == 0.0:
        if m.real <= 1.0:
            return complex(special.ellipk(m.real), 0.0)
        x = 1.0 / m.real
        return math.sqrt(x) * complex(special.ellipk(x), -special.ellipkm1(x))
    return special.elliprf(complex(0.0, 0.0), 1.0 - m, complex(1.0, 0.0))


def elliptic_e_z(m: complex) -> complex:
    """Return the complete elliptic integral of the second kind."""
    if m.imag == 0.0:
        if m.real <= 1.0:
            return complex(special.ellipe(m.real), 0.0)
        x = 1.0 / m.real
        real = special.ellipe(x) - (1.0 - x) * special.ellipk(x)
        imaginary = special.ellipe(1.0 - x) - x * special.ellipkm1(x)
        return math.sqrt(m.real) * complex(real, imaginary)
    return 2.0 * special.elliprg(complex(0.0, 0.0), 1.0 - m, complex(1.0, 0.0))


def elliptic_d_z(m: complex) -> complex:
    """Return (K - E)/m."""
    if m.imag == 0.0:
        if m.real < 1.0:
            return complex(elliptic_d(m.real), 0.0)
        return (elliptic_k_z(m) - elliptic_e_z(m)) / m.real
    return special.elliprd(complex(0.0, 0.0), 1.0 - m, complex(1.0, 0.0)) / 3.0


def elliptic_g_z(m: complex) -> complex:
    """Return (E - (1 - m) K)/(m (1 - m)), twice the derivative of K."""
    if m.imag == 0.0:
        if m.real < 1.0:
            return complex(elliptic_g(m.real), 0.0)
        rest = 1.0 - m.real
        return (elliptic_e_z(m) - rest * elliptic_k_z(m)) / (m.real * rest)
    return special.elliprd(complex(0.0, 0.0), complex(1.0, 0.0), 1.0 - m) / 3.0
