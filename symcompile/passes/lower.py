"""From operations of the IR to those that every backend has: cheap powers, stable forms.

One walk for both: neither makes what the other looks for.
"""

from __future__ import annotations

from symcompile.ir.build import Builder
from symcompile.ir.graph import Function, Node
from symcompile.passes import expand, strength
from symcompile.passes.rewrite import concerns, rewrite

_OPS = strength.OPS | expand.OPS


def lower(function: Function) -> Function:
    """Return ``function`` with cheap powers and stable forms written out."""
    return rewrite(function, _rule) if concerns(function, _OPS) else function


def _rule(b: Builder, node: Node, args: tuple[int, ...], place: int) -> int | None:
    if node.op not in _OPS:
        return None
    if node.op in strength.OPS:
        return strength.reduced(b, node, args)
    return expand.expanded(b, node, args, place)
