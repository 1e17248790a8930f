"""View: what a session asks of a circle that its replica alone can answer."""

from __future__ import annotations

from collections.abc import Mapping

from cellsync.core import drawers
from cellsync.core.history.chain import Chain
from cellsync.core.history.serving import PeerHoldings, Served
from cellsync.core.history.store import Store
from cellsync.core.history.withholding import Withheld
from cellsync.core.ids import CircleId, DeviceId, EntryId
from cellsync.core.membership import editions
from cellsync.core.membership.settings import Setting
from cellsync.core.replica import rejudging
from cellsync.core.replica.replica import Replica
from cellsync.core.wire.places import Frontier, Head, Line
from cellsync.ledger.pause import collector_paused


def _judge_again(circle: CircleId, store: Store) -> None:
    """If another edition judged what is held, judge by ours. What an earlier one did not know was void to it."""
    ours = bytes([editions.OURS.number, rejudging.WAY])
    before = store.kept(drawers.EDITION)
    if before != ours:
        if rejudging.is_needed(circle, store, before):
            store.write(rejudging.judge_anew(circle, store, editions.OURS))
        store.keep(drawers.EDITION, ours)
        store.flush()


class ReplicaView:
    """The part of `core.session.view.CircleView` for which neither keys nor the time are needed."""

    def __init__(self, circle: CircleId, store: Store) -> None:
        _judge_again(circle, store)
        self.replica = Replica(circle, store, editions.OURS)
        self.replica.waived = int.from_bytes(store.kept(drawers.WAIVED) or b"", "big")

    @property
    def id(self) -> CircleId:
        return self.replica.circle.id

    @property
    def hands_out(self) -> bool:
        return not self.replica.is_outdated

    def choice(self, setting: Setting) -> int | None:
        """What the members have chosen together; None: each device for itself."""
        return self.replica.choices.in_force.get(setting)

    def digest(self) -> bytes:
        return self.replica.digest()

    def frontier(self) -> Frontier:
        return self.replica.frontier()

    def agreed(self) -> list[tuple[int, int]]:
        return self.replica.agreed()

    @property
    def counted(self) -> Mapping[int, Head]:
        return self.replica.held.counted

    @property
    def equivocators(self) -> frozenset[DeviceId]:
        return self.replica.held.equivocators

    @property
    def hidden(self) -> frozenset[DeviceId]:
        return self.replica.hidden

    def introduces(self, device: DeviceId) -> bool:
        return self.replica.circle.is_active(device)

    def holds_of(self, device: DeviceId, known: Mapping[int, int]) -> bool:
        return any(known.get(chain.number, 0) >= chain.first for chain in self.replica.held.of_device(device))

    def branches(self, line: Line) -> list[Chain]:
        return self.replica.held.of_line(line)

    def branch(self, number: int) -> Chain:
        return self.replica.held.chains[number]

    def find(self, line: Line, sequence: int, entry: EntryId) -> int | None:
        return self.replica.find(line, sequence, entry)

    def entry_id(self, branch: int, sequence: int) -> EntryId | None:
        return self.replica.entry_id(branch, sequence)

    def last_arrival(self) -> int:
        return self.replica.held.arrival

    def cursor_for(self, peer: PeerHoldings) -> int:
        return self.replica.cursor_for(peer)

    def lacking(self, peer: PeerHoldings) -> int:
        return self.replica.lacking(peer)

    def serve(self, cursor: int, peer: PeerHoldings, until: int, withheld: Withheld = Withheld.NOTHING) -> Served:
        with collector_paused():
            return self.replica.serve(cursor, peer, until, withheld)
