"""The passes, IR to IR, in one list."""

from __future__ import annotations

from symcompile.ir.graph import Function
from symcompile.passes.constants import round_constants
from symcompile.passes.contract import contract
from symcompile.passes.lower import lower
from symcompile.passes.recognise import recognise, rederived

#: What runs after differentiation, in order. Dead code goes as each pass copies what is used.
PASSES = (rederived, contract, lower, round_constants)


def optimise(
    function: Function, *, stable: bool = True, before: Function | None = None
) -> Function:
    """Return a function that computes the same with fewer and cheaper operations.

    Args:
        function: what ``derive`` returned.
        stable: whether stable forms are put in place of unstable ones.
        before: what it was derived from, with the stable forms in it; the same graph.
    """
    for run in PASSES:
        if run is rederived:
            function = rederived(function, before) if stable else function
        else:
            function = run(function)
    return function


__all__ = ["PASSES", "contract", "optimise", "recognise", "rederived"]
