"""The content-addressed cache: an entry is complete or absent, whatever is killed when."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from symcompile.build import manifest
from symcompile.errors import CacheError, SymcompileError
from symcompile.options import Options

VARIABLE = "SYMCOMPILE_CACHE_DIR"

_KEY = re.compile(r"[0-9a-f]{64}")
_SHARD = re.compile(r"[0-9a-f]{2}")
_TEMPORARY = re.compile(r"(?P<host>.+)-(?P<pid>\d+)-[^-]+")
_STALE_SECONDS = 3600
_STALE_SECONDS_ELSEWHERE = 24 * 3600


def cache_dir(options: Options) -> Path:
    """The cache folder: the option, else ``SYMCOMPILE_CACHE_DIR``, else the user's own.

    Returns:
        An absolute path; the folder need not exist.
    """
    chosen = options.cache_dir or os.environ.get(VARIABLE)
    if not chosen:
        import platformdirs

        chosen = platformdirs.user_cache_dir("symcompile")
    return Path(chosen).expanduser().absolute()


def key(*parts: str) -> str:
    """Digest a sequence of texts; sequences that differ in any way get different digests.

    Returns:
        64 hexadecimal digits.

    Example:
        >>> key("ab", "c") == key("a", "bc")
        False
    """
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "big"))
        digest.update(encoded)
    return digest.hexdigest()


_digest = key  # by another name, where a parameter has this one


@dataclass(frozen=True)
class CacheInfo:
    """What a cache holds.

    Attributes:
        path: its folder.
        entries: number of compiled modules.
        bytes: size of their files.
    """

    path: Path
    entries: int
    bytes: int


class Cache:
    """Folders of built files, addressed by the digest of what they were built from.

    Args:
        root: the cache folder; made, for this user alone, when something is built.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def get_or_build(self, key: str, build: Callable[[Path], None]) -> Path:
        """Return the entry of ``key``, building it where it is missing or damaged.

        Any number of threads and processes may ask at once: one builds, the others wait. An
        entry that is there is returned without a lock, also from a folder that cannot be
        written.

        Args:
            key: what :func:`key` returned.
            build: fills the empty, private folder it is given. What it raises passes
                through (an OSError as CacheError), and leaves nothing behind.

        Returns:
            The entry's folder.

        Raises:
            CacheError: the cache folder cannot be used.
        """
        entry = self.path(key)
        if manifest.intact(entry, key):
            return entry
        with self._usable():
            self._prepare(entry)
            with self._lock(key):
                if not manifest.intact(entry, key):
                    self._sweep()
                    self._discard(entry)
                    self._publish(entry, key, build)
        return entry

    def path(self, key: str) -> Path:
        """Return where the entry of a key is, once it is built."""
        if not _KEY.fullmatch(key):
            raise ValueError(f"a cache key is 64 hexadecimal digits, not {key!r}")
        return self.root / key[:2] / key

    def noted(self, recipe: str) -> Path | None:
        """Return the entry that :meth:`note` noted for a recipe, if it is there and intact."""
        path = self._note(recipe)
        try:
            if not manifest.trusted(path.parent.lstat()):
                return None
            found, check = manifest.read(path).decode().split()
            entry = self.path(found)
        except (OSError, ValueError):
            return None
        if check != _digest(recipe, found) or not manifest.intact(entry, found):
            return None
        return entry

    def note(self, recipe: str, key: str) -> None:
        """Remember which entry a recipe leads to; where that cannot be written, do nothing.

        A note that a crash has left half written does not pass its check.
        """
        path = self._note(recipe)
        with suppress(OSError):
            self._prepare(path)
            folder = self._temporary()
            try:
                (folder / "note").write_text(f"{key} {_digest(recipe, key)}")
                (folder / "note").replace(path)
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def info(self) -> CacheInfo:
        """Count what is there.

        Raises:
            CacheError: the cache folder cannot be read.
        """
        with self._usable():
            entries = list(self._entries())
            return CacheInfo(self.root, len(entries), sum(map(_size, entries)))

    def clear(self) -> int:
        """Remove every entry, waiting for builds under way, and the logs of failed ones.

        Returns:
            How many entries were removed.

        Raises:
            CacheError: the cache folder cannot be written.
        """
        removed = 0
        with self._usable():
            for entry in self._entries():
                self._prepare(entry)
                with self._lock(entry.name):
                    removed += self._discard(entry)
            shutil.rmtree(self.log_folder, ignore_errors=True)
            shutil.rmtree(self._note_folder, ignore_errors=True)
            self._sweep()
        return removed

    @property
    def log_folder(self) -> Path:
        """Where logs of failed builds may be kept; :meth:`clear` removes it."""
        return self.root / "logs"

    @property
    def _note_folder(self) -> Path:
        return self.root / "recipes"

    def _note(self, recipe: str) -> Path:
        if not _KEY.fullmatch(recipe):
            raise ValueError(f"a recipe is 64 hexadecimal digits, not {recipe!r}")
        return self._note_folder / recipe[:2] / recipe

    @property
    def _temporary_folder(self) -> Path:
        return self.root / "tmp"

    @property
    def _lock_folder(self) -> Path:
        return self.root / "locks"

    def _entries(self) -> Iterator[Path]:
        if not self.root.exists():
            return
        for shard in sorted(self.root.iterdir()):
            if _SHARD.fullmatch(shard.name) and shard.is_dir() and not shard.is_symlink():
                yield from sorted(path for path in shard.iterdir() if _KEY.fullmatch(path.name))

    @contextmanager
    def _usable(self) -> Iterator[None]:
        try:
            yield
        except SymcompileError:
            raise
        except OSError as error:
            raise CacheError(
                f"The cache folder {self.root} cannot be used ({error.strerror or error}). "
                f"Set the environment variable {VARIABLE}, or the option cache_dir, to a folder "
                "that you can write in."
            ) from error

    def _prepare(self, entry: Path) -> None:
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = self.root.stat()
        # In a shared temporary folder the sticky bit keeps others from replacing what is ours.
        if not manifest.trusted(status) and not status.st_mode & stat.S_ISVTX:
            raise PermissionError("other users can change what it holds")
        for folder in (self._lock_folder, self._temporary_folder, entry.parent):
            with suppress(FileExistsError):
                folder.mkdir(mode=0o700, parents=True)
            status = folder.lstat()
            if not stat.S_ISDIR(status.st_mode) or not manifest.trusted(status):
                raise PermissionError(f"{folder.name} in it is not a folder of yours alone")

    @contextmanager
    def _lock(self, key: str) -> Iterator[None]:
        from filelock import FileLock

        # Lock files stay: removing one that another process is waiting for splits the lock.
        with FileLock(self._lock_folder / f"{key}.lock", mode=0o600):
            yield

    def _temporary(self) -> Path:
        prefix = f"{_host()}-{os.getpid()}-"
        return Path(tempfile.mkdtemp(prefix=prefix, dir=self._temporary_folder))

    def _publish(self, entry: Path, key: str, build: Callable[[Path], None]) -> None:
        folder = self._temporary()
        try:
            build(folder)
            manifest.write(folder, key)
            try:
                folder.rename(entry)
            except OSError:
                # On file systems without working locks another process may have been first.
                if not manifest.intact(entry, key):
                    raise
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _discard(self, entry: Path) -> bool:
        if not os.path.lexists(entry):
            return False
        # Moved first: a reader sees the whole entry or none, never one half removed.
        doomed = self._temporary()
        entry.rename(doomed / "entry")
        shutil.rmtree(doomed, ignore_errors=True)
        return True

    def _sweep(self) -> None:
        with suppress(FileNotFoundError):
            for folder in list(self._temporary_folder.iterdir()):
                if _abandoned(folder):
                    shutil.rmtree(folder, ignore_errors=True)


def _host() -> str:
    return re.sub(r"[^\w.]", "_", platform.node()) or "unknown"


def _abandoned(folder: Path) -> bool:
    match = _TEMPORARY.fullmatch(folder.name)
    if match is None:
        return False
    try:
        age = time.time() - folder.lstat().st_mtime
    except OSError:
        return False
    if match["host"] == _host() and sys.platform != "win32":
        return age > _STALE_SECONDS and not _alive(int(match["pid"]))
    # Whether a process lives on another machine cannot be asked.
    return age > _STALE_SECONDS_ELSEWHERE


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _size(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += Path(parent, name).lstat().st_size
    return total
