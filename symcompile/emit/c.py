"""Schedule -> C functions: loops over tiles of samples, straight-line code cut where it is long.

The text is what both a Cython module and a C program can hold: it knows nothing of Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symcompile.emit.dialect import C
from symcompile.emit.expression import Printer
from symcompile.emit.lines import filled, indent
from symcompile.emit.nest import NestEmitter
from symcompile.emit.signature import Identifiers
from symcompile.ir.graph import payload
from symcompile.ir.ops import OPS
from symcompile.schedule import Phase, Schedule

# A loop body longer than this is not vectorised: it would spill more than it gains.
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


class CEmitter(NestEmitter):
    """Prints one scheduled function as C; each data column is a ``sc_column``."""

    dialect = C
    end = ";"
    count = "(double)n"

    def __init__(self, names: Identifiers, schedule: Schedule, name: str) -> None:
        super().__init__(names, schedule, name)
        self.columns = [self.names.fresh(f"{d}_column") for d in names.data]
        self.buffers = [self.names.fresh(f"{d}_buffer") for d in names.data]

    def emit(self) -> CFunction:
        """Return the function."""
        body = self.body()
        arguments = [f"const double *restrict {name}" for name in self.vectors()]
        arguments += [f"sc_column {column}" for column in self.columns]
        arguments += ["ptrdiff_t n"] if self.ids.data else []
        arguments += [f"double *restrict {o.name}" for o in self.function.outputs]
        declaration = "\n".join(filled(f"static void {self.name}(", arguments, ")", 0))
        text = "\n".join([*self.pieces, declaration, "{", indent(body, 1), "}", ""])
        return CFunction(self.name, declaration, text, self.schedule.has_loop)

    def piece(self, name: str, arguments: Sequence[str], body: Sequence[str]) -> str:
        """Return a function that is kept apart: inlined, the pieces would be one again."""
        types = {"n": "ptrdiff_t ", "work": "double *restrict "}
        typed = [types.get(name, "const double *restrict ") + name for name in arguments]
        head = f"static void {name}({', '.join(typed)})"
        return "\n".join(["SC_NOINLINE", head, "{", indent(body, 1), "}", ""])

    def work_array(self, slots: int) -> str:
        """Return the declaration of a work array."""
        return f"{_storage(slots)}double work[{slots}];"

    def loop(self, printer: Printer, phase: Phase) -> list[str]:
        """Return a loop over the samples, in blocks of tiles."""
        bodies = [self.graph[node].args[0] for node in phase.sums]
        results = bodies + [store.node for store in phase.stores]
        local = printer.inside(eager=True)
        partial = self.names.fresh("sums")
        accumulators = [next(self.accumulators) for _ in phase.sums]
        inner = self.assigned(local.statements(phase.nodes, results))
        for name, body in zip(accumulators, bodies, strict=True):
            inner.append(f"{name} += {local.text(body)};")
        for store in phase.stores:
            output = self.function.outputs[store.output]
            row = f"{store.entry}*n + " if store.entry else ""
            inner.append(f"{output.name}[{row}start + i] = {local.text(store.node)};")
        wanted = self.graph.ancestors(results)
        tile = [
            f"const double *restrict {self.ids.data[k]} = "
            f"sc_tile({self.columns[k]}, start, size, {self.buffers[k]});"
            for k in self._used_columns(wanted)
        ]
        tile += [f"const double *restrict u{slot} = u + {slot}*n + start;" for slot in self.rows]
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
            storage = _storage(128 * len(accumulators))
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

    def _used_columns(self, nodes: Sequence[int]) -> list[int]:
        inputs = [payload(self.graph[n]) for n in nodes if self.graph[n].op == "input"]
        return sorted({slot for role, slot in inputs if role == "data"})


def _storage(slots: int) -> str:
    return "static SC_THREAD_LOCAL " if slots > _STACK_SLOTS else ""


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
