"""The NumPy engine: groups of one size side by side, where there is no LLVM.

It goes the way of the compiled one (``templates/llvm/fits.h.j2``), so that both find the same of
several minima, by other means: singular values in place of triangular factors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symcompile.arguments import Array
from symcompile.fitting.batch.damping import Region
from symcompile.fitting.batch.found import Advance, Ended, Found, Task
from symcompile.options import Options

#: So many numbers a Jacobian may have: that of as many groups is taken as fit into it.
_MOST = 1 << 20
#: As in the template.
_CLOSE, _LAST, _ROUNDING, _LEAST, _SLOW = 1e-12, 1e-10, 1e-14, 1e-13, 100


def fit_arrays(task: Task, options: Options, advance: Advance) -> Found:
    """Return the fits of all groups."""
    points, found = task.points, Found.empty(task)
    size = task.start.shape[1]
    able = task.able & (points.counts >= size)
    advance(int(np.sum(~able)))
    for padded in np.unique(points.sizes[able]).tolist():
        groups = np.flatnonzero(able & (points.sizes == padded))
        step = max(1, _MOST // (padded * (size + 1)))
        for first in range(0, len(groups), step):
            part = groups[first : first + step]
            with np.errstate(all="ignore"):
                _Batch(task, part, padded, options).run(found)
            advance(len(part))
    return found


@dataclass(eq=False)
class _Point:
    """Parameters of some groups, and what is known of the model there.

    Attributes:
        x: parameters ``(A, P)``.
        factor: the triangular factor of the Jacobian, its columns of length one, ``(A, P, P)``.
        q: the residuals in the basis of its columns, ``(A, P)``.
        norm: what the lengths of the columns were.
        held: which parameters are at a bound that the gradient pushes against.
        chi2: the sums of squares.
        projected: the length of the residuals' part in the span of the columns.
        dependent: the first parameter that depends on those before it, or -1.
    """

    x: Array
    factor: Array
    q: Array
    norm: Array
    held: NDArray[np.bool_]
    chi2: Array
    projected: Array
    dependent: NDArray[np.intp]

    def put(self, where: Any, other: _Point, which: Any) -> None:
        """Replace some groups by those of another."""
        for name, values in vars(self).items():
            values[where] = vars(other)[name][which]

    def at(self, where: Any) -> _Point:
        """Return some of the groups."""
        return _Point(**{name: values[where] for name, values in vars(self).items()})


def _spanned(x: Array, factor: Array, q: Array, norm: Array, held: Any, chi2: Array) -> _Point:
    """Return points whose columns that are held are zero."""
    size = q.shape[1]
    left, values, right = np.linalg.svd(factor)
    apart = values > 8 * size * 2.0**-52
    inside = np.einsum("apk,ap->ak", left, q) * apart
    q = np.einsum("apk,ak->ap", left, inside)
    # The last parameter in the null space is the first that depends on others.
    null = (np.abs(right) > 1e-6) & ~apart[:, :, None] & ~held[:, None, :]
    last = np.where(null, np.arange(size), -1).max(axis=(1, 2), initial=-1)
    free = size - held.sum(axis=1)
    dependent = np.where(apart.sum(axis=1) < free, last, -1)
    return _Point(x, factor, q, norm, held, chi2, np.sqrt(np.sum(inside**2, axis=1)), dependent)


class _Batch:
    """Groups of one padded size."""

    def __init__(self, task: Task, groups: Any, padded: int, options: Options) -> None:
        self._task, self._groups, self._options = task, groups, options
        points = task.points
        rows = points.start[groups][:, None] + np.arange(padded)

        def taken(column: Array) -> Array:
            return np.broadcast_to(column, rows.shape) if points.shared(column) else column[rows]

        self._y, self._weight = points.y[rows], taken(points.weight)
        self._columns = [taken(column) for column in points.columns]
        self._padded, self._free = padded, task.start.shape[1]

    def _evaluated(self, x: Array, groups: Any) -> tuple[Array, Array, Array]:
        """Return weighted residuals, Jacobians and sums of squares; these are NaN if any is."""
        model, shape = self._task.model, (len(x), self._padded)
        fixed = self._task.fixed[self._groups[groups]]
        values = {name: np.repeat(x[:, k], self._padded) for k, name in enumerate(model.free)}
        values |= {name: np.repeat(fixed[:, k], self._padded) for k, name in enumerate(model.fixed)}
        columns = [np.ascontiguousarray(column[groups]).ravel() for column in self._columns]
        rows = model.rows(columns, values, self._options).reshape(*shape, self._free + 1)
        weight = self._weight[groups]
        r = (rows[..., 0] - self._y[groups]) * weight
        jacobian = rows[..., 1:] * weight[..., None]
        chi2 = np.sum(r * r, axis=1)
        good = np.isfinite(chi2) & np.isfinite(jacobian).all(axis=(1, 2))
        r, jacobian = np.where(good[:, None], r, 0.0), np.where(good[:, None, None], jacobian, 0.0)
        return r, jacobian, np.where(good, chi2, np.nan)

    def _taken(self, x: Array, groups: Any) -> _Point:
        """Return the points with the Jacobians of what is free there factored."""
        task = self._task
        r, jacobian, chi2 = self._evaluated(x, groups)
        slope = np.einsum("an,anp->ap", r, jacobian)
        below, above = x <= task.low, x >= task.high
        held = (below & above) | (below & (slope > 0)) | (above & (slope < 0))
        jacobian = np.where(held[:, None, :], 0.0, jacobian)
        largest = np.abs(jacobian).max(axis=1, initial=0.0)
        largest = np.where(largest > 0, largest, 1.0)
        norm = np.sqrt(np.sum((jacobian / largest[:, None, :]) ** 2, axis=1)) * largest
        basis, factor = np.linalg.qr(jacobian / np.where(norm > 0, norm, 1.0)[:, None, :])
        return _spanned(x, factor, np.einsum("anp,an->ap", basis, r), norm, held, chi2)

    def run(self, found: Found) -> None:
        """Fit the groups and write down what was found."""
        task, count = self._task, len(self._groups)
        now = self._taken(np.clip(task.start[self._groups], task.low, task.high), slice(None))
        ended = np.full(count, Ended.ITERATIONS, np.intp)
        ended[np.isnan(now.chi2)] = Ended.NOT_FINITE
        state = _State(count, self._free)
        active = np.flatnonzero(ended == Ended.ITERATIONS)
        while len(active):
            active = self._step(active, now, state, ended)
        ended[(now.dependent >= 0) & (ended != Ended.NOT_FINITE)] = Ended.SINGULAR
        self._write(found, now, ended, state.iterations)

    def _step(self, active: Any, now: _Point, state: _State, ended: NDArray[np.intp]) -> Any:
        """Try a step in each group that is active; return those that go on."""
        point = now.at(active)
        state.largest[active] = np.maximum(state.largest[active], point.norm)
        largest = np.where(state.largest[active] > 0, state.largest[active], 1.0)
        norm = np.where(point.norm > 0, point.norm, largest)
        reach = np.sqrt(np.sum((largest * point.x * ~point.held) ** 2, axis=1))
        begins = state.delta[active] < 0
        start = np.where(reach > 0, 100.0 * reach, 100.0)
        state.delta[active] = np.where(begins, start, state.delta[active])
        small = point.projected**2 <= _CLOSE * point.chi2
        done = (point.projected == 0) | (point.chi2 == 0) | (small & (point.dependent >= 0))
        done |= state.slow[active] > _SLOW
        d = np.where(point.held, 1.0, largest / norm)
        s, close, point = self._direction(active, point, norm, d, state, small)
        state.shrink[active] = np.where(close, state.shrink[active], 1.0)
        s = s * state.shrink[active][:, None]
        s, trial, slope, predicted = self._within(point, norm, s)
        length = np.sqrt(np.sum((d * s) ** 2, axis=1))
        last = close & (point.projected < 0.5 * state.last[active])
        last &= ~done & (point.projected <= _LAST * np.sqrt(point.chi2))
        inside = last & (trial == point.x + s / norm).all(axis=1)
        now.x[active[inside]] = trial[inside]
        done |= last
        still = ~done & ((trial == point.x).all(axis=1) | (length <= _ROUNDING * reach))
        sound = (state.par[active] == 0) | (point.projected < 1e-4 * np.sqrt(point.chi2))
        good = still & (point.dependent < 0) & sound
        ended[active[still]] = Ended.STALLED
        ended[active[done | good]] = Ended.CONVERGED
        on = ~(done | still)
        if not on.any():
            return active[on]
        active, point, close, length = active[on], point.at(on), close[on], length[on]
        slope, predicted = slope[on], predicted[on]
        state.iterations[active] += 1
        tried = self._taken(trial[on], active)
        actual = np.where(tried.chi2 < 100 * point.chi2, 1 - tried.chi2 / point.chi2, -1.0)
        smaller = (actual > -1e-9) & (tried.projected < point.projected)
        ratio = np.where(predicted > 0, actual / predicted, -1.0)
        better = np.where(close, smaller, ratio >= 1e-4)
        state.slow[active] += close & better & (tried.projected > 0.5 * point.projected)
        lost = close & ~better & (actual <= -1e-9)
        retried = close & ~better & ~lost
        least = point.projected <= _LEAST * np.sqrt(point.chi2)
        lost |= retried & (least | (state.shrink[active] < 0.1))
        state.shrink[active[retried]] *= 0.5
        open_ = ~close
        state.rate(active[open_], ratio[open_], actual[open_], slope[open_], length[open_])
        exact = (point.dependent < 0) & (state.par[active] == 0) & (predicted < 1e-14)
        lost |= open_ & ~better & exact
        now.put(active[better], tried, better)
        state.last[active[better]] = point.projected[better]
        ended[active[lost]] = Ended.CONVERGED
        over = ~lost & (state.iterations[active] >= self._task.limit)
        ended[active[over & close]] = Ended.CONVERGED
        return active[~lost & ~over]

    def _direction(
        self, active: Any, point: _Point, norm: Array, d: Array, state: _State, small: Any
    ) -> tuple[Array, Array, _Point]:
        """Return steps, whether they are the last ones, and the points without what is blocked."""
        low, high = point.x <= self._task.low, point.x >= self._task.high
        s, par = np.zeros_like(point.q), state.par[active]
        delta, close = state.delta[active], np.zeros(len(active), np.bool_)
        which, first = np.arange(len(active)), True
        while len(which):
            part = point.at(which)
            region = Region(part.factor, part.q, d[which], part.dependent < 0)
            newton, length = region.newton()
            near = small[which] & (part.dependent < 0) & (length <= delta[which]) & first
            found, own = region.step(delta[which], par[which])
            close[which] = near
            par[which] = np.where(near, 0.0, own)
            s[which] = np.where(part.held, 0.0, np.where(near[:, None], newton, found))
            blocked = ((low & (s < 0)) | (high & (s > 0)))[which] & ~part.held
            which, blocked = which[blocked.any(axis=1)], blocked[blocked.any(axis=1)]
            if len(which):
                part = point.at(which)
                held = part.held | blocked
                basis, factor = np.linalg.qr(np.where(held[:, None, :], 0.0, part.factor))
                q = np.einsum("apk,ap->ak", basis, part.q)
                less = _spanned(part.x, factor, q, norm[which], held, part.chi2)
                point.put(which, less, slice(None))
            first = False
        state.par[active] = par
        return s, close, point

    def _within(self, point: _Point, norm: Array, s: Array) -> tuple[Array, Array, Array, Array]:
        """Return steps within the bounds, where they lead, slopes, and predicted reductions."""
        task = self._task

        def predicted(s: Array) -> tuple[Array, Array]:
            moved = np.einsum("apq,aq->ap", point.factor, s)
            slope = np.sum(point.q * moved, axis=1) / point.chi2
            return slope, -(2 * slope + np.sum(moved * moved, axis=1) / point.chi2)

        to = point.x + s / norm
        trial = np.clip(to, task.low, task.high)
        beyond = trial != to
        clipped = np.where(beyond, (trial - point.x) * norm, s)
        most = np.where(beyond, (trial - point.x) / np.where(beyond, to - point.x, 1.0), 1.0)
        shorter = s * most.min(axis=1)[:, None]
        (slope, gain), (other_slope, other) = predicted(clipped), predicted(shorter)
        cut = beyond.any(axis=1) & (gain < other)
        inside = np.clip(point.x + shorter / norm, task.low, task.high)
        return (
            np.where(cut[:, None], shorter, clipped),
            np.where(cut[:, None], inside, trial),
            np.where(cut, other_slope, slope),
            np.where(cut, other, gain),
        )

    def _write(self, found: Found, now: _Point, ended: Any, iterations: Any) -> None:
        groups = self._groups
        singular, begun = now.dependent >= 0, ended != Ended.NOT_FINITE
        _, values, right = np.linalg.svd(now.factor)
        scaled = right / np.where(values > 0, values, np.inf)[:, :, None]
        norm = np.where(now.norm > 0, now.norm, 1.0)
        inverse = np.einsum("akp,akq->apq", scaled, scaled) / norm[:, :, None] / norm[:, None, :]
        held = now.held[:, :, None] | now.held[:, None, :]
        inverse = np.where(held, np.nan, inverse)
        inverse = np.where(singular[:, None, None], np.inf, inverse)
        found.inverse[groups] = np.where(begun[:, None, None], inverse, np.nan)
        found.values[groups] = now.x
        found.chi2[groups] = now.chi2
        found.iterations[groups] = iterations
        found.ended[groups] = ended
        found.where[groups] = now.dependent
        found.held[groups] = now.held & begun[:, None]


class _State:
    """What is remembered of each group between steps."""

    def __init__(self, count: int, size: int) -> None:
        self.delta, self.par = np.full(count, -1.0), np.zeros(count)
        self.shrink, self.first = np.ones(count), np.ones(count, np.bool_)
        self.largest, self.last = np.zeros((count, size)), np.zeros(count)
        self.iterations, self.slow = np.zeros(count, np.intp), np.zeros(count, np.intp)

    def rate(self, groups: Any, ratio: Array, actual: Array, slope: Array, length: Array) -> None:
        """Make the region of trust larger or smaller."""
        delta, par = self.delta[groups], self.par[groups]
        delta = np.where(self.first[groups], np.minimum(delta, length), delta)
        self.first[groups] = False
        by = np.where(actual >= 0, 0.5, 0.5 * slope / (slope + 0.5 * actual))
        by = np.where((actual <= -1) | ~(by > 0.1), 0.1, by)
        poor = ~(ratio > 0.25)
        rich = ~poor & ((par == 0) | (ratio >= 0.75))
        smaller = by * np.minimum(delta, 10 * length)
        self.delta[groups] = np.where(poor, smaller, np.where(rich, 2 * length, delta))
        self.par[groups] = np.where(poor, par / by, np.where(rich, 0.5 * par, par))
