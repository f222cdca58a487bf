"""``lambdify`` of index notation: arrays whose sizes only a call knows, sums over them.

Each formula is a definition without samples, and its kernel's value what a call returns. Arguments
with more dimensions than they have in the formula are taken one point after the other.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import sympy as sp

from symcompile.compiler import build
from symcompile.elementwise.function import (
    Lambdified,
    keyed,
    number_array,
    signature_of,
    unkeyed,
    unpacked,
)
from symcompile.errors import ArgumentTypeError, ArgumentValueError, DefinitionError
from symcompile.frontend.called import parsed, symbols_in
from symcompile.frontend.calls import Arguments, Mirror, containers, parse_arguments
from symcompile.frontend.definition import Definition, define
from symcompile.frontend.roles import is_array
from symcompile.frontend.survey import Survey
from symcompile.ir.affine import Affine
from symcompile.ir.dtypes import DType
from symcompile.kernel import Kernel
from symcompile.options import Backend, Options


class _Shape(NamedTuple):
    """What a call needs to know of a formula: see the attributes of :class:`_Source`."""

    arguments: Arguments
    roles: tuple[str, ...]
    lenient: tuple[bool, ...]
    uses: tuple[tuple[int, ...], ...]
    mirror: Mirror


class _Source:
    """The arguments of a formula in index notation by role, and its parts.

    Attributes:
        arguments: what a call passes.
        roles: of each argument ``"param"``, ``"data"`` or ``"constant"``.
        symbols: what each is called in the formula.
        lenient: of each, whether it is an array without a shape: it may be longer than needed.
        leaves: the formulas.
        uses: of each formula, which arguments are its arrays.
        mirror: the containers that results are returned in.
    """

    def __init__(self, args: Any, expr: Any, stable: bool) -> None:
        self.stable = stable
        self.arguments, given = parse_arguments(args, whole=True)
        leaves: list[Any] = []

        def leaf(one: Any) -> int:
            leaves.append(sp.sympify(one))
            return len(leaves) - 1

        self.mirror = containers(parsed(expr, symbols_in(given)), leaf)
        survey = Survey()
        for one in given:
            if is_array(one.symbol) and one.symbol.shape is not None:
                survey.shape(one.symbol.shape)
        for one_leaf in leaves:
            survey.look(one_leaf)
        indexing = {*survey.limits, *survey.indexing, *survey.shown}
        replaced: dict[Any, Any] = {}
        self.roles: list[str] = []
        self.symbols: list[Any] = []
        self.lenient: list[bool] = []
        for one in given:
            symbol = one.symbol
            self.lenient.append(isinstance(symbol, sp.IndexedBase) and symbol.shape is None)
            if is_array(symbol):
                self.roles.append("data")
            elif symbol in indexing or isinstance(symbol, sp.Idx):
                self.roles.append("constant")
                if not isinstance(symbol, sp.Symbol):
                    replaced[symbol] = sp.Symbol(f"{symbol}_value", integer=True)
            else:
                self.roles.append("param")
                if not isinstance(symbol, sp.Symbol):
                    replaced[symbol] = sp.Dummy(str(symbol))
            self.symbols.append(replaced.get(symbol, symbol))
        self.leaves = [leaf.xreplace(replaced) if replaced else leaf for leaf in leaves]
        # Of each formula, the arrays that it uses.
        self.uses = []
        for one_leaf in self.leaves:
            arrays = one_leaf.atoms(sp.IndexedBase, sp.MatrixSymbol)
            self.uses.append(tuple(k for k, s in enumerate(self.symbols) if s in arrays))

    def define(self, dtype: DType) -> list[Definition]:
        """Return a definition for each part of the formula."""

        def having(role: str) -> list[Any]:
            return [s for s, r in zip(self.symbols, self.roles, strict=True) if r == role]

        return [
            define(
                "function",
                leaf,
                params=having("param"),
                data=[self.symbols[k] for k in uses],
                constants=having("constant"),
                dtype=dtype,
                stable=self.stable,
            )
            for leaf, uses in zip(self.leaves, self.uses, strict=True)
        ]


class IndexedFunction(Lambdified):
    """A compiled formula in index notation."""

    def __init__(
        self,
        source: _Source | None,
        definitions: dict[DType, list[Definition]],
        shape: _Shape,
        dtype: DType,
        backend: Backend,
        options: Options,
    ) -> None:
        self._source_formula, self._definitions, self._shape = source, definitions, shape
        self.arguments = shape.arguments
        self._dtype, self.backend, self._options = dtype, backend, options
        self._kernels: dict[DType, list[Kernel]] = {}
        self._lock = threading.RLock()
        self.__signature__ = signature_of(self.arguments)
        self._of(dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        state = (None, self._definitions, self._shape, self._dtype, self.backend, self._options)
        return IndexedFunction, state

    @property
    def source(self) -> str:
        """The text of the generated modules."""
        from symcompile.compiler import emit, plan

        return "\n".join(
            emit(d, plan(d, ["value"]), self.backend, self._options.threads)
            for d in self._definitions[self._dtype]
        )

    @property
    def definition(self) -> Definition:
        """The formula: the first, if there are several."""
        return self._definitions[self._dtype][0]

    def _of(self, dtype: DType) -> list[Kernel]:
        with self._lock:
            if dtype not in self._definitions:
                if self._source_formula is None:
                    raise ArgumentTypeError("complex arguments: unpickled, it knows real ones only")
                self._definitions[dtype] = self._source_formula.define(dtype)
            if dtype not in self._kernels:
                self._kernels[dtype] = [
                    Kernel(d, self.backend, self._options, partial(_built, d, self), ())
                    for d in self._definitions[dtype]
                ]
            return self._kernels[dtype]

    def __call__(self, *args: Any, out: Any = None, **named: Any) -> Any:
        """Return the results."""
        values = unpacked(self.arguments, args, named)
        arrays = [
            number_array(value, item.text)
            for value, item in zip(values, self.arguments.items, strict=True)
        ]
        dtype = self._dtype
        if any(array.dtype.kind == "c" for array in arrays):
            dtype = "complex128"
        shape = self._points(arrays, self._of(dtype))
        uses = zip(self._of(dtype), self._shape.uses, strict=True)
        results = [self._result(kernel, arrays, used, *shape) for kernel, used in uses]
        if out is not None:
            results = _written(unkeyed(out, self._shape.mirror), results)
        mirror = self._shape.mirror
        return keyed(results[0] if mirror == 0 else _nest(mirror, results), mirror)

    def _points(
        self, arrays: Sequence[np.ndarray[Any, Any]], kernels: Sequence[Kernel]
    ) -> tuple[tuple[int, ...], list[int]]:
        """Return the shape of the points of a call, and how many dimensions arguments have."""
        ranks = [
            array.ndim if role == "data" else 0
            for array, role in zip(arrays, self._shape.roles, strict=True)
        ]
        for kernel, used in zip(kernels, self._shape.uses, strict=True):
            for number, shape in zip(used, kernel.definition.data_shapes, strict=True):
                ranks[number] = len(shape)
        points = []
        for item, array, rank in zip(self.arguments.items, arrays, ranks, strict=True):
            if array.ndim < rank:
                raise ArgumentValueError(
                    f"{item.text} has shape {array.shape}: {rank} dimensions are needed"
                )
            points.append(array.shape[: array.ndim - rank])
        return np.broadcast_shapes(*points), ranks

    def _result(
        self,
        kernel: Kernel,
        arrays: Sequence[np.ndarray[Any, Any]],
        used: Sequence[int],
        shape: tuple[int, ...],
        ranks: Sequence[int],
    ) -> Any:
        if shape == ():
            return self._point(kernel, arrays, used)
        spread = [
            np.broadcast_to(array, shape + array.shape[array.ndim - rank :])
            for array, rank in zip(arrays, ranks, strict=True)
        ]
        found = [
            self._point(kernel, [array[index] for array in spread], used)
            for index in np.ndindex(shape)
        ]
        if not found:
            raise ArgumentValueError("index notation needs at least one point")
        return np.array(found).reshape(shape + np.shape(found[0]))

    def _point(
        self, kernel: Kernel, arrays: Sequence[np.ndarray[Any, Any]], used: Sequence[int]
    ) -> Any:
        definition, roles = kernel.definition, self._shape.roles
        params = [array for array, role in zip(arrays, roles, strict=True) if role == "param"]
        given = [array for array, role in zip(arrays, roles, strict=True) if role == "constant"]
        names = [name for name, _ in definition.constants]
        constants = dict(zip(names, given, strict=False))
        known = {name: int(value.real) for name, value in constants.items()}
        data = []
        for number, shape in zip(used, definition.data_shapes, strict=True):
            array = arrays[number]
            data.append(_trimmed(array, shape, known) if self._shape.lenient[number] else array)
        keywords: dict[str, Any] = constants
        return kernel.value(np.array(params), *data, **keywords)


def _built(definition: Definition, function: IndexedFunction, names: Sequence[str]) -> Any:
    return build(definition, function.backend, function._options, names)


def _trimmed(
    array: np.ndarray[Any, Any], shape: Sequence[Affine], known: Mapping[str, int]
) -> np.ndarray[Any, Any]:
    """Return the part of an array that the formula reads, where the sizes are known."""
    for axis, size in enumerate(shape):
        if set(size.sizes) <= set(known):
            length = size.const + sum(factor * known[str(name)] for name, factor in size.terms)
            if array.shape[axis] > length >= 0:
                array = array[(slice(None),) * axis + (slice(int(length)),)]
    return array


def _nest(mirror: Mirror, results: Sequence[Any]) -> Any:
    if isinstance(mirror, int):
        return results[mirror]
    return [_nest(item, results) for item in mirror.items]


def _flat(out: Any) -> list[Any]:
    return [a for part in out for a in _flat(part)] if isinstance(out, list | tuple) else [out]


def _written(out: Any, results: Sequence[Any]) -> list[Any]:
    arrays = _flat(out)
    if len(arrays) != len(results):
        raise ArgumentValueError(f"out holds {len(arrays)} arrays, not {len(results)}")
    for array, result in zip(arrays, results, strict=True):
        if not isinstance(array, np.ndarray) or array.shape != np.shape(result):
            raise ArgumentValueError(f"out: an array of shape {np.shape(result)} is needed")
        array[...] = result
    return arrays


def load_indexed(
    args: Any, expr: Any, dtype: DType, stable: bool, backend: Backend, options: Options
) -> IndexedFunction:
    """Return the function of a formula in index notation."""
    source = _Source(args, expr, stable)
    if not source.leaves:
        raise DefinitionError("lambdify: there is nothing to compute")
    shape = _Shape(
        source.arguments,
        tuple(source.roles),
        tuple(source.lenient),
        tuple(source.uses),
        source.mirror,
    )
    return IndexedFunction(source, {}, shape, dtype, backend, options)
