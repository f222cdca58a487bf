"""Polygamma and zeta functions."""

from __future__ import annotations

import math

from scipy import special

from symcompile.library.primitives import floor

# B(2k)/(2k)!, the coefficients of Euler-Maclaurin summation (DLMF 2.10.1).
_BERNOULLI = (
    0.08333333333333333,
    -0.001388888888888889,
    3.306878306878307e-05,
    -8.267195767195768e-07,
    2.08767569878681e-08,
    -5.284190138687493e-10,
    1.3382536530684679e-11,
    -3.3896802963225827e-13,
    8.586062056277845e-15,
    -2.174868698558062e-16,
)

# Bernoulli numbers of even index, without their signs (DLMF 24.2.1).
_BERNOULLI_EXACT = (
    1.0,
    0.16666666666666666,
    0.03333333333333333,
    0.023809523809523808,
    0.03333333333333333,
    0.07575757575757576,
    0.2531135531135531,
    1.1666666666666667,
    7.092156862745098,
    54.971177944862156,
    529.1242424242424,
    6192.123188405797,
    86580.25311355312,
    1425517.1666666667,
    27298231.067816094,
)

# The Laurent series of zeta about 1: the constants of Stieltjes over factorials (DLMF 25.2.4).
_STIELTJES = (
    0.5772156649015329,
    0.07281584548367673,
    -0.00484518159643616,
    -0.00034230573671722433,
    9.689041939447084e-05,
    -6.6110318108421895e-06,
    -3.316240908752772e-07,
    1.0462094584479188e-07,
    -8.733218100273798e-09,
    9.47827778276236e-11,
    5.658421927608708e-11,
    -6.768689863513697e-12,
    3.4921159366720317e-13,
    4.4104247417577536e-15,
    -2.3997862217709992e-15,
    2.1677312200726828e-16,
    -9.544466076366965e-18,
    -7.387676660538637e-20,
    4.800850782488065e-20,
    -4.139956737713306e-21,
    1.9168201593991233e-22,
    -2.0441543122262165e-24,
)


def polygamma(order: float, x: float) -> float:
    """Return a derivative of digamma: (-1)^(n+1) n! zeta(n + 1, x) (DLMF 5.15.1).

    The Hurwitz zeta function is summed by Euler-Maclaurin from x + k >= 12 on.
    """
    if order == 0.0:
        return special.psi(x)
    if not (0.0 < order <= 170.0 and floor(order) == order):
        return math.nan
    odd = math.fmod(order, 2.0) == 1.0
    if x <= 0.0 and x == floor(x):
        return math.inf if odd else math.nan
    if math.isnan(x) or x < -1e6:
        return math.nan
    if x == math.inf:
        return 0.0
    s = order + 1.0
    total = 0.0
    while x < 12.0 + order:
        total += math.pow(x, -s)
        x += 1.0
    power = math.pow(x, -s)
    total += power * x / order + power / 2.0
    factor = s * power / x
    for k in range(8):
        total += _BERNOULLI[k] * factor
        factor *= (s + 2 * k + 1) * (s + 2 * k + 2) / (x * x)
    return (1.0 if odd else -1.0) * special.gamma(s) * total


def hurwitz(k: float, s: float, a: float) -> float:
    """Return the k-th derivative in s of the Hurwitz zeta function (DLMF 25.11.1), k <= 3.

    Euler-Maclaurin summation, term by term differentiated (DLMF 2.10.1). A derivative of
    t^-s log(t)^k is t^(-s-j) times a polynomial in log(t), whose coefficients are p0 to p3.
    """
    if s == 1.0 or (a <= 0.0 and a == floor(a)):
        return math.inf if k == 0.0 else math.nan
    if math.isnan(s) or math.isnan(a) or a < -1e6 or (a < 0.0 and s != floor(s)):
        return math.nan
    if k == 0.0 and s <= 0.0 and s == floor(s) and s > -60.0:
        return -bernoulli_polynomial(1.0 - s, a) / (1.0 - s)
    order = int(k)
    total = 0.0
    sign = 1.0 if math.fmod(k, 2.0) == 0.0 else -1.0
    while a < 14.0:
        term = math.pow(a, -s)
        for _ in range(order):
            term *= math.log(a)
        total += term
        a += 1.0
    logarithm = math.log(a)
    power = math.pow(a, -s)
    p0 = 1.0 if order == 0 else 0.0
    p1 = 1.0 if order == 1 else 0.0
    p2 = 1.0 if order == 2 else 0.0
    p3 = 1.0 if order == 3 else 0.0
    value = p0 + logarithm * (p1 + logarithm * (p2 + logarithm * p3))
    rest = 1.0 / (s - 1.0)
    coefficient, integral = 1.0, 0.0
    for i in range(order, -1, -1):
        piece = coefficient * rest
        for _ in range(i):
            piece *= logarithm
        integral += piece
        coefficient *= i
        rest /= s - 1.0
    total += power * (a * integral + 0.5 * value)
    for j in range(19):
        p0, p1, p2, p3 = (
            p1 - (s + j) * p0,
            2.0 * p2 - (s + j) * p1,
            3.0 * p3 - (s + j) * p2,
            -(s + j) * p3,
        )
        power /= a
        if j % 2 == 0:
            total -= (
                _BERNOULLI[j // 2]
                * power
                * (p0 + logarithm * (p1 + logarithm * (p2 + logarithm * p3)))
            )
    return sign * total


def bernoulli_polynomial(n: float, x: float) -> float:
    """Return a Bernoulli polynomial, as a sum over Bernoulli numbers (DLMF 24.2.5)."""
    total, choose = 0.0, 1.0
    for k in range(int(n) + 1):
        total += choose * bernoulli_whole(float(k), -0.5) * math.pow(x, n - k)
        choose = choose * (n - k) / (k + 1.0)
    return total


def bernoulli_whole(n: float, half: float) -> float:
    """Return a Bernoulli number, as 2 n! zeta(n)/(2 pi)^n (DLMF 25.6.2); B(1) is half."""
    if n == 0.0:
        return 1.0
    if n == 1.0:
        return half
    if math.fmod(n, 2.0) == 1.0:
        return 0.0
    sign = -1.0 if math.fmod(n, 4.0) == 0.0 else 1.0
    if n < 30.0:
        return sign * _BERNOULLI_EXACT[int(n) // 2]
    half_power = math.pow(2.0 * math.pi, -0.5 * n)
    # What 2 pi was rounded by.
    half_power *= math.exp(-0.5 * n * 3.8981718325193755e-17)
    return (
        sign * 2.0 * (special.gamma(n + 1.0) * half_power) * half_power * (1.0 + special.zetac(n))
    )


def bernoulli(n: float, half: float) -> float:
    """Return a Bernoulli number, -n zeta(1 - n) where n is not whole; B(1) is half."""
    if n < 0.0 or n != floor(n):
        return -n * zeta(0.0, 1.0 - n)
    return bernoulli_whole(n, half)


def zeta(k: float, s: float) -> float:
    """Return the k-th derivative of the Riemann zeta function, k <= 3.

    About 1 its Laurent series (DLMF 25.2.4); to the right Euler-Maclaurin summation, or for the
    function itself SciPy's; to the left the reflection (DLMF 25.4.1).
    """
    if math.isnan(s):
        return s
    if s == 1.0:
        return math.inf if k == 0.0 else math.nan
    order = int(k)
    if -0.5 <= s <= 2.5:
        u = s - 1.0
        total = 0.0
        for n in range(len(_STIELTJES) - 1, order - 1, -1):
            coefficient = _STIELTJES[n]
            for i in range(order):
                coefficient *= n - i
            total = total * u + coefficient
        pole = 1.0 / u
        for i in range(order):
            pole *= -(i + 1.0) / u
        return total + pole
    if s > 2.5:
        if order == 0:
            return 1.0 + special.zetac(s)
        return hurwitz(k, s, 1.0) if s < 1000.0 else 0.0
    if order > 2:
        return hurwitz(k, s, 1.0)
    turn = math.pi * 0.5 * math.fmod(s, 4.0)
    sine, cosine = math.sin(turn), math.cos(turn)
    if math.fmod(s, 2.0) == 0.0:
        sine = 0.0
    if s < -160.0:
        return math.nan if sine != 0.0 else 0.0
    scale = 2.0 * math.pow(2.0 * math.pi, s - 1.0) * special.gamma(1.0 - s)
    value = 1.0 + special.zetac(1.0 - s)
    if order == 0:
        return scale * sine * value
    # Derivatives of log(scale), then those of scale*value by scale.
    growth = 1.8378770664093453 - special.psi(1.0 - s)
    other = zeta_right(1.0 - s)
    slope = growth * value - other
    if order == 1:
        return scale * (0.5 * math.pi * cosine * value + sine * slope)
    bend = (growth * growth + hurwitz(0.0, 2.0, 1.0 - s)) * value
    bend += hurwitz(2.0, 1.0 - s, 1.0) - 2.0 * growth * other
    bend -= 0.25 * math.pi * math.pi * value
    return scale * (math.pi * cosine * slope + sine * bend)


def zeta_right(s: float) -> float:
    """Return the derivative of zeta to the right of its pole."""
    return hurwitz(1.0, s, 1.0)


def dirichlet_eta(k: float, s: float) -> float:
    """Return the k-th derivative of the alternating zeta function.

    To the right as :func:`hurwitz_eta`; about 1 by the Laurent series of zeta; to the left by zeta
    (DLMF 25.2.3).
    """
    if math.isnan(s):
        return s
    if s > 1100.0:
        return 1.0 if k == 0.0 else 0.0
    order = int(k)
    if s < 0.0:
        power = math.pow(2.0, 1.0 - s)
        if order == 0:
            return (1.0 - power) * zeta(0.0, s)
        slope = 0.6931471805599453 * power
        if order == 1:
            return slope * zeta(0.0, s) + (1.0 - power) * zeta(1.0, s)
        if order == 2:
            bend = -0.6931471805599453 * slope
            bend = bend * zeta(0.0, s) + 2.0 * slope * zeta(1.0, s)
            return bend + (1.0 - power) * zeta(2.0, s)
        return math.nan
    if order <= 2 and s < 2.5:
        return eta_near_one(order, s - 1.0)
    return hurwitz_eta(k, s, 1.0)


def hurwitz_eta(k: float, s: float, a: float) -> float:
    """Return the k-th derivative in s of the sum of (-1)^n/(n + a)^s.

    The acceleration of alternating series of Cohen, Rodriguez Villegas and Zagier (2000), algorithm
    1; for negative s by the Hurwitz zeta function, over the even and the odd terms (DLMF 25.11.35).
    """
    if math.isnan(s) or math.isnan(a) or (a <= 0.0 and a == floor(a)) or a < -1e6:
        return math.nan
    if a < 0.0 and s != floor(s):
        return math.nan
    order = int(k)
    total, sign = 0.0, 1.0
    while a < 1.0:
        term = math.pow(a, -s)
        for _ in range(order):
            term *= -math.log(a)
        total += sign * term
        sign = -sign
        a += 1.0
    if s < 0.0:
        weight, even = math.pow(2.0, -s), 0.0
        for i in range(order, -1, -1):
            even += weight * (hurwitz(float(i), s, 0.5 * a) - hurwitz(float(i), s, 0.5 * a + 0.5))
            weight *= -0.6931471805599453 * i / (order - i + 1.0)
        return total + sign * even
    count = 26
    d = math.pow(3.0 + 2.8284271247461903, count)
    d = 0.5 * (d + 1.0 / d)
    b, c, rest = -1.0, -d, 0.0
    for i in range(count):
        c = b - c
        term = math.pow(a + i, -s)
        for _ in range(order):
            term *= -math.log(a + i)
        rest += c * term
        b = b * ((i + count) * (i - count)) / ((i + 0.5) * (i + 1.0))
    return total + sign * rest / d


def eta_near_one(order: int, u: float) -> float:
    """Return eta(1 + u) or a derivative: (1 - 2^-u)/u times 1 + u R(u), where zeta = 1/u + R."""
    # Horner's rule for a series, its derivative, and half of its second.
    rest, slope, bend = 0.0, 0.0, 0.0
    for n in range(len(_STIELTJES) - 1, -1, -1):
        bend = bend * u + slope
        slope = slope * u + rest
        rest = rest * u + _STIELTJES[n]
    first, first_slope, first_bend = 0.0, 0.0, 0.0
    for k in range(28, -1, -1):
        first_bend = first_bend * u + first_slope
        first_slope = first_slope * u + first
        # log(2)^(k + 1)/(k + 1)!, as Horner's rule goes.
        first = first * u + eta_coefficient(k)
    second, second_slope, second_bend = 1.0 + u * rest, rest + u * slope, slope + u * bend
    if order == 0:
        return first * second
    if order == 1:
        return first_slope * second + first * second_slope
    return 2.0 * (first_bend * second + first_slope * second_slope + first * second_bend)


def eta_coefficient(k: int) -> float:
    """Return (-1)^k log(2)^(k + 1)/(k + 1)!, of the series of (1 - 2^-u)/u."""
    found = 0.6931471805599453
    for i in range(2, k + 2):
        found *= -0.6931471805599453 / i
    return found
