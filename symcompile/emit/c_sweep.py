"""One sweep as a C function of its own, over some of the blocks, so that threads can share them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from symcompile.emit.clones import cloned
from symcompile.emit.expression import Printer
from symcompile.emit.lines import filled, indent
from symcompile.emit.memory import Array, added, scaled
from symcompile.emit.sweep import SweepEmitter
from symcompile.emit.syntax import WIDE, Buffer, Pack, Total
from symcompile.ir.dtypes import is_single
from symcompile.ir.graph import Kind
from symcompile.ir.volume import ONE, ZERO
from symcompile.planning import Contraction, Sweep, work

if TYPE_CHECKING:
    from symcompile.emit.c import CEmitter

_ARGUMENTS = ["const void *shared", "ptrdiff_t first", "ptrdiff_t last", "double *restrict work"]
_DOUBLES, _COMPLEX = "double *restrict ", "sc_complex *restrict "
#: What a product of matrices packs rows into; see templates/shared/contract.h.j2.
_SCRATCH = ONE * (240 * 256 + 8)
_COMBINE = {"reduce_max": "max", "reduce_prod": "product"}


class SweepFunction:
    """The function of a sweep, and the statements that call it.

    What it uses of its caller comes in a struct; it is given the blocks to do, and memory to work
    in. Each block adds up in a place of its own, and the caller combines them in order.

    Args:
        emitter: of the calling function.
        sweep: the sweep.
        printer: what the caller has named.
        number: which sweep of the function it is.
    """

    def __init__(self, emitter: CEmitter, sweep: Sweep, printer: Printer, number: int) -> None:
        self.emitter, self.sweep, self.printer = emitter, sweep, printer
        self.graph = emitter.graph
        self.volume = emitter.volume
        self.name = f"{emitter.name}_sweep{number}"
        self.count = emitter.extent(sweep.axis.extent)
        held = dict(emitter.held)
        self.local = SweepEmitter(emitter, emitter, printer, sweep, held, packing=3)
        self.tile, self.blocks, self.parts, self.context = (
            emitter.names.fresh(f"{word}{number}")
            for word in ("tile", "blocks", "parts", "context")
        )
        #: Sums of arrays that lie by themselves: the memory for several blocks.
        self.bins: dict[int, str] = {}

    def emit(self) -> list[str]:
        """Return the statements that call the function, which joins the emitter's pieces."""
        tile = self.local.tile()
        matrices = [s for s in self.sweep.steps if isinstance(s, Contraction)]
        if any(step.rows and step.columns for step in matrices):
            self.local.buffers.append(Buffer("scratch", _SCRATCH, whole=True))
        packs = [line for pack in self.local.packs.values() for line in self._packed(pack)]
        body = [*self._work(), *self._loop([*packs, *tile])]
        self._allocate()
        used = self._used(body)
        self._define(body, used)
        return [*self._call(used), *self._combined()]

    # -- the function ----------------------------------------------------------------------

    def _buffers(self, tile: str) -> list[tuple[str, str]]:
        """Return the arrays that a thread works in, and their sizes."""
        found = []
        for buffer in self.local.buffers:
            size = self.volume(buffer.doubles)
            found.append((buffer.name, size if buffer.whole else scaled(size, tile)))
        return found

    def _work(self) -> list[str]:
        buffers = self._buffers("tile")
        lines = [] if buffers else ["(void)work;"]
        at = ["work"]
        kinds = {buffer.name: _pointer(buffer.kind) for buffer in self.local.buffers}
        packs = {pack.buffer for pack in self.local.packs.values()}
        for name, size in buffers:
            kind = kinds[name]
            start = added(at)
            if name in packs and is_single(self.emitter.numbers.dtype):
                kind, start = "float *restrict ", f"(float *)({start})"
            lines.append(f"{kind}{name} = {_cast(kind, start)};")
            at = [name if kind == _DOUBLES else f"(double *){name}", size]
        return lines

    def _loop(self, tile: list[str]) -> list[str]:
        """Return the loop over blocks, and over the tiles of each."""
        held = [total for total in self.local.totals if total.tile and not total.alone]
        lines = self._cleared()
        lines += ["int held = 0;"] if held else []
        end = "(block + 1)*each"
        lines.append(f"const ptrdiff_t stop = {end} < {self.count} ? {end} : {self.count};")
        lines.append("ptrdiff_t start = block*each;")
        flush: list[str] = []
        if held:
            flush = ["if (++held == SC_HELD || start + tile >= stop) {"]
            for total in held:
                slot = added(["part", self.volume(total.slot)])
                tile_sums = _doubles(total.tile, total.kind)
                flush.append(f"    sc_flush({tile_sums}, {slot}, {self.volume(total.size)});")
            flush += ["    held = 0;", "}"]
        lines += [
            "for (; start < stop; start += tile) {",
            "    const ptrdiff_t size = stop - start < tile ? stop - start : tile;",
            indent([*tile, *flush], 1),
            "}",
        ]
        each = f"const ptrdiff_t each = sc_block_size({self.count}, tile, blocks);"
        head = "for (ptrdiff_t block = first; block < last; block++) {"
        return [each, head, indent(lines, 1), "}"]

    def _cleared(self) -> list[str]:
        """Return the statements that start the sums of a block."""
        lines = []
        if self.local.per_block != ZERO:
            size = self.volume(self.local.per_block)
            lines.append(f"{_DOUBLES}part = parts + {scaled('block', size)};")
            lines.append(f"sc_fill(part, {size}, 0.0);")
        for total in self.local.totals:
            op, size = self.graph[total.node].op, self.volume(total.size)
            if total.alone:
                start = added([f"all_{total.tile}", scaled("block", size)])
                pointer = _pointer(total.kind)
                lines.append(f"{pointer}{total.tile} = {_cast(pointer, start)};")
            if total.tile:
                sums = _doubles(total.tile, total.kind)
                lines.append(f"sc_fill({sums}, {size}, {self.local.identity(op)});")
            elif op in _COMBINE:
                slot = added(["part", self.volume(total.slot)])
                lines.append(f"sc_fill({slot}, {size}, {self.local.identity(op)});")
        return lines

    def _packed(self, pack: Pack) -> list[str]:
        """Return the statements that find or make a tile whose lead axis is contiguous."""
        emitter = self.emitter
        array, axes = emitter.arrays[pack.source], self.graph[pack.source].axes
        stride = array.strides[pack.axis]
        start = added(["start", emitter.extent(pack.offset)])
        base = f"{array.base} + {scaled(start, stride)}"
        kind = self.graph[pack.source].kind
        target = f"const {emitter.element(kind)} *restrict {pack.name} = "
        inner = [k for k in range(len(axes)) if k != pack.axis]
        if not inner:
            return [f"{target}sc_packed({base}, {stride}, size, {pack.buffer});"]
        counts = [emitter.extent(axes[k].extent) for k in inner]
        own = [array.strides[k] for k in inner]
        packed = ["tile"] if len(inner) == 1 else [scaled(counts[1], "tile"), "tile"]
        lines = [
            f"const ptrdiff_t {step} = {stride} == 1 ? {direct} : {copied};"
            for step, direct, copied in zip(pack.steps, own, packed, strict=True)
        ]
        planes = [counts[1], own[1]] if len(inner) > 1 else ["1", "0"]
        call = [base, stride, "size", counts[0], own[0], *planes, pack.buffer, "tile"]
        return [*lines, *filled(f"{target}sc_packed_rows(", call, ");", 3)]

    def _used(self, body: list[str]) -> dict[str, str]:
        """Return the caller's variables that the function uses, and their types."""
        known = dict(self.emitter.declared)
        emitter_types = self.emitter.dialect.types
        for index, text in self.printer.texts.items():
            if text.text.isidentifier():
                kind = f"{emitter_types[self.graph[index].kind]} "
                known.setdefault(text.text, kind)
        known |= {f"all_{total.tile}": _DOUBLES for total in self.local.totals if total.alone}
        known |= {"parts": _DOUBLES, "blocks": "ptrdiff_t ", "tile": "ptrdiff_t "}
        words = set(re.findall(r"(?<![\w.])[A-Za-z_]\w*", "\n".join(body)))
        return {name: kind for name, kind in known.items() if name in words}

    def _define(self, body: list[str], used: dict[str, str]) -> None:
        context = f"{self.name}_context"
        fields = [f"{kind}{name};" for name, kind in used.items()]
        struct = ["typedef struct {", indent(fields, 1), f"}} {context};", ""]
        opening = [f"const {context} *context = shared;"]
        for name, kind in used.items():
            constant = "" if kind.endswith("*restrict ") else "const "
            opening.append(f"{constant}{kind}{name} = context->{name};")
        head = "\n".join(filled(f"{cloned(body)}static void {self.name}(", _ARGUMENTS, ")", 0))
        lines = [*struct, head, "{", indent([*opening, *body], 1), "}", ""]
        self.emitter.pieces.append("\n".join(lines))

    # -- its call --------------------------------------------------------------------------

    def _allocate(self) -> None:
        """Name the sizes of tiles and blocks, and the memory that the blocks add up in."""
        emitter, local = self.emitter, self.local
        width, arrays = local.width, ZERO
        for buffer in local.buffers:
            width = width if buffer.whole else width + buffer.doubles
        for total in local.totals:
            arrays = arrays + (total.size if self.graph[total.node].axes else ZERO)
        wide = width.number is None or width.number > WIDE
        row = self.volume(width) if wide else 1
        tile = f"sc_tile({self.count}, {row}, {self.volume(arrays)})"
        emitter.extents.append(f"const ptrdiff_t {self.tile} = {tile};")
        blocks = f"sc_blocks({self.count}, {self.tile}, {self.volume(arrays)})"
        emitter.extents.append(f"const ptrdiff_t {self.blocks} = {blocks};")
        if local.per_block != ZERO:
            emitter.allocate(self.parts, scaled(self.blocks, self.volume(local.per_block)))
        for total in local.totals:
            if total.alone:
                name = self.bins[total.node] = emitter.names.fresh(f"all_{total.tile}")
                size = scaled(self.blocks, self.volume(total.size))
                emitter.allocate(name, f"({self.blocks} > 1 ? {size} : 0)")

    def _call(self, used: dict[str, str]) -> list[str]:
        emitter = self.emitter
        values = {"parts": self.parts, "blocks": self.blocks, "tile": self.tile}
        for total in self.local.totals:
            if total.alone:
                # One block adds up where the result is to be.
                result = _doubles(_address(emitter.held[total.node]), total.kind)
                values[f"all_{total.tile}"] = (
                    f"{self.blocks} > 1 ? {self.bins[total.node]} : {result}"
                )
        fields = [values.get(name, name) for name in used]
        lines = filled(f"const {self.name}_context {self.context} = {{", fields, "};")
        memory = " + ".join(size for _, size in self._buffers(self.tile)) or "0"
        spent = work(emitter.schedule, self.sweep)
        cost = spent.text(lambda size: f"(double){emitter.size_name(size)}")
        call = [self.name, f"&{self.context}", self.blocks, memory, cost]
        lines += filled("if (sc_run(", call, ") < 0) {", 2)
        lines += ["    free(memory);"] if emitter.memory else []
        return [*lines, "    return -1;", "}"]

    def _combined(self) -> list[str]:
        """Return the statements that add up what the blocks found."""
        return [line for total in self.local.totals for line in self._total(total)]

    def _total(self, total: Total) -> list[str]:
        node, size = self.graph[total.node], self.volume(total.size)
        kind = _COMBINE.get(node.op, "sum")
        per_block = self.volume(self.local.per_block)
        slot = added([self.parts, self.volume(total.slot)])
        if not node.axes:
            name = next(self.emitter.sums)
            self.printer.name(total.node, name)
            function = "sc_total" if total.compensated else f"sc_{kind}_of"
            text = f"{function}({slot}, {per_block}, {self.blocks})"
            if total.kind is Kind.COMPLEX:
                rest = f"{function}({added([slot, '2'])}, {per_block}, {self.blocks})"
                return [f"const sc_complex {name} = sc_join({text}, {rest});"]
            return [f"const double {name} = {text};"]
        target = _doubles(_address(self.emitter.held[total.node]), total.kind)
        if not total.alone:
            call = [target, slot, per_block, self.blocks, size]
            return filled("sc_totals(", call, ");")
        call = [target, self.bins[total.node], size, self.blocks, size]
        inner = filled(f"sc_combine_{kind}(", call, ");", 2)
        return [f"if ({self.blocks} > 1) {{", indent(inner, 1), "}"]


def _pointer(kind: Kind) -> str:
    return _COMPLEX if kind is Kind.COMPLEX else _DOUBLES


def _cast(pointer: str, text: str) -> str:
    return f"(sc_complex *)({text})" if pointer == _COMPLEX else text


def _doubles(text: str, kind: Kind) -> str:
    """Return where numbers lie as a pointer to doubles: a complex one is two of them."""
    if kind is not Kind.COMPLEX:
        return text
    return f"(double *){text}" if text.isidentifier() else f"(double *)({text})"


def _address(array: Array) -> str:
    """Return where an array's first entry lies."""
    return added([array.base, array.offset])
