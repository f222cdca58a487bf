"""Moments with axes, from data: which products are summed, and where each is found."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from symcompile.arguments import Array
from symcompile.binding.gram import Moment
from symcompile.binding.labelled import SAMPLE
from symcompile.ir.graph import Axes

Wholes = NDArray[np.int64]

#: Moments whose terms may have underflowed or overflowed, or may where they are contracted.
_SMALL, _LARGE = 1e-180, 1e290


class NoMomentsError(Exception):
    """Says why data have no moments that serve."""


@dataclass(frozen=True)
class Table:
    """Which products of columns are summed.

    Attributes:
        rows: for each product its first factor (a column, or the number of columns and an earlier
            row), its second (a column, or -1 for none), and where it is kept as a factor or -1.
        places: for each moment the row of each of its entries, over all its labels.
        powers: the highest number of factors.
    """

    rows: Wholes
    places: tuple[Wholes, ...]
    powers: int


def extents(axes: Axes, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """Return the sizes of axes.

    Raises:
        NoMomentsError: the data do not say them.
    """
    missing = [name for axis in axes for name in axis.extent.sizes if name not in sizes]
    if missing:
        raise NoMomentsError(f"the data do not say {missing[0]}")
    return tuple(axis.extent.evaluate(sizes) for axis in axes)


def table_of(
    moments: Sequence[Moment],
    shapes: Sequence[tuple[int, ...]],
    sizes: Mapping[str, int],
) -> Table:
    """Return which products of columns moments need; those that are equal are one.

    Args:
        moments: moments over the same samples.
        shapes: of each column, without the samples.
        sizes: all sizes.
    """
    starts = np.cumsum([0, *map(math.prod, shapes)])
    width = int(starts[-1])
    highest = max((len(moment.factors) for moment in moments), default=0)
    if width**highest >= 2**62:
        raise NoMomentsError("it multiplies too many columns")
    codes = [_codes(moment, starts, shapes, extents(moment.axes, sizes)) for moment in moments]
    rows: list[Wholes] = []
    found: dict[int, tuple[Wholes, int]] = {}
    count = 0
    # Products are made from shorter ones, so these come first.
    for d in range(1, highest + 1):
        shorter = [
            code // width ** (len(moment.factors) - d)
            for moment, code in zip(moments, codes, strict=True)
            if len(moment.factors) >= d and (d > 1 or len(moment.factors) == 1)
        ]
        unique = np.unique(np.concatenate([code.ravel() for code in shorter] or [_NONE]))
        first, second = unique // width, unique % width
        if d == 1:
            first, second = second, np.full(len(unique), -1)
        elif d > 2:
            first = width + _row(found[d - 1], first)
        found[d] = unique, count
        rows.append(np.stack([first, second], axis=1))
        count += len(unique)
    table = np.full((count, 3), -1, np.int64)
    if rows:
        table[:, :2] = np.concatenate(rows)
    kept = np.unique(table[table[:, 0] >= width, 0] - width)
    table[kept, 2] = np.arange(len(kept))
    places = tuple(
        _row(found[len(moment.factors)], code) for moment, code in zip(moments, codes, strict=True)
    )
    return Table(table, places, highest)


_NONE = np.empty(0, np.int64)


def _codes(
    moment: Moment,
    starts: Wholes,
    shapes: Sequence[tuple[int, ...]],
    lengths: tuple[int, ...],
) -> Wholes:
    """Return a number for the product of columns that each entry of a moment is the sum of.

    Its digits are the columns, ascending, to the base of their number.
    """
    grid = np.indices(lengths)
    chosen: list[Wholes] = []
    size = math.prod(lengths)
    for column, labels in moment.factors:
        index = tuple(grid[label] for label in labels if label != SAMPLE)
        flat = np.ravel_multi_index(index, shapes[column]) if index and size else 0
        chosen.append(np.broadcast_to(starts[column] + flat, lengths))
    code = np.zeros(lengths, np.int64)
    for factor in np.sort(np.stack(chosen), axis=0):
        code = code * int(starts[-1]) + factor
    return code


def _row(found: tuple[Wholes, int], codes: Wholes) -> Wholes:
    """Return the rows of products; ``found`` are those with as many factors, and the first row."""
    unique, start = found
    return start + np.searchsorted(unique, codes)


def sums_of(table: Table, columns: Sequence[Array], summed: Callable[..., Array]) -> Array:
    """Return a pair and the sum of the absolute values for each row of a table.

    Raises:
        NoMomentsError: they are not finite, or what they are made of may have underflowed.
    """
    if not len(table.rows):
        return np.empty((0, 3))
    flat = [column.reshape(len(column), math.prod(column.shape[1:])) for column in columns]
    found = summed(table.rows, *flat).reshape(-1, 3)
    if not (np.isfinite(found).all() and (np.abs(found) < _LARGE).all()):
        raise NoMomentsError("its moments are not finite, or too large")
    if (found[:, 2] < _SMALL).any():
        least = min((_least(column) for column in flat), default=1.0)
        # Zero they may be; but what has underflowed may not be small beside parameters.
        if table.powers * math.log(least) < math.log(_SMALL):
            raise NoMomentsError("its moments are too small")
    return found


def _least(column: Array) -> float:
    """Return the smallest size of an entry that is not zero, at most 1."""
    sizes = np.abs(column[column != 0.0])
    return min(1.0, float(sizes.min())) if sizes.size else 1.0


def moment_of(moment: Moment, places: Wholes, rows: Array) -> Array:
    """Return a moment: a pair and the sum of the absolute values, along the first axis."""
    found = np.moveaxis(rows[places], -1, 0)
    for _ in range(len(moment.axes) - moment.rank):
        found = _added(found)
    return np.ascontiguousarray(found)


def _added(pairs: Array) -> Array:
    """Return sums of pairs, and of absolute values, along the last axis."""
    width = 1 << max(0, pairs.shape[-1] - 1).bit_length()
    padded = np.zeros((*pairs.shape[:-1], width))
    padded[..., : pairs.shape[-1]] = pairs
    high, low, sizes = padded
    while width > 1:
        width //= 2
        one, other = high[..., :width], high[..., width:]
        total = one + other
        t = total - one
        low = low[..., :width] + low[..., width:] + ((one - (total - t)) + (other - t))
        high = total
    high, low = high[..., 0], low[..., 0]
    return np.stack([high, low, sizes.sum(axis=-1)])
