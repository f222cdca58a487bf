"""SciPy's special functions as generated code calls them, through pointers.

``scipy.special.cython_special`` exports each variant of a function as a capsule that is named after
its C type. A generated module finds the one it wants by that type, since the names of the variants
differ between releases of SciPy.
"""

from __future__ import annotations

from dataclasses import dataclass

#: The functions in use that have several results, which they leave at pointers: how many.
RESULTS = {"airy": 4, "sici": 2, "shichi": 2, "fresnel": 2}
#: How many arguments each function takes: doubles, but for the last of a complex variant, or all.
ARGUMENTS = {
    **dict.fromkeys(("erf", "erfc", "erfi", "erfinv", "erfcinv", "erfcx", "dawsn", "wofz"), 1),
    **dict.fromkeys(("gamma", "rgamma", "loggamma", "gammasgn", "psi", "spence", "zetac"), 1),
    **dict.fromkeys(("exp1", "expi", "ellipk", "ellipkm1", "ellipe", "expm1", "log1p"), 1),
    **dict.fromkeys(("j0", "j1", "y0", "y1", "i0", "i1", "k0", "k1"), 1),
    **dict.fromkeys(("i0e", "i1e", "k0e", "k1e"), 1),
    **dict.fromkeys(("cosm1", "exprel", "ndtr", "log_ndtr", "wrightomega"), 1),
    **dict.fromkeys(("jv", "yv", "iv", "kv", "ive", "kve", "beta", "betaln", "binom", "poch"), 2),
    **dict.fromkeys(("hankel1", "hankel2"), 2),
    **dict.fromkeys(("gammainc", "gammaincc", "ellipkinc", "ellipeinc", "hyp0f1", "expn"), 2),
    **dict.fromkeys(("elliprc", "xlogy", "xlog1py"), 2),
    **dict.fromkeys(("betainc", "betaincc", "hyp1f1", "lpmv", "hyperu"), 3),
    **dict.fromkeys(("elliprf", "elliprd", "elliprg"), 3),
    **dict.fromkeys(("hyp2f1", "elliprj"), 4),
    **dict.fromkeys(RESULTS, 1),
}


#: The functions all of whose arguments are complex, in that variant.
_COMPLEX = frozenset({"elliprc", "elliprd", "elliprf", "elliprg", "elliprj"})


@dataclass(frozen=True)
class Pointer:
    """A function of SciPy's.

    Attributes:
        name: its name in SciPy.
        complex: whether it is the variant whose results and last argument, or all, are complex.
    """

    name: str
    complex: bool = False

    @property
    def ident(self) -> str:
        """Its name in generated code, after a prefix."""
        return self.name + ("_z" if self.complex else "")

    @property
    def reals(self) -> int:
        """How many of its arguments are real."""
        count = ARGUMENTS[self.name]
        return count - (count if self.name in _COMPLEX else 1) * self.complex

    @property
    def results(self) -> int:
        """How many results it has."""
        return RESULTS.get(self.name, 1)

    def _types(self, number: str) -> list[str]:
        return ["double"] * self.reals + [number] * (ARGUMENTS[self.name] - self.reals)

    @property
    def signature(self) -> str:
        """The C type by which Cython knows it."""
        number = "__pyx_t_double_complex" if self.complex else "double"
        types = self._types(number)
        if self.results == 1:
            return f"{number} ({', '.join([*types, 'int __pyx_skip_dispatch'])})"
        return f"void ({', '.join(types + [f'{number} *'] * self.results)})"

    # -- C ---------------------------------------------------------------------------------

    @property
    def number(self) -> str:
        """The C type of its results."""
        return "double _Complex" if self.complex else "double"

    @property
    def c_type(self) -> str:
        """The declaration of the pointer to it, in C."""
        types, number = self._types(self.number), self.number
        if self.results == 1:
            return f"{number} (*sc_scipy_{self.ident})({', '.join([*types, 'int'])})"
        return f"void (*sc_scipy_{self.ident})({', '.join(types + [f'{number} *'] * self.results)})"

    @property
    def c_calls(self) -> list[str]:
        """The lines of the C functions that call it, one for each result."""
        letters = "abcd"[: ARGUMENTS[self.name]]
        arguments = ", ".join(
            f"{kind} {letter}"
            for kind, letter in zip(self._types(self.number), letters, strict=True)
        )
        head = f"static inline {self.number} sc_special_{self.ident}"
        given = ", ".join(letters)
        if self.results == 1:
            call = f"sc_scipy_{self.ident}({given}, 0)"
            return [f"{head}({arguments}) {{ return {call}; }}"]
        lines = []
        outs = ", ".join(f"&r[{k}]" for k in range(self.results))
        for k in range(self.results):
            lines += [
                f"{head}_{k}({arguments})",
                "{",
                f"    {self.number} r[{self.results}];",
                f"    sc_scipy_{self.ident}({given}, {outs});",
                f"    return r[{k}];",
                "}",
            ]
        return lines

    # -- Numba -----------------------------------------------------------------------------

    @property
    def letters(self) -> str:
        """The arguments of the functions that call it."""
        return ", ".join("abcd"[: ARGUMENTS[self.name]])

    @property
    def ctypes(self) -> str:
        """The arguments of ``ctypes.CFUNCTYPE``, of a real function."""
        double = ["ctypes.c_double"]
        if self.results == 1:
            return ", ".join([*double, *double * self.reals, "ctypes.c_int"])
        return ", ".join(["None", *double * self.reals, *["ctypes.c_void_p"] * self.results])

    @property
    def names(self) -> list[str]:
        """The functions that call it, one for each result."""
        several = range(self.results) if self.results > 1 else ()
        return [f"{self.ident}_{k}" for k in several] or [self.ident]

    @property
    def numba_calls(self) -> list[tuple[str, list[str]]]:
        """The names and bodies of the functions that call a real one from Numba."""
        if self.results == 1:
            return [(f"special_{self.ident}", [f"return _scipy_{self.ident}({self.letters}, 0)"])]
        outs = ", ".join(f"r[{k}:].ctypes" for k in range(self.results))
        return [
            (
                f"special_{name}",
                [
                    f"r = np.empty({self.results})",
                    f"_scipy_{self.ident}({self.letters}, {outs})",
                    f"return r[{k}]",
                ],
            )
            for k, name in enumerate(self.names)
        ]
