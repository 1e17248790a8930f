"""`case` and `offer`: ids and tags that both sides compute."""

from __future__ import annotations

from typing import Final

from cellsync.cell.cases import external_ids
from cellsync.core.ids import CircleId, Psk
from cellsync.core.session.circles import offered
from cellsync.testing.answers.question import Answer, Given, ok

_ROLES: Final = {"caller": b"caller", "callee": b"callee"}


def case(given: Given) -> Answer:
    external_id = external_ids(CircleId(given.raw("circle", 32)))
    return ok(case=external_id(given.text("kind"), given.text("external")))


def offer(given: Given) -> Answer:
    role: bytes = given.one_of("role", _ROLES)
    circle, psk = CircleId(given.raw("circle", 32)), Psk(given.raw("psk", 32))
    return ok(tag=offered(role, given.raw("hash", 64), circle, psk))
