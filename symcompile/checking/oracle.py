"""The oracle: what every backend is judged by.

It interprets the formula as first lowered, in arithmetic of many digits, and differentiates it
numerically, by central differences. So it shares neither the passes nor the derivative table
with what it judges. See :mod:`symcompile.checking.rounding` for the units of errors.

A central difference with a relative step of 1e-40 is off by about 1e-80, and loses 40 digits of
240, or 80 where it is a second difference: at least 50 correct digits remain in either case.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symcompile.arguments import fitted
from symcompile.checking.differences import (
    Differences,
    Exact,
    Point,
    doubles,
    exactly,
    finite,
    params,
)
from symcompile.checking.layout import param_extents, total_length, value_shape
from symcompile.checking.rounding import Draw
from symcompile.errors import ArgumentValueError, UnsupportedFunctionError
from symcompile.frontend.definition import Definition
from symcompile.ir.dtypes import is_single
from symcompile.ir.graph import Input, Node
from symcompile.ir.interpreter import Number, array_of, context, evaluate
from symcompile.sizes import solve_sizes

_DRAWS = 6
_SAFETY = 2
_DELTA_DIGITS = 30

#: Operations that have no derivative where these meet: two arguments, or one and zero.
_TIES = frozenset({"lt", "le", "eq", "ne", "min", "max"})
_ZEROS = frozenset({"abs", "sign", "sqrt", "cbrt", "pow"})
_BOTH_ZERO = frozenset({"hypot", "atan2"})
_WHOLES = frozenset({"floor", "ceil"})
_KINKS = _TIES | _ZEROS | _BOTH_ZERO | _WHOLES | {"mod", "reduce_max"}


def evaluations(name: str, n_params: int) -> int:
    """Return how many evaluations of the formula a function of the oracle takes."""
    size = n_params
    return {
        "value": 1,
        "value_and_grad": 1 + 2 * size,
        "hessian": 1 + size + size * size,
        "hvp": 3 + 4 * size,
        "jvp": 2,
    }.get(name, 2 * size)


class Oracle:
    """A definition at one point: its value and derivatives to ``digits`` digits.

    Results are NumPy arrays of mpmath numbers, shaped as a kernel's results are (a scalar is an
    array without axes).

    Attributes:
        definition: the definition.
        mp: the arithmetic.
        p: the parameters.
        sizes: the sizes by name.

    Args:
        definition: the definition.
        p: the parameters, packed, shape (P,).
        data: an array of its declared shape for each data symbol: a column of n numbers where
            the formula is per sample. Dimensions of size 1 may be left out.
        constants: by name; what is missing takes its default.
        digits: how many digits are correct, for a formula that does not itself cancel more
            than a hundred.

    Raises:
        ArgumentValueError: a wrong number of parameters, columns or constants, or shapes that
            do not agree.

    Example:
        >>> import sympy as sp
        >>> from symcompile.frontend.definition import define
        >>> x = sp.Symbol("x")
        >>> oracle = Oracle(define("f", sp.sin(x), params=x), [1.0])
        >>> print(str(oracle.grad()[0])[:32])
        0.540302305868139717400936607442
    """

    def __init__(
        self,
        definition: Definition,
        p: ArrayLike,
        data: Sequence[ArrayLike] = (),
        constants: Mapping[str, float] | None = None,
        *,
        digits: int = 50,
    ) -> None:
        self.definition = definition
        self.mp = context(4 * digits + 40)
        mp = self.mp
        step = mp.mpf(10) ** (10 - digits)
        self._delta = mp.mpf(10) ** -_DELTA_DIGITS
        complex_ = definition.dtype == "complex128"
        dtype = np.complex128 if complex_ else np.float64
        self.p = tuple(exactly(mp, value) for value in np.ravel(np.asarray(p, dtype)))
        arrays = [np.asarray(array, dtype) for array in data]
        given = {**dict(definition.constants), **(constants or {})}
        self.sizes = _sizes(definition, arrays, len(self.p), given)
        length = total_length(definition, self.sizes)
        if len(self.p) != length:
            raise ArgumentValueError(
                f"p has {len(self.p)} entries, but there are {length} parameters"
            )
        self._fixed: dict[Input, Any] = {
            Input("data", slot): _exactly(mp, array) for slot, array in enumerate(arrays)
        }
        for slot, (name, _) in enumerate(definition.constants):
            value = given[name]
            if value is not None:
                exact = exactly(mp, complex(value) if complex_ else float(value))
                self._fixed[Input("constant", slot)] = exact
            elif name not in self.sizes:
                raise ArgumentValueError(f"the constant {name} has no default: give it a value")
        self._shapes = param_extents(definition, self.sizes)
        self._where = Point(
            graph=definition.ir,
            output=definition.output,
            mp=mp,
            p=self.p,
            shapes=self._shapes,
            fixed=self._fixed,
            sizes=self.sizes,
            value=value_shape(definition, self.sizes),
            step=step,
            single=is_single(definition.dtype),
        )
        self._exact = Differences(self._where)
        self._perturbed: dict[bool, list[Differences]] = {}

    # -- results ---------------------------------------------------------------------------

    def value(self) -> Exact:
        """Return the value, shaped as a kernel's."""
        return self._exact.value()

    def jacobian(self) -> Exact:
        """Return the Jacobian: (m, P), (P,), (n, P) or (n, m, P)."""
        return self._exact.jacobian()

    def grad(self) -> Exact:
        """Return the gradient of a scalar output, shape (P,)."""
        self._need_scalar("grad")
        return self._exact.jacobian()

    def value_and_grad(self) -> tuple[Exact, Exact]:
        """Return value and gradient."""
        return self.value(), self.grad()

    def hessian(self) -> Exact:
        """Return the Hessian of a scalar output, shape (P, P)."""
        self._need_scalar("hessian")
        return self._exact.hessian()

    def hvp(self, v: ArrayLike) -> Exact:
        """Return the Hessian times ``v``, by differences along ``v``; shape (P,)."""
        self._need_scalar("hvp")
        return self._exact.hvp(v)

    def jvp(self, v: ArrayLike) -> Exact:
        """Return the Jacobian times ``v``, by differences along ``v``; shaped like the value."""
        return self._exact.jvp(v)

    def vjp(self, u: ArrayLike) -> Exact:
        """Return ``u``, shaped like the value, times the Jacobian; shape (P,)."""
        return self._exact.vjp(u)

    def result(self, name: str, *vectors: ArrayLike) -> tuple[Exact, ...]:
        """Return the arrays of the function ``name``: one, or two of ``value_and_grad``."""
        if name == "value_and_grad":
            return self.value_and_grad()
        return (getattr(self, name)(*vectors),)

    # -- what rounding may do --------------------------------------------------------------

    def scale(self, name: str, *vectors: ArrayLike) -> tuple[NDArray[np.float64], ...]:
        """Return, per entry of each array of ``name``, how far rounding may move it over eps.

        Every input, every operation and, for derivatives, every local derivative is perturbed
        once by a relative ``+-delta`` with signs drawn at random (of a seed that never
        changes); the scale is twice the largest ``|change| / delta`` of six draws, and at least
        ``|result|``. An error divided by ``eps * scale`` is in conditioned ulp.

        Args:
            name: a function of the kernel, as ``"grad"``.
            vectors: ``v`` or ``u`` where the function takes one.

        Example:
            >>> import sympy as sp
            >>> from symcompile.frontend.definition import define
            >>> x = sp.Symbol("x")
            >>> f = define("f", 1 - sp.cos(x), params=x)  # 5e-13 at 1e-6, from numbers near 1
            >>> bool(Oracle(f, [1e-6]).scale("value")[0] >= 1.0)
            True
        """
        if name == "value_and_grad":
            return (*self.scale("value"), *self.scale("grad"))
        method = "jacobian" if name == "grad" else name
        (exact,) = self.result(name, *vectors)
        largest = np.abs(doubles(exact))
        for evaluator in self._draws(name != "value"):
            moved = getattr(evaluator, method)(*vectors)
            change = doubles(np.abs(moved - exact) / self._delta) * _SAFETY
            # A perturbed argument may leave the domain; then the draw says nothing.
            largest = np.maximum(largest, np.where(np.isfinite(change), change, 0.0))
        return (largest,)

    def kinked(self) -> NDArray[np.bool_]:
        """Return where the value has no derivative in the parameters: (n,), or a single truth.

        That is so where an argument that depends on the parameters stands at the kink of Abs,
        the tie of a Max, the edge of a branch, or the end of a domain. Per sample there is a
        truth each; arrays of any other kind have a single one.
        """
        per_sample = self.definition.output.per_sample
        shape = (self.sizes["n"],) if per_sample else ()
        found = np.zeros(shape, dtype=bool)
        if not self.p or shape == (0,):
            return found
        # Where the tie survives a step in no special direction it is no kink: max(0*w, 0).
        direction = [self.mp.mpf(1) / (k + 3) for k in range(len(self.p))]
        step = self._exact.step(direction)
        beside = [x + step * d for x, d in zip(self.p, direction, strict=True)]
        for here, there in zip(self._ties(self.p), self._ties(tuple(beside)), strict=True):
            kink = here & ~there
            found = found | (kink if per_sample and kink.shape == shape else kink.any())
        rows = shape or (1,)
        value = finite(self.value()).reshape((*rows, -1)).all(axis=1)
        slopes = finite(self.jacobian()).reshape((*rows, -1)).all(axis=1)
        return np.asarray(found | (value & ~slopes).reshape(shape))

    def _ties(self, point: Sequence[Number]) -> list[NDArray[np.bool_]]:
        graph, mp = self.definition.ir, self.mp
        roots = self.definition.output.entries
        order = graph.ancestors(roots)
        active: set[int] = set()
        wanted: list[Node] = []
        for index in order:
            node = graph[index]
            if isinstance(node.data, Input):
                if node.data.role == "param":
                    active.add(index)
            elif any(arg in active for arg in node.args):
                active.add(index)
                if node.op in _KINKS:
                    wanted.append(node)
        needed = sorted({arg for node in wanted for arg in node.args})
        inputs = {**self._fixed, **params(point, self._shapes)}
        values = dict(zip(needed, evaluate(graph, needed, mp, inputs, self.sizes), strict=True))
        found = []
        for node in wanted:
            args = [np.asarray(values[arg], dtype=object) for arg in node.args]
            if node.op == "reduce_max":
                assert isinstance(node.data, int)
                largest = args[0] == args[0].max(axis=node.data, keepdims=True, initial=-mp.inf)
                found.append(np.asarray(largest.sum(axis=node.data) > 1, dtype=bool))
                continue
            columns = np.broadcast_arrays(*args)
            rows = zip(*[column.flat for column in columns], strict=True)
            hits = [_at_tie(mp, node.op, row) for row in rows]
            found.append(np.array(hits, dtype=bool).reshape(columns[0].shape))
        return found

    def _draws(self, derivatives: bool) -> list[Differences]:
        found = self._perturbed.get(derivatives)
        if found is None:
            found = [
                Differences(self._where, Draw(self.mp, seed, self._delta), derivatives)
                for seed in range(_DRAWS)
            ]
            self._perturbed[derivatives] = found
        return found

    def _need_scalar(self, name: str) -> None:
        if not self.definition.scalar:
            raise UnsupportedFunctionError(
                f"{name} needs a scalar output; {self.definition.name} has more: use jacobian"
            )


def _at_tie(mp: Any, op: str, row: Sequence[Any]) -> bool:
    if op in _TIES:
        return bool(row[0] == row[1])
    if op in _WHOLES:
        return bool(mp.isint(row[0]))
    if op == "mod":
        return bool(row[1] == 0 or mp.isint(row[0] / row[1]))
    if op in _BOTH_ZERO:
        return bool(row[0] == 0 and row[1] == 0)
    return bool(row[0] == 0)


def _sizes(
    definition: Definition,
    arrays: Sequence[NDArray[Any]],
    p_length: int,
    constants: Mapping[str, Any],
) -> dict[str, int]:
    names = definition.data
    if definition.indexed:
        if len(arrays) != len(names):
            raise ArgumentValueError(f"data: give {len(names)} arrays ({', '.join(names)})")
        declared = zip(arrays, names, definition.data_shapes, strict=True)
        shapes = [fitted(array, name, shape).shape for array, name, shape in declared]
        given = {name: value for name, value in constants.items() if value is not None}
        return solve_sizes(definition, shapes, p_length, given)
    samples = len(arrays[0]) if arrays and arrays[0].shape else 0
    if len(arrays) != len(names) or any(array.shape != (samples,) for array in arrays):
        raise ArgumentValueError(
            f"data: give {len(names)} columns of one length ({', '.join(names)})"
        )
    return {"n": samples} if names else {}


def _exactly(mp: Any, array: NDArray[Any]) -> Any:
    """Return doubles as numbers of ``mp``."""
    entries = [exactly(mp, entry) for entry in array.flat]
    return array_of(entries, array.shape)
