"""Hostile messages of a member in a session: memory is bounded, and work grows in proportion to the message."""

from __future__ import annotations

import random
import tracemalloc
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

import pytest

from cellsync.core import caps
from cellsync.core.errors import CapExceeded
from cellsync.core.history.entry import Entry
from cellsync.core.history.holdings import Holdings
from cellsync.core.ids import CaseId, DeviceId, EntryId, Incarnation
from cellsync.core.membership.control import Admit, Role, encode_admit
from cellsync.core.replica.founding import device_secrets
from cellsync.core.replica.replica import Replica
from cellsync.core.session import exchange
from cellsync.core.session.balance import Balance
from cellsync.core.session.events import Event
from cellsync.core.session.exchange import AT_ONCE, PLACES_AT_ONCE, STEPS, Exchange, Unexpected
from cellsync.core.session.paths import PathsToShow
from cellsync.core.session.session import Session
from cellsync.core.wire import batches, codec, frontiers, messages
from cellsync.core.wire.batches import BatchChain
from cellsync.core.wire.frontiers import Path
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.places import Frontier, Head, Line
from cellsync.core.wire.tags import Kind, Message
from cellsync.node import strangers
from tests.core.attacks import Draft, Root, Writer, anew, content, forge, of, pointer
from tests.core.replicas import MemoryReplica, admitted, founded, pair, pass_on
from tests.core.session.pumps import End, answerer, caller, run, sync

CASE = CaseId(b"c" * 32)
LEVEL = Balance(0, 0, moving=False, declined=False, gaps=0)


class Member:
    """A member in a session with an honest device, who says whatever it likes."""

    def __init__(self, device: MemoryReplica, honest: MemoryReplica, seed: int = 1) -> None:
        self.end, self.other = sync(device, honest, seed)
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


@pytest.mark.parametrize("what", ["equivocators", "gaps"])
def test_what_a_peer_names_is_added_to_what_it_has_named(what: str) -> None:
    """It was copied with each message: 240 of these fit into what is read at once, and took 50 ms."""
    ana, mo = pair()
    member = Member(mo, ana)
    kept = getattr(member.exchange, f"_{what}")
    for number in range(3):
        heads = false_heads(1, number)
        ids = frozenset(DeviceId(bytes(head.id)) for head in heads)
        rows = {"equivocators": Frontier(frozenset(), ids), "gaps": Frontier(frozenset(), frozenset(), heads)}
        member.say(part(member.name, rows[what], last=True))
        assert len(kept) == number + 1
    assert getattr(member.exchange, f"_{what}") is kept


def test_paths_that_wait_are_bounded() -> None:
    """Sixteen thousand of them took 109 MiB."""
    ana, mo = pair()
    member = Member(mo, ana)
    steps = [(1 << 20 - at, EntryId(bytes([at]) * 32)) for at in range(frontiers.PATH_STEPS - 20)]
    paths = frontiers.encode_paths(member.name, [Path(mo.line, steps)] * frontiers.PATHS)
    while member.other.error is None:
        assert sum(len(path.steps) for path in member.exchange._paths) <= STEPS
        member.say(*paths)
    assert isinstance(member.other.error, CapExceeded)


@pytest.mark.parametrize("branches", [1, caps.BRANCHES])
def test_places_are_compared_some_at_once_and_by_their_ids(branches: int) -> None:
    """Sixteen paths into sixteen branches were compared at once, and all that stands in each place was read: 90 ms."""
    ana, mo = pair()
    for number in range(branches):
        drafts = [Draft(content=content(f"{number} {at}")) for at in range(100)]
        ana.commit(ana.replica.plan(forge(of(mo), drafts)[0]))
    member = Member(mo, ana)
    member.other.give()
    reads, slots = Reads(ana), count_slots(ana)
    path = Path(mo.line, [(99 - at, EntryId(b"x" * 32)) for at in range(frontiers.PATH_STEPS)])
    member.say(*frontiers.encode_paths(member.name, [path] * frontiers.PATHS))
    member.say(*frontiers.encode_frontier(member.name, Frontier(false_places(mo, 100)), 60_000))
    while member.other.session.restless:
        before = len(slots)
        member.other.session.pull()
        member.other.session.outgoing()
        assert len(slots) - before <= PLACES_AT_ONCE + frontiers.PATH_STEPS * branches
        assert reads.count <= frontiers.PATH_STEPS * branches  # for paths of our own
    assert len(slots) >= 100 * branches


def false_places(device: MemoryReplica, count: int) -> frozenset[Head]:
    """Heads within a chain that nobody holds."""
    ids = (EntryId(number.to_bytes(32, "big")) for number in range(count))
    return frozenset(Head(*device.line, 1 + at % 99, entry) for at, entry in enumerate(ids))


def count_slots(device: MemoryReplica) -> list[int]:
    """The slots whose ids are read from a device's store, from now on."""
    read: list[int] = []
    ids_at = device.store.ids_at

    def counted(slots: Sequence[int]) -> list[tuple[int, EntryId]]:
        read.extend(slots)
        return ids_at(slots)

    device.store.ids_at = counted  # type: ignore[method-assign]
    return read


# --- whatever it says ---------------------------------------------------------------------------------------


FEW: Final = 64  # in place of caps.CHAINS
KINDS: Final = ("heads", "equivocators", "gaps", "paths", "gaps in batches", "halves", "questions", "pongs")


@pytest.mark.parametrize("kinds", [*((kind,) for kind in KINDS), KINDS], ids=[*KINDS, "all"])
def test_whatever_a_peer_says_a_session_keeps_no_more_than_the_caps(
    kinds: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that a session holds, wherever: a collection that grows on a peer's word, and by no cap, is found here."""
    monkeypatch.setattr(caps, "CHAINS", FEW)
    monkeypatch.setattr(caps, "BATCH", 4_096)
    monkeypatch.setattr(exchange, "STEPS", 4 * FEW)
    monkeypatch.setattr(exchange, "PLACES_AT_ONCE", 1)
    drawn = random.Random(f"session {kinds}")
    ana, mo = pair()
    for device in (ana, mo):
        device.edit(CASE, Operation(1, "f", b"", "x"))
    member, sessions = Member(mo, ana), 1
    for number in range(1_000):
        member.say(*said_by(drawn, member, mo, drawn.choice(kinds)))
        if member.other.ended:
            assert isinstance(member.other.error, CapExceeded)
            member, sessions = Member(mo, ana, 2 * sessions + 1), sessions + 1
        else:
            member.other.session.pull()
            member.other.session.outgoing()
        if not number % 8:
            assert kept_by(member.other.session) <= 8 * FEW


def said_by(drawn: random.Random, member: Member, device: MemoryReplica, kind: str) -> list[bytes]:
    """A message in its form, about chains that are there and others."""
    name, arriving = member.name, member.exchange._arriving is not None
    lines = [device.line if drawn.random() < 0.3 else made_up(drawn) for _ in range(3)]
    heads = frozenset(Head(*line, drawn.randint(1, 9), EntryId(drawn.randbytes(32))) for line in lines)
    match kind:
        case "heads":
            return [part(name, Frontier(heads), last=drawn.random() < 0.7)]
        case "equivocators":
            devices = frozenset(line[0] for line in lines)
            return [part(name, Frontier(frozenset(), devices), last=drawn.random() < 0.7)]
        case "gaps":
            return [part(name, Frontier(frozenset(), frozenset(), heads), last=drawn.random() < 0.7)]
        case "paths" if len(member.exchange._paths) < 4:  # always some, and never too many
            steps = [(9 - at, EntryId(drawn.randbytes(32))) for at in range(drawn.randint(1, 8))]
            return frontiers.encode_paths(name, [Path(line, steps) for line in lines])
        case "gaps in batches" if not arriving:
            writer = of(device)._replace(first=7, previous=EntryId(drawn.randbytes(32)), incarnation=made_up(drawn)[1])
            return batches.encode_batch(name, forge(writer, [Draft()])[0], 60_000)
        case "halves" if arriving or drawn.random() < 0.01:  # no other batch comes after half of one
            rows = [[*line, 2, drawn.randbytes(32), b""] for line in lines]
            return [codec.encode([Message.BATCH, name, False, rows, [], []])]
        case "questions":
            return [part(name, Frontier(frozenset()), last=True), messages.PING_BYTES]
    return [messages.PONG_BYTES]


def made_up(drawn: random.Random) -> Line:
    return DeviceId(drawn.randbytes(32)), Incarnation(drawn.randbytes(8))


def kept_by(session: Session) -> int:
    """How many elements the collections have that are reached from a session, but for what its device holds."""
    found, todo = 0, [session]
    seen: set[int] = set()
    while todo:
        thing: Any = todo.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, dict):
            todo += [*thing.keys(), *thing.values()]
        elif isinstance(thing, list | tuple | set | frozenset | deque):
            todo += thing
        elif type(thing).__module__.startswith("cellsync."):
            todo += [getattr(thing, name) for name in (vars(thing) if hasattr(thing, "__dict__") else thing.__slots__)]
        if isinstance(thing, dict | list | set | frozenset | deque):
            found += len(thing)
    return found


# --- equivocators ----------------------------------------------------------------------------------------


def equivocator(
    ana: MemoryReplica, xi: MemoryReplica, through: MemoryReplica, branches: int, length: int = 0
) -> list[tuple[Incarnation, EntryId]]:
    """So many branches of Xi's, all behind one beginning, on the word of another device; the heads."""
    writer = anew(xi, Incarnation(b"one life"))
    if length:
        batch, ids = forge(writer, [Draft(content=content(f"{number}")) for number in range(length)])
        ana.commit(ana.replica.plan(batch))
        writer = writer.after(ids)
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
        writer = anew(xi, Incarnation(number.to_bytes(8, "big")))
        ana.commit(ana.replica.plan(forge(writer, [Draft()])[0], {xi.device: 1}))
    assert not ana.replica.circle.is_active(cy.device)
    cy.sponsor = ana.device, ana.secrets.public.session
    one, other = sync(cy, ana)
    assert ana.replica.circle.is_active(cy.device)
    assert ana.find(cy.line, 1, written) is not None
    assert ana.digest() == cy.digest()
    assert balance(one) == balance(other) == LEVEL


# --- devices that an equivocator introduces ------------------------------------------------------------------


@pytest.mark.parametrize("cites", [False, True], ids=["cites nothing", "cites its introduction"])
@pytest.mark.parametrize("branches", [1, caps.BRANCHES + 1])
def test_what_is_written_beside_a_puppet_reaches_everybody(cites: bool, branches: int) -> None:
    """Ana alone is shown where a known equivocator introduces it. It wrote to her and did not cite that, she cited what
    it wrote, and what she wrote from then on reached nobody."""
    ana = founded()
    xi, ben = admitted(ana, "xi", 2, Role.COORDINATOR), admitted(ana, "ben", 3)
    for device in (xi, ben):
        pass_on(ana, device)
    for number in range(caps.BRANCHES + 1):
        batch = forge(anew(xi, Incarnation(number.to_bytes(8, "big"))), [Draft()])[0]
        for device in (ana, ben):
            assert not device.receive(batch, xi.device).refused
    keys = device_secrets(bytes(96))
    shape, names = encode_admit(Admit(Role.WRITER, keys.public, "puppet"), bytes(16))
    grant = Draft(kind=Kind.ADMIT, case=CaseId(ana.id), shape=shape, content=names)
    where = anew(xi, Incarnation(b"a branch"))
    batch, ids = forge(where, [grant])
    assert not ana.receive(batch, xi.device).refused
    row = BatchChain(xi.device, where.incarnation, 2, ids[0], None)
    known = Root(row, where.after(ids).height) if cites else None
    for number in range(branches):
        life = Incarnation(number.to_bytes(8, "big"))
        puppet = Writer(ana.id, DeviceId(ids[0]), life, keys.signing, root=known)
        plan = ana.receive(forge(puppet, [Draft()])[0], xi.device)
        assert bool(plan.refused) is not cites
    written = ana.edit(CASE, Operation(1, "f", b"", "help"))
    ends = sync(ana, ben)
    assert ben.find(ana.line, ana.branches(ana.line)[0].length, written) is not None
    assert ana.digest() == ben.digest()
    assert balance(ends[0]) == balance(ends[1]) == LEVEL
    assert Replica(ana.id, ana.store).digest() == ana.digest()


def test_two_members_who_fill_the_circle_keep_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """One makes branches, the other cites them. There was no room for what others began then; and with an equivocator
    named beside as many heads as there may be, a frontier was over the cap, so that no session lasted."""
    monkeypatch.setattr(caps, "CHAINS", 120)
    monkeypatch.setattr(caps, "RESERVED", 60)
    ana, ben, xi, mo = four()
    for number in range(150):
        side, [head] = forge(anew(xi, Incarnation(number.to_bytes(8, "big"))), [Draft()])
        ana.receive(side, xi.device)
        row = BatchChain(xi.device, side.chains[0].incarnation, 2, head, None)
        draft = Draft([(1, 1, head, anew(xi, row.incarnation).after([head]).height)])
        batch, _ = forge(of(mo), [draft], [row])
        if not ana.receive(batch, mo.device).refused:
            mo.receive(side, xi.device)
            mo.receive(batch)
    assert len(ana.replica.held.of_device(xi.device)) == caps.BRANCHES + 1 + caps.CHAINS - caps.RESERVED
    written = ben.edit(CASE, Operation(1, "f", b"", "help"))
    ends = sync(ben, ana)
    assert [end.error for end in ends] == [None, None]
    assert ana.find(ben.line, 1, written) is not None
    assert ana.digest() == ben.digest()
    assert balance(ends[0]) == balance(ends[1]) == LEVEL


def test_a_frontier_may_name_as_many_heads_as_there_may_be_and_equivocators_besides() -> None:
    ana, mo = pair()
    member = Member(mo, ana)
    heads = Frontier(false_heads(caps.CHAINS), frozenset({DeviceId(b"e" * 32)}))
    member.say(*frontiers.encode_frontier(member.name, heads, 60_000))
    assert member.other.error is None


# --- two batches of the largest kind -------------------------------------------------------------------------


def test_what_newcomers_may_send_at_once_takes_less_than_64_mib() -> None:
    """Two batches each, one of them half there, with rows that count little: whoever has a key of the circle can make
    up as many callers that are not known as there are places."""
    ana, mo = pair()
    member = Member(mo, ana)
    waiting: list[Event] = []  # for their turn to be planned
    member.other.handle = waiting.extend  # type: ignore[method-assign, assignment]
    chain = [bytes(32), bytes(8), 70_000, bytes(32), bytes(64)]
    parents = [[0, 0, [1, 1 << 33] * caps.PARENTS, 0, 0, b"", b""]]
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for half in (False, True):
            for chains, cases, entries in (
                *(([chain] * 400, [], []) for _ in range(caps.CHAINS // 400)),
                *(([], [bytes(32)] * 1_800, []) for _ in range(caps.ELEMENTS // 1_800)),
                *(([], [], parents) for _ in range(1_100)),
            ):
                member.say(codec.encode([Message.BATCH, member.name, False, chains, cases, entries]))
            if not half:
                member.say(codec.encode([Message.BATCH, member.name, True, [], [], []]))
        assert not member.other.session.closed
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert strangers.NEWCOMERS * taken <= 64 << 20
