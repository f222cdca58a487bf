"""The demo's data: 150 made-up specimens with prescribed moments.

A mean squared loss of a straight line depends on its data through five means only, so samples
with the same five means have the same loss surface, gradient, optimum and path of BFGS.
``docs/data.md`` says where the numbers in `MOMENTS` come from.

The samples are made with correctly rounded operations alone (``+ - * /`` and square roots, in
floats and in 50-digit decimals) from the uniform stream that `random.Random` guarantees, so the
same bits come out on every platform; no mathematical library has a say in them.
"""

from __future__ import annotations

import csv
import io
import math
import random
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from decimal import Context, Decimal, localcontext
from importlib import resources
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

SAMPLES: Final = 150
COLUMNS: Final = ("length_mm", "scale_density")

_SEED: Final = 100
_DIGITS: Final = 50
_FILE: Final = "specimens.csv"


@dataclass(frozen=True)
class Moments:
    """The five means that a linear least-squares fit of y against x depends on."""

    x: float
    xx: float
    y: float
    xy: float
    yy: float


MOMENTS: Final = Moments(
    x=4.649951735489902,
    xx=23.752245333557642,
    y=9.351058008133545,
    xy=41.952363140763815,
    yy=91.28539907755773,
)


def make_specimens() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Construct the samples.

    Returns:
        Lengths in millimetres and scale densities per square millimetre, each of shape
        ``(150,)`` and dtype float64. Their exact means are those of `MOMENTS` within two units
        in the last place.

    Example:
        >>> x, y = make_specimens()
        >>> x.shape, float(abs(x.mean() - MOMENTS.x)) < 1e-14
        ((150,), True)
    """
    uniform = random.Random(_SEED).random
    lengths = [_bent(uniform()) for _ in range(SAMPLES)]
    # math.fsum, because what sum() does with floats depends on Python's version.
    noise = [math.fsum(uniform() for _ in range(12)) - 6.0 for _ in range(SAMPLES)]
    # Rounding 150 samples to floats moves a mean by far less than its own last place, so one
    # rounding at the end is all the error there is.
    with localcontext(Context(prec=_DIGITS)):
        x = _with_mean_and_square(lengths, MOMENTS.x, MOMENTS.xx)
        y = _with_moments(x, _residuals(x, noise), MOMENTS)
    return np.array(x, dtype=np.float64), np.array(y, dtype=np.float64)


def load_specimens() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Read the samples that are shipped with the package.

    Returns:
        The same two arrays as `make_specimens`, bit for bit.

    Example:
        >>> x, y = load_specimens()
        >>> bool(2 < x.min() and x.max() < 7 and 6 < y.min() and y.max() < 15)
        True
    """
    text = (resources.files(__package__) / _FILE).read_text(encoding="utf-8")
    rows = list(csv.reader(io.StringIO(text)))[1:]
    table = np.array([[float(cell) for cell in row] for row in rows], dtype=np.float64)
    return table[:, 0].copy(), table[:, 1].copy()


def to_csv(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> str:
    """Write samples as CSV text whose numbers read back as the same floats.

    Args:
        x: Lengths, shape ``(n,)``.
        y: Densities, shape ``(n,)``.

    Returns:
        A header and one line per sample, each ended by a newline.

    Example:
        >>> to_csv(np.array([0.5]), np.array([0.25]))
        'length_mm,scale_density\\n0.5,0.25\\n'
    """
    lines = [",".join(COLUMNS)]
    lines += [f"{a!r},{b!r}" for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    return "\n".join(lines) + "\n"


def _bent(u: float) -> float:
    """Map [0, 1] to [-1, 1], denser at both ends: small and large specimens are sought out."""
    t = 2.0 * u - 1.0
    return t * (1.2 - 0.2 * t * t)


def _residuals(x: Sequence[float], noise: Sequence[float]) -> list[float]:
    """Departures from a straight line: density falls in a curve, and scatters about it."""
    return [0.62 * v * v + e * (1.25 - 0.06 * v) for v, e in zip(x, noise, strict=True)]


def _with_mean_and_square(values: Sequence[float], mean: float, square: float) -> list[float]:
    """Shift and scale values so that they have this mean and this mean square."""
    centred = _centred([Decimal(v) for v in values])
    target = Decimal(mean)
    scale = ((Decimal(square) - target * target) / _mean_product(centred, centred)).sqrt()
    return [float(target + scale * v) for v in centred]


def _with_moments(x: Sequence[float], residuals: Sequence[float], moments: Moments) -> list[float]:
    """Put scaled residuals on the line that the moments imply, so that y has those moments."""
    mean_x, mean_xx, mean_y, mean_xy, mean_yy = (Decimal(m) for m in astuple(moments))
    variance = mean_xx - mean_x * mean_x
    slope = (mean_xy - mean_x * mean_y) / variance
    loss = mean_yy - mean_y * mean_y - slope * slope * variance

    centred = _centred([Decimal(v) for v in x])
    rest = _centred([Decimal(r) for r in residuals])
    tilt = _mean_product(centred, rest) / _mean_product(centred, centred)
    rest = [r - tilt * c for r, c in zip(rest, centred, strict=True)]
    scale = (loss / _mean_product(rest, rest)).sqrt()
    return [float(mean_y + slope * c + scale * r) for c, r in zip(centred, rest, strict=True)]


def _centred(values: Sequence[Decimal]) -> list[Decimal]:
    mean = sum(values, Decimal(0)) / len(values)
    return [v - mean for v in values]


def _mean_product(a: Sequence[Decimal], b: Sequence[Decimal]) -> Decimal:
    return sum((p * q for p, q in zip(a, b, strict=True)), Decimal(0)) / len(a)


def main() -> None:
    """Rewrite the shipped CSV from the code (``python -m symcompile.demo.specimens``)."""
    path = Path(__file__).with_name(_FILE)
    path.write_text(to_csv(*make_specimens()), encoding="utf-8", newline="\n")
    print(path)


if __name__ == "__main__":
    main()
