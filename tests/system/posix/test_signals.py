"""Signals that end a program, and signals that it keeps ignoring."""

from __future__ import annotations

import signal
from signal import SIGHUP, SIGINT, SIGTERM
from threading import get_ident

import pytest

from cellsync.system.posix import signals


@pytest.mark.parametrize(
    ("ignored", "at_keyboard", "end"),
    [
        ([], True, [SIGTERM, SIGINT, SIGHUP]),
        ([], False, [SIGTERM, SIGHUP]),
        ([SIGHUP], True, [SIGTERM, SIGINT]),
        ([SIGINT], True, [SIGTERM, SIGHUP]),
        ([SIGINT, SIGHUP, SIGTERM], True, [SIGTERM]),
    ],
)
def test_what_was_ignored_stays_so(
    monkeypatch: pytest.MonkeyPatch, ignored: list[signal.Signals], at_keyboard: bool, end: list[signal.Signals]
) -> None:
    monkeypatch.setattr(signal, "getsignal", lambda one: signal.SIG_IGN if one in ignored else signal.SIG_DFL)
    assert signals.that_end(at_keyboard=at_keyboard) == end


def test_what_a_thread_waits_for_is_broken_off() -> None:
    seen: list[str] = []
    before = signal.getsignal(signal.SIGUSR1)
    try:
        signals.when_broken_off(lambda: seen.append("off"))
        signals.break_off(get_ident())
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert seen == ["off"]


@pytest.mark.parametrize("send", [signals.end, signals.kill])
def test_nobody_there_is_said(send: object, monkeypatch: pytest.MonkeyPatch) -> None:
    assert callable(send)
    with pytest.raises(ProcessLookupError):
        send(2**22 + 1)  # more than Linux gives
