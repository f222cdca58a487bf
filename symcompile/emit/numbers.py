"""How generated modules say what numbers they take and return.

A module of doubles says nothing about it, since that is what NumPy does by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from symcompile.frontend.definition import Definition
from symcompile.ir.dtypes import DType, is_single, numpy_name
from symcompile.ir.graph import Kind, Output


@dataclass(frozen=True)
class Numbers:
    """The numbers of one module.

    Attributes:
        dtype: what is computed with.
        given: what is taken and returned. In index notation float32 is an interface: what is
            inside runs in doubles.
        mixed: whether real arguments may have complex results.
    """

    dtype: DType
    given: DType
    mixed: bool = False

    @property
    def plain(self) -> bool:
        """Whether all are doubles."""
        return self.given == "float64" and not self.mixed

    @property
    def real(self) -> str:
        """The NumPy type of a real argument."""
        return numpy_name(self.dtype, Kind.REAL)

    @property
    def complex(self) -> str:
        """The NumPy type of a complex argument."""
        return numpy_name(self.dtype, Kind.COMPLEX)

    @property
    def arguments_complex(self) -> bool:
        """Whether arguments are complex."""
        return self.given == "complex128"

    @property
    def convert(self) -> str:
        """The function of a module that converts its arguments."""
        return "_complex" if self.arguments_complex else "_real"

    @property
    def argument(self) -> str:
        """The NumPy type of arguments."""
        return self.complex if self.arguments_complex else self.real

    def cotangent(self, output: Output) -> str:
        """Return what tells the conversion of ``u`` that it is no argument like the others."""
        differs = output.kind is Kind.COMPLEX and not self.arguments_complex
        return ", _complex" if differs else ""

    def inner(self, kind: Kind) -> str:
        """Return the NumPy type of numbers that are computed with."""
        return numpy_name(self.dtype, kind)

    def made(self, kind: Kind) -> str:
        """Return the argument that makes a new array hold numbers of a kind, with a comma."""
        name = self.inner(kind)
        return "" if name == "float64" else f", dtype=np.{name}"

    def returned(self, kind: Kind) -> str:
        """Return the NumPy type of a result."""
        return numpy_name(self.given, kind)

    def narrowed(self, kind: Kind) -> str:
        """Return what rounds an array of results that was computed in doubles."""
        return "" if self.given == self.dtype else f".astype(np.{self.returned(kind)})"

    def number(self, text: str, kind: Kind) -> str:
        """Return one result as a number of Python's."""
        if kind is Kind.COMPLEX:
            text = f"np.complex64({text})" if is_single(self.given) else text
            return f"complex({text})"
        if is_single(self.given):
            text = f"np.float32({text})"
        return f"float({text})"


def numbers_of(definition: Definition) -> Numbers:
    """Return what numbers the module of a definition has."""
    given = definition.dtype
    dtype: DType = "float64" if definition.indexed and is_single(given) else given
    mixed = definition.output.kind is Kind.COMPLEX and given != "complex128"
    return Numbers(dtype, given, mixed)


def made(kind: Kind) -> str:
    """Return the argument that makes an array of doubles to work in hold numbers of a kind."""
    return ", dtype=np.complex128" if kind is Kind.COMPLEX else ""
