"""Random graphs, for properties that every pass and emitter must keep."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from mpmath.ctx_mp import MPContext

from symcompile.ir.graph import SAMPLES, Graph, Input

Sampled = tuple[Graph, list[int], list[float], list[list[float]]]

_SMOOTH_ONE = ("neg", "sin", "cos", "tanh", "atan", "exp", "erf", "asinh", "softplus", "sigmoid")
_ROUGH_ONE = ("sqrt", "log", "log1p", "expm1", "abs", "sign", "floor", "ceil", "cbrt", "sinh")
_TWO = ("add", "sub", "mul", "div", "add", "sub", "mul", "min", "max", "hypot", "atan2")
_COMPARE = ("lt", "le", "eq", "ne")
_POWERS = (-3, -1, 0, 1, 2, 5)
_NUMBERS = (0, 1, -1, 2, -2, 3)


@st.composite
def graphs(draw: st.DrawFn, *, rough: bool = True, size: int = 14) -> Sampled:
    """Return a graph over two parameters and two columns, some nodes of it, and inputs."""
    graph = Graph()
    params, samples = 2, 3
    scalars = [graph.input("param", k) for k in range(params)]
    rows = [graph.input("data", k, (SAMPLES,)) for k in range(2)]
    scalars += [graph.constant(draw(st.sampled_from(_NUMBERS))) for _ in range(2)]
    truths: list[int] = []
    ones = _SMOOTH_ONE + (_ROUGH_ONE if rough else ())

    def number() -> int:
        return draw(st.sampled_from(scalars + rows))

    for _ in range(draw(st.integers(3, size))):
        kind = draw(st.sampled_from(("one", "two", "two", "choice", "truth", "power", "sum")))
        if kind == "one":
            node = graph.add(draw(st.sampled_from(ones)), (number(),))
        elif kind == "two":
            node = graph.add(draw(st.sampled_from(_TWO)), (number(), number()))
        elif kind == "power":
            exponent = graph.constant(draw(st.sampled_from(_POWERS)))
            node = graph.add("powi", (number(), exponent))
        elif kind == "truth":
            if truths and draw(st.booleans()):
                op = draw(st.sampled_from(("and", "or", "not")))
                picked = [draw(st.sampled_from(truths)) for _ in range(1 if op == "not" else 2)]
                truths.append(graph.add(op, tuple(picked)))
            else:
                op = draw(st.sampled_from(_COMPARE))
                truths.append(graph.add(op, (number(), number())))
            continue
        elif kind == "choice":
            if not truths:
                continue
            node = graph.add("select", (draw(st.sampled_from(truths)), number(), number()))
        else:
            row = draw(st.sampled_from(rows))
            node = graph.reduce_sum(row)
        (rows if graph[node].axes else scalars).append(node)
    roots = sorted(set(scalars[-3:] + rows[-2:]))
    finite = st.floats(-3, 3).map(lambda value: round(value, 3))
    values = [draw(finite) for _ in range(params)]
    columns = [[draw(finite) for _ in range(samples)] for _ in range(2)]
    return graph, roots, values, columns


def differentiable_graphs() -> st.SearchStrategy[Sampled]:
    """Return graphs whose kinks are those of choices only."""
    return graphs(rough=False)


def values_of(mp: MPContext, params: list[float], columns: list[list[float]]) -> dict[Input, Any]:
    """Return the inputs of a graph as the interpreter takes them."""
    found: dict[Input, Any] = {Input("param", k): mp.mpf(v) for k, v in enumerate(params)}
    for k, column in enumerate(columns):
        found[Input("data", k)] = [mp.mpf(value) for value in column]
    return found
