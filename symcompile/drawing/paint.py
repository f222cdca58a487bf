"""Drawing a laid out graph with matplotlib, in points.

Colours are those of Okabe and Ito, which stay apart for any eyes; in grey, what flows backward is
dashed, and parameters have a thick border.
"""

from __future__ import annotations

import itertools
import warnings
from collections import defaultdict
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, Any

from symcompile.drawing.layered import Layout, layered
from symcompile.drawing.nodes import DrawnNode, plain
from symcompile.errors import BackendError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from symcompile.drawing.picture import GraphPicture

Place = tuple[float, float]

_INK, _BLUE, _VERMILION, _GREY = "#222222", "#0072b2", "#d55e00", "#666666"
#: Fill, border and its width.
_STYLES = {
    "param": ("#cfe6f5", _BLUE, 2.0),
    "data": ("#e6e6e6", _GREY, 1.0),
    "constant": ("#f4f4f4", _GREY, 1.0),
    "number": ("#ffffff", "#bbbbbb", 0.8),
    "operation": ("#ffffff", _INK, 1.0),
    "output": ("#fff3c4", _INK, 2.0),
}
_SIZE, _SMALL = 11.0, 8.5
_LEADING = 1.3
_PAD = (9.0, 6.0)
_MARGIN, _HEADER = 18.0, 44.0
#: Half the distance between the arrows of an edge, forward and backward.
_APART = 3.2
#: No picture has more pixels, or more of them in one direction.
_PIXELS, _SIDE = 60e6, 32000.0


def paint(picture: GraphPicture) -> Figure:
    """Return the figure of a picture."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise BackendError('pictures need matplotlib: pip install "symcompile[demo]"') from error
    lines = [_lines(node, picture) for node in picture.nodes]
    ruler = _Ruler()
    sizes = [ruler.box(node, text) for node, text in zip(picture.nodes, lines, strict=True)]
    edges = [(edge.start, edge.end) for edge in picture.edges]
    layout = layered(sizes, edges)
    title = plain(picture.name)
    width = max(layout.width, ruler.width(title, _SIZE + 2), 230.0) + 2 * _MARGIN
    height = layout.height + 2 * _MARGIN + _HEADER
    figure = Figure(figsize=(width / 72, height / 72), facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(-_MARGIN, width - _MARGIN)
    axes.set_ylim(height - _MARGIN - _HEADER, -_MARGIN - _HEADER)
    axes.set_axis_off()
    _header(axes, title, picture)
    _edges(axes, picture, layout, sizes)
    for node, text, size, centre in zip(picture.nodes, lines, sizes, layout.centres, strict=True):
        _box(axes, node, text, size, centre)
    return figure


def write(figure: Figure, target: IO[bytes], kind: str) -> None:
    """Write a figure in a format, with nothing of the time or place in it."""
    import matplotlib

    metadata: dict[str, Any] = {
        "svg": {"Date": None, "Creator": None},
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
        "png": {"Software": None},
    }[kind]
    width, height = figure.get_size_inches()
    dpi = min(150.0, _SIDE / max(width, height), (_PIXELS / (width * height)) ** 0.5)
    settings: Any = {
        "svg.hashsalt": "symcompile",
        "svg.fonttype": "path",
        "font.family": "DejaVu Sans",
    }
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        # A character that the font lacks is drawn as a box.
        warnings.filterwarnings("ignore", message=".*missing from.*font")
        figure.savefig(target, format=kind, dpi=dpi, metadata=metadata)


class _Ruler:
    """Measures text in points."""

    def __init__(self) -> None:
        from matplotlib.font_manager import FontProperties
        from matplotlib.textpath import TextToPath

        self._measure = TextToPath()
        self._font = FontProperties(family="DejaVu Sans")

    def width(self, text: str, size: float) -> float:
        font = self._font.copy()
        font.set_size(size)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*missing from.*font")
            width, _, _ = self._measure.get_text_width_height_descent(text, font, ismath=False)
        return float(width)

    def box(self, node: DrawnNode, lines: Sequence[tuple[str, float, str]]) -> tuple[float, float]:
        """Return width and height of a node; an operation of one sign is a circle."""
        wide = max(self.width(text, size) for text, size, _ in lines) + 2 * _PAD[0]
        high = sum(size * _LEADING for _, size, _ in lines) + 2 * _PAD[1]
        return max(wide, high), high


def _lines(node: DrawnNode, picture: GraphPicture) -> list[tuple[str, float, str]]:
    """Return the lines of a node: text, size, colour."""
    found = [(node.label, _SIZE, _INK)]
    if node.detail:
        found.append((node.detail, _SMALL, _GREY))
    if node.value is not None and node.role != "number":
        found.append((f"= {node.value}", _SMALL, _BLUE))
    if node.adjoint is not None:
        found.append((f"∂ {node.adjoint}", _SMALL, _VERMILION))
    return found


def _header(axes: Any, title: str, picture: GraphPicture) -> None:
    top = -_MARGIN - _HEADER
    common = {"va": "center", "parse_math": False, "family": "DejaVu Sans"}
    axes.text(0, top + 20, title, fontsize=_SIZE + 2, fontweight="bold", color=_INK, **common)
    value = "value (=)" if picture.at else "value"
    keys = [(value, _INK)]
    if picture.backward:
        slope = "derivative of the output (∂)" if picture.at else "derivative of the output"
        keys.append((slope, _VERMILION))
    x, pen = 0.0, _Pen()
    for text, colour in keys:
        left, right = (x + 22, x) if colour == _VERMILION else (x, x + 22)
        pen.flow([(left, top + 40), (right, top + 40)], colour)
        axes.text(x + 28, top + 40, text, fontsize=_SMALL, color=colour, **common)
        x += 90
    pen.draw(axes)


def _box(
    axes: Any,
    node: DrawnNode,
    lines: Sequence[tuple[str, float, str]],
    size: tuple[float, float],
    centre: tuple[float, float],
) -> None:
    from matplotlib.patches import FancyBboxPatch

    (width, height), (x, y) = size, centre
    fill, border, thick = _STYLES[node.role]
    rounding = min(height, width) / 2.2 if node.role == "operation" else 3.0
    axes.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - height / 2),
            width,
            height,
            boxstyle=f"round,pad=0,rounding_size={rounding}",
            facecolor=fill,
            edgecolor=border,
            linewidth=thick,
            zorder=3,
        )
    )
    top = y - sum(s * _LEADING for _, s, _ in lines) / 2
    for text, points, colour in lines:
        axes.text(
            x,
            top + points * _LEADING / 2,
            text,
            fontsize=points,
            color=colour,
            ha="center",
            va="center_baseline",
            zorder=4,
            parse_math=False,
            family="DejaVu Sans",
        )
        top += points * _LEADING


def _edges(
    axes: Any, picture: GraphPicture, layout: Layout, sizes: Sequence[tuple[float, float]]
) -> None:
    """Draw arrows: those of a node leave and arrive one above the other, as they come."""
    after: dict[int, list[int]] = defaultdict(list)
    before: dict[int, list[int]] = defaultdict(list)
    for k, edge in enumerate(picture.edges):
        after[edge.start].append(k)
        before[edge.end].append(k)
    leaving: dict[int, float] = {}
    arriving: dict[int, float] = {}
    for ports, found, arrives in ((leaving, after, False), (arriving, before, True)):
        for node, those in found.items():
            # Edges that run together leave together.
            groups: dict[Any, list[int]] = defaultdict(list)
            for k in those:
                together = not arrives and bool(layout.routes[k])
                groups["together" if together else k].append(k)
            keyed = [(_next_height(picture, layout, g[0], arrives), g) for g in groups.values()]
            room = sizes[node][1] * 0.7 / len(keyed)
            for rank, (_, group) in enumerate(sorted(keyed)):
                y = layout.centres[node][1] + (rank - (len(keyed) - 1) / 2) * room
                ports.update(dict.fromkeys(group, y))
    pen = _Pen()
    column: dict[float, float] = defaultdict(float)
    for size, centre in zip(sizes, layout.centres, strict=True):
        column[centre[0]] = max(column[centre[0]], size[0])
    for k, edge in enumerate(picture.edges):
        begin, end = layout.centres[edge.start], layout.centres[edge.end]
        points = [(begin[0] + sizes[edge.start][0] / 2, leaving[k])]
        if sizes[edge.start][0] < column[begin[0]]:
            points.append((begin[0] + column[begin[0]] / 2, leaving[k]))
        for x, y in layout.routes[k]:
            half = column[x] / 2
            points += [(x - half, y), (x + half, y)]
        if sizes[edge.end][0] < column[end[0]]:
            points.append((end[0] - column[end[0]] / 2, arriving[k]))
        points.append((end[0] - sizes[edge.end][0] / 2, arriving[k]))
        shift = _APART / 2 if edge.backward else 0.0
        pen.flow([(x, y - shift) for x, y in points], _INK)
        if edge.backward:
            back = [(x, y + shift) for x, y in reversed(points)]
            pen.flow(back, _VERMILION)
        if edge.place:
            x, y = points[-1]
            axes.text(
                x + _PAD[0] / 2,
                y,
                edge.place,
                fontsize=6.0,
                color=_GREY,
                ha="center",
                va="center_baseline",
                zorder=5,
                family="DejaVu Sans",
            )
    pen.draw(axes)


def _next_height(picture: GraphPicture, layout: Layout, k: int, arrives: bool) -> float:
    """Return how high an edge comes from, where it arrives, or where it goes, where it leaves."""
    edge, route = picture.edges[k], layout.routes[k]
    if arrives:
        return route[-1][1] if route else layout.centres[edge.start][1]
    return route[0][1] if route else layout.centres[edge.end][1]


class _Pen:
    """Collects arrows, and draws what they share once."""

    def __init__(self) -> None:
        self._pieces: dict[str, dict[tuple[Place, Place], None]] = {_INK: {}, _VERMILION: {}}
        self._tips: dict[str, list[tuple[Place, Place]]] = {_INK: [], _VERMILION: []}

    def flow(self, points: Sequence[Place], colour: str) -> None:
        """Add an arrow through points, level at each of them."""
        self._pieces[colour].update(dict.fromkeys(itertools.pairwise(points)))
        self._tips[colour].append((points[-2], points[-1]))

    def draw(self, axes: Any) -> None:
        """Draw all arrows."""
        from matplotlib.collections import PolyCollection
        from matplotlib.patches import PathPatch
        from matplotlib.path import Path

        for colour, pieces in self._pieces.items():
            if not pieces:
                continue
            vertices: list[Place] = []
            codes: list[Any] = []
            for (x0, y0), (x1, y1) in pieces:
                middle = (x0 + x1) / 2
                vertices += [(x0, y0), (middle, y0), (middle, y1), (x1, y1)]
                codes += [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]
            axes.add_patch(
                PathPatch(
                    Path(vertices, codes),
                    fill=False,
                    edgecolor=colour,
                    linewidth=1.0,
                    linestyle="-" if colour == _INK else (0, (4, 2)),
                    capstyle="butt",
                    zorder=2,
                )
            )
            tips = []
            for (before, _), (x, y) in self._tips[colour]:
                way = 6.0 if x >= before else -6.0
                tips.append([(x, y), (x - way, y - 2.4), (x - way, y + 2.4)])
            shown = PolyCollection(tips, facecolors=colour, edgecolors="none", zorder=2.5)
            axes.add_collection(shown, autolim=False)
