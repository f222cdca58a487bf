"""A fit as a picture: data, curve and band, and residuals below."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from symcompile.arguments import Array
from symcompile.errors import ArgumentTypeError, ArgumentValueError, BackendError
from symcompile.fitting.inference import require_level

if TYPE_CHECKING:
    from symcompile.fitting.result import FitResult

#: Colours that stay apart for any eyes, and in grey (Okabe and Ito).
_DATA, _FIT = "#555555", "#0072b2"
#: Above so many samples points are small and pale.
_MANY: Final = 500
#: Above so many they are counted in hexagons.
_TOO_MANY: Final = 20_000


def draw(result: FitResult, path: str | Path | None, level: float, axes: Any = None) -> Any:
    """Return the figure of a fit; see :meth:`~symcompile.FitResult.plot`."""
    require_level(level)
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise BackendError('pictures need matplotlib: pip install "symcompile[demo]"') from error
    table = result.table  # says so where the data are not in memory
    names = result.kernels.prediction.data
    if axes is None:
        figure = Figure(figsize=(7, 5.5), layout="constrained")
        FigureCanvasAgg(figure)
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    else:
        above, below = _two(axes)
        figure = above.get_figure()
    if len(names) == 1:
        x = table[names[0]]
        _curve(result, above, names[0], x, level)
        label = names[0]
    else:
        x = result.fitted
        label = "predicted"
        ends = [min(x.min(), result.observed.min()), max(x.max(), result.observed.max())]
        above.plot(ends, ends, color=_FIT, lw=1.5, zorder=3, label="predicted = observed")
    _points(result, above, x, result.observed, label="data")
    _points(result, below, x, result.residuals, label=None)
    below.axhline(0, color=_FIT, lw=1.5)
    response = _plain(str(result.problem.response))
    above.set_ylabel(response)
    below.set_ylabel("residual")
    below.set_xlabel(_plain(label))
    legend = above.legend(frameon=False)
    for handle in legend.legend_handles:
        if not hasattr(handle, "get_facecolor"):  # points too pale to be seen alone
            handle.set_alpha(None)
    if not result.success:
        above.set_title("not converged", color="#d55e00")
    for one in (above, below):
        one.spines[["top", "right"]].set_visible(False)
    if path is not None:
        _save(figure, Path(path))
    return figure


def _two(axes: Any) -> tuple[Any, Any]:
    try:
        above, below = axes
    except (TypeError, ValueError):
        above = below = None
    if not (hasattr(above, "errorbar") and hasattr(below, "errorbar")):
        raise ArgumentTypeError(
            "axes are two of matplotlib's: for data and fit, and for residuals, as in "
            "plot(axes=plt.subplots(2)[1])"
        )
    return above, below


def _curve(result: FitResult, axes: Any, name: str, x: Array, level: float) -> None:
    grid = np.linspace(x.min(), x.max(), 400)
    grid[-1] = x.max()
    try:
        found = result.predict({name: grid}, "confidence", level)
        finite = np.isfinite(found.lower) & np.isfinite(found.upper)
    except ArgumentValueError:
        found, finite = None, np.zeros(len(grid), bool)
    if finite.any():
        label = f"{100 * level:g}% confidence"
        axes.fill_between(
            grid, found.lower, found.upper, where=finite, color=_FIT, alpha=0.25, lw=0, label=label
        )
    axes.plot(grid, result.predict({name: grid}), color=_FIT, lw=1.5, zorder=3, label="fit")


def _points(result: FitResult, axes: Any, x: Array, y: Array, label: str | None) -> None:
    if len(x) > _TOO_MANY:
        axes.hexbin(x, y, gridsize=80, bins="log", cmap="Greys", mincnt=1, lw=0, rasterized=True)
        return
    many = len(x) > _MANY
    size, alpha = (2.0, max(0.1, 0.5 * (_MANY / len(x)) ** 0.5)) if many else (4.0, 0.9)
    errors = None if many else _errors(result)
    axes.errorbar(
        x,
        y,
        yerr=errors,
        fmt="o",
        ms=size,
        mew=0,
        alpha=alpha,
        color=_DATA,
        elinewidth=0.8,
        label=label,
        rasterized=many,
    )


def _errors(result: FitResult) -> Array | None:
    """Return ``sigma`` of each sample, if there is one."""
    from symcompile.compiler import compile
    from symcompile.frontend.definition import define

    sigma = result.problem.sigma
    if sigma is None:
        return None
    definition = define("sigma", sigma, data=result.problem.columns)
    value = compile(definition, backend="python").value([], *result.table.values())
    return np.asarray(np.abs(np.broadcast_to(value, result.criterion.n)))


def _plain(label: str) -> str:
    """Return a label that matplotlib takes as text, not as mathematics."""
    return label.replace("$", r"\$")


def _save(figure: Any, path: Path) -> None:
    known = figure.canvas.get_supported_filetypes()
    kind = path.suffix.lower().lstrip(".")
    if kind not in known:
        raise ArgumentValueError(
            f"{path.name} has no suffix of a picture: it is one of {', '.join(sorted(known))}"
        )
    metadata = {"Date": None} if kind == "svg" else None
    figure.savefig(path, dpi=150, metadata=metadata)
