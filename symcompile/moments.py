"""The moments of an objective's data, and its functions of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from symcompile.arguments import Array, count
from symcompile.binding.evaluation import Evaluate, compiled, degree, ratios
from symcompile.binding.split import Bound, Split, powers_of
from symcompile.build.cpu import has_llvm
from symcompile.errors import SymcompileError

if TYPE_CHECKING:
    from symcompile.kernel import Kernel

#: Returns what a function returns, or None where a pass over the data is more accurate.
Quick = Callable[..., Any]


class _Speed(NamedTuple):
    """Nanoseconds a sample: an operation of a pass, one of the moments, a column read."""

    direct: float
    moments: float
    column: float


# Compiled code does both with vector units and threads; NumPy goes through memory for each
# operation.
_COMPILED = _Speed(0.04, 0.03, 0.5)
_PYTHON = _Speed(1.0, 0.03, 0.5)
_WITHOUT_LLVM = 2.5
# Seconds: a call of a function of moments, and each of its terms.
_CALL, _TERM = 3e-6, 7e-7
# So many times longer than evaluating moments must a pass take, and so many passes may computing
# them take: of a single call, and of a fit.
_GAIN, _ONCE, _FIT = 3.0, 2.0, 8.0
#: Moments whose terms may have underflowed or overflowed.
_SMALL, _LARGE = 1e-250, 1e290


class Moments:
    """Sums of products of columns that take the place of the data, where that is worth it.

    Whether it is follows from the formula, the backend and the number of samples alone, so that
    a call gives the same result whatever was called before. They are computed when first used.
    """

    def __init__(
        self, kernel: Kernel, columns: tuple[Array, ...], numbers: dict[int, float]
    ) -> None:
        self._kernel = kernel
        self._data = columns
        self._n = len(columns[0]) if columns and not kernel.definition.indexed else 0
        constants = [
            numbers.get(slot, default)
            for slot, (_, default) in enumerate(kernel.definition.constants)
        ]
        self._constants = [math.nan if value is None else float(value) for value in constants]
        self._numbers = numbers
        #: The moments of a split, or why there are none.
        self._found: dict[int, list[tuple[float, ...]] | str] = {}

    @property
    def few(self) -> bool:
        """Whether the samples are too few whatever the formula, which need not be looked at."""
        return self._n * 200 * self._speed.direct < 1e9 * _GAIN * _CALL

    @property
    def _speed(self) -> _Speed:
        speed = _PYTHON if self._kernel.backend == "python" else _COMPILED
        return speed if has_llvm() else speed._replace(moments=_WITHOUT_LLVM)

    def function(self, name: str, *, fit: bool = False) -> Quick | None:
        """Return a function of ``p`` (and ``v`` or ``u``), or None where data serve better.

        Args:
            name: the function.
            fit: whether it will be called as often as a fit does.
        """
        if self._reason(name, fit) is not None:
            return None
        split = self._kernel.split(name)
        bound = split.functions[name]
        shapes: list[Any] = [output.shape for output in bound.function.outputs]
        size = (len(self._kernel.definition.params),)
        plain, data, numbers = np.dtype(np.float64), self._data, self._numbers
        interface, constants, n = self._kernel.interface, self._constants, float(self._n)
        moments: list[tuple[float, ...]] | str | None = None
        evaluate: Evaluate | None = None
        least = ratios(degree(bound), _epsilon(self._n, split), self._n)

        def quick(p: Any, *v: Any) -> Any:
            nonlocal evaluate, moments
            if moments is None or evaluate is None:
                evaluate, moments = compiled(bound), self._moments(split)
            if isinstance(moments, str):
                return None
            if v or type(p) is not np.ndarray or p.dtype is not plain or p.shape != size:
                try:
                    p, *v = interface.vectors(name, (p, *v), data, numbers)  # type: ignore[assignment]
                except SymcompileError:
                    return None  # what takes the data says so
            vector = v[0].tolist() if v else None
            try:
                found = evaluate(p.tolist(), vector, constants, n, moments, least)
            except (ArithmeticError, ValueError):
                return None  # a pass does as IEEE 754 says
            if found is None:
                return None
            results = tuple(
                entries[0] if shape == () else np.array(entries).reshape(shape)
                for entries, shape in zip(found, shapes, strict=True)
            )
            return results if len(results) > 1 else results[0]

        return quick

    def planned(self, name: str) -> tuple[str, bool]:
        """Return what a function is computed from, or why it takes a pass over the data, if so."""
        reason = self._reason(name, fit=True)
        if reason is not None:
            return reason, True
        split = self._kernel.split(name)
        moments = self._found.get(id(split))
        if isinstance(moments, str):
            return moments, True
        text = count(len(split.products), "moment")
        once = self._reason(name, fit=False) is None
        return text if once else f"{text} in minimize", False

    def _reason(self, name: str, fit: bool) -> str | None:
        """Return why moments do not serve a function, or None if they do."""
        if not self._n:
            return "nothing is summed over samples"
        if self.few:
            return f"{count(self._n, 'sample')} are few"
        speed, split = self._speed, self._kernel.split(name)
        bound = split.functions.get(name)
        if bound is None:
            return split.reasons.get(name, "unknown")
        direct, moments = _costs(split, bound, speed, len(self._data))
        if self._n * direct < 1e9 * _GAIN * (_CALL + _TERM * bound.terms):
            return f"{count(self._n, 'sample')} are few"
        if moments > (_FIT if fit else _ONCE) * direct:
            return f"{count(len(split.products), 'moment')} cost more"
        return None

    def _moments(self, split: Split) -> list[tuple[float, ...]] | str:
        """Return the moments, computed at the first call, or why there are none."""
        found = self._found.get(id(split))
        if found is None:
            found = self._found[id(split)] = self._compute(split)
        return found

    def _compute(self, split: Split) -> list[tuple[float, ...]] | str:
        if not split.products:
            return []
        derived, moments = self._kernel.derived_and_moments(
            next(iter(split.functions)), self._numbers
        )
        columns = [self._data[slot] for slot in split.columns if slot >= 0]
        if split.derived is not None:
            p = np.zeros(len(self._kernel.definition.params))
            made = derived(p, *self._data).T
            columns = [self._data[k] if k >= 0 else made[~k] for k in split.columns]
        rows = moments(*columns)
        sound = np.isfinite(rows).all() and (np.abs(rows) < _LARGE).all()
        if not sound:
            return "its moments are not finite, or too large"
        for k in np.flatnonzero(rows[:, 2] < _SMALL):
            # Zero they may be; but what has underflowed may not be small beside parameters.
            if not _exact(columns, powers_of(split)[k]):
                return "its moments are too small"
        return [_halved(*row) for row in rows.tolist()]


def _costs(split: Split, bound: Bound, speed: _Speed, width: int) -> tuple[float, float]:
    """Return nanoseconds a sample of a pass over the data, and of the moments."""
    direct = max(speed.column * width, speed.direct * bound.work)
    moments = max(speed.column * len(split.columns), speed.moments * split.work)
    if split.derived is not None:
        moments += 4 * speed.column * sum(slot < 0 for slot in split.columns) + direct
    return direct, moments


def _epsilon(n: int, split: Split) -> float:
    """Return what moments may be off by, relative to the sums of the absolute values.

    A lane adds up 64 samples, whose rounding errors are added up in double precision; after that
    pairs are added, each with an error of a few units of the square of the roundoff.
    """
    powers = max((sum(powers) for powers in powers_of(split)), default=1)
    return float(2.0**-106 * (2.0**13 + n / 2.0**7 + 16 * powers**2))


def _exact(columns: Sequence[Array], powers: Sequence[int]) -> bool:
    """Return whether no product of powers of entries that are not zero underflows."""
    least = 0.0
    for column, power in zip(columns, powers, strict=True):
        sizes = np.abs(column[column != 0.0]) if power else np.empty(0)
        if sizes.size:
            least += power * math.log(sizes.min())
    return least > math.log(1e-280)


def _halved(value: float, rest: float, size: float) -> tuple[float, ...]:
    """Return a moment as functions take it."""
    t = 134217729.0 * value
    high = t - (t - value)
    return value, rest, size, high, value - high
