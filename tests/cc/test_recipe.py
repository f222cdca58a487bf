"""Operations as instructions to be filled in: all that C can be, and what they compute."""

from __future__ import annotations

import re

import pytest

from symcompile.cc import types
from symcompile.cc.recipe import recipe
from symcompile.cc.unit import DEFINED, Unit
from symcompile.emit.dialect import C
from symcompile.emit.library import support
from symcompile.emit.limits import LIMITS
from symcompile.emit.numbers import Numbers
from symcompile.emit.straight import template
from symcompile.emit.templates import part
from symcompile.errors import LoweringError
from symcompile.ir.ops import OPS

TEXTS = {op: template(C, op) for op, row in OPS.items() if row.c}


def unit(code: str) -> Unit:
    needed = support(code, "c")
    settings = {"numbers": Numbers("float64", "float64"), "support": needed, "code": code}
    settings |= {"loops": True, "threads": None, "rank": 1, "vector": (), **LIMITS}
    text = part("llvm/python.h.j2", {}) + part("shared/prelude.h.j2", settings)
    return Unit(text, DEFINED)


@pytest.fixture(scope="module")
def everything() -> Unit:
    return unit("\n".join(TEXTS.values()))


@pytest.mark.parametrize("op", TEXTS)
def test_every_operation_is_one(everything: Unit, op: str) -> None:
    text = TEXTS[op]
    used = sorted({int(k) for k in re.findall(r"\{(\d)\}", text)})
    count = used[-1] + 1 if used else 0
    kind = types.BOOL if op in ("and", "or", "not") else types.DOUBLE
    found = recipe(everything, text, (kind,) * count, kind)
    lines, value = found.written([7, *(f"%x{k}" for k in range(count))])
    assert value in lines or not lines
    assert all(f"%x{k}" in lines + value for k in used)
    defined = re.findall(r"^ *(%\w+) =", lines, re.MULTILINE)
    assert len(set(defined)) == len(defined)
    assert not set(defined) & set(re.findall(r"%n8\w+", found.written([8, *["1.0"] * count])[0]))


def test_what_needs_memory_is_none(everything: Unit) -> None:
    with pytest.raises(LoweringError, match="more than an operation"):
        recipe(everything, "({0} > 0.0 ? exp({0}) : ({0} += 1.0))", (types.DOUBLE,), types.DOUBLE)
