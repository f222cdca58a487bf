"""What the C and the Numba emitter share: everything but how the languages spell it.

A function becomes, phase by phase, straight-line code and loops over tiles of samples. Code too
long for one function is cut into pieces that pass values through a work array.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from typing import ClassVar

from symcompile.emit.chunks import LONGEST_WHOLE, cut
from symcompile.emit.dialect import Dialect
from symcompile.emit.expression import Printer, Statement
from symcompile.emit.signature import Identifiers, known_inputs, used_slots
from symcompile.ir.graph import payload
from symcompile.naming import Names
from symcompile.schedule import Phase, Schedule

_ARRAYS = {"param": "p", "constant": "c", "direction": "v", "cotangent": "u"}


class NestEmitter(ABC):
    """Prints one scheduled function.

    Its arguments are, as far as the function has them: ``p`` the parameters, ``v`` a direction,
    ``u`` cotangents (one row of ``n`` numbers each where they are per sample), ``c`` the
    constants, the data columns, and one array for each output, the samples last.

    Args:
        names: the identifiers of the symbols.
        schedule: the function.
        name: what it is called.
    """

    dialect: ClassVar[Dialect]
    end: ClassVar[str]
    count: ClassVar[str]

    def __init__(self, names: Identifiers, schedule: Schedule, name: str) -> None:
        self.ids = names
        self.schedule = schedule
        self.graph = schedule.graph
        self.function = schedule.function
        self.name = name
        self.rows = used_slots(self.function, "cotangent") if self._rows_of_cotangents() else []
        outputs = [output.name for output in self.function.outputs]
        directions = [f"v{k}" for k in range(len(names.params))]
        cotangents = [f"u{k}" for k in used_slots(self.function, "cotangent")]
        fixed = ["p", "u", "v", "c", "n", "i", "count", "work"]
        self.names = Names([*names.all(), *outputs, *directions, *cotangents, *fixed])
        self.accumulators = self.names.numbered("a")
        self.pieces: list[str] = []

    @abstractmethod
    def piece(self, name: str, arguments: Sequence[str], body: Sequence[str]) -> str:
        """Return the definition of a piece of straight-line code."""

    @abstractmethod
    def work_array(self, slots: int) -> str:
        """Return the statement that makes a work array."""

    @abstractmethod
    def loop(self, printer: Printer, phase: Phase) -> list[str]:
        """Return a loop over the samples, in blocks of tiles."""

    def body(self) -> list[str]:
        """Return the statements of the function."""
        known = known_inputs(self.function, self.ids, "{name}[i]")
        printer = Printer(self.graph, self.dialect, known, self.names)
        lines = self.loads(self.graph.ancestors(self.function.roots()))
        for number, phase in enumerate(self.schedule.phases):
            lines += self.loop(printer, phase) if phase.loop else self.block(printer, number)
        return lines

    def vectors(self) -> list[str]:
        """Return the arguments that are arrays of numbers, not columns."""
        vectors = ["p"] if self.ids.params else []
        if self.function.name in ("hvp", "jvp"):
            vectors.append("v")
        if self.function.name == "vjp":
            vectors.append("u")
        return vectors + (["c"] if self.ids.constants else [])

    def loads(self, nodes: Collection[int]) -> list[str]:
        """Return the statements that name the scalar inputs among ``nodes``."""
        texts = known_inputs(self.function, self.ids)
        found: list[Statement] = []
        for index in sorted(set(nodes)):
            node = self.graph[index]
            if node.op == "extent":
                found.append(Statement("count", self.count))
            elif node.op == "input" and not node.axes:
                role, slot = payload(node)
                found.append(Statement(texts[index], f"{_ARRAYS[role]}[{slot}]"))
        return self.assigned(found)

    def assigned(self, statements: Sequence[Statement]) -> list[str]:
        """Return statements in the language."""
        return [
            (self.dialect.assign_bool if s.boolean else self.dialect.assign).format(
                name=s.name, text=s.text
            )
            for s in statements
        ]

    def stored(self, target: str, text: str) -> str:
        """Return the statement that puts a value into an array."""
        return f"{target} = {text}{self.end}"

    def block(self, printer: Printer, number: int) -> list[str]:
        """Return a phase of scalar code."""
        phase = self.schedule.phases[number]
        results = [store.node for store in phase.stores]
        hoisted = self.schedule.hoisted(number)
        if len(phase.nodes) > LONGEST_WHOLE:
            lines = self._cut(printer, phase.nodes, {*results, *hoisted})
        else:
            lines = self.assigned(printer.statements(phase.nodes, results, hoisted))
        for store in phase.stores:
            output = self.function.outputs[store.output]
            lines.append(self.stored(f"{output.name}[{store.entry}]", printer.text(store.node)))
        return lines

    def _cut(self, printer: Printer, nodes: Sequence[int], kept: Collection[int]) -> list[str]:
        """Emit scalar code as functions of their own; return the calls."""
        own = set(nodes)
        needed = sorted(
            {
                arg
                for n in nodes
                for arg in self.graph[n].args
                if arg not in own and arg in printer.texts
                if self.graph[arg].op not in ("input", "extent")
            }
        )
        chunks, final, slots = cut(self.graph, nodes, sorted(kept))
        passed = {n: f"work[{slots + k}]" for k, n in enumerate(needed)}
        lines = [self.work_array(slots + len(needed))]
        lines += [self.stored(slot, printer.text(n)) for n, slot in passed.items()]
        arguments = [*self.vectors(), *(["n"] if self.ids.data else []), "work"]
        for chunk in chunks:
            name = f"{self.name}_{len(self.pieces)}"
            known = known_inputs(self.function, self.ids) | passed
            known |= {node: f"work[{slot}]" for node, slot in chunk.reads.items()}
            taken = Names([*self.ids.all(), *arguments, "count"])
            local = Printer(self.graph, self.dialect, known, taken)
            body = self.loads({arg for node in chunk.nodes for arg in self.graph[node].args})
            body += self.assigned(local.statements(chunk.nodes, list(chunk.writes)))
            body += [self.stored(f"work[{s}]", local.text(n)) for n, s in chunk.writes.items()]
            self.pieces.append(self.piece(name, arguments, body))
            lines.append(f"{name}({', '.join(arguments)}){self.end}")
        for node, slot in final.items():
            printer.name(node, f"work[{slot}]")
        return lines

    def _rows_of_cotangents(self) -> bool:
        inputs = [node for node in self.graph.nodes if node.op == "input" and node.axes]
        return any(payload(node).role == "cotangent" for node in inputs)
