"""No name that a user chooses changes what generated code means.

Sources are compared up to renaming: made once with names that nobody uses otherwise, and again with
those that the generated code uses itself. Within each function different things must have kept
different names. That needs no compiler, so all names are tried, on every backend.
"""

from __future__ import annotations

import pickle
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy as sp

from symcompile.compiler import compile, emit, plan
from symcompile.elementwise import lambdify
from symcompile.emit.elementwise import emit_elementwise
from symcompile.frontend.called import Formula
from symcompile.frontend.definition import Definition, define
from symcompile.options import BACKENDS, Backend
from tests import ways

Source = Callable[[Sequence[str], Backend], str]

_STRING = re.compile(r'""".*?"""|"(?:\\.|[^"\\\n])*"', re.S)
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*|#(?![a-z]+ ?[a-zA-Z(<\"])[^\n]*", re.S)
# Attributes are no names, and neither are the keywords of calls.
_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*(?!\w|=[^=])")
_ENDS = re.compile(r"^(?: {4})?\}|^(?=@|def |cdef |[A-Z_]+ = )", re.M)


def _sentinels(count: int) -> list[str]:
    return [f"qq{chr(97 + k // 26)}{chr(97 + k % 26)}" for k in range(count)]


def _renamed(definition: Definition, names: Sequence[str]) -> Definition:
    """Return a definition with other names; SymPy would put its terms in another order."""
    found = iter(names)
    return replace(
        definition,
        params=tuple(next(found) for _ in definition.params),
        data=tuple(next(found) for _ in definition.data),
        constants=tuple((next(found), value) for _, value in definition.constants),
    )


def scalar(names: Sequence[str], backend: Backend) -> str:
    """Return a module for a formula of parameters and constants."""
    symbols = sp.symbols(_sentinels(len(names)))
    params, constants = symbols[: len(names) // 2], symbols[len(names) // 2 :]
    terms = [sp.sin(p) * c + sp.gamma(p * c) for p, c in zip(params, constants, strict=False)]
    expr = sp.Matrix([sp.Add(*terms), sp.Piecewise((sp.Mul(*symbols), params[0] > 0), (1, True))])
    found = _renamed(define("sc_scalar", expr, params=params, constants=constants), names)
    return emit(found, plan(found, ["value", "jacobian", "jvp", "vjp"]), backend)


def sampled(names: Sequence[str], backend: Backend) -> str:
    """Return a module for a loss of data columns."""
    third = len(names) // 3
    symbols = sp.symbols(_sentinels(len(names)))
    params, data, constants = symbols[:third], symbols[third : 2 * third], symbols[2 * third :]
    residual = sum(p * x for p, x in zip(params, data, strict=True)) - sp.Mul(*constants)
    loss = residual**2 + sp.log(1 + sp.exp(data[0] * params[0]))
    found = define("sc_sampled", loss, params=params, data=data, constants=constants, reduce="mean")
    found = _renamed(found, names)
    return emit(found, plan(found, ["value_and_grad", "hessian", "hvp"]), backend)


def rows(names: Sequence[str], backend: Backend) -> str:
    """Return a module for several values of each sample, complex ones."""
    symbols = sp.symbols(_sentinels(len(names)))
    half = len(names) // 2
    params, data = symbols[:half], symbols[half:]
    values = [sp.exp(sp.I * p) * sp.Max(x, 1) for p, x in zip(params, data, strict=False)]
    found = _renamed(define("sc_rows", values, params=params, data=data), names)
    return emit(found, plan(found, ["value", "jacobian", "vjp"]), backend)


def arrays(names: Sequence[str], backend: Backend) -> str:
    """Return a module in index notation: arrays, sizes and a keyword have the names."""
    *others, n_name, d_name = names
    w_name, x_name, y_name, c_name = _sentinels(4)
    n, d = (sp.Symbol(name, integer=True, positive=True) for name in (n_name, d_name))
    i, j, k = (sp.Symbol(f"qq_{letter}", integer=True) for letter in "ijk")
    w, b = sp.IndexedBase(w_name, shape=(d, 3)), sp.Symbol(c_name)
    X, y = sp.IndexedBase(x_name, shape=(n, d)), sp.IndexedBase(y_name, shape=(n,))
    score = sp.Sum(w[j, k] * X[i, j], (j, 0, d - 1))
    inner = sp.log(sp.Sum(sp.exp(score), (k, 0, 2))) * y[i] - b
    found = define("sc_arrays", sp.Sum(inner, (i, 0, n - 1)), params=w, data=(X, y), constants=b)
    found = _renamed(found, others)
    return emit(found, plan(found, ["value_and_grad", "hvp"]), backend)


def _called(names: Sequence[str], make: Callable[..., Any], backend: Backend) -> str:
    symbols = sp.symbols(_sentinels(len(names)))
    found = Formula(symbols, make(symbols)).lower()
    other = Formula(list(map(sp.Symbol, names)), 0).lower()
    definition = replace(found.definition, params=other.definition.params)
    found = replace(found, arguments=other.arguments, definition=definition)
    (schedule,) = plan(found.definition, ["value"])
    return emit_elementwise(found, schedule, backend)


def elementwise(names: Sequence[str], backend: Backend) -> str:
    """Return the module behind ``lambdify``, of several results."""

    def make(symbols: Sequence[sp.Symbol]) -> Any:
        value = sp.Add(*[sp.sin(s) * (k + 1) for k, s in enumerate(symbols)])
        return [value, (sp.Matrix([sp.Mul(*symbols), 1]), sp.gamma(symbols[0]), symbols[1] > 0)]

    return _called(names, make, backend)


def points(names: Sequence[str], backend: Backend) -> str:
    """Return the module of one complex number for each point."""
    return _called(names, lambda s: sp.Add(*[sp.sqrt(x) for x in s]) + sp.I, backend)


SOURCES: dict[str, tuple[Source, int]] = {
    "scalar": (scalar, 24),
    "sampled": (sampled, 24),
    "rows": (rows, 24),
    "arrays": (arrays, 6),
    "elementwise": (elementwise, 24),
    "points": (points, 24),
}


def functions(source: str) -> list[list[str]]:
    """Return the names in each function of a module, without text and comments."""
    body = _COMMENT.sub(" ", _STRING.sub('""', source.split('"""', 2)[-1]))
    # What `extern` blocks hold is code as well.
    pieces = _ENDS.split(re.sub(r'"""', " ", body))
    return [found for piece in pieces if (found := _NAME.findall(piece))]


def clashes(plain: str, other: str) -> list[tuple[str, str, str]]:
    """Return the names that stand for two things in one function of ``other``."""
    found = []
    left, right = functions(plain), functions(other)
    for ours, theirs in zip(left, right, strict=True):
        if not any("qq" in name for name in ours):
            continue  # what is beside them may do without
        assert len(ours) == len(theirs), list(zip(ours, theirs, strict=False))
        there: dict[str, str] = {}
        back: dict[str, str] = {}
        for a, b in zip(ours, theirs, strict=True):
            if there.setdefault(a, b) != b or back.setdefault(b, a) != a:
                found.append((a, there[a], b))
    return found


def own_names(source: str) -> list[str]:
    """Return the names that stand beside a user's in some function."""
    beside = [names for names in functions(source) if any("qq" in name for name in names)]
    return sorted({name for names in beside for name in names if "qq" not in name})


def _chunks(names: Sequence[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(names), size):
        chunk = list(names[start : start + size])
        # What is added comes last in the alphabet too: sizes are in its order.
        yield chunk + [f"z{name}" for name in _sentinels(size)[len(chunk) :]]


@pytest.fixture
def long_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no line be cut, and nothing be named: both depend on how long names are."""
    for backend in BACKENDS:  # every emitter is imported now
        points(_sentinels(2), backend)
        scalar(_sentinels(2), backend)
    for name, module in [*sys.modules.items()]:
        for limit in ("WIDTH", "LONGEST_INLINE", "_LONGEST_INLINE"):
            if name.startswith("symcompile.emit.") and hasattr(module, limit):
                monkeypatch.setattr(module, limit, 1_000_000)


@pytest.mark.usefixtures("long_lines")
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", SOURCES)
def test_names_of_generated_code_are_no_trouble(kind: str, backend: Backend) -> None:
    make, count = SOURCES[kind]
    plain = make(_sentinels(count), backend)
    found: set[tuple[str, str, str]] = set()
    for chunk in _chunks(own_names(plain), count):
        found |= {*clashes(plain, make(chunk, backend))}
    assert sorted({theirs for _, _, theirs in found}) == []


HOSTILE = [
    *("x; import os", "__import__('os')", "lambda", "double", "restrict", "np", "math", "self"),
    *("INFINITY", "NAN", "sc_gemm", "sc_tile", "value", "function", "out", "n", "p", "u", "v"),
    *("cdef", "nogil", "except", "bint", "Py_ssize_t", "object", "None", "True", "print", "exec"),
    *("EDOM", "PATH_MAX", "linux", "unix", "stdin", "errno", "I", "M_PIl", "BUFSIZ", "st_mtime"),
    *("ﬁ", "fi", "µ", "μ", "x\u0301", "\u202eabc", "𝒙", "\U0001f600", "ß", "日本", "\u0301"),
    *("'", '"', '"""', "'''", "\\", "\n", "\r\n", "\t", "\x00", "\u2028", "*/", "/*", "//", "#"),
    *("{{ x }}", "{% endif %}", "{x}", "%s", "%(x)s", "$x", "${x}", "??/", "a\\\nb", "\ud800"),
    *("", " ", "_", "__", "0", "1e5", "a" * 5000, "a" * 5001, "x_", "x__", "_x", "x", "X", "t0"),
    *("first", "at", "size", "i", "k", "t1", "r0", "s0", "h0", "a0", "c", "e", "erf", "gamma"),
]


def _check(definition: Definition, backend: Backend, *, data: int = 0) -> None:
    """Compare a sum of k*sin(k-th symbol) with what it is."""
    count = len(definition.params) + data + len(definition.constants)
    values = np.linspace(0.1, 2.0, count)
    kernel = compile(definition, backend=backend)
    p, rest = values[: len(definition.params)], values[len(definition.params) :]
    columns, constants = [np.array([x]) for x in rest[:data]], rest[data:]
    names = [name for name, _ in definition.constants]
    keywords = dict(zip(names, map(float, constants), strict=True))
    weights = np.arange(1, count + 1)
    found = kernel.value(p, *columns, **keywords)
    assert np.sum(found) == pytest.approx(weights @ np.sin(values), rel=1e-13)
    slopes = kernel.grad(p, *columns, **keywords)
    assert slopes == pytest.approx(weights[: len(p)] * np.cos(p), rel=1e-13)


def _weighted(symbols: Sequence[Any]) -> sp.Expr:
    return sp.Add(*[(k + 1) * sp.sin(symbol) for k, symbol in enumerate(symbols)])


@pytest.mark.parametrize("backend", BACKENDS)
def test_hostile_names_in_every_role(backend: Backend) -> None:
    symbols = [sp.Symbol(name) for name in HOSTILE]
    third = len(symbols) // 3
    params, data, constants = symbols[:third], symbols[third : 2 * third], symbols[2 * third :]
    found = define(
        "hostile", _weighted(symbols), params=params, data=data, constants=constants, reduce="sum"
    )
    _check(found, backend, data=len(data))
    assert found == pickle.loads(pickle.dumps(found))
    assert repr(found).isprintable()


@pytest.mark.parametrize("backend", ways.BACKENDS)
def test_hostile_names_are_told_apart_by_lambdify(backend: Backend) -> None:
    symbols = [
        *map(sp.Symbol, HOSTILE),
        *(sp.Dummy("x") for _ in range(3)),
        *(sp.Symbol("x", **{fact: True}) for fact in ("real", "positive", "integer")),
        sp.Function("x")(sp.Symbol("t")),
        sp.Function("x")(sp.Symbol("s")),
    ]
    f = lambdify(symbols, [_weighted(symbols), symbols[-1]], backend=backend)
    values = np.linspace(0.1, 2.0, len(symbols))
    expected = np.arange(1, len(symbols) + 1) @ np.sin(values)
    assert f(*values)[0] == pytest.approx(expected, rel=1e-13)
    rows = np.array([values, values[::-1]]).T
    assert f(*rows)[0][0] == pytest.approx(expected, rel=1e-13)
    assert f(*rows)[1] == pytest.approx(rows[-1])


@pytest.mark.parametrize("backend", ways.BACKENDS)
def test_symbols_of_one_name_are_told_apart(backend: Backend) -> None:
    symbols = [
        sp.Symbol("x"),
        sp.Dummy("x"),
        sp.Dummy("x"),
        sp.Symbol("x", real=True),
        sp.Symbol("x", positive=True),
        sp.Dummy(""),
        sp.Dummy(""),
    ]
    found = define("same", _weighted(symbols), params=symbols[:4], data=symbols[4:], reduce="sum")
    _check(found, backend, data=3)


@pytest.mark.parametrize("backend", ways.BACKENDS)
def test_hostile_names_of_outputs_and_intermediates(backend: Backend) -> None:
    x = sp.Symbol("x")
    outputs = {name: (k + 1) * x for k, name in enumerate(HOSTILE)}
    kernel = compile(define("keyed", outputs, params=x), backend=backend)
    assert kernel.value([2.0]).tolist() == [2.0 * (k + 1) for k in range(len(HOSTILE))]
    named = [(sp.Symbol(name), sp.sin(x + k)) for k, name in enumerate(HOSTILE) if name != "x"]
    total = sp.Add(*[symbol**2 for symbol, _ in named])
    kernel = compile(define("steps", [*named, total], params=x), backend=backend)
    expected = sum(np.sin(2.0 + k) ** 2 for k, name in enumerate(HOSTILE) if name != "x")
    assert kernel.value([2.0]) == pytest.approx(expected, rel=1e-13)


def _check_arrays(names: Sequence[str], backend: Backend) -> None:
    """Compare a sum of squares of X*w, for every four names, with what it is."""
    i, j = sp.symbols("qq_i qq_j", integer=True)
    terms, params, data = [], [], []
    for k in range(0, len(names) - 3, 4):
        w_name, x_name, n_name, d_name = names[k : k + 4]
        n, d = (sp.Symbol(name, integer=True, positive=True) for name in (n_name, d_name))
        w, X = sp.IndexedBase(w_name, shape=(d,)), sp.IndexedBase(x_name, shape=(n, d))
        score = sp.Sum(w[j] * X[i, j], (j, 0, d - 1)) ** 2
        terms.append((k + 1) * sp.Sum(score, (i, 0, n - 1)))
        params.append(w)
        data.append(X)
    found = define("arrays", sp.Add(*terms), params=params, data=data)
    rows = [np.arange(6.0).reshape(3, 2) + k for k in range(len(terms))]
    p = np.linspace(-1.0, 1.0, 2 * len(terms))
    value, slope = compile(found, backend=backend).value_and_grad(p, *rows)
    scores = [X @ w for X, w in zip(rows, p.reshape(-1, 2), strict=True)]
    factors = range(1, 4 * len(terms), 4)
    expected = [f * 2 * X.T @ s for f, X, s in zip(factors, rows, scores, strict=True)]
    assert value == pytest.approx(sum(f * s @ s for f, s in zip(factors, scores, strict=True)))
    assert slope == pytest.approx(np.concatenate(expected), rel=1e-12)


_ARRAY_NAMES = [name for name in HOSTILE if name.strip() and len(name) < 5000]


@pytest.mark.parametrize("backend", ways.BACKENDS)
def test_hostile_names_of_arrays_and_sizes(backend: Backend) -> None:
    _check_arrays(_ARRAY_NAMES[::4] if backend == "python" else _ARRAY_NAMES[::12], backend)


@pytest.mark.long
@pytest.mark.parametrize("backend", BACKENDS)
def test_all_hostile_names_of_arrays_and_sizes(backend: Backend) -> None:
    for start in range(4):
        _check_arrays(_ARRAY_NAMES[start::4], backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_names_of_definitions(backend: Backend) -> None:
    x, y = sp.symbols("value f_value")
    names = ["f", "double", "np", "value", "main", "int", "EDOM", "gamma", "PARAMS", "x"]
    for name in names if backend == "python" else names[:2]:
        found = define(name, sp.gamma(x) * y, params=(x, y))
        assert compile(found, backend=backend).value([3.0, 2.0]) == pytest.approx(4.0)
