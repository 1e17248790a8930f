"""Membership: what a year of mandatory entries, and thousands of decisions, cost a device.

In a circle of 48 devices each renews its seal key every week and after each epoch that it opens, and one of them begins
a new epoch every week: some 5,000 entries a year, whether or not anybody writes a case. (protocol/40-membership.md)
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from time import process_time
from typing import Final

from bench.ground import Ground, Seat
from bench.rows import Row
from cellsync.core import caps
from cellsync.core.crypto import seal
from cellsync.core.history.entry import verify
from cellsync.core.history.serving import PeerHoldings
from cellsync.core.ids import CaseId, Day, EntryId, MemberId, Millis, Signature, Wrap
from cellsync.core.membership.control import WRAP_BYTES, Role
from cellsync.core.membership.deliberation import Deliberation
from cellsync.core.membership.editions import SECOND
from cellsync.core.membership.endorsement import Endorse
from cellsync.core.membership.removal import Remove
from cellsync.core.membership.role_change import SetRole
from cellsync.core.membership.rotation import Rotation
from cellsync.core.membership.seal_key import SealKey
from cellsync.core.replica.planner import Intention
from cellsync.core.replica.replica import Replica
from cellsync.core.wire import operations
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Kind
from cellsync.store.sqlite import SqliteStore

WEEKS: Final = 52
DECISIONS: Final = 10_000
CASE_ENTRIES: Final = 20_000
BEGAN: Final = Millis(1_750_000_000_000)
_WEEK: Final = 7 * 24 * 3600 * 1000


class _Circle:
    """A circle of 48 devices, four of them coordinators, all written in one store."""

    def __init__(self, devices: int) -> None:
        self.random = Random(1)
        self.ground = Ground(SqliteStore.in_memory(), devices, BEGAN, self.random)
        self.replica = self.ground.replica
        self.now = BEGAN
        self._keys = [seal.seal_keypair(self.random.randbytes(32))[1] for _ in range(16)]
        for seat in self.ground.authors[1:4]:
            self.write(self.ground.founder, Kind.SET_ROLE, SetRole(self.member(seat), Role.COORDINATOR))

    def member(self, seat: Seat) -> MemberId:
        return self.replica.circle.grants[seat.device].member

    def new_key(self) -> SealKey:
        """One that was in no introduction. To make a key takes longer than to write it down."""
        return SealKey(self.random.choice(self._keys))

    def size(self) -> int:
        """Bytes of shapes and contents."""
        return sum(arrival.size for arrival in self.ground.store.arrivals(0, 1 << 30))

    def write(self, seat: Seat, kind: Kind, operation: object) -> EntryId:
        shape, content = SECOND.kinds[kind].encode(operation, self.random.randbytes(16))
        return self._commit(seat, Intention(kind, CaseId(self.replica.circle.id), shape, content))

    def edit(self, seat: Seat, number: int) -> None:
        said = [Operation(1, "note", b"", "x" * 200)]
        shape, content = operations.encode_shape(said), operations.encode_content(self.random.randbytes(16), said)
        self._commit(seat, Intention(Kind.CASE, CaseId(number.to_bytes(32, "big")), shape, content))

    def _commit(self, seat: Seat, intention: Intention) -> EntryId:
        plan = self.replica.plan_writes(seat.line, seat.secrets.signing, [intention], self.now)
        self.ground.keep(plan)
        return plan.commit.entries[-1].id

    def live_through(self, weeks: int) -> None:
        """The mandatory entries of so many weeks, and two removals in the middle."""
        seats = [*self.ground.authors]
        for week in range(weeks):
            self.now = Millis(self.now + _WEEK)
            self.write(seats[week % len(seats)], Kind.ROTATE, self._rotation())
            for seat in seats:
                for _ in range(2):
                    self.write(seat, Kind.SEAL_KEY, self.new_key())
            if weeks // 3 <= week < weeks // 3 + 2:
                gone = seats.pop()
                removal = self.write(seats[0], Kind.REMOVE, Remove((gone.device,), rotation=self._rotation(gone)))
                self.write(seats[1], Kind.ENDORSE, Endorse((removal,)))

    def _rotation(self, without: Seat | None = None) -> Rotation:
        devices = [
            one.device for one in self.replica.circle.active() if without is None or one.device != without.device
        ]
        return Rotation(self.random.randbytes(32), Day(0), dict.fromkeys(devices, Wrap(bytes(WRAP_BYTES))), {})


class _Taker:
    """A replica that gets what another one holds, batch by batch."""

    def __init__(self, giver: Replica) -> None:
        self.store = SqliteStore.in_memory()
        self.replica = Replica(giver.circle.id, self.store)
        self._giver, self._known = giver, dict[int, int]()
        self._cursor = 0

    def catch_up(self) -> float:
        """How much processor time it takes until it holds all that the other one does."""
        peer = PeerHoldings(self._known, (), frozenset())
        spent = 0.0
        while (served := self._giver.serve(self._cursor, peer, self._giver.held.arrival)).batch is not None:
            self._cursor = served.cursor
            self._known.update(served.reaches)
            began = process_time()
            plan = self.replica.plan(served.batch)
            self.store.write(plan.commit)
            self.store.flush()
            self.replica.advance(plan)
            spent += process_time() - began
        return spent


def measure(smaller: int) -> Iterator[Row]:
    quiet, lived = _Circle(caps.DEVICES - 1), _Circle(caps.DEVICES - 1)
    before = lived.replica.held.entries(), lived.size()
    lived.live_through(max(WEEKS // smaller, 4))
    year, size = lived.replica.held.entries() - before[0], lived.size() - before[1]
    yield Row(f"a quiet year of {caps.DEVICES} devices: {year:,} entries", size / 1e6, "MB", 10.0)
    with_year, without = _Taker(lived.replica), _Taker(quiet.replica)
    yield Row("taking it in, after joining", with_year.catch_up(), "s", 5.0)
    without.catch_up()
    entries = CASE_ENTRIES // smaller
    for circle in (quiet, lived):
        for at in range(entries):
            circle.edit(circle.ground.authors[at % 40], 1 + at % 500)
    ratio = without.catch_up() / with_year.catch_up()
    yield Row("catch-up of case entries after it, against none", ratio, "×", 0.9, at_least=True)
    yield from _decisions(max(DECISIONS // smaller, 100))


def _decisions(count: int) -> Iterator[Row]:
    """Deeds that bear on each other: endorsements of roles, by four coordinators, and keys between them."""
    circle = _Circle(8)
    coordinators = circle.ground.authors[:4]
    granted = circle.write(
        coordinators[0], Kind.SET_ROLE, SetRole(circle.member(circle.ground.authors[5]), Role.COORDINATOR)
    )
    for at in range(count):
        seat = coordinators[at % 4]
        if at % 25 == 24:
            circle.write(seat, Kind.ENDORSE, Endorse((granted,)))
        else:
            circle.write(seat, Kind.SEAL_KEY, circle.new_key())
    deeds = list(circle.replica.court.deeds())
    began = process_time()
    deliberation = Deliberation(deeds[:-1])
    deliberation.decide()
    all_of_them = process_time() - began
    deliberation.add(deeds[-1])
    began = process_time()
    deliberation.decide()
    one_more = process_time() - began
    entries = [
        entry
        for chain in circle.replica.held.chains.values()
        for entry in circle.ground.store.chain_slice(chain.number, chain.first, chain.length)
    ]
    key = circle.ground.founder.secrets.public.signing
    began = process_time()
    for entry in entries:
        verify(key, entry.signature or Signature(bytes(64)), entry.id)
    one_pass = process_time() - began
    yield Row(f"deciding {len(deeds):,} control entries", all_of_them, "s", 1.0)
    yield Row("the same, against one pass that checks their signatures", all_of_them / one_pass, "×", 5.0)
    yield Row("one more that contradicts nothing", 1000 * one_more, "ms", 5.0)
