"""Numbers of twice the precision, as pairs: a value and what it is rounded by.

The algorithms are those of Knuth and Dekker; see Hida, Li and Bailey, Algorithms for quad-double
precision floating point arithmetic (2001). None of them relies on a fused multiply-add.
"""

from __future__ import annotations

import math


def two_sum(a: float, b: float) -> tuple[float, float]:
    """Return a sum and its rounding error."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def two_product(a: float, b: float) -> tuple[float, float]:
    """Return a product and its rounding error."""
    p = a * b
    t = 134217729.0 * a
    ah = t - (t - a)
    al = a - ah
    t = 134217729.0 * b
    bh = t - (t - b)
    bl = b - bh
    return p, ((ah * bh - p) + ah * bl + al * bh) + al * bl


def pair_add(a: float, al: float, b: float, bl: float) -> tuple[float, float]:
    """Return a sum of pairs."""
    s, e = two_sum(a, b)
    t, f = two_sum(al, bl)
    s, e = two_sum(s, e + t)
    return two_sum(s, e + f)


def pair_times(a: float, al: float, b: float, bl: float) -> tuple[float, float]:
    """Return a product of pairs."""
    p, e = two_product(a, b)
    return two_sum(p, e + (a * bl + al * b))


def pair_over(a: float, al: float, b: float, bl: float) -> tuple[float, float]:
    """Return a quotient of pairs."""
    q = a / b
    p, e = pair_times(q, 0.0, b, bl)
    r, f = pair_add(a, al, -p, -e)
    q2 = r / b
    p, e = pair_times(q2, 0.0, b, bl)
    r, f = pair_add(r, f, -p, -e)
    q, q2 = two_sum(q, q2)
    return two_sum(q, q2 + r / b)


def fma(x: float, y: float, z: float) -> float:
    """Return x*y + z, rounded once but for ties."""
    p, e = two_product(x, y)
    if math.isnan(e) or math.isinf(p):
        return x * y + z
    s, f = two_sum(p, z)
    return s + (f + e)
