"""Nodes -> statements that a person would write.

A node that is used once becomes part of the expression that uses it, while that stays short;
one that is used more often, or that the user named, becomes a statement of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from symcompile.emit.dialect import Dialect
from symcompile.ir.graph import Graph, Kind
from symcompile.ir.ops import INFIX
from symcompile.naming import Names

#: How tightly a piece of text binds.
SUM, NEGATED, PRODUCT, ATOM = 1, 2, 3, 5

_LONGEST_INLINE = 44


@dataclass(frozen=True)
class Text:
    """An expression as text, and how tightly it binds."""

    text: str
    level: int = ATOM

    def within(self, level: int) -> str:
        """Return the text, in parentheses if it binds less tightly than ``level``."""
        return self.text if self.level >= level else f"({self.text})"


@dataclass(frozen=True)
class Statement:
    """``name = text``."""

    name: str
    text: str
    boolean: bool = False


class Printer:
    """Prints the nodes of one function in one language.

    Args:
        graph: the graph.
        dialect: the language.
        known: the text of nodes that exist already: inputs, extents.
        names: the identifiers in use; intermediates take new ones.
        eager: whether both branches of a choice are computed before it, as vector units want.
    """

    def __init__(
        self,
        graph: Graph,
        dialect: Dialect,
        known: Mapping[int, str],
        names: Names,
        eager: bool = False,
    ) -> None:
        self.eager = eager
        self.graph = graph
        self.dialect = dialect
        self.texts: dict[int, Text] = {node: Text(text) for node, text in known.items()}
        self._names = names
        self._numbered = names.numbered("t")

    def inside(self, eager: bool = False) -> Printer:
        """Return a printer for the body of a loop: what it computes is unknown outside."""
        inner = Printer(self.graph, self.dialect, {}, self._names, eager)
        inner.texts.update(self.texts)
        return inner

    def name(self, node: int, text: str) -> None:
        """Say that a node is now held by ``text``, an identifier or an element."""
        self.texts[node] = Text(text)

    def text(self, node: int) -> str:
        """Return the text of a node that has been printed, or of a constant."""
        return self._operand(node).text

    def statements(
        self, nodes: Sequence[int], results: Iterable[int], named: Collection[int] = ()
    ) -> list[Statement]:
        """Return the statements that compute ``nodes``.

        Args:
            nodes: what to compute, each after what it needs.
            results: nodes that are used after these statements, once for each mention.
            named: nodes that become statements in any case.
        """
        uses, atoms = self._uses(nodes)
        for node in results:
            uses[node] = uses.get(node, 0) + 1
        found: list[Statement] = []
        for node in nodes:
            printed = self._print(node)
            alone = uses.get(node, 0) <= 1
            short = len(printed.text) <= _LONGEST_INLINE
            labelled = node in self.graph.labels
            if alone and short and not (labelled or node in atoms or node in named):
                self.texts[node] = printed
                continue
            name = self.fresh(node)
            boolean = self.graph[node].kind is Kind.BOOL
            found.append(Statement(name, printed.text, boolean))
            self.texts[node] = Text(name)
        return found

    def fresh(self, node: int) -> str:
        """Return a new name for a node: its label, or a number."""
        label = self.graph.labels.get(node)
        return next(self._numbered) if label is None else self._names.fresh(label)

    def _uses(self, nodes: Sequence[int]) -> tuple[dict[int, int], set[int]]:
        uses: dict[int, int] = {}
        atoms: set[int] = set()
        for index in nodes:
            node = self.graph[index]
            template = "" if node.op in INFIX else self.dialect.template(node.op)
            for position, arg in enumerate(node.args):
                uses[arg] = uses.get(arg, 0) + 1
                repeated = template.count(f"{{{position}}}") > 1
                if repeated or (self.eager and node.op == "select" and position > 0):
                    atoms.add(arg)
        return uses, atoms

    def _operand(self, node: int) -> Text:
        found = self.texts.get(node)
        if found is not None:
            return found
        data = self.graph[node]
        if data.op == "const":
            literal = self.dialect.literal(data.data)  # type: ignore[arg-type]
            return Text(literal, PRODUCT if literal.startswith("-") else ATOM)
        if data.op in ("true", "false"):
            return Text(self.dialect.template(data.op))
        raise KeyError(f"node {node} ({data.op}) is used before it is computed")

    def _print(self, index: int) -> Text:
        node = self.graph[index]
        args = [self._operand(arg) for arg in node.args]
        if node.op == "add":
            return Text(f"{args[0].within(SUM)} + {args[1].within(PRODUCT)}", SUM)
        if node.op == "sub":
            return Text(f"{args[0].within(SUM)} - {args[1].within(PRODUCT)}", SUM)
        if node.op in ("mul", "div"):
            sign = INFIX[node.op]
            tight = PRODUCT + 1  # a*(b*c) stays as it is: no reassociation
            return Text(f"{args[0].within(PRODUCT)}{sign}{args[1].within(tight)}", PRODUCT)
        if node.op == "neg":
            return Text(f"-{args[0].within(PRODUCT)}", NEGATED)
        template = self.dialect.template(node.op)
        texts = [
            arg.within(PRODUCT) if template.count(f"{{{k}}}") > 1 else arg.text
            for k, arg in enumerate(args)
        ]
        if node.op in ("lt", "le", "eq", "ne"):
            texts = [arg.within(SUM) for arg in args]
        return Text(template.format(*texts))
