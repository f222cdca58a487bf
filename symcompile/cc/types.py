"""The types of C, how large they are, and what LLVM calls them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

TypeKind = Literal[
    "void", "bool", "int", "float", "complex", "pointer", "array", "vector", "struct", "function"
]


@dataclass(frozen=True, eq=False)
class Type:
    """A type. Two are the same where they are one object, but for the pointers.

    Attributes:
        kind: what it is. A ``bool`` is what comparisons give: an ``int`` of one bit.
        text: what LLVM calls it.
        size: how many bytes it takes, zero where that is not known.
        align: how it is aligned.
        signed: whether an integer is.
        of: what a pointer points to, the entry of an array or vector, the parts of a complex
            number, the result of a function.
        count: how many entries an array or vector has.
        names: of the members of a struct.
        members: their types, or those of the arguments of a function.
        variadic: whether a function takes more arguments than these.
    """

    kind: TypeKind
    text: str
    size: int = 0
    align: int = 1
    signed: bool = True
    of: Type | None = None
    count: int = 0
    names: tuple[str, ...] = ()
    members: tuple[Type, ...] = ()
    variadic: bool = False

    def become(self, other: Type) -> None:
        """Take over what another type is: a struct that was named before it was defined."""
        for name in ("text", "size", "align", "names", "members"):
            object.__setattr__(self, name, getattr(other, name))

    @property
    def number(self) -> bool:
        """Whether it is a real number."""
        return self.kind in ("int", "float", "bool")

    @property
    def whole(self) -> bool:
        """Whether it is an integer."""
        return self.kind in ("int", "bool")

    @property
    def aggregate(self) -> bool:
        """Whether its values live in memory."""
        return self.kind in ("array", "struct")

    def offset(self, name: str) -> int:
        """Return where a member of a struct lies in it, in bytes."""
        at = 0
        for own, member in zip(self.names, self.members, strict=True):
            at = -(-at // member.align) * member.align
            if own == name:
                return at
            at += member.size
        raise KeyError(name)


VOID = Type("void", "void", 1)
BOOL = Type("bool", "i1", 1, 1, False)
CHAR = Type("int", "i8", 1, 1)
BYTE = Type("int", "i8", 1, 1, False)
INT = Type("int", "i32", 4, 4)
UNSIGNED = Type("int", "i32", 4, 4, False)
LONG = Type("int", "i64", 8, 8)
SIZE = Type("int", "i64", 8, 8, False)
FLOAT = Type("float", "float", 4, 4)
DOUBLE = Type("float", "double", 8, 8)
COMPLEX = Type("complex", "{ double, double }", 16, 8, of=DOUBLE)
COMPLEX64 = Type("complex", "{ float, float }", 8, 4, of=FLOAT)


@cache
def pointer(to: Type) -> Type:
    """Return the type of what points to values of a type."""
    return Type("pointer", "ptr", 8, 8, False, of=to)


@cache
def array(of: Type, count: int) -> Type:
    """Return the type of so many values in a row."""
    return Type("array", f"[{count} x {of.text}]", of.size * count, of.align, of=of, count=count)


@cache
def vector(of: Type, count: int) -> Type:
    """Return the type of so many numbers in one register; in memory they lie anywhere."""
    return Type("vector", f"<{count} x {of.text}>", of.size * count, of.align, of=of, count=count)


def struct(names: Sequence[str], members: Sequence[Type]) -> Type:
    """Return a new struct."""
    at, align = 0, 1
    for member in members:
        at = -(-at // member.align) * member.align + member.size
        align = max(align, member.align)
    text = f"{{ {', '.join(member.text for member in members)} }}"
    size = -(-at // align) * align
    return Type("struct", text, size, align, names=tuple(names), members=tuple(members))


def function(result: Type, arguments: Sequence[Type], *, variadic: bool = False) -> Type:
    """Return the type of a function."""
    return Type("function", "ptr", 1, of=result, members=tuple(arguments), variadic=variadic)


#: The names of types that headers define, and those that stand for several words.
NAMED = {
    "void": VOID,
    "char": CHAR,
    "signed char": CHAR,
    "unsigned char": BYTE,
    "int": INT,
    "unsigned": UNSIGNED,
    "unsigned int": UNSIGNED,
    "long": LONG,
    "long long": LONG,
    "unsigned long": SIZE,
    "unsigned long long": SIZE,
    "float": FLOAT,
    "double": DOUBLE,
    "double _Complex": COMPLEX,
    "float _Complex": COMPLEX64,
    "ptrdiff_t": LONG,
    "size_t": SIZE,
    "npy_intp": LONG,
    "npy_bool": BYTE,
    "Py_ssize_t": LONG,
    "pthread_t": SIZE,
}
#: The words that such names are made of.
WORDS = frozenset(word for name in NAMED for word in name.split())
