"""The step of an open circle when the disk fails in it."""

from __future__ import annotations

import pytest

from cellsync import Register, Schema, found_cell, open_cell
from cellsync.core.errors import DiskFull
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
