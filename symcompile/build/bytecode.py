"""What templates compile to, kept between processes.

Compiling the templates of a small module is a part of its start that can be felt. Like Python's own
bytecode, what it gives belongs to the installation, and lies where Python would keep that of a file
of the template's name. Where Python writes none, or may not, it is in the cache folder.
"""

from __future__ import annotations

import importlib.util
import os
import pickle
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symcompile.build import manifest
from symcompile.build.cache import cache_dir, key
from symcompile.emit.templates import environment, template_folder
from symcompile.options import Options

if TYPE_CHECKING:
    from jinja2.bccache import Bucket


def keep_templates(options: Options) -> None:
    """Let templates be compiled once for all processes.

    A folder that cannot be used, or that others can write in, costs time and nothing else.
    """
    env: Any = environment()
    if env.bytecode_cache is None:
        env.bytecode_cache = _kept(template_folder(), cache_dir(options) / "templates")


def _kept(templates: Path, folder: Path) -> Any:
    import jinja2

    version = "".join(filter(str.isalnum, jinja2.__version__))

    class Kept(jinja2.BytecodeCache):
        """One file for each template, which says what source and which Python it is of."""

        def get_cache_key(self, name: str, filename: str | None = None) -> str:
            return name

        def _beside(self, bucket: Bucket) -> Path:
            source = str(templates / bucket.key)
            return Path(importlib.util.cache_from_source(source, optimization=f"jinja{version}"))

        def _apart(self, bucket: Bucket) -> Path:
            return folder / key(bucket.key, bucket.checksum, sys.version, version)

        def load_bytecode(self, bucket: Bucket) -> None:
            for path in (self._beside(bucket), self._apart(bucket)):
                with suppress(OSError, ValueError, EOFError, TypeError, pickle.UnpicklingError):
                    # Code is run: it has to be this user's.
                    if all(manifest.trusted(os.lstat(p)) for p in (path, path.parent)):
                        bucket.bytecode_from_string(path.read_bytes())
                if bucket.code is not None:
                    return

        def dump_bytecode(self, bucket: Bucket) -> None:
            code = bucket.bytecode_to_string()
            if sys.dont_write_bytecode or not _written(self._beside(bucket), code):
                _written(self._apart(bucket), code)

    return Kept()


def _written(path: Path, content: bytes) -> bool:
    """Write a file as a whole or not at all; return whether that was possible."""
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
            Path(name).replace(path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
        return True
    return False
