"""Matrices and arrays of known sizes, entry by entry: NumPy arrays of terms.

Each expression is evaluated by NumPy's rules on arrays whose entries are nodes of the graph, so
what a one-dimensional array for a matrix means is what it means in NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixExpr
from sympy.tensor.array.expressions.array_expressions import (
    ArrayElement,
    ArraySymbol,
    _ArrayExpr,
)

from symcompile.errors import LoweringError
from symcompile.frontend.brief import brief
from symcompile.frontend.calls import NeedsArraysError, entries_of
from symcompile.frontend.elimination import determinant, solve
from symcompile.frontend.frames import Term
from symcompile.frontend.lowering import Lowering
from symcompile.frontend.plan import Plan
from symcompile.frontend.scope import Scope
from symcompile.ir.graph import Graph, Kind

#: A product of matrices with more terms than this needs loops.
_MOST_TERMS = 40_000


def is_array(expr: Any) -> bool:
    """Return whether an expression is a matrix or an array, not a number.

    >>> is_array(sp.MatrixSymbol("A", 2, 2).T), is_array(sp.Symbol("x"))
    (True, False)
    """
    kinds = sp.MatrixBase | MatrixExpr | sp.NDimArray | np.ndarray | _ArrayExpr
    return isinstance(expr, kinds) or type(expr).__name__ == "MatrixSolve"


class EntryLowering(Lowering):
    """Lowers expressions that may hold matrices and arrays of known sizes.

    Args:
        graph: where the nodes go.
        inputs: the node of each argument that is a number.
        arrays: the nodes of each argument that is a matrix or an array.
        leaving: whether functions of real numbers may answer with complex ones.
    """

    def __init__(
        self,
        graph: Graph,
        inputs: Mapping[Any, int],
        arrays: Mapping[Any, np.ndarray[Any, Any]],
        leaving: bool,
    ) -> None:
        super().__init__(graph, inputs, leaving=leaving)
        self.given = {key for key in inputs if not isinstance(key, sp.Symbol)}
        self._classes = tuple({type(key) for key in self.given})
        self.arrays = dict(arrays)
        self._found: dict[int, tuple[Any, Any]] = {}

    def _plan(self, expr: Any, scope: Scope) -> Plan:
        if isinstance(expr, self._classes) and expr in self.given:
            return self._symbol(expr, scope)
        scalar = _SCALARS.get(type(expr).__name__)
        if scalar is not None and self._apart(expr):
            return Plan((), lambda _: Term(scalar(self, expr)))
        if isinstance(expr, sp.Symbol) and expr not in self._terms:
            raise LoweringError(
                f"the symbol {expr} is neither an argument of the function nor bound by a sum",
                expr,
            )
        if is_array(expr):
            found = self.entries(expr)
            if found.size != 1:
                raise LoweringError(f"{brief(expr)} is an array where a number is needed", expr)
            return Plan((), lambda _: Term(found.reshape(-1)[0]))
        return super()._plan(expr, scope)

    def _apart(self, expr: Any) -> bool:
        """Return whether an element is one of what is known by its entries."""
        if not isinstance(expr, sp.Indexed):
            return True
        return expr.base in self.arrays

    # ------------------------------------------------------------------ arrays of nodes

    def entries(self, expr: Any) -> np.ndarray[Any, Any]:
        """Return the nodes of a matrix or an array.

        Raises:
            NeedsArraysError: it is too large to be written out.
            LoweringError: a subexpression that cannot be compiled.
        """
        known = self._found.get(id(expr))
        if known is None:
            known = self._found[id(expr)] = (self._entries(expr), expr)
        found: np.ndarray[Any, Any] = known[0]
        return found

    def _entries(self, expr: Any) -> np.ndarray[Any, Any]:
        if isinstance(expr, sp.MatrixSymbol | ArraySymbol):
            if expr not in self.arrays:
                raise LoweringError(
                    f"the {type(expr).__name__} {brief(expr)} is not an argument of the function",
                    expr,
                )
            given: np.ndarray[Any, Any] = self.arrays[expr]
            return given
        if isinstance(expr, sp.MatrixBase | sp.NDimArray | np.ndarray):
            return _array([self.lower(entry) for entry in entries_of(expr)], expr.shape)
        handler = _ARRAYS.get(type(expr).__name__)
        if handler is not None:
            return handler(self, expr)
        if not is_array(expr):
            return _array([self.lower(expr)], ())
        if not all(getattr(s, "is_Integer", isinstance(s, int)) for s in expr.shape):
            raise NeedsArraysError(f"{brief(expr)} has a size that is not a number", expr)
        try:
            explicit = expr.as_explicit()
        except (ValueError, TypeError, NotImplementedError, AttributeError) as error:
            raise LoweringError(f"cannot compile {brief(expr)}: {error}", expr) from error
        if type(explicit) is type(expr):
            raise LoweringError(f"cannot compile {brief(expr)} ({type(expr).__name__})", expr)
        return self.entries(explicit)

    def numbers(self, op: str, *args: Any) -> np.ndarray[Any, Any]:
        """Apply an operation entry by entry, broadcasting."""
        apply = np.frompyfunc(lambda *nodes: self.apply(op, *nodes), len(args), 1)
        return np.asarray(apply(*args), dtype=object)

    def apply(self, op: str, *nodes: int) -> int:
        """Return the node of an operation."""
        return self.frames.apply(op, *map(Term, nodes)).node

    def total(self, nodes: Sequence[int]) -> int:
        """Return the node of a sum."""
        if not nodes:
            return self.graph.constant(0)
        return self.fold("add", [Term(node) for node in nodes]).node

    def dot(self, a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return ``numpy.dot(a, b)``."""
        if not a.ndim or not b.ndim:
            return self.numbers("mul", a, b)
        inner, place = a.shape[-1], -2 if b.ndim > 1 else 0
        if inner != b.shape[place]:
            raise LoweringError(f"a product of arrays of shapes {a.shape} and {b.shape}")
        left = a.reshape(-1, inner)
        right = np.moveaxis(b, place, -1).reshape(-1, inner)
        if len(left) * len(right) * inner > _MOST_TERMS:
            raise NeedsArraysError("a product of large matrices")
        found = [
            self.total([self.product_of(x, y) for x, y in zip(row, column, strict=True)])
            for row in left
            for column in right
        ]
        shape = a.shape[:-1] + tuple(np.delete(b.shape, place % b.ndim))
        return _array(found, shape)

    def product_of(self, x: int, y: int) -> int:
        """Return the node of a product; one of 1 is the other factor."""
        graph = self.graph
        for first, second in ((x, y), (y, x)):
            if graph[first].op == "const" and graph[first].data == 1:
                return second
        return self.apply("mul", x, y)

    def identity(self, n: int) -> np.ndarray[Any, Any]:
        """Return the identity matrix."""
        one, zero = self.graph.constant(1), self.graph.constant(0)
        return _array([one if i == j else zero for i in range(n) for j in range(n)], (n, n))


def _array(nodes: Sequence[int], shape: Any) -> np.ndarray[Any, Any]:
    found = np.empty(len(nodes), dtype=object)
    found[:] = nodes
    return found.reshape(tuple(map(int, shape)))


def _size(expr: Any, size: Any) -> int:
    if not size.is_Integer:
        raise NeedsArraysError(f"{brief(expr)} has a size that is not a number", expr)
    return int(size)


# ------------------------------------------------------------------ what each class means


def _matmul(self: EntryLowering, expr: Any) -> np.ndarray[Any, Any]:
    """Return a product: factors from the left, but an inverse solves for all to its right."""
    args = list(expr.args)
    found: np.ndarray[Any, Any] | None = None
    while args:
        last = args.pop()
        name = type(last).__name__
        if name == "Inverse" or (name == "MatPow" and last.exp == -1):
            matrix = self.entries(last.args[0])
            if found is None and args and matrix.ndim == 2:
                # x*A^-1 is the transpose of A.T^-1*x.T
                left = self.entries(type(expr)(*args) if len(args) > 1 else args[0])
                return left if not left.ndim else solve(self, matrix.T, left.T).T
            right = self.identity(matrix.shape[0]) if found is None else found
            found = solve(self, matrix, right)
            continue
        if found is None:
            # The factors up to the last inverse are multiplied from the left, as NumPy does.
            row = [last]
            while args and not _inverts(args[-1]):
                row.append(args.pop())
            parts = [self.entries(part) for part in reversed(row)]
            found = parts[0]
            for part in parts[1:]:
                found = self.dot(found, part)
            continue
        found = self.dot(self.entries(last), found)
    assert found is not None
    return found


def _inverts(expr: Any) -> bool:
    name = type(expr).__name__
    return name == "Inverse" or (name == "MatPow" and expr.exp == -1)


def _power(self: EntryLowering, expr: Any) -> np.ndarray[Any, Any]:
    base, exponent = expr.args
    if not exponent.is_Integer:
        raise LoweringError(f"{brief(expr)}: the power of a matrix must be a whole number", expr)
    power, matrix = int(exponent), self.entries(base)
    if not matrix.ndim:
        return self.numbers("powi", matrix, self.graph.constant(power))
    if power == 0:
        return self.identity(matrix.shape[0])
    if abs(power) > 1024:
        raise NeedsArraysError(f"{brief(expr)}: a high power", expr)
    found: np.ndarray[Any, Any] | None = None
    square = matrix
    rest = abs(power)
    while rest:
        if rest % 2:
            found = square if found is None else self.dot(found, square)
        rest //= 2
        if rest:
            square = self.dot(square, square)
    assert found is not None
    return found if power > 0 else solve(self, found, self.identity(found.shape[0]))


def _inverse(self: EntryLowering, expr: Any) -> np.ndarray[Any, Any]:
    matrix = self.entries(expr.args[0])
    return solve(self, matrix, self.identity(matrix.shape[0]))


def _matrix_solve(self: EntryLowering, expr: Any) -> np.ndarray[Any, Any]:
    return solve(self, *map(self.entries, expr.args))


def _sum(self: EntryLowering, expr: Any) -> np.ndarray[Any, Any]:
    found = self.entries(expr.args[0])
    for arg in expr.args[1:]:
        found = self.numbers("add", found, self.entries(arg))
    return found


def _hadamard(self: EntryLowering, expr: Any) -> np.ndarray[Any, Any]:
    found = self.entries(expr.args[0])
    for arg in expr.args[1:]:
        found = self.numbers("mul", found, self.entries(arg))
    return found


def _hadamard_power(self: EntryLowering, expr: Any) -> np.ndarray[Any, Any]:
    base, exponent = expr.args
    if exponent.is_Integer:
        return self.numbers("powi", self.entries(base), self.graph.constant(int(exponent)))
    return self.numbers("pow", self.entries(base), self.entries(exponent))


def _transpose(self: EntryLowering, expr: Any) -> np.ndarray[Any, Any]:
    return self.entries(expr.args[0]).T


def _adjoint(self: EntryLowering, expr: Any) -> np.ndarray[Any, Any]:
    found = self.entries(expr.args[0]).T
    complex_ = any(self.graph[node].kind is Kind.COMPLEX for node in found.reshape(-1))
    return self.numbers("conj", found) if complex_ else found


def _filled(value: int) -> Callable[[EntryLowering, Any], np.ndarray[Any, Any]]:
    def handler(self: EntryLowering, expr: Any) -> np.ndarray[Any, Any]:
        rows, columns = (_size(expr, size) for size in expr.shape)
        return _array([self.graph.constant(value)] * (rows * columns), (rows, columns))

    return handler


def _identity(self: EntryLowering, expr: Any) -> np.ndarray[Any, Any]:
    return self.identity(_size(expr, expr.shape[0]))


def _blocks(self: EntryLowering, expr: Any) -> np.ndarray[Any, Any]:
    grid = expr.blocks
    rows, columns = grid.shape
    return np.block([[self.entries(grid[r, c]) for c in range(columns)] for r in range(rows)])


def _kronecker(self: EntryLowering, expr: Any) -> np.ndarray[Any, Any]:
    found = self.entries(expr.args[0])
    for arg in expr.args[1:]:
        other = self.entries(arg)
        product = self.numbers("mul", found[:, None, :, None], other[None, :, None, :])
        found = product.reshape(found.shape[0] * other.shape[0], -1)
    return found


def _diagonal(self: EntryLowering, expr: Any) -> np.ndarray[Any, Any]:
    entries = self.entries(expr.args[0])
    column = entries.reshape(-1) if 1 in entries.shape else np.diagonal(entries)
    found = np.full((len(column), len(column)), self.graph.constant(0), dtype=object)
    np.fill_diagonal(found, column)
    return found


def _slice(self: EntryLowering, expr: Any) -> np.ndarray[Any, Any]:
    rows, columns = (slice(*map(int, part)) for part in (expr.rowslice, expr.colslice))
    return self.entries(expr.parent)[rows, columns]


def _applied(self: EntryLowering, expr: Any) -> np.ndarray[Any, Any]:
    entries = self.entries(expr.expr)
    symbols = [sp.Dummy("e") for _ in range(entries.size)]
    for symbol, node in zip(symbols, entries.reshape(-1), strict=True):
        self._terms[symbol] = Term(node)
    return _array([self.lower(expr.function(symbol)) for symbol in symbols], entries.shape)


_ARRAYS: dict[str, Callable[[EntryLowering, Any], np.ndarray[Any, Any]]] = {
    "MatMul": _matmul,
    "MatPow": _power,
    "Inverse": _inverse,
    "MatrixSolve": _matrix_solve,
    "MatAdd": _sum,
    "HadamardProduct": _hadamard,
    "HadamardPower": _hadamard_power,
    "Transpose": _transpose,
    "Adjoint": _adjoint,
    "ZeroMatrix": _filled(0),
    "OneMatrix": _filled(1),
    "Identity": _identity,
    "BlockMatrix": _blocks,
    "KroneckerProduct": _kronecker,
    "DiagMatrix": _diagonal,
    "DiagonalMatrix": _diagonal,
    "MatrixSlice": _slice,
    "ElementwiseApplyFunction": _applied,
}


# ------------------------------------------------------------------ numbers made of arrays


def _element(self: EntryLowering, expr: Any) -> int:
    base, *index = expr.args
    if isinstance(expr, ArrayElement):
        base, index = expr.name, list(expr.indices)
    entries = self.entries(base)
    if not all(i.is_Integer for i in index):
        raise NeedsArraysError(f"{brief(expr)}: the index is not a number", expr)
    place = tuple(map(int, index))
    if len(place) == 2 and entries.ndim == 1 and 1 in expr.args[0].shape:
        place = (max(place),)
    try:
        found: int = entries[place]
    except IndexError as error:
        raise LoweringError(f"{brief(expr)}: {error}", expr) from error
    return found


def _trace(self: EntryLowering, expr: Any) -> int:
    return self.total(np.diagonal(self.entries(expr.args[0])).tolist())


def _determinant(self: EntryLowering, expr: Any) -> int:
    return determinant(self, self.entries(expr.args[0]))


def _dot_product(self: EntryLowering, expr: Any) -> int:
    left, right = (self.entries(arg).reshape(-1) for arg in expr.args)
    return int(self.dot(left, right))


_SCALARS: dict[str, Callable[[EntryLowering, Any], int]] = {
    "MatrixElement": _element,
    "ArrayElement": _element,
    "Indexed": _element,
    "Trace": _trace,
    "Determinant": _determinant,
    "DotProduct": _dot_product,
}
