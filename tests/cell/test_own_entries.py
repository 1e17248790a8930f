"""What this device writes: no two contents look alike."""

from __future__ import annotations

from trio.testing import MockClock

from cellsync.core.wire.operations import SALT_BYTES
from cellsync.testing import MemoryNetwork
from tests.cell.cells import Visit


async def test_what_is_written_twice_has_two_salts(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    """Else whoever is left with the hash of an erased telephone number would find it by trying all of them."""
    async with memory_network.cells("ana", "ben") as [ana, _]:
        for _ in range(20):
            await ana.create(Visit, title="+375 29 000 00 00")
        [chain] = [one for one in ana.first.circle.replica.held.chains.values() if one.device == ana.device]
        contents = [entry.content for entry in ana.first.circle.store.chain_slice(chain.number, 1, chain.length)]
        salts = {content[:SALT_BYTES] for content in contents}
        assert len(contents) == len(salts) == 23  # founding, what it requires, admission, twenty cases
        assert len({content[SALT_BYTES:] for content in contents}) == 4
        assert bytes(SALT_BYTES) not in salts
