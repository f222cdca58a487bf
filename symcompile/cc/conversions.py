"""How a value of one type becomes one of another."""

from __future__ import annotations

from symcompile.cc import types
from symcompile.cc.instructions import Instructions
from symcompile.cc.types import Type
from symcompile.cc.values import Value, real_text, wrapped
from symcompile.errors import LoweringError


class Conversions(Instructions):
    """The conversions of numbers, pointers, vectors and structs."""

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
            known = wrapped(value.known, type)
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


def _suffix(type: Type) -> str:
    return "f32" if type is types.FLOAT else "f64"
