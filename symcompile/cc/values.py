"""Values on their way to LLVM, and how they are converted."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from symcompile.cc.types import Type


@dataclass(slots=True)
class Value:
    """A value, or where one lies.

    Attributes:
        type: its type.
        text: what LLVM calls it: a register or a constant; where it lies, if it is a place.
        place: whether it lies in memory and can be assigned to.
        known: its value, where it is an integer that is known now.
        local: whether it is a place that nothing points to.
    """

    type: Type
    text: str
    place: bool = False
    known: int | None = None
    local: bool = False


def real_text(value: float, single: bool = False) -> str:
    """Return a floating-point number as LLVM reads it, exactly.

    >>> real_text(1.0)
    '0x3FF0000000000000'
    """
    if single:
        value = struct.unpack("f", struct.pack("f", value))[0]
    return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"


def wrapped(value: int, type: Type) -> int:
    """Return an integer as a type of so many bits holds it."""
    bits = 8 * type.size
    value &= (1 << bits) - 1
    return value - (1 << bits) if type.signed and value >> (bits - 1) else value
