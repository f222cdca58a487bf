"""Constant subexpressions, evaluated at high precision so that they are rounded once."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from symcompile.ir.build import Builder
from symcompile.ir.graph import BODY_OPS, LEAVES, STRUCTURAL, Function, Graph, Node, Special
from symcompile.ir.interpreter import apply_op, context, to_mpf
from symcompile.ir.ops import CONSTANTS
from symcompile.passes.rewrite import rewrite

_DIGITS = 60
# Beyond twice the range of doubles a constant rounds to infinity or zero anyway.
_RANGE_BITS = 2300
_KEPT = LEAVES | STRUCTURAL


def round_constants(function: Function) -> Function:
    """Return ``function`` with every constant subexpression replaced by its value."""
    if not _has_constants(function):
        return function
    mp = context(_DIGITS)

    def rule(b: Builder, node: Node, args: tuple[int, ...], place: int) -> int | None:
        if node.op in _KEPT or not (args or node.op in CONSTANTS):
            return None
        numbers = [_number(mp, b.graph, arg) for arg in args]
        if None in numbers:
            return None
        value = apply_op(mp, node.op, numbers)
        if isinstance(value, bool):
            return b.call("true" if value else "false")
        if isinstance(value, mp.mpc):
            parts = b.constant(_exact(mp, value.real)), b.constant(_exact(mp, value.imag))
            return b.call("complex", *parts)
        return b.constant(_exact(mp, value))

    return rewrite(function, rule)


def _has_constants(function: Function) -> bool:
    """Return whether anything but a number is computed from numbers alone."""
    graph = function.graph
    constant = bytearray(len(graph))
    for index in graph.ancestors(function.roots()):
        node = graph[index]
        if node.op in BODY_OPS or (node.op in CONSTANTS and not node.args):
            return True
        if node.op in ("const", "imaginary"):
            constant[index] = 1
        elif node.args and node.op not in _KEPT and all(constant[arg] for arg in node.args):
            return True
    return False


def _number(mp: Any, graph: Graph, index: int) -> Any:
    """Return the number that a node holds, or None."""
    node = graph[index]
    if node.op == "const":
        return to_mpf(mp, node.data)  # type: ignore[arg-type]
    if node.op in ("imaginary", "widen", "complex"):
        parts = [graph[arg].data for arg in node.args if graph[arg].op == "const"]
        if len(parts) == len(node.args):
            return apply_op(mp, node.op, [to_mpf(mp, part) for part in parts])  # type: ignore[arg-type]
    return None


def _exact(mp: Any, value: Any) -> Fraction | Special:
    value = mp.mpf(value)  # some functions of mpmath answer 0 as a whole number
    if mp.isnan(value):
        return Special.NAN
    if mp.isinf(value):
        return Special.INF if value > 0 else Special.NEG_INF
    sign, mantissa, exponent, bits = value._mpf_
    if bits + exponent > _RANGE_BITS:
        return Special.NEG_INF if sign else Special.INF
    if bits + exponent < -_RANGE_BITS:
        return Fraction(0)
    return Fraction(-int(mantissa) if sign else int(mantissa)) * Fraction(2) ** int(exponent)
