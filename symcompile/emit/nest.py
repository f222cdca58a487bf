"""What the C and the Numba emitter share: everything but how the languages spell it.

A function becomes, phase by phase, straight-line code and sweeps over tiles. Straight-line code too
long for one function is cut into pieces that pass values through a work array. Arrays are flat:
an element is a base and a sum of indices times strides, in both languages.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import ClassVar

from symcompile.emit.blocks import WORD, branches, code, lines_of, rendered
from symcompile.emit.chunks import CHUNK, LONGEST_WHOLE, Chunk, cut
from symcompile.emit.dialect import Dialect
from symcompile.emit.expression import Printer, Statement
from symcompile.emit.lines import indent
from symcompile.emit.memory import Array, Place, places, row_major, scaled
from symcompile.emit.numbers import numbers_of
from symcompile.emit.outline import Fork, Outline, Part, texts_of
from symcompile.emit.signature import Identifiers, vectors
from symcompile.frontend.definition import Definition, squeezed
from symcompile.ir.affine import Affine
from symcompile.ir.graph import BODY_OPS, Axes, Gather, Input, Kind, View, payload, takes_complex
from symcompile.ir.volume import ZERO, Volume
from symcompile.naming import Names
from symcompile.planning import Nest as Planned
from symcompile.planning import Scalars, Schedule, Sweep
from symcompile.schedule import pieces

_ARRAYS = {"param": "p", "constant": "c", "direction": "v", "cotangent": "u"}
# A loop body longer than this is not vectorised: it would spill more than it gains.
_LONGEST_SIMD = 2000
_INDICES = ("i", "j", "k", "l", "m", "q", "r", "s")


class NestEmitter(ABC):
    """Prints one scheduled function.

    Its arguments are, as far as the function has them: ``p`` the parameters, ``v`` a direction,
    ``u`` cotangents (the samples last), ``c`` the constants, the data, the sizes, and one flat
    array for each output, the samples last.

    Args:
        definition: whose function it is.
        names: the identifiers of the symbols.
        schedule: the function.
        name: what it is called.

    Attributes:
        held: where nodes lie that have been computed.
    """

    #: The language; an instance has the one of its dtype.
    language: ClassVar[Dialect]
    end: ClassVar[str]
    #: Pieces of straight-line code have so many operations.
    chunk: ClassVar[int] = CHUNK

    def __init__(
        self, definition: Definition, names: Identifiers, schedule: Schedule, name: str
    ) -> None:
        self.definition = definition
        self.numbers = numbers_of(definition)
        self.dialect = self.language.of(self.numbers.dtype)
        self.ids = names
        self.schedule = schedule
        self.graph = schedule.graph
        self.function = schedule.function
        self.name = name
        needed = self.graph.ancestors(self.function.roots())
        #: Whether any number of the function is complex.
        self.complex = any(self.graph[i].kind is Kind.COMPLEX for i in needed)
        outputs = [output.name for output in self.function.outputs]
        directions = [f"v{k}" for k in range(len(names.params))]
        cotangents = [f"u{k}" for k in range(len(definition.output.entries))]
        fixed = ["p", "u", "v", "c", "n", "work", *self.reserved()]
        taken = {*names.all(), *outputs, *directions, *cotangents, *fixed}
        self.indices = self._free_indices(taken)
        self.names = Names([*taken, *self.indices])
        #: Names for buffers, for sums that are numbers, and (so far) for sums of arrays.
        self.held_names = self.names.numbered("h")
        self.sums = self.names.numbered("s")
        self.bins: list[str] = []
        self.held: dict[int, Array] = {}
        self.pieces: list[str] = []
        self.out = self._outputs()
        self.arrays = self._inputs()

    def reserved(self) -> Sequence[str]:
        """Return the names that the scaffolding of loops uses."""
        return ("start", "stop", "size", "block", "tile", "first", "last", "part", "held")

    def _free_indices(self, taken: Collection[str]) -> tuple[str, ...]:
        found = [name if name not in taken else f"{name}_" for name in _INDICES]
        return tuple(name if name not in taken else f"{name}x" for name in found)

    # -- hooks -----------------------------------------------------------------------------

    @abstractmethod
    def piece(self, name: str, arguments: Sequence[str], body: Sequence[str]) -> str:
        """Return the definition of a piece of straight-line code."""

    @abstractmethod
    def work_array(self, slots: int) -> str:
        """Return the statement that makes a work array."""

    @abstractmethod
    def data_array(self, slot: int, axes: Axes) -> Array:
        """Return where a data array lies."""

    @abstractmethod
    def part(self, text: str, kind: Kind) -> str:
        """Return a number of some kind that lies in a work array, which may be complex."""

    @abstractmethod
    def as_real(self, text: str) -> str:
        """Return a whole number as a double."""

    @abstractmethod
    def as_index(self, text: str) -> str:
        """Return a double that is a whole number as an index."""

    @abstractmethod
    def clamped(self, index: str, extent: str) -> str:
        """Return an index moved into its range."""

    @abstractmethod
    def sweep(self, printer: Printer, sweep: Sweep) -> list[str]:
        """Return a loop over the tiles of an axis."""

    def for_vectors(self, sweep: Sweep) -> Sweep:
        """Return a sweep in which only such nests are for vector units as these can do."""
        steps = tuple(
            replace(step, vector=False)
            if isinstance(step, Planned) and not self._vectorises(step)
            else step
            for step in sweep.steps
        )
        return replace(sweep, steps=steps)

    def _vectorises(self, nest: Planned) -> bool:
        """Return whether vector units may do a nest: it is short and real, and calls no loops."""
        calls = any(
            self.graph[node].op in BODY_OPS or takes_complex(self.graph, node)
            for node in nest.nodes
        )
        return len(nest.nodes) <= _LONGEST_SIMD and not calls

    # -- sizes and arrays ------------------------------------------------------------------

    def size_name(self, size: str) -> str:
        """Return the identifier of a size."""
        return self.ids.known_sizes.get(size, size)

    def volume(self, volume: Volume) -> str:
        """Return a polynomial in sizes as text."""
        return volume.text(self.size_name)

    def extent(self, value: Affine) -> str:
        """Return a size as text."""
        return value.text(lambda var: self.size_name(str(var)))

    def sizes(self) -> list[str]:
        """Return the identifiers of the sizes that are passed."""
        if self.definition.indexed:
            return list(self.ids.sizes)
        return ["n"] if self.definition.data else []

    def offsets(self) -> list[Volume]:
        """Return where each parameter starts in the flat vector."""
        found, start = [], ZERO
        for shape in self.definition.param_shapes:
            found.append(start)
            start = start + Volume.product(squeezed(shape))
        return found

    def _inputs(self) -> dict[int, Array]:
        """Return the inputs that are arrays."""
        found: dict[int, Array] = {}
        cotangents = places(self.definition.output)
        starts = self.offsets()
        for index, node in enumerate(self.graph.nodes):
            if node.op != "input" or not node.axes:
                continue
            role, slot = payload(node)
            if role == "data":
                found[index] = self.data_array(slot, node.axes)
            elif role == "cotangent":
                found[index] = self.placed("u", cotangents[slot])
            else:
                place = Place(starts[slot], row_major(node.axes))
                found[index] = self.placed(_ARRAYS[role], place)
        return found

    def whole_array(self, name: str, node: int) -> Array:
        """Return an array that holds a node at all its points."""
        axes = self.graph[node].axes
        store = self.schedule.direct.get(node)
        if store is not None:
            return self.out[store.output, store.entry]
        if self.schedule.storage.get(node) == "total":
            return Array(name, "0", tuple(map(self.volume, row_major(axes))))
        lead = self.schedule.frames.lead(axes)
        return self.lead_last(name, axes, lead, self.extent(axes[lead].extent), None)

    def lead_last(self, name: str, axes: Axes, lead: int, step: str, relative: int | None) -> Array:
        """Return an array whose lead axis is contiguous, ``step`` doubles long."""
        inner = tuple(a for k, a in enumerate(axes) if k != lead)
        steps = [scaled(self.volume(s), step) for s in row_major(inner)]
        steps.insert(lead, "1")
        return Array(name, "0", tuple(steps), relative)

    def placed(self, base: str, place: Place) -> Array:
        """Return an array within a flat one."""
        strides = tuple(self.volume(s) for s in place.strides)
        return Array(base, self.volume(place.offset), strides)

    def _outputs(self) -> dict[tuple[int, int], Array]:
        """Return where each entry of each output lies."""
        found = {}
        for number, output in enumerate(self.function.outputs):
            for entry, place in enumerate(places(output)):
                found[number, entry] = self.placed(output.name, place)
        return found

    # -- straight-line code ----------------------------------------------------------------

    def body(self) -> list[str]:
        """Return the statements of the function."""
        printer = Printer(self.graph, self.dialect, self.scalars, self.names)
        lines = self.loads(self.graph.ancestors(self.function.roots()))
        for number, phase in enumerate(self.schedule.phases):
            if isinstance(phase, Scalars):
                lines += self.block(printer, number, phase)
            else:
                lines += self.sweep(printer, phase)
        return lines

    @cached_property
    def scalars(self) -> Mapping[int, str]:
        """The text of inputs that are numbers, and of sizes."""
        found: dict[int, str] = {}
        named = {"param": self.ids.params, "constant": self.ids.constants}
        for index, node in enumerate(self.graph.nodes):
            if node.op == "extent":
                assert isinstance(node.data, Affine)
                found[index] = self.as_real(self.extent(node.data))
            elif node.op == "input" and not node.axes:
                role, slot = payload(node)
                found[index] = named[role][slot] if role in named else f"{_ARRAYS[role]}{slot}"
        return found

    def vectors(self) -> list[str]:
        """Return the arguments that are flat arrays of numbers, not data."""
        return vectors(self.ids, self.function.name)

    def loads(self, nodes: Collection[int]) -> list[str]:
        """Return the statements that name the scalar inputs among ``nodes``."""
        texts = self.scalars
        return self.assigned(
            [
                Statement(texts[index], f"{array}[{place}]", self.graph[index].kind)
                for index, (array, place) in self.places(nodes).items()
            ]
        )

    def places(self, nodes: Collection[int]) -> dict[int, tuple[str, str]]:
        """Return the array of each scalar input among ``nodes``, and the index in it, in order."""
        starts = self.offsets()
        cotangents = places(self.definition.output)
        found = {}
        for index in sorted(set(nodes)):
            node = self.graph[index]
            if node.op != "input" or node.axes:
                continue
            role, slot = Input(*payload(node))
            if role == "cotangent":
                place = self.volume(cotangents[slot].offset)
            elif role == "constant":
                place = str(slot)
            else:
                place = self.volume(starts[slot])
            found[index] = _ARRAYS[role], place
        return found

    def assigned(self, statements: Sequence[Statement]) -> list[str]:
        """Return statements in the language."""
        return [self.dialect.statement(s.name, s.text, s.kind) for s in statements]

    def stored(self, target: str, text: str) -> str:
        """Return the statement that puts a value into an array."""
        return f"{target} = {text}{self.end}"

    def block(self, printer: Printer, number: int, phase: Scalars) -> list[str]:
        """Return a phase of scalar code."""
        results = [store.node for store in phase.stores]
        later = self._used_later(number, phase)
        nodes = [node for node in phase.nodes if self.graph[node].op != "view"]
        for node in phase.nodes:
            if self.graph[node].op == "view":
                printer.name(node, self._entry(printer, node))
        if len(nodes) > LONGEST_WHOLE:
            cut = self._outlined if branches(self.graph, nodes) else self._cut
            lines = cut(printer, nodes, {*results, *later})
        else:
            lines = lines_of(printer, nodes, results, later)
        for store in phase.stores:
            target = self.out[store.output, store.entry].element(())
            lines.append(self.stored(target, printer.text(store.node)))
        return lines

    def _entry(self, printer: Printer, index: int) -> str:
        """Return the text of one entry of an array."""
        node = self.graph[index]
        view, source = node.data, node.args[0]
        assert isinstance(view, View)
        texts = []
        for k, place in enumerate(view.index):
            if isinstance(place, Gather):
                text = self.as_index(printer.text(node.args[place.arg]))
            else:
                text = self.extent(place)
            if view.clamped:
                text = self.clamped(text, self.extent(self.graph[source].axes[k].extent))
            texts.append(text)
        array = self.arrays.get(source) or self.held[source]
        return array.element(texts)

    def _used_later(self, number: int, phase: Scalars) -> frozenset[int]:
        """Return the nodes of a phase that later phases use: they keep a name."""
        own = set(phase.nodes)
        after = self.schedule.phases[number + 1 :]
        used: set[int] = set()
        if any(isinstance(p, Sweep) for p in after):
            # Whatever stands in loops uses by far the most; scalar phases are the exceptions.
            scalar = {n for p in self.schedule.phases if isinstance(p, Scalars) for n in p.nodes}
            for index in self.graph.ancestors(self.function.roots()):
                if index not in scalar:
                    used.update(self.graph[index].args)
            used.update(node for _, node, axes in pieces(self.function) if axes)
        for later in after:
            if isinstance(later, Scalars):
                used.update(arg for node in later.nodes for arg in self.graph[node].args)
                used.update(store.node for store in later.stores)
        return frozenset(used & own)

    def _given(self, printer: Printer, nodes: Sequence[int]) -> list[int]:
        """Return what nodes need that was computed before."""
        own = set(nodes)
        return sorted(
            {
                arg
                for n in nodes
                for arg in self.graph[n].args
                if arg not in own and arg in printer.texts
                if self.graph[arg].op not in ("input", "extent")
            }
        )

    def _outlined(self, printer: Printer, nodes: Sequence[int], kept: Collection[int]) -> list[str]:
        """Emit scalar code with branches as functions of their own; return the calls."""
        needed, results = self._given(printer, nodes), sorted(kept)
        passed = {n: f"given{k}" for k, n in enumerate(needed)}
        arguments = [*self.vectors(), *self.sizes(), "work"]
        taken = Names([*self.ids.all(), *arguments, *passed.values()])
        local = Printer(self.graph, self.dialect, {**self.scalars, **passed}, taken)
        given = [Statement(name, printer.text(n), self.graph[n].kind) for n, name in passed.items()]
        written = code(local, nodes, (), results)

        def load(slot: int, kind: Kind) -> str:
            text = self.part(f"work[{slot}]", kind)
            return f"({text} != 0.0)" if kind is Kind.BOOL else text

        outline = Outline(written, [local.text(node) for node in results], load, given)
        lines = [self.work_array(max(outline.slots, 1))]
        lines += [self.stored(f"work[{outline.slot(s.name)}]", s.text) for s in given]
        lines += self._calls(outline.parts, arguments)
        for node in results:
            kind, text = self.graph[node].kind, outline.text(local.text(node))
            if self.schedule.loops and node not in self.schedule.function.roots():
                name = printer.fresh(node)
                lines += self.assigned([Statement(name, text, kind)])
                text = name
            printer.name(node, text)
        return lines

    def straight(
        self, name: str, arguments: Sequence[str], chunk: Chunk, given: Mapping[int, str]
    ) -> str:
        """Return a piece of straight-line code; ``given`` is the text of what is known before."""
        used = {arg for node in chunk.nodes for arg in self.graph[node].args}
        known = {n: text for n in used if (text := given.get(n)) is not None}
        known |= {
            node: self.part(f"work[{slot}]", self.graph[node].kind)
            for node, slot in chunk.reads.items()
        }
        taken = Names([*self.ids.all(), *arguments])
        local = Printer(self.graph, self.dialect, known, taken)
        body = self.loads(used)
        body += lines_of(local, chunk.nodes, list(chunk.writes))
        body += [self.stored(f"work[{s}]", local.text(n)) for n, s in chunk.writes.items()]
        return self.piece(name, arguments, body)

    def _calls(self, parts: Sequence[Part], arguments: Sequence[str]) -> list[str]:
        """Emit pieces of code; return the calls, in the branches around them."""
        lines: list[str] = []
        for part in parts:
            if isinstance(part, Fork):
                words = self.dialect.branching
                lines.append(words.first.format(f" {words.both} ".join(part.conditions)))
                lines += [indent(self._calls(part.then, arguments), 1)]
                if part.otherwise:
                    lines += [words.last, indent(self._calls(part.otherwise, arguments), 1)]
                lines += [words.end] if words.end else []
                continue
            name = f"{self.name}_{len(self.pieces)}"
            used = set(WORD.findall("\n".join(texts_of(part.lines))))
            inputs = [index for index, text in self.scalars.items() if text in used]
            body = self.loads(inputs) + rendered(part.lines, self.dialect)
            body += [self.stored(f"work[{slot}]", n) for n, slot in part.stores.items()]
            self.pieces.append(self.piece(name, arguments, body))
            lines.append(f"{name}({', '.join(arguments)}){self.end}")
        return lines

    def _cut(self, printer: Printer, nodes: Sequence[int], kept: Collection[int]) -> list[str]:
        """Emit scalar code as functions of their own; return the calls."""
        needed = self._given(printer, nodes)
        chunks, final, slots = cut(self.graph, nodes, sorted(kept), self.chunk)
        places = {n: f"work[{slots + k}]" for k, n in enumerate(needed)}
        passed = {n: self.part(slot, self.graph[n].kind) for n, slot in places.items()}
        lines = [self.work_array(slots + len(needed))]
        lines += [self.stored(slot, printer.text(n)) for n, slot in places.items()]
        arguments = [*self.vectors(), *self.sizes(), "work"]
        given = {**self.scalars, **passed}
        for chunk in chunks:
            name = f"{self.name}_{len(self.pieces)}"
            self.pieces.append(self.straight(name, arguments, chunk, given))
            lines.append(f"{name}({', '.join(arguments)}){self.end}")
        for node, slot in final.items():
            if self.schedule.loops:  # a sweep works in an array of its own
                name = printer.fresh(node)
                kind = self.graph[node].kind
                text = self.part(f"work[{slot}]", kind)
                lines += self.assigned([Statement(name, text, kind)])
                printer.name(node, name)
            else:
                printer.name(node, self.part(f"work[{slot}]", self.graph[node].kind))
        return lines
