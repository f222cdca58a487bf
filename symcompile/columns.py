"""What an objective keeps of its data: columns and numbers that do not depend on parameters."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from symcompile.arguments import Array
from symcompile.binding.frontier import MOST_MEMORY
from symcompile.binding.kept import Kept
from symcompile.build.cpu import has_llvm
from symcompile.options import Backend
from symcompile.sizes import parameter_lengths, shapes_of

if TYPE_CHECKING:
    from symcompile.kernel import Kernel

# Seconds that an addition of a pass takes for a sample.
_COMPILED, _PYTHON = 4e-11, 1.5e-10
#: A pass must get shorter by so many seconds, and by more for each operation: the passes of a fit,
#: some thirty, make up for loading what was compiled, and some hundreds for compiling it. And by
#: this part of itself.
_LEAST, _OPERATION, _SHARE = 1e-3, 5e-7, 0.05


class Served(NamedTuple):
    """What takes the place of a kernel and its data.

    Attributes:
        kernel: has the one function.
        columns: its data.
        numbers: its constants, by slot.
    """

    kernel: Kernel
    columns: tuple[Array, ...]
    numbers: dict[int, float]


class Columns:
    """Functions of a kernel with what is kept of the data, where that is worth it.

    Whether it is follows from the formula, the backend and the sizes of the data alone, so that
    a call gives the same result whatever was called before. It is computed when first used.
    """

    def __init__(
        self,
        kernel: Kernel,
        data: tuple[Array, ...],
        numbers: dict[int, float],
        sizes: Mapping[str, int],
    ) -> None:
        self._kernel, self._data, self._numbers = kernel, data, numbers
        #: What the data say of sizes: those of arrays, or the number of samples.
        self._sizes = dict(sizes)
        if data and not kernel.definition.indexed:
            self._sizes = {"n": len(data[0])}
        #: Functions by name, and what modules have computed: equal ones are one.
        self._served: dict[str, Served] = {}
        self._computed: dict[ModuleType, tuple[tuple[Array, ...], tuple[float, ...]]] = {}
        self._served_by: Backend | None = None
        self._full = False

    @property
    def few(self) -> bool:
        """Whether the data are too few whatever the formula, which need not be looked at."""
        size = sum(array.size for array in self._data)
        return size * 1000 * _COMPILED < _LEAST

    def serving(self, name: str) -> Served | None:
        """Return what takes the place of the kernel for a function, or None if nothing does."""
        kept, backend = self._kept(name), self._backend
        if kept is None or backend is None or self._refused(kept):
            return None
        if backend != self._served_by:  # a better one has taken over
            self._served, self._computed, self._served_by = {}, {}, backend
        served = self._served.get(name)
        if served is None:
            try:
                served = self._served[name] = self._serve(name, kept, backend)
            except MemoryError:
                self._full = True  # for a pass there is enough
        return served

    def planned(self, name: str, reason: str) -> str:
        """Return how a function makes its pass over the data, which it does for a reason."""
        kept = self._kept(name)
        if kept is None:
            return f"a pass over the data ({reason})"
        texts = ", ".join(kept.texts)
        refused = self._refused(kept)
        if refused:
            return f"a pass over the data ({reason}; {texts} could be kept, but {refused})"
        return f"a pass over the data, {texts} being kept ({reason})"

    def _kept(self, name: str) -> Kept | None:
        return None if self.few else self._kernel.kept(name)

    def _refused(self, kept: Kept) -> str:
        """Return why nothing is kept, or an empty text if something is."""
        if self._backend is None:
            return "there is no LLVM here"
        if self._full:
            return "there is no memory for that"
        missing = set(self._kernel.definition.sizes) - self._sizes.keys()
        if missing:
            return f"the data do not say {min(missing)}"
        entries = sum(map(math.prod, self._shapes(kept)))
        if entries > MOST_MEMORY * sum(array.size for array in self._data):
            return "that takes too much memory"
        saved = kept.found.saved.evaluate(self._sizes)
        speed = _PYTHON if self._kernel.backend == "python" else _COMPILED
        share = saved / max(1, kept.found.work.evaluate(self._sizes))
        least = _LEAST + _OPERATION * kept.operations
        return "" if saved * speed >= least and share >= _SHARE else "that saves too little"

    @property
    def _backend(self) -> Backend | None:
        """The backend of what takes the kernel's place: no C compiler is waited for."""
        if self._kernel.backend == "python":
            return "python"
        return "llvm" if has_llvm() else None

    def _serve(self, name: str, kept: Kept, backend: Backend) -> Served:
        derived, kernel = self._kernel.keeping(name, backend)
        if derived not in self._computed:
            self._computed[derived] = self._compute(kept, derived)
        columns, constants = self._computed[derived]
        slot = len(self._kernel.definition.constants)
        numbers = {**self._numbers, **dict(enumerate(constants, slot))}
        return Served(kernel, (*self._data, *columns), numbers)

    def _compute(
        self, kept: Kept, derived: ModuleType
    ) -> tuple[tuple[Array, ...], tuple[float, ...]]:
        """Return the columns and the numbers that a module computes of the data."""
        definition = self._kernel.definition
        keywords = tuple(keyword for keyword, _ in derived.CONSTANTS)
        given = {keywords[slot]: value for slot, value in self._numbers.items()}
        p = np.zeros(sum(parameter_lengths(definition, self._sizes)))
        columns: tuple[Array, ...] = ()
        numbers: tuple[float, ...] = ()
        if kept.columns:
            found = derived.derived(p, *self._data, **given)
            columns = tuple(self._pieces(kept, found) if definition.indexed else found.T)
        if kept.numbers:
            numbers = tuple(derived.value(p, *self._data, **given).tolist())
        return columns, numbers

    def _shapes(self, kept: Kept) -> list[tuple[int, ...]]:
        """Return the shapes of the columns or arrays that are kept."""
        return shapes_of(kept.definition.data_shapes[len(self._data) :], self._sizes)

    def _pieces(self, kept: Kept, flat: Array) -> Iterator[Array]:
        """Yield arrays that lie one after the other."""
        start = 0
        for shape in self._shapes(kept):
            stop = start + math.prod(shape)
            yield flat[start:stop].reshape(shape)
            start = stop
