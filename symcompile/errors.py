"""The errors a user can cause. All derive from :class:`SymcompileError`.

Each also derives from the built-in error that Python users expect in its place, so
``except ValueError`` keeps working. A message says what was wrong and what to do.
"""

from __future__ import annotations


class SymcompileError(Exception):
    """Base of every error that symcompile raises on purpose."""


class DefinitionError(SymcompileError, ValueError):
    """A definition that does not make sense: names, roles, shapes of outputs."""


class LoweringError(SymcompileError, ValueError):
    """A subexpression that cannot be compiled exactly.

    Attributes:
        subexpression: the offending SymPy object.
    """

    def __init__(self, message: str, subexpression: object = None) -> None:
        super().__init__(message)
        self.subexpression = subexpression


class UnsupportedFunctionError(SymcompileError, TypeError):
    """A kernel method that this kernel cannot have, as ``grad`` of a vector."""


class ArgumentValueError(SymcompileError, ValueError):
    """Arguments of a call with the wrong length, shape or content."""


class ArgumentTypeError(SymcompileError, TypeError):
    """Arguments of a call of the wrong type or number."""


class BackendError(SymcompileError, ValueError):
    """A backend that does not exist or cannot be used here."""


class ToolchainError(BackendError):
    """No working C compiler, or no Python headers, on this machine."""


class CompileError(SymcompileError, RuntimeError):
    """The compiler rejected generated source; shows the lines that caused it."""


class CacheError(SymcompileError, OSError):
    """The cache folder cannot be used."""


class BuildFileError(SymcompileError, ValueError):
    """A definition file that cannot be read, or holds no definition."""


class ProjectError(BuildFileError):
    """A ``pyproject.toml`` that asks for what there is not, or definitions that cannot go together.

    Raised before anything is built.
    """


class ParseError(SymcompileError, ValueError):
    """Text that is no formula, or one that is not safe to read.

    Attributes:
        line: where, from 1 on.
        column: where, from 1 on.
    """

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.line = line
        self.column = column
