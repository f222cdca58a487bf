"""Long straight-line code -> LLVM's language, node by node, without C between."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from symcompile.cc import types
from symcompile.cc.recipe import Recipe, recipe
from symcompile.cc.unit import Unit
from symcompile.emit.dialect import Dialect
from symcompile.ir.graph import BODY_OPS, Graph, Kind
from symcompile.ir.ops import INFIX


def template(dialect: Dialect, op: str) -> str:
    """Return an operation as a format string of C."""
    if op == "add":
        return "{0} + {1}"
    if op == "sub":
        return "{0} - {1}"
    if op == "neg":
        return "-{0}"
    if op in INFIX:
        return f"{{0}}{INFIX[op]}{{1}}"
    return dialect.template(op)


def lowers(graph: Graph, nodes: Sequence[int], fixed: Collection[int]) -> bool:
    """Return whether nodes can be written so: real numbers, of operations without bodies.

    ``fixed`` are the places of the numbers among parameters and their like.
    """
    all_nodes = graph.nodes
    used: set[int] = set()
    for index in nodes:
        op, args, _, _, kind = all_nodes[index]
        if op in BODY_OPS or op == "view" or kind is Kind.COMPLEX:
            return False
        used.update(args)
    for arg in used:
        op, _, _, _, kind = all_nodes[arg]
        if kind is Kind.COMPLEX or op == "extent" or (op == "input" and arg not in fixed):
            return False
    return True


@dataclass(frozen=True)
class Piece:
    """A piece of straight-line code that passes values through a work array.

    Attributes:
        name: what it is called.
        arguments: its arguments, all of them arrays.
        graph: the graph.
        dialect: the language whose spellings its operations have.
        nodes: what it computes.
        inputs: of inputs, the argument and where in it they lie.
        reads: slots of the work array that hold values from earlier pieces.
        writes: slots for what later pieces need.
    """

    name: str
    arguments: Sequence[str]
    graph: Graph
    dialect: Dialect
    nodes: Sequence[int]
    inputs: Mapping[int, tuple[str, int]]
    reads: Mapping[int, int]
    writes: Mapping[int, int]

    def operations(self) -> set[str]:
        """Return the C of its operations."""
        return {template(self.dialect, op) for op in {self.graph[n].op for n in self.nodes}}

    def text(self, unit: Unit) -> str:
        """Return the function in LLVM's language."""
        recipes: dict[object, Recipe] = unit.recipes
        texts: dict[int, str] = {}
        lines: list[str] = []
        graph = self.graph
        for index, (name, place) in sorted(self.inputs.items()):
            texts[index] = self._load(lines, index, name, place)
        for index, slot in sorted(self.reads.items()):
            texts[index] = self._load(lines, index, "work", slot)
        nodes = graph.nodes
        for index in self.nodes:
            op, args, _, _, kind = nodes[index]
            operands: list[str | int] = [index]
            truths = 0
            for place, arg in enumerate(args):
                if nodes[arg].kind is Kind.BOOL:
                    truths |= 1 << place
                operands.append(texts.get(arg) or self._operand(unit, lines, texts, arg))
            found = recipes.get((op, truths))
            if found is None:
                kinds = tuple(nodes[arg].kind is Kind.BOOL for arg in args)
                found = recipes[op, truths] = self._recipe(
                    unit, template(self.dialect, op), kinds, kind is Kind.BOOL
                )
            written, texts[index] = found.written(operands)
            if written:
                lines.append(written)
        for index, slot in self.writes.items():
            value = texts[index]
            if graph[index].kind is Kind.BOOL:
                lines.append(f"  %w{index} = uitofp i1 {value} to double")
                value = f"%w{index}"
            lines.append(f"  %s{index} = getelementptr inbounds double, ptr %work, i64 {slot}")
            lines.append(f"  store double {value}, ptr %s{index}, align 8")
        head = ", ".join(f"ptr noalias %{name}" for name in self.arguments)
        opening = f"define internal void @{self.name}({head}) #3 {{"
        return "\n".join([opening, "entry:", *lines, "  ret void", "}", ""])

    def _load(self, lines: list[str], index: int, name: str, place: int) -> str:
        lines.append(f"  %a{index} = getelementptr inbounds double, ptr %{name}, i64 {place}")
        lines.append(f"  %l{index} = load double, ptr %a{index}, align 8")
        if self.graph[index].kind is Kind.BOOL:
            lines.append(f"  %b{index} = fcmp une double %l{index}, 0.0")
            return f"%b{index}"
        return f"%l{index}"

    def _operand(self, unit: Unit, lines: list[str], texts: dict[int, str], index: int) -> str:
        """Return a constant, which is written when it is first used."""
        node = self.graph[index]
        if node.op == "const":
            text = self.dialect.literal(node.data)  # type: ignore[arg-type]
        else:
            text = self.dialect.template(node.op)
        made = self._recipe(unit, text, (), node.kind is Kind.BOOL)
        written, found = made.written([index])
        if written:
            lines.append(written)
        texts[index] = found
        return found

    def _recipe(self, unit: Unit, text: str, kinds: tuple[bool, ...], truth: bool) -> Recipe:
        operands = tuple(types.BOOL if kind else types.DOUBLE for kind in kinds)
        return recipe(unit, text, operands, types.BOOL if truth else types.DOUBLE)
