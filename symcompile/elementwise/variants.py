"""The modules of a formula of numbers: one for each kind of call, made when it is first needed."""

from __future__ import annotations

import threading
import types
from collections.abc import Sequence
from typing import Any, NamedTuple

from symcompile.compiler import BackendName, plan
from symcompile.elementwise.promotion import Promotion
from symcompile.emit.elementwise import emit_elementwise
from symcompile.errors import ArgumentTypeError, SymcompileError
from symcompile.frontend.called import Called, Formula
from symcompile.ir.dtypes import DType
from symcompile.options import Backend, Options


class Variant(NamedTuple):
    """What a call asks for: each variant is a module of its own.

    Attributes:
        dtype: what is computed with.
        real: the arguments that are real even so.
        ranks: of matrices that are called with arrays of fewer dimensions, how many these have.
    """

    dtype: DType
    real: frozenset[int] = frozenset()
    ranks: tuple[tuple[int, int], ...] = ()


class Variants:
    """A formula, lowered and compiled for each kind of call when it is first made.

    With the backend ``"auto"`` arrays go through plain Python until machine code pays.
    """

    def __init__(
        self,
        formula: Formula | None,
        lowered: dict[Variant, Called],
        backend: BackendName,
        options: Options,
    ) -> None:
        self.formula, self.lowered = formula, lowered
        self.asked, self.options = backend, options
        self.backend: Backend = "python" if backend == "auto" else backend
        self.modules: dict[Variant, types.ModuleType] = {}
        self.sources: dict[Variant, str] = {}
        self._lock = threading.RLock()
        self._promotions: dict[Variant, Promotion] = {}
        self._promoted: dict[Variant, types.ModuleType] = {}

    def called(self, variant: Variant) -> Called:
        """Return the formula over the numbers of a variant."""
        with self._lock:
            found = self.lowered.get(variant)
            if found is None:
                if self.formula is None:
                    raise ArgumentTypeError(
                        "this function was unpickled without the variant for such arguments: "
                        "call it once with these before it is pickled"
                    )
                dtype, real, ranks = variant
                found = self.formula.lower(dtype, real, dict(ranks))
                self.lowered[variant] = found
            return found

    def module(self, variant: Variant) -> types.ModuleType:
        """Return the module of a variant, compiled now if it is new."""
        found = self.modules.get(variant)
        if found is None:
            with self._lock:
                found = self.modules.get(variant)
                if found is None:
                    found = self.modules[variant] = self._compiled(variant)
        return found

    def module_for(self, variant: Variant, args: Sequence[Any]) -> types.ModuleType:
        """Return the module that computes a call with arrays, compiled now if that pays."""
        if self.asked != "auto":
            return self.module(variant)
        found = self._promoted.get(variant)
        if found is not None:
            return found
        with self._lock:
            if variant not in self._promotions:
                self._promotions[variant] = Promotion(self.called(variant))
            if variant not in self._promoted and self._promotions[variant].is_due(args):
                self._promoted[variant] = self._machine_code(variant)
            return self._promoted.get(variant) or self.module(variant)

    def computes(self, variant: Variant) -> Backend:
        """Return the backend that computes arrays."""
        found = self._promoted.get(variant)
        return "llvm" if found and found is not self.modules.get(variant) else self.backend

    def _machine_code(self, variant: Variant) -> types.ModuleType:
        """Return a module for LLVM, or that of plain Python where there can be none."""
        from symcompile.build.cpu import has_llvm

        if has_llvm():
            other = Variants(self.formula, self.lowered, "llvm", self.options)
            try:
                return other.module(variant)
            except SymcompileError:
                pass  # Nobody asked for it.
        return self.module(variant)

    def _compiled(self, variant: Variant) -> types.ModuleType:
        from symcompile.build.bytecode import keep_templates
        from symcompile.build.loader import build_source
        from symcompile.build.memory import memory_module

        keep_templates(self.options)
        called = self.called(variant)
        (schedule,) = plan(called.definition, ["value"])
        source = emit_elementwise(called, schedule, self.backend, self.options.threads)
        self.sources[variant] = source
        name = f"function_{self.backend}"
        if self.backend == "python":
            return memory_module(source, name)
        return build_source(source, name, self.backend, self.options)
