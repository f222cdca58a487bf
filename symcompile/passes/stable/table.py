"""The table of rules. Those of one operation are tried in this order, and the first one wins."""

from __future__ import annotations

from functools import lru_cache

from symcompile.passes.stable import (
    algebraic,
    beside_one,
    differences,
    logarithms,
    powers,
    products,
)
from symcompile.passes.stable.heads import numbered
from symcompile.passes.stable.site import Rule

#: Every rule.
RULES: tuple[Rule, ...] = tuple(
    rule
    for table in (logarithms, products, powers, beside_one, differences, algebraic)
    for rule in table.RULES
)

#: The names of what is no identity (:mod:`symcompile.passes.stable.curves`).
EXPANSIONS = ("expansion at zero", "expansion at infinity", "limit at zero")

#: The rules of each operation.
BY_OP: dict[str, tuple[Rule, ...]] = {
    op: tuple(rule for rule in RULES if op in rule.ops)
    for op in sorted({op for rule in RULES for op in rule.ops})
}

#: A bit for each operation that a rule needs.
BITS = numbered(op for rule in RULES for op in rule.needs)


Rules = tuple[Rule, ...]


@lru_cache(maxsize=4096)
def rules_for(
    op: str, heads: int, complex: bool, derived: bool, inner: bool
) -> tuple[Rules, Rules]:
    """Return the rules to try at an operation, in order, and those to try if no two terms meet.

    Args:
        op: the operation.
        heads: what it is a sum or a product of, in :data:`BITS`.
        complex: whether an argument is a complex number.
        derived: whether derivatives have been taken.
        inner: whether it is a term of a sum.
    """
    found = tuple(
        rule
        for rule in BY_OP.get(op, ())
        if (rule.complex or not complex)
        and not (derived and rule.early)
        and not (inner and rule.whole)
        and (not rule.needs or any(heads & BITS[op] for op in rule.needs))
    )
    return found, tuple(rule for rule in found if not rule.meets)
