"""The passes, IR to IR, in one list."""

from __future__ import annotations

from symcompile.ir.graph import Function
from symcompile.passes.constants import round_constants
from symcompile.passes.lower import lower
from symcompile.passes.quotients import share_quotients
from symcompile.passes.recognise import Tried, recognise, rederived
from symcompile.passes.rewrite import alone


def contracted(function: Function) -> Function:
    """Return ``function`` with its sums of products in the cheapest order.

    Products of columns and numbers have no other: what looks for it is imported for arrays only.
    """
    if not any(len(node.axes) > 1 for node in function.graph):
        return function
    from symcompile.passes.contract import contract

    return contract(function)


#: What runs after differentiation, in order. Dead code goes as each pass copies what is used.
PASSES = (rederived, contracted, lower, share_quotients, round_constants)


def optimise(function: Function, *, stable: bool = True, before: Tried | None = None) -> Function:
    """Return a function that computes the same with fewer and cheaper operations.

    Args:
        function: what ``derive`` returned.
        stable: whether stable forms are put in place of unstable ones.
        before: where stable forms have been looked for already.
    """
    given = function.graph
    for run in PASSES:
        if run is rederived:
            function = rederived(function, before) if stable else function
        else:
            function = run(function)
    # All derivatives are made in one graph.
    return alone(function) if function.graph is given else function


__all__ = ["PASSES", "Tried", "contracted", "optimise", "recognise", "rederived", "share_quotients"]
