"""Sums of squares: descent from the start, other ways where that ends badly, then polish."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

from symcompile.arguments import Array
from symcompile.errors import ArgumentValueError
from symcompile.fitting.attainable import attainable, attainable_linear
from symcompile.fitting.counted import Counted
from symcompile.fitting.criterion import Criterion
from symcompile.fitting.descent import Region, State, descend, evaluated, projected
from symcompile.fitting.newton import at, newton
from symcompile.fitting.polish import Polished, polish
from symcompile.fitting.refine import Linear
from symcompile.fitting.solution import Solution
from symcompile.fitting.steps import Damped

#: First steps, in lengths of the scaled start: a long one may land where the model is flat.
_FACTORS: Final = (100.0, 1.0, 0.1)
_POOR: Final = (
    "more than half of the response's variation is left: if that is not its noise, there may be a "
    "lower minimum; start nearer, or try several with starts="
)
#: Newton's steps away from where first derivatives tell too little.
_NEWTON: Final = 100
#: Digits with which a linear fit is not refined any further, and those of one whose design has
#: so many numbers that refining it takes longer than the fit.
_PLENTY, _ENOUGH, _LARGE = 14.0, 11.0, 200_000


def minimise_squares(
    criterion: Criterion,
    start: Array,
    lower: Array,
    upper: Array,
    fixed: Array,
    *,
    linear: Array | None = None,
    given: Array | None = None,
    spread: Callable[[], float] | None = None,
    max_iterations: int = 1000,
    shown: Callable[[int, float], None] | None = None,
) -> Solution:
    """Minimise a sum of squares to the limit of rounding.

    Args:
        criterion: the sum; ``triangle`` must be there.
        start: shape ``(P,)``.
        lower, upper: bounds, shape ``(P,)``.
        fixed: which parameters stay, shape ``(P,)``, bool.
        linear: those in which the model is linear while others are held; None for not known.
        given: those whose start the user chose; linear ones that are not are solved for at once.
        spread: returns the sum of squares of the response around its mean: a fit that explains
            little of it is tried in other ways too.
        max_iterations: how many steps each way may take.
        shown: called with the number of steps and the value.

    Raises:
        ArgumentValueError: residuals are not finite at the start.
    """
    region = Region(lower, upper, fixed)
    data, criterion = criterion, Counted(criterion)
    begin = evaluated(criterion, np.clip(np.asarray(start, float), lower, upper))
    if begin is None:
        criterion.require_finite()
        raise ArgumentValueError(
            "the model or its slope is not finite at the start for some sample: choose another "
            "start, or bounds that keep out of where the formula has no value"
        )
    # A sum of squares of linear residuals has one minimum, and no curvature but that of J.T @ J.
    straight = linear is not None and bool((linear | fixed).all())
    if straight:
        begin = projected(criterion, begin, region, ~fixed)
    elif linear is not None and given is not None and (linear & ~given).any():
        begin = projected(criterion, begin, region, linear & ~given)
    best: Polished | None = None
    iterations = 0
    for way in _ways(linear):
        ended = descend(criterion, _fresh(begin), region, most=max_iterations, shown=shown, **way)
        found = Polished(ended, ended.p * 0)
        if ended.settled:
            found = polish(criterion, ended, region, straight=straight)
        iterations += found.state.iterations
        # Where two ways end alike, a third is not worth its passes.
        agreed = best is not None and _alike(found, best) and _sure(found, region)
        if best is None or _better(found, best):
            best = found
        # Where passes are dear, an end that is poor is not doubted, unless it is none.
        asked = None if criterion.remote else spread
        if straight or agreed or not _doubtful(best, region, asked):
            break
    assert best is not None
    if not (straight or criterion.remote or _sure(best, region)):
        escaped = _escaped(criterion, best, region, max_iterations)
        if escaped is not None:
            iterations += escaped.state.iterations
            best = escaped if _better(escaped, best) else best
    best.state.iterations = iterations
    if straight and best.state.settled:
        best, known = _refined(criterion, data, best, region)
    else:
        known = attainable(criterion, best, region)
        if spread is not None and not criterion.remote and best.state.value > 0.5 * spread():
            known = known[0], (*known[1], _POOR)
    return _solution(best, region, max_iterations, criterion.passes, *known)


def _ways(linear: Array | None) -> Iterator[dict[str, Any]]:
    yield {"factor": _FACTORS[0]}
    if linear is not None and linear.any():
        yield {"factor": _FACTORS[1], "linear": linear}
    yield {"factor": _FACTORS[1]}
    if linear is not None and linear.any():
        yield {"factor": _FACTORS[2], "linear": linear}
    yield {"factor": _FACTORS[2]}


def _fresh(state: State) -> State:
    return State(state.p, state.triangle, state.value)


def _better(one: Polished, other: Polished) -> bool:
    if one.state.value < other.state.value * (1 - 1e-9):
        return True
    same = one.state.value <= other.state.value * (1 + 1e-9)
    return same and one.stagnated and not other.stagnated


def _alike(one: Polished, other: Polished) -> bool:
    p, q = one.state.p, other.state.p
    return bool(np.allclose(p, q, rtol=1e-6, atol=1e-9 * np.linalg.norm(q)))


def _doubtful(found: Polished, region: Region, spread: Callable[[], float] | None) -> bool:
    """Return whether another way may end better."""
    if not _sure(found, region):
        return True
    if spread is None:
        return False
    state = found.state
    # Much is left unexplained, or some after a long way.
    return state.value > (0.05 if state.iterations > 50 else 0.5) * spread()


def _sure(found: Polished, region: Region) -> bool:
    """Return whether first derivatives tell that this is a minimum."""
    state = found.state
    if not (state.settled and found.stagnated):
        return False
    free = ~region.fixed & ~region.held(state.p, state.gradient)
    if not free.any():
        return True
    columns = state.triangle[:, :-1][:, free]
    norms = np.linalg.norm(columns, axis=0)
    if (norms == 0).any():
        return False
    damped = Damped.of(columns, state.triangle[:, -1], norms)
    return len(norms) <= len(damped.singular) and bool(
        damped.singular[-1] >= 1e-12 * damped.singular[0]
    )


def _escaped(criterion: Criterion, found: Polished, region: Region, most: int) -> Polished | None:
    """Go on with Newton's method, which leaves saddles, or return None if that cannot be."""
    if found.state.value == 0:
        return None
    point = at(criterion, found.state.p)
    if point is None:
        return None
    point = newton(criterion, point, region, most=min(most, _NEWTON))
    state = evaluated(criterion, point.p)
    if state is None:
        return None
    state.iterations = point.iterations
    state.settled = point.settled
    if not point.settled:
        state = descend(criterion, state, region, most=most)
    return polish(criterion, state, region) if state.settled else Polished(state, state.p * 0)


def _refined(
    criterion: Criterion, data: Criterion, found: Polished, region: Region
) -> tuple[Polished, tuple[Array, tuple[str, ...]]]:
    """Return the minimum of a linear model and its digits: refined where those are few."""
    known = attainable_linear(criterion, found, region, None)
    state = found.state
    free = ~region.fixed & ~region.held(state.p, state.gradient)
    plenty = _ENOUGH if criterion.n * int(free.sum()) > _LARGE else _PLENTY
    if known[0].min() > plenty or not free.any():
        return found, known
    linear = Linear.of(data, state.p, free)
    if linear is None:
        return found, known
    p = state.p.copy()
    p[free] = linear.solve(state.triangle[:, :-1][:, free], p[free])
    there = evaluated(criterion, np.clip(p, region.lower, region.upper))
    if there is None or there.value > state.value * (1 + 1e-6) + 1e-300:
        return found, known
    there.iterations = state.iterations
    there.settled = True
    found = Polished(there, np.zeros(len(p)), stagnated=True)
    return found, attainable_linear(criterion, found, region, linear)


def _solution(
    found: Polished,
    region: Region,
    max_iterations: int,
    passes: int,
    digits: Array,
    warnings: tuple[str, ...],
) -> Solution:
    state = found.state
    active = region.held(state.p, state.gradient)
    converged = state.settled
    if not converged:
        message = (
            f"not converged: the sum of squares still falls after {max_iterations} steps; start "
            "nearer, or allow more with max_iterations="
        )
    elif state.value == 0:
        message = "converged: all residuals are zero"
    elif found.stagnated:
        message = "converged: steps are at the level of rounding"
        message += ", with exact second derivatives" if found.newton else ""
    else:
        message = "converged: the sum of squares no longer falls"
    return Solution(
        p=state.p,
        value=state.value,
        gradient=state.gradient,
        active=active,
        converged=converged,
        message=message,
        method="Gauss-Newton" + (" and Newton" if found.newton else ""),
        iterations=state.iterations,
        evaluations=passes,
        triangle=state.triangle,
        digits=digits,
        warnings=warnings,
    )
