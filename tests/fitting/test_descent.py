"""Descent from poor starts, and along models that are linear in part."""

from __future__ import annotations

import numpy as np
import pytest

from symcompile.fitting.descent import Region, State, descend, evaluated, projected
from tests.fitting.criteria import minimiser

X = np.linspace(0, 4, 30)
FREE = Region(np.full(3, -np.inf), np.full(3, np.inf), np.zeros(3, bool))


def begun(start: list[float]) -> tuple[State, object]:
    columns = {"x": X, "y": 2 * np.exp(-1.3 * X) + 0.5}
    ready = minimiser("a*exp(-b*x) + c", columns)
    state = evaluated(ready.criterion, np.array(start, float))
    assert state is not None
    return state, ready.criterion


def test_linear_parameters_are_solved_for_at_once() -> None:
    state, criterion = begun([7, 1.3, -9])
    there = projected(criterion, state, FREE, np.array([True, False, True]))  # type: ignore[arg-type]
    assert np.allclose(there.p, [2, 1.3, 0.5], rtol=1e-13)


@pytest.mark.parametrize("linear", [None, np.array([True, False, True])])
@pytest.mark.parametrize("start", [[1, 1, 1], [-50, 3, 3], [1e4, 0.5, -1e4]])
def test_descent_ends_at_the_minimum(start: list[float], linear: np.ndarray | None) -> None:
    state, criterion = begun(start)
    there = descend(criterion, state, FREE, linear=linear)  # type: ignore[arg-type]
    assert there.settled
    assert np.allclose(there.p, [2, 1.3, 0.5], atol=1e-6)


def test_points_without_a_finite_value_are_none() -> None:
    _, criterion = begun([1, 1, 1])
    assert evaluated(criterion, np.array([1.0, -1e4, 0])) is None  # type: ignore[arg-type]
    assert evaluated(criterion, np.array([np.nan, 1, 0])) is None  # type: ignore[arg-type]


def test_parameters_are_held_by_bounds_that_they_would_cross() -> None:
    region = Region(np.zeros(4), np.ones(4), np.array([False, False, False, True]))
    held = region.held(np.array([0.0, 0, 1, 0]), np.array([1.0, -1, -1, 1]))
    assert held.tolist() == [True, False, True, False]
