"""Standard errors of losses with kinks, from the density of residuals at zero."""

from __future__ import annotations

import numpy as np

from symcompile.arguments import Array
from symcompile.fitting.criterion import Criterion
from symcompile.fitting.memory import InMemory
from symcompile.fitting.problem import Problem


def curvature(problem: Problem, criterion: Criterion, p: Array) -> tuple[Array, Array] | None:
    """Return what takes the place of the Hessian of a quantile's loss, and of outer products.

    With the check loss at ``q`` the slope of the expected loss is that of a distribution function,
    so its second derivative is ``sum(f_i*J_i.T @ J_i)`` with ``f_i`` the density of a residual at
    zero. It is estimated by a normal kernel (Powell 1991), whose width is that of Hall and Sheather
    (1988) as Koenker, *Quantile Regression* (2005), section 3.4 gives it. The outer products of
    gradients have the mean ``q*(1 - q)*J_i.T @ J_i``.

    Returns:
        Two arrays ``(P, P)``; None where samples are not in memory, or residuals have no spread.
    """
    if not isinstance(criterion, InMemory):
        return None
    residuals = np.reshape(criterion.differences.value(p), -1)
    jacobian = criterion.differences.jacobian(p).reshape(criterion.n, criterion.size)
    weights = criterion.weights
    below, above = problem.loss.slopes
    size, q = below + above, below / (below + above)
    width = _width(residuals[weights != 0], q)
    if not width > 0:
        return None
    density = np.exp(-0.5 * (residuals / width) ** 2) / (width * np.sqrt(2 * np.pi))
    hessian = size * (jacobian.T * (weights * density)) @ jacobian
    outer = size**2 * q * (1 - q) * (jacobian.T * weights**2) @ jacobian
    return hessian, outer


def _width(residuals: Array, q: float) -> float:
    """Return the width of the kernel, in the residuals' unit."""
    from scipy.stats import norm

    if len(residuals) < 2:
        return 0.0
    at, tail = norm.ppf(q), norm.ppf(0.975)
    share = (1.5 * norm.pdf(at) ** 2 / (2 * at**2 + 1) / len(residuals)) ** (1 / 3)
    share *= tail ** (2 / 3)
    while q - share <= 0 or q + share >= 1:
        share /= 2
    low, high = np.percentile(residuals, [25, 75])
    spread = min(float(np.std(residuals, ddof=1)), float(high - low) / 1.34)
    return float(spread * (norm.ppf(q + share) - norm.ppf(q - share)))
