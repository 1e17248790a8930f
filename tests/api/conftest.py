"""Every event that a test of the API receives must match its declaration."""

from __future__ import annotations

import msgspec
import pytest

from cellsync.api.contract import events
from cellsync.api.contract.shapes import Event
from cellsync.api.feed import Feed


@pytest.fixture(autouse=True)
def declared_events(monkeypatch: pytest.MonkeyPatch) -> None:
    put = Feed._put

    def checked(self: Feed, event: Event) -> None:
        msgspec.convert(event.data, events.DATA[event.event])
        put(self, event)

    monkeypatch.setattr(Feed, "_put", checked)
