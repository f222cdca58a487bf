"""The C front end against the machine's own compiler, statement by statement."""

from __future__ import annotations

import ctypes
import math
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symcompile.cc import lower
from symcompile.errors import LoweringError, ToolchainError
from tests.cc.machine import compiled, lowered

D, LONG, INT = ctypes.c_double, ctypes.c_ssize_t, ctypes.c_int
POINTS = [(0.5, 2.0), (-1.5, 3.0), (0.0, -0.0), (math.inf, 1.0), (math.nan, 2.0), (1e300, -7.25)]

#: Functions of two doubles.
DOUBLES = {
    "arithmetic": "return a * b - a / b + -(a - b) * 2.5e-3;",
    "ternary": "return a > b ? a : b != b ? 1.0 : b;",
    "ternary_of_calls": "return a >= 0.0 ? sqrt(a) : exp(a);",
    "known_choice": "return copysign(1.0, (double)(-(3 ? !a : a))) + (0 ? 1.5 : 3) / 2;",
    "logic": "return (a > 0.0 && b > 0.0) + 2 * (a < b || !(b < 1.0)) + (a == a);",
    "assigned_logic": "int t = a > 0.0; int s = t && !(b > 2.5); return 10.0 * t + s;",
    "whole": "ptrdiff_t n = (ptrdiff_t)(b * 4.0); return n / 3 + n % 3 + (n << 2) - (n >> 1);",
    "without_sign": "size_t n = 7; return (double)((n - 9) % 5) + (double)(n > 3 ? n : 2);",
    "character": "char c = 'a'; c += 3; return c + (int)'\\n' + 0x1F;",
    "if_else": "double x = a; if (a > b) { x = b; } else if (a == b) { x = 1.0; } else x += 2.0;"
    " return x;",
    "early": "if (a > 1.0) { return a; } if (b > 1.0) { return b; } return -1.0;",
    "for_loop": "double s = 0.0; for (int i = 0; i < 10; i++) { s += a * i; } return s;",
    "no_condition": "int i = 0; for (;;) { if (++i > 7) break; } return i;",
    "two_steps": "int i, j; for (i = 0, j = 9; i < j; i++, j -= 2) { } return 10 * i + j;",
    "while_loop": "int n = 0; while (a < 99.0 && n < 50) { a = a * 2.0 + 1.0; n++; } return n + a;",
    "do_loop": "int n = 0; do { n += 3; if (n == 6) continue; } while (n < 10); return n;",
    "nested_break": "int c = 0; for (int i = 0; i < 5; i++) for (int j = 0; j < 5; j++) {"
    " if (j > i) break; if (j == 1) continue; c += j; } return c;",
    "array": "double x[4] = {a, b}; double y[] = {1.0, 2.0, 3.0,}; x[3] = y[2]; return x[0] + x[2]"
    " + x[3] + sizeof x / sizeof x[0] + sizeof y / sizeof(double);",
    "pointers": "double x[3] = {a, b, 5.0}; double *p = x + 1; const double *q = &x[2];"
    " *p += 1.0; return p[-1] + *p + (double)(q - x) + (p < q) + q[0];",
    "null": "double *p = NULL; return (p ? 1.0 : 2.0) + (p == NULL) + !p;",
    "shadow": "double x = a; { double x = b; x += 1.0; a += x; } return x + a;",
    "static_table": "static const double t[] = {1.5, -2.5, 1e-3}; double s = 0.0;"
    " for (int i = 0; i < 3; i++) s += t[i]; return s;",
    "side_effects": "int i = 1; double x[4] = {0.0}; x[i++] = a; x[++i] = b;"
    " return i + x[1] + x[3];",
    "skipped": "int n = 0; int t = a > 0.0 || ++n; t += b > 5.0 && ++n; return 10 * n + t;",
    "classified": "return isnan(a) + 2 * isinf(a) + 4 * isfinite(b) + 8 * !!signbit(b);",
    "rounding": "return floor(a) + 3.0 * ceil(b) + 5.0 * trunc(a * 1.5) + rint(b / 3.0);",
    "signs": "return copysign(1.0, b) + fabs(a);",
    "functions": "return atan2(a, b) + hypot(a, b) + pow(fabs(a), 1.25) + log1p(fabs(b));",
    "constants": "return (a != a ? INFINITY : NAN) != 1.0 ? M_PI : -1.0;",
    "sizes": "return sizeof(int) + sizeof(double *) + sizeof a + sizeof(ptrdiff_t);",
    "memory": "double *p = malloc(3 * sizeof(double)); memset(p, 0, 3 * sizeof *p); p[1] = a;"
    " double q[3]; memcpy(q, p, sizeof q); free(p); return q[0] + q[1];",
    "commas": "double x = (a += 1.0, a * b); return x;",
    "negative_zero": "return 1.0 / (0.0 * -fabs(b)) + -0.0;",
    "complex_parts": "sc_complex z = a; z = z * 2.0 + b; z -= 1.5; return creal(z) + cimag(z);",
    "complex_call": "sc_complex z = cexp(a > 5.0 || a != a ? 1.0 : a); return cabs(z) + carg(z);",
}

#: Texts with more than one definition; the function is called f.
WHOLE = {
    "struct": """
typedef struct { double x; int n; double v[2]; } thing;
typedef struct { const thing *one; ptrdiff_t k; } holder;
static thing make(double a, double b) { thing t = {a, 3, {b, 1.0}}; t.v[1] += t.n; return t; }
static double use(const holder *h) { return h->one->x + h->one->v[h->k] * h->one->n; }
static double f(double a, double b) { const thing t = make(a, b); holder h = {&t, 1};
    thing u = t; u.x = 9.0; return use(&h) + u.x + (thing){b, 1, {0.0}}.x; }""",
    "function_pointer": """
typedef double (*unary)(double);
static double twice(double x) { return 2.0 * x; }
static double less(double x) { return x - 1.0; }
static double apply(unary g, double x) { return g(x) + (*g)(x); }
static double f(double a, double b) { unary t[2] = {twice, less};
    return apply(t[0], a) + apply(less, b); }""",
    "recursion": """
static double f(double a, double b);
static double g(double a, double b) { return a < 1.0 || a != a || a > 100.0 ? b : f(a - 1.0, b); }
static double f(double a, double b) { return g(a, b) + 1.0; }""",
    "macros": """
#define TWICE(x) ((x) + (x))
#define ALL(f, ...) f(__VA_ARGS__)
#define N 3
#if defined(N) && N >= 3 && !defined(M)
static double three(double x, double y, double z) { return x + 10.0 * y + 100.0 * z; }
#elif N == 2
#error no
#else
static double three(double x) { return x; }
#endif
#ifdef M
#error no
#endif
#undef N
#ifndef N
static double f(double a, double b) { return ALL(three, a, b, TWICE(a)); } /* a comment; " */
#endif""",
    "enumerators": """
enum { FIRST, SECOND = 5, THIRD };
static double f(double a, double b) { enum { INNER = 2 }; double x[THIRD - 4] = {a, b};
    return x[1] + FIRST + SECOND * INNER; }""",
    "global": """
static const struct { double x; int k[2]; } table[2] = {{1.5, {1, 2}}, {2.5, {3, 4}}};
static double state = 1.0;
static double f(double a, double b) { state = a;
    return table[1].x + table[0].k[1] + state + b; }""",
    "vectors": """
typedef double vec __attribute__((vector_size(32), aligned(8), may_alias));
typedef long long bits __attribute__((vector_size(32), aligned(8), may_alias));
static inline vec get(const double *p) { return *(const vec *)p; }
static double f(double a, double b) {
    double x[5] = {a, b, 3.0, 4.0, 5.0}, out[4];
    const bits keep = {-1, 0, -1, -1};
    vec u = get(x + 1), v = get(x), zero = {0.0};
    vec w = u * v + 2.0 * v - zero;
    w = (vec)((keep & (bits)w) | (~keep & (bits)u));
    w = __builtin_shufflevector(w, u, 3, 2, 5, 0);
    *(vec *)out = w;
    return out[0] + 2.0 * out[1] + 3.0 * out[2] + 5.0 * out[3]; }""",
    "strings": """
static double f(double a, double b) { const char *s = "ab" "c\\n"; int n = 0; while (s[n]) n++;
    return n + s[1] + a * 0.0; }""",
    "simd": """
static double f(double a, double b) { double x[100], s = 0.0;
    for (int i = 0; i < 100; i++) { x[i] = i + a; }
    #pragma omp simd
    for (ptrdiff_t i = 0; i < 100; i++) { const double t = x[i] * 0.5; x[i] = t > 10.0 ? b : t; }
    for (int i = 0; i < 100; i++) { s += x[i]; }
    return s; }""",
    "large_local": """
static double f(double a, double b) { static __thread double work[10000];
    for (int i = 0; i < 10000; i++) { work[i] = a; } return work[9999] + b; }""",
}


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The same functions by the machine's own compiler; one library for all of the first kind."""
    folder = tmp_path_factory.mktemp("native")
    text = "\n".join(f"double {k}(double a, double b) {{ {v} }}" for k, v in DOUBLES.items())
    try:
        library = compiled(text, folder)
    except ToolchainError as error:
        pytest.skip(str(error))
    found = {name: getattr(library, name) for name in DOUBLES}
    for name, whole in WHOLE.items():
        own = folder / name
        own.mkdir()
        found[name] = compiled(whole, own).f
    for function in found.values():
        function.restype, function.argtypes = D, [D, D]
    return found


def bits(value: float) -> bytes:
    """Return a double bit by bit; one NaN is as good as another."""
    return struct.pack("<d", math.nan if math.isnan(value) else value)


def compare(text: str, name: str, reference: Any) -> None:
    function = ctypes.CFUNCTYPE(D, D, D)(lowered(text, name))
    for a, b in POINTS:
        if name == "whole" and not math.isfinite(b * 4.0):
            continue
        found, expected = function(a, b), reference(a, b)
        assert bits(found) == bits(expected), f"{name}({a}, {b}): {found}, not {expected}"


@pytest.mark.parametrize("name", DOUBLES)
def test_statements(name: str, native: dict[str, Any]) -> None:
    text = f"static double {name}(double a, double b) {{ {DOUBLES[name]} }}"
    compare(text, name, native[name])


@pytest.mark.parametrize("name", WHOLE)
def test_definitions(name: str, native: dict[str, Any]) -> None:
    compare(WHOLE[name], "f", native[name])


_LEAVES = st.sampled_from(["a", "b", "3", "7", "(a > b)", "n", "m", "2.5", "(-n)", "1L"])


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, st.sampled_from("+ - * < <= > >= == != && ||".split()), inner).map(
            lambda p: f"({p[0]} {p[1]} {p[2]})"
        ),
        st.tuples(inner, inner, inner).map(lambda p: f"({p[0]} ? {p[1]} : {p[2]})"),
        inner.map(lambda x: f"(!{x})"),
        inner.map(lambda x: f"(-{x})"),
        inner.map(lambda x: f"((double){x})"),
    )


@settings(max_examples=12, deadline=None, derandomize=True)
@given(st.lists(st.recursive(_LEAVES, _grown, max_leaves=12), min_size=8, max_size=8))
def test_any_expression(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    """Whatever is nested in whatever, of mixed types."""
    lines = " ".join(f"out[{k}] = {text};" for k, text in enumerate(texts))
    code = (
        "static int f(double a, double b, double *out) {"
        f" ptrdiff_t n = (ptrdiff_t)a; const int m = 5; {lines} return 0; }}"
    )
    try:
        reference = compiled(code, Path(tmp_path_factory.mktemp("any"))).f
    except ToolchainError as error:
        pytest.skip(str(error))
    reference.argtypes = [D, D, ctypes.POINTER(D)]
    function = ctypes.CFUNCTYPE(INT, D, D, ctypes.POINTER(D))(lowered(code, "f"))
    for a, b in [(0.5, 2.0), (-3.5, 3.0), (0.0, -0.0), (6.0, 6.0)]:
        found, expected = (D * 8)(), (D * 8)()
        function(a, b, found)
        reference(a, b, expected)
        assert [bits(x) for x in found] == [bits(x) for x in expected], (texts, a, b)


def test_a_double_that_is_no_index_becomes_one() -> None:
    """C leaves it open what NaN is as an integer; here it is none that reads beyond an array."""
    function = ctypes.CFUNCTYPE(LONG, D)(
        lowered("static ptrdiff_t f(double a) { return (ptrdiff_t)a; }", "f")
    )
    assert function(math.nan) == 0
    assert function(1e300) == 2**63 - 1
    assert function(-math.inf) == -(2**63)


def test_only_what_is_reached_is_lowered() -> None:
    text = "static int unused(void) { return missing(); } static int f(void) { return 1; }"
    assert "unused" not in lower(text, ["f"]).text


def test_names_of_libm_are_neutral() -> None:
    """LLVM would rewrite calls of functions that it knows: pow(2, x) is exp2(x) to it."""
    found = lower("static double f(double x) { return pow(2.0, x); }", ["f"])
    assert found.library == ("pow",)
    assert "@sc.pow" in found.text
    assert found.vectors == ((10, "pow", 2, "double"),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("static int f(void) { return wrong; }", "wrong is not known near"),
        ("static int f(void) { return 1 }", "';' is missing near"),
        ("static int f(struct nothing *s) { return s->x; }", "a struct has no x"),
        ("#wrong\nstatic int f(void) { return 1; }", "a directive that is not known: #wrong"),
        ("static int f(int n) { static int k = n; return k; }", "a constant is missing near"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(LoweringError, match=f"^C: {message}"):
        lower(text, ["f"])
