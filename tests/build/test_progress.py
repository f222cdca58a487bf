"""What is shown of long work, and where nothing is."""

from __future__ import annotations

import io
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from symcompile.build import progress
from symcompile.build.progress import counted, shown, stepping


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setattr(progress, "PATIENCE", 0.01)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("CI", raising=False)
    return Terminal()


@contextmanager
def watching(terminal: Terminal) -> Iterator[None]:
    """Put the terminal in the place of stderr: pytest has its own there between two phases."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", terminal)
        yield


def wait_for(stream: io.StringIO, text: str) -> None:
    end = time.monotonic() + 30
    while text not in stream.getvalue():
        assert time.monotonic() < end, stream.getvalue()
        time.sleep(0.01)


def test_long_work_is_shown_on_a_terminal(terminal: Terminal) -> None:
    with watching(terminal), shown("compiling f"):
        wait_for(terminal, "compiling f")
    assert terminal.getvalue().endswith("\x1b[2K")  # the line is erased
    assert not [t for t in threading.enumerate() if isinstance(t, threading.Timer)]


def test_a_limit_is_a_bar_that_fills(terminal: Terminal) -> None:
    with watching(terminal), shown("compiling f", limit=0.3):
        wait_for(terminal, "compiling f")
        wait_for(terminal, "━" * 20)
    assert "╸" in terminal.getvalue()  # half a cell, on the way there


def test_short_work_is_not(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 60)
    with watching(terminal), shown("compiling f"):
        pass
    assert terminal.getvalue() == ""


def test_the_line_goes_with_an_error(terminal: Terminal) -> None:
    with pytest.raises(ZeroDivisionError), watching(terminal), shown("compiling f"):
        wait_for(terminal, "compiling f")
        raise ZeroDivisionError
    assert terminal.getvalue().endswith("\x1b[2K")


@pytest.mark.parametrize("why", ["pipe", "CI", "dumb", "thread"])
def test_silence(terminal: Terminal, monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    if why == "pipe":
        monkeypatch.setattr(terminal, "isatty", lambda: False)
    elif why == "CI":
        monkeypatch.setenv("CI", "true")
    elif why == "dumb":
        monkeypatch.setenv("TERM", "dumb")

    def work() -> None:
        with shown("compiling f"):
            time.sleep(0.05)

    with watching(terminal):
        if why == "thread":
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
        else:
            work()
    assert terminal.getvalue() == ""


def test_counted_work_is_a_bar_that_fills(terminal: Terminal) -> None:
    with watching(terminal), counted("fitting", 40) as advance:
        advance(10)
        wait_for(terminal, "10/40")
        advance(30)
        wait_for(terminal, "40/40")
    assert terminal.getvalue().endswith("\x1b[2K")


def test_counted_work_is_shown_at_once_where_that_is_wanted(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 100.0)
    monkeypatch.setenv("CI", "1")
    with watching(terminal), counted("fitting", 40, True):
        wait_for(terminal, "0/40")
    shown_already = terminal.getvalue()
    with watching(terminal), counted("fitting", 40, False) as advance:
        advance(40)
        time.sleep(0.05)
    with watching(terminal), counted("fitting", 40) as advance:
        advance(40)
    assert terminal.getvalue() == shown_already


def test_steps_are_shown_as_they_are_made(terminal: Terminal) -> None:
    with watching(terminal), stepping("fitting") as step:
        time.sleep(0.05)
        assert not terminal.getvalue()
        step(1, 0.5)
        wait_for(terminal, "fitting: step 1, 0.5")
        step(12, 0.25)
        wait_for(terminal, "fitting: step 12, 0.25")
    assert terminal.getvalue().endswith("\x1b[2K")
    shown_already = terminal.getvalue()
    with watching(terminal), stepping("fitting", False) as step:
        step(1, 0.5)
        time.sleep(0.05)
    assert terminal.getvalue() == shown_already


def test_nothing_is_counted_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", stream)
        with counted("fitting", 3, True) as advance:
            advance(3)
            time.sleep(0.05)
    assert stream.getvalue() == ""
