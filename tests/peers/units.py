"""Errors in ulp of real and complex numbers, against exact numbers of many digits."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np

#: Arithmetic of the exact numbers.
MP = mpmath.mp.clone()
MP.dps = 60

LARGEST = float(np.finfo(np.float64).max)


def exact_number(text: Any) -> Any:
    """Return what a published answer says: a number of 60 digits, real or complex.

    >>> exact_number("0.5"), exact_number({"re": "1", "im": "-2.5"}), exact_number("-inf")
    (mpf('0.5'), mpc(real='1.0', imag='-2.5'), mpf('-inf'))
    """
    if isinstance(text, dict):
        return MP.mpc(MP.mpf(text["re"]), MP.mpf(text["im"]))
    return MP.mpf(text)


def spacing(size: float, single: bool = False) -> float:
    """Return the distance between neighbouring floats at a magnitude."""
    if single:
        bounded = np.float32(min(size, float(np.finfo(np.float32).max)))
        return float(np.spacing(bounded))
    return math.ulp(min(size, LARGEST))


def ulps(got: Any, exact: Any, single: bool = False) -> float:
    """Return how far a computed number is from an exact one, in units of its last place.

    NaN matches NaN, and an infinity the same infinity; what is out of the range of floats counts
    as infinite. The error of a complex number is measured as a whole.

    >>> ulps(1 + 2**-52, MP.mpf(1)), ulps(math.inf, MP.mpf(10)**400), ulps(0.0, MP.mpf("1e-400"))
    (1.0, 0.0, 0.0)
    """
    if isinstance(exact, MP.mpc):
        value = complex(got)
        if any(map(MP.isnan, (exact.real, exact.imag))) or any(
            map(MP.isinf, (exact.real, exact.imag))
        ):
            parts = ulps(value.real, exact.real, single), ulps(value.imag, exact.imag, single)
            return max(parts)
        unit = spacing(float(abs(exact)), single)
        if not (math.isfinite(value.real) and math.isfinite(value.imag)):
            return math.inf
        return float(abs(MP.mpc(value) - exact) / unit)
    if isinstance(got, complex | np.complexfloating):
        return ulps(got, MP.mpc(exact), single)
    value = float(got)
    if math.isnan(value) or MP.isnan(exact):
        return 0.0 if math.isnan(value) and MP.isnan(exact) else math.inf
    nearest = _nearest(exact, single)
    if value == nearest:
        # Not exactly so, unless there is nothing between them.
        return 0.0 if math.isinf(value) else _finite(value, exact, single)
    if math.isinf(value) or MP.isinf(exact):
        return math.inf
    return _finite(value, exact, single)


def _nearest(exact: Any, single: bool) -> float:
    try:
        value = float(exact)
    except OverflowError:
        value = math.inf if exact > 0 else -math.inf
    if single:
        with np.errstate(over="ignore"):
            return float(np.float32(value))
    return value


def _finite(value: float, exact: Any, single: bool) -> float:
    size = min(abs(_nearest(exact, False)), LARGEST)
    return float(abs(MP.mpf(value) - exact) / spacing(size, single))
