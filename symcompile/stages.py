"""The stages of a compilation as text, for people to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from symcompile.autodiff.bodies import take_derivatives
from symcompile.autodiff.derive import derive
from symcompile.binding.describe import describe, describe_kept
from symcompile.binding.kept import keep
from symcompile.binding.split import split
from symcompile.compiler import functions_of, plan
from symcompile.frontend.definition import Definition, Shape, squeezed
from symcompile.generate import generate
from symcompile.ir.affine import Affine
from symcompile.ir.cost import Cost, cost_of, nominal_sizes
from symcompile.ir.graph import (
    SAMPLES,
    Function,
    Graph,
    Input,
    Output,
    Role,
    operation_count,
    payload,
)
from symcompile.ir.indices import Place, vanishes
from symcompile.ir.printer import Listing, format_function
from symcompile.ir.volume import Volume
from symcompile.options import Backend, Stage
from symcompile.passes import contracted, recognise, share_quotients
from symcompile.passes.expand import expand
from symcompile.passes.recognise import Fired
from symcompile.planning import Contraction, Nest, Scalars, Schedule, Step, Store, Sweep


def show_stage(definition: Definition, stage: Stage, backend: Backend = "python") -> str:
    """Return what a definition has become after a stage.

    Args:
        definition: what ``define`` returns.
        stage: ``"sympy"`` for the formula and its gradient, ``"recognise"`` for the rules that put
            stable forms into it, ``"ir"`` for the formula as lowered and every function as
            optimised, ``"schedule"`` for their loops, ``"binding"`` for what is computed once when
            data are bound, ``"source"`` for the generated module.
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
    if stage == "recognise":
        return "\n\n".join(_recognised(definition))
    if stage == "ir":
        return "\n\n".join(_ir(definition))
    if stage == "schedule":
        return "\n\n".join("\n".join(_schedule(s, definition)) for s in plan(definition))
    if stage == "binding":
        return "\n".join(_binding(definition))
    (source,) = generate(definition, [backend])
    return source.text.rstrip("\n")


def input_names(definition: Definition) -> dict[Input, str]:
    """Return what the user calls the inputs."""
    names = {Input("param", k): name for k, name in enumerate(definition.params)}
    names |= {Input("data", k): name for k, name in enumerate(definition.data)}
    return names | {Input("constant", k): name for k, (name, _) in enumerate(definition.constants)}


def _binding(definition: Definition) -> Iterator[str]:
    names, schedules = functions_of(definition), plan(definition)
    found = split(definition, schedules)
    yield from describe(found, input_names(definition), names)
    passing = [s.function for s in schedules if s.function.name not in found.functions]
    yield from describe_kept(keep(definition, function) for function in passing)


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


def _recognised(definition: Definition) -> Iterator[str]:
    """Yield what the rules for stable forms did: the formula, and each function after that."""
    if not definition.stable:
        yield f"# {definition.name}: stable=False, computed as written"
        return
    names, shapes = input_names(definition), input_shapes(definition)
    lowered = take_derivatives(Function("value", definition.ir, (definition.output,)))
    parts = [("the formula", lowered, False)]
    stable = share_quotients(contracted(recognise(lowered)))
    extents = [squeezed(shape) for shape in definition.param_shapes]
    for function in derive(stable.graph, stable.outputs[0], extents, functions_of(definition)):
        if function.name in ("grad", "hessian", "jacobian"):
            parts.append((function.name, function, True))
    for heading, function, derived in parts:
        fired: list[Fired] = []
        graph = recognise(function, derived=derived, trace=fired).graph
        count = f"{len(fired)} rule{'' if len(fired) == 1 else 's'}" if fired else "no rules"
        yield f"# {definition.name}, {heading}: {count}"
        named = names | _vector_names(function, definition)
        for one in fired:
            lines = [f"{one.rule}:"]
            for label, node in (("before", one.before), ("after", one.after)):
                shown = expand(Function(label, graph, (_one_result(graph, node, label),)))
                _, *listed = format_function(shown, named, shapes).splitlines()
                lines += listed
            yield "\n".join(lines)


def _one_result(graph: Graph, node: int, name: str) -> Output:
    """Return an output that is one node."""
    axes = graph[node].axes
    if axes == (SAMPLES,):
        return Output(name, (node,), (), True)
    return Output(name, (node,), tuple(a.extent for a in axes), False, tuple(((a,),) for a in axes))


def _ir(definition: Definition) -> Iterator[str]:
    names, shapes = input_names(definition), input_shapes(definition)
    lowered = Function("value", definition.ir, (definition.output,))
    yield f"# {definition.name} as lowered\n{format_function(lowered, names, shapes)}"
    assumed = _assumed(definition)
    yield f"# {definition.name} as optimised{f', for {assumed}' if assumed else ''}"
    for schedule in plan(definition):
        function = schedule.function
        named = names | _vector_names(function, definition)
        count = _total(schedule, definition)
        yield f"# {function.name}: {count}\n{format_function(function, named, shapes)}"


def _assumed(definition: Definition) -> str:
    """Return the sizes for which sums of products are ordered."""
    if not definition.indexed:
        return ""
    graph = definition.ir
    sizes = nominal_sizes(graph, graph.ancestors(definition.output.entries))
    return ", ".join(f"{name} = {size}" for name, size in sizes.items())


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


def _total(schedule: Schedule, definition: Definition) -> str:
    function = schedule.function
    if definition.indexed:
        return str(cost_of(function.graph, function.graph.ancestors(function.roots())))
    return _counted(operation_count(function.graph, function.roots()))


def _schedule(schedule: Schedule, definition: Definition) -> Iterator[str]:
    yield f"{schedule.function.name}: {_total(schedule, definition)}"
    yield from (f"  {line}" for line in _Loops(schedule, definition).lines())


class _Loops:
    """Writes down the loops of a function, and what each of them computes."""

    def __init__(self, schedule: Schedule, definition: Definition) -> None:
        function = schedule.function
        names = input_names(definition) | _vector_names(function, definition)
        self._schedule = schedule
        self._graph = schedule.graph
        self._indexed = definition.indexed
        self._listing = Listing(function, names, input_shapes(definition))
        self._letters = self._listing.letters
        self._entries = [list(self._listing.entries(output)) for output in function.outputs]
        for node, store in schedule.direct.items():
            name, _ = self._entries[store.output][store.entry]
            whole = bool(schedule.graph[node].axes)
            self._listing.named[node] = name.partition("[")[0] if whole else name

    def lines(self) -> Iterator[str]:
        for phase in self._schedule.phases:
            if isinstance(phase, Scalars):
                found = list(self._computed(phase.nodes, (), phase.stores))
                if found:
                    yield "once:"
                yield from (f"  {line}" for line in found)
            else:
                yield from self._sweep(phase)

    def _sweep(self, sweep: Sweep) -> Iterator[str]:
        steps = [(step, list(self._step(step))) for step in sweep.steps]
        if not self._indexed:
            yield "for each sample i:"
            yield from (f"  {line}" for _, lines in steps for line in lines)
            return
        yield f"for each tile of {self._letters.text(sweep.axis.extent)}:"
        for step, lines in steps:
            yield f"  {self._heading(step)}:  # {self._cost(step)}"
            yield from (f"    {line}" for line in lines)
        yield from (f"  {line}" for line in self._memory(sweep))

    def _heading(self, step: Step) -> str:
        """Return what a step loops over."""
        if isinstance(step, Contraction):
            return "a product of matrices"
        letters = self._letters.distinct(step.axes)
        inner = letters[step.lead]
        ranges = [
            self._letters.range(letter, axis)
            for k, (letter, axis) in enumerate(zip(letters, step.axes, strict=True))
            if k != step.lead
        ]
        return f"over {', '.join([*ranges, f'{inner} in the tile'])}"

    def _cost(self, step: Step) -> Cost:
        if isinstance(step, Contraction):
            points = Volume.product(step.axes)
            return Cost(operations=points * 2)
        return cost_of(self._graph, [*step.nodes, *step.sums, *step.scatters])

    def _memory(self, sweep: Sweep) -> Iterator[str]:
        """Yield what a sweep leaves in memory, and how large it is."""
        found: dict[str, list[str]] = {}
        for step in sweep.steps:
            made = (step.node,) if isinstance(step, Contraction) else _made(step)
            for node in (self._schedule.targets.get(n, n) for n in made):
                axes = self._graph[node].axes
                kind = self._schedule.storage.get(node, "total")
                sizes = [self._letters.text(axis.extent) for axis in axes]
                if kind == "tile":
                    sizes[self._schedule.frames.lead(axes)] = "tile"
                name = self._listing.name(node) + (f"[{', '.join(sizes)}]" if sizes else "")
                if name not in found.setdefault(kind, []):
                    found[kind].append(name)
        for storage, what in _STORAGE:
            if storage in found:
                yield f"{what}: {', '.join(found[storage])}"

    def _step(self, step: Step) -> Iterator[str]:
        if isinstance(step, Contraction):
            yield self._line(step.node, self._letters.place(self._graph[step.node].axes))
            return
        place = self._letters.place(step.axes)
        yield from self._computed(step.nodes, place, step.stores, step)

    def _line(self, node: int, place: Place) -> str:
        made = self._listing.computed(node, place)
        return f"{self._listing.name(node)}{self._letters.subscript(place)} = {made}"

    def _computed(
        self,
        nodes: Sequence[int],
        place: Place,
        stores: Sequence[Store],
        nest: Nest | None = None,
    ) -> Iterator[str]:
        """Yield what loops compute, add up and store at one place."""
        graph, listing = self._graph, self._listing
        ends = [] if nest is None else [*nest.sums, *nest.scatters]
        kept = set() if nest is None else set(nest.kept)
        uses = self._uses([*nodes, *ends], stores)
        for index in sorted({*nodes, *kept}):
            if graph[index].op == "view" and index not in kept:
                continue
            # A node that two loops need is computed, and named, in both.
            made = listing.computed(index, place)
            once = uses.get(index, 0) < 2 and len(made) <= _LONGEST
            if once and index not in {*kept, *graph.labels, *listing.named}:
                continue
            yield f"{listing.name(index)}{self._letters.subscript(place)} = {made}"
        for index in ends:
            node, body = graph[index], graph[index].args[0]
            target = self._schedule.targets.get(index, index)
            if node.op == "scatter":
                where, sign = listing.target(index, place), "+="
            else:
                position = node.data
                assert isinstance(position, int)
                where, sign = place[:position] + place[position + 1 :], _SIGNS[node.op]
            value = listing.mentioned(body, place)
            yield f"{listing.name(target)}{self._letters.subscript(where)} {sign} {value}"
        for store in stores:
            if store in self._schedule.direct.values():
                continue
            name, _ = self._entries[store.output][store.entry]
            yield f"{name} = {listing.mentioned(store.node, place)}"

    def _uses(self, nodes: Sequence[int], stores: Sequence[Store]) -> dict[int, int]:
        """Return how often the nodes of some loops are mentioned in them."""
        found: dict[int, int] = {}
        mentioned = [arg for node in nodes for arg in self._graph[node].args]
        for index in [*mentioned, *(store.node for store in stores)]:
            shown = index
            while vanishes(self._graph, shown):
                shown = self._graph[shown].args[0]
            found[shown] = found.get(shown, 0) + 1
        return found


def _made(nest: Nest) -> tuple[int, ...]:
    return (*nest.kept, *nest.sums, *nest.scatters)


_LONGEST = 60
_SIGNS = {"reduce_sum": "+=", "reduce_prod": "*=", "reduce_max": "max="}
_STORAGE = (("tile", "buffers of a tile"), ("full", "arrays"), ("total", "totals"))

_VECTORS = {"direction": "v", "cotangent": "u"}
