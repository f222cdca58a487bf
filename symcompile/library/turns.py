"""Sine and cosine of multiples of pi, without the rounding of the product with pi."""

from __future__ import annotations

import math


def sinpi(x: float) -> float:
    """Return sin(pi x), exact where that is 0, 1 or -1."""
    if not math.isfinite(x):
        return math.nan
    rest = math.fmod(x, 2.0)
    sign = -1.0 if rest < 0.0 else 1.0
    rest = abs(rest)
    if rest >= 1.0:
        rest -= 1.0
        sign = -sign
    if rest > 0.5:
        rest = 1.0 - rest
    if rest <= 0.25:
        return sign * math.sin(math.pi * rest)
    return sign * math.cos(math.pi * (0.5 - rest))


def cospi(x: float) -> float:
    """Return cos(pi x), exact where that is 0, 1 or -1."""
    if not math.isfinite(x):
        return math.nan
    rest = abs(math.fmod(x, 2.0))
    if rest > 1.0:
        rest = 2.0 - rest
    if rest <= 0.25:
        return math.cos(math.pi * rest)
    if rest < 0.75:
        return math.sin(math.pi * (0.5 - rest))
    return -math.cos(math.pi * (1.0 - rest))
