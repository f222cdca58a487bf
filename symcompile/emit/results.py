"""How the compiled backends make results: as flat arrays, shaped when they are returned."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symcompile.emit.memory import dimension_lengths, length
from symcompile.ir.affine import Affine, lift
from symcompile.ir.graph import Output
from symcompile.ir.volume import Volume


class Results:
    """The texts of sizes and shapes, in the variables of a module's functions.

    Args:
        name: the variable that holds a size.
    """

    def __init__(self, name: Callable[[str], str]) -> None:
        self._name = name

    def size(self, value: Affine) -> str:
        """Return a size."""
        return value.text(lambda var: self._name(str(var)))

    def volume(self, value: Volume) -> str:
        """Return a polynomial in sizes."""
        return value.text(self._name)

    def length(self, output: Output) -> str:
        """Return how many numbers an output holds."""
        return self.volume(length(output))

    def shape(self, output: Output) -> str:
        """Return the shape of a result, as a tuple."""
        if self._as_declared(output):
            return tuple_of([self.size(lift(size)) for size in output.shape])
        lengths = [self.volume(part) for part in dimension_lengths(output)]
        if output.name == "jacobian" and len(lengths) > 1:
            lengths = ["-1", lengths[-1]]
        return tuple_of(lengths)

    def returned(self, output: Output) -> str:
        """Return an output as it is returned, from the flat array of its name."""
        if output.per_sample:
            return f"_samples_first({output.name}, {output.shape})"
        flat = len(output.layout) == 1 and (not self._as_declared(output) or len(output.shape) == 1)
        return output.name if flat else f"{output.name}.reshape({self.shape(output)})"

    def _as_declared(self, output: Output) -> bool:
        """Return whether the shape of a result is the output's, not one along parameters."""
        return output.dims is None or output.name in ("value", "jvp")


def tuple_of(names: Sequence[str]) -> str:
    """Return a tuple of texts as source.

    >>> tuple_of(["n", "d"]), tuple_of(["n"])
    ('(n, d)', '(n,)')
    """
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"
