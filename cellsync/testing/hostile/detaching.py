"""What a turncoat does with detached entries: removals that are not its to say."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cellsync.core.history.detached import detached_id
from cellsync.core.history.entry import sign
from cellsync.core.ids import NO_ID, CircleId, DeviceId, EntryId, Millis, Signature, SigningSecret
from cellsync.core.wire import codec, detached
from cellsync.core.wire.detached import Detached
from cellsync.core.wire.mark import EntryForm, Hashed, marked
from cellsync.core.wire.places import Line
from cellsync.core.wire.tags import Kind
from cellsync.testing.hostile.talk import Talk
from cellsync.testing.hostile.writing import line

MANY: Final = 200  # of which one author may have a few


def everybody(talk: Talk) -> set[DeviceId]:
    return {head.device for head in talk.turncoat.held.heads}


def removal(talk: Talk, of: Line, about: Iterable[DeviceId], height: int = 2) -> Detached:
    """A removal by this device, signed by us."""
    shape, clock = codec.encode([sorted(about)]), talk.turncoat.now()
    return signed(talk.turncoat.circle, talk.turncoat.secrets.signing, of, shape, height, clock, Kind.REMOVE)


def signed(
    circle: CircleId, secret: SigningSecret, of: Line, shape: bytes, height: int, clock: Millis, kind: int
) -> Detached:
    parts = (*of, 1, EntryId(NO_ID), height, clock, kind, shape, Hashed(bytes(32), 17), ())
    return Detached(*parts, sign(secret, detached_id(circle, Detached(*parts, Signature(bytes(64))))))


async def remove_without_right(talk: Talk) -> None:
    """Everybody, again and again, each time otherwise."""
    own = talk.pen.device, talk.pen.incarnation
    for height in range(2, 2 + MANY):
        await talk.say(detached.encode(talk.name, removal(talk, own, everybody(talk), height)))


async def remove_in_another_name(talk: Talk) -> None:
    founder = talk.turncoat.founder.row
    about = removal(talk, (founder.device, founder.incarnation), everybody(talk))
    await talk.say(detached.encode(talk.name, about))


async def detach_what_never_is(talk: Talk) -> None:
    """An entry of a case."""
    own = talk.pen.device, talk.pen.incarnation
    await talk.say(detached.encode(talk.name, removal(talk, own, everybody(talk))._replace(kind=Kind.CASE)))


async def detach_in_a_batch(talk: Talk) -> None:
    batch, _ = talk.forge(line(talk))
    batch.entries[0] = batch.entries[0]._replace(kind=marked(Kind.REMOVE, EntryForm.DETACHED))
    await talk.hand(batch)
