"""The shipped data set against its code, its moments, and the published fit."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import asdict
from fractions import Fraction
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from symcompile.demo.specimens import (
    MOMENTS,
    load_specimens,
    main,
    make_specimens,
    to_csv,
)

PUBLISHED_W = (12.6899981, -0.7180591)
PUBLISHED_LOSS = 2.7447662570799594


def exact_moments(x: Sequence[float], y: Sequence[float]) -> dict[str, Fraction]:
    xs, ys = [Fraction(v) for v in x], [Fraction(v) for v in y]

    def mean(values: Sequence[Fraction]) -> Fraction:
        return sum(values, Fraction(0)) / len(values)

    return {
        "x": mean(xs),
        "xx": mean([v * v for v in xs]),
        "y": mean(ys),
        "xy": mean([a * b for a, b in zip(xs, ys, strict=True)]),
        "yy": mean([v * v for v in ys]),
    }


@pytest.fixture(scope="module")
def moments() -> dict[str, Fraction]:
    x, y = load_specimens()
    return exact_moments(x.tolist(), y.tolist())


def test_the_csv_is_what_the_code_makes() -> None:
    shipped = resources.files("symcompile.demo") / "specimens.csv"
    assert shipped.read_text(encoding="utf-8") == to_csv(*make_specimens())


def test_reading_the_csv_gives_the_same_bits() -> None:
    for read, made in zip(load_specimens(), make_specimens(), strict=True):
        assert read.dtype == np.float64
        assert read.shape == (150,)
        assert read.flags.c_contiguous
        assert read.tobytes() == made.tobytes()


def test_the_module_rewrites_its_csv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("symcompile.demo.specimens.__file__", str(tmp_path / "specimens.py"))
    main()
    assert (tmp_path / "specimens.csv").read_bytes() == to_csv(*make_specimens()).encode()
    assert capsys.readouterr().out.strip() == str(tmp_path / "specimens.csv")


@pytest.mark.parametrize("name", ["x", "xx", "y", "xy", "yy"])
def test_moments_are_the_prescribed_ones(moments: dict[str, Fraction], name: str) -> None:
    target = asdict(MOMENTS)[name]
    assert abs(moments[name] - Fraction(target)) <= 2 * Fraction(math.ulp(target))


def test_samples_look_like_measurements() -> None:
    x, y = load_specimens()
    assert x.min() > 2
    assert x.max() < 7
    assert y.min() > 6
    assert y.max() < 15
    assert len(set(x.tolist())) == len(set(y.tolist())) == 150


def test_the_least_squares_line_is_the_published_one(moments: dict[str, Fraction]) -> None:
    slope = (moments["xy"] - moments["x"] * moments["y"]) / (moments["xx"] - moments["x"] ** 2)
    intercept = moments["y"] - slope * moments["x"]
    loss = moments["yy"] - intercept * moments["y"] - slope * moments["xy"]

    assert (round(float(intercept), 7), round(float(slope), 7)) == PUBLISHED_W
    assert float(loss) == pytest.approx(PUBLISHED_LOSS, rel=1e-13, abs=0)


def test_the_published_samples_have_these_moments(shared_data: Path) -> None:
    with (shared_data / "trilotropicos.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    published_x = [float(row["longitud"]) for row in rows]
    published_y = [float(row["densidad_escamas"]) for row in rows]

    published = exact_moments(published_x, published_y)
    assert {name: float(value) for name, value in published.items()} == asdict(MOMENTS)

    x, y = load_specimens()
    assert set(published_x).isdisjoint(x.tolist())
    assert set(published_y).isdisjoint(y.tolist())
