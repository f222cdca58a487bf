"""A file of C as two modules: linked, they compute what one does."""

from __future__ import annotations

import ctypes
from typing import Any

import llvmlite.binding as llvm
import pytest

from symcompile.cc import Lowered, lower
from symcompile.errors import LoweringError

TEXT = """
#include <math.h>
#include <stddef.h>
typedef struct { const double *data; ptrdiff_t stride[1]; } sc_array;
static const double table[] = {1.0, 10.0, 100.0};
static inline double twice(double x) { return 2.0 * x + table[1]; }
static double step(double x) { return twice(x) + table[2]; }
static double loop(sc_array x, ptrdiff_t n)
{
    double total = 0.0;
    for (ptrdiff_t i = 0; i < n; i++) {
        total += step(x.data[i * x.stride[0]]) + twice(1.0);
    }
    return total;
}
double called(const double *x, ptrdiff_t n)
{
    const sc_array array = {x, {2}};
    return twice(loop(array, n)) + table[0];
}
"""


def _split(text: str = TEXT) -> Lowered:
    return lower(text, ["called"], loops=["loop"], glue=["called", "step"])


def _linked(texts: list[str]) -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(jit=True, reloc="pic")
    library = llvm.JITLibraryBuilder().export_symbol("called")
    for text in texts:
        groups = "".join(f"\nattributes #{k} = {{ nounwind }}" for k in (0, 3, 4, 5, 6))
        module = llvm.parse_assembly(text + groups)
        module.verify()
        module.triple, module.data_layout = machine.triple, str(machine.target_data)
        library.add_object_img(machine.emit_object(module))
    compiler = llvm.create_lljit_compiler(machine)
    return compiler, library.link(compiler, "test")


def test_two_modules_compute_what_one_does() -> None:
    found = _split()
    xs = [0.5, 9.0, -3.0, 9.0, 7.25, 9.0]
    results = []
    for texts in ([lower(TEXT, ["called"]).text], [found.text, found.glue]):
        kept = _linked(texts)
        function = ctypes.CFUNCTYPE(
            ctypes.c_double, ctypes.POINTER(ctypes.c_double), ctypes.c_ssize_t
        )(kept[1]["called"])
        results.append(function((ctypes.c_double * 6)(*xs), 3))
    total = sum(2 * x + 10 + 100 + 12 for x in xs[::2])
    assert results == [2 * total + 10 + 1] * 2


def test_each_function_is_where_it_belongs() -> None:
    found = _split()
    assert "define double @loop(" in found.text
    assert "declare double @step(" in found.text
    assert "@called(" not in found.text
    assert "declare double @loop(" in found.glue
    assert "define double @step(" in found.glue
    for text in (found.text, found.glue):
        assert "define internal double @twice(" in text


def test_a_variable_that_changes_is_in_one_module_only() -> None:
    text = """
static int count = 0;
static int loop(void) { return ++count; }
int called(void) { return loop() + count; }
"""
    with pytest.raises(LoweringError, match="@count = internal global i32 0 is needed in two"):
        _split(text)
