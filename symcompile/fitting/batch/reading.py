"""The points of all groups, read off a table, and what is wrong with those of some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from symcompile.arguments import Array, take_columns
from symcompile.errors import ArgumentValueError
from symcompile.fitting.batch.groups import Groups, Points, gathered, grouped, numbers, of_rows
from symcompile.fitting.batch.model import Model
from symcompile.fitting.problem import Problem
from symcompile.fitting.tables import column_names
from symcompile.frontend.walking import free_symbols

if TYPE_CHECKING:
    import sympy as sp


def points_of(
    table: Any, by: str | Sequence[str] | None, problem: Problem, model: Model, *, sort: bool
) -> tuple[Groups, Points]:
    """Return the groups, and their points in memory.

    Args:
        table: what gives columns by name.
        by: the columns that tell groups apart; None where they are rows of arrays.
        problem: says what is fitted, and sigma.
        model: says which columns it needs.
        sort: whether groups are in the order of their keys.

    Raises:
        ArgumentTypeError, ArgumentValueError: columns are missing, hold no numbers, or do not fit
            together.
    """
    names = problem.column_names
    given = dict(zip(names, numbers(table, names), strict=True))
    if by is not None:
        groups = grouped(table, by, sort=sort)
        shape: tuple[int, ...] = groups.codes.shape
        for name, column in given.items():
            if column.shape != shape:
                raise ArgumentValueError(
                    f"the column {name} has the shape {column.shape}, that of the groups {shape}"
                )
    else:
        shape = _rows_of_arrays(given)
        codes = np.zeros(0, np.intp)
        counts = np.full(shape[0], shape[1], np.intp)
        groups = Groups(np.arange(shape[0]), (), codes, counts)
    y = _evaluated(problem.response, given, shape)
    sigma = None if problem.sigma is None else _evaluated(problem.sigma, given, shape)
    columns = [given[name] for name in model.columns]
    if by is not None:
        return groups, gathered(groups, y, sigma, columns)
    return groups, of_rows(shape[1], np.broadcast_to(y, shape), sigma, columns)


def _rows_of_arrays(given: Mapping[str, Array]) -> tuple[int, int]:
    """Return how many groups and points there are, of arrays ``(n,)`` and ``(G, n)``."""
    wide = [column.shape for column in given.values() if column.ndim == 2]
    if not wide:
        raise ArgumentValueError(
            "by= names the column that tells the groups apart; without it, y is an array with a "
            "row for each group"
        )
    count, size = wide[0]
    for name, column in given.items():
        if column.shape not in (wide[0], (size,)):
            raise ArgumentValueError(
                f"{name} has the shape {column.shape}; {wide[0]} or ({size},) is needed"
            )
    if not size:
        raise ArgumentValueError("there are no points: the arrays are empty")
    return count, size


def _evaluated(formula: sp.Expr, given: Mapping[str, Array], shape: tuple[int, ...]) -> Array:
    """Return a formula in columns at every point; of arrays ``(n,)`` alone it is one too."""
    from symcompile.compiler import compile

    symbols = sorted(free_symbols(formula), key=str)
    if not symbols:
        return np.full(shape[-1:], float(formula))
    if len(symbols) == 1 and symbols[0] == formula:
        return given[formula.name]
    columns = np.broadcast_arrays(*(given[symbol.name] for symbol in symbols))
    kernel = compile(formula, data=symbols, backend="python", name="response")
    if not columns[0].size:
        return np.zeros(columns[0].shape)
    found = np.asarray(kernel.value([], *(column.ravel() for column in columns)))
    return found.reshape(columns[0].shape)


class Rows:
    """The rows of groups, for those who ask for the columns of one."""

    def __init__(self, table: Any, groups: Groups) -> None:
        self._table, self._groups = table, groups
        self._columns: dict[str, Any] = {}

    def group(self, number: int) -> Mapping[str, Any]:
        """Return the columns of a group."""
        groups = self._groups
        if not self._columns:
            names = column_names(self._table)
            found = take_columns(self._table, names)
            self._columns = {n: np.asarray(c) for n, c in zip(names, found, strict=True)}
        if not groups.names:
            return {n: c[number] if c.ndim > 1 else c for n, c in self._columns.items()}
        first = groups.first[number]
        rows = groups.order[first : first + groups.counts[number]]
        return {name: column[rows] for name, column in self._columns.items()}

    def first(self, name: str, what: str) -> Array:
        """Return a column at the first row of each group."""
        groups, (column,) = self._groups, numbers(self._table, (name,))
        if groups.names:
            return column[groups.order[groups.first]]
        if column.shape[:1] != (len(groups),):
            raise ArgumentValueError(f"{what}: {name} has not one row for each group")
        return column if column.ndim == 1 else column[:, 0]


def reasons_of(
    points: Points, start: Array, fixed: Array, model: Model, failed: Mapping[int, str]
) -> dict[int, str]:
    """Return why groups cannot be fitted, by their number; the first reason counts."""
    free, found = len(model.free), dict(failed)

    def note(bad: NDArray[np.bool_], text: str) -> None:
        for group in np.flatnonzero(bad).tolist():
            found.setdefault(group, text.format(n=points.counts[group]))

    few = "too few points for {free} parameters".replace("{free}", str(free))
    note(points.counts < free, few + ": {n}")
    note(~_finite(points, points.y), "y is not finite in some points")
    note(~_finite(points, points.weight, least=0.0), "sigma is not a positive number everywhere")
    for name, column in zip(model.columns, points.columns, strict=True):
        note(~_finite(points, column), f"{_plain(name)} is not finite in some points")
    for k, name in enumerate(model.free):
        note(~np.isfinite(start[:, k]), f"the start of {_plain(name)} is not finite")
    for k, name in enumerate(model.fixed):
        note(~np.isfinite(fixed[:, k]), f"the value of {_plain(name)} is not finite")
    return found


def _plain(name: str) -> str:
    return name.replace("{", "{{").replace("}", "}}")


def _finite(points: Points, column: Array, least: float | None = None) -> NDArray[np.bool_]:
    """Return for each group whether a column is finite, and nowhere below ``least``."""
    good = np.isfinite(column)
    if least is not None:
        good &= column >= least
    if points.shared(column):
        return np.full(len(points.counts), bool(good.all()))
    if good.all() or not len(points.counts):
        return np.ones(len(points.counts), np.bool_)
    return np.logical_and.reduceat(good, points.start[:-1])
