"""Spellings keep their arguments together, and are one operand where they are used."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from symcompile.emit.expression import SUM, Text, tightness
from symcompile.ir.ops import INFIX, OPS

LANGUAGES = ("python", "numpy", "numba", "c")


def _spellings(language: str) -> Iterator[tuple[str, str, int]]:
    for name, op in OPS.items():
        if name in INFIX:
            continue
        for row in (op, op.complex):
            template = row and getattr(row, language)
            if template:
                yield name, template, op.arity


class _Insert(ast.NodeTransformer):
    """Puts ``a - b`` in the places of arguments."""

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.parse("a - b", mode="eval").body if node.id.startswith("argument_") else node


def _tree(text: str) -> ast.expr:
    # What C writes with signs of its own, Python has words for.
    text = text.replace("(!", "(not ").replace("&&", " and ")
    return ast.parse(text.replace("?", " or ").replace(" : ", " or "), mode="eval").body


@pytest.mark.parametrize("language", LANGUAGES)
def test_arguments_stay_whole(language: str) -> None:
    compound = Text("a - b", SUM)
    for name, template, arity in _spellings(language):
        found = template.format(*map(compound.within, tightness(template, arity)))
        expected = template.format(*(f"argument_{k}" for k in range(arity)))
        expected_tree = _Insert().visit(_tree(expected))
        assert ast.dump(_tree(found)) == ast.dump(expected_tree), (name, template)


@pytest.mark.parametrize("language", LANGUAGES)
def test_spellings_are_operands(language: str) -> None:
    for name, template, arity in _spellings(language):
        text = template.format(*(f"argument_{k}" for k in range(arity)))
        outer = _tree(f"x*{text}/y")
        assert isinstance(outer, ast.BinOp), (name, template)
        assert isinstance(outer.left, ast.BinOp), (name, template)
        assert ast.dump(outer.left.right) == ast.dump(_tree(text)), (name, template)


def test_the_remainder_of_a_sum() -> None:
    assert tightness("({0} % {1})", 2) == (5, 5)
    assert tightness("math.sin({0})", 1) == (0,)
