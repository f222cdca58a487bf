"""Error functions, exponential integrals, the functions of Lambert, and sequences of numbers."""

from __future__ import annotations

import math

from scipy import special

from symcompile.library.gammas import upper_gamma
from symcompile.library.pairs import two_product, two_sum
from symcompile.library.primitives import floor
from symcompile.library.turns import sinpi
from symcompile.library.zeta import hurwitz, zeta


def erfi(x: float) -> float:
    """Return -i erf(i x): its series (DLMF 7.6.1) for small x, else SciPy's."""
    if abs(x) > 0.75:
        return special.erfi(x)
    y = x * x
    term, total = x, 0.0
    for k in range(1, 18):
        term *= y / k
        total += term / (2.0 * k + 1.0)
    return 1.1283791670955126 * (x + total)


def erf2(x: float, y: float) -> float:
    """Return erf(y) - erf(x), by the complements where both are close to one."""
    if x > 0.5 and y > 0.5:
        return math.erfc(x) - math.erfc(y)
    if x < -0.5 and y < -0.5:
        return math.erfc(-y) - math.erfc(-x)
    return math.erf(y) - math.erf(x)


def expint(order: float, x: float) -> float:
    """Return the exponential integral of real order (DLMF 8.19.1), of x > 0."""
    if x < 0.0 or math.isnan(x) or math.isnan(order):
        if order <= 0.0 and order == floor(order) and x < 0.0:
            return expint_whole(-order, x)
        return math.nan
    if order == 1.0:
        return special.exp1(x)
    if order <= 0.0 and order == floor(order):
        return expint_whole(-order, x)
    if order == floor(order) and order < 1e9:
        return special.expn(order, x)
    if x == 0.0:
        return 1.0 / (order - 1.0) if order > 1.0 else math.inf
    return math.pow(x, order - 1.0) * upper_gamma(1.0 - order, x)


def expint_whole(n: float, x: float) -> float:
    """Return the exponential integral of order -n: n! e^-x e_n(x)/x^(n+1) (DLMF 8.4.8)."""
    if n > 1e4:
        return math.nan
    term, total = 1.0, 1.0
    for k in range(int(n)):
        term *= (n - k) / x
        total += term
    return math.exp(-x) / x * total


def expi(x: float) -> float:
    """Return Ei(x), SciPy's; below 0 it is -E1(-x) (DLMF 6.2.6)."""
    return -special.exp1(-x) if x < 0.0 else special.expi(x)


def logarithmic_integral(x: float) -> float:
    """Return li(x) = Ei(log x) (DLMF 6.2.8); about 1, Ramanujan's form of its series."""
    if x < 0.0 or math.isnan(x):
        return math.nan
    if x == 0.0:
        return 0.0
    if x == 1.0:
        return -math.inf
    if x == math.inf:
        return x
    u = math.log(x)
    if 0.4 < x < 2.5:
        term, total = 1.0, 0.0
        for k in range(1, 30):
            term *= u / k
            total += term / k
        return (0.5772156649015329 + math.log(abs(u))) + total
    return expi(u)


def cosine_integral(x: float) -> float:
    """Return Ci(x) for x >= 0, where it is real (DLMF 6.2.11)."""
    return math.nan if x < 0.0 else special.sici(x)[1]


def hyperbolic_cosine_integral(x: float) -> float:
    """Return Chi(x) for x >= 0, where it is real (DLMF 6.2.16)."""
    return math.nan if x < 0.0 else special.shichi(x)[1]


def lambertw(x: float, branch: float) -> float:
    """Return the function of Lambert, branch 0 or -1 (DLMF 4.13).

    The iteration of Fritsch, Shafer and Crowley (1973), started from its series at the branch point
    -1/e, or from its asymptotic expansion; see Corless et al., On the Lambert W function (1996).
    """
    if math.isnan(x) or (branch != 0.0 and branch != -1.0):
        return math.nan
    # x e + 1, with what e is rounded by.
    p, error = two_product(x, 2.718281828459045)
    s, more = two_sum(p, 1.0)
    q = s + (more + error + x * 1.4456468917292502e-16)
    if q < 0.0:
        return -1.0 if q > -2e-16 else math.nan
    lower = branch == -1.0
    if lower and x >= 0.0:
        return -math.inf if x == 0.0 else math.nan
    if x == 0.0 or x == math.inf:
        return x
    root = math.sqrt(2.0 * q)
    if lower:
        root = -root
    if q < 0.03:
        # The series at the branch point (DLMF 4.13.6).
        return (
            -1.0
            + root
            * (
                1.0
                + root
                * (
                    -1.0 / 3.0
                    + root
                    * (
                        11.0 / 72.0
                        + root
                        * (
                            -43.0 / 540.0
                            + root
                            * (
                                769.0 / 17280.0
                                + root
                                * (
                                    -221.0 / 8505.0
                                    + root
                                    * (
                                        680863.0 / 43545600.0
                                        + root
                                        * (
                                            -1963.0 / 204120.0
                                            + root * (226287557.0 / 37623398400.0)
                                        )
                                    )
                                )
                            )
                        )
                    )
                )
            )
            if q < 0.0003
            else lambertw_iterated(x, -1.0 + root * (1.0 - root / 3.0))
        )
    if lower:
        logarithm = math.log(-x)
        w = logarithm - math.log(-logarithm) if x > -0.25 else -1.0 + root * (1.0 - root / 3.0)
    elif x > 3.0:
        logarithm = math.log(x)
        w = logarithm - math.log(logarithm)
    else:
        w = (
            -1.0 + root * (1.0 - root / 3.0)
            if x < 0.0
            else math.log1p(x) * (1.0 - math.log1p(math.log1p(x)) / (2.0 + math.log1p(x)))
        )
    return lambertw_iterated(x, w)


def lambertw_iterated(x: float, w: float) -> float:
    """Return a root of w e^w = x, from a start near it: the iteration of Fritsch et al. (1973)."""
    for _ in range(4):
        if w == 0.0:
            break
        z = math.log(x / w) - w
        q = 2.0 * (1.0 + w) * (1.0 + w + 2.0 / 3.0 * z)
        step = z / (1.0 + w) * (q - z) / (q - 2.0 * z)
        w *= 1.0 + step
        if abs(step) < 1e-17:
            break
    return w


def harmonic(n: float) -> float:
    """Return a harmonic number, psi(n + 1) + gamma (DLMF 5.4.14), a sum where n is small."""
    if 0.0 <= n <= 40.0 and n == floor(n):
        total = 0.0
        for k in range(int(n), 0, -1):
            total += 1.0 / k
        return total
    if abs(n) < 0.4:
        # The series of digamma about 1 (DLMF 5.7.4).
        total, power = 0.0, n
        for k in range(2, 60):
            total += (1.0 + special.zetac(float(k))) * power
            power *= -n
        return total
    return special.psi(n + 1.0) + 0.5772156649015329


def harmonic_general(n: float, m: float) -> float:
    """Return a generalised harmonic number, the sum of k^-m up to n."""
    if m == 1.0:
        return harmonic(n)
    if 0.0 <= n <= 1000.0 and n == floor(n):
        total = 0.0
        for k in range(int(n), 0, -1):
            total += math.pow(float(k), -m)
        return total
    if abs(n) < 0.5 and 0.0 < m * abs(n) < 2.0:
        # The Taylor series of the difference below (DLMF 25.11.10).
        total, term = 0.0, -1.0
        for k in range(1, 60):
            term *= -n * (m + k - 1.0) / k
            share = term * zeta(0.0, m + k)
            total += share
            if abs(share) < 1e-18 * abs(total):
                break
        return total
    return zeta(0.0, m) - hurwitz(0.0, m, n + 1.0)


def fibonacci(n: float) -> float:
    """Return a Fibonacci number: exact where it fits, by Binet's formula elsewhere."""
    if abs(n) < 1.0:
        # Binet's formula, whose terms cancel about 0.
        t = n * 0.48121182505960347
        s = sinpi(0.5 * n)
        return 2.0 * (math.sinh(t) + s * s * math.exp(-t)) / 2.23606797749979
    return sequence(0.0, 1.0, n)


def lucas(n: float) -> float:
    """Return a Lucas number: exact where it fits, by Binet's formula elsewhere."""
    return sequence(2.0, 1.0, n)


def sequence(first: float, second: float, n: float) -> float:
    """Return entry n of the sequence in which each is the sum of the two before."""
    if n == floor(n) and abs(n) <= 78.0:
        before, now = second - first, first
        for _ in range(int(abs(n))):
            before, now = now, before + now
        if n >= 0.0:
            return now
        even = math.fmod(n, 2.0) == 0.0
        return (now if first > 0.0 else -now) if even else (-now if first > 0.0 else now)
    power = math.pow(1.618033988749895, n) * math.exp(3.3546825465549165e-17 * n)
    other = math.cos(math.pi * math.fmod(n, 2.0)) / power
    return power + other if first > 0.0 else (power - other) / 2.23606797749979


def tribonacci(n: float) -> float:
    """Return a Tribonacci number, for whole n >= 0."""
    if n != floor(n) or n < 0.0 or n > 1e4:
        return math.nan
    first, second, third = 0.0, 1.0, 1.0
    for _ in range(int(n)):
        first, second, third = second, third, first + second + third
    return first


def euler_number(n: float) -> float:
    """Return an Euler number: 2 n! (2/pi)^(n+1) beta(n + 1), beta of Dirichlet (DLMF 24.8.3)."""
    if n < 0.0 or n != floor(n):
        return math.nan
    if math.fmod(n, 2.0) == 1.0:
        return 0.0
    if n == 0.0:
        return 1.0
    sign = 1.0 if math.fmod(n, 4.0) == 0.0 else -1.0
    total = 0.0
    for k in range(30, -1, -1):
        power = math.pow(2.0 * k + 1.0, -(n + 1.0))
        total += power if k % 2 == 0 else -power
    if n < 12.0:
        total = (
            0.25 * math.pow(4.0, -n) * (hurwitz(0.0, n + 1.0, 0.25) - hurwitz(0.0, n + 1.0, 0.75))
        )
    scale = math.pow(2.0 / math.pi, 0.5 * (n + 1.0))
    scale *= math.exp(-3.091119303756106e-17 * (n + 1.0))  # what 2/pi was rounded by
    found = 2.0 * (special.gamma(n + 1.0) * scale) * scale * total
    return sign * (floor(found + 0.5) if found < 4503599627370496.0 else found)
