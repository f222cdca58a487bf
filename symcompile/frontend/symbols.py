"""The SymPy objects that stand for what a definition's formula is made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sympy as sp

from symcompile.frontend.raised_ops import Element, size_symbol
from symcompile.frontend.raiser import distinct, unused
from symcompile.ir.affine import Affine
from symcompile.ir.graph import SAMPLES, Axis, Input
from symcompile.ir.indices import Letters

if TYPE_CHECKING:
    from symcompile.frontend.definition import Definition


class Symbols:
    """Names for a definition's inputs, sizes and indices, all different.

    Args:
        definition: what is to be written.
        own: whether the user's symbols stand for themselves, as far as they are at hand; else
            new ones of the same name do.

    Attributes:
        leaves: a symbol for each input, or an :class:`~symcompile.frontend.raised_ops.Element`.
        sizes: a symbol for each size.
        letters: chooses letters for indices.
    """

    def __init__(self, definition: Definition, *, own: bool = False) -> None:
        self.definition = definition
        self._own = _by_name(definition.source) if own else None
        self.leaves: dict[Input, Any] = {}
        names: dict[Input, str] = {}
        constants = tuple(name for name, _ in definition.constants)
        everything = distinct([*definition.params, *definition.data, *constants])
        keys = [Input("param", k) for k in range(len(definition.params))]
        keys += [Input("data", k) for k in range(len(definition.data))]
        keys += [Input("constant", k) for k in range(len(constants))]
        names = dict(zip(keys, everything, strict=True))
        called = self._sizes(constants, everything)
        labels = set(definition.ir.labels.values())
        self.letters = Letters(self._axes(), {*everything, *called.values(), *labels}, called)
        self.sizes = {
            size: self._symbol(size, name, size_symbol(name)) for size, name in called.items()
        }
        for key, name in names.items():
            self.leaves[key] = self._leaf(key, name)

    def _sizes(self, constants: Sequence[str], taken: Sequence[str]) -> dict[str, str]:
        definition = self.definition
        if not definition.indexed:
            return {name: unused(["n", "N", "m", "M"], taken) for name in SAMPLES.extent.sizes}
        found: dict[str, str] = {}
        first = len(definition.params) + len(definition.data)
        for size in definition.sizes:
            if size in constants:  # passed by keyword: one thing, one name
                found[size] = taken[first + constants.index(size)]
            else:
                (found[size],) = distinct([size], [*taken, *found.values()])
        return found

    def _axes(self) -> Iterator[Axis]:
        """Yield axes in the order in which they get letters."""
        definition = self.definition
        for shape in (*definition.data_shapes, *definition.param_shapes):
            yield from (Axis(size) for size in shape if size.number != 1)

    def shape(self, key: Input) -> tuple[Affine, ...]:
        """Return the declared shape of an input."""
        definition = self.definition
        shapes = {"param": definition.param_shapes, "data": definition.data_shapes}
        found = shapes.get(key.role, ())
        return found[key.slot] if key.slot < len(found) else ()

    def _leaf(self, key: Input, name: str) -> Any:
        shape = self.shape(key)
        if not any(size.number != 1 for size in shape):
            return self._scalar(key, name, shape)
        found = self._user(key, name, None)
        if isinstance(found, sp.IndexedBase | sp.MatrixSymbol):
            thin = tuple(size.number == 1 for size in shape)
            return Element(found, thin if any(thin) else ())
        return Element(sp.IndexedBase(name))

    def _scalar(self, key: Input, name: str, shape: tuple[Affine, ...]) -> Any:
        found = self._user(key, name, sp.Symbol(name))
        if isinstance(found, sp.IndexedBase | sp.MatrixSymbol):
            return Element(found, (True,) * len(shape)).at([]) if shape else sp.Symbol(name)
        return found

    def _user(self, key: Input, name: str, default: Any) -> Any:
        """Return the user's object for an input."""
        params = self.definition.source_params
        if self._own is not None and key.role == "param" and params is not None:
            return params[key.slot]
        return self._symbol(self._name(key), name, default)

    def _name(self, key: Input) -> str:
        definition = self.definition
        if key.role == "constant":
            return definition.constants[key.slot][0]
        return (definition.params if key.role == "param" else definition.data)[key.slot]

    def _symbol(self, name: str, shown: str, default: Any) -> Any:
        """Return the user's object of a name, unless two things have that name."""
        if self._own is None or name != shown:
            return default
        return self._own.get(name, default)


def walk(source: Sequence[Any] | None) -> Iterator[tuple[Any, bool]]:
    """Yield each distinct object of SymPy expressions, and whether it is but an exponent."""
    stack = [(expr, False) for expr in source or ()]
    seen: set[tuple[int, bool]] = set()
    while stack:
        expr, exponent = stack.pop()
        if (id(expr), exponent) in seen:
            continue
        seen.add((id(expr), exponent))
        yield expr, exponent
        args = getattr(expr, "args", ())
        power = getattr(expr, "is_Pow", False)
        stack.extend((arg, power and place == 1) for place, arg in enumerate(args))


def _by_name(source: Sequence[Any] | None) -> Mapping[str, Any]:
    """Return the symbols and arrays of expressions by name; an array hides its own label."""
    found: dict[str, Any] = {}
    for expr, _ in walk(source):
        if isinstance(expr, sp.IndexedBase | sp.MatrixSymbol):
            found[str(expr.args[0])] = expr
        elif isinstance(expr, sp.Symbol):
            found.setdefault(str(expr), expr)
    return found
