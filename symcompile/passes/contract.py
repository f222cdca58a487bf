"""Sums of products in the order that takes the fewest operations.

``(A*B)*w`` becomes ``A*(B*w)``, a flat sum over many indices a chain of matrix products, a sum of
products a sum for each where that leaves indices out. Before differentiation, so that derivatives
are those of the cheap form, and after it, since they are sums of products again.

What nothing else uses is taken apart (:mod:`symcompile.passes.terms`) and put together in the
cheapest order (:mod:`symcompile.passes.order`), for the nominal sizes of
:mod:`symcompile.ir.cost`; what is no cheaper stays as it stands. Equal for real numbers: what is
rounded, and where an intermediate result overflows, depends on the order. A sum ``x + y`` is
pulled apart only where one of the two has an error of its own, so that nothing cancels that did
not before; a square of a difference, whose factors are one node, never is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from symcompile.ir.affine import Affine
from symcompile.ir.build import Builder
from symcompile.ir.cost import nominal_length, nominal_sizes
from symcompile.ir.graph import Axis, Function, Graph, View
from symcompile.passes.order import Order, Step
from symcompile.passes.terms import Factor, Reader, Term

# What was pulled apart may meet what was put together: a few rounds settle it.
_ROUNDS = 4
_MOST_TERMS = 8


def contract(function: Function) -> Function:
    """Return ``function`` with its sums of products in the cheapest order."""
    for _ in range(_ROUNDS):
        # Products of columns and numbers have no other order.
        if not any(len(node.axes) > 1 for node in function.graph):
            return function
        found = _Pass(function).run()
        if found is None:
            return function
        function = found
    return function


@dataclass(frozen=True)
class _Product:
    """A term, and the order of its factors; ``scalars`` are those without labels."""

    term: Term
    factors: tuple[Factor, ...]
    scalars: tuple[Factor, ...]
    step: Step | None
    bits: dict[int, int]


@dataclass(frozen=True)
class _Plan:
    """What a node becomes: a sum of products over some labels."""

    products: tuple[_Product, ...]
    labels: tuple[Axis, ...]


class _Pass:
    def __init__(self, function: Function) -> None:
        self._function = function
        self._graph = function.graph
        self._order = self._graph.ancestors(function.roots())
        self._sizes = nominal_sizes(self._graph, self._order)
        uses = dict.fromkeys(self._order, 0)
        for index in self._order:
            for arg in self._graph[index].args:
                uses[arg] += 1
        for root in function.roots():
            uses[root] += 1
        self._reader = Reader(self._graph, uses, self._sizes)

    def run(self) -> Function | None:
        """Return the function with what can be computed in fewer operations; None if nothing."""
        plans: dict[int, _Plan] = {}
        wanted = set(self._function.roots())
        covered: set[int] = set()
        for index in reversed(self._order):
            if index not in wanted:
                continue
            plan = None
            if index not in covered and self._graph[index].op in ("reduce_sum", "mul", "div"):
                plan = self._plan(index, covered)
            if plan is None:
                wanted.update(self._graph[index].args)
            else:
                plans[index] = plan
                wanted.update(f.node for p in plan.products for f in p.term.factors)
        return self._rebuilt(plans, wanted) if plans else None

    # -- what is cheaper -------------------------------------------------------------------

    def _plan(self, root: int, covered: set[int]) -> _Plan | None:
        reader, axes = self._reader, self._graph[root].axes
        reader.labels = list(axes)
        place = tuple(Affine.of(k, axis=True) for k in range(len(axes)))
        read = reader.read(Factor(root, place, free=True))
        if read is None:
            return None
        if not read.term.summed:
            return None
        result = len(axes)
        first = reader.contracted(read.term, result)
        if first is None:
            return None
        terms, cost = [first], self._cost([first], axes)
        covered.update(read.taken)
        standing = read.cost
        while True:
            better: tuple[int, int, list[Term]] | None = None
            for k, number, term_ in self._sums(terms):
                for found, spent in self._apart(term_, number, result):
                    made = [*terms[:k], *found, *terms[k + 1 :]]
                    if len(made) > _MOST_TERMS:
                        continue
                    saved = cost + spent - self._cost(made, axes)
                    if saved > (0 if better is None else better[0]):
                        better = saved, spent, made
            if better is None:
                break
            _, spent, terms = better
            standing += spent
            cost = self._cost(terms, axes)
        # Nominal sizes cannot tell a hundredth of it, and orders differ in more than their count.
        if cost * 100 > standing * 99:
            return None
        products = tuple(self._product(t) for t in terms)
        return _Plan(products, tuple(reader.labels))

    def _sums(self, terms: list[Term]) -> Iterator[tuple[int, int, Term]]:
        """Yield the factors that are sums of two terms and may be pulled apart."""
        for k, term in enumerate(terms):
            for number, factor in enumerate(term.factors):
                node = self._graph[factor.node]
                if node.op not in ("add", "sub") or factor.below or not node.axes:
                    continue
                tied = [self._reader.has_delta(arg) for arg in node.args]
                safe = any(tied) or any(map(self._reader.rounded, node.args))
                if all(tied) or (factor.free and safe):
                    yield k, number, term

    def _apart(self, term: Term, number: int, result: int) -> Iterator[tuple[list[Term], int]]:
        """Yield the terms that a term with a sum as a factor becomes, and the cost that goes."""
        for deep in (False, True):
            spent = 0
            found: list[Term] = []
            pending = [(term.factors[number], Fraction(1))]
            nested = False
            first = term.factors[number]
            while pending:
                factor, sign = pending.pop()
                node = self._graph[factor.node]
                is_sum = node.op in ("add", "sub")
                if factor is first or (is_sum and factor.free and deep):
                    spent += self._reader.points_of(factor)
                    parts = [self._reader.argument(factor, arg) for arg in node.args]
                    signs = (sign, -sign if node.op == "sub" else sign)
                    pending += reversed(list(zip(parts, signs, strict=True)))
                    continue
                nested |= is_sum and factor.free
                read = self._reader.read(factor)
                if read is None:
                    break
                inner = read.term
                spent += read.cost
                whole = replace(
                    term,
                    factors=term.factors[:number] + inner.factors + term.factors[number + 1 :],
                    summed=term.summed + inner.summed,
                    coefficient=term.coefficient * inner.coefficient * sign,
                )
                made = self._reader.contracted(whole, result)
                if made is not None:
                    found.append(made)
            else:
                yield found, spent
            if not nested:
                return

    def _cost(self, terms: list[Term], axes: tuple[Axis, ...]) -> int:
        """Return what a sum of terms costs; those with the same deltas are added first."""
        groups: dict[tuple[Affine, ...], list[Term]] = {}
        for term in terms:
            groups.setdefault(term.deltas, []).append(term)
        total = 0
        result = set(range(len(axes)))
        for deltas, group in groups.items():
            labels: set[int] = set()
            for term in group:
                labels |= term.labels & result
                step = self._product(term).step
                total += 0 if step is None else step.cost
            total += (len(group) - 1) * self._points(labels)
            tied = {label for delta in deltas for label in delta.axes}
            total += len(deltas) * self._points(labels | tied)
        return total + max(len(groups) - 1, 0) * self._points(result)

    def _points(self, labels: set[int]) -> int:
        result = 1
        for label in labels:
            result *= nominal_length(self._reader.labels[label], self._sizes)
        return result if labels else 0

    def _product(self, term: Term) -> _Product:
        factors = tuple(f for f in term.factors if f.labels)
        scalars = tuple(f for f in term.factors if not f.labels)
        labels = sorted(term.labels)
        bits = {label: 1 << k for k, label in enumerate(labels)}
        sizes = {
            bit: nominal_length(self._reader.labels[label], self._sizes)
            for label, bit in bits.items()
        }
        masks = [sum(bits[label] for label in f.labels) for f in factors]
        below = [f.below for f in factors]
        number = _is_scaled(term, scalars)
        if number is not None:
            masks.append(0)
            below.append(number)
        result = sum(bits[label] for label in labels if label not in term.summed)
        step = Order(masks, below, result, sizes).best() if masks else None
        return _Product(term, factors, scalars, step, bits)

    # -- making it -------------------------------------------------------------------------

    def _rebuilt(self, plans: dict[int, _Plan], wanted: set[int]) -> Function:
        b = Builder()
        mapping: dict[int, int] = {}
        for index in self._order:
            if index not in wanted:
                continue
            plan = plans.get(index)
            if plan is None:
                made = b.copy_node(self._graph, index, mapping)
            else:
                axes = self._graph[index].axes
                made = _Maker(b, self._graph, mapping, plan, self._sizes).whole(axes)
            mapping[index] = made
            label = self._graph.labels.get(index)
            if label is not None and b.graph[made].args:
                b.graph.labels.setdefault(made, label)
        outputs = tuple(
            replace(output, entries=tuple(mapping[entry] for entry in output.entries))
            for output in self._function.outputs
        )
        return replace(self._function, graph=b.graph, outputs=outputs)


def _is_scaled(term: Term, scalars: tuple[Factor, ...]) -> bool | None:
    """Return None of a product without numbers, else whether they only divide it."""
    if abs(term.coefficient) == 1 and not term.extents:
        return all(f.below for f in scalars) if scalars else None
    return False


#: A node, and the labels of its axes. It may have no axes, and be the same everywhere.
_Made = tuple[int, tuple[int, ...]]


class _Maker:
    """Makes the nodes of one plan."""

    def __init__(
        self,
        b: Builder,
        source: Graph,
        mapping: dict[int, int],
        plan: _Plan,
        sizes: dict[str, int],
    ) -> None:
        self._b = b
        self._source = source
        self._mapping = mapping
        self._plan = plan
        self._sizes = sizes

    def whole(self, axes: tuple[Axis, ...]) -> int:
        """Return the node over ``axes``, whose labels are their positions."""
        groups: dict[tuple[Affine, ...], list[_Made]] = {}
        for product in self._plan.products:
            groups.setdefault(product.term.deltas, []).append(self._term(product))
        total: int | None = None
        for deltas, parts in groups.items():
            labels = tuple(sorted({label for _, own in parts for label in own}))
            found: int | None = None
            for part in parts:
                lifted = self._over(part, labels)
                found = lifted if found is None else self._b.call("add", found, lifted)
            assert found is not None
            found = self._b.broadcast(found, labels, axes)
            for delta in deltas:
                found = self._b.call("mul", self._b.delta(delta, axes), found)
            total = found if total is None else self._b.call("add", total, found)
        return self._b.constant(0) if total is None else total

    def _axes(self, labels: tuple[int, ...]) -> tuple[Axis, ...]:
        return tuple(self._plan.labels[label] for label in labels)

    def _over(self, made: _Made, labels: tuple[int, ...]) -> int:
        node, own = made
        return self._b.broadcast(node, [labels.index(label) for label in own], self._axes(labels))

    def _term(self, product: _Product) -> _Made:
        negative = product.term.coefficient == -1
        if product.step is None:
            return self._b.constant(-1 if negative else 1), ()
        node, labels = self._step(product, product.step)
        if product.step.below:
            node = self._b.call("div", self._b.constant(1), node)
        return self._b.call("neg", node) if negative else node, labels

    def _step(self, product: _Product, step: Step) -> _Made:
        if step.parts is None:
            assert step.factor is not None
            node, labels = self._factor(product, step.factor)
            below = step.factor < len(product.factors) and product.factors[step.factor].below
        else:
            left, right = (self._step(product, part) for part in step.parts)
            main, other = sorted((left, right), key=lambda m: (-len(m[1]), m[0]))
            labels = main[1] + tuple(label for label in other[1] if label not in main[1])
            a, c = self._over(left, labels), self._over(right, labels)
            first, second = (part.below for part in step.parts)
            if first != second:
                node = self._b.call("div", c, a) if first else self._b.call("div", a, c)
            else:
                node = self._b.call("mul", a, c)
            below = first and second
        if below and not step.below:
            node = self._b.call("div", self._b.constant(1), node)
        return self._summed(node, labels, [k for k in labels if product.bits[k] & step.summed])

    def _summed(self, node: int, labels: tuple[int, ...], summed: list[int]) -> _Made:
        for label in sorted(summed, key=lambda k: (self._length(k), -k)):
            at = labels.index(label)
            node = self._b.reduce("reduce_sum", node, at, self._plan.labels[label])
            labels = labels[:at] + labels[at + 1 :]
        return node, labels

    def _length(self, label: int) -> int:
        return nominal_length(self._plan.labels[label], self._sizes)

    def _factor(self, product: _Product, number: int) -> _Made:
        if number == len(product.factors):
            return self._number(product), ()
        factor = product.factors[number]
        labels = factor.labels
        # In the order of its axes, so that equal products are one.
        labels = tuple(dict.fromkeys(k for index in factor.place for k in index.axes))
        place = {label: Affine.of(k, axis=True) for k, label in enumerate(labels)}
        index = tuple(i.substitute(place) for i in factor.place)  # type: ignore[arg-type]
        return self._b.view(self._mapping[factor.node], View(index), self._axes(labels)), labels

    def _number(self, product: _Product) -> int:
        """Return the product of what has no labels."""
        b, term = self._b, product.term
        top: int | None = None
        bottom: int | None = None
        if abs(term.coefficient) != 1:
            top = b.constant(term.coefficient)
        for extent in term.extents:
            size = b.size(extent)
            top = size if top is None else b.call("mul", top, size)
        for factor in product.scalars:
            node = b.view(self._mapping[factor.node], View(factor.place), ())
            if factor.below:
                bottom = node if bottom is None else b.call("mul", bottom, node)
            else:
                top = node if top is None else b.call("mul", top, node)
        if top is None:
            assert bottom is not None
            return bottom
        return top if bottom is None else b.call("div", top, bottom)
