"""Formulas that swell: a graph of hundreds of nodes that is a tree of hundreds of thousands."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.physics.mechanics.models import n_link_pendulum_on_cart

import symcompile as sc
from symcompile.compiler import plan
from symcompile.ir.graph import operation_count, tree_count


def pendulum(links: int) -> sc.Definition:
    """Return the accelerations of a pendulum of several links on a cart.

    The symbols are renamed before the system is solved: SymPy's own substitution walks trees.
    """
    model = n_link_pendulum_on_cart(links, True, True)
    states = [*model.q, *model.u]
    mass, forcing = model.mass_matrix, model.forcing
    free = mass.atoms(AppliedUndef) | forcing.atoms(AppliedUndef)
    renamed: dict[Any, sp.Symbol] = {e: sp.Symbol(f"x{k}") for k, e in enumerate(states)}
    renamed |= {e: sp.Symbol(f"in_{e.func}") for e in free if e not in renamed}
    mass, forcing = mass.xreplace(renamed), forcing.xreplace(renamed)
    params = [renamed[e] for e in states]
    symbols = (mass.free_symbols | forcing.free_symbols) - set(params)
    constants = {s: 1.0 + k / 16 for k, s in enumerate(sorted(symbols, key=str))}
    solved = mass.LUsolve(forcing)
    return sc.define("pendulum", solved, params=params, constants=constants)


@pytest.mark.parametrize("links", [2, 4, pytest.param(10, marks=pytest.mark.long)])
def test_the_accelerations_of_a_pendulum_and_their_jacobian(links: int) -> None:
    definition = pendulum(links)
    kernel = sc.compile(definition, backend="python")
    rng = np.random.default_rng(links)
    p = rng.normal(size=2 * links + 2)
    jacobian = kernel.jacobian(p)
    step = 1e-6
    for k in range(len(p)):
        shift = np.zeros_like(p)
        shift[k] = step
        slope = (kernel.value(p + shift) - kernel.value(p - shift)) / (2 * step)
        scale = 1.0 + np.abs(jacobian).max()
        np.testing.assert_allclose(jacobian[:, k], np.ravel(slope), atol=1e-5 * scale)


def test_work_follows_the_graph_not_the_tree() -> None:
    sizes = []
    for links in (3, 4):
        definition = pendulum(links)
        (value,) = plan(definition, ["value"])
        roots = definition.output.entries
        sizes.append(
            (
                tree_count(definition.ir, roots),
                operation_count(value.graph, value.function.roots()),
            )
        )
    (trees, operations), (more_trees, more_operations) = sizes
    assert more_trees > 8 * trees > 50_000
    assert more_operations < 2 * operations < 1000
