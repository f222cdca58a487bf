"""What this processor is, as text for a cache key."""

from __future__ import annotations

import os
import platform
import sys
from functools import lru_cache
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
# Frequencies, core numbers and microcode also stand there; they change without the
# instruction set changing.
_FIELDS = frozenset(
    {
        "vendor_id",
        "cpu family",
        "model",
        "model name",
        "stepping",
        "flags",
        "CPU implementer",
        "CPU architecture",
        "CPU variant",
        "CPU part",
        "Features",
        "isa",
        "cpu",
    }
)
_UNORDERED = frozenset({"flags", "Features"})


@lru_cache(maxsize=1)
def cpu_features() -> str:
    """Describe the resolved processor: model and instruction set.

    Two machines that ``-march=native`` would treat differently get different texts, which
    keeps a shared home folder from handing one machine the other's instructions.

    Returns:
        A text that is the same in every process on this machine.

    Example:
        >>> cpu_features() == cpu_features()
        True
    """
    described = _linux_cpuinfo() if sys.platform.startswith("linux") else ()
    if not described:
        # Where the instruction set cannot be read cheaply, the machine's own name stands
        # for it: recompiling once too often is safe, an illegal instruction is not.
        described = (os.environ.get("PROCESSOR_IDENTIFIER", ""), platform.node())
    return "\n".join((platform.machine(), *described))


def has_feature(feature: str) -> bool:
    """Whether the processor lists the instruction set ``feature``, as ``avx512f``."""
    return feature in cpu_features().split()


def _linux_cpuinfo() -> tuple[str, ...]:
    fields: list[str] = []
    try:
        with _CPUINFO.open(encoding="utf-8", errors="replace") as stream:
            # Reading on past the first processor is slow on machines with hundreds.
            for line in stream:
                if not line.strip():
                    if fields:
                        break
                    continue
                name, _, value = line.partition(":")
                name = name.strip()
                if name in _FIELDS:
                    words = sorted(value.split()) if name in _UNORDERED else value.split()
                    fields.append(f"{name}: {' '.join(words)}")
    except OSError:
        return ()
    return tuple(fields)


def has_llvm() -> bool:
    """Whether modules for LLVM run here: they know how objects of Python's lie in memory."""
    return object.__basicsize__ == 16 and sys.byteorder == "little"
