"""Tables: the columns that a model names, from whatever holds them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from symcompile.arguments import Array, is_table, listed, take_columns, to_columns
from symcompile.errors import ArgumentTypeError, ArgumentValueError


def open_table(data: Any) -> Any:
    """Return what gives columns by name: the data itself, or the file that it is a path of.

    Args:
        data: a pandas or polars DataFrame, a structured array, a mapping of arrays, or the path
            of a CSV or Parquet file.

    Raises:
        ArgumentValueError: there is no such file, or its suffix says nothing.
        ArgumentTypeError: it is no table.
    """
    if isinstance(data, str | Path):
        path = Path(data)
        if not path.is_file():
            raise ArgumentValueError(f"there is no file {path}")
        reader = _READERS.get(path.suffix.lower())
        if reader is None:
            raise ArgumentValueError(
                f"{path.name} is none of the files that can be read: {listed(list(_READERS))}"
            )
        try:
            return reader(path)
        except ImportError as error:
            raise ArgumentValueError(
                f"to read {path.name} pandas is needed, and pyarrow for Parquet ({error}): "
                "pip install 'symcompile[data]'"
            ) from error
        except Exception as error:  # whatever a reader says of a file that is broken
            raise ArgumentValueError(f"{path} cannot be read: {error}") from error
    if data is None or is_table(data):
        return {} if data is None else data
    raise ArgumentTypeError(
        "data are a DataFrame, a mapping of arrays, or the path of a CSV or Parquet file; not "
        f"{type(data).__name__}"
    )


def column_names(table: Any) -> tuple[str, ...]:
    """Return the names of a table's columns."""
    names = getattr(getattr(table, "dtype", None), "names", None)
    if names is None:
        names = table.keys() if hasattr(table, "keys") else table.columns
    return tuple(str(name) for name in names)


def columns_of(table: Any, names: Sequence[str]) -> tuple[Array, ...]:
    """Return columns of a table as arrays of float64, shape ``(n,)``."""
    return to_columns(take_columns(table, names), names)


def _read_csv(path: Path) -> Any:
    import pandas as pd

    return pd.read_csv(path)


def _read_parquet(path: Path) -> Any:
    import pandas as pd

    return pd.read_parquet(path)


_READERS: Final[dict[str, Callable[[Path], Any]]] = {
    ".csv": _read_csv,
    ".parquet": _read_parquet,
}
