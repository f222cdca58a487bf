"""Fits of data in partitions: the answers of data in memory, and with a worker lost."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symcompile as sc

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

RANDOM = np.random.default_rng(9)
N = 20000
X = RANDOM.normal(size=N)
Z = RANDOM.normal(size=N)
LINE = 1e3 + 2 * X - Z + 0.1 * RANDOM.normal(size=N)
CURVE = 2 * np.exp(0.5 * X) + 0.1 * RANDOM.normal(size=N)
ODDS = (RANDOM.uniform(size=N) < 1 / (1 + np.exp(-0.5 - X))) * 1.0
DATA = {"x": X, "z": Z, "line": LINE, "curve": CURVE, "odds": ODDS}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("parquet")
    parquet.write_table(pa.table(DATA), path / "data.parquet", row_group_size=3000)
    return path


@pytest.mark.parametrize(
    ("model", "y", "options"),
    [
        ("a + b*x + c*z", "line", {}),
        ("a + b*x + c*z", "line", {"weights": "1 + x**2", "sigma": 2.0}),
        ("a + b*x", "line", {"fixed": {"b": 1.0}}),
        ("a*exp(b*x)", "curve", {}),
        ("a*exp(b*x)", "curve", {"bounds": {"b": (0.6, 2)}}),
        ("a + b*x", "odds", {"loss": "logistic"}),
        ("a*exp(b*x)", "curve", {"loss": "soft_l1"}),
        ("a + b*x + c*z", "line", {"penalty": sc.losses.ridge(10.0, "b")}),
    ],
)
def test_answers_are_those_of_data_in_memory(
    folder: Path, model: str, y: str, options: dict[str, Any]
) -> None:
    found = sc.fit(model, folder, y, backend="llvm", **options)
    right = sc.fit(model, DATA, y, backend="llvm", **options)
    assert found.success
    for name, value in right.params.items():
        assert found.params[name] == pytest.approx(value, rel=1e-9)
        assert found.stderr[name] == pytest.approx(right.stderr[name], rel=1e-7, nan_ok=True)
    assert found.n == N
    assert found.loss == pytest.approx(right.loss, rel=1e-10)
    assert found.r2 == pytest.approx(right.r2, rel=1e-9)
    assert np.allclose(
        found.predict({"x": [1.0], "z": [2.0]}), right.predict({"x": [1.0], "z": [2.0]})
    )
    assert found.report()
    with pytest.raises(sc.ArgumentValueError, match="not in memory"):
        found.plot()


def test_a_linear_fit_takes_a_pass_or_two(folder: Path) -> None:
    found = sc.fit("a + b*x + c*z", folder, "line", backend="llvm")
    assert found.criterion.passes <= 2
    right = np.linalg.lstsq(np.column_stack((np.ones(N), X, Z)), LINE, rcond=None)[0]
    assert np.allclose([found.params[name] for name in "abc"], right, rtol=1e-12)


def test_what_does_not_fit_is_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(sc.ArgumentValueError, match="no column w"):
        sc.fit("a*x", folder, "w")
    with pytest.raises(sc.ArgumentTypeError, match="make it a column"):
        sc.fit("a*x", folder, LINE)
    with pytest.raises(sc.ArgumentValueError, match="needs the data in memory"):
        sc.fit("a*x", folder, "line", loss="absolute")
    broken = {"x": X[:10], "y": np.where(np.arange(10) == 7, np.nan, 1.0)}
    parquet.write_table(pa.table(broken), tmp_path / "b.parquet", row_group_size=5)
    with pytest.raises(
        sc.ArgumentValueError, match=r"row group 1 of .*: column y is nan in row 2: "
    ):
        sc.fit("a*x", tmp_path, "y")


def test_a_cluster_that_loses_a_worker(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    dd = pytest.importorskip("dask.dataframe")
    import dask
    import pandas as pd

    frame = dd.from_pandas(pd.DataFrame({"x": X, "y": CURVE}), npartitions=24)

    def fitted(data: Any) -> Any:
        return sc.fit("a*exp(b*x)", data, backend="llvm", start={"a": 1, "b": 1})

    with dask.config.set(scheduler="synchronous"):
        right = fitted(frame)
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    )
    with cluster, distributed.Client(cluster):
        whole = fitted(frame)
        # In the second pass, as a partition is under way, its worker is killed.
        dying = frame.map_partitions(_dying, str(tmp_path), 36, meta=frame._meta)
        lost = fitted(dying)
        assert (tmp_path / "killed").exists()
    for other in (whole, lost):
        assert other.params == right.params
        assert other.stderr == right.stderr
        assert other.loss == right.loss


def _dying(part: Any, folder: str, when: int) -> Any:
    """Return a partition; the call of that number kills the process that it is made in."""
    calls, killed = Path(folder, "calls"), Path(folder, "killed")
    with calls.open("a") as file:
        file.write(".")
    if calls.stat().st_size >= when and not killed.exists():
        killed.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return part
