"""Schedule -> C functions: sweeps over tiles of samples, straight-line code cut where it is long.

The text is what both a Cython module and a C program can hold: it knows nothing of Python.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from symcompile.emit.dialect import C
from symcompile.emit.expression import Printer
from symcompile.emit.lines import filled, indent
from symcompile.emit.memory import Array, added, scaled, tight
from symcompile.emit.nest import NestEmitter
from symcompile.emit.signature import Identifiers
from symcompile.emit.sweep import WIDE, Pack, Product, SweepEmitter
from symcompile.frontend.definition import Definition
from symcompile.ir.graph import Axes
from symcompile.ir.ops import OPS
from symcompile.ir.volume import ONE, ZERO, Volume
from symcompile.planning import Nest, Schedule, Sweep, left_behind, work

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
        self.held: dict[int, Array] = {}
        super().__init__(definition, names, schedule, name)
        self.held_names = self.names.numbered("h")
        self.bins: list[str] = []
        #: What the function allocates: names and sizes.
        self.memory: list[tuple[str, str]] = []
        #: The statements that name tile sizes and numbers of blocks.
        self.extents: list[str] = []
        self.sweeps = 0

    def reserved(self) -> Sequence[str]:
        """Return the names that the scaffolding of loops uses."""
        return (*super().reserved(), "context", "memory", "shared", "parts", "blocks")

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
        return filled("sc_gemm(", arguments, ");", 3)

    def accumulated(self, slot: str, name: str) -> str:
        """Return the statement that adds to a compensated sum."""
        return f"sc_accumulate({added(['part', slot])}, {name});"

    # -- sweeps ----------------------------------------------------------------------------

    def sweep(self, printer: Printer, sweep: Sweep) -> list[str]:
        """Return a loop over tiles, in blocks: a function of its own, and its call."""
        self._arrays_of(sweep)
        shorter = tuple(
            step if not isinstance(step, Nest) or len(step.nodes) <= _LONGEST_SIMD else _plain(step)
            for step in sweep.steps
        )
        sweep = Sweep(sweep.axis, shorter, sweep.totals)
        local = SweepEmitter(self, self, printer, sweep, dict(self.held), packing=True)
        tile = local.tile()
        packs = [line for pack in local.packs.values() for line in self._packing(pack)]
        count = self.extent(sweep.axis.extent)
        body, used = self._blocks(local, [*packs, *tile], count)
        name = f"{self.name}_sweep{self.sweeps}"
        self.sweeps += 1
        width = ZERO
        for buffer in local.buffers:
            if not buffer.whole:
                width = width + buffer.size
        total = local.width + width
        wide = total.number is None or total.number > WIDE
        tile_size = f"sc_tile({count}, {self.volume(total) if wide else 1})"
        return self._called(name, local, body, used, count, tile_size, printer)

    def _arrays_of(self, sweep: Sweep) -> None:
        """Allocate the arrays of full size that a sweep leaves behind."""
        for node in left_behind(self.schedule, sweep):
            if node in self.held:
                continue
            if node in self.schedule.direct:
                self.held[node] = self.whole_array("", node)
                continue
            label = self.graph.labels.get(node)
            name = self.names.fresh(label) if label else next(self.held_names)
            self.memory.append((name, self.volume(Volume.product(self.graph[node].axes))))
            self.declared[name] = "double *restrict "
            self.held[node] = self.whole_array(name, node)

    def _packing(self, pack: Pack) -> list[str]:
        """Return the statements that find or make a tile whose lead axis is contiguous."""
        array, axes = self.arrays[pack.source], self.graph[pack.source].axes
        stride = array.strides[pack.axis]
        start = added(["start", pack.offset.text(lambda v: self.size_name(str(v)))])
        base = f"{array.base} + {scaled(start, stride)}"
        inner = [k for k in range(len(axes)) if k != pack.axis]
        if not inner:
            return [
                f"const double *restrict {pack.name} = "
                f"sc_packed({base}, {stride}, size, {pack.buffer});"
            ]
        counts = [self.extent(axes[k].extent) for k in inner]
        strides = [array.strides[k] for k in inner]
        lines = [
            f"const ptrdiff_t {step} = {stride} == 1 ? {own} : {packed};"
            for step, own, packed in zip(
                pack.steps,
                strides,
                ["tile"] if len(inner) == 1 else [scaled(counts[1], "tile"), "tile"],
                strict=True,
            )
        ]
        dims = [counts[0], strides[0], *([counts[1], strides[1]] if len(inner) > 1 else ["1", "0"])]
        call = [base, stride, "size", *dims, pack.buffer, "tile"]
        return [*lines, *filled(f"const double *restrict {pack.name} = sc_packed_rows(", call, ");", 3)]

    def _blocks(
        self, local: SweepEmitter, tile: list[str], count: str
    ) -> tuple[list[str], list[tuple[str, str]]]:
        """Return the body of the function of a sweep, and the arrays it works in."""
        arrays_of_work = [
            (b.name, self.volume(b.size) if b.whole else scaled(self.volume(b.size), "tile"))
            for b in local.buffers
        ]
        lines: list[str] = []
        at = ["work"]
        for name, size in arrays_of_work:
            lines.append(f"double *restrict {name} = {added(at)};")
            at = [name, size]
        per_block = self.volume(local.per_block)
        inner: list[str] = []
        arrays = [t for t in local.totals if t.tile and not t.alone]
        if local.per_block != ZERO:
            inner.append(f"double *restrict part = parts + {scaled('block', per_block)};")
            inner.append(f"sc_fill(part, {per_block}, 0.0);")
            for total in local.totals:
                op = self.graph[total.node].op
                if op in ("reduce_prod", "reduce_max") and not total.alone:
                    slot = added(["part", self.volume(total.slot)])
                    size = self.volume(total.size)
                    inner.append(f"sc_fill({slot}, {size}, {local.identity(op)});")
        for total in local.totals:
            if total.alone:
                start = scaled("block", self.volume(total.size))
                inner.append(f"double *restrict {total.tile} = {added([f'all_{total.tile}', start])};")
            if total.tile:
                value = local.identity(self.graph[total.node].op)
                inner.append(f"sc_fill({total.tile}, {self.volume(total.size)}, {value});")
        if arrays:
            inner.append("int held = 0;")
        inner.append(f"const ptrdiff_t stop = sc_block_stop({count}, tile, blocks, block);")
        inner.append(f"ptrdiff_t start = sc_block_start({count}, tile, blocks, block);")
        flush: list[str] = []
        if arrays:
            flush = ["if (++held == SC_HELD || start + tile >= stop) {"]
            for total in arrays:
                slot = added(["part", self.volume(total.slot)])
                flush.append(f"    sc_flush({total.tile}, {slot}, {self.volume(total.size)});")
            flush += ["    held = 0;", "}"]
        inner += [
            "for (; start < stop; start += tile) {",
            "    const ptrdiff_t size = stop - start < tile ? stop - start : tile;",
            indent([*tile, *flush], 1),
            "}",
        ]
        lines += ["for (ptrdiff_t block = first; block < last; block++) {", indent(inner, 1), "}"]
        return lines, arrays_of_work

    def _called(
        self,
        name: str,
        local: SweepEmitter,
        body: list[str],
        arrays_of_work: list[tuple[str, str]],
        count: str,
        tile: str,
        printer: Printer,
    ) -> list[str]:
        """Emit the function of a sweep; return the statements that call it."""
        fields = dict(self.declared)
        for index, text in printer.texts.items():
            if text.text.isidentifier() and text.text not in fields:
                kind = "int " if self.graph[index].kind == 0 else "double "
                fields[text.text] = kind
        fields |= {f"all_{t.tile}": "double *restrict " for t in local.totals if t.alone}
        fields |= {"parts": "double *restrict ", "blocks": "ptrdiff_t ", "tile": "ptrdiff_t "}
        text = "\n".join(body)
        used = [f for f in fields if re.search(rf"(?<![\w.]){re.escape(f)}(?!\w)", text)]
        head = ["typedef struct {", *[f"    {fields[f]}{f};" for f in used], f"}} {name}_context;", ""]
        unpack = [f"{_constant(fields[f])}{f} = context->{f};" for f in used]
        arguments = ["const void *shared", "ptrdiff_t first", "ptrdiff_t last", "double *restrict work"]
        first = "\n".join(filled(f"static void {name}(", arguments, ")", 0))
        opening = [f"const {name}_context *context = shared;"]
        quiet = [] if arrays_of_work else ["(void)work;"]
        self.pieces.append(
            "\n".join([*head, first, "{", indent([*opening, *unpack, *quiet, *body], 1), "}", ""])
        )
        arrays = ZERO
        for total in local.totals:
            arrays = arrays + (total.size if self.graph[total.node].axes else ZERO)
        number = self.sweeps - 1
        tiles, blocks, parts, run = (
            self.names.fresh(f"{word}{number}") for word in ("tile", "blocks", "parts", "context")
        )
        self.extents.append(f"const ptrdiff_t {tiles} = {tile};")
        found = f"sc_blocks({count}, {tiles}, {self.volume(arrays)})"
        self.extents.append(f"const ptrdiff_t {blocks} = {found};")
        if local.per_block != ZERO:
            self.memory.append((parts, scaled(blocks, self.volume(local.per_block))))
        values = {"parts": parts, "blocks": blocks, "tile": tiles}
        for total in local.totals:
            if total.alone:
                # One block adds up where the result is to be.
                made = self.names.fresh(f"all_{total.tile}")
                several = scaled(blocks, self.volume(total.size))
                self.memory.append((made, f"({blocks} > 1 ? {several} : 0)"))
                result = self._start(self.held[total.node])
                values[f"all_{total.tile}"] = f"{blocks} > 1 ? {made} : {result}"
        works = " + ".join(_sized(s, tiles) for _, s in arrays_of_work) or "0"
        inits = [values.get(f, f) for f in used]
        lines = filled(f"const {name}_context {run} = {{", inits, "};")
        spent = work(self.schedule, local.sweep).text(lambda size: f"(double){self.size_name(size)}")
        call = [name, f"&{run}", blocks, works, spent]
        lines += filled("if (sc_run(", call, ") < 0) {", 2)
        lines += ["    free(memory);"] if self.memory else []
        lines += ["    return -1;", "}"]
        per_block = self.volume(local.per_block)
        for total in local.totals:
            node = self.graph[total.node]
            slot = added([parts, self.volume(total.slot)])
            if node.axes:
                target, size = self._start(self.held[total.node]), self.volume(total.size)
                if total.alone:
                    bins = values[f"all_{total.tile}"].split(" ? ")[1].split(" : ")[0]
                    call = f"sc_combine_{_kind(node.op)}({target}, {bins}, {size}, {blocks}, {size});"
                    lines += [f"if ({blocks} > 1) {{", f"    {call}", "}"]
                else:
                    lines.append(f"sc_totals({target}, {slot}, {per_block}, {blocks}, {size});")
            else:
                made = self.names.fresh(f"s{len(self.names_of_sums)}")
                self.names_of_sums.append(made)
                kind = "sc_total" if total.compensated else f"sc_{_kind(node.op)}_of"
                lines.append(f"const double {made} = {kind}({slot}, {per_block}, {blocks});")
                printer.name(total.node, made)
        return lines

    def _start(self, array: Array) -> str:
        """Return the address of an array's first entry."""
        return added([array.base, array.offset])

    @property
    def names_of_sums(self) -> list[str]:
        """The names of the sums so far."""
        if not hasattr(self, "_sums"):
            self._sums: list[str] = []
        return self._sums


def _kind(op: str) -> str:
    return {"reduce_max": "max", "reduce_prod": "product"}.get(op, "sum")


def _constant(kind: str) -> str:
    return kind if kind.endswith("*restrict ") else f"const {kind}"


def _sized(text: str, tile: str) -> str:
    return re.sub(r"(?<!\w)tile(?!\w)", tile, text)


def _plain(nest: Nest) -> Nest:
    from dataclasses import replace

    return replace(nest, vector=False)


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
