"""``fit_many``: one model, thousands of independent data sets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from symcompile.arguments import Array
from symcompile.errors import ArgumentTypeError, ArgumentValueError, BackendError
from symcompile.fitting.batch.found import Task
from symcompile.fitting.batch.given import Values, limits
from symcompile.fitting.batch.model import defined
from symcompile.fitting.batch.reading import Rows, points_of, reasons_of
from symcompile.fitting.batch.reporting import result_of
from symcompile.fitting.batch.result import FitManyResult, GroupFit
from symcompile.fitting.losses import least_squares
from symcompile.fitting.posing import Formula, pose
from symcompile.fitting.tables import column_names, open_table
from symcompile.options import Options

__all__ = ["FitManyResult", "GroupFit", "fit_many"]


def fit_many(
    model: Formula,
    data: Any,
    by: str | Sequence[str] | None = None,
    *,
    y: Formula = "y",
    start: Mapping[Any, Any] | Callable[[Mapping[str, Any]], Mapping[str, float]] | None = None,
    params: Sequence[Any] | None = None,
    sigma: Formula | None = None,
    absolute_sigma: bool = False,
    bounds: Mapping[Any, Any] | None = None,
    fixed: Mapping[Any, Any] | Iterable[Any] | None = None,
    backend: Literal["auto", "llvm", "python"] = "auto",
    threads: int | None = None,
    progress: bool | None = None,
    max_iterations: int = 200,
    sort: bool = True,
    options: Options | None = None,
) -> FitManyResult:
    """Fit a model by least squares to each of many groups of points.

    Each fit is Levenberg-Marquardt with the exact Jacobian, as MINPACK's (Moré 1978), and goes on
    until rounding stops it. All run in machine code, in threads; the numbers do not depend on how
    many there are. A group that cannot be fitted does not stop the others: it says why.

    Args:
        model: a SymPy expression, or a formula as text. Its symbols are parameters and columns.
        data: a table (a DataFrame, a mapping from names to arrays, the path of a CSV or Parquet
            file) in which ``by`` tells the groups apart, in any order and of any sizes; or, without
            ``by``, a mapping from names to arrays, where a row of an array ``(G, n)`` is a
            group's and arrays ``(n,)`` are shared by all, as pixels share their times.
        by: the column, or columns, whose values tell the groups apart. Rows where one is missing
            are left out, as pandas does.
        y: what is fitted: a column, or a formula in columns.
        start: where each parameter begins, by name: a number, or an array with one for each group
            in order, or a mapping from groups, the name of a column (whose value in the
            first row of a group is taken), or a function of the group's columns. One
            function may also return all, as a mapping. A parameter that is not named starts at 1;
            a start beyond a bound is moved to it.
        params: the parameters, names or symbols, in the order of the results; by default those of
            ``start`` and ``fixed``, then all other symbols that are no columns.
        sigma: the standard error of ``y``: a column, a formula in columns or a number. By default
            all points count the same.
        absolute_sigma: whether ``sigma`` is in the units of ``y``, so that covariances are not
            scaled by the residuals, as in ``scipy.optimize.curve_fit``.
        bounds: pairs ``(low, high)`` by name, None standing for no bound.
        fixed: values of parameters that are not fitted, each given as in ``start``, which need not
            name them; or the names of those that stay at their start.
        backend: ``"llvm"``, ``"python"`` (NumPy, all groups side by side), or ``"auto"`` for the
            first where it works.
        threads: how many threads may be used; None takes ``SYMCOMPILE_NUM_THREADS``,
            ``OMP_NUM_THREADS`` or the number of processors.
        progress: whether a bar is shown on the terminal; None shows one where that takes long.
        max_iterations: how many steps a fit may try.
        sort: whether groups are in the order of their keys, or as they first appear.
        options: where the cache is.

    Returns:
        The fits: ``result.params["a"]`` is an array over groups, ``result.frame`` a pandas
        DataFrame with a row for each, ``result[group]`` one of them, ``result.failures`` what
        went wrong where.

    Raises:
        ArgumentTypeError, ArgumentValueError: an argument is not of the form above.
        ParseError, DefinitionError, LoweringError: the model is no formula, or cannot be compiled.
        BackendError: the backend is not there.

    Example:
        >>> import numpy as np, symcompile as sc
        >>> x = np.linspace(0, 4, 20)
        >>> a, b = np.array([[2.0], [3.0]]), np.array([[0.5], [1.5]])
        >>> fits = sc.fit_many("a*exp(-b*x)", {"x": x, "y": a*np.exp(-b*x)}, y="y",
        ...                    start={"a": 1, "b": 1}, backend="python")
        >>> fits.params["b"].round(6).tolist()
        [0.5, 1.5]
        >>> fits.failures
        {}
    """
    from symcompile.build.progress import counted

    chosen = _options(options, threads, backend, max_iterations)
    table = open_table(data)
    named = fixed is not None and not isinstance(fixed, Mapping)
    names = column_names(table)
    problem = pose(
        model,
        names,
        _named(y, names),
        loss=least_squares(),
        params=params,
        start={} if callable(start) else dict.fromkeys(_mapping(start, "start"), 1.0),
        fixed=list(fixed) if isinstance(fixed, Mapping) else fixed,
        sigma=None if sigma is None else _named(sigma, names),
    )
    whole = defined(problem)
    groups, points = points_of(table, by, problem, whole, sort=sort)
    low, high = limits(bounds, whole.free)
    rows = Rows(table, groups)
    values = Values("start", groups.keys, rows.group, rows.first)
    begin = _stacked(values.read(start or {}, whole.free), whole.free, len(groups))
    others = Values("fixed", groups.keys, rows.group, rows.first)
    constant = _stacked(
        others.read((start if named else fixed) or {}, whole.fixed), whole.fixed, len(groups)
    )
    reasons = reasons_of(points, begin, constant, whole, values.failed | others.failed)
    able = np.ones(len(groups), np.bool_)
    able[list(reasons)] = False
    task = Task(whole, points, able, begin, constant, low, high, max_iterations)
    engine = _engine(backend)
    with counted(f"fitting {len(groups)} groups", len(groups), progress) as advance:
        if engine == "llvm":
            from symcompile.fitting.batch.compiled import fit_compiled

            found = fit_compiled(task, chosen, advance)
        else:
            from symcompile.fitting.batch.arrays import fit_arrays

            found = fit_arrays(task, chosen, advance)
    return result_of(task, groups, found, reasons, engine, chosen, scaled=not absolute_sigma)


def _options(
    options: Options | None, threads: int | None, backend: str, max_iterations: int
) -> Options:
    if backend not in ("auto", "llvm", "python"):
        raise BackendError(f"fit_many has the backends auto, llvm and python, not {backend!r}")
    steps: object = max_iterations
    if not isinstance(steps, int) or isinstance(steps, bool) or steps < 1:
        raise ArgumentValueError(f"max_iterations={max_iterations!r}: a whole number is needed")
    return (options or Options()).with_threads(threads)


def _engine(backend: str) -> Literal["llvm", "python"]:
    from symcompile.build.cpu import has_llvm
    from symcompile.build.versions import installed_version

    there = has_llvm() and installed_version("llvmlite") is not None
    if backend == "llvm" and not there:
        raise BackendError('backend="llvm" needs llvmlite here; backend="python" needs nothing')
    return "llvm" if there and backend != "python" else "python"


def _named(given: Formula, names: Sequence[str]) -> Formula:
    """Return a formula; a column may have a name that is none."""
    from sympy import Symbol

    return Symbol(given) if isinstance(given, str) and given in names else given


def _mapping(given: Any, what: str) -> Mapping[Any, Any]:
    if given is not None and not isinstance(given, Mapping):
        raise ArgumentTypeError(
            f"{what} is a mapping by name of the parameter, not {type(given).__name__}"
        )
    return given or {}


def _stacked(values: Mapping[str, Array], names: Sequence[str], count: int) -> Array:
    found = np.empty((count, len(names)))
    for k, name in enumerate(names):
        found[:, k] = values[name]
    return found
