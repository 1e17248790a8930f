"""Editions: two builds in one circle, garbage in every kind that one of them does not know, and then the update."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellsync.core.errors import Malformed, PeerError
from cellsync.core.history.entry import Standing
from cellsync.core.ids import CaseId, EntryId, MemberId
from cellsync.core.membership import editions, removal
from cellsync.core.membership.control import Role
from cellsync.core.membership.editions import FIRST, OURS, SECOND, Edition, KnownKind
from cellsync.core.membership.floor import Require, encode
from cellsync.core.membership.removal import Remove
from cellsync.core.replica.detached import DetachedEntries
from cellsync.core.replica.planner import Intention
from cellsync.core.rule import Rule
from cellsync.core.wire import codec
from cellsync.core.wire.tags import Kind
from cellsync.ledger.view import ReplicaView
from tests.core.attacks import Draft, forge, of
from tests.core.noise import any_bytes
from tests.core.replicas import MemoryReplica, admitted, founded, pass_on

SALT = b"\0" * 16
NOTED = 200  # a kind that the later edition knows
UNKNOWN = [kind for kind in range(256) if kind != Kind.CASE and not OURS.knows(kind)]


def read_note(shape: object, content: object) -> object | None:
    match shape, content:
        case [int(number)], None if number > 0:
            return number
    return None


def write_note(number: int, salt: bytes) -> tuple[bytes, bytes]:
    return codec.encode([number]), salt + codec.encode(None)


LATER = OURS._replace(number=3, kinds={**OURS.kinds, NOTED: KnownKind(Role.WRITER, read_note, write_note)})
NOTE = codec.encode([7]), SALT + codec.encode(None)
LEAF = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | any_bytes(60) | st.text(max_size=20)
VALUE = st.recursive(LEAF, lambda inner: st.lists(inner, max_size=4), max_leaves=12)


def build(device: MemoryReplica, edition: Edition) -> None:
    """Open the device's circle anew, with a build of this edition."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(editions, "OURS", edition)
        ReplicaView.__init__(device, device.id, device.store)
    device.detached = DetachedEntries(device.replica, device.store, device.device)


def standings(device: MemoryReplica) -> dict[EntryId, int]:
    return {
        entry.id: entry.standing
        for chain in device.store.chains()
        for entry in device.store.chain_slice(chain.number, chain.first, chain.length)
    }


def write(device: MemoryReplica, kind: int, shape: bytes, content: bytes) -> EntryId:
    return device.write(Intention(kind, CaseId(device.id), shape, content)).commit.entries[0].id


def trio() -> tuple[MemoryReplica, MemoryReplica, MemoryReplica]:
    """A founder, another coordinator and a reader."""
    ana = founded()
    ben, cara = admitted(ana, "ben", 2, Role.COORDINATOR), admitted(ana, "cara", 3, Role.READER)
    for other in (ben, cara):
        pass_on(ana, other)
    return ana, ben, cara


def test_this_build_is_of_the_second_edition() -> None:
    """A later one changes protocol/20-wire.md, and this."""
    assert OURS is SECOND
    assert (FIRST.number, SECOND.number) == (1, 2)
    assert {kind for kind in range(256) if FIRST.knows(kind)} == {0, 1, 2, 13, 14}
    assert {kind for kind in range(256) if SECOND.knows(kind)} == set(range(16))


def test_every_unknown_kind_is_carried_and_void() -> None:
    ana, ben, _ = trio()
    batch, _ = forge(
        of(ben), [Draft(kind=kind, case=CaseId(ana.id), shape=NOTE[0], content=NOTE[1]) for kind in UNKNOWN]
    )
    plan = ana.receive(batch)
    assert {entry.kind for entry in plan.commit.entries} == set(UNKNOWN)
    assert {entry.standing for entry in plan.commit.entries} == {Standing.VOID}
    assert [entry.id for entry in plan.unknown] == [entry.id for entry in plan.commit.entries]
    assert not plan.void


@pytest.mark.parametrize(
    ("shape", "content", "rule"),
    [
        (b"\x91", NOTE[1], Rule.CODEC_MSGPACK),
        (b"\xcc\x01", NOTE[1], Rule.CODEC_CANONICAL),
        (b"", NOTE[1], Rule.CODEC_MSGPACK),
        (NOTE[0], SALT, Rule.CODEC_MSGPACK),
        (NOTE[0], SALT + b"\xc0\xc0", Rule.CODEC_MSGPACK),
        (b"\x91" * 9 + b"\xc0", NOTE[1], Rule.CAP_NESTING),
    ],
)
@pytest.mark.parametrize("kind", [3, 13, 14, NOTED, 255])
def test_what_is_no_value_is_at_fault_in_any_kind(kind: int, shape: bytes, content: bytes, rule: Rule) -> None:
    ana, ben, _ = trio()
    with pytest.raises(PeerError) as caught:
        ana.replica.plan(forge(of(ben), [Draft(kind=kind, case=CaseId(ana.id), shape=shape, content=content)])[0])
    assert caught.value.rule is rule


@settings(max_examples=60)
@given(st.data())
def test_two_builds_hold_the_same_and_agree_after_the_update(data: st.DataObject) -> None:
    """Anybody writes anything in any kind. Nobody is at fault; all hold it; and an updated device stands as one that
    knew the kind all along, also after it went back to the earlier build and was updated again."""
    devices = trio()
    ana, ben, cara = devices
    build(ana, LATER)
    for _ in range(data.draw(st.integers(1, 8))):
        author = data.draw(st.sampled_from(devices))
        kind = data.draw(st.sampled_from([NOTED, NOTED, NOTED, Kind.REMOVE, Kind.REQUIRE, 255]))
        shape, content = NOTE
        if data.draw(st.booleans()):
            shape = codec.encode(data.draw(VALUE))
            content = SALT + codec.encode(data.draw(VALUE))
        before = len(standings(author))
        write(author, kind, shape, content)
        assert len(standings(author)) == before + 1
        pass_on(author, data.draw(st.sampled_from(devices)))
    for giver in (*devices, *devices):
        for taker in devices:
            if giver is not taker:
                pass_on(giver, taker)
    assert len({device.replica.digest() for device in devices}) == 1
    assert standings(ben) == standings(cara)
    noted = [entry for entry, standing in standings(ana).items() if standing != standings(ben)[entry]]
    for edition in data.draw(st.sampled_from([[LATER], [LATER, OURS, LATER]])):
        build(ben, edition)
    assert standings(ben) == standings(ana)
    assert all(standings(ben)[entry] == Standing.IN for entry in noted)
    assert ben.replica.floor == ana.replica.floor
    assert ben.replica.digest() == ana.replica.digest()


def test_a_form_that_the_kind_lacks_stays_void() -> None:
    """A garbage note of before its kind was known, and a good one of each role."""
    ana, ben, cara = trio()
    garbage = write(ben, NOTED, codec.encode(["x"]), NOTE[1])
    good, readers = write(ben, NOTED, *NOTE), write(cara, NOTED, *NOTE)
    for device in (ben, cara):
        pass_on(device, ana)
    assert {standings(ana)[entry] for entry in (garbage, good, readers)} == {Standing.VOID}
    build(ana, LATER)
    assert standings(ana)[garbage] == standings(ana)[readers] == Standing.VOID
    assert standings(ana)[good] == Standing.IN


def test_a_floor_that_an_earlier_build_did_not_know_holds_after_the_update() -> None:
    """One that knows `require`, and one that does not yet."""
    ana, ben, _ = trio()
    without = Edition(1, {})
    build(ana, without)
    for coordinator in (ana, ben):
        write(coordinator, Kind.REQUIRE, *encode(Require(9), SALT))
    pass_on(ben, ana)
    assert (ana.replica.floor, ana.replica.is_outdated) == (1, False)
    build(ana, LATER)
    assert (ana.replica.floor, ana.replica.is_outdated) == (9, True)
    assert not ana.hands_out


def test_one_word_of_two_is_no_floor() -> None:
    ana, ben, cara = trio()
    write(ben, Kind.REQUIRE, *encode(Require(255), SALT))
    write(cara, Kind.REQUIRE, *encode(Require(255), SALT))  # a reader: void
    for device in (ben, cara):
        pass_on(device, ana)
    assert (ana.replica.floor, ana.hands_out) == (1, True)
    write(ana, Kind.REQUIRE, *encode(Require(3), SALT))
    assert (ana.replica.floor, ana.hands_out) == (3, False)


def test_the_only_coordinator_s_word_is_a_floor() -> None:
    ana = founded()
    admitted(ana, "cara", 3)
    write(ana, Kind.REQUIRE, *encode(Require(2), SALT))
    assert ana.replica.floor == 2
    admitted(ana, "ben", 2, Role.COORDINATOR)
    assert ana.replica.floor == 1  # now it takes two


def test_what_the_founding_requires_stays_whoever_comes_and_goes() -> None:
    ana = founded()
    write(ana, Kind.REQUIRE, *encode(Require(2), SALT))
    ben = admitted(ana, "ben", 2, Role.COORDINATOR)
    pass_on(ana, ben)
    assert ana.replica.floor == ben.replica.floor == 2
    write(ben, Kind.REMOVE, *removal.encode(Remove((MemberId(ana.device),), ()), SALT))
    assert not ben.replica.circle.is_active(ana.device)
    assert ben.replica.floor == 2
    build(ben, OURS)
    assert ben.replica.floor == 2


def test_whom_one_coordinator_made_another_adds_no_word() -> None:
    """A third coordinator is no elector before a second one has agreed to that."""
    ana, ben, _ = trio()
    puppet = admitted(ben, "puppet", 4, Role.COORDINATOR)
    pass_on(ben, puppet)
    for one in (ben, puppet):
        write(one, Kind.REQUIRE, *encode(Require(255), SALT))
        pass_on(one, ana)
    assert ana.replica.circle.current_role(puppet.device) is Role.COORDINATOR
    assert (ana.replica.floor, ana.hands_out) == (1, True)
    build(ana, FIRST)
    assert ana.replica.floor == 255, "in edition 1 it does"


@pytest.mark.parametrize("number", range(17))
def test_an_equivocator_s_word_is_not_heard(number: int) -> None:
    ana, ben, _ = trio()
    write(ana, Kind.REQUIRE, *encode(Require(2), SALT))
    write(ben, Kind.REQUIRE, *encode(Require(2), SALT))
    pass_on(ben, ana)
    for branch in range(number):
        life = random.Random(branch).randbytes(8)
        ana.receive(forge(of(ben)._replace(incarnation=life), [Draft()])[0])  # type: ignore[arg-type]
    expected = 1 if ana.replica.held.equivocators else 2
    assert ana.replica.floor == (2 if number < 16 else expected)


def test_a_kind_that_is_frozen_is_at_fault_for_its_form() -> None:
    ana, ben, _ = trio()
    with pytest.raises(Malformed) as caught:
        ana.replica.plan(
            forge(of(ben), [Draft(kind=Kind.ADMIT, case=CaseId(ana.id), shape=NOTE[0], content=NOTE[1])])[0]
        )
    assert caught.value.rule is Rule.ENTRY_CONTROL
