"""Random expressions over all functions, against mpmath: values, gradients and Hessians."""

from __future__ import annotations

import pytest
import sympy as sp
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from symcompile.frontend.scalars import supported_functions
from symcompile.ir.dtypes import DType
from tests.peers.exact import Tape, judge_point, scales
from tests.peers.fuzzing import Tally, fuzz, judge_all, subject_of
from tests.peers.grammar import LEFT_OUT, signatures
from tests.peers.mathematics import MEANINGS
from tests.peers.units import MP

x, y = sp.symbols("x y")


def test_every_function_is_met() -> None:
    """A function of the package that the fuzzer does not know of is to be told what it means."""
    known = signatures()
    assert set(known) | set(LEFT_OUT) >= set(supported_functions())
    assert set(known) <= set(MEANINGS)


def test_some() -> None:
    """The same hundred, whatever hypothesis draws in a version to come."""
    tally = fuzz(range(100), ("python",), "float64")
    assert not tally.failures, "\n".join(map(str, tally.failures))


@pytest.mark.long
@settings(max_examples=500, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(st.integers(100_000, 2**32))
def test_any(seed: int) -> None:
    """Others each time. They are not shrunk, since 50 digits of each step take too long."""
    tally = Tally()
    judge_all([subject_of(seed, "float64")], "python", tally)
    assert not tally.failures, "\n".join(map(str, tally.failures))


@pytest.mark.long
@pytest.mark.parametrize("dtype", ["float64", "float32", "complex128"])
def test_many_on_every_backend(dtype: DType) -> None:
    count = 10_000 if dtype == "float64" else 1_000
    tally = fuzz(range(count), ("python", "numba", "cython"), dtype, batch=200)
    assert not tally.failures, "\n".join(map(str, tally.failures))
    assert tally.skipped < 0.1


def test_the_judge_differentiates() -> None:
    tape = Tape(sp.exp(x * y) + sp.sin(x) / y, (x, y))
    truth = judge_point(tape, (0.5, 1.25), (1.0, -2.0)).truth
    with MP.workdps(40):
        a, b = MP.mpf("0.5"), MP.mpf("1.25")
        e, s, c = MP.exp(a * b), MP.sin(a), MP.cos(a)
        gradient = (b * e + c / b, a * e - s / b**2)
        mixed = e * (1 + a * b) - c / b**2
        product = (
            (b * b * e - s / b) - 2 * mixed,
            mixed - 2 * (a * a * e + 2 * s / b**3),
        )
        for found, expected in zip(
            (*truth.gradient, *truth.product), (*gradient, *product), strict=True
        ):
            assert abs(found - expected) < MP.mpf(10) ** -24


def test_the_judge_knows_what_rounding_does() -> None:
    """A difference of close numbers is as uncertain as they are large."""
    tape = Tape((x + 1) ** 2 - x**2 - 2 * x, (x,))
    point, vector = (1000.0,), (1.0,)
    truth = judge_point(tape, point, vector).truth
    value, _, _ = scales(tape, point, vector, truth)
    assert abs(truth.value - 1) < 1e-30
    assert 1e6 < value < 1e8
