"""The cache: complete entries or none, one builder, nothing trusted that was changed."""

from __future__ import annotations

import json
import multiprocessing
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from symcompile.build import locks
from symcompile.build.cache import Cache, cache_dir, key
from symcompile.errors import CacheError, CompileError
from symcompile.options import Options

KEY = key("some", "source")
OTHER_KEY = key("other", "source")

posix = pytest.mark.skipif(os.name != "posix", reason="needs fork and POSIX permissions")


class Builder:
    """Writes two files, and counts how often it was asked."""

    def __init__(self, content: str = "x = 1\n") -> None:
        self.content = content
        self.folders: list[Path] = []
        self.modes: list[int] = []

    def __call__(self, folder: Path) -> None:
        self.folders.append(folder)
        self.modes.append(stat.S_IMODE(folder.stat().st_mode))
        (folder / "module.py").write_text(self.content, encoding="utf-8")
        (folder / "extra").mkdir()
        (folder / "extra" / "data.bin").write_bytes(b"\0\1")

    @property
    def calls(self) -> int:
        return len(self.folders)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "root")


def leftovers(cache: Cache) -> list[str]:
    return [path.name for path in (cache.root / "tmp").iterdir()]


def test_key_is_stable_and_injective() -> None:
    # The published SHA-256 of the empty text.
    assert key() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    sequences = [("ab", "c"), ("a", "bc"), ("abc",), ("abc", ""), ("", "abc"), ("é",), ("e",)]
    assert len({key(*parts) for parts in sequences}) == len(sequences)
    key("\ud800")


def test_cache_dir_precedence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMCOMPILE_CACHE_DIR", str(tmp_path / "environment"))
    assert cache_dir(Options(cache_dir=tmp_path / "option")) == tmp_path / "option"
    assert cache_dir(Options()) == tmp_path / "environment"
    monkeypatch.setenv("SYMCOMPILE_CACHE_DIR", "")
    default = cache_dir(Options())
    assert default.is_absolute()
    assert "symcompile" in default.parts


def test_builds_once_and_publishes_under_the_key(cache: Cache) -> None:
    build = Builder()
    entry = cache.get_or_build(KEY, build)
    assert cache.get_or_build(KEY, build) == entry
    assert build.calls == 1
    assert entry == cache.root / KEY[:2] / KEY
    assert (entry / "module.py").read_text(encoding="utf-8") == "x = 1\n"
    assert not build.folders[0].exists()
    assert leftovers(cache) == []


@posix
def test_folders_are_private(cache: Cache) -> None:
    build = Builder()
    entry = cache.get_or_build(KEY, build)
    assert build.modes == [0o700]
    assert cache.root in build.folders[0].parents
    for folder in (cache.root, entry.parent, entry):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_manifest_is_deterministic_and_lists_every_file(tmp_path: Path) -> None:
    texts = [
        (Cache(tmp_path / name).get_or_build(KEY, Builder()) / "manifest.json").read_bytes()
        for name in ("a", "b")
    ]
    assert texts[0] == texts[1]
    assert set(json.loads(texts[0])["files"]) == {"module.py", "extra/data.bin"}


def test_keys_do_not_share_entries(cache: Cache) -> None:
    first, second = Builder("x = 1"), Builder("x = 2")
    entries = cache.get_or_build(KEY, first), cache.get_or_build(OTHER_KEY, second)
    assert [(entry / "module.py").read_text() for entry in entries] == ["x = 1", "x = 2"]


@pytest.mark.parametrize("name", ["", "abc", "../" * 21 + "a", KEY.upper()])
def test_what_is_no_digest_is_no_key(cache: Cache, name: str) -> None:
    with pytest.raises(ValueError, match="64 hexadecimal"):
        cache.get_or_build(name, Builder())


@pytest.mark.parametrize("error", [RuntimeError("no"), CompileError("no"), KeyboardInterrupt()])
def test_failed_build_leaves_nothing(cache: Cache, error: BaseException) -> None:
    def build(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise error

    with pytest.raises(type(error)):
        cache.get_or_build(KEY, build)
    assert not (cache.root / KEY[:2] / KEY).exists()
    assert leftovers(cache) == []
    good = Builder()
    cache.get_or_build(KEY, good)
    assert good.calls == 1


def _truncate(entry: Path) -> None:
    (entry / "module.py").write_text("")


def _swap(entry: Path) -> None:
    (entry / "module.py").write_text("x = 7\n")  # of the same length


def _flip_a_bit(entry: Path) -> None:
    content = bytearray((entry / "extra" / "data.bin").read_bytes())
    content[1] ^= 0x10
    (entry / "extra" / "data.bin").write_bytes(content)


def _open_to_the_group(entry: Path) -> None:
    entry.chmod(0o770)


def _open_file_to_the_group(entry: Path) -> None:
    entry.chmod(0o750)
    (entry / "module.py").chmod(0o664)


def _delete(entry: Path) -> None:
    (entry / "extra" / "data.bin").unlink()


def _break_manifest(entry: Path) -> None:
    (entry / "manifest.json").write_text('{"files": {')


def _drop_manifest(entry: Path) -> None:
    (entry / "manifest.json").unlink()


def _odd_manifest(entry: Path) -> None:
    (entry / "manifest.json").write_text("[]")


def _link_out(entry: Path) -> None:
    outside = entry.parent.parent / "planted.py"
    outside.write_text("x = 1\n")
    (entry / "module.py").unlink()
    (entry / "module.py").symlink_to(outside)


def _open_to_all(entry: Path) -> None:
    entry.chmod(0o777)


def _open_file_to_all(entry: Path) -> None:
    (entry / "module.py").chmod(0o666)


@pytest.mark.parametrize(
    "damage",
    [
        _truncate,
        _swap,
        _flip_a_bit,
        _delete,
        _break_manifest,
        _drop_manifest,
        _odd_manifest,
        pytest.param(_link_out, marks=posix),
        pytest.param(_open_to_all, marks=posix),
        pytest.param(_open_file_to_all, marks=posix),
        pytest.param(_open_to_the_group, marks=posix),
        pytest.param(_open_file_to_the_group, marks=posix),
    ],
)
def test_damaged_entry_is_rebuilt(cache: Cache, damage: Callable[[Path], None]) -> None:
    build = Builder()
    entry = cache.get_or_build(KEY, build)
    damage(entry)
    assert cache.get_or_build(KEY, build) == entry
    assert build.calls == 2
    assert (entry / "module.py").read_text() == "x = 1\n"
    assert not (entry / "module.py").is_symlink()
    assert (entry / "extra" / "data.bin").exists()
    assert leftovers(cache) == []


@posix
def test_planted_link_for_an_entry_is_not_followed(cache: Cache, tmp_path: Path) -> None:
    elsewhere = Cache(tmp_path / "elsewhere").get_or_build(KEY, Builder("planted"))
    place = cache.root / KEY[:2] / KEY
    place.parent.mkdir(parents=True, mode=0o700)
    place.symlink_to(elsewhere)
    entry = cache.get_or_build(KEY, Builder("x = 1"))
    assert not entry.is_symlink()
    assert (entry / "module.py").read_text() == "x = 1"
    assert (elsewhere / "module.py").read_text() == "planted"


def test_entry_of_another_key_is_not_taken(cache: Cache) -> None:
    other = cache.get_or_build(OTHER_KEY, Builder("other"))
    place = cache.root / KEY[:2] / KEY
    place.parent.mkdir(exist_ok=True)
    other.rename(place)
    entry = cache.get_or_build(KEY, Builder("mine"))
    assert (entry / "module.py").read_text() == "mine"


def test_entries_that_were_swapped_are_built_again(cache: Cache) -> None:
    builds = Builder("x = 1"), Builder("x = 2")
    keys = KEY, OTHER_KEY
    first, second = (cache.get_or_build(*each) for each in zip(keys, builds, strict=True))
    first.rename(cache.root / "aside")
    second.rename(first)
    (cache.root / "aside").rename(second)
    for each, build, content in zip(keys, builds, ("x = 1", "x = 2"), strict=True):
        assert (cache.get_or_build(each, build) / "module.py").read_text() == content
        assert build.calls == 2


def test_files_added_later_are_allowed(cache: Cache) -> None:
    build = Builder()
    entry = cache.get_or_build(KEY, build)
    (entry / "extra" / "module.nbi").write_text("index")
    cache.get_or_build(KEY, build)
    assert build.calls == 1


def _build_slowly(root: Path, log: Path, barrier: object) -> None:
    def build(folder: Path) -> None:
        with log.open("a") as stream:
            stream.write("built\n")
        time.sleep(0.2)
        (folder / "module.py").write_text("x = 1\n")

    barrier.wait()  # type: ignore[attr-defined]
    entry = Cache(root).get_or_build(KEY, build)
    assert (entry / "module.py").read_text() == "x = 1\n"


@posix
def test_of_many_processes_one_builds(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(8)
    log = tmp_path / "log"
    arguments = (tmp_path / "root", log, barrier)
    processes = [context.Process(target=_build_slowly, args=arguments) for _ in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 8
    assert log.read_text() == "built\n"


def _build_forever(root: Path, ready: Path) -> None:
    def build(folder: Path) -> None:
        (folder / "half").write_text("half")
        ready.touch()
        time.sleep(600)

    Cache(root).get_or_build(KEY, build)


@posix
def test_killed_build_leaves_no_entry_and_no_lock(cache: Cache, tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    ready = tmp_path / "ready"
    process = context.Process(target=_build_forever, args=(cache.root, ready))
    process.start()
    deadline = time.monotonic() + 60
    while not ready.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.join(60)
    assert cache.info().entries == 0
    (abandoned,) = leftovers(cache)

    cache.get_or_build(KEY, Builder())
    assert cache.info().entries == 1
    assert leftovers(cache) == [abandoned]  # kept until it is an hour old

    long_ago = time.time() - 2 * 3600
    os.utime(cache.root / "tmp" / abandoned, (long_ago, long_ago))
    cache.get_or_build(OTHER_KEY, Builder())
    assert leftovers(cache) == []


@posix
def test_old_folder_of_a_living_process_stays(cache: Cache) -> None:
    cache.get_or_build(KEY, Builder())
    mine = cache.root / "tmp" / f"{locks.host()}-{os.getpid()}-abc"
    foreign = cache.root / "tmp" / "another.host-1-abc"
    long_ago = time.time() - 2 * 3600
    for folder in (mine, foreign):
        folder.mkdir()
        os.utime(folder, (long_ago, long_ago))
    cache.get_or_build(OTHER_KEY, Builder())
    assert sorted(leftovers(cache)) == sorted([mine.name, foreign.name])


def test_info_and_clear(cache: Cache) -> None:
    assert cache.info().entries == 0
    assert cache.clear() == 0
    assert not cache.root.exists()

    entries = [cache.get_or_build(each, Builder()) for each in (KEY, OTHER_KEY)]
    files = [path for entry in entries for path in entry.rglob("*") if path.is_file()]
    info = cache.info()
    assert (info.path, info.entries) == (cache.root, 2)
    assert info.bytes == sum(path.stat().st_size for path in files)

    cache.log_folder.mkdir()
    assert cache.clear() == 2
    assert cache.info().entries == 0
    assert not cache.log_folder.exists()
    build = Builder()
    cache.get_or_build(KEY, build)
    assert build.calls == 1


def test_unusable_root_names_the_variable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CacheError, match="SYMCOMPILE_CACHE_DIR") as caught:
        Cache(tmp_path / "file" / "root").get_or_build(KEY, Builder())
    assert str(tmp_path / "file" / "root") in str(caught.value)
    assert isinstance(caught.value, OSError)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is read-only for root"
)
def test_read_only_root(cache: Cache) -> None:
    build = Builder()
    entry = cache.get_or_build(KEY, build)
    cache.root.chmod(0o500)
    (cache.root / "tmp").chmod(0o500)
    (cache.root / "locks").chmod(0o500)
    try:
        assert cache.get_or_build(KEY, build) == entry
        with pytest.raises(CacheError, match="SYMCOMPILE_CACHE_DIR"):
            cache.get_or_build(OTHER_KEY, build)
    finally:
        for folder in (cache.root, cache.root / "tmp", cache.root / "locks"):
            folder.chmod(0o700)


@posix
def test_root_that_others_can_change_is_refused(cache: Cache) -> None:
    cache.root.mkdir()
    cache.root.chmod(0o777)
    with pytest.raises(CacheError, match="other users"):
        cache.get_or_build(KEY, Builder())
    cache.root.chmod(0o1777)
    cache.get_or_build(KEY, Builder())


@posix
def test_disk_errors_while_building_are_cache_errors(cache: Cache) -> None:
    def build(folder: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(CacheError, match="No space left"):
        cache.get_or_build(KEY, build)
    assert leftovers(cache) == []
