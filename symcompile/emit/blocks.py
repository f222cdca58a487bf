"""Straight-line code as lines of a language, with branches where choices are."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from symcompile.emit.branching import Arrangement, Block, Flag, Move
from symcompile.emit.conditions import Condition
from symcompile.emit.dialect import Dialect
from symcompile.emit.expression import LONGEST_INLINE, Printer, Statement, Text
from symcompile.emit.lines import indent
from symcompile.ir.graph import Graph, Kind

#: A name in a piece of code.
WORD = re.compile(r"(?<![\w.])[A-Za-z_]\w*")


@dataclass(frozen=True)
class Assignment:
    """``name = text``, of a variable that stands outside of the block."""

    name: str
    text: str
    kind: Kind


@dataclass(frozen=True)
class Declaration:
    """A variable that blocks set, and what it is where none does."""

    name: str
    kind: Kind
    text: str = ""


@dataclass
class Branch:
    """``if conditions: then, else: otherwise``; the conditions have to hold all."""

    conditions: list[str]
    then: list[Line] = field(default_factory=list)
    otherwise: list[Line] = field(default_factory=list)


Line = Statement | Assignment | Declaration | Branch


def lines_of(
    printer: Printer, nodes: Sequence[int], results: Sequence[int], named: Collection[int] = ()
) -> list[str]:
    """Return the lines that compute ``nodes``, in the language of the printer.

    Args:
        printer: prints; it knows the results afterwards.
        nodes: what to compute, each after what it needs.
        results: nodes that are used after these lines, once for each mention.
        named: nodes that become statements in any case.
    """
    return rendered(code(printer, nodes, results, named), printer.dialect)


def code(
    printer: Printer, nodes: Sequence[int], results: Sequence[int], named: Collection[int] = ()
) -> Sequence[Line]:
    """Return the same as :func:`lines_of`, before it is put into words."""
    if not printer.eager and branches(printer.graph, nodes):
        plan = Arrangement(printer, nodes, results, named)
        if plan.block is not None:
            return _Writer(printer, plan, plan.block, results, named).run()
    return printer.statements(nodes, results, named)


def branches(graph: Graph, nodes: Sequence[int]) -> bool:
    """Return whether there is a choice among some nodes."""
    return any(graph[node].op == "select" for node in nodes)


def rendered(lines: Sequence[Line], dialect: Dialect) -> list[str]:
    """Return lines in a language."""
    words = dialect.branching
    found: list[str] = []
    for line in lines:
        if isinstance(line, Statement):
            found.append(dialect.statement(line.name, line.text, line.kind))
        elif isinstance(line, Assignment):
            found.append(words.assign.format(name=line.name, text=line.text))
        elif isinstance(line, Declaration):
            form = words.start if line.text else words.declare
            kind = dialect.types.get(line.kind, "")
            found.append(form.format(name=line.name, text=line.text, type=kind))
        else:
            found += _branch(line, dialect)
    return found


def _branch(branch: Branch, dialect: Dialect) -> list[str]:
    words = dialect.branching
    head = words.first
    found: list[str] = []
    while True:
        asked = f" {words.both} ".join(branch.conditions)
        found.append(head.format(_bare(asked)))
        found.append(indent(rendered(branch.then, dialect), 1))
        rest = branch.otherwise
        if len(rest) == 1 and isinstance(rest[0], Branch):
            branch, head = rest[0], words.other
            continue
        if rest:
            found += [words.last, indent(rendered(rest, dialect), 1)]
        return [*found, words.end] if words.end else found


class _Writer:
    """Prints the blocks of an arrangement."""

    def __init__(
        self,
        printer: Printer,
        plan: Arrangement,
        block: Block,
        results: Sequence[int],
        named: Collection[int],
    ) -> None:
        self.printer, self.graph = printer, printer.graph
        self.words = printer.dialect.branching
        self.plan, self.block = plan, block
        self.results = [*results, *named]
        self.named = {self.plan.place.actual(node) for node in named}
        self.names: dict[int, str] = {}
        self.flags: dict[int, str] = {}
        self.starts: dict[str, str] = {}
        self.uses: dict[int, int] = {}
        self.atoms: set[int] = set()
        #: What a variable is set to: that is its statement.
        self.moved: set[int] = set()
        self._count(results)

    def run(self) -> list[Line]:
        """Return the lines."""
        lines = self._lines(self.block)
        texts = []
        for node in self.results:
            self._alias(node)
            texts.append(self.printer.text(node))
        false = self.printer.dialect.template("false")
        starts = self.starts | dict.fromkeys(self.flags.values(), false)
        return _Scopes(lines, texts, starts, bool(self.words.declare)).run()

    # -- what is used how often ------------------------------------------------------------

    def _count(self, results: Sequence[int]) -> None:
        place = self.plan.place
        used = [place.actual(node) for node in results]
        pending = [self.block]
        while pending:
            block = pending.pop()
            before: Block | None = None
            for step in block.steps:
                if isinstance(step, Block):
                    pending.append(step)
                    if before is None or self.plan.opposite(before.region) != step.region:
                        used += self._asked(step.region)
                        before = step
                        continue
                elif isinstance(step, Move):
                    used.append(step.arm)
                    self.moved.add(step.arm)
                elif isinstance(step, Flag):
                    used += self.plan.asked(step.region)
                elif step not in self.plan.variables:
                    used += place.operands(step)
                    self.atoms.update(place.actual(a) for a in self.printer.repeated(step))
                before = None
        for node in used:
            self.uses[node] = self.uses.get(node, 0) + 1

    def _asked(self, region: int) -> list[int]:
        return [] if self.plan.deep(region) else self.plan.asked(region)

    # -- lines -----------------------------------------------------------------------------

    def _lines(self, block: Block) -> list[Line]:
        found: list[Line] = []
        steps = iter([*block.steps, None])
        step = next(steps)
        while step is not None:
            following = next(steps)
            if isinstance(step, Block):
                other = None
                opposite = self.plan.opposite(step.region)
                if isinstance(following, Block) and following.region == opposite:
                    other, following = following, next(steps)
                    if not self.plan.regions.literal[step.region][1]:
                        step, other = other, step
                found += self._branch(step, other)
            elif isinstance(step, Move):
                found += self._move(step)
            elif isinstance(step, Flag):
                text = self._condition(self.plan.parts(step.region))
                found.append(Assignment(self._flag(step.region), text, Kind.BOOL))
            else:
                found += self._node(step)
            step = following
        return found

    def _branch(self, block: Block, other: Block | None) -> list[Line]:
        region = block.region
        then = self._lines(block)
        otherwise = self._lines(other) if other else []
        if self.plan.deep(region):
            condition = self._flag(region)
        else:
            asked = self.plan.parts(region)
            condition = self._condition(asked if then else asked.negated())
        if not then:
            return [Branch([condition], otherwise)] if otherwise else []
        inner = then[0]
        if len(then) == 1 and isinstance(inner, Branch) and not (otherwise or inner.otherwise):
            return [Branch([condition, *inner.conditions], inner.then)]
        return [Branch([condition], then, otherwise)]

    def _flag(self, region: int) -> str:
        found = self.flags.get(region)
        if found is None:
            found = self.flags[region] = self.printer.new("deeper")
        return found

    def _move(self, move: Move) -> list[Line]:
        name = self._variable(move.choice)
        text = self.printer.text(move.arm)
        if text == name:
            return []
        return [Assignment(name, text, self.graph[move.choice].kind)]

    def _variable(self, choice: int) -> str:
        first = self.plan.variables[choice]
        found = self.names.get(first)
        if found is None:
            found = self.names[first] = self.printer.fresh(first)
            if first in self.plan.first:
                self.starts[found] = self.printer.text(self.plan.first[first])
        return found

    def _node(self, node: int) -> list[Line]:
        printer, place = self.printer, self.plan.place
        if node in self.plan.variables:
            printer.texts[node] = Text(self._variable(node))
            return []
        for arg in self.graph[node].args:
            self._alias(arg)
        alias = self._factor(node)
        if alias is not None:
            printed = alias
            if printed.text.isidentifier():
                printer.texts[node] = printed
                return []
        elif place.conditions.compound(node):
            printed = Text(f"({_bare(self._condition(place.conditions.of(node)))})")
        else:
            printed = printer.expression(node)
        kept = node in self.atoms or node in self.named or node in self.graph.labels
        short = len(printed.text) <= LONGEST_INLINE or node in self.moved
        if not kept and self.uses.get(node, 0) <= 1 and short:
            printer.texts[node] = printed
            return []
        name = printer.fresh(node)
        printer.texts[node] = Text(name)
        return [Statement(name, printed.text, self.graph[node].kind)]

    def _alias(self, node: int) -> None:
        """Let a choice whose outcome is known have the text of the arm it takes."""
        actual = self.plan.place.actual(node)
        if actual != node:
            self.printer.texts[node] = self.printer.operand(actual)

    def _factor(self, node: int) -> Text | None:
        """Return the other factor of a product with 1, which known choices leave behind."""
        if self.graph[node].op != "mul":
            return None
        args = [self.plan.place.actual(arg) for arg in self.graph[node].args]
        for arg, other in (args, args[::-1]):
            if self.graph[arg].data == 1 and self.graph[arg].op == "const":
                return self.printer.operand(other)
        return None

    def _condition(self, condition: Condition) -> str:
        """Return a condition as text that can stand between others."""
        if condition.op == "is":
            text = self.printer.text(self.plan.place.actual(condition.node))
            return text if condition.outcome else f"{self.words.negation}{text}"
        word = self.words.both if condition.op == "all" else self.words.either
        return f"({f' {word} '.join(map(self._condition, condition.parts))})"


def _bare(text: str) -> str:
    """Return a condition without parentheses around all of it."""
    if not text.startswith("("):
        return text
    depth = 0
    for place, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if depth == 0:
            return text[1:-1] if place == len(text) - 1 else text
    return text


class _Scopes:
    """Declares what is set in one block and used in another, outside of both."""

    def __init__(
        self, lines: list[Line], results: Sequence[str], starts: Mapping[str, str], declared: bool
    ) -> None:
        self.lines, self.starts, self.declared = lines, starts, declared
        #: Of each list of lines: the list around it, where it stands there, and how deep.
        self.around: dict[int, tuple[int, int]] = {}
        self.lists: list[list[Line]] = []
        self.depth: list[int] = []
        #: By name: the lists in which it is set, or mentioned, and where it is set first.
        self.sets: dict[str, dict[int, int]] = {}
        self.kinds: dict[str, Kind] = {}
        self.uses: dict[str, set[int]] = {}
        self._survey(lines)
        for text in results:
            self._mention(text, 0)

    def _survey(self, lines: list[Line], outer: int = -1, at: int = -1) -> None:
        number = len(self.lists)
        self.lists.append(lines)
        self.around[number] = outer, at
        self.depth.append(0 if outer < 0 else self.depth[outer] + 1)
        for place, line in enumerate(lines):
            if isinstance(line, Branch):  # nested no deeper than regions are
                self._mention(" ".join(line.conditions), number)
                self._survey(line.then, number, place)
                self._survey(line.otherwise, number, place)
            elif isinstance(line, Statement | Assignment):
                self._mention(line.text, number)
                self.sets.setdefault(line.name, {}).setdefault(number, place)
                self.kinds[line.name] = line.kind

    def _mention(self, text: str, number: int) -> None:
        for word in set(WORD.findall(text)):
            self.uses.setdefault(word, set()).add(number)

    def run(self) -> list[Line]:
        """Return the lines with declarations, and assignments of what they declare."""
        added: dict[int, list[tuple[int, Line]]] = {}
        outer: set[str] = set()
        for name, places in self.sets.items():
            own = min(places, key=lambda number: self.depth[number])
            common = own
            for number in (*places, *self.uses.get(name, ())):
                common = self._common(common, number)
            if len(places) == 1 and common == own and self._is_statement(name, own):
                continue
            outer.add(name)
            start = self.starts.get(name, "")
            if start or self.declared:
                at = min(self._place(number, place, common) for number, place in places.items())
                line = Declaration(name, self.kinds[name], start)
                added.setdefault(common, []).append((at, line))
        for number in range(len(self.lists)):
            self._rewrite(self.lists[number], added.get(number, []), outer)
        return self.lines

    def _is_statement(self, name: str, number: int) -> bool:
        return isinstance(self.lists[number][self.sets[name][number]], Statement)

    def _rewrite(
        self, lines: list[Line], added: Sequence[tuple[int, Line]], outer: set[str]
    ) -> None:
        before: dict[int, list[Line]] = {}
        for place, line in added:
            before.setdefault(place, []).append(line)
        found: list[Line] = []
        for place, line in enumerate(lines):
            found += before.get(place, [])
            if isinstance(line, Statement) and line.name in outer:
                found.append(Assignment(line.name, line.text, line.kind))
            else:
                found.append(line)
        lines[:] = found

    def _chain(self, number: int) -> Iterator[tuple[int, int]]:
        at = -1
        while number >= 0:
            yield number, at
            number, at = self.around[number]

    def _common(self, one: int, other: int) -> int:
        """Return the list of lines around two."""
        outer = {number for number, _ in self._chain(one)}
        return next(number for number, _ in self._chain(other) if number in outer)

    def _place(self, number: int, place: int, outer: int) -> int:
        """Return which line of a list holds a line of one within it."""
        for found, at in self._chain(number):
            if found == outer:
                return place if found == number else at
        raise AssertionError("a line that is nowhere")
