"""Shapes of results, and how the values of nodes are laid out in them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symcompile.frontend.definition import Definition
from symcompile.frontend.roles import Shape, squeezed
from symcompile.ir.affine import Affine
from symcompile.ir.dtypes import input_kind, numpy_name
from symcompile.ir.graph import Output
from symcompile.ir.interpreter import lengths

Sizes = Mapping[str, int]
Extents = tuple[int, ...]


def value_shape(definition: Definition, sizes: Sizes) -> Extents:
    """Return the shape of the value, samples first.

    Example:
        >>> import sympy as sp
        >>> from symcompile.frontend.definition import define
        >>> w, x = sp.symbols("w x")
        >>> value_shape(define("f", [w*x, w + x], params=w, data=x), {"n": 7})
        (7, 2)
    """
    output = definition.output
    front = [sizes["n"]] if output.per_sample else []
    return (*front, *(number(size, sizes) for size in output.shape))


def number(value: Affine | int, sizes: Sizes) -> int:
    """Return a size as a number.

    >>> number(Affine.of("n") - 1, {"n": 4})
    3
    """
    return value.evaluate(sizes) if isinstance(value, Affine) else value


def expected_shapes(definition: Definition, function: str, sizes: Sizes) -> tuple[Extents, ...]:
    """Return the shape of each array that a function returns.

    Example:
        >>> import sympy as sp
        >>> from symcompile.frontend.definition import define
        >>> w, x = sp.symbols("w x")
        >>> expected_shapes(define("f", [w*x, w + x], params=w, data=x), "jacobian", {"n": 7})
        ((7, 2, 1),)
    """
    size = sum(math.prod(shape) for shape in param_extents(definition, sizes))
    value = value_shape(definition, sizes)
    return {
        "value": (value,),
        "jvp": (value,),
        "jacobian": ((*jacobian_rows(definition.output, value), size),),
        "hessian": ((size, size),),
        "value_and_grad": ((), (size,)),
    }.get(function, ((size,),))


def expected_dtypes(definition: Definition, function: str) -> tuple[str, ...]:
    """Return the dtype of each array that a function returns.

    Example:
        >>> import sympy as sp
        >>> from symcompile.frontend.definition import define
        >>> x = sp.Symbol("x", real=True)
        >>> expected_dtypes(define("f", sp.exp(sp.I*x), params=x, dtype="float32"), "grad")
        ('complex64',)
    """
    params = input_kind(definition.dtype)
    value = definition.output.kind
    slope = numpy_name(definition.dtype, max(value, params))
    return {
        "value": (numpy_name(definition.dtype, value),),
        "value_and_grad": (numpy_name(definition.dtype, value), slope),
    }.get(function, (slope,))


def jacobian_rows(output: Output, value: Extents) -> Extents:
    """Return the shape of a Jacobian without the parameters, for a value of shape ``value``."""
    front = 1 if output.per_sample else 0
    return value[:front] + ((math.prod(value[front:]),) if output.shape else ())


def param_extents(definition: Definition, sizes: Sizes) -> tuple[Extents, ...]:
    """Return the shape of each parameter, without dimensions of size 1."""
    return tuple(lengths(squeezed(shape), sizes) for shape in _param_shapes(definition))


def assemble(output: Output, values: Sequence[Any], sizes: Sizes) -> NDArray[Any]:
    """Return the array that the values of an output's entries make, one axis a dimension."""
    dims = [[math.prod(lengths(part, sizes)) for part in row] for row in output.layout]
    found = np.empty([sum(row) for row in dims], dtype=object)
    choices = itertools.product(*[range(len(row)) for row in dims])
    for choice, value in zip(choices, values, strict=True):
        place = tuple(
            slice(sum(row[:k]), sum(row[: k + 1])) for row, k in zip(dims, choice, strict=True)
        )
        shape = [row[k] for row, k in zip(dims, choice, strict=True)]
        found[place] = value.reshape(shape) if isinstance(value, np.ndarray) else value
    return found


def total_length(definition: Definition, sizes: Sizes) -> int:
    """Return how many parameters there are, packed."""
    return sum(math.prod(shape) for shape in param_extents(definition, sizes))


def _param_shapes(definition: Definition) -> tuple[Shape, ...]:
    return definition.param_shapes or ((),) * len(definition.params)
