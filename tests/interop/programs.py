"""Definitions that programs in other languages call, and what compiles those programs."""

from __future__ import annotations

import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sympy as sp

import symcompile as sc
from symcompile.build.toolchain import find_toolchain

x, y, a, b, h, t = sp.symbols("x y a b h t")
n, d = sp.symbols("n d", integer=True, positive=True)
i, j = sp.Idx("i", n), sp.Idx("j", d)

#: No data: every callback, and a value of numbers.
BLEND = sc.define(
    "blend", sp.exp(-a * x**2) * sp.cos(b * x) + h, params=(x, a, b), constants={h: 0.25}
)
#: Data, and a row for each sample.
ROWS = sc.define(
    "rows",
    (a * x + sp.exp(-b * y), sp.Piecewise((x * y, x > 0), (h * a, True))),
    params=(a, b),
    data=(x, y),
    constants={h: 0.5},
)
#: Data, one of them, and a sum over it.
SPREAD = sc.define(
    "spread",
    sp.log(1 + (x - a) ** 2 / h),
    params=a,
    data=x,
    reduce="mean",
    constants={h: 2.0},
)
#: A formula for each sample.
DENSITY = sc.define("density", sp.exp(-((x - a) ** 2) / b) * y, params=(a, b), data=(x, y))
#: Arrays.
_X, _y = sp.IndexedBase("X", shape=(n, d)), sp.IndexedBase("y", shape=(n,))
_w = sp.IndexedBase("w", shape=(d,))
FIT = sc.define(
    "fit",
    sp.Sum((sp.Sum(_X[i, j] * _w[j], (j, 0, d - 1)) + b - _y[i]) ** 2, (i, 0, n - 1)) / n
    + h * sp.Sum(_w[j] ** 2, (j, 0, d - 1)),
    params=(_w, b),
    data=(_X, _y),
    constants={h: 0.1},
)
#: A size that no array has, beside a constant.
SERIES = sc.define("series", sp.Sum(a**i * h, (i, 0, n - 1)), params=a, constants={h: 2.0, n: None})
#: Other numbers than doubles.
SINGLE = sc.define(
    "single", a * sp.sin(x) + h, params=a, data=x, constants={h: 1.5}, dtype="float32"
)
TWISTED = sc.define(
    "twisted", a**2 * sp.exp(b) + h, params=(a, b), constants={h: 0.5}, dtype="complex128"
)
#: What C by itself cannot compute: a function of SciPy's.
AIRY = sc.define("airy", sp.airyai(a * x), params=(x, a))
#: Rates of change, with the time in them.
OSCILLATOR = sc.define(
    "oscillator", (b, -h * a + sp.sin(t)), params=(a, b), constants={h: 2.0, t: 0.0}
)

STRICT = ("-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror")


def run(folder: Path, *command: str) -> str:
    """Run a command in a folder, and return what it prints."""
    found = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )
    assert not found.returncode, f"{shlex.join(command)}\n{found.stdout}\n{found.stderr}"
    return found.stdout


def compiler() -> tuple[str, ...]:
    """Return the command of the C compiler."""
    return find_toolchain().command


def build_extension(folder: Path, name: str) -> None:
    """Compile a ``.pyx`` in a folder, as one's own build would: with its ``.pxd`` and others."""
    import numpy

    run(folder, sys.executable, "-m", "cython", "-3", f"{name}.pyx")
    includes = (sysconfig.get_path("include"), numpy.get_include())
    flags = [f"-I{path}" for path in includes]
    output = name + str(sysconfig.get_config_var("EXT_SUFFIX"))
    run(
        folder,
        *compiler(),
        *("-shared", "-fPIC", "-O1", "-w", *flags, f"{name}.c", "-o", output, "-lm"),
    )


@contextmanager
def importing_from(folder: Path) -> Iterator[None]:
    """Import modules from a folder; others of the same names find their place free afterwards."""
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        try:
            yield
        finally:
            for name in set(sys.modules) - before:
                file = getattr(sys.modules[name], "__file__", None)
                if file is not None and Path(file).resolve().is_relative_to(folder.resolve()):
                    del sys.modules[name]
