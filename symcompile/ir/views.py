"""What views mean: which axes matter, whether indices are in range, views of views."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from symcompile.ir.affine import Affine
from symcompile.ir.graph import Axes, Gather, Graph, Index, View

if TYPE_CHECKING:
    from symcompile.ir.build import Builder


def support(graph: Graph, node: int) -> frozenset[int]:
    """Return the positions of the axes along which a node varies.

    >>> from symcompile.ir.graph import Axis, whole
    >>> g = Graph()
    >>> i, j = Axis(Affine.of("n")), Axis(Affine.of("m"))
    >>> w = g.input("param", 0, (j,))
    >>> support(g, g.view(w, whole([1]), (i, j)))
    frozenset({1})
    """
    found = graph.nodes[node]
    if found.op == "view":
        assert isinstance(found.data, View)
        return found.data.used
    return frozenset(range(len(found.axes)))


def in_range(view: View, source: Axes, axes: Axes) -> bool:
    """Return whether all affine indices of a view are within their axes, as far as can be seen."""
    extents = [axis.extent for axis in axes]
    for index, axis in zip(view.index, source, strict=True):
        if not isinstance(index, Affine):
            continue
        if index.axis is not None and axes[index.axis] == axis:
            continue
        low, high = index.bounds(extents)
        if not (low.nonnegative() and (axis.extent - 1 - high).nonnegative()):
            return False
    return True


class _Term(NamedTuple):
    """An index as an affine part and gathered parts ``coefficient*argument``."""

    affine: Affine
    gathered: tuple[tuple[int, Gather], ...] = ()


def composed(
    b: Builder, source: int, view: View, axes: Axes, gathers: tuple[int, ...]
) -> int | None:
    """Return ``view`` of the view ``source`` as one view of what that one is of.

    None where two clamped indices cannot be one.
    """
    graph = b.graph
    node = graph[source]
    inner = node.data
    assert isinstance(inner, View)
    if view.clamped and inner.plain is None and inner.index:
        return None
    args = list(gathers)
    index: list[Index] = []
    for old in inner.index:
        if isinstance(old, Gather):
            made = _regathered(b, node.args[old.arg], old, view, axes, gathers)
            if isinstance(made, Affine):
                index.append(made)
                continue
            arg, positions = made
            args.append(arg)
            index.append(Gather(len(args), positions))
            continue
        plain = old.axis
        if plain is not None:
            index.append(view.index[plain])
            continue
        if any(isinstance(view.index[a], Gather) for a in old.axes):
            arg, positions = _computed(b, old, view, axes, gathers)
            args.append(arg)
            index.append(Gather(len(args), positions))
            continue
        parts = {a: view.index[a] for a in old.axes}
        index.append(old.substitute(parts))  # type: ignore[arg-type]
    kept = sorted({i.arg for i in index if isinstance(i, Gather)})
    place = {arg: k + 1 for k, arg in enumerate(kept)}
    final = tuple(i._replace(arg=place[i.arg]) if isinstance(i, Gather) else i for i in index)
    found = View(final, view.clamped or inner.clamped)
    return b.view(node.args[0], found, axes, tuple(args[arg - 1] for arg in kept))


def _used(view: View, positions: tuple[int, ...]) -> list[int]:
    return sorted({axis for p in positions for axis in view.index[p].axes})


def _compact(
    b: Builder, node: int, indices: list[Index], axes: Axes, gathers: tuple[int, ...]
) -> tuple[int, tuple[int, ...]]:
    """Return a node indexed, over just the axes that the indices use, and those axes."""
    used = sorted({axis for index in indices for axis in index.axes})
    place = {axis: k for k, axis in enumerate(used)}
    kept = sorted({i.arg for i in indices if isinstance(i, Gather)})
    args = {arg: k + 1 for k, arg in enumerate(kept)}
    local: list[Index] = []
    for index in indices:
        if isinstance(index, Gather):
            positions = tuple(place[axis] for axis in index.axes)
            local.append(Gather(args[index.arg], positions))
        else:
            local.append(index.substitute({a: Affine(0, ((place[a], 1),)) for a in index.axes}))
    fewer = tuple(axes[axis] for axis in used)
    made = b.view(node, View(tuple(local)), fewer, tuple(gathers[arg - 1] for arg in kept))
    return made, tuple(used)


def _regathered(
    b: Builder, arg: int, old: Gather, view: View, axes: Axes, gathers: tuple[int, ...]
) -> Affine | tuple[int, tuple[int, ...]]:
    """Return the gathered index ``old`` seen through ``view``."""
    made, used = _compact(b, arg, [view.index[p] for p in old.axes], axes, gathers)
    number = b.graph[made].data
    if b.graph[made].op == "const" and getattr(number, "denominator", 0) == 1:
        return Affine(int(number))  # type: ignore[arg-type]
    return made, used


def _computed(
    b: Builder, old: Affine, view: View, axes: Axes, gathers: tuple[int, ...]
) -> tuple[int, tuple[int, ...]]:
    """Return an affine index in gathered indices as a gathered index of its own."""
    used = _used(view, old.axes)
    place = {axis: k for k, axis in enumerate(used)}
    fewer = tuple(axes[axis] for axis in used)
    rest = Affine(old.const, tuple(t for t in old.terms if isinstance(t[0], str)))
    value: int | None = None
    for axis in old.axes:
        index, factor = view.index[axis], old.coefficient(axis)
        if isinstance(index, Affine):
            rest = rest + factor * index
            continue
        positions = [place[p] for p in index.axes]
        part = b.broadcast(gathers[index.arg - 1], positions, fewer)
        part = b.call("mul", b.constant(factor), part)
        value = part if value is None else b.call("add", value, part)
    assert value is not None
    local = rest.substitute({a: Affine(0, ((place[a], 1),)) for a in rest.axes})
    return b.call("add", value, b.index(local, fewer)), tuple(used)
