"""The lecture's timing table: the loss and its gradient, from SymPy's way to compiled ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from symcompile.demo.lecture import SQUARED_ERROR, w0, w1, x, y

if TYPE_CHECKING:
    from symcompile.objective import Objective

_ROUNDS = 11
_LEAST = 0.004

Call = Callable[[], Any]


@dataclass(frozen=True)
class Way:
    """A way to evaluate the loss at one point.

    Attributes:
        name: what it is called.
        value: returns the loss.
        both: returns the loss and the two entries of its gradient.
        peer: whether it is a way of others, to be compared with.
    """

    name: str
    value: Call
    both: Call
    peer: bool


@dataclass(frozen=True)
class Timing:
    """A way, and what a call of it takes, in seconds: the fastest of rounds in turn."""

    way: Way
    value: float
    both: float


def peers(
    total: Any, X: NDArray[np.float64], Y: NDArray[np.float64], p: tuple[float, float]
) -> list[Way]:
    """Return the lecture's ways.

    Args:
        total: the loss written out, one term for each sample.
        X: lengths, shape (n,).
        Y: densities, shape (n,).
        p: where the loss is evaluated.
    """
    partials = [sp.diff(total, w) for w in (w0, w1)]
    at = dict(zip((w0, w1), p, strict=True))

    loss_sum = sp.lambdify((w0, w1), total)
    both_sum = sp.lambdify((w0, w1), [total, *partials])
    loss_each = sp.lambdify((w0, w1, x, y), SQUARED_ERROR)
    both_each = sp.lambdify(
        (w0, w1, x, y), [SQUARED_ERROR, *(sp.diff(SQUARED_ERROR, w) for w in (w0, w1))]
    )
    return [
        Way(
            "SymPy's N(), written out",
            # With subs= it works anew each time; total.subs(at) would come from SymPy's cache.
            lambda: float(sp.N(total, subs=at)),
            lambda: [float(sp.N(e, subs=at)) for e in (total, *partials)],
            True,
        ),
        Way(
            "lambdify, written out",
            lambda: loss_sum(*p),
            lambda: both_sum(*p),
            True,
        ),
        Way(
            "lambdify, NumPy arrays",
            lambda: loss_each(*p, X, Y).mean(),
            lambda: [column.mean() for column in both_each(*p, X, Y)],
            True,
        ),
    ]


def ours(objectives: Mapping[str, Objective], p: tuple[float, float]) -> list[Way]:
    """Return our kernels as ways, their data bound."""
    point = np.array(p)

    def way(name: str, objective: Objective) -> Way:
        def both() -> list[float]:
            value, grad = objective.value_and_grad(point)
            return [value, *grad]

        return Way(f"symcompile {name}", lambda: objective.value(point), both, False)

    return [way(name, objective) for name, objective in objectives.items()]


def measure(ways: list[Way]) -> list[Timing]:
    """Time every way, in turn, so that whatever slows the machine slows them all."""
    calls = [call for way in ways for call in (way.value, way.both)]
    counts = [_repeats(call) for call in calls]
    found: list[list[float]] = [[] for _ in calls]
    for _ in range(_ROUNDS):
        for call, count, times in zip(calls, counts, found, strict=True):
            if count > 1 or len(times) < 3:  # what takes long is not repeated as often
                times.append(_seconds(call, count))
    # Whatever else the machine does only ever makes a call slower.
    fastest = [min(times) for times in found]
    return [Timing(way, *fastest[2 * k : 2 * k + 2]) for k, way in enumerate(ways)]


def _repeats(call: Call) -> int:
    call()
    return max(1, int(_LEAST / max(_seconds(call, 1), 1e-9)))


def _seconds(call: Call, count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - start) / count
