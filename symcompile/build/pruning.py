"""How much a cache may hold, and what goes first when it holds more."""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from symcompile.errors import CacheError

VARIABLE = "SYMCOMPILE_CACHE_SIZE"
DEFAULT_LIMIT = 10**9

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BINARY = {"ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?i?)b?\s*", re.IGNORECASE)
_AGE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([smhdw]?)\s*", re.IGNORECASE)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 24 * 3600, "": 24 * 3600, "w": 7 * 24 * 3600}

_TOUCH_SECONDS = 1800
# Uses are noted half an hour apart, so what was used in the last hour is never older than this.
_SPARED_SECONDS = 3600 + _TOUCH_SECONDS
# Linux keeps a library that a process has loaded; a file server does not, for another machine.
_SPARED_SECONDS_SHARED = 7 * 24 * 3600
_BETWEEN_SECONDS = 3600
_SHARED = re.compile(r"nfs|lustre|gpfs|beegfs|cifs|smb|ceph|afs|9p|glusterfs|orangefs|sshfs")
_MOUNTS = Path("/proc/self/mounts")


@dataclass(frozen=True)
class Use:
    """An entry, when it was used last, and what it takes."""

    entry: Path
    last: float
    bytes: int


def size(text: str) -> int:
    """Return a number of bytes, written as ``500MB``, ``1.5GiB`` or ``1000``.

    Raises:
        CacheError: it is none.

    Example:
        >>> size("500MB"), size("1.5 GiB"), size("0")
        (500000000, 1610612736, 0)
    """
    match = _SIZE.fullmatch(text)
    unit = match[2].lower() if match else "i"
    if match is None or unit == "i":
        raise CacheError(f"{text!r} is no size. Write it as 500MB, 2GB or 1GiB.")
    return int(float(match[1]) * (_UNITS | _BINARY)[unit])


def age(text: str) -> float:
    """Return a number of seconds, written as ``30d``, ``12h`` or ``2w``; days without a unit.

    Raises:
        CacheError: it is none.

    Example:
        >>> age("30d"), age("12h")
        (2592000.0, 43200.0)
    """
    match = _AGE.fullmatch(text)
    if match is None:
        raise CacheError(f"{text!r} is no age. Write it as 30d, 12h or 2w.")
    return float(match[1]) * _SECONDS[match[2].lower()]


def limit() -> int | None:
    """Return how many bytes a cache may hold: ``SYMCOMPILE_CACHE_SIZE``, else 1 GB; 0 is no limit.

    Raises:
        CacheError: the variable holds no size.
    """
    text = os.environ.get(VARIABLE, "").strip()
    try:
        return (size(text) if text else DEFAULT_LIMIT) or None
    except CacheError as error:
        raise CacheError(f"The environment variable {VARIABLE} is wrong: {error}") from None


def touch(stamp: Path) -> None:
    """Note a use in a file's time, at most every half hour; where it cannot be written, nowhere."""
    with suppress(OSError):
        if abs(time.time() - stamp.lstat().st_mtime) > _TOUCH_SECONDS:
            os.utime(stamp)


def due(stamp: Path) -> bool:
    """Whether it is an hour since this was last asked with that file."""
    try:
        if abs(time.time() - stamp.lstat().st_mtime) < _BETWEEN_SECONDS:
            return False
    except FileNotFoundError:
        stamp.touch(mode=0o600)
        return True
    os.utime(stamp)
    return True


def spared_seconds(folder: Path) -> float:
    """Return how long after its last use an entry is left alone.

    An hour; where the folder is on a file server a week, since a library that goes while another
    machine runs it ends that program.
    """
    return _SPARED_SECONDS_SHARED if _SHARED.search(_file_system(folder)) else _SPARED_SECONDS


def chosen(
    uses: Iterable[Use],
    *,
    most: float = math.inf,
    down_to: float | None = None,
    oldest: float = math.inf,
    spared: float,
    now: float,
) -> list[Use]:
    """Choose what to remove, least recently used first.

    Args:
        uses: every entry.
        most: how many bytes may stay.
        down_to: how many stay once there are more than that; ``most`` by default.
        oldest: how many seconds after its last use an entry may stay.
        spared: how many it stays in any case.
        now: the time.

    Example:
        >>> uses = [Use(Path(name), last, 10) for name, last in [("new", 9.0), ("old", 2.0)]]
        >>> [use.entry.name for use in chosen(uses, most=15, spared=0, now=10)]
        ['old']
    """
    ordered = sorted(uses, key=lambda use: (use.last, use.entry))
    total = sum(use.bytes for use in ordered)
    allowed = math.inf
    if total > most:
        allowed = most if down_to is None else down_to
    found: list[Use] = []
    for use in ordered:
        idle = now - use.last
        if idle <= spared or not (idle > oldest or total > allowed):
            continue
        found.append(use)
        total -= use.bytes
    return found


def _file_system(folder: Path) -> str:
    """Return the type of the file system that a folder is on, or nothing where that is unknown."""
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    real = Path(os.path.realpath(folder))
    best, kind = -1, ""
    for line in lines:
        words = line.split()
        if len(words) < 3:
            continue
        place = Path(words[1].replace("\\040", " "))
        if place == real or place in real.parents:
            depth = len(place.parts)
            if depth >= best:
                best, kind = depth, words[2]
    return kind
