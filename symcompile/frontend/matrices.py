"""Lowering matrix expressions: each is one node over its rows and columns.

A matrix lacks the label of a dimension that is 1, or that it does not depend on. So a product is
an elementwise product summed over the label between, and a matrix of ones is the number 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import sympy as sp

from symcompile.errors import LoweringError
from symcompile.frontend import indexed
from symcompile.frontend.brief import brief
from symcompile.frontend.dimensions import (
    ONE,
    column_label,
    known,
    matrix_labels,
    pair_of,
    require_equal,
    row_label,
    transposed,
)
from symcompile.frontend.frames import Term, axis
from symcompile.frontend.plan import Handler, Plan
from symcompile.frontend.products import HANDLERS as PRODUCTS
from symcompile.frontend.products import SOLVE, column_of, diagonal, identity
from symcompile.frontend.scope import Scope
from symcompile.ir.affine import Affine

if TYPE_CHECKING:
    from symcompile.frontend.lowering import Lowering

_AS_SUM = "write it as Sum over elements of an IndexedBase"
_HINTS = {
    "Inverse": SOLVE,
    "Determinant": "give it as a constant, or write it out for a small explicit Matrix",
    "KroneckerProduct": "write its elements as an indexed expression",
    "MatrixSlice": "take its elements by index",
    "Adjoint": "matrices are real: use the transpose, A.T",
    "ImmutableDenseMatrix": "only the value may be an explicit Matrix; pass this one as data",
    "ImmutableSparseMatrix": "only the value may be an explicit Matrix; pass this one as data",
    "ArrayAdd": _AS_SUM,
    "ArrayContraction": _AS_SUM,
    "ArrayDiagonal": _AS_SUM,
    "ArrayElementwiseApplyFunc": _AS_SUM,
    "ArraySymbol": _AS_SUM,
    "ArrayTensorProduct": _AS_SUM,
    "PermuteDims": _AS_SUM,
}


def _shape(self: Lowering, expr: Any, scope: Scope) -> tuple[Affine, Affine]:
    rows, columns = (
        self.context.indices.affine(size, scope.bindings, "the size") for size in expr.shape
    )
    return rows, columns


def _symbol(self: Lowering, expr: Any, scope: Scope) -> Plan:
    array = self.context.array(expr, expr)
    assert array.term is not None
    rows, columns = array.sizes
    found = Term(array.term.node, matrix_labels(self.frames, (rows, columns)), (rows, columns))
    return Plan((), lambda _: found)


def _filled(value: int) -> Handler:
    def handler(self: Lowering, expr: Any, scope: Scope) -> Plan:
        shape = _shape(self, expr, scope)
        return Plan((), lambda _: self.frames.constant(value)._replace(shape=shape))

    return handler


def _identity(self: Lowering, expr: Any, scope: Scope) -> Plan:
    size = _shape(self, expr, scope)[0]
    return Plan((), lambda _: identity(self, size))


def _transpose(self: Lowering, expr: Any, scope: Scope) -> Plan:
    return Plan(expr.args, lambda terms: transposed(self.frames, terms[0]))


# ------------------------------------------------------------------ elementwise


def _elementwise(op: str) -> Handler:
    def handler(self: Lowering, expr: Any, scope: Scope) -> Plan:
        args = expr.args
        if op == "add":
            args = [arg for arg in args if not isinstance(arg, sp.ZeroMatrix)] or args[:1]

        def combine(terms: list[Term]) -> Term:
            require_equal(expr, zip(args, map(known, terms), strict=True))
            return self.fold(op, terms)._replace(shape=known(terms[0]))

        return Plan(args, combine)

    return handler


def _hadamard_power(self: Lowering, expr: Any, scope: Scope) -> Plan:
    base, exponent = expr.args
    shape_of = base if getattr(base, "is_Matrix", False) else exponent
    if getattr(exponent, "is_Matrix", False) or not getattr(base, "is_Matrix", False):
        shape = _shape(self, shape_of, scope)

        def combine(terms: list[Term]) -> Term:
            matrices = [pair for pair in zip(expr.args, terms, strict=True) if pair[1].shape]
            require_equal(expr, [(part, known(term)) for part, term in matrices])
            return self.frames.apply("pow", *terms)._replace(shape=shape)

        return Plan(expr.args, combine)
    return _mapped(self, base, lambda element: element**exponent, scope)


def _apply(self: Lowering, expr: Any, scope: Scope) -> Plan:
    function, argument = expr.args
    return _mapped(self, argument, function, scope)


def _mapped(self: Lowering, argument: Any, function: Any, scope: Scope) -> Plan:
    """Return the plan of a function of each element of a matrix."""
    if isinstance(function, sp.Lambda):
        variable, body = function.variables[0], function.expr
    else:
        variable = self.context.indices.variable()
        body = function(variable)
    frames = self.frames

    def combine(terms: list[Term]) -> Plan:
        shape = known(terms[0])
        # Other matrices in the function have rows and columns of their own.
        away = {
            row_label(frames, shape[0]): frames.label("element row", shape[0]),
            column_label(frames, shape[1]): frames.label("element column", shape[1]),
        }
        back = {name: label for label, name in away.items()}
        element = frames.rename(terms[0], away)._replace(shape=None)
        inner = scope.bind(variable, element)

        def finish(values: list[Term]) -> Term:
            return frames.rename(values[0], back)._replace(shape=shape)

        return Plan((body,), finish, (inner,))

    return Plan((argument,), combine)


# ------------------------------------------------------------------ diagonals


def _diagonal_of_vector(self: Lowering, expr: Any, scope: Scope) -> Plan:
    return Plan(expr.args, lambda terms: diagonal(self, column_of(self.frames, terms[0])))


def _column_on_diagonal(self: Lowering, expr: Any, term: Term) -> Term:
    rows, columns = known(term)
    if rows != columns:
        raise LoweringError(f"{brief(expr)}: only the diagonal of a square matrix is known", expr)
    names = {column_label(self.frames, columns): row_label(self.frames, rows)}
    return self.frames.rename(term, names)._replace(shape=(rows, ONE))


def _diagonal_vector(self: Lowering, expr: Any, scope: Scope) -> Plan:
    return Plan(expr.args, lambda terms: _column_on_diagonal(self, expr, terms[0]))


def _diagonal_part(self: Lowering, expr: Any, scope: Scope) -> Plan:
    return Plan(expr.args, lambda terms: diagonal(self, _column_on_diagonal(self, expr, terms[0])))


# ------------------------------------------------------------------ elements and blocks


def _element(self: Lowering, expr: Any, scope: Scope) -> Plan:
    parent = expr.parent
    if isinstance(parent, sp.MatrixSymbol):
        array = self.context.array(parent, expr)
        return indexed.element(self, expr, (expr.i, expr.j), scope, array)
    frames, indices = self.frames, self.context.indices
    i, j = (indices.affine(one, scope.bindings, "the index") for one in (expr.i, expr.j))

    def combine(terms: list[Term]) -> Term:
        rows, columns = known(terms[0])
        clamped = False
        for one, size in ((i, rows), (j, columns)):
            clamped = self.context.checked(one, size, frames, scope, expr) or clamped
        values = {row_label(frames, rows): i, column_label(frames, columns): j}
        index = [values.get(label, axis(label)) for label in terms[0].labels]
        return frames.place(terms[0], index, clamped)._replace(shape=None)

    return Plan((parent,), combine)


def _blocks(self: Lowering, expr: Any, scope: Scope) -> Plan:
    grid = expr.blocks
    count = (int(grid.shape[0]), int(grid.shape[1]))
    kept = [
        (r, c)
        for r in range(count[0])
        for c in range(count[1])
        if not isinstance(grid[r, c], sp.ZeroMatrix)
    ]
    heights = [_shape(self, grid[r, 0], scope)[0] for r in range(count[0])]
    widths = [_shape(self, grid[0, c], scope)[1] for c in range(count[1])]

    def combine(terms: list[Term]) -> Term:
        frames = self.frames
        shape = (_sum(heights), _sum(widths))
        parts = []
        for (r, c), term in zip(kept, terms, strict=True):
            corner = (_sum(heights[:r]), _sum(widths[:c]))
            parts.append(
                frames.padded(term, pair_of(frames, known(term)), corner, pair_of(frames, shape))
            )
        total = self.fold("add", parts) if parts else frames.constant(0)
        return total._replace(shape=shape)

    return Plan([grid[r, c] for r, c in kept], combine)


def _sum(sizes: Sequence[Affine]) -> Affine:
    total = Affine(0)
    for size in sizes:
        total = total + size
    return total


def _refused(self: Lowering, expr: Any, scope: Scope) -> Plan:
    name = type(expr).__name__
    raise LoweringError(f"cannot compile {brief(expr)} ({name}): {_HINTS[name]}", expr)


HANDLERS: dict[str, Handler] = {
    "MatrixSymbol": _symbol,
    "MatrixElement": _element,
    "ZeroMatrix": _filled(0),
    "OneMatrix": _filled(1),
    "Identity": _identity,
    "Transpose": _transpose,
    "MatAdd": _elementwise("add"),
    "HadamardProduct": _elementwise("mul"),
    "HadamardPower": _hadamard_power,
    "ElementwiseApplyFunction": _apply,
    "BlockMatrix": _blocks,
    "DiagMatrix": _diagonal_of_vector,
    "DiagonalMatrix": _diagonal_part,
    "DiagonalOf": _diagonal_vector,
    **PRODUCTS,
    **dict.fromkeys(_HINTS, _refused),
}
