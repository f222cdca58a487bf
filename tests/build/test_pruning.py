"""The cache's limit: least recently used first, never what is used or being built."""

from __future__ import annotations

import gc
import os
import time
from pathlib import Path

import pytest

import symcompile as sc
from symcompile.build import locks, pruning
from symcompile.build.cache import Cache, key
from symcompile.errors import CacheError

HOUR = 3600.0
DAY = 24 * HOUR


@pytest.fixture(autouse=True)
def local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "_MOUNTS", Path("missing"))


def fill(folder: Path) -> None:
    (folder / "data").write_bytes(b"x" * 1000)


def stocked(root: Path, days: tuple[float, ...]) -> tuple[Cache, list[str]]:
    """Make a cache of entries that were used so many days ago."""
    cache = Cache(root)
    keys = [key(str(number)) for number in range(len(days))]
    for each, idle in zip(keys, days, strict=True):
        cache.get_or_build(each, fill)
        idled(cache, each, idle)
    return cache, keys


def idled(cache: Cache, each: str, days: float) -> None:
    os.utime(cache.path(each) / "manifest.json", (time.time() - days * DAY,) * 2)


def there(cache: Cache, keys: list[str]) -> list[bool]:
    return [cache.path(each).exists() for each in keys]


def test_least_recently_used_goes_first(tmp_path: Path) -> None:
    cache, keys = stocked(tmp_path, (3, 5, 1, 4))
    one = cache.info().bytes // 4
    removed = cache.prune(2 * one + 10)
    assert (removed.entries, removed.bytes) == (2, 2 * one)
    assert there(cache, keys) == [True, False, True, False]
    assert cache.prune(2 * one + 10).entries == 0


def test_by_age(tmp_path: Path) -> None:
    cache, keys = stocked(tmp_path, (3, 40, 29))
    assert cache.prune(older_than=30 * DAY).entries == 1
    assert there(cache, keys) == [True, False, True]


def test_what_was_used_in_the_last_hour_stays(tmp_path: Path) -> None:
    cache, keys = stocked(tmp_path, (3, 1 / 25, 0))
    assert cache.prune(0).entries == 1
    assert there(cache, keys) == [False, True, True]


def test_a_use_is_noted_at_most_every_half_hour(tmp_path: Path) -> None:
    cache, (each,) = stocked(tmp_path, (3,))
    cache.get_or_build(each, fill)
    assert cache.prune(0).entries == 0
    idled(cache, each, 0.25 / 24)
    before = (cache.path(each) / "manifest.json").stat().st_mtime
    cache.get_or_build(each, fill)
    assert (cache.path(each) / "manifest.json").stat().st_mtime == before


def test_a_use_through_a_recipe_is_noted(tmp_path: Path) -> None:
    cache, (each,) = stocked(tmp_path, (3,))
    cache.note("e" * 64, each)
    assert cache.noted("e" * 64) is not None
    assert cache.prune(0).entries == 0


def test_a_use_that_cannot_be_noted_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, (each,) = stocked(tmp_path, (3,))

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "utime", refuse)
    assert cache.get_or_build(each, fill) == cache.path(each)


@pytest.mark.skipif(os.name != "posix", reason="locks of POSIX")
def test_what_is_being_built_stays(tmp_path: Path) -> None:
    cache, keys = stocked(tmp_path, (3, 4))
    with locks.lock(cache._lock_path(keys[1])):
        assert cache.prune(0).entries == 1
    assert there(cache, keys) == [False, True]


def test_what_is_used_while_pruning_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache, keys = stocked(tmp_path, (3, 4))
    chosen = pruning.chosen

    def use_one(*arguments: object, **keywords: object) -> list[pruning.Use]:
        found = chosen(*arguments, **keywords)  # type: ignore[arg-type]
        cache.get_or_build(keys[1], fill)
        return found

    monkeypatch.setattr(pruning, "chosen", use_one)
    assert cache.prune(0).entries == 1
    assert there(cache, keys) == [False, True]


def test_notes_and_locks_go_with_their_entries(tmp_path: Path) -> None:
    cache, keys = stocked(tmp_path, (3, 0))
    recipes = ["c" * 64, "d" * 64]
    for recipe, each in zip(recipes, keys, strict=True):
        cache.note(recipe, each)
    assert cache.prune(0).entries == 1
    assert [cache._note(recipe).exists() for recipe in recipes] == [False, True]
    assert cache.noted(recipes[1]) == cache.path(keys[1])
    if os.name == "posix":
        assert [path.stem for path in (tmp_path / "locks").iterdir()] == [keys[1]]


@pytest.mark.skipif(os.name != "posix", reason="locks of POSIX")
def test_old_logs_templates_and_lone_locks_go(tmp_path: Path) -> None:
    cache, _ = stocked(tmp_path, (0,))
    old = time.time() - 40 * DAY
    gone = [
        tmp_path / "logs" / "old.log",
        tmp_path / "templates" / "old",
        tmp_path / "locks" / f"{'a' * 64}.lock",
    ]
    stay = [path.with_name(path.name.replace("old", "new").replace("a", "b")) for path in gone]
    for path in (*gone, *stay):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    for path in gone:
        os.utime(path, (old, old))
    cache.prune()
    assert [path.exists() for path in gone] == [False] * 3
    assert [path.exists() for path in stay] == [True] * 3


def test_a_build_prunes_at_most_once_an_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYMCOMPILE_CACHE_SIZE", "3kB")
    cache, keys = stocked(tmp_path, (3, 4, 5, 6))
    assert there(cache, keys) == [True] * 4  # the first build has asked, and found little
    os.utime(tmp_path / "pruned", (time.time() - 2 * HOUR,) * 2)
    cache.get_or_build(key("one more"), fill)
    # Down to four fifths of the limit, of some 1.2 kB each.
    assert there(cache, keys) == [False] * 4 or there(cache, keys) == [True, *[False] * 3]
    assert cache.path(key("one more")).exists()
    assert cache.info().bytes <= 2400


def test_no_limit_prunes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMCOMPILE_CACHE_SIZE", "0")
    cache, keys = stocked(tmp_path, (3, 4))
    assert not (tmp_path / "pruned").exists()
    assert there(cache, keys) == [True] * 2


def test_a_limit_that_is_none_is_told_and_costs_no_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYMCOMPILE_CACHE_SIZE", "lots")
    with pytest.warns(RuntimeWarning, match="SYMCOMPILE_CACHE_SIZE is wrong: 'lots' is no size"):
        assert Cache(tmp_path).get_or_build(key("k"), fill).exists()


def test_sizes_and_ages() -> None:
    texts = {"1000": 1000, "2kB": 2000, "1.5 GiB": 1610612736, "3T": 3 * 10**12, "4KiB": 4096}
    assert {text: pruning.size(text) for text in texts} == texts
    ages = {"30d": 30 * DAY, "1.5h": 1.5 * HOUR, "2w": 14 * DAY, "7": 7 * DAY, "90s": 90.0}
    assert {text: pruning.age(text) for text in ages} == ages
    for wrong in ("", "1 XB", "-1", "1ib", "MB", "1e9"):
        with pytest.raises(CacheError, match="no size"):
            pruning.size(wrong)
    for wrong in ("", "1y", "-1d"):
        with pytest.raises(CacheError, match="no age"):
            pruning.age(wrong)


def test_a_file_server_spares_longer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mounts"
    monkeypatch.setattr(pruning, "_MOUNTS", mounts)
    for kind, spared in (("ext4", 1.5 * HOUR), ("nfs4", 7 * DAY), ("lustre", 7 * DAY)):
        mounts.write_text(f"/dev/a / ext4 rw 0 0\nserver:/home {tmp_path} {kind} rw 0 0\n")
        assert pruning.spared_seconds(tmp_path / "cache") == spared
        assert pruning.spared_seconds(Path("/elsewhere")) == 1.5 * HOUR


@pytest.mark.skipif(os.name != "posix", reason="a loaded library cannot be removed elsewhere")
def test_a_kernel_that_is_loaded_survives_pruning(tmp_path: Path) -> None:
    import sympy as sp

    x = sp.Symbol("x")
    options = sc.Options(cache_dir=tmp_path)
    kernel = sc.compile(sp.exp(x) + 3, params=x, backend="llvm", options=options)
    assert kernel.value([0.0]) == 4.0
    for entry in tmp_path.glob("??/*/manifest.json"):
        os.utime(entry, (time.time() - 3 * DAY,) * 2)
    assert Cache(tmp_path).prune(0).entries > 0
    assert kernel.value([0.0]) == 4.0
    assert kernel.grad([0.0]).tolist() == [1.0]
    again = sc.compile(sp.exp(x) + 3, params=x, backend="llvm", options=options)
    assert again.value([0.0]) == 4.0
    gc.collect()
    assert kernel.value([1.0]) == again.value([1.0]) == pytest.approx(5.718281828459045, rel=1e-15)
    del kernel
    gc.collect()
    assert again.grad([0.0]).tolist() == [1.0]
