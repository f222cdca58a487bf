"""Many cases in one definition, so that one compilation covers them all.

Each case keeps parameters, data and constants of its own. So a product with the Jacobian of all
outputs, or with the Hessian of their sum, falls apart into those of the cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symcompile.frontend.definition import Definition
from symcompile.frontend.roles import Shape
from symcompile.ir.affine import Affine
from symcompile.ir.graph import Axis, Graph, Input, Output
from tests.corpus import Case


@dataclass(frozen=True)
class Bundle:
    """Several cases as one definition.

    Attributes:
        cases: the cases.
        definition: all of them, their outputs as one vector, or as one sum.
        params: the part of the parameters that belongs to each case.
        entries: the part of the outputs that belongs to each case.
    """

    cases: tuple[Case, ...]
    definition: Definition
    params: tuple[slice, ...]
    entries: tuple[slice, ...]

    def point(self) -> NDArray[np.float64]:
        """Return the first point of all cases."""
        return np.concatenate([np.array(case.points[0], dtype=float) for case in self.cases])

    def columns(self) -> list[NDArray[np.float64]]:
        """Return the data of all cases."""
        return [array for case in self.cases for array in case.arrays]

    def constants(self) -> dict[str, float]:
        """Return the constants that are passed by keyword."""
        return {
            f"{case.name}_{name}": value
            for case in self.cases
            for name, value in (case.keywords or {}).items()
        }


def bundle(name: str, cases: Sequence[Case], *, total: bool = False) -> Bundle:
    """Return ``cases`` as one definition: a vector of all outputs, or their ``total``."""
    graph = Graph()
    names: dict[str, list[Any]] = {"param": [], "data": [], "constant": []}
    roots: list[int] = []
    params, entries = [], []
    param_shapes: list[Shape] = []
    data_shapes: list[Shape] = []
    for case in cases:
        found = case.definition
        offsets = {role: len(listed) for role, listed in names.items()}
        names["param"] += [f"{case.name}_{p}" for p in found.params]
        names["data"] += [f"{case.name}_{d}" for d in found.data]
        names["constant"] += [(f"{case.name}_{k}", value) for k, value in found.constants]
        param_shapes += found.param_shapes
        data_shapes += found.data_shapes
        mapping = _copied(graph, found.ir, offsets)
        params.append(slice(offsets["param"], len(names["param"])))
        entries.append(slice(len(roots), len(roots) + len(found.output.entries)))
        roots += [mapping[entry] for entry in found.output.entries]
    shape: tuple[int, ...] = (len(roots),)
    if total:
        node = roots[0]
        for root in roots[1:]:
            node = graph.add("add", (node, root))
        roots, shape = [node], ()
    per_sample = cases[0].definition.output.per_sample
    definition = Definition(
        name=name,
        params=tuple(names["param"]),
        data=tuple(names["data"]),
        constants=tuple(names["constant"]),
        reduce=None,
        ir=graph,
        output=Output("value", tuple(roots), shape, per_sample),
        param_shapes=tuple(param_shapes),
        data_shapes=tuple(data_shapes),
        sizes=("n",) if data_shapes else (),
    )
    return Bundle(tuple(cases), definition, tuple(params), tuple(entries))


def _copied(graph: Graph, source: Graph, offsets: dict[str, int]) -> list[int]:
    mapping: list[int] = []
    for node in source:
        args = tuple(mapping[arg] for arg in node.args)
        if isinstance(node.data, Input):
            slot = node.data.slot + offsets[node.data.role]
            mapping.append(graph.input(node.data.role, slot, node.axes))
        elif isinstance(node.data, Affine):
            mapping.append(graph.extent(Axis(node.data)))
        elif node.op == "const":
            mapping.append(graph.constant(node.data))  # type: ignore[arg-type]
        elif node.op == "reduce_sum":
            mapping.append(graph.reduce_sum(args[0]))
        else:
            mapping.append(graph.add(node.op, args))
    return mapping
