"""Functions of which something is computed once: what is kept stands in place of its formula.

A function is cut at what is worth keeping (:mod:`~symcompile.binding.frontier`). What lies beyond
are functions of the data alone; what is left is the same function of more data: a column, or an
array, for each node over axes that is kept, and a constant for each that is a number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from symcompile.binding.frontier import Frontier, frontier
from symcompile.frontend.definition import Definition, squeezed
from symcompile.ir.body import Body
from symcompile.ir.graph import (
    REDUCTIONS,
    Axes,
    Axis,
    Function,
    Graph,
    Input,
    Node,
    Output,
    View,
    operation_count,
    tree_count,
)
from symcompile.ir.printer import Listing
from symcompile.planning import Schedule
from symcompile.schedule import schedule

#: Formulas of more operations than this are not written out.
_LONGEST = 12


@dataclass(frozen=True, eq=False)
class Kept:
    """A function of which something is computed once.

    Attributes:
        source: the definition.
        function: the function as it was scheduled without.
        columns: the nodes over axes that are kept.
        numbers: the others.
        found: what that saves.
    """

    source: Definition
    function: Function
    columns: tuple[int, ...]
    numbers: tuple[int, ...]
    found: Frontier

    @cached_property
    def operations(self) -> int:
        """How many operations are compiled again."""
        return operation_count(self.function.graph, self.function.roots())

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """What is kept as formulas: the columns, then the numbers."""
        graph, names = self.function.graph, _names(self.source)
        shapes: dict[Input, tuple[()]] | None = {} if self.source.indexed else None
        listing = Listing(self.function, names, shapes)
        texts = []
        for node in (*self.columns, *self.numbers):
            text = graph.labels.get(node) or _long(graph, node, names)
            place = listing.letters.place(graph[node].axes)
            texts.append(text or listing.mentioned(node, place))
        return tuple(texts)

    @cached_property
    def definition(self) -> Definition:
        """The definition with what is kept as data and constants."""
        source, graph = self.source, self.function.graph
        count = len(self.columns)
        shapes = tuple(tuple(axis.extent for axis in graph[node].axes) for node in self.columns)
        return replace(
            source,
            data=(*source.data, *self.texts[:count]),
            data_shapes=(*source.data_shapes, *shapes),
            constants=(*source.constants, *((text, None) for text in self.texts[count:])),
        )

    def bound(self) -> Schedule:
        """Return the function of the data, of what is kept, and of the parameters."""
        leaves: dict[int, Input] = {}
        for number, node in enumerate(self.columns, len(self.source.data)):
            leaves[node] = Input("data", number)
        for number, node in enumerate(self.numbers, len(self.source.constants)):
            leaves[node] = Input("constant", number)
        return schedule(copied(self.function, leaves))

    def derived(self) -> list[Schedule]:
        """Return the functions of the data alone: ``derived`` the columns, ``value`` the numbers.

        Columns of samples are rows of a result per sample; arrays lie one after the other.
        """
        graph, found = self.function.graph, []
        if self.columns:
            count = len(self.columns)
            dims = (tuple(graph[node].axes for node in self.columns),)
            output = Output("derived", self.columns, (count,), True)
            if self.source.indexed:
                output = Output("derived", self.columns, (count,), False, dims)
            found.append(Function("derived", graph, (output,)))
        if self.numbers:
            output = Output("value", self.numbers, (len(self.numbers),), False)
            found.append(Function("value", graph, (output,)))
        return [schedule(copied(function, {})) for function in found]


def keep(definition: Definition, function: Function) -> Kept | None:
    """Return what is worth keeping of a function, or None if nothing is.

    Args:
        definition: whose function it is.
        function: as it was scheduled.

    Example:
        >>> import sympy as sp, symcompile as sc
        >>> from symcompile.compiler import plan
        >>> a, b, x, y = sp.symbols("a b x y")
        >>> loss = (a*sp.exp(-b*sp.log(x)) - y)**2
        >>> power = sc.define("power", loss, params=(a, b), data=(x, y), reduce="mean")
        >>> keep(power, plan(power, ["value"])[0].function).texts
        ('log(x[i])',)
    """
    # In float32 special functions pass on doubles, which a column would round.
    if not definition.data or definition.dtype != "float64":
        return None
    found = frontier(function, [squeezed(shape) for shape in definition.data_shapes])
    if found is None:
        return None
    graph = function.graph
    columns = tuple(node for node in found.kept if graph[node].axes)
    numbers = tuple(node for node in found.kept if not graph[node].axes)
    return Kept(definition, function, columns, numbers, found)


def copied(function: Function, leaves: Mapping[int, Input], axes: Axes | None = None) -> Function:
    """Return a function in a graph of its own, some nodes of which are given to it.

    These have the axes that the nodes had, or others.
    """
    graph, made, mapping = function.graph, Graph(), dict[int, int]()
    wanted, pending = set[int](), function.roots()
    while pending:
        index = pending.pop()
        if index not in wanted:
            wanted.add(index)
            pending += () if index in leaves else graph[index].args
    for index in sorted(wanted):
        node, leaf = graph[index], leaves.get(index)
        if leaf is not None:
            own = node.axes if axes is None else axes
            mapping[index] = made.input(leaf.role, leaf.slot, own, node.kind)
            continue
        mapping[index] = _copy(made, node, tuple(mapping[arg] for arg in node.args))
        label = graph.labels.get(index)
        if label is not None:
            made.labels.setdefault(mapping[index], label)
    outputs = tuple(
        replace(output, entries=tuple(mapping[entry] for entry in output.entries))
        for output in function.outputs
    )
    return replace(function, graph=made, outputs=outputs)


def _copy(graph: Graph, node: Node, args: tuple[int, ...]) -> int:
    """Return a node in another graph, as it is: nothing is simplified again."""
    data = node.data
    if isinstance(data, Input):
        return graph.input(data.role, data.slot, node.axes, node.kind)
    if isinstance(data, Body):
        return graph.bound(node.op, args, data)
    if isinstance(data, View):
        if node.op == "scatter":
            return graph.scatter(args[0], data, node.axes, args[1:])
        if not data.index:
            return graph.fill(args[0], node.axes)
        return graph.view(args[0], data, node.axes, args[1:])
    match node.op:
        case "const":
            return graph.constant(data)  # type: ignore[arg-type]
        case "extent":
            return graph.extent(Axis(data))  # type: ignore[arg-type]
        case "index":
            return graph.index(data, node.axes)  # type: ignore[arg-type]
        case "delta":
            return graph.delta(data, node.axes)  # type: ignore[arg-type]
    if node.op in REDUCTIONS:
        return graph.reduce(node.op, args[0], data)  # type: ignore[arg-type]
    return graph.add(node.op, args)


def _long(graph: Graph, node: int, names: Mapping[Input, str]) -> str:
    """Return what a formula that is too long to be written out is of, or nothing."""
    if tree_count(graph, [node]) <= _LONGEST:
        return ""
    order = graph.ancestors([node])
    used = [names[found.data] for found in map(graph.__getitem__, order) if found.op == "input"]  # type: ignore[index]
    more = ", ..." if len(used) > 4 else ""
    return f"a formula of {', '.join(sorted(used)[:4])}{more}"


def _names(definition: Definition) -> dict[Input, str]:
    """Return what the user calls what does not depend on parameters."""
    names = {Input("data", k): name for k, name in enumerate(definition.data)}
    return names | {Input("constant", k): name for k, (name, _) in enumerate(definition.constants)}
