"""Calls, and what variables start as."""

from __future__ import annotations

from collections.abc import Sequence

from symcompile.cc import types
from symcompile.cc.emitter import Emitter
from symcompile.cc.reader import Reader
from symcompile.cc.types import Type
from symcompile.cc.values import Value


class Calls(Reader, Emitter):
    """The calls and initialisers of one function; their parts are expressions."""

    def expression(self) -> Value:
        """Read an expression with assignments."""
        raise NotImplementedError

    def copy(self, place: Value, value: Value) -> None:
        """Put a struct into a place."""
        found = self.whole(value)
        self.lines.append(f"  store {found.type.text} {found.text}, ptr {place.text}")

    def whole(self, value: Value) -> Value:
        """Return a struct as a value; an array is where it starts."""
        if not value.place or value.type.kind == "array":
            return self.loaded(value)
        text = self.instruction(f"load {value.type.text}, ptr {value.text}")
        return Value(value.type, text)

    # -- calls -----------------------------------------------------------------------------

    def arguments(self) -> list[Value]:
        found = []
        while not self.accept(")"):
            value = self.expression()
            found.append(self.whole(value) if value.type.aggregate else self.loaded(value))
            self.accept(",")
        return found

    def called(self, value: Value) -> Value:
        arguments = self.arguments()
        if value.place and value.type.kind == "pointer":
            value = self.loaded(value)
        type = value.type if value.type.kind == "function" else value.type.of
        assert type is not None and type.kind == "function" and type.of is not None
        own = value.text.startswith("@") and value.text[1:] in self.unit.functions
        return self.call(value.text, type, arguments, spread=not own)

    def call(
        self, name: str, type: Type, arguments: Sequence[Value], *, spread: bool, pure: str = ""
    ) -> Value:
        """Call a function.

        Args:
            name: what LLVM calls it.
            type: its type.
            arguments: what it is given.
            spread: whether a complex number is given as two numbers, as C's convention has it.
            pure: the attributes of the call.
        """
        result = type.of
        assert result is not None
        texts = []
        for k, given in enumerate(arguments):
            wanted = type.members[k] if k < len(type.members) else given.type
            if wanted.whole and wanted.size < 4 and k >= len(type.members):
                wanted = types.INT
            argument = self.convert(given, wanted)
            if spread and argument.type.kind == "complex":
                for part in (0, 1):
                    one = self.part(argument, part)
                    texts.append(f"{one.type.text} {one.text}")
            else:
                texts.append(f"{argument.type.text} {argument.text}")
        head = result.text
        if type.variadic:
            head = f"{result.text} ({', '.join([t.text for t in type.members] + ['...'])})"
        text = f"call {head} {name}({', '.join(texts)}){pure}"
        if result.kind == "void":
            self.lines.append(f"  {text}")
            return Value(result, "")
        return Value(result, self.instruction(text))

    # -- initialisers ----------------------------------------------------------------------

    def initialise(self, place: Value) -> None:
        """Read what a variable starts as, and put it there."""
        type = place.type
        if not self.accept("{"):
            value = self.expression()
            if type.aggregate:
                self.copy(place, value)
            else:
                self.store(place, value)
            return
        if type.number or type.kind == "pointer":
            self.store(place, self.expression())
            self.accept(",")
            self.expect("}")
            return
        given = list[Value]()
        at = 0
        count = type.count if type.kind != "struct" else len(type.members)
        while not self.accept("}"):
            if not at and self.given() < count:
                self.lines.append(f"  store {type.text} zeroinitializer, ptr {place.text}")
            if type.kind == "vector":
                given.append(self.loaded(self.expression()))
            else:
                self.initialise(self._entry(place, at))
            at += 1
            self.accept(",")
        if type.kind == "vector":
            assert type.of is not None
            text = "zeroinitializer"
            for k, value in enumerate(given):
                one = self.convert(value, type.of)
                text = self.instruction(
                    f"insertelement {type.text} {text}, {type.of.text} {one.text}, i32 {k}"
                )
            self.store(place, Value(type, text))

    def _entry(self, place: Value, at: int) -> Value:
        type = place.type
        if type.kind == "struct":
            return self.member(place, type.names[at])
        assert type.of is not None
        index = Value(types.LONG, str(at), known=at)
        return Value(type.of, self.moved(place.text, type.of, index), place=True, local=place.local)
