"""``amin`` and ``amax`` of whole arguments: what is reduced is computed first, then the formula."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import sympy as sp

from symcompile.elementwise.function import Lambdified, signature_of, unpacked
from symcompile.errors import ArgumentTypeError
from symcompile.frontend.calls import Arguments, Mirror, Nest, Place, containers
from symcompile.frontend.symbols import walk

#: Returns the compiled function of arguments and a formula without reductions.
Compile: TypeAlias = Callable[[Any, Any], Lambdified]

_REDUCTIONS = {"amin": np.amin, "amax": np.amax}


def reduces(expr: Any) -> bool:
    """Return whether a formula holds a minimum or maximum over an axis.

    >>> from sympy.codegen.numpy_nodes import amin
    >>> reduces([amin(sp.Symbol("x"))]), reduces(sp.Symbol("x"))
    (True, False)
    """
    return any(type(part).__name__ in _REDUCTIONS for part, _ in walk(_spread(expr)))


def _spread(expr: Any) -> list[Any]:
    if isinstance(expr, dict):
        return [part for value in expr.values() for part in _spread(value)]
    if isinstance(expr, list | tuple):
        return [part for value in expr for part in _spread(value)]
    return [expr]


class ReducedFunction(Lambdified):
    """A compiled formula with reductions.

    Args:
        arguments: what a call passes.
        inner: of each reduction, its function, its name and its axis.
        outer: the functions of the arguments and all that is reduced; the number of a reduction
            where the result is that and nothing more.
        mirror: the containers that results are returned in.
    """

    def __init__(
        self,
        arguments: Arguments,
        inner: Sequence[tuple[Lambdified, str, Any]],
        outer: Sequence[Lambdified | int],
        mirror: Mirror,
    ) -> None:
        self.arguments, self.backend = arguments, inner[0][0].backend
        self._parts = (arguments, inner, outer, mirror)
        self.__signature__ = signature_of(arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        return ReducedFunction, self._parts

    @property
    def source(self) -> str:
        """The text of the generated modules."""
        _, inner, outer, _ = self._parts
        functions = [f for f, _, _ in inner] + [f for f in outer if not isinstance(f, int)]
        return "\n".join(function.source for function in functions)

    def __call__(self, *args: Any, out: Any = None, **named: Any) -> Any:
        """Return the results."""
        arguments, inner, outer, mirror = self._parts
        if out is not None:
            raise ArgumentTypeError("out: a formula with amin or amax takes none")
        values = unpacked(arguments, args, named)
        nested = [_nested(place, values) for place in arguments.tree]
        reduced = []
        for function, name, axis in inner:
            found = _REDUCTIONS[name](function(*nested), axis=axis)
            reduced.append(found.item() if np.ndim(found) == 0 else found)
        results = [
            reduced[part] if isinstance(part, int) else part(*nested, *reduced) for part in outer
        ]
        return _mirrored(mirror, results)


def _nested(place: Place, values: Sequence[Any]) -> Any:
    return values[place] if isinstance(place, int) else [_nested(p, values) for p in place]


def _mirrored(mirror: Mirror, results: Sequence[Any]) -> Any:
    if not isinstance(mirror, Nest):
        return results[mirror]
    parts = [_mirrored(item, results) for item in mirror.items]
    if mirror.kind == "dict":
        return dict(zip(mirror.keys, parts, strict=True))
    return parts if mirror.kind == "list" else tuple(parts)


def load_reduced(args: Any, expr: Any, compile: Compile) -> ReducedFunction:
    """Return the function of a formula with reductions."""
    leaves: list[Any] = []

    def numbered(leaf: Any) -> int:
        leaves.append(leaf)
        return len(leaves) - 1

    mirror = containers(expr, numbered)
    inner: list[tuple[Lambdified, str, Any]] = []
    symbols: dict[Any, Any] = {}
    for leaf in leaves:
        parts = [part for part, _ in walk([leaf]) if type(part).__name__ in _REDUCTIONS]
        for part in sorted(parts, key=str):
            if part in symbols:
                continue
            if reduces(part.array):
                raise ArgumentTypeError(f"{part}: a reduction within another")
            symbols[part] = sp.Dummy(f"reduced{len(symbols)}")
            inner.append((compile(args, part.array), type(part).__name__, _axis(part.axis)))
    tops = [args] if isinstance(args, sp.Basic) and not isinstance(args, sp.Tuple) else args
    order = list(symbols.values())
    outer: list[Lambdified | int] = []
    for leaf in leaves:
        rest = leaf.xreplace(symbols) if isinstance(leaf, sp.Basic) else leaf
        if rest in order:
            outer.append(order.index(rest))
        else:
            outer.append(compile([*tops, *order], rest))
    return ReducedFunction(inner[0][0].arguments, inner, outer, mirror)


def _axis(axis: Any) -> Any:
    if axis is None or type(axis).__name__ == "NoneToken":
        return None
    return tuple(map(int, axis)) if isinstance(axis, tuple | sp.Tuple) else int(axis)
