"""Passes over partitions: one task each, and a tree that puts their results together.

What a partition returns and how two results are joined is a ``Task``. The tree is always the same,
so results have the same bits whoever computes them, and after a partition was lost and computed
again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

from symcompile.build.progress import counted
from symcompile.errors import ArgumentTypeError, ArgumentValueError, SymcompileError
from symcompile.partitions.sources import RowGroup, Source


class Task(Protocol):
    """What to compute of a partition. It is pickled and sent to workers."""

    @property
    def name(self) -> str:
        """What is shown while it runs."""

    def __call__(self, partition: Any) -> Any:
        """Return what is computed of one partition; None if it is empty."""

    def join(self, one: Any, other: Any) -> Any:
        """Return the result of two neighbours from theirs."""


def over(
    source: Source,
    columns: Sequence[str],
    task: Task,
    progress: bool | None = None,
    threads: int | None = None,
) -> Any:
    """Return the result of a task over all partitions; None if all are empty.

    Dask's values are computed by the scheduler that is current, with a task for each partition and
    one for each pair of results. Files are read by as many threads as there are processors.

    Args:
        source: the partitions.
        columns: which columns to read.
        task: what to compute.
        progress: whether to show a bar while files are read; by default where it takes long, on a
            terminal. Dask has a dashboard, and bars of its own.
        threads: how many threads read files; Dask's scheduler has its own.

    Raises:
        SymcompileError: a partition cannot be computed; the message says which and why.
    """
    partitions = source.partitions(columns)
    if partitions and not isinstance(partitions[0], RowGroup):
        return _by_dask(partitions, task, source.kind)
    return _by_threads(partitions, task, progress, threads or _workers())


def _by_threads(partitions: Sequence[Any], task: Task, progress: bool | None, workers: int) -> Any:
    ahead = 2 * workers
    tree = _Tree(lambda one, other: _joined(task, one, other))
    with (
        ThreadPoolExecutor(workers, "symcompile") as pool,
        counted(f"{task.name} of {len(partitions)} partitions", len(partitions), progress) as done,
    ):
        pending: list[Future[Any]] = []
        try:
            for partition in partitions:
                if len(pending) >= ahead:
                    tree.add(pending.pop(0).result())
                    done(1)
                pending.append(pool.submit(_computed, task, partition, str(partition)))
            for future in pending:
                tree.add(future.result())
                done(1)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return tree.whole()


def _workers() -> int:
    for name in ("SYMCOMPILE_NUM_THREADS", "OMP_NUM_THREADS"):
        if (text := os.environ.get(name, "")).isdecimal() and int(text) > 0:
            return int(text)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _by_dask(partitions: Sequence[Any], task: Task, kind: str) -> Any:
    import dask

    run = dask.delayed(_computed, name=f"symcompile-{task.name}", pure=False)
    join = dask.delayed(_joined, name="symcompile-join", pure=False)
    prefix = f"symcompile-{task.name}"
    token = dask.base.tokenize(task.name, os.urandom(8))
    leaves = [
        run(task, partition, f"partition {k} of {kind}", dask_key_name=f"{prefix}-{token}-{k}")
        for k, partition in enumerate(partitions)
    ]
    steps = iter(range(len(leaves)))

    def joined(one: Any, other: Any) -> Any:
        return join(task, one, other, dask_key_name=f"{prefix}-join-{token}-{next(steps)}")

    tree = _Tree(joined)
    for leaf in leaves:
        tree.add(leaf)
    try:
        (result,) = dask.compute(tree.whole())
    except SymcompileError:
        raise
    except Exception as error:  # of what comes before our tasks, or of the cluster
        said = f"{type(error).__name__}: {error}"
        raise SymcompileError(f"{kind} cannot be computed: {said}") from error
    return result


def _computed(task: Task, partition: Any, where: str) -> Any:
    """Return what a task makes of a partition; an error says of which one."""
    try:
        return task(partition)
    except (ArgumentValueError, ArgumentTypeError) as error:
        told = str(error)
        raise type(error)(told if told.startswith(where) else f"{where}: {told}") from error
    except SymcompileError:
        raise
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        raise SymcompileError(f"{where} cannot be computed: {said}") from error


def _joined(task: Task, one: Any, other: Any) -> Any:
    if one is None or other is None:
        return other if one is None else one
    return task.join(one, other)


class _Tree:
    """Joins results as they come, in pairs of equal size: few are kept, and the order is fixed."""

    def __init__(self, join: Callable[[Any, Any], Any]) -> None:
        self._join = join
        self._kept: list[tuple[int, Any]] = []

    def add(self, result: Any) -> None:
        size = 1
        while self._kept and self._kept[-1][0] == size:
            _, before = self._kept.pop()
            result, size = self._join(before, result), 2 * size
        self._kept.append((size, result))

    def whole(self) -> Any:
        """Return all results joined, or None if there was none."""
        if not self._kept:
            return None
        *before, (_, result) = self._kept
        for _, one in reversed(before):
            result = self._join(one, result)
        return result
