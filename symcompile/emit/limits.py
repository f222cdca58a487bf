"""The sizes that generated loops are made for, the same in C and Numba."""

from __future__ import annotations

from symcompile.schedule import BLOCKS, TILE

#: What the generated loops are made for: sizes in doubles, and the operations worth a thread.
LIMITS = {
    "blocks": BLOCKS,
    "tile": TILE,
    "cached": 98_304,
    "summed": 262_144,
    "thread": "1e6",
}
