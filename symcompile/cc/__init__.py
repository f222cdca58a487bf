"""A small compiler from C to LLVM's intermediate language.

It takes the C that the project emits, and what stands around it in the templates: a part of C11
with GCC's vectors, without what nothing there uses (``switch``, ``goto``, bit fields, unions). So a
loop is written once, and a machine without a C compiler runs the same loops in the same order.
"""

from symcompile.cc.unit import COLD, INLINE, NOINLINE, SMALL, Lowered, lower

__all__ = ["COLD", "INLINE", "NOINLINE", "SMALL", "Lowered", "lower"]
