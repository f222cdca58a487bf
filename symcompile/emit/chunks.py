"""Cutting one huge straight-line function into many that a compiler takes in linear time.

Compilers need more than linear time for one function. Functions of a few hundred statements that
pass values through a work array take time linear in their number. Slots of the array are reused
once their value is dead.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from symcompile.ir.graph import Graph

#: Straight-line code longer than this many operations is cut ...
LONGEST_WHOLE = 1200
#: ... into pieces of this many.
CHUNK = 300


@dataclass(frozen=True)
class Chunk:
    """A piece of straight-line code.

    Attributes:
        nodes: what it computes.
        reads: slots of values from earlier chunks.
        writes: slots of values that later code needs.
    """

    nodes: tuple[int, ...]
    reads: dict[int, int]
    writes: dict[int, int]


def cut(
    graph: Graph, nodes: Sequence[int], kept: Collection[int], size: int = CHUNK
) -> tuple[list[Chunk], dict[int, int], int]:
    """Return the chunks of ``nodes``, the slots of ``kept`` at the end, and how many slots.

    ``kept`` are the nodes that are used after all chunks, of ``size`` operations each.
    """
    pieces = [tuple(nodes[k : k + size]) for k in range(0, len(nodes), size)]
    home = {node: number for number, piece in enumerate(pieces) for node in piece}
    last_use: dict[int, int] = {}
    for number, piece in enumerate(pieces):
        for node in piece:
            for arg in graph[node].args:
                if arg in home:
                    last_use[arg] = number
    for node in kept:
        if node in home:
            last_use[node] = len(pieces)

    slots: dict[int, int] = {}
    free: list[int] = []
    count = 0
    chunks: list[Chunk] = []
    for number, piece in enumerate(pieces):
        args = {arg for node in piece for arg in graph[node].args}
        reads = {arg: slots[arg] for arg in sorted(args) if home.get(arg, number) < number}
        writes: dict[int, int] = {}
        for node in piece:
            if last_use.get(node, -1) > number:
                if free:
                    slots[node] = free.pop()
                else:
                    slots[node] = count
                    count += 1
                writes[node] = slots[node]
        chunks.append(Chunk(piece, reads, writes))
        # A slot read here may be written only by later chunks: values are loaded first, but
        # a reader would stumble over it.
        free.extend(slots[arg] for arg in reads if last_use[arg] == number)
    final = {node: slots[node] for node in kept if node in home}
    return chunks, final, count
