"""Schedule -> a module for Numba: the loops of the C backend, as Python writes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from symcompile.binding.split import Split
from symcompile.emit.bodies import helpers_of, integrates, with_helpers
from symcompile.emit.dialect import NUMBA
from symcompile.emit.expression import Printer
from symcompile.emit.glue import arrays_call
from symcompile.emit.library import support
from symcompile.emit.lines import filled, indent, unpacked
from symcompile.emit.memory import Array, added, scaled
from symcompile.emit.moments import SUMMARY
from symcompile.emit.nest import NestEmitter
from symcompile.emit.numbers import Numbers, numbers_of
from symcompile.emit.python import columns_call, constant_defaults, helpers, tables
from symcompile.emit.results import Results
from symcompile.emit.signature import (
    Identifiers,
    Signature,
    header,
    identifiers,
    imported,
    signature,
)
from symcompile.emit.sweep import SweepEmitter
from symcompile.emit.syntax import Product, Total
from symcompile.emit.templates import render
from symcompile.frontend.definition import Definition
from symcompile.ir.dtypes import is_single
from symcompile.ir.graph import Axes, Kind, Output
from symcompile.ir.volume import ZERO, Volume
from symcompile.planning import Schedule, Sweep, left_behind
from symcompile.schedule import BLOCKS, SCALAR_TILE


@dataclass(frozen=True)
class _Body:
    """A function as the template takes it: how it is called, its wrapper, its compiled core."""

    signature: Signature
    code: str
    core: str


def emit_numba(
    definition: Definition, schedules: Sequence[Schedule], split: Split | None = None
) -> str:
    """Return the source of a Numba module with the functions of ``schedules``.

    With ``split`` it has ``moments`` too.
    """
    names = identifiers(definition)
    bodies = [
        _Body(
            signature(definition, names, schedule.function),
            indent(_wrapper(definition, names, schedule), 1),
            NumbaEmitter(definition, names, schedule, f"_{schedule.function.name}").emit(),
        )
        for schedule in schedules
    ]
    inner = helpers_of(schedules, NUMBA)
    calls = "\n".join(body.code + body.core for body in bodies)
    bodies[0] = replace(bodies[0], core=with_helpers(bodies[0].core, inner, calls, "numba"))
    text = "\n".join(body.code + "\n" + body.core for body in bodies)
    used = helpers(text)
    needed = support(text, "numba")
    needs = imported("NumPy and Numba", special=needed.special, integrates=integrates(text))
    return render(
        "numba/kernel.py.j2",
        header=header(definition, names, [s.function for s in schedules], needs),
        definition=definition,
        constants=constant_defaults(definition, names),
        bodies=bodies,
        support=needed,
        used=used,
        numbers=numbers_of(definition),
        loops="_blocks(" in text,
        text=text,
        products=() if split is None else split.products,
        summary=SUMMARY,
        tables=tables(definition),
        pieces=bool(used & {"_split", "_joined"}),
        **LIMITS,
    )


#: Sizes that the generated loops are made for: of tiles, blocks and large sums.
LIMITS = {"blocks": BLOCKS, "tile": SCALAR_TILE, "summed": 262_144}


class NumbaEmitter(NestEmitter):
    """Prints one scheduled function as a compiled core; each data array is an array."""

    language = NUMBA
    end = ""
    infinity = "math.inf"

    def __init__(
        self, definition: Definition, names: Identifiers, schedule: Schedule, name: str
    ) -> None:
        super().__init__(definition, names, schedule, name)
        self.sweeps = 0

    def emit(self) -> str:
        """Return the compiled core, and its pieces before it."""
        body = self.body()
        arguments = [*self.vectors(), *self.ids.data, *self.sizes()]
        arguments += [o.name for o in self.function.outputs]
        head = filled(f"def {self.name}(", arguments, "):", 0)
        return "\n".join([*self.pieces, "@jit", *head, indent(body or ["pass"], 1)])

    # -- hooks -----------------------------------------------------------------------------

    def piece(self, name: str, arguments: Sequence[str], body: Sequence[str]) -> str:
        """Return a function that Numba compiles by itself."""
        return "\n".join(["@jit", f"def {name}({', '.join(arguments)}):", indent(body, 1), "", ""])

    def work_array(self, slots: int) -> str:
        """Return the statement that makes a work array."""
        return f"work = np.empty({slots}{', dtype=np.complex128' if self.complex else ''})"

    def part(self, text: str, kind: Kind) -> str:
        """Return a number in a work array: its real part, where the array is complex."""
        return text if kind is Kind.COMPLEX or not self.complex else f"{text}.real"

    def data_array(self, slot: int, axes: Axes) -> Array:
        """Return a data array: NumPy's own, of whatever strides."""
        return Indexed(self.ids.data[slot], "0", ("1",) * len(axes))

    def as_real(self, text: str) -> str:
        """Return a whole number as a double."""
        return f"f32({text})" if is_single(self.numbers.dtype) else f"float({text})"

    def as_index(self, text: str) -> str:
        """Return a double that is a whole number as an index."""
        return f"int({text})"

    # -- syntax of loops -------------------------------------------------------------------

    def loop(self, index: str, count: str, body: Sequence[str], hint: str) -> list[str]:
        """Return a loop from 0 to ``count``."""
        return [f"for {index} in range({count}):", indent(body, 1)]

    def hint(self, vector: bool, sums: Sequence[tuple[str, str]]) -> str:
        """Return nothing: LLVM sees for itself."""
        return ""

    def variable(self, name: str, value: str, kind: Kind = Kind.REAL) -> str:
        """Return the start of a number that changes."""
        return f"{name} = {f'complex({value})' if kind is Kind.COMPLEX else value}"

    def update(self, op: str, target: str, text: str, kind: Kind = Kind.REAL) -> str:
        """Return an accumulation."""
        if op == "reduce_max":
            return f"{target} = np.maximum({target}, {text})"
        return f"{target} {'*' if op == 'reduce_prod' else '+'}= {text}"

    def filled(self, base: str, start: str, count: str, value: str, kind: Kind = Kind.REAL) -> str:
        """Return the statement that fills ``count`` numbers of an array from ``start`` on."""
        return f"{base}[{'' if start == '0' else start}:{added([start, count])}] = {value}"

    def clamped(self, index: str, extent: str) -> str:
        """Return an index moved into its range."""
        return f"min(max({index}, 0), {extent} - 1)"

    def accumulated(self, slot: str, name: str, kind: Kind = Kind.REAL) -> list[str]:
        """Return the statements that add to a compensated sum."""
        if kind is Kind.COMPLEX:
            return [
                f"_accumulate(part, {slot}, {name}.real)",
                f"_accumulate(part, {added([slot, '2'])}, {name}.imag)",
            ]
        return [f"_accumulate(part, {slot}, {name})"]

    def contraction(self, product: Product) -> list[str]:
        """Return the statements that add a product of matrices to an array: copies, and a call."""
        rows, columns, summed = product.counts
        i, j, m = product.variables
        first, second, out = product.left, product.right, product.out
        made = _made(Kind.COMPLEX if product.complex else Kind.REAL)
        left, right, result = (self.names.fresh(name) for name in ("left", "right", "product"))
        return [
            f"{left} = np.empty(({rows}, {summed}){made})",
            *self._nested((i, rows), (m, summed), f"{left}[{i}, {m}] = {first.element}"),
            f"{right} = np.empty(({summed}, {columns}){made})",
            *self._nested((m, summed), (j, columns), f"{right}[{m}, {j}] = {second.element}"),
            f"{result} = _multiply({left}, {right})",
            *self._nested((i, rows), (j, columns), f"{out.element} += {result}[{i}, {j}]"),
        ]

    def _nested(self, outer: tuple[str, str], inner: tuple[str, str], line: str) -> list[str]:
        if outer[0] == inner[0]:  # only one of the two is a loop
            inner = (f"{inner[0]}_", inner[1])
        return self.loop(*outer, self.loop(*inner, [line], ""), "")

    # -- sweeps ----------------------------------------------------------------------------

    def sweep(self, printer: Printer, sweep: Sweep) -> list[str]:
        """Return a loop over tiles, in blocks."""
        allocated = self._arrays_of(sweep)
        local = SweepEmitter(self, self, printer, sweep, dict(self.held), packing=False)
        tile = local.tile()
        count = self.extent(sweep.axis.extent)
        number, self.sweeps = self.sweeps, self.sweeps + 1
        blocks, parts = (self.names.fresh(f"{w}{number}") for w in ("blocks", "parts"))
        arrays = ZERO
        for total in local.totals:
            arrays = arrays + (total.size if self.graph[total.node].axes else ZERO)
        per_block = self.volume(local.per_block)
        lines = [*allocated, f"tile = min(TILE, max({count}, 1))"]
        lines.append(f"{blocks} = _blocks({count}, tile, {self.volume(arrays)})")
        for total in local.totals:
            if total.alone:
                entries = self.volume(Volume.product(self.graph[total.node].axes))
                size = scaled(blocks, entries)
                lines.append(f"all_{total.tile} = np.empty({size}{_made(total.kind)})")
        if local.per_block != ZERO:
            lines.append(f"{parts} = np.zeros({scaled(blocks, per_block)})")
        for buffer in local.buffers:
            size = self.volume(buffer.size)
            size = size if buffer.whole else scaled(size, "tile")
            lines.append(f"{buffer.name} = np.zeros({size}{_made(buffer.kind)})")
        lines += [
            f"for block in range({blocks}):",
            indent(self._block(local, tile, count, blocks, parts, per_block), 1),
        ]
        for total in local.totals:
            lines += self._completed(printer, total, parts, per_block, blocks)
        return lines

    def _block(
        self,
        local: SweepEmitter,
        tile: list[str],
        count: str,
        blocks: str,
        parts: str,
        per_block: str,
    ) -> list[str]:
        lines: list[str] = []
        arrays = [total for total in local.totals if total.tile and not total.alone]
        for total in local.totals:
            if total.alone:
                size = self.volume(Volume.product(self.graph[total.node].axes))
                ends = scaled("block", size), scaled("(block + 1)", size)
                lines.append(f"{total.tile} = all_{total.tile}[{ends[0]}:{ends[1]}]")
                lines.append(f"{total.tile}[:] = {local.identity(self.graph[total.node].op)}")
        if local.per_block != ZERO:
            ends = scaled("block", per_block), scaled("(block + 1)", per_block)
            lines.append(f"part = {parts}[{ends[0]}:{ends[1]}]")
        for total in local.totals:
            op = self.graph[total.node].op
            if op in ("reduce_prod", "reduce_max") and not total.alone:
                slot, size = self.volume(total.slot), self.volume(total.size)
                lines.append(self.filled("part", slot, size, local.identity(op)))
        lines += [
            f"stop = min((block + 1)*_block_size({count}, tile, {blocks}), {count})",
            f"for start in range(block*_block_size({count}, tile, {blocks}), stop, tile):",
            "    size = min(tile, stop - start)",
            indent(tile, 1),
        ]
        for total in arrays:
            slot = self.volume(total.slot)
            view = ".view(np.float64)" if total.kind is Kind.COMPLEX else ""
            lines.append(f"    _flush({total.tile}{view}, part[{slot}:])")
        return lines

    def _completed(
        self, printer: Printer, total: Total, parts: str, per_block: str, blocks: str
    ) -> list[str]:
        """Return the statements that add up what the blocks found."""
        node = self.graph[total.node]
        slot, size = self.volume(total.slot), self.volume(total.size)
        kind = "_totals" if total.compensated else _COMBINE.get(node.op, "_sums")
        call = f"{kind}({parts}, {slot}, {per_block}, {blocks}, {size})"
        complex = total.kind is Kind.COMPLEX
        if total.alone:
            view = ".view(np.float64)" if complex else ""
            call = f"{kind}(all_{total.tile}{view}, 0, {size}, {blocks}, {size})"
        if node.axes:
            array = self.held[total.node]
            start = "" if array.offset == "0" else array.offset
            stop = added([array.offset, self.volume(Volume.product(node.axes))])
            view = ".view(np.complex128)" if complex else ""
            return [f"{array.base}[{start}:{stop}] = {call}{view}"]
        name = next(self.sums)
        printer.name(total.node, name)
        if complex:
            one = "{}({}, {}, {}, {}, 1)[0]"
            slots = slot, added([slot, "2"])
            parts_ = [one.format(kind, parts, s, per_block, blocks) for s in slots]
            return [f"{name} = complex({parts_[0]}, {parts_[1]})"]
        return [f"{name} = {call}[0]"]

    def _arrays_of(self, sweep: Sweep) -> list[str]:
        """Return the statements that make the arrays of full size that a sweep leaves behind."""
        lines = []
        for node in left_behind(self.schedule, sweep):
            if node in self.held:
                continue
            if node in self.schedule.direct:
                self.held[node] = self.whole_array("", node)
                continue
            label = self.graph.labels.get(node)
            name = self.names.fresh(label) if label else next(self.held_names)
            self.held[node] = self.whole_array(name, node)
            size = self.volume(Volume.product(self.graph[node].axes))
            lines.append(f"{name} = np.zeros({size}{_made(self.graph[node].kind)})")
        return lines


def _made(kind: Kind) -> str:
    """Return the argument that makes an array to work in hold numbers of a kind."""
    return ", dtype=np.complex128" if kind is Kind.COMPLEX else ""


_COMBINE = {"reduce_max": "_largest", "reduce_prod": "_products"}


class Indexed(Array):
    """An array of NumPy's, indexed by all its axes."""

    def element(self, indices: Sequence[str]) -> str:
        """Return the element at some indices."""
        return f"{self.base}[{', '.join(indices)}]"


def _wrapper(definition: Definition, names: Identifiers, schedule: Schedule) -> list[str]:
    """Return the lines of the Python function: arguments in, compiled core, results out."""
    function = schedule.function
    results = Results(lambda size: names.known_sizes.get(size, size))
    numbers = numbers_of(definition)
    vector = {"hvp": "v", "jvp": "v", "vjp": "u"}.get(function.name, "")
    make = _indexed_arguments if definition.indexed else _column_arguments
    lines, call = make(definition, names, vector, results)
    if names.constants:
        listed = ", ".join(
            name if name in names.sizes else f'_number({name}, "{name}")'
            for name in names.constants
        )
        call.append(f"np.array([{listed}], dtype=np.{numbers_of(definition).argument})")
    call += names.data
    call += names.sizes if definition.indexed else (["n"] if names.data else [])
    for output in function.outputs:
        call.append(output.name)
        size = results.length(output)
        if output.per_sample:
            size = f"({len(output.entries)}, n)"
            call[-1] += ".reshape(-1)"
        lines.append(f"{output.name} = np.empty({size}{numbers.made(output.kind)})")
    lines += filled(f"_{function.name}(", call, ")")
    returned = [
        results.returned(output) + _narrowed(numbers, output)
        if output.layout
        else numbers.number(f"{output.name}[0]", output.kind)
        for output in function.outputs
    ]
    return [*lines, f"return {', '.join(returned)}"]


def _narrowed(numbers: Numbers, output: Output) -> str:
    """Return what rounds a result that was computed in doubles."""
    if numbers.given == numbers.dtype:
        return ""
    return f".astype(np.{numbers.returned(output.kind)})"


def _column_arguments(
    definition: Definition, names: Identifiers, vector: str, results: Results
) -> tuple[list[str], list[str]]:
    size, entries = len(names.params), len(definition.output.entries)
    lines: list[str] = []
    call = [f'_vector(p, "p", {size})'] if size else []
    if vector == "v":
        call.append(f'_vector(v, "v", {size})')
    if names.data:
        lines += unpacked(names.data, columns_call(names))
        lines.append(f"n = {names.data[0]}.shape[0]")
    if vector == "u":
        per_sample = definition.output.per_sample
        how = numbers_of(definition).cotangent(definition.output)
        call.append(
            f"_cotangents(u, n, {entries}{how}).reshape(-1)"
            if per_sample
            else f'_vector(u, "u", {entries}{how})'
        )
    return lines, call


def _indexed_arguments(
    definition: Definition, names: Identifiers, vector: str, results: Results
) -> tuple[list[str], list[str]]:
    lines = arrays_call(definition, names, names.sizes)
    call = ["p"] if names.params else []
    if vector == "v":
        call.append('_vector(v, "v", p.size)')
    if vector == "u":
        how = numbers_of(definition).cotangent(definition.output)
        shape = results.shape(definition.output)
        call.append(f'_shaped(u, "u", {shape}{how}).reshape(-1)')
    return lines, call
