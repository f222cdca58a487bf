"""Lowering products of matrices: elementwise products, summed over the label between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import sympy as sp

from symcompile.errors import LoweringError
from symcompile.frontend.brief import brief
from symcompile.frontend.dimensions import (
    ONE,
    column_label,
    known,
    require_chain,
    require_square,
    row_label,
    transposed,
)
from symcompile.frontend.frames import Frames, Term, axis
from symcompile.frontend.plan import Handler, Plan
from symcompile.frontend.scope import Scope
from symcompile.ir.affine import Affine

if TYPE_CHECKING:
    from symcompile.frontend.lowering import Lowering

#: What to do where an inverse is asked for.
SOLVE = "solve the linear system outside, or give the inverse as data"

# Powers beyond this are multiplied out even where they are applied to a vector.
_REPEATED = 8


def identity(self: Lowering, size: Affine) -> Term:
    frames = self.frames
    if size == ONE:
        return frames.constant(1)._replace(shape=(size, size))
    value = axis(row_label(frames, size)) - axis(column_label(frames, size))
    return frames.delta(value)._replace(shape=(size, size))


def _between(self: Lowering, left: Term, right: Term) -> tuple[Term, int]:
    """Return the elementwise product of matrices, and the label to sum it over."""
    frames = self.frames
    inner = known(left)[1]
    label = frames.label("inner", inner)
    a = frames.rename(left, {column_label(frames, inner): label})
    b = frames.rename(right, {row_label(frames, inner): label})
    return _scaled(self, a, b), label


def _scaled(self: Lowering, *terms: Term) -> Term:
    """Return an elementwise product, without factors that are 1 everywhere."""
    one = self.graph.constant(1)
    rest = [term for term in terms if term.node != one]
    return self.fold("mul", rest) if rest else self.frames.constant(1)


class _Factor(NamedTuple):
    """A matrix, or the column of one that is diagonal."""

    term: Term
    diagonal: bool = False

    @property
    def shape(self) -> tuple[Affine, Affine]:
        rows, columns = known(self.term)
        return (rows, rows) if self.diagonal else (rows, columns)


def _product(self: Lowering, left: Term, right: Term) -> Term:
    shape = (known(left)[0], known(right)[1])
    term, label = _between(self, left, right)
    if known(left)[1] != ONE:
        term = self.frames.reduce("reduce_sum", term, [label])
    return term._replace(shape=shape)


def _times(self: Lowering, left: _Factor, right: _Factor) -> _Factor:
    """Return a product; a diagonal matrix scales rows or columns, without a sum."""
    frames = self.frames
    if left.diagonal:
        term = _scaled(self, left.term, right.term)
        return _Factor(term._replace(shape=known(right.term)), right.diagonal)
    if right.diagonal:
        term = _scaled(self, left.term, transposed(frames, right.term))
        return _Factor(term._replace(shape=known(left.term)))
    return _Factor(_product(self, left.term, right.term))


def _chain(self: Lowering, factors: Sequence[_Factor]) -> Term:
    """Return a product of matrices, from the end where a vector is."""
    first, last = factors[0], factors[-1]
    column = not last.diagonal and known(last.term)[1] == ONE
    if column and (first.diagonal or known(first.term)[0] != ONE):
        total = last
        for factor in reversed(factors[:-1]):
            total = _times(self, factor, total)
    else:
        total = first
        for factor in factors[1:]:
            total = _times(self, total, factor)
    return diagonal(self, total.term) if total.diagonal else total.term


def column_of(frames: Frames, vector: Term) -> Term:
    """Return a row or a column as a column."""
    return transposed(frames, vector) if known(vector)[0] == ONE else vector


def diagonal(self: Lowering, column: Term) -> Term:
    """Return the matrix with a column on its diagonal, and zeros that are exact."""
    frames, size = self.frames, known(column)[0]
    if size == ONE:
        return column
    offset = axis(row_label(frames, size)) - axis(column_label(frames, size))
    zero = frames.constant(0)
    inside = frames.apply("eq", frames.index(offset), zero)
    return frames.apply("select", inside, column, zero)._replace(shape=(size, size))


def _factors(expr: Any) -> tuple[list[Any], list[Any]]:
    """Return the numbers and the matrices of a product; powers are written out."""
    numbers: list[Any] = []
    factors: list[Any] = []
    for arg in expr.args if isinstance(expr, sp.MatMul) else (expr,):
        if not getattr(arg, "is_Matrix", False):
            numbers.append(arg)
        elif isinstance(arg, sp.MatPow) and arg.exp.is_Integer and 0 < arg.exp <= _REPEATED:
            factors += [arg.base] * int(arg.exp)
        elif not isinstance(arg, sp.Identity):
            factors.append(arg)
    return numbers, factors


def _multiply(self: Lowering, expr: Any, scope: Scope) -> Plan:
    numbers, factors = _factors(expr)
    if not factors:
        factors = [arg for arg in expr.args if isinstance(arg, sp.Identity)][:1]

    scaling = [isinstance(factor, sp.DiagMatrix) for factor in factors]

    def combine(terms: list[Term]) -> Plan | Term:
        parts = [
            _Factor(column_of(self.frames, term) if scales else term, scales)
            for term, scales in zip(terms, scaling, strict=True)
        ]
        require_chain(expr, zip(factors, [part.shape for part in parts], strict=True))
        total = _chain(self, parts)
        if not numbers:
            return total
        scaled = self.product(numbers, [total])

        def finish(values: list[Term]) -> Term:
            found = scaled.combine(values)
            assert isinstance(found, Term)
            return found._replace(shape=total.shape)

        return Plan(scaled.children, finish)

    vectors = [f.args[0] if s else f for f, s in zip(factors, scaling, strict=True)]
    return Plan(vectors, combine)


def _power(self: Lowering, expr: Any, scope: Scope) -> Plan:
    base, exponent = expr.args
    if not exponent.is_Integer or exponent < 0:
        raise LoweringError(
            f"cannot compile {brief(expr)} (MatPow): the exponent must be a whole number of at "
            f"least 0 known now; {SOLVE}",
            expr,
        )

    def combine(terms: list[Term]) -> Term:
        require_square(expr, base, known(terms[0]))
        square, count, total = terms[0], int(exponent), None
        while count:
            if count & 1:
                total = square if total is None else _product(self, total, square)
            count >>= 1
            if count:
                square = _product(self, square, square)
        return identity(self, known(terms[0])[0]) if total is None else total

    return Plan((base,), combine)


def _trace(self: Lowering, expr: Any, scope: Scope) -> Plan:
    argument = expr.args[0]
    if isinstance(argument, sp.MatAdd):
        parts = [sp.Trace(part) for part in argument.args]
        return Plan(parts, lambda terms: self.fold("add", terms))
    numbers, factors = _factors(argument)
    if not factors:
        factors = [arg for arg in (argument, *argument.args) if isinstance(arg, sp.Identity)][:1]

    def combine(terms: list[Term]) -> Plan | Term:
        frames = self.frames
        shapes = [known(term) for term in terms]
        require_chain(expr, zip(factors, shapes, strict=True))
        require_square(expr, argument, (shapes[0][0], shapes[-1][1]))
        if len(terms) == 1:
            total = _trace_of(self, terms[0])
        else:  # the sum over both labels, never the product itself
            left, right = _chain(self, [_Factor(term) for term in terms[:-1]]), terms[-1]
            rows, inner = known(left)
            outer = frames.label("outer", rows)
            left = frames.rename(left, {row_label(frames, rows): outer})
            right = frames.rename(right, {column_label(frames, rows): outer})
            total, label = _between(self, left, right)
            pairs = ((label, inner), (outer, rows))
            sums = [name for name, size in pairs if size != ONE]
            total = frames.reduce("reduce_sum", total, sums)
        return self.product(numbers, [total]) if numbers else total

    return Plan(factors, combine)


def _trace_of(self: Lowering, term: Term) -> Term:
    frames, size = self.frames, known(term)[0]
    label = frames.label("inner", size)
    names = {row_label(frames, size): label, column_label(frames, size): label}
    found = frames.rename(term, names)._replace(shape=None)
    return found if size == ONE else frames.reduce("reduce_sum", found, [label])


def _dot(self: Lowering, expr: Any, scope: Scope) -> Plan:
    def combine(terms: list[Term]) -> Term:
        frames = self.frames
        rows = [transposed(frames, t) if known(t)[0] != ONE else t for t in terms]
        return _product(self, rows[0], transposed(frames, rows[1]))._replace(shape=None)

    return Plan(expr.args, combine)


HANDLERS: dict[str, Handler] = {
    "MatMul": _multiply,
    "MatPow": _power,
    "Trace": _trace,
    "DotProduct": _dot,
}
