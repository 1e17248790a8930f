"""A copy of a vault with several circles has all of them, and an audit reads all of them."""

from __future__ import annotations

from pathlib import Path

from cellsync.cell.backup import restore
from cellsync.testing import MemoryNetwork
from cellsync.testing.device import PASSPHRASE
from tests.cell.cells import Visit


async def test_a_backup_has_every_circle(memory_network: MemoryNetwork, tmp_path: Path) -> None:
    device = await memory_network.device("ana").found()
    async with device.opened() as ana:
        second, _ = await ana.ledger.found("Lawyers")
        await ana.create(Visit, title="in the first")
        held = {circle.id: circle.digest() for circle in ana.ledger.values()}
        made = await ana.backup(tmp_path / "copy")
        assert (made.entries, len(held)) == (5, 2)
    device.lose_disk()
    await restore(device.home.__class__(tmp_path / "copy", kdf=device.home.kdf), device.home, passphrase=PASSPHRASE)
    async with device.opened() as ana:
        assert {circle.id: circle.digest() for circle in ana.ledger.values()} == held
        assert ana.first.circle.id != second.id
        for circle in ana.ledger.values():
            assert circle.renewal_due


async def test_an_audit_reads_every_circle(memory_network: MemoryNetwork) -> None:
    device = await memory_network.device("ana").found()
    async with device.opened() as ana:
        one = await ana.audit()
        size = ana.ledger.store(ana.first.circle.id).size
        assert await ana.check(size)
        await ana.ledger.found("Lawyers")
        seen: list[tuple[int, int]] = []
        assert await ana.audit(lambda done, total: seen.append((done, total))) == one + 2
        assert seen[-1] == (4, 4)
        assert not await ana.check(size)  # they are more than that together
