"""How many digits rounding leaves in a sum of squares and where its minimum lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from symcompile.arguments import Array
from symcompile.fitting.criterion import Criterion
from symcompile.fitting.descent import Region, State, evaluated
from symcompile.fitting.polish import Polished, gauss_newton
from symcompile.fitting.refine import Linear
from symcompile.fitting.steps import Damped

_EPS: Final = float(np.finfo(float).eps)
_MOST: Final = float(-np.log10(_EPS / 2))
#: So many samples are few: passes over them cost nothing to speak of.
_FEW: Final = 100_000


@dataclass(frozen=True, eq=False)
class Conditioning:
    """What errors of the residuals and of the Jacobian do to a minimum.

    With ``J = U @ diag(s) @ V.T @ D``, ``D`` the lengths of its columns, an error ``e`` of the
    residuals moves parameter ``k`` by up to ``e*a[k]`` with ``a[k] = |V[k] / s| / D[k]``, and an
    error ``e`` of the scaled gradient by up to ``e*b[k]`` with ``b[k] = |V[k] / s**2| / D[k]``;
    Björck, *Numerical Methods for Least Squares Problems* (1996), section 1.4.

    Attributes:
        free: which parameters are meant, shape ``(P,)``, bool, ``k`` of them.
        residuals: ``a``, shape ``(k,)``.
        gradient: ``b``, shape ``(k,)``.
        unseen: parameters that a direction holds which the Jacobian does not see, shape ``(k,)``.
        length: of the residuals.
        size: about how large what the residuals are the difference of is.
    """

    free: Array
    residuals: Array
    gradient: Array
    unseen: Array
    length: float
    size: float

    @classmethod
    def of(cls, state: State, region: Region) -> Conditioning | None:
        """Return that of a point, or None where no parameter is free."""
        free = ~region.fixed & ~region.held(state.p, state.gradient)
        if not free.any():
            return None
        columns = state.triangle[:, :-1][:, free]
        norms = np.linalg.norm(columns, axis=0)
        scale = np.where(norms > 0, norms, 1.0)
        damped = Damped.of(columns, state.triangle[:, -1], scale)
        rank, right = damped.rank, damped.right.T
        seen = right[:, :rank] / damped.singular[:rank]
        return cls(
            free=free,
            residuals=np.linalg.norm(seen, axis=1) / scale,
            gradient=np.linalg.norm(seen / damped.singular[:rank], axis=1) / scale,
            unseen=np.sqrt(np.maximum(0, 1 - np.sum(right[:, :rank] ** 2, axis=1))) > 1e-3,
            length=float(np.sqrt(state.value)),
            size=float(np.linalg.norm(norms * state.p[free])),
        )

    def factored(self) -> Array:
        """Return what rounding of the Jacobian and its factor does, shape ``(k,)``."""
        off: Array = 0.5 * _EPS * self.length * (self.residuals + self.gradient)
        return off

    def digits(self, p: Array, off: Array, n: int) -> Array:
        """Return the digits that errors leave of each parameter, shape ``(P,)``."""
        digits = np.full(len(p), _MOST)
        # A parameter that is zero as far as the data tell has no first digit: its error counts.
        errors = self.residuals * self.length / np.sqrt(max(1, n - len(off)))
        middle = np.maximum(np.abs(p[self.free]), errors)
        with np.errstate(all="ignore"):
            share = np.where(middle > 0, off / middle, off)
            kept = -np.log10(np.maximum(share, _EPS / 2))
        digits[self.free] = np.where(self.unseen, 0.0, np.clip(kept, 0, _MOST))
        return digits


def attainable(
    criterion: Criterion, found: Polished, region: Region
) -> tuple[Array, tuple[str, ...]]:
    """Estimate the digits of each parameter, and say where they are few.

    The residuals are computed with rounding errors that differ from one point to the next. So
    parameters are changed by a few units in their last place, which moves the minimum not at all,
    and how far apart the minima lie that one step of Gauss and Newton then points to is what they
    do. The Jacobian and its factor are rounded too: with ``u`` the unit of rounding, ``|r|`` the
    length of the residuals, and ``a`` and ``b`` of :class:`Conditioning`, that adds
    ``u*|r|*(a + b)``. A direction that the Jacobian does not see leaves its parameters no digits.

    That the sum of squares itself varies bounds the digits of standard errors. Where passes over
    the data are dear, residuals are taken to be rounded as those of a linear model are.

    Returns:
        Digits, shape ``(P,)``, at most 15.95; and warnings.
    """
    state = found.state
    conditioning = Conditioning.of(state, region)
    if conditioning is None:
        return np.full(len(state.p), _MOST), ()
    if criterion.remote:
        return attainable_linear(criterion, found, region, None)
    off, warnings = _scattered(criterion, found, region, conditioning.free)
    off = off + conditioning.factored()
    return conditioning.digits(state.p, off, criterion.n), warnings


def attainable_linear(
    criterion: Criterion, found: Polished, region: Region, linear: Linear | None
) -> tuple[Array, tuple[str, ...]]:
    """Estimate the digits of a linear model's parameters without a pass over the data.

    Where it was refined, only what was rounded in its design counts: an error of ``e`` of the
    residuals, ``e*a`` of the parameters. Elsewhere ``e`` is ``u*|D @ p|``, and what rounding of
    the factor does is added; see :func:`attainable`.
    """
    p = found.state.p
    conditioning = Conditioning.of(found.state, region)
    if conditioning is None:
        return np.full(len(p), _MOST), ()
    if linear is not None:
        off = linear.uncertainty(p[conditioning.free]) * conditioning.residuals
    else:
        off = 0.5 * _EPS * conditioning.size * conditioning.residuals + conditioning.factored()
    # In a sum of squares |r|**2 an error of e in each residual is one of 2*e*|r|.
    rounding = _EPS * conditioning.size * conditioning.length
    warnings = _warnings(found.state.value, rounding)
    return conditioning.digits(p, off, criterion.n), warnings


def _scattered(
    criterion: Criterion, found: Polished, region: Region, free: Array
) -> tuple[Array, tuple[str, ...]]:
    """Return how far minima seen from points nearby lie apart, and what that means."""
    state = found.state
    random = np.random.default_rng(0)
    ends, values = [np.zeros(int(free.sum()))], [state.value]
    for _ in range(4 if criterion.n <= _FEW else 1):
        p = state.p.copy()
        p[free] *= 1 + _EPS * random.integers(-4, 5, int(free.sum()))
        there = evaluated(criterion, np.clip(p, region.lower, region.upper))
        if there is None:
            continue
        values.append(there.value)
        ends.append(there.p[free] - state.p[free] + gauss_newton(there, free))
    return np.max(np.abs(ends), axis=0), _warnings(state.value, max(values) - min(values))


def _warnings(value: float, spread: float) -> tuple[str, ...]:
    if value > 0 and spread > 1e-6 * value:
        left = max(-np.log10(spread / value), 0.0)
        kept = f"{left:.0f} digits" if left >= 1 else "no digit"
        return (
            f"the residuals are at the level of rounding: of the sum of squares {kept} can be "
            "known in double precision, and so of the standard errors",
        )
    return ()
