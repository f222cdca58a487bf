"""Reading declarations: types, declarators and what stands around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from symcompile.cc import types
from symcompile.cc.types import Type
from symcompile.errors import LoweringError

if TYPE_CHECKING:
    from symcompile.cc.unit import Unit

_FLAGS = {"static", "extern", "inline", "typedef", "const", "volatile", "register", "__thread"}
_QUALIFIERS = {"const", "restrict", "__restrict", "volatile"}


@dataclass
class Specifiers:
    """What a declaration begins with."""

    type: Type
    flags: set[str] = field(default_factory=set)


@dataclass
class Declared:
    """One name that is declared.

    Attributes:
        name: it; empty in a type by itself.
        type: its type.
        const: whether it never changes.
        restrict: whether nothing else points to where it points.
        parameters: those of a function.
    """

    name: str
    type: Type
    const: bool = False
    restrict: bool = False
    parameters: list[Declared] = field(default_factory=list)


class Reader:
    """A place in a sequence of tokens, and how declarations are read there."""

    def __init__(self, unit: Unit, items: Sequence[str], at: int = 0) -> None:
        self.unit = unit
        self.items = items
        self.at = at
        #: Names of types, the innermost scope last.
        self.typedefs: list[dict[str, Type]] = [unit.typedefs]

    # -- tokens ----------------------------------------------------------------------------

    def peek(self, ahead: int = 0) -> str:
        """Return a token that is still to come; nothing where there is none."""
        try:
            return self.items[self.at + ahead]
        except IndexError:
            return ""

    def take(self) -> str:
        """Return the next token and go on."""
        item = self.items[self.at]
        self.at += 1
        return item

    def accept(self, item: str) -> bool:
        """Go on where the next token is this one."""
        try:
            if self.items[self.at] != item:
                return False
        except IndexError:
            return False
        self.at += 1
        return True

    def expect(self, item: str) -> None:
        """Go past a token that must be there.

        Raises:
            LoweringError: it is not.
        """
        if not self.accept(item):
            raise self.error(f"{item!r} is missing")

    def error(self, what: str) -> LoweringError:
        """Return what says where reading stopped."""
        around = " ".join(self.items[max(self.at - 12, 0) : self.at + 6])
        return LoweringError(f"C: {what} near: {around}")

    # -- types -----------------------------------------------------------------------------

    def named(self, name: str) -> Type | None:
        """Return the type that a name stands for."""
        for scope in reversed(self.typedefs):
            if name in scope:
                return scope[name]
        return None

    def at_type(self, ahead: int = 0) -> bool:
        """Return whether a declaration or a type begins here."""
        item = self.peek(ahead)
        return (
            item in types.WORDS
            or item in _FLAGS
            or item in ("struct", "enum", "__attribute__")
            or self.named(item) is not None
        )

    def specifiers(self) -> Specifiers:
        """Read what a declaration begins with."""
        flags, words = set[str](), list[str]()
        found: Type | None = None
        while True:
            item = self.peek()
            if item in _FLAGS:
                flags.add(self.take())
            elif item == "__attribute__":
                flags |= self.attributes()
            elif item == "struct":
                self.take()
                found = self._struct()
            elif item == "enum":
                self.take()
                self._enum()
                found = types.INT
            elif found is None and item in types.WORDS:
                words.append(self.take())
                if " ".join(words) in types.NAMED and self.peek() not in types.WORDS:
                    found = types.NAMED[" ".join(words)]
            elif found is None and not words and (known := self.named(item)) is not None:
                self.take()
                found = known
            else:
                break
        if found is None:
            raise self.error("a type is missing")
        return Specifiers(found, flags)

    def attributes(self) -> set[str]:
        """Read attributes; return those that matter, the length of a vector among them."""
        found = set[str]()
        while self.accept("__attribute__"):
            self.expect("(")
            self.expect("(")
            while not self.accept(")"):
                name = self.take()
                if self.accept("("):
                    inner = self.until(")")
                    if name == "vector_size":
                        found.add(f"vector_size {self.unit.constant(inner)}")
                elif name in ("noinline", "always_inline"):
                    found.add(name)
            self.expect(")")
        return found

    def until(self, end: str) -> list[str]:
        """Return the tokens up to one, which is passed; parentheses and brackets are balanced."""
        depth, start = 0, self.at
        while True:
            item = self.take()
            if item == end and not depth:
                return list(self.items[start : self.at - 1])
            depth += (item in ("(", "[", "{")) - (item in (")", "]", "}"))

    def given(self) -> int:
        """Return how many values stand here up to the end of braces."""
        depth, commas, at = 0, 0, self.at
        while depth or self.items[at] != "}":
            item = self.items[at]
            depth += (item in ("(", "[", "{")) - (item in (")", "]", "}"))
            commas += item == "," and not depth
            at += 1
        return commas + (self.items[at - 1] != ",")

    def _struct(self) -> Type:
        tag = self.take() if self.peek() != "{" else ""
        if not self.accept("{"):
            if tag not in self.unit.structs:
                self.unit.structs[tag] = Type("struct", "i8", 0)  # of which nothing is known yet
            return self.unit.structs[tag]
        names, members = list[str](), list[Type]()
        while not self.accept("}"):
            base = self.specifiers()
            for one in self.declarators(base):
                names.append(one.name)
                members.append(one.type)
            self.expect(";")
        found = types.struct(names, members)
        before = self.unit.structs.get(tag)
        if before is not None:
            # What points to it knows it from now on.
            before.become(found)
            return before
        if tag:
            self.unit.structs[tag] = found
        return found

    def _enum(self) -> None:
        self.expect("{")
        value = 0
        while not self.accept("}"):
            name = self.take()
            if self.accept("="):
                start = self.at
                while self.peek() not in (",", "}"):
                    self.take()
                value = self.unit.constant(self.items[start : self.at])
            self.unit.enumerators[name] = value
            value += 1
            self.accept(",")

    # -- declarators -----------------------------------------------------------------------

    def declarators(self, base: Specifiers) -> list[Declared]:
        """Read names that are declared together, without values."""
        found = [self.declarator(base)]
        while self.accept(","):
            found.append(self.declarator(base))
        return found

    def declarator(self, base: Specifiers) -> Declared:
        """Read one name and its type; in a type by itself there is no name."""
        type, const, restrict = base.type, "const" in base.flags, False
        while self.accept("*"):
            type, const, restrict = types.pointer(type), False, False
            while self.peek() in _QUALIFIERS:
                word = self.take()
                const, restrict = const or word == "const", restrict or "restrict" in word
        if self.peek() == "(" and self.peek(1) == "*":
            self.take()
            self.take()
            const = False
            while self.peek() in _QUALIFIERS:
                const = self.take() == "const" or const
            name = self.take() if self.peek() != ")" else ""
            counts = self._counts()
            self.expect(")")
            self.expect("(")
            made, _ = self._parameters(type)
            return Declared(name, _arrayed(types.pointer(made), counts), const)
        name = ""
        if self.peek() not in ("", "(", ")", ",", "[", ";", "=", ":"):
            name = self.take()
        if self.accept("("):
            made, parameters = self._parameters(type)
            self.attributes()
            return Declared(name, made, True, False, parameters)
        type = _arrayed(type, self._counts())
        length = next((f for f in self.attributes() if f.startswith("vector_size")), "")
        if length:
            type = types.vector(type, int(length.split()[1]) // type.size)
        return Declared(name, type, const, restrict)

    def _counts(self) -> list[int]:
        """Read the lengths of an array, -1 for one that its value will say."""
        counts = []
        while self.accept("["):
            inner = self.until("]")
            counts.append(self.unit.constant(inner) if inner else -1)
        return counts

    def _parameters(self, result: Type) -> tuple[Type, list[Declared]]:
        parameters = list[Declared]()
        variadic = False
        if self.peek() == "void" and self.peek(1) == ")":
            self.take()
        while not self.accept(")"):
            if self.accept("..."):
                variadic = True
                continue
            one = self.declarator(self.specifiers())
            if one.type.kind == "array":
                assert one.type.of is not None
                one.type = types.pointer(one.type.of)
            elif one.type.kind == "function":
                one.type = types.pointer(one.type)
            parameters.append(one)
            self.accept(",")
        kinds = [one.type for one in parameters]
        return types.function(result, kinds, variadic=variadic), parameters

    def type_name(self) -> Type:
        """Read a type by itself, as in a cast."""
        return self.declarator(self.specifiers()).type


def _arrayed(type: Type, counts: Sequence[int]) -> Type:
    for count in reversed(counts):
        type = types.array(type, count)
    return type
