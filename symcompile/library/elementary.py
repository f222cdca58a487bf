"""Elementary functions that some languages lack."""

from __future__ import annotations

import math


def mod(x: float, y: float) -> float:
    """Return x - y floor(x/y), exactly: the remainder with the sign of y."""
    found = math.fmod(x, y)
    if found != 0.0:
        return found + y if (found < 0.0) != (y < 0.0) else found
    return math.copysign(0.0, y) if y != 0.0 and not math.isnan(found) else found


def logaddexp(x: float, y: float) -> float:
    """Return log(e^x + e^y), from the larger of the two on."""
    if x == y:
        return x + 0.6931471805599453
    if math.isnan(x) or math.isnan(y):
        return x + y
    return x + math.log1p(math.exp(y - x)) if x > y else y + math.log1p(math.exp(x - y))


def logaddexp2(x: float, y: float) -> float:
    """Return log2(2^x + 2^y), from the larger of the two on."""
    if x == y:
        return x + 1.0
    if math.isnan(x) or math.isnan(y):
        return x + y
    high = x if x > y else y
    low = y if x > y else x
    return high + math.log1p(math.exp2(low - high)) * 1.4426950408889634


def cosm1(x: float) -> float:
    """Return cos(x) - 1 as -2 sin(x/2)^2, which does not cancel."""
    s = math.sin(0.5 * x)
    return -2.0 * s * s


def powm1(x: float, y: float) -> float:
    """Return x^y - 1, by exp(y log x) - 1 where the two are close."""
    if x > 0.0:
        u = y * math.log(x) if not 0.5 < x < 2.0 else y * math.log1p(x - 1.0)
        if abs(u) < 0.5:
            return math.expm1(u)
    return math.pow(x, y) - 1.0
