"""Bessel functions of real order, spherical Bessel functions, Airy functions."""

from __future__ import annotations

import math

from scipy import special

from symcompile.library.pairs import pair_add, pair_over, pair_times, two_product, two_sum
from symcompile.library.primitives import floor


def besselj_series(order: float, x: float) -> float:
    """Return J by its power series (DLMF 10.2.2) in twice the precision, which outlasts it."""
    y, yl = two_product(x, x)
    y, yl = -0.25 * y, -0.25 * yl
    term, terml = 1.0, 0.0
    total, totall = 1.0, 0.0
    for k in range(1, 400):
        b, bl = two_sum(order, float(k))
        b, bl = pair_times(b, bl, float(k), 0.0)
        term, terml = pair_times(term, terml, y, yl)
        term, terml = pair_over(term, terml, b, bl)
        total, totall = pair_add(total, totall, term, terml)
        if abs(term) < 1e-18 * abs(total) and k > x:
            break
    if order >= 1.0:
        scale = math.pow(0.5 * x, order) / (order * special.gamma(order))
    else:
        scale = math.pow(0.5 * x, order) / special.gamma(order + 1.0)
    return scale * total


def besselj(order: float, x: float) -> float:
    """Return the Bessel function of the first kind.

    SciPy's, but for orders that are not whole and small x: there the power series.
    """
    if order == floor(order):
        if order == 0.0:
            return special.j0(x)
        if order == 1.0:
            return special.j1(x)
        return special.jv(order, x)
    if 0.0 < x <= 25.0 and -150.0 < order < 150.0:
        return besselj_series(order, x)
    if 0.0 < x <= 60.0 and x <= order < 150.0:
        return besselj_series(order, x)
    return special.jv(order, x)


def bessely(order: float, x: float) -> float:
    """Return the Bessel function of the second kind; of negative order by DLMF 10.4.7."""
    if order == 0.0:
        return special.y0(x)
    if order == 1.0:
        return special.y1(x)
    if order >= 0.0 or order == floor(order):
        return special.yv(order, x)
    turn = math.fmod(-order, 2.0)
    sine, cosine = math.sin(math.pi * turn), math.cos(math.pi * turn)
    if turn == 0.5 or turn == 1.5:
        return sine * besselj(-order, x)
    return sine * besselj(-order, x) + cosine * special.yv(-order, x)


def besseli(order: float, x: float) -> float:
    """Return the modified Bessel function of the first kind, SciPy's."""
    if order == 0.0:
        return special.i0(x)
    if order == 1.0:
        return special.i1(x)
    return special.iv(order, x)


def besselk(order: float, x: float) -> float:
    """Return the modified Bessel function of the second kind.

    SciPy's, but for orders that are not whole: there the trapezoidal rule on DLMF 10.32.9.
    """
    if order < 0.0:
        order = -order
    if not (0.0 < x < 700.0) or order == floor(order) or order > 50.0 or x < 1e-8:
        return special.kv(order, x)
    return math.exp(-x) * besselk_scaled(order, x)


def besselk_scaled(order: float, x: float) -> float:
    """Return exp(x) K(x): the integral over t > 0 of exp(-x (cosh t - 1)) cosh(order t).

    Its integrand is analytic in a strip and decays doubly exponentially, so the trapezoidal rule
    converges exponentially (Trefethen and Weideman 2014).
    """
    size = math.hypot(x, order)
    step = 0.125 if size < 27.0 else 0.65 / math.sqrt(size)
    total = 0.5
    for k in range(1, 2000):
        t = k * step
        s = math.sinh(0.5 * t)
        term = math.exp(order * t - 2.0 * x * s * s) * 0.5 * (1.0 + math.exp(-2.0 * order * t))
        total += term
        if term < 1e-18 * total:
            break
    return step * total


def spherical_j(order: float, x: float) -> float:
    """Return the spherical Bessel function of the first kind; negative order: 10.47.15."""
    if order != floor(order) or abs(order) > 500.0:
        return math.sqrt(0.5 * math.pi / x) * besselj(order + 0.5, x)
    odd = math.fmod(order, 2.0) != 0.0
    if order >= 0.0:
        found = spherical_j_whole(order, abs(x))
    else:
        found = spherical_y_upwards(-order - 1.0, abs(x))
        found = -found if odd else found
    return -found if odd and x < 0.0 else found


def spherical_y(order: float, x: float) -> float:
    """Return the spherical Bessel function of the second kind; of negative order likewise."""
    if order != floor(order) or abs(order) > 500.0:
        return math.sqrt(0.5 * math.pi / x) * bessely(order + 0.5, x)
    odd = math.fmod(order, 2.0) != 0.0
    if order >= 0.0:
        found = spherical_y_upwards(order, abs(x))
    else:
        found = spherical_j_whole(-order - 1.0, abs(x))
        found = found if odd else -found
    return -found if x < 0.0 and not odd else found


def spherical_y_upwards(order: float, x: float) -> float:
    """Return the function of the second kind of a whole order, x >= 0, by recurrence upwards."""
    if x == 0.0:
        return -math.inf
    if x == math.inf:
        return 0.0
    before, now = math.sin(x) / x, -math.cos(x) / x
    for k in range(int(order)):
        before, now = now, (2.0 * k + 1.0) / x * now - before
    return now


def spherical_j_whole(order: float, x: float) -> float:
    """Return the function of the first kind of a whole order, x >= 0.

    The power series (DLMF 10.53.1) where x^2 is small against the order, else recurrence upwards
    from sin and cos while the order is below x, and Miller's downward beyond (DLMF 10.51.1).
    """
    if math.isnan(x):
        return x
    if x == math.inf:
        return 0.0
    n = int(order)
    if x * x < 4.0 * (order + 1.5) or x < 1.0:
        scale = 1.0
        for k in range(1, n + 1):
            scale *= x / (2.0 * k + 1.0)
        term, total = 1.0, 1.0
        for k in range(1, 60):
            term *= -0.5 * x * x / (k * (2.0 * (order + k) + 1.0))
            total += term
            if abs(term) < 1e-18:
                break
        return scale * total
    zero, below = math.sin(x) / x, math.cos(x) / x  # of orders 0 and -1
    if order <= x:
        before, now = below, zero
        for k in range(n):
            before, now = now, (2.0 * k + 1.0) / x * now - before
        return now
    high, low, found = 0.0, 1e-300, 0.0
    for k in range(n + 20 + int(x), 0, -1):
        high, low = low, (2.0 * k + 1.0) / x * low - high
        if k - 1 == n:
            found = low
        if abs(low) > 1e200:
            low *= 1e-200
            high *= 1e-200
            found *= 1e-200
    one = zero / x - below
    return found * (zero / low) if abs(zero) > abs(one) else found * (one / high)


def sinc(x: float) -> float:
    """Return sin(x)/x, and 1 at 0."""
    if x == 0.0:
        return 1.0
    return 0.0 if math.isinf(x) else math.sin(x) / x


def airyai(x: float) -> float:
    """Return Ai(x): SciPy's, but in the middle by K of order 1/3 (DLMF 9.6.2)."""
    if 0.75 < x < 8.0:
        z = 2.0 / 3.0 * x * math.sqrt(x)
        return math.exp(-z) * besselk_scaled(1.0 / 3.0, z) * math.sqrt(x / 3.0) / math.pi
    return special.airy(x)[0]


def airyaiprime(x: float) -> float:
    """Return Ai'(x): SciPy's, but in the middle by K of order 2/3 (DLMF 9.6.3)."""
    if 0.75 < x < 8.0:
        z = 2.0 / 3.0 * x * math.sqrt(x)
        return -math.exp(-z) * besselk_scaled(2.0 / 3.0, z) * x * 0.18377629847393068
    return special.airy(x)[1]
