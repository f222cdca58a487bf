"""``define``: the pure description of what is to be compiled."""

from __future__ import annotations

import hashlib
import keyword
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import sympy as sp

from symcompile.errors import DefinitionError
from symcompile.frontend.complexes import leaves_reals
from symcompile.frontend.linear import Derived
from symcompile.frontend.lowering import Lowering
from symcompile.frontend.notation import in_indices
from symcompile.frontend.outputs import split, spread
from symcompile.frontend.plan import NeedsIndicesError
from symcompile.frontend.roles import (
    Required,
    Shape,
    Symbol,
    Whole,
    is_array,
    name_of,
    squeezed,
    symbols_of,
)
from symcompile.ir.dtypes import DTYPES, DType, input_kind
from symcompile.ir.graph import SAMPLES, Graph, Kind, Output, Role
from symcompile.ir.parts import output_kind, splits

__all__ = [
    "ConstantsLike",
    "DType",
    "Definition",
    "Derived",
    "Reduce",
    "Required",
    "Shape",
    "SymbolsLike",
    "Whole",
    "define",
    "squeezed",
]

if TYPE_CHECKING:
    from symcompile.autodiff.symbolic import SymbolicGradient
    from symcompile.drawing import GraphPicture
    from symcompile.options import GraphStage

Reduce = Literal["mean", "sum"] | None
SymbolsLike: TypeAlias = Symbol | Iterable[Symbol]
ConstantsLike: TypeAlias = SymbolsLike | Mapping[sp.Symbol, float | None]


@dataclass(frozen=True, eq=False)
class Definition:
    """A function to compile: its formula in the IR, and the roles of its symbols.

    Made by :func:`define`. Compared, hashed and pickled through the IR, never through SymPy.

    Attributes:
        name: a Python identifier; it names files and functions.
        params: names of the parameters, in the order in which they are packed.
        data: names of the data columns, in call order.
        constants: name and default (or None) of each keyword constant.
        reduce: ``"mean"``, ``"sum"`` or None.
        ir: the formula, as first lowered.
        output: what ``value`` returns.
        keys: the keys of a dict of outputs, else empty.
        source: the SymPy expressions it was made from, or None once unpickled.
        param_shapes: the declared shape of each parameter; ``()`` is a number. They are packed
            row-major, one after the other. The axes of its input node are ``squeezed(shape)``.
        data_shapes: the same for the data; one dimension, the samples, for data columns.
        sizes: the names of all sizes that occur, derived ones last; those that no array fixes
            are constants of the same name as well, which have no input node then.
        derived: sizes that follow from others.
        wholes: data that is used as an index.
        required: what the sizes must satisfy.
        indexed: whether it is in index or matrix notation, not a formula per sample.
        dtype: what it computes with: ``"float64"``, ``"float32"`` or ``"complex128"``.
        stable: whether numerically stable forms take the place of unstable ones.
    """

    name: str
    params: tuple[str, ...]
    data: tuple[str, ...]
    constants: tuple[tuple[str, float | None], ...]
    reduce: Reduce
    ir: Graph
    output: Output
    keys: tuple[str, ...] = ()
    source: tuple[Any, ...] | None = field(default=None, repr=False)
    source_params: tuple[sp.Symbol, ...] | None = field(default=None, repr=False)
    param_shapes: tuple[Shape, ...] = ()
    data_shapes: tuple[Shape, ...] = ()
    sizes: tuple[str, ...] = ()
    derived: tuple[Derived, ...] = ()
    wholes: tuple[Whole, ...] = ()
    required: tuple[Required, ...] = ()
    indexed: bool = False
    dtype: DType = "float64"
    stable: bool = True

    def __post_init__(self) -> None:
        # Without index notation shapes say nothing: numbers, and columns of samples.
        if not self.indexed:
            shapes = ((),) * len(self.params), ((SAMPLES.extent,),) * len(self.data)
            object.__setattr__(self, "param_shapes", shapes[0])
            object.__setattr__(self, "data_shapes", shapes[1])

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of everything that matters, in hexadecimal."""
        digest = hashlib.sha256()
        head = (self.name, self.params, self.data, self.constants, self.reduce, self.output)
        shapes = (self.param_shapes, self.data_shapes, self.sizes, self.derived, self.wholes)
        rest = (self.keys, shapes, self.required, self.indexed, self.dtype, self.stable)
        digest.update(repr((head, *rest)).encode())
        for node in self.ir.nodes:
            data: object = node.data
            if isinstance(data, Fraction):  # Python refuses to print huge integers in decimal
                data = f"{data.numerator:x}/{data.denominator:x}"
            digest.update(f"{node.op}{node.args}{data}{node.axes};".encode())
        return digest.hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Definition) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __getstate__(self) -> dict[str, Any]:
        # SymPy pickles by walking the tree, which is exponential in shared subtrees.
        return {**self.__dict__, "source": None, "source_params": None}

    def __repr__(self) -> str:
        from symcompile.frontend.raising import described_roles, formula

        return f"<definition {self.name}: {formula(self)}; {described_roles(self)}>"

    def specialise(
        self, values: Mapping[Any, Any] | None = None, /, *, name: str | None = None, **named: Any
    ) -> Definition:
        """Return the definition with numbers in place of some parameters, columns or constants.

        Constants are folded, so what depends on these alone is not computed any more. Whole
        numbers and fractions are exact; a float is the number that it is.

        Args:
            values: numbers by symbol or name.
            name: of the new definition; this one's by default.
            named: numbers by name.

        Raises:
            ArgumentValueError: no such symbol, or a sum over samples has no column left.
            ArgumentTypeError: no number, or a definition in index notation.

        Example:
            >>> import sympy as sp, symcompile as sc
            >>> x, y = sp.symbols("x y")
            >>> f = sc.define("f", x**2*y + y, params=(x, y))
            >>> sc.compile(f.specialise(x=2), backend="python").value_and_grad([3])
            (15.0, array([5.]))
        """
        from symcompile.frontend.specialising import specialised

        given = {**(values or {}), **named}
        return specialised(
            self, {str(getattr(key, "name", key)): given[key] for key in given}, name
        )

    def _repr_latex_(self) -> str:
        from symcompile.frontend.raising import formula_latex

        return f"$\\displaystyle {formula_latex(self)}$"

    @property
    def scalar(self) -> bool:
        """Whether ``value`` is one number, so that it has a gradient."""
        return self.output.shape == () and not self.output.per_sample

    @cached_property
    def differentiable(self) -> bool:
        """Whether it has derivatives: of complex parameters, whether it is holomorphic.

        >>> import sympy as sp
        >>> z = sp.Symbol("z")
        >>> [define("f", f, params=z, dtype="complex128").differentiable for f in (z**2, abs(z))]
        [True, False]
        """
        return self.dtype != "complex128" or not splits(self.ir, self.output.entries)

    def gradient(self) -> SymbolicGradient:
        """Return the gradient as SymPy: named intermediates and results.

        Raises:
            UnsupportedFunctionError: the output is not a scalar.

        Example:
            >>> import sympy as sp
            >>> x, y = sp.symbols("x y")
            >>> define("z", x**2 + x*sp.cos(y), params=(x, y)).gradient()
            [2*x + cos(y), -x*sin(y)]
        """
        from symcompile.autodiff.symbolic import symbolic_gradient

        return symbolic_gradient(self)

    def graph(
        self,
        *,
        at: Mapping[Any, Any] | None = None,
        backward: bool = False,
        stage: GraphStage = "written",
        limit: int = 500,
    ) -> GraphPicture:
        """Return the computational graph as a picture; a notebook shows it.

        Args:
            at: values of the parameters, data and constants, by name or symbol: each node has
                its value there, and its adjoint.
            backward: whether derivatives are drawn: the adjoint of a node is the derivative of
                the value in it.
            stage: ``"written"``, or ``"optimised"``: in stable forms, with products in the
                cheapest order, as it is differentiated.
            limit: how many nodes the picture may have.

        Raises:
            ArgumentValueError: a larger graph, or values that are missing or do not fit.
            ArgumentTypeError: ``at`` has a name that the definition does not have.
            UnsupportedFunctionError: ``backward`` of what is not one number.

        Example:
            >>> import sympy as sp
            >>> x, y = sp.symbols("x y")
            >>> z = define("z", x*sp.sin(y), params=(x, y))
            >>> found = z.graph(at={x: 2, y: 0}, backward=True)
            >>> [(node.label, node.value, node.adjoint) for node in found.nodes[:2]]
            [('x', '2', '0'), ('y', '0', '2')]
        """
        from symcompile.drawing import graph_picture

        return graph_picture(self, at=at, backward=backward, stage=stage, limit=limit)

    def unpack(self, p: Any, /, *data: Any, **sizes: Any) -> dict[str, Any]:
        """Return the parameters in ``p`` by name: floats, and arrays of their declared shapes.

        Sizes follow from the shapes of the data, if these are passed, and from the length of
        ``p``; those that do not are passed by keyword.

        Args:
            p: shape ``(P,)``; a gradient comes apart in the same way.
            data: none, or all of it.
            sizes: sizes by name; constants that are no sizes are ignored.

        Raises:
            ArgumentValueError: ``p`` has another length, or shapes disagree.
            ArgumentTypeError: a size that nothing says, or no such size.

        Example:
            >>> import sympy as sp
            >>> n = sp.Symbol("n", integer=True, positive=True)
            >>> i = sp.Idx("i", n)
            >>> w, b = sp.IndexedBase("w", shape=(n,)), sp.Symbol("b")
            >>> squares = define("squares", sp.Sum((w[i] - b)**2, (i, 0, n - 1)), params=(w, b))
            >>> squares.unpack([1, 2, 3])
            {'w': array([1., 2.]), 'b': 3.0}
        """
        from symcompile.packing import unpack

        return unpack(self, p, data, sizes)

    def pack(self, values: Mapping[Any, Any] | None = None, /, **named: Any) -> Any:
        """Return parameters given by name in one new float64 vector of shape ``(P,)``.

        Args:
            values: the parameters by name or symbol.
            named: the same by keyword.

        Raises:
            ArgumentValueError: names are missing or unknown, or shapes disagree.

        Example:
            >>> import sympy as sp
            >>> a, b = sp.symbols("a b")
            >>> define("product", a*b, params=(a, b)).pack(b=2, a=1)
            array([1., 2.])
        """
        from symcompile.packing import pack

        return pack(self, {**(values or {}), **named})


def define(
    name: str,
    expr: Any,
    *,
    params: SymbolsLike = (),
    data: SymbolsLike = (),
    reduce: Reduce = None,
    constants: ConstantsLike = (),
    dtype: DType = "float64",
    stable: bool = True,
) -> Definition:
    """Describe a function to compile. Nothing is compiled yet.

    Args:
        name: a Python identifier; it names the generated files.
        expr: a SymPy expression, a Matrix, a sequence or a dict of expressions; what
            ``sympy.cse`` returns; or a sequence of ``(symbol, expression)`` assignments, each
            of which may use those before it. The value is then the last one assigned, or the
            expressions that follow the assignments.
        params: the symbols in which derivatives are taken, packed in this order. With an
            IndexedBase or a MatrixSymbol among them or the data, or sums and products, the
            formula is in index notation: all data are arrays then, a free index makes the
            value an array (``Eq(z[i, k], ...)`` gives the order of several), and sizes come
            from the shapes.
        data: symbols with one value per sample; or arrays, as for the parameters.
        reduce: how the samples are combined; None keeps one output row per sample.
        constants: symbols that are neither, passed by keyword; a mapping gives defaults.
        dtype: what is computed with: ``"float64"``, ``"float32"`` or ``"complex128"``, in which
            all symbols are complex numbers. A formula of real symbols that holds I has complex
            values, at the same precision.
        stable: whether forms that overflow or cancel are computed as ones that do not, by the
            rules in ``docs/stable-forms.md``. Without them the formula is computed as written.

    Raises:
        DefinitionError: names or roles that do not make sense.
        LoweringError: a subexpression that cannot be compiled exactly.

    Example:
        >>> import sympy as sp
        >>> w0, w1, x, y = sp.symbols("w0 w1 x y")
        >>> define("linreg", (w0 + w1*x - y)**2, params=(w0, w1), data=(x, y), reduce="mean")
        <definition linreg: mean((w0 + w1*x - y)**2); params=(w0, w1), data=(x, y)>
        >>> n = sp.Symbol("n", integer=True)
        >>> i, w, X = sp.Idx("i", n), sp.IndexedBase("w"), sp.IndexedBase("X", shape=(n,))
        >>> found = define("shifted", sp.Sum(w[i + 1]*X[i], (i, 0, n - 1)), params=w, data=X)
        >>> [str(size) for size in found.param_shapes[0]]
        ['n + 1']
    """
    _check_name(name)
    if reduce not in ("mean", "sum", None):
        raise DefinitionError(f'reduce={reduce!r}: use "mean", "sum" or None')
    if dtype not in DTYPES:
        raise DefinitionError(f"dtype={dtype!r}: use {', '.join(map(repr, DTYPES))}")
    param_symbols = symbols_of(params, "params")
    data_symbols = symbols_of(data, "data")
    defaults = _defaults(constants)
    roles = _Roles(name, param_symbols, data_symbols, defaults, dtype)
    if any(map(is_array, (*param_symbols, *data_symbols))):
        return replace(_indexed(roles, expr, reduce), stable=stable)
    if reduce is not None and not data_symbols:
        raise DefinitionError(f'reduce="{reduce}" needs data=: there are no samples to combine')
    try:
        found = _sampled(roles, expr, reduce)
    except NeedsIndicesError:
        found = _indexed(roles, expr, reduce)
    return replace(found, stable=stable)


class _Roles(NamedTuple):
    name: str
    params: tuple[Any, ...]
    data: tuple[Any, ...]
    constants: dict[Any, float | None]
    dtype: DType


def _sampled(roles: _Roles, expr: Any, reduce: Reduce) -> Definition:
    """Return the definition of a formula of numbers, some of which every sample has."""
    graph = Graph()
    table: dict[sp.Basic, int] = {}
    every: list[tuple[Role, Sequence[sp.Symbol]]] = [
        ("param", roles.params),
        ("data", roles.data),
        ("constant", list(roles.constants)),
    ]
    for role, symbols in every:
        for slot, symbol in enumerate(symbols):
            if symbol in table:
                raise DefinitionError(f"the symbol {symbol} stands in two places of the roles")
            axes = (SAMPLES,) if role == "data" else ()
            table[symbol] = graph.input(role, slot, axes, input_kind(roles.dtype))

    assignments, rest = split(expr)
    exprs, shape, keys = spread(rest)
    formulas = [*(value for _, value in assignments), *exprs]
    leaving = roles.dtype != "complex128" and leaves_reals(formulas)
    lowering = Lowering(graph, table, leaving=leaving)
    for symbol, value in assignments:
        if lowering.knows(symbol):
            raise DefinitionError(f"{symbol} is assigned, but has a meaning already; rename it")
        lowering.assign(symbol, value)
    entries = [_reduced(graph, lowering.lower(e), reduce) for e in exprs]
    per_sample = bool(roles.data) and reduce is None
    output = Output("value", tuple(entries), shape, per_sample)
    return Definition(
        name=roles.name,
        params=tuple(str(s) for s in roles.params),
        data=tuple(str(s) for s in roles.data),
        constants=tuple((str(s), value) for s, value in roles.constants.items()),
        reduce=reduce,
        ir=graph,
        output=replace(output, kind=output_kind(graph, output)),
        keys=keys,
        source=None if assignments else tuple(exprs),
        source_params=roles.params,
        param_shapes=((),) * len(roles.params),
        data_shapes=((SAMPLES.extent,),) * len(roles.data),
        sizes=SAMPLES.extent.sizes if roles.data else (),
        dtype=roles.dtype,
    )


def _indexed(roles: _Roles, expr: Any, reduce: Reduce) -> Definition:
    """Return the definition of a formula in index or matrix notation."""
    if reduce is not None:
        raise DefinitionError(
            f'reduce="{reduce}": in index notation the sums say everything; write '
            f"Sum(..., (i, 0, n - 1)){'/n' if reduce == 'mean' else ''} instead"
        )
    assignments, rest = split(expr)
    kind = input_kind(roles.dtype)
    found = in_indices(roles.params, roles.data, roles.constants, assignments, rest, kind)
    if found.wholes and kind is Kind.COMPLEX:
        raise DefinitionError(
            f"{roles.name} uses data as an index, which complex numbers cannot be: "
            'use dtype="float64", and I in the formula'
        )
    return Definition(
        name=roles.name,
        params=tuple(map(name_of, roles.params)),
        data=tuple(map(name_of, roles.data)),
        constants=found.constants,
        reduce=None,
        ir=found.graph,
        output=replace(found.output, kind=output_kind(found.graph, found.output)),
        keys=found.keys,
        source=None if assignments else found.source,
        source_params=roles.params,
        param_shapes=found.param_shapes,
        data_shapes=found.data_shapes,
        sizes=found.sizes,
        derived=found.derived,
        wholes=found.wholes,
        required=found.required,
        indexed=True,
        dtype=roles.dtype,
    )


def _check_name(name: object) -> None:
    text = name if isinstance(name, str) else ""
    good = text.isascii() and text.isidentifier()
    if not good or keyword.iskeyword(text) or text.startswith("__"):
        raise DefinitionError(
            f"the name {name!r} must be a plain Python identifier: it names files and functions"
        )


def _defaults(constants: ConstantsLike) -> dict[sp.Symbol, float | None]:
    given = tuple(constants) if isinstance(constants, Mapping) else constants
    names = symbols_of(given, "constants", arrays=False)
    if len({str(s) for s in names}) < len(names):
        raise DefinitionError("constants: two of one name; they are keywords, so rename one")
    if not isinstance(constants, Mapping):
        return dict.fromkeys(names)
    found: dict[sp.Symbol, float | None] = {}
    for symbol in names:
        value: Any = constants[symbol]
        try:
            found[symbol] = None if value is None else float(value)
        except (TypeError, ValueError) as error:
            raise DefinitionError(f"constants: the default of {symbol} is not a number") from error
    return found


def _reduced(graph: Graph, node: int, reduce: Reduce) -> int:
    if reduce is None:
        return node
    count = graph.extent(SAMPLES)
    if not graph[node].axes:  # the same for every sample
        return node if reduce == "mean" else graph.add("mul", (count, node))
    total = graph.reduce_sum(node)
    return graph.add("div", (total, count)) if reduce == "mean" else total
