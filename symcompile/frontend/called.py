"""``lambdify``'s formula as a definition: numbers in, numbers out, and how a call shapes them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp

from symcompile.errors import DefinitionError
from symcompile.frontend.calls import (
    Argument,
    Arguments,
    Given,
    Mirror,
    Result,
    containers,
    parse_arguments,
)
from symcompile.frontend.complexes import leaves_reals
from symcompile.frontend.definition import Definition
from symcompile.frontend.entries import EntryLowering, is_array
from symcompile.ir.dtypes import DType, input_kind
from symcompile.ir.graph import Graph, Kind, Output
from symcompile.ir.parts import output_kind


@dataclass(frozen=True)
class Called:
    """A formula and how it is called.

    Attributes:
        definition: over numbers: each entry of each argument is a parameter.
        arguments: what a call passes.
        results: the numbers and arrays that it returns.
        inputs: of each input, whether it is real or complex.
        kinds: of each result, what its numbers are.
        mirror: the containers that they are returned in.
    """

    definition: Definition
    arguments: Arguments
    inputs: tuple[Kind, ...]
    results: tuple[Result, ...]
    kinds: tuple[Kind, ...]
    mirror: Mirror


class Formula:
    """What ``lambdify`` was given: it is lowered once for each dtype.

    Args:
        args: symbols, nested in lists and tuples.
        expr: the formula: expressions, matrices and arrays in lists, tuples and dicts.
        stable: whether numerically stable forms take the place of unstable ones.

    Attributes:
        arguments: what a call passes.
        given: what SymPy calls each argument.

    Raises:
        DefinitionError: arguments or containers that make no sense.
        NeedsArraysError: it needs loops over sizes that only a call knows.
    """

    def __init__(self, args: Any, expr: Any, stable: bool = True) -> None:
        self.stable = stable
        self.arguments, self.given = parse_arguments(args)
        self.leaves: list[Any] = []
        self.mirror = containers(parsed(expr, symbols_in(self.given)), self._leaf)

    def _leaf(self, expr: Any) -> int:
        if not is_array(expr):
            try:
                expr = sp.sympify(expr, strict=True)  # text would be evaluated
            except (sp.SympifyError, TypeError) as error:
                raise DefinitionError(f"lambdify: {expr!r} is not a SymPy expression") from error
        self.leaves.append(expr)
        return len(self.leaves) - 1

    def lower(
        self,
        dtype: DType = "float64",
        real: Collection[int] = (),
        ranks: Mapping[int, int] | None = None,
    ) -> Called:
        """Return the formula over numbers of some dtype.

        Args:
            dtype: what is computed with.
            real: the arguments that are real even so.
            ranks: of each matrix that is called with an array of fewer dimensions, how many.

        Raises:
            LoweringError: a subexpression that cannot be compiled.
            NeedsArraysError: it needs loops over sizes that only a call knows.
        """
        arguments = _with_ranks(self.arguments, ranks or {})
        graph = Graph()
        inputs: dict[Any, int] = {}
        arrays: dict[Any, Any] = {}
        input_kinds: list[Kind] = []
        for number, (item, given) in enumerate(zip(arguments.items, self.given, strict=True)):
            kind = Kind.REAL if number in real else input_kind(dtype)
            input_kinds += [kind] * item.size
            nodes = [graph.input("param", item.start + k, (), kind) for k in range(item.size)]
            if given.shape or given.matrix:
                entries = np.empty(len(nodes), dtype=object)
                entries[:] = nodes
                arrays[given.symbol] = entries.reshape(item.shape)
            else:
                inputs[given.symbol] = nodes[0]
        leaving = Kind.REAL in (*input_kinds, input_kind(dtype)) and leaves_reals(self.leaves)
        lowering = EntryLowering(graph, inputs, arrays, leaving)
        entries_: list[int] = []
        results: list[Result] = []
        kinds: list[Kind] = []
        for expr in self.leaves:
            if is_array(expr):
                found = lowering.entries(expr)
                shape, nodes = found.shape, found.reshape(-1).tolist()
            else:
                shape, nodes = (), [lowering.lower(expr)]
            results.append(Result(len(entries_), shape))
            kinds.append(_kind(graph, nodes))
            entries_ += nodes
        if dtype == "complex128" or Kind.COMPLEX in kinds:
            kinds = [
                Kind.COMPLEX if kind is Kind.REAL and _constant(graph, entries_, result) else kind
                for kind, result in zip(kinds, results, strict=True)
            ]
        # A function of nothing still is one.
        rows = tuple(entries_) or (graph.constant(0),)
        single = self.mirror == 0 and results[0].shape == ()
        shape = results[0].shape if self.mirror == 0 and entries_ else (len(rows),)
        output = Output("value", rows, () if single else shape, False)
        names = [
            item.name if not item.shape else f"{item.name}_{k}"
            for item in arguments.items
            for k in range(item.size)
        ]
        definition = Definition(
            name="function",
            params=tuple(names),
            data=(),
            constants=(),
            reduce=None,
            ir=graph,
            output=replace(output, kind=output_kind(graph, output)),
            stable=self.stable,
            dtype=dtype,
        )
        return Called(
            definition, arguments, tuple(input_kinds), tuple(results), tuple(kinds), self.mirror
        )


def _kind(graph: Graph, nodes: Sequence[int]) -> Kind:
    kind = max((graph[node].kind for node in nodes), default=Kind.REAL)
    return Kind.REAL if kind is Kind.INTEGER else kind


def _constant(graph: Graph, entries: Sequence[int], result: Result) -> bool:
    """Return whether a result depends on no argument: it has the dtype of the others then."""
    own = entries[result.start : result.start + result.size]
    return not any(graph[node].op == "input" for node in graph.ancestors(own))


def _with_ranks(arguments: Arguments, ranks: Mapping[int, int]) -> Arguments:
    """Return the arguments with fewer dimensions for some of the matrices."""
    if not ranks:
        return arguments
    items: list[Argument] = []
    start = 0
    for number, item in enumerate(arguments.items):
        rank = ranks.get(number)
        shape = item.shape
        if rank is not None:
            shape = (item.size,) if rank else ()
        items.append(replace(item, shape=shape, start=start))
        start += items[-1].size
    return replace(arguments, items=tuple(items))


def symbols_in(given: list[Given]) -> dict[str, Any]:
    """Return the arguments by name, for text."""
    return {str(one.symbol): one.symbol for one in given if isinstance(one.symbol, sp.Symbol)}


def parsed(expr: Any, symbols: Mapping[str, Any]) -> Any:
    """Return an expression with text in it read by :func:`symcompile.parse`."""
    if isinstance(expr, str):
        return _read(expr.strip(), symbols)
    if isinstance(expr, list):
        return [parsed(item, symbols) for item in expr]
    if isinstance(expr, tuple) and type(expr) is tuple:
        return tuple(parsed(item, symbols) for item in expr)
    if isinstance(expr, dict):
        return {key: parsed(value, symbols) for key, value in expr.items()}
    return expr


def _read(text: str, symbols: Mapping[str, Any]) -> Any:
    """Return what text says: a formula, or a list or tuple of them."""
    from symcompile.frontend.parse import parse

    parts = _parts(text)
    bracketed = text[:1] in ("[", "(") and _closes_last(text)
    inner = _parts(text[1:-1]) if bracketed else []
    if bracketed and text[0] == "[":
        return [_read(part.strip(), symbols) for part in inner if part.strip()]
    parts = inner if len(inner) > 1 else parts
    if len(parts) > 1:
        return tuple(_read(part.strip(), symbols) for part in parts if part.strip())
    return parse(text, symbols)


def _closes_last(text: str) -> bool:
    """Return whether the bracket that opens a text closes at its end."""
    depth = 0
    for place, char in enumerate(text):
        depth += (char in "([") - (char in ")]")
        if depth == 0:
            return place == len(text) - 1
    return False


def _parts(text: str) -> list[str]:
    """Return text cut at the commas that stand in no brackets."""
    parts, depth = [""], 0
    for char in text:
        depth += (char in "([{") - (char in ")]}")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return parts
