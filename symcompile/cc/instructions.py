"""Instructions, and the memory that they work in."""

from __future__ import annotations

from symcompile.cc import types
from symcompile.cc.types import Type
from symcompile.cc.values import Value
from symcompile.errors import LoweringError


class Instructions:
    """The instructions of one function."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        #: Room for variables, all of it at the start of the function.
        self.rooms: list[str] = []
        self.count = 0
        #: What is written after loads and stores: that those of a loop do not meet.
        self.group = ""
        #: The flags of additions, as `contract` in products of matrices.
        self.flags = ""

    # -- instructions ----------------------------------------------------------------------

    def instruction(self, text: str) -> str:
        """Add an instruction; return the register that it sets."""
        self.count += 1
        name = f"%v{self.count}"
        self.lines.append(f"  {name} = {text}")
        return name

    def label(self) -> str:
        """Return a new label."""
        self.count += 1
        return f"b{self.count}"

    def start(self, label: str) -> None:
        """Begin a block; the one before goes on there."""
        if not self.ended():
            self.lines.append(f"  br label %{label}")
        self.lines.append(f"{label}:")

    def ended(self) -> bool:
        """Return whether nothing more is reached here."""
        last = self.lines[-1] if self.lines else ""
        return last.startswith(("  br ", "  ret ", "  unreachable"))

    def branch(self, condition: str, yes: str, no: str) -> None:
        """Go on at one of two labels."""
        self.lines.append(f"  br i1 {condition}, label %{yes}, label %{no}")

    def room(self, type: Type) -> str:
        """Return where a new variable lies."""
        self.count += 1
        name = f"%r{self.count}"
        self.rooms.append(f"  {name} = alloca {type.text}, align {max(type.align, 8)}")
        return name

    # -- memory ----------------------------------------------------------------------------

    def loaded(self, value: Value) -> Value:
        """Return a value, read from its place if it is in one; an array is where it starts."""
        type = value.type
        if type.kind == "function":
            return Value(types.pointer(type), value.text)
        if not value.place:
            return value
        if type.kind == "array":
            assert type.of is not None
            return Value(types.pointer(type.of), value.text)
        group = "" if value.local else self.group
        text = self.instruction(f"load {type.text}, ptr {value.text}, align {type.align}{group}")
        return Value(type, text)

    def store(self, place: Value, value: Value) -> Value:
        """Put a value into a place; return it as it is there."""
        value = self.convert(value, place.type)
        group = "" if place.local else self.group
        self.lines.append(
            f"  store {value.type.text} {value.text}, ptr {place.text},"
            f" align {place.type.align}{group}"
        )
        return value

    def moved(self, base: str, of: Type, index: Value) -> str:
        """Return where the entry of an index lies."""
        if index.known == 0:
            return base
        index = self.convert(index, types.LONG)
        return self.instruction(f"getelementptr inbounds {of.text}, ptr {base}, i64 {index.text}")

    def member(self, place: Value, name: str) -> Value:
        """Return a member of a struct."""
        if name not in place.type.names:
            raise LoweringError(f"C: a struct has no {name}")
        at = place.type.names.index(name)
        type = place.type.members[at]
        if not place.place:
            text = self.instruction(f"extractvalue {place.type.text} {place.text}, {at}")
            return Value(type, text)
        text = self.instruction(
            f"getelementptr inbounds {place.type.text}, ptr {place.text}, i32 0, i32 {at}"
        )
        return Value(type, text, place=True, local=place.local)

    def needs(self, name: str, declaration: str) -> None:
        """Note that a function of LLVM's is called."""
        raise NotImplementedError

    def convert(self, value: Value, type: Type) -> Value:
        """Return a value as one of another type."""
        raise NotImplementedError
