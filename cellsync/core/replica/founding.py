"""Founding a circle: its first entry, whose id is the circle's name, and the edition that it requires from the first.

Required at the founding, it needs nobody's second word, ever: circles are cleared by removals from their first day on,
and rotate. (protocol/40-membership.md, The floor of a circle)
"""

from __future__ import annotations

from typing import Final, NamedTuple

from cellsync.core.crypto import primitives, ratchet, seal
from cellsync.core.crypto.ratchet import Branches
from cellsync.core.history.entry import entry_id, founding_prefix
from cellsync.core.ids import (
    INCARNATION_BYTES,
    NO_ID,
    CaseId,
    CircleId,
    EntryId,
    EpochSecret,
    Incarnation,
    Millis,
    RecoverySecret,
    SealSecret,
    SessionSecret,
    SigningSecret,
    day_of,
)
from cellsync.core.membership import control, editions, epochs, floor
from cellsync.core.membership.control import DeviceKeys, Found
from cellsync.core.membership.floor import Require
from cellsync.core.membership.recovery import RecoveryKeys, from_paper
from cellsync.core.replica.planner import Intention
from cellsync.core.wire.operations import SALT_BYTES
from cellsync.core.wire.tags import Kind

KEYS_ENTROPY: Final = 3 * 32
SEAL_ENTROPY: Final = 32
ENTROPY: Final = 2 * 32 + 2 * SALT_BYTES + INCARNATION_BYTES


class DeviceSecrets(NamedTuple):
    """The secret halves of a device's keys."""

    signing: SigningSecret
    session: SessionSecret
    seal: SealSecret

    @property
    def public(self) -> DeviceKeys:
        return DeviceKeys(
            primitives.signing_public(self.signing),
            primitives.session_public(self.session),
            primitives.xwing_public(self.seal),
        )


def device_secrets(entropy: bytes) -> DeviceSecrets:
    """Fresh keys of a device, from 96 random bytes."""
    if len(entropy) != KEYS_ENTROPY:
        raise ValueError("a device's keys are made from 96 random bytes")
    return secrets_of_one_more(SigningSecret(entropy[:32]), SessionSecret(entropy[32:64]), entropy[64:])


def secrets_of_one_more(signing: SigningSecret, session: SessionSecret, entropy: bytes) -> DeviceSecrets:
    """The keys of a device in one more circle: it signs and talks as in the others. From 32 random bytes."""
    secret, _ = seal.seal_keypair(entropy)
    return DeviceSecrets(signing, session, secret)


class Founding(NamedTuple):
    """A new circle: the first two entries to write, and the secrets that only its founder knows."""

    circle: CircleId
    incarnation: Incarnation
    intention: Intention
    required: Intention  # the edition of this build, of everybody who will ever use the circle
    branches: Branches
    recovery: RecoverySecret  # to be shown once, on paper, and not kept

    @property
    def intentions(self) -> list[Intention]:
        """What to write, with nothing before or between."""
        return [self.intention, self.required]


def found(circle_name: str, name: str, keys: DeviceKeys, now: Millis, entropy: bytes) -> Founding:
    """A new circle, from 104 random bytes. Raises InvalidValue for a name that cannot be stored.

    HPKE draws its own randomness. `now` becomes the clock of the entry: pass the same value when writing it.
    """
    if len(entropy) != ENTROPY:
        raise ValueError(f"a circle is founded with {ENTROPY} random bytes")
    recovery, root = RecoverySecret(entropy[:32]), EpochSecret(entropy[32:64])
    incarnation = Incarnation(entropy[64 : 64 + INCARNATION_BYTES])
    salts = entropy[64 + INCARNATION_BYTES :]
    salt, required_salt = salts[:SALT_BYTES], salts[SALT_BYTES:]
    day = day_of(now)
    paper = from_paper(recovery)
    opening = primitives.xwing_public(paper.seal)
    operation = Found(
        RecoveryKeys(primitives.signing_public(paper.signing), opening),
        keys,
        epochs.rotation(root, day, keys.seal, opening),
        control.checked_name(circle_name),
        control.checked_name(name),
    )
    shape, content = control.encode_found(operation, salt)
    prefix = founding_prefix(incarnation)
    circle = entry_id(prefix, 1, EntryId(NO_ID), 1, now, Kind.FOUND, CaseId(NO_ID), shape, content, b"")
    return Founding(
        CircleId(circle),
        incarnation,
        Intention(Kind.FOUND, CaseId(circle), shape, content),
        Intention(Kind.REQUIRE, CaseId(circle), *floor.encode(Require(editions.OURS.number), required_salt)),
        ratchet.branches(root, day),
        recovery,
    )
