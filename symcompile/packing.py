"""Parameters by name and parameters in one vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from symcompile.arguments import Array, fitted, listed, to_array, to_number
from symcompile.errors import ArgumentTypeError, ArgumentValueError
from symcompile.sizes import DATA, Piece, Solver, require_names, split

if TYPE_CHECKING:
    from symcompile.frontend.definition import Definition


def unpack(
    definition: Definition, p: Any, data: Sequence[Any] = (), sizes: Mapping[str, Any] | None = None
) -> dict[str, Piece]:
    """Return the parameters in ``p`` by name; see ``Definition.unpack``."""
    solver = Solver(definition, _known(definition, sizes or {}))
    if data:
        if len(data) != len(definition.data):
            raise ArgumentTypeError(
                f"{definition.name}.unpack takes all data ({listed(definition.data)}) or none; "
                f"{len(data)} given"
            )
        found = [
            fitted(
                to_array(value, name, strided=True, dtype=np.dtype(definition.dtype)), name, shape
            ).shape
            for value, name, shape in zip(
                data, definition.data, definition.data_shapes, strict=True
            )
        ]
        solver.arrays(definition.data, definition.data_shapes, found)
    return unpacked(definition, p, solver)


def unpacked(definition: Definition, p: Any, solver: Solver) -> dict[str, Piece]:
    """Return the parameters in ``p`` by name, with what is known of the sizes."""
    vector = to_array(p, "p", dtype=np.dtype(definition.dtype)).reshape(-1)
    solver.length(vector.size)
    solver.finish({n for shape in definition.param_shapes for size in shape for n in size.sizes})
    return split(definition, vector, solver.sizes)


def _known(definition: Definition, sizes: Mapping[str, Any]) -> dict[str, float]:
    names = {name for name, _ in definition.constants}
    for name in sizes:
        if name not in definition.sizes and name not in names:
            raise ArgumentTypeError(
                f"{definition.name} has no size {name!r}; its sizes: {listed(definition.sizes)}"
            )
    return {name: to_number(value, f"the size {name}") for name, value in sizes.items()}


def pack(
    definition: Definition, values: Mapping[Any, Any], known: Mapping[str, int] | None = None
) -> Array:
    """Return parameters given by name in one new vector; see ``Definition.pack``.

    ``known`` are sizes of the data, which the shapes must agree with.
    """
    require_names(definition)
    params = definition.params
    given = {str(name): value for name, value in values.items()}
    missing = [name for name in params if name not in given]
    unknown = [name for name in given if name not in params]
    if missing or unknown:
        parts = [f"lacks {listed(missing)}"] if missing else []
        parts += [f"has {listed(unknown)}, which is no parameter"] if unknown else []
        raise ArgumentValueError(f"what is packed {' and '.join(parts)}; it takes {listed(params)}")
    arrays = [
        fitted(to_array(given[name], name, dtype=np.dtype(definition.dtype)), name, shape)
        for name, shape in zip(params, definition.param_shapes, strict=True)
    ]
    solver = Solver(definition, known or {}, DATA)
    solver.arrays(params, definition.param_shapes, [array.shape for array in arrays])
    return np.concatenate([array.ravel() for array in arrays]) if arrays else np.zeros(0)
