"""Schedule -> a module for LLVM: the C of the Cython backend, lowered, and how Python calls it.

The loops are those of :mod:`symcompile.emit.c`. What stands around them is C as well
(``templates/llvm``): calls that need no conversion are taken by a function on Python's C interface,
the others by a Python function, which converts and calls the same core.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from symcompile.cc import COLD, INLINE, NOINLINE, SMALL, Lowered, lower
from symcompile.emit.bodies import helpers_of, integrates, with_helpers
from symcompile.emit.c import CEmitter, CFunction
from symcompile.emit.chunks import Chunk
from symcompile.emit.cython import c_name, rank
from symcompile.emit.dialect import C
from symcompile.emit.library import Support, support
from symcompile.emit.limits import LIMITS
from symcompile.emit.lines import indent
from symcompile.emit.llvm_glue import Glue
from symcompile.emit.numbers import numbers_of
from symcompile.emit.python import constant_defaults, helpers, tables
from symcompile.emit.signature import (
    Identifiers,
    Signature,
    header,
    identifiers,
    imported,
    signature,
)
from symcompile.emit.straight import Piece, lowers
from symcompile.emit.templates import render
from symcompile.emit.wrapper import wrapper
from symcompile.frontend.definition import Definition
from symcompile.ir.dtypes import is_single
from symcompile.planning import Schedule

#: Vectors of so many doubles in products of matrices, by what the processor has.
_WIDTHS = {8: {"__AVX512F__": "1", "__AVX__": "1"}, 4: {"__AVX__": "1"}, 2: {}}
#: What is called for a tile or a call, and not worth a copy.
_APART = (
    "sc_as_array sc_is_vector sc_is_column sc_is_array sc_result sc_fill sc_flush sc_totals"
).split()
#: A loop that is not worth being made longer.
_SMALL = ["sc_packed"]
#: What is not worth optimising.
_COLD = (
    "sc_run sc_thread sc_threads sc_total sc_accumulate sc_memory sc_blocks sc_tile"
    " sc_caller_call sc_instance_call"
).split()
#: What is around the loops of a kernel, beside its own functions for Python.
_AROUND = [
    *_COLD,
    *"sc_as_array sc_is_vector sc_is_column sc_is_array sc_fill".split(),
    *"sc_block_size sc_call".split(),
]
#: What is shorter than a call, where nothing else is optimised.
_INLINE = "sc_is sc_doubles sc_length sc_release sc_acquire sc_result sc_pair_of".split()
#: Straight-line code of more instructions than this is translated as it stands: it is simplified
#: already, and choosing instructions and registers with care takes many times as long.
_LONG = 6_000


class LLVMEmitter(CEmitter):
    """Prints C, but long straight-line code of real numbers, which is written for LLVM directly."""

    #: LLVM's own time is linear in it.
    chunk = 1000

    def __init__(
        self, definition: Definition, names: Identifiers, schedule: Schedule, name: str
    ) -> None:
        super().__init__(definition, names, schedule, name)
        self.direct: dict[str, Piece] = {}

    def straight(
        self, name: str, arguments: Sequence[str], chunk: Chunk, given: Mapping[int, str]
    ) -> str:
        """Return a piece of straight-line code, or its declaration if LLVM gets it directly."""
        used = {arg for node in chunk.nodes for arg in self.graph[node].args}
        inputs = {n: (a, int(k)) for n, (a, k) in self.places(used).items() if k.isdigit()}
        before = {n: int(found[1]) for n in used if (found := _SLOT.fullmatch(given.get(n, "")))}
        plain = not is_single(self.numbers.dtype) and not self.complex and not self.sizes()
        if not plain or not lowers(self.graph, chunk.nodes, inputs):
            return super().straight(name, arguments, chunk, given)
        self.direct[name] = Piece(
            name,
            arguments,
            self.graph,
            self.dialect,
            chunk.nodes,
            inputs,
            {**before, **chunk.reads},
            chunk.writes,
        )
        return f"{self.piece_head(name, arguments)};\n"


_SLOT = re.compile(r"work\[(\d+)\]")


@dataclass(frozen=True)
class _Body:
    """A function as the templates take it."""

    signature: Signature
    code: str
    c: CFunction
    glue: str
    core: str
    call: str
    pieces: Mapping[str, Piece]


def emit_llvm(
    definition: Definition,
    schedules: Sequence[Schedule],
    threads: int | None = None,
    *,
    width: int = 4,
) -> str:
    """Return the source of a module for LLVM with the functions of ``schedules``.

    Args:
        definition: whose functions they are.
        schedules: the functions.
        threads: how many threads there may be; None asks the environment at each call.
        width: how many doubles a vector register holds; products of matrices are written for it.
    """
    names = identifiers(definition)
    bodies = [_body(definition, names, schedule) for schedule in schedules]
    code = "\n".join(body.c.text for body in bodies)
    code = with_helpers(code, helpers_of(schedules, C), code, "c")
    direct = {name: piece for body in bodies for name, piece in body.pieces.items()}
    if direct:
        called = sorted({text for piece in direct.values() for text in piece.operations()})
        code += f"\n/* Written without C are {', '.join(called)}. */\n"
    needed = support(code, "c")
    glue = "\n".join(body.code for body in bodies)
    used = helpers(glue)
    exported = ["sc_call"]
    exported += [name for body in bodies for name in (body.core, body.call) if name]
    c = render(
        "llvm/kernel.c.j2",
        code=code,
        bodies=bodies,
        glue="\n".join(body.glue for body in bodies),
        loops=any(schedule.loops for schedule in schedules) or bool(definition.data),
        numbers=numbers_of(definition),
        rank=rank(definition),
        support=needed,
        threads=threads,
        vector=(),
        **LIMITS,
    )
    loops = [*(body.c.name for body in bodies), "sc_is_whole", "sc_packed"]
    around = [*_AROUND, *exported]
    if not definition.data:  # a call is most of what is done, so it is optimised as well
        around = ["sc_call"]
        loops += exported[1:]
    lowered = lowered_module(c, exported, needed, width, direct, loops=loops, glue=around)
    integral = integrates(code)
    needs = imported("NumPy and llvmlite", special=needed.special, integrates=integral)
    return render(
        "llvm/kernel.py.j2",
        header=header(definition, names, [s.function for s in schedules], needs),
        definition=definition,
        constants=constant_defaults(definition, names),
        bodies=bodies,
        integrates=integral,
        used=used,
        numbers=numbers_of(definition),
        pieces=bool(used & {"_split", "_joined"}),
        text=glue,
        tables=tables(definition),
        **linking(lowered, exported, needed, loops=any(s.loops for s in schedules)),
    )


def lowered_module(
    c: str,
    exported: Sequence[str],
    needed: Support,
    width: int,
    direct: Mapping[str, Piece] | None = None,
    features: Mapping[str, str] | None = None,
    loops: Sequence[str] = (),
    glue: Sequence[str] = (),
    small: Sequence[str] = (),
) -> Lowered:
    """Return C as LLVM's language; pointers to SciPy's functions are set from outside.

    With ``glue`` it is two modules; see :mod:`symcompile.cc.parts`. Functions that are ``small``
    are not worth being made longer: their loops are short.
    """
    variables = [f"sc_scipy_{pointer.ident}" for pointer in needed.pointers]
    given = {name: piece.text for name, piece in (direct or {}).items()}
    defined = {**_WIDTHS[width], **(features or {})}
    groups = dict.fromkeys(_APART, NOINLINE) | dict.fromkeys((*_SMALL, *small), SMALL)
    groups |= dict.fromkeys(_INLINE, INLINE) if glue else dict.fromkeys(_COLD, COLD)
    return lower(c, exported, defined, [*variables, "sc_quad"], groups, given, loops, glue)


def linking(
    lowered: Lowered, exported: Sequence[str], needed: Support, *, loops: bool
) -> dict[str, object]:
    """Return what a template says of how its machine code is made and linked."""
    variables = [f"sc_scipy_{pointer.ident}" for pointer in needed.pointers]
    variables += ["sc_quad"] if "@sc_quad = " in lowered.text else []
    lines = lowered.text.count("\n")
    long = not loops and lines > _LONG
    return {
        "lowered": lowered,
        "exported": (*exported, *variables),
        "support": needed,
        "level": 2 if loops else 0 if long else 1,
        "codegen": 0 if long else 1 if lines > _LONG else 2,
        "loops": loops,
    }


def _body(definition: Definition, names: Identifiers, schedule: Schedule) -> _Body:
    name = c_name(definition, schedule.function.name)
    emitter = LLVMEmitter(definition, names, schedule, name)
    emitted = emitter.emit()
    glue = Glue(definition, names, schedule.function, emitter, emitted)
    call = glue.call()
    return _Body(
        signature=signature(definition, names, schedule.function),
        code=indent(wrapper(definition, names, schedule), 1),
        c=emitted,
        glue="\n".join([*glue.core(), *call]),
        core=f"{name}_core",
        call=f"{name}_call" if call else "",
        pieces=emitter.direct,
    )
