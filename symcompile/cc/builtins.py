"""What C has without a declaration here: constants, and the functions of its library."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from symcompile.cc import types
from symcompile.cc.values import Value, real_text

if TYPE_CHECKING:
    from symcompile.cc.expressions import Expressions


def _real(value: float) -> Value:
    return Value(types.DOUBLE, real_text(value))


CONSTANTS = {
    "NULL": Value(types.pointer(types.VOID), "null"),
    "INFINITY": _real(math.inf),
    "HUGE_VAL": _real(math.inf),
    "NAN": _real(math.nan),
    "DBL_MAX": _real(sys.float_info.max),
    "DBL_MIN": _real(sys.float_info.min),
    "DBL_EPSILON": _real(sys.float_info.epsilon),
    "M_PI": _real(math.pi),
    "_SC_NPROCESSORS_ONLN": Value(types.INT, "84", known=84),
}

_D, _I, _Z = types.DOUBLE, types.INT, types.COMPLEX
_ONE = types.function(_D, [_D])
_TWO = types.function(_D, [_D, _D])
_COMPLEX = types.function(_Z, [_Z])

#: The functions of libm, which change nothing but what they return.
MATH = {
    **dict.fromkeys(
        "acos acosh asin asinh atan atanh cbrt cos cosh erf erfc exp exp2 expm1 lgamma log log10"
        " log1p log2 sin sinh tan tanh tgamma logb j0 j1 y0 y1".split(),
        _ONE,
    ),
    **dict.fromkeys("atan2 fmod fmax fmin hypot pow remainder nextafter fdim".split(), _TWO),
    "ldexp": types.function(_D, [_D, _I]),
    "scalbn": types.function(_D, [_D, _I]),
    "ilogb": types.function(_I, [_D]),
    "jn": types.function(_D, [_I, _D]),
    "yn": types.function(_D, [_I, _D]),
    **dict.fromkeys(
        "cacos cacosh casin casinh catan catanh ccos ccosh cexp clog csin csinh csqrt ctan"
        " ctanh".split(),
        _COMPLEX,
    ),
    "cabs": types.function(_D, [_Z]),
    "carg": types.function(_D, [_Z]),
    "cpow": types.function(_Z, [_Z, _Z]),
}

#: What LLVM has instructions for, of any kind of real number.
_INTRINSICS = {
    "fabs": "fabs",
    "sqrt": "sqrt",
    "floor": "floor",
    "ceil": "ceil",
    "trunc": "trunc",
    "round": "round",
    "rint": "rint",
    "nearbyint": "nearbyint",
    "copysign": "copysign",
    "fma": "fma",
    "__builtin_fma": "fma",
}
_POINTER = types.pointer(types.VOID)
_MEMORY = {
    "malloc": types.function(_POINTER, [types.SIZE]),
    "free": types.function(types.VOID, [_POINTER]),
    "getenv": types.function(_POINTER, [_POINTER]),
    "atoi": types.function(_I, [_POINTER]),
    "sysconf": types.function(types.LONG, [_I]),
    "pthread_create": types.function(_I, [_POINTER] * 4),
    "pthread_join": types.function(_I, [types.SIZE, _POINTER]),
}
#: The attributes of a call of libm; a group of the unit's.
_PURE = " #1"


def call_builtin(code: Expressions, name: str, arguments: Sequence[Value]) -> Value | None:
    """Return a call of a function that is known without a declaration, or None."""
    single = (
        code.unit.single
        and bool(arguments)
        and all(a.type.kind != "float" or a.type is types.FLOAT for a in arguments)
        and any(a.type is types.FLOAT for a in arguments)
    )
    if name in _INTRINSICS:
        return _intrinsic(code, _INTRINSICS[name], arguments, single)
    if name in MATH:
        return _library(code, name, arguments, single)
    if name in _MEMORY:
        type = _MEMORY[name]
        code.unit.external(name, type)
        return code.call(f"@{name}", type, arguments, spread=True)
    special = _SPECIAL.get(name)
    return special(code, arguments) if special is not None else None


def _intrinsic(code: Expressions, name: str, arguments: Sequence[Value], single: bool) -> Value:
    kind = types.FLOAT if single else types.DOUBLE
    full = f"llvm.{name}.{'f32' if single else 'f64'}"
    if arguments[0].type.kind == "vector":
        kind = arguments[0].type
        full = f"llvm.{name}.v{kind.count}f64"
    kinds = ", ".join([kind.text] * len(arguments))
    code.needs(full, f"declare {kind.text} @{full}({kinds})")
    given = ", ".join(f"{kind.text} {code.convert(a, kind).text}" for a in arguments)
    return Value(kind, code.instruction(f"call {kind.text} @{full}({given})"))


def _library(code: Expressions, name: str, arguments: Sequence[Value], single: bool) -> Value:
    type = MATH[name]
    if single and type.of is types.DOUBLE and type.members[0] is types.DOUBLE:
        name += "f"
        members = [types.FLOAT if m is types.DOUBLE else m for m in type.members]
        type = types.function(types.FLOAT, members)
    code.unit.library(name, type)
    group = code.unit.vector_group(name, type)
    return code.call(f"@sc.{name}", type, arguments, spread=True, pure=group or _PURE)


def _creal(code: Expressions, arguments: Sequence[Value]) -> Value:
    return code.part(arguments[0], 0)


def _cimag(code: Expressions, arguments: Sequence[Value]) -> Value:
    return code.part(arguments[0], 1)


def _conj(code: Expressions, arguments: Sequence[Value]) -> Value:
    return code.joined(code.part(arguments[0], 0), code.negative(code.part(arguments[0], 1)))


def _joined(code: Expressions, arguments: Sequence[Value]) -> Value:
    return code.joined(arguments[0], arguments[1])


def _isnan(code: Expressions, arguments: Sequence[Value]) -> Value:
    one = code.loaded(arguments[0])
    text = code.instruction(f"fcmp uno {one.type.text} {one.text}, {one.text}")
    return Value(types.BOOL, text)


def _isinf(code: Expressions, arguments: Sequence[Value]) -> Value:
    one = _intrinsic(code, "fabs", arguments, arguments[0].type is types.FLOAT)
    return code.binary("==", one, Value(one.type, real_text(math.inf)))


def _isfinite(code: Expressions, arguments: Sequence[Value]) -> Value:
    one = _intrinsic(code, "fabs", arguments, arguments[0].type is types.FLOAT)
    return code.binary("<", one, Value(one.type, real_text(math.inf)))


def _signbit(code: Expressions, arguments: Sequence[Value]) -> Value:
    one = code.convert(arguments[0], types.DOUBLE)
    bits = code.instruction(f"bitcast double {one.text} to i64")
    return Value(types.BOOL, code.instruction(f"icmp slt i64 {bits}, 0"))


def _memset(code: Expressions, arguments: Sequence[Value]) -> Value:
    name = "llvm.memset.p0.i64"
    code.needs(name, f"declare void @{name}(ptr, i8, i64, i1)")
    byte, size = code.convert(arguments[1], types.BYTE), code.convert(arguments[2], types.SIZE)
    code.lines.append(
        f"  call void @{name}(ptr {arguments[0].text}, i8 {byte.text}, i64 {size.text}, i1 false)"
    )
    return arguments[0]


def _memcpy(code: Expressions, arguments: Sequence[Value]) -> Value:
    name = "llvm.memcpy.p0.p0.i64"
    code.needs(name, f"declare void @{name}(ptr, ptr, i64, i1)")
    size = code.convert(arguments[2], types.SIZE)
    code.lines.append(
        f"  call void @{name}(ptr {arguments[0].text}, ptr {arguments[1].text},"
        f" i64 {size.text}, i1 false)"
    )
    return arguments[0]


def _shuffle(code: Expressions, arguments: Sequence[Value]) -> Value:
    first, second = arguments[:2]
    mask = ", ".join(f"i32 {a.known}" for a in arguments[2:])
    type = types.vector(first.type.of or types.DOUBLE, len(arguments) - 2)
    text = (
        f"shufflevector {first.type.text} {first.text}, {second.type.text} {second.text},"
        f" <{type.count} x i32> <{mask}>"
    )
    return Value(type, code.instruction(text))


_SPECIAL = {
    "creal": _creal,
    "cimag": _cimag,
    "conj": _conj,
    "__builtin_complex": _joined,
    "isnan": _isnan,
    "isinf": _isinf,
    "isfinite": _isfinite,
    "signbit": _signbit,
    "memset": _memset,
    "memcpy": _memcpy,
    "__builtin_shufflevector": _shuffle,
}
