"""The logarithm of gamma where it has its zeros. SciPy has it elsewhere, and C has all of it."""

from __future__ import annotations

import math

from scipy import special

_ZETA_SHARES = (
    0.3224670334241132,
    0.0673523010531981,
    0.020580808427784546,
    0.007385551028673986,
    0.0028905103307415234,
    0.001192753911703261,
    0.0005096695247430425,
    0.00022315475845357939,
    9.945751278180853e-05,
    4.492623673813314e-05,
    2.050721277567069e-05,
    9.439488275268397e-06,
    4.374866789907488e-06,
    2.039215753801366e-06,
    9.55141213040742e-07,
    4.492469198764566e-07,
    2.1207184805554665e-07,
    1.0043224823968099e-07,
    4.7698101693639804e-08,
    2.2711094608943164e-08,
    1.0838659214896955e-08,
    5.183475041970047e-09,
    2.4836745438024785e-09,
    1.1921401405860912e-09,
    5.731367241678862e-10,
    2.7595228851242334e-10,
    1.330476437424449e-10,
    6.4229645638381e-11,
    3.1044247747322276e-11,
    1.5021384080754142e-11,
)


def log_gamma(x: float) -> float:
    """Return log(gamma(x)), its Taylor series about the zeros 1 and 2 (DLMF 5.7.3).

    The coefficients are (zeta(k) - 1)/k for k = 2, 3, ...
    """
    if not 0.5 <= x <= 2.5:
        return special.loggamma(x)
    u = x - 1.0 if x < 1.5 else x - 2.0
    total = 0.0
    for k in range(len(_ZETA_SHARES) - 1, -1, -1):
        total = _ZETA_SHARES[k] - u * total
    total = u * (0.42278433509846713 + u * total)
    return total - math.log1p(u) if x < 1.5 else total
