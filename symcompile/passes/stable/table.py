"""The table of rules. Those of one operation are tried in this order, and the first one wins."""

from __future__ import annotations

from symcompile.passes.stable import (
    algebraic,
    beside_one,
    differences,
    logarithms,
    powers,
    products,
)
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
