"""Where modules are built while the cache cannot be written: a folder of this process alone.

A home folder that is read-only or full costs a slower start, not the kernel.
"""

from __future__ import annotations

import atexit
import errno
import os
import shutil
import tempfile
import threading
import warnings
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from symcompile.build.diagnostics import RejectedSourceError, disk_full
from symcompile.errors import CacheError, ToolchainError

_lock = threading.Lock()
_warned = threading.Event()


def telling(build: Callable[[Path], None]) -> Callable[[Path], None]:
    """Tell a full disk, which is the cache's matter, from source that a compiler rejects."""

    def built(folder: Path) -> None:
        try:
            build(folder)
        except (RejectedSourceError, ToolchainError) as error:
            if disk_full(getattr(error, "log", str(error))):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
            raise

    return built


@lru_cache(maxsize=1)
def _private_folder() -> Path:
    try:
        folder = Path(tempfile.mkdtemp(prefix="symcompile-"))
    except OSError as error:
        raise CacheError(
            f"There is no room for compiled modules, in the cache or a temporary folder: {error}"
        ) from error
    owner = os.getpid()

    def remove() -> None:
        # A forked child ends while its parent still uses the folder.
        if os.getpid() == owner:
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    return folder


def private_root(reason: str) -> Path:
    """Return a temporary cache folder of this process, which goes when it ends; warn once."""
    with _lock:
        if not _warned.is_set():
            _warned.set()
            warnings.warn(
                f"{reason} Until then, modules are compiled for this process alone.",
                RuntimeWarning,
                stacklevel=6,
            )
        return _private_folder()
