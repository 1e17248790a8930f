"""What a member may say in a session, and what that costs: memory is bounded, and work grows as the message."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cellsync.core import caps
from cellsync.core.errors import CapExceeded
from cellsync.core.history.entry import Entry
from cellsync.core.history.holdings import Holdings
from cellsync.core.ids import CaseId, DeviceId, EntryId, Incarnation
from cellsync.core.membership.control import Role
from cellsync.core.session.balance import Balance
from cellsync.core.session.exchange import AT_ONCE, Exchange, Unexpected
from cellsync.core.session.paths import PathsToShow
from cellsync.core.wire import codec, frontiers, messages
from cellsync.core.wire.batches import BatchChain
from cellsync.core.wire.frontiers import Path
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.places import Frontier, Head
from cellsync.core.wire.tags import Message
from tests.core.attacks import Draft, Writer, content, forge, of, pointer
from tests.core.replicas import MemoryReplica, admitted, founded, pass_on
from tests.core.session.pumps import End, answerer, caller, run, sync

CASE = CaseId(b"c" * 32)
LEVEL = Balance(0, 0, moving=False, declined=False, gaps=0)


def pair() -> tuple[MemoryReplica, MemoryReplica]:
    ana = founded()
    mo = admitted(ana, "mo", 2)
    pass_on(ana, mo)
    return ana, mo


class Member:
    """A member in a session with an honest device, who says whatever it likes."""

    def __init__(self, device: MemoryReplica, honest: MemoryReplica) -> None:
        self.end, self.other = sync(device, honest)
        transport = self.end.session._connection.transport
        assert transport is not None
        self._encrypt = transport.encrypt_frame
        [self.name] = self.other.session._exchanges
        self.exchange = self.other.session._exchanges[self.name]

    def say(self, *said: bytes) -> None:
        for message in said:
            self.other.take(self._encrypt(message), 0)


def false_heads(count: int, start: int = 0, device: DeviceId | None = None) -> frozenset[Head]:
    return frozenset(
        Head(device or DeviceId(bytes(32)), Incarnation(bytes(8)), 1, EntryId(number.to_bytes(32, "big")))
        for number in range(start, start + count)
    )


def part(name: bytes, frontier: Frontier, *, last: bool) -> bytes:
    return codec.encode([Message.FRONTIER, name, last, *(sorted(rows) for rows in frontier)])


@pytest.mark.parametrize("what", ["heads", "equivocators", "gaps"])
@pytest.mark.parametrize("last", [False, True])
def test_what_a_frontier_names_is_bounded_also_if_it_never_ends(what: str, last: bool) -> None:
    """Its parts were kept until the last came, and of ended ones gaps and equivocators for good."""
    ana, mo = pair()
    member = Member(mo, ana)
    for start in range(0, caps.CHAINS, 500):
        heads = false_heads(500, start)
        ids = frozenset(DeviceId(bytes(head.id)) for head in heads)
        rows = {
            "heads": Frontier(heads),
            "equivocators": Frontier(frozenset(), ids),
            "gaps": Frontier(frozenset(), frozenset(), heads),
        }
        assert member.other.error is None
        member.say(part(member.name, rows[what], last=last))
    assert isinstance(member.other.error, CapExceeded)


def test_a_digest_is_told_once() -> None:
    """Thousands fit into what is read at once, and each was answered with all that is held."""
    ana, mo = pair()
    member = Member(mo, ana)
    member.say(messages.encode_digest(member.name, ana.digest()))
    assert isinstance(member.other.error, Unexpected)


def test_a_digest_is_computed_when_something_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    ana, mo = pair()
    computed = counted(monkeypatch, Holdings, "digest")
    assert ana.digest() == ana.digest() == mo.digest()
    assert len(computed) == 2
    ana.edit(CASE, Operation(1, "f", b"", "x"))
    assert ana.digest() != mo.digest()
    assert len(computed) == 3


def counted(monkeypatch: pytest.MonkeyPatch, where: type, name: str) -> list[None]:
    """A list that grows by one with each call."""
    calls: list[None] = []
    real: Callable[..., object] = getattr(where, name)

    def called(*args: object) -> object:
        calls.append(None)
        return real(*args)

    monkeypatch.setattr(where, name, called)
    return calls


def test_a_long_frontier_is_looked_up_in_pieces() -> None:
    ana, mo = pair()
    member = Member(mo, ana)
    member.say(*frontiers.encode_frontier(member.name, Frontier(false_heads(5 * AT_ONCE)), 60_000))
    member.other.session.outgoing()
    pieces = 0
    while member.other.session.restless:
        before = len(member.exchange.ahead)
        member.other.session.pull()
        member.other.session.outgoing()
        assert len(member.exchange.ahead) - before <= AT_ONCE
        assert not balance(member.other).level
        pieces += 1
    assert pieces == 5
    assert balance(member.other).owes == 5 * AT_ONCE


def balance(end: End) -> Balance:
    found = end.session.balance(end.device.id)
    assert found is not None
    return found


def test_heads_that_nobody_holds_are_compared_once_with_what_arrives() -> None:
    """With each batch all of them were looked up again."""
    ana, mo = pair()
    member = Member(mo, ana)
    heads = frozenset(Head(*mo.line, 1 + number % 20, EntryId(number.to_bytes(32, "big"))) for number in range(1_000))
    member.say(*frontiers.encode_frontier(member.name, Frontier(heads), 60_000))
    member.end.take(member.other.give(), 0)
    reads = Reads(ana)
    for _ in range(20):
        mo.edit(CASE, Operation(1, "f", b"", "x"))
        run(member.end, member.other)
    assert mo.digest() == ana.digest()
    assert reads.count <= 1_000 + 20 * 20
    assert balance(member.other).owes == 1_000


class Reads:
    """How many entries are read from a device's store, from now on."""

    def __init__(self, device: MemoryReplica) -> None:
        self.count = 0
        self._read = device.store.entry_at
        device.store.entry_at = self._counted  # type: ignore[method-assign]

    def _counted(self, slot: int) -> Entry | None:
        self.count += 1
        return self._read(slot)


# --- equivocators ----------------------------------------------------------------------------------------


def equivocator(
    ana: MemoryReplica, xi: MemoryReplica, through: MemoryReplica, branches: int, length: int = 0
) -> list[tuple[Incarnation, EntryId]]:
    """So many branches of Xi's, all behind one beginning, on the word of another device; the heads."""
    writer = Writer(ana.id, xi.device, Incarnation(b"one life"), xi.secrets.signing)
    if length:
        batch, ids = forge(writer, [Draft(content=content(f"{number}")) for number in range(length)])
        ana.commit(ana.replica.plan(batch))
        writer = writer._replace(first=length + 1, previous=ids[-1], height=length)
    row, head, height = pointer(ana, through)
    found = []
    for number in range(branches):
        batch, [side] = forge(writer, [Draft(parents=[(1, 1, head, height)], content=content(number))], [row])
        ana.commit(ana.replica.plan(batch, {xi.device: 1}))
        found.append((writer.incarnation, side))
    return found


def four() -> tuple[MemoryReplica, MemoryReplica, MemoryReplica, MemoryReplica]:
    ana = founded()
    ben, xi, mo = (admitted(ana, name, seed) for seed, name in enumerate(("ben", "xi", "mo"), start=2))
    for device in (ben, xi, mo):
        pass_on(ana, device)
    mo.edit(CASE, Operation(1, "f", b"", "mo"))
    pass_on(mo, ana)
    return ana, ben, xi, mo


@pytest.mark.parametrize("live", [False, True])
def test_what_is_cited_late_is_served_in_the_same_session(live: bool) -> None:
    """Ben knows the equivocator, and is not served what nothing cites. Then somebody cites it: all that Ana wrote
    afterwards was refused by Ben. `live`: the branch comes while they are in step; else they begin with one digest."""
    ana, ben, xi, mo = four()
    equivocator(ana, xi, mo, caps.BRANCHES + 1)
    pass_on(ana, ben)
    ends = caller(ana, ben), answerer(ben)
    run(*ends) if live else None
    [(life, late)] = equivocator(ana, xi, mo, caps.BRANCHES + 2)[-1:]
    run(*ends)
    assert ana.digest() == ben.digest()
    assert balance(ends[0]) == balance(ends[1]) == LEVEL
    [chain] = [one for one in ana.branches((xi.device, life)) if one.head == late]
    batch, _ = forge(
        of(mo), [Draft(parents=[(1, 1, late, chain.height)])], [BatchChain(xi.device, life, 2, late, None)]
    )
    ana.receive(batch, mo.device)
    ana.edit(CASE, Operation(1, "f", b"", "ana"))
    run(*ends)
    assert ana.digest() == ben.digest()
    assert not any(plan.refused for end in ends for plan in end.plans)
    assert balance(ends[0]) == balance(ends[1]) == LEVEL


def test_paths_of_an_equivocator_are_answered_with_a_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each path touched all branches of its chain, and was answered with the paths to all of them."""
    ana, _, xi, mo = four()
    equivocator(ana, xi, mo, 100, length=5)
    member = Member(mo, ana)
    member.other.session.outgoing()
    line = xi.device, Incarnation(b"one life")
    path = Path(line, [(5, EntryId(b"x" * 32))])
    member.exchange._known.clear()  # as if none of these had been served yet
    held = counted(monkeypatch, Exchange, "_holds")
    for _ in range(10):
        member.say(*frontiers.encode_paths(member.name, [path] * frontiers.PATHS))
    shown = counted(monkeypatch, PathsToShow, "_path")
    member.other.give()
    assert not held
    assert len(shown) == frontiers.PATHS
    assert member.other.error is None


@pytest.mark.parametrize("known", [False, True])
def test_who_was_admitted_by_an_equivocator_gets_in_with_what_it_wrote(known: bool) -> None:
    """Cy has written, and nobody has it yet. Then her sponsor's seventeenth branch comes, and she counts as unknown:
    she was heard up to her introduction only, which does not count. `known`: whether Ana had heard of her before."""
    ana = founded()
    xi = admitted(ana, "xi", 3, Role.COORDINATOR)
    pass_on(ana, xi)
    cy = admitted(xi, "cy", 4)
    pass_on(xi, cy)
    pass_on(xi, ana) if known else None
    written = cy.edit(CASE, Operation(1, "f", b"", "cy"))
    for number in range(caps.BRANCHES + 1):
        writer = Writer(ana.id, xi.device, Incarnation(number.to_bytes(8, "big")), xi.secrets.signing)
        ana.commit(ana.replica.plan(forge(writer, [Draft()])[0], {xi.device: 1}))
    assert not ana.replica.circle.is_active(cy.device)
    cy.sponsor = ana.device, ana.secrets.public.session
    one, other = sync(cy, ana)
    assert ana.replica.circle.is_active(cy.device)
    assert ana.find(cy.line, 1, written) is not None
    assert ana.digest() == cy.digest()
    assert balance(one) == balance(other) == LEVEL
