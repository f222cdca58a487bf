"""Cheapest cuts, against all cuts of small networks."""

from __future__ import annotations

from itertools import chain, combinations

from hypothesis import given
from hypothesis import strategies as st

from symcompile.binding.mincut import nearest_cut

_NODES = 6
_EDGES = st.dictionaries(
    st.tuples(st.integers(0, _NODES - 1), st.integers(0, _NODES - 1)).filter(
        lambda e: e[0] != e[1]
    ),
    st.integers(0, 9),
    max_size=14,
)


def _price(edges: dict[tuple[int, int], int], near: set[int]) -> int:
    return sum(p for (start, end), p in edges.items() if start in near and end not in near)


@given(_EDGES)
def test_the_cut_is_the_smallest_of_the_cheapest(edges: dict[tuple[int, int], int]) -> None:
    found = nearest_cut(edges, 0, 1)
    assert 0 in found
    assert 1 not in found
    others = range(2, _NODES)
    sets = chain.from_iterable(combinations(others, k) for k in range(_NODES - 1))
    cuts = [{0, *chosen} for chosen in sets]
    least = min(_price(edges, cut) for cut in cuts)
    assert _price(edges, found) == least
    # The nearest cut is within every cheapest one.
    assert all(found <= cut for cut in cuts if _price(edges, cut) == least)
