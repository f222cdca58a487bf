"""Hypergeometric functions that SciPy has, and the orthogonal polynomials."""

from __future__ import annotations

import math

from scipy import special

from symcompile.library.pairs import pair_add, pair_over, pair_times, two_sum
from symcompile.library.primitives import floor


def hyp0f1(b: float, z: float) -> float:
    """Return 0F1(; b; z): its series in twice the precision, or SciPy's for large z."""
    if abs(z) > 200.0:
        return special.hyp0f1(b, z)
    term, terml = 1.0, 0.0
    total, totall = 1.0, 0.0
    for k in range(500):
        p, pl = two_sum(b, float(k))
        p, pl = pair_times(p, pl, k + 1.0, 0.0)
        if p == 0.0:
            return math.nan
        term, terml = pair_times(term, terml, z, 0.0)
        term, terml = pair_over(term, terml, p, pl)
        total, totall = pair_add(total, totall, term, terml)
        if abs(term) < 1e-18 * abs(total) and k * k > abs(z):
            break
    return total


def hyp1f1(a: float, b: float, z: float) -> float:
    """Return 1F1(a; b; z): its series in twice the precision, or SciPy's for large z.

    For negative z after the transformation of Kummer (DLMF 13.2.39).
    """
    if math.isnan(z) or abs(a) > 1e5:  # SciPy would take as many steps
        return math.nan
    if z > 1e5 and not (a <= 0.0 and a == floor(a)):
        # It grows as e^z gamma(b)/gamma(a) (DLMF 13.7.1), which is no double. SciPy does not
        # know its sign, and does not return where z is larger still.
        if abs(a) <= 1e3 and abs(b) <= 1e3:
            return special.gammasgn(a) * special.gammasgn(b) * math.inf
        if z > 1e15:
            return math.nan
    if abs(z) > 100.0:
        return special.hyp1f1(a, b, z)
    if z < -1.0 and not (a <= 0.0 and a == floor(a)):
        c, cl = two_sum(b, -a)
        return math.exp(z) * hyp1f1_series(c, cl, b, -z)
    return hyp1f1_series(a, 0.0, b, z)


def hyp1f1_series(a: float, al: float, b: float, z: float) -> float:
    """Return the series of 1F1 (DLMF 13.2.2) in twice the precision."""
    term, terml = 1.0, 0.0
    total, totall = 1.0, 0.0
    for k in range(1000):
        n, nl = pair_add(a, al, float(k), 0.0)
        p, pl = two_sum(b, float(k))
        p, pl = pair_times(p, pl, k + 1.0, 0.0)
        if n == 0.0 and nl == 0.0:
            break
        if p == 0.0:
            return math.nan
        n, nl = pair_times(n, nl, z, 0.0)
        term, terml = pair_times(term, terml, n, nl)
        term, terml = pair_over(term, terml, p, pl)
        total, totall = pair_add(total, totall, term, terml)
        if abs(term) < 1e-18 * abs(total) and k > abs(z) + abs(a):
            break
    return total


def hyp2f1(a: float, b: float, c: float, z: float) -> float:
    """Return 2F1(a, b; c; z) for real z < 1.

    Its series in twice the precision where that converges, after the transformation of Pfaff
    (DLMF 15.8.1) where z is negative; near 1 and far below 0, SciPy's.
    """
    if math.isnan(z) or abs(a) > 1e5 or abs(b) > 1e5:
        return math.nan
    whole = (a <= 0.0 and a == floor(a)) or (b <= 0.0 and b == floor(b))
    if z < -0.5 and not whole:
        if z < -9.0:
            return special.hyp2f1(a, b, c, z)
        d, dl = two_sum(c, -b)
        w, wl = two_sum(z, -1.0)
        w, wl = pair_over(z, 0.0, w, wl)
        return math.pow(1.0 - z, -a) * hyp2f1_series(a, 0.0, d, dl, c, w, wl)
    if z > 0.9 and not whole:
        return special.hyp2f1(a, b, c, z)
    return hyp2f1_series(a, 0.0, b, 0.0, c, z, 0.0)


def hyp2f1_series(a: float, al: float, b: float, bl: float, c: float, z: float, zl: float) -> float:
    """Return the series of 2F1 (DLMF 15.2.1) in twice the precision."""
    term, terml = 1.0, 0.0
    total, totall = 1.0, 0.0
    for k in range(3000):
        n, nl = pair_add(a, al, float(k), 0.0)
        m, ml = pair_add(b, bl, float(k), 0.0)
        p, pl = two_sum(c, float(k))
        p, pl = pair_times(p, pl, k + 1.0, 0.0)
        n, nl = pair_times(n, nl, m, ml)
        if n == 0.0 and nl == 0.0:
            break
        if p == 0.0:
            return math.nan
        n, nl = pair_times(n, nl, z, zl)
        term, terml = pair_times(term, terml, n, nl)
        term, terml = pair_over(term, terml, p, pl)
        total, totall = pair_add(total, totall, term, terml)
        if abs(term) < 1e-19 * abs(total) and k > abs(a) + abs(b):
            break
    return total


def legendre(n: float, x: float) -> float:
    """Return the Legendre polynomial, by its recurrence (DLMF 18.9.1), or function of degree n."""
    if n < 0.0:
        n = -n - 1.0
    if n != floor(n) or n > 1e4:
        return hyp2f1(-n, n + 1.0, 1.0, 0.5 * (1.0 - x))
    before, now = 0.0, 1.0
    for k in range(int(n)):
        before, now = now, ((2.0 * k + 1.0) * x * now - k * before) / (k + 1.0)
    return now


def chebyshevt(n: float, x: float) -> float:
    """Return the Chebyshev polynomial of the first kind (DLMF 18.9.1), or cos(n acos x)."""
    n = abs(n)
    if n != floor(n) or n > 1e4:
        return math.cos(n * math.acos(x)) if x <= 1.0 else math.cosh(n * math.acosh(x))
    if n == 0.0:
        return 1.0
    before, now = 1.0, x
    for _k in range(1, int(n)):
        before, now = now, 2.0 * x * now - before
    return now


def chebyshevu(n: float, x: float) -> float:
    """Return the Chebyshev polynomial of the second kind (DLMF 18.9.1)."""
    if n != floor(n) or abs(n) > 1e4:
        angle = math.acos(x)
        return math.sin((n + 1.0) * angle) / math.sin(angle)
    if n < -1.0:
        return -chebyshevu(-n - 2.0, x)
    before, now = 0.0, 0.0 if n < 0.0 else 1.0
    for _k in range(int(n)):
        before, now = now, 2.0 * x * now - before
    return now


def gegenbauer(n: float, a: float, x: float) -> float:
    """Return the Gegenbauer polynomial (DLMF 18.9.1), or the function of degree n (DLMF 18.5.9)."""
    if n < 0.0 and n == floor(n):
        return 0.0
    if n != floor(n) or n > 1e4:
        scale = special.gamma(n + 2.0 * a) / (special.gamma(2.0 * a) * special.gamma(n + 1.0))
        return scale * hyp2f1(-n, n + 2.0 * a, a + 0.5, 0.5 * (1.0 - x))
    before, now = 0.0, 1.0
    for k in range(int(n)):
        before, now = now, (2.0 * (k + a) * x * now - (k + 2.0 * a - 1.0) * before) / (k + 1.0)
    return now


def hermite(n: float, x: float) -> float:
    """Return the Hermite polynomial of the physicists (DLMF 18.9.1)."""
    if n != floor(n) or n > 1e4:
        return math.nan
    if n < 0.0:
        return 0.0
    before, now = 0.0, 1.0
    for k in range(int(n)):
        before, now = now, 2.0 * (x * now - k * before)
    return now


def hermite_prob(n: float, x: float) -> float:
    """Return the Hermite polynomial of the probabilists (DLMF 18.9.1)."""
    if n != floor(n) or n > 1e4:
        return math.nan
    if n < 0.0:
        return 0.0
    before, now = 0.0, 1.0
    for k in range(int(n)):
        before, now = now, x * now - k * before
    return now


def assoc_laguerre(n: float, a: float, x: float) -> float:
    """Return the Laguerre polynomial (DLMF 18.9.1), or the function of degree n (DLMF 13.6.19)."""
    if n < 0.0 and n == floor(n):
        if a == 0.0:
            return math.exp(x) * assoc_laguerre(-n - 1.0, 0.0, -x)
        if a == floor(a) and a + n >= 0.0:
            return 0.0
    if n != floor(n) or n < 0.0 or n > 1e4:
        scale = special.gamma(n + a + 1.0) / (special.gamma(n + 1.0) * special.gamma(a + 1.0))
        return scale * hyp1f1(-n, a + 1.0, x)
    before, now = 0.0, 1.0
    for k in range(int(n)):
        before, now = now, ((2.0 * k + 1.0 + a - x) * now - (k + a) * before) / (k + 1.0)
    return now


def jacobi(n: float, a: float, b: float, x: float) -> float:
    """Return the Jacobi polynomial (DLMF 18.9.2), or the function of degree n (DLMF 18.5.7)."""
    if n < 0.0 and n == floor(n):
        return 0.0
    if n != floor(n) or n > 1e4:
        scale = special.gamma(n + a + 1.0) / (special.gamma(n + 1.0) * special.gamma(a + 1.0))
        return scale * hyp2f1(-n, n + a + b + 1.0, a + 1.0, 0.5 * (1.0 - x))
    if n == 0.0:
        return 1.0
    before, now = 1.0, 0.5 * ((a - b) + (a + b + 2.0) * x)
    for k in range(1, int(n)):
        s = 2.0 * k + a + b
        first = (s + 1.0) * ((s + 2.0) * s * x + (a - b) * (a + b))
        second = 2.0 * (k + a) * (k + b) * (s + 2.0)
        before, now = (
            now,
            (first * now - second * before) / (2.0 * (k + 1.0) * (k + a + b + 1.0) * s),
        )
    return now


def assoc_legendre(n: float, m: float, x: float) -> float:
    """Return the associated Legendre function, with the sign of Condon and Shortley.

    A derivative of a Legendre polynomial is a Gegenbauer polynomial (DLMF 14.7.8 and 18.9.19).
    """
    if m != floor(m) or n != floor(n) or abs(m) > 1e4 or abs(n) > 1e4:
        return special.lpmv(m, n, x)
    if n < 0.0:
        n = -n - 1.0
    if abs(m) > n:
        return 0.0
    order = abs(m)
    found = gegenbauer(n - order, order + 0.5, x)
    root = math.sqrt((1.0 - x) * (1.0 + x))
    for k in range(int(order)):
        found *= -(2.0 * k + 1.0) * root
    if m < 0.0:
        for k in range(int(n - order), int(n + order)):
            found /= k + 1.0
        if math.fmod(order, 2.0) == 1.0:
            found = -found
    return found
