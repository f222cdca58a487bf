"""Cross-checks of definitions over arrays, and the data that are made up for them.

The kernels are the oracle's own results, rounded.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from symcompile import crosscheck
from symcompile.checking.differences import doubles
from symcompile.checking.oracle import Oracle
from symcompile.checking.report import Report
from symcompile.checking.setting import Setting
from symcompile.errors import ArgumentTypeError, ArgumentValueError, BuildFileError
from symcompile.frontend.definition import Definition
from symcompile.frontend.roles import Required
from symcompile.ir.affine import Affine
from symcompile.verify import candidates, described, made_up, small_sizes
from tests import array_models

module = sys.modules["symcompile.checking.crosscheck"]  # the package's attribute is the function

RANDOM = np.random.default_rng(4)
X, Y = RANDOM.normal(size=(5, 2)), RANDOM.choice([-1.0, 1.0], 5)


class Rounded:
    """A kernel that returns what the oracle does, to the nearest double, or with an error."""

    def __init__(self, definition: Definition, wrong: str = "") -> None:
        self._definition, self._wrong = definition, wrong

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(p: Any, *args: Any, **constants: float) -> Any:
            count = 1 if name in ("hvp", "jvp", "vjp") else 0
            oracle = Oracle(self._definition, p, args[count:], constants)
            parts = [doubles(part) for part in oracle.result(name, *args[:count])]
            if name == self._wrong:
                parts[-1] = parts[-1] * (1 + 1e-9)
            found = [part if part.shape else float(part) for part in parts]
            return tuple(found) if len(found) > 1 else found[0]

        return call


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Report]:
    """Cross-check a definition; the kernel called numba may have one wrong function."""

    def run(definition: Definition, *data: Any, wrong: str = "", **kwargs: Any) -> Report:
        def stand_in(definition: Definition, backend: str, options: Any) -> Any:
            return Rounded(definition, wrong if backend == "numba" else "")

        monkeypatch.setattr(module, "_compile", stand_in)
        options = {"time_calls": False, "quiet": True, "backends": ["python", "numba"], **kwargs}
        return crosscheck(definition, *data, **options)

    return run


def test_arrays_pass(check: Callable[..., Report]) -> None:
    report = check(array_models.logreg(), X, Y)
    assert report.ok, str(report)
    functions = "value grad value_and_grad hessian hvp jacobian jvp vjp".split()
    assert [row.function for row in report.rows if row.backend == "python"] == functions
    assert all(row.ulp is not None for row in report.rows)
    assert all(fit.agrees for fit in report.fits)
    (note,) = [note for note in report.notes if "SymPy" in note]
    assert "not compared" in note
    assert check(array_models.logreg(), {"y": Y[:, None], "X": X}, fit=False).ok


def test_arrays_as_values_pass(check: Callable[..., Report]) -> None:
    for make in (array_models.product, array_models.statistics):
        report = check(make(), X)
        assert report.ok, str(report)
        assert {row.function for row in report.rows} == {"value", "jacobian", "jvp", "vjp"}


@pytest.mark.parametrize("wrong", ["value", "grad", "hessian", "hvp"])
def test_what_is_wrong_is_named(check: Callable[..., Report], wrong: str) -> None:
    report = check(array_models.logreg(), X, Y, wrong=wrong, fit=False)
    assert not report.ok
    assert any(failure.startswith(f"numba: {wrong} is off by") for failure in report.failures)
    assert any(f"numba and python differ in {wrong} by" in f for f in report.failures)
    assert not any(failure.startswith("python:") for failure in report.failures)


def test_the_length_of_p_may_be_a_size(check: Callable[..., Report]) -> None:
    assert check(array_models.chain(), p=np.linspace(0, 1, 6) ** 2, fit=False).ok
    with pytest.raises(ArgumentTypeError, match="size n"):
        check(array_models.chain())
    with pytest.raises(ArgumentValueError, match="p has 2 entries, but the parameters take 3"):
        check(array_models.logreg(), X, Y, p=[1.0, 2.0])
    with pytest.raises(ArgumentTypeError, match="2 data arrays"):
        check(array_models.logreg(), X)


def test_too_much_for_the_oracle(
    check: Callable[..., Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = Setting(array_models.product(), [np.ones((500, 60))], {}, None, 200)
    assert setting.count("value") == 1
    assert setting.count("jacobian") == 0
    assert len(setting.points) == 1
    assert setting.points[0].shape == (60,)
    monkeypatch.setattr("symcompile.checking.setting._LARGEST_ARRAYS", 15_000)
    report = check(array_models.logreg(), X, Y)
    assert report.ok, str(report)
    (note,) = [note for note in report.notes if note.startswith("hessian")]
    assert "too much work for it" in note
    assert note.endswith("only backends with each other")


def test_data_are_made_up() -> None:
    for make in (array_models.logreg, array_models.factors, array_models.statistics):
        definition = make()
        arrays, constants = made_up(definition)
        assert set(constants) == ({"n"} if definition.name == "factors" else set())
        sizes = Oracle(definition, np.ones(p_size(definition)), arrays).sizes
        assert len(set(sizes.values())) == len(sizes)
        again, _ = made_up(definition)
        assert all(np.array_equal(one, other) for one, other in zip(arrays, again, strict=True))
        assert "made up" in described(definition, arrays)
    (rows, *_), _ = next(iter(candidates(array_models.factors())))
    assert set(rows) <= set(range(small_sizes(array_models.factors())["n"]))


def p_size(definition: Definition) -> int:
    sizes = small_sizes(definition)
    shapes = definition.param_shapes
    return sum(math.prod(size.evaluate({**sizes}) for size in shape) for shape in shapes)


def test_sizes_that_fit() -> None:
    n, d = Affine.of("n"), Affine.of("d")
    definition = array_models.logreg()
    long = replace(definition, required=(Required(d - 2 * n, "X[i, 2*i]"),))
    sizes = small_sizes(long)
    assert sizes["d"] >= 2 * sizes["n"]
    square = replace(definition, required=(Required(d - n, ""), Required(n - d, "")))
    assert small_sizes(square) == {"n": 1, "d": 1}
    with pytest.raises(BuildFileError, match="data of your own"):
        small_sizes(replace(definition, required=(Required(-n, ""),)))
    given = replace(definition, constants=(("d", 7.0),))
    assert small_sizes(given)["d"] == 7
    # What no array fixes is passed as a constant.
    alone = replace(array_models.chain(), constants=(("n", None),))
    arrays, constants = made_up(alone)
    assert arrays == ()
    assert constants == {"n": 3.0}
    assert described(alone, arrays) == ""
