"""What a cross-check works on: the data, the points, and the oracle there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from symcompile.arguments import Array, to_vector
from symcompile.checking.judging import expected_shapes
from symcompile.checking.oracle import Oracle, evaluations
from symcompile.errors import ArgumentValueError
from symcompile.frontend.definition import Definition
from symcompile.interface import Interface

# What the oracle may cost for one function at one point, in operations; a million take a second.
_BUDGET = 250_000
_LARGEST = 60 * _BUDGET
# Perturbed evaluations beside the exact one, and what perturbing adds to each.
_EVALUATORS = 20
_FEWEST_SAMPLES = 8
_POINTS = 3


class Setting:
    """A definition with data, constants and points to check it at.

    Args:
        definition: the definition.
        data: its columns, or one table of them.
        constants: by name or symbol.
        p: the parameters, shape (P,); None chooses a few points, always the same.
        oracle_samples: how many samples the oracle sees at most.

    Raises:
        ArgumentValueError: the arguments do not fit, or no point was found.
    """

    def __init__(
        self,
        definition: Definition,
        data: Sequence[Any],
        constants: Mapping[Any, float],
        p: ArrayLike | None,
        oracle_samples: int,
    ) -> None:
        interface = Interface(definition)
        given = {str(key): value for key, value in constants.items()}
        slots = interface.numbers("value", given)
        self.definition = definition
        self.functions = interface.functions
        self.columns = interface.columns("value", data)
        self.constants = {interface.constants[slot]: value for slot, value in slots.items()}
        self.samples = len(self.columns[0]) if self.columns else 0
        self.oracle_samples = max(1, oracle_samples)
        self._oracles: dict[tuple[int, int], Oracle] = {}
        self.points = self._chosen() if p is None else [to_vector(p, "p", definition.params).copy()]

    def _chosen(self) -> list[Array]:
        size = len(self.definition.params)
        if size == 0:
            return [np.zeros(0)]
        random = np.random.default_rng(20)
        small = np.array([0.1 * (k % 7 + 1) * (-1) ** k for k in range(size)])
        candidates = [small]
        for low, high in ((-1.0, 1.0), (-1.0, 1.0), (0.1, 1.0), (0.1, 1.0), (1.0, 3.0), (-3, -1)):
            candidates.append(random.uniform(low, high, size))
        columns = self.some(self.count("value"))
        share: list[tuple[float, Array]] = []
        for point in candidates:
            oracle = Oracle(self.definition, point, columns, self.constants)
            value = oracle.value().astype(np.float64)
            good = np.isfinite(value) & ~np.any(oracle.kinked())
            share.append((float(np.mean(good)), point))
            if sum(part == 1.0 for part, _ in share) == _POINTS:
                break
        best = max(part for part, _ in share)
        if best == 0.0:
            raise ArgumentValueError(
                f"{self.definition.name}: no point was found where the value is finite and has "
                "derivatives; pass one as p=, or look for NaN in the data"
            )
        return [point for part, point in share if part == best][:_POINTS]

    @cached_property
    def operations(self) -> int:
        """How many nodes the formula has."""
        graph = self.definition.graph
        return len(graph.ancestors(self.definition.output.entries))

    def affordable(self, function: str) -> bool:
        """Return whether the oracle can look at more than one point."""
        return self._work(function) <= _BUDGET

    def _work(self, function: str) -> int:
        calls = max(1, evaluations(function, len(self.definition.params)))
        return calls * self.operations * _EVALUATORS

    def count(self, function: str) -> int:
        """Return how many samples the oracle sees; 0 if the formula is too large for it."""
        work = self._work(function)
        wanted = min(self.samples, self.oracle_samples)
        least = min(wanted, _FEWEST_SAMPLES)
        if work * max(least, 1) > _LARGEST:
            return 0
        return max(least, min(wanted, _BUDGET // work)) if self.samples else 1

    def some(self, count: int) -> tuple[Array, ...]:
        """Return ``count`` of the samples, evenly spread."""
        if count >= self.samples:
            return self.columns
        rows = np.unique(np.linspace(0, self.samples - 1, count).round().astype(int))
        return tuple(column[rows] for column in self.columns)

    def oracle(self, point: int, count: int) -> Oracle:
        """Return the oracle at a point, over ``count`` samples."""
        found = self._oracles.get((point, count))
        if found is None:
            columns = self.some(count)
            found = Oracle(self.definition, self.points[point], columns, self.constants)
            self._oracles[point, count] = found
        return found

    def vectors(self, function: str, samples: int) -> tuple[Array, ...]:
        """Return ``v`` or ``u`` where the function takes one; the same on every run."""
        if function not in ("hvp", "jvp", "vjp"):
            return ()
        shape: tuple[int, ...] = (len(self.definition.params),)
        if function == "vjp":
            (shape,) = expected_shapes(self.definition, "value", samples)
        random = np.random.default_rng(5)
        return (random.uniform(0.5, 1.5, shape) * random.choice((-1.0, 1.0), shape),)
