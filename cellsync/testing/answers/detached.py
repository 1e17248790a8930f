"""`detached`: a detached entry by itself, as a known device may have signed it."""

from __future__ import annotations

from cellsync.core.crypto import primitives
from cellsync.core.errors import BadSignature
from cellsync.core.history import detached
from cellsync.core.history.entry import verify
from cellsync.core.ids import CircleId, SigningPublic
from cellsync.core.wire import messages
from cellsync.core.wire.detached import DetachedEntry
from cellsync.testing.answers.question import Answer, BadQuestion, Given, ok


def answer(given: Given) -> Answer:
    circle, key = CircleId(given.raw("circle", 32)), SigningPublic(given.raw("signing", 32))
    if not primitives.is_signing_key(key):
        raise BadQuestion("signing is no key")
    message = messages.decode(given.raw("payload"))
    if not isinstance(message, DetachedEntry):
        raise BadQuestion("the payload is another message")
    if message.entry is None:
        return ok(id=None, targets=[])
    identity = detached.detached_id(circle, message.entry)
    if not verify(key, message.entry.signature, identity):
        raise BadSignature
    return ok(id=identity, targets=sorted(detached.targets(message.entry)))
