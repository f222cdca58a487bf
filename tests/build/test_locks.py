"""Locks: one holder at a time, let go of by the dead, and nothing that correctness rests on."""

from __future__ import annotations

import errno
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from symcompile.build import locks
from symcompile.build.cache import Cache, key

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs fork and flock")

KEY = key("a", "kernel")


@pytest.fixture(params=["flock", "no lock service"])
def lock_file(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    if request.param != "flock":

        def refuse(*_: object) -> None:
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

        monkeypatch.setattr("fcntl.flock", refuse)
    return tmp_path / "k.lock"


def test_one_thread_at_a_time(lock_file: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def work(number: int) -> None:
        with locks.lock(lock_file):
            inside.append(number)
            most.append(len(inside))
            time.sleep(0.01)
            inside.remove(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert most == [1] * 8


def test_who_does_not_wait_is_told(lock_file: Path) -> None:
    with locks.lock(lock_file) as held:
        assert held
        with locks.lock(lock_file, wait=False) as second:
            assert not second
        with locks.lock(lock_file, wait=False) as second:
            assert not second  # the one that was refused did not let go of it
    with locks.lock(lock_file, wait=False) as held:
        assert held


def _hold_for_ever(path: Path, ready: Path) -> None:
    with locks.lock(path):
        ready.touch()
        time.sleep(600)


def test_the_dead_hold_nothing(lock_file: Path, tmp_path: Path) -> None:
    process = multiprocessing.get_context("fork").Process(
        target=_hold_for_ever, args=(lock_file, tmp_path / "ready")
    )
    process.start()
    while not (tmp_path / "ready").exists():
        time.sleep(0.005)
    with locks.lock(lock_file, wait=False) as held:
        assert not held
    process.kill()
    process.join(60)
    with locks.lock(lock_file) as held:
        assert held


def test_a_lock_of_another_machine_is_taken_over_after_an_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "_flock", _no_locks)
    marker = tmp_path / "k.owner"
    marker.write_text("another.machine 1")
    with locks.lock(tmp_path / "k.lock", wait=False) as held:
        assert not held
    os.utime(marker, (time.time() - 4000,) * 2)
    with locks.lock(tmp_path / "k.lock", wait=False) as held:
        assert held
    assert not marker.exists()


def _no_locks(*_: object) -> int:
    raise OSError(errno.EOPNOTSUPP, "no locks")


def test_a_removed_lock_is_not_split(tmp_path: Path) -> None:
    """Who waited for a file that was removed takes the lock of the file that came after it."""
    path = tmp_path / "k.lock"
    order: list[str] = []
    waiting = threading.Event()

    def wait() -> None:
        waiting.set()
        with locks.lock(path):
            order.append("waiter")

    with locks.lock(path):
        thread = threading.Thread(target=wait)
        thread.start()
        waiting.wait(60)
        time.sleep(0.05)
        locks.remove(path)
        blocker = locks.lock(path)
        blocker.__enter__()  # the file that came after it
    time.sleep(0.05)
    assert order == []
    order.append("blocker")
    blocker.__exit__(None, None, None)
    thread.join(60)
    assert order == ["blocker", "waiter"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_on_a_full_disk_nothing_is_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def full(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(locks, "_flock", full)
    with locks.lock(tmp_path / "k.lock", wait=False) as held:
        assert held


def test_other_errors_are_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), locks.lock(tmp_path / "missing" / "k.lock"):
        pass


@contextmanager
def _nothing(*_: object, **__: object) -> Iterator[bool]:
    yield True


def _build_unlocked(root: Path, log: Path, barrier: Any) -> None:
    locks.lock = _nothing  # type: ignore[assignment]

    def build(folder: Path) -> None:
        with log.open("a") as stream:
            stream.write("built\n")
        (folder / "first").write_text("1" * 1000)
        time.sleep(0.05)
        (folder / "second").write_text("2" * 1000)

    for number in range(5):
        barrier.wait(60)
        entry = Cache(root).get_or_build(key(str(number)), build)
        assert (entry / "first").read_text() == "1" * 1000
        assert (entry / "second").read_text() == "2" * 1000


def test_without_locks_all_build_and_all_are_right(tmp_path: Path) -> None:
    """Publication is one rename: locks only save work."""
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(6)
    log = tmp_path / "log"
    arguments = (tmp_path / "root", log, barrier)
    processes = [context.Process(target=_build_unlocked, args=arguments) for _ in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 6
    assert len(log.read_text().splitlines()) > 5  # the lock did nothing
    assert Cache(tmp_path / "root").info().entries == 5
    assert list((tmp_path / "root" / "tmp").iterdir()) == []
