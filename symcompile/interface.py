"""What the functions of a definition are called with: checks and messages, no computing."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from symcompile.arguments import (
    Array,
    count,
    is_table,
    listed,
    take_columns,
    to_array,
    to_columns,
    to_number,
    to_vector,
)
from symcompile.autodiff.derive import available
from symcompile.errors import ArgumentTypeError, ArgumentValueError, UnsupportedFunctionError
from symcompile.frontend.definition import Definition

_VECTORS = {"hvp": ("p", "v"), "jvp": ("p", "v"), "vjp": ("p", "u")}


class Interface:
    """Checks and converts the arguments of a definition's functions.

    Attributes:
        definition: whose functions they are.
        functions: names of those it can have.
        required: slots of the constants without a default.
    """

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.functions = available(definition.scalar, len(definition.params))
        self.required = frozenset(
            slot for slot, (_, default) in enumerate(definition.constants) if default is None
        )
        self.constants = tuple(name for name, _ in definition.constants)
        self._slots = {name: slot for slot, name in enumerate(self.constants)}
        for slot, name in enumerate(self.constants):
            # Python normalises the keywords that it reads in source.
            self._slots.setdefault(unicodedata.normalize("NFKC", name), slot)

    def require(self, name: str) -> None:
        """Check that the definition can have a function.

        Raises:
            UnsupportedFunctionError: says why not, and what to do.
        """
        if name in self.functions:
            return
        definition, output = self.definition, self.definition.output
        if not definition.params:
            raise UnsupportedFunctionError(
                f"{definition.name}.{name} does not exist: there are no parameters to "
                "differentiate in; name them with params= in the definition"
            )
        sizes = (["n"] if output.per_sample else []) + [str(size) for size in output.shape]
        shape = f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"
        remedy = "use jacobian, jvp or vjp"
        if output.per_sample:
            remedy += ', or reduce="mean" or "sum" in the definition'
        raise UnsupportedFunctionError(
            f"{definition.name}.{name} needs a scalar, and the value has shape {shape}: {remedy}"
        )

    def vectors(
        self, name: str, given: Sequence[Any], columns: Sequence[Array]
    ) -> tuple[Array, ...]:
        """Return what comes before the data: ``p``, and ``v`` or ``u``."""
        labels = _VECTORS.get(name, ("p",))
        return tuple(
            self._cotangent(value, columns)
            if label == "u"
            else to_vector(value, label, self.definition.params)
            for label, value in zip(labels, given, strict=True)
        )

    def _cotangent(self, value: Any, columns: Sequence[Array]) -> Array:
        output = self.definition.output
        shape = ((len(columns[0]),) if output.per_sample else ()) + output.shape
        array = to_array(value, "u")
        if array.shape not in (shape, shape or (1,)):
            raise ArgumentValueError(
                f"u has shape {array.shape}; it is shaped like the value, {shape}"
            )
        return array.reshape(shape or (1,))

    def columns(self, name: str, given: Sequence[Any]) -> tuple[Array, ...]:
        """Return the data columns, given one by one or as one table."""
        names = self.definition.data
        if len(given) == 1 and names and is_table(given[0]):
            given = take_columns(given[0], names)
        if len(given) != len(names):
            raise ArgumentTypeError(
                f"{self.signature(name)} takes {count(len(names), 'data column')}"
                f"{' or one table of them' if names else ''}; {len(given)} given"
            )
        return to_columns(given, names)

    def numbers(self, name: str, given: Mapping[str, Any]) -> dict[int, float]:
        """Return the values of the constants that are given, by slot."""
        found: dict[int, float] = {}
        for keyword, value in given.items():
            slot = self._slots.get(keyword)
            if slot is None:
                raise ArgumentTypeError(
                    f"{self.signature(name)} has no keyword {keyword!r}; "
                    + (
                        f"its constants: {listed(self.constants)}"
                        if self.constants
                        else "it has no constants"
                    )
                )
            found[slot] = to_number(value, f"the constant {self.constants[slot]}")
        missing = [self.constants[slot] for slot in sorted(self.required - found.keys())]
        if missing:
            raise ArgumentTypeError(
                f"{self.signature(name)} needs the constant {listed(missing)}: pass "
                f"{missing[0]}=..., or give it a default in the definition"
            )
        return found

    def signature(self, name: str) -> str:
        """Return how a function is called, as text."""
        vectors: tuple[str, ...] = () if name == "bind" else _VECTORS.get(name, ("p",))
        arguments = [*vectors, *self.definition.data]
        if self.constants:
            arguments.append("*")
        for constant, default in self.definition.constants:
            arguments.append(constant if default is None else f"{constant}={default!r}")
        return f"{self.definition.name}.{name}({listed(arguments)})"
