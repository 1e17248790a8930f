"""Quarantine: what is held of devices and not shown, and what of it this device wrote itself.

Others may not read it before it is released; whoever wrote it may read all of it, page by page. What entries say is
read of those only that are shown: there may be fifty thousand.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Final, NamedTuple

from cellsync.core.errors import NotFound
from cellsync.core.history.entry import Standing, chain_of
from cellsync.core.history.store import StandingRow
from cellsync.core.ids import CaseId, DeviceId, EntryId, Millis
from cellsync.core.wire import operations
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Kind
from cellsync.ledger.circle import OpenCircle

SHOWN: Final = 100  # of a device's own entries, the newest that are shown with all the rest


class OwnWriting(NamedTuple):
    """An entry that this device wrote, and that waits in quarantine."""

    entry: EntryId
    case: CaseId
    at: Millis
    operations: tuple[Operation, ...]

    def __repr__(self) -> str:
        return f"<own writing {self.entry.hex()[:8]}>"  # not what it says


class OwnPage(NamedTuple):
    """A page of what this device wrote, in the order in which it was written, and how many entries are older."""

    writings: tuple[OwnWriting, ...]
    older: int


class Quarantined(NamedTuple):
    """What is held of a device, and not shown."""

    device: DeviceId
    name: str
    entries: tuple[EntryId, ...]
    cases: tuple[tuple[CaseId, int], ...]  # with how many entries
    heads: tuple[EntryId, ...]  # the newest of them in each chain
    own: tuple[OwnWriting, ...]  # what they say, if this device wrote them: the newest, at most SHOWN

    def __repr__(self) -> str:
        return f"<quarantined of {self.device.hex()[:8]}: {len(self.entries)}>"  # no name


class Quarantine:
    """That of one circle, at this moment. Hold the lock."""

    def __init__(self, circle: OpenCircle) -> None:
        self._circle, self._held = circle, circle.replica.held

    def by_device(self, name: Callable[[DeviceId], str]) -> list[Quarantined]:
        found = []
        for device in sorted(self._circle.replica.court.ruling.situations):
            rows = self._of(device)
            if rows:
                found.append(self._quarantined(device, name(device), rows))
        return found

    def own(self, limit: int, before: EntryId | None = None) -> OwnPage:
        """The newest entries of this device, or the newest of those before one of them. Raises NotFound."""
        rows = self._of(self._circle.device)
        end = len(rows)
        if before is not None:
            end = next((at for at, row in enumerate(rows) if row.id == before), -1)
            if end < 0:
                raise NotFound("That is not in quarantine here.", hint="cellsync quarantine show")
        start = max(end - limit, 0)
        return OwnPage(tuple(self._writings(rows[start:end])), start)

    def own_entries(self) -> list[EntryId]:
        return [row.id for row in self._of(self._circle.device)]

    def one(self, entry: EntryId) -> OwnWriting:
        """An entry of this device. Raises NotFound."""
        rows = [row for row in self._of(self._circle.device) if row.id == entry]
        for found in self._writings(rows):
            return found
        raise NotFound("That is not in quarantine here.", hint="cellsync quarantine show")

    def _of(self, device: DeviceId) -> list[StandingRow]:
        return [row for chain in sorted(self._held.of_device(device)) for row in self._aside(chain.number)]

    def _aside(self, number: int) -> Iterator[StandingRow]:
        chain = self._held.chains[number]
        rows = self._circle.store.standings(number, chain.first, chain.length, aside=True)
        return (row for row in rows if row.kind == Kind.CASE and row.standing in (Standing.OUT, Standing.UNDECIDED))

    def _writings(self, rows: Collection[StandingRow]) -> Iterator[OwnWriting]:
        for row in rows:
            entry = self._circle.store.entry_at(row.slot)
            if entry is not None:
                said = tuple(operations.decode(entry.shape, entry.content))
                yield OwnWriting(entry.id, self._held.case_ids[entry.case], Millis(entry.clock), said)

    def _quarantined(self, device: DeviceId, name: str, rows: list[StandingRow]) -> Quarantined:
        counts: dict[int, int] = {}
        for row in rows:
            entry = self._circle.store.entry_at(row.slot)
            if entry is not None:
                counts[entry.case] = counts.get(entry.case, 0) + 1
        heads = {chain_of(row.slot): row.id for row in rows}  # each chain's rows are ascending
        return Quarantined(
            device,
            name,
            tuple(row.id for row in rows),
            tuple((self._held.case_ids[number], count) for number, count in counts.items()),
            tuple(heads.values()),
            tuple(self._writings(rows[-SHOWN:])) if device == self._circle.device else (),
        )
