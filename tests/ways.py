"""The backends that tests run through."""

from __future__ import annotations

import pytest

#: All; Numba, whose compiler takes seconds a function, with ``--long`` only. What it needs for
#: itself is tested in `emit/test_numba.py`, all operations of it in `test_backends.py`.
BACKENDS = ["python", pytest.param("numba", marks=pytest.mark.long), "cython", "llvm"]
