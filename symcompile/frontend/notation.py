"""Definitions in index and matrix notation: roles, shapes and sizes first, then the formula."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixExpr

from symcompile.errors import DefinitionError
from symcompile.frontend.brief import brief
from symcompile.frontend.compact import compacted
from symcompile.frontend.complexes import leaves_reals
from symcompile.frontend.context import Context
from symcompile.frontend.dimensions import matrix_labels
from symcompile.frontend.frames import Frames, Labels, Term
from symcompile.frontend.linear import Derived, Indices, distinct
from symcompile.frontend.lowering import Lowering
from symcompile.frontend.outputs import spread
from symcompile.frontend.roles import (
    Array,
    Required,
    Shape,
    Whole,
    inferred,
    is_array,
    name_of,
    squeezed,
    undetermined,
)
from symcompile.frontend.scope import Scope
from symcompile.frontend.survey import Survey
from symcompile.ir.affine import Affine
from symcompile.ir.graph import Graph, Kind, Output, Role

Assignments = Sequence[tuple[Any, Any]]


@dataclass(frozen=True)
class Lowered:
    """What a definition in index notation comes to; see its attributes of the same names."""

    graph: Graph
    output: Output
    keys: tuple[str, ...]
    source: tuple[Any, ...]
    constants: tuple[tuple[str, float | None], ...]
    param_shapes: tuple[Shape, ...]
    data_shapes: tuple[Shape, ...]
    sizes: tuple[str, ...]
    derived: tuple[Derived, ...]
    wholes: tuple[Whole, ...]
    required: tuple[Required, ...]


def in_indices(
    params: Sequence[Any],
    data: Sequence[Any],
    constants: Mapping[Any, float | None],
    assignments: Assignments,
    expr: Any,
    kind: Kind = Kind.REAL,
) -> Lowered:
    """Lower a formula in index or matrix notation; ``kind`` is that of the inputs.

    Raises:
        DefinitionError: roles, shapes or indices that do not make sense.
        LoweringError: a subexpression that cannot be compiled exactly.
    """
    for symbol in data:
        if not is_array(symbol):
            raise DefinitionError(
                f"data: {symbol} is a number for each sample, which index notation does not "
                f'have; use an array, {symbol} = IndexedBase("{symbol}", shape=(n,)), and '
                f"{symbol}[i]"
            )
    return _Notation(params, data, constants, assignments, expr, kind).lowered()


class _Notation:
    def __init__(
        self,
        params: Sequence[Any],
        data: Sequence[Any],
        constants: Mapping[Any, float | None],
        assignments: Assignments,
        expr: Any,
        kind: Kind,
    ) -> None:
        self.params, self.data, self.constants = params, data, constants
        self.kind = kind
        self.assignments = assignments
        self.order: tuple[Any, ...] | None = None
        expr = self._named(expr)
        self.one = not isinstance(
            expr, Mapping | sp.MatrixBase | sp.NDimArray | tuple | list | sp.Tuple
        )
        self.exprs, self.shape, self.keys = spread(expr)
        self.survey = Survey()
        for symbol in (*data, *params):
            if is_array(symbol) and symbol.shape is not None:
                self.survey.shape(symbol.shape)
        for _, value in assignments:
            self.survey.look(value)
        for one in self.exprs:
            self.survey.look(one)
        self._roles()
        self.indices = self._indices()
        self.arrays = self._arrays()
        self.ranges = self._ranges()

    # -------------------------------------------------------------- roles, indices, shapes

    def _named(self, expr: Any) -> Any:
        """Return the right side of ``Eq(y[i, k], ...)``; the left names and orders the indices."""
        if not isinstance(expr, sp.Eq) or not isinstance(expr.lhs, sp.Indexed):
            return expr
        if expr.lhs.base in (*self.params, *self.data):
            return expr
        self.order = tuple(expr.lhs.indices)
        for index in self.order:
            if not isinstance(index, sp.Symbol | sp.Idx):
                raise DefinitionError(
                    f"{brief(expr.lhs)} names what is computed: its indices must be plain, not "
                    f"{brief(index)}"
                )
        return expr.rhs

    def _roles(self) -> None:
        seen: set[str] = set()
        every = (*self.params, *self.data, *self.constants)
        for symbol in every:
            name = name_of(symbol)
            if every.count(symbol) > 1 or (name in seen and is_array(symbol)):
                raise DefinitionError(f"the symbol {name} stands in two places of the roles")
            seen.add(name)

    def _indices(self) -> Indices:
        survey = self.survey
        numbers = {s for s in self.params if not is_array(s)}
        given = {*numbers, *self.constants, *self.params, *self.data}
        for variable in survey.variables:
            if variable in given:
                raise DefinitionError(
                    f"{variable} is the variable of a Lambda, and stands in the roles as well; "
                    "rename one of them"
                )
        tracked = dict.fromkeys((*survey.bound, *survey.ranged, *(self.order or ())))
        for symbol in survey.indexing:
            if symbol not in survey.shown and symbol not in given:
                tracked[symbol] = None
        wanted = dict.fromkeys(survey.shown)
        for symbol in (*survey.limits, *survey.indexing):
            if symbol not in tracked:
                wanted[symbol] = None
        sizes: dict[Any, str] = {}
        taken = {name_of(s) for s in self.constants if s not in wanted}
        for symbol in wanted:
            if symbol in numbers:
                raise DefinitionError(
                    f"{symbol} is a parameter and cannot be a size, a limit or an index as well; "
                    "make it a constant"
                )
            sizes[symbol] = distinct(str(symbol), {*taken, *sizes.values()})
        return Indices(sizes, tracked, [v for v in survey.variables if v not in survey.bound])

    def _arrays(self) -> dict[Any, Array]:
        ranks = self.survey.ranks()
        found: dict[Any, Array] = {}
        roles: list[tuple[Role, Sequence[Any]]] = [("param", self.params), ("data", self.data)]
        for role, symbols in roles:
            for slot, symbol in enumerate(symbols):
                if is_array(symbol):
                    shape = self._declared(symbol, ranks)
                    array = Array(name_of(symbol), role, slot, shape, None, [[] for _ in shape])
                    found[symbol] = array
        return found

    def _declared(self, symbol: Any, ranks: Mapping[Any, int]) -> list[Affine | None]:
        name = name_of(symbol)
        if isinstance(symbol, sp.IndexedBase) and (
            symbol.strides is not None or symbol.offset not in (None, 0)
        ):
            raise DefinitionError(f"{name}: IndexedBase with strides or an offset is not supported")
        if symbol.shape is None:
            if symbol not in ranks:
                raise DefinitionError(
                    f"{name} has no shape, and the formula does not index it; give shape="
                )
            return [None] * ranks[symbol]
        sizes: list[Affine | None] = []
        for size in symbol.shape:
            value = self.indices.affine(size, {}, f"the size of {name}")
            if value.number is not None and value.number < 1:
                raise DefinitionError(f"{name}: a dimension of size {value}")
            sizes.append(value)
        return sizes

    def _ranges(self) -> dict[Any, tuple[Affine, Affine]]:
        """Return the first value and the number of values of each free index, in order."""
        names = [symbol for symbol, _ in self.assignments]
        for symbol, value in self.assignments:
            if names.count(symbol) > 1:
                raise DefinitionError(f"{symbol} is assigned twice; rename it")
            if self.indices.free(value):
                self.indices.define(symbol, value)
        free: set[Any] = set(self.order or ())
        for expr in self.exprs:
            own = self.indices.free(expr)
            if own and not self.one:
                index = min(own, key=str)
                raise DefinitionError(
                    f"the index {index} is free in {brief(expr)}: several expressions are numbers "
                    "each; sum over it, or define each array on its own"
                )
            free |= own
        if self.order is not None and free != set(self.order):
            extra = min(free.difference(self.order), key=str)
            raise DefinitionError(f"the index {extra} is on the right side only; sum over it")
        order = self.order or tuple(sorted(free, key=str))
        return {index: self._range(index) for index in order}

    def _range(self, index: Any) -> tuple[Affine, Affine]:
        affine = self.indices.affine
        if isinstance(index, sp.Idx) and index.lower is not None:
            low, high = (affine(v, {}, "the range") for v in (index.lower, index.upper))
            return low, high - low + 1
        found: list[Affine] = []
        fresh: str | None = None
        for _, base, subscripts in self.survey.subscripts:
            array = self.arrays.get(base)
            if array is not None:
                shape: Sequence[Affine | None] = array.shape
            elif isinstance(base, MatrixExpr):
                shape = [affine(size, {}, "the size") for size in base.shape]
            else:
                continue
            for k, (one, size) in enumerate(zip(subscripts, shape, strict=False)):
                linear = self.indices.linear(one)
                if linear is None or linear.terms != ((index, Fraction(1)),) or linear.const < 0:
                    continue
                if size is not None:
                    found.append(size - int(linear.const))
                elif fresh is None:
                    fresh = f"{name_of(base)}_size{k}"
        least = [f for f in found if all((other - f).nonnegative() for other in found)]
        if least:
            return Affine(0), least[0]
        if found or fresh is None:
            raise DefinitionError(
                f"the range of the free index {index} is not clear; use Idx({str(index)!r}, n)"
            )
        return Affine(0), Affine.of(self._size(fresh))

    def _size(self, wish: str) -> str:
        """Return the name of a new size."""
        name = distinct(wish, self.indices.sizes.values())
        self.indices.sizes[sp.Dummy(name)] = name
        return name

    # -------------------------------------------------------------- lowering

    def lowered(self) -> Lowered:
        if not all(array.known for array in self.arrays.values()):
            self._formula(Graph())  # finds out how large the indices get
            for array in self.arrays.values():
                array.shape = list(inferred(array, self._size))
        graph = Graph()
        context, lowering, terms, scope = self._formula(graph)
        output = self._output(lowering.frames, terms, scope)
        shapes: dict[str, list[Shape]] = {"param": [], "data": []}
        for role, symbols in (("param", self.params), ("data", self.data)):
            for symbol in symbols:
                array_ = self.arrays.get(symbol)
                shapes[role].append(() if array_ is None else array_.sizes)
        graph, output = compacted(graph, output)
        derived = {d.name for d in self.indices.derived}
        names = [name for name in self.indices.sizes.values() if name not in derived]
        constants = self._keywords(names, shapes["param"], shapes["data"])
        return Lowered(
            graph,
            output,
            self.keys,
            tuple(self.exprs),
            constants,
            tuple(shapes["param"]),
            tuple(shapes["data"]),
            (*names, *[d.name for d in self.indices.derived]),
            tuple(self.indices.derived),
            tuple(context.wholes),
            tuple(context.required.values()),
        )

    def _formula(self, graph: Graph) -> tuple[Context, Lowering, list[Term], Scope]:
        """Lower the formula into a graph."""
        context = Context(self.indices, self.arrays)
        numbers: dict[Any, int] = {}
        roles: list[tuple[Role, Sequence[Any]]] = [
            ("param", self.params),
            ("data", self.data),
            ("constant", tuple(self.constants)),
        ]
        formulas = [*(value for _, value in self.assignments), *self.exprs]
        leaving = self.kind is not Kind.COMPLEX and leaves_reals(formulas)
        frames = Frames(graph, leaving=leaving)
        for role, symbols in roles:
            for slot, symbol in enumerate(symbols):
                array = self.arrays.get(symbol)
                if array is None:
                    if symbol not in self.indices.sizes:
                        numbers[symbol] = graph.input(role, slot, (), self.kind)
                elif array.known:
                    node = graph.input(role, slot, squeezed(array.sizes), self.kind)
                    labels = tuple(
                        frames.label(("axis", k), size)
                        for k, size in enumerate(array.sizes)
                        if size.number != 1
                    )
                    array.term = Term(node, labels)
        lowering = Lowering(graph, numbers, context, frames)
        for symbol, value in self.assignments:
            if lowering.knows(symbol) and self.indices.macro(symbol) is None:
                raise DefinitionError(f"{symbol} is assigned, but has a meaning already; rename it")
            lowering.assign(symbol, value)
        scope = Scope({})
        for index, (low, extent) in self.ranges.items():
            if extent == Affine(1):
                scope = scope.bind(index, low)
                continue
            label = lowering.frames.label((index, 0), extent)
            scope = scope.bind(index, Affine(0, ((label, 1),)) + low)
            text = f"{index} from {low} to {low + extent - 1}"
            context.require(extent, text, "runs backwards")
        return context, lowering, [lowering.term(expr, scope) for expr in self.exprs], scope

    def _output(self, frames: Frames, terms: Sequence[Term], scope: Scope) -> Output:
        first = terms[0]
        if first.shape is not None and self.one:
            if self.ranges:
                raise DefinitionError(
                    f"{brief(self.exprs[0])} is a matrix for each {min(map(str, self.ranges))}; "
                    "take its elements, M[i, j], to define an array"
                )
            return _array(frames, first, matrix_labels(frames, first.shape), first.shape)
        for term, expr in zip(terms, self.exprs, strict=True):
            if term.shape is not None:
                raise DefinitionError(
                    f"{brief(expr)} is a matrix among several expressions; define it on its own"
                )
        if not self.ranges:
            return Output("value", tuple(term.node for term in terms), self.shape, False)
        labels: Labels = ()
        for index in self.ranges:
            value = scope.bindings[index]
            assert isinstance(value, Affine)
            labels += value.axes
        return _array(frames, first, labels, tuple(extent for _, extent in self.ranges.values()))

    def _keywords(
        self, names: Sequence[str], params: Sequence[Shape], data: Sequence[Shape]
    ) -> tuple[tuple[str, float | None], ...]:
        """Return the constants: those that were given, and the sizes that no array determines."""
        sizes = self.indices.sizes
        found = {sizes.get(s, name_of(s)): value for s, value in self.constants.items()}
        for name in undetermined(names, found, data, params):
            found.setdefault(name, None)
        return tuple(found.items())


def _array(frames: Frames, term: Term, labels: Labels, shape: Sequence[Affine]) -> Output:
    """Return the value that is an array over labels."""
    sizes = tuple(size if size.number is None else size.number for size in shape)
    node = frames.align(term, labels)
    return Output("value", (node,), sizes, False, dims=((frames.axes(labels),),))
