"""`frontier`: the digest of what is held. `proof`: the proof of a fork."""

from __future__ import annotations

from typing import Any

from cellsync.core.history import fork_proof, frontier
from cellsync.core.ids import DeviceId, EntryId, Incarnation, SigningPublic
from cellsync.core.wire.places import Head
from cellsync.testing.answers.question import Answer, BadQuestion, Given, ok


def answer(given: Given) -> Answer:
    heads, gaps = (list(map(_head, given.values(name))) for name in ("heads", "gaps"))
    devices = map(DeviceId, given.raws("equivocators", 32))
    return ok(digest=frontier.digest(heads, devices, gaps))


def proof(given: Given) -> Answer:
    found = fork_proof.decode(given.raw("proof"))
    fork_proof.check(found, SigningPublic(given.raw("signing", 32)))
    return ok(ids=[found.ids(side)[0] for side in found.sides])


def _head(row: Any) -> Head:
    if type(row) is not list or len(row) != 4:
        raise BadQuestion("a row of another form")
    place = Given(dict(zip(("device", "incarnation", "sequence", "id"), row, strict=True)))
    line = DeviceId(place.raw("device", 32)), Incarnation(place.raw("incarnation", 8))
    return Head(*line, place.number("sequence"), EntryId(place.raw("id", 32)))
