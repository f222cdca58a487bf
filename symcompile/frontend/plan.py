"""How one expression is lowered: what it needs first, and what is then made of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from symcompile.errors import LoweringError
from symcompile.frontend.frames import Term
from symcompile.frontend.scope import Scope

if TYPE_CHECKING:
    from symcompile.frontend.lowering import Lowering


class Plan(NamedTuple):
    """The children that an expression needs, and what makes its term from theirs.

    Attributes:
        children: expressions.
        combine: takes their terms; returns the term, or what is to be done next.
        scopes: where each child is lowered, if not where the expression is.
    """

    children: Sequence[Any]
    combine: Callable[[list[Term]], Term | Plan]
    scopes: Sequence[Scope] | None = None


Handler: TypeAlias = "Callable[[Lowering, Any, Scope], Plan]"


class NeedsIndicesError(LoweringError):
    """Index or matrix notation in a formula that was taken for one of numbers."""
