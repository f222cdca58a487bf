"""Schedule -> a module for Numba: the loops of the C backend, as Python writes them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from symcompile.emit.chunks import LONGEST_WHOLE, cut
from symcompile.emit.dialect import NUMBA
from symcompile.emit.expression import Printer, Statement
from symcompile.emit.lines import filled, indent, unpacked
from symcompile.emit.python import columns_call, constant_defaults, helpers
from symcompile.emit.signature import (
    Identifiers,
    Signature,
    header,
    identifiers,
    known_inputs,
    signature,
    used_slots,
)
from symcompile.emit.templates import render
from symcompile.frontend.definition import Definition
from symcompile.ir.graph import Output, payload
from symcompile.naming import Names
from symcompile.schedule import BLOCKS, SCALAR_TILE, Phase, Schedule


@dataclass(frozen=True)
class _Body:
    """A function as the template takes it: how it is called, its wrapper, its compiled core."""

    signature: Signature
    code: str
    core: str


def emit_numba(definition: Definition, schedules: Sequence[Schedule]) -> str:
    """Return the source of a Numba module with the functions of ``schedules``."""
    names = identifiers(definition)
    bodies = [
        _Body(
            signature(definition, names, schedule.function),
            indent(_wrapper(definition, names, schedule), 1),
            NumbaEmitter(names, schedule, f"_{schedule.function.name}").emit(),
        )
        for schedule in schedules
    ]
    text = "\n".join(body.code + "\n" + body.core for body in bodies)
    used = helpers(text)
    special = bool(used & {"digamma", "polygamma"})
    needs = "NumPy, Numba and SciPy's special functions" if special else "NumPy and Numba"
    return render(
        "numba/kernel.py.j2",
        header=header(definition, names, [s.function for s in schedules], needs),
        definition=definition,
        constants=constant_defaults(definition, names),
        bodies=bodies,
        special=special,
        used=used,
        loops="_accumulate(" in text or "_blocks(" in text,
        blocks=BLOCKS,
        tile=SCALAR_TILE,
    )


class NumbaEmitter:
    """Prints one scheduled function as a compiled core.

    Its arguments are those of the C backend: ``p, v, u, c``, the columns, the outputs.
    """

    def __init__(self, names: Identifiers, schedule: Schedule, name: str) -> None:
        self.name = name
        self.schedule = schedule
        self.graph = schedule.graph
        self.function = schedule.function
        self.ids = names
        outputs = [output.name for output in self.function.outputs]
        self.names = Names([*names.all(), *outputs, "p", "u", "v", "c", "n", "i", "count", "work"])
        for k in range(len(names.params)):
            self.names.fresh(f"v{k}")
        for k in used_slots(self.function, "cotangent"):
            self.names.fresh(f"u{k}")
        self._accumulators = self.names.numbered("a")
        self.pieces: list[str] = []

    def emit(self) -> str:
        """Return the compiled core, and its pieces before it."""
        printer = Printer(
            self.graph, NUMBA, known_inputs(self.function, self.ids, "{name}[i]"), self.names
        )
        body: list[str] = []
        if self.ids.data:
            body.append(f"n = {self.ids.data[0]}.shape[0]")
        body += self._loads(self.graph.ancestors(self.function.roots()))
        for number, phase in enumerate(self.schedule.phases):
            body += self._loop(printer, phase) if phase.loop else self._block(printer, number)
        args = [*self._vectors(), *self.ids.data, *[o.name for o in self.function.outputs]]
        head = filled(f"def {self.name}(", args, "):", 0)
        return "\n".join([*self.pieces, "@jit", *head, indent(body or ["pass"], 1)])

    def _vectors(self) -> list[str]:
        vectors = ["p"] if self.ids.params else []
        if self.function.name in ("hvp", "jvp"):
            vectors.append("v")
        if self.function.name == "vjp":
            vectors.append("u")
        return vectors + (["c"] if self.ids.constants else [])

    def _loads(self, nodes: Collection[int]) -> list[str]:
        lines = []
        arrays = {"param": "p", "constant": "c", "direction": "v", "cotangent": "u"}
        texts = known_inputs(self.function, self.ids)
        for index in sorted(set(nodes)):
            node = self.graph[index]
            if node.op == "extent":
                lines.append("count = float(n)")
            elif node.op == "input" and not node.axes:
                role, slot = payload(node)
                lines.append(f"{texts[index]} = {arrays[role]}[{slot}]")
            elif node.op == "input" and payload(node).role == "cotangent":
                slot = payload(node).slot
                lines.append(f"u{slot} = u[{slot}]")
        return lines

    def _block(self, printer: Printer, number: int) -> list[str]:
        phase = self.schedule.phases[number]
        results = [store.node for store in phase.stores]
        hoisted = self.schedule.hoisted(number)
        if len(phase.nodes) > LONGEST_WHOLE:
            lines = self._pieces(printer, phase.nodes, [*results, *sorted(hoisted)])
        else:
            lines = _lines(printer.statements(phase.nodes, results, hoisted))
        for store in phase.stores:
            output = self.function.outputs[store.output]
            lines.append(f"{output.name}[{store.entry}] = {printer.text(store.node)}")
        return lines

    def _pieces(self, printer: Printer, nodes: Sequence[int], results: Sequence[int]) -> list[str]:
        """Emit scalar code as functions of their own; return the calls."""
        own = set(nodes)
        leaves = ("input", "extent")
        needed = sorted(
            {
                arg
                for n in nodes
                for arg in self.graph[n].args
                if arg not in own and arg in printer.texts and self.graph[arg].op not in leaves
            }
        )
        chunks, final, slots = cut(self.graph, nodes, set(results))
        lines = [f"work = np.empty({slots + len(needed)})"]
        lines += [f"work[{slots + k}] = {printer.text(n)}" for k, n in enumerate(needed)]
        extra = {n: f"work[{slots + k}]" for k, n in enumerate(needed)}
        call = [*self._vectors(), *(["n"] if self.ids.data else []), "work"]
        for chunk in chunks:
            name = f"{self.name}_{len(self.pieces)}"
            known = known_inputs(self.function, self.ids)
            known |= extra | {node: f"work[{slot}]" for node, slot in chunk.reads.items()}
            local = Printer(self.graph, NUMBA, known, Names([*self.ids.all(), *call, "count"]))
            body = self._loads({arg for node in chunk.nodes for arg in self.graph[node].args})
            body += _lines(local.statements(chunk.nodes, list(chunk.writes)))
            body += [f"work[{s}] = {local.text(node)}" for node, s in chunk.writes.items()]
            head = f"def {name}({', '.join(call)}):"
            self.pieces.append("\n".join(["@jit", head, indent(body, 1), "", ""]))
            lines.append(f"{name}({', '.join(call)})")
        for node, slot in final.items():
            printer.name(node, f"work[{slot}]")
        return lines

    def _loop(self, printer: Printer, phase: Phase) -> list[str]:
        """Return a loop over the samples, in blocks of tiles."""
        bodies = [self.graph[node].args[0] for node in phase.sums]
        results = bodies + [store.node for store in phase.stores]
        texts = {node: text.text for node, text in printer.texts.items()}
        local = Printer(self.graph, NUMBA, texts, self.names)
        partial = self.names.fresh("sums")
        accumulators = [next(self._accumulators) for _ in phase.sums]
        inner = _lines(local.statements(phase.nodes, results))
        for name, body in zip(accumulators, bodies, strict=True):
            inner.append(f"{name} += {local.text(body)}")
        for store in phase.stores:
            output = self.function.outputs[store.output]
            inner.append(f"{output.name}[{store.entry}, i] = {local.text(store.node)}")
        tile = [f"{name} = 0.0" for name in accumulators]
        tile += ["for i in range(start, min(start + TILE, stop)):", indent(inner, 1)]
        tile += [
            f"_accumulate({partial}[block, {k}], {name})" for k, name in enumerate(accumulators)
        ]
        lines = []
        if accumulators:
            lines.append(f"{partial} = np.zeros((BLOCKS, {len(accumulators)}, 2))")
        lines += [
            "for block in range(_blocks(n)):",
            "    stop = min((block + 1)*_block_size(n), n)",
            "    for start in range(block*_block_size(n), stop, TILE):",
            indent(tile, 2),
        ]
        for k, node in enumerate(phase.sums):
            name = self.names.fresh(f"s{k}")
            lines.append(f"{name} = _total({partial}[:, {k}])")
            printer.name(node, name)
        return lines


def _lines(statements: Sequence[Statement]) -> list[str]:
    return [NUMBA.assign.format(name=s.name, text=s.text) for s in statements]


def _wrapper(definition: Definition, names: Identifiers, schedule: Schedule) -> list[str]:
    """Return the lines of the Python function: arguments in, compiled core, results out."""
    function = schedule.function
    size, entries = len(names.params), len(definition.output.entries)
    lines: list[str] = []
    call: list[str] = []
    if size:
        call.append(f'_vector(p, "p", {size})')
    if function.name in ("hvp", "jvp"):
        call.append(f'_vector(v, "v", {size})')
    if names.data:
        lines += unpacked(names.data, columns_call(names))
        lines.append(f"n = {names.data[0]}.shape[0]")
    if function.name == "vjp":
        per_sample = definition.output.per_sample
        call.append(
            f"_cotangents(u, n, {entries})" if per_sample else f'_vector(u, "u", {entries})'
        )
    if names.constants:
        listed = ", ".join(f'_number({name}, "{name}")' for name in names.constants)
        call.append(f"np.array([{listed}])")
    call += names.data
    for output in function.outputs:
        call.append(output.name)
        lines.append(f"{output.name} = np.empty({_allocated(output)})")
    lines += filled(f"_{function.name}(", call, ")")
    lines.append(f"return {', '.join(_result(output) for output in function.outputs)}")
    return lines


def _allocated(output: Output) -> str:
    count = len(output.entries)
    return f"({count}, n)" if output.per_sample else str(count)


def _result(output: Output) -> str:
    if output.per_sample:
        return f"_samples_first({output.name}, {output.shape})"
    if output.shape == ():
        return f"float({output.name}[0])"
    return output.name if len(output.shape) == 1 else f"{output.name}.reshape({output.shape})"
