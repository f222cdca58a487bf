"""What of the IR is drawn: a node for each input, operation and output, and its label.

Numbers stand within the operations that use them: ``2*x + 1`` is ``2 × ·`` and ``· + 1``. Views
that only spread a value over more axes vanish; those that move entries are nodes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from symcompile.frontend.definition import Definition
from symcompile.ir.affine import Affine, Var
from symcompile.ir.graph import (
    BODY_OPS,
    COMMUTATIVE,
    REDUCTIONS,
    Axes,
    Function,
    Graph,
    Input,
    Node,
    View,
)
from symcompile.ir.notation import PRODUCT, Text, literal

DrawnRole = Literal["param", "data", "constant", "number", "operation", "output"]

#: Operations by the sign for them; a sign between its operands, or one before or around it.
_SIGNS = {
    "add": "+",
    "sub": "−",
    "mul": "×",
    "div": "÷",
    "pow": "^",
    "powi": "^",
    "lt": "<",
    "le": "≤",
    "eq": "=",
    "ne": "≠",
    "and": "and",
    "or": "or",
}
_ALONE = {"neg": "−", "sqrt": "√", "abs": "|·|", "conj": "conj", "powi": "·^·", "pow": "·^·"}
_WHOLE = {"reduce_sum": "Σ", "reduce_prod": "∏", "reduce_max": "max"}
_BODIES = {"sum": "Σ k", "product": "∏ k", "integral": "∫ dt", "derivative": "d/dt"}
_NUMBERS = {"pi": "π", "euler_gamma": "γ", "golden_ratio": "φ", "imaginary": "i"}
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_HOLE = "·"
_INDICES = "ijklmn"
_LONGEST = 28


@dataclass(frozen=True)
class DrawnNode:
    """One node of a picture.

    Attributes:
        role: what it is.
        label: its name, or the operation.
        detail: its axes, or what a reduction runs over; may be empty.
        source: the node of the IR that it shows.
        value: its value at the point asked for, as text.
        adjoint: the derivative of the output in it there, as text; None where none is drawn.
    """

    role: DrawnRole
    label: str
    detail: str
    source: int
    value: str | None = None
    adjoint: str | None = None


@dataclass(frozen=True)
class DrawnEdge:
    """An arrow from an argument to what uses it.

    Attributes:
        start: the position of the argument among the nodes.
        end: the position of what uses it, which is larger.
        place: which argument it is, from 1 on, where their order matters; else empty.
        backward: whether a derivative flows back along it.
    """

    start: int
    end: int
    place: str = ""
    backward: bool = False


def drawn(
    definition: Definition, function: Function
) -> tuple[tuple[DrawnNode, ...], tuple[DrawnEdge, ...]]:
    """Return the nodes and edges of a function of a definition, each node after its arguments."""
    return _Reader(definition, function).read()


def plain(text: str) -> str:
    """Return text on one line, without characters that no font shows, cut to a length.

    >>> plain("a\\nb$")
    'a\\\\nb$'
    """
    shown = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"


def axes_text(axes: Axes) -> str:
    """Return the sizes of axes: ``[n, d]``; nothing of a number.

    >>> from symcompile.ir.graph import SAMPLES
    >>> axes_text((SAMPLES,))
    '[n]'
    """
    return f"[{', '.join(plain(str(axis.extent)) for axis in axes)}]" if axes else ""


class _Reader:
    def __init__(self, definition: Definition, function: Function) -> None:
        self.definition = definition
        self.function = function
        self.graph: Graph = function.graph
        self.nodes: list[DrawnNode] = []
        self.edges: list[DrawnEdge] = []
        #: The picture's node for each of the IR's that has one.
        self.place: dict[int, int] = {}
        self.labels = dict(function.graph.labels)

    def read(self) -> tuple[tuple[DrawnNode, ...], tuple[DrawnEdge, ...]]:
        roots = self.function.roots()
        order = self.graph.ancestors(roots)
        ends = {self.shown(root) for root in roots}
        inside = self._only_absorbed(order)
        for index in order:
            if self.shown(index) != index or (index in inside and index not in ends):
                continue
            self._add(index)
        for output, name in zip(roots, output_names(self.definition, self.function), strict=True):
            detail = axes_text(self.graph[output].axes)
            self.nodes.append(DrawnNode("output", plain(name), detail, output))
            self.edges.append(DrawnEdge(self.place[self.shown(output)], len(self.nodes) - 1))
        return tuple(self.nodes), tuple(self.edges)

    def shown(self, index: int) -> int:
        """Return the node that stands for this one: views that only spread it vanish."""
        while spreads(self.graph[index]):
            index = self.graph[index].args[0]
        return index

    def number(self, index: int) -> Text | None:
        """Return a number as text, or None of anything else."""
        node = self.graph[self.shown(index)]
        if node.op == "const" and (isinstance(node.data, Fraction) or node.data is not None):
            return literal(node.data)  # type: ignore[arg-type]
        if node.op == "extent":
            return Text(plain(str(node.data)), PRODUCT)
        if not node.args and node.data is None:
            return Text(_NUMBERS.get(node.op, node.op))
        return None

    def _only_absorbed(self, order: Sequence[int]) -> set[int]:
        """Return numbers that stand within what uses them, every time."""
        numbers = {k for k in order if self.shown(k) == k and self.number(k) is not None}
        for index in order:
            node = self.graph[index]
            if node.args and not self._absorbs(node) and not spreads(node):
                numbers -= {self.shown(arg) for arg in node.args}
        return numbers

    def _absorbs(self, node: Node) -> bool:
        return not (node.op in BODY_OPS or isinstance(node.data, View) or node.op in REDUCTIONS)

    def _add(self, index: int) -> None:
        node = self.graph[index]
        used = [self.shown(arg) for arg in node.args]
        texts = [self.number(arg) if self._absorbs(node) else None for arg in node.args]
        self.place[index] = len(self.nodes)
        self.nodes.append(self._made(index, node, texts))
        open_ = [arg for arg, text in zip(used, texts, strict=True) if text is None]
        ordered = len(open_) > 1 and node.op not in COMMUTATIVE
        for count, arg in enumerate(open_, 1):
            place = str(count) if ordered else ""
            self.edges.append(DrawnEdge(self.place[arg], self.place[index], place))

    def _made(self, index: int, node: Node, texts: Sequence[Text | None]) -> DrawnNode:
        if isinstance(node.data, Input):
            return self._input(index, node, node.data)
        if not node.args:
            text = self.number(index)
            label = text.text if text else node.op
            if node.op in ("index", "delta") and isinstance(node.data, Affine):
                label = _affine(node.data) if node.op == "index" else f"{_affine(node.data)} = 0"
            return DrawnNode("number", plain(label), axes_text(node.axes), index)
        label, detail = self._operation(node, texts), axes_text(node.axes)
        if node.op in REDUCTIONS:
            assert isinstance(node.data, int)
            over = self.graph[node.args[0]].axes[node.data].extent
            detail = f"over {plain(str(over))} {detail}".rstrip()
        name = self.labels.get(index)
        if name is not None:
            label = f"{plain(name)}:  {label}"
        return DrawnNode("operation", label, detail, index)

    def _input(self, index: int, node: Node, which: Input) -> DrawnNode:
        names: Mapping[str, Sequence[str]] = {
            "param": self.definition.params,
            "data": self.definition.data,
            "constant": [name for name, _ in self.definition.constants],
        }
        own = names.get(which.role, ())
        name = own[which.slot] if which.slot < len(own) else f"{which.role}{which.slot}"
        role: DrawnRole = "constant"
        if which.role == "param" or which.role == "data":
            role = which.role
        return DrawnNode(role, plain(name), axes_text(node.axes), index)

    def _operation(self, node: Node, texts: Sequence[Text | None]) -> str:
        op = node.op
        if op in REDUCTIONS:
            return _WHOLE[op]
        if op in BODY_OPS:
            return _BODIES.get(op, op)
        if isinstance(node.data, View):
            return "scatter" if op == "scatter" else _view(node.data)
        if all(text is None for text in texts):
            return _ALONE.get(op) or _SIGNS.get(op) or plain(op)
        shown = [_HOLE if text is None else plain(text.within(PRODUCT)) for text in texts]
        exponent = texts[1] if op in ("pow", "powi") else None
        if exponent is not None and exponent.text.lstrip("-").isdigit():
            return f"({shown[0]}){exponent.text.translate(_SUPERSCRIPTS)}"
        if op in _SIGNS and len(shown) == 2:
            return f"{shown[0]} {_SIGNS[op]} {shown[1]}"
        return f"{plain(op)}({', '.join(shown)})"


def spreads(node: Node) -> bool:
    """Return whether a node only spreads its argument over more axes."""
    if node.op != "view" or not isinstance(node.data, View):
        return False
    found = node.data.plain
    return found is not None and list(found) == sorted(found)


def output_names(definition: Definition, function: Function) -> Iterator[str]:
    """Yield what each entry of the outputs is called: the definition's name, or a key's."""
    for output in function.outputs:
        entries = len(output.entries)
        for k in range(entries):
            if len(definition.keys) == entries:
                yield str(definition.keys[k])
            else:
                yield definition.name if entries == 1 else f"{definition.name}[{k}]"


def _affine(value: Affine) -> str:
    def name(var: Var) -> str:
        return var if isinstance(var, str) else _INDICES[var % len(_INDICES)]

    return value.text(name)


def _view(view: View) -> str:
    if view.plain is not None:
        return "transpose"
    parts = [_affine(i) if isinstance(i, Affine) else "…" for i in view.index]
    return plain(f"{_HOLE}[{', '.join(parts)}]")


def with_values(
    nodes: Sequence[DrawnNode], values: Mapping[int, str], adjoints: Mapping[int, str]
) -> tuple[DrawnNode, ...]:
    """Return nodes with what is known of them at a point, by node of the IR."""
    return tuple(
        replace(node, value=values.get(node.source), adjoint=adjoints.get(node.source))
        for node in nodes
    )
