"""C run twice: lowered here and compiled by llvmlite, and by the machine's own compiler."""

from __future__ import annotations

import ctypes
import ctypes.util
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm

from symcompile.build.toolchain import find_toolchain
from symcompile.cc import lower

_HEAD = """
#include <complex.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
typedef double _Complex sc_complex;
"""
_kept: list[Any] = []


def lowered(text: str, name: str) -> Callable[..., Any]:
    """Return the address of a function, lowered here."""
    found = lower(_HEAD + text, [name], {"__AVX__": "1"})
    groups = {0: "", 1: "memory(none)", 3: "noinline", 4: "alwaysinline", 5: "noinline optnone"}
    groups |= dict.fromkeys((number for number, *_ in found.vectors), "memory(none)")
    attributes = [f"attributes #{n} = {{ nounwind {kind} }}" for n, kind in groups.items()]
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    machine = target.create_target_machine(opt=2, jit=True, reloc="pic", codemodel="small")
    module = llvm.parse_assembly("\n".join([found.text, *attributes]))
    module.triple, module.data_layout = machine.triple, str(machine.target_data)
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    library = llvm.JITLibraryBuilder().add_object_img(machine.emit_object(module))
    libm, libc = ctypes.CDLL(ctypes.util.find_library("m")), ctypes.CDLL(None)
    for function in found.library:
        library.import_symbol(f"sc.{function}", _address(libm, function))
    for function in found.external:
        library.import_symbol(function, _address(libc, function))
    library.export_symbol(name)
    compiler = llvm.create_lljit_compiler(machine)
    linked = library.link(compiler, f"module{len(_kept)}")
    _kept.extend([compiler, linked])
    return linked[name]  # type: ignore[no-any-return]


def compiled(text: str, folder: Path) -> ctypes.CDLL:
    """Return a library with the functions of a text, by the machine's own compiler."""
    source = folder / "code.c"
    source.write_text(
        _HEAD + text.replace("static double f(", "double f(").replace("static int f(", "int f("),
        encoding="utf-8",
    )
    out = folder / "code.so"
    command = [*find_toolchain().command, "-O1", "-ffp-contract=off", "-w", "-shared", "-fPIC"]
    subprocess.run([*command, str(source), "-o", str(out), "-lm"], check=True)
    return ctypes.CDLL(str(out))


def _address(library: ctypes.CDLL, name: str) -> int:
    return ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0
