"""Expressions: read and turned into instructions in one go, by precedence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from symcompile.cc import types
from symcompile.cc.builtins import CONSTANTS, call_builtin
from symcompile.cc.calls import Calls
from symcompile.cc.emitter import Emitter
from symcompile.cc.reader import Reader
from symcompile.cc.types import Type
from symcompile.cc.values import Value, real_text

if TYPE_CHECKING:
    from symcompile.cc.unit import Unit

_LEVELS = {
    "||": 1,
    "&&": 2,
    "|": 3,
    "^": 4,
    "&": 5,
    "==": 6,
    "!=": 6,
    "<": 7,
    ">": 7,
    "<=": 7,
    ">=": 7,
    "<<": 8,
    ">>": 8,
    "+": 9,
    "-": 9,
    "*": 10,
    "/": 10,
    "%": 10,
}
_ASSIGNMENTS = {"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="}
#: An arm of a choice that is longer than this is not computed for nothing.
_SHORT_ARM = 8
_ESCAPES = {"n": "\n", "t": "\t", "0": "\0", "\\": "\\", '"': '"', "'": "'"}


class Expressions(Calls):
    """The expressions of one function."""

    def __init__(self, unit: Unit, items: Sequence[str], at: int = 0) -> None:
        Reader.__init__(self, unit, items, at)
        Emitter.__init__(self)
        self.scopes: list[dict[str, Value]] = [{}]
        #: Registers and rooms that a loop adds to in any order.
        self.reductions: frozenset[str] = frozenset()
        #: Whether the code is in a loop for vector units, which choose rather than branch.
        self.vector = False

    def needs(self, name: str, declaration: str) -> None:
        """Note that a function of LLVM's is called."""
        self.unit.declarations[name] = declaration

    # -- by precedence ---------------------------------------------------------------------

    def comma(self) -> Value:
        """Read an expression in which commas may stand."""
        found = self.expression()
        while self.accept(","):
            found = self.expression()
        return found

    def expression(self) -> Value:
        """Read an expression with assignments."""
        left = self.ternary()
        sign = self.peek()
        if sign not in _ASSIGNMENTS:
            return left
        self.take()
        right = self.expression()
        if sign == "=":
            if left.type.aggregate:
                self.copy(left, right)
                return left
            return self.store(left, right)
        flags = " reassoc" if left.text in self.reductions else ""
        return self.store(left, self.binary(sign[:-1], left, right, flags))

    def ternary(self) -> Value:
        """Read a choice."""
        condition = self.levels(1)
        if not self.accept("?"):
            return condition
        test = self.truth(condition)
        labels = [self.label() for _ in range(3)]
        first, second = self._arm(labels[0], ":"), self._arm(labels[1], "")
        type = self._joint(first[1], second[1])
        if test in ("true", "false"):
            label, (lines, value) = (labels[0], first) if test == "true" else (labels[1], second)
            self.start(label)
            self.lines += lines
            return self.convert(value, type)  # a known choice, too, has the type of both arms
        if self._free(first[0]) and self._free(second[0]):
            self.lines += first[0] + second[0]
            yes, no = self.convert(first[1], type), self.convert(second[1], type)
            text = f"select i1 {test}, {type.text} {yes.text}, {type.text} {no.text}"
            return Value(type, self.instruction(text))
        self.branch(test, labels[0], labels[1])
        ends = []
        for label, (lines, value) in zip(labels, (first, second), strict=False):
            self.lines.append(f"{label}:")
            self.lines += lines
            text = self.convert(value, type).text
            ends.append((text, self.block()))
            self.lines.append(f"  br label %{labels[2]}")
        self.lines.append(f"{labels[2]}:")
        if type.kind == "void":
            return Value(type, "")
        pairs = ", ".join(f"[ {text}, %{block} ]" for text, block in ends)
        return Value(type, self.instruction(f"phi {type.text} {pairs}"))

    def _arm(self, label: str, end: str) -> tuple[list[str], Value]:
        """Read an arm of a choice; its instructions, in a block of that label, are kept apart."""
        kept, self.lines = self.lines, [f"{label}:"]
        value = self.comma() if end else self.expression()
        value = self.loaded(value) if not value.type.aggregate else self.whole(value)
        lines, self.lines = self.lines[1:], kept
        if end:
            self.expect(end)
        return lines, value

    def block(self) -> str:
        """Return the label of the block that is being written."""
        for line in reversed(self.lines):
            if line.endswith(":"):
                return line[:-1]
        return "entry"

    def _free(self, lines: Sequence[str]) -> bool:
        """Return whether instructions may run for nothing: they are few and nobody notices."""
        if len(lines) > _SHORT_ARM and not self.vector:
            return False
        for line in lines:
            if line.endswith(":") or line.startswith(("  store", "  br", "  call")):
                return False
            if " = load " in line and not re.search(r", ptr %r\d+,", line):
                return False
            if " = call " in line and not ("@llvm." in line or (self.vector and "#1" in line)):
                return False
            if re.search(r" = [su](?:div|rem) ", line):
                return False
        return True

    def _joint(self, first: Value, second: Value) -> Type:
        left, right = first.type, second.type
        if left is right:
            return left
        if left.kind == "pointer" or right.kind == "pointer":
            return left if left.kind == "pointer" else right
        if (left.number and right.number) or "complex" in (left.kind, right.kind):
            if left.kind == right.kind == "bool":
                return types.INT
            kept, self.lines = self.lines, []
            probe = [Value(t, "0", known=None) for t in (left, right)]
            found = self.binary("+", probe[0], probe[1]).type
            self.lines = kept
            return found
        return left

    def levels(self, lowest: int) -> Value:
        """Read operations that bind at least as tightly as a level."""
        left = self.unary()
        while True:
            sign = self.peek()
            level = _LEVELS.get(sign, 0)
            if level < lowest or not level:
                return left
            self.take()
            if sign in ("&&", "||"):
                left = self._logical(sign, left, level)
                continue
            left = self.loaded(left)
            right = self.levels(level + 1)
            left = self.binary(sign, left, right)

    def _logical(self, sign: str, left: Value, level: int) -> Value:
        """Read the right side of `&&` or `||`, which is not reached where the left one decides."""
        first = self.truth(left)
        go, end = self.label(), self.label()
        kept, self.lines = self.lines, [f"{go}:"]
        second = self.truth(self.levels(level + 1))
        lines, self.lines = self.lines[1:], kept
        after = next((line[:-1] for line in reversed(lines) if line.endswith(":")), go)
        decided = "false" if sign == "&&" else "true"
        if first in ("true", "false"):
            if first == decided:
                return Value(types.BOOL, decided, known=int(decided == "true"))
            self.start(go)
            self.lines += lines
            return Value(types.BOOL, second)
        if self._free(lines):
            self.lines += lines
            word = "and" if sign == "&&" else "or"
            return Value(types.BOOL, self.instruction(f"{word} i1 {first}, {second}"))
        before = self.block()
        self.branch(first, *((go, end) if sign == "&&" else (end, go)))
        self.lines += [f"{go}:", *lines, f"  br label %{end}", f"{end}:"]
        text = f"phi i1 [ {decided}, %{before} ], [ {second}, %{after} ]"
        return Value(types.BOOL, self.instruction(text))

    # -- before and after an operand --------------------------------------------------------

    def unary(self) -> Value:
        """Read an operand and the signs before it."""
        item = self.peek()
        if item == "-":
            self.take()
            return self.negative(self.unary())
        if item == "(" and self.at_type(1):
            return self._cast()
        if item in ("!", "~", "*", "&", "++", "--", "+"):
            return self._prefixed(self.take())
        if item == "sizeof":
            self.take()
            return self._size()
        return self.postfix(self._primary())

    def _prefixed(self, sign: str) -> Value:
        inner = self.unary()
        if sign == "!":
            found = self.truth(inner)
            if found in ("true", "false"):
                return Value(
                    types.BOOL, "true" if found == "false" else "false", known=int(found == "false")
                )
            return Value(types.BOOL, self.instruction(f"xor i1 {found}, true"))
        if sign == "~":
            inner = self.loaded(inner)
            ones = "-1"
            if inner.type.kind == "vector":
                assert inner.type.of is not None
                parts = ", ".join([f"{inner.type.of.text} -1"] * inner.type.count)
                ones = f"<{parts}>"
            return Value(
                inner.type, self.instruction(f"xor {inner.type.text} {inner.text}, {ones}")
            )
        if sign == "*":
            inner = self.loaded(inner)
            of = inner.type.of
            assert of is not None
            return Value(of, inner.text, place=of.kind != "function")
        if sign == "&":
            if not inner.place and inner.type.kind != "function":
                # A constant lives in a register until somebody asks where it is.
                room = Value(inner.type, self.room(inner.type), place=True, local=True)
                self.store(room, inner)
                inner = room
            return Value(types.pointer(inner.type), inner.text)
        if sign == "+":
            return self.loaded(inner)
        return self._stepped(inner, sign)

    def _stepped(self, place: Value, sign: str) -> Value:
        one = Value(types.INT, "1", known=1)
        return self.store(place, self.binary(sign[0], place, one))

    def _cast(self) -> Value:
        self.expect("(")
        type = self.type_name()
        self.expect(")")
        if self.peek() == "{":
            room = Value(type, self.room(type), place=True, local=True)
            self.initialise(room)
            return self.postfix(room)
        return self.convert(self.unary(), type)

    def _size(self) -> Value:
        if self.peek() == "(" and self.at_type(1):
            self.take()
            size = self.type_name().size
            self.expect(")")
        else:
            kept, self.lines = self.lines, []
            size = self.unary().type.size
            self.lines = kept
        return Value(types.SIZE, str(size), known=size)

    def _offset(self) -> Value:
        """Read where a member of a struct lies in it."""
        self.expect("(")
        type = self.type_name()
        self.expect(",")
        offset = type.offset(self.take())
        self.expect(")")
        return Value(types.SIZE, str(offset), known=offset)

    def postfix(self, value: Value) -> Value:
        """Read what follows an operand: indices, members, calls, steps."""
        while True:
            item = self.peek()
            if item == "[":
                self.take()
                base = self.loaded(value)
                index = self.loaded(self.comma())
                self.expect("]")
                of = base.type.of
                assert of is not None
                local = value.local and value.type.kind == "array"
                value = Value(of, self.moved(base.text, of, index), place=True, local=local)
            elif item == "(":
                self.take()
                value = self.called(value)
            elif item == ".":
                self.take()
                value = self.member(value, self.take())
            elif item == "->":
                self.take()
                base = self.loaded(value)
                assert base.type.of is not None
                value = self.member(Value(base.type.of, base.text, place=True), self.take())
            elif item in ("++", "--"):
                self.take()
                before = self.loaded(value)
                self._stepped(value, item)
                value = before
            else:
                return value

    def _primary(self) -> Value:
        item = self.take()
        first = item[0]
        if first.isdigit() or first == ".":
            return self._number_literal(item)
        if item == "offsetof":
            return self._offset()
        if item == "(":
            found = self.comma()
            self.expect(")")
            return found
        if first == '"':
            text = item
            while self.peek().startswith('"'):
                text = text[:-1] + self.take()[1:]
            return self.unit.string(_unescaped(text[1:-1]))
        if first == "'":
            code = ord(_unescaped(item[1:-1]))
            return Value(types.INT, str(code), known=code)
        for scope in reversed(self.scopes):
            if item in scope:
                return scope[item]
        known = self.unit.enumerators.get(item)
        if known is not None:
            return Value(types.INT, str(known), known=known)
        found_global = self.unit.globals(item)
        if found_global is not None:
            return found_global
        if item in CONSTANTS:
            return CONSTANTS[item]
        if self.peek() == "(":
            self.take()
            arguments = self.arguments()
            made = call_builtin(self, item, arguments)
            if made is not None:
                return made
        self.at -= 1
        raise self.error(f"{item} is not known")

    def _number_literal(self, item: str) -> Value:
        low = item.lower()
        if low.startswith("0x") or not any(c in low for c in ".ef"):
            text = low.rstrip("ul")
            value = int(text, 0)
            type = types.LONG if "l" in low or abs(value) > 2**31 - 1 else types.INT
            return Value(type, str(value), known=value)
        if low.endswith("f"):
            return Value(types.FLOAT, real_text(float(low[:-1]), single=True))
        return Value(types.DOUBLE, real_text(float(low)))


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), text)
