"""A picture of the data and the fitted line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INK = "#22303c"
_SOFT = "#7b8794"
_MUTED = "#52606d"
_POINTS = "#3b7dd8"
_LINE = "#c8452d"

_STYLE: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.edgecolor": _SOFT,
    "axes.labelcolor": _INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": _INK,
    "xtick.color": _SOFT,
    "ytick.color": _SOFT,
    "xtick.labelcolor": _INK,
    "ytick.labelcolor": _INK,
    "svg.hashsalt": "symcompile",
}


def draw(
    path: Path,
    X: NDArray[np.float64],
    Y: NDArray[np.float64],
    w: Sequence[float],
    loss: float,
) -> None:
    """Draw the samples and the line, and save the picture.

    Args:
        path: where to; the ending decides the format.
        X: lengths in millimetres, shape (n,).
        Y: scale densities, shape (n,).
        w: intercept and slope of the line.
        loss: the mean squared error.

    Raises:
        ImportError: matplotlib is not installed.
        OSError: the file cannot be written.
        ValueError: matplotlib does not know the ending.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    style: Any = _STYLE  # matplotlib's type for it is a list of every setting there is
    with rc_context(style):
        figure = Figure(figsize=(6.4, 4.2), dpi=200, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        _fill(axes, X, Y, w, loss)
        figure.savefig(path, pad_inches=0.2, bbox_inches="tight")


def _fill(
    axes: Axes,
    X: NDArray[np.float64],
    Y: NDArray[np.float64],
    w: Sequence[float],
    loss: float,
) -> None:
    margin = 0.04 * float(np.ptp(X))
    ends = np.array([X.min() - margin, X.max() + margin])
    line = w[0] + w[1] * ends
    spread = loss**0.5
    axes.fill_between(ends, line - spread, line + spread, color=_LINE, alpha=0.09, lw=0)
    axes.scatter(X, Y, s=20, color=_POINTS, alpha=0.75, edgecolors="white", linewidths=0.5)
    axes.plot(ends, line, color=_LINE, lw=2, solid_capstyle="round")
    axes.set_xlim(*ends)
    axes.set_xlabel("length (mm)")
    axes.set_ylabel("scale density")
    axes.grid(axis="y", color=_SOFT, alpha=0.18, lw=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(length=3)
    axes.set_title(
        f"{len(X)} specimens and their least-squares line", loc="left", fontsize=12, pad=24
    )
    sign = "−" if w[1] < 0 else "+"
    axes.annotate(
        f"density = {w[0]:.3f} {sign} {abs(w[1]):.3f} · length;  "
        f"mean squared error {loss:.3f} (the band is ± its root)",
        xy=(0, 1),
        xytext=(0, 9),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=8.5,
        color=_MUTED,
    )
