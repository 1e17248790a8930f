"""Sessions across forks: twins, chains that part, and frontiers that name what nobody holds."""

from __future__ import annotations

import pytest

from cellsync.core import caps
from cellsync.core.ids import DeviceId, EntryId
from cellsync.core.wire import frontiers
from cellsync.core.wire.places import Frontier, Head
from tests.core.replicas import MemoryReplica, admitted, pair, pass_on
from tests.core.session.pairs import LEVEL, balances, write
from tests.core.session.pumps import run, sync


def twins() -> tuple[MemoryReplica, MemoryReplica, MemoryReplica]:
    """Ana, Bea, and Bea's vault put back from an older copy; each of these has written since."""
    ana, bea = pair()
    twin = MemoryReplica(bea.id, bea.secrets, bea.device, bea.line[1], 9)
    twin.epochs, twin.sponsor = bea.epochs, bea.sponsor
    pass_on(ana, twin)
    write(bea, 3)
    write(twin, 1)
    return ana, bea, twin


def test_a_twin_does_not_take_what_the_other_wrote_for_its_own() -> None:
    """What it has written since is nowhere else."""
    ana, bea, twin = twins()
    sync(bea, ana)
    one, other = sync(twin, ana, 5)
    assert balances(one, other) == (LEVEL, LEVEL)
    assert twin.replica.digest() == ana.replica.digest()
    forks = [[fork for plan in end.plans for fork in plan.forks] for end in (one, other)]
    assert [[(fork.line, fork.sequence) for fork in found] for found in forks] == [[(bea.line, 1)]] * 2
    lengths = [sorted(chain.length for chain in device.branches(bea.line)) for device in (ana, twin)]
    assert lengths == [[1, 3], [1, 3]]


def test_what_cites_either_side_of_a_fork_goes_on() -> None:
    ana, bea, twin = twins()
    eva = admitted(ana, "eva", 3)
    sync(eva, ana)
    pass_on(ana, twin)
    sync(eva, twin, 3)
    write(eva, 1)
    sync(bea, ana, 5)
    ends = sync(eva, ana, 7)
    assert balances(*ends) == (LEVEL, LEVEL)
    assert ana.replica.digest() == eva.replica.digest()
    sync(bea, eva, 9)
    assert bea.replica.digest() == eva.replica.digest()
    assert bea.replica.state_digest() == eva.replica.state_digest()


@pytest.mark.parametrize("common", [0, 1, 5, 40])
@pytest.mark.parametrize(("longer", "shorter"), [(1, 1), (2, 1), (30, 7)])
def test_both_find_out_where_a_chain_parts(common: int, longer: int, shorter: int) -> None:
    """Each holds one side only, and the shorter one cannot tell that it is no beginning of the longer."""
    ana, bea = pair()
    write(bea, common)
    twin = MemoryReplica(bea.id, bea.secrets, bea.device, bea.line[1], 9)
    twin.epochs, twin.sponsor = bea.epochs, bea.sponsor
    pass_on(bea, twin)
    sync(bea, ana)
    write(bea, longer)
    write(twin, shorter)
    sync(bea, ana, 3)
    ends = sync(twin, ana, 5)
    assert balances(*ends) == (LEVEL, LEVEL)
    assert twin.replica.digest() == ana.replica.digest()
    batches = [message for end in ends for message in end.plans]
    assert sum(len(plan.commit.entries) for plan in batches) == longer + shorter
    sent = sum(len(plan.reached) for plan in batches)
    assert sent <= 4  # rows: each side came in one piece


def test_a_false_frontier_slanders_nobody_and_is_not_in_step() -> None:
    """A head that nobody holds: no fork is seen, the chain's owner writes on, and whoever claims it is not level."""
    ana, bea = pair()
    write(bea, 2)
    one, other = sync(ana, bea)
    transport, name = one.session._connection.transport, next(iter(other.session._exchanges))
    assert transport is not None
    for sequence in (1, 2, 3, 1_000):
        false = Frontier(frozenset({Head(*bea.line, sequence, EntryId(bytes([sequence % 251]) * 32))}))
        for part in frontiers.encode_frontier(name, false, 60_000):
            other.take(transport.encrypt_frame(part), 0)
    run(one, other)
    assert not any(plan.forks for plan in other.plans)
    found = other.session.balance(bea.id)
    assert found is not None
    assert found.owes == 1 + 1 + 1 + 998
    assert not found.level
    write(bea, 1)
    run(one, other)
    assert ana.replica.digest() == bea.replica.digest()


def test_a_frontier_is_bounded_also_in_pieces() -> None:
    ana, bea = pair()
    one, other = sync(ana, bea)
    transport, name = one.session._connection.transport, next(iter(other.session._exchanges))
    assert transport is not None
    for piece in range(3):
        heads = frozenset(
            Head(DeviceId(number.to_bytes(32, "big")), bea.line[1], 1, EntryId(bytes(32)))
            for number in range(piece * caps.CHAINS // 2, (piece + 1) * caps.CHAINS // 2)
        )
        for part in frontiers.encode_frontier(name, Frontier(heads), 60_000):
            other.take(transport.encrypt_frame(part), 0)
        other.session.pull()
        other.session.outgoing()
        assert other.ended == (piece == 2)
