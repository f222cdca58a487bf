"""Many fits of one model as a module for LLVM: what finds parameters, around value and Jacobian.

The model's function over the points of a group is that of every kernel (:mod:`symcompile.emit.c`).
What calls it is the same C for all models, ``templates/llvm/fits.h.j2``; as both are one module,
LLVM knows how many parameters there are.
"""

from __future__ import annotations

from symcompile.emit.bodies import helpers_of, integrates, with_helpers
from symcompile.emit.cython import c_name
from symcompile.emit.dialect import C
from symcompile.emit.library import support
from symcompile.emit.limits import LIMITS
from symcompile.emit.llvm import LLVMEmitter, linking, lowered_module
from symcompile.emit.numbers import numbers_of
from symcompile.emit.signature import identifiers
from symcompile.emit.templates import part
from symcompile.frontend.definition import Definition
from symcompile.planning import Schedule, spent

#: Loops over parameters, of which there are few.
_SMALL = (
    "fit_one fit_step fit_damped fit_solved fit_slope fit_length fit_taken fit_kept fit_written"
    " fit_normalized fit_predicted fit_within fit_blocked fit_finished fit_blocks sc_fits"
).split()
#: So many steps a fit takes, or so: threads are for what is worth them.
_STEPS = 10
_SUMMARY = "Least-squares fits of one model to many groups of points."


def emit_fits(definition: Definition, schedule: Schedule, threads: int | None) -> str:
    """Return the source of a module with ``fits``; the template says what it takes.

    Args:
        definition: a formula per sample.
        schedule: its value and its derivatives, in a row for each sample.
        threads: how many threads there may be; None asks the environment at each call.
    """
    names = identifiers(definition)
    emitter = LLVMEmitter(definition, names, schedule, c_name(definition, schedule.function.name))
    code = emitter.emit().text
    code = with_helpers(code, helpers_of([schedule], C), code, "c")
    needed = support(code, "c")
    arguments = {"p": "x", "c": "fixed"}
    called = [arguments[name] for name in emitter.vectors()]
    called += [f"column{k}" for k in range(len(definition.data))]
    context: dict[str, object] = {
        "code": code,
        "summary": _SUMMARY,
        "model": emitter.name,
        "arguments": ", ".join([*called, "n", "out"]),
        "free": len(definition.params),
        "fixed": len(definition.constants),
        "columns": names.data,
        "work": _STEPS
        * (spent(schedule).evaluate({"n": 1}) + (len(definition.params) + 1) ** 2 // 2),
        "numbers": numbers_of(definition),
        "support": needed,
        "loops": True,
        "threads": threads,
        "rank": 1,
        "vector": (),
        "glue": "",
        "pieces": False,
        "integrates": integrates(code),
        **LIMITS,
    }
    c = part("llvm/fits.c.j2", context)
    lowered = lowered_module(c, ["sc_fits"], needed, 8, emitter.direct, small=_SMALL)
    context |= linking(lowered, ["sc_fits"], needed, loops=True)
    return part("llvm/fits.py.j2", context)
