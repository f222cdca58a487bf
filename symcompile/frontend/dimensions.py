"""Rows and columns: what a term that is a matrix has for labels."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from symcompile.errors import DefinitionError
from symcompile.frontend.brief import brief
from symcompile.frontend.frames import Frames, Labels, Term
from symcompile.ir.affine import Affine

ONE = Affine(1)


def row_label(frames: Frames, size: Affine) -> int:
    """Return the label of the rows of a matrix."""
    return frames.label("row", size)


def column_label(frames: Frames, size: Affine) -> int:
    """Return the label of the columns of a matrix."""
    return frames.label("column", size)


def pair_of(frames: Frames, shape: tuple[Affine, Affine]) -> tuple[int | None, int | None]:
    """Return the labels of rows and columns; None where there is one."""
    rows, columns = shape
    return (
        None if rows == ONE else row_label(frames, rows),
        None if columns == ONE else column_label(frames, columns),
    )


def matrix_labels(frames: Frames, shape: tuple[Affine, Affine]) -> Labels:
    """Return the labels of a matrix that depends on all its rows and columns."""
    return tuple(label for label in pair_of(frames, shape) if label is not None)


def transposed(frames: Frames, term: Term) -> Term:
    rows, columns = known(term)
    names = {
        row_label(frames, rows): column_label(frames, rows),
        column_label(frames, columns): row_label(frames, columns),
    }
    return frames.rename(term, names)._replace(shape=(columns, rows))


def known(term: Term) -> tuple[Affine, Affine]:
    assert term.shape is not None, "not a matrix"
    return term.shape


def require_chain(expr: Any, factors: Iterable[tuple[Any, tuple[Affine, Affine]]]) -> None:
    """Check that a product's matrices fit together; SymPy lets two symbols pass for one size.

    Args:
        expr: the product, for the message.
        factors: each matrix and its shape.

    Raises:
        DefinitionError: names the first two that do not fit.
    """
    for (a, left), (b, right) in pairwise(factors):
        if left[1] != right[0]:
            raise DefinitionError(
                f"{brief(expr)}: {brief(a)} has {_text(left)}, and {brief(b)} has {_text(right)}, "
                f"so {left[1]} columns meet {right[0]} rows; transpose one, or use one symbol for "
                "sizes that are equal"
            )


def require_equal(expr: Any, parts: Iterable[tuple[Any, tuple[Affine, Affine]]]) -> None:
    """Check that matrices which are combined entry by entry have one shape.

    Raises:
        DefinitionError: names the first two that do not fit.
    """
    for (a, left), (b, right) in pairwise(parts):
        if left != right:
            raise DefinitionError(
                f"{brief(expr)}: {brief(a)} has {_text(left)}, and {brief(b)} has {_text(right)}; "
                "transpose one, or use one symbol for sizes that are equal"
            )


def require_square(expr: Any, part: Any, shape: tuple[Affine, Affine]) -> None:
    """Check that a matrix is square.

    Raises:
        DefinitionError: it is not.
    """
    if shape[0] != shape[1]:
        raise DefinitionError(
            f"{brief(expr)}: {brief(part)} has {_text(shape)}, and must be square; use one symbol "
            "for sizes that are equal"
        )


def _text(shape: tuple[Affine, Affine]) -> str:
    return f"shape ({shape[0]}, {shape[1]})"
