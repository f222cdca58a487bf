"""Nodes -> statements that a person would write.

A node that is used once becomes part of the expression that uses it, while that stays short;
one that is used more often, or that the user named, becomes a statement of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from symcompile.emit.dialect import Dialect
from symcompile.emit.helper_names import call
from symcompile.ir.body import Body
from symcompile.ir.graph import BODY_OPS, Graph, Kind, Node, takes_complex
from symcompile.ir.ops import INFIX
from symcompile.naming import Names

#: How tightly a piece of text binds.
SUM, NEGATED, PRODUCT, ATOM = 1, 2, 3, 5

_OPERATORS = frozenset("+-*/%.!~")

#: Text that is longer than this becomes a statement of its own.
LONGEST_INLINE = 44


class Text(NamedTuple):
    """An expression as text, and how tightly it binds."""

    text: str
    level: int = ATOM

    def within(self, level: int) -> str:
        """Return the text, in parentheses if it binds less tightly than ``level``."""
        return self.text if self.level >= level else f"({self.text})"


@cache
def tightness(template: str, arity: int) -> tuple[int, ...]:
    """Return how tightly each argument has to bind where ``template`` puts it."""
    levels = []
    for k in range(arity):
        before, *after = template.split(f"{{{k}}}")
        level = PRODUCT if len(after) > 1 else 0
        for text in after:
            if before.rstrip()[-1:] in _OPERATORS or text.lstrip()[:1] in _OPERATORS:
                level = ATOM
            before = text
        levels.append(level)
    return tuple(levels)


@cache
def repeats(template: str, arity: int) -> tuple[int, ...]:
    """Return the arguments that ``template`` mentions more than once."""
    return tuple(k for k in range(arity) if template.count(f"{{{k}}}") > 1)


class Statement(NamedTuple):
    """``name = text``."""

    name: str
    text: str
    kind: Kind = Kind.REAL


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
        self.dialect = dialect.in_loops if eager else dialect
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
            short = len(printed.text) <= LONGEST_INLINE
            labelled = node in self.graph.labels
            if alone and short and not (labelled or node in atoms or node in named):
                self.texts[node] = printed
                continue
            name = self.fresh(node)
            found.append(Statement(name, printed.text, self.graph[node].kind))
            self.texts[node] = Text(name)
        return found

    def fresh(self, node: int) -> str:
        """Return a new name for a node: its label, or a number."""
        label = self.graph.labels.get(node)
        return next(self._numbered) if label is None else self._names.fresh(label)

    def new(self, wish: str) -> str:
        """Return a new name close to ``wish``."""
        return self._names.fresh(wish)

    def operand(self, node: int) -> Text:
        """Return a node that has been printed, or a constant, as others mention it."""
        return self._operand(node)

    def expression(self, node: int) -> Text:
        """Return the operation that a node is."""
        return self._print(node)

    def _uses(self, nodes: Sequence[int]) -> tuple[dict[int, int], set[int]]:
        uses: dict[int, int] = {}
        atoms: set[int] = set()
        for index in nodes:
            node = self.graph[index]
            for arg in node.args:
                uses[arg] = uses.get(arg, 0) + 1
            atoms.update(node.args[1:] if self.eager and node.op == "select" else ())
            atoms.update(self.repeated(index))
        return uses, atoms

    def repeated(self, index: int) -> list[int]:
        """Return the arguments that the text of a node mentions more than once."""
        args = self.graph[index].args
        return [args[k] for k in repeats(self._template(index), len(args))]

    def width(self, index: int) -> int:
        """Return about how long the text of a node is, without that of its arguments."""
        return max(3, len(self._template(index)) - 3 * len(self.graph[index].args))

    def _template(self, index: int) -> str:
        """Return the format string of a node; none for what is not printed with one."""
        node = self.graph.nodes[index]
        op = node.op
        if op in BODY_OPS or (op in INFIX and not self._called(node)):
            return ""
        return self.dialect.template(op, takes_complex(self.graph, index))

    def _called(self, node: Node) -> bool:
        """Return whether a product or quotient is a function: C's own has slow rules for NaN.

        With a real number those of C multiply both parts, and so do we.
        """
        product = node.op in ("mul", "div")
        if not product or node.kind is not Kind.COMPLEX or self.dialect.name != "C":
            return False
        left, right = (self.graph[arg].kind is Kind.COMPLEX for arg in node.args)
        return right and (left or node.op == "div")

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
        node = self.graph.nodes[index]
        args = [self._operand(arg) for arg in node.args]
        if node.op == "add":
            return Text(f"{args[0].within(SUM)} + {args[1].within(PRODUCT)}", SUM)
        if node.op == "sub":
            return Text(f"{args[0].within(SUM)} - {args[1].within(PRODUCT)}", SUM)
        if node.op in ("mul", "div") and not self._called(node):
            sign = INFIX[node.op]
            tight = PRODUCT + 1  # a*(b*c) stays as it is: no reassociation
            return Text(f"{args[0].within(PRODUCT)}{sign}{args[1].within(tight)}", PRODUCT)
        if node.op == "neg":
            inner = args[0].within(PRODUCT)
            # In C two signs in a row are a decrement.
            return Text(f"-({inner})" if inner.startswith("-") else f"-{inner}", NEGATED)
        if isinstance(node.data, Body):
            return Text(call(node.op, node.data, self.dialect, [arg.text for arg in args]))
        template = self._template(index)
        texts = [
            arg.within(level)
            for arg, level in zip(args, tightness(template, len(args)), strict=True)
        ]
        return Text(template.format(*texts))
