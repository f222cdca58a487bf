"""What a cross-check works on: the data, the points, and the oracle there."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from symcompile.arguments import Array, fitted, to_array, to_vector
from symcompile.checking.differences import finite
from symcompile.checking.layout import expected_shapes, number, total_length
from symcompile.checking.oracle import Oracle, evaluations
from symcompile.errors import ArgumentValueError
from symcompile.frontend.definition import Definition
from symcompile.interface import Interface
from symcompile.ir.graph import Kind
from symcompile.sizes import solve_sizes

# What the oracle may cost for one function at one point, in operations; a million take a second.
_BUDGET = 250_000
_LARGEST = 60 * _BUDGET
# With arrays the products of sizes are many, so this much less is enough.
_LARGEST_ARRAYS = 16 * _BUDGET
# Perturbed evaluations beside the exact one, and what perturbing adds to each.
_EVALUATORS = 20
_FEWEST_SAMPLES = 8
_POINTS = 3


class Setting:
    """A definition with data, constants and points to check it at.

    Args:
        definition: the definition.
        data: its columns or arrays, or one table of them.
        constants: by name or symbol; sizes too, where neither data nor ``p`` says them.
        p: the parameters, packed, shape (P,); None chooses a few points, always the same.
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
        # Sizes that the data do not say may be among the constants, even where only p says them.
        extra = set(definition.sizes) - set(interface.constants) if definition.indexed else set()
        named = {name: int(given.pop(name)) for name in extra & set(given)}
        slots = interface.numbers("value", given)
        self.definition = definition
        self.functions = interface.functions
        self.columns = interface.columns("value", data)
        self.constants = {interface.constants[slot]: value for slot, value in slots.items()}
        indexed = definition.indexed
        self.samples = len(self.columns[0]) if self.columns and not indexed else 0
        self.oracle_samples = max(1, oracle_samples)
        self._oracles: dict[tuple[int, int], Oracle] = {}
        point = None if p is None else self._vector(p)
        self.sizes = self._sizes(None if point is None else len(point), named)
        self.size = total_length(definition, self.sizes)
        self.points = self._chosen() if point is None else [point]

    def _vector(self, p: ArrayLike) -> Array:
        dtype = np.dtype(self.definition.dtype)
        if not self.definition.indexed:
            return to_vector(p, "p", self.definition.params, dtype).copy()
        return np.ravel(to_array(p, "p", dtype=dtype)).copy()

    def _sizes(self, p_length: int | None, named: Mapping[str, int]) -> dict[str, int]:
        if not self.definition.indexed:
            return {"n": self.samples} if self.columns else {}
        constants = {**dict(self.definition.constants), **self.constants, **named}
        known = {name: value for name, value in constants.items() if value is not None}
        declared = zip(self.columns, self.definition.data, self.definition.data_shapes, strict=True)
        shapes = [fitted(array, name, shape).shape for array, name, shape in declared]
        return solve_sizes(self.definition, shapes, p_length, known)

    def _chosen(self) -> list[Array]:
        size = self.size
        dtype = np.dtype(self.definition.dtype)
        if size == 0:
            return [np.zeros(0, dtype)]
        random = np.random.default_rng(20)
        small = np.array([0.1 * (k % 7 + 1) * (-1) ** k for k in range(size)])
        candidates = [small]
        for low, high in ((-1.0, 1.0), (-1.0, 1.0), (0.1, 1.0), (0.1, 1.0), (1.0, 3.0), (-3, -1)):
            candidates.append(random.uniform(low, high, size))
        if dtype.kind == "c":
            turns = np.random.default_rng(21)
            candidates = [x * np.exp(1j * turns.uniform(-1.5, 1.5, size)) for x in candidates]
        candidates = [np.asarray(x, dtype) for x in candidates]
        if not self.searchable:
            return candidates[:1]
        columns = self.some(self.count("value"))
        share: list[tuple[float, Array]] = []
        for point in candidates:
            oracle = Oracle(self.definition, point, columns, self.constants)
            good = finite(oracle.value()) & ~np.any(oracle.kinked())
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
        """How many numbers the formula computes, for a sample."""
        graph = self.definition.ir
        nodes = graph.ancestors(self.definition.output.entries)
        if not self.definition.indexed:
            return len(nodes)
        shapes = [[number(axis.extent, self.sizes) for axis in graph[n].axes] for n in nodes]
        return sum(math.prod(shape) for shape in shapes)

    @property
    def searchable(self) -> bool:
        """Whether points can be looked for with the oracle: a few values and Jacobians."""
        if not self.definition.indexed:
            return True
        return evaluations("value_and_grad", self.size) * self.operations <= _LARGEST // 20

    def affordable(self, function: str) -> bool:
        """Return whether the oracle can look at more than one point."""
        return self._work(function) <= _BUDGET

    def _work(self, function: str) -> int:
        calls = max(1, evaluations(function, self.size))
        return calls * self.operations * _EVALUATORS

    def count(self, function: str) -> int:
        """Return how many samples the oracle sees; 0 if the formula is too large for it."""
        work = self._work(function)
        wanted = min(self.samples, self.oracle_samples)
        least = min(wanted, _FEWEST_SAMPLES)
        if work * max(least, 1) > (_LARGEST_ARRAYS if self.definition.indexed else _LARGEST):
            return 0
        return max(least, min(wanted, _BUDGET // work)) if self.samples else 1

    def sizes_of(self, columns: Sequence[Array]) -> dict[str, int]:
        """Return the sizes by name where the data are ``columns``."""
        if self.definition.indexed or not columns:
            return self.sizes
        return {"n": len(columns[0])}

    def some(self, count: int) -> tuple[Array, ...]:
        """Return ``count`` of the samples, evenly spread; or all data, if they are no samples."""
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

    def vectors(self, function: str, columns: Sequence[Array]) -> tuple[Array, ...]:
        """Return ``v`` or ``u`` where the function takes one; the same on every run."""
        if function not in ("hvp", "jvp", "vjp"):
            return ()
        shape: tuple[int, ...] = (self.size,)
        if function == "vjp":
            (shape,) = expected_shapes(self.definition, "value", self.sizes_of(columns))
        random = np.random.default_rng(5)
        vector = random.uniform(0.5, 1.5, shape) * random.choice((-1.0, 1.0), shape)
        kind = self.definition.output.kind
        if self.definition.dtype == "complex128" or (function == "vjp" and kind is Kind.COMPLEX):
            vector = vector * np.exp(1j * random.uniform(-1.0, 1.0, shape))
        single = self.definition.dtype == "float32"
        return (vector.astype({"f": "f4", "c": "c8"}[vector.dtype.kind]) if single else vector,)
