"""Letters for indices: one for each size, different where they meet."""

from __future__ import annotations

from symcompile.ir.affine import Affine
from symcompile.ir.graph import Axis, Gather, Graph, View
from symcompile.ir.indices import Letters, equation, scattered, source_place

n, d = Axis(Affine.of("n")), Axis(Affine.of("d"))
AT = Affine.of(0, axis=True)


def test_an_axis_of_one_size_has_the_same_letter() -> None:
    letters = Letters([n, d])
    assert letters.distinct((d,)) == ("j",)
    assert letters.distinct((Axis(n.extent - 2), d)) == ("i", "j")
    assert letters.distinct((n, n, d, d)) == ("i", "k", "j", "l")
    assert letters.fresh(Axis(Affine(3)), {"i"}) == "k"


def test_letters_never_run_out() -> None:
    found = Letters([n], taken="ijkl").distinct((n,) * 60)
    assert len(set(found)) == 60
    assert not set(found) & set("ijkl")


def test_text_has_letters_first() -> None:
    letters = Letters([n, d], sizes={"n": "N"})
    value = Affine.of("z") + Affine.of("n") - Affine.of("i") * 2 - 1
    assert letters.text(value) == "z + N - 2*i - 1"
    assert letters.text(Affine(0)) == "0"
    assert letters.range("i", Axis(n.extent - 1)) == "i < N - 1"


def test_equations_have_no_signs_where_that_can_be() -> None:
    i, j, size = Affine.of("i"), Affine.of("j"), Affine.of("n")

    def text(value: Affine) -> str:
        return " = ".join(map(str, equation(value, {"n"})))

    assert text(i - j) == text(j - i) == "i = j"
    assert text(i - j + 1) == "i + 1 = j"
    assert text(i - j - 1) == "i = j + 1"
    assert text(size - 1 - i) == "i = n - 1"
    assert text(2 * i + 3 - j) == "2*i + 3 = j"


def test_views_of_gathers_name_what_they_read() -> None:
    g = Graph()
    r, x = g.input("data", 0, (n,)), g.input("data", 1, (d,))
    later = g.view(r, View((AT + 1,)), (n,))
    node = g.view(x, View((Gather(1, (0,)),)), (n,), (later,))
    seen: list[tuple[int, str]] = []

    def read(arg: int, place: tuple[Affine, ...]) -> Affine:
        seen.append((arg, str(place[0])))
        return Affine.of("r[...]")

    assert source_place(g, node, (Affine.of("t"),), read) == (Affine.of("r[...]"),)
    assert seen == [(later, "t")]


def test_scatters_find_the_indices_that_are_plain() -> None:
    g = Graph()
    body = g.input("data", 0, (n, d))
    at = View((Affine.of(1, axis=True), AT + 1))
    node = g.scatter(body, at, (d, Axis(n.extent + 1)))
    place = (Affine.of("a"), Affine.of("b"))
    bound = scattered(g, node, place, {"a", "b"}, Letters([n, d]), lambda *_: Affine(0))
    assert bound.place == (Affine.of("i"), Affine.of("a"))
    assert bound.ranges == (("i", n),)
    assert bound.where == ((Affine.of("i") + 1, Affine.of("b")),)
