"""Formulas from text: what is read, what is refused, and how long that takes."""

from __future__ import annotations

import ast
import pickle
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sympy as sp

import symcompile as sc
from symcompile.frontend.parse import _Reader
from symcompile.frontend.vocabulary import constants, functions
from tests.frontend import hostile_text
from tests.frontend.printed import expressions

x, y, z, a, b, c = sp.symbols("x y z a b c")

#: No string takes longer, on a slow machine; seconds of processor time.
_BOUND = 4.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a*exp(-b*x) + c", a * sp.exp(-b * x) + c),
        ("  2 * ( x\n+ y )\t", 2 * x + 2 * y),
        ("x**2/3 - 1/2", x**2 / 3 - sp.Rational(1, 2)),
        ("-x**2", -(x**2)),
        ("2**-x", 2**-x),
        ("x**y**z", x ** (y**z)),
        ("-(x + y)*exp(z)", sp.Mul(-1, x + y, sp.exp(z))),
        ("4/(9*(x + y))", sp.Mul(sp.Rational(4, 9), 1 / (x + y))),
        ("a/b/c", a / (b * c)),
        ("x - (y - z)", x - y + z),
        ("+x", x),
        ("0.1*x", 0.1 * x),
        ("1e3", sp.Float(1000.0)),
        (".5 + 2.", sp.Float(2.5)),
        ("0.30000000000000004", sp.Float(0.30000000000000004)),
        ("sqrt(8)", 2 * sp.sqrt(2)),
        ("pow(x, y)", x**y),
        ("ln(x) + log(y, 2)", sp.log(x) + sp.log(y, 2)),
        ("arctan2(y, x) + arcsinh(z)", sp.atan2(y, x) + sp.asinh(z)),
        ("abs(x) + max(x, y) - min(x, y)", abs(x) + sp.Max(x, y) - sp.Min(x, y)),
        ("cos(pi) + E + 2*I", sp.E - 1 + 2 * sp.I),
        ("gamma(5) + gamma", 24 + sp.Symbol("gamma")),
        ("lam*S + N", sp.Symbol("lam") * sp.Symbol("S") + sp.Symbol("N")),
        ("λ + µ + ﬁ", sp.Symbol("λ") + sp.Symbol("μ") + sp.Symbol("fi")),
        ("Piecewise((x, x > 0), (0, True))", sp.Piecewise((x, x > 0), (0, True))),
        ("Piecewise((x, True))", x),
        ("ITE(x > 0, x, y)", sp.Piecewise((x, x > 0), (y, True))),
        ("Max(x, -oo, 2)", sp.Max(x, -sp.oo, 2, evaluate=False)),
        ("9**99", sp.Integer(9) ** 99),
        ("x**(10**9)", x ** (10**9)),
        ("exp(-10**9*x)", sp.exp(-(10**9) * x)),
    ],
)
def test_it_reads(text: str, expected: sp.Expr) -> None:
    found = sc.parse(text)
    assert found == (
        sp.sympify(text.replace(" and ", " & ")) if expected is None else expected
    ) or (expected is None and "Piecewise" in text)
    assert isinstance(found, sp.Expr)


def test_conditions_mean_what_they_say() -> None:
    found = sc.parse("""
        Piecewise((1, 0 < x < 1), (2, not x >= 2 and x != 1.5), (3, x == 1.5 or ~(x < 3)),
                  (4, ITE(x < 2.5, x > 2.25, Eq(x, 2.5)) & Le(x, 4)), (5, True))
    """)
    at = {0.5: 1, -1: 2, 1.5: 3, 3: 3, 2.375: 4, 2.5: 4, 2.125: 5, 2.75: 5}
    for value, expected in at.items():
        assert found.subs(x, value) == expected


def test_a_decimal_is_the_double_that_python_reads() -> None:
    rng = random.Random(1)
    for _ in range(300):
        digits = rng.randint(0, 10 ** rng.randint(1, 30))
        text = f"{rng.randint(0, 10**9)}.{digits}e{rng.randint(-9, 9)}"
        assert float(sc.parse(text)) == float(text)


def test_symbols_come_with_their_assumptions() -> None:
    positive = sp.Symbol("x", positive=True)
    dummy = sp.Dummy("y")
    assert sc.parse("sqrt(x**2)", [positive]) == positive
    assert sc.parse("x + y", {"x": positive, "y": dummy}) == positive + dummy
    assert sc.parse("E + pi", {"E": y}) == y + sp.pi
    assert sc.parse("ﬁ", {"ﬁ": y}) == y
    for symbols in ([x + y], {"x": 1}, {1: x}):
        with pytest.raises(sc.ArgumentTypeError, match="symbols are SymPy symbols"):
            sc.parse("x", symbols)
    with pytest.raises(sc.ArgumentTypeError, match="the formula is text"):
        sc.parse(x)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("2*x^2", 1, 4, r"write \*\* for a power"),
        ("x if y else z", 1, 3, "Piecewise"),
        ("x + y.real", 1, 6, "attributes"),
        ("x\n + y[0]", 2, 5, "subscripts"),
        ("lambda t: t", 1, 1, "call it lam"),
        ("2x", 1, 2, r"write \*"),
        ("2*x y", 1, 5, r"write \*"),
        ("(x)(y)", 1, 4, "only a name can be called"),
        ("x + foo(y)", 1, 5, "'foo' is not a function"),
        ("sine(x)", 1, 1, "did you mean sin"),
        ("cbrt(x)", 1, 1, "two ways"),
        ("sin(x, y)", 1, 1, "exactly 1 argument"),
        ("sin(t=x)", 1, 6, "have no names"),
        ("sin(*x)", 1, 1, "no stars"),
        ("x + 'y'", 1, 5, "no strings"),
        ("(x := 3)", 1, 4, "does not assign"),
        ("x = 3", 1, 3, "write == to compare"),
        ("3j*x", 1, 2, "write I"),
        ("((x + y)", 1, 1, "never closed"),
        ("x)", 1, 2, "never opened"),
        ("x +", 1, 4, "not a formula"),
        ("", 1, 1, "no formula"),
        ("x > 0", 1, 1, "a number is needed"),
        ("(x > 0)*y", 1, 2, "a number is needed"),
        ("Piecewise((1, x + 1), (2, True))", 1, 15, "a condition is needed"),
        ("Piecewise(x, y)", 1, 11, "pairs"),
        ("x + (y, z)", 1, 5, "pairs"),
        ("x/0", 1, 3, "divides by zero"),
        ("1 + log(0)", 1, 5, "divides by zero"),
        ("1e400", 1, 1, "larger than any double"),
        ("9**9**9", 1, 1, "power"),
        ("1 + 2**(10**9)", 1, 5, "power"),
        ("gamma(10**8)", 1, 1, "write 100000000.0"),
        ("x\x00", 1, 2, r"U\+0000"),
        ("x\u202e", 1, 2, r"U\+202E \(RIGHT-TO-LEFT OVERRIDE\)"),
        ("\ud800", 1, 1, r"U\+D800"),
        ("x·y", 1, 2, r"write \*"),
        ("__import__('os')", 1, 1, "two underscores"),
        ("1 < I", 1, 1, "no order"),
    ],
)
def test_it_refuses_and_says_where(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(sc.ParseError, match=message) as caught:
        sc.parse(text)
    error = caught.value
    assert (error.line, error.column) == (line, column)
    assert f"line {line}, column {column}: " in str(error)
    where, row, caret = str(error).split("\n")
    assert caret.index("^") == column + 3
    assert where.isprintable() and row.isprintable()
    assert isinstance(error, ValueError) and isinstance(error, sc.SymcompileError)
    assert pickle.loads(pickle.dumps(error)).column == column


def test_a_long_line_is_cut_around_the_place() -> None:
    with pytest.raises(sc.ParseError) as caught:
        sc.parse("x + " * 300 + "?")
    _, row, caret = str(caught.value).split("\n")
    assert len(row) < 80
    assert row[caret.index("^")] == "?"


def test_no_tree_but_a_formula_is_read() -> None:
    """The scanner does not let these through; the second line of defence would not either."""
    for text in [
        "x.y", "x[0]", "lambda: x", "x if y else z", "[x]", "{x}", "{x: y}", "'x'", "b'x'",
        "[x for x in y]", "(x for x in y)", "(x := y)", "x.y(z)", "x(y)(z)", "(lambda: x)()",
        "None", "...", "1j", "x // y", "x % y", "x @ y", "x << y", "x is y", "x in y", "sin(*x)",
        "sin(x=y)", "f'{x}'", "sin(**x)", "f(x)", "type(x)", "mro(x)", "eval(x)", "Symbol(x)",
    ]:  # fmt: skip
        tree = ast.parse(f"({text})", mode="eval").body
        with pytest.raises(sc.ParseError):
            _Reader(text, {}).read(tree)


def test_every_function_of_the_table_has_its_name() -> None:
    known = functions()
    assert {"sin", "Abs", "abs", "arcsin", "log1p", "hypot", "Max", "Piecewise", "gamma"} <= {
        *known
    }
    assert not {"eval", "exec", "open", "getattr", "lambdify", "Symbol", "Sum", "sympify"} & {
        *known
    }
    assert {"pi", "E", "I", "oo", "nan", "EulerGamma"} <= {*constants()}
    for name, function in known.items():
        assert issubclass(function, sp.Basic), name


@pytest.mark.parametrize("seed", range(3))
def test_what_sympy_prints_is_read_back(seed: int) -> None:
    for expr in expressions(random.Random(seed), 150):
        assert sc.parse(str(expr)) == expr


@pytest.mark.long
def test_much_that_sympy_prints_is_read_back() -> None:
    for expr in expressions(random.Random(99), 10_000):
        assert sc.parse(str(expr)) == expr


def test_formulas_are_long_enough() -> None:
    text = " + ".join(f"a{k}*sin({k}*x + b{k})" for k in range(700))
    assert len(sc.parse(text).args) == 700
    deep = "sin(1 + " * 90 + "x" + ")" * 90
    assert sc.compile(sc.parse(deep), params=(x,), backend="python").value([0.5]) < 1


def _outcome(text: str) -> float:
    """Read a text, whatever it is, and return the seconds it took."""
    before = time.thread_time()
    try:
        found = sc.parse(text)
        assert isinstance(found, sp.Expr)
    except sc.ParseError as error:
        assert str(error).count("\n") == 2
    return time.thread_time() - before


@pytest.mark.parametrize("text", hostile_text.SNIPPETS, ids=lambda t: ascii(t)[:30])
def test_snippets(text: str) -> None:
    assert _outcome(text) < _BOUND


def test_random_text_ends_in_a_formula_or_a_parse_error() -> None:
    rng = random.Random(5)
    assert max(_outcome(hostile_text.text(rng)) for _ in range(2000)) < _BOUND


@pytest.mark.long
def test_what_is_large_takes_bounded_time() -> None:
    assert max(map(_outcome, hostile_text.largest())) < _BOUND


@pytest.mark.long
def test_much_random_text_ends_in_a_formula_or_a_parse_error() -> None:
    rng = random.Random(6)
    assert max(_outcome(hostile_text.text(rng)) for _ in range(100_000)) < _BOUND


@pytest.mark.parametrize("count", [1000, pytest.param(20_000, marks=pytest.mark.long)])
def test_nothing_is_run_opened_or_imported(count: int) -> None:
    """Watch the interpreter: reading text compiles it to a tree, and does nothing else."""
    code = f"""
import random, sys
import symcompile as sc
from tests.frontend import hostile_text

rng = random.Random(7)
texts = [*hostile_text.SNIPPETS, *(hostile_text.text(rng) for _ in range({count}))]
modules, seen, strict = set(), set(), False

def watch(event, args):
    if event == "builtins.id" or (event == "compile" and args[1] == "<unknown>"):
        return  # the latter is ast.parse
    if event == "import" and not strict:
        modules.add(args[0].split(".")[0])
    if strict or event.split(".")[0] in ("os", "subprocess", "socket", "shutil", "ctypes"):
        seen.add((event, str(args)[:200]))

def read_all():
    for text in texts:
        try:
            sc.parse(text)
        except sc.ParseError:
            pass

sys.addaudithook(watch)
read_all()  # SymPy imports parts of itself when it first needs them
strict = True
read_all()
strict = False
print(sorted(seen), sorted(modules - set(sys.stdlib_module_names)))
"""
    root = Path(__file__).resolve().parents[2]
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, capture_output=True, text=True, check=True, cwd=root)
    seen, modules = ast.literal_eval("[" + done.stdout.strip().replace("] [", "], [") + "]")
    harmless = {"os.listdir", "os.scandir", "array.__new__"}  # SymPy's parts, and its primes
    assert [event for event in seen if event[0] not in harmless] == []
    assert {*modules} <= {"sympy", "mpmath", "symcompile", "gmpy2", "flint"}
