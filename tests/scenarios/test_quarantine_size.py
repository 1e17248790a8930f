"""How much there may be in quarantine: whatever was written (protocol/40-membership.md, Quarantine has no bound).

Whether a removal comes first or what the removed wrote, all replicas hold the same, and show the same. The bounds that
come to mind do not survive that: one on what is taken parts replicas, and one on what is kept lets go of what counts
again when the removal has fallen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import permutations
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from cellsync.core.history.entry import Standing
from cellsync.core.history.serving import PeerHoldings
from cellsync.core.ids import CaseId, EntryId
from cellsync.core.membership.control import Role
from cellsync.core.membership.editions import OURS
from cellsync.core.membership.endorsement import Endorse
from cellsync.core.membership.release import Release
from cellsync.core.membership.removal import Remove
from cellsync.core.replica.planner import Intention
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Kind
from tests.core.replicas import MemoryReplica, admitted, founded, pass_on

CASE: Final = CaseId(b"c" * 32)
DESIGNED: Final = 16 << 20  # bytes of one device: a draft of this design let it have so much in quarantine
LARGE: Final = 60_000


def log(device: MemoryReplica, size: int = 8) -> EntryId:
    return device.edit(CASE, Operation(7, "log", None, device.random.randbytes(size)))


def control(device: MemoryReplica, kind: Kind, operation: object) -> EntryId:
    shape, content = OURS.kinds[kind].encode(operation, device.random.randbytes(16))
    return device.write(Intention(kind, CaseId(device.replica.circle.id), shape, content)).commit.entries[0].id


def remove(device: MemoryReplica, other: MemoryReplica, disputed: Sequence[EntryId] = ()) -> EntryId:
    return control(device, Kind.REMOVE, Remove((other.device,), disputed=tuple(disputed)))


def cell(role: Role = Role.WRITER) -> tuple[MemoryReplica, MemoryReplica, MemoryReplica, MemoryReplica]:
    """Ana, who founded the circle, Ben, Cara and Dan; all hold the same."""
    ana = founded()
    ben, cara, dan = (admitted(ana, name, seed, role) for seed, name in enumerate(("ben", "cara", "dan"), 2))
    for device in (ben, cara, dan):
        pass_on(ana, device)
    return ana, ben, cara, dan


def entries(device: MemoryReplica, *standings: int) -> set[EntryId]:
    """The case entries that are held, and stand so."""
    return {
        row.id
        for chain in device.replica.held.chains.values()
        for row in device.store.standings(chain.number, chain.first, chain.length, aside=False)
        if row.kind == Kind.CASE and row.standing in standings
    }


def aside(device: MemoryReplica) -> set[EntryId]:
    return entries(device, Standing.OUT, Standing.UNDECIDED)


def size(device: MemoryReplica, which: Iterable[EntryId]) -> int:
    wanted = set(which)
    return sum(
        len(entry.shape) + len(entry.content)
        for chain in device.replica.held.chains.values()
        for entry in (device.store.entry_at(chain.number << 40 | place) for place in range(1, chain.length + 1))
        if entry is not None and entry.id in wanted
    )


def assert_all_hold_the_same(*devices: MemoryReplica) -> None:
    first = devices[0]
    for other in devices[1:]:
        assert other.digest() == first.digest()
        assert aside(other) == aside(first)
        assert other.replica.state_digest() == first.replica.state_digest()


def test_more_than_the_design_had_room_for_is_held_by_all_and_released_as_a_whole() -> None:
    ana, ben, cara, dan = cell()
    written = [log(cara, LARGE) for _ in range(DESIGNED // LARGE + 10)]
    pass_on(cara, ben)
    honest = log(ben)
    remove(ana, cara)
    pass_on(ben, dan)  # first what she wrote, then the removal
    pass_on(ana, dan)
    pass_on(dan, ana)  # the other way round
    pass_on(ana, ben)
    assert_all_hold_the_same(ana, ben, dan)
    assert aside(dan) == set(written)
    assert size(dan, written) > DESIGNED
    assert honest in entries(ana, Standing.IN), "he cites the last of it, so it attaches where all of it is held"
    control(ana, Kind.RELEASE, Release((), (written[-1],)))
    for device in (ben, dan):
        pass_on(ana, device)
    assert_all_hold_the_same(ana, ben, dan)
    assert not aside(ana)


@settings(deadline=None, max_examples=20)
@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=3),
    st.integers(0, 3),
    st.lists(st.sampled_from(list(permutations(range(4), 2))), max_size=8),
)
def test_what_is_in_quarantine_is_what_no_removal_saw_in_whatever_order_it_came(
    bursts: list[int], seen: int, meetings: list[tuple[int, int]]
) -> None:
    """The naive statement: all that she wrote and the remover had not seen; and nothing of anybody else."""
    devices = ana, ben, cara, dan = cell()
    written: list[EntryId] = []
    known = 0
    for place, burst in enumerate(bursts):
        written += [log(cara) for _ in range(burst)]
        pass_on(cara, ben)
        log(ben)
        if place < seen:
            pass_on(ben, ana)
            known = len(written)
    remove(ana, cara)
    for one, other in [*meetings, *permutations((0, 1, 3), 2), *permutations((0, 1, 3), 2)]:
        if devices[one] is not cara:
            pass_on(devices[one], devices[other])
    assert_all_hold_the_same(ana, ben, dan)
    assert aside(ana) == set(written[known:])


# --- bounds that come to mind -------------------------------------------------------------------------------------


def test_a_bound_on_what_is_taken_costs_what_others_wrote() -> None:
    """Ana has no room for what Cara wrote, say, and is not given it; so she cannot take what Ben wrote upon it."""
    ana, ben, cara, _dan = cell()
    written = [log(cara) for _ in range(3)]
    pass_on(cara, ben)
    honest = log(ben)
    remove(ana, cara)
    [hers] = ben.replica.held.of_device(cara.device)
    without = PeerHoldings({**ben.known_of(ana), hers.number: hers.length}, (), frozenset())
    served = ben.serve(ben.cursor_for(without), without, ben.last_arrival())
    assert served.batch is not None
    assert ana.receive(served.batch).refused
    assert honest not in entries(ana, Standing.IN)
    pass_on(ben, ana)
    assert honest in entries(ana, Standing.IN)
    assert aside(ana) == set(written)


def test_what_a_bound_on_what_is_kept_lets_go_of_counts_again_when_the_removal_has_fallen() -> None:
    """So it would be one coordinator's word that destroys what another has written."""
    ana, ben, cara, dan = cell(Role.COORDINATOR)
    control(ben, Kind.ENDORSE, Endorse(tuple(sorted((EntryId(cara.device), EntryId(dan.device))))))
    for device in (ana, cara, dan):
        pass_on(ben, device)
    written = [log(cara) for _ in range(20)]
    pass_on(cara, ben)
    removal = remove(ana, cara)
    for giver, taker in ((ana, ben), (ben, dan)):
        pass_on(giver, taker)
    assert aside(ben) == aside(dan) == set(written)
    answer = remove(ben, ana, disputed=[removal])
    pass_on(ben, dan)
    control(dan, Kind.ENDORSE, Endorse((answer,)))
    pass_on(dan, ben)
    assert not aside(ben)
    assert set(written) <= entries(ben, Standing.IN)
    assert_all_hold_the_same(ben, dan)
