"""Affine and gathered indices as NumPy's subscripts: slices where they will do, else arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from symcompile.emit.expression import Statement
from symcompile.ir.affine import Affine
from symcompile.ir.graph import Axes, Gather, Index
from symcompile.naming import Names

#: An index, and the size of the axis that it is an index into.
Into = tuple[Index, Affine]

_LONGEST_INLINE = 24


class Read(NamedTuple):
    """What a view reads: its text, and the axes of the dimensions of that."""

    text: str
    axes: tuple[int, ...]


class Subscripts:
    """Prints subscripts.

    Args:
        sizes: the identifier of each size.
        gathered: returns the text of whole numbers read from data, over some axes.
        line: takes a statement that must stand before.
        names: the identifiers in use.
    """

    def __init__(
        self,
        sizes: Mapping[str, str],
        gathered: Callable[[int, Sequence[int], Sequence[int]], str],
        line: Callable[[Statement], None],
        names: Names,
    ) -> None:
        self._sizes = sizes
        self._gathered = gathered
        self._line = line
        self._names = names
        self._numbered = names.numbered("i")
        self._named: dict[str, str] = {}
        self._whole: dict[int, str] = {}

    def affine(self, value: Affine) -> str:
        """Return an affine function of sizes."""
        return value.text(lambda var: self._sizes[str(var)])

    def shape(self, axes: Axes) -> str:
        """Return the shape of a node."""
        return self.shape_text([axis.extent for axis in axes])

    def shape_text(self, sizes: Sequence[Affine]) -> str:
        """Return a shape."""
        inner = ", ".join(self.affine(size) for size in sizes)
        return f"({inner},)" if len(sizes) == 1 else f"({inner})"

    # ------------------------------------------------------------------ reading

    def read(
        self,
        source: str,
        index: Sequence[Into],
        axes: Axes,
        args: Sequence[int],
        *,
        clamped: bool = False,
    ) -> Read:
        """Return ``source[index]``.

        Args:
            source: the text of an array.
            index: the index into each of its dimensions.
            axes: the axes that indices are in.
            args: arguments of the node, which gathers count.
            clamped: whether indices are moved to the nearest end.
        """
        if clamped and not all((size - 1).nonnegative() for _, size in index):
            return self._nearest(source, index, axes, args)
        if _is_diagonal(index, axes):
            return Read(f"np.diagonal({source})", index[0][0].axes)
        arrays = _arrays(index, axes, clamped)
        if not arrays:
            slices = [self._slice(i, size, axes) for i, size in index]
            order = tuple(axis for i, _ in index for axis in i.axes)
            return Read(_subscripted(source, slices), order)
        target = sorted({axis for k in arrays for axis in index[k][0].axes})
        texts: list[str] = []
        before: list[int] = []
        after: list[int] = []
        places = [k for k, (i, _) in enumerate(index) if k in arrays or not i.axes]
        for k, (i, size) in enumerate(index):
            if k in places:
                text = self.indices(i, target, axes, args)
                texts.append(self._clipped(text, size) if clamped else text)
            else:
                texts.append(self._slice(i, size, axes))
                (before if k < places[0] else after).append(i.axes[0])
        together = places == list(range(places[0], places[0] + len(places)))
        if not together:  # NumPy puts the dimensions of the arrays first
            before, after = [], before + after
        return Read(_subscripted(source, texts), (*before, *target, *after))

    def _nearest(self, source: str, index: Sequence[Into], axes: Axes, args: Sequence[int]) -> Read:
        """Return a clamped view of what may be empty."""
        target = sorted({axis for i, _ in index for axis in i.axes})
        texts = [self.indices(i, target, axes, args) for i, _ in index]
        comma = "," if len(texts) == 1 else ""
        return Read(f"_nearest({source}, ({', '.join(texts)}{comma}))", tuple(target))

    def _clipped(self, text: str, size: Affine) -> str:
        return self._short(f"np.clip({text}, 0, {self.affine(size - 1)})")

    def _slice(self, index: Index, size: Affine, axes: Axes) -> str:
        """Return an index along one axis, or a fixed one."""
        assert isinstance(index, Affine)
        if not index.axes:
            return self.affine(index)
        (axis,) = index.axes
        step = index.coefficient(axis)
        start = index - Affine(0, ((axis, step),))
        extent = axes[axis].extent
        if step < 0:
            start = start + step * (extent - 1)
        stop = start + abs(step) * extent
        open_end = (stop - size).nonnegative()
        first = "" if start == Affine(0) else self.affine(start)
        last = "" if open_end else self.affine(stop)
        if step == -1:
            return f"{first}:{last}][::-1" if first or last else "::-1"
        if step < 0:
            return f"{first}:{last}:{-step}][::-1"
        return f"{first}:{last}" + (f":{step}" if step > 1 else "")

    # ------------------------------------------------------------------ arrays of indices

    def indices(self, index: Index, target: Sequence[int], axes: Axes, args: Sequence[int]) -> str:
        """Return the text of an index as whole numbers, to be broadcast over ``target``."""
        if isinstance(index, Gather):
            return self._gathered(args[index.arg], index.axes, target)
        if not index.axes:
            return self.affine(index)
        return self._short(self.array(index, target, axes))

    def array(self, value: Affine, target: Sequence[int], axes: Axes, *, real: bool = False) -> str:
        """Return an affine function of indices over ``target``."""
        parts = []
        for axis in value.axes:
            extent = self.affine(axes[axis].extent)
            text = f"np.arange({f'float({extent})' if real else extent})"
            later = len(target) - 1 - list(target).index(axis)
            if later:
                text += f"[:{', None' * later}]"
            step = value.coefficient(axis)
            parts.append((step, text))
        rest = Affine(value.const, tuple(t for t in value.terms if isinstance(t[0], str)))
        parts.sort(key=lambda part: part[0] < 0)
        whole = ""
        if rest != Affine(0) and parts[0][0] < 0:
            whole, rest = self.affine(rest), Affine(0)
        for step, text in parts:
            shown = text if abs(step) == 1 else f"{abs(step)}*{text}"
            if whole:
                whole += f" {'-' if step < 0 else '+'} {shown}"
            else:
                whole = f"-{shown}" if step < 0 else shown
        if rest != Affine(0):
            negative = all(c < 0 for _, c in rest.terms) and rest.const <= 0
            shown = self.affine(-rest if negative else rest)
            shown = f"({shown})" if " " in shown or shown.startswith("-") else shown
            whole += f" {'-' if negative else '+'} {shown}"
        return whole

    def delta(self, value: Affine, axes: Axes) -> str:
        """Return 1.0 where an affine function of indices is 0, else 0.0."""
        if len(value.axes) == 2:
            a, b = value.axes
            steps = value.coefficient(a), value.coefficient(b)
            rest = Affine(value.const, tuple(t for t in value.terms if isinstance(t[0], str)))
            if steps in ((1, -1), (-1, 1)):
                shift = rest if steps[0] == 1 else -rest
                rows, columns = (self.affine(axes[axis].extent) for axis in (a, b))
                sizes = rows if rows == columns and shift == Affine(0) else f"{rows}, {columns}"
                return f"np.eye({sizes}{'' if shift == Affine(0) else ', ' + self.affine(shift)})"
        return f"np.where({self.array(value, value.axes, axes)} == 0, 1.0, 0.0)"

    def whole_numbers(self, node: int, text: str, *, number: bool) -> str:
        """Return the name of data as whole numbers."""
        found = self._whole.get(node)
        if found is None:
            wish = f"{text}_index" if text.isidentifier() else ""
            found = self._names.fresh(wish) if wish else next(self._numbered)
            self._whole[node] = found
            made = f"np.intp({text})" if number else f"{text}.astype(np.intp)"
            self._line(Statement(found, made))
        return found

    def _short(self, text: str) -> str:
        """Return indices, by a name of their own where they are long."""
        if len(text) <= _LONGEST_INLINE:
            return text
        found = self._named.get(text)
        if found is None:
            found = self._named[text] = next(self._numbered)
            self._line(Statement(found, text))
        return found


def _arrays(index: Sequence[Into], axes: Axes, clamped: bool) -> set[int]:
    """Return which indices have to be arrays: slices cannot say them."""
    found: set[int] = set()
    uses: dict[int, int] = {}
    for i, _ in index:
        for axis in i.axes:
            uses[axis] = uses.get(axis, 0) + 1
    taken = {axis for axis, count in uses.items() if count > 1}
    for k, (i, size) in enumerate(index):
        plain = i.axis if isinstance(i, Affine) else None
        outside = clamped and (plain is None or axes[plain].extent != size)
        if outside or isinstance(i, Gather) or len(i.axes) > 1:
            found.add(k)
    while True:
        taken |= {axis for k in found for axis in index[k][0].axes}
        if found:  # a slice that runs backward takes two steps
            found |= {k for k, (i, _) in enumerate(index) if _backward(i)}
        more = {k for k, (i, _) in enumerate(index) if taken & set(i.axes)} - found
        if not more:
            return found
        found |= more


def _is_diagonal(index: Sequence[Into], axes: Axes) -> bool:
    """Return whether both indices into a matrix are the same axis, which runs over all of it."""
    if len(index) != 2 or index[0] != index[1]:
        return False
    place = index[0][0].axis if isinstance(index[0][0], Affine) else None
    return place is not None and axes[place].extent == index[0][1]


def _backward(index: Index) -> bool:
    return isinstance(index, Affine) and any(index.coefficient(a) < 0 for a in index.axes)


def _subscripted(source: str, texts: Sequence[str]) -> str:
    """Return ``source[texts]``, without the slices that say nothing."""
    kept = list(texts)
    while kept and kept[-1] == ":":
        kept.pop()
    if not kept:
        return source
    backward = [text.endswith("][::-1") for text in kept]
    if not any(backward):
        return f"{source}[{', '.join(kept)}]"
    # Cut first, then turned round.
    first = [text.removesuffix("][::-1") for text in kept]
    dims = [text for text in kept if ":" in text]
    second = ["::-1" if text.endswith("][::-1") else ":" for text in dims]
    return f"{source}[{', '.join(first)}][{', '.join(second)}]"
