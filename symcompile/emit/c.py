"""Schedule -> C functions: loops over tiles of samples, straight-line code cut where it is long.

The text is what both a Cython module and a C program can hold: it knows nothing of Python.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from symcompile.emit.chunks import LONGEST_WHOLE, cut
from symcompile.emit.dialect import C
from symcompile.emit.expression import Printer, Statement
from symcompile.emit.lines import filled, indent
from symcompile.emit.signature import Identifiers, known_inputs, used_slots
from symcompile.ir.graph import Function, payload
from symcompile.ir.ops import OPS
from symcompile.naming import Names
from symcompile.schedule import Phase, Schedule

# A loop body longer than this is not vectorised: compilers would take minutes over it.
_LONGEST_SIMD = 2000
# Work arrays beyond this many slots live in thread-local storage, not on the stack.
_STACK_SLOTS = 8192


@dataclass(frozen=True)
class CFunction:
    """One C function.

    Attributes:
        name: its name.
        declaration: ``static void name(...)`` without a semicolon.
        text: the definitions, those of its pieces first.
        loops: whether it runs over samples.
    """

    name: str
    declaration: str
    text: str
    loops: bool


class CEmitter:
    """Prints one scheduled function as C.

    The arguments are, as far as the function has them: ``p`` the parameters, ``v`` a direction,
    ``u`` cotangents (one row of ``n`` numbers each where they are per sample), ``c`` the
    constants, a ``sc_column`` for each data column, ``n`` the number of samples, and one array
    for each output, the samples last.
    """

    def __init__(self, names: Identifiers, schedule: Schedule, name: str) -> None:
        self.schedule = schedule
        self.graph = schedule.graph
        self.function: Function = schedule.function
        self.name = name
        self.ids = names
        outputs = [output.name for output in self.function.outputs]
        self.names = Names([*names.all(), *outputs, "p", "u", "v", "c", "n", "i", "count", "work"])
        for k in range(len(names.params)):
            self.names.fresh(f"v{k}")
        self.columns = [self.names.fresh(f"{d}_column") for d in names.data]
        self.buffers = [self.names.fresh(f"{d}_buffer") for d in names.data]
        self.pieces: list[str] = []
        self._accumulators = self.names.numbered("a")

    def emit(self) -> CFunction:
        """Return the function."""
        body: list[str] = []
        known = known_inputs(self.function, self.ids, "{name}[i]")
        printer = Printer(self.graph, C, known, self.names)
        body += self._loads(self.graph.ancestors(self.function.roots()))
        for number, phase in enumerate(self.schedule.phases):
            body += self._loop(printer, phase) if phase.loop else self._block(printer, number)
        head = filled(f"static void {self.name}(", self._arguments(), ")", 0)
        declaration = "\n".join(head)
        text = "\n".join([*self.pieces, declaration, "{", indent(body, 1), "}", ""])
        return CFunction(self.name, declaration, text, self.schedule.has_loop)

    def _arguments(self) -> list[str]:
        args = [f"const double *restrict {name}" for name in self._vectors()]
        args += [f"sc_column {column}" for column in self.columns]
        if self.ids.data:
            args.append("ptrdiff_t n")
        return args + [f"double *restrict {o.name}" for o in self.function.outputs]

    def _vectors(self) -> list[str]:
        vectors = ["p"] if self.ids.params else []
        if self.function.name in ("hvp", "jvp"):
            vectors.append("v")
        if self.function.name == "vjp":
            vectors.append("u")
        return vectors + (["c"] if self.ids.constants else [])

    def _loads(self, nodes: Collection[int]) -> list[str]:
        """Return the statements that name the scalar inputs among ``nodes``."""
        wanted = set(nodes)
        lines = []
        arrays = {"param": "p", "constant": "c", "direction": "v", "cotangent": "u"}
        texts = known_inputs(self.function, self.ids)
        for index in sorted(wanted):
            node = self.graph[index]
            if node.op == "extent":
                lines.append("const double count = (double)n;")
            elif node.op == "input" and not node.axes:
                role, slot = payload(node)
                lines.append(f"const double {texts[index]} = {arrays[role]}[{slot}];")
        return lines

    def _statements(self, statements: Sequence[Statement]) -> list[str]:
        return [
            (C.assign_bool if s.boolean else C.assign).format(name=s.name, text=s.text)
            for s in statements
        ]

    def _block(self, printer: Printer, number: int) -> list[str]:
        """Return a phase of scalar code."""
        phase = self.schedule.phases[number]
        results = [store.node for store in phase.stores]
        hoisted = self.schedule.hoisted(number)
        if len(phase.nodes) > LONGEST_WHOLE:
            lines = self._pieces(printer, phase.nodes, [*results, *sorted(hoisted)])
        else:
            lines = self._statements(printer.statements(phase.nodes, results, hoisted))
        for store in phase.stores:
            output = self.function.outputs[store.output]
            lines.append(f"{output.name}[{store.entry}] = {printer.text(store.node)};")
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
        lines = [self._work_array(slots + len(needed))]
        for k, index in enumerate(needed):
            lines.append(f"work[{slots + k}] = {printer.text(index)};")
        extra = {index: f"work[{slots + k}]" for k, index in enumerate(needed)}
        vectors = self._vectors()
        call = [*vectors, *(["n"] if self.ids.data else []), "work"]
        args = [f"const double *restrict {v}" for v in vectors]
        args += ["ptrdiff_t n"] if self.ids.data else []
        for chunk in chunks:
            name = f"{self.name}_{len(self.pieces)}"
            known = known_inputs(self.function, self.ids)
            known |= extra | {node: f"work[{slot}]" for node, slot in chunk.reads.items()}
            local = Printer(self.graph, C, known, Names([*self.ids.all(), "work", "n", "count"]))
            used = {arg for node in chunk.nodes for arg in self.graph[node].args}
            body = self._loads(used)
            body += self._statements(local.statements(chunk.nodes, list(chunk.writes)))
            body += [f"work[{s}] = {local.text(node)};" for node, s in chunk.writes.items()]
            head = f"static void {name}({', '.join([*args, 'double *restrict work'])})"
            # Kept apart, or the compiler would put the pieces together again.
            self.pieces.append("\n".join(["SC_NOINLINE", head, "{", indent(body, 1), "}", ""]))
            lines.append(f"{name}({', '.join(call)});")
        for node, slot in final.items():
            printer.name(node, f"work[{slot}]")
        return lines

    def _work_array(self, slots: int) -> str:
        return f"{self._storage(slots)}double work[{slots}];"

    def _storage(self, slots: int) -> str:
        return "static SC_THREAD_LOCAL " if slots > _STACK_SLOTS else ""

    def _loop(self, printer: Printer, phase: Phase) -> list[str]:
        """Return a loop over the samples, in blocks of tiles."""
        bodies = [self.graph[node].args[0] for node in phase.sums]
        results = bodies + [store.node for store in phase.stores]
        loop_printer = Printer(
            self.graph, C, {n: t.text for n, t in printer.texts.items()}, self.names, eager=True
        )
        partial = self.names.fresh("sums")
        accumulators = [next(self._accumulators) for _ in phase.sums]
        inner = self._statements(loop_printer.statements(phase.nodes, results))
        for name, body in zip(accumulators, bodies, strict=True):
            inner.append(f"{name} += {loop_printer.text(body)};")
        for store in phase.stores:
            output = self.function.outputs[store.output]
            row = f"{store.entry}*n + " if store.entry else ""
            inner.append(f"{output.name}[{row}start + i] = {loop_printer.text(store.node)};")
        wanted = self.graph.ancestors(results)
        tile = [
            f"const double *restrict {self.ids.data[k]} = "
            f"sc_tile({self.columns[k]}, start, size, {self.buffers[k]});"
            for k in self._used_columns(wanted)
        ]
        tile += [
            f"const double *restrict u{slot} = u + {slot}*n + start;"
            for slot in used_slots(self.function, "cotangent")
            if self._per_sample_cotangents()
        ]
        if accumulators:
            tile.append(f"double {', '.join(f'{name} = 0.0' for name in accumulators)};")
        if len(phase.nodes) <= _LONGEST_SIMD:
            clause = f" reduction(+:{','.join(accumulators)})" if accumulators else ""
            tile.append(f"#pragma omp simd{clause}")
        tile += ["for (ptrdiff_t i = 0; i < size; i++) {", indent(inner, 1), "}"]
        tile += [
            f"sc_accumulate({partial}[block][{k}], {name});" for k, name in enumerate(accumulators)
        ]
        buffers = [f"double {self.buffers[k]}[SC_TILE];" for k in self._used_columns(wanted)]
        lines = []
        if accumulators:
            storage = self._storage(128 * len(accumulators))
            lines.append(f"{storage}double {partial}[SC_BLOCKS][{len(accumulators)}][2];")
            lines.append(f"memset({partial}, 0, sizeof {partial});")
        lines += [
            "for (ptrdiff_t block = 0; block < sc_blocks(n); block++) {",
            "    const ptrdiff_t stop = sc_block_stop(n, block);",
            *["    " + line for line in buffers],
            "    ptrdiff_t start = sc_block_start(n, block);",
            "    for (; start < stop; start += SC_TILE) {",
            "        const ptrdiff_t size = stop - start < SC_TILE ? stop - start : SC_TILE;",
            indent(tile, 2),
            "    }",
            "}",
        ]
        for k, node in enumerate(phase.sums):
            name = self.names.fresh(f"s{k}")
            length = len(accumulators)
            lines.append(f"const double {name} = sc_total({partial}[0][{k}], {2 * length}, n);")
            printer.name(node, name)
        return lines

    def _per_sample_cotangents(self) -> bool:
        inputs = [node for node in self.graph.nodes if node.op == "input" and node.axes]
        return any(payload(node).role == "cotangent" for node in inputs)

    def _used_columns(self, nodes: Sequence[int]) -> list[int]:
        inputs = [payload(self.graph[n]) for n in nodes if self.graph[n].op == "input"]
        return sorted({slot for role, slot in inputs if role == "data"})


def vector_functions(schedules: Sequence[Schedule]) -> list[str]:
    """Return the libm functions called in loops that have vector variants, sorted."""
    found = {
        OPS[schedule.graph[node].op].libm
        for schedule in schedules
        for phase in schedule.phases
        if phase.loop
        for node in phase.nodes
    }
    return sorted(name for name in found if name)
