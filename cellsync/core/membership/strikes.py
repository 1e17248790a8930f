"""Strikes as people are told of them, and which of them a new removal has to answer."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from cellsync.core.ids import DeviceId, EntryId, MemberId
from cellsync.core.membership.ballots import voters
from cellsync.core.membership.bench import Bench
from cellsync.core.membership.control import Role
from cellsync.core.membership.deeds import PAPER, Bit, each
from cellsync.core.membership.label import OUT, UNDECIDED, Label
from cellsync.core.membership.removal import MOST_DISPUTED
from cellsync.core.wire.tags import Kind


class Strike(NamedTuple):
    """A removal, a leave or a demotion, and who stands behind it."""

    entry: EntryId
    kind: Kind
    label: Label
    author: MemberId | None  # None: whoever has the recovery key
    members: frozenset[MemberId]  # whom it hits with all devices
    devices: frozenset[DeviceId]  # that it hits alone
    role: Role | None  # that a demotion leaves
    voters: frozenset[MemberId]

    def __repr__(self) -> str:
        return f"<strike {self.entry.hex()[:8]}, {self.label.name}>"


def strikes(bench: Bench) -> Iterator[Strike]:
    """All of them, in order of arrival."""
    deeds = bench.deeds
    for bit in each(deeds.strikes & bench.within):
        deed, hits, author = deeds[bit], deeds.hits(bit), deeds.member(bit)
        yield Strike(
            deed.id,
            deed.kind,
            bench.label(bit),
            None if author == PAPER else MemberId(deeds[author].id),
            frozenset(MemberId(deeds[member].id) for member in hits.members),
            frozenset(DeviceId(deeds[device].id) for device in hits.devices),
            deed.role if deed.kind == Kind.SET_ROLE else None,
            frozenset(MemberId(deeds[one].id) for one in voters(deeds, bench.within, bit, bench.verdicts)),
        )


def answered(bench: Bench, members: Collection[Bit], devices: Collection[Bit], by: Bit) -> list[EntryId]:
    """What somebody's removal of these names as disputed, the newest first: strikes by them that are not settled, or
    that hit whoever removes them. Of a settled quarrel nothing is said: it would be opened again."""
    deeds = bench.deeds
    found = [
        bit
        for bit in each(deeds.strikes & bench.within)
        if (deeds.member(bit) in members or deeds.device(bit) in devices)
        and deeds.hits(bit).parties != {deeds.member(bit)}
        and bench.label(bit) != OUT
        and (bench.label(bit) == UNDECIDED or by in deeds.hits(bit).parties)
        and by not in voters(deeds, bench.within, bit, bench.verdicts)
    ]
    return [deeds[bit].id for bit in reversed(found)][:MOST_DISPUTED]
