"""Which arguments of a call are good as they are: tests in C, which Cython has as well."""

from __future__ import annotations

from collections.abc import Callable, Collection

from symcompile.emit.results import Results
from symcompile.emit.signature import Identifiers
from symcompile.frontend.definition import Definition
from symcompile.frontend.roles import squeezed
from symcompile.ir.affine import Affine
from symcompile.ir.volume import ZERO, Volume


class Ready:
    """The tests for arrays in index notation.

    Args:
        definition: whose arguments they are.
        names: the identifiers of its symbols.
        at: returns the text of a data array.
        size: returns the variable that holds a size.
    """

    def __init__(
        self,
        definition: Definition,
        names: Identifiers,
        at: Callable[[str], str],
        size: Callable[[str], str],
    ) -> None:
        self._definition, self._names, self._at, self._size = definition, names, at, size
        self._results = Results(lambda name: size(names.known_sizes.get(name, name)))
        self._shapes = [
            (name, squeezed(shape))
            for name, shape in zip(names.data, definition.data_shapes, strict=True)
        ]

    def sizes(self) -> dict[str, str] | None:
        """Return where each size can be read off the data, or None if one cannot."""
        definition = self._definition
        found: dict[str, str] = {}
        for name, shape in self._shapes:
            for k, axis in enumerate(shape):
                ident = self._ident(axis.extent)
                if ident is not None:
                    found.setdefault(ident, self._dim(name, k))
        complete = all(size in found for size in self._names.sizes)
        named = any(name in definition.sizes for name, _ in definition.constants)
        if not complete or named or definition.derived or not definition.params:
            return None
        return {size: found[size] for size in self._names.sizes}

    def ranks(self) -> list[str]:
        """Return the tests that need no size."""
        return [f"sc_is_array({self._at(name)}, {len(shape)})" for name, shape in self._shapes]

    def agreement(self, vectors: Collection[str]) -> list[str]:
        """Return the tests that need the sizes; ``vectors`` are the texts of flat arguments."""
        definition, found = self._definition, self.sizes() or {}
        tests = [f"{self._size(size)} > 0" for size in self._names.sizes]
        for name, shape in self._shapes:
            for k, axis in enumerate(shape):
                if found.get(self._ident(axis.extent) or "") != self._dim(name, k):
                    tests.append(f"{self._dim(name, k)} == {self._results.size(axis.extent)}")
        tests += [f"{self._results.size(required.value)} >= 0" for required in definition.required]
        for whole in definition.wholes:
            ends = f"{self._results.size(whole.low)}, {self._results.size(whole.high)}"
            tests.append(f"sc_is_whole({self._at(self._names.data[whole.slot])}, {ends})")
        length = ZERO
        for declared in definition.param_shapes:
            length = length + Volume.product(squeezed(declared))
        count = self._results.volume(length)
        return [*tests, *(f"sc_is_vector({vector}, {count})" for vector in vectors)]

    def _ident(self, extent: Affine) -> str | None:
        known = self._names.known_sizes.items()
        return next((ident for size, ident in known if extent == Affine.of(size)), None)

    def _dim(self, name: str, axis: int) -> str:
        return f"sc_dim({self._at(name)}, {axis})"
