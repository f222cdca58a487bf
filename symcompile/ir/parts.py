"""Identities of complex numbers and their parts, applied as nodes are made.

Each holds for every double up to the sign of a zero; none turns a complex node into a real one
but where the part of a number that is known is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from symcompile.ir.graph import Graph, Input, Kind, Output

if TYPE_CHECKING:
    from symcompile.ir.build import Builder

#: Operations of complex numbers that have no complex derivative.
NOT_HOLOMORPHIC = frozenset({"re", "im", "conj", "abs", "arg", "sign"})

Rule = Callable[["Builder", tuple[int, ...]], "int | None"]


def is_complex(graph: Graph, node: int) -> bool:
    """Return whether a node's values are complex numbers."""
    return graph[node].kind is Kind.COMPLEX


def parts_of(b: Builder, node: int) -> tuple[int, int] | None:
    """Return the real and the imaginary part of a node that is made of these, or None."""
    found = b.graph[node]
    if found.kind is not Kind.COMPLEX:
        return node, b.constant(0)
    if found.op == "widen":
        return found.args[0], b.constant(0)
    if found.op == "complex":
        return found.args[0], found.args[1]
    if found.op == "imaginary":
        return b.constant(0), b.constant(1)
    return None


def product_of_parts(b: Builder, x: int, y: int) -> int | None:
    """Return a product with the imaginary unit, or of an imaginary number and a real one."""
    graph = b.graph
    for first, second in ((x, y), (y, x)):
        if graph[first].op == "imaginary":
            if not is_complex(graph, second):
                return b.call("complex", b.constant(0), second)
            return b.call("complex", b.call("neg", b.call("im", second)), b.call("re", second))
        found = graph[first]
        imaginary = found.op == "complex" and _is_zero(graph, found.args[0])
        if imaginary and not is_complex(graph, second):
            return b.call("complex", found.args[0], b.call("mul", found.args[1], second))
    return None


def sum_of_parts(b: Builder, x: int, y: int) -> int | None:
    """Return a sum of a real number and an imaginary one: the complex number of both."""
    graph = b.graph
    for first, second in ((x, y), (y, x)):
        found = graph[second]
        if is_complex(graph, first) or found.op not in ("complex", "imaginary", "widen"):
            continue
        real, imaginary = parts_of(b, second) or (0, 0)
        return b.call("complex", b.call("add", first, real), imaginary)
    return None


def difference_of_parts(b: Builder, x: int, y: int) -> int | None:
    """Return a difference of a real number and a complex one made of parts, or the reverse."""
    graph = b.graph
    made = ("complex", "imaginary", "widen")
    if not is_complex(graph, x) and graph[y].op in made:
        real, imaginary = parts_of(b, y) or (0, 0)
        return b.call("complex", b.call("sub", x, real), b.call("neg", imaginary))
    if not is_complex(graph, y) and graph[x].op in made:
        real, imaginary = parts_of(b, x) or (0, 0)
        return b.call("complex", b.call("sub", real, y), imaginary)
    return None


def _is_zero(graph: Graph, node: int) -> bool:
    return graph[node].op == "const" and graph[node].data == 0


def _re(b: Builder, args: tuple[int, ...]) -> int | None:
    parts = parts_of(b, args[0])
    if parts is not None:
        return parts[0]
    node = b.graph[args[0]]
    return b.call("re", node.args[0]) if node.op == "conj" else None


def _im(b: Builder, args: tuple[int, ...]) -> int | None:
    parts = parts_of(b, args[0])
    if parts is not None:
        return parts[1]
    node = b.graph[args[0]]
    return b.call("neg", b.call("im", node.args[0])) if node.op == "conj" else None


def _conj(b: Builder, args: tuple[int, ...]) -> int | None:
    node = b.graph[args[0]]
    if node.kind is not Kind.COMPLEX or node.op == "widen":
        return args[0]
    if node.op == "conj":
        return node.args[0]
    parts = parts_of(b, args[0])
    return None if parts is None else b.call("complex", parts[0], b.call("neg", parts[1]))


def _arg(b: Builder, args: tuple[int, ...]) -> int | None:
    parts = parts_of(b, args[0])
    return None if parts is None else b.call("atan2", parts[1], parts[0])


def _widen(b: Builder, args: tuple[int, ...]) -> int | None:
    return args[0] if is_complex(b.graph, args[0]) else None


PARTS: dict[str, Rule] = {"re": _re, "im": _im, "conj": _conj, "arg": _arg, "widen": _widen}


def splits(graph: Graph, roots: Sequence[int]) -> bool:
    """Return whether roots depend on parameters through the parts of a complex number.

    They are then no holomorphic functions of the parameters: nothing but conditions may.
    """
    order = graph.ancestors(roots)
    reaches = set(roots)
    nodes = graph.nodes
    if all(nodes[index].op not in NOT_HOLOMORPHIC for index in order):
        return False
    for index in reversed(order):
        if index in reaches:
            reaches.update(_differentiated(graph, index))
    depends: set[int] = set()
    for index in order:
        if index not in reaches:
            continue
        node = graph[index]
        if isinstance(node.data, Input):
            if node.data.role == "param":
                depends.add(index)
        elif any(arg in depends for arg in _differentiated(graph, index)):
            if node.op in NOT_HOLOMORPHIC and is_complex(graph, node.args[0]):
                return True
            depends.add(index)
    return False


def _differentiated(graph: Graph, index: int) -> tuple[int, ...]:
    """Return the arguments of a node in which it has a derivative: no conditions, no indices."""
    node = graph[index]
    if node.kind is Kind.BOOL:
        return ()
    if node.op in ("view", "scatter"):
        return node.args[:1]
    return node.args[1:] if node.op == "select" else node.args


def output_kind(graph: Graph, output: Output) -> Kind:
    """Return what the numbers of an output are: complex where any entry is.

    An output that no argument has an influence on is complex where the arguments are.
    """
    kinds = {graph[entry].kind for entry in output.entries}
    if Kind.COMPLEX in kinds:
        return Kind.COMPLEX
    found = [graph[i] for i in graph.ancestors(output.entries)]
    if any(isinstance(node.data, Input) for node in found):
        return Kind.REAL
    complex_inputs = any(node.op == "input" and node.kind is Kind.COMPLEX for node in graph)
    return Kind.COMPLEX if complex_inputs else Kind.REAL
