"""A device that has a vault joins one more circle: what it says of itself there."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from cellsync.testing import MemoryNetwork, level
from tests.cell.cells import Visit
from tests.node.test_node_circles import noted


async def test_who_joins_one_more_circle_says_nothing_there_of_the_others(autojump_clock: MockClock) -> None:
    net = MemoryNetwork(8)
    async with net.cells("ana", "ben") as [ana, ben]:
        secret = await ana.create(Visit, title="Zinnia smuggles the parcel")
        await level([ana, ben])
        net.partition("ana", "ben")  # what is said from here on, is said to Lea
        lawyer = await net.device("lea").found("Lawyers")
        async with lawyer.opened() as lea:
            with noted() as said:
                await net.device("ben").join(lea)
                await level([ben, lea])
                await trio.sleep(60)
            assert [circle.name for circle in ben.circles] == ["Mill Street", "Lawyers"]
            told = b"\0".join(payload for payloads in said.values() for payload in payloads)
            outer, joined = ben.first, ben.circle("Lawyers")
            assert b"\xa3ben" in told  # it would be seen
            assert bytes(joined.device) in told
            foreign = [
                outer.id, outer.device, ana.device, secret.id, b"Mill Street", b"Zinnia", b"\xa3ana",
                outer.circle.digest(), outer.secrets.public.seal,
                *(key.key.psk.reveal() for key in outer.circle.session_keys()),
            ]  # fmt: skip
            assert not [part for part in foreign if bytes(part) in told]
    net.check_failures()
