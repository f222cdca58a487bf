"""Compiler output cut down to what a person needs, with the whole kept beside it."""

from __future__ import annotations

import errno
import os
import re

from symcompile.errors import CompileError

#: What the system says of a disk, or of a user's share of it, that is full.
FULL = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})

_MAX_ERRORS = 3
_MAX_LINES = 14

_C_ERROR = re.compile(r"(?:\b(?:fatal )?error: |undefined reference|\bld: )")
_C_DIAGNOSTIC = re.compile(r"^[^\s:][^:]*:(?:\d+:)* (?:fatal error|error|warning|note)?")
_C_SCOPE = re.compile(r"^[^\s:][^:]*: In function ")
_CYTHON_ERROR = "Error compiling Cython file:"


class RejectedSourceError(CompileError):
    """A :class:`CompileError` that carries everything the compiler printed.

    Attributes:
        log: the compiler's whole output.
    """

    def __init__(self, message: str, log: str = "") -> None:
        super().__init__(message)
        self.log = log


def disk_full(log: str) -> bool:
    """Whether a compiler failed because there was no room for what it writes.

    Example:
        >>> disk_full("fatal error: error writing to k.s: No space left on device")
        True
    """
    return any(os.strerror(code) in log for code in FULL)


def first_c_errors(output: str) -> str:
    """The first errors of a C compiler, each with the lines the compiler shows around it.

    Args:
        output: what gcc or clang wrote on standard error.

    Returns:
        At most three errors; the last lines of the output where none is recognised.

    Example:
        >>> first_c_errors("k.c:1:5: error: unknown type\\n    1 | foo x;\\nk.c:9:1: note: n")
        'k.c:1:5: error: unknown type\\n    1 | foo x;'
    """
    lines = output.splitlines()
    starts = [index for index, line in enumerate(lines) if _C_ERROR.search(line)]
    if not starts:
        return "\n".join(lines[-_MAX_LINES:])
    shown: list[str] = []
    for start in starts[:_MAX_ERRORS]:
        if start and _C_SCOPE.match(lines[start - 1]):
            shown.append(lines[start - 1])
        shown.append(lines[start])
        for line in lines[start + 1 : start + _MAX_LINES]:
            if _C_DIAGNOSTIC.match(line) or _C_SCOPE.match(line):
                break
            shown.append(line)
    return "\n".join(shown + _remainder(len(starts)))


def first_cython_errors(listing: str) -> str:
    """The first errors of a Cython listing, each with its source lines.

    Args:
        listing: the text of Cython's listing file.

    Returns:
        At most three errors, without Cython's headings.
    """
    errors = [part.strip("\n") for part in listing.split(_CYTHON_ERROR)[1:]]
    if not errors:
        return "\n".join(listing.splitlines()[-_MAX_LINES:])
    return "\n".join(errors[:_MAX_ERRORS] + _remainder(len(errors)))


def _remainder(count: int) -> list[str]:
    hidden = count - _MAX_ERRORS
    return [f"... and {hidden} more error{'s' * (hidden > 1)}"] if hidden > 0 else []
