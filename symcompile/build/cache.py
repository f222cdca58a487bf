"""The content-addressed cache: an entry is complete or absent, whatever is killed when."""

from __future__ import annotations

import hashlib
import math
import os
import re
import shutil
import stat
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from symcompile.build import leftovers, locks, manifest, pruning
from symcompile.errors import CacheError, SymcompileError
from symcompile.options import Options

VARIABLE = "SYMCOMPILE_CACHE_DIR"

_KEY = re.compile(r"[0-9a-f]{64}")
_SHARD = re.compile(r"[0-9a-f]{2}")


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
    """What a cache holds, or what was removed of it.

    Attributes:
        path: its folder.
        entries: number of compiled modules.
        bytes: size of their files.
        oldest: the time when the one that was not used for longest was used, within half an hour.
    """

    path: Path
    entries: int
    bytes: int
    oldest: float | None = None


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
            pruning.touch(entry / manifest.NAME)
            return entry
        with self._usable():
            self._prepare(entry)
            with self._lock(key):
                built = not manifest.intact(entry, key)
                if built:
                    self._sweep()
                    self._discard(entry)
                    self._publish(entry, key, build)
        if built:
            self._prune_now_and_then()
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
        pruning.touch(entry / manifest.NAME)
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
            return _sum(self.root, map(_use, self._entries()))

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
                    locks.remove(self._lock_path(entry.name))
            shutil.rmtree(self.log_folder, ignore_errors=True)
            shutil.rmtree(self._note_folder, ignore_errors=True)
            self._sweep()
        return removed

    def prune(
        self,
        size: float = math.inf,
        *,
        down_to: float | None = None,
        older_than: float = math.inf,
    ) -> CacheInfo:
        """Remove what was not used for longest, and what leads to it.

        Readers and builders may go on beside it: what was used in the last hour stays (on a file
        server, in the last week), and what is being built is passed over.

        Args:
            size: how many bytes may stay.
            down_to: how many stay once there are more than that; ``size`` by default.
            older_than: how many seconds after its last use an entry may stay.

        Returns:
            What was removed.

        Raises:
            CacheError: the cache folder cannot be read.
        """
        with self._usable():
            doomed = pruning.chosen(
                map(_use, self._entries()),
                most=size,
                down_to=down_to,
                oldest=older_than,
                spared=pruning.spared_seconds(self.root),
                now=time.time(),
            )
            removed = [use for use in doomed if self._removed(use)]
            if self.root.exists():
                self._tidy()
        return _sum(self.root, removed)

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

    def _lock_path(self, key: str) -> Path:
        return self._lock_folder / f"{key}.lock"

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
        with locks.lock(self._lock_path(key)):
            yield

    def _temporary(self) -> Path:
        prefix = f"{locks.host()}-{os.getpid()}-"
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
        try:
            doomed = self._temporary()
        except OSError:
            # On a full disk there is no folder to move it to; without a manifest it is none.
            if entry.is_symlink() or not entry.is_dir():
                entry.unlink()
            else:
                with suppress(FileNotFoundError):
                    (entry / manifest.NAME).unlink()
                shutil.rmtree(entry)
            return True
        try:
            entry.rename(doomed / "entry")
        except FileNotFoundError:
            return False  # without working locks another process may have been first
        finally:
            shutil.rmtree(doomed, ignore_errors=True)
        return True

    def _removed(self, use: pruning.Use) -> bool:
        """Remove an entry unless somebody builds it, or has used it in the meantime."""
        lock = self._lock_path(use.entry.name)
        try:
            self._prepare(use.entry)
            with locks.lock(lock, wait=False) as held:
                if not held or _use(use.entry).last > use.last:
                    return False
                gone = self._discard(use.entry)
                locks.remove(lock)
                return gone
        except OSError:
            return False  # Windows keeps files that a process has loaded

    def _tidy(self) -> None:
        leftovers.remove_notes(self._note_folder, self.path)
        leftovers.remove_old((self.log_folder, self.root / "templates"))
        leftovers.remove_locks(self._lock_folder, self.path)
        self._sweep()

    def _prune_now_and_then(self) -> None:
        try:
            most = pruning.limit()
        except CacheError as error:
            warnings.warn(f"{error} Nothing is pruned.", RuntimeWarning, stacklevel=2)
            return
        # Pruned by a fifth more than needed, or each build would prune again.
        with suppress(OSError):
            if most is not None and pruning.due(self.root / "pruned"):
                self.prune(most, down_to=0.8 * most)

    def _sweep(self) -> None:
        leftovers.sweep(self._temporary_folder)


def _use(entry: Path) -> pruning.Use:
    last = 0.0
    with suppress(OSError):
        last = entry.lstat().st_mtime
        last = (entry / manifest.NAME).lstat().st_mtime
    return pruning.Use(entry, last, _size(entry))


def _sum(root: Path, uses: Iterable[pruning.Use]) -> CacheInfo:
    found = list(uses)
    oldest = min((use.last for use in found), default=None)
    return CacheInfo(root, len(found), sum(use.bytes for use in found), oldest)


def _size(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += Path(parent, name).lstat().st_size
    return total
