"""What a formula in index notation is about: arrays, indices and sizes, and what they require."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from symcompile.errors import DefinitionError, LoweringError
from symcompile.frontend.brief import brief
from symcompile.frontend.frames import Frames
from symcompile.frontend.linear import Indices
from symcompile.frontend.roles import Array, Required, Whole, is_array, name_of
from symcompile.frontend.scope import Scope, proven
from symcompile.ir.affine import Affine


class Context:
    """The arrays, indices and sizes of one formula.

    Attributes:
        indices: which symbols are indices and sizes.
        arrays: the arrays by the symbol of their role.
        required: what sizes must satisfy, in the order in which it was found.
        wholes: data that is used as an index.
    """

    def __init__(self, indices: Indices, arrays: Mapping[Any, Array]) -> None:
        self.indices = indices
        self.arrays = dict(arrays)
        self.required: dict[Affine, Required] = {}
        self.wholes: dict[Whole, None] = {}
        self._by_name = {array.name: symbol for symbol, array in self.arrays.items()}

    def knows(self, symbol: Any) -> bool:
        """Return whether a symbol has a meaning already."""
        return (
            symbol in self.indices.sizes
            or symbol in self.indices.tracked
            or symbol in self.arrays
            or self.indices.macro(symbol) is not None
        )

    def array(self, base: Any, expr: Any) -> Array:
        """Return an array by its symbol.

        Raises:
            LoweringError: it is no parameter and no data.
        """
        found: Array | None = self.arrays.get(base)
        if found is not None:
            return found
        name = name_of(base) if is_array(base) else brief(base)
        given = self._by_name.get(name)
        if given is not None:
            raise LoweringError(
                f"{brief(expr)}: {name} is not the {name} of params= or data=: one is "
                f"{_declared(base)}, the other {_declared(given)}; use one object",
                expr,
            )
        raise LoweringError(
            f"the array {name} in {brief(expr)} is neither a parameter nor data; add the "
            f"{type(base).__name__} to params= or data=",
            expr,
        )

    def refuse_number(self, symbol: Any) -> None:
        """Complain of an array, an index or a size that is used as if it were a number."""
        if symbol in self.indices.tracked:
            raise LoweringError(f"the index {symbol} is used where no sum binds it", symbol)

    def require(self, value: Affine, text: str, wrong: str) -> None:
        """Take note that ``value`` must not be negative: ``text`` is what it is about.

        Raises:
            DefinitionError: it is, whatever the sizes are.
        """
        if value.nonnegative():
            return
        if (-value - 1).nonnegative():
            raise DefinitionError(f"{text} {wrong}")
        self.required.setdefault(value, Required(value, text))

    def checked(self, index: Affine, size: Affine, frames: Frames, scope: Scope, expr: Any) -> bool:
        """Return whether an index must be clamped, as it leaves ``0 .. size - 1`` elsewhere.

        Raises:
            DefinitionError: it leaves the range here.
        """
        clamped = False
        for value in (index, size - 1 - index):
            found = proven(value, frames.extents, scope.facts)
            clamped = clamped or found.guarded
            if found.certain:
                continue
            if scope.guarded:
                clamped = True
                continue
            text = self.described(expr, scope, frames)
            self.require(found.least, text, f"leaves the range 0 to {size - 1}")
        return clamped

    def described(self, expr: Any, scope: Scope, frames: Frames) -> str:
        """Return an element and the ranges of its indices, as ``x[i + 1] for i from 0 to n``."""
        parts = []
        for symbol in sorted(self.indices.free(expr), key=str):
            value = scope.bindings.get(symbol)
            if isinstance(value, Affine):
                low, high = value.bounds(frames.extents)
                parts.append(f"{symbol} from {low} to {high}")
        return brief(expr) + (f" for {', '.join(parts)}" if parts else "")


def _declared(symbol: Any) -> str:
    shape = getattr(symbol, "shape", None)
    of = "without a shape" if shape is None else f"of shape {brief(shape)}"
    return f"an {type(symbol).__name__} {of}"
