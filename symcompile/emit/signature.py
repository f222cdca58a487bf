"""What a generated function is called with, and what its documentation says."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from symcompile.emit.lines import WIDTH, number_text
from symcompile.frontend.definition import Definition
from symcompile.frontend.raising import formula_lines
from symcompile.ir.graph import Function, Output, operation_count, payload, tree_count
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
}

_LONGEST_FORMULA_LINE = 400


@dataclass(frozen=True)
class Identifiers:
    """The safe identifiers of a definition's symbols, the same in every backend."""

    params: tuple[str, ...]
    data: tuple[str, ...]
    constants: tuple[str, ...]

    def all(self) -> tuple[str, ...]:
        """Return all of them."""
        return self.params + self.data + self.constants


def identifiers(definition: Definition) -> Identifiers:
    """Return the identifiers for a definition."""
    names = Names()
    return Identifiers(
        tuple(names.fresh(name) for name in definition.params),
        tuple(names.fresh(name) for name in definition.data),
        tuple(names.fresh(name) for name, _ in definition.constants),
    )


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
        name if default is None else f"{name}={number_text(default)}"
        for name, (_, default) in zip(names.constants, definition.constants, strict=True)
    ]
    arguments = ", ".join(positional + (["*", *keywords] if keywords else []))
    shape = " and ".join(describe_shape(output) for output in function.outputs)
    return Signature(
        name=function.name,
        vector=vector,
        arguments=arguments,
        summary=_SUMMARIES[function.name].format(shape=shape),
        operations=operation_count(function.graph, function.roots()),
    )


def describe_shape(output: Output) -> str:
    """Return the shape of an output in words."""
    shape = (("n",) if output.per_sample else ()) + output.shape
    if not shape:
        return "a float"
    inner = ", ".join(str(size) for size in shape)
    return f"shape ({inner},)" if len(shape) == 1 else f"shape ({inner})"


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
    written = tree_count(definition.graph, definition.output.entries)
    distinct = operation_count(definition.graph, definition.output.entries)
    lines = [f"Parameters p: {_listed(definition.params, names.params)}."]
    if definition.data:
        columns = _listed(definition.data, names.data)
        lines.append(f"Data, one value per sample each: {columns}.")
    if definition.constants:
        constants = _listed([name for name, _ in definition.constants], names.constants)
        lines.append(f"Constants, by keyword: {constants}.")
    counts = ", ".join(f"{f.name} {operation_count(f.graph, f.roots())}" for f in functions)
    lines.append(f"Operations: {_amount(written)} as written, {distinct} distinct; {counts}.")
    lines.append(f"Imports {needs}.")
    formula = [
        part
        for line in formula_lines(definition, limit=_LONGEST_FORMULA_LINE)
        for part in textwrap.wrap(_harmless(line), WIDTH - 4, subsequent_indent="    ")
    ]
    wrapped = [part for line in lines for part in textwrap.wrap(line, WIDTH)]
    return Header(definition.name, tuple(formula), tuple(wrapped))


def _amount(count: int) -> str:
    """Return a count; written out, a nested formula can have hundreds of digits of operations."""
    if count < 10**9:
        return str(count)
    return f"about 10^{round(count.bit_length() * math.log10(2))}"


def _harmless(line: str) -> str:
    """Return a line that can stand in a docstring, whatever the symbols in it are called."""
    return "".join(c if c.isprintable() and c not in '"\\' else "?" for c in line)


def _listed(symbols: Sequence[str], names: Sequence[str]) -> str:
    shown = [
        name if symbol == name else f"{name} ({_plain(symbol)})"
        for symbol, name in zip(symbols, names, strict=True)
    ]
    if len(shown) > 12:
        shown = [*shown[:10], "...", shown[-1]]
    return f"{', '.join(shown)} ({len(symbols)})" if shown else "none"


def _plain(symbol: str) -> str:
    """Return a symbol's name for a comment."""
    return _harmless(symbol)[:30]


def known_inputs(function: Function, names: Identifiers, element: str = "{name}") -> dict[int, str]:
    """Return the text of each input of a function.

    ``element`` formats what has the sample axis: ``"{name}[i]"`` inside a loop.
    """
    known: dict[int, str] = {}
    columns = {"param": names.params, "data": names.data, "constant": names.constants}
    for index, node in enumerate(function.graph.nodes):
        if node.op == "extent":
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
