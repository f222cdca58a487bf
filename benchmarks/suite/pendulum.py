"""Pendulums on a cart: the explicit equations of motion and their Jacobian in the state."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import sympy as sp

import symcompile as sc
from benchmarks.suite.base import (
    Call,
    Comparison,
    Goal,
    MissingError,
    Setting,
    compare,
    kernel_of,
    own,
    with_backends,
    with_peers,
)
from benchmarks.suite.peers import peer

#: Seconds from expression to kernel.
GOALS: dict[int, dict[str, float]] = {5: {"llvm": 1.0, "cython": 3.0}, 10: {}}

#: With more links a backend is left out.
MOST_LINKS = {"numba": 3}
#: With more links the peers are left out.
PEERS_LINKS = 5


@lru_cache
def equations(links: int) -> tuple[list[sp.Symbol], list[sp.Symbol], sp.Matrix]:
    """Return states, other symbols, and the accelerations, by SymPy's mechanics and LUsolve."""
    from sympy.physics.mechanics import find_dynamicsymbols
    from sympy.physics.mechanics.models import n_link_pendulum_on_cart

    model = n_link_pendulum_on_cart(links, True, True)
    functions = [*model.q, *model.u]
    states = sp.symbols(f"x0:{len(functions)}")
    named = dict(zip(functions, states, strict=True))
    # Named first, while the equations are small: the solution is a tree of millions.
    mass, forcing = model.mass_matrix, model.forcing
    inputs = sorted(find_dynamicsymbols(forcing) - set(functions), key=str)
    named |= {f: sp.Symbol(str(f.func)) for f in inputs}
    mass, forcing = mass.xreplace(named), forcing.xreplace(named)
    others = sorted((mass.free_symbols | forcing.free_symbols) - set(states), key=str)
    return list(states), others, mass.LUsolve(forcing)


def run(setting: Setting) -> Iterator[Comparison]:
    """Compare from expression to kernel, and evaluating."""
    for links, limits in GOALS.items():
        yield from _compared(links, limits, setting)


def _compared(links: int, limits: dict[str, float], setting: Setting) -> Iterator[Comparison]:
    setting.say(f"{links} links: SymPy derives the equations")
    states, others, right = equations(links)
    building = Comparison(
        f"pendulum of {links} links: from expression to right-hand side and Jacobian",
        goals=tuple(Goal(own(backend), limit) for backend, limit in limits.items()),
    )
    running = Comparison(
        f"pendulum of {links} links: right-hand side, Jacobian",
        base="CasADi" if links <= PEERS_LINKS else None,
    )
    rng = np.random.default_rng(1)
    point, values = rng.normal(size=len(states)), rng.uniform(0.5, 2.0, size=len(others))
    spent: dict[str, float] = {}

    def made(backend: str) -> Call:
        if links > MOST_LINKS.get(backend, links):
            raise MissingError("its compiler takes minutes")
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            definition = sc.define("pendulum", right, params=states, constants=others)
            kernel = kernel_of(definition, backend, ("value", "jacobian"), Path(folder))
            call = _bound(kernel, point, values, others)
            call()
            spent[own(backend)] = time.perf_counter() - start
        return call

    def timed(name: str, make: Any) -> Call:
        setting.say(f"{building.title}: {name} compiles")
        start = time.perf_counter()
        call: Call = make(states, others, right, point, values)
        call()
        spent[name] = time.perf_counter() - start
        return call

    ways = with_backends(running, {}, setting, made)
    makers = {"CasADi": _casadi, "JAX": _jax}
    if links > PEERS_LINKS:
        running.skipped |= dict.fromkeys(makers, "its compiler takes minutes")
        makers = {}
    with_peers(running, ways, {n: partial(timed, n, make) for n, make in makers.items()})
    building.times = {name: [seconds] for name, seconds in spent.items()}
    building.skipped = dict(running.skipped)
    yield building
    yield compare(running, ways, setting, tolerance=1e-6)


def _bound(kernel: sc.Kernel, point: Any, values: Any, others: Any) -> Call:
    named = {s.name: float(v) for s, v in zip(others, values, strict=True)}
    objective = kernel.bind(**named)
    return lambda: (objective.value(point), objective.jacobian(point))


def _function(states: Any, others: Any, right: Any, modules: Any) -> Any:
    """Return the right-hand side over a library's numbers, through SymPy's ``cse``.

    ``sympy.lambdify`` of the whole would walk the tree.
    """
    replaced, reduced = sp.cse(list(right))
    steps = [(symbol, *_small(e, modules)) for symbol, e in replaced]
    results = [_small(e, modules) for e in reduced]

    def function(x: Any, u: Any) -> list[Any]:
        known = dict(zip([*states, *others], [*x, *u], strict=True))
        for symbol, args, step in steps:
            known[symbol] = step(*[known[a] for a in args])
        return [result(*[known[a] for a in args]) for args, result in results]

    return function


def _small(e: Any, modules: Any) -> tuple[list[Any], Any]:
    args = sorted(e.free_symbols, key=str)
    return args, sp.lambdify(args, e, modules)


def _casadi(states: Any, others: Any, right: Any, point: Any, values: Any) -> Call:
    casadi = peer("casadi")
    function = _function(states, others, right, casadi)
    x, u = casadi.SX.sym("x", len(states)), casadi.SX.sym("u", len(others))
    value = casadi.vertcat(*function(casadi.vertsplit(x), casadi.vertsplit(u)))
    both = casadi.Function("f", [x, u], [value, casadi.densify(casadi.jacobian(value, x))])
    buffer, trigger = both.buffer()
    f, jacobian = np.empty(len(right)), np.empty((len(states), len(right)))
    buffer.set_arg(0, memoryview(point))
    buffer.set_arg(1, memoryview(values))
    buffer.set_res(0, memoryview(f))
    buffer.set_res(1, memoryview(jacobian))

    def call(keep: Any = buffer) -> Any:
        trigger()
        return f, jacobian.T

    return call


def _jax(states: Any, others: Any, right: Any, point: Any, values: Any) -> Call:
    jax = peer("jax")
    function = _function(states, others, right, "jax")

    def f(x: Any, u: Any) -> Any:
        return jax.numpy.stack(function(x, u))

    both = jax.jit(lambda x, u: (f(x, u), jax.jacfwd(f)(x, u)))
    x, u = jax.device_put(point), jax.device_put(values)
    return lambda: jax.block_until_ready(both(x, u))
