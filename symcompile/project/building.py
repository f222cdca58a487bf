"""Building what there is to build into a folder: only what changed, and each file whole.

A module is made in memory first, and written when all of it is there. A failure of one does not
stop the others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from symcompile.build.loader import surroundings
from symcompile.build.recipes import recipe
from symcompile.errors import BuildFileError
from symcompile.generate import Source, difference, publish, write
from symcompile.options import Backend, Options
from symcompile.project.items import Item, content_digest, refuse_collisions
from symcompile.project.known import Note, recall, remember
from symcompile.project.making import Job, Made, make

State = Literal["changed", "up to date", "failed"]


@dataclass(frozen=True)
class Row:
    """What became of one module.

    Attributes:
        name: the definition's.
        backend: by which backend.
        state: what became of it.
        operations: how many its functions hold.
        lines: of its source.
        seconds: how long it took.
        error: what went wrong, else empty.
        files: the names of its files.
    """

    name: str
    backend: Backend
    state: State
    operations: int = 0
    lines: int = 0
    seconds: float = 0.0
    error: str = ""
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """How to build.

    Attributes:
        out: the folder.
        compiled: whether Cython modules are compiled; their source alone is written otherwise.
        sources: whether it is a folder to come back to: the source of compiled modules is
            written too, and what was built is remembered.
        workers: how many processes may work.
    """

    out: Path
    compiled: bool = True
    sources: bool = True
    workers: int = 1


def build(
    collect: Callable[[], tuple[Item, ...]],
    items: tuple[Item, ...],
    settings: Settings,
    started: Callable[[int], None] = lambda count: None,
    finished: Callable[[str], None] = lambda name: None,
) -> tuple[Row, ...]:
    """Build modules into a folder.

    Args:
        collect: makes ``items`` anew, in a process that does not have them.
        items: what there is to build.
        settings: where, and how.
        started: is told how many definitions have to be built.
        finished: is told the name of each that has been.

    Returns:
        A row for each module, in the order of ``items``.

    Raises:
        ProjectError: a module's name is taken by something else.
        ToolchainError: no C compiler, and something to compile.
    """
    refuse_collisions(items, settings.out)
    rows: dict[tuple[int, Backend], Row] = {}
    recipes: dict[tuple[int, Backend], str] = {}
    jobs: list[Job] = []
    for number, item in enumerate(items):
        stale = []
        for backend in item.wanted.backends:
            recipes[number, backend] = _recipe(item, backend, settings)
            known = recall(settings.out, item.module(backend), Options())
            if known is not None and known.holds(recipes[number, backend], settings.out):
                rows[number, backend] = _row(item, backend, "up to date", known)
            else:
                stale.append(backend)
        if stale:
            jobs.append((number, tuple(stale)))
    started(len(jobs))
    making = make(collect, items, jobs, compiled=settings.compiled, workers=settings.workers)
    for results in making:
        for made in results:
            place = made.item, made.backend
            rows[place] = _deliver(items[made.item], made, recipes[place], settings)
        finished(items[results[0].item].definition.name)
    order = [(n, backend) for n, item in enumerate(items) for backend in item.wanted.backends]
    return tuple(rows[place] for place in order)


def compare(
    collect: Callable[[], tuple[Item, ...]], items: tuple[Item, ...], folder: Path, workers: int
) -> tuple[list[tuple[Source, str]], list[str]]:
    """Compare the files in a folder with what would be generated.

    Returns:
        Each module's source with how the files differ from it, in the order of ``items``; and what
        could not be generated.
    """
    jobs: list[Job] = [(number, item.wanted.backends) for number, item in enumerate(items)]
    made = [
        one
        for results in make(collect, items, jobs, compiled=False, workers=workers)
        for one in results
    ]
    made.sort(key=lambda one: one.item)
    found = [(one.source, difference(one.source, folder)) for one in made if one.source]
    return found, [f"{_called(items[one.item], one)}: {one.error}" for one in made if one.error]


def failures(rows: Sequence[Row]) -> str:
    """Return what went wrong, a module after the other; an empty text if nothing did."""
    failed = [row for row in rows if row.state == "failed"]
    if not failed:
        return ""
    listed = "\n".join(f"{row.name} ({row.backend}): {row.error}" for row in failed)
    return f"{len(failed)} of {len(rows)} modules could not be built\n{listed}"


def _deliver(item: Item, made: Made, recipe: str, settings: Settings) -> Row:
    """Write what was made, if it is whole and what it was made from is still there."""
    error = made.error
    if not error and content_digest(item.file) != item.digest:
        error = f"{item.file} changed while it was being built: build again"
    if error or made.source is None:
        return Row(item.definition.name, made.backend, "failed", seconds=made.seconds, error=error)
    try:
        changed, files = _write(made.source, made.extension, settings)
    except BuildFileError as failure:
        error = str(failure)
        return Row(item.definition.name, made.backend, "failed", seconds=made.seconds, error=error)
    note = Note(recipe, files, made.source.operations, made.source.text.count("\n"))
    if settings.sources:
        remember(settings.out, made.source.module, note, Options())
    return _row(item, made.backend, "changed" if changed else "up to date", note, made.seconds)


def _write(
    source: Source, extension: tuple[str, bytes] | None, settings: Settings
) -> tuple[bool, dict[str, str]]:
    """Write a module's files; return whether any changed, and the digest of each."""
    files = {name: text.encode() for name, text in source.companions}
    changed = False
    if extension is None or settings.sources:
        files[source.file] = source.text.encode()
        changed = write(source, settings.out)
    else:
        for name, content in files.items():
            changed |= publish(settings.out / name, content)
    if extension is not None:
        name, content = extension
        files[name] = content
        changed |= publish(settings.out / name, content, executable=True)
    return changed, {name: hashlib.sha256(text).hexdigest() for name, text in files.items()}


def _recipe(item: Item, backend: Backend, settings: Settings) -> str:
    options = Options(target=item.wanted.target)
    around: tuple[str, ...] = ("source",)
    if backend == "cython" and settings.compiled:
        around = ("compiled", *surroundings(backend, options))
    verified = item.wanted.verify and settings.compiled
    around = (*around, str(settings.sources), item.wanted.target, str(verified))
    return recipe(item.definition, backend, item.names, around)


def _row(item: Item, backend: Backend, state: State, note: Note, seconds: float = 0.0) -> Row:
    name, files = item.definition.name, tuple(note.files)
    return Row(name, backend, state, note.operations, note.lines, seconds, files=files)


def _called(item: Item, made: Made) -> str:
    return f"{item.definition.name} ({made.backend})"
