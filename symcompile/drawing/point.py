"""Values and adjoints of the nodes of a picture at a point, from the IR itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from symcompile.arguments import fitted, listed, to_array
from symcompile.autodiff.derive import NOT_HOLOMORPHIC
from symcompile.autodiff.reverse import reverse
from symcompile.errors import ArgumentTypeError, ArgumentValueError, UnsupportedFunctionError
from symcompile.frontend.definition import Definition
from symcompile.ir.build import Builder
from symcompile.ir.graph import Function, Input, Kind, payload
from symcompile.ir.interpreter import array_of, context, evaluate
from symcompile.ir.parts import splits
from symcompile.packing import pack
from symcompile.sizes import solve_sizes

#: Decimal digits of the arithmetic: more than doubles have, so that what is shown is exact.
_DIGITS = 25
#: Arrays of no more entries are shown whole.
_SHOWN = 4


def adjoint_nodes(definition: Definition, function: Function) -> dict[int, int]:
    """Return the adjoint of each node that the parameters reach; the graph grows.

    Of a definition without parameters these are the nodes that data and constants reach.

    Raises:
        UnsupportedFunctionError: the output is not one number, or has no complex derivative.
    """
    if not definition.scalar:
        raise UnsupportedFunctionError(
            f"{definition.name} has no backward pass, its value is not one number: "
            'use reduce="mean" or "sum", sum over all indices, or draw it forward only'
        )
    graph, (root,) = function.graph, function.roots()
    order = graph.ancestors([root])
    inputs = [k for k in order if graph[k].op == "input"]
    params = [k for k in inputs if payload(graph[k]).role == "param"]
    reached: set[int] = set(params or inputs)
    split = splits(graph, [root])
    if split and any(graph[k].kind is Kind.COMPLEX for k in reached):
        raise UnsupportedFunctionError(f"backward: {NOT_HOLOMORPHIC}")
    for index in order:
        node = graph[index]
        if node.kind in (Kind.REAL, Kind.COMPLEX) and not reached.isdisjoint(node.args):
            reached.add(index)
    b = Builder(graph)
    found = reverse(b, {root: b.constant(1)}, reached, projected=split)
    return {node: found[node] for node in sorted(found)}


def values_at(
    definition: Definition, function: Function, at: Mapping[Any, Any], wanted: Sequence[int]
) -> list[str]:
    """Return the values of nodes at a point as text: numbers, or a summary of an array.

    Args:
        definition: whose names ``at`` uses.
        function: holds the graph.
        at: each parameter, column and constant by name or symbol; constants have defaults.
        wanted: nodes of the graph.

    Raises:
        ArgumentValueError: a name is missing, or shapes disagree.
        ArgumentTypeError: a name that the definition does not have.
    """
    inputs, sizes = _inputs(definition, at)
    try:
        found = evaluate(function.graph, wanted, context(_DIGITS), inputs, sizes)
    except (IndexError, ValueError) as error:
        raise ArgumentValueError(f"at: {error}") from error
    return [summary(value) for value in found]


def _inputs(
    definition: Definition, at: Mapping[Any, Any]
) -> tuple[dict[Input, Any], dict[str, int]]:
    given = {str(name): value for name, value in at.items()}
    names = (*definition.params, *definition.data, *(name for name, _ in definition.constants))
    unknown = [name for name in given if name not in names]
    if unknown:
        raise ArgumentTypeError(
            f"at: {definition.name} has no {listed(unknown)}; it takes {listed(names)}"
        )
    defaults = {name: value for name, value in definition.constants if value is not None}
    given = {**defaults, **given}
    data_given = [given[name] for name in definition.data if name in given]
    missing = [name for name in (*definition.params, *definition.data) if name not in given]
    if missing:
        raise ArgumentValueError(f"at: a value is missing for {listed(missing)}")
    dtype = np.dtype(np.complex128 if definition.dtype == "complex128" else np.float64)
    data = [
        fitted(_column(to_array(value, name, dtype=dtype), definition), name, shape)
        for name, value, shape in zip(
            definition.data, data_given, definition.data_shapes, strict=True
        )
    ]
    params = [to_array(given[name], name, dtype=dtype) for name in definition.params]
    packed = pack(definition, {name: given[name] for name in definition.params})
    constants = {n: _number(n, given[n], dtype) for n, _ in definition.constants if n in given}
    if definition.indexed:
        real = {name: float(np.real(value)) for name, value in constants.items()}
        sizes = solve_sizes(definition, [a.shape for a in data], len(packed), real)
    else:
        lengths = {len(array) for array in data}
        if len(lengths) > 1:
            raise ArgumentValueError("at: the data columns have different lengths")
        sizes = {"n": lengths.pop()} if data else {}
    missing = [n for n, _ in definition.constants if n not in constants and n not in sizes]
    if missing:
        raise ArgumentValueError(f"at: a value is missing for {listed(missing)}")
    mp = context(_DIGITS)
    exact = mp.mpc if dtype.kind == "c" else mp.mpf
    found: dict[Input, Any] = {}
    for slot, array in enumerate(params):
        found[Input("param", slot)] = _entries(array, exact)
    for slot, array in enumerate(data):
        found[Input("data", slot)] = _entries(array, exact)
    for slot, (name, _) in enumerate(definition.constants):
        if name in constants:
            found[Input("constant", slot)] = exact(constants[name])
    return found, sizes


def _column(array: Any, definition: Definition) -> Any:
    """Return a column of samples: a lone number is one sample."""
    return array if definition.indexed or array.ndim else array.reshape(1)


def _entries(array: Any, exact: Any) -> Any:
    return array_of([exact(x) for x in array.ravel().tolist()], array.shape)


def _number(name: str, value: Any, dtype: np.dtype[Any]) -> Any:
    array = to_array(value, name, dtype=dtype)
    if array.size != 1:
        raise ArgumentValueError(f"at: the constant {name} is one number")
    return array.ravel()[0].item()


def summary(value: Any) -> str:
    """Return a number to four digits, a short array whole, or the shape and range of a long one.

    >>> import numpy as np
    >>> summary(0.123456), summary(np.array([1.0, 2.5])), summary(np.ones((3, 4)))
    ('0.1235', '[1, 2.5]', '3×4: 1 … 1')
    """
    if not isinstance(value, np.ndarray):
        return _text(value)
    entries = value.ravel().tolist()
    if value.ndim == 1 and len(entries) <= _SHOWN:
        return f"[{', '.join(map(_text, entries))}]"
    shape = "×".join(map(str, value.shape))
    numbers = [complex(x) for x in entries]
    if not entries or any(x.imag for x in numbers) or any(isinstance(x, bool) for x in entries):
        return f"{shape} entries"
    real = [x.real for x in numbers if x.real == x.real]
    if not real:
        return f"{shape}: nan"
    return f"{shape}: {_text(min(real))} … {_text(max(real))}"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    number = complex(value)
    if number.imag:
        return f"{number.real:.4g}{number.imag:+.4g}i".replace("-", "−")
    return f"{number.real + 0.0:.4g}".replace("-", "−")
