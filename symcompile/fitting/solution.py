"""What a minimiser returns, before anything is inferred from it."""

from __future__ import annotations

from dataclasses import dataclass, field

from symcompile.arguments import Array


@dataclass(frozen=True, eq=False)
class Solution:
    """Where a minimiser ended, and why.

    Attributes:
        p: all parameters, shape ``(P,)``.
        value: the criterion there.
        gradient: its gradient, shape ``(P,)``.
        active: parameters that lie on a bound which holds them, shape ``(P,)``, bool.
        converged: whether it is a minimum, as far as rounding allows.
        message: why it ended, in words.
        method: by which method.
        iterations: steps taken.
        evaluations: passes over the data.
        triangle: for sums of squares, the triangular factor there; see ``Criterion.triangle``.
        hessian: second derivatives there, shape ``(P, P)``, where they were computed.
        digits: how many decimal digits of each parameter rounding leaves, by estimate; shape
            ``(P,)``, or None where nothing was estimated.
        warnings: what should not be overlooked.
        starts: the value that each of several starts ended at.
    """

    p: Array
    value: float
    gradient: Array
    active: Array
    converged: bool
    message: str
    method: str
    iterations: int
    evaluations: int
    triangle: Array | None = None
    hessian: Array | None = None
    digits: Array | None = None
    warnings: tuple[str, ...] = ()
    starts: tuple[float, ...] = field(default=())
