"""Fit ``a*exp(-t/tau) + c`` by damped Gauss-Newton steps, on NumPy alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relaxation.kernels import loss_cython, residuals_cython

__all__ = ["fit"]


def fit(t: ArrayLike, y: ArrayLike, start: ArrayLike) -> NDArray[np.float64]:
    """Return the parameters ``a, tau, c`` of least squares, near ``start``."""
    t, y = np.asarray(t, dtype=float), np.asarray(y, dtype=float)
    p = np.array(start, dtype=float)
    damping, best = 1e-3, loss_cython.value(p, t, y)
    for _ in range(200):
        residuals, jacobian = residuals_cython.value(p, t, y), residuals_cython.jacobian(p, t, y)
        normal = jacobian.T @ jacobian
        step = np.linalg.solve(normal + damping * np.diag(np.diag(normal)), -jacobian.T @ residuals)
        found = loss_cython.value(p + step, t, y)
        if found <= best:
            p, best, damping = p + step, found, damping / 10
            if np.all(np.abs(step) <= 1e-14 * np.abs(p)):
                break
        else:
            damping *= 10
            if damping > 1e12:
                break
    return p
