"""Many random graphs over arrays as one definition, and what each of its functions is to return.

The graphs share parameters, data and the sizes ``n`` and ``d``, so that they also share loops.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from numpy.typing import NDArray

from symcompile.frontend.definition import Definition
from symcompile.frontend.roles import Whole
from symcompile.ir.affine import Affine
from symcompile.ir.build import Builder
from symcompile.ir.graph import Axes, Axis, Function, Input, Kind, Output
from tests.arrays import evaluate, extents
from tests.graphs import DATA, PARAMS, ArrayCase, array_graphs

Array = NDArray[np.float64]
Layout = Literal["plain", "fortran", "reversed", "broadcast", "strided"]
LAYOUTS: tuple[Layout, ...] = ("plain", "fortran", "reversed", "broadcast", "strided")


def drawn(count: int, *, number: int = 0, size: int = 14, square: bool = True) -> list[ArrayCase]:
    """Return that many random graphs, always the same for one number.

    Without ``square`` none has two axes of length ``n``: those do for any ``n``.
    """
    found: list[ArrayCase] = []

    @seed(number)
    @settings(
        max_examples=4 * count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(array_graphs(size=size))
    def collect(case: ArrayCase) -> None:
        wide = any(str(node.axes).count("'n'") > 1 for node in case.graph)
        if square or not wide:
            found.append(case)

    collect()
    # The first examples are the simplest.
    return found[:: max(len(found) // count, 1)][:count]


def merged(
    name: str,
    cases: Iterable[ArrayCase],
    *,
    scalar: bool = False,
    order: Sequence[int] = range(len(PARAMS)),
) -> Definition:
    """Return one definition: all roots in a vector, or the sum of their sines.

    ``order`` says which parameter comes when.
    """
    b = Builder()
    graph = b.graph
    params = [graph.input("param", order.index(k), axes) for k, axes in enumerate(PARAMS)]
    for slot, axes in enumerate(DATA):
        graph.input("data", slot, axes)
    roots: list[tuple[int, Axes]] = []
    for case in cases:
        mapping: dict[int, int] = {}
        for index in case.graph.ancestors(case.roots):
            data = case.graph[index].data
            if isinstance(data, Input) and data.role == "param":
                mapping[index] = params[data.slot]
            else:
                mapping[index] = b.copy_node(case.graph, index, mapping)
        roots += [
            (mapping[root], case.graph[root].axes)
            for root in case.roots
            if case.graph[root].kind is not Kind.BOOL
        ]
    if scalar:
        output = Output("value", (_total(b, roots),), (), False)
    else:
        length = Affine.of("amount")
        dims = (tuple(axes for _, axes in roots),)
        output = Output("value", tuple(root for root, _ in roots), (length,), False, dims)
    return Definition(
        name=name,
        params=tuple("wbU"[k] for k in order),
        data=("X", "y", "r"),
        constants=() if scalar else (("amount", None),),
        reduce=None,
        ir=graph,
        output=output,
        param_shapes=tuple(tuple(axis.extent for axis in PARAMS[k]) for k in order),
        data_shapes=tuple(tuple(axis.extent for axis in axes) for axes in DATA),
        sizes=("n", "d") if scalar else ("n", "d", "amount"),
        wholes=(Whole(2, Affine(0), Affine.of("d") - 1),),
        indexed=True,
    )


def _total(b: Builder, roots: Sequence[tuple[int, Axes]]) -> int:
    total = b.constant(0)
    for root, axes in roots:
        term = b.call("sin", root)
        for position in reversed(range(len(axes))):
            term = b.reduce_over(axes[position], term, position)
        total = b.call("add", total, term)
    return total


@dataclass(frozen=True)
class Point:
    """What a merged definition is evaluated at.

    Attributes:
        sizes: the sizes by name.
        p: all parameters.
        v: a direction.
        u: a cotangent for each number of the value.
        data: the data arrays.
    """

    sizes: dict[str, int]
    p: Array
    v: Array
    u: Array
    data: tuple[Array, ...]

    def moved(self, step: float) -> Point:
        """Return a point nearby."""
        x, y, r = self.data
        return Point(
            self.sizes, self.p * (1 + step), self.v, self.u, (x * (1 + step), y * (1 - step), r)
        )

    def arguments(self, name: str) -> tuple[Any, ...]:
        """Return what a function takes, but for keywords."""
        extra: dict[str, Array] = {"hvp": self.v, "jvp": self.v, "vjp": self.u}
        middle = (extra[name],) if name in extra else ()
        return (self.p, *middle, *self.data)


def point(definition: Definition, n: int, d: int, layout: Layout) -> Point:
    """Return a point with data of some layout."""
    rng = np.random.default_rng(n + d)
    sizes = {"n": n, "d": d}
    p = rng.normal(size=sum(_length(axes, sizes) for axes in _params(definition))).round(3)
    count = sum(_length(axes, sizes) for axes in _segments(definition))
    x, y = rng.normal(size=(n, d)).round(3), rng.normal(size=n).round(3)
    r = rng.integers(0, d, size=n).astype(float)
    if layout == "fortran":
        x, y, r = np.asfortranarray(x), np.repeat(y, 3)[::3], r[::-1].copy()[::-1]
    elif layout == "reversed":
        x, y = x[::-1, ::-1].copy()[::-1, ::-1], y[::-1].copy()[::-1]
    elif layout == "broadcast":
        x, y = np.broadcast_to(x[:1], (n, d)), np.broadcast_to(np.float64(0.7), n)
        r = np.broadcast_to(np.float64(d - 1), n)
    elif layout == "strided":
        planes = np.zeros((2 * n, d, 3))
        planes[::2, :, 1] = x
        x = planes[::2, :, 1]
    v, u = rng.normal(size=len(p)).round(2), rng.normal(size=count).round(2)
    return Point(sizes, p, v, u if definition.output.shape else u.reshape(()), (x, y, r))


def _length(axes: Axes, sizes: dict[str, int]) -> int:
    return int(np.prod(extents(axes, sizes)))


def _params(definition: Definition) -> tuple[Axes, ...]:
    return tuple(tuple(map(Axis, shape)) for shape in definition.param_shapes)


def _segments(definition: Definition) -> tuple[Axes, ...]:
    layout = definition.output.layout
    return layout[0] if layout else ((),)


def expected(definition: Definition, function: Function, at: Point) -> list[Array]:
    """Return what a function returns, by the evaluator that leaves nothing to chance."""
    inputs: dict[Input, Any] = {Input("data", slot): a for slot, a in enumerate(at.data)}
    flat: tuple[tuple[Literal["param", "direction", "cotangent"], Sequence[Axes], Array], ...] = (
        ("param", _params(definition), at.p),
        ("direction", _params(definition), at.v),
        ("cotangent", _segments(definition), at.u.reshape(-1)),
    )
    for role, shapes, vector in flat:
        start = 0
        for slot, axes in enumerate(shapes):
            size = _length(axes, at.sizes)
            part = vector[start : start + size]
            inputs[Input(role, slot)] = part.reshape(extents(axes, at.sizes))
            start += size
    found = iter(evaluate(function.graph, function.roots(), inputs, at.sizes))
    return [_assembled(output, found, at.sizes) for output in function.outputs]


def _assembled(output: Output, entries: Any, sizes: dict[str, int]) -> Array:
    """Return the array that entries are laid out in."""
    lengths = [[_length(axes, sizes) for axes in dim] for dim in output.layout]
    whole = np.empty([sum(parts) for parts in lengths])
    for chosen in itertools.product(*[range(len(dim)) for dim in output.layout]):
        pairs = list(zip(lengths, chosen, strict=True))
        place = tuple(slice(sum(part[:k]), sum(part[: k + 1])) for part, k in pairs)
        axes = sum((dim[k] for dim, k in zip(output.layout, chosen, strict=True)), ())
        entry = np.broadcast_to(next(entries), extents(axes, sizes))
        whole[place] = entry.reshape(whole[place].shape)
    return whole


def mistakes(found: Any, right: Sequence[Array], nearby: Sequence[Array]) -> list[str]:
    """Return where results differ by more than rounding, or than what a small step changes.

    So what is ill-conditioned may differ more, and a comparison of what is equal but for
    rounding may go either way.
    """
    lines = []
    results = found if isinstance(found, tuple) else (found,)
    for got, exact, moved in zip(results, right, nearby, strict=True):
        if np.shape(got) != exact.shape:
            lines.append(f"shape {np.shape(got)}, not {exact.shape}")
            continue
        scale = 1 + np.max(np.abs(exact), where=np.isfinite(exact), initial=0)
        if scale > 1e150:
            continue
        with np.errstate(all="ignore"):
            step = np.nan_to_num(np.abs(moved - exact), nan=0.0)
            jump = np.isfinite(exact) != np.isfinite(moved)
        wrong = ~_close(np.asarray(got), exact, 1e-10 * scale + step) & ~jump
        lines += [
            f"{np.asarray(got)[tuple(at)]} at {at}, not {exact[tuple(at)]}"
            for at in np.argwhere(wrong).tolist()
        ]
    return lines


def _close(first: Array, second: Array, tolerance: Array) -> NDArray[np.bool_]:
    with np.errstate(all="ignore"):
        near = np.abs(first - second) <= tolerance
    return near | (first == second) | (np.isnan(first) & np.isnan(second))
