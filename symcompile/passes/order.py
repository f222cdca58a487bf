"""In what order to multiply factors and to sum over indices.

The factors are sets of indices, written as the bits of a number. Two are multiplied over the
indices that either has; then what no other factor needs and the result does not have is summed.
The order of least cost is found by dynamic programming over the subsets of the factors, and of
many factors by taking the cheapest pair again and again.

Source: C.-C. Lam, P. Sadayappan, R. Wenger, *On optimizing a class of multi-dimensional loops
with reductions for parallel execution* (Parallel Processing Letters 7, 1997); for many factors
D. G. A. Smith, J. Gray, *opt_einsum* (Journal of Open Source Software 3, 2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symcompile.ir.cost import DIVISION

#: Of more factors not every order is tried.
MOST_EXACT = 8


@dataclass(frozen=True)
class Step:
    """Part of a product.

    Attributes:
        indices: those that it has once ``summed`` are summed.
        summed: the indices that it sums over, after the product.
        cost: of everything in it.
        below: whether its value is the reciprocal of what is computed.
        factor: which factor it is, or None of a product of two.
        parts: the two that are multiplied.
    """

    indices: int
    summed: int
    cost: int
    below: bool
    factor: int | None = None
    parts: tuple[Step, Step] | None = None


class Order:
    """The cheapest order of one product.

    >>> i, j, k = 1, 2, 4  # A[i, j]*B[j, k]*w[k] summed over j and k
    >>> step = Order([i | j, j | k, k], [False]*3, i, {i: 10, j: 10, k: 10}).best()
    >>> step.cost, step.parts[1].parts[1].factor
    (400, 2)
    """

    def __init__(
        self,
        factors: Sequence[int],
        below: Sequence[bool],
        result: int,
        sizes: dict[int, int],
    ) -> None:
        self._factors = factors
        self._below = below
        self._result = result
        self._sizes = sizes
        # The longest is summed last: what is left of a sum is held for each of its points.
        self._ascending = sorted(sizes, key=lambda index: (sizes[index], -index))
        self._counts: dict[int, int] = {}

    def best(self) -> Step:
        """Return the product of all factors, summed over what the result does not have."""
        count = len(self._factors)
        if count > MOST_EXACT:
            return self._greedy()
        found: dict[int, Step] = {}
        for chosen in range(1, 1 << count):
            if chosen & (chosen - 1) == 0:
                found[chosen] = self._single(chosen.bit_length() - 1)
                continue
            needed = self._needed([k for k in range(count) if not chosen >> k & 1])
            lowest = chosen & -chosen
            best: Step | None = None
            # Each way to cut in two once: the lowest factor is in the first part.
            first = chosen
            while first := (first - 1) & chosen:
                if first & lowest:
                    made = self._product(found[first], found[chosen ^ first], needed)
                    if best is None or made.cost < best.cost:
                        best = made
            assert best is not None
            found[chosen] = best
        return found[(1 << count) - 1]

    def _greedy(self) -> Step:
        steps = [self._single(k) for k in range(len(self._factors))]
        while len(steps) > 1:
            best: tuple[int, int, int, Step] | None = None
            for second in range(1, len(steps)):
                for first in range(second):
                    left, right = steps[first], steps[second]
                    needed = self._result
                    for k, other in enumerate(steps):
                        needed |= other.indices if k not in (first, second) else 0
                    made = self._product(left, right, needed)
                    grows = made.cost - left.cost - right.cost
                    if best is None or grows < best[0]:
                        best = (grows, first, second, made)
            assert best is not None
            _, first, second, made = best
            steps[first] = made
            del steps[second]
        return steps[0]

    def _needed(self, others: Sequence[int]) -> int:
        needed = self._result
        for k in others:
            needed |= self._factors[k]
        return needed

    def _single(self, factor: int) -> Step:
        own = self._factors[factor]
        needed = self._needed([k for k in range(len(self._factors)) if k != factor])
        return self._summed(own, needed, 0, self._below[factor], factor, None)

    def _product(self, left: Step, right: Step, needed: int) -> Step:
        every = left.indices | right.indices
        divides = left.below != right.below
        cost = left.cost + right.cost + self._points(every) * (DIVISION if divides else 1)
        below = left.below and right.below
        return self._summed(every, needed, cost, below, None, (left, right))

    def _summed(
        self,
        indices: int,
        needed: int,
        cost: int,
        below: bool,
        factor: int | None,
        parts: tuple[Step, Step] | None,
    ) -> Step:
        kept = indices & needed
        if kept != indices and below:  # reciprocals must be taken before they are summed
            cost += self._points(indices) * DIVISION
            below = False
        left = indices
        for index in self._ascending:
            if left & ~needed & index:
                cost += self._points(left)
                left &= ~index
        return Step(kept, indices & ~needed, cost, below, factor, parts)

    def _points(self, indices: int) -> int:
        found = self._counts.get(indices)
        if found is None:
            found = 1
            for index, size in self._sizes.items():
                if indices & index:
                    found *= size
            self._counts[indices] = found
        return found
