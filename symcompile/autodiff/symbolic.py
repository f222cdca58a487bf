"""The gradient as SymPy, the way a textbook would print it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, overload

import sympy as sp

from symcompile.autodiff.bodies import take_derivatives
from symcompile.autodiff.derive import derive
from symcompile.autodiff.forward import forward
from symcompile.errors import UnsupportedFunctionError
from symcompile.frontend.definition import squeezed
from symcompile.frontend.raised_ops import Element, float_values, index_symbol, raise_number
from symcompile.frontend.raiser import SMALL, raise_nodes
from symcompile.frontend.symbols import Symbols, walk
from symcompile.ir.build import Builder
from symcompile.ir.graph import Function, Graph, Input, Output, tree_count
from symcompile.ir.polynomial import Polynomial, polynomials

if TYPE_CHECKING:
    from symcompile.frontend.definition import Definition

# Longer expressions than in a header: whoever asks for the gradient wants to see it.
_PIECE = 200
# Of more intermediates than twice this, the first and the last are printed.
_HALF = 50

# Arguments that are whole numbers by their nature, whatever else has that value.
_WHOLE = {("powi", 1), ("polygamma", 0)}


@dataclass(frozen=True)
class SymbolicGradient(Sequence[Any]):
    """Derivatives as SymPy expressions: a sequence, one for each parameter.

    Of an array parameter it is the derivative in one entry, with free indices: with ``d`` the
    position of ``w`` among the parameters, ``gradient[d]`` is the derivative in
    ``gradient.targets[d]``, which is ``w[j]`` where ``gradient.indices[d]`` is ``(j,)``. Indices
    are symbols that start at 0; substitute numbers for them to get an entry.

    Attributes:
        params: the parameters, in order.
        intermediates: ``(symbol, expression)``, each using only those before it; empty where
            the gradient is short. One that is an array is an element, in its free indices.
        results: the derivatives in terms of parameters, data and intermediates.
        indices: the free indices of each result; ``()`` for the derivative in a number.
        targets: what each result is the derivative in: a parameter or an entry of one.
    """

    params: tuple[Any, ...]
    intermediates: tuple[tuple[Any, Any], ...]
    results: tuple[Any, ...]
    indices: tuple[tuple[sp.Symbol, ...], ...] = ()
    targets: tuple[Any, ...] = ()

    def __len__(self) -> int:
        return len(self.results)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Any, ...]: ...
    def __getitem__(self, index: int | slice) -> Any:
        return self.results[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.results)

    def __str__(self) -> str:
        lines = self._shown(lambda symbol, expr: f"{symbol} = {expr}", "...")
        return "\n".join([*lines, *self.lines()])

    __repr__ = __str__

    def _shown(self, line: Callable[[Any, Any], str], gap: str) -> list[str]:
        """Return a line for each intermediate, the middle of a long list left out."""
        pairs = self.intermediates
        if len(pairs) <= 2 * _HALF:
            return [line(*pair) for pair in pairs]
        first = [line(*pair) for pair in pairs[:_HALF]]
        return [*first, gap, *[line(*pair) for pair in pairs[-_HALF:]]]

    def lines(self) -> list[str]:
        """Return the results as text: a line for each parameter where any is an array."""
        if not any(self.indices):
            return [str(list(self.results))]
        pairs = zip(self.targets, self.results, strict=True)
        return [f"d/d{target} = {result}" for target, result in pairs]

    def _repr_latex_(self) -> str:
        if any(self.indices):
            return self._latex_lines()
        result = sp.latex(list(self.results))
        if not self.intermediates:
            return f"$\\displaystyle {result}$"
        lines = self._shown(lambda s, e: f"{sp.latex(s)} &= {sp.latex(e)}", r"&\;\;\vdots")
        body = " \\\\\n".join([*lines, f"\\nabla &= {result}"])
        return f"$\\displaystyle \\begin{{aligned}}\n{body}\n\\end{{aligned}}$"

    def _latex_lines(self) -> str:
        lines = self._shown(lambda s, e: f"{sp.latex(s)} &= {sp.latex(e)}", r"&\;\;\vdots")
        for target, result in zip(self.targets, self.results, strict=True):
            left = rf"\frac{{\partial}}{{\partial {sp.latex(target)}}}"
            lines.append(f"{left} &= {sp.latex(result)}")
        body = " \\\\\n".join(lines)
        return f"$\\displaystyle \\begin{{aligned}}\n{body}\n\\end{{aligned}}$"


def symbolic_gradient(definition: Definition) -> SymbolicGradient:
    """Return the gradient of a scalar definition as SymPy expressions.

    A short formula prints as SymPy's own ``diff`` would; a long one has named intermediates. A
    long sum that is a polynomial of few terms is multiplied out. Reductions over data are sums
    over ``x[i]``. In index notation an array parameter has one expression, with free indices.

    Raises:
        UnsupportedFunctionError: the output is not one number.

    Example:
        >>> from symcompile.frontend.definition import define
        >>> x, y = sp.symbols("x y")
        >>> symbolic_gradient(define("z", x**2 + x*sp.cos(y), params=(x, y)))
        [2*x + cos(y), -x*sin(y)]
    """
    if not definition.scalar:
        remedy = "sum over all indices" if definition.indexed else 'use reduce="mean" or "sum"'
        raise UnsupportedFunctionError(
            f"{definition.name} has no gradient, its value is not one number: {remedy}, or "
            "differentiate one output at a time"
        )
    copy = _Copy(definition)
    graph, root = copy.b.graph, copy.root
    symbols = Symbols(definition, own=True)
    shapes = definition.param_shapes
    axes = [squeezed(shape) for shape in shapes]
    params = [graph.input("param", k, found) for k, found in enumerate(axes)]
    small = not definition.indexed and tree_count(graph, [root]) <= SMALL
    if small:  # forward mode follows the formula as the rules of calculus by hand do
        one, zero = copy.b.constant(1), copy.b.constant(0)
        found = [forward(copy.b, [root], {param: one})[0] for param in params]
        grad = [zero if node is None else node for node in found]
    else:
        output = Output("value", (root,), (), False)
        (function,) = derive(graph, output, axes, ["grad"], textbook=True)
        grad = function.roots()
    leaves = dict(symbols.leaves)
    names = definition.source_params or tuple(
        _whole(leaves[Input("param", k)]) for k in range(len(axes))
    )
    if not small and not definition.indexed:
        constants = [graph.input("constant", k) for k in range(len(definition.constants))]
        values = {graph.input("constant", slot): c for slot, c in copy.floats.items()}
        found_terms = polynomials(graph, grad, [*params, *constants], values)
        if found_terms is not None:
            inexact = bool(copy.floats)
            results = tuple(_multiplied_out(graph, t, leaves, inexact) for t in found_terms)
            return SymbolicGradient(names, (), results, ((),) * len(names), names)
    for slot, value in copy.floats.items():
        leaves[Input("constant", slot)] = raise_number(value, inexact=True)
    grad = _textbook(copy.b, grad)
    raised = raise_nodes(
        graph,
        grad,
        leaves,
        letters=symbols.letters,
        sizes=symbols.sizes,
        floats=(),
        piece=_PIECE,
        factored=definition.indexed,
    )
    indices = tuple(tuple(map(index_symbol, symbols.letters.distinct(found))) for found in axes)
    targets = tuple(_entry(leaves[Input("param", k)], free) for k, free in enumerate(indices))
    return SymbolicGradient(names, raised.intermediates, raised.results, indices, targets)


def _whole(leaf: Any) -> Any:
    return leaf.base if isinstance(leaf, Element) else leaf


def _entry(leaf: Any, indices: Sequence[sp.Symbol]) -> Any:
    return leaf.at(indices) if isinstance(leaf, Element) else leaf


def _multiplied_out(
    graph: Graph, terms: Polynomial, leaves: Mapping[Input, Any], inexact: bool
) -> Any:
    """Return a polynomial; one inexact coefficient makes it one over the reals, as in SymPy."""
    parts = []
    for monomial, coefficient in terms.items():
        factors = [leaves[graph[node].data] ** k for node, k in monomial]  # type: ignore[index]
        number = sp.Float(raise_number(coefficient)) if inexact else raise_number(coefficient)
        parts.append(sp.Mul(number, *factors))
    return sp.Add(*parts)


class _Copy:
    """A definition's formula in a graph of its own, with floats as inputs.

    Floats become constants with slots beyond the definition's own, so that the algebra of the
    IR, which is exact, does not fold ``0.5*2`` into 1 where SymPy says 1.0.
    """

    def __init__(self, definition: Definition) -> None:
        self.b = Builder()
        self.b.textbook = True
        self.floats: dict[int, Fraction] = {}
        value = Function("value", definition.ir, (definition.output,))
        taken = take_derivatives(value)
        source, (entry,) = taken.graph, taken.roots()
        order = source.ancestors([entry])
        written = _written_numbers(definition.source)
        values = (float_values(source, order) | written[0]) - written[1]
        first = len(definition.constants)
        slots = {value: first + k for k, value in enumerate(sorted(values))}
        mapping: dict[int, int] = {}
        placeholders: dict[int, int] = {}

        def placeholder(node: int) -> int | None:
            value = source[node].data
            if not isinstance(value, Fraction) or value not in slots:
                return None
            if node not in placeholders:
                self.floats[slots[value]] = value
                placeholders[node] = self.b.graph.input("constant", slots[value])
            return placeholders[node]

        for index in order:
            node = source[index]
            swapped = {
                arg: held
                for position, arg in enumerate(node.args)
                if (node.op, position) not in _WHOLE and (held := placeholder(arg)) is not None
            }
            view = {arg: swapped.get(arg, mapping[arg]) for arg in node.args}
            mapping[index] = self.b.copy_node(source, index, view)
            label = source.labels.get(index)
            if label is not None and self.b.graph[mapping[index]].args:
                self.b.graph.labels.setdefault(mapping[index], label)
        held = placeholder(entry)
        self.root = mapping[entry] if held is None else held


def _written_numbers(
    source: Sequence[Any] | None,
) -> tuple[frozenset[Fraction], frozenset[Fraction]]:
    """Return the values written as floats, and those written as rational numbers."""
    floats: set[Fraction] = set()
    rationals: set[Fraction] = set()
    for expr, exponent in walk(source):
        if not getattr(expr, "is_Number", False) or not expr.is_finite:
            continue
        if expr.is_Float:
            exact = sp.Rational(expr)
            floats.add(Fraction(int(exact.p), int(exact.q)))
        elif not exponent:
            rationals.add(Fraction(int(expr.p), int(expr.q)))
    return frozenset(floats), frozenset(rationals)


def _textbook(b: Builder, roots: Sequence[int]) -> list[int]:
    """Return roots without the guards that floating point needs and calculus does not.

    The derivative of ``x**y`` in ``y`` is ``x**y*log(x)``; its limit 0 at ``x = 0 < y`` is
    selected for the machine, where the product would be ``0*(-inf)``.
    """
    graph = b.graph
    mapping: dict[int, int] = {}
    for index in graph.ancestors(roots):
        node = graph[index]
        if any(mapping[arg] != arg for arg in node.args):
            mapping[index] = b.copy_node(graph, index, mapping)
        else:
            mapping[index] = index
        bare = _without_guard(graph, mapping[index])
        if bare is not None:
            mapping[index] = bare
    return [mapping[root] for root in roots]


def _without_guard(graph: Graph, index: int) -> int | None:
    node = graph[index]
    if node.op != "select" or graph[node.args[0]].op != "eq" or graph[node.args[1]].data != 0:
        return None
    base, zero = graph[node.args[0]].args
    if graph[zero].data != 0:
        return None
    factors, stack = [], [node.args[2]]
    while stack:
        found = graph[stack.pop()]
        factors.append((found.op, found.args[:1]))
        if found.op in ("mul", "neg"):
            stack.extend(found.args)
    guarded = ("log", (base,)) in factors and ("pow", (base,)) in factors
    return node.args[2] if guarded else None
