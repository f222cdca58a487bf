"""``fit``: the model, the data and where to start become a result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp

from symcompile.arguments import Array, listed, to_array
from symcompile.errors import ArgumentTypeError, ArgumentValueError
from symcompile.fitting.criterion import Criterion
from symcompile.fitting.losses import Loss, as_loss
from symcompile.fitting.memory import InMemory
from symcompile.fitting.minimising import Minimiser
from symcompile.fitting.partitioned import Partitioned
from symcompile.fitting.posing import Formula, pose
from symcompile.fitting.separable import linear_parameters
from symcompile.fitting.tables import column_names, columns_of, open_table
from symcompile.fitting.totals import require_support
from symcompile.partitions.sources import source_of

if TYPE_CHECKING:
    from symcompile.compiler import BackendName
    from symcompile.fitting.result import FitResult


def fit(
    model: Formula,
    data: Any = None,
    y: Any = "y",
    *,
    params: Iterable[Any] | None = None,
    start: Mapping[Any, Any] | None = None,
    loss: str | Loss | Any = "least_squares",
    sigma: Any = None,
    absolute_sigma: bool = False,
    weights: Any = None,
    bounds: Mapping[Any, Any] | None = None,
    fixed: Mapping[Any, Any] | Iterable[Any] | None = None,
    tied: Mapping[Any, Formula] | None = None,
    penalty: Any = 0,
    starts: int = 1,
    seed: int = 0,
    method: str = "auto",
    max_iterations: int | None = None,
    backend: BackendName = "auto",
    threads: int | None = None,
    progress: bool | None = None,
) -> FitResult:
    """Fit a model to data: parameters with standard errors, and all that follows from them.

    The derivatives are exact and compiled. Sums of squares are minimised with Gauss-Newton and
    Newton steps from a QR factorisation of the Jacobian, until steps are at the level of rounding;
    other losses with their exact Hessian.

    Args:
        model: the prediction of a sample: a SymPy expression, or text as ``sc.parse`` reads it.
            Symbols that are no columns are parameters.
        data: a pandas or polars DataFrame, a mapping of arrays, each of shape ``(n,)``, or the
            path of a CSV or Parquet file. What is larger than memory is read in parts, once for
            each pass: a folder of Parquet files, a Dask DataFrame, or a mapping of Dask arrays.
        y: the response: a column, a formula in columns such as ``"log(y)"``, or an array ``(n,)``.
        params: names of the parameters, where symbols that are no columns do not say it all, such
            as a parameter with the name of a column.
        start: numbers by name. A parameter without one starts at 1, or within its bounds;
            parameters in which the model is linear need none.
        loss: ``"least_squares"``, another name in ``sc.losses``, one of its losses with settings,
            or a function that returns a formula from a prediction and a response.
        sigma: the standard error of each response: a number, a column, a formula in columns or an
            array. Residuals are divided by it.
        absolute_sigma: whether ``sigma`` is known, not merely up to a factor; as in
            ``scipy.optimize.curve_fit``.
        weights: how much a sample counts: a column, a formula in columns or an array.
        bounds: ``(lower, upper)`` by name; None for no bound.
        fixed: numbers by name, or names of parameters that stay at their start.
        tied: formulas in parameters by name, such as ``{"b": "2*a"}``.
        penalty: a formula in parameters that is added to the sum, or one of ``sc.losses.ridge``,
            ``lasso`` and ``elastic_net``.
        starts: how many starts to try; those after the first are drawn around it, or within the
            bounds.
        seed: of the draws.
        method: ``"auto"``, or a method of ``scipy.optimize.minimize``.
        max_iterations: how many steps one start may take.
        backend: as for :func:`~symcompile.compile`.
        threads: how many threads a pass over the data may use.
        progress: whether to show a bar; by default where it takes long and there is a terminal.

    Returns:
        The result: ``params`` and ``stderr`` by name, ``report()``, ``predict()``, ``plot()`` and
        more. A fit that did not converge is returned with ``success`` False and says why.

    Raises:
        ParseError: a text is no formula.
        ArgumentTypeError, ArgumentValueError: something does not fit the model; the message says
            what to do.

    Example:
        >>> import symcompile as sc
        >>> data = {"x": [0, 1, 2, 3], "y": [1.0, 3.1, 4.9, 7.0]}
        >>> result = sc.fit("a + b*x", data)
        >>> {name: round(value, 6) for name, value in result.params.items()}
        {'a': 1.03, 'b': 1.98}
    """
    from symcompile.fitting.result import FitResult

    chosen = as_loss(loss)
    source = source_of(data)
    table = {} if source is not None else open_table(data)
    arrays: dict[str, Array] = {}
    names = list(column_names(table) if source is None else source.names)
    formulas = {
        what: _formula(given, what, names, arrays)
        for what, given in (("y", y), ("sigma", sigma), ("weights", weights))
    }
    problem = pose(
        model,
        [*names, *arrays],
        formulas["y"],
        loss=chosen,
        params=params,
        start=start,
        bounds=bounds,
        fixed=fixed,
        tied=tied,
        sigma=formulas["sigma"],
        weights=formulas["weights"],
        penalty=penalty,
    )
    criterion: Criterion
    if source is None:
        columns = _columns(table, problem.column_names, arrays)
        criterion = InMemory(problem, columns, len(columns[0]), backend, threads)
    else:
        if arrays:
            raise ArgumentTypeError(
                f"{listed(list(arrays))} is an array, and the data are {source.kind}: make it a "
                "column of theirs"
            )
        every = linear_parameters(problem.model, problem.params, ~problem.fixed) | problem.fixed
        criterion = Partitioned(
            problem,
            source,
            backend,
            threads=threads,
            linear=bool(every.all()),
            progress=progress,
        )
    require_support(problem, criterion)
    minimiser = Minimiser(problem, criterion, method, max_iterations)
    solution = minimiser.from_starts(starts, seed, progress)
    return FitResult(problem, criterion, solution, minimiser, absolute_sigma=absolute_sigma)


def _formula(given: Any, what: str, names: list[str], arrays: dict[str, Array]) -> Any:
    """Return a formula in columns; an array becomes a column with a name of its own."""
    if given is None or isinstance(given, str | sp.Basic):
        # A column may have a name that is no formula.
        return sp.Symbol(given) if isinstance(given, str) and given in names else given
    array = to_array(given, what)
    if array.ndim == 0:
        return float(array)
    if array.ndim != 1:
        raise ArgumentValueError(f"{what} has shape {array.shape}; it is one number a sample, (n,)")
    name = what
    while name in names:
        name += "_"
    arrays[name] = array
    return sp.Symbol(name)


def _columns(table: Any, names: tuple[str, ...], arrays: Mapping[str, Array]) -> tuple[Array, ...]:
    """Return the columns that are needed, each of shape ``(n,)``, and check that they are finite.

    Raises:
        ArgumentValueError: lengths differ, or a sample is not finite.
    """
    if not names:
        raise ArgumentTypeError("neither model nor response holds a column: give y= and data")
    given = {name: arrays[name] for name in names if name in arrays}
    from_table = [name for name in names if name not in given]
    given.update(zip(from_table, columns_of(table, from_table), strict=True))
    lengths = {len(column) for column in given.values()}
    if len(lengths) > 1:
        sizes = ", ".join(f"{name} has {len(column)}" for name, column in given.items())
        raise ArgumentValueError(f"columns differ in length: {sizes}")
    for name, column in given.items():
        bad = np.flatnonzero(~np.isfinite(column))
        if len(bad):
            raise ArgumentValueError(
                f"column {name} is {column[bad[0]]} in row {bad[0]}"
                + (f" and in {len(bad) - 1} more" if len(bad) > 1 else "")
                + ": drop such rows, or give them a weight of 0 and any number"
            )
    return tuple(given[name] for name in names)
