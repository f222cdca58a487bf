"""Scheduled functions by binding time: what is known from the data, and what a call adds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from symcompile.binding.expansion import Columns, Expansion, NotPolynomialError, Powers
from symcompile.binding.gram import Arrays, arrays_of, refused_arrays
from symcompile.frontend.definition import Definition
from symcompile.ir.graph import SAMPLES, Function, Output, payload
from symcompile.planning import Nest, Schedule, Sweep, cost
from symcompile.schedule import schedule

#: More moments than these are not worth a pass over the data.
MOST_PRODUCTS = 100


@dataclass(frozen=True)
class Term:
    """One term of a sum: ``coefficient * product of powers * moment``.

    Attributes:
        coefficient: exact.
        scalars: nodes of the function, and their powers.
        moment: which moment, or None for the number of samples.
    """

    coefficient: Fraction
    scalars: Powers
    moment: int | None


@dataclass(frozen=True, eq=False)
class Bound:
    """A function that takes moments in place of the data.

    Attributes:
        function: as it was scheduled.
        sums: the terms of each sum over the samples, in topological order.
        work: what a pass over the data costs, in simple operations for each sample.
    """

    function: Function
    sums: dict[int, tuple[Term, ...]]
    work: int

    @property
    def terms(self) -> int:
        """The number of terms of all sums."""
        return sum(map(len, self.sums.values()))


@dataclass(frozen=True)
class Split:
    """What a definition's functions need of the data.

    Attributes:
        columns: what the data are multiplied as: a slot of the data, or the negative number
            ``~k`` for row ``k`` of what ``derived`` returns.
        derived: the function that computes columns which are no data, or None.
        products: the moments; each is the sum of a product of two *factors*, the second a column.
            Factors are counted from 0: first the columns, then the products. A second factor of -1
            is none, so that the moment is the sum of a column.
        functions: those that take moments in place of the data.
        reasons: why others do not.
        arrays: functions in index notation that take moments in place of the data.
    """

    columns: tuple[int, ...] = ()
    derived: Schedule | None = None
    products: tuple[tuple[int, int], ...] = ()
    functions: dict[str, Bound] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    arrays: dict[str, Arrays] = field(default_factory=dict)

    @property
    def squares(self) -> tuple[bool, ...]:
        """Whether the moments are of products of even powers, which are never negative."""
        found: list[bool] = []
        for powers in powers_of(self):
            found.append(all(power % 2 == 0 for power in powers))
        return tuple(found)

    @property
    def work(self) -> int:
        """What the moments cost, in simple operations for each sample."""
        return sum(7 if second < 0 else 12 for _, second in self.products)


def powers_of(split: Split) -> list[tuple[int, ...]]:
    """Return the power of each column in each product."""
    width = len(split.columns)
    found = [tuple(int(k == j) for j in range(width)) for k in range(width)]
    for first, second in split.products:
        powers = list(found[first])
        if second >= 0:
            powers[second] += 1
        found.append(tuple(powers))
    return found[width:]


def split(definition: Definition, schedules: Sequence[Schedule]) -> Split:
    """Return what scheduled functions need of the data, and what they are then.

    Args:
        definition: whose functions they are.
        schedules: the functions; those that cannot do without the data are left out.

    Example:
        >>> import sympy as sp, symcompile as sc
        >>> from symcompile.compiler import plan
        >>> w, x, y = sp.symbols("w x y")
        >>> line = sc.define("line", (w*x - y)**2, params=w, data=(x, y), reduce="sum")
        >>> found = split(line, plan(line, ["value"]))
        >>> found.products, found.functions["value"].terms
        (((0, 0), (0, 1), (1, 1)), 3)
    """
    reason = refused(definition)
    names = [schedule.function.name for schedule in schedules]
    if reason:
        return Split(reasons=dict.fromkeys(names, reason))
    if definition.indexed:
        return _indexed(definition, schedules)
    columns = Columns()
    expansions: dict[str, Expansion] = {}
    reasons: dict[str, str] = {}
    for each in schedules:
        function = each.function
        try:
            expansions[function.name] = Expansion(function, columns)
        except NotPolynomialError as error:
            reasons[function.name] = str(error)
    wanted = {
        powers
        for expansion in expansions.values()
        for polynomial in expansion.sums.values()
        for _, powers in polynomial
        if powers
    }
    bases = sorted({base for powers in wanted for base, _ in powers})
    number = {base: k for k, base in enumerate(bases)}
    products, place = _products(wanted, number)
    if len(products) > MOST_PRODUCTS:
        reason = f"{len(products)} moments are more than {MOST_PRODUCTS}"
        return Split(reasons=dict.fromkeys(names, reason))
    functions = {
        each.function.name: _bound(each, expansions[each.function.name], place)
        for each in schedules
        if each.function.name in expansions
    }
    slots, derived = _columns(columns, bases)
    return Split(slots, derived, products, functions, reasons)


def _indexed(definition: Definition, schedules: Sequence[Schedule]) -> Split:
    """Return what scheduled functions over arrays need of the data, each by itself."""
    found = Split()
    for each in schedules:
        try:
            found.arrays[each.function.name] = arrays_of(definition, each)
        except NotPolynomialError as error:
            found.reasons[each.function.name] = str(error)
    return found


def refused(definition: Definition) -> str:
    """Return why no function of a definition takes moments, or nothing if some may.

    It looks at the formula as it was written, before anything is derived from it.
    """
    if definition.dtype != "float64":
        return f"it computes in {definition.dtype}"
    if definition.indexed:
        return refused_arrays(definition)
    if not definition.data or definition.output.per_sample:
        return "nothing is summed over samples"
    return ""


def _products(
    wanted: Iterable[Powers], number: dict[int, int]
) -> tuple[tuple[tuple[int, int], ...], dict[Powers, int]]:
    """Return the products to sum, each made from an earlier one, and which is which."""
    width = len(number)
    rows: list[tuple[int, int]] = []
    place: dict[tuple[int, ...], int] = {}

    def factor(factors: tuple[int, ...]) -> int:
        """Return the number of a product of at least one column as a factor."""
        return factors[0] if len(factors) == 1 else width + product(factors)

    def product(factors: tuple[int, ...]) -> int:
        if factors not in place:
            *rest, last = factors
            row = (factor(tuple(rest)), last) if rest else (last, -1)
            place[factors] = len(rows)
            rows.append(row)
        return place[factors]

    flat = {
        powers: tuple(sorted(number[base] for base, power in powers for _ in range(power)))
        for powers in wanted
    }
    for factors in sorted(flat.values(), key=lambda f: (len(f), f)):
        product(factors)
    return tuple(rows), {powers: place[factors] for powers, factors in flat.items()}


def _bound(each: Schedule, expansion: Expansion, place: dict[Powers, int]) -> Bound:
    sums = {}
    for index, polynomial in expansion.sums.items():
        terms = [
            Term(coefficient, scalars, place[powers] if powers else None)
            for (scalars, powers), coefficient in polynomial.items()
        ]
        terms.sort(key=lambda t: (t.scalars, -1 if t.moment is None else t.moment))
        sums[index] = tuple(terms)
    return Bound(each.function, sums, _work(each))


def _work(each: Schedule) -> int:
    graph = each.graph
    return sum(
        len(step.sums) + sum(cost(graph[node].op) for node in step.nodes)
        for phase in each.phases
        if isinstance(phase, Sweep)
        for step in phase.steps
        if isinstance(step, Nest)
    )


def _columns(columns: Columns, bases: Sequence[int]) -> tuple[tuple[int, ...], Schedule | None]:
    """Return where each column is found, and the function for those that are no data."""
    graph = columns.graph
    found: list[int] = []
    made: list[int] = []
    for base in bases:
        if graph[base].op == "input":
            found.append(payload(graph[base]).slot)
        else:
            found.append(~len(made))
            made.append(base)
    if not made:
        return tuple(found), None
    output = Output("derived", tuple(made), (len(made),), True)
    assert all(graph[base].axes == (SAMPLES,) for base in made)
    return tuple(found), schedule(Function("derived", graph, (output,)))
