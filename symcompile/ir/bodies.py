"""Bodies taken apart and put together: canonical forms, substitution, and what leaves a loop.

A sum, a product, an integral or a derivative is simplified as it is made. What does not depend on
the variable leaves the body: factors of sums and integrals altogether, other subexpressions as
captured values, where they are computed once and shared. Numbers are captured by none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from symcompile.ir.algebra import exact
from symcompile.ir.body import LIMITS, Body
from symcompile.ir.graph import Graph, Input, Kind, Node, Special
from symcompile.ir.splitting import clamped, first_cut, ordered, parts

if TYPE_CHECKING:
    from symcompile.ir.build import Builder

#: A sum or product of so few terms is written out.
_FEWEST = 1


def copied(target: Graph, node: Node, args: tuple[int, ...]) -> int:
    """Return a node without axes in another graph, as it is."""
    data = node.data
    if isinstance(data, Input):
        return target.input(data.role, data.slot, (), node.kind)
    if isinstance(data, Body):
        return target.bound(node.op, args, data)
    if isinstance(data, Fraction | Special):
        return target.constant(data)
    return target.add(node.op, args)


def transplanted(
    target: Graph, source: Graph, roots: Sequence[int], leaves: Mapping[Input, int]
) -> list[int]:
    """Return ``roots`` of ``source``, which has no axes, in ``target``; ``leaves`` say its inputs.

    >>> g, h = Graph(), Graph()
    >>> root = g.add("sin", (g.input("captured", 0),))
    >>> (found,) = transplanted(h, g, [root], {Input("captured", 0): h.input("param", 3)})
    >>> h[h[found].args[0]].data
    Input(role='param', slot=3)
    """
    mapping: dict[int, int] = {}
    for index in source.ancestors(roots):
        node = source[index]
        if isinstance(node.data, Input) and node.data in leaves:
            mapping[index] = leaves[node.data]
        else:
            mapping[index] = copied(target, node, tuple(mapping[arg] for arg in node.args))
    return [mapping[root] for root in roots]


def closed(graph: Graph, root: int) -> tuple[Body, list[int]]:
    """Return a node of a graph as a body, and the slots of what it captures, in their new order.

    The order is that of a walk from the root, so it does not depend on how the graph was made.
    """
    order = _postorder(graph, root)
    slots: list[int] = []
    place: dict[int, int] = {}
    nodes: list[Node] = []
    for index in order:
        node = graph[index]
        data = node.data
        if isinstance(data, Input) and data.role == "captured":
            slots.append(data.slot)
            data = Input("captured", len(slots) - 1)
        place[index] = len(nodes)
        args = tuple(place[arg] for arg in node.args)
        nodes.append(node._replace(args=args, data=data))
    return Body(tuple(nodes)), slots


def _postorder(graph: Graph, root: int) -> list[int]:
    found: list[int] = []
    done: set[int] = set()
    stack = [(root, False)]
    while stack:
        index, ready = stack.pop()
        if index in done:
            continue
        if ready:
            done.add(index)
            found.append(index)
            continue
        stack.append((index, True))
        stack += [(arg, False) for arg in reversed(graph[index].args)]
    return found


def opened(body: Body) -> Graph:
    """Return a graph whose nodes are those of a body."""
    graph = Graph()
    place: list[int] = []
    for node in body.nodes:
        place.append(copied(graph, node, tuple(place[arg] for arg in node.args)))
    assert place == list(range(len(place)))
    return graph


def applied(b: Builder, body: Body, variable: int, captured: Sequence[int]) -> int:
    """Return the value of a body as nodes of ``b``."""
    mapping: dict[int, int] = {}
    graph = opened(body)
    for index, node in enumerate(body.nodes):
        if isinstance(node.data, Input):
            at_variable = node.data.role == "bound"
            mapping[index] = variable if at_variable else captured[node.data.slot]
        else:
            mapping[index] = b.copy_node(graph, index, mapping)
    return mapping[body.root]


def rebuilt(
    body: Body,
    kinds: Sequence[Kind],
    slots: Sequence[int],
    known: Mapping[int, Fraction | Special],
    whole: bool,
) -> tuple[Builder, int]:
    """Return a body through a builder, which simplifies it, and its result.

    Args:
        body: the body.
        kinds: what kind each captured value is.
        slots: the slot to use for each: equal values have one.
        known: captured values that are numbers.
        whole: whether the variable holds whole numbers only.
    """
    from symcompile.ir.build import Builder

    inner = Builder()
    graph = opened(body)
    mapping: dict[int, int] = {}
    for index, node in enumerate(body.nodes):
        if not isinstance(node.data, Input):
            mapping[index] = inner.copy_node(graph, index, mapping)
        elif node.data.role == "bound":
            kind = Kind.INTEGER if whole else node.kind
            mapping[index] = inner.graph.input("bound", 0, (), kind)
        elif node.data.slot in known:
            mapping[index] = inner.constant(known[node.data.slot])
        else:
            slot = slots[node.data.slot]
            mapping[index] = inner.graph.input("captured", slot, (), kinds[slot])
    return inner, mapping[body.root]


def is_whole(graph: Graph, node: int) -> bool:
    """Return whether a node holds whole numbers only, as far as can be seen."""
    found = graph[node]
    value = exact(graph, node)
    if value is not None:
        return value.denominator == 1
    if found.kind is Kind.INTEGER or found.op in ("floor", "ceil"):
        return True
    if found.op in ("add", "sub", "mul", "neg"):
        return all(is_whole(graph, arg) for arg in found.args)
    return False


def simplified_bound(b: Builder, op: str, args: tuple[int, ...], body: Body) -> int:
    """Return the node of ``op`` over a body, in as few operations as can be."""
    from symcompile.ir.sums import factors, product

    graph = b.graph
    limits, captured = args[: LIMITS[op]], args[LIMITS[op] :]
    numbers = {
        slot: data
        for slot, arg in enumerate(captured)
        if isinstance(data := graph[arg].data, Fraction | Special)
    }
    kinds = [graph[arg].kind for arg in captured]
    stepped = op in ("sum", "product")
    first = {arg: slot for slot, arg in reversed(list(enumerate(captured)))}
    slots = [first[arg] for arg in captured]
    inner, root = rebuilt(body, kinds, slots, numbers, stepped and is_whole(graph, limits[0]))
    varies = _varying(inner.graph, root, variable_of(inner.graph))
    outward = _Outward(b, inner.graph, captured)
    if root not in varies:
        return _of_constant(b, op, limits, outward(root))
    if stepped:
        count = _count(graph, limits)
        if count is not None and 0 <= count <= _FEWEST:
            if count == 0:
                return b.constant(0 if op == "sum" else 1)
            found, kept = closed(inner.graph, root)
            return applied(b, found, limits[0], [captured[slot] for slot in kept])
    if op == "integral":
        pieces = _cut(b, limits, inner, root, varies, outward, captured)
        if pieces is not None:
            return pieces
    if op == "product":
        return _made(b, op, limits, inner, root, outward)
    top, bottom, negative = factors(inner.graph, root)
    free = [[f for f in part if f not in varies] for part in (top, bottom)]
    free[0] = [f for f in free[0] if exact(inner.graph, f) != 1]
    if not (free[0] or free[1] or negative):
        return _made(b, op, limits, inner, root, outward)
    rest = product(
        inner, [f for f in top if f in varies], [f for f in bottom if f in varies], False
    )
    # What is left is made anew: it may be another body that is there already.
    found, kept = closed(inner.graph, rest)
    made = b.bound(op, (*limits, *[captured[slot] for slot in kept]), found)
    return product(b, [made, *map(outward, free[0])], [*map(outward, free[1])], negative)


def _cut(
    b: Builder,
    limits: tuple[int, ...],
    inner: Builder,
    root: int,
    varies: set[int],
    outward: _Outward,
    captured: Sequence[int],
) -> int | None:
    """Return an integral as two, cut where its integrand jumps or has a kink."""
    cut = first_cut(inner, root, varies, variable_of(inner.graph))
    if cut is None:
        return None
    low, high, sign = ordered(b, *limits)
    place = b.call("div", outward(cut.rest), b.constant(-cut.slope))
    middle = clamped(b, place, low, high)
    total: int | None = None
    for part, ends in zip(parts(inner, root, cut), ((low, middle), (middle, high)), strict=True):
        if ends[0] == ends[1]:
            continue
        body, slots = closed(inner.graph, part)
        made = b.bound("integral", (*ends, *[captured[slot] for slot in slots]), body)
        total = made if total is None else b.call("add", total, made)
    return b.constant(0) if total is None else b.call("mul", sign, total)


def _count(graph: Graph, limits: Sequence[int]) -> Fraction | None:
    low, high = (exact(graph, limit) for limit in limits)
    return None if low is None or high is None else high - low + 1


def _varying(graph: Graph, root: int, variable: int) -> set[int]:
    """Return the nodes between a variable and a result that depend on it."""
    found = {variable}
    for index in graph.ancestors([root]):
        if any(arg in found for arg in graph[index].args):
            found.add(index)
    return found


def variable_of(graph: Graph) -> int:
    """Return the node of the variable of a body, made if it is not used."""
    return graph.input("bound", 0)


class _Outward:
    """Copies what does not depend on the variable into the graph around a body."""

    def __init__(self, b: Builder, graph: Graph, captured: Sequence[int]) -> None:
        self.b, self.graph, self.captured = b, graph, captured
        self.mapping: dict[int, int] = {}

    def __call__(self, root: int) -> int:
        for index in self.graph.ancestors([root]):
            if index in self.mapping:
                continue
            data = self.graph[index].data
            if isinstance(data, Input):
                self.mapping[index] = self.captured[data.slot]
            else:
                self.mapping[index] = self.b.copy_node(self.graph, index, self.mapping)
        return self.mapping[root]


def _of_constant(b: Builder, op: str, limits: Sequence[int], value: int) -> int:
    """Return the sum, product, integral or derivative of what does not vary."""
    zero = b.constant(0)
    if op == "derivative":
        return zero
    if op == "integral":
        if exact(b.graph, value) == 0:
            return zero
        return b.call("mul", b.call("sub", limits[1], limits[0]), value)
    unit = b.constant(0 if op == "sum" else 1)
    if value == unit:
        return unit
    count = b.call("add", b.call("sub", limits[1], limits[0]), b.constant(1))
    if not all(is_whole(b.graph, limit) for limit in limits):
        # Not of an infinity, either.
        stepped = b.call("eq", b.call("sub", b.call("floor", count), count), b.constant(0))
        count = b.call("select", stepped, count, b.constant(Special.NAN))
    if op == "sum":
        return b.call("mul", count, value)
    return b.call("pow", value, count)


def _made(
    b: Builder,
    op: str,
    limits: tuple[int, ...],
    inner: Builder,
    root: int,
    outward: Callable[[int], int],
) -> int:
    body, captured = abstracted(inner.graph, root, variable_of(inner.graph))
    return b.graph.bound(op, (*limits, *map(outward, captured)), body)


def abstracted(graph: Graph, root: int, variable: int) -> tuple[Body, list[int]]:
    """Return ``root`` as a function of the node ``variable``, and the nodes that it captures.

    They are the largest subexpressions that do not depend on the variable; truth values and
    what depends on nothing at all are no use to capture.
    """
    varies = _varying(graph, root, variable)
    fixed = _constants(graph, root)
    target = Graph()
    captured: list[int] = []
    mapping: dict[int, int] = {}

    def leaves(index: int) -> bool:
        kept = index in varies or index in fixed or graph[index].kind is Kind.BOOL
        return not kept or (isinstance(graph[index].data, Input) and index not in varies)

    for index in _needed(graph, root, variable, leaves):
        node = graph[index]
        if index == variable:
            mapping[index] = target.input("bound", 0, (), node.kind)
        elif leaves(index):
            mapping[index] = target.input("captured", len(captured), (), node.kind)
            captured.append(index)
        else:
            mapping[index] = copied(target, node, tuple(mapping[arg] for arg in node.args))
    body, slots = closed(target, mapping[root])
    return body, [captured[slot] for slot in slots]


def _needed(graph: Graph, root: int, variable: int, leaves: Callable[[int], bool]) -> list[int]:
    """Return the nodes of a body, down to its variable and to those that leave it."""
    wanted = {root}
    for index in range(root, -1, -1):
        if index in wanted and index != variable and not leaves(index):
            wanted.update(graph[index].args)
    return sorted(wanted)


def _constants(graph: Graph, root: int) -> set[int]:
    """Return the nodes that depend on no input at all."""
    found: set[int] = set()
    for index in graph.ancestors([root]):
        node = graph[index]
        if not isinstance(node.data, Input) and all(arg in found for arg in node.args):
            found.add(index)
    return found
