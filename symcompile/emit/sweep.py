"""One sweep as statements: the nests of a tile, what they hold, and what is summed.

The language is in :class:`~symcompile.emit.syntax.Syntax`; all here is the same for C and Numba.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from symcompile.emit.expression import Printer
from symcompile.emit.memory import Array, added, row_major, scaled, tight
from symcompile.emit.nest import NestEmitter
from symcompile.emit.syntax import Buffer, Index, Operand, Pack, Product, Syntax, Total, width
from symcompile.errors import LoweringError
from symcompile.ir.affine import Affine
from symcompile.ir.graph import Axes, Gather, Kind, View, payload
from symcompile.ir.volume import ONE, ZERO, Volume
from symcompile.planning import Contraction, Nest, Sweep, seen

_IDENTITY = {"reduce_sum": "0.0", "reduce_prod": "1.0", "scatter": "0.0", "add": "0.0"}


@dataclass
class SweepEmitter:
    """Prints the body of one sweep, tile by tile."""

    emitter: NestEmitter
    syntax: Syntax
    printer: Printer
    sweep: Sweep
    held: dict[int, Array]
    #: Of how many dimensions the inputs are whose samples are put in a row.
    packing: int
    buffers: list[Buffer] = field(default_factory=list)
    packs: dict[tuple[int, int, Affine], Pack] = field(default_factory=dict)
    totals: list[Total] = field(default_factory=list)
    per_block: Volume = ZERO
    #: How many doubles of inputs a sample needs that are read where they lie.
    width: Volume = ZERO
    read: set[int] = field(default_factory=set)
    #: Rows of arrays that the vector loop being printed reads or writes: what each is called.
    rows: dict[str, str] | None = None

    def __post_init__(self) -> None:
        self.graph = self.emitter.graph
        self.names = self.emitter.names
        self.lead = self.emitter.indices[0]
        self.accumulators = self.names.numbered("a")
        self.storage = self.emitter.schedule.storage
        for node in self.sweep.totals:
            self._add_total(node)
        self._add_buffers()

    # -- memory ----------------------------------------------------------------------------

    def _add_total(self, node: int) -> None:
        found = self.graph[node]
        if found.kind is Kind.COMPLEX and found.op == "reduce_prod":
            raise LoweringError(
                "a Product of complex numbers over the outermost index is compiled by the Python "
                'backend only: use backend="python"'
            )
        size = Volume.product(found.axes) * width(found.kind)
        compensated = found.op == "reduce_sum"
        tile = ""
        if found.axes and compensated:
            tile = next(self.emitter.held_names)
            count = Volume.product(found.axes)
            self.buffers.append(Buffer(tile, count, whole=True, kind=found.kind))
        alone = bool(found.axes) and not compensated
        if alone:
            tile = self.names.fresh(f"bins{len(self.emitter.bins)}")
            self.emitter.bins.append(tile)
        slot = ZERO if alone else self.per_block
        self.totals.append(Total(node, size, slot, compensated, tile, alone, found.kind))
        if not alone:
            self.per_block = self.per_block + size * (2 if compensated else 1)

    def _add_buffers(self) -> None:
        for step in self.sweep.steps:
            made = [step.node] if isinstance(step, Contraction) else [*step.kept]
            if isinstance(step, Nest):
                made += [*step.sums, *step.scatters]
            for node in made:
                if node in self.held or self.storage.get(node) != "tile":
                    continue
                axes = self.graph[node].axes
                lead = self._lead_of(axes)
                inner = tuple(a for k, a in enumerate(axes) if k != lead)
                label = self.graph.labels.get(node)
                name = self.names.fresh(label) if label else next(self.emitter.held_names)
                kind = self.graph[node].kind
                self.buffers.append(Buffer(name, Volume.product(inner), kind=kind))
                self.held[node] = self.emitter.lead_last(name, axes, lead, "tile", lead)

    def _lead_of(self, axes: Axes) -> int:
        return self.emitter.schedule.frames.lead(axes)

    # -- steps -----------------------------------------------------------------------------

    def tile(self) -> list[str]:
        """Return what is done for each tile."""
        lines: list[str] = []
        for step in self.sweep.steps:
            if isinstance(step, Contraction):
                lines += self._contraction(step)
            else:
                lines += self._nest(step)
        return lines

    def _nest(self, nest: Nest) -> list[str]:
        indices = self._indices(nest.axes, nest.lead)
        local = self.printer.inside(eager=nest.vector)
        self.rows = {} if nest.vector else None
        bodies = [self.graph[n].args[0] for n in (*nest.sums, *nest.scatters)]
        ends = [*bodies, *(store.node for store in nest.stores)]
        own = set(nest.nodes)
        args = [arg for node in nest.nodes for arg in self.graph[node].args]
        for arg in dict.fromkeys([*args, *ends, *nest.kept]):
            if self.graph[arg].axes and arg not in own:
                local.name(arg, self.load(local, arg, indices, nest.lead, nest.vector))
        results = [*ends, *nest.kept]
        inner = self.emitter.assigned(local.statements(nest.nodes, results, nest.kept))
        before: list[str] = []
        after: list[str] = []
        partial: list[tuple[str, str]] = []
        first: list[str] = []
        for node in nest.kept:
            inner.append(self.emitter.stored(self._place(node, indices), local.text(node)))
        for store in nest.stores:
            output = self.emitter.out[store.output, store.entry]
            at = self._at(output, [index.absolute for index in indices])
            inner.append(self.emitter.stored(at, local.text(store.node)))
        for node in nest.sums:
            found = self.graph[node]
            body = local.text(found.args[0])
            assert isinstance(found.data, int)
            if found.data == nest.lead:
                name = next(self.accumulators)
                partial.append((found.op, name))
                before.append(self.syntax.variable(name, self.identity(found.op), found.kind))
                inner.append(self.syntax.update(found.op, name, body, found.kind))
                rest = [i for k, i in enumerate(indices) if k != nest.lead]
                after += self._add_partial(node, name, rest)
            else:
                rest = [i for k, i in enumerate(indices) if k != found.data]
                first.append(self._cleared(node))
                place = self._place(node, rest)
                inner.append(self.syntax.update(found.op, place, body, found.kind))
        for node in nest.scatters:
            target = self._target(local, node, indices, nest.lead)
            if self.emitter.schedule.targets.get(node, node) not in self._totalled():
                first.append(self._cleared(node))
            body = local.text(self.graph[node].args[0])
            inner.append(self.syntax.update("scatter", target, body))
        others = [k for k in range(len(nest.axes)) if k != nest.lead]
        counts = {k: self.emitter.extent(nest.axes[k].extent) for k in others}
        if not nest.vector and nest.scatters and others:
            # Samples may add to one place: they come one by one, each a row of numbers.
            for k in reversed(others):
                apart = k == others[-1] and self._apart(nest, k)
                inner = self.syntax.loop(
                    indices[k].name, counts[k], inner, self.syntax.hint(apart, ())
                )
            return [*first, *self.syntax.loop(self.lead, "size", inner, "")]
        # A sum of complex numbers is no reduction that every compiler takes.
        whole = any(self.graph[node].kind is Kind.COMPLEX for node in nest.sums)
        hint = self.syntax.hint(nest.vector and not whole, partial)
        named = [f"{name} = {row}" for row, name in (self.rows or {}).items()]
        self.rows = None
        lines = [*named, *before, *self.syntax.loop(self.lead, "size", inner, hint), *after]
        for k in reversed(others):
            lines = self.syntax.loop(indices[k].name, counts[k], lines, "")
        return [*first, *lines]

    def _apart(self, nest: Nest, axis: int) -> bool:
        """Return whether different points of an axis add to different places."""
        for node in nest.scatters:
            view = self.graph[node].data
            assert isinstance(view, View)
            if view.clamped or not any(
                isinstance(index, Affine) and index.axis == axis for index in view.index
            ):
                return False
        return True

    def _totalled(self) -> set[int]:
        return {total.node for total in self.totals}

    def identity(self, op: str) -> str:
        """Return what a reduction starts with."""
        return f"-{self.syntax.infinity}" if op == "reduce_max" else _IDENTITY[op]

    def _cleared(self, node: int) -> str:
        axes = self.graph[node].axes
        array = self.held[node]
        lead = self._lead_of(axes)
        inner = tuple(a for k, a in enumerate(axes) if k != lead)
        step = "tile" if array.relative is not None else self.emitter.extent(axes[lead].extent)
        size = self.emitter.volume(Volume.product(inner))
        value, kind = self.identity(self.graph[node].op), self.graph[node].kind
        if array.relative is None and Volume.product(inner) == ONE:
            return self.syntax.filled(array.base, "start", "size", value, kind)
        if array.relative is None:
            # A part of an array of full size: row by row.
            index = self.emitter.indices[2]
            row = added([scaled(index, step), "start"])
            body = [self.syntax.filled(array.base, row, "size", value, kind)]
            return "\n".join(self.syntax.loop(index, size, body, ""))
        return self.syntax.filled(array.base, "0", scaled(size, step), value, kind)

    def _add_partial(self, node: int, name: str, rest: Sequence[Index]) -> list[str]:
        total = next(t for t in self.totals if t.node == node)
        op = self.graph[node].op
        slot = self.emitter.volume(total.slot)
        axes = self.graph[node].axes
        where = Array("part", slot, tuple(map(self.emitter.volume, row_major(axes))))
        if total.tile:
            where = Array(total.tile, "0", where.strides)
            element = where.element([i.absolute for i in rest])
            return [self.syntax.update(op, element, name, total.kind)]
        if total.compensated:
            return self.syntax.accumulated(slot, name, total.kind)
        return [self.syntax.update(op, where.element([i.absolute for i in rest]), name)]

    def _place(self, node: int, indices: Sequence[Index]) -> str:
        """Return the element of the buffer of a node at the point of the loops."""
        array = self.held[node]
        texts = [i.at if k == array.relative else i.absolute for k, i in enumerate(indices)]
        return self._at(array, texts)

    def _at(self, array: Array, texts: Sequence[str]) -> str:
        """Return an element of an array, in its row where a vector loop goes along one."""
        if self.rows is None:
            return array.element(texts)
        return self.syntax.in_row(array, texts, self.lead, self.rows)

    def _target(self, local: Printer, node: int, indices: Sequence[Index], lead: int) -> str:
        """Return the element that a scatter adds to."""
        view = self.graph[node].data
        assert isinstance(view, View)
        axes = self.graph[node].axes
        target = self.emitter.schedule.targets.get(node, node)
        if target in self._totalled():
            total = next(t for t in self.totals if t.node == target)
            array = Array(total.tile, "0", tuple(map(self.emitter.volume, row_major(axes))))
        else:
            array = self.held[node]
        return self._element(local, array, node, view, axes, indices, lead)

    def _indices(self, axes: Axes, lead: int) -> list[Index]:
        free = iter(self.emitter.indices[1:])
        found = []
        for k in range(len(axes)):
            if k == lead:
                found.append(Index(self.lead, self.lead, f"start + {self.lead}"))
            else:
                name = next(free)
                found.append(Index(name, name, name))
        return found

    # -- loads -----------------------------------------------------------------------------

    def load(
        self, local: Printer, arg: int, indices: Sequence[Index], lead: int, vector: bool
    ) -> str:
        """Return the text of a value that is in memory, or made of indices, at a point."""
        source, view = seen(self.graph, arg)
        node = self.graph[source]
        if not node.axes:
            return local.text(source)
        if view is None:
            view = View(tuple(Affine(0, ((k, 1),)) for k in range(len(node.axes))))
        if node.op in ("index", "delta"):
            return self._positional(local, arg, view, indices, lead)
        if node.op == "input":
            if self.packing and vector:
                packed = self._packed(source, view, lead)
                if packed is not None:
                    at = [
                        self.affine(i, indices)
                        for k, i in enumerate(view.index)
                        if k != packed.axis and isinstance(i, Affine)
                    ]
                    return self.syntax.packed(packed, at, self.lead)
            array = self.emitter.arrays[source]
        else:
            array = self.held[source]
        text = self._element(local, array, arg, view, node.axes, indices, lead)
        return f"({text} != 0.0)" if node.kind is Kind.BOOL else text

    def _positional(
        self, local: Printer, arg: int, view: View, indices: Sequence[Index], lead: int
    ) -> str:
        """Return a value that is made of indices alone."""
        source, _ = seen(self.graph, arg)
        node = self.graph[source]
        assert isinstance(node.data, Affine)
        texts = [self._place_of(local, arg, index, indices, lead) for index in view.index]

        def name(var: str | int) -> str:
            if isinstance(var, str):
                return self.emitter.size_name(var)
            assert isinstance(node.data, Affine)
            return texts[var] if node.data.coefficient(var) == 1 else tight(texts[var])

        value = node.data.text(name)
        if node.op == "index":
            return self.emitter.as_real(value)
        return self.emitter.dialect.template("select").format(f"({value} == 0)", "1.0", "0.0")

    def _place_of(
        self,
        local: Printer,
        user: int,
        index: Affine | Gather,
        indices: Sequence[Index],
        lead: int,
    ) -> str:
        """Return one index of a view as text."""
        if isinstance(index, Affine):
            return self.affine(index, indices)
        arg = self.graph[user].args[index.arg]
        own = [indices[axis] for axis in index.axes]
        inner_lead = index.axes.index(lead) if lead in index.axes else -1
        text = self.load(local, arg, own, inner_lead, vector=False)
        return self.emitter.as_index(text)

    def _element(
        self,
        local: Printer,
        array: Array,
        user: int,
        view: View,
        axes: Axes,
        indices: Sequence[Index],
        lead: int,
    ) -> str:
        texts = []
        for k, index in enumerate(view.index):
            if array.relative == k and isinstance(index, Affine):
                text = self.lead
            else:
                text = self._place_of(local, user, index, indices, lead)
            if view.clamped:
                text = self.syntax.clamped(text, self.emitter.extent(axes[k].extent))
            texts.append(text)
        return self._at(array, texts)

    def affine(self, index: Affine, indices: Sequence[Index]) -> str:
        """Return an index as text, in the variables of the loops."""

        def name(var: str | int) -> str:
            if isinstance(var, str):
                return self.emitter.size_name(var)
            text = indices[var].absolute
            return text if index.coefficient(var) == 1 else tight(text)

        return index.text(name)

    def _packed(self, source: int, view: View, lead: int) -> Pack | None:
        """Return the tile of an input whose lead axis is to be contiguous; None if it need not."""
        array, axes = self.emitter.arrays[source], self.graph[source].axes
        if payload(self.graph[source]).role != "data" or view.clamped or len(axes) > self.packing:
            return None
        if not all(isinstance(i, Affine) for i in view.index):
            return None
        leading = [k for k, i in enumerate(view.index) if lead in i.axes]
        if len(leading) != 1:
            return None
        (axis,) = leading
        index = view.index[axis]
        assert isinstance(index, Affine)
        offset = index - Affine(0, ((lead, 1),))
        if index.coefficient(lead) != 1 or offset.axes:
            return None
        key = (source, axis, offset)
        found = self.packs.get(key)
        if found is None:
            name = self.names.fresh(f"{array.base}_tile")
            buffer = self.names.fresh(f"{array.base}_buffer")
            inner = tuple(a for k, a in enumerate(axes) if k != axis)
            steps = tuple(self.names.fresh(f"{name}_{k}") for k in range(len(inner)))
            kind = self.graph[source].kind
            self.buffers.append(Buffer(buffer, Volume.product(inner), kind=kind))
            found = self.packs[key] = Pack(name, source, axis, offset, steps, buffer)
        return found

    # -- products of matrices --------------------------------------------------------------

    def _contraction(self, step: Contraction) -> list[str]:
        indices = self._indices(step.axes, step.lead)
        node = self.graph[step.node]
        total = next((t for t in self.totals if t.node == step.node), None)
        rest = [k for k in range(len(step.axes)) if k != step.summed]
        lines = []
        if total is not None:
            array = Array(total.tile, "0", tuple(map(self.emitter.volume, row_major(node.axes))))
        else:
            array = self.held[step.node]
            lines.append(self._cleared(step.node))
        start = "start" if total is None and array.relative is None else "0"
        place = dict(zip(rest, array.strides, strict=True))
        texts = [
            indices[k].at if place_k == array.relative else indices[k].absolute
            for place_k, k in enumerate(rest)
        ]
        row = step.rows[0] if step.rows else None
        column = step.columns[0] if step.columns else None

        def count(axis: int | None) -> str:
            if axis is None:
                return "1"
            return "size" if axis == step.lead else self.emitter.extent(step.axes[axis].extent)

        def variable(axis: int | None) -> str:
            return self.emitter.indices[-1] if axis is None else indices[axis].name

        out = Operand(
            array,
            start,
            "0" if row is None else place[row],
            "0" if column is None else place[column],
            array.element(texts),
        )
        product = Product(
            (count(row), count(column), count(step.summed)),
            (variable(row), variable(column), variable(step.summed)),
            self._operand(step, step.left, step.rows, indices, summed_last=True),
            self._operand(step, step.right, step.columns, indices, summed_last=False),
            out,
            (self.graph[step.left].kind, self.graph[step.right].kind),
        )
        return lines + self.syntax.contraction(product)

    def _operand(
        self,
        step: Contraction,
        operand: int,
        own: tuple[int, ...],
        indices: Sequence[Index],
        *,
        summed_last: bool,
    ) -> Operand:
        """Return where a factor starts, and its strides along its own axis and the summed one."""
        source, view = seen(self.graph, operand)
        axes = self.graph[source].axes
        if view is None:
            view = View(tuple(Affine(0, ((k, 1),)) for k in range(len(axes))))
        is_input = self.graph[source].op == "input"
        array = self.emitter.arrays[source] if is_input else self.held[source]
        steps: dict[int, list[str]] = {}
        start = [array.offset]
        for k, (index, stride) in enumerate(zip(view.index, array.strides, strict=True)):
            assert isinstance(index, Affine)
            for axis in index.axes:
                steps.setdefault(axis, []).append(scaled(str(index.coefficient(axis)), stride))
            rest = Affine(index.const, tuple(t for t in index.terms if isinstance(t[0], str)))
            text = rest.text(lambda var: self.emitter.size_name(str(var)))
            if step.lead in index.axes and array.relative != k:
                text = added([scaled("start", str(index.coefficient(step.lead))), text])
            start.append(scaled(text, stride))
        if is_input and step.lead in view.used and source not in self.read:
            self.read.add(source)
            others = [a for k, a in enumerate(axes) if step.lead not in view.index[k].axes]
            self.width = self.width + Volume.product(others)
        along = added(steps.get(own[0], ["0"])) if own else "0"
        summed = added(steps[step.summed])
        row, column = (along, summed) if summed_last else (summed, along)
        element = self.load(self.printer, operand, indices, step.lead, vector=False)
        return Operand(array, added(start), row, column, element)
