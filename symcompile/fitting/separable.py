"""Parameters in which a model is linear while the others are held."""

from __future__ import annotations

import numpy as np
import sympy as sp

from symcompile.arguments import Array
from symcompile.frontend.definition import define
from symcompile.frontend.walking import free_symbols
from symcompile.ir.graph import Graph, Input


def linear_parameters(model: sp.Expr, params: tuple[sp.Symbol, ...], free: Array) -> Array:
    """Return which free parameters a model is linear in together, shape ``(P,)``, bool.

    The first in the order of the parameters where there is a choice, as in ``a*b*x``. It is read
    off the graph as it was lowered: what is linear only after terms cancel is not found.

    Example:
        >>> a, b, c, x = sp.symbols("a b c x")
        >>> linear_parameters(a*sp.exp(-b*x) + c, (a, b, c), np.ones(3, bool)).tolist()
        [True, False, True]
    """
    symbols = free_symbols(model)
    columns = sorted(symbols - set(params), key=str)
    definition = define("model", model, params=params, data=columns)
    graph, (root,) = definition.ir, definition.output.entries
    found = np.zeros(len(params), bool)
    for k, symbol in enumerate(params):
        if free[k] and symbol in symbols:
            found[k] = True
            found[k] = _is_linear(graph, root, found)
    return found


def _is_linear(graph: Graph, root: int, chosen: Array) -> bool:
    """Return whether a node is linear in the chosen parameters together."""
    depends: set[int] = set()
    for index in graph.ancestors([root]):
        node = graph[index]
        if isinstance(node.data, Input):
            if node.data.role == "param" and chosen[node.data.slot]:
                depends.add(index)
            continue
        reached = [position for position, arg in enumerate(node.args) if arg in depends]
        if not reached:
            continue
        alone = {"mul": len(reached) == 1, "div": reached == [0], "select": 0 not in reached}
        if node.op not in ("add", "sub", "neg") and not alone.get(node.op, False):
            return False
        depends.add(index)
    return True
