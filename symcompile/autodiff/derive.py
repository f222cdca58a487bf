"""The functions of a kernel as compositions of forward and reverse mode."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from symcompile.autodiff.forward import forward, unit
from symcompile.autodiff.reverse import elementwise, reverse, summed_over
from symcompile.errors import UnsupportedFunctionError
from symcompile.ir.build import Builder
from symcompile.ir.cost import cost_of, nominal_sizes
from symcompile.ir.graph import Axes, Function, Graph, Kind, Output, Segment, payload, whole
from symcompile.ir.parts import splits

#: Functions of every kernel, and those that only a scalar output has, in the order of emission.
VECTOR_FUNCTIONS = ("value", "jacobian", "jvp", "vjp")
SCALAR_FUNCTIONS = (
    "value",
    "grad",
    "value_and_grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "vjp",
)


#: With so many more columns than rows, forward mode is not tried.
_MUCH_WIDER = 8

#: Why a function of complex parameters has no derivative, and what to do.
NOT_HOLOMORPHIC = (
    "the value depends on complex parameters through re, im, conjugate, arg, sign or Abs, so it "
    "has no complex derivative; take real and imaginary parts as real parameters (x + I*y, with "
    'dtype="float64"): derivatives in these exist'
)


def available(scalar: bool, n_params: int, differentiable: bool = True) -> tuple[str, ...]:
    """Return the functions that a kernel can have."""
    if n_params == 0 or not differentiable:
        return ("value",)
    return SCALAR_FUNCTIONS if scalar else VECTOR_FUNCTIONS


def derive(
    graph: Graph,
    output: Output,
    params: Sequence[Axes],
    names: Iterable[str],
    *,
    textbook: bool = False,
) -> tuple[Function, ...]:
    """Return the functions asked for, all over one graph, so that they share what they can.

    Args:
        graph: the formula; it grows.
        output: what ``value`` returns.
        params: the axes of each parameter.
        names: functions of :data:`SCALAR_FUNCTIONS`.
        textbook: whether rules are those for people to read, without guards.

    Raises:
        UnsupportedFunctionError: a gradient or Hessian of something that is not one number.
    """
    kinds = {n.kind for n in graph if n.op == "input" and payload(n).role == "param"}
    deriver = _Deriver(graph, output, params, max(kinds, default=Kind.REAL))
    deriver.b.textbook = textbook
    return tuple(Function(name, graph, deriver.outputs(name)) for name in names)


class _Deriver:
    def __init__(self, graph: Graph, output: Output, params: Sequence[Axes], kind: Kind) -> None:
        self.b = Builder(graph)
        self.value = output
        self.axes = tuple(params)
        #: What the parameters are, and what derivatives are.
        self.param_kind = kind
        self.kind = max(kind, output.kind)
        self.params = [graph.input("param", k, axes, kind) for k, axes in enumerate(self.axes)]
        self.splits = splits(graph, output.entries)
        self.arrays = any(self.axes)
        self._grad: list[int] | None = None

    def outputs(self, name: str) -> tuple[Output, ...]:
        make: dict[str, Callable[[], tuple[Output, ...]]] = {
            "value": lambda: (self.value,),
            "grad": lambda: (self._named("grad", self.gradient()),),
            "value_and_grad": lambda: (self.value, self._named("grad", self.gradient())),
            "hessian": lambda: (self.hessian(),),
            "hvp": lambda: (self._named("hvp", self._tangents(self.gradient())),),
            "jacobian": lambda: (self.jacobian(),),
            "jvp": lambda: (self.jvp(),),
            "vjp": lambda: (self._named("vjp", self.vjp()),),
        }
        scalar = self.value.shape == () and not self.value.per_sample
        if name in SCALAR_FUNCTIONS and name not in VECTOR_FUNCTIONS and not scalar:
            raise UnsupportedFunctionError(
                f'{name} needs a scalar output: use jacobian or vjp, or reduce="mean" or "sum"'
            )
        if name != "value" and self.splits and self.param_kind is Kind.COMPLEX:
            raise UnsupportedFunctionError(f"{name}: {NOT_HOLOMORPHIC}")
        return make[name]()

    def _dims(self, *dims: tuple[Segment, ...]) -> tuple[tuple[Segment, ...], ...] | None:
        """Return dimensions; those of numbers alone are read off the entries."""
        return dims if any(segment for dim in dims for segment in dim) else None

    def _named(self, name: str, entries: Sequence[int]) -> Output:
        size = (len(self.params),)
        return Output(name, tuple(entries), size, False, self._dims(self.axes), self.kind)

    def _value_axes(self) -> tuple[Axes, ...]:
        """Return the axes of each entry of the value."""
        found: tuple[Axes, ...] = ((),)
        for dim in self.value.layout:
            found = tuple(axes + segment for axes in found for segment in dim)
        return found

    def _or_zero(self, nodes: Iterable[int | None]) -> list[int]:
        zero = self.b.constant(0)
        return [zero if node is None else node for node in nodes]

    def _pulled(self, seeds: dict[int, int]) -> list[int]:
        """Return cotangents times the derivatives of nodes in each parameter."""
        if not self.splits:
            found = reverse(self.b, seeds, self.params)
            return self._or_zero(found.get(param) for param in self.params)
        # The real part of the result, and that of -i times it: the imaginary part.
        b, kinds = self.b, {self.b.graph[node].kind for pair in seeds.items() for node in pair}
        real = reverse(b, seeds, self.params, projected=True)
        rows = self._or_zero(real.get(param) for param in self.params)
        if Kind.COMPLEX not in kinds:
            return rows
        minus_i = b.call("neg", b.call("imaginary"))
        turned = {node: b.call("mul", minus_i, seed) for node, seed in seeds.items()}
        rest = reverse(b, turned, self.params, projected=True)
        parts = self._or_zero(rest.get(param) for param in self.params)
        return [b.call("complex", *pair) for pair in zip(rows, parts, strict=True)]

    def _tangents(self, roots: Sequence[int]) -> list[int]:
        direction = [
            self.b.graph.input("direction", k, axes, self.param_kind)
            for k, axes in enumerate(self.axes)
        ]
        seeds = dict(zip(self.params, direction, strict=True))
        return self._or_zero(forward(self.b, roots, seeds))

    def _columns(self, roots: Sequence[int], filled: Sequence[Axes], k: int) -> list[int]:
        """Return the derivatives of ``roots`` in each entry of parameter ``k``.

        A root without axes is the same at all points of the axes that it fills; its derivative
        then varies with the parameter's alone.
        """
        own, graph = self.axes[k], self.b.graph
        seeds = {self.params[k]: unit(self.b, own)}
        columns = self._or_zero(forward(self.b, roots, seeds, own))
        for number, (root, axes) in enumerate(zip(roots, filled, strict=True)):
            if axes and not graph[root].axes and graph[columns[number]].axes:
                places = range(len(axes), len(axes) + len(own))
                columns[number] = self.b.broadcast(columns[number], places, axes + own)
        return columns

    def gradient(self) -> list[int]:
        if self._grad is None:
            self._grad = self._pulled({self.value.entries[0]: self.b.constant(1)})
        return self._grad

    def hessian(self) -> Output:
        size = len(self.params)
        grad = self.gradient()
        rows = [[0] * size for _ in range(size)]
        for k in range(size):
            # Symmetric: one half is computed, the other is the same nodes, transposed.
            for row, node in enumerate(self._columns(grad[: k + 1], self.axes[: k + 1], k)):
                rows[row][k] = node
                if row < k:
                    rows[k][row] = self._flipped(node, self.axes[row], self.axes[k])
        flat = tuple(e for row in rows for e in row)
        dims = self._dims(self.axes, self.axes)
        return Output("hessian", flat, (size, size), False, dims, self.kind)

    def _flipped(self, node: int, first: Axes, second: Axes) -> int:
        """Return a node over ``first + second`` with these exchanged."""
        count = len(first)
        order = [*range(len(second), len(second) + count), *range(len(second))]
        return self.b.view(node, whole(order), second + first)

    def jacobian(self) -> Output:
        flat = tuple(node for row in self._rows() for node in row)
        value, size = self.value, len(self.params)
        shape = (len(value.entries), size) if value.shape else (size,)
        plain = value.dims is None and not self.arrays
        dims = None if plain else (*value.layout, self.axes)
        return Output("jacobian", flat, shape, value.per_sample, dims, self.kind)

    def _rows(self) -> list[list[int]]:
        """Return the rows of the Jacobian, in the mode that costs less.

        Which one does cannot be told from the shape: forward mode leaves out what a parameter does
        not reach, and does once for all samples what stands outside their loop.
        """
        many, size = len(self.value.entries), len(self.params)
        looped = any(self._value_axes())
        if size < many or (looped and not self._pointwise()):
            return self._rows_forward()
        rows = self._rows_reverse(looped)
        gradient = many == 1 and not looped
        if gradient or self.arrays or self.splits or size > _MUCH_WIDER * many:
            return rows
        return min(rows, self._rows_forward(), key=self._cost)

    def _rows_forward(self) -> list[list[int]]:
        entries, filled = self.value.entries, self._value_axes()
        columns = [self._columns(entries, filled, k) for k in range(len(self.params))]
        return [list(row) for row in zip(*columns, strict=True)]

    def _pointwise(self) -> bool:
        """Return whether reverse mode has a row for each point of a loop: where none mix."""
        if self.arrays or self.splits:
            return False
        return elementwise(self.b, self.value.entries, self.params)

    def _rows_reverse(self, looped: bool) -> list[list[int]]:
        one, entries = self.b.constant(1), self.value.entries
        if not looped:
            return [self._pulled({entry: one}) for entry in entries]
        found = [reverse(self.b, {e: one}, self.params, pointwise=True) for e in entries]
        return [self._or_zero(row.get(param) for param in self.params) for row in found]

    def _cost(self, rows: Sequence[Sequence[int]]) -> int:
        graph = self.b.graph
        order = graph.ancestors([node for row in rows for node in row])
        return cost_of(graph, order).weighed(nominal_sizes(graph, order))

    def jvp(self) -> Output:
        entries = tuple(self._tangents(self.value.entries))
        value = self.value
        return Output("jvp", entries, value.shape, value.per_sample, value.dims, self.kind)

    def vjp(self) -> list[int]:
        graph = self.b.graph
        seeds: dict[int, int] = {}
        for slot, (entry, axes) in enumerate(
            zip(self.value.entries, self._value_axes(), strict=True)
        ):
            cotangent = graph.input("cotangent", slot, axes, self.value.kind)
            own = graph[entry].axes
            if axes and not own:  # the same for each point
                cotangent = summed_over(self.b, cotangent, axes)
            before = seeds.get(entry)
            seeds[entry] = cotangent if before is None else self.b.call("add", before, cotangent)
        return self._pulled(seeds)
