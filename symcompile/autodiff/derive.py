"""The functions of a kernel as compositions of forward and reverse mode."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from symcompile.autodiff.forward import forward
from symcompile.autodiff.reverse import reverse
from symcompile.errors import UnsupportedFunctionError
from symcompile.ir.build import Builder
from symcompile.ir.graph import SAMPLES, Function, Graph, Output, Role

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


def available(scalar: bool, n_params: int) -> tuple[str, ...]:
    """Return the functions that a kernel can have."""
    if n_params == 0:
        return ("value",)
    return SCALAR_FUNCTIONS if scalar else VECTOR_FUNCTIONS


def derive(
    graph: Graph, output: Output, n_params: int, names: Iterable[str]
) -> tuple[Function, ...]:
    """Return the functions asked for, all over one graph, so that they share what they can.

    Args:
        graph: the formula; it grows.
        output: what ``value`` returns.
        n_params: how many parameters there are.
        names: functions of :data:`SCALAR_FUNCTIONS`.

    Raises:
        UnsupportedFunctionError: a gradient or Hessian of something that is not one number.
    """
    deriver = _Deriver(graph, output, n_params)
    return tuple(Function(name, graph, deriver.outputs(name)) for name in names)


class _Deriver:
    def __init__(self, graph: Graph, output: Output, n_params: int) -> None:
        self.b = Builder(graph)
        self.value = output
        self.params = [graph.input("param", k) for k in range(n_params)]
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
        return make[name]()

    def _named(self, name: str, entries: Sequence[int]) -> Output:
        return Output(name, tuple(entries), (len(self.params),), False)

    def _inputs(self, role: Role, count: int, per_sample: bool = False) -> list[int]:
        axes = (SAMPLES,) if per_sample else ()
        return [self.b.graph.input(role, k, axes) for k in range(count)]

    def _or_zero(self, nodes: Iterable[int | None]) -> list[int]:
        zero = self.b.constant(0)
        return [zero if node is None else node for node in nodes]

    def _pulled(self, seeds: dict[int, int]) -> list[int]:
        found = reverse(self.b, seeds, self.params)
        return self._or_zero(found.get(param) for param in self.params)

    def _tangents(self, roots: Sequence[int]) -> list[int]:
        direction = self._inputs("direction", len(self.params))
        seeds = dict(zip(self.params, direction, strict=True))
        return self._or_zero(forward(self.b, roots, seeds))

    def gradient(self) -> list[int]:
        if self._grad is None:
            self._grad = self._pulled({self.value.entries[0]: self.b.constant(1)})
        return self._grad

    def hessian(self) -> Output:
        size = len(self.params)
        grad = self.gradient()
        rows = [[0] * size for _ in range(size)]
        one = self.b.constant(1)
        for k, param in enumerate(self.params):
            # Symmetric: one half is computed, the other is the same nodes.
            column = self._or_zero(forward(self.b, grad[: k + 1], {param: one}))
            for row, node in enumerate(column):
                rows[row][k] = rows[k][row] = node
        return Output("hessian", tuple(e for row in rows for e in row), (size, size), False)

    def jacobian(self) -> Output:
        entries = self.value.entries
        one = self.b.constant(1)
        # Reverse mode sums over the samples, so a row per sample takes forward mode.
        if self.value.per_sample or len(self.params) < len(entries):
            columns = [
                self._or_zero(forward(self.b, entries, {param: one})) for param in self.params
            ]
            rows = [list(row) for row in zip(*columns, strict=True)]
        else:
            rows = [self._pulled({entry: one}) for entry in entries]
        shape = (len(entries), len(self.params)) if self.value.shape else (len(self.params),)
        flat = tuple(node for row in rows for node in row)
        return Output("jacobian", flat, shape, self.value.per_sample)

    def jvp(self) -> Output:
        entries = tuple(self._tangents(self.value.entries))
        return Output("jvp", entries, self.value.shape, self.value.per_sample)

    def vjp(self) -> list[int]:
        entries = self.value.entries
        cotangents = self._inputs("cotangent", len(entries), self.value.per_sample)
        seeds: dict[int, int] = {}
        for entry, cotangent in zip(entries, cotangents, strict=True):
            before = seeds.get(entry)
            seeds[entry] = cotangent if before is None else self.b.call("add", before, cotangent)
        return self._pulled(seeds)
