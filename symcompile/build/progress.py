"""A line on the terminal for what takes long; silence everywhere else."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
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


def _watched() -> bool:
    return (
        threading.current_thread() is threading.main_thread()
        and sys.stderr is not None
        and sys.stderr.isatty()
        and os.environ.get("TERM") != "dumb"
        and not os.environ.get("CI")
    )


class _Line:
    """The line: it appears after a while, and is taken away."""

    def __init__(self, text: str, limit: float | None) -> None:
        self._text, self._limit = text, limit
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._closed = False
        self._progress: Any = None
        self._timer = threading.Timer(PATIENCE, self._open)
        self._timer.daemon = True
        self._timer.start()

    def _open(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        bar = () if self._limit is None else (BarColumn(20),)
        columns = (SpinnerColumn(), TextColumn("{task.description}"), *bar, TimeElapsedColumn())
        with self._lock:
            if self._closed:
                return
            self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
            # The clock starts now: what it shows has waited already.
            task = self._progress.add_task(self._text, total=self._limit, completed=PATIENCE)
            self._progress.tasks[task].start_time -= PATIENCE
            self._progress.start()
        while self._limit is not None and not self._ended.wait(0.1):
            self._progress.advance(task, 0.1)

    def close(self) -> None:
        self._timer.cancel()
        self._ended.set()
        with self._lock:
            self._closed = True
            if self._progress is not None:
                self._progress.stop()
