"""Options and fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

ROOT = Path(__file__).resolve().parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="also run the tests marked long")
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="rewrite generated/ instead of comparing with it",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Draw the same examples each time, so that a failure is one of the change at hand.

    With ``--long`` they are drawn anew.
    """
    # How fast examples are drawn depends on what else the machine does.
    slow = [HealthCheck.too_slow]
    settings.register_profile(
        "repeatable", derandomize=True, deadline=None, suppress_health_check=slow
    )
    if not config.getoption("--long"):
        settings.load_profile("repeatable")
        # Hypothesis also draws numbers that it reads in the source of the modules loaded so far,
        # which are other ones in each process. It has no setting for that.
        if hasattr(providers, "Constants") and hasattr(providers, "_get_local_constants"):
            none = providers.Constants()
            providers._get_local_constants = lambda: none


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--long"):
        return
    long = [item for item in items if item.get_closest_marker("long")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if not item.get_closest_marker("long")]


@pytest.fixture(scope="session", autouse=True)
def private_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep tests off the user's cache and screen; an environment that is set is respected."""
    folder = tmp_path_factory.getbasetemp()
    # Workers share one cache, as a user's processes do.
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with pytest.MonkeyPatch.context() as patch:
        if "SYMCOMPILE_CACHE_DIR" not in os.environ:
            patch.setenv("SYMCOMPILE_CACHE_DIR", str(folder / "symcompile-cache"))
        patch.setenv("MPLBACKEND", "Agg")
        patch.setenv("SYMCOMPILE_CHECK_TEMPLATES", "1")
        yield


@pytest.fixture(autouse=True, scope="module")
def registered_functions() -> Iterator[None]:
    """Forget what a module registers: others look at the whole table."""
    from symcompile.ir.ops import BY_SYMPY_CLASS, OPS
    from symcompile.ir.ops.registered import FUNCTIONS, SOURCES
    from symcompile.ir.special_values import VALUES

    tables: list[dict[str, Any]] = [OPS, FUNCTIONS, SOURCES, VALUES, BY_SYMPY_CLASS]
    before = [dict(table) for table in tables]
    yield
    for table, known in zip(tables, before, strict=True):
        for name in set(table) - set(known):
            del table[name]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of published cases, which a checkout need not have."""
    override = os.environ.get("SYMCOMPILE_SHARED_DATA")
    folder = Path(override) if override else ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the published cases are not here (SYMCOMPILE_SHARED_DATA names their folder)")
    return folder


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be rewritten."""
    return bool(request.config.getoption("--update-golden"))
