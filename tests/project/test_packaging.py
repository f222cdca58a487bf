"""Setuptools builds the kernels of a project into its wheel."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

setuptools = pytest.importorskip("setuptools")
if tuple(int(n) for n in setuptools.__version__.split(".")[:2]) < (77, 0):
    pytest.skip("a newer setuptools is needed", allow_module_level=True)

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLE = ROOT / "examples" / "project"

_BLOCKED = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("sympy", "symcompile", "Cython", "jinja2", "scipy", "numba"):
            raise AssertionError(f"{name} is imported")

sys.meta_path.insert(0, Blocker())
import relaxation
print(relaxation.fit([0, 1, 2, 3], [8, 4, 2, 1], [7, 1, 0]).round(6).tolist())
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What is on the path of a build: this checkout, and the entry points that it would have."""
    folder = tmp_path_factory.mktemp("entry") / "symcompile-0.1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: symcompile\nVersion: 0.1.0\n")
    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    lines = [f"[{g}]\n" + "".join(f"{k} = {v}\n" for k, v in p.items()) for g, p in points.items()]
    (folder / "entry_points.txt").write_text("\n".join(lines))
    return os.pathsep.join([str(folder.parent), str(ROOT)])


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    ignored = shutil.ignore_patterns("build", "dist", "*.egg-info", "__pycache__")
    shutil.copytree(EXAMPLE, folder, ignore=ignored)
    shutil.rmtree(folder / "src" / "relaxation" / "kernels", ignore_errors=True)
    return folder


def build(project: Path, path: str, hook: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Call a hook of the build backend, as pip does."""
    out = project.parent / "dist"
    out.mkdir(exist_ok=True)
    code = f"from setuptools import build_meta; build_meta.{hook}({str(out)!r})"
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=project,
        env={**os.environ, "PYTHONPATH": path, **env},
        capture_output=True,
        text=True,
        check=False,
    )


def replace(project: Path, old: str, new: str) -> None:
    file = project / "pyproject.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_a_wheel_with_compiled_kernels(project: Path, path: str) -> None:
    done = build(project, path, "build_wheel")
    assert done.returncode == 0, done.stderr
    (wheel,) = (project.parent / "dist").glob("*.whl")
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    assert f"-{tag}-{tag}" in wheel.name
    assert "none-any" not in wheel.name
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(project.parent / "site")
    assert f"relaxation/kernels/loss_cython{suffix}" in names
    assert f"relaxation/kernels/residuals_float32_cython{suffix}" in names
    assert "relaxation/kernels/residuals_python.py" in names
    assert "relaxation/kernels/residuals_float32_cython.json" in names  # verified on the way
    assert not [name for name in names if name.endswith((".pyx", ".c")) or "definition" in name]
    assert "kernels/relaxation.py" not in names
    done = subprocess.run(
        [sys.executable, "-c", _BLOCKED],
        cwd=project.parent / "site",
        env={**os.environ, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    a, _, c = eval(done.stdout)
    assert (a, c) == pytest.approx((8, 0), abs=1e-5)
    assert not (project / "src" / "relaxation" / "kernels").exists()


def test_a_wheel_of_source_alone(project: Path, path: str) -> None:
    replace(project, "verify = true", "verify = false")
    replace(project, 'backends = ["cython"]', 'backends = ["python"]')
    replace(project, 'backends = ["cython", "python"]', 'backends = ["python"]')
    assert build(project, path, "build_wheel", CC="no-such-compiler").returncode == 0
    (wheel,) = (project.parent / "dist").glob("*.whl")
    assert wheel.name.endswith("-py3-none-any.whl")
    assert "relaxation/kernels/loss_python.py" in zipfile.ZipFile(wheel).namelist()


def test_a_source_distribution_holds_the_definitions(project: Path, path: str) -> None:
    done = build(project, path, "build_sdist")
    assert done.returncode == 0, done.stderr
    (archive,) = (project.parent / "dist").glob("*.tar.gz")
    with tarfile.open(archive) as found:
        names = found.getnames()
    assert "relaxation-1.0.0/kernels/relaxation.py" in names
    assert "relaxation-1.0.0/pyproject.toml" in names
    assert not [name for name in names if "_cython" in name]


def test_an_editable_installation_has_kernels_in_place(project: Path, path: str) -> None:
    replace(project, "verify = true", "verify = false")
    done = build(project, path, "build_editable")
    assert done.returncode == 0, done.stderr
    kernels = project / "src" / "relaxation" / "kernels"
    assert (kernels / f"loss_cython{sysconfig.get_config_var('EXT_SUFFIX')}").exists()
    assert (kernels / "loss_cython.pyx").exists()
    assert (kernels / "__init__.py").exists()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('backends = ["cython"]', 'target = "native"', 'tool.symcompile.target is "native"'),
        ("functions", "function", "did you mean 'functions'?"),
        ("kernels/*.py", "none/*.py", "no file matches 'none/*.py'"),
        ("kernels.residuals", "kernels.residual", "did you mean 'residuals'?"),
    ],
)
def test_what_is_wrong_is_said(project: Path, path: str, old: str, new: str, said: str) -> None:
    replace(project, old, new)
    done = build(project, path, "build_wheel")
    assert done.returncode
    assert said in done.stderr + done.stdout
    assert not list((project.parent / "dist").iterdir())


def test_no_compiler(project: Path, path: str) -> None:
    done = build(project, path, "build_wheel", CC="no-such-compiler")
    assert done.returncode
    assert "no-such-compiler" in done.stderr
    assert not list((project.parent / "dist").iterdir())


def test_other_projects_are_left_alone(project: Path, path: str) -> None:
    file = project / "pyproject.toml"
    file.write_text(file.read_text().partition("[tool.symcompile]")[0])
    done = build(project, path, "build_wheel", CC="no-such-compiler")
    assert done.returncode == 0, done.stderr
    (wheel,) = (project.parent / "dist").glob("*.whl")
    assert wheel.name.endswith("-py3-none-any.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert not [name for name in names if name.startswith("relaxation/kernels")]


# ---------------------------------------------------------------------- with pip, from a registry


def pip(folder: Path, *arguments: str | Path, **env: str) -> None:
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    done = subprocess.run(
        [python, "-m", "pip", "--disable-pip-version-check", *map(str, arguments)],
        env={**{k: v for k, v in os.environ.items() if k != "PYTHONPATH"}, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.long
def test_installed_where_nothing_else_is(project: Path, tmp_path: Path) -> None:
    """Isolated, as a user's pip does it; symcompile is a wheel of this checkout."""
    place = tmp_path / "venv"
    venv.create(place, with_pip=True)
    source = tmp_path / "source"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".*", "*.egg-info"))
    wheels = tmp_path / "wheels"
    pip(place, "wheel", "--no-deps", "--wheel-dir", wheels, source)
    links = {"PIP_FIND_LINKS": str(wheels)}
    pip(place, "install", project, "pytest", **links)
    done = subprocess.run(
        [place / "bin" / "python", "-m", "pytest", "-q", "tests"],
        cwd=project,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.long
def test_importing_costs_little_and_the_first_call_is_as_fast(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "imports.py"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    found = {line[:34].strip(): float(line[34:].split()[0]) for line in lines[1:5]}
    assert found["import loss_cython, after NumPy"] < 5000
    assert found["first call"] < 1000
    assert lines[-1].endswith(": cython_runtime loss_cython")
