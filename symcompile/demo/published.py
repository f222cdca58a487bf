"""The figures that were published with the lecture, and how near to them one has to come."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final


@dataclass(frozen=True)
class Figure:
    """A published figure.

    Attributes:
        name: what it is.
        text: the figure as it was printed.
        allowed: how far from it a measured one may be. It covers the digits that were not
            printed, those of the point where it was taken, and rounding on the way.
    """

    name: str
    text: str
    allowed: float

    @property
    def value(self) -> float:
        """The figure as a number."""
        return float(self.text)


#: Where the loss and the gradient were published; the point itself was printed rounded.
POINT: Final = (10.98668483, 0.37723461)
START: Final = (0.0, 0.0)

LOSS: Final = Figure("loss", "2.7447662570799594", 1e-12)
FIT: Final = (
    LOSS,
    Figure("w0", "12.6899981", 1e-7),
    Figure("w1", "-0.7180591", 1e-7),
    Figure("iterations", "9", 0),
    Figure("evaluations", "10", 0),
    Figure("H⁻¹[0, 0]", "5.57425906", 1e-7),
    Figure("H⁻¹[0, 1]", "-1.09086733", 1e-7),
    Figure("H⁻¹[1, 1]", "0.23434848", 1e-7),
)
AT_POINT: Final = (
    Figure("loss at w'", "16.7906945", 3e-7),
    Figure("∂loss/∂w0 at w'", "6.77949907", 3e-7),
    Figure("∂loss/∂w1 at w'", "36.19071996", 3e-7),
)
WAVE: Final = Figure("(sin x + x²)/2", "49.72798944", 1e-8)


@dataclass(frozen=True)
class Comparison:
    """A published figure beside the measured one that is farthest from it.

    Attributes:
        figure: what was published.
        measured: what came out.
        backend: of which backend, or ``"all"`` where they agree to the last bit.
    """

    figure: Figure
    measured: float
    backend: str

    @property
    def difference(self) -> float:
        """How far the measured one is off."""
        return abs(self.measured - self.figure.value)

    @property
    def ok(self) -> bool:
        """Whether that is allowed."""
        return self.difference <= self.figure.allowed  # false for NaN


def compare(
    figures: tuple[Figure, ...], measured: Mapping[Any, list[float]]
) -> Iterator[Comparison]:
    """Yield each figure beside the farthest of what the backends measured.

    Args:
        figures: the published ones.
        measured: for each backend, one number for each figure.

    Example:
        >>> found = compare((Figure("f", "1.0", 0.1),), {"python": [1.05], "numba": [1.2]})
        >>> [(c.measured, c.backend, c.ok) for c in found]
        [(1.2, 'numba', False)]
    """
    for place, figure in enumerate(figures):
        found = [Comparison(figure, numbers[place], name) for name, numbers in measured.items()]
        worst = max(found, key=lambda c: math.inf if math.isnan(c.measured) else c.difference)
        same = all(comparison.measured == worst.measured for comparison in found)
        yield replace(worst, backend="all") if same else worst
