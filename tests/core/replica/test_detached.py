"""Detached entries: whose are taken, what follows from them, and until when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync.core import caps
from cellsync.core.errors import BadSignature
from cellsync.core.history import detached
from cellsync.core.history.entry import sign
from cellsync.core.ids import CaseId, DeviceId, Millis, Signature
from cellsync.core.membership.control import Role
from cellsync.core.replica.detached import AUTHORS, LASTS, Announced, DetachedEntries
from cellsync.core.replica.planner import Intention
from cellsync.core.wire import codec
from cellsync.core.wire.detached import Detached
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Kind
from tests.core.removals import announced, four, removal
from tests.core.replicas import MemoryReplica, admitted, pass_on, three

CASE = CaseId(b"c" * 32)


def is_target(device: MemoryReplica, *others: DeviceId) -> bool:
    return device.detached.withholds(others, device.now)


def reopened(device: MemoryReplica) -> DetachedEntries:
    device.store.flush()
    return DetachedEntries(device.replica, device.store, device.device)


def test_it_has_the_id_of_the_entry_and_its_signature() -> None:
    ana, _, eva, _ = four()
    ana.edit(CASE, Operation(1, "f", b"", "before it"))
    entry = removal(ana, eva.device)
    alone = ana.detached.announce(entry, ana.now)
    assert alone is not None
    assert detached.detached_id(ana.replica.circle.id, alone) == entry.id
    assert alone.signature == entry.signature
    assert detached.targets(alone) == {eva.device}


def test_nothing_is_sent_to_its_targets_until_the_entry_itself_is_held() -> None:
    ana, bea, eva, _ = four()
    ana.edit(CASE, Operation(1, "f", b"", "bea has not heard of this yet"))
    entry = announced(ana, eva.device)
    before = bea.replica.digest()
    assert bea.detached.take(entry, bea.now)
    assert bea.replica.digest() == before, "it is not held"
    assert is_target(bea, eva.device)
    assert not is_target(bea, ana.device)
    assert not is_target(bea, eva.device, ana.device), "all devices with a key have to be targets"
    assert not is_target(bea)
    assert not is_target(ana, eva.device), "its author holds the entry"
    assert not bea.detached.take(entry, bea.now), "it is not new"
    pass_on(ana, bea)
    assert not is_target(bea, eva.device)
    assert not bea.detached.take(entry, bea.now), "it is held"
    assert not reopened(bea).withholds([eva.device], bea.now)


def test_it_is_kept() -> None:
    ana, bea, eva, _ = four()
    bea.detached.take(announced(ana, eva.device), bea.now)
    again = reopened(bea)
    assert again.withholds([eva.device], bea.now)
    assert again.to_tell([ana.device], bea.now) == bea.detached.to_tell([ana.device], bea.now) != []
    assert list(again.said(bea.now)) == [Announced(ana.device, (eva.device,), heeded=True)]
    pass_on(ana, bea)
    assert not reopened(bea).withholds([eva.device], bea.now), "forgotten at rest as well"


def test_what_came_to_be_held_before_it_was_forgotten_is_left_out() -> None:
    ana, bea, eva, _ = four()
    entry = announced(ana, eva.device)
    bea.detached.take(entry, bea.now)
    kept = bea.store.kept(f"detached {ana.device.hex()}")
    assert kept is not None
    pass_on(ana, bea)
    bea.store.keep(f"detached {ana.device.hex()}", kept)  # as if it had crashed in between
    assert not reopened(bea).withholds([eva.device], bea.now)


@pytest.mark.parametrize("kept", [b"", b"\xc0", b"\x91\xc0", b"nonsense", codec.encode([[1, []], ["x", 5]])])
def test_what_cannot_be_read_is_left_out(kept: bytes) -> None:
    ana, bea, eva, _ = four()
    bea.store.keep(f"detached {ana.device.hex()}", kept)
    assert not reopened(bea).withholds([eva.device], bea.now)


def test_it_ends_after_30_days_and_does_not_begin_again() -> None:
    ana, bea, eva, _ = four()
    entry = announced(ana, eva.device)
    bea.detached.take(entry, bea.now)
    began = bea.now
    for at, heeded in ((LASTS - 1, True), (LASTS, False)):
        bea.now = Millis(began + at)
        assert is_target(bea, eva.device) is heeded
        assert bool(bea.detached.to_tell([ana.device], bea.now)) is heeded
        assert list(bea.detached.said(bea.now)) == [Announced(ana.device, (eva.device,), heeded)]
    assert not bea.detached.take(entry, bea.now), "another one brings it again"
    bea.detached = reopened(bea)
    assert not bea.detached.take(entry, bea.now)
    assert not is_target(bea, eva.device)
    assert LASTS == 30 * 24 * 3600 * 1000


def test_a_reader_or_writer_is_not_heard_and_nobody_is_told() -> None:
    ana, bea, eva, _ = four()
    lie = announced(bea, ana.device)
    assert not eva.detached.take(lie, eva.now)
    assert not is_target(eva, ana.device)
    assert list(eva.detached.said(eva.now)) == []
    assert eva.store.kept(f"detached {bea.device.hex()}") is None


def test_who_is_not_known_here_is_not_heard() -> None:
    ana, bea, eva, _ = four()
    kim = admitted(ana, "kim", 6, Role.COORDINATOR)
    pass_on(ana, kim)
    assert not bea.detached.take(announced(kim, eva.device)._replace(signature=Signature(bytes(64))), bea.now)
    pass_on(ana, bea)
    assert bea.detached.take(announced(kim, eva.device), bea.now)


def test_it_ends_when_its_author_is_no_longer_active() -> None:
    ana, bea, eva, dan = four()
    bea.detached.take(announced(dan, eva.device), bea.now)
    assert is_target(bea, eva.device)
    circle = bea.replica.circle
    without = sum(1 << grant.bit for grant in circle.grants.values() if grant.device != dan.device)
    circle.decide(circle.deliberate(without))
    assert not is_target(bea, eva.device)
    assert bea.detached.to_tell([ana.device], bea.now) == []
    assert list(bea.detached.said(bea.now)) == []


FIELDS: dict[str, Any] = {
    "incarnation": bytes(8), "sequence": 7, "previous": b"p" * 32, "height": 99, "clock": 1, "kind": Kind.LEAVE,
    "shape": codec.encode([[b"x" * 32]]), "parents": (), "signature": bytes(64),
}  # fmt: skip


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_is_signed(field: str) -> None:
    ana, bea, eva, _ = four()
    eva.edit(CASE, Operation(1, "f", b"", "to be cited"))
    pass_on(eva, ana)
    entry = announced(ana, eva.device)
    for other in (entry._replace(**{field: FIELDS[field]}), entry._replace(content=entry.content._replace(length=5))):
        with pytest.raises(BadSignature):
            bea.detached.take(other, bea.now)
    assert not is_target(bea, eva.device)


def test_another_circles_or_devices_entry_is_not_signed_here() -> None:
    ana, bea, eva, dan = four()
    with pytest.raises(BadSignature):
        bea.detached.take(announced(ana, eva.device)._replace(device=dan.device), bea.now)


def test_a_device_does_not_heed_its_own_removal() -> None:
    ana, _, eva, dan = four()
    assert not eva.detached.take(announced(ana, dan.device, eva.device), eva.now)
    assert not is_target(eva, dan.device)


def test_it_is_told_to_all_but_its_targets() -> None:
    ana, bea, eva, dan = four()
    entry = announced(ana, eva.device)
    bea.detached.take(entry, bea.now)
    for teller in (ana, bea):
        assert [one for _, one in teller.detached.to_tell([dan.device], teller.now)] == [entry]
        assert teller.detached.to_tell([eva.device], teller.now) == []
        assert teller.detached.to_tell([dan.device, eva.device], teller.now) == []


@pytest.mark.parametrize("kind", [Kind.LEAVE, Kind.ADMIT, 200])
def test_another_kind_has_no_targets_and_is_passed_on(kind: int) -> None:
    ana, bea, eva, _ = four()
    entry = announced(ana, eva.device)._replace(kind=kind)
    alone = entry._replace(signature=_signed(ana, entry))
    assert bea.detached.take(alone, bea.now)
    assert not is_target(bea, eva.device)
    assert list(bea.detached.said(bea.now)) == []
    assert [one for _, one in bea.detached.to_tell([eva.device], bea.now)] == [alone]


def _signed(author: MemoryReplica, entry: Detached) -> Signature:
    return sign(author.secrets.signing, detached.detached_id(author.replica.circle.id, entry))


def test_of_one_author_sixteen_are_kept_until_one_has_lapsed() -> None:
    ana, bea, eva, dan = four()
    entries = [announced(ana, eva.device) for _ in range(caps.DETACHED + 2)]
    taken = [bea.detached.take(entry, bea.now) for entry in entries[:17]]
    assert taken == [True] * 16 + [False]
    assert bea.detached.take(announced(dan, eva.device), bea.now), "another's are counted apart"
    bea.now = Millis(bea.now + LASTS)
    assert bea.detached.take(entries[17], bea.now)
    assert not reopened(bea).take(entries[1], bea.now), "the others that have lapsed are still known"
    assert len(bea.detached.to_tell([], bea.now)) == 1


def test_nobodys_creatures_crowd_out_who_was_there_before() -> None:
    ana, bea, eva, dan = four()
    others = [admitted(dan, f"c{at}", 100 + at, Role.COORDINATOR) for at in range(3)]
    for other in (*others, bea):
        pass_on(dan, other)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cellsync.core.replica.detached.AUTHORS", 2)
        assert [bea.detached.take(announced(other, eva.device), bea.now) for other in others] == [True, True, False]
        assert bea.detached.take(announced(ana, dan.device), bea.now), "and the latest goes"
        assert bea.detached.take(announced(dan, ana.device), bea.now)
        assert not bea.detached.take(announced(others[0], eva.device), bea.now)
    assert AUTHORS == caps.DEVICES
    assert is_target(bea, ana.device, dan.device)
    assert not is_target(bea, eva.device)
    assert reopened(bea).withholds([ana.device, dan.device], bea.now)


IDS = st.lists(st.binary(min_size=32, max_size=32), max_size=49)


@given(
    st.one_of(
        st.lists(IDS | st.none() | st.integers(-(1 << 63), (1 << 64) - 1), max_size=3),
        st.none(),
        st.lists(st.lists(st.binary(max_size=33) | st.text(max_size=2), max_size=3), min_size=1, max_size=1),
    )
)
def test_targets_are_the_ids_in_the_first_element(shape: Sequence[Any] | None) -> None:
    entry = TEMPLATE._replace(shape=codec.encode(shape))
    first = shape[0] if shape else None
    fits = isinstance(first, list) and 1 <= len(first) <= 48
    fits = fits and all(isinstance(one, bytes) and len(one) == 32 for one in first or ())
    assert detached.targets(entry) == (set(first or ()) if fits else set())
    assert detached.targets(entry._replace(kind=Kind.LEAVE)) == set()


def _template() -> Detached:
    ana, _, eva = three()
    return announced(ana, eva.device)


TEMPLATE = _template()


def test_only_an_entry_of_ones_own_is_announced() -> None:
    ana, bea, eva, _ = four()
    entry = removal(ana, eva.device)
    pass_on(ana, bea)
    held = bea.store.entry_at(bea.replica.held.slot_on(bea.branches(ana.line)[0].number, entry.slot & 0xFFFF))
    assert held is not None
    assert held.id == entry.id
    assert bea.detached.announce(held, bea.now) is None
    case = bea.write(Intention(Kind.CASE, CASE, b"\x91\x93\x01\xa1f\xc4\x00", bytes(16) + b"\x91\xc0"))
    assert bea.detached.announce(case.commit.entries[0], bea.now) is None, "only control entries are detached"
