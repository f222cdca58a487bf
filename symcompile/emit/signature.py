"""What a generated function is called with, and what its documentation says."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from symcompile.emit.lines import WIDTH, number_text
from symcompile.frontend.definition import Definition
from symcompile.frontend.raising import formula_lines
from symcompile.frontend.roles import Shape
from symcompile.ir.affine import Affine, total
from symcompile.ir.dtypes import numpy_name
from symcompile.ir.graph import (
    Function,
    Kind,
    Output,
    operation_count,
    payload,
    tree_count,
)
from symcompile.ir.ops import WORDS
from symcompile.naming import Names

_SUMMARIES = {
    "value": "Return the value: {shape}.",
    "grad": "Return the gradient: {shape}.",
    "value_and_grad": "Return the value and the gradient: {shape}.",
    "hessian": "Return the Hessian: {shape}.",
    "hvp": "Return the Hessian times v: {shape}.",
    "jacobian": "Return the Jacobian: {shape}.",
    "jvp": "Return the Jacobian times v, shaped like the value: {shape}.",
    "vjp": "Return u, shaped like the value, times the Jacobian: {shape}.",
    "derived": "Return what depends on the data alone: {shape}.",
}

_LONGEST_FORMULA_LINE = 400


@dataclass(frozen=True)
class Identifiers:
    """The safe identifiers of a definition's symbols, the same in every backend.

    Attributes:
        params: of the parameters, numbers or arrays.
        data: of the data.
        constants: of the constants; that of a size is the same as in ``sizes``.
        sizes: of ``definition.sizes``, in order; of definitions in index notation only.
        known_sizes: the identifier of each size by its name, as affine functions use it.
    """

    params: tuple[str, ...]
    data: tuple[str, ...]
    constants: tuple[str, ...]
    sizes: tuple[str, ...] = ()
    known_sizes: Mapping[str, str] = field(default_factory=dict)

    def all(self) -> tuple[str, ...]:
        """Return all of them, each once."""
        names = self.params + self.data + self.constants + self.sizes
        return tuple(dict.fromkeys(names))


def identifiers(definition: Definition) -> Identifiers:
    """Return the identifiers for a definition."""
    # The functions of a module, and what Cython calls those in C.
    functions = [*_SUMMARIES, "moments"]
    own = [*functions, *(f"{definition.name}_{function}" for function in functions)]
    names = Names([definition.name, *own], WORDS)
    params = tuple(names.fresh(name) for name in definition.params)
    data = tuple(names.fresh(name) for name in definition.data)
    sizes: dict[str, str] = {}
    if definition.indexed:
        for size in definition.sizes:
            # A letter is kept as it is, that headers and code say the same.
            plain = re.fullmatch("[A-Za-z]", size) and size not in ("p", "u", "v", "c")
            sizes[size] = names.reserve(size) if plain else names.fresh(size)
    constants = tuple(sizes.get(name) or names.fresh(name) for name, _ in definition.constants)
    return Identifiers(params, data, constants, tuple(sizes.values()), sizes)


@dataclass(frozen=True)
class Signature:
    """One generated function.

    Attributes:
        name: what it is called.
        vector: ``"v"``, ``"u"`` or ``""``: what stands between the parameters and the data.
        arguments: the argument list, as Python writes it.
        summary: the first line of its docstring.
        operations: how many operations it does: per call, or per sample where it loops.
    """

    name: str
    vector: str
    arguments: str
    summary: str
    operations: int


def signature(definition: Definition, names: Identifiers, function: Function) -> Signature:
    """Return how a function is called and documented."""
    vector = {"hvp": "v", "jvp": "v", "vjp": "u"}.get(function.name, "")
    positional = ["p", *([vector] if vector else []), *names.data]
    keywords = [
        # Sizes may follow from the length of p.
        name if default is None and name not in names.sizes else f"{name}={number_text(default)}"
        for name, (_, default) in zip(names.constants, definition.constants, strict=True)
    ]
    arguments = ", ".join(positional + (["*", *keywords] if keywords else []))
    return Signature(
        name=function.name,
        vector=vector,
        arguments=arguments,
        summary=summary_of(function, names),
        operations=operation_count(function.graph, function.roots()),
    )


def summary_of(function: Function, names: Identifiers) -> str:
    """Return the first line of a function's documentation."""
    shape = " and ".join(describe_shape(output, names.known_sizes) for output in function.outputs)
    return _SUMMARIES[function.name].format(shape=shape)


def vectors(names: Identifiers, function: str) -> list[str]:
    """Return the arguments of a compiled core that are flat arrays of numbers, not data.

    >>> vectors(Identifiers(("a",), (), ("k",)), "jvp")
    ['p', 'v', 'c']
    """
    found = ["p"] if names.params else []
    found += {"hvp": ["v"], "jvp": ["v"], "vjp": ["u"]}.get(function, [])
    return found + (["c"] if names.constants else [])


def describe_shape(output: Output, sizes: Mapping[str, str]) -> str:
    """Return the shape of an output in words; ``sizes`` holds the identifiers of sizes."""
    shape: tuple[object, ...] = (("n",) if output.per_sample else ()) + output.shape
    if output.dims is not None and output.name not in ("value", "jvp"):
        shape = _lengths(output, sizes)
    if not shape:
        return "a complex number" if output.kind is Kind.COMPLEX else "a float"
    inner = ", ".join(_size_text(s, sizes) if isinstance(s, Affine) else str(s) for s in shape)
    return f"shape ({inner},)" if len(shape) == 1 else f"shape ({inner})"


def _size_text(size: Affine, names: Mapping[str, str]) -> str:
    return size.text(lambda name: names.get(str(name), "?"))


def _lengths(output: Output, sizes: Mapping[str, str]) -> tuple[str, ...]:
    """Return the length of each dimension of an output, in sizes; rows are counted together."""
    found = []
    for segments in output.layout:
        plain = total(s[0].extent if s else Affine(1) for s in segments if len(s) < 2)
        products = [[_size_text(axis.extent, sizes) for axis in s] for s in segments if len(s) > 1]
        texts = ["*".join(f"({t})" if " " in t else t for t in product) for product in products]
        rest = [_size_text(plain, sizes)] if plain != Affine(0) or not texts else []
        found.append(" + ".join([*texts, *rest]))
    rows = [f"({text})" if " " in text and len(found) > 2 else text for text in found[:-1]]
    return ("*".join(rows), found[-1]) if rows else (found[-1],)


@dataclass(frozen=True)
class Header:
    """What the head of a generated module says."""

    name: str
    formula: tuple[str, ...]
    lines: tuple[str, ...]


def header(
    definition: Definition, names: Identifiers, functions: Sequence[Function], needs: str
) -> Header:
    """Return the text of a module's docstring, line by line."""
    written = tree_count(definition.ir, definition.output.entries)
    distinct = operation_count(definition.ir, definition.output.entries)
    params = listed(definition.params, names.params, definition.param_shapes, names.known_sizes)
    lines = [f"Parameters p: {params}."]
    if definition.data:
        kind = "Data" if definition.indexed else "Data, one value per sample each"
        shapes = definition.data_shapes if definition.indexed else ()
        inputs = listed(definition.data, names.data, shapes, names.known_sizes)
        lines.append(f"{kind}: {inputs}.")
    if definition.constants:
        constants = listed([name for name, _ in definition.constants], names.constants)
        lines.append(f"Constants, by keyword: {constants}.")
    counts = ", ".join(f"{f.name} {operation_count(f.graph, f.roots())}" for f in functions)
    numbers = _numbers(definition)
    if numbers:
        lines.append(numbers)
    lines.append(f"Operations: {_amount(written)} as written, {distinct} distinct; {counts}.")
    lines.append(f"Imports {needs}.")
    formula = [
        part
        for line in formula_lines(definition, limit=_LONGEST_FORMULA_LINE)
        for part in textwrap.wrap(_harmless(line), WIDTH - 4, subsequent_indent="    ")
    ]
    wrapped = [part for line in lines for part in textwrap.wrap(line, WIDTH)]
    return Header(definition.name, tuple(formula), tuple(wrapped))


def imported(engine: str, *, special: bool, integrates: bool) -> str:
    """Return what a module imports, for its header.

    >>> imported("NumPy", special=True, integrates=False)
    "NumPy and SciPy's special functions"
    """
    parts = engine.split(" and ")
    parts += ["SciPy's special functions"] if special else []
    parts += ["SciPy's quadrature"] if integrates else []
    if len(parts) == 1:
        return f"{parts[0]} only"
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def _numbers(definition: Definition) -> str:
    """Return what numbers a module takes and returns; nothing where all are doubles."""
    dtype, value = definition.dtype, definition.output.kind
    result = numpy_name(dtype, value)
    if dtype == "float32":
        inside = ", computed in float64" if definition.indexed else ""
        given = f"Numbers are float32{inside}"
    elif dtype == "complex128":
        given = "Numbers are complex128"
    else:
        given = "" if value is not Kind.COMPLEX else "Numbers are float64"
    if not given:
        return ""
    return f"{given}." if result == dtype else f"{given}; the value is {result}."


def _amount(count: int) -> str:
    """Return a count; written out, a nested formula can have hundreds of digits of operations."""
    if count < 10**9:
        return str(count)
    return f"about 10^{round(count.bit_length() * math.log10(2))}"


def _harmless(line: str) -> str:
    """Return a line that can stand in a docstring, whatever the symbols in it are called."""
    return "".join(c if c.isprintable() and c not in '"\\' else "?" for c in line)


def listed(
    symbols: Sequence[str],
    names: Sequence[str],
    shapes: Sequence[Shape] = (),
    sizes: Mapping[str, str] | None = None,
) -> str:
    """Return symbols as generated code calls them, and their number."""
    shown = [
        name if symbol == name else f"{name} ({_plain(symbol)})"
        for symbol, name in zip(symbols, names, strict=True)
    ]
    for k, shape in enumerate(shapes):
        if shape:
            inner = ", ".join(_size_text(size, sizes or {}) for size in shape)
            shown[k] = f"{names[k]}[{inner}]{shown[k].removeprefix(names[k])}"
    if len(shown) > 12:
        shown = [*shown[:10], "...", shown[-1]]
    return f"{', '.join(shown)} ({len(symbols)})" if shown else "none"


def _plain(symbol: str) -> str:
    """Return a symbol's name for a comment."""
    return _harmless(symbol)[:30]


def known_inputs(function: Function, names: Identifiers, element: str = "{name}") -> dict[int, str]:
    """Return the text of each input of a function; an array has its name.

    ``element`` formats what has the sample axis: ``"{name}[i]"`` inside a loop. Directions are
    called ``v0``, ``v1`` ..., cotangents ``u0``, ``u1`` ..., whether they are numbers or arrays.
    """
    known: dict[int, str] = {}
    columns = {"param": names.params, "data": names.data, "constant": names.constants}
    for index, node in enumerate(function.graph.nodes):
        if node.op == "extent" and not names.sizes:
            known[index] = "count"
        if node.op != "input":
            continue
        role, slot = payload(node)
        if role == "direction":
            name = f"v{slot}"
        elif role == "cotangent":
            name = f"u{slot}"
        else:
            name = columns[role][slot]
        known[index] = element.format(name=name) if node.axes else name
    return known


def used_slots(function: Function, role: str) -> list[int]:
    """Return which entries of an argument a function reads."""
    inputs = [payload(node) for node in function.graph.nodes if node.op == "input"]
    return sorted(found.slot for found in inputs if found.role == role)
