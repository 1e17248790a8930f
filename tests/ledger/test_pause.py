"""Pauses of the cycle collector that overlap."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from cellsync.ledger import pause
from cellsync.ledger.pause import breathe, collector_paused


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    was_on = gc.isenabled()
    gc.enable()
    yield
    if not was_on:
        gc.disable()


def test_it_is_off_until_the_last_of_several_pauses_ends() -> None:
    """The first to end once turned it on for all, and it went through what the others were making."""
    first, second, third = collector_paused(), collector_paused(), collector_paused()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert not gc.isenabled()
    third.__enter__()
    second.__exit__(None, None, None)
    assert not gc.isenabled()
    third.__exit__(None, None, None)
    assert gc.isenabled()


def test_one_that_was_off_stays_off() -> None:
    gc.disable()
    with collector_paused():
        breathe()
    assert not gc.isenabled()


@pytest.mark.parametrize("is_on", [True, False])
def test_what_is_new_is_gone_through_once_there_is_much(is_on: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pause, "BREATH", 1_000)
    passes: list[int] = []

    def note(stage: str, info: dict[str, int]) -> None:
        if stage == "start":
            passes.append(info["generation"])

    if not is_on:
        gc.disable()
    gc.collect()
    gc.callbacks.append(note)
    try:
        with collector_paused():
            kept = [[number] for number in range(900)]
            breathe()
            assert passes == []
            kept += [[number] for number in range(200)]
            breathe()
            assert passes == ([1] if is_on else [])  # who has turned it off wants no passes
            assert gc.get_count()[0] < 1_000 or not is_on
    finally:
        gc.callbacks.remove(note)
