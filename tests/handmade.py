"""Definitions in index notation made node by node, without the front end.

Each comes with its formula in NumPy, analytic, so that complex steps differentiate it exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from symcompile.frontend.definition import Definition
from symcompile.ir.affine import Affine
from symcompile.ir.build import Builder
from symcompile.ir.graph import Axes, Axis, Gather, Graph, Output, View, whole

n, d, q, m = (Axis(Affine.of(name)) for name in "ndqm")
SIZES = {"n": 4, "d": 3, "q": 2, "m": 3}


def index(position: int) -> Affine:
    """Return the plain index along an axis."""
    return Affine.of(position, axis=True)


@dataclass(frozen=True)
class Handmade:
    """A definition with the same formula in NumPy, which takes all arrays by name."""

    definition: Definition
    loss: Callable[..., Any]

    def arrays(self) -> dict[str, Any]:
        """Return values for all parameters, data and constants, always the same."""
        rng = np.random.default_rng(5)
        found: dict[str, Any] = {}
        definition = self.definition
        names = [*definition.params, *definition.data]
        for name, shape in zip(
            names, [*definition.param_shapes, *definition.data_shapes], strict=True
        ):
            size = tuple(extent.evaluate(SIZES) for extent in shape)
            whole_numbers = name == "r"
            found[name] = (
                rng.integers(SIZES["m"], size=size) if whole_numbers else rng.normal(size=size)
            )
        return found | {name: 0.25 for name, _ in definition.constants if name not in SIZES}

    def derivative(self, name: str, place: tuple[int, ...]) -> float:
        """Return the derivative in one entry of a parameter."""
        arrays = self.arrays()
        moved = np.array(arrays[name], dtype=complex)
        moved[place] += 1e-30j
        return float(np.imag(self.loss(**{**arrays, name: moved})) / 1e-30)


def definition(
    name: str,
    graph: Graph,
    root: int,
    params: Mapping[str, Axes],
    data: Mapping[str, Axes],
    *,
    constants: tuple[str, ...] = (),
    axes: Axes = (),
) -> Definition:
    """Return a definition in index notation with one output."""

    def shape(found: Axes) -> tuple[Affine, ...]:
        return tuple(axis.extent for axis in found)

    used = {
        s for found in (*params.values(), *data.values()) for a in found for s in a.extent.sizes
    }
    return Definition(
        name,
        tuple(params),
        tuple(data),
        tuple((constant, None) for constant in constants),
        None,
        graph,
        Output("value", (root,), shape(axes), False, ((axes,),) if axes else None),
        param_shapes=tuple(map(shape, params.values())),
        data_shapes=tuple(map(shape, data.values())),
        sizes=tuple(sorted(used)),
        indexed=True,
    )


def logreg() -> Handmade:
    """Return logistic regression."""
    g = Graph()
    w, b = g.input("param", 0, (d,)), g.input("param", 1)
    x, y = g.input("data", 0, (n, d)), g.input("data", 1, (n,))
    z = g.add("add", (b, g.reduce_sum(g.add("mul", (g.view(w, whole([1]), (n, d)), x)), 1)))
    margin = g.add("neg", (g.add("mul", (y, z)),))
    each = g.add("log", (g.add("add", (g.constant(1), g.add("exp", (margin,)))),))
    root = g.add("div", (g.reduce_sum(each), g.extent(n)))
    made = definition("logreg", g, root, {"w": (d,), "b": ()}, {"X": (n, d), "y": (n,)})
    return Handmade(made, lambda w, b, X, y: np.mean(np.log(1 + np.exp(-y * (X @ w + b)))))


def ridge() -> Handmade:
    """Return least squares with a penalty."""
    g = Graph()
    w, lam = g.input("param", 0, (d,)), g.input("constant", 0)
    x, y = g.input("data", 0, (n, d)), g.input("data", 1, (n,))
    z = g.reduce_sum(g.add("mul", (x, g.view(w, whole([1]), (n, d)))), 1)
    two = g.constant(2)
    fit = g.reduce_sum(g.add("powi", (g.add("sub", (z, y)), two)))
    size = g.reduce_sum(g.add("powi", (w, two)))
    root = g.add("add", (g.add("div", (fit, g.extent(n))), g.add("mul", (lam, size))))
    data = {"X": (n, d), "y": (n,)}
    made = definition("ridge", g, root, {"w": (d,)}, data, constants=("lam",))
    return Handmade(made, lambda w, X, y, lam: np.mean((X @ w - y) ** 2) + lam * np.sum(w**2))


def steps() -> Handmade:
    """Return the steps of a computed array: shifts."""
    b = Builder()
    z = b.graph.input("param", 0, (n,))
    computed = b.call("exp", b.call("tanh", z))
    fewer = (Axis(n.extent - 1),)
    later = b.view(computed, View((index(0) + 1,)), fewer)
    step = b.call("sub", later, b.view(computed, View((index(0),)), fewer))
    root = b.reduce_sum(b.call("powi", step, b.constant(2)))
    made = definition("steps", b.graph, root, {"z": (n,)}, {})
    return Handmade(made, lambda z: np.sum(np.diff(np.exp(np.tanh(z))) ** 2))


def factors() -> Handmade:
    """Return a fit with gathered parameters."""
    b = Builder()
    u = b.graph.input("param", 0, (m, q))
    r, y = b.graph.input("data", 0, (n,)), b.graph.input("data", 1, (n,))
    row = b.view(u, View((Gather(1, (0,)), index(1))), (n, q), (r,))
    two = b.constant(2)
    rest = b.call("sub", y, b.reduce_sum(b.call("powi", row, two), 1))
    root = b.reduce_sum(b.call("powi", rest, two))
    data = {"r": (n,), "R": (n,)}
    made = definition("factors", b.graph, root, {"U": (m, q)}, data, constants=("m", "q"))
    return Handmade(made, lambda U, r, R: np.sum((R - np.sum(U[r] ** 2, axis=1)) ** 2))


def diagonal() -> Handmade:
    """Return a sum over a diagonal."""
    b = Builder()
    u = b.graph.input("param", 0, (d, d))
    root = b.reduce_sum(b.call("exp", b.view(u, View((index(0), index(0))), (d,))))
    made = definition("diagonal", b.graph, root, {"U": (d, d)}, {})
    return Handmade(made, lambda U: np.sum(np.exp(np.diag(U))))


def gmm() -> Handmade:
    """Return the negative log likelihood of a mixture of Gaussians, up to a constant."""
    b = Builder()
    a = b.graph.input("param", 0, (q,))
    mu, s = b.graph.input("param", 1, (q, d)), b.graph.input("param", 2, (q, d))
    x = b.graph.input("data", 0, (n, d))
    cube = (n, q, d)
    rows = b.broadcast(x, [0, 2], cube)
    far = b.call("sub", rows, b.broadcast(mu, [1, 2], cube))
    scaled = b.call("mul", far, b.broadcast(b.call("exp", b.call("neg", s)), [1, 2], cube))
    half = b.graph.add("div", (b.call("powi", scaled, b.constant(2)), b.constant(2)))
    density = b.reduce_sum(b.call("neg", b.call("add", half, b.broadcast(s, [1, 2], cube))), 2)
    total = b.call("log", b.reduce_sum(b.call("exp", a)))
    weight = b.broadcast(b.call("sub", a, total), [1], (n, q))
    mixture = b.call("log", b.reduce_sum(b.call("exp", b.call("add", weight, density)), 1))
    root = b.call("neg", b.reduce_sum(mixture))
    params = {"a": (q,), "mu": (q, d), "s": (q, d)}
    made = definition("gmm", b.graph, root, params, {"X": (n, d)}, constants=("q",))

    def loss(a: Any, mu: Any, s: Any, X: Any) -> Any:
        far = (X[:, None, :] - mu) * np.exp(-s)
        each = a - np.log(np.sum(np.exp(a))) - np.sum(far**2 / 2 + s, axis=2)
        return -np.sum(np.log(np.sum(np.exp(each), axis=1)))

    return Handmade(made, loss)


def shares() -> Handmade:
    """Return a softmax, whose value is a matrix."""
    g = Graph()
    e = g.add("exp", (g.input("param", 0, (n, q)),))
    root = g.add("div", (e, g.view(g.reduce_sum(e, 1), whole([0]), (n, q))))
    made = definition("shares", g, root, {"z": (n, q)}, {}, axes=(n, q))
    return Handmade(made, lambda z: np.exp(z) / np.sum(np.exp(z), axis=1)[:, None])


SCALARS = (logreg, ridge, steps, factors, diagonal, gmm)
