"""The stages of a compilation as text, for people to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, get_args

from symcompile.compiler import plan
from symcompile.frontend.definition import Definition, Shape, squeezed
from symcompile.generate import generate
from symcompile.ir.affine import Affine
from symcompile.ir.graph import Function, Graph, Input, Role, operation_count, payload
from symcompile.ir.printer import format_function
from symcompile.options import Backend
from symcompile.schedule import Phase, Schedule

Stage = Literal["sympy", "ir", "schedule", "source"]
STAGES: tuple[Stage, ...] = get_args(Stage)


def show_stage(definition: Definition, stage: Stage, backend: Backend = "python") -> str:
    """Return what a definition has become after a stage.

    Args:
        definition: what ``define`` returns.
        stage: ``"sympy"`` for the formula and its gradient, ``"ir"`` for the formula as lowered
            and every function as optimised, ``"schedule"`` for their loops, ``"source"`` for the
            generated module.
        backend: of the source.

    Example:
        >>> import sympy as sp, symcompile as sc
        >>> x = sp.Symbol("x")
        >>> print(show_stage(sc.define("square", x**2, params=x), "sympy"))
        square(x)
          value = x**2
          gradient = [2*x]
    """
    if stage == "sympy":
        return "\n".join(_sympy(definition))
    if stage == "ir":
        return "\n\n".join(_ir(definition))
    if stage == "schedule":
        return "\n\n".join("\n".join(_schedule(s, definition)) for s in plan(definition))
    (source,) = generate(definition, [backend])
    return source.text.rstrip("\n")


def input_names(definition: Definition) -> dict[Input, str]:
    """Return what the user calls the inputs."""
    names = {Input("param", k): name for k, name in enumerate(definition.params)}
    names |= {Input("data", k): name for k, name in enumerate(definition.data)}
    return names | {Input("constant", k): name for k, (name, _) in enumerate(definition.constants)}


def _sympy(definition: Definition) -> Iterator[str]:
    from symcompile.frontend.raising import formula_lines, role_groups

    groups = role_groups(definition)
    roles = [", ".join(groups.get(role, ())) for role in ("params", "data")]
    roles.append(", ".join(f"{n}" if v is None else f"{n}={v}" for n, v in definition.constants))
    yield f"{definition.name}({'; '.join(role for role in roles if role)})"
    *parts, last = formula_lines(definition, limit=200)
    yield from (f"  {line}" for line in parts)
    yield f"  {last}" if parts else f"  value = {last}"
    if not definition.scalar or not definition.params:
        return
    gradient = definition.gradient()
    yield from (f"  {symbol} = {expr}" for symbol, expr in gradient.intermediates)
    if any(gradient.indices):
        yield from (f"  {line}" for line in gradient.lines())
    else:
        yield f"  gradient = {list(gradient.results)}"


def _ir(definition: Definition) -> Iterator[str]:
    names, shapes = input_names(definition), input_shapes(definition)
    lowered = Function("value", definition.graph, (definition.output,))
    yield f"# {definition.name} as lowered\n{format_function(lowered, names, shapes)}"
    yield f"# {definition.name} as optimised"
    for schedule in plan(definition):
        function = schedule.function
        count = operation_count(function.graph, function.roots())
        named = names | _vector_names(function, definition)
        yield f"# {function.name}: {_counted(count)}\n{format_function(function, named, shapes)}"


def input_shapes(definition: Definition) -> dict[Input, tuple[Affine, ...]] | None:
    """Return the sizes of the inputs' axes, or None of a formula per sample."""
    if not definition.indexed:
        return None
    shapes: tuple[tuple[Role, tuple[Shape, ...]], ...] = (
        ("param", definition.param_shapes),
        ("data", definition.data_shapes),
    )
    return {
        Input(role, k): tuple(axis.extent for axis in squeezed(shape))
        for role, found in shapes
        for k, shape in enumerate(found)
    }


def _vector_names(function: Function, definition: Definition) -> dict[Input, str]:
    """Return names for what a function reads of ``v`` and ``u``: entries, or arrays ``v.w``."""
    graph = function.graph
    inputs = [
        payload(graph[k]) for k in graph.ancestors(function.roots()) if graph[k].op == "input"
    ]
    found = {i: f"{_VECTORS[i.role]}{i.slot}" for i in inputs if i.role in _VECTORS}
    if definition.indexed:
        for key in found:
            if key.role == "direction":
                found[key] = f"v.{definition.params[key.slot]}"
            elif len(definition.output.entries) == 1:
                found[key] = "u"
    return found


def _counted(count: int) -> str:
    return f"{count} operation{'' if count == 1 else 's'}"


def _schedule(schedule: Schedule, definition: Definition) -> Iterator[str]:
    listing = _Listing(schedule.graph, definition)
    yield f"{schedule.function.name}:"
    for phase in schedule.phases:
        yield f"  {'for each sample i' if phase.loop else 'once'}:"
        yield from (f"    {line}" for line in listing.phase(phase, schedule.function))


class _Listing:
    """Names the nodes of a graph in the order in which they are computed."""

    def __init__(self, graph: Graph, definition: Definition) -> None:
        self._graph = graph
        self._inputs = input_names(definition)
        self._names: dict[int, str] = {}

    def phase(self, phase: Phase, function: Function) -> Iterator[str]:
        for index in phase.nodes:
            node = self._graph[index]
            made = f"{node.op}({', '.join(self._text(arg) for arg in node.args)})"
            # A node that two loops need is computed, and named, in both.
            yield f"{self._named(index)} = {made}"
        for index in phase.sums:
            (body,) = self._graph[index].args
            yield f"{self._named(index, 's')} += {self._text(body)}"
        for store in phase.stores:
            output = function.outputs[store.output]
            place = ["i"] if output.per_sample else []
            place += [str(k) for k in _unravel(store.entry, output.shape)]
            subscript = f"[{', '.join(place)}]" if place else ""
            yield f"{output.name}{subscript} = {self._text(store.node)}"

    def _named(self, index: int, letter: str = "t") -> str:
        if index not in self._names:
            label = self._graph.labels.get(index, f"{letter}{len(self._names)}")
            self._names[index] = label
        return self._names[index]

    def _text(self, index: int) -> str:
        node = self._graph[index]
        if node.op == "const":
            return str(getattr(node.data, "value", node.data))
        if node.op == "extent":
            return "n"
        if node.op == "input":
            place = payload(node)
            name = self._inputs.get(place) or f"{_VECTORS[place.role]}[{place.slot}]"
            return f"{name}[i]" if node.axes else name
        if not node.args:
            return node.op
        return self._named(index)


_VECTORS = {"direction": "v", "cotangent": "u"}


def _unravel(entry: int, shape: Sequence[int]) -> list[int]:
    found = []
    for size in reversed(shape):
        entry, rest = divmod(entry, size)
        found.append(rest)
    return found[::-1]
