"""Locks between processes, that a shared folder may or may not have.

They keep two processes from compiling the same thing twice, and no more: what is published is
published by one rename, so a lock that does nothing costs time and never a wrong result.
"""

from __future__ import annotations

import errno
import os
import platform
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from symcompile.build.diagnostics import FULL

_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_CLOEXEC = getattr(os, "O_CLOEXEC", 0)

# A network file system without a lock service says one of these.
_NO_LOCKS = frozenset(
    {errno.ENOSYS, errno.ENOLCK, errno.EINVAL, errno.EOPNOTSUPP, getattr(errno, "ENOTSUP", 0)}
)
_STALE_SECONDS = 3600
_POLL_SECONDS = 0.05


@contextmanager
def lock(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold a lock that a file stands for, and let go of it when its process ends in any way.

    Threads exclude each other as processes do. Where the file system has no locks, a file that
    names its owner stands in. On a full disk, where there can be no file, nothing is locked.

    Args:
        path: the file; made where it is missing.
        wait: whether to wait for another holder.

    Yields:
        Whether it is held; always True after waiting.

    Raises:
        OSError: the file cannot be made.
    """
    if sys.platform == "win32":
        with _windows(path, wait) as held:
            yield held
        return
    descriptor = -1
    marker: Path | None = None
    try:
        descriptor = _flock(path, wait)
        held = descriptor >= 0
    except OSError as error:
        if error.errno in _NO_LOCKS:
            marker = path.with_suffix(".owner")
            held = _mark(marker, wait)
        elif error.errno in FULL:
            held = True
        else:
            raise
    try:
        yield held
    finally:
        if descriptor >= 0:
            _unlock(descriptor)
        elif marker is not None and held:
            _unmark(marker)


def remove(path: Path) -> None:
    """Remove the file of a lock that the caller holds.

    Who waits for it notices, and makes another (:func:`_flock`). Windows does not remove files
    that are open.
    """
    if sys.platform != "win32":
        with suppress(OSError):
            path.unlink()


def host() -> str:
    """Return this machine's name, as it may stand in a file's name."""
    return re.sub(r"[^\w.]", "_", platform.node()) or "unknown"


def alive(pid: int) -> bool:
    """Whether a process of this machine may be running; not to be asked on Windows."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _flock(path: Path, wait: bool) -> int:
    """Return a descriptor that holds the lock, or -1."""
    import fcntl

    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _NOFOLLOW | _CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            # Removed while this process waited: others lock the file that came after it.
            if _is(descriptor, path):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            return -1
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _unlock(descriptor: int) -> None:
    import fcntl

    # Closing would not do: a forked child may have the descriptor too.
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)


def _is(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


def _mark(marker: Path, wait: bool) -> bool:
    """Make a file that only one can make, taking it over from owners that are gone."""
    while True:
        try:
            descriptor = os.open(marker, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _CLOEXEC, 0o600)
        except FileExistsError:
            if _gone(marker):
                # Two may do so at once; then both build, and one publishes.
                with suppress(FileNotFoundError):
                    marker.unlink()
            elif not wait:
                return False
            else:
                time.sleep(_POLL_SECONDS)
            continue
        with os.fdopen(descriptor, "w") as stream:
            stream.write(_owner())
        return True


def _unmark(marker: Path) -> None:
    with suppress(OSError):
        if marker.read_text() == _owner():
            marker.unlink()


def _owner() -> str:
    return f"{host()} {os.getpid()}"


def _gone(marker: Path) -> bool:
    try:
        age = time.time() - marker.lstat().st_mtime
        name, pid = marker.read_text().split()
        return age > _STALE_SECONDS or (name == host() and not alive(int(pid)))
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        # Not yet written, or never, because its owner was killed.
        return age > _STALE_SECONDS


@contextmanager
def _windows(path: Path, wait: bool) -> Iterator[bool]:
    from filelock import FileLock, Timeout

    held = FileLock(path, mode=0o600)
    try:
        held.acquire(timeout=-1 if wait else 0)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        held.release()
