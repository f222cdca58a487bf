"""Functions of one variable inside the IR: what a sum, a product or an integral is taken of.

A node of one of the operations :data:`LIMITS` has a body for its payload. Its arguments are limits,
or the point at which a derivative is taken, and then the values that the body captures: it has no
others of its own, so equal bodies are equal wherever they stand, and a body within a body captures
the outer variable like anything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from symcompile.ir.graph import Node

#: The operations that have a body: how many arguments stand before the captured values. A sum and
#: a product run from the first to the last whole step, as SymPy's do; reversed limits give what
#: Karr's convention does (M. Karr, *Summation in finite terms*, Journal of the ACM 28, 1981).
LIMITS = {"sum": 2, "product": 2, "integral": 2, "derivative": 1}


class Body:
    """A function ``f(t, *captured)``, immutable and hashable.

    Attributes:
        nodes: its nodes, each after its arguments, which are positions; the last is the result.
            The variable is ``Input("bound", 0)``, a captured value ``Input("captured", slot)``.
    """

    __slots__ = ("_hash", "nodes")

    def __init__(self, nodes: tuple[Node, ...]) -> None:
        self.nodes = nodes
        self._hash = hash(nodes)

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Body) and self._hash == other._hash and self.nodes == other.nodes
        )

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[object, ...]:
        return Body, (self.nodes,)

    def __repr__(self) -> str:
        return f"Body({''.join(self._parts())})"

    def _parts(self) -> Iterator[str]:
        for node in self.nodes:
            data: object = node.data
            if isinstance(data, Fraction):  # Python refuses to print huge integers in decimal
                data = f"{data.numerator:x}/{data.denominator:x}"
            yield f"{node.op}{node.args}{data}{int(node.kind)};"

    @property
    def root(self) -> int:
        """The position of the result."""
        return len(self.nodes) - 1

    def slots(self) -> list[int]:
        """Return which captured values it uses, in order."""
        inputs: list[Any] = [node.data for node in self.nodes if node.op == "input"]
        return sorted(data.slot for data in inputs if data.role == "captured")
