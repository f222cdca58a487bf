"""Rows and columns: what a term that is a matrix has for labels."""

from __future__ import annotations

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
