"""The published cases on every backend: values, gradients and Hessians, and how they are called."""

from __future__ import annotations

import pytest

from tests.peers.cases import judge, run_alone, run_batched
from tests.peers.published import (
    Point,
    Problem,
    feynman_problems,
    folder,
    lambdify_problems,
)


def _problems() -> list[Problem]:
    path = folder()
    if path is None:
        return []
    return [*lambdify_problems(path), *feynman_problems(path)]


PROBLEMS = _problems()
CATEGORIES = sorted({problem.category for problem in PROBLEMS})

pytestmark = pytest.mark.skipif(
    not PROBLEMS, reason="the published cases are not here (SYMCOMPILE_SHARED_DATA)"
)


@pytest.mark.parametrize("category", CATEGORIES)
def test_python(category: str) -> None:
    problems = [problem for problem in PROBLEMS if problem.category == category]
    bad = [v for v in (run_alone(problem, "python") for problem in problems) if not v.good]
    assert not bad, "\n".join(map(str, bad))


@pytest.mark.long
@pytest.mark.parametrize("backend", ["numba", "cython", "llvm"])
def test_many_in_one_function(backend: str) -> None:
    bad = [verdict for verdict in run_batched(PROBLEMS, backend) if not verdict.good]
    assert not bad, "\n".join(map(str, bad))


@pytest.mark.long
@pytest.mark.parametrize("backend", ["numba", "cython", "llvm"])
@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.name)
def test_a_function_for_each(problem: Problem, backend: str) -> None:
    verdict = run_alone(problem, backend)
    assert verdict.good, str(verdict)


def test_the_judge_sees_what_is_wrong() -> None:
    def error(got: object, answer: object, cond: float = 1.0) -> bool:
        problem = Problem("p", "c", "value", (), 0, (Point((), answer, cond),))
        return judge(problem, [got]).good

    ulp = 2.0**-52
    assert error(1 + 8 * ulp, "1") and not error(1 + 9 * ulp, "1")
    assert error(1 + 9 * ulp, "1", 2.0) and not error(float("nan"), "1")
    assert error(float("nan"), "nan") and error(float("inf"), "inf")
    assert not error(float("-inf"), "inf")
    assert error(1 + 2j, {"re": "1", "im": "2"}) and not error(1 + 2.1j, {"re": "1", "im": "2"})
    assert error([1.0], ["1"]) and not error((1.0,), ["1"]) and not error([1.0, 2.0], ["1"])
    assert error((1.0,), {"tuple": ["1"]}) and not error([1.0], {"tuple": ["1"]})
    assert error(True, True) and not error(False, True)
    assert not error([[1.0]], {"matrix": [["1"]]})
