"""Moments with axes: what a function over arrays needs of the data.

A moment is a sum over the samples of a product of columns and arrays of data. Its axes are those
that the arrays have beside that of the samples: none for ``sum_i y[i]**2``, two for a Gram matrix
``sum_i X[i,j]*X[i,k]``. What a function adds are contractions of moments with arrays of parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from symcompile.binding.expansion import NotPolynomialError, Powers
from symcompile.binding.labelled import (
    SAMPLE,
    Factor,
    LabelledExpansion,
    Product,
    Summed,
    order_of,
)
from symcompile.frontend.definition import Definition
from symcompile.ir.affine import Affine
from symcompile.ir.build import Builder
from symcompile.ir.graph import BODY_OPS, Axes, Axis, Function, Graph, Input, Output, payload
from symcompile.ir.printer import format_function
from symcompile.ir.volume import ZERO, Volume
from symcompile.planning import Schedule, Sweep, work


@dataclass(frozen=True)
class Moment:
    """A sum over the samples of a product of data.

    Attributes:
        samples: the axis of the samples.
        factors: columns by their number, and the labels of their axes; ``SAMPLE`` is that of
            the samples.
        axes: the axis that each label is: those that the moment has, then those summed over.
        rank: how many it has.
    """

    samples: Axis
    factors: tuple[Factor, ...]
    axes: Axes
    rank: int


@dataclass(frozen=True)
class Atom:
    """A factor that is no data.

    Attributes:
        axes: its axes.
        taken: the parameter or direction that it is, or None.
        late: whether it depends on what is known late.
    """

    axes: Axes
    taken: Input | None
    late: bool


@dataclass(frozen=True)
class Contracted:
    """One term of a sum: scalars, arrays and a moment, multiplied and summed over labels.

    Attributes:
        coefficient: exact.
        scalars: atoms without axes by their number, and their powers.
        arrays: atoms with axes, and the labels of these.
        moment: which moment, or None for the number of samples.
        labels: those of the moment's axes.
        bound: the axes of the labels -1, -2, ..., which are summed over.
    """

    coefficient: Fraction
    scalars: Powers
    arrays: tuple[Factor, ...]
    moment: int | None
    labels: tuple[int, ...]
    bound: Axes

    @property
    def degree(self) -> int:
        """How many scalars and arrays are multiplied."""
        return sum(abs(power) for _, power in self.scalars) + len(self.arrays)


@dataclass(frozen=True)
class ArraySum:
    """A sum over the samples as contractions: its axes, those of the samples, and the terms."""

    axes: Axes
    samples: Axis
    terms: tuple[Contracted, ...]


@dataclass(frozen=True, eq=False)
class Arrays:
    """A function over arrays that takes moments in place of the data.

    Attributes:
        columns: a function of the data whose outputs are the factors of moments, samples first.
        plain: for each of these the slot of the data that it is, or -1.
        moments: the moments.
        atoms: the other factors.
        known: a function whose outputs are those that do not depend on what is known late.
        computed: one for those that do, and are no parameter.
        sums: the sums.
        rest: a function of the sums, as data that follow the others, to what is wanted.
        work: what a pass over the data costs, in simple operations.
    """

    columns: Function
    plain: tuple[int, ...]
    moments: tuple[Moment, ...]
    atoms: tuple[Atom, ...]
    known: Function
    computed: Function
    sums: tuple[ArraySum, ...]
    rest: Function
    work: Volume

    @property
    def degree(self) -> int:
        """The highest degree of a term."""
        return max((term.degree for found in self.sums for term in found.terms), default=0)


def arrays_of(definition: Definition, schedule: Schedule) -> Arrays:
    """Return a scheduled function of arrays as one of moments.

    Raises:
        NotPolynomialError: says what it needs the data for.

    Example:
        >>> import sympy as sp, symcompile as sc
        >>> from symcompile.compiler import plan
        >>> n, m = sp.symbols("n m", integer=True)
        >>> X, w = sp.MatrixSymbol("X", n, m), sp.MatrixSymbol("w", m, 1)
        >>> loss = sc.define("loss", (X*w).T*(X*w), params=w, data=X)
        >>> found = arrays_of(loss, plan(loss, ["value"])[0])
        >>> [(len(moment.factors), moment.rank) for moment in found.moments]
        [(2, 2)]
    """
    samples = _sizes(definition.data_shapes) - _sizes(definition.param_shapes)
    expansion = LabelledExpansion(schedule.function, samples)
    if not expansion.sums:
        raise NotPolynomialError("nothing is summed over samples")
    graph = expansion.graph
    if any(graph[k].op in BODY_OPS for k in graph.ancestors(expansion.function.roots())):
        raise NotPolynomialError("it has sums or integrals with limits of their own")
    # What has no axes beside the samples comes first: weights are multiplied in first.
    columns = sorted(
        expansion.columns,
        key=lambda k: (len(graph[k].axes), _slot(graph, k) < 0, _slot(graph, k), k),
    )
    column = {node: k for k, node in enumerate(columns)}
    atom = {node: k for k, node in enumerate(expansion.atoms)}
    moments: dict[Moment, int] = {}
    sums = tuple(
        _sum(graph, node, found, column, atom, moments) for node, found in expansion.sums.items()
    )
    for k in range(len(column)):
        own = [labels.index(SAMPLE) for m in moments for c, labels in m.factors if c == k]
        if len(set(own)) > 1:
            raise NotPolynomialError("a sum over samples within another one")
    order = sorted(moments, key=lambda moment: (moment.rank, moment.factors))
    place = {moments[moment]: k for k, moment in enumerate(order)}
    atoms = tuple(
        Atom(graph[node].axes, _taken(graph, node), expansion.late[node]) for node in atom
    )
    return Arrays(
        columns=_outputs("columns", graph, columns, "derived"),
        plain=tuple(_slot(graph, node) for node in column),
        moments=tuple(order),
        atoms=atoms,
        known=_outputs("known", graph, [n for n, k in atom.items() if not atoms[k].late]),
        computed=_outputs(
            "computed",
            graph,
            [n for n, k in atom.items() if atoms[k].late and atoms[k].taken is None],
        ),
        sums=tuple(_renumbered(found, place) for found in sums),
        rest=_rest(expansion.function, expansion.sums, len(definition.data)),
        work=sum((work(schedule, p) for p in schedule.phases if isinstance(p, Sweep)), ZERO),
    )


def refused_arrays(definition: Definition) -> str:
    """Return why no function over arrays takes moments, or nothing if some may."""
    value = Function("value", definition.ir, (definition.output,))
    samples = _sizes(definition.data_shapes) - _sizes(definition.param_shapes)
    try:
        found = LabelledExpansion(value, samples)
    except NotPolynomialError as error:
        return str(error)
    return "" if found.sums else "nothing is summed over samples"


def _sizes(shapes: tuple[tuple[Affine, ...], ...]) -> frozenset[str | int]:
    extents = [extent for shape in shapes for extent in shape]
    return frozenset(s for e in extents for s in (e.sizes or (e.const,)))


def _renumbered(found: ArraySum, place: Mapping[int, int]) -> ArraySum:
    """Return a sum whose moments have other numbers."""
    terms = [
        term if term.moment is None else replace(term, moment=place[term.moment])
        for term in found.terms
    ]
    return replace(found, terms=tuple(terms))


def _outputs(name: str, graph: Graph, nodes: list[int], called: str = "") -> Function:
    """Return a function whose outputs are some nodes."""
    outputs = [_output(f"{called or name}{k}", graph, node) for k, node in enumerate(nodes)]
    return Function(name, graph, tuple(outputs))


def _output(name: str, graph: Graph, node: int) -> Output:
    axes = graph[node].axes
    shape = tuple(axis.extent for axis in axes)
    return Output(name, (node,), shape, False, tuple(((axis,),) for axis in axes))


def _slot(graph: Graph, node: int) -> int:
    """Return the slot of the data that a node is, or -1."""
    return payload(graph[node]).slot if graph[node].op == "input" else -1


def _taken(graph: Graph, node: int) -> Input | None:
    """Return the parameter or direction that a node is."""
    found = graph[node].data
    return found if isinstance(found, Input) and found.role in ("param", "direction") else None


def _sum(
    graph: Graph,
    node: int,
    found: Summed,
    column: Mapping[int, int],
    atom: Mapping[int, int],
    moments: dict[Moment, int],
) -> ArraySum:
    axes = graph[node].axes
    terms = []
    for product in order_of(list(found.terms)):
        extents = _extents(graph, product)
        coefficient = found.terms[product]
        scalars = tuple((atom[n], power) for n, power in product.scalars)
        arrays = tuple((atom[n], labels) for n, labels in product.arrays)
        moment, labels = _moment(found.axis, product, extents, column, len(axes))
        number = moments.setdefault(moment, len(moments)) if moment is not None else None
        bound = {label for _, own in arrays for label in own if label < 0}
        order = sorted(bound, reverse=True)
        new = {label: -1 - k for k, label in enumerate(order)}
        terms.append(
            Contracted(
                coefficient,
                scalars,
                tuple((n, tuple(new.get(k, k) for k in own)) for n, own in arrays),
                number,
                tuple(new.get(k, k) for k in labels),
                tuple(extents[label] for label in order),
            )
        )
    return ArraySum(axes, found.axis, tuple(terms))


def _extents(graph: Graph, product: Product) -> dict[int, Axis]:
    """Return the axis that each label is."""
    return {
        label: axis
        for node, labels in (*product.arrays, *product.data)
        for label, axis in zip(labels, graph[node].axes, strict=True)
    }


def _moment(
    samples: Axis,
    product: Product,
    extents: Mapping[int, Axis],
    column: Mapping[int, int],
    rank: int,
) -> tuple[Moment | None, tuple[int, ...]]:
    """Return the moment of a term, and the labels of its axes."""
    if not product.data:
        return None, ()
    outside = {label for _, own in product.arrays for label in own} | set(range(rank))
    factors = sorted((column[n], own) for n, own in product.data)
    labels = list(dict.fromkeys(k for _, own in factors for k in own if k != SAMPLE))
    kept = [label for label in labels if label in outside]
    order = kept + [label for label in labels if label not in outside]
    new = {label: k for k, label in enumerate(order)} | {SAMPLE: SAMPLE}
    moment = Moment(
        samples,
        tuple((k, tuple(new[label] for label in own)) for k, own in factors),
        tuple(extents[label] for label in order),
        len(kept),
    )
    return moment, tuple(kept)


def _rest(function: Function, sums: Mapping[int, Summed], data: int) -> Function:
    """Return a function of its sums, as data that follow the others."""
    b = Builder()
    graph = function.graph
    slots = {node: data + k for k, node in enumerate(sums)}
    wanted = set(function.roots())
    for index in range(max(wanted, default=-1), -1, -1):
        if index in wanted:
            scale = sums[index].scale if index in sums else ()
            wanted.update([n for n, _ in scale] if index in sums else graph[index].args)
    mapping: dict[int, int] = {}
    for index in sorted(wanted):
        if index not in sums:
            mapping[index] = b.copy_node(graph, index, mapping)
            continue
        made = b.graph.input("data", slots[index], graph[index].axes)
        for scalar, power in sums[index].scale:
            for _ in range(abs(power)):
                made = b.call("mul" if power > 0 else "div", made, mapping[scalar])
        mapping[index] = made
    outputs = tuple(
        Output(o.name, tuple(mapping[e] for e in o.entries), o.shape, o.per_sample, o.dims, o.kind)
        for o in function.outputs
    )
    return Function(function.name, b.graph, outputs)


def describe_arrays(found: Arrays, names: Mapping[Input, str]) -> Iterator[str]:
    """Yield the columns and moments of a function, as formulas in index notation."""
    graph, outputs = found.columns.graph, found.columns.outputs
    texts = [
        names[Input("data", slot)] if slot >= 0 else output.name
        for slot, output in zip(found.plain, outputs, strict=True)
    ]
    made = tuple(o for slot, o in zip(found.plain, outputs, strict=True) if slot < 0)
    if made:
        yield from format_function(Function("columns", graph, made), names, {}).splitlines()[1:]
    for number, moment in enumerate(found.moments):
        letters = [chr(ord("j") + k) for k in range(len(moment.axes))]
        factors = []
        for k, own in moment.factors:
            inner = ", ".join("i" if label == SAMPLE else letters[label] for label in own)
            factors.append(f"{texts[k]}[{inner}]")
        over = ", ".join(["i", *letters[moment.rank :]])
        shown = f"[{', '.join(letters[: moment.rank])}]" if moment.rank else ""
        yield f"  m{number}{shown} = sum over {over} of {'*'.join(factors)}"
