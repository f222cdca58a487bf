"""Loops that are compiled for several processors, where a module is for any of them."""

from __future__ import annotations

from collections.abc import Sequence

# Each clone takes the compiler as long again; so long a body is not worth it.
_MOST_LINES = 2_000
_LOOP = "#pragma omp simd"


def cloned(lines: Sequence[str]) -> str:
    """Return the attribute of a function with this body; nothing where it has no such loops.

    >>> cloned(["#pragma omp simd", "for (int i = 0; i < n; i++) x[i] *= 2.0;"])
    'SC_CLONES '
    >>> cloned(["return 0;"])
    ''
    """
    text = "\n".join(lines)
    return "SC_CLONES " if _LOOP in text and text.count("\n") < _MOST_LINES else ""
