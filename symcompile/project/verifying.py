"""Checking modules as they are built: each gets the record that lies beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

from symcompile.build.loader import build_source
from symcompile.checking.crosscheck import check_all
from symcompile.checking.record import records
from symcompile.errors import SymcompileError
from symcompile.generate import Source
from symcompile.options import BACKENDS, Backend, Options
from symcompile.project.items import Item
from symcompile.recheck import recheck, written
from symcompile.verify import made_up_setting


def verified(
    item: Item, sources: Sequence[Source], options: Options
) -> dict[Backend, tuple[Source, str]]:
    """Check the modules of a definition against 50 digits, and each other.

    Args:
        item: the definition, and what is wanted of it.
        sources: of its modules, which have been built.
        options: how they were compiled.

    Returns:
        For each backend the source, with the record among what goes with it, and what is wrong.
    """
    if not sources:
        return {}
    try:
        setting = made_up_setting(item.definition)
        report = check_all(
            setting,
            backends=[source.backend for source in sources],
            time_calls=False,
            fit=False,
            options=options,
        )
        made = records(setting, report, sources)
    except SymcompileError as failure:
        return {source.backend: (source, f"not verified: {failure}") for source in sources}
    found: dict[Backend, tuple[Source, str]] = {}
    for source in sources:
        record = _of(item, made[source.module])
        error = "; ".join(f for f in report.failures if _concerns(f, source.backend))
        if not error:
            module = build_source(source.text, source.module, source.backend, options)
            error = _again(module, record)
        companion = (f"{source.module}.json", written(record))
        whole = replace(source, companions=(*source.companions, companion))
        found[source.backend] = whole, f"not verified: {error}" if error else ""
    return found


def _concerns(failure: str, backend: Backend) -> bool:
    """Whether a failure is of this backend, or of none in particular."""
    return backend in failure or not any(other in failure for other in BACKENDS)


def _of(item: Item, record: dict[str, Any]) -> dict[str, Any]:
    """Return what a record says of the functions that a module has."""
    kept = {
        part: {name: one for name, one in record[part].items() if name in item.names}
        for part in ("functions", "cases")
    }
    return {**record, **kept}


def _again(module: ModuleType, record: dict[str, Any]) -> str:
    """Return what the module itself gets wrong, as it was compiled."""
    wrong = [one for one in recheck(module, record) if not one.ok]
    return "; ".join(f"{one.function}: {one.failure}" for one in wrong)
