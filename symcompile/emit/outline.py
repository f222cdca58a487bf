"""Cutting long code with branches into functions that a compiler takes in linear time.

A branch that is long is cut within, so that its functions are called where it is taken only. What
one function computes for others lies in a work array; see :mod:`symcompile.emit.chunks`, which
does the same for code without branches, where it is simpler.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeGuard

from symcompile.emit.blocks import WORD, Assignment, Branch, Declaration, Line
from symcompile.emit.chunks import CHUNK
from symcompile.emit.expression import Statement
from symcompile.ir.graph import Kind

_OPERATION = re.compile(r"[-+*/(<=]")


@dataclass
class Piece:
    """Lines that become a function of their own.

    Attributes:
        lines: the lines; what they need of others is loaded and what others need stored.
        stores: the names that are stored at the end, and their slots.
    """

    lines: list[Line]
    stores: dict[str, int] = field(default_factory=dict)


@dataclass
class Fork:
    """A branch that is taken or not outside of all pieces."""

    conditions: list[str]
    then: list[Part]
    otherwise: list[Part]


Part = Piece | Fork


class Outline:
    """Code in pieces.

    Args:
        lines: the code.
        results: texts that are used afterwards.
        load: returns the text of a slot that holds a number of some kind.
        given: names of what was computed before: to be stored in their slots by the caller.

    Attributes:
        parts: the pieces, and the branches around them.
        slots: how many numbers lie in the work array.
    """

    def __init__(
        self,
        lines: Sequence[Line],
        results: Sequence[str],
        load: Callable[[int, Kind], str],
        given: Sequence[Statement] = (),
    ) -> None:
        self._load = load
        self.kinds: dict[str, Kind] = {}
        for line in _all([*given, *lines]):
            if not isinstance(line, Branch):
                self.kinds[line.name] = line.kind
        self._declared = {line.name for line in _all(lines) if _declares(line)}
        #: When a name is set or mentioned first and last, counted in pieces.
        self._first: dict[str, int] = {}
        self._last: dict[str, int] = {}
        self._outside: set[str] = set()
        self._pieces: list[Piece] = []
        for statement in given:
            self._mention(statement.name, 0, outside=True)
        self.parts = self._cut(lines)
        for text in results:
            self._mention(text, len(self._pieces))
        self.slots = 0
        self._slots = self._allocate()
        for piece in self._pieces:
            self._complete(piece)
        self._rename(self.parts)

    def slot(self, name: str) -> int:
        """Return the slot of a name that passes between pieces."""
        return self._slots[name]

    def text(self, text: str) -> str:
        """Return a text for use outside of all pieces."""
        return WORD.sub(lambda word: self._held(word[0]), text)

    def _held(self, name: str) -> str:
        slot = self._slots.get(name)
        return name if slot is None else self._load(slot, self.kinds[name])

    # -- cutting ---------------------------------------------------------------------------

    def _cut(self, lines: Sequence[Line]) -> list[Part]:
        found: list[Part] = []
        run: list[Line] = []
        size = 0
        for line in lines:
            weight = _weight(line)
            if run and size + weight > CHUNK:
                found.append(self._piece(run))
                run, size = [], 0
            if isinstance(line, Branch) and weight > CHUNK:
                for condition in line.conditions:
                    self._mention(condition, len(self._pieces), outside=True)
                fork = Fork(line.conditions, self._cut(line.then), self._cut(line.otherwise))
                found.append(fork)
            else:
                run.append(line)
                size += weight
        if run:
            found.append(self._piece(run))
        return found

    def _piece(self, lines: list[Line]) -> Piece:
        number = len(self._pieces)
        for text in texts_of(lines):
            self._mention(text, number)
        for line in _all(lines):
            if _sets(line):
                self._mention(line.name, number)
        self._pieces.append(Piece(lines))
        return self._pieces[-1]

    def _mention(self, text: str, number: int, *, outside: bool = False) -> None:
        for word in set(WORD.findall(text)):
            if word in self.kinds:
                self._first.setdefault(word, number)
                self._last[word] = number
                if outside:
                    self._outside.add(word)

    def _allocate(self) -> dict[str, int]:
        """Return the slots of what passes from piece to piece; they are used again."""
        found: dict[str, int] = {}
        passing = [
            name
            for name, first in sorted(self._first.items(), key=lambda pair: (pair[1], pair[0]))
            if self._last[name] > first or name in self._outside
        ]
        ends: dict[int, list[int]] = {}
        free: list[int] = []
        now = 0
        for name in passing:
            while now < self._first[name]:
                free += ends.pop(now, [])
                now += 1
            if not free:
                free.append(self.slots)
                self.slots += 1
            found[name] = free.pop()
            ends.setdefault(self._last[name], []).append(found[name])
        return found

    # -- what pieces load and store --------------------------------------------------------

    def _complete(self, piece: Piece) -> None:
        """Add the lines that load what a piece needs; note what it stores."""
        first = (Statement, Declaration)
        own = {ln.name for ln in piece.lines if isinstance(ln, first) and _sets(ln)}
        sets = [line.name for line in _all(piece.lines) if _sets(line)]
        words = [word for text in texts_of(piece.lines) for word in WORD.findall(text)]
        loads: list[Line] = []
        changing: set[str] = set()
        for name in dict.fromkeys([*words, *sets]):
            slot = self._slots.get(name)
            if slot is None:
                continue
            if name in sets:
                piece.stores[name] = slot
            if name in own:
                continue
            text, kind = self._load(slot, self.kinds[name]), self.kinds[name]
            if name in sets:
                changing.add(name)
                loads.append(Declaration(name, kind, text))
            else:
                loads.append(Statement(name, text, kind))
        for name in dict.fromkeys(sets):
            if name in self._declared and name not in self._slots:
                loads.append(Declaration(name, self.kinds[name]))
        piece.lines = [*loads, *self._assigned(piece.lines, changing)]

    def _assigned(self, lines: Sequence[Line], names: set[str]) -> list[Line]:
        """Return lines in which names are only set that were declared before."""
        found: list[Line] = []
        for line in lines:
            if isinstance(line, Branch):
                then, otherwise = (self._assigned(p, names) for p in (line.then, line.otherwise))
                found.append(Branch(line.conditions, then, otherwise))
            elif line.name in names and line.text:
                found.append(Assignment(line.name, line.text, line.kind))
            elif not _declares(line):  # declared where a piece sets it
                found.append(line)
        return found

    def _rename(self, parts: Sequence[Part]) -> None:
        for part in parts:
            if isinstance(part, Fork):
                part.conditions = [self.text(condition) for condition in part.conditions]
                self._rename(part.then)
                self._rename(part.otherwise)


def _all(lines: Sequence[Line]) -> Iterator[Line]:
    """Yield lines and those within them."""
    for line in lines:
        yield line
        if isinstance(line, Branch):
            yield from _all(line.then)
            yield from _all(line.otherwise)


def _sets(line: Line) -> TypeGuard[Statement | Assignment | Declaration]:
    """Return whether a line gives a name a value."""
    return not isinstance(line, Branch) and bool(line.text)


def _declares(line: Line) -> TypeGuard[Declaration]:
    """Return whether a line does nothing but to declare."""
    return isinstance(line, Declaration) and not line.text


def texts_of(lines: Sequence[Line]) -> Iterator[str]:
    """Yield the expressions in some lines."""
    for line in _all(lines):
        if isinstance(line, Branch):
            yield from line.conditions
        else:
            yield line.text


def _weight(line: Line) -> int:
    """Return about how many operations a line holds."""
    if not isinstance(line, Branch):
        return 1 + len(_OPERATION.findall(line.text))
    inner = [*line.then, *line.otherwise]
    return len(line.conditions) + sum(_weight(line) for line in inner)
