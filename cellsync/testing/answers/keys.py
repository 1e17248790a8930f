"""`signature` and `key`: Ed25519. `epoch` and `wrap`: a circle's secret. `recovery`: the one on paper."""

from __future__ import annotations

from typing import Final

from cellsync.cell.founding import RecoveryKey
from cellsync.core.crypto import primitives, ratchet
from cellsync.core.crypto.ratchet import Branches
from cellsync.core.errors import BadSignature, InvalidValue, Malformed
from cellsync.core.ids import (
    CircleId,
    Day,
    EpochSecret,
    Millis,
    RecoverySecret,
    SealSecret,
    Signature,
    SigningPublic,
    Wrap,
)
from cellsync.core.membership import epochs
from cellsync.core.membership.control import FirstRotation
from cellsync.core.membership.recovery import device, from_paper
from cellsync.core.rule import Rule
from cellsync.testing.answers.question import Answer, BadQuestion, Given, ok

LATE: Final = Millis((1 << 63) - 1)  # no rotation is dated after it


def signature(given: Given) -> Answer:
    public, made = SigningPublic(given.raw("public")), Signature(given.raw("signature"))
    if not primitives.verify(public, made, given.raw("message")):
        raise BadSignature
    return ok()


def key(given: Given) -> Answer:
    if not primitives.is_signing_key(given.raw("public")):
        raise Malformed(Rule.ENTRY_KEYS)
    return ok()


def epoch(given: Given) -> Answer:
    root, circle = EpochSecret(given.raw("root", 32)), CircleId(given.raw("circle", 32))
    try:
        held = ratchet.branches(root, Day(given.number("first_day"))).at(Day(given.number("day")))
    except InvalidValue as error:
        raise BadQuestion(str(error)) from None
    psk = ratchet.session_psk(held.session, circle).reveal()
    return ok(commitment=ratchet.commitment(root), states=states_of(held), psk=psk)


def wrap(given: Given) -> Answer:
    day = Day(given.number("day"))
    if not 0 <= day < 1 << 32:
        raise BadQuestion("no day")
    rotation = FirstRotation(given.raw("commitment", 32), day, Wrap(given.raw("wrap")))
    return ok(states=states_of(epochs.open_rotation(rotation, SealSecret(given.raw("seal", 32)), LATE)))


def recovery(given: Given) -> Answer:
    secret = RecoverySecret(given.raw("secret", 32))
    signing, seal = from_paper(secret)
    public, sealing = primitives.signing_public(signing), primitives.xwing_public(seal)
    return ok(signing=public, seal=sealing, written=RecoveryKey(secret).text, device=device(public))


def states_of(held: Branches) -> dict[str, bytes]:
    return {name: getattr(held, name).reveal() for name in ("session", "spool", "discovery", "bundle")}
