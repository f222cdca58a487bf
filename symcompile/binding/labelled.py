"""Polynomials whose factors have axes: sums over the samples of products of arrays.

A factor is a node with a *label* for each of its axes, as in index notation: labels from 0 on are
the axes of what is multiplied out, negative ones are summed over. A product of two sums over
features has a label for each, so that the sum over the samples moves inside, over the product of
the data alone: ``(sum_j w[j]*X[i,j])**2`` becomes ``w[-1]*w[-2]*X[i,-1]*X[i,-2]``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import permutations

from symcompile.binding.expansion import NotPolynomialError, Powers
from symcompile.ir.graph import REDUCTIONS, Axis, Function, Input, Kind, View
from symcompile.ir.ops import OPS

#: A node and the label of each of its axes.
Factor = tuple[int, tuple[int, ...]]


@dataclass(frozen=True)
class Product:
    """Scalars, arrays that are no data, and data, multiplied.

    Attributes:
        scalars: nodes without axes, and their powers.
        arrays: nodes without the axis of the samples.
        data: nodes that depend on data alone.
    """

    scalars: Powers = ()
    arrays: tuple[Factor, ...] = ()
    data: tuple[Factor, ...] = ()

    @property
    def bound(self) -> int:
        """How many labels are summed over."""
        labels = [label for _, own in (*self.arrays, *self.data) for label in own]
        return max(0, -min(labels, default=0))

    def relabelled(self, labels: Mapping[int, int]) -> Product:
        """Return it with other labels, its factors in order."""
        arrays, data = (
            tuple(sorted((n, tuple(labels.get(k, k) for k in own)) for n, own in factors))
            for factors in (self.arrays, self.data)
        )
        return Product(self.scalars, arrays, data)


Polynomial = Mapping[Product, Fraction]

_ONE = Product()
#: The inputs that are known only at a call.
_LATE = frozenset({"param", "direction", "cotangent"})
_MOST_TERMS = 300
_LARGEST_POWER = 8
#: So many labels are tried in every order.
_MOST_BOUND = 4


@dataclass(frozen=True)
class Summed:
    """A sum over the samples, multiplied out.

    Attributes:
        axis: that of the samples.
        terms: products and their coefficients. In ``data``, the label of the samples is
            ``SAMPLE``; other labels from 0 on are the axes of the sum.
        scale: scalars that are made of other sums, and their powers: a factor of all terms.
    """

    axis: Axis
    terms: Polynomial
    scale: Powers = ()


#: The label of the samples in :class:`Summed`.
SAMPLE = 1000


class LabelledExpansion:
    """The sums over samples of one function, multiplied out.

    Attributes:
        function: the function, with nodes added.
        late: whether a node depends on what is known only at a call.
        sums: by node, each sum that the results are made from.
        atoms: the nodes that are factors and no data.
        columns: the nodes that are factors and depend on data alone.
    """

    def __init__(self, function: Function, samples: frozenset[str | int]) -> None:
        """Multiply out a function.

        Args:
            function: the function.
            samples: the sizes, names or numbers, of what data have and parameters have not.

        Raises:
            NotPolynomialError: says what cannot be multiplied out.
        """
        # Imported here: a warm start runs no pass.
        from symcompile.passes.rewrite import rewrite

        self.function = rewrite(function, lambda *_: None)  # a copy: nodes are added to it
        self.graph = self.function.graph
        self.late: dict[int, bool] = {}
        self._samples = samples
        self._over: dict[int, bool] = {}
        self._polynomials: dict[int, Polynomial] = {}
        for index in range(len(self.graph)):
            self._analyse(index)
        self.sums = self._found_sums()
        products = [product for found in self.sums.values() for product in found.terms]
        scalars = {n for p in products for n, _ in p.scalars}
        self.atoms = sorted(scalars | {n for p in products for n, _ in p.arrays})
        self.columns = sorted({n for p in products for n, _ in p.data})

    def _analyse(self, index: int) -> int:
        """Note whether a node is known late, and whether it is made from samples."""
        node = self.graph[index]
        own = isinstance(node.data, Input) and node.data.role in _LATE
        self.late[index] = own or any(self.late[arg] for arg in node.args)
        over = any(map(self._sampled, node.axes)) or any(self._over[arg] for arg in node.args)
        self._over[index] = over
        return index

    def _sampled(self, axis: Axis) -> bool:
        extent = axis.extent
        return not self._samples.isdisjoint(extent.sizes or (extent.const,))

    def _position(self, index: int) -> int:
        position = self.graph[index].data
        assert isinstance(position, int)
        return position

    def _found_sums(self) -> dict[int, Summed]:
        """Return the sums over the samples that results are computed from."""
        found: dict[int, Summed] = {}
        wanted = set(self.function.roots())
        for index in range(max(wanted, default=-1), -1, -1):
            if index not in wanted:
                continue
            node = self.graph[index]
            if any(map(self._sampled, node.axes)):
                raise NotPolynomialError("it has a value for each sample")
            if any(self._sampled(axis) for arg in node.args for axis in self.graph[arg].axes):
                if node.op == "reduce_sum":
                    found[index] = self._sum(index)
                    wanted.update(n for n, _ in found[index].scale)
                    continue
                if node.op in REDUCTIONS:
                    raise NotPolynomialError("a product or a maximum over the samples")
                if node.op == "view" and self.graph[node.args[0]].op == "input":
                    continue  # a few entries of the data
                raise NotPolynomialError(f"{_called(node.op)} of samples")
            wanted.update(node.args)
        return dict(sorted(found.items()))

    def _sum(self, index: int) -> Summed:
        argument, position = self.graph[index].args[0], self._position(index)
        terms = self._summed(self.polynomial(argument), position)
        scales = {tuple(s for s in product.scalars if self._over[s[0]]) for product in terms}
        if len(scales) > 1:
            raise NotPolynomialError("a sum over samples within another one")
        rest = {
            replace(p, scalars=tuple(s for s in p.scalars if not self._over[s[0]])): coefficient
            for p, coefficient in terms.items()
        }
        scale = scales.pop() if scales else ()
        return Summed(self.graph[argument].axes[position], rest, scale)

    # -- multiplying out -------------------------------------------------------------------

    def polynomial(self, root: int) -> Polynomial:
        """Return a node multiplied out: its own axes are the labels from 0 on."""
        found, pending = self._polynomials, [root]
        while pending:
            index = pending[-1]
            if index in found:
                pending.pop()
                continue
            missing = [arg for arg in self._within(index) if arg not in found]
            if missing:
                pending += missing
                continue
            found[index] = self._node(index)
            if len(found[index]) > _MOST_TERMS:
                raise NotPolynomialError("it has too many terms")
        return found[root]

    def _within(self, index: int) -> tuple[int, ...]:
        """Return the arguments that a node is multiplied out over; none for a factor."""
        node = self.graph[index]
        if not node.axes or node.kind is Kind.COMPLEX:
            return ()
        if self.late[index] and self._over[index]:
            return node.args
        apart = node.op in ("mul", "neg") or self._power(index) > 0
        return (
            node.args
            if self._plain(index) or (apart and all(map(self._separate, node.args)))
            else ()
        )

    def _plain(self, index: int) -> bool:
        """Return whether a node is another one with its axes in another order, or more."""
        node = self.graph[index]
        if not isinstance(node.data, View) or node.op != "view" or node.data.plain is None:
            return False
        source = self.graph[node.args[0]].axes
        return source == tuple(node.axes[axis] for axis in node.data.plain)

    def _power(self, index: int) -> int:
        """Return the exponent of a power that is multiplied out, or 0."""
        node = self.graph[index]
        exponent = self.graph[node.args[1]].data if node.op in ("pow", "powi") else None
        if isinstance(exponent, Fraction) and exponent.denominator == 1:
            return exponent.numerator if 0 < exponent.numerator <= _LARGEST_POWER else 0
        return 0

    def _separate(self, index: int) -> bool:
        """Return whether a node can be a factor: a column, or known without the samples."""
        return bool(self.graph[index].axes) or not self._over[index]

    def _node(self, index: int) -> Polynomial:
        node, found = self.graph[index], self._polynomials
        if node.kind is Kind.COMPLEX:
            raise NotPolynomialError("it has complex numbers")
        if node.op == "const":
            if not isinstance(node.data, Fraction):
                raise NotPolynomialError("it has an infinite constant")
            return {_ONE: node.data} if node.data else {}
        if not self._within(index):
            return {self._factor(index): Fraction(1)}
        args = [found[arg] for arg in node.args]
        if self._plain(index):
            assert isinstance(node.data, View)
            places = dict(enumerate(node.data.plain or ()))
            return {product.relabelled(places): c for product, c in args[0].items()}
        if node.op == "neg":
            return _scaled(args[0], Fraction(-1))
        if node.op == "mul":
            return _product(*args)
        if node.op in ("add", "sub"):
            return _sum(args[0], _scaled(args[1], Fraction(1 if node.op == "add" else -1)))
        if node.op == "div":
            return _product(args[0], self._inverse(node.args[1]))
        if node.op == "reduce_sum":
            return self._reduced(index, args[0])
        power = self._power(index)
        if power:
            result = args[0]
            for _ in range(power - 1):
                result = _product(result, args[0])
            return result
        raise NotPolynomialError(f"{_called(node.op)} of the parameters")

    def _factor(self, index: int) -> Product:
        node = self.graph[index]
        labels = tuple(range(len(node.axes)))
        if any(map(self._sampled, node.axes)):
            return Product(data=((index, labels),))
        if not node.axes:
            return Product(scalars=((index, 1),))
        if self._over[index]:
            raise NotPolynomialError("a sum over samples within another one")
        return Product(arrays=((index, labels),))

    def _inverse(self, index: int) -> Polynomial:
        """Return one over a node."""
        node = self.graph[index]
        if node.op == "const" and isinstance(node.data, Fraction) and node.data:
            return {_ONE: 1 / node.data}
        if node.axes and self._over[index] and not self.late[index]:
            made = self.graph.add("div", (self._analyse(self.graph.constant(1)), index))
            return {self._factor(self._analyse(made)): Fraction(1)}
        if node.axes:
            raise NotPolynomialError("a quotient by the parameters")
        return {Product(scalars=((index, -1),)): Fraction(1)}

    def _reduced(self, index: int, body: Polynomial) -> Polynomial:
        """Return the sum along an axis that is not that of the samples."""
        position = self._position(index)
        axis = self.graph[self.graph[index].args[0]].axes[position]
        size = self._analyse(self.graph.extent(axis))
        found: dict[Product, Fraction] = {}
        for product, coefficient in body.items():
            fresh = -product.bound - 1
            labels = {k: k - 1 for k in range(position + 1, 16)} | {position: fresh}
            made = product.relabelled(labels)
            if made.bound == product.bound:  # it does not vary along that axis
                made = Product(_joined(made.scalars, ((size, 1),)), made.arrays, made.data)
            made = _canonical(made)
            found[made] = found.get(made, Fraction(0)) + coefficient
        return {product: c for product, c in found.items() if c}

    def _summed(self, body: Polynomial, position: int) -> Polynomial:
        """Return the terms of a sum over the samples."""
        found: dict[Product, Fraction] = {}
        labels = {k: k - 1 for k in range(position + 1, 16)} | {position: SAMPLE}
        for product, coefficient in body.items():
            made = _canonical(product.relabelled(labels))
            if any(SAMPLE not in own for _, own in made.data):
                raise NotPolynomialError("a sum over samples within another one")
            found[made] = found.get(made, Fraction(0)) + coefficient
        return {product: c for product, c in found.items() if c}


def _called(op: str) -> str:
    return op if op in OPS else {"view": "an index", "scatter": "a scatter"}.get(op, op)


def _scaled(terms: Polynomial, factor: Fraction) -> Polynomial:
    return {key: factor * value for key, value in terms.items()} if factor != 1 else terms


def _sum(left: Polynomial, right: Polynomial) -> Polynomial:
    found = dict(left)
    for key, value in right.items():
        found[key] = found.get(key, Fraction(0)) + value
    return {key: value for key, value in found.items() if value}


def _product(left: Polynomial, right: Polynomial) -> Polynomial:
    if len(left) * len(right) > 8 * _MOST_TERMS:
        raise NotPolynomialError("it has too many terms")
    found: dict[Product, Fraction] = {}
    for one, a in left.items():
        for another, b in right.items():
            other = another.relabelled({-k: -k - one.bound for k in range(1, another.bound + 1)})
            made = _canonical(
                Product(
                    _joined(one.scalars, other.scalars),
                    (*one.arrays, *other.arrays),
                    (*one.data, *other.data),
                )
            )
            found[made] = found.get(made, Fraction(0)) + a * b
    return {key: value for key, value in found.items() if value}


def _joined(left: Powers, right: Powers) -> Powers:
    powers = dict(left)
    for base, power in right:
        powers[base] = powers.get(base, 0) + power
    return tuple(sorted((base, power) for base, power in powers.items() if power))


def _canonical(product: Product) -> Product:
    """Return a product such that equal ones, up to names of labels that are summed, are equal.

    >>> one = Product((), ((1, (-2,)), (3, (-1,))), ())
    >>> _canonical(one) == _canonical(Product((), ((3, (-2,)), (1, (-1,))), ()))
    True
    """
    count = product.bound
    if count > _MOST_BOUND:
        raise NotPolynomialError("it has too many sums within each other")
    names = range(-count, 0)
    found = [
        product.relabelled(dict(zip(names, order, strict=True))) for order in permutations(names)
    ]
    return min(found, key=lambda p: (p.arrays, p.data))


def order_of(products: Sequence[Product]) -> list[Product]:
    """Return products in an order of their own."""
    return sorted(products, key=lambda p: (p.scalars, p.arrays, p.data))
