"""Turning the names that users choose into identifiers that are safe in every language.

Nothing a user names is printed into source as it stands: a SymPy symbol may be called
``x; import os``, ``lambda`` or ``λ``, and two Dummies may share a name.
"""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator

_C_WORDS = """
auto break case char const continue default do double else enum extern float for goto if inline
int long register restrict return short signed sizeof static struct switch typedef union unsigned
void volatile while bool complex imaginary asm typeof main NAN INFINITY NULL M_PI signgam errno
acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh erf erfc exp exp2 expm1 fabs
floor fma fmax fmin fmod frexp gamma hypot ilogb j0 j1 jn ldexp lgamma log log10 log1p log2 logb
modf nan nearbyint pow remainder rint round scalb sin sinh sqrt tan tanh tgamma trunc y0 y1 yn
cdef cpdef cimport ctypedef nogil gil object np math cmath numba special
bint size_t ssize_t ptrdiff_t npy_intp cppclass fused include readonly public api noexcept packed
namespace operator new typename typeid address cython cfunc ccall DEF IF ELIF ELSE union
stdin stdout stderr linux unix i386 noreturn alignas alignof static_assert thread_local offsetof
alloca I pthread_t capsules sched_priority st_atime st_ctime st_mtime longdouble_t constchar
creal cimag cabs conj carg cproj csqrt cexp clog cpow csin ccos ctan casin cacos catan csinh ccosh
ctanh casinh cacosh catanh csign cexpm1 f32 CMPLX
complex_ clog1p jit types ctypes itertools part first at
partial types functools errstate sc_column sc_tile sc_sum SC_TILE SC_BLOCKS memset
sc_loggamma sc_digamma sc_polygamma sc_sign sc_min sc_max sc_total sc_accumulate sc_blocks
sc_block_size SC_NOINLINE SC_THREAD_LOCAL isfinite
loggamma digamma polygamma njit numpy scipy
""".split()

# Names that the templates use; a symbol called `out` must not collide with them.
_SCAFFOLDING = """
p v u c n i out k start stop each block blocks tile tiles total totals carry length size self result
value grad value_and_grad hessian hvp jacobian jvp vjp data point args samples scratch
function arrays shape rows found array index count work sums PARAMS DATA CONSTANTS TILE BLOCKS
parts threads THREAD llvm ir cgutils intrinsic numba os ctypes last
""".split()

# Directions and cotangents are unpacked under these names.
_UNPACKED = re.compile(r"[uv]\d+")

_PREFIXES = re.compile(r"[Ss][Cc]_|Py[A-Z_]|NPY_|Npy|special_")

RESERVED = frozenset(
    [*_C_WORDS, *_SCAFFOLDING, *keyword.kwlist, *keyword.softkwlist, *dir(builtins)]
)


def identifier(name: str) -> str:
    """Return an ASCII identifier that reads like ``name``.

    >>> identifier("w_{0}"), identifier("λ"), identifier("x; import os"), identifier("2x")
    ('w_0', 'lambda_', 'x_import_os', 'v2x')
    >>> identifier("v0"), identifier("count")  # what generated code calls its own variables
    ('v0_', 'count_')
    """
    text = "".join(_transliterate(char) for char in name)
    text = re.sub(r"[^0-9A-Za-z_]+", "_", text).strip("_")
    text = re.sub(r"__+", "_", text)[:40]
    # `sc_` is the prefix of what generated code calls its own, the others are those of headers.
    if not text or not text[0].isalpha() or _PREFIXES.match(text):
        text = "v" + text
    if text + "_" in RESERVED:
        text = "v" + text
    return text + "_" if text in RESERVED or _UNPACKED.fullmatch(text) else text


def _transliterate(char: str) -> str:
    if char.isascii():
        return char
    name = unicodedata.name(char, "")
    match = re.fullmatch(r"GREEK (?:SMALL|CAPITAL) LETTER (\w+)", name)
    if match:
        # Unicode spells the name of one letter in a way of its own.
        letter = match.group(1).lower().replace("lamda", "lambda")
        return letter if "SMALL" in name else letter.capitalize()
    plain = unicodedata.normalize("NFKD", char)
    return "".join(c for c in plain if c.isascii()) or "_"


class Names:
    """Hands out identifiers, each once.

    Args:
        taken: identifiers that are not to be handed out.
        avoid: words to which an underscore is added.

    >>> names = Names()
    >>> names.fresh("x"), names.fresh("x"), names.fresh("def")
    ('x', 'x_2', 'def_')
    """

    def __init__(self, taken: Iterable[str] = (), avoid: Collection[str] = ()) -> None:
        self._taken = set(taken)
        self._avoid = avoid

    def fresh(self, wish: str) -> str:
        """Return an unused identifier close to ``wish``."""
        base = identifier(wish)
        base += "_" if base in self._avoid else ""
        name, count = base, 1
        while name in self._taken:
            count += 1
            name = f"{base}_{count}"
        self._taken.add(name)
        return name

    def reserve(self, wish: str) -> str:
        """Return an unused identifier: ``wish`` as it is, if that is unused and a safe one.

        >>> Names().reserve("n"), Names(["n"]).reserve("n")
        ('n', 'n_')
        """
        if wish in self._taken:
            return self.fresh(wish)
        self._taken.add(wish)
        return wish

    def numbered(self, prefix: str) -> Iterator[str]:
        """Yield unused ``prefix0, prefix1, ...`` without end."""
        count = 0
        while True:
            name = f"{prefix}{count}"
            count += 1
            if name not in self._taken:
                self._taken.add(name)
                yield name
