"""The compiled engine: all groups in machine code, in slices; an interrupt waits for one."""

from __future__ import annotations

import time

import numpy as np

from symcompile.fitting.batch.building import fits_module
from symcompile.fitting.batch.found import Advance, Ended, Found, Task
from symcompile.options import Options

#: So many points are done first, and then as many as take about so many seconds: that is how long
#: an interrupt waits. What is found does not depend on it.
_FIRST, _SECONDS = 1 << 16, 0.25


def fit_compiled(task: Task, options: Options, advance: Advance) -> Found:
    """Return the fits of all groups; the bits do not depend on the number of threads."""
    points, found = task.points, Found.empty(task)
    number, size = task.start.shape
    able = task.able & (points.counts >= size)
    if not able.any():
        return found
    fits = fits_module(task.model.definition, options).fits
    values, results = task.start.copy(), np.full((number, 4), np.nan)
    inverse, held = np.full((number, size, size), np.nan), np.zeros((number, size))
    counts = np.where(able, points.counts, -1)
    longest = int(points.sizes[able].max())
    shared = [int(points.shared(column)) for column in (points.weight, *points.columns)]
    where = (points.start, counts, values, np.ascontiguousarray(task.fixed), task.low, task.high)
    data = (points.y, points.weight, inverse, results, held, *points.columns)
    first, step = 0, max(1, _FIRST // longest)
    while first < number:
        last, begun = min(first + step, number), time.perf_counter()
        fits(np.array([first, last, longest, task.limit, *shared], np.intp), *where, *data)
        advance(last - first)
        faster = _SECONDS / max(time.perf_counter() - begun, 1e-6)
        first, step = last, max(1, int(step * min(faster, 16.0)))
    values[~able] = np.nan
    ended = np.where(able, results[:, 2], Ended.SKIPPED).astype(np.intp)
    steps, place = np.nan_to_num(results[:, 1]), np.nan_to_num(results[:, 3], nan=-1.0)
    return Found(
        values,
        inverse,
        results[:, 0].copy(),
        steps.astype(np.intp),
        ended,
        place.astype(np.intp),
        (held > 0.0) & (ended != Ended.NOT_FINITE)[:, None],
    )
