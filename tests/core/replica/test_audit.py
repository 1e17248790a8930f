"""The audit: a sound store passes, and any change at rest is found, even where no cipher would notice."""

from __future__ import annotations

import pytest

from cellsync.core.errors import VaultDamaged
from cellsync.core.ids import CaseId
from cellsync.core.replica.audit import audit
from cellsync.core.wire.operations import Operation
from cellsync.store.sqlite import SqliteStore
from tests.core.replicas import MemoryReplica, admitted, founded, pass_on

CASE = CaseId(b"c" * 32)


def history(own: int = 300, others: int = 300) -> MemoryReplica:
    """A device that holds entries of its own, each signed, and of another, covered by one signature."""
    ana = founded()
    ben = admitted(ana, "ben", 2)
    pass_on(ana, ben)
    for device, many in ((ana, own), (ben, others)):
        for number in range(many):
            device.edit(CASE if number % 3 else CaseId(number.to_bytes(32, "big")), Operation(7, "log", None, number))
    pass_on(ben, ana)
    ana.edit(CASE, Operation(7, "log", None, "having seen both"))
    return ana


def looked(device: MemoryReplica) -> int:
    return sum(audit(device.replica, device.store))


def test_what_is_sound_passes() -> None:
    ana = history()
    assert looked(ana) == ana.replica.held.entries() == 603
    assert looked(founded()) == 1


def test_what_arrives_meanwhile_is_not_missed_or_mistaken() -> None:
    ana = history(10, 10)
    steps = audit(ana.replica, ana.store)
    next(steps)
    ana.edit(CASE, Operation(7, "log", None, "meanwhile"))
    assert sum(steps) == 23


CHANGES = {
    "content": "CAST(content || x'00' AS BLOB)",
    "shape": "CAST(substr(shape, 1, length(shape) - 1) || x'01' AS BLOB)",
    "clock": "clock + 1",
    "height": "height + 1",
    "id": "randomblob(32)",
    "kind": "kind % 3 + 1",
    "case_number": "case_number % 3 + 1",
    "prior": "0",
    "signature": "randomblob(64)",
}


@pytest.mark.parametrize("column", CHANGES)
@pytest.mark.parametrize("which", ["the first", "one in the middle", "the newest"])
def test_what_was_changed_at_rest_is_found(column: str, which: str) -> None:
    ana = history(20, 20)
    query = "SELECT number FROM entries WHERE signature NOT NULL ORDER BY number"
    rows = [row[0] for row in ana.store._db.execute(query)]
    row = {"the first": rows[1], "one in the middle": rows[len(rows) // 2], "the newest": rows[-1]}[which]
    ana.store._db.execute(f"UPDATE entries SET {column} = {CHANGES[column]} WHERE number = {row}")  # noqa: S608
    with pytest.raises(VaultDamaged):
        looked(ana)


def test_an_entry_that_is_missing_is_found() -> None:
    for where in ("MIN(number)", "MAX(number)"):
        ana = history(20, 20)
        ana.store._db.execute(f"DELETE FROM entries WHERE number = (SELECT {where} FROM entries)")  # noqa: S608
        with pytest.raises(VaultDamaged):
            looked(ana)


def test_a_list_that_runs_in_a_circle_is_found() -> None:
    ana = history(20, 20)
    ana.store._db.execute("""
        UPDATE entries SET prior = number + (SELECT ahead FROM slices WHERE number = slices.last - ahead)
        WHERE number = (SELECT MAX(number) FROM entries)""")
    with pytest.raises(VaultDamaged):
        looked(ana)


def test_a_signature_of_somebody_else_is_found() -> None:
    ana = history(20, 20)
    rows = ana.store._db.execute(
        "SELECT number, signature FROM entries WHERE signature NOT NULL ORDER BY number"
    ).fetchall()
    (one, hers), (other, his) = rows[2], rows[-2]
    for row, signature in ((one, his), (other, hers)):
        ana.store._db.execute("UPDATE entries SET signature = ? WHERE number = ?", (signature, row))
    with pytest.raises(VaultDamaged, match="signature"):
        looked(ana)


def test_stores_are_read_and_not_written() -> None:
    ana = history(20, 20)
    before = ana.store._db.total_changes()
    looked(ana)
    assert ana.store._db.total_changes() == before
    assert isinstance(ana.store, SqliteStore)
