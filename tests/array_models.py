"""Definitions over arrays, made by hand from nodes: what no front end had a part in."""

from __future__ import annotations

from symcompile.frontend.definition import Definition
from symcompile.frontend.roles import Shape, Whole
from symcompile.ir.affine import Affine
from symcompile.ir.graph import Axis, Gather, Graph, Output, View, whole

n, d = Affine.of("n"), Affine.of("d")
N, D = Axis(n), Axis(d)


def _definition(
    name: str,
    graph: Graph,
    output: Output,
    params: dict[str, Shape],
    data: dict[str, Shape],
    sizes: str = "d n",
    wholes: tuple[Whole, ...] = (),
) -> Definition:
    return Definition(
        name=name,
        params=tuple(params),
        data=tuple(data),
        constants=(),
        reduce=None,
        ir=graph,
        output=output,
        param_shapes=tuple(params.values()),
        data_shapes=tuple(data.values()),
        sizes=tuple(sizes.split()),
        wholes=wholes,
        indexed=True,
    )


def _linear(g: Graph) -> int:
    """Return ``Sum(X[i, j]*w[j], j)``."""
    x, w = g.input("data", 0, (N, D)), g.input("param", 0, (D,))
    return g.reduce_sum(g.add("mul", (x, g.view(w, whole([1]), (N, D)))), 1)


def logreg() -> Definition:
    """Return the mean of ``log(1 + exp(-y*(X w + b)))``."""
    g = Graph()
    z = g.add("add", (_linear(g), g.input("param", 1)))
    margin = g.add("neg", (g.add("mul", (g.input("data", 1, (N,)), z)),))
    each = g.add("log", (g.add("add", (g.constant(1), g.add("exp", (margin,)))),))
    loss = g.add("div", (g.reduce_sum(each), g.extent(N)))
    output = Output("value", (loss,), (), False)
    return _definition("logreg", g, output, {"w": (d,), "b": ()}, {"X": (n, d), "y": (n,)})


def product() -> Definition:
    """Return the (n, 1) array ``X w``."""
    g = Graph()
    output = Output("value", (_linear(g),), (n, Affine(1)), False, dims=(((N,),),))
    return _definition("product", g, output, {"w": (d, Affine(1))}, {"X": (n, d)})


def statistics() -> Definition:
    """Return three numbers of ``z = X w``: its sum, its largest entry, its product."""
    g = Graph()
    z = _linear(g)
    entries = tuple(g.reduce(f"reduce_{op}", z) for op in ("sum", "max", "prod"))
    output = Output("value", entries, (3,), False)
    return _definition("statistics", g, output, {"w": (d,)}, {"X": (n, d)})


def factors() -> Definition:
    """Return the sum of ``(U[r[k]] . u[k] - y[k])**2`` with U (n, d) and r whole numbers."""
    g = Graph()
    m = Axis(Affine.of("m"))
    u, r = g.input("param", 0, (N, D)), g.input("data", 0, (m,))
    axes = (m, D)
    row = g.view(u, View((Gather(1, (0,)), Affine(0, ((1, 1),)))), axes, (r,))
    inner = g.reduce_sum(g.add("mul", (row, g.input("data", 1, axes))), 1)
    error = g.add("sub", (inner, g.input("data", 2, (m,))))
    loss = g.reduce_sum(g.add("powi", (error, g.constant(2))))
    return _definition(
        "factors",
        g,
        Output("value", (loss,), (), False),
        {"U": (n, d)},
        {"r": (m.extent,), "u": (m.extent, d), "y": (m.extent,)},
        sizes="d m n",
        wholes=(Whole(0, Affine(0), n - 1),),
    )


def chain() -> Definition:
    """Return the sum of ``(u[i+1] - 2*u[i] + u[i-1])**2 * sin(i + 1)`` in u alone."""
    g = Graph()
    inner = Axis(n - 2)
    u = g.input("param", 0, (N,))
    after, here, before = (g.view(u, View((Affine(k, ((0, 1),)),)), (inner,)) for k in (2, 1, 0))
    twice = g.add("mul", (g.constant(2), here))
    bend = g.add("add", (g.add("sub", (after, twice)), before))
    weight = g.add("sin", (g.index(Affine(1, ((0, 1),)), (inner,)),))
    loss = g.reduce_sum(g.add("mul", (g.add("mul", (bend, bend)), weight)))
    output = Output("value", (loss,), (), False)
    return _definition("chain", g, output, {"u": (n,)}, {}, sizes="n")
