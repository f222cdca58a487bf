"""Moments whatever they cost, for all tests of moments with axes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from symcompile.gram import moments


@pytest.fixture(autouse=True)
def always(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let moments be used however few the samples are."""
    monkeypatch.setattr(moments, "GAIN", 0.0)
    monkeypatch.setattr(moments, "ONCE", float("inf"))
    monkeypatch.setattr(moments, "FIT", float("inf"))
    yield
