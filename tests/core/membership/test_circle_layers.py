"""A circle and the layers over it, entry by entry: who is introduced, with which role, and who is set aside."""

from __future__ import annotations

from typing import Any

import pytest

from cellsync.core import caps
from cellsync.core.ids import (
    CircleId,
    Day,
    DeviceId,
    EntryId,
    SealPublic,
    SessionPublic,
    SigningPublic,
    Wrap,
)
from cellsync.core.membership.circle import EMPTY_PAST, Circle
from cellsync.core.membership.control import Admit, DeviceKeys, FirstRotation, Found, Role
from cellsync.core.membership.recovery import RecoveryKeys
from cellsync.core.membership.removal import Remove
from cellsync.core.membership.rotation import Rotation
from cellsync.core.membership.seal_key import SealKey
from cellsync.core.wire.tags import Kind
from tests.core.replicas import drawn_secrets

ROOT, ADMITTED, OTHER = (EntryId(bytes([number]) * 32) for number in (1, 2, 3))


def keys(number: int) -> DeviceKeys:
    return drawn_secrets(bytes([number]) * 96).public


def found(number: int = 1) -> Found:
    recovery = RecoveryKeys(SigningPublic(bytes(32)), None)
    return Found(recovery, keys(number), FirstRotation(bytes(32), Day(0), Wrap(b"")), "Mill Street", "ana")


def admit(number: int, role: Role = Role.WRITER) -> Admit:
    return Admit(role, keys(number), f"member {number}")


def circle() -> tuple[Circle, int]:
    """With its founder; and the control past of the founding."""
    made = Circle(CircleId(ROOT))
    past, counts = made.add(ROOT, Kind.FOUND, EMPTY_PAST, DeviceId(ROOT), found())
    assert counts
    return made, past


def founding_of(of: Circle) -> Found | None:
    return of.found


def test_only_its_own_founding_counts_and_once() -> None:
    made, past = circle()
    assert made.found == found()
    assert list(made.pasts.each(past)) == [0]
    for entry, operation in ((ROOT, found(2)), (OTHER, found(2))):
        assert made.add(entry, Kind.FOUND, past, DeviceId(ROOT), operation) == (past, False)
    assert made.found == found()
    other = Circle(CircleId(ROOT))
    assert other.add(OTHER, Kind.FOUND, EMPTY_PAST, DeviceId(OTHER), found()) == (EMPTY_PAST, False)
    assert other.found is None
    assert other.grants == {}


def test_an_admission_has_a_role_in_the_pasts_that_hold_it() -> None:
    made, past = circle()
    later, counts = made.add(ADMITTED, Kind.ADMIT, past, DeviceId(ROOT), admit(2))
    assert counts
    device = DeviceId(ADMITTED)
    assert made.role(later, device) is Role.WRITER
    assert made.role(past, device) is None
    assert made.role(later, DeviceId(OTHER)) is None
    assert made.counts(Kind.CASE, later, device)
    assert not made.counts(Kind.CASE, past, device)
    assert not made.counts(Kind.ADMIT, later, device)
    assert not made.counts(Kind.CASE, later, DeviceId(OTHER))
    assert [grant.device for grant in made.seen(later)] == [DeviceId(ROOT), device]
    assert made.add(OTHER, Kind.ADMIT, later, device, admit(3)) == (later, False)


def test_a_layer_shows_what_is_below_and_keeps_to_itself_what_is_added() -> None:
    made, past = circle()
    layer = made.over()
    assert layer.found == found()
    assert layer.grant(DeviceId(ROOT)) == made.grant(DeviceId(ROOT))
    later, _ = layer.add(ADMITTED, Kind.ADMIT, past, DeviceId(ROOT), admit(2))
    assert layer.role(later, DeviceId(ADMITTED)) is Role.WRITER
    assert [grant.bit for grant in layer.seen(later)] == [0, 1]
    assert made.grant(DeviceId(ADMITTED)) is None
    made.take(layer)
    assert made.found == found()
    assert made.role(later, DeviceId(ADMITTED)) is Role.WRITER
    assert made.names.__class__ is layer.names.__class__


def test_a_founding_on_a_layer_is_taken_in() -> None:
    below = Circle(CircleId(ROOT))
    layer = below.over()
    assert founding_of(layer) is None
    layer.add(ROOT, Kind.FOUND, EMPTY_PAST, DeviceId(ROOT), found())
    assert founding_of(below) is None
    below.take(layer)
    assert founding_of(below) == found()
    assert below.over().add(ROOT, Kind.FOUND, 1, DeviceId(ROOT), found()) == (1, False)


def test_devices_whose_introduction_does_not_count_are_not_active_until_it_does() -> None:
    made, past = circle()
    later, _ = made.add(ADMITTED, Kind.ADMIT, past, DeviceId(ROOT), admit(2, Role.READER))
    root, device = DeviceId(ROOT), DeviceId(ADMITTED)
    made.decide(made.deliberate())
    assert [made.current_role(one) for one in (root, device, DeviceId(OTHER))] == [Role.COORDINATOR, Role.READER, None]
    assert made.devices_with(keys(2).session) == (device,)
    assert made.session_key(device) == keys(2).session
    made.decide(made.deliberate(0b01))
    assert [made.is_active(one) for one in (root, device, DeviceId(OTHER))] == [True, False, False]
    assert made.current_role(device) is None
    assert made.devices_with(keys(2).session) == ()
    assert made.session_key(device) is None
    assert [grant.device for grant in made.active()] == [root]
    assert made.role(later, device) is Role.READER
    assert made.signing_key(device) == keys(2).signing
    made.decide(made.deliberate(0b11))
    assert made.is_active(device)
    assert made.signing_key(DeviceId(OTHER)) is None


def test_a_circle_is_full_at_48_devices() -> None:
    made, past = circle()
    for number in range(2, caps.DEVICES + 1):
        made.decide(made.deliberate())
        assert not made.is_full
        unusable = DeviceKeys(
            SigningPublic(bytes([number]) * 32), SessionPublic(bytes(31) + bytes([number])), SealPublic(bytes([number]))
        )
        entry = EntryId(bytes([number]) * 32)
        past, counts = made.add(entry, Kind.ADMIT, past, DeviceId(ROOT), Admit(Role.WRITER, unusable, "m"))
        assert counts
    made.decide(made.deliberate())
    assert made.is_full
    assert made.add(EntryId(b"x" * 32), Kind.ADMIT, past, DeviceId(ROOT), admit(99)) == (past, False)


@pytest.mark.parametrize(("control", "counts"), [(None, False), (object(), True)])
def test_entries_of_other_kinds_count_by_their_authors_role(control: Any, counts: bool) -> None:
    made, past = circle()
    later, _ = made.add(ADMITTED, Kind.ADMIT, past, DeviceId(ROOT), admit(2))
    assert made.add(OTHER, Kind.REQUIRE, later, DeviceId(ADMITTED), control) == (later, False)
    assert made.add(OTHER, 200, later, DeviceId(ROOT), control) == (later, False)
    after, taken = made.add(OTHER, Kind.REQUIRE, later, DeviceId(ROOT), control)
    assert taken is counts
    assert list(made.pasts.each(after)) == [0, 1, 2] if counts else [0, 1]


def test_a_key_of_somebody_who_is_no_coordinator_has_no_place_in_pasts() -> None:
    made, past = circle()
    later, _ = made.add(ADMITTED, Kind.ADMIT, past, DeviceId(ROOT), admit(2))
    assert made.add(OTHER, Kind.SEAL_KEY, later, DeviceId(ADMITTED), SealKey(keys(7).seal)) == (later, True)
    assert made.add(OTHER, Kind.SEAL_KEY, later, DeviceId(ADMITTED), SealKey(keys(2).seal)) == (later, False)
    after, taken = made.add(OTHER, Kind.SEAL_KEY, later, DeviceId(ROOT), SealKey(keys(7).seal))
    assert taken
    assert after != later


def test_a_device_writes_32_strikes_and_no_more() -> None:
    made, past = circle()
    past, _ = made.add(ADMITTED, Kind.ADMIT, past, DeviceId(ROOT), admit(2))
    own, others = Remove((DeviceId(ADMITTED),)), Remove((DeviceId(ADMITTED), DeviceId(ROOT)))
    assert made.add(OTHER, Kind.REMOVE, past, DeviceId(ADMITTED), others) == (past, False), "a writer, of the founder"
    for number in range(32):
        past, taken = made.add(EntryId(bytes([100, number]) * 16), Kind.REMOVE, past, DeviceId(ADMITTED), own)
        assert taken
    assert made.add(OTHER, Kind.REMOVE, past, DeviceId(ADMITTED), own) == (past, False)
    assert made.add(OTHER, Kind.REMOVE, past, DeviceId(ROOT), others) == (past, False), "its author is among them"
    assert made.add(OTHER, Kind.REMOVE, past, DeviceId(ROOT), own)[1]


def test_a_device_writes_512_rotations_and_no_more() -> None:
    made, past = circle()
    begun = Rotation(bytes(32), Day(0), {DeviceId(ROOT): None}, {})
    for number in range(512):
        past, taken = made.add(EntryId(number.to_bytes(32, "big")), Kind.ROTATE, past, DeviceId(ROOT), begun)
        assert taken
    assert made.add(OTHER, Kind.ROTATE, past, DeviceId(ROOT), begun) == (past, False)
    assert made.add(OTHER, Kind.REMOVE, past, DeviceId(ROOT), Remove((DeviceId(ROOT),), rotation=begun))[1]


def test_nothing_of_an_introduction_shows_but_its_device() -> None:
    made, _ = circle()
    assert repr(made.grants[DeviceId(ROOT)]) == "<device 01010101>"
    assert repr(found()) == "<found>"
    assert repr(admit(2)) == "<admit>"
