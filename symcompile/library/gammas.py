"""Quotients of gamma functions: beta, binomials, factorials; and incomplete gamma functions."""

from __future__ import annotations

import math

from scipy import special

from symcompile.library.pairs import two_sum
from symcompile.library.primitives import floor


def gamma_near(x: float, error: float) -> float:
    """Return gamma(x + error), where the error is less than one unit in the last place of x."""
    value = special.gamma(x)
    return value * (1.0 + error * special.psi(x)) if error != 0.0 and x > 0.0 else value


def stirling(x: float) -> float:
    """Return the series in loggamma(x) = (x - 1/2) log x - x + log(2 pi)/2 + ... (DLMF 5.11.1)."""
    y = 1.0 / (x * x)
    return (
        1.0 / 12.0
        + y * (-1.0 / 360.0 + y * (1.0 / 1260.0 + y * (-1.0 / 1680.0 + y * (1.0 / 1188.0))))
    ) / x


def gamma_quotient(x: float, d: float) -> float:
    """Return gamma(x)/gamma(x + d) for x >= 10 and x + d >= 10, by Stirling's series."""
    s, error = two_sum(x, d)
    e = d - error
    exponent = (x - 0.5) * math.log1p(-e / s) + e + (stirling(x) - stirling(s))
    return math.exp(exponent) * math.pow(s, -d)


def beta(a: float, b: float) -> float:
    """Return B(a, b) = gamma(a) gamma(b)/gamma(a + b); see DLMF 5.12.

    The rounding of a + b is made good, since gamma magnifies it.
    """
    s, error = two_sum(a, b)
    if abs(a) < 165.0 and abs(b) < 165.0 and abs(s) < 165.0:
        if s <= 0.0 and s == floor(s) and error == 0.0:
            return special.beta(a, b)
        return special.gamma(a) / gamma_near(s, error) * special.gamma(b)
    if a >= 10.0 and a >= b and b > 0.0:
        return gamma_quotient(a, b) * special.gamma(b) if b < 10.0 else beta_large(a, b)
    if b >= 10.0 and a > 0.0:
        return gamma_quotient(b, a) * special.gamma(a) if a < 10.0 else beta_large(b, a)
    return special.beta(a, b)


def digamma_difference(x: float, d: float) -> float:
    """Return psi(x + d) - psi(x), which does not cancel: DLMF 5.5.2 up to 12, then 5.11.2."""
    if math.isnan(x) or math.isnan(d) or x < -1e6 or x + d < -1e6:
        return math.nan
    total = 0.0
    while x < 12.0 or x + d < 12.0:
        if x == 0.0 or x + d == 0.0:
            return math.nan
        total += d / x / (x + d)
        x += 1.0
    u, v = 1.0 / x, 1.0 / (x + d)
    found = math.log1p(d * u) + d * u * v * (0.5 + (u + v) / 12.0)
    return total + (found + (digamma_tail(v * v) - digamma_tail(u * u)))


def digamma_tail(y: float) -> float:
    """Return the asymptotic series of digamma from y^2 on, where y = 1/x^2 (DLMF 5.11.2)."""
    tail = 1.0 / 240.0 + y * (-1.0 / 132.0 + y * (691.0 / 32760.0 - y / 12.0))
    return y * y * (1.0 / 120.0 + y * (-1.0 / 252.0 + y * tail))


def beta_large(a: float, b: float) -> float:
    """Return B(a, b) for two large arguments, by Stirling's series."""
    s = a + b
    exponent = (a - 0.5) * math.log1p(-b / s) + b * math.log1p(-a / s)
    exponent += stirling(a) + stirling(b) - stirling(s)
    return math.exp(exponent) * 2.5066282746310002 / math.sqrt(b)


def factorial(x: float) -> float:
    """Return x! = gamma(x + 1): exact where it fits."""
    if 0.0 <= x <= 22.0 and x == floor(x):
        found = 1.0
        for k in range(2, int(x) + 1):
            found *= k
        return found
    s, error = two_sum(x, 1.0)
    if x < 0.0 and x == floor(x):
        return math.inf if x == -1.0 else math.nan
    return gamma_near(s, error)


def factorial2(x: float) -> float:
    """Return x!!: 2^(x/2) gamma(x/2 + 1) (2/pi)^((1 - cos(pi x))/4)."""
    if x == floor(x):
        if x <= -2.0 and math.fmod(x, 2.0) == 0.0:
            return math.nan
        if 0.0 <= x <= 30.0:
            found = 1.0
            for k in range(int(x), 1, -2):
                found *= k
            return found
        half = special.gamma(x / 2.0 + 1.0) if x < 300.0 else math.inf
        if math.fmod(x, 2.0) != 0.0:
            return math.pow(2.0, (x + 1.0) / 2.0) * (half / 1.7724538509055161)
        return math.pow(2.0, x / 2.0) * half
    exponent = 0.25 * (1.0 - math.cos(math.pi * math.fmod(x, 2.0)))
    scale = math.pow(2.0, x / 2.0) * math.pow(0.6366197723675814, exponent)
    return scale * special.gamma(x / 2.0 + 1.0)


def subfactorial(x: float) -> float:
    """Return the number of derangements of x things: !n = n !(n - 1) + (-1)^n."""
    if x < 0.0 or x != floor(x):
        return math.nan
    if x > 180.0:
        return math.inf
    found, sign = 1.0, 1.0
    for k in range(1, int(x) + 1):
        sign = -sign
        found = k * found + sign
    return found


def rising_factorial(x: float, k: float) -> float:
    """Return gamma(x + k)/gamma(x), a product where k is a whole number (DLMF 5.2.5)."""
    if k == floor(k) and abs(k) <= 40.0:
        found = 1.0
        for i in range(int(abs(k))):
            found *= x + i if k > 0.0 else x - (i + 1.0)
        return found if k >= 0.0 else 1.0 / found
    s, error = two_sum(x, k)
    if x <= 0.0 and x == floor(x):
        if s > 0.0 or s != floor(s):
            return 0.0
        sign = 1.0 if math.fmod(k, 2.0) == 0.0 else -1.0
        return sign * rising_factorial(1.0 - s, s - x)
    if abs(x) < 165.0 and abs(s) < 165.0:
        return gamma_near(s, error) / special.gamma(x)
    if x >= 10.0 and s >= 10.0:
        return 1.0 / gamma_quotient(x, k)
    return special.poch(x, k)


def falling_factorial(x: float, k: float) -> float:
    """Return gamma(x + 1)/gamma(x - k + 1), a product where k is a whole number."""
    if k == floor(k) and 0.0 <= k <= 40.0:
        found = 1.0
        for i in range(int(k)):
            found *= x - i
        return found
    return rising_factorial(x - k + 1.0, k)


def binomial(n: float, k: float) -> float:
    """Return gamma(n + 1)/(gamma(k + 1) gamma(n - k + 1)), a product for small whole k."""
    if k == floor(k) and n == floor(n) and 0.0 <= n < k:
        return 0.0
    if k == floor(k) and k < 0.0:
        return 0.0
    if k == floor(k) and n == floor(n) and n - k < k and n >= 0.0:
        k = n - k
    if k == floor(k) and k <= 40.0:
        found = 1.0
        for i in range(int(k)):
            found = found * (n - i) / (i + 1.0)
        if n == floor(n) and abs(found) < 9007199254740992.0:
            return floor(found + 0.5)
        return found
    difference, error = two_sum(n, -k)
    other, more = two_sum(difference, 1.0)
    if other <= 0.0 and other == floor(other) and error + more == 0.0:
        return 0.0
    top, above = two_sum(n, 1.0)
    bottom, below = two_sum(k, 1.0)
    if abs(top) < 165.0 and abs(bottom) < 165.0 and abs(other) < 165.0:
        found = gamma_near(top, above) / gamma_near(other, error + more)
        return found / gamma_near(bottom, below)
    return 1.0 / ((n + 1.0) * beta(other, bottom))


def catalan_number(n: float) -> float:
    """Return 4^n gamma(n + 1/2)/(sqrt(pi) gamma(n + 2)), the n-th number of Catalan."""
    if n == floor(n) and 0.0 <= n <= 35.0:
        found = 1.0
        for k in range(int(n)):
            found = found * (4.0 * k + 2.0) / (k + 2.0)
        return floor(found + 0.5)
    return binomial(2.0 * n, n) / (n + 1.0)


def upper_gamma(a: float, x: float) -> float:
    """Return the upper incomplete gamma function (DLMF 8.2.2), not normalised.

    From x = max(a, 1) on it is Legendre's continued fraction (DLMF 8.9.2), evaluated backwards;
    below, SciPy's for positive a, and downward recurrence from there for others (DLMF 8.8.2).
    """
    if x < 0.0 or math.isnan(x) or math.isnan(a) or a < -1e4:
        return math.nan
    if x == 0.0:
        return special.gamma(a) if a > 0.0 else math.inf
    if x == math.inf:
        return 0.0
    if a == 0.0:
        return special.exp1(x)
    if x >= (1.0 if a > 0.0 else 0.6) and x >= a:
        count = int(100.0 / x) + 12
        f = x + (2.0 * count + 1.0) - a
        for i in range(count, 0, -1):
            f = (x + (2.0 * i - 1.0) - a) - i * (i - a) / f
        if x < 700.0:
            return math.exp(-x) * math.pow(x, a) / f
        return math.exp(-x + a * math.log(x)) / f
    if a > 0.5:
        if a < 165.0:
            return special.gammaincc(a, x) * special.gamma(a)
        return special.gammaincc(a, x) * math.exp(special.loggamma(a))
    steps = int(floor(0.5 - a))
    start = a + steps
    value = upper_gamma_small(start, x)
    for k in range(steps):
        below = start - (k + 1.0)
        value = (value - math.pow(x, below) * math.exp(-x)) / below
    return value


def upper_gamma_small(a: float, x: float) -> float:
    """Return the same for |a| <= 1/2 and x < 1, as (gamma(1 + a) - x^a)/a and a series in x.

    DLMF 8.7.3, with log(gamma(1 + a)) by DLMF 5.7.3: nothing cancels as a nears 0.
    """
    if a == 0.0:
        return special.exp1(x)
    logarithm = 0.0
    for k in range(45, 1, -1):
        logarithm = -a * (logarithm + (1.0 + special.zetac(float(k))) / k)
    logarithm = -a * (0.5772156649015329 + logarithm)
    found = (math.expm1(logarithm) - math.expm1(a * math.log(x))) / a
    term, total = 1.0, 0.0
    for k in range(1, 40):
        term *= -x / k
        total += term / (a + k)
        if abs(term) < 1e-18:
            break
    return found - math.pow(x, a) * total


def lower_gamma(a: float, x: float) -> float:
    """Return the lower incomplete gamma function (DLMF 8.2.1), not normalised.

    Where SciPy has no a, the series of DLMF 8.7.1.
    """
    if a > 0.0 and x >= 0.0:
        if a < 165.0:
            return special.gammainc(a, x) * special.gamma(a)
        return special.gammainc(a, x) * math.exp(special.loggamma(a))
    if (a <= 0.0 and a == floor(a)) or (x < 0.0 and a != floor(a)) or math.isnan(x + a):
        return math.nan
    if x > 1.5:
        return special.gamma(a) - upper_gamma(a, x)
    term = 1.0
    total = 1.0 / a
    for k in range(1, 400):
        term *= -x / k
        change = term / (a + k)
        total += change
        if abs(change) < 1e-17 * abs(total):
            break
    return total * math.pow(x, a)


def beta_incomplete(a: float, b: float, x: float, y: float) -> float:
    """Return the incomplete beta function from x to y, not normalised (DLMF 8.17.1)."""
    return beta(a, b) * beta_regularized(a, b, x, y)


def beta_regularized(a: float, b: float, x: float, y: float) -> float:
    """Return the incomplete beta function from x to y, over the complete one (DLMF 8.17.2)."""
    if x == 0.0:
        return special.betainc(a, b, y)
    if y == 0.0:
        return -special.betainc(a, b, x)
    if x == 1.0:
        return -special.betaincc(a, b, y)
    if y == 1.0:
        return special.betaincc(a, b, x)
    low = special.betainc(a, b, x)
    if low > 0.5:
        return special.betaincc(a, b, x) - special.betaincc(a, b, y)
    return special.betainc(a, b, y) - low
