"""What each language has a function of its own for; generated code calls that."""

from __future__ import annotations

import math


def floor(x: float) -> float:
    """Return the largest whole number that is not above ``x``, as a double."""
    return float(math.floor(x)) if math.isfinite(x) else x
