"""The samples that the demo fits: those shipped, or a user's."""

from __future__ import annotations

import csv
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from symcompile.demo.specimens import MOMENTS, Moments, load_specimens
from symcompile.errors import ArgumentValueError

# Summing 150 numbers in another order moves a mean by less than this.
_ALLOWED = 1e-13


@dataclass(frozen=True)
class Samples:
    """Lengths and densities.

    Attributes:
        X: lengths, shape (n,).
        Y: densities, shape (n,).
        origin: where they come from, in words.
    """

    X: NDArray[np.float64]
    Y: NDArray[np.float64]
    origin: str

    @property
    def comparable(self) -> bool:
        """Whether their five means are the published data's, so that the same fit comes out."""
        X, Y = self.X, self.Y
        products = (X, X * X, Y, X * Y, Y * Y)
        found = Moments(*(float(np.mean(product)) for product in products))
        pairs = zip(astuple(found), astuple(MOMENTS), strict=True)
        return all(abs(mine - theirs) <= _ALLOWED * abs(theirs) for mine, theirs in pairs)


def load_samples(path: Path | None) -> Samples:
    """Return the shipped samples, or those of a CSV file.

    Args:
        path: a file with a header, then a length and a density in each row; further columns are
            ignored.

    Raises:
        ArgumentValueError: it cannot be read, or a row does not hold two finite numbers.
    """
    if path is None:
        X, Y = load_specimens()
        return Samples(X, Y, "made-up specimens; docs/data.md says how")
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.reader(stream))[1:]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ArgumentValueError(f"the data {path} cannot be read: {error}") from error
    found = [_numbers(path, number, row) for number, row in enumerate(rows, 2) if row]
    if len({length for length, _ in found}) < 2:
        raise ArgumentValueError(f"{path}: a line takes two rows of different length at least")
    table = np.array(found, dtype=np.float64)
    return Samples(table[:, 0].copy(), table[:, 1].copy(), str(path))


def _numbers(path: Path, line: int, row: list[str]) -> tuple[float, float]:
    try:
        length, density = float(row[0]), float(row[1])
    except (ValueError, IndexError):
        length = density = float("nan")
    if not np.isfinite([length, density]).all():
        raise ArgumentValueError(f"{path}, line {line}: two numbers are needed, not {row}")
    return length, density
