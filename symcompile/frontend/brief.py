"""Printing a SymPy expression for a message, in bounded time.

A SymPy tree is a graph; ``str`` walks it as a tree, which is exponential. Here depth and
length are capped first.
"""

from __future__ import annotations

from typing import Any

_DEPTH = 4
_WIDTH = 6


def brief(expr: Any, limit: int = 160) -> str:
    """Return ``expr`` as text of at most ``limit`` characters, deep parts shown as ``...``.

    >>> import sympy as sp
    >>> brief(sp.sin(sp.Symbol("x"))**2)
    'sin(x)**2'
    """
    try:
        text = str(expr) if _is_small(expr) else _shallow(expr, _DEPTH)
    except ValueError:  # Python refuses to print huge integers
        text = _shallow(expr, _DEPTH)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _is_small(expr: Any, most: int = 200) -> bool:
    stack, seen = [expr], 0
    while stack:
        seen += 1
        if seen > most:
            return False
        stack.extend(getattr(stack.pop(), "args", ()))
    return True


def _shallow(expr: Any, depth: int) -> str:
    args = getattr(expr, "args", ())
    if not args:
        try:
            return str(expr)
        except ValueError:
            return f"<huge {type(expr).__name__}>"
    if depth == 0:
        return "..."
    shown = [_shallow(arg, depth - 1) for arg in args[:_WIDTH]]
    if len(args) > _WIDTH:
        shown.append(f"<{len(args) - _WIDTH} more>")
    return f"{type(expr).__name__}({', '.join(shown)})"
