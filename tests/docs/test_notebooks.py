"""The notebooks: each runs from nothing, and prints what it is committed with."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat")
pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "notebooks"


def runner() -> Any:
    spec = importlib.util.spec_from_file_location("run_notebooks", FOLDER / "run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ipynb")), ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore")
def test_it_prints_what_is_committed(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setenv("PYTHONPATH", str(FOLDER.parents[1]))
    # The notebook's own pictures go into it.
    monkeypatch.delenv("MPLBACKEND", raising=False)
    run = runner()
    committed = nbformat.read(path, as_version=4)
    executed = run.execute(path, tmp_path)
    assert run.printed(executed) == run.printed(committed)
    for cell, other in zip(executed.cells, committed.cells, strict=True):
        if cell.cell_type == "code":
            assert pictures(cell) == pictures(other)


def pictures(cell: Any) -> list[str]:
    kinds = ("image/png", "image/svg+xml")
    return [kind for output in cell.outputs for kind in output.get("data", ()) if kind in kinds]
