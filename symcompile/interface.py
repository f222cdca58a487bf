"""What the functions of a definition are called with: checks and messages, no computing."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from symcompile.arguments import (
    Array,
    count,
    fitted,
    is_table,
    listed,
    require_whole,
    take_columns,
    to_array,
    to_columns,
    to_complex,
    to_number,
    to_vector,
)
from symcompile.autodiff.derive import NOT_HOLOMORPHIC, available
from symcompile.errors import ArgumentTypeError, ArgumentValueError, UnsupportedFunctionError
from symcompile.frontend.definition import Definition
from symcompile.frontend.roles import squeezed
from symcompile.ir.affine import Affine, lift
from symcompile.ir.dtypes import numpy_name
from symcompile.ir.graph import Output
from symcompile.sizes import Solver, check_length, dimension, shapes_of

_WIDE = {"f": np.float64, "c": np.complex128}
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
        self.functions = available(
            definition.scalar, len(definition.params), definition.differentiable
        )
        #: Of arguments; cotangents are of the kind of the value.
        self.dtype = np.dtype(definition.dtype)
        self.cotangent = np.dtype(numpy_name(definition.dtype, definition.output.kind))
        # In index notation float32 is rounded to, and computed with in doubles.
        self._widen = definition.indexed and definition.dtype == "float32"
        # The shape of an array, or the length of p, may say a size.
        self.required = frozenset(
            slot
            for slot, (name, default) in enumerate(definition.constants)
            if default is None and not (definition.indexed and name in definition.sizes)
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
        if not definition.differentiable:
            raise UnsupportedFunctionError(f"{definition.name}.{name}: {NOT_HOLOMORPHIC}")
        sizes = (["n"] if output.per_sample else []) + [str(size) for size in output.shape]
        shape = f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"
        remedy = "use jacobian, jvp or vjp"
        if output.per_sample:
            remedy += ', or reduce="mean" or "sum" in the definition'
        raise UnsupportedFunctionError(
            f"{definition.name}.{name} needs a scalar, and the value has shape {shape}: {remedy}"
        )

    def vectors(
        self,
        name: str,
        given: Sequence[Any],
        columns: Sequence[Array],
        numbers: Mapping[int, float] | None = None,
    ) -> tuple[Array, ...]:
        """Return what comes before the data: ``p``, and ``v`` or ``u``.

        Args:
            name: the function.
            given: the vectors.
            columns: the data, as :meth:`columns` returns them.
            numbers: the constants that are given, by slot.
        """
        labels = _VECTORS.get(name, ("p",))
        if self.definition.indexed:
            return self._over_arrays(labels, given, columns, numbers or {})
        return tuple(
            self._cotangent(value, columns)
            if label == "u"
            else to_vector(value, label, self.definition.params, self.dtype)
            for label, value in zip(labels, given, strict=True)
        )

    def _cotangent(self, value: Any, columns: Sequence[Array]) -> Array:
        output = self.definition.output
        rows = (len(columns[0]),) if output.per_sample else ()
        return self._shaped(value, (*rows, *shapes_of([output_shape(output)], {})[0]))

    def _over_arrays(
        self,
        labels: Sequence[str],
        given: Sequence[Any],
        arrays: Sequence[Array],
        numbers: Mapping[int, float],
    ) -> tuple[Array, ...]:
        definition = self.definition
        solver = self.solver(arrays, numbers)
        found = [self._array(given[0], "p").reshape(-1)]
        length = found[0].size
        solver.length(length)
        solver.finish()
        check_length(definition, solver.sizes, length)
        self.check_wholes(arrays, solver.sizes)
        for label, value in zip(labels[1:], given[1:], strict=True):
            if label == "v":
                vector = self._array(value, label).reshape(-1)
                if vector.size != length:
                    raise ArgumentValueError(
                        f"v has {count(vector.size, 'entry', 'entries')}; it is a direction in "
                        f"the space of p, which has {length}"
                    )
                found.append(vector)
            else:
                (shape,) = shapes_of([output_shape(definition.output)], solver.sizes)
                found.append(self._shaped(value, shape))
        return tuple(found)

    def _array(
        self, value: Any, name: str, dtype: np.dtype[Any] | None = None, *, strided: bool = False
    ) -> Array:
        array = to_array(value, name, strided=strided, dtype=dtype or self.dtype)
        return array.astype(_WIDE[array.dtype.kind]) if self._widen else array

    def _shaped(self, value: Any, shape: tuple[int, ...]) -> Array:
        """Return a cotangent, which is shaped like the value; of a number it may be a vector."""
        array = self._array(value, "u", self.cotangent)
        if array.shape not in (shape, shape or (1,)):
            raise ArgumentValueError(
                f"u has shape {array.shape}; it is shaped like the value, {shape}"
            )
        return array.reshape(shape or (1,))

    def solver(self, arrays: Sequence[Array], numbers: Mapping[int, float]) -> Solver:
        """Return what the data and the constants say about sizes.

        Raises:
            ArgumentValueError: shapes that disagree.
        """
        definition = self.definition
        known = {self.constants[slot]: value for slot, value in numbers.items()}
        for name, default in definition.constants:
            if default is not None:
                known.setdefault(name, default)
        solver = Solver(definition, known if definition.indexed else {})
        shapes = [
            fitted(array, name, shape).shape
            for array, name, shape in zip(
                arrays, definition.data, definition.data_shapes, strict=True
            )
        ]
        solver.arrays(definition.data, definition.data_shapes, shapes)
        return solver

    def check_wholes(self, arrays: Sequence[Array], sizes: Mapping[str, int]) -> None:
        """Check data that is used as an index, as far as its range is known.

        Raises:
            ArgumentValueError: names the first entry that is out of range.
        """
        for whole in self.definition.wholes:
            low, high = (
                bound.evaluate(sizes) if all(name in sizes for name in bound.sizes) else None
                for bound in (whole.low, whole.high)
            )
            where = ", ".join(
                f"{name} = {sizes[name]}"
                for name in dict.fromkeys((*whole.low.sizes, *whole.high.sizes))
                if name in sizes
            )
            require_whole(arrays[whole.slot], self.definition.data[whole.slot], low, high, where)

    def columns(self, name: str, given: Sequence[Any]) -> tuple[Array, ...]:
        """Return the data columns, given one by one or as one table.

        Those of a definition in index notation are arrays of any strides, without the dimensions
        whose size is 1 by declaration.
        """
        definition = self.definition
        names = definition.data
        if len(given) == 1 and names and self._is_table(given[0]):
            given = take_columns(given[0], names)
        if len(given) != len(names):
            noun = "array" if definition.indexed else "column"
            raise ArgumentTypeError(
                f"{self.signature(name)} takes {count(len(names), f'data {noun}')}"
                f"{' or one table of them' if names else ''}; {len(given)} given"
            )
        if not definition.indexed:
            return to_columns(given, names, self.dtype)
        found = []
        for value, label, shape in zip(given, names, definition.data_shapes, strict=True):
            array = fitted(self._array(value, label, strided=True), label, shape)
            ones = [k for k, size in enumerate(shape) if size.number == 1]
            for k in ones:
                if array.shape[k] != 1:
                    length = dimension(k, array.ndim, array.shape[k])
                    raise ArgumentValueError(f"{label} has {length}, but it takes 1")
            found.append(array.squeeze(tuple(ones)) if ones else array)
        return tuple(found)

    def _is_table(self, value: Any) -> bool:
        if not self.definition.indexed:
            return is_table(value)
        flat = all(len(squeezed(shape)) == 1 for shape in self.definition.data_shapes)
        return is_table(value) and (flat or isinstance(value, Mapping))

    def numbers(self, name: str, given: Mapping[str, Any]) -> dict[int, float]:
        """Return the values of the constants that are given, by slot."""
        found: dict[int, float] = {}
        for keyword, value in given.items():
            slot = self._slots.get(keyword)
            if slot is None:
                raise ArgumentTypeError(
                    f"{self.signature(name)} has no keyword {keyword!r}; {self._keywords(keyword)}"
                )
            what = f"the constant {self.constants[slot]}"
            if self.definition.indexed and self.constants[slot] in self.definition.sizes:
                number = to_number(value, what)
                found[slot] = int(number) if number.is_integer() else number
            elif self.dtype.kind == "c":
                found[slot] = to_complex(value, what)  # type: ignore[assignment]
            else:
                found[slot] = to_number(value, what)
        missing = [self.constants[slot] for slot in sorted(self.required - found.keys())]
        if missing:
            raise ArgumentTypeError(
                f"{self.signature(name)} needs the constant {listed(missing)}: pass "
                f"{missing[0]}=..., or give it a default in the definition"
            )
        return found

    def _keywords(self, keyword: str) -> str:
        """Return what may be passed by keyword instead of ``keyword``."""
        if self.definition.indexed and keyword in self.definition.sizes:
            return f"{keyword} is a size, which the shapes of the arrays say"
        if self.constants:
            return f"its constants: {listed(self.constants)}"
        return "it has no constants"

    def signature(self, name: str) -> str:
        """Return how a function is called, as text."""
        vectors: tuple[str, ...] = () if name == "bind" else _VECTORS.get(name, ("p",))
        arguments = [*vectors, *self.definition.data]
        if self.constants:
            arguments.append("*")
        for constant, default in self.definition.constants:
            arguments.append(constant if default is None else f"{constant}={default!r}")
        return f"{self.definition.name}.{name}({listed(arguments)})"


def output_shape(output: Output) -> tuple[Affine, ...]:
    """Return the shape of a value, without the sample axis."""
    return tuple(lift(size) for size in output.shape)
