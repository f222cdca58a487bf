"""Names that users choose, as identifiers."""

from __future__ import annotations

import keyword

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symcompile.naming import RESERVED, Names, identifier


@given(st.text(max_size=60))
def test_an_identifier_is_safe(name: str) -> None:
    found = identifier(name)
    assert found.isascii()
    assert found.isidentifier()
    assert found[0].isalpha()
    assert not keyword.iskeyword(found)
    assert found not in RESERVED
    assert len(found) <= 42
    assert identifier(name) == found


@given(st.lists(st.text(max_size=4), max_size=30))
def test_names_are_handed_out_once(wishes: list[str]) -> None:
    names = Names(["x"])
    found = [names.fresh(wish) for wish in wishes]
    assert len({*found, "x"}) == len(found) + 1
    assert [Names(["x"]).fresh(wishes[0])] == found[:1] if wishes else True
    assert all(name.isidentifier() and name not in RESERVED for name in found)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("x", "x"),
        ("w_{0}", "w_0"),
        ("\\alpha^2", "alpha_2"),
        ("λ", "lambda_"),
        ("Ω", "Omega"),
        ("é", "e"),
        ("lambda", "lambda_"),
        ("x; import os", "x_import_os"),
        ("x_", "x"),
        ("__init__", "init"),
        ("日本", "v_"),
        ("u12", "u12_"),
        ("v0", "v0_"),
        ("TILE", "TILE_"),
        ("printf", "printf"),
    ],
)
def test_examples(name: str, expected: str) -> None:
    assert identifier(name) == expected


def test_numbered_names_skip_what_is_taken() -> None:
    names = Names(["t1"])
    numbers = iter(names.numbered("t"))
    assert [next(numbers) for _ in range(3)] == ["t0", "t2", "t3"]
    assert names.fresh("t0") == "t0_2"
    assert next(iter(names.numbered("t"))) == "t4"
