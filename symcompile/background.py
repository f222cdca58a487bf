"""Building with a better backend while another one computes already."""

from __future__ import annotations

import threading
import time
import warnings
import weakref
from collections.abc import Callable
from contextlib import suppress
from types import ModuleType
from typing import TYPE_CHECKING

from symcompile.build.progress import shown

if TYPE_CHECKING:
    from symcompile.kernel import Kernel

Load = Callable[[tuple[str, ...]], ModuleType]


class Background:
    """The backend that a kernel changes to, function by function, as its modules are built.

    The threads are daemons: a program that ends does not wait for them, and what they leave half
    built the cache sweeps away.

    Args:
        backend: its name.
        load: returns a module that holds the functions it is given the names of.
        budget: for how many seconds a kernel waits for functions before it computes without.
    """

    def __init__(self, backend: str, load: Load, budget: float = 0.0) -> None:
        self.backend, self.load, self.budget = backend, load, budget
        self._threads: list[threading.Thread] = []
        self._failed = threading.Event()

    def start(self, kernel: Kernel, names: tuple[str, ...]) -> None:
        """Build some functions of a kernel, and wait for them within the budget.

        The kernel adopts them when they are there.
        """
        if self._failed.is_set():
            return
        thread = threading.Thread(
            target=self._run,
            args=(weakref.ref(kernel), names),
            name=f"symcompile-{kernel.definition.name}-{self.backend}",
            daemon=True,
        )
        self._threads.append(thread)
        thread.start()
        if self.budget:
            text = f"compiling {kernel.definition.name}_{self.backend}: {', '.join(names)}"
            with shown(text, self.budget):
                thread.join(self.budget)

    def _run(self, kernel: weakref.ref[Kernel], names: tuple[str, ...]) -> None:
        try:
            module = self.load(names)
            found = kernel()
            if found is not None:  # else nobody waits for it any more
                found.adopt(self.backend, module, names)
        except Exception as error:  # whatever it is, the kernel computes without
            first = not self._failed.is_set()
            self._failed.set()
            found = kernel()
            if first and found is not None:
                _say(f"{error} The kernel {found.definition.name} stays with {found.backend}.")

    def wait(self, timeout: float | None = None) -> None:
        """Wait until all that was started has ended, or so many seconds are over."""
        end = None if timeout is None else time.monotonic() + timeout
        for thread in list(self._threads):
            thread.join(None if end is None else max(0.0, end - time.monotonic()))


def _say(message: str) -> None:
    # Where warnings are errors, nothing could catch one of this thread.
    with suppress(RuntimeWarning):
        warnings.warn(message, RuntimeWarning, stacklevel=2)
