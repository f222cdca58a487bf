"""A computational graph on paper: boxes, arrows forth, and arrows back."""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from symcompile.drawing.content import Drawn, Stage, content
from symcompile.drawing.layout import Layout, arrange
from symcompile.errors import ArgumentValueError, BackendError

if TYPE_CHECKING:
    from symcompile.frontend.definition import Definition

#: Inches a unit of the layout, along the computation and across.
_ALONG = 1.0
_HEIGHT: Final = 0.34
_FONT: Final = 9.0
#: Pixels, of what is no vector graphic.
_LARGEST_SIDE: Final = 8000
#: Fill, outline: apart in grey and for any eyes (after Okabe and Ito).
_LOOKS: Final = {
    "param": ("#cfe6f5", "#0072b2"),
    "data": ("#e6e6e6", "#666666"),
    "constant": ("#ffffff", "#666666"),
    "number": ("#ffffff", "#aaaaaa"),
    "operation": ("#ffffff", "#222222"),
    "result": ("#fde3c0", "#b35c00"),
}
_FORTH, _BACK = "#222222", "#c04a00"


class GraphPicture:
    """The picture of a definition's graph. Made by :meth:`symcompile.Definition.graph`.

    Parameters are blue, data grey, the result orange. Solid arrows go forward, with values below
    the nodes where a point is given; dashed arrows go backward, with the derivative of the result
    in each node above it.

    In Jupyter it shows itself.
    """

    def __init__(
        self,
        definition: Definition,
        *,
        at: Mapping[Any, Any] | None = None,
        backward: bool = False,
        stage: Stage = "written",
    ) -> None:
        self.name = definition.name
        self.backward = backward
        self.nodes: dict[int, Drawn] = content(definition, stage, at, backward)

    @cached_property
    def _across(self) -> float:
        """Inches from one row to the next: more where text stands between them."""
        lines = [bool(node.value) + bool(node.adjoint) for node in self.nodes.values()]
        return 0.62 + 0.16 * max(lines, default=0)

    @cached_property
    def layout(self) -> Layout:
        """Where everything stands."""
        widths = {index: _width(node) for index, node in self.nodes.items()}
        edges = {index: node.tails for index, node in self.nodes.items()}
        return arrange(edges, widths)

    def figure(self) -> Any:
        """Return a figure of matplotlib's.

        Raises:
            BackendError: matplotlib is not installed.
        """
        try:
            from matplotlib.backends.backend_agg import FigureCanvasAgg
            from matplotlib.figure import Figure
        except ImportError as error:
            raise BackendError(
                'pictures need matplotlib: pip install "symcompile[demo]"'
            ) from error
        wide, high = self.layout.size
        left, margin = 0.9, 0.55
        size = (wide * _ALONG + 2 * left, high * self._across + 2 * margin)
        figure = Figure(figsize=size)
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_xlim(-left / _ALONG, wide + left / _ALONG)
        axes.set_ylim(-margin / self._across, high + margin / self._across)
        axes.invert_yaxis()
        axes.set_axis_off()
        for edge, way in self.layout.ways.items():
            self._arrow(axes, edge, way)
        for index, node in self.nodes.items():
            self._box(axes, node, *self.layout.places[index])
        return figure

    def save(self, path: str | Path) -> Path:
        """Write the picture; the suffix says the format, such as ``.svg``, ``.png`` or ``.pdf``.

        The same definition gives the same bytes.

        Raises:
            ArgumentValueError: no such format.
        """
        path = Path(path)
        figure = self.figure()
        known = figure.canvas.get_supported_filetypes()
        kind = path.suffix.lower().lstrip(".")
        if kind not in known:
            raise ArgumentValueError(
                f"{path.name} has no suffix of a picture: it is one of {', '.join(sorted(known))}"
            )
        path.write_bytes(_written(figure, kind))
        return path

    def _repr_svg_(self) -> str:
        return _written(self.figure(), "svg").decode()

    def __repr__(self) -> str:
        return f"<graph of {self.name}: {len(self.nodes)} nodes>"

    def _box(self, axes: Any, node: Drawn, x: float, y: float) -> None:
        from matplotlib.patches import FancyBboxPatch

        fill, line = _LOOKS[node.role]
        width, height = _width(node), _HEIGHT / self._across
        round_ = node.role in ("operation", "result")
        style = f"round,pad=0,rounding_size={0.45 * height if round_ else 0.06}"
        axes.add_patch(
            FancyBboxPatch(
                (x - width / 2, y - height / 2),
                width,
                height,
                boxstyle=style,
                fc=fill,
                ec=line,
                lw=1.6 if node.role == "result" else 1.0,
                zorder=3,
            )
        )
        common = {"ha": "center", "zorder": 4, "parse_math": False}
        axes.text(x, y, _clean(node.label), va="center_baseline", fontsize=_FONT, **common)
        if node.value:
            axes.text(
                x, y + 0.62 * height, _clean(node.value), va="top", fontsize=0.8 * _FONT,
                color=_FORTH, **common,
            )  # fmt: skip
        if node.adjoint:
            axes.text(
                x, y - 0.62 * height, _clean(f"∂ {node.adjoint}"), va="bottom",
                fontsize=0.8 * _FONT, color=_BACK, style="italic", **common,
            )  # fmt: skip

    def _arrow(self, axes: Any, edge: tuple[int, int], way: list[tuple[float, float]]) -> None:
        from matplotlib.patches import FancyArrowPatch
        from matplotlib.path import Path as Curve

        tail, head = (self.nodes[index] for index in edge)
        points = [
            (way[0][0] + _width(tail) / 2, way[0][1]),
            *way[1:-1],
            (way[-1][0] - _width(head) / 2, way[-1][1]),
        ]
        back = self.backward and tail.varies and head.varies
        shift = 0.09 if back else 0.0
        forth = [(x, y + shift) for x, y in points]
        axes.add_patch(_drawn(FancyArrowPatch, Curve, forth, _FORTH, "solid"))
        if back:
            other = [(x, y - shift) for x, y in reversed(points)]
            axes.add_patch(_drawn(FancyArrowPatch, Curve, other, _BACK, (0, (3, 2))))


def _drawn(patch: Any, curve: Any, points: list[tuple[float, float]], color: str, line: Any) -> Any:
    """Return an arrow along points, smooth and level at each of them."""
    vertices, codes = [points[0]], [curve.MOVETO]
    for (x0, y0), (x1, y1) in pairwise(points):
        bend = 0.5 * (x1 - x0)
        vertices += [(x0 + bend, y0), (x1 - bend, y1), (x1, y1)]
        codes += [curve.CURVE4] * 3
    return patch(
        path=curve(vertices, codes),
        arrowstyle="-|>",
        mutation_scale=8,
        color=color,
        lw=0.9,
        linestyle=line,
        shrinkA=0,
        shrinkB=0,
        fill=False,
        zorder=2,
    )


def _width(node: Drawn) -> float:
    """Return how much room a node takes along the computation, in units of the layout."""
    below = max(len(node.value), len(node.adjoint) + 2 if node.adjoint else 0)
    longest = _FONT * max(min(len(node.label), 24), 0.8 * min(below, 24))
    return max(0.42, 0.0088 * longest + 0.16)


def _clean(text: str) -> str:
    """Return text that takes one line and has no characters that are no text."""
    shown = "".join(char if char.isprintable() else "�" for char in text)
    return shown if len(shown) <= 24 else f"{shown[:23]}…"


def _written(figure: Any, kind: str) -> bytes:
    import matplotlib

    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "symcompile", "svg.fonttype": "path"}):
        dots = min(150.0, _LARGEST_SIDE / max(figure.get_size_inches()))
        figure.savefig(buffer, format=kind, dpi=dots, metadata=metadata)
    return buffer.getvalue()
