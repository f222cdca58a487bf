"""A computational graph as a picture: what ``Definition.graph`` returns."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from symcompile.autodiff.bodies import take_derivatives
from symcompile.drawing.nodes import DrawnEdge, DrawnNode, drawn, with_values
from symcompile.drawing.point import adjoint_nodes, values_at
from symcompile.errors import ArgumentValueError
from symcompile.frontend.definition import Definition
from symcompile.ir.graph import Function
from symcompile.options import GraphFormat, GraphStage
from symcompile.passes import contracted, recognise, share_quotients
from symcompile.passes.rewrite import alone

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GRAPH_STAGES: tuple[GraphStage, ...] = get_args(GraphStage)
FORMATS: tuple[GraphFormat, ...] = get_args(GraphFormat)

#: Nodes beyond which nobody reads a picture.
LIMIT = 500


@dataclass(frozen=True)
class GraphPicture:
    """A computational graph, ready to be drawn; a notebook shows it.

    Attributes:
        name: of the definition.
        nodes: inputs, operations and outputs, each after its arguments.
        edges: arrows from an argument to what uses it.
        backward: whether derivatives are drawn.
        at: whether values are written on it.
    """

    name: str
    nodes: tuple[DrawnNode, ...]
    edges: tuple[DrawnEdge, ...]
    backward: bool = False
    at: bool = False

    def __repr__(self) -> str:
        return f"<graph of {self.name}: {len(self.nodes)} nodes, {len(self.edges)} edges>"

    def figure(self) -> Figure:
        """Return the picture as a figure of matplotlib's.

        Raises:
            BackendError: matplotlib is not installed.
        """
        from symcompile.drawing.paint import paint

        return paint(self)

    def save(self, path: str | Path) -> Path:
        """Write the picture to a file, and return its path; the same bytes on every run.

        Args:
            path: its suffix says the format: ``.svg``, ``.png`` or ``.pdf``.

        Raises:
            ArgumentValueError: another suffix, or a file that cannot be written.
            BackendError: matplotlib is not installed.
        """
        path = Path(path)
        suffix = path.suffix.lower().lstrip(".")
        known = {str(name): name for name in FORMATS}
        if suffix not in known:
            raise ArgumentValueError(
                f"{path.name} has no suffix of a picture: use {', '.join('.' + f for f in FORMATS)}"
            )
        written = self.rendered(known[suffix])
        try:
            path.write_bytes(written)
        except OSError as error:
            raise ArgumentValueError(f"{path} cannot be written: {error.strerror}") from error
        return path

    def rendered(self, kind: GraphFormat) -> bytes:
        """Return the picture as the bytes of a file of a format."""
        from symcompile.drawing.paint import write

        buffer = io.BytesIO()
        write(self.figure(), buffer, kind)
        return buffer.getvalue()

    def _repr_svg_(self) -> str:
        return self.rendered("svg").decode()


def graph_picture(
    definition: Definition,
    *,
    at: Mapping[Any, Any] | None = None,
    backward: bool = False,
    stage: GraphStage = "written",
    limit: int = LIMIT,
) -> GraphPicture:
    """Return the computational graph of a definition; see ``Definition.graph``."""
    if stage not in GRAPH_STAGES:
        raise ArgumentValueError(f"stage={stage!r}: use {' or '.join(map(repr, GRAPH_STAGES))}")
    function = _function(definition, stage)
    nodes, edges = drawn(definition, function)
    if len(nodes) > limit:
        raise ArgumentValueError(
            f"the graph of {definition.name} has {len(nodes)} nodes, more than the {limit} that a "
            f"picture holds: draw a part of the formula, use index notation instead of written out "
            f"terms, or pass limit={len(nodes)}"
        )
    adjoints = adjoint_nodes(definition, function) if backward else {}
    if backward:
        edges = tuple(
            replace(
                e, backward=nodes[e.start].source in adjoints and nodes[e.end].source in adjoints
            )
            for e in edges
        )
    if at is not None:
        shown = sorted({node.source for node in nodes})
        found = values_at(definition, function, at, [*shown, *adjoints.values()])
        values = dict(zip(shown, found, strict=False))
        slopes = dict(zip(adjoints, found[len(shown) :], strict=True))
        nodes = with_values(nodes, values, slopes)
    return GraphPicture(definition.name, nodes, edges, backward, at is not None)


def _function(definition: Definition, stage: GraphStage) -> Function:
    """Return the value of a definition in a graph of its own, which may grow."""
    found = take_derivatives(Function("value", definition.ir, (definition.output,)))
    if stage == "optimised":
        # As the compiler differentiates it: what follows has kinks that the stable forms hide.
        if definition.stable:
            found = recognise(found)
        found = share_quotients(contracted(found))
    return alone(found)
