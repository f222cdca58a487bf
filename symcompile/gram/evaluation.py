"""Functions over arrays computed from moments: contractions, laid out for the sizes of the data."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from symcompile.arguments import Array
from symcompile.binding.evaluation import ratios
from symcompile.binding.expansion import Powers
from symcompile.binding.gram import Arrays, ArraySum, Contracted
from symcompile.gram.table import NoMomentsError, extents
from symcompile.ir.graph import Input

if TYPE_CHECKING:
    from symcompile.frontend.definition import Definition

#: Sums are trusted down to here: what underflows on the way is too small to be seen in them.
_LEAST, _MOST = 1e-240, 1e300

Sizes = Mapping[str, int]


class Program:
    """Which moments and arrays are multiplied and summed, as ``contractions`` takes it.

    Attributes:
        array: whole numbers; see ``templates/llvm/gram.c.j2``.
        coefficients: of each term, and the scalars that it is multiplied by.
        vectors: the atoms that are arrays: the first operands.
        operands: moments, which follow them.
        shapes: of the sums.
    """

    def __init__(self, arrays: Arrays, moments: Sequence[Array], sizes: Sizes) -> None:
        """Lay out the sums of a function.

        Args:
            arrays: the function.
            moments: its moments: pairs and the sums of the absolute values along the first axis.
            sizes: all sizes.
        """
        self.coefficients: list[tuple[Fraction, Powers]] = []
        self.operands: list[Array] = []
        self.shapes = [extents(found.axes, sizes) for found in arrays.sums]
        self._moments, self._sizes = moments, sizes
        self._arranged: dict[tuple[Any, ...], int] = {}
        self.vectors = [k for k, atom in enumerate(arrays.atoms) if atom.axes]
        self._place = {k: 2 + number for number, k in enumerate(self.vectors)}
        self._pair = 4 + len(arrays.sums)
        numbers = [len(arrays.sums), sum(map(math.prod, self.shapes)), len(self.vectors)]
        for k in self.vectors:
            numbers += [self._place[k], math.prod(extents(arrays.atoms[k].axes, sizes))]
        for found, shape in zip(arrays.sums, self.shapes, strict=True):
            numbers += [math.prod(shape), len(found.terms)]
            for term in found.terms:
                numbers += self._term(found, term, shape)
        self.array = np.array(numbers, np.int64)

    def _term(self, found: ArraySum, term: Contracted, shape: tuple[int, ...]) -> list[int]:
        self.coefficients.append((term.coefficient, term.scalars))
        bound = extents(term.bound, self._sizes)
        length = dict(enumerate(shape)) | {-1 - k: size for k, size in enumerate(bound)}
        order = [*range(len(shape)), *_inner_last(term)]
        labels = [label for label in order if label in term.labels]
        moment = self._moment(found, term, labels)
        entries = self.operands[moment][0].size
        numbers = [self._pair, 2 + len(self.vectors) + moment, entries]
        numbers += [len(order), len(bound), len(term.arrays)]
        numbers += [length[label] for label in order] + _steps(order, labels, length)
        for k, own in term.arrays:
            numbers += [self._place[k], *_steps(order, own, length)]
        self._pair += 2
        return numbers

    def _moment(self, found: ArraySum, term: Contracted, labels: Sequence[int]) -> int:
        """Return the operand that is a moment with its axes in an order."""
        (n,) = extents((found.samples,), self._sizes)
        axes = tuple(term.labels.index(label) for label in labels)
        key = (term.moment, axes, n if term.moment is None else 0)
        if key not in self._arranged:
            self._arranged[key] = len(self.operands)
            moment = np.array([n, 0.0, n], np.float64)
            if term.moment is not None:
                moment = self._moments[term.moment].transpose(0, *(axis + 1 for axis in axes))
            self.operands.append(np.ascontiguousarray(moment))
        return self._arranged[key]


def _inner_last(term: Contracted) -> list[int]:
    """Return the labels that are summed, last one along which arrays are contiguous."""
    labels = [-1 - k for k in range(len(term.bound))]
    last = {own[-1] for _, own in term.arrays}
    return sorted(labels, key=lambda label: (label in last, -label))


def _steps(order: Sequence[int], own: Sequence[int], length: Mapping[int, int]) -> list[int]:
    """Return how far apart neighbours lie along each label, in an array over ``own``.

    >>> _steps([0, -1, -2], [0, -2], {0: 2, -1: 3, -2: 4})
    [4, 0, 1]
    """
    steps, step = {}, 1
    for label in reversed(own):
        steps[label] = step
        step *= length[label]
    return [steps.get(label, 0) for label in order]


class Evaluation:
    """A function of ``p``, and ``v`` or ``u``, that takes moments in place of the data."""

    def __init__(
        self,
        definition: Definition,
        arrays: Arrays,
        moments: Sequence[Array],
        sizes: Sizes,
        epsilon: float,
        known: Sequence[Any],
    ) -> None:
        """Lay out a function.

        Args:
            definition: whose function it is.
            arrays: the function.
            moments: its moments.
            sizes: all sizes.
            epsilon: what moments may be off by, relative to the sums of the absolute values.
            known: the atoms that do not depend on what is known late.

        Raises:
            NoMomentsError: what is known may overflow.
        """
        self.program = Program(arrays, moments, sizes)
        values = iter(known)
        self._known = [None if atom.late else next(values) for atom in arrays.atoms]
        self._places = [
            (k, *_place(definition, atom.taken, sizes))
            for k, atom in enumerate(arrays.atoms)
            if atom.taken is not None
        ]
        self._computed = [k for k, a in enumerate(arrays.atoms) if a.late and a.taken is None]
        #: Products of so many factors neither underflow nor overflow.
        self._limit = 2.0 ** (400 // max(1, arrays.degree))
        least = [_ratio(found, sizes, epsilon) for found in arrays.sums]
        pairs = [part for value, _ in self.program.coefficients for part in _pair(value)]
        head = [1.0 / self._limit, self._limit, _LEAST, _MOST, *least]
        self._numbers = np.array([*head, *pairs])
        scaled = [
            (len(head) + 2 * k, scalars) for k, (_, scalars) in enumerate(self.program.coefficients)
        ]
        # What is known already is multiplied in now.
        late = [atom.late for atom in arrays.atoms]
        early = [(k, tuple(s for s in own if not late[s[0]])) for k, own in scaled]
        after = [(k, tuple(s for s in own if late[s[0]])) for k, own in scaled]
        self._scaled = [(k, own) for k, own in after if own]
        numbers = self._scalars(early, self._known)
        if numbers is None:
            raise NoMomentsError("its numbers are too large or too small")
        self._numbers = numbers

    def sums(
        self,
        contract: Callable[..., Any],
        computed: Sequence[Any],
        p: Array,
        v: Array | None,
    ) -> list[Any] | None:
        """Return the sums over the samples, or None where a pass is more accurate.

        Args:
            contract: the function that runs programs.
            computed: the atoms that are neither known nor given.
            p, v: the vectors of the call.
        """
        atoms = list(self._known)
        for k, value in zip(self._computed, computed, strict=True):
            atoms[k] = value
        for k, role, where in self._places:
            vector = p if role == "param" else v
            assert vector is not None
            atoms[k] = vector[where]
        numbers = self._scalars(self._scaled, atoms) if self._scaled else self._numbers
        if numbers is None:
            return None
        vectors = [np.ascontiguousarray(atoms[k], np.float64) for k in self.program.vectors]
        found = contract(self.program.array, numbers, *vectors, *self.program.operands)
        if found is None:
            return None
        sums, start = [], 0
        for shape in self.program.shapes:
            stop = start + math.prod(shape)
            sums.append(found[start:stop].reshape(shape) if shape else found[start])
            start = stop
        return sums

    def _scalars(self, scaled: Sequence[tuple[int, Powers]], atoms: Sequence[Any]) -> Array | None:
        """Return the numbers with scalars multiplied in; None where one is out of range."""
        numbers = self._numbers.copy()
        for place, scalars in scaled:
            high, low = numbers[place : place + 2].tolist()
            for k, power in scalars:
                x = float(np.reshape(atoms[k], ())[()])
                if not (1.0 / self._limit <= abs(x) <= self._limit or x == 0.0 < power):
                    return None
                factor, rest = x, 0.0
                if power < 0:
                    factor = 1.0 / x
                    rest = -_error(factor, x, 1.0) / x
                for _ in range(abs(power)):
                    product = high * factor
                    low = _error(high, factor, product) + (high * rest + low * factor)
                    high = product
            numbers[place : place + 2] = high, low
        return numbers


def _place(definition: Definition, taken: Input, sizes: Sizes) -> tuple[str, slice]:
    """Return where in ``p`` or ``v`` an atom lies."""
    lengths = [
        math.prod(size.evaluate(sizes) for size in shape) for shape in definition.param_shapes
    ]
    start = sum(lengths[: taken.slot])
    return taken.role, slice(start, start + lengths[taken.slot])


def _ratio(found: ArraySum, sizes: Sizes, epsilon: float) -> float:
    """Return the smallest part of the sum of the absolute values that a sum is trusted at."""
    degree = max((term.degree for term in found.terms), default=0)
    (n,) = extents((found.samples,), sizes)
    terms = sum(math.prod(extents(term.bound, sizes)) for term in found.terms)
    # Contractions add up 64 products in a row, as moments do, and then pairs.
    own = 2.0**-106 * (2.0**13 + 4.0 * terms + 16 * (degree + 1) ** 2)
    return ratios(degree, epsilon + own, n).get(degree, 0.0)


def _pair(value: Fraction) -> tuple[float, float]:
    """Return an exact number as a pair."""
    high = float(value)
    return high, float(value - Fraction(high))


def _error(first: float, second: float, product: float) -> float:
    """Return the rounding error of a product (Dekker 1971)."""
    (a, b), (c, d) = _halves(first), _halves(second)
    return ((a * c - product) + a * d + b * c) + b * d


def _halves(x: float) -> tuple[float, float]:
    t = 134217729.0 * x
    high = t - (t - x)
    return high, x - high
