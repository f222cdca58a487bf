"""The demo: every figure out of every backend, and an exit that says when one is off."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from symcompile.cli import main
from symcompile.demo import published
from symcompile.demo.lecture import SQUARED_ERROR, w0, w1, written_out, x, y
from symcompile.demo.picture import draw
from symcompile.demo.published import Figure, compare
from symcompile.demo.samples import load_samples
from symcompile.demo.specimens import load_specimens, to_csv
from symcompile.demo.timings import Way, measure, peers
from symcompile.demo.views import duration
from symcompile.errors import ArgumentValueError

PNG = b"\x89PNG\r\n\x1a\n"


def demo(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["demo", *map(str, arguments)], catch_exceptions=False)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    picture = tmp_path_factory.mktemp("demo") / "line.png"
    return demo("--picture", picture), picture


def test_the_demo_reproduces_what_was_published(shown: tuple[Result, Path]) -> None:
    result, _ = shown
    assert result.exit_code == 0, result.output
    for figure in (*published.FIT, *published.AT_POINT, published.WAVE):
        (line,) = [
            line
            for line in result.stdout.splitlines()
            if line.strip().startswith(f"{figure.name} ") and figure.text in line
        ]
        assert line.rstrip().endswith("ok")
    assert "OK: all 15 figures, on python, numba, cython, llvm" in result.stdout
    assert "cross-check of linreg" in result.stdout


def test_the_demo_shows_the_gradient_and_the_timings(shown: tuple[Result, Path]) -> None:
    text = shown[0].stdout
    assert "2*Sum((w0 + w1*x[i] - y[i])*x[i], (i, 0, n - 1))/n" in text
    for name in ("SymPy's N()", "lambdify, NumPy arrays", "symcompile python", "symcompile numba"):
        assert name in text
    assert text.splitlines()[-1].endswith("symcompile build FILE")
    assert max(len(line.rstrip()) for line in text.splitlines()) < 80
    assert "\N{HORIZONTAL ELLIPSIS}" not in text  # nothing is cut to fit


def test_the_demo_draws(shown: tuple[Result, Path]) -> None:
    assert shown[1].read_bytes().startswith(PNG)


def test_a_figure_that_differs_is_an_exit_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = replace(published.AT_POINT[0], text="16.7906955")
    monkeypatch.setattr(published, "AT_POINT", (wrong, *published.AT_POINT[1:]))
    monkeypatch.setattr("symcompile.demo.run.BACKENDS", ("python",))
    result = demo("--picture", tmp_path / "line.png")
    assert result.exit_code == 1
    assert "NOT OK: 1 of 15 figures differ" in result.stdout


def test_without_a_compiler_the_demo_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    result = demo("--picture", tmp_path / "line.png")
    assert result.exit_code == 0, result.output
    assert "no-such-compiler" in result.stdout
    assert "OK: all 15 figures, on python, numba, llvm\n" in result.stdout


def test_other_data_are_not_set_beside_the_published_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("symcompile.demo.run.BACKENDS", ("python",))
    X, Y = load_specimens()
    (tmp_path / "mine.csv").write_text(to_csv(X[:40], Y[:40]))
    result = demo("--data", tmp_path / "mine.csv", "--picture", tmp_path / "line.svg")
    assert result.exit_code == 0, result.output
    assert published.LOSS.text not in result.stdout
    slope, intercept = np.polyfit(X[:40], Y[:40], 1)
    assert f"{intercept:.5g}" in result.stdout
    assert f"{slope:.5g}" in result.stdout


def test_the_published_samples_count_as_comparable(shared_data: Path) -> None:
    assert load_samples(shared_data / "trilotropicos.csv").comparable
    assert load_samples(None).comparable


def test_samples_that_are_a_little_off_do_not() -> None:
    samples = load_samples(None)
    moved = samples.Y.copy()
    moved[0] += 1e-9
    assert not replace(samples, Y=moved).comparable


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x,y\n1,2\n", "two rows of different length"),
        ("x,y\n1,2\n1,3\n", "two rows of different length"),
        ("x,y\n1,2\n2,three\n", "line 3: two numbers"),
        ("x,y\n1\n", "line 2: two numbers"),
        ("x,y\n1,2\n2,nan\n", "line 3: two numbers"),
        ("", "two rows"),
    ],
)
def test_data_that_do_not_fit(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "data.csv"
    path.write_text(text)
    with pytest.raises(ArgumentValueError, match=said):
        load_samples(path)


def test_data_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ArgumentValueError, match="cannot be read"):
        load_samples(tmp_path / "missing.csv")


def test_without_matplotlib_the_demo_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("symcompile.demo.run.BACKENDS", ("python",))
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    X, Y = load_specimens()
    (tmp_path / "few.csv").write_text(to_csv(X[:10], Y[:10]))
    result = demo("--data", tmp_path / "few.csv", "--picture", tmp_path / "line.png")
    assert result.exit_code == 0, result.output
    assert "pip install matplotlib" in result.stdout
    assert not (tmp_path / "line.png").exists()


def test_a_picture_that_cannot_be_written(tmp_path: Path) -> None:
    X, Y = load_specimens()
    with pytest.raises(OSError, match="No such file"):
        draw(tmp_path / "missing" / "line.png", X, Y, (1.0, 1.0), 1.0)


def test_the_written_out_sum_is_the_loss() -> None:
    X, Y = load_specimens()
    total = written_out(X, Y)
    assert len(total.atoms(type(x))) == 2
    at = {w0: 12.5, w1: -0.75}
    by_hand = float(np.mean((12.5 - 0.75 * X - Y) ** 2))
    assert float(total.subs(at)) == pytest.approx(by_hand, rel=1e-12)
    one = {**at, x: float(X[0]), y: float(Y[0])}
    assert float(SQUARED_ERROR.subs(one)) == pytest.approx((12.5 - 0.75 * X[0] - Y[0]) ** 2)


def test_the_peers_compute_the_same() -> None:
    X, Y = load_specimens()
    p = (12.5, -0.75)
    r = p[0] + p[1] * X - Y
    expected = [np.mean(r**2), 2 * np.mean(r), 2 * np.mean(r * X)]
    for way in peers(written_out(X, Y), X, Y, p):
        assert way.value() == pytest.approx(expected[0], rel=1e-12), way.name
        np.testing.assert_allclose(way.both(), expected, rtol=1e-11)


def test_every_way_is_measured() -> None:
    ways = [Way(str(k), lambda: 1.0, lambda: [1.0], True) for k in range(2)]
    found = measure(ways)
    assert [timing.way for timing in found] == ways
    assert all(timing.value > 0 and timing.both > 0 for timing in found)


def test_what_is_measured_is_what_is_farthest_off() -> None:
    figure = Figure("f", "1.0", 0.1)
    (found,) = compare((figure,), {"a": [1.05], "b": [math.nan], "c": [1.09]})
    assert found.backend == "b"
    assert not found.ok
    (found,) = compare((figure,), {"a": [0.95], "b": [1.01]})
    assert (found.backend, found.ok) == ("a", True)
    assert found.difference == pytest.approx(0.05)
    (found,) = compare((figure,), {"a": [1.0], "b": [1.0]})
    assert (found.backend, found.difference) == ("all", 0.0)


def test_durations() -> None:
    assert [duration(t) for t in (2e-10, 9.994e-7, 1.5e-5, 0.25, 12.0)] == [
        *("0.200 ns", "999 ns", "15.0 us", "250 ms", "12.0 s")
    ]
