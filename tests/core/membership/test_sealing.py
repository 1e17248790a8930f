"""Roots sealed to many, and opened again: who has a wrap, who gets one later, and what a false one is worth."""

from __future__ import annotations

from functools import cache

import pytest

from cellsync.core import caps
from cellsync.core.crypto import labels, ratchet, seal
from cellsync.core.errors import InvalidValue, Malformed
from cellsync.core.ids import Day, DeviceId, EntryId, EpochId, EpochSecret, Millis, SealPublic, SealSecret, Wrap
from cellsync.core.membership import rotation, sealing
from cellsync.core.membership.editions import SECOND
from cellsync.core.membership.removal import Remove
from cellsync.core.membership.rotation import Rotation
from cellsync.core.rule import Rule
from cellsync.core.wire.tags import Kind

ROOT, DAY = EpochSecret(b"r" * 32), Day(20_000)
NOW, SALT = Millis(20_000 * 86_400_000), bytes(16)
EPOCH = EpochId(b"e" * 32)


@cache
def pair(number: int) -> tuple[SealSecret, SealPublic]:
    return seal.seal_keypair(bytes([number]) * 32)


def device(number: int) -> DeviceId:
    return DeviceId(bytes([number]) * 32)


def devices(*numbers: int) -> dict[DeviceId, SealPublic]:
    return {device(number): pair(number)[1] for number in numbers}


def papers(count: int) -> dict[EntryId, SealPublic]:
    return {EntryId(bytes([100 + number]) * 32): pair(number)[1] for number in range(count)}


@cache
def plain() -> Rotation:
    return sealing.sealed(ROOT, DAY, devices(1, 2), papers(1))


def size(begun: Rotation) -> int:
    shape, content = rotation.encode(begun, SALT)
    assert SECOND.decode(Kind.ROTATE, shape, content) == begun
    return len(shape) + len(content)


@pytest.mark.parametrize("number", [1, 2])
def test_every_device_and_the_paper_open_it(number: int) -> None:
    states = ratchet.branches(ROOT, DAY).encode()
    wrap = plain().devices[device(number)]
    assert wrap is not None
    for made, key in ((wrap, pair(number)[0]), (next(iter(plain().recovery.values())), pair(0)[0])):
        found = sealing.opened(plain(), [made], [pair(9)[0], key], NOW)
        assert found is not None
        assert found.encode() == states


def test_48_devices_fit_into_one_entry() -> None:
    begun = sealing.sealed(ROOT, DAY, devices(*range(48)), papers(1))
    assert None not in begun.devices.values()
    assert size(begun) <= caps.ENTRY == 64_512


def test_the_recovery_keys_come_first_and_the_others_follow() -> None:
    """48 devices and 16 recovery keys do not fit into one entry; nor does a removal that says much besides."""
    begun = sealing.sealed(ROOT, DAY, devices(*range(48)), papers(16))
    missing = [name for name, wrap in begun.devices.items() if wrap is None]
    assert missing
    assert len(begun.devices) == 48
    assert caps.ENTRY - sealing._WRAP_GROWTH < size(begun) <= caps.ENTRY
    added = sealing.rewrap(EPOCH, begun.commitment, ROOT, {name: pair(name[0])[1] for name in missing})
    assert added.wraps.keys() == set(missing)
    states = sealing.opened(begun, [added.wraps[missing[0]]], [pair(missing[0][0])[0]], NOW)
    assert states is not None
    assert states.encode() == ratchet.branches(ROOT, DAY).encode()


def test_a_removal_leaves_less_room() -> None:
    removed = Remove(tuple(map(device, range(48))), tuple(map(device, range(48))), tuple(map(EntryId, papers(16))))
    without, _ = SECOND.kinds[Kind.REMOVE].encode(removed, SALT)
    room = sealing.ROOM - len(without)
    begun = sealing.sealed(ROOT, DAY, devices(*range(48)), papers(2), room)
    shape, content = SECOND.kinds[Kind.REMOVE].encode(removed._replace(rotation=begun), SALT)
    assert caps.ENTRY - sealing._WRAP_GROWTH < len(shape) + len(content) <= caps.ENTRY
    assert SECOND.decode(Kind.REMOVE, shape, content) == removed._replace(rotation=begun)


def test_no_room_at_all_is_told() -> None:
    with pytest.raises(InvalidValue):
        sealing.sealed(ROOT, DAY, devices(1), papers(2), 2_000)
    assert sealing.sealed(ROOT, DAY, devices(1), {}, 100).devices == {device(1): None}


def test_who_has_no_wrap_opens_nothing() -> None:
    assert sealing.opened(plain(), [], [pair(1)[0]], NOW) is None


def false_wrap(commitment: bytes, number: int = 1) -> Wrap:
    return Wrap(seal.seal(pair(number)[1], labels.WRAP + commitment, b"x" * 32))


def test_another_root_than_was_committed_to_is_to_be_rejected() -> None:
    with pytest.raises(Malformed) as caught:
        sealing.opened(plain(), [false_wrap(plain().commitment)], [pair(1)[0]], NOW)
    assert caught.value.rule is Rule.EPOCH_COMMITMENT


def test_a_rewrap_of_another_root_opens_nothing() -> None:
    for commitment, rule in ((plain().commitment, Rule.EPOCH_COMMITMENT), (bytes(32), Rule.OPENS)):
        added = sealing.rewrap(EPOCH, commitment, EpochSecret(b"x" * 32), devices(1))
        with pytest.raises(Malformed) as caught:
            sealing.opened(plain(), [added.wraps[device(1)]], [pair(1)[0]], NOW)
        assert caught.value.rule is rule


def test_a_false_wrap_beside_a_good_one_does_no_harm() -> None:
    good = sealing.rewrap(EPOCH, plain().commitment, ROOT, devices(1)).wraps[device(1)]
    for wraps in ([false_wrap(plain().commitment), good], [good, false_wrap(plain().commitment)]):
        assert sealing.opened(plain(), wraps, [pair(1)[0]], NOW) is not None


def test_a_rotation_of_the_day_after_tomorrow_is_not_opened_yet() -> None:
    ahead = sealing.sealed(ROOT, Day(DAY + 2), devices(1), {})
    wrap = ahead.devices[device(1)]
    assert wrap is not None
    with pytest.raises(InvalidValue):
        sealing.opened(ahead, [wrap], [pair(1)[0]], NOW)
    assert sealing.opened(ahead, [wrap], [pair(1)[0]], Millis(NOW + 86_400_000)) is not None
