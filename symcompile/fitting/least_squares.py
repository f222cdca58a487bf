"""Sums of squares: descent from the start, other ways where that ends badly, then polish."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

from symcompile.arguments import Array
from symcompile.errors import ArgumentValueError
from symcompile.fitting.attainable import attainable
from symcompile.fitting.criterion import Criterion
from symcompile.fitting.descent import Region, State, descend, evaluated, projected
from symcompile.fitting.polish import Polished, polish
from symcompile.fitting.solution import Solution
from symcompile.fitting.steps import Damped

#: First steps, in lengths of the scaled start: a long one may land where the model is flat.
_FACTORS: Final = (100.0, 1.0, 0.1)


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
    begin = evaluated(criterion, np.clip(start, lower, upper))
    if begin is None:
        criterion.require_finite()
        raise ArgumentValueError(
            "the model or its slope is not finite at the start for some sample: choose another "
            "start, or bounds that keep out of where the formula has no value"
        )
    if linear is not None and given is not None and (linear & ~given).any():
        begin = projected(criterion, begin, region, linear & ~given)
    best: Polished | None = None
    evaluations = iterations = 0
    # A sum of squares of linear residuals has one minimum, and no curvature but that of J.T @ J.
    straight = linear is not None and bool((linear | fixed).all())
    for way in _ways(None if straight else linear):
        ended = descend(criterion, _fresh(begin), region, most=max_iterations, shown=shown, **way)
        found = (
            polish(criterion, ended, region, straight=straight)
            if ended.settled
            else Polished(ended, ended.p * 0)
        )
        evaluations += found.state.evaluations
        iterations += found.state.iterations
        if best is None or _better(found, best):
            best = found
        # Where passes are dear, an end that is poor is not doubted, unless it is none.
        asked = None if criterion.remote else spread
        if straight or not _doubtful(best, region, asked):
            break
    assert best is not None
    best.state.evaluations, best.state.iterations = evaluations, iterations
    return _solution(criterion, best, region, max_iterations)


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


def _doubtful(found: Polished, region: Region, spread: Callable[[], float] | None) -> bool:
    """Return whether another way may end better."""
    state = found.state
    if not (state.settled and found.stagnated):
        return True
    free = ~region.fixed & ~region.held(state.p, state.gradient)
    if not free.any():
        return False
    columns = state.triangle[:, :-1][:, free]
    norms = np.linalg.norm(columns, axis=0)
    if (norms == 0).any():
        return True
    damped = Damped.of(columns, state.triangle[:, -1], norms)
    if damped.singular[-1] < 1e-12 * damped.singular[0]:
        return True
    if spread is None:
        return False
    # Much is left unexplained, or some after a long way.
    return state.value > (0.05 if state.iterations > 50 else 0.5) * spread()


def _solution(
    criterion: Criterion, found: Polished, region: Region, max_iterations: int
) -> Solution:
    state = found.state
    active = region.held(state.p, state.gradient)
    digits, warnings = attainable(criterion, found, region)
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
        evaluations=state.evaluations,
        triangle=state.triangle,
        digits=digits,
        warnings=warnings,
    )
