"""`beacon`: whether a beacon shows a device at one of some addresses."""

from __future__ import annotations

from cellsync.core import beacon
from cellsync.core.ids import Millis
from cellsync.testing.answers.question import Answer, Given, ok


def answer(given: Given) -> Answer:
    candidates = [(given.raw("key"), given.raw("who"))]
    now = Millis(given.number("period") * beacon.PERIOD)
    found = beacon.match(given.raw("beacon"), candidates, given.raws("addresses"), given.number("port"), now)
    return ok(address=None if found is None else found.address)
