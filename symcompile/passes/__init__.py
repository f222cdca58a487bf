"""The passes, IR to IR, in one list."""

from __future__ import annotations

from symcompile.ir.graph import Function
from symcompile.passes.constants import round_constants
from symcompile.passes.contract import contract
from symcompile.passes.lower import lower
from symcompile.passes.quotients import share_quotients
from symcompile.passes.recognise import Tried, recognise, rederived

#: What runs after differentiation, in order. Dead code goes as each pass copies what is used.
PASSES = (rederived, contract, lower, share_quotients, round_constants)


def optimise(function: Function, *, stable: bool = True, before: Tried | None = None) -> Function:
    """Return a function that computes the same with fewer and cheaper operations.

    Args:
        function: what ``derive`` returned.
        stable: whether stable forms are put in place of unstable ones.
        before: where stable forms have been looked for already.
    """
    for run in PASSES:
        if run is rederived:
            function = rederived(function, before) if stable else function
        else:
            function = run(function)
    return function


__all__ = ["PASSES", "Tried", "contract", "optimise", "recognise", "rederived", "share_quotients"]
