"""Schedule -> C functions: sweeps over tiles of samples, straight-line code cut where it is long.

The text is what both a Cython module and a C program can hold: it knows nothing of Python.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from symcompile.emit.c_sweep import SweepFunction
from symcompile.emit.clones import cloned
from symcompile.emit.dialect import C
from symcompile.emit.expression import Printer
from symcompile.emit.lines import filled, indent
from symcompile.emit.memory import Array, added, scaled, tight
from symcompile.emit.nest import NestEmitter
from symcompile.emit.signature import Identifiers
from symcompile.emit.syntax import Pack, Product, width
from symcompile.frontend.definition import Definition
from symcompile.ir.dtypes import input_kind, is_single
from symcompile.ir.graph import BODY_OPS, Axes, Kind, takes_complex
from symcompile.ir.ops import OPS
from symcompile.ir.volume import Volume
from symcompile.naming import identifier
from symcompile.planning import Nest, Schedule, Sweep, left_behind

# Work arrays beyond this many slots live in thread-local storage, not on the stack.
_STACK_SLOTS = 8192
_DOUBLES, _COMPLEX = "double *restrict ", "sc_complex *restrict "


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

    language = C
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
            pointer = f"const {self.vector_type(name)} *restrict "
            self.declared[name] = pointer
            arguments.append(f"{pointer}{name}")
        pointer = f"const {self.element(input_kind(self.numbers.dtype))} *restrict "
        for slot, name in enumerate(self.ids.data):
            arguments.append(f"sc_array {self.arguments[slot]}")
            self.declared[name] = pointer
            for stride in self.strides[slot]:
                self.declared[stride] = "ptrdiff_t "
        for size in self.sizes():
            self.declared[size] = "ptrdiff_t "
            arguments.append(f"ptrdiff_t {size}")
        for output in self.function.outputs:
            self.declared[output.name] = f"{self.element(output.kind)} *restrict "
            arguments.append(f"{self.declared[output.name]}{output.name}")
        body = self.body()
        head = [
            f"{pointer}{name} = {self.arguments[slot]}.data;"
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
        clones = cloned(lines)
        declaration = "\n".join(filled(f"{clones}static int {self.name}(", arguments, ")", 0))
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
            kind = self.declared.get(name, _DOUBLES)
            lines.append(f"{kind}{name} = {cast(kind, added(at))};")
            at = [name if kind == _DOUBLES else f"({_DOUBLES.strip()}){name}", size]
        return lines

    def element(self, kind: Kind) -> str:
        """Return the type of the entries of an array that is an argument or a result."""
        if kind is Kind.COMPLEX:
            return "float _Complex" if is_single(self.numbers.dtype) else "sc_complex"
        return "float" if is_single(self.numbers.dtype) else "double"

    def vector_type(self, name: str) -> str:
        """Return the type of the entries of ``p``, ``v``, ``u`` or ``c``."""
        kind = self.definition.output.kind if name == "u" else input_kind(self.numbers.dtype)
        return self.element(kind)

    def work_type(self) -> str:
        """Return the type of what straight-line code passes on."""
        return "sc_complex" if self.complex else "double"

    def part(self, text: str, kind: Kind) -> str:
        """Return a number in a work array: its real part, where the array is complex."""
        return text if kind is Kind.COMPLEX or not self.complex else f"creal({text})"

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
        head = self.piece_head(name, arguments)
        return "\n".join(["SC_NOINLINE", head, "{", indent(body, 1), "}", ""])

    def piece_head(self, name: str, arguments: Sequence[str]) -> str:
        """Return the head of such a function."""
        types = dict.fromkeys(self.sizes(), "ptrdiff_t ")
        types["work"] = f"{self.work_type()} *restrict "
        types |= {name: f"const {self.vector_type(name)} *restrict " for name in self.vectors()}
        typed = [types[name] + name for name in arguments]
        return f"static void {name}({', '.join(typed)})"

    def work_array(self, slots: int) -> str:
        """Return the declaration of a work array."""
        storage = "static SC_THREAD_LOCAL " if slots > _STACK_SLOTS else ""
        return f"{storage}{self.work_type()} work[{slots}];"

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

    def variable(self, name: str, value: str, kind: Kind = Kind.REAL) -> str:
        """Return the declaration of a number that changes; sums are of doubles at least."""
        return f"{'sc_complex' if kind is Kind.COMPLEX else 'double'} {name} = {value};"

    def update(self, op: str, target: str, text: str, kind: Kind = Kind.REAL) -> str:
        """Return an accumulation."""
        if op == "reduce_prod" and kind is Kind.COMPLEX:
            return f"{target} = sc_mul({target}, {text});"
        if op == "reduce_max":
            return f"{target} = sc_max({target}, {text});"
        return f"{target} {'*' if op == 'reduce_prod' else '+'}= {text};"

    def filled(self, base: str, start: str, count: str, value: str, kind: Kind = Kind.REAL) -> str:
        """Return the statement that fills ``count`` numbers of an array from ``start`` on."""
        name = "sc_fill_complex" if kind is Kind.COMPLEX else "sc_fill"
        return f"{name}({added([base, start])}, {count}, {value});"

    def clamped(self, index: str, extent: str) -> str:
        """Return an index moved into its range."""
        return f"sc_clamp({index}, {extent})"

    def in_row(self, array: Array, texts: Sequence[str], lead: str, rows: dict[str, str]) -> str:
        """Return an element of an array."""
        return array.element(texts)

    def packed(self, pack: Pack, at: Sequence[str], lead: str) -> str:
        """Return an element of a tile of an input, at its other indices and the lead one."""
        parts = [scaled(i, s) for i, s in zip(at, pack.steps, strict=True)]
        return f"{pack.name}[{added([*parts, lead])}]"

    def contraction(self, product: Product) -> list[str]:
        """Return the call that adds a product of matrices to an array; of complex ones, loops."""
        if product.complex:
            return self._complex_product(product)
        arguments = list(product.counts)
        for operand in (product.left, product.right, product.out):
            start = added([operand.array.base, operand.start])
            arguments += [start, operand.row, operand.column]
        vector = "1" in product.counts[:2]
        return filled("sc_gemm(", [*arguments, "NULL" if vector else "scratch"], ");", 3)

    def _complex_product(self, product: Product) -> list[str]:
        rows, columns, summed = product.counts
        i, j, m = product.variables
        name = self.names.fresh("product")
        left, right = product.left.element, product.right.element
        both = all(kind is Kind.COMPLEX for kind in product.kinds)
        term = f"sc_mul({left}, {right})" if both else f"{left} * {right}"
        inner = [
            f"sc_complex {name} = 0.0;",
            *self.loop(m, summed, [f"{name} += {term};"], ""),
            f"{product.out.element} += {name};",
        ]
        for index, count in ((j, columns), (i, rows)):
            inner = self.loop(index, count, inner, "") if count != "1" else ["{", *inner, "}"]
        return inner

    def accumulated(self, slot: str, name: str, kind: Kind = Kind.REAL) -> list[str]:
        """Return the statements that add to a compensated sum."""
        if kind is Kind.COMPLEX:
            return [
                f"sc_accumulate({added(['part', slot])}, creal({name}));",
                f"sc_accumulate({added(['part', slot, '2'])}, cimag({name}));",
            ]
        return [f"sc_accumulate({added(['part', slot])}, {name});"]

    # -- sweeps ----------------------------------------------------------------------------

    def sweep(self, printer: Printer, sweep: Sweep) -> list[str]:
        """Return a loop over tiles, in blocks: the call of a function of its own."""
        self._hold_arrays(sweep)
        self.sweeps += 1
        return SweepFunction(self, self.for_vectors(sweep), printer, self.sweeps - 1).emit()

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
            kind = self.graph[node].kind
            size = Volume.product(self.graph[node].axes) * width(kind)
            self.allocate(name, self.volume(size))
            self.declared[name] = _COMPLEX if kind is Kind.COMPLEX else _DOUBLES
            self.held[node] = self.whole_array(name, node)

    def allocate(self, name: str, size: str) -> None:
        """Give a name to so many doubles of the function's memory."""
        self.memory.append((name, size))


def cast(pointer: str, text: str) -> str:
    """Return where numbers lie as a pointer to their type; ``text`` points to doubles."""
    return text if pointer == _DOUBLES else f"({_COMPLEX.strip()})({text})"


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
        if schedule.graph[node].op not in BODY_OPS and not takes_complex(schedule.graph, node)
    }
    return sorted(name for name in found if name)


# Names that a header may have made a macro: EDOM, PATH_MAX, M_PIl, PRId8.
_MACRO = re.compile(r"[A-Z][A-Z0-9_]+|(?:M_|L_|P_|PRI|SCN)\w+")


def guarded(code: str, definition: Definition, names: Identifiers) -> str:
    """Return C code in which no macro of a header stands for a variable of its name."""
    labels = [identifier(label) for label in definition.ir.labels.values()]
    chosen = sorted({name for name in (*names.all(), *labels) if _MACRO.fullmatch(name)})
    before = [f'#pragma push_macro("{name}")\n#undef {name}\n' for name in chosen]
    after = [f'#pragma pop_macro("{name}")\n' for name in chosen]
    return "".join([*before, code.rstrip("\n") + "\n", *after])
