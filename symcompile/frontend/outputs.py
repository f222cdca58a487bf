"""What a user may give as the formula: expressions, sequences, dicts, matrices, assignments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from symcompile.errors import DefinitionError


def _is_assignment(item: Any) -> bool:
    return (
        isinstance(item, tuple | list | sp.Tuple)
        and len(item) == 2
        and (isinstance(item[0], sp.Symbol))
    )


def split(expr: Any) -> tuple[list[tuple[sp.Symbol, Any]], Any]:
    """Separate leading assignments from the outputs."""
    if not isinstance(expr, tuple | list):
        return [], expr
    items = list(expr)
    # What sympy.cse returns: (assignments, [results]).
    if (
        len(items) == 2
        and isinstance(items[0], list)
        and isinstance(items[1], list)
        and all(_is_assignment(item) for item in items[0])
    ):
        results = items[1]
        return [(s, e) for s, e in items[0]], results[0] if len(results) == 1 else results
    count = 0
    while count < len(items) and _is_assignment(items[count]):
        count += 1
    if count == 0:
        return [], items
    if any(_is_assignment(item) for item in items[count:]):
        raise DefinitionError("assignments stand first, the expressions to compute after them")
    assignments = [(symbol, value) for symbol, value in items[:count]]
    rest = items[count:]
    if not rest:
        return assignments, assignments[-1][0]
    return assignments, rest[0] if len(rest) == 1 else rest


def spread(expr: Any) -> tuple[list[Any], tuple[int, ...], tuple[str, ...]]:
    """Return the scalar expressions, the shape they are returned in, and the keys of a dict."""
    if isinstance(expr, Mapping):
        return list(expr.values()), (len(expr),), tuple(str(key) for key in expr)
    if isinstance(expr, sp.MatrixBase):
        return list(expr.flat()), tuple(int(size) for size in expr.shape), ()
    if isinstance(expr, sp.NDimArray):
        shape = tuple(int(size) for size in expr.shape)
        return [expr[expr._get_tuple_index(k)] for k in range(len(expr))], shape, ()
    if isinstance(expr, tuple | list | sp.Tuple):
        if not expr:
            raise DefinitionError("there is nothing to compute: the sequence is empty")
        for item in expr:
            if isinstance(item, tuple | list) and item and isinstance(item[0], sp.Indexed):
                raise DefinitionError(
                    f"{item[0]} cannot be assigned: name an intermediate with a Symbol, which may "
                    "depend on the indices that are free in its formula"
                )
            if isinstance(item, tuple | list | dict | sp.MatrixBase | sp.NDimArray):
                raise DefinitionError(
                    "outputs nest: give one flat sequence of expressions, or one Matrix"
                )
        return list(expr), (len(expr),), ()
    try:
        # Strict: text would be evaluated.
        return [sp.sympify(expr, strict=True)], (), ()
    except (sp.SympifyError, TypeError) as error:
        raise DefinitionError(f"{expr!r} is not a SymPy expression") from error
