"""What was built before: a note for each module, in the cache, of what it was made from.

A note holds the recipe of a module and the digest of every file that came of it. If both are as
they were, there is nothing to do, and no derivative is taken to find that out. Without a note, or
with one that is damaged, a module is built again: nothing depends on notes but time.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from symcompile.build.cache import cache_dir, key
from symcompile.options import Options


@dataclass(frozen=True)
class Note:
    """What a module was made from, and what came of it.

    Attributes:
        recipe: the digest of what decides its files.
        files: name and SHA-256 of each.
        operations: how many its functions hold.
        lines: of its source.
    """

    recipe: str
    files: Mapping[str, str]
    operations: int
    lines: int

    def holds(self, recipe: str, folder: Path) -> bool:
        """Whether the files in a folder are what this recipe gives."""
        return self.recipe == recipe and all(
            content_matches(folder / name, digest) for name, digest in self.files.items()
        )


def content_matches(path: Path, digest: str) -> bool:
    """Whether a file is there and has this SHA-256."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == digest
    except OSError:
        return False


def recall(folder: Path, module: str, options: Options) -> Note | None:
    """Return the note of a module in a folder, or None."""
    try:
        found = json.loads(_path(folder, module, options).read_bytes())
        return Note(
            str(found["recipe"]),
            {str(name): str(digest) for name, digest in found["files"].items()},
            int(found["operations"]),
            int(found["lines"]),
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def remember(folder: Path, module: str, note: Note, options: Options) -> None:
    """Keep the note of a module; where that cannot be written, do nothing."""
    path = _path(folder, module, options)
    text = json.dumps(
        {
            "recipe": note.recipe,
            "files": dict(note.files),
            "operations": note.operations,
            "lines": note.lines,
        }
    )
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(text)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def _path(folder: Path, module: str, options: Options) -> Path:
    return cache_dir(options) / "built" / key(str(folder.resolve()), module)
