"""How many digits rounding leaves in a sum of squares and where its minimum lies."""

from __future__ import annotations

from typing import Final

import numpy as np

from symcompile.arguments import Array
from symcompile.fitting.criterion import Criterion
from symcompile.fitting.descent import Region, evaluated
from symcompile.fitting.polish import Polished, _step

_EPS: Final = float(np.finfo(float).eps)


def attainable(
    criterion: Criterion, found: Polished, region: Region
) -> tuple[Array, tuple[str, ...]]:
    """Estimate the digits of each parameter, and say where they are few.

    The residuals are computed with rounding errors that differ from one point to the next. So
    parameters are changed by a few units in their last place, which moves the minimum of the sum
    of squares not at all, and how far the minima that one step of Gauss and Newton then points to
    lie apart is how well it is known. That the sum of squares itself varies bounds the digits of
    standard errors.

    Returns:
        Digits, shape ``(P,)``, at most 15.9; and warnings.
    """
    state = found.state
    size = len(state.p)
    digits = np.full(size, -np.log10(_EPS / 2))
    free = ~region.fixed & ~region.held(state.p, state.gradient)
    if not free.any() or criterion.remote:
        return digits, ()
    random = np.random.default_rng(0)
    ends, values = [], [state.value]
    for _ in range(4):
        p = state.p.copy()
        p[free] *= 1 + _EPS * random.integers(-4, 5, int(free.sum()))
        there = evaluated(criterion, np.clip(p, region.lower, region.upper))
        if there is None:
            continue
        values.append(there.value)
        ends.append(there.p[free] + _step(there, free, None))
    if not ends:
        return digits, ()
    middle = np.abs(state.p[free])
    off = np.max(np.abs(np.array(ends) - state.p[free]), axis=0)
    with np.errstate(all="ignore"):
        share = np.where(middle > 0, off / middle, off)
    digits[free] = np.clip(-np.log10(np.maximum(share, _EPS / 2)), 0, None)
    return digits, _warnings(state.value, values)


def _warnings(value: float, values: list[float]) -> tuple[str, ...]:
    spread = max(values) - min(values)
    if value > 0 and spread > 1e-6 * value:
        left = max(-np.log10(spread / value), 0.0)
        kept = f"{left:.0f} digits" if left >= 1 else "no digit"
        return (
            f"the residuals are at the level of rounding: of the sum of squares {kept} can be "
            "known in double precision, and so of the standard errors",
        )
    return ()
