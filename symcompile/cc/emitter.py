"""Instructions: what is computed with values, and how one kind of number becomes another."""

from __future__ import annotations

from symcompile.cc import types
from symcompile.cc.types import Type
from symcompile.cc.values import Value, real_text
from symcompile.errors import LoweringError

_INTEGER = {
    "+": "add",
    "-": "sub",
    "*": "mul",
    "/": "sdiv",
    "%": "srem",
    "&": "and",
    "|": "or",
    "^": "xor",
    "<<": "shl",
    ">>": "ashr",
}
_UNSIGNED = {"/": "udiv", "%": "urem", ">>": "lshr"}
_REAL = {"+": "fadd", "-": "fsub", "*": "fmul", "/": "fdiv", "%": "frem"}
_COMPARED = {
    "==": ("eq", "eq", "oeq"),
    "!=": ("ne", "ne", "une"),
    "<": ("slt", "ult", "olt"),
    "<=": ("sle", "ule", "ole"),
    ">": ("sgt", "ugt", "ogt"),
    ">=": ("sge", "uge", "oge"),
}
COMPARISONS = frozenset(_COMPARED)


class Emitter:
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

    # -- conversions -----------------------------------------------------------------------

    def convert(self, value: Value, type: Type) -> Value:
        """Return a value as one of another type."""
        value = self.loaded(value)
        own = value.type
        if own is type:
            return value
        if own.number and type.number:
            return self._number(value, type)
        if type.kind == "complex":
            return self._complex(value, type)
        if own.kind == "complex" and type.number:
            return self.convert(self.part(value, 0), type)
        if type.kind == "pointer":
            if own.kind == "pointer":
                return Value(type, value.text)
            if value.known == 0:
                return Value(type, "null")
            return Value(type, self.instruction(f"inttoptr {own.text} {value.text} to ptr"))
        if own.kind == "pointer" and type.kind == "int":
            return Value(type, self.instruction(f"ptrtoint ptr {value.text} to {type.text}"))
        if own.kind == "vector" and type.kind == "vector" and own.size == type.size:
            made = self.instruction(f"bitcast {own.text} {value.text} to {type.text}")
            return Value(type, made)
        if type.kind == "vector" and own.number:
            return self._splat(value, type)
        if own.kind == type.kind == "struct" and own.text == type.text:
            return Value(type, value.text)
        if type.kind == "void":
            return Value(type, "")
        raise LoweringError(f"C: {own.text} cannot become {type.text}")

    def _number(self, value: Value, type: Type) -> Value:
        own = value.type
        if type.kind == "bool":
            return Value(type, self.truth(value))
        if value.known is not None:
            if type.kind == "float":
                return Value(type, real_text(float(value.known), type is types.FLOAT))
            known = _wrapped(value.known, type)
            return Value(type, str(known), known=known)
        if own.whole and type.whole:
            if own.size == type.size and own.kind == type.kind:
                return Value(type, value.text)
            how = "trunc" if own.size > type.size else "sext" if own.signed else "zext"
            how = "zext" if own.kind == "bool" else how
        elif own.whole:
            how = "sitofp" if own.signed else "uitofp"
        elif type.whole:
            # What is too large or not a number has a value, if not a useful one.
            sign = "s" if type.signed else "u"
            name = f"llvm.fpto{sign}i.sat.{type.text}.{_suffix(own)}"
            text = f"call {type.text} @{name}({own.text} {value.text})"
            self.needs(name, f"declare {type.text} @{name}({own.text})")
            return Value(type, self.instruction(text))
        else:
            how = "fptrunc" if own.size > type.size else "fpext"
            if value.text.startswith("0x") and how == "fpext":
                return Value(type, value.text)
        text = self.instruction(f"{how} {own.text} {value.text} to {type.text}")
        return Value(type, text)

    def _complex(self, value: Value, type: Type) -> Value:
        assert type.of is not None
        if value.type.kind == "complex":
            parts = [self.convert(self.part(value, k), type.of) for k in (0, 1)]
        else:
            parts = [self.convert(value, type.of), Value(type.of, real_text(0.0))]
        return self.joined(parts[0], parts[1], type)

    def _splat(self, value: Value, type: Type) -> Value:
        assert type.of is not None
        value = self.convert(value, type.of)
        one = self.instruction(
            f"insertelement {type.text} poison, {type.of.text} {value.text}, i32 0"
        )
        mask = f"<{type.count} x i32> zeroinitializer"
        made = f"shufflevector {type.text} {one}, {type.text} poison, {mask}"
        return Value(type, self.instruction(made))

    def part(self, value: Value, which: int) -> Value:
        """Return the real or the imaginary part of a complex number."""
        value = self.loaded(value)
        if value.type.kind != "complex":
            real = self.convert(value, types.DOUBLE)
            return Value(types.DOUBLE, real_text(0.0)) if which else real
        assert value.type.of is not None
        text = self.instruction(f"extractvalue {value.type.text} {value.text}, {which}")
        return Value(value.type.of, text)

    def joined(self, real: Value, imaginary: Value, type: Type = types.COMPLEX) -> Value:
        """Return a complex number of its parts."""
        assert type.of is not None
        real, imaginary = self.convert(real, type.of), self.convert(imaginary, type.of)
        of = type.of.text
        first = self.instruction(f"insertvalue {type.text} poison, {of} {real.text}, 0")
        text = self.instruction(f"insertvalue {type.text} {first}, {of} {imaginary.text}, 1")
        return Value(type, text)

    def truth(self, value: Value) -> str:
        """Return whether a value is not zero, as one bit."""
        value = self.loaded(value)
        type = value.type
        if type.kind == "bool":
            return value.text
        if value.known is not None:
            return "true" if value.known else "false"
        if type.kind == "int":
            return self.instruction(f"icmp ne {type.text} {value.text}, 0")
        if type.kind == "pointer":
            return self.instruction(f"icmp ne ptr {value.text}, null")
        if type.kind == "float":
            return self.instruction(f"fcmp une {type.text} {value.text}, {real_text(0.0)}")
        raise LoweringError(f"C: {type.text} has no truth")

    # -- operations ------------------------------------------------------------------------

    def negative(self, value: Value) -> Value:
        """Return the value with the other sign."""
        value = self.loaded(value)
        if value.known is not None:
            return Value(value.type, str(-value.known), known=-value.known)
        if value.type.kind == "complex":
            parts = [self.negative(self.part(value, k)) for k in (0, 1)]
            return self.joined(parts[0], parts[1], value.type)
        if value.type.kind in ("float", "vector"):
            if value.text.startswith("0x"):
                bits = int(value.text, 16) ^ (1 << 63)
                return Value(value.type, f"0x{bits:016X}")
            return Value(value.type, self.instruction(f"fneg {value.type.text} {value.text}"))
        value = self.convert(value, _promoted(value.type))
        return Value(value.type, self.instruction(f"sub {value.type.text} 0, {value.text}"))

    def binary(self, sign: str, left: Value, right: Value, flags: str = "") -> Value:
        """Return the value of an operation with two operands."""
        left, right = self.loaded(left), self.loaded(right)
        if left.type.kind == "pointer" or right.type.kind == "pointer":
            return self._pointers(sign, left, right)
        type = _common(left.type, right.type)
        if type.kind == "complex":
            return self._complexes(sign, left, right, type)
        if left.known is not None and right.known is not None and type.whole:
            return _folded(sign, left.known, right.known, type)
        left, right = self.convert(left, type), self.convert(right, type)
        of = type.of if type.kind == "vector" else type
        assert of is not None
        if sign in _COMPARED:
            how = _COMPARED[sign][2 if of.kind == "float" else 0 if of.signed else 1]
            word = "fcmp" if of.kind == "float" else "icmp"
            text = f"{word} {how} {type.text} {left.text}, {right.text}"
            return Value(types.BOOL, self.instruction(text))
        if of.kind == "float":
            word = _REAL[sign]
            extra = f"{self.flags}{flags}" if sign in "+-*" else ""
            text = f"{word}{extra} {type.text} {left.text}, {right.text}"
        else:
            word = (_INTEGER if of.signed else _INTEGER | _UNSIGNED)[sign]
            whole = " nsw" if sign in "+-*" and of.signed and type.kind == "int" else ""
            text = f"{word}{whole} {type.text} {left.text}, {right.text}"
        return Value(type, self.instruction(text))

    def _pointers(self, sign: str, left: Value, right: Value) -> Value:
        if sign in _COMPARED:
            left, right = self.convert(left, _ANY), self.convert(right, _ANY)
            how = _COMPARED[sign][1]
            text = self.instruction(f"icmp {how} ptr {left.text}, {right.text}")
            return Value(types.BOOL, text)
        if left.type.kind != "pointer":
            left, right = right, left
        of = left.type.of
        assert of is not None
        if right.type.kind == "pointer":
            ends = [self.convert(end, types.LONG) for end in (left, right)]
            return self.binary("/", self.binary("-", *ends), _number(of.size))
        index = self.negative(self.convert(right, types.LONG)) if sign == "-" else right
        return Value(left.type, self.moved(left.text, of, index))

    def _complexes(self, sign: str, left: Value, right: Value, type: Type) -> Value:
        if sign in ("==", "!="):
            tests = [self.binary(sign, self.part(left, k), self.part(right, k)) for k in (0, 1)]
            word = "and" if sign == "==" else "or"
            text = self.instruction(f"{word} i1 {tests[0].text}, {tests[1].text}")
            return Value(types.BOOL, text)
        if sign in "+-":
            # The sign of zero of a part that is not there is not to be had.
            if right.type.kind != "complex":
                real = self.binary(sign, self.part(left, 0), right)
                return self.joined(real, self.part(left, 1), type)
            if left.type.kind != "complex":
                real = self.binary(sign, left, self.part(right, 0))
                rest = self.part(right, 1)
                return self.joined(real, self.negative(rest) if sign == "-" else rest, type)
            parts = [self.binary(sign, self.part(left, k), self.part(right, k)) for k in (0, 1)]
            return self.joined(parts[0], parts[1], type)
        if right.type.kind != "complex":
            parts = [self.binary(sign, self.part(left, k), right) for k in (0, 1)]
            return self.joined(parts[0], parts[1], type)
        if left.type.kind != "complex" and sign == "*":
            parts = [self.binary(sign, left, self.part(right, k)) for k in (0, 1)]
            return self.joined(parts[0], parts[1], type)
        raise LoweringError(f"C: {sign} of two complex numbers is a function")

    def needs(self, name: str, declaration: str) -> None:
        """Note that a function of LLVM's is called."""
        raise NotImplementedError


_ANY = types.pointer(types.VOID)


def _suffix(type: Type) -> str:
    return "f32" if type is types.FLOAT else "f64"


def _number(value: int) -> Value:
    return Value(types.LONG, str(value), known=value)


def _wrapped(value: int, type: Type) -> int:
    bits = 8 * type.size
    value &= (1 << bits) - 1
    return value - (1 << bits) if type.signed and value >> (bits - 1) else value


def _promoted(type: Type) -> Type:
    return types.INT if type.whole and type.size < 4 else type


def _common(left: Type, right: Type) -> Type:
    """Return the type in which an operation of two is done."""
    if left is right and left.size >= 4:
        return left
    for kind in ("vector", "complex"):
        if kind in (left.kind, right.kind):
            if left.kind == right.kind == "complex":
                return types.COMPLEX
            return left if left.kind == kind else right
    left, right = _promoted(left), _promoted(right)
    if "float" in (left.kind, right.kind):
        kinds = [t for t in (left, right) if t.kind == "float"]
        return max(kinds, key=lambda t: t.size)
    size = max(left.size, right.size)
    signed = all(t.signed for t in (left, right) if t.size == size)
    return {4: {True: types.INT, False: types.UNSIGNED}}.get(
        size, {True: types.LONG, False: types.SIZE}
    )[signed]


def _folded(sign: str, a: int, b: int, type: Type) -> Value:
    """Return an operation of integers that are known."""
    if sign in _COMPARED:
        found = {
            "==": a == b,
            "!=": a != b,
            "<": a < b,
            "<=": a <= b,
            ">": a > b,
            ">=": a >= b,
        }[sign]
        return Value(types.BOOL, "true" if found else "false", known=int(found))
    if sign in "/%":
        quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
        value = quotient if sign == "/" else a - quotient * b
    else:
        value = {
            "+": a + b,
            "-": a - b,
            "*": a * b,
            "&": a & b,
            "|": a | b,
            "^": a ^ b,
            "<<": a << b if 0 <= b < 64 else 0,
            ">>": a >> b if 0 <= b < 64 else 0,
        }[sign]
    value = _wrapped(value, type)
    return Value(type, str(value), known=value)
