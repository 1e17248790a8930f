"""The step of an open circle when the disk fails in it, and what it remembers when the clock is wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cellsync import Register, Schema, found_cell, open_cell
from cellsync.core.errors import DiskFull
from cellsync.core.ids import Day, DeviceId, Millis
from cellsync.testing import MemoryNetwork


class Note(Schema, kind="org.example.note", version=1):
    title: Register[str]


async def test_entries_that_are_stored_count_even_if_there_is_no_space_for_snapshots(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = MemoryNetwork().home("ana")
    await found_cell(home, "Mill Street", name="Ana", passphrase="words")
    async with open_cell(home, passphrase="words") as cell:
        seen = []
        cell.circle.watch(lambda plan, _: seen.append(len(plan.commit.entries)))

        def full(_: object) -> None:
            raise DiskFull

        monkeypatch.setattr(cell.circle.store, "save_snapshots", full)
        monkeypatch.setattr(cell.circle.replica.states, "crowded", lambda: True)
        note = await cell.create(Note, title="stored")
        monkeypatch.undo()
        assert (note.title, cell.entries(), seen) == ("stored", 2, [1])


async def test_a_clock_set_forward_and_back_does_not_make_a_replay_new() -> None:
    """The moment when somebody sets the clock of a network forward must not forget which openings were answered."""
    home = MemoryNetwork().home("ana")
    right = home.surroundings.now
    caller = DeviceId(b"caller")
    wrong = replace(home, surroundings=replace(home.surroundings, now=lambda: Millis(right() + 1_000 * 86_400_000)))
    await found_cell(home, "Mill Street", name="Ana", passphrase="words")
    async with open_cell(home, passphrase="words") as cell:
        day = Day(right() // 86_400_000)
        assert await cell.circle.accept_ephemeral(day, caller, b"ephemeral")
    async with open_cell(wrong, passphrase="words") as cell:
        await cell.circle.tidy()
    async with open_cell(home, passphrase="words") as cell:
        assert not await cell.circle.accept_ephemeral(day, caller, b"ephemeral")
