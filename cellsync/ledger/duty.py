"""Duties: what this device owes a circle for its secrets, written as soon as it is due.

    reject     a rotation that does not open, though the seal secret is here that it had to be sealed to
    rotate     a new epoch: every week, in turn, and at once if there is none that is usable
    seal_key   a new seal key: every week, and after each wrap that was opened

Only where all builds know what that means: where the floor is 2 (20-wire, Version). Which of it is due, the keyring
says (core/membership/keyring.py).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from cellsync.core import drawers
from cellsync.core.crypto import seal
from cellsync.core.crypto.primitives import KEY_BYTES
from cellsync.core.crypto.ratchet import Branches
from cellsync.core.ids import CaseId, DeviceId, EntryId, EpochId, EpochSecret, SigningSecret, day_of
from cellsync.core.membership import editions
from cellsync.core.membership.rotation import Reject, Rotation
from cellsync.core.membership.seal_key import SealKey
from cellsync.core.membership.turn import STAGGER
from cellsync.core.replica.planner import Intention
from cellsync.core.replica.stage import Plan
from cellsync.core.wire.operations import SALT_BYTES
from cellsync.core.wire.tags import Kind
from cellsync.ledger.circle import Noting, OpenCircle

ROTATIONS_FROM: Final = 2  # the edition that knows more than one epoch


def is_bound(circle: OpenCircle) -> bool:
    """Whether this device may write what it owes: all builds know it, and this device is a member."""
    replica = circle.replica
    return (
        replica.floor >= ROTATIONS_FROM
        and not replica.is_outdated
        and replica.circle.is_active(circle.device)
        and not circle.renewal_due
    )


async def patience(circle: OpenCircle) -> float:
    """For how many seconds to wait before doing what is due: where all have to rotate at once, one does it for all."""
    async with circle.lock:
        circle.safe.look(circle.surroundings.now(), circle.attested_by_others)
        turn = circle.safe.duties.turn
    return 0.0 if turn is None or turn.due > day_of(circle.surroundings.now()) else float(STAGGER * turn.place)


async def do(circle: OpenCircle, secret: SigningSecret) -> bool:
    """Write what is due. Returns whether anything was. Raises NotPermitted, Outdated, DiskFull, StorageFailed."""
    async with circle.lock:
        if not is_bound(circle):
            return False
        now = circle.surroundings.now()
        circle.safe.look(now, circle.attested_by_others)
        duties, today = circle.safe.duties, day_of(now)
        for epoch in duties.rejects:
            await _write(circle, secret, Kind.REJECT, Reject(epoch))
        if duties.turn is not None and duties.turn.due <= today:
            await _rotate(circle, secret)
        elif duties.renews:
            await _renew(circle, secret)
        else:
            return bool(duties.rejects)
        return True


async def begin_at_once(circle: OpenCircle, secret: SigningSecret) -> None:
    """Begin a new epoch, if this device may: who is not to come into it any more is shut out of what is sealed then."""
    async with circle.lock:
        if is_bound(circle):
            await _rotate(circle, secret)


async def enter_chosen(circle: OpenCircle, secret: SigningSecret) -> None:
    """Begin a new epoch if the chosen one is not held here: whoever comes in is handed the chosen one (40-membership,
    Several epochs)."""
    async with circle.lock:
        circle.safe.look(circle.surroundings.now(), circle.attested_by_others)
        if is_bound(circle) and circle.safe.keyring.chosen(circle.safe.facts) is None:
            await _rotate(circle, secret)


def begin_epoch(circle: OpenCircle, without: Collection[DeviceId] = ()) -> tuple[Rotation, Branches]:
    """A new epoch for all active devices but some, to be written with the lock held; then `entrust` its states."""
    root = EpochSecret(circle.surroundings.entropy(KEY_BYTES))
    return circle.safe.rotation(root, circle.surroundings.now(), circle.attested_by_others, without)


async def entrust(circle: OpenCircle, entry: EntryId, states: Branches) -> None:
    """Keep the states of the epoch that an entry of ours begins. Hold the lock."""
    circle.safe.keyring.entrust(EpochId(entry), states)
    await circle.follow(())


async def _rotate(circle: OpenCircle, secret: SigningSecret) -> None:
    begun, states = begin_epoch(circle)
    plan = await _write(circle, secret, Kind.ROTATE, begun)
    await entrust(circle, plan.commit.entries[0].id, states)


async def _renew(circle: OpenCircle, secret: SigningSecret) -> None:
    """A new seal key. Its secret half becomes durable in the same step as the entry that introduces it."""
    private, public = seal.seal_keypair(circle.surroundings.entropy(KEY_BYTES))
    ring, today = circle.safe.keyring.secrets, day_of(circle.surroundings.now())

    def noting(plan: Plan) -> Mapping[str, bytes]:
        ring.add(plan.commit.entries[0].id, private, today)
        return {drawers.SEAL_SECRETS: ring.encode()}

    known = len(ring)
    try:
        await _write(circle, secret, Kind.SEAL_KEY, SealKey(public), noting)
    except BaseException:
        ring.withdraw(known)
        raise


async def _write(
    circle: OpenCircle, secret: SigningSecret, kind: Kind, operation: Any, noting: Noting = lambda _: {}
) -> Plan:
    shape, content = editions.OURS.kinds[kind].encode(operation, circle.surroundings.entropy(SALT_BYTES))
    return await circle.write_locked(secret, [Intention(kind, CaseId(circle.id), shape, content)], noting)
