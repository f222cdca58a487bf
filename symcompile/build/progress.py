"""A line on the terminal for what takes long; silence everywhere else."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

#: What is done sooner than this leaves no trace.
PATIENCE = 2.0


@contextmanager
def shown(text: str, limit: float | None = None) -> Iterator[None]:
    """Show what is being done, and for how long, once it has taken two seconds.

    With a ``limit`` in seconds a bar shows how much of that time has gone. All is shown on the
    standard error stream where that is a terminal that can move its cursor, and to the main thread
    only; it goes away when the work ends.

    Example:
        >>> with shown("compiling f"):
        ...     1 + 1
        2
    """
    if not _watched():
        yield
        return
    line = _Line(text, limit)
    try:
        yield
    finally:
        line.close()


@contextmanager
def counted(text: str, total: int, wanted: bool | None = None) -> Iterator[Callable[[int], None]]:
    """Show how much of some work is done, where and when :func:`shown` would.

    Gives a function that is told how many more are done. With ``wanted`` the bar appears at once,
    and in any thread; ``wanted=False`` shows nothing. It is for terminals either way.

    Example:
        >>> with counted("fitting", 3) as advance:
        ...     advance(3)
    """
    if wanted is False or not (_watched() or (wanted and _terminal())):
        yield lambda more: None
        return
    line = _Line(text, total=total, patience=0.0 if wanted else PATIENCE)
    try:
        yield line.advance
    finally:
        line.close()


@contextmanager
def stepping(text: str, wanted: bool | None = None) -> Iterator[Callable[[int, float], None]]:
    """Show how far an iteration is, where and when :func:`counted` would.

    Gives a function that is told the number of a step and the value that it has reached. The line
    appears with the first step at the earliest, so what comes before it may have a line of its own.

    Example:
        >>> with stepping("fitting") as step:
        ...     step(1, 0.5)
    """
    if wanted is False or not (_watched() or (wanted and _terminal())):
        yield lambda number, value: None
        return
    lines: list[_Line] = []

    def step(number: int, value: float) -> None:
        if not lines:
            lines.append(_Line(text, patience=0.0 if wanted else PATIENCE))
        lines[0].say(f"{text}: step {number}, {value:.6g}")

    try:
        yield step
    finally:
        for line in lines:
            line.close()


def _terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def _watched() -> bool:
    return (
        threading.current_thread() is threading.main_thread()
        and _terminal()
        and not os.environ.get("CI")
    )


class _Line:
    """The line: it appears after a while, and is taken away."""

    def __init__(
        self,
        text: str,
        limit: float | None = None,
        total: int | None = None,
        patience: float | None = None,
    ) -> None:
        self._text, self._limit, self._total = text, limit, total
        self._patience = PATIENCE if patience is None else patience
        self._done = 0
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._closed = False
        self._progress: Any = None
        self._timer = threading.Timer(self._patience, self._open)
        self._timer.daemon = True
        self._timer.start()

    def _open(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            ProgressColumn,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        bar: tuple[ProgressColumn, ...] = () if self._limit is None else (BarColumn(20),)
        if self._total is not None:
            bar = (BarColumn(20), MofNCompleteColumn(), TimeRemainingColumn())
        columns = (SpinnerColumn(), TextColumn("{task.description}"), *bar, TimeElapsedColumn())
        with self._lock:
            if self._closed:
                return
            self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
            # The clock starts now: what it shows has waited already.
            done = self._patience if self._total is None else self._done
            total = self._limit if self._total is None else self._total
            task = self._progress.add_task(self._text, total=total, completed=done)
            self._progress.tasks[task].start_time -= self._patience
            self._progress.start()
        while self._limit is not None and not self._ended.wait(0.1):
            self._progress.advance(task, 0.1)

    def advance(self, more: int) -> None:
        """Note that so many more are done."""
        with self._lock:
            self._done += more
            if self._progress is not None:
                self._progress.update(self._progress.task_ids[0], completed=self._done)

    def say(self, text: str) -> None:
        """Show another text."""
        with self._lock:
            self._text = text
            if self._progress is not None:
                self._progress.update(self._progress.task_ids[0], description=text)

    def close(self) -> None:
        self._timer.cancel()
        self._ended.set()
        with self._lock:
            self._closed = True
            if self._progress is not None:
                self._progress.stop()
