"""Versions of installed packages, read off the names of their folders of metadata."""

from __future__ import annotations

import os
import re
import sys
from functools import lru_cache

_FOLDER = re.compile(r"(?P<name>.+)-(?P<version>[^-]+)\.dist-info")


@lru_cache
def installed_version(package: str) -> str | None:
    """Return the version of an installed package, or None where there is none.

    It takes what ``importlib.metadata`` takes, a tenth of its time, and asks that where a package
    was installed in another way.

    Example:
        >>> import numpy
        >>> installed_version("numpy") == numpy.__version__
        True
    """
    wanted = _normal(package)
    for folder in sys.path:
        found = _versions(folder or os.curdir).get(wanted)
        if found is not None:
            return found
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


@lru_cache
def _versions(folder: str) -> dict[str, str]:
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries]
    except OSError:
        return {}
    matches = [_FOLDER.fullmatch(name) for name in sorted(names, reverse=True)]
    return {_normal(match["name"]): match["version"] for match in matches if match}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()
