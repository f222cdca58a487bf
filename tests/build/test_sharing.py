"""A cache folder that is shared, full, read-only, damaged or not one's own: results stay right."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sympy as sp

import symcompile as sc
from symcompile.build import loader, private, toolchain
from symcompile.build.cache import Cache, key
from symcompile.build.diagnostics import RejectedSourceError
from symcompile.build.loader import build_cython, build_python
from symcompile.errors import CacheError, ToolchainError

ROOT = Path(__file__).parents[2]
x = sp.Symbol("x")

needs_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only the superuser can"
)


@pytest.fixture(autouse=True)
def not_warned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private, "_warned", type(private._warned)())


def run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own."""
    preamble = "import sys\nfrom pathlib import Path\nfolder = Path(sys.argv[1])\n"
    return subprocess.run(
        [sys.executable, "-c", preamble + code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


COMPILE = """
import math, sympy as sp, symcompile as sc
x = sp.Symbol("x")
for backend in sys.argv[2].split():
    options = sc.Options(cache_dir=folder)
    kernel = sc.compile(sp.sin(x)*x, params=x, backend=backend, options=options)
    assert abs(kernel.value([0.5]) - math.sin(0.5)*0.5) < 1e-15
    assert abs(kernel.grad([0.5])[0] - math.sin(0.5) - 0.5*math.cos(0.5)) < 1e-15
    print(backend, "right")
"""


@pytest.fixture
def compiled(tmp_path: Path) -> Path:
    """A cache with a kernel of Cython's (where there is a compiler), of LLVM's and of Python's."""
    backends = "python llvm"
    try:
        toolchain.find_toolchain()
        backends += " cython"
    except ToolchainError:
        pass
    (tmp_path / "backends").write_text(backends)
    done = run(COMPILE, tmp_path / "cache", backends)
    assert done.returncode == 0, done.stderr
    return tmp_path / "cache"


def _binaries(root: Path) -> list[Path]:
    return [path for path in root.glob("??/*/*") if path.is_file() and path.name != "manifest.json"]


@pytest.mark.long
def test_damaged_entries_are_compiled_again_and_give_right_results(compiled: Path) -> None:
    backends = (compiled.parent / "backends").read_text()

    def truncate(path: Path) -> None:
        path.write_bytes(path.read_bytes()[:-1])

    def flip(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)

    for damage in (truncate, flip, Path.unlink):
        files = _binaries(compiled)
        assert files
        for path in files:
            damage(path)
        done = run(COMPILE, compiled, backends)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("right") == len(backends.split())
        assert done.stderr == ""


def test_hosts_with_other_processors_share_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = sc.Options(cache_dir=tmp_path)
    for features in ("flags: avx2", "flags: avx2 avx512f", "flags: avx2"):
        monkeypatch.setattr(loader, "cpu_features", lambda features=features: features)
        kernel = sc.compile(x**2 + 1, params=x, backend="llvm", options=options)
        assert kernel.value([3.0]) == 10.0
    assert len(list(tmp_path.glob("??/*/manifest.json"))) == 2
    try:
        found = set()
        for features in ("a", "b", "a"):
            monkeypatch.setattr(toolchain, "cpu_features", lambda features=features: features)
            found.add(loader.surroundings("cython", options))
        assert len(found) == 2
    except ToolchainError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES])
def test_what_cannot_be_kept_is_built_for_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    real = Cache._temporary
    root = tmp_path / "cache"

    def temporary(cache: Cache) -> Path:
        if cache.root == root:
            raise OSError(code, os.strerror(code))
        return real(cache)

    monkeypatch.setattr(Cache, "_temporary", temporary)
    options = sc.Options(cache_dir=root)
    with pytest.warns(RuntimeWarning, match="for this process alone") as caught:
        for number in (1, 2):
            assert build_python(f"x = {number}\n", "kernel", options).x == number
    assert len(caught) == 1
    assert os.strerror(code) in str(caught[0].message)
    assert Cache(root).info().entries == 0


def test_a_disk_that_fills_while_the_compiler_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = loader.compile_extension
    root = tmp_path / "cache"

    def compile_extension(tools: Any, pyx: Path, folder: Path, *, options: sc.Options) -> Path:
        if root in folder.parents:
            raise RejectedSourceError("rejected", "k.c: error: k.s: No space left on device")
        return real(tools, pyx, folder, options=options)

    try:
        toolchain.find_toolchain()
    except ToolchainError as error:
        pytest.skip(str(error))
    monkeypatch.setattr(loader, "compile_extension", compile_extension)
    options = sc.Options(optimize=1, cache_dir=root)
    with pytest.warns(RuntimeWarning, match="No space left"):
        assert build_cython("x = 1\n", "full_kernel", options).x == 1


def test_without_room_anywhere_one_error_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("tempfile.mkdtemp", full)
    private._private_folder.cache_clear()
    with (
        pytest.warns(RuntimeWarning),
        pytest.raises(CacheError, match="There is no room for compiled modules"),
    ):
        build_python("x = 1\n", "kernel", sc.Options(cache_dir=tmp_path / "cache"))


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of half a megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=512k,mode=0700", "tmpfs", str(place)]
    if shutil.which("mount") is None:
        pytest.skip("no file system can be mounted here")
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


CHECK_GONE = """
from symcompile.build import private
made = private._private_folder.cache_info().currsize
print("temporary", private._private_folder() if made else "")
"""


@needs_root
@pytest.mark.parametrize("backend", ["python", "llvm", "cython"])
def test_a_disk_that_is_really_full(tiny_disk: Path, tmp_path: Path, backend: str) -> None:
    if backend == "cython":
        try:
            toolchain.find_toolchain()
        except ToolchainError as error:
            pytest.skip(str(error))
    with (tiny_disk / "ballast").open("wb") as ballast:
        # Cython gets room for its source, and none for what the compiler writes.
        ballast.write(b"x" * ((400 if backend == "cython" else 500) * 1024))
    try:
        with (tiny_disk / "more").open("wb", buffering=0) as more:
            while backend != "cython" and more.write(b"x" * 1024):
                pass
    except OSError:
        pass
    done = run(COMPILE + CHECK_GONE, tiny_disk / "cache", backend)
    assert done.returncode == 0, done.stderr
    assert f"{backend} right" in done.stdout
    assert done.stderr.count("RuntimeWarning") == 1
    assert "No space left on device" in done.stderr
    folder = done.stdout.split("temporary ")[1].strip()
    assert folder and not Path(folder).exists()  # removed at exit
    # With room again, what is left does no harm.
    for path in (tiny_disk / "ballast", tiny_disk / "more"):
        path.unlink()
    if backend != "cython":
        done = run(COMPILE, tiny_disk / "cache", backend)
        assert (done.returncode, done.stderr) == (0, "")
        assert Cache(tiny_disk / "cache").info().entries > 0


@needs_root
def test_a_full_disk_can_be_emptied(tiny_disk: Path) -> None:
    cache = Cache(tiny_disk / "cache")
    for number in range(4):
        cache.get_or_build(key(str(number)), lambda folder: (folder / "f").write_text("1") and None)
    try:
        with (tiny_disk / "ballast").open("wb", buffering=0) as ballast:
            while ballast.write(b"x" * 4096):
                pass
    except OSError:
        pass
    for path in (tiny_disk / "cache" / "locks").iterdir():
        path.unlink()
    assert cache.clear() == 4
    assert cache.info().entries == 0


@needs_root
def test_a_file_system_that_is_read_only(tiny_disk: Path) -> None:
    assert run(COMPILE, tiny_disk / "cache", "llvm").returncode == 0
    subprocess.run(["mount", "-o", "remount,ro", str(tiny_disk)], check=True)
    there = run(COMPILE, tiny_disk / "cache", "llvm")
    assert (there.returncode, there.stderr) == (0, "")
    missing = run(COMPILE + CHECK_GONE, tiny_disk / "cache", "python")
    assert missing.returncode == 0, missing.stderr
    assert missing.stderr.count("RuntimeWarning") == 1
    assert "Read-only file system" in missing.stderr


PLANT = """
import fcntl, os
from symcompile.build.cache import Cache
# Another user from here on; imported before, since the packages may be out of its reach.
os.setgroups([])
os.setgid(int(sys.argv[3]))
os.setuid(int(sys.argv[3]))
root = folder / "cache"
key = sys.argv[2]
try:
    Cache(root).get_or_build(key, lambda place: (place / "f").write_text("planted") and None)
    print("built")
except OSError as error:
    print("refused", type(error).__name__)
try:
    entry = root / key[:2] / key
    entry.mkdir(parents=True)
    (entry / "f").write_text("planted")
    print("planted")
except OSError:
    print("shut out")
"""


@needs_root
def test_another_user_plants_nothing(tmp_path: Path) -> None:
    """With a real second user: in the default folder, and in one that all may write in."""
    user, each = 65534, key("k")

    work = Path("/tmp") / f"symcompile-test-{os.getpid()}"  # pytest's own folder is private
    work.mkdir(mode=0o755)
    try:
        cache = Cache(work / "cache")
        cache.get_or_build(key("other"), lambda folder: (folder / "f").write_text("1") and None)
        done = run(PLANT, work, each, user)
        assert done.stdout.split("\n")[:2] == ["refused CacheError", "shut out"], done.stderr
        # Now a folder with the sticky bit, as /tmp is: the other one comes first.
        shutil.rmtree(work / "cache")
        (work / "cache").mkdir()
        (work / "cache").chmod(0o1777)
        done = run(PLANT, work, each, user)
        assert "built" in done.stdout, done.stderr
        planted = work / "cache" / each[:2] / each / "f"
        assert planted.read_text() == "planted" and planted.stat().st_uid == user
        with pytest.raises(CacheError, match="is not a folder of yours alone"):
            cache.get_or_build(each, lambda folder: (folder / "f").write_text("mine") and None)
        # Through the loader it is built elsewhere, and right.
        with pytest.warns(RuntimeWarning, match="for this process alone"):
            options = sc.Options(cache_dir=work / "cache")
            assert build_python("x = 'mine'\n", "kernel", options).x == "mine"
    finally:
        shutil.rmtree(work, ignore_errors=True)


@pytest.mark.parametrize("recipe", [None, "c" * 64])
def test_an_entry_that_goes_between_the_look_and_the_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recipe: str | None
) -> None:
    options = sc.Options(cache_dir=tmp_path)
    real = Cache.get_or_build
    looked: list[Path] = []

    def get_or_build(cache: Cache, each: str, build: Any) -> Path:
        entry = real(cache, each, build)
        looked.append(entry)
        if len(looked) == 1:
            shutil.rmtree(entry)
        return entry

    monkeypatch.setattr(Cache, "get_or_build", get_or_build)
    assert build_python("x = 41\n", "kernel", options, recipe).x == 41
    assert len(looked) == 2


def test_a_known_entry_that_goes_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = sc.Options(cache_dir=tmp_path)
    build_python("x = 43\n", "kernel", options, "c" * 64)
    real = Cache.noted

    def noted(cache: Cache, recipe: str) -> Path | None:
        entry = real(cache, recipe)
        assert entry is not None
        shutil.rmtree(entry)
        return entry

    monkeypatch.setattr(Cache, "noted", noted)
    assert loader.load_known("c" * 64, "python", "kernel", options) is None
