"""``curve_fit``: SciPy's call, with exact derivatives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp

from symcompile.arguments import Array, is_table, to_array
from symcompile.errors import ArgumentTypeError, ArgumentValueError
from symcompile.fitting.api import fit
from symcompile.fitting.posing import natural
from symcompile.fitting.tracing import trace, variables_of
from symcompile.frontend.parse import parse
from symcompile.frontend.walking import free_symbols

if TYPE_CHECKING:
    from symcompile.compiler import BackendName


def curve_fit(
    f: Callable[..., Any] | sp.Expr | str,
    xdata: Any,
    ydata: Any,
    p0: Sequence[float] | Mapping[Any, float] | None = None,
    sigma: Any = None,
    absolute_sigma: bool = False,
    check_finite: bool = True,
    bounds: Any = (-np.inf, np.inf),
    *,
    x: str | Sequence[str] = "x",
    full_output: bool = False,
    backend: BackendName = "auto",
) -> Any:
    """Fit a function to data; called as ``scipy.optimize.curve_fit`` is.

    Args:
        f: a formula, or ``f(x, a, b, ...)`` in NumPy's operators and functions: it is called once,
            with symbols, and becomes a formula.
        xdata: shape ``(n,)``, ``(k, n)`` for ``k`` variables, or a table with a column for each.
        ydata: shape ``(n,)``.
        p0: where to start, in the order of the function's arguments, or of the names of a
            formula's parameters (``b2`` before ``b10``); or by name. 1 for each by default.
        sigma: standard errors of ``ydata``: a number or shape ``(n,)``.
        absolute_sigma: whether they are known, not merely up to a factor.
        check_finite: data are always checked; False is refused.
        bounds: two sequences or numbers, lower and upper.
        x: names of a formula's independent variables.
        full_output: whether to return the result of :func:`~symcompile.fit` too.
        backend: as for :func:`~symcompile.compile`.

    Returns:
        The parameters, shape ``(P,)``, and their covariance, shape ``(P, P)``; with
        ``full_output`` the result as well.

    Raises:
        ArgumentTypeError: the function does what no formula says.
        ArgumentValueError: something does not fit the model.
        RuntimeError: the fit did not converge, as with SciPy. With ``full_output`` it is returned.

    Example:
        >>> import numpy as np, symcompile as sc
        >>> x = np.linspace(0, 4, 9)
        >>> best, covariance = sc.curve_fit(lambda x, a, b: a*np.exp(-b*x), x, 2*np.exp(-0.5*x))
        >>> best.round(9).tolist()
        [2.0, 0.5]
    """
    if not check_finite:
        raise ArgumentValueError("check_finite=False: a fit to NaN has no answer; drop such rows")
    columns = _independent(xdata)
    given = [x] if isinstance(x, str) else list(x)
    if callable(f) and not isinstance(f, sp.Basic):
        rows = None if isinstance(columns, np.ndarray) and columns.ndim == 1 else len(columns)
        if isinstance(columns, Mapping):
            raise ArgumentTypeError("with a function xdata are numbers; a table needs a formula")
        model, variables, names = trace(f, rows)
    else:
        model = parse(f) if isinstance(f, str) else f
        variables = list(columns) if isinstance(columns, Mapping) else variables_of(model, given)
        there = {symbol.name for symbol in free_symbols(model)} - set(variables)
        names = sorted(there, key=natural)
    table = _table(columns, variables)
    start = _start(p0, names)
    result = fit(
        model,
        table,
        to_array(ydata, "ydata"),
        params=names,
        start=start,
        sigma=sigma,
        absolute_sigma=absolute_sigma,
        bounds=_bounds(bounds, names),
        backend=backend,
    )
    if not result.success and not full_output:
        raise RuntimeError(f"Optimal parameters not found: {result.message}")
    best = np.array([result.params[name] for name in names])
    both = best, np.asarray(result.covariance)
    return (*both, result) if full_output else both


def _independent(xdata: Any) -> Any:
    if is_table(xdata):
        names = xdata.dtype.names if isinstance(xdata, np.ndarray) else list(xdata)
        return {str(name): xdata[name] for name in names}
    array = to_array(xdata, "xdata")
    if array.ndim not in (1, 2):
        raise ArgumentValueError(f"xdata have shape {array.shape}; they take (n,) or (k, n)")
    return array


def _table(columns: Any, variables: Sequence[str]) -> Mapping[str, Array]:
    if isinstance(columns, Mapping):
        return columns
    rows = columns.reshape(1, -1) if columns.ndim == 1 else columns
    if len(rows) != len(variables):
        raise ArgumentValueError(
            f"xdata have {len(rows)} rows for {len(variables)} variables: name them with x="
        )
    return dict(zip(variables, rows, strict=True))


def _start(p0: Any, names: Sequence[str]) -> Mapping[Any, float] | None:
    if p0 is None or isinstance(p0, Mapping):
        return p0
    values = np.atleast_1d(to_array(p0, "p0"))
    if values.shape != (len(names),):
        raise ArgumentValueError(
            f"p0 has shape {values.shape}; it takes {len(names)} numbers, for {', '.join(names)}"
        )
    return dict(zip(names, values.tolist(), strict=True))


def _bounds(bounds: Any, names: Sequence[str]) -> Mapping[Any, Any]:
    if isinstance(bounds, Mapping):
        return bounds
    if hasattr(bounds, "lb"):  # scipy.optimize.Bounds
        bounds = bounds.lb, bounds.ub
    try:
        low, high = (np.broadcast_to(np.asarray(one, float), len(names)) for one in bounds)
    except (TypeError, ValueError) as error:
        raise ArgumentValueError(
            f"bounds are (lower, upper), each a number or one for each of {', '.join(names)}"
        ) from error
    pairs = zip(low.tolist(), high.tolist(), strict=True)
    return dict(zip(names, pairs, strict=True))
