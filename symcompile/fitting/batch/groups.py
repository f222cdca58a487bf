"""Groups of points: which rows belong together, and how they lie in memory.

Each group is padded to a multiple of eight points by its last one with the weight zero, so that
loops over points run in whole vector registers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symcompile.arguments import Array, take_columns, to_array
from symcompile.errors import ArgumentValueError

Wholes = NDArray[np.intp]
LANES = 8


@dataclass(frozen=True, eq=False)
class Groups:
    """Which rows of a table are of which group.

    Attributes:
        keys: what the groups are called, in order: an array, or a list of tuples.
        names: the columns that the keys are from.
        codes: for each row the number of its group, or -1 where its key is missing.
        counts: how many rows each group has.
    """

    keys: Any
    names: tuple[str, ...]
    codes: Wholes
    counts: Wholes

    def __len__(self) -> int:
        return len(self.counts)

    @cached_property
    def order(self) -> Wholes:
        """The rows, group by group, in the order of the table within each."""
        order = np.argsort(self.codes, kind="stable")
        return order[len(order) - int(self.counts.sum()) :]

    @cached_property
    def first(self) -> Wholes:
        """Where each group starts among the ordered rows."""
        return np.cumsum(self.counts) - self.counts

    def sums(self, values: Array) -> Array:
        """Return the sum of the values of the rows of each group."""
        known = self.codes >= 0
        weights = values if known.all() else values[known]
        codes = self.codes if known.all() else self.codes[known]
        return np.bincount(codes, weights, minlength=len(self)).astype(np.float64)


def grouped(table: Any, by: str | Sequence[str], *, sort: bool) -> Groups:
    """Return the groups of rows that have the same keys; rows with a missing key are in none.

    Args:
        table: what gives columns by name.
        by: the column of the keys, or several.
        sort: whether groups are in the order of their keys, as pandas has them by default, or as
            they first appear. Keys that cannot be compared stay as they appear.
    """
    names = (by,) if isinstance(by, str) else tuple(by)
    if not names:
        raise ArgumentValueError("by: name the column whose values tell the groups apart")
    codes: Wholes | None = None
    keys: list[Any] = []
    for name in names:
        own, values = _coded(take_columns(table, (name,))[0], sort=sort)
        if own.ndim != 1:
            raise ArgumentValueError(f"by: the column {name} has more than one dimension")
        if codes is None:
            codes, keys = own, [values]
            continue
        if len(own) != len(codes):
            raise ArgumentValueError(f"by: the column {name} has another length than the others")
        both = np.where((codes < 0) | (own < 0), -1, codes * len(values) + own)
        codes, taken = _numbered(both, sort=sort)
        keys = [column[taken // len(values)] for column in keys] + [values[taken % len(values)]]
    assert codes is not None
    counts = np.bincount(codes[codes >= 0], minlength=len(keys[0])).astype(np.intp)
    found = keys[0] if len(names) == 1 else list(zip(*map(plain, keys), strict=True))
    return Groups(found, names, codes, counts)


def plain(keys: Any) -> list[Any]:
    """Return keys as objects of Python's, which are found again whatever they come from."""
    if isinstance(keys, list):
        return keys
    keys = np.asarray(keys)
    if keys.dtype.kind in "mM":  # nanoseconds would be whole numbers
        dates = keys.astype(f"{keys.dtype.kind}8[us]")
        exact = (dates == keys) | np.isnat(keys)
        return list(dates.tolist() if bool(np.all(exact)) else keys)
    return list(keys.tolist())


def _coded(column: Any, *, sort: bool) -> tuple[Wholes, Any]:
    """Return a number for each key, -1 where it is missing, and the distinct keys."""
    categories = getattr(getattr(column, "cat", None), "categories", None)
    if categories is not None and hasattr(column.cat, "codes"):  # in an order of their own
        found, taken = _numbered(np.asarray(column.cat.codes, np.intp), sort=sort)
        return found, np.asarray(categories)[taken]
    column = np.asarray(column)
    if column.ndim != 1:
        return column, column
    if column.dtype.kind == "O":
        missing = np.array([_absent(key) for key in column], bool)
        try:
            keys, codes = np.unique(column[~missing], return_inverse=True)
        except TypeError:
            return _appearing(column, missing)
    else:
        missing = np.isnat(column) if column.dtype.kind in "mM" else column != column
        keys, codes = _distinct(column[~missing] if missing.any() else column)
    found = np.full(len(column), -1, np.intp)
    found[~missing] = codes
    if sort:
        return found, keys
    found, taken = _numbered(found, sort=False)
    return found, keys[taken]


def _distinct(column: Any) -> tuple[Any, Any]:
    """Return the distinct entries in order, and which of them each is."""
    if len(column) and bool(np.all(column[1:] >= column[:-1])):  # sorted already, as most are
        new = np.concatenate([[True], column[1:] != column[:-1]])
        return column[new], np.cumsum(new) - 1
    keys, codes = np.unique(column, return_inverse=True)
    return keys, codes


def _absent(key: Any) -> bool:
    """Return whether a key is missing: None, NaN, or what pandas has for it."""
    try:
        return key is None or bool(key != key)
    except TypeError:
        return True


def _appearing(column: Any, missing: NDArray[np.bool_]) -> tuple[Wholes, Any]:
    """Return the same of keys that cannot be compared."""
    known: dict[Any, int] = {}
    codes = [
        -1 if absent else known.setdefault(key, len(known))
        for key, absent in zip(column, missing, strict=True)
    ]
    keys = np.empty(len(known), object)
    keys[:] = list(known)
    return np.array(codes, np.intp), keys


def _numbered(codes: Wholes, *, sort: bool) -> tuple[Wholes, Wholes]:
    """Return codes without gaps, and which of the codes before each is."""
    found, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    here = found >= 0
    order = np.flatnonzero(here) if sort else np.flatnonzero(here)[np.argsort(first[here])]
    number = np.full(len(found), -1, np.intp)
    number[order] = np.arange(len(order))
    return number[inverse], found[order].astype(np.intp)


@dataclass(frozen=True, eq=False)
class Points:
    """The points of all groups as the engines take them: padded, one group after the other.

    Attributes:
        start: where each group starts; the last entry is where all end.
        counts: how many points each has.
        y: what is fitted.
        weight: one over sigma, zero where there is no point; for all groups or, if it is as long
            as one group, the same for each.
        columns: the same of the columns of the model.
    """

    start: Wholes
    counts: Wholes
    y: Array
    weight: Array
    columns: tuple[Array, ...]

    def shared(self, column: Array) -> bool:
        """Return whether a column is the same for all groups."""
        return len(column) != len(self.y)

    @cached_property
    def sizes(self) -> Wholes:
        """How many points each group has, padded."""
        return np.diff(self.start)


def _padded(counts: Wholes) -> Wholes:
    return (counts + (LANES - 1)) // LANES * LANES


def gathered(groups: Groups, y: Array, sigma: Array | None, columns: Sequence[Array]) -> Points:
    """Return the points of groups of rows."""
    sizes = _padded(groups.counts)
    start = np.concatenate([[0], np.cumsum(sizes)]).astype(np.intp)
    within = np.arange(start[-1]) - np.repeat(start[:-1], sizes)
    last = np.repeat(groups.counts - 1, sizes)
    rows = groups.order[np.repeat(groups.first, sizes) + np.minimum(within, last)]
    with np.errstate(all="ignore"):
        weight = np.where(within <= last, 1.0 if sigma is None else 1.0 / sigma[rows], 0.0)
    return Points(start, groups.counts, y[rows], weight, tuple(column[rows] for column in columns))


def of_rows(count: int, y: Array, sigma: Array | None, columns: Sequence[Array]) -> Points:
    """Return the points of groups that are the rows of arrays ``(G, n)``; others are shared.

    Args:
        count: how many points each has, n.
        y: what is fitted, ``(G, n)``.
        sigma: ``(G, n)`` or ``(n,)``.
        columns: the same.
    """
    number, size = len(y), int(_padded(np.array([count], np.intp))[0])
    with np.errstate(all="ignore"):
        weight = np.ones(count) if sigma is None else 1.0 / sigma

    def laid(array: Array, *, zero: bool = False) -> Array:
        pad = [(0, 0)] * (array.ndim - 1) + [(0, size - count)]
        return np.ascontiguousarray(np.pad(array, pad, "constant" if zero else "edge")).ravel()

    start = np.arange(number + 1, dtype=np.intp) * size
    counts = np.full(number, count, np.intp)
    columns = tuple(laid(column) for column in columns)
    return Points(start, counts, laid(y), laid(weight, zero=True), columns)


def numbers(table: Any, names: Sequence[str]) -> tuple[Array, ...]:
    """Return columns of numbers, of any shapes.

    Raises:
        ArgumentTypeError: one holds something else.
        ArgumentValueError: there is no such column.
    """
    found = take_columns(table, names)
    return tuple(to_array(c, f"column {n}") for c, n in zip(found, names, strict=True))
