"""Steps that bounds cut short: the least squares problem of a linearisation within a box."""

from __future__ import annotations

import numpy as np

from symcompile.arguments import Array


def boxed(
    columns: Array, residuals: Array, scale: Array, mu: float, low: Array, high: Array
) -> Array:
    """Return the step of a damping that stays between bounds.

    A step that is merely cut off at the bounds may lead uphill: where some parameters stop, the
    others have another minimum. It is found by the method of active sets of Stark and Parker,
    "Bounded-variable least-squares" (1995), in the triangular factor: without a pass over the data.

    Args:
        columns: the Jacobian's factor ``A``, shape ``(m, k)``.
        residuals: in its basis, shape ``(m,)``.
        scale: of the parameters, shape ``(k,)``: the damping counts ``scale*step``.
        mu: the damping.
        low, high: the step's bounds, shape ``(k,)``, ``low <= 0 <= high``.
    """
    from scipy.optimize import lsq_linear

    matrix, target = columns / scale, -residuals
    if mu:
        matrix = np.vstack((matrix, np.sqrt(mu) * np.eye(len(scale))))
        target = np.concatenate((target, np.zeros(len(scale))))
    open_ = low < high
    step = np.zeros(len(scale))
    if open_.any():
        box = (low * scale)[open_], (high * scale)[open_]
        step[open_] = lsq_linear(matrix[:, open_], target, box, method="bvls", tol=1e-15).x
    inside: Array = np.clip(step / scale, low, high)
    return inside
