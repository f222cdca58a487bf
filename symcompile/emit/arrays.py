"""Nodes over axes -> statements in NumPy that a person would write.

Nothing is broadcast that NumPy broadcasts by itself. So the text of a node stands for an array
over those of its axes along which it varies, its *core*, and what uses it puts in the axes that it
needs: ``z[:, None]`` where ``z`` varies along the first of two, ``w`` where it does along the last.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from symcompile.emit.contraction import Contraction, Plan, Term, analysed, transparent
from symcompile.emit.dialect import NUMPY
from symcompile.emit.expression import ATOM, PRODUCT, SUM, Printer, Statement, Text
from symcompile.emit.subscripts import Subscripts
from symcompile.ir.affine import Affine
from symcompile.ir.graph import Axes, Graph, Node, View
from symcompile.naming import Names

#: How tightly ``@`` binds: as a product, but a reader should not have to know.
_MATMUL = 2

_LONGEST_INLINE = 44

_REDUCTIONS = {"reduce_sum": "np.sum", "reduce_prod": "np.prod", "reduce_max": "np.max"}


class ArrayPrinter(Printer):
    """Prints the nodes of a function over whole arrays.

    Args:
        graph: the graph.
        roots: what the function returns.
        known: the text of its inputs, arrays over the axes of their nodes.
        sizes: the identifier of each size.
        names: the identifiers in use; intermediates take new ones.
    """

    def __init__(
        self,
        graph: Graph,
        roots: Sequence[int],
        known: Mapping[int, str],
        sizes: Mapping[str, str],
        names: Names,
    ) -> None:
        super().__init__(graph, NUMPY, known, names)
        self.roots = tuple(roots)
        self.plan: Plan = analysed(graph, roots)
        self.lines: list[str] = []
        self.subscripts = Subscripts(sizes, self._index_array, self._line, names)
        #: The axes of each core, in the order of its dimensions.
        self.axes: dict[int, tuple[int, ...]] = {
            node: tuple(range(len(graph[node].axes))) for node in known
        }
        #: Nodes whose text is arithmetic of Python numbers, which raises where NumPy's does not.
        self._numbers: set[int] = set()
        self._target: tuple[int, ...] = ()

    # ------------------------------------------------------------------ statements

    def run(self) -> list[str]:
        """Return the statements that compute all roots."""
        uses = self.plan.uses
        for node in self.plan.order:
            if node in self.texts:
                continue
            data = self.graph[node]
            if data.op == "const":
                self.axes[node] = ()
                self._numbers.add(node)
                continue
            if data.op == "view" and self._transparent(node):
                continue
            buffer = self.plan.buffers.get(node)
            if buffer is not None:
                self._scattered(node, buffer)
                continue
            printed = self._print(node)
            alone = uses.get(node, 0) <= 1
            short = len(printed.text) <= _LONGEST_INLINE
            cheap = data.op == "extent" or (data.op == "index" and not data.axes)
            labelled = node in self.graph.labels
            atom = node in self.plan.atoms and printed.level < ATOM
            if (cheap or (alone and short)) and not (labelled or atom):
                self.texts[node] = printed
                continue
            self._assign(node, printed.text)
        return self.lines

    def _assign(self, node: int, text: str) -> None:
        name = self.fresh(node)
        self._line(Statement(name, text, self.graph[node].kind))
        self.texts[node] = Text(name)

    def _line(self, statement: Statement) -> None:
        self.lines.append(f"{statement.name} = {statement.text}")

    def segments(self, segments: Sequence[Axes]) -> str:
        """Return the shapes of the pieces along one dimension of a result."""
        return f"[{', '.join(self.subscripts.shape(axes) for axes in segments)}]"

    # ------------------------------------------------------------------ operands

    def _operand(self, node: int) -> Text:
        """Return a node as it is broadcast over the axes at hand."""
        return self.aligned(node, self._target)

    def _core(self, node: int) -> Text:
        return super()._operand(node)

    def aligned(self, node: int, target: Sequence[int]) -> Text:
        """Return a node for use over ``target``, axes in the order of dimensions."""
        return broadcast(self._core(node), self.axes.get(node, ()), target)

    def full(self, node: int) -> Text:
        """Return a node as it is broadcast over its own axes."""
        return self.aligned(node, range(len(self.graph[node].axes)))

    # ------------------------------------------------------------------ operations

    def _print(self, index: int) -> Text:
        node = self.graph[index]
        if node.op == "view":
            return self._view(index, node)
        if node.op in _REDUCTIONS:
            return self._reduction(index, node)
        if node.op in ("index", "extent", "delta"):
            return self._leaf(index, node)
        self._target = tuple(sorted(self.plan.support[index]))
        self.axes[index] = self._target
        return self._elementwise(index, node)

    def _elementwise(self, index: int, node: Node) -> Text:
        numbers = [arg in self._numbers for arg in node.args]
        if node.op in ("add", "sub", "mul", "neg") and all(numbers):
            self._numbers.add(index)
        if node.op == "div" and all(numbers):
            top, bottom = (self._operand(arg) for arg in node.args)
            return Text(f"np.float64({top.text})/{bottom.within(PRODUCT + 1)}", PRODUCT)
        if node.op in ("add", "sub"):
            first, second = (self._operand(arg) for arg in node.args)
            sign = "+" if node.op == "add" else "-"
            right = second.text if self._is_product(second) else second.within(PRODUCT)
            return Text(f"{first.within(SUM)} {sign} {right}", SUM)
        return super()._print(index)

    @staticmethod
    def _is_product(text: Text) -> bool:
        return text.level == _MATMUL and not text.text.startswith("-")

    def _leaf(self, index: int, node: Node) -> Text:
        value = node.data
        assert isinstance(value, Affine)
        self.axes[index] = value.axes if node.op != "extent" else ()
        if not self.axes[index]:
            if node.op == "delta":
                return Text(f"np.where({self._size(value).text} == 0, 1.0, 0.0)")
            self._numbers.add(index)
            return self._size(value)
        if node.op == "delta":
            return Text(self.subscripts.delta(value, node.axes))
        return _leveled(self.subscripts.array(value, value.axes, node.axes, real=True))

    def _size(self, value: Affine) -> Text:
        return _leveled(self.subscripts.affine(value))

    # ------------------------------------------------------------------ views and scatters

    def _transparent(self, index: int) -> bool:
        """Take a view for its source where it is but a transpose or a broadcast."""
        places = transparent(self.graph, self.plan.support, index)
        if places is None:
            return False
        source = self.graph[index].args[0]
        self.texts[index] = self._core(source)
        self.axes[index] = tuple(places[axis] for axis in self.axes.get(source, ()))
        if source in self._numbers:
            self._numbers.add(index)
        return True

    def _view(self, index: int, node: Node) -> Text:
        source, view = node.args[0], node.data
        assert isinstance(view, View)
        core, own = self.axes[source], self.graph[source].axes
        found = self.subscripts.read(
            self._core(source).within(ATOM),
            [(view.index[axis], own[axis].extent) for axis in core],
            node.axes,
            node.args,
            clamped=view.clamped,
        )
        self.axes[index] = found.axes
        return Text(found.text)

    def _index_array(self, node: int, axes: Sequence[int], target: Sequence[int]) -> str:
        """Return the whole numbers that a gather reads, broadcast over ``target``."""
        core = [axes[k] for k in self.axes.get(node, ())]
        held = self._core(node).within(ATOM)
        name = self.subscripts.whole_numbers(node, held, number=not core)
        return broadcast(Text(name), core, target).text

    def _scattered(self, index: int, terms: Sequence[Term]) -> None:
        """Write a scatter, or a sum with some, into an array of its own."""
        node = self.graph[index]
        shape = self.subscripts.shape(node.axes)
        self.axes[index] = tuple(range(len(node.axes)))
        if len(terms) == 1 and not self.plan.sliced[terms[0].node]:
            self._assign(index, self._piled(self.graph[terms[0].node], shape))
            return
        scatters = [term for term in terms if term.scatter]
        others = [term for term in terms if not term.scatter]
        # What is computed anyway is the array to write into.
        fresh = [term for term in others if self._is_fresh(term.node)][:1]
        start = f"np.zeros({shape})"
        for term in fresh:
            text = self.full(term.node)
            start = f"-{text.within(PRODUCT)}" if term.negative else text.text
        name = self.fresh(index)
        self._line(Statement(name, start))
        for term in others:
            if term not in fresh:
                sign = "-" if term.negative else "+"
                self.lines.append(f"{name} {sign}= {self.full(term.node).text}")
        for term in scatters:
            scatter = self.graph[term.node]
            view = scatter.data
            assert isinstance(view, View)
            text, axes = self._scatter_body(scatter)
            pairs = [(i, axis.extent) for i, axis in zip(view.index, node.axes, strict=True)]
            where = self.subscripts.read(name, pairs, self.graph[scatter.args[0]].axes, ())
            place = where.text if where.text != name else f"{name}[:]"
            sign = "=" if len(terms) == 1 else "-=" if term.negative else "+="
            self.lines.append(f"{place} {sign} {broadcast(text, axes, where.axes).text}")
        self.texts[index] = Text(name)

    def _is_fresh(self, node: int) -> bool:
        """Return whether the text of a node makes a new array over all of its axes."""
        everywhere = len(self.axes.get(node, ())) == len(self.graph[node].axes)
        return everywhere and self._core(node).level < ATOM

    def _piled(self, scatter: Node, shape: str) -> str:
        """Return the text of a scatter whose indices may coincide."""
        view = scatter.data
        assert isinstance(view, View)
        text, axes = self._scatter_body(scatter)
        target = sorted(view.used)
        own = self.graph[scatter.args[0]].axes
        indices = [self.subscripts.indices(i, target, own, scatter.args) for i in view.index]
        comma = "," if len(indices) == 1 else ""
        clip = ', mode="clip"' if view.clamped else ""
        value = broadcast(text, axes, target).text
        return f"_scatter({shape}, ({', '.join(indices)}{comma}), {value}{clip})"

    def _scatter_body(self, scatter: Node) -> tuple[Text, tuple[int, ...]]:
        """Return what a scatter writes, summed over the axes that no index depends on."""
        view, body = scatter.data, scatter.args[0]
        assert isinstance(view, View)
        text, axes = self._core(body), self.axes.get(body, ())
        gone = [k for k, axis in enumerate(axes) if axis not in view.used]
        if gone:
            text = Text(f"np.sum({text.text}, axis={gone[0] if len(gone) == 1 else tuple(gone)})")
        for axis, found in enumerate(self.graph[body].axes):
            if axis not in view.used and axis not in axes:  # the same, so many times
                times = self._size(found.extent).within(PRODUCT + 1)
                text = Text(f"{text.within(PRODUCT)}*{times}", PRODUCT)
        return text, tuple(axis for axis in axes if axis in view.used)

    # ------------------------------------------------------------------ reductions

    def _reduction(self, index: int, node: Node) -> Text:
        contraction = self.plan.contractions.get(index)
        if contraction is not None:
            return self._contraction(index, contraction)
        body, positions = self.plan.reduced[index]
        core = self.axes.get(body, ())
        kept = [axis for axis in core if axis not in positions]
        rank = len(self.graph[body].axes)
        place = {a: k for k, a in enumerate(a for a in range(rank) if a not in positions)}
        self.axes[index] = tuple(place[axis] for axis in kept)
        text = self._core(body)
        over = [core.index(axis) for axis in sorted(positions) if axis in core]
        call = _REDUCTIONS[node.op]
        if over:
            options = "" if not kept else f", axis={over[0] if len(over) == 1 else tuple(over)}"
            initial = ", initial=-np.inf" if node.op == "reduce_max" else ""
            text = Text(f"{call}({text.text}{options}{initial})")
        for axis in positions:
            if axis in core or node.op == "reduce_max":
                continue
            extent = self.graph[body].axes[axis].extent
            times = self.subscripts.affine(extent)
            if node.op == "reduce_prod":
                text = Text(f"np.power({text.text}, np.float64({times}))")
            else:
                text = Text(f"np.float64({times})*{text.within(PRODUCT + 1)}", PRODUCT)
        return text

    def _contraction(self, index: int, found: Contraction) -> Text:
        """Return a sum of products as a matrix product, or as Einstein wrote them."""
        groups = [self._group(group) for group in found.groups]
        rank = len(self.graph[found.body].axes)
        place = {a: k for k, a in enumerate(a for a in range(rank) if a not in found.summed)}
        text, axes = product_text(groups, found.summed)
        self.axes[index] = tuple(place[axis] for axis in axes)
        return text

    def _group(self, group: Sequence[tuple[int, bool]]) -> tuple[Text, tuple[int, ...]]:
        """Return the product of some factors, and the axes of its dimensions."""
        if len(group) == 1:
            node = group[0][0]
            return self._core(node), self.axes.get(node, ())
        target = tuple(sorted({a for node, _ in group for a in self.axes.get(node, ())}))
        text: Text | None = None
        for node, inverse in group:
            factor = self.aligned(node, target)
            if text is None:
                text = factor
                continue
            sign = "/" if inverse else "*"
            text = Text(f"{text.within(PRODUCT)}{sign}{factor.within(PRODUCT + 1)}", PRODUCT)
        assert text is not None
        return text, target


def _leveled(text: str) -> Text:
    """Return an affine function as text, with how tightly it binds."""
    if " + " in text or " - " in text:
        return Text(text, SUM)
    return Text(text, _MATMUL if text.startswith("-") else PRODUCT if "*" in text else ATOM)


def broadcast(text: Text, axes: Sequence[int], target: Sequence[int]) -> Text:
    """Return an array over ``axes`` for use over ``target``, as far as NumPy does not do it."""
    order = [axis for axis in target if axis in axes]
    text = transposed(text, [axes.index(axis) for axis in order])
    dims = [":" if axis in axes else "None" for axis in target]
    while dims and dims[0] == "None":
        dims.pop(0)
    if "None" in dims:
        text = Text(f"{text.within(ATOM)}[{', '.join(dims)}]")
    return text


def transposed(text: Text, order: Sequence[int]) -> Text:
    """Return an array with its dimensions in another order."""
    if list(order) == list(range(len(order))):
        return text
    if len(order) == 2:
        return Text(f"{text.within(ATOM)}.T")
    return Text(f"np.transpose({text.text}, {tuple(order)})")


def product_text(
    groups: Sequence[tuple[Text, tuple[int, ...]]], summed: Collection[int]
) -> tuple[Text, tuple[int, ...]]:
    """Return the sum of a product over the axes ``summed``, and the axes that are left."""
    if len(groups) == 2:
        (_, a), (_, b) = groups
        batch = [axis for axis in a if axis in b and axis not in summed]
        common = [axis for axis in a if axis in b and axis in summed]
        if not batch and len(common) == len(summed):
            if len(summed) == 1 and len(a) <= 2 and len(b) <= 2:
                return _matrix_product(groups, common[0])
            return _tensor_product(groups, common)
    letters: dict[int, str] = {}
    for _, axes in groups:
        for axis in sorted(axes):
            letters.setdefault(axis, "ijklmnopqrstuvwxyzabcdefgh"[axis])
    kept = tuple(sorted(axis for axis in letters if axis not in summed))
    terms = ",".join("".join(letters[a] for a in axes) for _, axes in groups)
    spec = f"{terms}->{''.join(letters[a] for a in kept)}"
    optimize = ", optimize=True" if len(groups) > 2 else ""
    operands = ", ".join(text.text for text, _ in groups)
    return Text(f'np.einsum("{spec}", {operands}{optimize})'), kept


def _matrix_product(
    groups: Sequence[tuple[Text, tuple[int, ...]]], common: int
) -> tuple[Text, tuple[int, ...]]:
    def kept(axes: Sequence[int]) -> list[int]:
        return [axis for axis in axes if axis != common]

    (a, a_axes), (b, b_axes) = groups
    if kept(a_axes) and kept(b_axes):
        exchanged = kept(a_axes) > kept(b_axes)
    elif kept(a_axes):  # v @ A says without a transpose what A.T @ v says
        exchanged = a_axes[0] == common
    else:
        exchanged = b_axes[0] != common
    if exchanged:
        a, a_axes, b, b_axes = b, b_axes, a, a_axes
    left = a if a_axes[-1] == common else Text(f"{a.within(ATOM)}.T")
    right = b if b_axes[0] == common else Text(f"{b.within(ATOM)}.T")
    text = f"{left.within(PRODUCT + 1)} @ {right.within(PRODUCT + 1)}"
    return Text(text, _MATMUL), (*kept(a_axes), *kept(b_axes))


def _tensor_product(
    groups: Sequence[tuple[Text, tuple[int, ...]]], common: Sequence[int]
) -> tuple[Text, tuple[int, ...]]:
    (a, a_axes), (b, b_axes) = groups
    places = [[axes.index(axis) for axis in common] for axes in (a_axes, b_axes)]
    text = f"np.tensordot({a.text}, {b.text}, axes=({places[0]}, {places[1]}))"
    kept = [axis for axes in (a_axes, b_axes) for axis in axes if axis not in common]
    return Text(text), tuple(kept)
