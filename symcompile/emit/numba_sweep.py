"""One sweep as a Numba function of its own, over some of the blocks, for threads to share them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from symcompile.emit.expression import Printer
from symcompile.emit.lines import filled, indent
from symcompile.emit.memory import added, scaled
from symcompile.emit.numbers import made
from symcompile.emit.sweep import SweepEmitter
from symcompile.emit.syntax import WIDE, Pack, Total
from symcompile.ir.graph import Kind
from symcompile.ir.volume import ONE, ZERO, Volume
from symcompile.planning import Sweep, work

if TYPE_CHECKING:
    from symcompile.emit.numba import NumbaEmitter

_COMBINE = {"reduce_max": "_largest", "reduce_prod": "_products"}
_WORD = re.compile(r"(?<![\w.])[A-Za-z_]\w*")


class SweepFunction:
    """The function of a sweep, and the statements that have it run.

    What it uses of its caller are its arguments, after the blocks to do. Each block adds up in a
    place of its own, and the caller combines them in order.

    Args:
        emitter: of the calling function.
        sweep: the sweep.
        printer: what the caller has named.
        number: which sweep of the function it is.
    """

    def __init__(self, emitter: NumbaEmitter, sweep: Sweep, printer: Printer, number: int) -> None:
        self.emitter, self.sweep, self.printer = emitter, sweep, printer
        self.graph = emitter.graph
        self.volume = emitter.volume
        self.name = f"{emitter.name}_sweep{number}"
        self.count = emitter.extent(sweep.axis.extent)
        held = dict(emitter.held)
        self.local = SweepEmitter(emitter, emitter, printer, sweep, held, packing=2)
        self.tile, self.blocks, self.parts = (
            emitter.names.fresh(f"{word}{number}") for word in ("tile", "blocks", "parts")
        )

    def emit(self) -> list[str]:
        """Return the statements that have the function run; it joins the emitter's pieces."""
        tile = self.local.tile()
        packs = [line for pack in self.local.packs.values() for line in self._packed(pack)]
        body = [*self._buffers(), *self._loop([*packs, *tile])]
        used = self._used(body)
        head = filled(f"def {self.name}(", ["first", "last", *used], "):", 0)
        self.emitter.pieces.append("\n".join(["@jit", *head, indent(body, 1), "", ""]))
        return [*self._allocated(), *self._threaded(used), *self._combined()]

    # -- the function ----------------------------------------------------------------------

    def _buffers(self) -> list[str]:
        """Return the statements that make what a thread works in."""
        packs = {pack.buffer: pack for pack in self.local.packs.values()}
        lines = []
        for buffer in self.local.buffers:
            size = self.volume(buffer.size)
            pack = packs.get(buffer.name)
            if pack is None:
                size = size if buffer.whole else scaled(size, "tile")
                lines.append(f"{buffer.name} = np.zeros({size}{made(buffer.kind)})")
                continue
            shape = f"({size}, tile)" if pack.steps else "tile"
            dtype = f"{self.emitter.arrays[pack.source].base}.dtype"
            lines.append(f"{buffer.name} = np.empty({shape}, dtype={dtype})")
        return lines

    def _packed(self, pack: Pack) -> list[str]:
        """Return the statement that finds or makes a tile whose samples lie in a row."""
        base = self.emitter.arrays[pack.source].base
        start = added(["start", self.emitter.extent(pack.offset)])
        if not pack.steps:
            return [f"{pack.name} = _packed({base}[{start}:], size, {pack.buffer})"]
        samples = f"{base}[{start}:]" if pack.axis == 0 else f"{base}[:, {start}:].T"
        return [f"{pack.name} = _packed_rows({samples}, size, {pack.buffer})"]

    def _loop(self, tile: list[str]) -> list[str]:
        """Return the loop over blocks, and over the tiles of each."""
        lines: list[str] = []
        for total in self.local.totals:
            if total.alone:
                lines.append(f"{total.tile} = all_{total.tile}[block]")
                lines.append(f"{total.tile}[:] = {self._identity(total)}")
        if self.local.per_block != ZERO:
            lines.append("part = parts[block]")
        for total in self.local.totals:
            if self.graph[total.node].op in _COMBINE and not total.alone:
                slot, size = self.volume(total.slot), self.volume(total.size)
                lines.append(self.emitter.filled("part", slot, size, self._identity(total)))
        step = f"_block_size({self.count}, tile, blocks)"
        lines += [
            f"stop = min((block + 1)*{step}, {self.count})",
            f"for start in range(block*{step}, stop, tile):",
            "    size = min(tile, stop - start)",
            indent(tile, 1),
        ]
        for total in self.local.totals:
            if total.tile and not total.alone:
                view = ".view(np.float64)" if total.kind is Kind.COMPLEX else ""
                lines.append(f"    _flush({total.tile}{view}, part[{self.volume(total.slot)}:])")
        return ["for block in range(first, last):", indent(lines, 1)]

    def _identity(self, total: Total) -> str:
        return self.local.identity(self.graph[total.node].op)

    def _used(self, body: list[str]) -> list[str]:
        """Return the caller's variables that the function uses."""
        emitter = self.emitter
        known = [*emitter.arguments(), *(text.text for text in self.printer.texts.values())]
        known += [array.base for array in emitter.held.values()]
        known += [f"all_{total.tile}" for total in self.local.totals if total.alone]
        known += ["tile", "blocks", "parts"]
        words = set(_WORD.findall("\n".join(body)))
        return [name for name in dict.fromkeys(known) if name in words]

    # -- its call --------------------------------------------------------------------------

    def _allocated(self) -> list[str]:
        """Return the statements that find the sizes of tiles and blocks, and make their sums."""
        local = self.local
        width, arrays = local.width, ZERO
        for buffer in local.buffers:
            width = width if buffer.whole else width + buffer.doubles
        for total in local.totals:
            arrays = arrays + (total.size if self.graph[total.node].axes else ZERO)
        wide = width.number is None or width.number > WIDE
        row, sums = self.volume(width) if wide else "1", self.volume(arrays)
        lines = [
            f"{self.tile} = _tile({self.count}, {row}, {sums})",
            f"{self.blocks} = _blocks({self.count}, {self.tile}, {sums})",
        ]
        if local.per_block != ZERO:
            size = self.volume(local.per_block)
            lines.append(f"{self.parts} = np.zeros(({self.blocks}, {size}))")
        for total in local.totals:
            if total.alone:
                size = self.volume(Volume.product(self.graph[total.node].axes))
                shape = f"({self.blocks}, {size})"
                lines.append(f"all_{total.tile} = np.empty({shape}{made(total.kind)})")
        return lines

    def _threaded(self, used: list[str]) -> list[str]:
        values = {"tile": self.tile, "blocks": self.blocks, "parts": self.parts}
        passed = ", ".join(values.get(name, name) for name in used)
        cost = self.volume(work(self.emitter.schedule, self.sweep))
        shared = f"*_shared({self.name}, ({passed}{',' if len(used) == 1 else ''}))"
        return filled("_threaded(", [shared, self.blocks, "threads", cost], ")")

    def _combined(self) -> list[str]:
        """Return the statements that add up what the blocks found."""
        return [line for total in self.local.totals for line in self._total(total)]

    def _total(self, total: Total) -> list[str]:
        node = self.graph[total.node]
        function = "_totals" if total.compensated else _COMBINE.get(node.op, "_sums")
        size = total.size * (2 if total.compensated else 1)
        complex = total.kind is Kind.COMPLEX
        if total.alone:
            call = f"{function}(all_{total.tile}{'.view(np.float64)' if complex else ''})"
        else:
            call = f"{function}({self._columns(total.slot, size)})"
        if node.axes:
            array = self.emitter.held[total.node]
            start = "" if array.offset == "0" else array.offset
            stop = added([array.offset, self.volume(Volume.product(node.axes))])
            view = ".view(np.complex128)" if complex else ""
            return [f"{array.base}[{start}:{stop}] = {call}{view}"]
        name = next(self.emitter.sums)
        self.printer.name(total.node, name)
        if complex:
            pair = (self._columns(total.slot + ONE * k, ONE * 2) for k in (0, 2))
            parts = ", ".join(f"{function}({columns})[0]" for columns in pair)
            return [f"{name} = complex({parts})"]
        return [f"{name} = {call}[0]"]

    def _columns(self, start: Volume, size: Volume) -> str:
        """Return the part of the sums of all blocks that belongs to one of them."""
        return f"{self.parts}[:, {self.volume(start)}:{self.volume(start + size)}]"
