"""The passes, IR to IR, in one list."""

from __future__ import annotations

from symcompile.ir.graph import Function
from symcompile.passes.constants import round_constants
from symcompile.passes.contract import contract
from symcompile.passes.expand import expand
from symcompile.passes.recognise import recognise
from symcompile.passes.strength import reduce_strength

#: What runs after differentiation, in order. Dead code goes as each pass copies what is used.
PASSES = (recognise, contract, reduce_strength, expand, round_constants)


def optimise(function: Function) -> Function:
    """Return a function that computes the same with fewer and cheaper operations."""
    for run in PASSES:
        function = run(function)
    return function


__all__ = ["PASSES", "contract", "optimise", "recognise"]
