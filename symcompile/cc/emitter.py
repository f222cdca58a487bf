"""Operations: what is computed with values, number by number or many at once."""

from __future__ import annotations

from symcompile.cc import types
from symcompile.cc.conversions import Conversions
from symcompile.cc.types import Type
from symcompile.cc.values import Value, wrapped
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


class Emitter(Conversions):
    """The operations of one function."""

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
            return self.binary("/", self.binary("-", ends[0], ends[1]), _number(of.size))
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


_ANY = types.pointer(types.VOID)


def _number(value: int) -> Value:
    return Value(types.LONG, str(value), known=value)


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
    value = wrapped(value, type)
    return Value(type, str(value), known=value)
