"""Damped steps from a triangular factor."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symcompile.fitting.steps import Damped


def drawn(seed: int, size: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    columns = random.normal(size=(size + 1, size)) * 10.0 ** random.integers(-6, 7, size)
    return columns, random.normal(size=size + 1), np.linalg.norm(columns, axis=0)


@pytest.mark.parametrize("mu", [0.0, 1e-6, 1.0, 1e6])
def test_steps_are_those_of_the_stacked_problem(mu: float) -> None:
    columns, residuals, scale = drawn(1)
    stacked = np.vstack((columns, np.sqrt(mu) * np.diag(scale)))
    target = np.concatenate((-residuals, np.zeros(4)))
    right = np.linalg.lstsq(stacked / scale, target)[0] / scale
    assert np.allclose(Damped.of(columns, residuals, scale).step(mu), right, rtol=1e-10)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.floats(-6, 3))
def test_the_radius_is_kept(seed: int, power: float) -> None:
    columns, residuals, scale = drawn(seed)
    damped = Damped.of(columns, residuals, scale)
    radius = 10.0**power
    step, mu = damped.within(radius)
    length = np.linalg.norm(scale * step)
    assert length <= 1.1 * radius
    if mu:
        assert length >= 0.9 * radius
        assert np.allclose(step, damped.step(mu))
    else:
        assert np.allclose(columns.T @ (columns @ step + residuals), 0, atol=1e-8 * scale.max())


def test_of_many_solutions_the_shortest_is_taken() -> None:
    columns = np.array([[1.0, 1, 0], [0, 0, 0], [0, 0, 0]])
    damped = Damped.of(columns, np.array([2.0, 1, 1]), np.ones(3))
    assert damped.rank == 1
    assert np.allclose(damped.step(0.0), [-1, -1, 0])
