"""Moments with axes of an objective's data, and its functions of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from symcompile.arguments import Array, count
from symcompile.binding.gram import Arrays, Moment
from symcompile.binding.labelled import SAMPLE, Factor
from symcompile.build.cpu import has_llvm
from symcompile.errors import SymcompileError
from symcompile.gram.building import around, sums_and_contractions
from symcompile.gram.evaluation import Evaluation
from symcompile.gram.table import NoMomentsError, extents, moment_of, sums_of, table_of

if TYPE_CHECKING:
    from symcompile.kernel import Kernel

#: Returns what a function returns, or None where a pass over the data is more accurate.
Quick = Callable[..., Any]


class _Speed(NamedTuple):
    """Nanoseconds: an operation of a pass, a number read, a product summed, a column made."""

    direct: float
    read: float
    product: float
    derived: float


# Compiled code has vector units and threads; NumPy goes through memory for each operation.
_COMPILED = _Speed(0.1, 0.5, 0.35, 4.0)
_PYTHON = _Speed(0.5, 1.0, 0.35, 4.0)
_WITHOUT_LLVM = 40.0
#: Seconds: a call of a function of moments, each entry that is contracted, laying all out.
_CALL, _ENTRY, _LAYOUT = 2e-5, 1e-9, 1e-3
#: So many times longer than evaluating moments must a pass take, and so many passes may computing
#: them take: of a single call, and of a fit. A fit in many parameters makes more calls.
GAIN, ONCE, FIT = 3.0, 2.0, 8.0
#: Numbers that moments may take, in all.
_MEMORY = 1_000_000


class _Prepared(NamedTuple):
    """A function with its moments; ``computed`` is None if there is nothing to compute first."""

    evaluation: Evaluation
    contract: Callable[..., Any]
    computed: Callable[..., Any] | None
    rest: Callable[..., Any]


class ArrayMoments:
    """Sums of products of arrays that take the place of the data, where that is worth it.

    Whether it is follows from the formula, the backend and the sizes alone, so that a call gives
    the same result whatever was called before. They are computed when first used.
    """

    def __init__(
        self,
        kernel: Kernel,
        columns: tuple[Array, ...],
        numbers: dict[int, float],
        sizes: dict[str, int],
    ) -> None:
        self._kernel, self._data, self._numbers = kernel, columns, numbers
        self._known = sizes
        constants = [
            numbers.get(slot, default)
            for slot, (_, default) in enumerate(kernel.definition.constants)
        ]
        self._constants = [np.float64(math.nan if c is None else c) for c in constants]
        #: Each function prepared, or why it is not.
        self._found: dict[str, _Prepared | str] = {}
        self._moments: dict[tuple[Any, ...], Array] = {}

    @property
    def few(self) -> bool:
        """Whether the data are too few whatever the formula, which need not be looked at."""
        entries = sum(array.size for array in self._data)
        return entries * (self._speed.read + 20 * self._speed.direct) < 1e9 * GAIN * _CALL

    @property
    def _speed(self) -> _Speed:
        speed = _PYTHON if self._kernel.backend == "python" else _COMPILED
        return speed if has_llvm() else speed._replace(product=_WITHOUT_LLVM)

    def function(self, name: str, *, fit: bool = False) -> Quick | None:
        """Return a function of ``p`` (and ``v`` or ``u``), or None where data serve better.

        Args:
            name: the function.
            fit: whether it will be called as often as a fit does.
        """
        if self._reason(name, fit) is not None:
            return None
        interface, data, numbers = self._kernel.interface, self._data, self._numbers
        sizes = self._sizes()
        listed = [sizes[size] for size in self._kernel.definition.sizes]
        constants, plain = self._constants, np.dtype(np.float64)
        length = _length(self._kernel, sizes)

        def quick(p: Any, *v: Any) -> Any:
            found = self._prepared(name)
            if isinstance(found, str):
                return None
            if v or type(p) is not np.ndarray or p.dtype is not plain or p.shape != length:
                try:
                    p, *v = interface.vectors(name, (p, *v), data, numbers)  # type: ignore[assignment]
                except SymcompileError:
                    return None  # what takes the data says so
            given = (p, v[0] if v else None)
            made = found.computed(*given, constants, listed, data) if found.computed else ()
            sums = found.evaluation.sums(found.contract, made, *given)
            if sums is None:
                return None
            return found.rest(*given, constants, listed, [*data, *sums])

        return quick

    def planned(self, name: str) -> tuple[str, bool]:
        """Return what a function is computed from, or why it takes a pass over the data, if so."""
        reason = self._reason(name, fit=True)
        if reason is not None:
            return reason, True
        prepared = self._found.get(name)
        if isinstance(prepared, str):
            return prepared, True
        arrays = self._kernel.split(name).arrays[name]
        text = count(_entries(arrays, self._sizes()), "moment")
        once = self._reason(name, fit=False) is None
        return text if once else f"{text} in minimize", False

    def _reason(self, name: str, fit: bool) -> str | None:
        """Return why moments do not serve a function, or None if they do."""
        if not self._data:
            return "nothing is summed over samples"
        if self.few:
            return "the data are few"
        split = self._kernel.split(name)
        arrays = split.arrays.get(name)
        if arrays is None:
            return split.reasons.get(name, "unknown")
        try:
            sizes = self._sizes()
            direct, once, call = self._costs(arrays, sizes)
        except NoMomentsError as error:
            return str(error)
        if direct < GAIN * call:
            return "the data are few"
        most = FIT + 2.0 * math.sqrt(math.prod(_length(self._kernel, sizes))) if fit else ONCE
        if once > most * direct:
            return f"{count(_entries(arrays, sizes), 'moment')} cost more"
        return None

    def _sizes(self) -> dict[str, int]:
        missing = [name for name in self._kernel.definition.sizes if name not in self._known]
        if missing:
            raise NoMomentsError(f"the data do not say {missing[0]}")
        return self._known

    def _costs(self, arrays: Arrays, sizes: dict[str, int]) -> tuple[float, float, float]:
        """Return seconds: a pass over the data, computing moments, a call with moments."""
        speed = self._speed
        entries = sum(array.size for array in self._data)
        direct = max(speed.read * entries, speed.direct * arrays.work.evaluate(sizes))
        once, held = 0.0, 0
        for moment in arrays.moments:
            (n,) = extents((moment.samples,), sizes)
            products = _products(moment.factors, extents(moment.axes, sizes))
            held += math.prod(extents(moment.axes, sizes))
            once += speed.product * n * products
        if held > _MEMORY:
            raise NoMomentsError(f"{held} moments take too much memory")
        for slot, output in zip(arrays.plain, arrays.columns.outputs, strict=True):
            if slot < 0:
                axes = arrays.columns.graph[output.entries[0]].axes
                once += speed.derived * math.prod(extents(axes, sizes))
        contracted = sum(
            math.prod(extents((*found.axes, *term.bound), sizes))
            for found in arrays.sums
            for term in found.terms
        )
        return direct * 1e-9, _LAYOUT + once * 1e-9, _CALL + _ENTRY * contracted

    def _prepared(self, name: str) -> _Prepared | str:
        """Return a function with its moments, computed at the first call, or why there is none."""
        found = self._found.get(name)
        if found is None:
            try:
                found = self._prepare(name)
            except NoMomentsError as error:
                found = str(error)
            self._found[name] = found
        return found

    def _prepare(self, name: str) -> _Prepared:
        kernel, sizes = self._kernel, self._sizes()
        arrays = kernel.split(name).arrays[name]
        module = around(kernel.definition, arrays, kernel.options)
        _, contract = sums_and_contractions(kernel.options)
        listed = [sizes[size] for size in kernel.definition.sizes]
        columns = [self._data[slot] for slot in arrays.plain]
        if -1 in arrays.plain:
            made = module.columns(None, None, self._constants, listed, self._data)
            columns = [
                column if slot >= 0 else np.asarray(other)
                for slot, column, other in zip(arrays.plain, columns, made, strict=True)
            ]
        moments = self._computed(arrays, columns, sizes)
        epsilon = max((_epsilon(m, sizes) for m in arrays.moments), default=0.0)
        known = module.known(None, None, self._constants, listed, self._data)
        evaluation = Evaluation(kernel.definition, arrays, moments, sizes, epsilon, known)
        computed = module.computed if arrays.computed.outputs else None
        return _Prepared(evaluation, contract, computed, getattr(module, name))

    def _computed(
        self, arrays: Arrays, columns: Sequence[Array], sizes: dict[str, int]
    ) -> list[Array]:
        """Return the moments of a function: those of the data alone are computed once for all."""
        summed, _ = sums_and_contractions(self._kernel.options)
        keys = [_key(arrays, moment) for moment in arrays.moments]
        found = {k: self._moments[key] for k, key in enumerate(keys) if key in self._moments}
        for samples in dict.fromkeys(moment.samples for moment in arrays.moments):
            chosen = [
                k for k, m in enumerate(arrays.moments) if m.samples == samples and k not in found
            ]
            own = [arrays.moments[k] for k in chosen]
            position = {c: labels.index(SAMPLE) for m in own for c, labels in m.factors}
            # What these moments do not need has no width.
            (n,) = extents((samples,), sizes)
            none = np.empty((n, 0))
            flat = [
                _samples_first(column, position[c]) if c in position else none
                for c, column in enumerate(columns)
            ]
            table = table_of(own, [column.shape[1:] for column in flat], sizes)
            rows = sums_of(table, flat, summed)
            for k, moment, places in zip(chosen, own, table.places, strict=True):
                found[k] = moment_of(moment, places, rows)
                if keys[k]:
                    self._moments[keys[k]] = found[k]
        return [found[k] for k in range(len(keys))]


def _samples_first(column: Array, position: int) -> Array:
    """Return a column with the samples along its first axis."""
    found = np.moveaxis(column, position, 0)
    plain = found.flags.aligned and all(stride % found.itemsize == 0 for stride in found.strides)
    return found if plain else found.copy()


def _length(kernel: Kernel, sizes: dict[str, int]) -> tuple[int]:
    """Return the shape of ``p``."""
    shapes = kernel.definition.param_shapes
    return (sum(math.prod(size.evaluate(sizes) for size in shape) for shape in shapes),)


def _entries(arrays: Arrays, sizes: dict[str, int]) -> int:
    """Return how many products are summed."""
    return sum(_products(m.factors, extents(m.axes, sizes)) for m in arrays.moments)


def _products(factors: Sequence[Factor], lengths: Sequence[int]) -> int:
    """Return how many products are summed for a moment; a Gram matrix is symmetric.

    >>> _products(((0, (SAMPLE, 0)), (0, (SAMPLE, 1))), (4, 4))
    10
    """
    total = math.prod(lengths)
    if len(factors) == 2 and factors[0][0] == factors[1][0]:
        own = [{label for label in labels if label != SAMPLE} for _, labels in factors]
        width = math.prod(lengths[label] for label in own[0])
        if not own[0] & own[1]:
            return width * (width + 1) // 2
    return total


def _key(arrays: Arrays, moment: Moment) -> tuple[Any, ...]:
    """Return what tells a moment of the data from others; nothing if it is of other columns."""
    slots = tuple((arrays.plain[column], labels) for column, labels in moment.factors)
    return (moment.samples, slots, moment.rank) if all(slot >= 0 for slot, _ in slots) else ()


def _epsilon(moment: Moment, sizes: dict[str, int]) -> float:
    """Return what moments may be off by, relative to the sums of the absolute values.

    A lane adds up 64 samples, whose rounding errors are added up in double precision; after that
    pairs are added, each with an error of a few units of the square of the roundoff.
    """
    (n,) = extents((moment.samples,), sizes)
    width = math.prod(extents(moment.axes[moment.rank :], sizes))
    powers = len(moment.factors)
    return float(2.0**-106 * (2.0**13 + n / 2.0**7 + 4 * width + 16 * powers**2))
