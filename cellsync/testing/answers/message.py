"""`message`: the payload of a message of a session, by itself."""

from __future__ import annotations

from cellsync.core.wire import batches, codec, messages
from cellsync.core.wire.batches import Batch, BatchPart
from cellsync.testing.answers import json_form
from cellsync.testing.answers.question import Answer, Given, ok


def answer(given: Given) -> Answer:
    payload = given.raw("payload")
    message = messages.decode(payload)
    value = json_form.value(codec.decode_message(payload))  # before rows of a batch get their shapes
    if isinstance(message, BatchPart):
        batches.extend(Batch(), message)
    return ok(value=value)
