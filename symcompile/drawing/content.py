"""What a picture of a graph says: its nodes and edges, labels, values and adjoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, Literal

import numpy as np

from symcompile.autodiff.reverse import reverse
from symcompile.checking.oracle import Oracle
from symcompile.errors import ArgumentTypeError, ArgumentValueError, UnsupportedFunctionError
from symcompile.frontend.definition import Definition
from symcompile.ir.affine import Affine
from symcompile.ir.build import Builder
from symcompile.ir.graph import Graph, Input, Kind, Node, Special, View
from symcompile.ir.interpreter import context, evaluate
from symcompile.packing import pack

Stage = Literal["written", "optimised"]
Role = Literal["param", "data", "constant", "number", "operation", "result"]

#: A picture of more nodes cannot be read.
LARGEST: Final = 400
_SIGNS: Final = {
    "add": "+",
    "sub": "−",
    "mul": "×",
    "div": "÷",
    "neg": "−",
    "pow": "^",
    "powi": "^",
    "reduce_sum": "Σ",
    "reduce_prod": "Π",
    "reduce_max": "max",
    "recip": "1/",
    "square": "²",
    "lt": "<",
    "le": "≤",
    "gt": ">",
    "ge": "≥",
    "eq": "=",
    "ne": "≠",
}
#: What has its constant argument written into it, and how: before, or after.
_TAKES: Final = frozenset({"add", "sub", "mul", "div", "pow", "powi"})
_FIXED: Final = frozenset({"const", "extent"})


@dataclass(frozen=True)
class Drawn:
    """A node of the picture.

    Attributes:
        label: what stands in it.
        role: what it is.
        tails: the nodes that it is computed from.
        value: its value at a point, as text; empty without one.
        adjoint: the derivative of the result in it, as text.
        varies: whether it depends on parameters, so that an adjoint goes through it.
    """

    label: str
    role: Role
    tails: tuple[int, ...]
    value: str = ""
    adjoint: str = ""
    varies: bool = False


def content(
    definition: Definition, stage: Stage, at: Mapping[Any, Any] | None, backward: bool
) -> dict[int, Drawn]:
    """Return the nodes of a picture, tails before heads.

    Raises:
        ArgumentValueError: no such stage, too many nodes, or numbers that do not fit.
        UnsupportedFunctionError: adjoints of something that is not one real number.
    """
    graph, roots = _staged(definition, stage)
    if backward and not (definition.scalar and len(roots) == 1):
        raise UnsupportedFunctionError(
            f"{definition.name} is not one number, which adjoints are of: "
            "draw it without backward, or with reduce='sum' or 'mean' in the definition"
        )
    order = graph.ancestors(roots)
    if len(order) > LARGEST:
        raise ArgumentValueError(
            f"{definition.name} has {len(order)} nodes, and a picture of more than {LARGEST} "
            "cannot be read: draw a part of the formula, or look at "
            "`symcompile show --stage ir`"
        )
    names = _input_names(definition)
    varies: set[int] = set()
    for index in order:
        node = graph[index]
        given = isinstance(node.data, Input) and node.data.role == "param"
        if given or any(arg in varies for arg in node.args):
            varies.add(index)
    values, adjoints = _at(definition, graph, roots, order, at, backward, varies)
    found: dict[int, Drawn] = {}
    for index in order:
        node = graph[index]
        if node.op in _FIXED and _is_written_in(graph, order, index, roots):
            continue
        label, tails = _label(graph, node, names)
        found[index] = Drawn(
            label=label,
            role=_role(node, index in roots),
            tails=tails,
            value=values.get(index, ""),
            adjoint=adjoints.get(index, ""),
            varies=index in varies,
        )
    return found


def _staged(definition: Definition, stage: Stage) -> tuple[Graph, tuple[int, ...]]:
    if stage == "written":
        return definition.ir, tuple(dict.fromkeys(definition.output.entries))
    if stage == "optimised":
        from symcompile.compiler import plan

        (schedule,) = plan(definition, ["value"])
        function = schedule.function
        return function.graph, tuple(dict.fromkeys(function.roots()))
    raise ArgumentValueError(f"stage={stage!r} is none of 'written', 'optimised'")


def _input_names(definition: Definition) -> dict[Input, str]:
    names = {Input("param", k): name for k, name in enumerate(definition.params)}
    names |= {Input("data", k): name for k, name in enumerate(definition.data)}
    return names | {Input("constant", k): name for k, (name, _) in enumerate(definition.constants)}


def _role(node: Node, is_root: bool) -> Role:
    if isinstance(node.data, Input):
        return node.data.role  # type: ignore[return-value]
    if is_root:
        return "result"
    return "operation" if node.args else "number"


def _is_written_in(graph: Graph, order: Sequence[int], index: int, roots: tuple[int, ...]) -> bool:
    """Return whether a constant stands in the nodes that use it, not in one of its own."""
    if index in roots:
        return False
    for user in order:
        node = graph[user]
        if index not in node.args:
            continue
        others = [arg for arg in node.args if arg != index]
        if node.op not in _TAKES or len(others) != 1:
            return False
    return True


def _label(graph: Graph, node: Node, names: Mapping[Input, str]) -> tuple[str, tuple[int, ...]]:
    """Return what stands in a node, and the nodes that have edges into it."""
    if isinstance(node.data, Input):
        return names.get(node.data, f"{node.data.role} {node.data.slot}"), ()
    if node.op in _FIXED:
        return _constant(node.data), ()
    if node.op in ("view", "scatter"):
        index = node.data.index if isinstance(node.data, View) else ()
        plain = node.data.plain if isinstance(node.data, View) else None
        if plain is not None:
            inner = ", ".join("ijklmn"[axis % 6] for axis in plain)
        else:
            inner = ", ".join(str(one) if isinstance(one, Affine) else "·" for one in index)
        return f"{'scatter ' if node.op == 'scatter' else ''}[{inner}]", node.args
    sign = _SIGNS.get(node.op, node.op.replace("_", " "))
    constants = [arg for arg in node.args if graph[arg].op in _FIXED]
    if node.op in _TAKES and len(constants) == 1 and len(node.args) == 2:
        text = _constant(graph[constants[0]].data)
        first = node.args[0] == constants[0]
        other = node.args[1] if first else node.args[0]
        return (f"{text} {sign}" if first else f"{sign} {text}"), (other,)
    return sign, node.args


def _constant(data: Any) -> str:
    if isinstance(data, Fraction):
        if data.denominator == 1 and abs(data.numerator) < 10**6:
            return str(data.numerator)
        if data.denominator < 1000 and abs(data.numerator) < 10**6:
            return f"{data.numerator}/{data.denominator}"
        try:
            return f"{float(data):.4g}"
        except OverflowError:
            return "huge"
    return data.value if isinstance(data, Special) else str(data)


def _at(
    definition: Definition,
    graph: Graph,
    roots: tuple[int, ...],
    order: Sequence[int],
    at: Mapping[Any, Any] | None,
    backward: bool,
    varies: set[int],
) -> tuple[dict[int, str], dict[int, str]]:
    """Return values and adjoints at a point, as text."""
    if at is None:
        return {}, {}
    oracle = _oracle(definition, at)
    mp = context(20)
    numbers = evaluate(graph, order, mp, oracle.inputs, oracle.sizes)
    values = {k: _shown(value) for k, value in zip(order, numbers, strict=True)}
    if not backward:
        return values, {}
    if graph[roots[0]].kind > Kind.REAL:
        raise UnsupportedFunctionError("adjoints are drawn of a real result")
    grown = Builder()
    mapping: dict[int, int] = {}
    for index in order:
        mapping[index] = grown.copy_node(graph, index, mapping)
    wanted = {mapping[index]: index for index in order if index in varies}
    root = mapping[roots[0]]
    adjoints = reverse(grown, {root: grown.constant(1)}, wanted)
    nodes = list(adjoints)
    slopes = evaluate(
        grown.graph, [adjoints[node] for node in nodes], mp, oracle.inputs, oracle.sizes
    )
    found = {wanted[node]: _shown(value) for node, value in zip(nodes, slopes, strict=True)}
    return values, {index: found.get(index, "0") for index in varies}


def _oracle(definition: Definition, at: Mapping[Any, Any]) -> Oracle:
    given = {str(getattr(key, "name", key)): value for key, value in at.items()}
    constants = [name for name, _ in definition.constants]
    known = {*definition.params, *definition.data, *constants}
    unknown = [name for name in given if name not in known]
    missing = [name for name in (*definition.params, *definition.data) if name not in given]
    if unknown or missing:
        what = f"names {', '.join(unknown)}, which is no symbol of it" if unknown else ""
        lacks = f"lacks {', '.join(missing)}" if missing else ""
        raise ArgumentValueError(f"at= {' and '.join(part for part in (lacks, what) if part)}")
    try:
        data = [np.atleast_1d(np.asarray(given[name], float)) for name in definition.data]
        params = {name: given[name] for name in definition.params}
        p = pack(definition, params) if params else np.empty(0)
        numbers = {name: float(given[name]) for name in constants if name in given}
    except (TypeError, ValueError) as error:
        raise ArgumentTypeError(f"at= is made of numbers and arrays: {error}") from error
    if definition.indexed:
        data = [np.asarray(given[name], float) for name in definition.data]
    lengths = {len(column) for column in data} if not definition.indexed else set()
    if len(lengths) > 1:
        raise ArgumentValueError("columns in at= differ in length")
    return Oracle(definition, p, data, numbers, digits=20)


def _shown(value: Any) -> str:
    """Return a number to four digits; of an array its entries, if they are few, or its shape."""
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, np.ndarray):
        flat = [_shown(one) for one in value.ravel().tolist()]
        if value.ndim == 1 and len(flat) <= 3:
            return f"[{', '.join(flat)}]"
        return " × ".join(map(str, value.shape)) + f" [{flat[0]}, …]" if flat else "empty"
    number = complex(value)
    if number.imag:
        return f"{number:.4g}"
    return f"{number.real:.4g}"
