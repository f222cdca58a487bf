"""Where partitions come from: Parquet files, Dask frames and Dask arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from symcompile.arguments import Array, listed, to_array
from symcompile.errors import ArgumentValueError, SymcompileError

#: Rows that are read from a file at a time.
BLOCK: Final = 1 << 18
#: A file that is larger than this, in bytes, is not read as a whole.
_LARGE: Final = 1 << 30


class Source(Protocol):
    """Columns in partitions, in an order that does not change.

    Attributes:
        names: of the columns.
        kind: what they lie in, in words.
    """

    names: tuple[str, ...]
    kind: str

    @property
    def rows(self) -> int | None:
        """How many rows there are, where that is known without reading them."""

    def partitions(self, columns: Sequence[str]) -> list[Any]:
        """Return what :func:`blocks` takes for each partition: small, or a Dask value."""


def source_of(data: Any) -> Source | None:
    """Return the source that some data are, or None where they are a table in memory.

    Args:
        data: a Dask DataFrame, a mapping of Dask arrays, a folder of Parquet files, or a Parquet
            file that is larger than a gibibyte.

    Raises:
        ArgumentValueError: arrays differ in how they are cut, or a folder has no Parquet files.
    """
    if isinstance(data, str | Path):
        return _of_path(Path(data))
    if _is_dask(data, "dask.dataframe") or _is_dask(data, "dask_expr"):
        return Frame(data)
    if isinstance(data, Mapping) and any(_is_dask(one, "dask.array") for one in data.values()):
        return Arrays(data)
    return None


def _is_dask(value: Any, module: str) -> bool:
    return type(value).__module__.startswith(module)


def _of_path(path: Path) -> Source | None:
    if path.is_dir():
        files = sorted(path.rglob("*.parquet"))
        if not files:
            raise ArgumentValueError(f"the folder {path} holds no Parquet files (*.parquet)")
        return Parquet(tuple(map(str, files)))
    if path.suffix.lower() == ".parquet" and path.is_file() and path.stat().st_size > _LARGE:
        return Parquet((str(path),))
    return None


@dataclass(frozen=True)
class RowGroup:
    """A part of a Parquet file.

    Attributes:
        path: of the file.
        index: of the row group in it.
    """

    path: str
    index: int

    def __str__(self) -> str:
        return f"row group {self.index} of {self.path}"


class Parquet:
    """Row groups of Parquet files, in the order of their names."""

    kind = "Parquet files"

    def __init__(self, files: tuple[str, ...]) -> None:
        self.files = files
        opened = {path: _open(path) for path in files}
        self.rows = sum(one.metadata.num_rows for one in opened.values())
        first = opened[files[0]]
        self.names: tuple[str, ...] = tuple(first.schema_arrow.names)
        self._groups = [
            RowGroup(path, index)
            for path, one in opened.items()
            for index in range(one.metadata.num_row_groups)
            if one.metadata.row_group(index).num_rows
        ]
        for path, one in opened.items():
            missing = [name for name in self.names if name not in one.schema_arrow.names]
            if missing:
                raise ArgumentValueError(
                    f"{path} has no column {listed(missing)}, which {files[0]} has"
                )
            one.close()

    def partitions(self, columns: Sequence[str]) -> list[Any]:
        """Return the row groups."""
        return list(self._groups)


class Frame:
    """The partitions of a Dask DataFrame."""

    kind = "a Dask DataFrame"
    rows = None

    def __init__(self, frame: Any) -> None:
        self._frame = frame
        self.names: tuple[str, ...] = tuple(map(str, frame.columns))

    def partitions(self, columns: Sequence[str]) -> list[Any]:
        """Return a Dask value for each partition: a pandas DataFrame."""
        delayed: list[Any] = self._frame[list(columns)].to_delayed()
        return delayed


class Arrays:
    """The chunks of Dask arrays of one length."""

    kind = "Dask arrays"

    def __init__(self, arrays: Mapping[Any, Any]) -> None:
        import dask.array as da

        self._arrays = {str(name): da.asarray(array) for name, array in arrays.items()}
        self.names: tuple[str, ...] = tuple(self._arrays)
        flat = [name for name, array in self._arrays.items() if array.ndim != 1]
        if flat:
            raise ArgumentValueError(f"{listed(flat)} is no column: a Dask array of shape (n,)")

    @cached_property
    def rows(self) -> int | None:
        """How many rows there are, if the chunks say so."""
        length = next(iter(self._arrays.values())).shape[0]
        return None if np.isnan(length) else int(length)

    def partitions(self, columns: Sequence[str]) -> list[Any]:
        """Return a Dask value for each chunk: arrays by name.

        Raises:
            ArgumentValueError: lengths differ.
        """
        import dask

        used = [self._arrays[name] for name in columns]
        if len({array.shape[0] for array in used}) > 1:
            sizes = ", ".join(f"{name} has {self._arrays[name].shape[0]}" for name in columns)
            raise ArgumentValueError(f"columns differ in length: {sizes}")
        used = [array.rechunk((used[0].chunks[0],)) for array in used]
        chunks = zip(*(array.to_delayed() for array in used), strict=True)
        gather = dask.delayed(_named, name="symcompile-columns", pure=False)
        return [gather(tuple(columns), *parts) for parts in chunks]


def _named(names: tuple[str, ...], *arrays: Any) -> dict[str, Any]:
    return dict(zip(names, arrays, strict=True))


def blocks(partition: Any, columns: Sequence[str]) -> Iterator[tuple[Array, ...]]:
    """Yield the columns of a partition, some rows at a time, as float64 of shape ``(rows,)``.

    Raises:
        ArgumentTypeError: a column is not made of numbers.
        ArgumentValueError: a file cannot be read, or a column is missing.
    """
    if isinstance(partition, RowGroup):
        yield from _of_row_group(partition, columns)
        return
    missing = [name for name in columns if name not in partition]
    if missing:
        raise ArgumentValueError(f"there is no column {listed(missing)} in it")
    arrays = tuple(to_array(partition[name], f"column {name}") for name in columns)
    for start in range(0, len(arrays[0]), BLOCK):
        yield tuple(np.ascontiguousarray(array[start : start + BLOCK]) for array in arrays)


def _of_row_group(group: RowGroup, columns: Sequence[str]) -> Iterator[tuple[Array, ...]]:
    file = _open(group.path)
    try:
        batches = file.iter_batches(
            batch_size=BLOCK, row_groups=[group.index], columns=list(columns), use_threads=False
        )
        for batch in batches:
            yield tuple(
                to_array(batch.column(name).to_numpy(zero_copy_only=False), f"column {name}")
                for name in columns
            )
    except SymcompileError:
        raise
    except Exception as error:
        raise ArgumentValueError(f"{group} cannot be read: {error}") from error
    finally:
        file.close()


def _open(path: str) -> Any:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise ArgumentValueError(
            f"to read {path} pyarrow is needed: pip install 'symcompile[data]'"
        ) from error
    try:
        return parquet.ParquetFile(path, memory_map=True)
    except Exception as error:
        raise ArgumentValueError(f"{path} cannot be read: {error}") from error
