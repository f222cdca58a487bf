"""When a node matters: the condition under which its value reaches the result.

An adjoint that flows into the branch not taken must vanish whatever the local derivative is:
``0*inf`` is NaN, which is how ``where(x > 0, sqrt(x), 0)`` gets a NaN gradient elsewhere. So
each node knows the paths of choices that lead to it, and contributions are selected, never
multiplied, away. A node that several branches share is active when any of them is.
"""

from __future__ import annotations

from symcompile.ir.build import Builder

Literal = tuple[int, bool]  # a condition and the outcome it must have
Path = frozenset[Literal]

#: More paths than this become one condition, their disjunction.
_MOST_PATHS = 16


class Activity:
    """A disjunction of paths of choices. Immutable; ``ALWAYS`` is the empty conjunction."""

    __slots__ = ("paths",)

    def __init__(self, paths: frozenset[Path]) -> None:
        self.paths = paths

    @classmethod
    def when(cls, condition: int) -> Activity:
        """Return the activity of a node that matters where ``condition`` holds."""
        return cls(frozenset({frozenset({(condition, True)})}))

    @property
    def always(self) -> bool:
        """Whether the node matters unconditionally."""
        return self is ALWAYS or frozenset() in self.paths

    def chosen_by(self, literal: Literal) -> Activity:
        """Return this activity behind one more choice."""
        opposite = (literal[0], not literal[1])
        return Activity(frozenset(p | {literal} for p in self.paths if opposite not in p))

    def joined(self, b: Builder, other: Activity) -> Activity:
        """Return the activity of a node that both lead to."""
        if self is other:
            return self
        if self.always or other.always:
            return ALWAYS
        paths = _merge(self.paths | other.paths)
        if len(paths) > _MOST_PATHS:
            return Activity.when(Activity(paths).condition(b))
        return Activity(paths)

    def condition(self, b: Builder) -> int:
        """Return the boolean node that says whether the node matters."""
        result: int | None = None
        for path in sorted(self.paths, key=sorted):
            term: int | None = None
            for node, outcome in sorted(path):
                literal = node if outcome else b.call("not", node)
                term = literal if term is None else b.call("and", term, literal)
            if term is None:
                return b.call("true")
            result = term if result is None else b.call("or", result, term)
        return b.call("false") if result is None else result


ALWAYS = Activity(frozenset({frozenset()}))


def _merge(paths: frozenset[Path]) -> frozenset[Path]:
    """Join paths that differ in one outcome only, and drop those that others imply."""
    found = set(paths)
    merged = True
    while merged:
        merged = False
        for path in sorted(found, key=sorted):
            for node, outcome in sorted(path):
                rest = path - {(node, outcome)}
                if rest | {(node, not outcome)} in found:
                    found -= {path, rest | {(node, not outcome)}}
                    found.add(rest)
                    merged = True
                    break
            if merged:
                break
    return frozenset(p for p in found if not any(q < p for q in found))
