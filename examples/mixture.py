"""A mixture of Gaussians with diagonal covariances: the mean negative log-likelihood.

The weights are a softmax of ``a`` and the precisions are ``exp(2*s)``, so that any ``p`` is a
mixture. ``objective.minimize({"a": ..., "mu": ..., "s": ...})`` returns the fit by name as well.
"""

import sympy as sp

import symcompile as sc

n, d, m = sp.symbols("n d m", integer=True, positive=True)  # samples, dimensions, components
i, j, k, q = sp.Idx("i", n), sp.Idx("j", d), sp.Idx("k", m), sp.Idx("q", m)
X = sp.IndexedBase("X", shape=(n, d))
a = sp.IndexedBase("a", shape=(m,))
mu, s = sp.IndexedBase("mu", shape=(m, d)), sp.IndexedBase("s", shape=(m, d))

distance = sp.Sum((sp.exp(s[k, j]) * (X[i, j] - mu[k, j])) ** 2, (j, 0, d - 1))
scale = sp.Sum(s[k, j], (j, 0, d - 1))
weight = a[k] - sp.log(sp.Sum(sp.exp(a[q]), (q, 0, m - 1)))
density = weight + scale - distance / 2 - d * sp.log(2 * sp.pi) / 2  # its logarithm

mixture = sc.define(
    "mixture",
    -sp.Sum(sp.log(sp.Sum(sp.exp(density), (k, 0, m - 1))), (i, 0, n - 1)) / n,
    params=(a, mu, s),
    data=X,
)
