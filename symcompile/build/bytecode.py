"""What templates compile to, kept in the cache folder between processes.

Compiling the templates of a small module is a part of its start that can be felt.
"""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symcompile.build import manifest
from symcompile.build.cache import cache_dir, key
from symcompile.emit.templates import environment
from symcompile.options import Options

if TYPE_CHECKING:
    from jinja2.bccache import Bucket


def keep_templates(options: Options) -> None:
    """Let templates be compiled once for all processes that share the cache folder.

    A folder that cannot be used, or that others can write in, costs time and nothing else.
    """
    env: Any = environment()
    if env.bytecode_cache is None:
        env.bytecode_cache = _kept(cache_dir(options) / "templates")


def _kept(folder: Path) -> Any:
    from jinja2 import BytecodeCache

    class Kept(BytecodeCache):
        """One file for each template, its source and Python's version in the name."""

        def get_cache_key(self, name: str, filename: str | None = None) -> str:
            return name

        def _path(self, bucket: Bucket) -> Path:
            return folder / key(bucket.key, bucket.checksum, sys.version)

        def load_bytecode(self, bucket: Bucket) -> None:
            with suppress(OSError, ValueError, EOFError, TypeError):
                path = self._path(bucket)
                # Code is run: it has to be this user's.
                if all(manifest.trusted(os.lstat(p)) for p in (path, folder, folder.parent)):
                    bucket.bytecode_from_string(path.read_bytes())

        def dump_bytecode(self, bucket: Bucket) -> None:
            with suppress(OSError):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                descriptor, name = tempfile.mkstemp(dir=folder)
                with os.fdopen(descriptor, "wb") as stream:
                    stream.write(bucket.bytecode_to_string())
                Path(name).replace(self._path(bucket))

    return Kept()
