"""What many fits found: arrays over groups, a table, one group, and predictions."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from symcompile.arguments import Array, listed, take_columns
from symcompile.errors import ArgumentValueError, BackendError
from symcompile.fitting.batch.groups import numbers, plain
from symcompile.fitting.batch.model import Model
from symcompile.fitting.tables import open_table
from symcompile.options import Options

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 5


@dataclass(frozen=True)
class GroupFit:
    """The fit of one group.

    Attributes:
        group: what the group is called.
        params: the parameters by name; those that are fixed as well.
        stderr: their standard errors: 0 of a fixed one, NaN of one at its bound, infinity where
            the data do not determine it.
        covariance: of the parameters, in their order.
        chi2: the sum of the squares of the residuals, divided by sigma where that is given.
        r2: which part of the variance of y the model explains.
        n: how many points the group has.
        iterations: how many steps were tried.
        success: whether the parameters can be used.
        message: how the fit ended.
    """

    group: Any
    params: Mapping[str, float]
    stderr: Mapping[str, float]
    covariance: Array
    chi2: float
    r2: float
    n: int
    iterations: int
    success: bool
    message: str

    def __repr__(self) -> str:
        lines = [
            f"{name} = {value:.6g} +- {self.stderr[name]:.2g}"
            for name, value in self.params.items()
        ]
        ending = f"n={self.n}, chi2={self.chi2:.4g}, r2={self.r2:.4g}: {self.message}"
        return "\n".join([f"group {self.group!r}", *lines, ending])


class FitManyResult:
    """The fits of all groups, in order. Made by :func:`symcompile.fit_many`.

    ``result[group]`` is the :class:`GroupFit` of one group, ``len(result)`` their number; it
    iterates over the groups.

    Attributes:
        groups: what the groups are called: an array, or a list of tuples where they are told apart
            by several columns.
        params: for each parameter an array ``(G,)``; those that are fixed as well. NaN in groups
            that could not be fitted at all.
        stderr: the same of their standard errors: 0 of fixed parameters, NaN of those at a bound,
            infinity where the data do not determine them.
        covariances: of the parameters, ``(G, P, P)``.
        chi2: the sums of the squares of the residuals, divided by sigma where that is given.
        r2: which part of the variance of y the model explains.
        n: how many points each group has.
        iterations: how many steps were tried.
        success: whether the parameters can be used.
        messages: how each fit ended.
        backend: which engine it was, ``"llvm"`` or ``"python"``.
    """

    def __init__(
        self,
        model: Model,
        by: tuple[str, ...],
        groups: Any,
        values: Array,
        covariances: Array,
        statistics: Mapping[str, NDArray[Any]],
        messages: tuple[str, ...],
        backend: str,
        options: Options,
    ) -> None:
        """Hold what was found.

        Args:
            model: the model.
            by: the columns that tell groups apart; none where they are rows of arrays.
            groups: what they are called.
            values: the parameters, ``(G, P)``.
            covariances: theirs.
            statistics: ``chi2``, ``r2``, ``n``, ``iterations`` and ``success``.
            messages: how each fit ended.
            backend: the engine.
            options: where the cache is.
        """
        self._model, self._by, self._options = model, by, options
        self.groups, self.backend = groups, backend
        self.messages, self.covariances = messages, covariances
        diagonal = np.einsum("gpp->gp", covariances)
        with np.errstate(invalid="ignore"):
            errors = np.sqrt(diagonal)
        names = model.params
        self.params: Mapping[str, Array] = {n: values[:, k] for k, n in enumerate(names)}
        self.stderr: Mapping[str, Array] = {n: errors[:, k] for k, n in enumerate(names)}
        self.chi2: Array = statistics["chi2"]
        self.r2: Array = statistics["r2"]
        self.n: NDArray[np.intp] = statistics["n"]
        self.iterations: NDArray[np.intp] = statistics["iterations"]
        self.success: NDArray[np.bool_] = statistics["success"]

    # -- groups ----------------------------------------------------------------------------

    @cached_property
    def _places(self) -> dict[Any, int]:
        return {group: k for k, group in enumerate(self._keys)}

    @cached_property
    def _keys(self) -> list[Any]:
        return plain(self.groups)

    def _place(self, group: Any) -> int:
        try:
            return self._places[group]
        except (KeyError, TypeError):
            found = self._places.get(getattr(group, "tolist", lambda: None)())
            if found is None:
                raise ArgumentValueError(
                    f"there is no group {group!r}; there is {listed(self._keys)}"
                ) from None
            return found

    def __len__(self) -> int:
        return len(self.n)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._keys)

    def __contains__(self, group: object) -> bool:
        try:
            return group in self._places
        except TypeError:
            return False

    def __getitem__(self, group: Any) -> GroupFit:
        """Return the fit of one group.

        Raises:
            ArgumentValueError: there is no such group.
        """
        k = self._place(group)
        return GroupFit(
            self._keys[k],
            {name: float(values[k]) for name, values in self.params.items()},
            {name: float(values[k]) for name, values in self.stderr.items()},
            self.covariances[k],
            float(self.chi2[k]),
            float(self.r2[k]),
            int(self.n[k]),
            int(self.iterations[k]),
            bool(self.success[k]),
            self.messages[k],
        )

    def covariance(self, group: Any) -> Array:
        """Return the covariance of the parameters of one group, ``(P, P)``.

        Raises:
            ArgumentValueError: there is no such group.
        """
        found: Array = self.covariances[self._place(group)]
        return found

    @cached_property
    def failures(self) -> Mapping[Any, str]:
        """What went wrong, by group; only groups whose parameters cannot be used are in it."""
        return {self._keys[k]: self.messages[k] for k in np.flatnonzero(~self.success).tolist()}

    # -- tables ----------------------------------------------------------------------------

    @cached_property
    def frame(self) -> pd.DataFrame:
        """A pandas DataFrame with a row for each group, which is its index.

        Its columns are the parameters, ``NAME_stderr`` for each, then ``chi2``, ``r2``, ``n``,
        ``iterations``, ``success`` and ``message``. One of these that is called like a parameter
        has ``fit_`` before its name.

        Raises:
            BackendError: pandas is missing.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise BackendError("frame needs pandas: pip install pandas") from error
        columns: dict[str, Any] = dict(self.params)
        more = {f"{name}_stderr": error for name, error in self.stderr.items()}
        more |= {"chi2": self.chi2, "r2": self.r2, "n": self.n, "iterations": self.iterations}
        more |= {"success": self.success, "message": np.array(self.messages, object)}
        columns |= {f"fit_{name}" if name in columns else name: v for name, v in more.items()}
        if len(self._by) > 1:
            index: Any = pd.MultiIndex.from_tuples(self._keys, names=self._by)
        else:
            index = pd.Index(self.groups, name=self._by[0] if self._by else "group")
        return pd.DataFrame(columns, index=index)

    # -- predictions -----------------------------------------------------------------------

    def predict(self, data: Any) -> Array:
        """Return the fitted model at new points.

        Args:
            data: a table with the model's columns and the one of the groups. Where groups are rows
                of arrays, a mapping from the model's columns to arrays ``(n,)`` or ``(G, n)``.

        Returns:
            One number for each row of the table, NaN where its group is none that was fitted; or
            an array ``(G, n)``.

        Raises:
            ArgumentTypeError, ArgumentValueError: a column is missing, or is none of numbers.
        """
        table = open_table(data)
        columns = numbers(table, self._model.columns)
        if self._by:
            place = self._rows(table)
            if any(column.shape != place.shape for column in columns):
                raise ArgumentValueError("predict: the columns differ in length")
            known = place >= 0
            found = np.full(len(place), np.nan)
            found[known] = self._at([column[known] for column in columns], place[known])
            return found
        try:
            shape = np.broadcast_shapes((len(self), 1), *(column.shape for column in columns))
        except ValueError:
            shape = ()
        if len(shape) != 2 or shape[0] != len(self):
            raise ArgumentValueError(f"predict: arrays (n,) or ({len(self)}, n) are needed")
        place = np.repeat(np.arange(len(self)), shape[1])
        wide = [np.broadcast_to(column, shape).ravel() for column in columns]
        return self._at(wide, place).reshape(shape)

    def _rows(self, table: Any) -> NDArray[np.intp]:
        columns = [plain(column) for column in take_columns(table, self._by)]
        keys = columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))
        return np.array([self._places.get(key, -1) for key in keys], np.intp)

    def _at(self, columns: list[Array], place: Any) -> Array:
        if not len(place):
            return np.zeros(0)
        values = {name: values[place] for name, values in self.params.items()}
        with np.errstate(all="ignore"):
            return self._model.rows(columns, values, self._options)[:, 0].copy()

    # -- in short --------------------------------------------------------------------------

    def _lines(self) -> list[str]:
        good = int(np.sum(self.success))
        lines = [f"{len(self)} fits of {len(self._model.free)} parameters, {good} succeeded"]
        for message, count in Counter(self.failures.values()).most_common(_SHOWN):
            lines.append(f"{count} failed: {message}")
        return lines

    def _summary(self) -> list[tuple[str, str, str]]:
        rows = []
        for name in self._model.params:
            values, errors = self.params[name][self.success], self.stderr[name][self.success]
            errors = errors[np.isfinite(errors)]
            if len(values):
                low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
                middle_error = f"{np.median(errors):.2g}" if len(errors) else "none"
                rows.append((name, f"{middle:.6g} ({low:.6g} to {high:.6g})", middle_error))
        return rows

    def __repr__(self) -> str:
        lines = self._lines()
        for name, spread, error in self._summary():
            lines.append(f"{name}: median {spread}, median standard error {error}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head = "<br>".join(html.escape(line) for line in self._lines())
        cells = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self._summary()
        )
        titles = ("parameter", "median (quartiles)", "median standard error")
        top = "".join(f"<th>{title}</th>" for title in titles)
        return f"<p>{head}</p><table><tr>{top}</tr>{cells}</table>"
