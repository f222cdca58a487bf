"""A readable listing of a function of the IR, a line for each step."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

from symcompile.ir.affine import Affine
from symcompile.ir.body import Body
from symcompile.ir.describe import with_body
from symcompile.ir.graph import (
    REDUCTIONS,
    SAMPLES,
    Axes,
    Axis,
    Function,
    Graph,
    Input,
    Kind,
    Output,
)
from symcompile.ir.indices import (
    Bound,
    Gathered,
    Letters,
    Place,
    chosen_index,
    distinct,
    equation,
    mentioned,
    placed,
    reduced,
    safe_name,
    scattered,
    source_place,
    vanishes,
)
from symcompile.ir.notation import (
    AND,
    ATOM,
    BINARY,
    COMPARE,
    OR,
    POWER,
    PRODUCT,
    SUM,
    Text,
    literal,
    size_level,
)
from symcompile.naming import Names

_INDICES = "ijklmn"
_LONGEST_INLINE = 60
#: What has no steps: it stands where it is used.
_LEAVES = frozenset({"const", "input", "extent", "true", "false", "index", "delta"})

_REDUCTIONS = {"reduce_sum": "sum", "reduce_prod": "product", "reduce_max": "max"}
_ROLES = (("param", "direction", "cotangent"), ("data",), ("constant",))
# Dimensions of results that have a segment for each parameter; of a Hessian both.
_PACKED = frozenset({"grad", "hvp", "vjp", "jacobian", "hessian"})


def format_function(
    function: Function,
    names: Mapping[Input, str],
    shapes: Mapping[Input, Sequence[Affine]] | None = None,
) -> str:
    """Return a listing: the signature, then one line for each named step.

    A step with axes is written with an index for each, ``t0[i]``; what is used once stands where
    it is used, while that stays short. Views vanish into the indices of what they show. Names
    that the user gave to intermediates are kept.

    Args:
        function: what to list.
        names: what the inputs are called; one that is missing is called after its role.
        shapes: the sizes of the inputs of a function in index notation; None for a formula per
            sample.

    Example:
        >>> from symcompile.ir.graph import Axis, Graph, whole
        >>> g, n, d = Graph(), Axis(Affine.of("n")), Axis(Affine.of("d"))
        >>> w, x = g.input("param", 0, (d,)), g.input("data", 0, (n, d))
        >>> root = g.reduce_sum(g.add("mul", (g.view(w, whole([1]), (n, d)), x)), 1)
        >>> f = Function("value", g, (Output("value", (root,), (n.extent,), False, (((n,),),)),))
        >>> names = {Input("param", 0): "w", Input("data", 0): "x"}
        >>> shapes = {Input("param", 0): [d.extent], Input("data", 0): [n.extent, d.extent]}
        >>> print(format_function(f, names, shapes))
        value(w[d]; x[n, d])
          value[i] = sum over j < d of w[j]*x[i, j]
    """
    return "\n".join(Listing(function, names, shapes).lines())


class Listing:
    """Writes the nodes of a function as formulas; see :func:`format_function`.

    Attributes:
        letters: the letters of indices.
        named: the names of the steps so far, by which they are mentioned from then on.
    """

    def __init__(
        self,
        function: Function,
        names: Mapping[Input, str],
        shapes: Mapping[Input, Sequence[Affine]] | None,
    ) -> None:
        self.function = function
        self.graph = function.graph
        self.order = self.graph.ancestors(function.roots())
        self.indexed = shapes is not None
        used = {
            node.data: node.axes
            for node in (self.graph[index] for index in self.order)
            if isinstance(node.data, Input)
        }
        keys = sorted({*names, *used}, key=lambda key: (key.role, key.slot))
        wishes = [names.get(key, f"{key.role}{key.slot}") for key in keys]
        taken = [output.name for output in function.outputs]
        if shapes is None:
            self.letters = Letters([SAMPLES])
            self._unique = Names([*_INDICES, *taken])
            called = [self._unique.fresh(wish) for wish in wishes]
        else:
            called = _distinct_dotted(wishes)
            self.letters = _letters(self.graph, self.order, used, [*taken, *called])
            self._unique = Names([*taken, *called, *self.letters.used])
        self.inputs = dict(zip(keys, called, strict=True))
        self.headings = {
            key: name + self._heading(key, used.get(key), shapes)
            for key, name in self.inputs.items()
        }
        self._steps: Iterator[str] = iter(self._unique.numbered("t"))
        self._sums: Iterator[str] = iter(self._unique.numbered("s"))
        self.named: dict[int, str] = {}

    def _heading(
        self, key: Input, axes: Axes | None, shapes: Mapping[Input, Sequence[Affine]] | None
    ) -> str:
        if shapes is None:
            default = (SAMPLES,) if key.role == "data" else ()
            return self.letters.subscript(self.letters.place(default if axes is None else axes))
        sizes = tuple(axis.extent for axis in axes or ())
        return self.letters.subscript(tuple(shapes.get(key, sizes)))

    def lines(self) -> Iterator[str]:
        groups = [
            ", ".join(self.headings[key] for role in roles for key in self._of_role(role))
            for roles in _ROLES
        ]
        yield f"{self.function.name}({'; '.join(group for group in groups if group)})"
        roots = self.function.roots()
        uses = mentioned(self.graph, self.order, roots)
        # A lone result is named by what it is, not twice.
        lone = set(roots) if len(set(roots)) == len(roots) else set()
        for index in self.order:
            node = self.graph[index]
            if node.op in _LEAVES or vanishes(self.graph, index):
                continue
            once = uses[index] <= 1
            if index in lone and once:
                continue
            whole_line = node.op == "reduce_sum" and not self.indexed
            place = self.letters.place(node.axes)
            made = self._print(index, place, self._scope(place))
            short = len(made.text) <= _LONGEST_INLINE
            if once and short and index not in self.graph.labels and not whole_line:
                continue
            name = self._name(index)
            yield f"  {name}{self.letters.subscript(place)} = {made.text}"
            self.named[index] = name
        for output in self.function.outputs:
            for name, entry in self.entries(output):
                yield f"  {name} = {self._root(entry)}"

    def computed(self, index: int, place: Place) -> str:
        """Return what a node is computed by in a place, even if it has a name."""
        return self._print(index, place, self._scope(place)).text

    def mentioned(self, index: int, place: Place) -> str:
        """Return a node in a place: by its name, or written out."""
        return self._at(index, place, self._scope(place)).text

    def name(self, index: int) -> str:
        """Return the name of a step, a new one where it has none."""
        if index not in self.named:
            self.named[index] = self._name(index)
        return self.named[index]

    def target(self, scatter: int, place: Place) -> Place:
        """Return where a scatter adds what its body is in a place."""
        return source_place(self.graph, scatter, place, self._gathered(self._scope(place)))

    def _of_role(self, role: str) -> list[Input]:
        return [key for key in self.inputs if key.role == role]

    def _name(self, index: int) -> str:
        label = self.graph.labels.get(index)
        if label is not None:
            return self._unique.fresh(label)
        summed = self.graph[index].op in REDUCTIONS
        return next(self._sums if summed else self._steps)

    @staticmethod
    def _scope(place: Place) -> frozenset[str]:
        return frozenset(str(var) for index in place for var, _ in index.terms)

    def _seen(self, index: int, place: Place, scope: frozenset[str]) -> tuple[int, Place]:
        """Return what views show in a place, and where in it."""
        while vanishes(self.graph, index) and index not in self.named:
            place = source_place(self.graph, index, place, self._gathered(scope))
            index = self.graph[index].args[0]
        return index, place if self.graph[index].axes else ()

    def _at(self, index: int, place: Place, scope: frozenset[str]) -> Text:
        """Return a node as it is mentioned: by its name, or written out."""
        index, place = self._seen(index, place, scope)
        if index in self.named:
            return Text(self.named[index] + self.letters.subscript(place))
        return self._leaf(index, place) or self._print(index, place, scope)

    def _gathered(self, scope: frozenset[str]) -> Gathered:
        """Return how an index that a node holds is read, among the letters of ``scope``."""

        def read(node: int, place: Place) -> Affine:
            node, place = self._seen(node, place, scope)
            if self.graph[node].op in ("index", "extent"):
                return placed(self.graph, node, place)
            return Affine.of(self._at(node, place, scope).within(PRODUCT))

        return read

    def _leaf(self, index: int, place: Place) -> Text | None:
        node = self.graph[index]
        if node.op == "const":
            return literal(node.data)  # type: ignore[arg-type]
        if isinstance(node.data, Input):
            return Text(self.inputs[node.data] + self.letters.subscript(place))
        if node.op in ("extent", "index"):
            value = placed(self.graph, index, place)
            return Text(self.letters.text(value), size_level(value))
        if node.op == "delta":
            sides = equation(placed(self.graph, index, place), self.letters.sizes)
            return Text(f"[{self._equal(*sides)}]")
        return Text(node.op) if node.op in _LEAVES else None

    def _equal(self, left: Affine, right: Affine) -> str:
        return f"{self.letters.text(left)} = {self.letters.text(right)}"

    def _print(self, index: int, place: Place, scope: frozenset[str]) -> Text:
        """Return what a node is computed by, looked at in a place."""
        node = self.graph[index]
        if node.op in REDUCTIONS:
            return self._reduction(index, place, scope)
        gathered = self._gathered(scope)
        if node.op == "scatter":
            bound = scattered(self.graph, index, place, scope, self.letters, gathered)
            return self._summed("sum", bound, node.args[0], scope)
        if node.op == "view":  # one with a name of its own
            source = source_place(self.graph, index, place, gathered)
            return self._at(node.args[0], source, scope)
        if isinstance(node.data, Body):
            args = [self._at(arg, place, scope) for arg in node.args]
            return with_body(node.op, node.data, args)
        op, operands = node.op, node.args
        equal = chosen_index(self.graph, index) if self.indexed else None
        if equal is not None and equal not in self.named:
            sides = [self._at(arg, place, scope).text for arg in self.graph[equal].args]
            return Text(f"[{' = '.join(sides)}]")
        if op == "add" and self._subtracts_sum(operands[0]):
            operands = operands[::-1]
        looks = [self._seen(arg, place, scope) for arg in operands]
        if self.indexed and op == "add" and self._is_plain(looks[1][0], "neg"):
            negative, where = looks[1]
            op, looks[1] = "sub", self._seen(self.graph[negative].args[0], where, scope)
        operands = tuple(look[0] for look in looks)
        args = [self._at(arg, where, scope) for arg, where in looks]
        if node.op == "neg":
            body = args[0].text if args[0].reaching else args[0].within(PRODUCT)
            return Text(f"-{body}", OR if args[0].reaching else SUM, args[0].reaching)
        if node.op == "not":
            return Text(f"not {args[0].within(COMPARE)}", AND)
        if op in BINARY:
            return self._binary(op, operands, args)
        if self.indexed and not args:
            return Text(op)
        return Text(f"{op}({', '.join(arg.text for arg in args)})")

    def _binary(self, op: str, nodes: tuple[int, ...], args: list[Text]) -> Text:
        symbol, level, left, right = BINARY[op]
        if op == "add" and args[0].reaching and not args[1].reaching:
            nodes, args = nodes[::-1], args[::-1]
        # Rounding depends on the grouping, so the text shows it.
        if op == "add" and self._is(nodes[1], "add", "sub", "neg"):
            right = PRODUCT
        if op == "mul" and self._is(nodes[1], "mul", "div"):
            right = POWER
        if self.graph[nodes[0]].kind is Kind.BOOL and level == COMPARE:
            left = right = ATOM
        if level <= PRODUCT and self.graph[nodes[0]].op == "const":
            left = OR  # a negative number in front needs no parentheses
        first, second = args[0].within(left), args[1]
        if op in ("add", "sub") and second.reaching and second.text[0] != "-":
            return Text(f"{first}{symbol}{second.text}", OR, reaching=True)
        return Text(f"{first}{symbol}{second.within(right)}", level)

    def _is(self, index: int, *ops: str) -> bool:
        while vanishes(self.graph, index):
            index = self.graph[index].args[0]
        return any(self._is_plain(index, op) for op in ops)

    def _subtracts_sum(self, index: int) -> bool:
        """Return whether a node is ``-sum over ...``, which reads better behind a minus."""
        if not self.indexed or not self._is_plain(index, "neg"):
            return False
        return self._is(self.graph[index].args[0], *REDUCTIONS, "scatter")

    def _is_plain(self, index: int, op: str) -> bool:
        return index not in self.named and self.graph[index].op == op

    def _reduction(self, index: int, place: Place, scope: frozenset[str]) -> Text:
        """Return a reduction, together with those that it directly contains."""
        op = self.graph[index].op
        ranges: list[tuple[str, Axis]] = []
        body = index
        while True:
            bound = reduced(self.graph, body, place, scope, self.letters)
            place, scope = bound.place, scope | {bound.ranges[0][0]}
            ranges += bound.ranges
            body = self.graph[body].args[0]
            body, place = self._seen(body, place, scope)
            if self.graph[body].op != op or body in self.named:
                return self._summed(_REDUCTIONS[op], Bound(place, tuple(ranges)), body, scope)

    def _summed(self, what: str, bound: Bound, body: int, scope: frozenset[str]) -> Text:
        scope |= {letter for letter, _ in bound.ranges}
        inner = self._at(body, bound.place, scope)
        where = " and ".join(self._equal(*pair) for pair in bound.where)
        if not bound.ranges:
            return Text(f"[{where}]*{inner.within(PRODUCT)}", PRODUCT) if where else inner
        if self.indexed:
            ranges = ", ".join(self.letters.range(*found) for found in bound.ranges)
        else:
            ranges = ", ".join(letter for letter, _ in bound.ranges)
        condition = f" with {where}" if where else ""
        grouped = self.indexed and self._is(body, "add", "sub")
        text = inner.within(PRODUCT) if grouped else inner.text
        return Text(f"{what} over {ranges}{condition} of {text}", OR, reaching=self.indexed)

    def entries(self, output: Output) -> Iterator[tuple[str, int]]:
        """Yield what each entry of an output is called, and its node."""
        dims = self._dims(output)
        if dims is None:
            for place, entry in enumerate(output.entries):
                front = [_INDICES[0]] if output.per_sample else []
                index = [*front, *map(str, _unravel(place, output.shape))]
                subscript = f"[{', '.join(index)}]" if index else ""
                yield output.name + subscript, entry
            return
        choices = itertools.product(*(range(len(segments)) for segments in dims))
        for entry, choice in zip(output.entries, choices, strict=True):
            name = output.name
            axes: Axes = ()
            for place, chosen in enumerate(choice):
                packed = place == len(dims) - 1 or output.name == "hessian"
                name += self._part(output, len(dims[place]), chosen, packed)
                axes += dims[place][chosen]
            yield name + self.letters.subscript(self.letters.place(axes)), entry

    def _dims(self, output: Output) -> tuple[tuple[Axes, ...], ...] | None:
        """Return the dimensions of a result in index notation; None where numbers do."""
        count = len(self._of_role("param"))
        if not self.indexed or output.dims is not None or output.name not in _PACKED or not count:
            return output.dims if self.indexed else None
        rows = len(output.entries) // count
        return ((),) * rows, ((),) * count

    def _part(self, output: Output, count: int, chosen: int, packed: bool) -> str:
        """Return how a result is called by its segment of one dimension."""
        params = self._of_role("param")
        if packed and output.name in _PACKED and count == len(params):
            return f".{self.inputs[params[chosen]]}"
        return f"[{chosen}]" if count > 1 else ""

    def _root(self, entry: int) -> str:
        place = self.letters.place(self.graph[entry].axes)
        return self._at(entry, place, self._scope(place)).text


def _letters(
    graph: Graph, order: Sequence[int], used: Mapping[Input, Axes], taken: Sequence[str]
) -> Letters:
    """Return letters in the order of the data's sizes, then of the parameters'."""
    inputs = sorted(used, key=lambda key: (key.role != "data", key.role != "param", key.slot))
    axes = [axis for key in inputs for axis in used[key]]
    axes += [axis for index in order for axis in graph[index].axes]
    sizes = {name for axis in axes for name in axis.extent.sizes}
    labels = [graph.labels[index] for index in order if index in graph.labels]
    called = dict(zip(sorted(sizes), distinct(sorted(sizes)), strict=True))
    return Letters(axes, {*taken, *called.values(), *labels}, called)


def _distinct_dotted(names: Sequence[str]) -> list[str]:
    """Return safe names; a dot, as in ``v.w``, may stay."""
    safe = [".".join(map(safe_name, name.split("."))) for name in names]
    if len(set(safe)) == len(safe):
        return safe
    return distinct(safe)


def _unravel(place: int, shape: Sequence[int | Affine]) -> list[int]:
    index: list[int] = []
    for size in reversed(shape):
        assert isinstance(size, int)
        place, rest = divmod(place, size)
        index.insert(0, rest)
    return index
