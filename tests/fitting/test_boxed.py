"""Steps within bounds are those of a solver that knows nothing of damping."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from symcompile.fitting.boxed import boxed


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 5), st.floats(0, 10), st.integers(0, 10**6))
def test_no_other_step_within_bounds_is_better(size: int, mu: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    columns = random.normal(size=(7, size)) * 10.0 ** random.integers(-3, 4, size)
    residuals = random.normal(size=7)
    scale = np.linalg.norm(columns, axis=0)
    low, high = -random.uniform(0, 0.3, size) / scale, random.uniform(0, 0.3, size) / scale
    low[0] = 0  # it starts on a bound
    step = boxed(columns, residuals, scale, mu, low, high)

    def value(scaled: np.ndarray) -> float:
        rest = residuals + columns @ (scaled / scale)
        return float(rest @ rest + mu * scaled @ scaled)

    limits = list(zip(low * scale, high * scale, strict=True))
    other = optimize.minimize(value, np.zeros(size), bounds=limits, tol=1e-12)
    assert np.all((step >= low) & (step <= high))
    assert value(step * scale) <= other.fun * (1 + 1e-9)


def test_what_has_no_room_does_not_move() -> None:
    none = np.zeros(2)
    step = boxed(np.eye(2), np.ones(2), np.ones(2), 0.0, none, none)
    assert step.tolist() == [0, 0]
