"""Data in partitions: sources, passes, and objectives over them, against data in memory."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symcompile as sc
from symcompile.partitions.passes import over
from symcompile.partitions.sources import BLOCK, source_of
from symcompile.partitions.tasks import Check, triangular

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

RANDOM = np.random.default_rng(8)
N = 3000
X = RANDOM.normal(size=N)
Y = 1 + 2 * X + 0.1 * RANDOM.normal(size=N)


def written(folder: Path, sizes: tuple[int, ...] = (1000, 1, 1999), files: int = 1) -> Path:
    """Write the columns as Parquet, with row groups of these sizes in each file."""
    folder.mkdir(exist_ok=True)
    ends = np.cumsum((0, *sizes))
    for number in range(files):
        part = slice(number * N // files, (number + 1) * N // files)
        table = pa.table({"x": X[part], "y": Y[part], "words": ["a"] * (N // files)})
        with parquet.ParquetWriter(folder / f"{number}.parquet", table.schema) as out:
            for start, end in itertools.pairwise(ends):
                out.write_table(table.slice(start, end - start))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return written(tmp_path / "data")


def kernel(reduce: Any = "sum") -> Any:
    w0, w1, x, y = sp.symbols("w0 w1 x y")
    return sc.compile(
        sp.log(1 + (w0 + w1 * x - y) ** 2),
        params=(w0, w1),
        data=(x, y),
        reduce=reduce,
        backend="python",
    )


@pytest.mark.parametrize("reduce", ["sum", "mean"])
def test_bound_partitions_are_the_data(folder: Path, reduce: str) -> None:
    whole, parts = kernel(reduce).bind(X, Y), kernel(reduce).bind(folder)
    p, v = [0.3, 1.4], [1.0, -2.0]
    assert parts.value(p) == pytest.approx(whole.value(p), rel=1e-13)
    assert np.allclose(parts.grad(p), whole.grad(p), rtol=1e-12)
    assert np.allclose(parts.hessian(p), whole.hessian(p), rtol=1e-12)
    assert np.allclose(parts.hvp(p, v), whole.hvp(p, v), rtol=1e-12)
    value, gradient = parts.value_and_grad(p)
    assert value == parts.value(p)
    assert np.array_equal(gradient, parts.grad(p))
    best = parts.minimize([0, 0], method="BFGS")
    assert np.allclose(best.x, whole.minimize([0, 0], method="BFGS").x, atol=1e-6)
    assert set(best.params) == {"w0", "w1"}
    assert "Parquet" in repr(parts)


def test_results_do_not_depend_on_threads(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for threads in ("1", "2", "5"):
        monkeypatch.setenv("SYMCOMPILE_NUM_THREADS", threads)
        found.append(kernel().bind(folder).value_and_grad([0.3, 1.4]))
    assert len({value for value, _ in found}) == 1
    assert len({gradient.tobytes() for _, gradient in found}) == 1


def test_row_groups_larger_than_a_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("symcompile.partitions.sources.BLOCK", 256)
    assert BLOCK > N
    parts = kernel().bind(written(tmp_path / "d", (N,)))
    assert parts.value([0.3, 1.4]) == pytest.approx(kernel().bind(X, Y).value([0.3, 1.4]))


def test_several_files_in_order_of_their_names(tmp_path: Path) -> None:
    source = source_of(written(tmp_path / "d", (500, 500), files=3))
    assert source is not None
    assert source.rows == N
    assert source.names == ("x", "y", "words")
    assert [str(part)[:11] for part in source.partitions(["x"])[:2]] == [
        "row group 0",
        "row group 1",
    ]
    assert over(source, ("x", "y"), Check(("x", "y"))) == N


def test_dask_frames_and_arrays() -> None:
    dd = pytest.importorskip("dask.dataframe")
    import dask
    import dask.array as da
    import pandas as pd

    p = [0.3, 1.4]
    right = kernel().bind(X, Y).value(p)
    frame = dd.from_pandas(pd.DataFrame({"x": X, "y": Y}), npartitions=5)
    arrays = {"x": da.from_array(X, chunks=700), "y": da.from_array(Y, chunks=1000)}
    for data in (frame, arrays, frame[frame.x > -100]):
        found = []
        for scheduler in ("threads", "synchronous"):
            with dask.config.set(scheduler=scheduler):
                found.append(kernel().bind(data).value(p))
        assert found[0] == found[1]
        assert found[0] == pytest.approx(right, rel=1e-12)
    # Partitions that are empty count as nothing.
    few = frame[frame.x > X.max() - 1e-9]
    assert kernel().bind(few).value(p) == pytest.approx(
        kernel().bind(X[[X.argmax()]], Y[[X.argmax()]]).value(p)
    )


def test_factors_of_parts_are_those_of_the_whole() -> None:
    rows = RANDOM.normal(size=(50, 4))
    whole = triangular(rows)
    halves = triangular(np.vstack((triangular(rows[:20]), triangular(rows[20:]))))
    assert np.allclose(np.abs(whole), np.abs(halves))
    assert triangular(rows[:2]).shape == (4, 4)
    assert np.isnan(triangular(np.full((3, 2), np.inf))).all()


_FACTORS = """
import hashlib
import numpy as np
from symcompile.partitions.tasks import triangular
digest = hashlib.sha256()
for width in (3, 11, 31, 90):
    for rows in (2 * width, 6000):
        digest.update(triangular(np.random.default_rng(1).normal(size=(rows, width))).tobytes())
print(digest.hexdigest())
"""


def test_factors_do_not_depend_on_threads_of_blas() -> None:
    found = set()
    for threads in ("1", "2"):
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
        command = [sys.executable, "-c", _FACTORS]
        found.add(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)
    assert len(found) == 1
    assert len(found.pop()) > 60


def _broken(part: Any, how: str, partition_info: Any = None) -> Any:
    if not partition_info or partition_info["number"] != 2:
        return part
    if how == "fails":
        raise RuntimeError("disk on fire")
    if how == "words":
        return part.assign(y="a")
    return part.assign(y=np.where(part.index == part.index[3], np.nan, 1.0))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("fails", "a Dask DataFrame cannot be computed: RuntimeError: disk on fire"),
        ("words", "partition 2 of a Dask DataFrame: entry 0 of column y is the string 'a'"),
        ("nan", "partition 2 of a Dask DataFrame: column y is nan in row 3: drop"),
    ],
)
def test_what_is_wrong_with_a_partition_is_said_of_it(how: str, message: str) -> None:
    dd = pytest.importorskip("dask.dataframe")
    import pandas as pd

    frame = dd.from_pandas(pd.DataFrame({"x": X, "y": Y}), npartitions=4)
    broken = frame.map_partitions(_broken, how, meta=frame._meta)
    with pytest.raises(sc.SymcompileError, match=message):
        over(source_of(broken), ("x", "y"), Check(("x", "y")))  # type: ignore[arg-type]


def test_a_missing_column_names_the_partition() -> None:
    da = pytest.importorskip("dask.array")
    source = source_of({"x": da.from_array(X, chunks=1000)})
    assert source is not None
    with pytest.raises(sc.ArgumentValueError, match=r"partition \d of Dask arrays: .* no column y"):
        over(source, ("x",), Check(("y",)))


def test_what_does_not_fit_is_said(folder: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    w, x, y, z = sp.symbols("w x y z")
    with pytest.raises(sc.ArgumentValueError, match="no Parquet files"):
        kernel().bind(empty)
    with pytest.raises(sc.ArgumentValueError, match="no column z; they have x, y, words"):
        sc.compile(w * z, params=w, data=z, reduce="sum", backend="python").bind(folder)
    with pytest.raises(sc.UnsupportedFunctionError, match='reduce="sum"'):
        sc.compile(w * x, params=w, data=x, backend="python").bind(folder)
    constant = sc.compile(w * x * y, params=w, data=x, constants=y, reduce="sum", backend="python")
    with pytest.raises(sc.ArgumentTypeError, match="has constants"):
        constant.bind(folder, y=2)
    words = sp.Symbol("words")
    bad = sc.compile(w * words, params=w, data=words, reduce="sum", backend="python").bind(folder)
    with pytest.raises(sc.ArgumentTypeError, match="column words"):
        bad.value([1])
    (folder / "1.parquet").write_bytes(b"no parquet")
    with pytest.raises(sc.ArgumentValueError, match="cannot be read"):
        kernel().bind(folder)
