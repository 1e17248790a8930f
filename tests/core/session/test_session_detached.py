"""Sessions and detached entries: whom they reach, and what the peer that one is about is still sent."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from cellsync.core import caps
from cellsync.core.crypto.channel import MAX_PAYLOAD
from cellsync.core.errors import BadSignature, PeerError
from cellsync.core.history.detached import detached_id
from cellsync.core.history.entry import sign
from cellsync.core.ids import EntryId, Millis, Signature
from cellsync.core.membership.control import Role
from cellsync.core.replica.detached import LASTS
from cellsync.core.rule import Rule
from cellsync.core.session.exchange import Unexpected
from cellsync.core.wire import codec, detached
from cellsync.core.wire.detached import Detached
from cellsync.core.wire.mark import EntryForm, marked
from cellsync.core.wire.tags import Kind, Message
from tests.core.removals import announced, four
from tests.core.replicas import MemoryReplica, admitted, pass_on
from tests.core.session.pairs import agree, newcomer, write
from tests.core.session.pumps import End, answerer, caller, recorded, run, sync


def tags(said: Sequence[bytes]) -> list[Message]:
    return [Message(codec.decode_message(raw)[0]) for raw in said]


def told_by(end: End, other: End, now: float = 0.0) -> list[Message]:
    """What one side says when both have said all."""
    with recorded() as said:
        data = end.give()
        mine = tags(said)
        other.take(data, now)
    return mine


def ends(one: MemoryReplica, other: MemoryReplica, seed: int = 1) -> tuple[End, End]:
    calling, callee = caller(one, other, seed), answerer(other, seed + 1)
    run(calling, callee)
    return calling, callee


def warned(device: MemoryReplica, entry: Detached) -> None:
    """Someone has brought it."""
    assert device.detached.take(entry, device.now)


def test_it_goes_ahead_of_everything_else() -> None:
    ana, bea, eva, _ = four()
    write(ana, 3)
    entry = announced(ana, eva.device)
    calling, callee = caller(ana, bea), answerer(bea)
    with recorded() as said:
        run(calling, callee)
    kinds = tags(said)
    first = kinds.index(Message.DETACHED)
    assert kinds[first : first + 2] == [Message.DETACHED, Message.DIGEST]
    assert kinds[:first].count(Message.DIGEST) == 1, "that of bea, who has none to tell"
    assert kinds.count(Message.DETACHED) == 1, "nobody is told twice, nor whoever told it"
    assert callee.forewarned == [entry]
    assert agree(ana, bea)


def test_a_new_one_is_told_at_once_to_all_but_its_targets() -> None:
    ana, bea, eva, dan = four()
    entry = announced(ana, eva.device)
    ben_dan, ben_eva = ends(bea, dan), ends(bea, eva, 5)
    warned(bea, entry)
    assert told_by(*ben_dan) == [Message.DETACHED]
    assert ben_dan[1].forewarned == [entry]
    assert dan.detached.withholds([eva.device], dan.now)
    assert told_by(*ben_eva) == []
    assert told_by(*ben_dan) == told_by(*ben_dan[::-1]) == []


def test_a_target_is_sent_acknowledgements_only_and_others_go_on() -> None:
    ana, bea, eva, dan = four()
    write(ana, 2)
    warned(bea, announced(ana, eva.device))
    write(bea, 3)
    with recorded() as said:
        calling, callee = ends(eva, bea)
    assert Message.DIGEST in tags(said), "eva asks"
    assert callee.opened
    assert tags(said).count(Message.DIGEST) == 1, "and gets no answer"
    assert not {Message.FRONTIER, Message.PATH, Message.BATCH, Message.WHEREABOUTS} & set(tags(said))
    assert calling.session.ping() == 1
    run(calling, callee)
    assert calling.session.answered == 1, "it is alive"
    assert calling.received == 0
    assert (calling.error, callee.error) == (None, None)
    sync(bea, dan, 7)
    assert agree(bea, dan)
    assert not agree(bea, eva)


def test_what_a_target_brings_is_taken_and_acknowledged() -> None:
    ana, bea, eva, _ = four()
    removal = announced(ana, eva.device)
    calling, callee = ends(eva, bea)
    warned(bea, removal)
    write(bea, 2)
    write(eva, 2)
    with recorded() as said:
        run(calling, callee)
    assert tags(said) == [Message.BATCH, Message.ACK]
    assert bea.replica.held.branches(eva.device) == 1
    assert eva.replica.held.branches(bea.device) == 0
    with recorded() as said:
        calling.session.ping()
        run(calling, callee)
    assert tags(said) == [Message.FRONTIER, Message.PING, Message.PONG], "a question gets no answer"


def test_once_the_entry_itself_is_held_all_is_as_before() -> None:
    ana, bea, eva, _ = four()
    removal = announced(ana, eva.device)
    warned(bea, removal)
    write(bea, 2)
    _, callee = ends(eva, bea)
    pass_on(ana, bea)
    now = callee.session.deadline
    callee.handle(callee.session.tick(now))
    assert callee.ended, "what was asked meanwhile is lost: the two begin anew"
    assert callee.error is None
    sync(eva, bea, 9)
    assert agree(eva, bea)


def test_after_30_days_all_is_as_before() -> None:
    ana, bea, eva, _ = four()
    warned(bea, announced(ana, eva.device))
    write(bea, 2)
    sync(eva, bea)
    assert not agree(eva, bea)
    bea.now = Millis(bea.now + LASTS)
    eva.now = ana.now = bea.now
    for device in (eva, bea):  # whose clocks show the same day
        assert not device.detached.withholds([eva.device], device.now)
    sync(eva, bea, 5)
    assert agree(eva, bea)


def test_a_liar_who_is_no_coordinator_has_no_effect() -> None:
    _, bea, eva, dan = four()
    lie = announced(eva, dan.device)
    write(bea, 2)
    _, callee = ends(eva, bea)
    assert callee.forewarned == [lie]
    assert callee.error is None, "it is dropped without a word"
    sync(bea, dan, 5)
    assert agree(bea, dan)


def deliver(entry: Detached, calling: End, callee: End, name: bytes | None = None) -> PeerError | None:
    """The fault, if any, of a caller who sends this."""
    [shared] = calling.session._phase.exchanges
    calling.session._connection.send(detached.encode(shared if name is None else name, entry))
    run(calling, callee)
    return callee.error


def test_a_bad_signature_of_a_known_device_ends_the_session() -> None:
    ana, bea, eva, _ = four()
    entry = announced(ana, eva.device)._replace(signature=Signature(bytes(64)))
    assert isinstance(deliver(entry, *ends(ana, bea)), BadSignature)


def test_one_of_a_circle_that_is_not_shared_ends_the_session() -> None:
    ana, bea, eva, _ = four()
    error = deliver(announced(ana, eva.device), *ends(ana, bea), name=b"another!")
    assert isinstance(error, Unexpected)
    assert error.rule is Rule.CIRCLE_SHARED


def test_one_of_an_unknown_version_is_dropped_without_a_word() -> None:
    ana, bea, eva, _ = four()
    calling, callee = ends(ana, bea)
    fields = detached.to_fields(announced(ana, eva.device))
    fields[6] = marked(Kind.REMOVE, EntryForm.DETACHED, 2)
    [shared] = calling.session._phase.exchanges
    calling.session._connection.send(codec.encode([Message.DETACHED, shared, *fields]))
    run(calling, callee)
    assert callee.error is None
    assert len(callee.forewarned) == 1, "the one that ana told of herself"


def test_a_newcomer_tells_nothing_before_it_is_known() -> None:
    ana, bea, eva = newcomer()
    dan = admitted(ana, "dan", 4, Role.COORDINATOR)
    pass_on(ana, dan)
    warned(eva, announced(ana, dan.device))
    with recorded() as said:
        calling, callee = ends(eva, bea)
    kinds = tags(said)
    assert Message.DETACHED in kinds
    assert kinds.index(Message.BATCH) < kinds.index(Message.DETACHED), "first who it is"
    assert (calling.error, callee.error) == (None, None)
    assert agree(eva, bea)
    assert len(callee.forewarned) == 1


def test_a_caller_that_is_not_known_may_not_tell_of_one() -> None:
    ana, bea, eva = newcomer()
    entry = announced(ana, bea.device)
    calling, callee = caller(eva, bea), answerer(bea)
    callee.take(calling.give(), 0.0)
    calling.take(callee.give(), 0.0)
    callee.take(calling.give(), 0.0)
    calling.take(callee.give(), 0.0)
    error = deliver(entry, calling, callee)
    assert isinstance(error, Unexpected)
    assert error.rule is Rule.CIRCLE_ACTIVE


def test_a_build_below_the_floor_tells_of_it_all_the_same() -> None:
    ana, bea, eva, _ = four()
    entry = announced(ana, eva.device)
    ana.replica.floor = 9
    assert not ana.hands_out
    _, callee = ends(ana, bea)
    assert callee.forewarned == [entry]


def test_very_many_large_ones_wait_their_turn() -> None:
    ana, bea, eva, dan = four()
    base = announced(ana, eva.device)
    shape = codec.encode([[eva.device], bytes(62_000)])
    for author in (ana, dan):
        for number in range(caps.DETACHED):
            entry = base._replace(device=author.device, clock=Millis(number), shape=shape)
            signed = sign(author.secrets.signing, detached_id(ana.replica.circle.id, entry))
            warned(bea, entry._replace(signature=signed))
    kim = admitted(ana, "kim", 8)
    pass_on(ana, bea)
    pass_on(ana, kim)
    calling, callee = ends(bea, kim)
    assert len(callee.forewarned) == 2 * caps.DETACHED
    assert (calling.error, callee.error) == (None, None)
    assert agree(bea, kim)


def test_one_that_fits_into_no_frame_is_not_sent() -> None:
    ana, bea, eva, _ = four()
    parents = tuple(EntryId(bytes([one]) * 32) for one in range(64))
    base = announced(ana, eva.device)
    shape = codec.encode([[eva.device], bytes(caps.ENTRY - 1_000)])
    entry = base._replace(shape=shape, parents=parents)
    assert len(detached.encode(bytes(8), entry)) > MAX_PAYLOAD
    warned(bea, entry._replace(signature=sign(ana.secrets.signing, detached_id(ana.replica.circle.id, entry))))
    dan = admitted(ana, "kim", 8)
    pass_on(ana, dan)
    pass_on(dan, bea)
    _, callee = ends(bea, dan)
    assert callee.forewarned == []
    assert callee.error is None


@pytest.mark.parametrize("calls", [True, False])
def test_a_target_is_sent_nothing_whoever_calls(calls: bool) -> None:
    ana, bea, eva, _ = four()
    warned(bea, announced(ana, eva.device))
    write(bea, 2)
    one, other = ends(bea, eva) if calls else ends(eva, bea)
    assert one.received == other.received == 0
    assert (one.error, other.error) == (None, None)
