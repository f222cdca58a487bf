"""What stays behind in a cache folder: of builds that were killed, and of entries that are gone."""

from __future__ import annotations

import re
import shutil
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from symcompile.build import locks

_TEMPORARY = re.compile(r"(?P<host>.+)-(?P<pid>\d+)-[^-]+")
_STALE_SECONDS = 3600
_STALE_SECONDS_ELSEWHERE = 24 * 3600
# Notes, logs and compiled templates: nobody misses them after a month.
_KEPT_SECONDS = 30 * 24 * 3600


def sweep(folder: Path) -> None:
    """Remove the temporary folders of builds whose process is gone."""
    with suppress(FileNotFoundError):
        for path in list(folder.iterdir()):
            if _abandoned(path):
                shutil.rmtree(path, ignore_errors=True)


def remove_notes(notes: Path, entry: Callable[[str], Path]) -> None:
    """Remove notes of a month ago, and those that lead to no entry.

    Args:
        notes: the folder.
        entry: where the entry of a key is.
    """
    for note in notes.glob("*/*"):
        with suppress(OSError, ValueError):
            key = note.read_text().split(maxsplit=1)
            if _idle(note) > _KEPT_SECONDS or not (key and entry(key[0]).exists()):
                note.unlink()


def remove_old(folders: Iterable[Path]) -> None:
    """Remove files that were written a month ago."""
    for folder in folders:
        for path in folder.glob("*"):
            with suppress(OSError):
                if _idle(path) > _KEPT_SECONDS:
                    path.unlink()


def remove_locks(folder: Path, entry: Callable[[str], Path]) -> None:
    """Remove the files of locks that nobody holds and no entry has.

    Args:
        folder: theirs.
        entry: where the entry of a key is.
    """
    for path in folder.glob("*.lock"):
        with suppress(OSError, ValueError):
            if _idle(path) > _STALE_SECONDS and not entry(path.stem).exists():
                with locks.lock(path, wait=False) as held:
                    if held and not entry(path.stem).exists():
                        locks.remove(path)


def _idle(path: Path) -> float:
    return time.time() - path.lstat().st_mtime


def _abandoned(folder: Path) -> bool:
    match = _TEMPORARY.fullmatch(folder.name)
    if match is None:
        return False
    try:
        age = _idle(folder)
    except OSError:
        return False
    if match["host"] == locks.host() and sys.platform != "win32":
        return age > _STALE_SECONDS and not locks.alive(int(match["pid"]))
    # Whether a process lives on another machine cannot be asked.
    return age > _STALE_SECONDS_ELSEWHERE
