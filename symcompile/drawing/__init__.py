"""Pictures of computational graphs, forward and backward."""

from __future__ import annotations

from symcompile.drawing.picture import (
    FORMATS,
    GRAPH_STAGES,
    LIMIT,
    GraphPicture,
    graph_picture,
)

__all__ = [
    "FORMATS",
    "GRAPH_STAGES",
    "LIMIT",
    "GraphPicture",
    "graph_picture",
]
