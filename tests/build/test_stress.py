"""The committed stress command, with fewer processes and kills."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from symcompile.build.toolchain import find_toolchain
from symcompile.errors import ToolchainError

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs process groups")


@pytest.mark.parametrize(
    ("processes", "kills"), [(4, 0), pytest.param(8, 10, marks=pytest.mark.long)]
)
def test_stress(processes: int, kills: int) -> None:
    try:
        find_toolchain()
    except ToolchainError as error:
        pytest.skip(str(error))
    command = [sys.executable, "-m", "benchmarks.cache_stress"]
    done = subprocess.run(
        [*command, "--processes", str(processes), "--kills", str(kills)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"cython: {processes} right results, 1 C compilers ran, 1 entry" in done.stdout
    assert done.stdout.endswith("all well\n")
