"""What comes of a rotation: each outcome, and that nobody rejects for want of a secret."""

from __future__ import annotations

from functools import cache

from cellsync.core.crypto import labels, ratchet, seal
from cellsync.core.ids import Day, DeviceId, EntryId, EpochId, EpochSecret, Millis, SealPublic, SealSecret, Wrap
from cellsync.core.membership import outcome, sealing
from cellsync.core.membership.holders import HeldRotation
from cellsync.core.membership.outcome import (
    DoesNotOpen,
    Followed,
    IntroducedSealKey,
    Lacking,
    NotForUs,
    OpenedEpoch,
    Outcome,
    WaitsUntil,
    sealed_to,
)
from cellsync.core.membership.rotation import Rewrap, Rotation
from cellsync.core.membership.seal_secrets import KeptSecret, SealSecrets

ROOT, DAY = EpochSecret(b"r" * 32), Day(20_000)
NOW = Millis(20_000 * 86_400_000)
EPOCH = EpochId(b"e" * 32)
ANA, BEA, EVA = (DeviceId(bytes([number]) * 32) for number in (1, 2, 3))
FIRST, SECOND = IntroducedSealKey(EntryId(b"1" * 32), 3), IntroducedSealKey(EntryId(b"2" * 32), 8)


@cache
def pair(number: int) -> tuple[SealSecret, SealPublic]:
    return seal.seal_keypair(bytes([number]) * 32)


def ring(*numbers: int) -> SealSecrets:
    entries = {1: FIRST.entry, 2: SECOND.entry}
    return SealSecrets(KeptSecret(entries[number], pair(number)[0], DAY) for number in numbers)


@cache
def begun(number: int = 2, day: Day = DAY) -> Rotation:
    return sealing.sealed(ROOT, day, {ANA: pair(number)[1], BEA: pair(9)[1]}, {})


def false() -> Wrap:
    return Wrap(seal.seal(pair(2)[1], labels.WRAP + begun().commitment, b"x" * 32))


def opened(
    rotation: Rotation, secrets: SealSecrets, *followed: Followed, saw: int = 2, device: DeviceId = ANA
) -> Outcome:
    seen = [FIRST.entry, SECOND.entry][:saw]
    held = HeldRotation(EPOCH, 9, BEA, rotation)
    return outcome.opened(held, device, followed, [FIRST, SECOND], seen.__contains__, secrets, NOW)


def test_it_opens_with_whichever_secret_is_here() -> None:
    for number, used in ((1, FIRST), (2, SECOND)):
        came = opened(begun(number), ring(1, 2))
        assert isinstance(came, OpenedEpoch)
        assert came.used == used.entry
        assert came.states.encode() == ratchet.branches(ROOT, DAY).encode()


def test_one_for_others_is_none_of_ours() -> None:
    assert opened(begun(), ring(2), device=EVA) == NotForUs()


def test_one_that_is_dated_ahead_waits() -> None:
    assert isinstance(opened(begun(day=Day(DAY + 1)), ring(2)), OpenedEpoch)
    assert opened(begun(day=Day(DAY + 9)), ring(2)) == WaitsUntil(Day(DAY + 8))


def test_what_has_not_come_or_was_sealed_to_a_secret_that_is_gone_is_lacking() -> None:
    assert opened(begun()._replace(devices={ANA: None}), ring(2)) == Lacking()
    assert opened(begun(1), ring(2), saw=1) == Lacking(), "the first secret is gone"


def test_a_wrap_that_does_not_open_is_rejected_by_who_has_the_secret() -> None:
    locked_out = begun()._replace(devices={ANA: false(), BEA: None})
    assert opened(locked_out, ring(2)) == DoesNotOpen()
    assert opened(locked_out, ring(1)) == Lacking(), "the second secret, to which it had to be sealed, is gone"
    assert opened(locked_out, ring(2), saw=1) == Lacking()
    assert opened(locked_out, ring(1), saw=1) == DoesNotOpen(), "it saw no other key of ours"
    assert opened(locked_out, ring(1), saw=0) == Lacking()


def test_a_wrap_that_followed_opens_it_if_it_is_the_authors() -> None:
    later = begun()._replace(devices={ANA: None, BEA: None})
    good = sealing.rewrap(EPOCH, later.commitment, ROOT, {ANA: pair(2)[1]})
    assert isinstance(opened(later, ring(2), Followed(BEA, good)), OpenedEpoch)
    assert opened(later, ring(2), Followed(EVA, good)) == Lacking()
    assert opened(later, ring(2), Followed(BEA, Rewrap(EpochId(bytes(32)), good.wraps))) == Lacking()


def test_a_rotation_is_sealed_to_the_newest_key_that_it_saw() -> None:
    late = IntroducedSealKey(EntryId(b"0" * 32), 8)
    assert sealed_to([FIRST, SECOND, late], {FIRST.entry, SECOND.entry, late.entry}.__contains__) == SECOND.entry
    assert sealed_to([FIRST, SECOND, late], {FIRST.entry, late.entry}.__contains__) == late.entry
    assert sealed_to([FIRST, SECOND], {FIRST.entry}.__contains__) == FIRST.entry
    assert sealed_to([FIRST, SECOND], set[EntryId]().__contains__) is None
