"""Comparing what a kernel returns with what it should."""

from __future__ import annotations

import math
import statistics
import timeit
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symcompile.checking.differences import doubles, finite
from symcompile.checking.oracle import Oracle
from symcompile.checking.rounding import EPS, EPS_SINGLE, errors
from symcompile.frontend.definition import Definition
from symcompile.ir.dtypes import is_single

Result = tuple[NDArray[Any], ...]

_TINY = 2.0**-1074
_AGREEMENT = 1e-25


@dataclass(frozen=True)
class Truth:
    """What a function returns, by the oracle.

    Attributes:
        parts: the exact arrays; two of ``value_and_grad``.
        scales: their scales (see :mod:`symcompile.checking.rounding`).
        judged: per sample, or once, whether a derivative exists there.
        derivative: per part whether it is a derivative; values are always judged.
        per_sample: whether the parts have the sample axis in front.
        samples: how many samples the oracle saw; 0 where there are none.
    """

    parts: Result
    scales: Result
    judged: NDArray[np.bool_]
    derivative: tuple[bool, ...]
    per_sample: bool
    samples: int

    def mask(self, part: int) -> NDArray[np.bool_]:
        """Return which entries of a part are judged."""
        shape = self.parts[part].shape
        if not self.derivative[part]:
            return np.ones(shape, dtype=bool)
        rows = self.judged
        if rows.shape and not self.per_sample:
            rows = np.asarray(rows.all())
        return np.broadcast_to(rows.reshape(rows.shape + (1,) * (len(shape) - rows.ndim)), shape)

    def agrees(self, mp: Any, entries: Sequence[Any]) -> bool:
        """Return whether other exact numbers agree with the first part, to 25 digits."""
        (part, *_), (scale, *_) = self.parts, self.scales
        mask = self.mask(0)
        rows = zip(part.flat, entries, scale.flat, mask.flat, strict=True)
        for exact, other, spread, judged in rows:
            number = mp.convert(other)
            # SymPy's functions may be complex where ours are not defined.
            real = not isinstance(exact, mp.mpc)
            if not judged or (real and isinstance(number, mp.mpc)) or not mp.isfinite(number):
                continue
            if not mp.isfinite(exact) or abs(number - exact) > _AGREEMENT * mp.mpf(float(spread)):
                return False
        return True


@dataclass(frozen=True)
class Worst:
    """The entry that is most wrong, in conditioned ulp; ``ulp`` is the largest anywhere."""

    ulp: float
    conditioned: float
    text: str


def judge(oracle: Oracle, function: str, vectors: Sequence[NDArray[np.float64]]) -> Truth:
    """Return what ``function`` returns, and how far rounding may move it."""
    parts = oracle.result(function, *vectors)
    scales = oracle.scale(function, *vectors)
    values = function == "value"
    if values:
        judged = np.ones((), dtype=bool)
    else:
        value = finite(oracle.value())
        judged = ~oracle.kinked() & value.all(axis=tuple(range(oracle.kinked().ndim, value.ndim)))
    return Truth(
        parts=parts,
        scales=scales,
        judged=np.asarray(judged),
        derivative=(False, True) if len(parts) == 2 else (not values,),
        per_sample=oracle.definition.output.per_sample and function in ("value", "jacobian", "jvp"),
        samples=0 if oracle.definition.indexed else oracle.sizes.get("n", 0),
    )


def misfit(
    parts: Any, shapes: Sequence[tuple[int, ...]], dtypes: Sequence[str] | None = None
) -> str:
    """Return what is wrong with the kind of a result, or an empty text.

    Args:
        parts: the arrays, or numbers.
        shapes: what they should have.
        dtypes: likewise; float64 by default.
    """
    if not isinstance(parts, tuple) or len(parts) != len(shapes):
        return f"returns {type(parts).__name__}, not a tuple of {len(shapes)}"
    names = ["float64"] * len(shapes) if dtypes is None else dtypes
    for part, shape, name in zip(parts, shapes, names, strict=True):
        if shape == ():
            number = complex if name.startswith("complex") else float
            if not isinstance(part, number):
                return f"returns {type(part).__name__}, not a {number.__name__}"
        elif not isinstance(part, np.ndarray):
            return f"returns {type(part).__name__}, not an array of shape {shape}"
        elif part.shape != shape:
            return f"has shape {part.shape}, not {shape}"
        elif part.dtype != name:
            return f"has dtype {part.dtype}, not {name}"
    return ""


def worst_entry(mp: Any, truth: Truth, got: Result, single: bool = False) -> Worst | None:
    """Return the entry that is most wrong; None if none is judged. See ``errors``."""
    worst: Worst | None = None
    for k, (exact, part) in enumerate(zip(truth.parts, got, strict=True)):
        mask = truth.mask(k)
        if not mask.any():
            continue
        ulp, conditioned = errors(mp, part, exact, truth.scales[k], single)
        shown = np.where(mask, conditioned, -1.0)
        place = np.unravel_index(int(np.argmax(shown)), shown.shape)
        largest = float(np.where(mask, ulp, 0.0).max())
        if worst is None or shown[place] > worst.conditioned:
            entry = "".join(f"[{int(i)}]" for i in place)
            computed, true = part[place].item(), mp.nstr(exact[place], 17)
            text = f"{entry + ' ' if entry else ''}computed {computed!r}, exact {true}"
            worst = Worst(max(largest, worst.ulp if worst else 0.0), float(shown[place]), text)
        else:
            worst = Worst(max(largest, worst.ulp), worst.conditioned, worst.text)
    return worst


def difference(
    mine: Result, theirs: Result, truth: Truth | None, definition: Definition, samples: int
) -> float:
    """Return the largest difference of two backends' results for all data, in conditioned ulp.

    Where the oracle saw some of the samples only, the scale of the others is estimated from
    them: a sum's grows with the number of samples, a row's is in proportion to its size.
    """
    largest = 0.0
    single = is_single(definition.dtype)
    eps, tiny = (EPS_SINGLE, 2.0**-149) if single else (EPS, _TINY)
    for k, (a, b) in enumerate(zip(mine, theirs, strict=True)):
        size = np.fmax(np.abs(a), np.abs(b))
        scale = size
        if truth is not None and truth.scales[k].size:
            scale = _scale(size, truth, k, definition, samples)
        elif size.size:
            finite = size[np.isfinite(size)]
            scale = np.full(size.shape, float(finite.max(initial=0.0)))
        with np.errstate(all="ignore"):
            apart = np.abs(a - b) / np.maximum(eps * np.fmax(scale, size), tiny)
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        bad = ~same & ~np.isfinite(apart)
        # Equal entries include infinities, whose difference is NaN.
        apart = np.where(same, 0.0, np.where(bad, math.inf, apart))
        largest = max(largest, float(apart.max(initial=0.0)))
    return largest


def _scale(
    size: NDArray[Any], truth: Truth, k: int, definition: Definition, samples: int
) -> NDArray[Any]:
    scale = truth.scales[k]
    if scale.shape == size.shape and truth.per_sample:
        return scale
    if not truth.per_sample:
        grows = definition.reduce != "mean" and samples > 0 and truth.samples > 0
        return scale * (samples / truth.samples if grows else 1.0)
    with np.errstate(all="ignore"):
        exact = np.abs(doubles(truth.parts[k]))
        amplified = np.where(exact > 0, scale / exact, 1.0).max(axis=0, initial=1.0)
    return np.asarray(size * np.where(np.isfinite(amplified), amplified, 1.0))


def seconds_per_call(call: Callable[[], Any], enough: float = 2e-3) -> float:
    """Return the median time of a call, from five short series."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        call()
        timer, number = timeit.Timer(call), 1
        while (took := timer.timeit(number)) < enough:
            number *= 2 if took > enough / 8 else 8
        if took > 100 * enough:
            return took / number
        return statistics.median(timer.repeat(5, number)) / number
