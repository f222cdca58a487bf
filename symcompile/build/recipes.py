"""What a definition was compiled to before: a warm start runs no pipeline and renders no template.

An entry of the cache is addressed by its source. A recipe is the digest of all that decides that
source, and what is built of it: the definition, the functions asked for, this compiler itself, and
the surroundings that the entry's own key covers. It leads to the key of the entry.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from symcompile.build.cache import key
from symcompile.emit.templates import template_folder
from symcompile.frontend.definition import Definition
from symcompile.ir.ops.registered import SOURCES


def recipe(
    definition: Definition, backend: str, names: Sequence[str], surroundings: Sequence[str]
) -> str:
    """Return the digest of what a module is made from.

    Args:
        definition: what is compiled.
        backend: by which backend.
        names: the functions in the module.
        surroundings: what else decides what is built from the source.

    Returns:
        64 hexadecimal digits; the same in every process.
    """
    graph = definition.ir
    used = sorted({node.op for node in graph} & SOURCES.keys())
    labels = sorted(graph.labels.items())
    return key(
        "recipe",
        backend,
        *names,
        "definition",
        definition.digest,
        repr(labels),
        *(f"{op}={SOURCES[op]!r}" for op in used),
        "compiler",
        _compiler(),
        sys.version,
        *surroundings,
    )


def shared_recipe(name: str, surroundings: Sequence[str]) -> str:
    """Return the digest of what a module that is the same for all definitions is made from.

    Args:
        name: what the module is called.
        surroundings: what else decides what is built.
    """
    return key("shared recipe", name, _compiler(), sys.version, *surroundings)


@lru_cache(maxsize=1)
def _compiler() -> str:
    """Return what tells this version of the compiler from others: its files, as they lie there."""
    package = Path(__file__).resolve().parent.parent
    folders = dict.fromkeys([package, template_folder()])
    return key(*(part for folder in folders for part in _stamps(folder)))


def _stamps(folder: Path) -> Iterator[str]:
    pending = [str(folder)]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.is_dir():
                    if entry.name != "__pycache__":
                        pending.append(entry.path)
                elif entry.name.endswith((".py", ".j2")):
                    status = entry.stat()
                    yield f"{entry.path} {status.st_mtime_ns} {status.st_size}"
