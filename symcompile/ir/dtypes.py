"""The numbers a definition computes with: what its inputs are, and how precise.

A dtype is chosen once, in the definition. The kind of a node says whether its values are real or
complex, the dtype of the definition how precise they are: a complex number in a float32 definition
is a complex64.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from symcompile.ir.graph import Kind

DType: TypeAlias = Literal["float64", "float32", "complex128"]

DTYPES: tuple[DType, ...] = ("float64", "float32", "complex128")


def input_kind(dtype: DType) -> Kind:
    """Return what the arguments of a definition are."""
    return Kind.COMPLEX if dtype == "complex128" else Kind.REAL


def is_single(dtype: DType) -> bool:
    """Return whether numbers have 24 bits, not 53."""
    return dtype == "float32"


def real_name(dtype: DType) -> str:
    """Return the NumPy dtype of a definition's real numbers.

    >>> real_name("complex128"), real_name("float32")
    ('float64', 'float32')
    """
    return "float32" if is_single(dtype) else "float64"


def numpy_name(dtype: DType, kind: Kind) -> str:
    """Return the NumPy dtype of numbers of some kind.

    >>> numpy_name("float64", Kind.COMPLEX), numpy_name("float32", Kind.COMPLEX)
    ('complex128', 'complex64')
    """
    if kind is Kind.COMPLEX:
        return "complex64" if is_single(dtype) else "complex128"
    return real_name(dtype)
