"""Fits of more rows than memory should hold: ``python -m benchmarks.beyond_memory``.

Parquet files of float64 columns, without compression, are made in a temporary folder, a row group
at a time, and deleted afterwards. Each case runs in a process of its own, so that its peak of
resident memory is its own: all threads work in that process. Printed are, in millions of rows a
second, how fast the columns are read alone (with the same threads and the same bounded read-ahead,
from files that the system has in its page cache) and how fast a fit goes through them, which is
rows times passes over its whole time, compilation included.

    python -m benchmarks.beyond_memory                    # 10^6, 10^7, 10^8 and 3*10^7 rows
    python -m benchmarks.beyond_memory --largest 1e7      # no case of more rows
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

GROUP = 1 << 20  # rows of a row group
FEATURES = 10


@dataclass(frozen=True)
class Case:
    """A fit and how many rows it is of."""

    name: str
    rows: int


CASES = (
    *(Case("linear", 10**k) for k in (6, 7, 8)),
    *(Case("logistic", rows) for rows in (3 * 10**5, 3 * 10**6, 3 * 10**7)),
)


def columns(name: str, rows: int, random: np.random.Generator) -> dict[str, Any]:
    """Return made-up columns of some rows."""
    if name == "linear":
        x = random.normal(size=rows)
        return {"x": x, "y": 3 + 2 * x + random.normal(size=rows)}
    table = {f"x{k}": random.normal(size=rows) for k in range(FEATURES)}
    score = sum((k - 4.5) / 10 * table[f"x{k}"] for k in range(FEATURES)) - 0.5
    return {**table, "y": 1.0 * (random.uniform(size=rows) < 1 / (1 + np.exp(-score)))}


def write(case: Case, path: Path) -> None:
    """Write the file of a case, a row group at a time."""
    import pyarrow as pa
    from pyarrow import parquet

    random = np.random.default_rng(0)
    writer = None
    for start in range(0, case.rows, GROUP):
        table = pa.table(columns(case.name, min(GROUP, case.rows - start), random))
        if writer is None:
            writer = parquet.ParquetWriter(
                path, table.schema, compression="none", use_dictionary=False
            )
        writer.write_table(table, row_group_size=GROUP)
    assert writer is not None
    writer.close()


@dataclass(frozen=True)
class Read:
    """A pass that reads and computes nothing."""

    columns: tuple[str, ...]
    name: str = "read"

    def __call__(self, partition: Any) -> int:
        """Return how many rows were read."""
        from symcompile.partitions.sources import blocks

        return sum(len(block[0]) for block in blocks(partition, self.columns))

    def join(self, one: int, other: int) -> int:
        """Add them up."""
        return one + other


def measure(name: str, folder: str) -> dict[str, float]:
    """Fit the data in a folder; return seconds, passes and the peak of memory in GiB."""
    import symcompile as sc
    from symcompile.partitions.passes import over
    from symcompile.partitions.sources import source_of

    if name == "linear":
        model, options, truth = "a + b*x", {}, {"a": 3.0, "b": 2.0}
    else:
        terms = [f"b{k}*x{k}" for k in range(FEATURES)]
        model, options = " + ".join(["a", *terms]), {"loss": "logistic"}
        truth = {"a": -0.5, **{f"b{k}": (k - 4.5) / 10 for k in range(FEATURES)}}
    source = source_of(folder)
    assert source is not None
    rows = over(source, source.names, Read(source.names), False)  # files come into the page cache
    begin = time.perf_counter()
    over(source, source.names, Read(source.names), False)
    read = time.perf_counter() - begin
    begin = time.perf_counter()
    result = sc.fit(model, folder, "y", progress=False, **options)
    fit = time.perf_counter() - begin
    passes = result.criterion.passes
    assert result.success, result.message
    for parameter, true in truth.items():
        assert abs(result.params[parameter] - true) < 6 * result.stderr[parameter], parameter
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "rows": rows,
        "read": read,
        "fit": fit,
        "passes": passes,
        "peak": peak * (1 if sys.platform == "darwin" else 1024) / 2**30,
    }


def run(case: Case) -> None:
    """Make the data of a case, measure it in a process of its own, and print a line."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.parquet"
        write(case, path)
        size = path.stat().st_size / 2**30
        command = [sys.executable, "-m", "benchmarks.beyond_memory", "--measure", case.name, folder]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    mega = found["rows"] / 1e6
    print(
        f"{case.name:9}{found['rows']:>11,.0f}{size:>8.2f}{found['read']:>9.2f}"
        f"{mega / found['read']:>9.1f}{found['fit']:>9.2f}{found['passes']:>8.0f}"
        f"{mega * found['passes'] / found['fit']:>12.1f}{found['peak']:>10.2f}",
        flush=True,
    )


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--largest", type=float, default=1e8, help="leave out cases of more rows")
    parser.add_argument("--measure", nargs=2, metavar=("CASE", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure(*given.measure)))
        return
    print("case            rows     GiB   read s   Mrows/s   fit s  passes  Mrows/s/pass  peak GiB")
    for case in CASES:
        if case.rows <= given.largest:
            run(case)


if __name__ == "__main__":
    main()
