"""Results of elementwise functions as their templates take them, and how calls nest, for C."""

from __future__ import annotations

from dataclasses import dataclass

from symcompile.frontend.calls import Mirror, Place

#: The C types of results in memory, where Python's differ from C's.
C_TYPES = {
    "bool": "npy_bool",
    "float64": "double",
    "float32": "float",
    "complex128": "sc_complex",
    "complex64": "float _Complex",
}
NUMPY_TYPES = {
    "bool": "NPY_BOOL",
    "float64": "NPY_DOUBLE",
    "float32": "NPY_FLOAT",
    "complex128": "NPY_CDOUBLE",
    "complex64": "NPY_CFLOAT",
}


@dataclass(frozen=True)
class Slot:
    """A result as templates take it.

    Attributes:
        dtype: its NumPy dtype.
        shape: the shape of one point.
        start: the number of its first entry.
        size: how many entries it has.
        c_type: the C type of its entries in memory.
        type_number: NumPy's name for it in C.
        kind: ``"bool"``, ``"float"`` or ``"complex"``: what Python calls a number of it.
        mixed: whether the scalar core returns it as a complex number.
    """

    dtype: str
    shape: tuple[int, ...]
    start: int
    size: int
    c_type: str
    type_number: str
    kind: str
    mixed: bool

    def from_value(self, text: str) -> str:
        """Return an entry of what the C core returns as the type that it has in memory."""
        if self.kind == "bool":
            return f"{text} != 0.0"
        return f"creal({text})" if self.mixed and self.kind == "float" else text


def nest_text(place: Place) -> str:
    """Return how arguments nest, as the C glue reads it: ``x`` is one, brackets are a nest."""
    return "x" if isinstance(place, int) else f"[{''.join(map(nest_text, place))}]"


def build_format(mirror: Mirror) -> str:
    """Return the nest of results as ``Py_BuildValue`` takes it."""
    if isinstance(mirror, int):
        return "N"
    inner = "".join(map(build_format, mirror.items))
    return f"[{inner}]" if mirror.kind == "list" else f"({inner})"
