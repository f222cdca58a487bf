"""Schedule -> C functions: sweeps over tiles of samples, straight-line code cut where it is long.

The text is what both a Cython module and a C program can hold: it knows nothing of Python.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from symcompile.emit.c_sweep import SweepFunction
from symcompile.emit.dialect import C
from symcompile.emit.expression import Printer
from symcompile.emit.lines import filled, indent
from symcompile.emit.memory import Array, added, tight
from symcompile.emit.nest import NestEmitter
from symcompile.emit.signature import Identifiers
from symcompile.emit.syntax import Product
from symcompile.frontend.definition import Definition
from symcompile.ir.graph import Axes
from symcompile.ir.ops import OPS
from symcompile.ir.volume import Volume
from symcompile.planning import Nest, Schedule, Sweep, left_behind

# A loop body longer than this is not vectorised: it would spill more than it gains.
_LONGEST_SIMD = 2000
# Work arrays beyond this many slots live in thread-local storage, not on the stack.
_STACK_SLOTS = 8192


@dataclass(frozen=True)
class CFunction:
    """One C function.

    Attributes:
        name: its name.
        declaration: ``static int name(...)`` without a semicolon; it returns -1 where memory is
            short, else 0.
        text: the definitions, those of its pieces first.
        loops: whether it runs over arrays.
    """

    name: str
    declaration: str
    text: str
    loops: bool


class CEmitter(NestEmitter):
    """Prints one scheduled function as C; each data array is a ``sc_array``."""

    dialect = C
    end = ";"
    infinity = "INFINITY"

    def __init__(
        self, definition: Definition, names: Identifiers, schedule: Schedule, name: str
    ) -> None:
        #: The variables of the function that sweeps may need, and their types.
        self.declared: dict[str, str] = {}
        super().__init__(definition, names, schedule, name)
        #: What the function allocates: names and sizes.
        self.memory: list[tuple[str, str]] = []
        #: The statements that name tile sizes and numbers of blocks.
        self.extents: list[str] = []
        self.sweeps = 0

    def reserved(self) -> Sequence[str]:
        """Return the names that the scaffolding of loops uses."""
        return (*super().reserved(), "context", "memory", "shared", "parts", "blocks", "scratch")

    def emit(self) -> CFunction:
        """Return the function."""
        arguments = []
        for name in self.vectors():
            self.declared[name] = "const double *restrict "
            arguments.append(f"const double *restrict {name}")
        for slot, name in enumerate(self.ids.data):
            arguments.append(f"sc_array {self.arguments[slot]}")
            self.declared[name] = "const double *restrict "
            for stride in self.strides[slot]:
                self.declared[stride] = "ptrdiff_t "
        for size in self.sizes():
            self.declared[size] = "ptrdiff_t "
            arguments.append(f"ptrdiff_t {size}")
        for output in self.function.outputs:
            self.declared[output.name] = "double *restrict "
            arguments.append(f"double *restrict {output.name}")
        body = self.body()
        head = [
            f"const double *restrict {name} = {self.arguments[slot]}.data;"
            for slot, name in enumerate(self.ids.data)
            if self._mentions(body, name)
        ]
        head += [
            f"const ptrdiff_t {stride} = {self.arguments[slot]}.stride[{k}];"
            for slot, strides in enumerate(self.strides)
            for k, stride in enumerate(strides)
            if self._mentions(body, stride)
        ]
        memory = self._allocation()
        tail = ["free(memory);"] if memory else []
        lines = [*head, *self.extents, *memory, *body, *tail, "return 0;"]
        declaration = "\n".join(filled(f"static int {self.name}(", arguments, ")", 0))
        text = "\n".join([*self.pieces, declaration, "{", indent(lines, 1), "}", ""])
        return CFunction(self.name, declaration, text, self.schedule.loops)

    def _mentions(self, lines: Sequence[str], name: str) -> bool:
        return any(re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", line) for line in lines)

    def _allocation(self) -> list[str]:
        if not self.memory:
            return []
        sizes = [size for _, size in self.memory]
        lines = filled("double *const memory = sc_memory(", [" + ".join(sizes)], ");")
        lines.append("if (!memory) {")
        lines.append("    return -1;")
        lines.append("}")
        at: list[str] = ["memory"]
        for name, size in self.memory:
            lines.append(f"double *restrict {name} = {added(at)};")
            at = [name, size]
        return lines

    # -- hooks -----------------------------------------------------------------------------

    def data_array(self, slot: int, axes: Axes) -> Array:
        """Return where a data array lies."""
        return Array(self.ids.data[slot], "0", self.strides[slot])

    def _inputs(self) -> dict[int, Array]:
        self.arguments = [self.names.fresh(f"{d}_array") for d in self.ids.data]
        shapes = self.definition.data_shapes
        self.strides = [
            tuple(
                self.names.fresh(f"{name}_{k}")
                for k in range(len([s for s in shapes[slot] if s.number != 1]))
            )
            for slot, name in enumerate(self.ids.data)
        ]
        return super()._inputs()

    def as_real(self, text: str) -> str:
        """Return a whole number as a double."""
        return f"(double){tight(text)}"

    def as_index(self, text: str) -> str:
        """Return a double that is a whole number as an index."""
        return f"(ptrdiff_t){tight(text)}"

    def piece(self, name: str, arguments: Sequence[str], body: Sequence[str]) -> str:
        """Return a function that is kept apart: inlined, the pieces would be one again."""
        types = dict.fromkeys(self.sizes(), "ptrdiff_t ") | {"work": "double *restrict "}
        typed = [types.get(name, "const double *restrict ") + name for name in arguments]
        head = f"static void {name}({', '.join(typed)})"
        return "\n".join(["SC_NOINLINE", head, "{", indent(body, 1), "}", ""])

    def work_array(self, slots: int) -> str:
        """Return the declaration of a work array."""
        storage = "static SC_THREAD_LOCAL " if slots > _STACK_SLOTS else ""
        return f"{storage}double work[{slots}];"

    # -- syntax of loops -------------------------------------------------------------------

    def loop(self, index: str, count: str, body: Sequence[str], hint: str) -> list[str]:
        """Return a loop from 0 to ``count``."""
        head = f"for (ptrdiff_t {index} = 0; {index} < {count}; {index}++) {{"
        return [*([hint] if hint else []), head, indent(body, 1), "}"]

    def hint(self, vector: bool, sums: Sequence[tuple[str, str]]) -> str:
        """Return the pragma before an innermost loop."""
        if not vector:
            return ""
        operators = {"reduce_sum": "+", "reduce_prod": "*", "reduce_max": "max"}
        clauses = ""
        for op, sign in operators.items():
            names = [name for found, name in sums if found == op]
            if names and op == "reduce_max":
                return ""  # NaN must win, which OpenMP's max does not say
            if names:
                clauses += f" reduction({sign}:{','.join(names)})"
        return f"#pragma omp simd{clauses}"

    def variable(self, name: str, value: str) -> str:
        """Return the declaration of a number that changes."""
        return f"double {name} = {value};"

    def update(self, op: str, target: str, text: str) -> str:
        """Return an accumulation."""
        if op == "reduce_max":
            return f"{target} = sc_max({target}, {text});"
        return f"{target} {'*' if op == 'reduce_prod' else '+'}= {text};"

    def filled(self, base: str, start: str, count: str, value: str) -> str:
        """Return the statement that fills ``count`` numbers of an array from ``start`` on."""
        return f"sc_fill({added([base, start])}, {count}, {value});"

    def clamped(self, index: str, extent: str) -> str:
        """Return an index moved into its range."""
        return f"sc_clamp({index}, {extent})"

    def contraction(self, product: Product) -> list[str]:
        """Return the call that adds a product of matrices to an array."""
        arguments = list(product.counts)
        for operand in (product.left, product.right, product.out):
            start = added([operand.array.base, operand.start])
            arguments += [start, operand.row, operand.column]
        vector = "1" in product.counts[:2]
        return filled("sc_gemm(", [*arguments, "NULL" if vector else "scratch"], ");", 3)

    def accumulated(self, slot: str, name: str) -> str:
        """Return the statement that adds to a compensated sum."""
        return f"sc_accumulate({added(['part', slot])}, {name});"

    # -- sweeps ----------------------------------------------------------------------------

    def sweep(self, printer: Printer, sweep: Sweep) -> list[str]:
        """Return a loop over tiles, in blocks: the call of a function of its own."""
        self._hold_arrays(sweep)
        steps = tuple(
            replace(step, vector=False)
            if isinstance(step, Nest) and len(step.nodes) > _LONGEST_SIMD
            else step
            for step in sweep.steps
        )
        self.sweeps += 1
        return SweepFunction(self, replace(sweep, steps=steps), printer, self.sweeps - 1).emit()

    def _hold_arrays(self, sweep: Sweep) -> None:
        """Allocate the arrays of full size that a sweep leaves behind."""
        for node in left_behind(self.schedule, sweep):
            if node in self.held:
                continue
            if node in self.schedule.direct:
                self.held[node] = self.whole_array("", node)
                continue
            label = self.graph.labels.get(node)
            name = self.names.fresh(label) if label else next(self.held_names)
            self.allocate(name, self.volume(Volume.product(self.graph[node].axes)))
            self.declared[name] = "double *restrict "
            self.held[node] = self.whole_array(name, node)

    def allocate(self, name: str, size: str) -> None:
        """Give a name to so many doubles of the function's memory."""
        self.memory.append((name, size))


def vector_functions(schedules: Sequence[Schedule]) -> list[str]:
    """Return the libm functions called in loops that have vector variants, sorted."""
    found = {
        OPS[schedule.graph[node].op].libm
        for schedule in schedules
        for phase in schedule.phases
        if isinstance(phase, Sweep)
        for step in phase.steps
        if isinstance(step, Nest)
        for node in step.nodes
    }
    return sorted(name for name in found if name)
