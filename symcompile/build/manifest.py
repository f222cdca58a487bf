"""The manifest of a cache entry: what it must hold, and whether it still does."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from pathlib import Path, PurePosixPath

#: The file whose presence makes a folder an entry, and whose time is that of its last use.
NAME = "manifest.json"
_FORMAT = 1
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_BINARY = getattr(os, "O_BINARY", 0)
_CLOEXEC = getattr(os, "O_CLOEXEC", 0)


def write(entry: Path, key: str) -> None:
    """Record every file of an entry.

    Nothing is forced to disk: that takes as long as compiling a small kernel. What a crash of the
    machine leaves half written differs from its record, and is built again.

    Args:
        entry: a finished folder of regular files, in subfolders or not.
        key: the key that it will be published under.

    Raises:
        OSError: the folder cannot be read or written, or holds something else than files.
    """
    files: dict[str, dict[str, str | int]] = {}
    for path in sorted(entry.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            continue
        content = read(path)
        files[path.relative_to(entry).as_posix()] = _record(content)
    text = json.dumps({"files": files, "format": _FORMAT, "key": key}, indent=1, sort_keys=True)
    with (entry / NAME).open("x", encoding="utf-8", newline="\n") as stream:
        stream.write(text + "\n")


def intact(entry: Path, key: str) -> bool:
    """Whether a folder is the complete, unchanged entry of this key, made by this user.

    Files that came later, as Numba's index, are allowed.
    """
    try:
        if not (_private_folder(entry.parent) and _private_folder(entry)):
            return False
        group = bool(os.lstat(entry).st_mode & stat.S_IXGRP)
        manifest = json.loads(read(entry / NAME, group=group))
        if manifest["key"] != key or manifest["format"] != _FORMAT:
            return False
        return all(
            _inside(name) and _record(read(entry / name, group=group)) == record
            for name, record in manifest["files"].items()
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return False


def trusted(status: os.stat_result) -> bool:
    """Whether only this user and the superuser can have put it there."""
    if not hasattr(os, "geteuid"):
        return True
    return status.st_uid in (os.geteuid(), 0) and not status.st_mode & stat.S_IWOTH


def _private_folder(folder: Path) -> bool:
    status = os.lstat(folder)
    group_writes = os.name == "posix" and status.st_mode & stat.S_IWGRP
    return stat.S_ISDIR(status.st_mode) and trusted(status) and not group_writes


def _inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _record(content: bytes) -> dict[str, str | int]:
    return {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}


def read(path: Path, *, group: bool = False) -> bytes:
    """Return the content of a regular file of this user.

    Args:
        path: the file.
        group: whether others of its group can reach it, so that they must not write in it.

    Raises:
        OSError: it is none, or cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | _NOFOLLOW | _BINARY | _CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        if not (stat.S_ISREG(status.st_mode) and trusted(status)):
            raise PermissionError(f"{path} is not a regular file of this user")
        if group and status.st_mode & stat.S_IWGRP:
            raise PermissionError(f"{path} can be changed by others of its group")
        return stream.read()
