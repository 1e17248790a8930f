"""Sessions with a device that is told less than all: what crosses the wire to it, and what it may say."""

from __future__ import annotations

from typing import Any

import pytest

from cellsync.core.ids import NO_ID, CaseId, SessionPublic
from cellsync.core.membership.control import Role
from cellsync.core.membership.editions import OURS
from cellsync.core.membership.removal import Remove
from cellsync.core.replica.planner import Intention
from cellsync.core.session.view import Extent
from cellsync.core.wire import codec, messages
from cellsync.core.wire.mark import EntryForm, form_of, kind_of
from cellsync.core.wire.tags import Kind, Message
from cellsync.ledger import audience
from tests.core.replicas import MemoryReplica, admitted, pass_on, three
from tests.core.session.pairs import CASE, PLACES, circles_of, write
from tests.core.session.pumps import End, answerer, caller, recorded


def remove(author: MemoryReplica, other: MemoryReplica) -> None:
    shape, content = OURS.kinds[Kind.REMOVE].encode(Remove((other.device,)), bytes(16))
    author.write(Intention(Kind.REMOVE, CaseId(author.replica.circle.id), shape, content))


class Teller(MemoryReplica):
    """A device that tells those who were removed."""

    def device_with(self, key: SessionPublic) -> Any:
        return next(iter(self.replica.circle.introduced_with(key)), None)

    def extent(self, key: SessionPublic) -> Extent:
        return audience.extent(self.replica, self.replica.circle.introduced_with(key))

    def last_told(self, key: SessionPublic) -> int:
        return audience.last_told(self.replica, self.store, self.replica.circle.introduced_with(key))

    def own_chains(self, key: SessionPublic) -> Any:
        devices = self.replica.circle.introduced_with(key)
        return [one for device in devices for one in self.replica.held.of_device(device)]


def apart(*, answered: bool = False) -> tuple[MemoryReplica, MemoryReplica]:
    """Bea, who tells; and Eva, whom Ana has removed. Perhaps she has answered. What was written before the removal is
    cited by it, what came after is not."""
    ana, bea, _ = three()
    eva = admitted(ana, "eve", 4, Role.COORDINATOR)
    for other in (bea, eva):
        pass_on(ana, other)
    write(eva, 2)
    pass_on(eva, ana)
    write(ana, 3)
    admitted(ana, "kim", 5)
    remove(ana, eva)
    pass_on(ana, bea)
    if answered:
        remove(eva, ana)
        pass_on(eva, bea)
    write(bea, 4)
    write(ana, 5)
    admitted(ana, "lea", 6)
    pass_on(ana, bea)
    bea.__class__ = Teller
    write(eva, 1)
    return bea, eva


def talk(bea: MemoryReplica, eva: MemoryReplica) -> tuple[list[list[Any]], End, End]:
    """What Bea says to Eva, who calls; until both have said all."""
    calling, callee = caller(eva, bea), answerer(bea)
    said: list[list[Any]] = []
    callee.session.locate(bea.id, PLACES)
    for _ in range(12):
        forth = calling.give()
        with recorded() as heard:
            callee.take(forth, 0.0)
            data = callee.give()
        said += [codec.decode_message(raw) for raw in heard]
        calling.take(data, 0.0)
    return said, calling, callee


def rows(said: list[list[Any]]) -> list[list[Any]]:
    return [row for message in said if message[0] == Message.BATCH for row in message[5]]


def test_whoever_was_removed_is_shown_nothing_but_that() -> None:
    bea, eva = apart()
    own = {(chain.device, chain.incarnation, chain.length, chain.head) for chain in bea.own_chains(eva.public.session)}
    said, calling, callee = talk(bea, eva)
    assert callee.error is calling.error is None
    kinds = {Message(message[0]) for message in said}
    assert kinds == {Message.OFFER, Message.CLOCK, Message.DIGEST, Message.FRONTIER, Message.BATCH, Message.ACK}
    [digest] = [message[2] for message in said if message[0] == Message.DIGEST]
    assert digest == NO_ID
    [frontier] = [message for message in said if message[0] == Message.FRONTIER]
    theirs = {(head.device, head.incarnation, head.sequence, head.id) for head in eva.frontier().heads}
    assert {tuple(head) for head in frontier[3]} <= theirs | own
    assert frontier[4] == frontier[5] == []
    forms = [(kind_of(row[4]), form_of(row[4])) for row in rows(said)]
    skeleton, erased = EntryForm.SKELETON, EntryForm.ERASED
    assert forms == [*[(Kind.CASE, skeleton)] * 3, (Kind.ADMIT, erased), (Kind.REMOVE, erased)]
    everything = repr(said).encode()
    for secret in (b"kim", b"lea", b"log", repr(bytes(CASE))[2:-1].encode()):
        assert secret not in everything
    assert [chain.length for chain in bea.replica.held.of_device(eva.device)] == [3], "what Eva said is taken"


def test_whoever_is_suspended_is_told_of_members_and_of_no_case() -> None:
    bea, eva = apart(answered=True)
    assert bea.extent(eva.public.session) is Extent.CONTROLS
    said, _, callee = talk(bea, eva)
    assert callee.error is None
    assert Message.WHEREABOUTS not in {Message(message[0]) for message in said}
    found = [(kind_of(row[4]), form_of(row[4])) for row in rows(said)]
    assert {form for kind, form in found if kind == Kind.CASE} == {EntryForm.SKELETON}
    assert {form for kind, form in found if kind != Kind.CASE} == {EntryForm.FULL}
    assert found[-1] == (Kind.ADMIT, EntryForm.FULL)
    everything = repr(said).encode()
    assert b"lea" in everything
    assert b"log" not in everything
    assert repr(bytes(CASE))[2:-1].encode() not in everything


@pytest.mark.parametrize("answered", [True, False])
def test_nobody_is_sent_anywhere_by_whoever_is_not_told_all(answered: bool) -> None:
    bea, eva = apart(answered=answered)
    _, calling, callee = talk(bea, eva)
    name = next(iter(circles_of(callee.session).exchanges))
    calling.session._connection.send(messages.encode_whereabouts(name, PLACES))
    callee.take(calling.session.outgoing(), 1.0)
    assert callee.error is None
    assert callee.located == []
