"""Lowering index notation: elements of arrays, sums and products over ranges, Kronecker deltas."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixElement

from symcompile.errors import DefinitionError, LoweringError
from symcompile.frontend.brief import brief
from symcompile.frontend.frames import Term
from symcompile.frontend.plan import Handler, Plan
from symcompile.frontend.roles import Array, Whole, is_array
from symcompile.frontend.scope import Scope
from symcompile.ir.affine import Affine

if TYPE_CHECKING:
    from symcompile.frontend.lowering import Lowering

#: Where an element stands in ``children``, and its sign: what is gathered by.
_Gathered = tuple[int, int]


def _indexed(self: Lowering, expr: Any, scope: Scope) -> Plan:
    array = self.context.array(expr.base, expr)
    if len(expr.indices) != len(array.shape):
        raise DefinitionError(
            f"{brief(expr)} has {len(expr.indices)} indices, but {array.name} has "
            f"{len(array.shape)} dimensions"
        )
    return element(self, expr, expr.indices, scope, array)


def element(self: Lowering, expr: Any, indices: Sequence[Any], scope: Scope, array: Array) -> Plan:
    """Return the plan of one element of an array."""
    children: list[Any] = []
    parts = [_index(self, expr, index, scope, children) for index in indices]

    def combine(terms: list[Term]) -> Term:
        found = [_placed(self, affine, sign, terms) for affine, sign in parts]
        if not array.known:
            return _noted(self, array, found)
        assert array.term is not None
        clamped = False
        kept: list[Affine | Term] = []
        for one, (affine, gathered), size, child in zip(
            found, parts, array.sizes, indices, strict=True
        ):
            if gathered is not None:
                _whole(self, expr, children[gathered[0]], affine, gathered[1], size)
            elif self.context.checked(affine, size, self.frames, scope, expr):
                clamped = True
            if size.number != 1:
                kept.append(one)
            elif gathered is not None:
                raise LoweringError(
                    f"{brief(expr)}: the only index into a dimension of size 1 is 0, not "
                    f"{brief(child)}",
                    expr,
                )
        return self.frames.place(array.term, kept, clamped)

    return Plan(children, combine)


def _index(
    self: Lowering, expr: Any, index: Any, scope: Scope, children: list[Any]
) -> tuple[Affine, _Gathered | None]:
    """Return the affine part of an index, and the element that is added to it, if any."""
    indices = self.context.indices
    if indices.linear(index) is not None:
        return indices.affine(index, scope.bindings, "the index"), None
    total, gathered = Affine(0), None
    for addend in index.args if isinstance(index, sp.Add) else (index,):
        if indices.linear(addend) is not None:
            total = total + indices.affine(addend, scope.bindings, "the index")
            continue
        negative = isinstance(addend, sp.Mul) and addend.args[0] is sp.S.NegativeOne
        sign = -1 if negative else 1
        part = addend.args[1] if negative and len(addend.args) == 2 else addend
        if gathered is not None or not isinstance(part, sp.Indexed | MatrixElement):
            raise LoweringError(
                f"the index {brief(index)} in {brief(expr)} is not affine in indices and sizes, "
                "nor that and one element of integer data",
                expr,
            )
        gathered = (len(children), sign)
        children.append(part)
    return total, gathered


def _placed(
    self: Lowering, affine: Affine, gathered: _Gathered | None, terms: list[Term]
) -> Affine | Term:
    if gathered is None:
        return affine
    position, sign = gathered
    term = terms[position]
    if sign < 0:
        term = self.frames.apply("neg", term)
    if affine == Affine(0):
        return term
    return self.frames.apply("add", self.frames.index(affine), term)


def _noted(self: Lowering, array: Array, found: Sequence[Affine | Term]) -> Term:
    """Take note of how an array without a shape is used; return what stands for the element."""
    total = Affine(0)
    for dimension, one in enumerate(found):
        if isinstance(one, Affine):
            if array.shape[dimension] is None:
                array.uses[dimension].append(one.bounds(self.frames.extents)[1])
            total = total + one
        else:
            for label in one.labels:
                total = total + Affine(0, ((label, 1),))
    return self.frames.index(total)


def _whole(self: Lowering, expr: Any, part: Any, affine: Affine, sign: int, size: Affine) -> None:
    """Take note that data is used as an index."""
    base = part.base if isinstance(part, sp.Indexed) else part.parent
    source = self.context.array(base, part) if is_array(base) else None
    if source is None or source.role != "data":
        raise LoweringError(
            f"{brief(expr)}: an index may be read from data only, and {brief(part)} is none", expr
        )
    low, high = affine.bounds(self.frames.extents)
    if sign > 0:
        allowed = Whole(source.slot, -low, size - 1 - high)
    else:
        allowed = Whole(source.slot, high - size + 1, low)
    self.context.wholes.setdefault(allowed)


def _bare(self: Lowering, expr: Any, scope: Scope) -> Plan:
    raise LoweringError(f"{brief(expr)} is an array; give it an index: {brief(expr)}[i]", expr)


# ------------------------------------------------------------------ sums and products


def _reduction(op: str, neutral: int, self: Lowering, expr: Any, scope: Scope) -> Plan:
    if getattr(expr.function, "is_Matrix", False):
        raise LoweringError(
            f"{brief(expr)} is a sum of matrices; write it as a product of matrices, or sum its "
            "elements",
            expr,
        )
    frames, context = self.frames, self.context
    labels: list[int] = []
    masks: list[Affine] = []
    for limit in reversed(expr.limits):  # the last is the outermost
        if len(limit.args) != 3 or any(bound.is_infinite for bound in limit.args[1:]):
            raise LoweringError(
                f"cannot compile {brief(expr)} ({type(expr).__name__}): the limits of "
                f"{limit.args[0]} must be finite; call .doit() on it, or cut it off",
                expr,
            )
        variable, *bounds = limit.args
        low, high = (context.indices.affine(bound, scope.bindings, "the limit") for bound in bounds)
        start, stop = low.bounds(frames.extents)[0], high.bounds(frames.extents)[1]
        extent = stop - start + 1
        facts: list[Affine] = []
        if low == start and high == stop:
            text = f"{variable} from {low} to {high} in {brief(expr)}"
            context.require(extent, text, "runs backwards")
        if extent == Affine(0) or (extent.number or 0) < 0:
            return Plan((), lambda _: frames.constant(neutral))
        if extent == Affine(1):
            value = start
        else:
            label = _fresh(self, variable, extent, scope)
            labels.append(label)
            value = Affine(0, ((label, 1),)) + start
        if low != start:
            facts.append(value - low)
        if high != stop:
            facts.append(high - value)
        masks += facts
        scope = scope.bind(variable, value).known(facts)

    def combine(terms: list[Term]) -> Term:
        body = terms[0]
        if masks:
            zero = frames.constant(0)
            # Over labels in the order of the body, which then stays as it is.
            order = (*body.labels, *[label for mask in masks for label in mask.axes])
            inside = []
            for mask in masks:
                own = tuple(sorted(mask.axes, key=order.index))
                value = Term(frames.align(frames.index(mask), own), own)
                inside.append(frames.apply("le", zero, value))
            body = frames.apply("select", self.fold("and", inside), body, frames.constant(neutral))
        return frames.reduce(op, body, labels)

    return Plan((expr.function,), combine, (scope,))


def _fresh(self: Lowering, variable: Any, extent: Affine, scope: Scope) -> int:
    """Return a label for a variable that no term which is bound here has."""
    taken = {
        label
        for value in scope.bindings.values()
        if isinstance(value, Term)
        for label in value.labels
    }
    count = 0
    while True:
        label = self.frames.label((variable, count), extent)
        if label not in taken:
            return label
        count += 1


def _delta(self: Lowering, expr: Any, scope: Scope) -> Plan:
    left, right = expr.args[:2]
    frames, indices = self.frames, self.context.indices
    if indices.linear(left) is not None and indices.linear(right) is not None:
        a, b = (indices.affine(side, scope.bindings, "the index") for side in (left, right))
        return Plan((), lambda _: frames.delta(a - b))

    def combine(terms: list[Term]) -> Term:
        same = frames.apply("eq", *frames.ordered(terms))
        return frames.apply("select", same, frames.constant(1), frames.constant(0))

    return Plan((left, right), combine)


def _loose(self: Lowering, expr: Any, scope: Scope) -> Plan:
    raise LoweringError(
        f"the index {expr} is used where no sum binds it; let it run in a Sum", expr
    )


HANDLERS: dict[str, Handler] = {
    "Indexed": _indexed,
    "IndexedBase": _bare,
    "Idx": _loose,
    "Sum": partial(_reduction, "reduce_sum", 0),
    "Product": partial(_reduction, "reduce_prod", 1),
    "KroneckerDelta": _delta,
}
