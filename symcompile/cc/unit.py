"""A file of C: what it declares, and the functions that are wanted of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from symcompile.cc import types
from symcompile.cc.builtins import CONSTANTS
from symcompile.cc.expressions import Expressions
from symcompile.cc.parts import module, modules
from symcompile.cc.preprocess import tokens
from symcompile.cc.reader import Declared, Reader
from symcompile.cc.statements import Body
from symcompile.cc.types import Type
from symcompile.cc.values import Value
from symcompile.errors import LoweringError

_NAME = re.compile(r"@[\w.]+")
#: The groups of attributes that functions have; what is in them is the module's affair.
PLAIN, NOINLINE, INLINE, COLD, SMALL = "#0", "#3", "#4", "#5", "#6"
#: What the C that is lowered finds defined: the dialect that it may use.
DEFINED = {"__GNUC__": "13"}
#: The functions of libm that a vector libm may have.
VECTOR = frozenset(
    "acos acosh asin asinh atan atan2 atanh cbrt cos cosh erf erfc exp exp2 expm1 hypot log log10"
    " log1p log2 pow sin sinh tan tanh".split()
)


@dataclass
class Defined:
    """A function that the unit defines.

    Attributes:
        name: what it is called.
        type: its type.
        parameters: its arguments.
        start: where its body begins among the tokens.
        group: the attributes that it has.
        fused: whether a product and a sum may be one operation in it.
        exported: whether it is one of those that are wanted.
    """

    name: str
    type: Type
    parameters: Sequence[Declared]
    start: int
    group: str = PLAIN
    fused: bool = False
    exported: bool = False


@dataclass(frozen=True)
class Lowered:
    """A file of C in LLVM's language.

    Attributes:
        text: the module, without the attributes of groups, which depend on the machine.
        glue: another one, if it was asked for, of what is not worth optimising.
        library: the functions of libm that it calls as ``sc.NAME``.
        external: the other functions that it needs.
        vectors: the groups of attributes of calls that vector units may do: the number, the
            function, how many arguments it takes, and of which type.
    """

    text: str
    library: tuple[str, ...]
    external: tuple[str, ...]
    vectors: tuple[tuple[int, str, int, str], ...] = ()
    glue: str = ""


def lower(
    text: str,
    exported: Iterable[str],
    defined: Mapping[str, str] | None = None,
    variables: Iterable[str] = (),
    groups: Mapping[str, str] | None = None,
    given: Mapping[str, Callable[[Unit], str]] | None = None,
    loops: Iterable[str] = (),
    glue: Iterable[str] = (),
) -> Lowered:
    """Return C as LLVM's intermediate language.

    Only what is reached from the exported functions is lowered.

    Args:
        text: the C.
        exported: the names of the functions that are called from outside.
        defined: what is defined beside ``DEFINED``, as by ``-D``: the features of the processor.
        variables: the variables that are set from outside.
        groups: the attributes of functions that do not have those that the C gives them.
        given: functions that are declared only, and who writes them in LLVM's language.
        loops: if there is glue, the functions that are worth optimising.
        glue: functions that are not, which go to a module of their own.

    Raises:
        LoweringError: the C is not of the part that is known; says where.

    Example:
        >>> print(lower("static int two(void) { return 1 + 1; }", ["two"]).text)
        define i32 @two() #0 {
        entry:
          ret i32 2
        }
        <BLANKLINE>
    """
    unit = Unit(text, {**DEFINED, **(defined or {})}, variables, groups, given)
    return unit.lowered(exported, loops, glue)


class Unit:
    """A file of C as it is read."""

    def __init__(
        self,
        text: str,
        defined: Mapping[str, str],
        variables: Iterable[str] = (),
        groups: Mapping[str, str] | None = None,
        given: Mapping[str, Callable[[Unit], str]] | None = None,
    ) -> None:
        self.typedefs: dict[str, Type] = {}
        self.structs: dict[str, Type] = {}
        self.enumerators: dict[str, int] = {}
        self.functions: dict[str, Defined] = {}
        #: The declarations of functions that are elsewhere, by what LLVM calls them.
        self.declarations: dict[str, str] = {}
        self.single = "<tgmath.h>" in text
        self.variables = frozenset(variables)
        self._groups = groups or {}
        self._places: dict[str, Value] = {}
        self._definitions: list[str] = []
        self._known: dict[str, Type] = {}
        self._library: dict[str, None] = {}
        self._external: dict[str, None] = {}
        self._vectors: dict[str, tuple[int, str, int, str]] = {}
        self._metadata: dict[str, int] = {}
        self._notes: list[str] = []
        self._wanted: list[str] = []
        self._lowered: set[str] = set()
        #: What operations become, for those who write many; see :mod:`symcompile.cc.recipe`.
        self.recipes: dict[Any, Any] = {}
        self.given = dict(given or {})
        self.items = tokens(text, defined)
        self._read()

    # -- the outermost level ---------------------------------------------------------------

    def _read(self) -> None:
        reader = Reader(self, self.items)
        fused: list[bool] = [False]
        while reader.peek():
            if reader.peek().startswith("#"):
                pragma = reader.take()
                if "fp-contract=fast" in pragma:
                    fused.append(True)
                elif "pop_options" in pragma:
                    fused.pop()
                continue
            if reader.accept(";"):
                continue
            self._one(reader, fused[-1])

    def _one(self, reader: Reader, fused: bool) -> None:
        base = reader.specifiers()
        if reader.accept(";"):
            return
        while True:
            one = reader.declarator(base)
            if "typedef" in base.flags:
                self.typedefs[one.name] = one.type
            elif one.type.kind == "function" and reader.peek() == "{":
                self._function(reader, one, base.flags, fused)
                return
            elif one.type.kind == "function":
                self._known[one.name] = one.type
            else:
                self._variable(reader, one, base.flags)
            if not reader.accept(","):
                break
        reader.expect(";")

    def _function(self, reader: Reader, one: Declared, flags: set[str], fused: bool) -> None:
        group = PLAIN
        if "noinline" in flags or "always_inline" in flags:
            group = NOINLINE if "noinline" in flags else INLINE
        group = self._groups.get(one.name, group)
        self.functions[one.name] = Defined(
            one.name, one.type, one.parameters, reader.at, group, fused
        )
        reader.take()
        reader.until("}")

    def _variable(self, reader: Reader, one: Declared, flags: set[str]) -> None:
        code = Expressions(self, self.items, reader.at)
        value = self.define_global(
            one.name, one.type, code, constant=one.const, external="extern" in flags
        )
        reader.at = code.at
        self._places[one.name] = value

    def define_global(
        self, name: str, type: Type, code: Expressions, *, constant: bool, external: bool = False
    ) -> Value:
        """Return a variable of the whole file, read with its value."""
        text = "zeroinitializer"
        if code.accept("="):
            text, type = self._constant_value(code, type)
        if external:
            self._external[name] = None
            self._definitions.append(f"@{name} = external global {type.text}")
        else:
            link = "" if name in self.variables else "internal "
            word = "constant" if constant and name not in self.variables else "global"
            self._definitions.append(f"@{name} = {link}{word} {type.text} {text}")
        return Value(type, f"@{name}", place=True)

    def _constant_value(self, code: Expressions, type: Type) -> tuple[str, Type]:
        """Read a value that is known now; return it and its type, whose length it may say."""
        if not code.accept("{"):
            before = len(code.lines)
            value = code.convert(code.expression(), type)
            if len(code.lines) > before:
                raise code.error("a constant is missing")
            return value.text, type
        parts = list[str]()
        of = type.of
        while not code.accept("}"):
            kind = of or type.members[len(parts)]
            inner, _ = self._constant_value(code, kind)
            parts.append(f"{kind.text} {inner}")
            code.accept(",")
        if type.kind == "array":
            assert of is not None
            if type.count < 0:
                type = types.array(of, len(parts))
            if parts == [f"{of.text} 0"] and type.count > 1:
                return "zeroinitializer", type
            rest = [f"{of.text} zeroinitializer"] * (type.count - len(parts))
            return f"[{', '.join(parts + rest)}]", type
        return f"{{ {', '.join(parts)} }}", type

    def constant(self, items: Sequence[str]) -> int:
        """Return the value of a constant expression of integers."""
        code = Expressions(self, items)
        found = code.comma().known
        if found is None:
            raise LoweringError(f"C: {' '.join(items)} is not known")
        return found

    # -- what functions ask for ------------------------------------------------------------

    def globals(self, name: str) -> Value | None:
        """Return what a name means outside of functions."""
        if name in self.functions:
            self.want(name)
            return Value(self.functions[name].type, f"@{name}")
        if name in self._places:
            return self._places[name]
        if name in self.given:
            self.want(name)
            return Value(self._known[name], f"@{name}")
        if name in self._known and name not in CONSTANTS:
            self.external(name, self._known[name])
            return Value(self._known[name], f"@{name}")
        return None

    def want(self, name: str) -> None:
        """Note that a function of the unit is called."""
        if name not in self._lowered:
            self._lowered.add(name)
            self._wanted.append(name)

    def external(self, name: str, type: Type) -> None:
        """Note that a function elsewhere is called."""
        self._external[name] = None
        self.declarations[name] = _declared(name, type)

    def library(self, name: str, type: Type) -> None:
        """Note that a function of libm is called."""
        self._library[name] = None
        self.declarations[f"sc.{name}"] = _declared(f"sc.{name}", type) + " #1"

    def vector_group(self, name: str, type: Type) -> str:
        """Return the attributes of calls of a function of libm that vector units may do."""
        assert type.of is not None
        if (name[:-1] if type.of is types.FLOAT else name) not in VECTOR:
            return ""
        count = len(type.members)
        group = self._vectors.setdefault(name, (10 + len(self._vectors), name, count, type.of.text))
        return f" #{group[0]}"

    def metadata(self, text: str) -> str:
        """Return the name of a piece of metadata; what is distinct is new each time."""
        if text in self._metadata:
            return f"!{self._metadata[text]}"
        number = len(self._notes)
        self._notes.append(f"!{number} = {text.replace('SELF', str(number))}")
        if not text.startswith("distinct"):
            self._metadata[text] = number
        return f"!{number}"

    def string(self, text: str) -> Value:
        """Return where a text lies."""
        data = text.encode() + b"\0"
        name = f"text{len(self._definitions)}"
        inner = "".join(f"\\{byte:02X}" for byte in data)
        type = types.array(types.CHAR, len(data))
        self._definitions.append(f'@{name} = internal constant {type.text} c"{inner}"')
        return Value(types.pointer(types.CHAR), f"@{name}")

    # -- the whole -------------------------------------------------------------------------

    def lowered(
        self, exported: Iterable[str], loops: Iterable[str] = (), glue: Iterable[str] = ()
    ) -> Lowered:
        """Return what is reached from some functions, in one module or in two."""
        for name in exported:
            self.functions[name].exported = True
            self.want(name)
        bodies = dict[str, str]()
        while self._wanted:
            name = self._wanted.pop(0)
            if name in self.given:
                bodies[name] = self.given[name](self)
            else:
                bodies[name] = Body(self, self.functions[name]).text()
        declarations = [self.declarations[name] for name in sorted(self.declarations)]
        definitions = _used(self._definitions, bodies.values())
        if glue:
            text, around = modules(definitions, declarations, bodies, self._notes, loops, glue)
        else:
            text = module(definitions, declarations, bodies.values(), self._notes)
            around = ""
        outside = tuple(self._library), tuple(self._external)
        return Lowered(text, *outside, tuple(self._vectors.values()), around)


def _used(definitions: Sequence[str], bodies: Iterable[str]) -> list[str]:
    """Return the variables that are mentioned somewhere, and those that are set from outside."""
    by_name = {definition.split(" ", 1)[0]: definition for definition in definitions}
    kept = {name for name, definition in by_name.items() if f"{name} = internal" not in definition}
    pending = [*bodies, *(by_name[name] for name in kept)]
    while pending and len(kept) < len(by_name):
        for name in set(_NAME.findall(pending.pop())) - kept:
            if name in by_name:
                kept.add(name)
                pending.append(by_name[name])
    return [definition for name, definition in by_name.items() if name in kept]


def _declared(name: str, type: Type) -> str:
    assert type.of is not None
    parts = list[str]()
    for member in type.members:
        if member.kind == "complex":
            assert member.of is not None
            parts += [member.of.text] * 2
        else:
            parts.append(member.text)
    if type.variadic:
        parts.append("...")
    return f"declare {type.of.text} @{name}({', '.join(parts)})"
