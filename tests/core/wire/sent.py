"""Messages that tests send."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from hypothesis import strategies as st

from cellsync.core.errors import PeerError
from cellsync.core.ids import DeviceId, Incarnation
from cellsync.core.wire import batches, messages
from cellsync.core.wire.batches import Batch, BatchPart

CIRCLE = b"circle 8"


def fixed(size: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=size, max_size=size)


names = st.builds(lambda device, incarnation: (DeviceId(device), Incarnation(incarnation)), fixed(32), fixed(8))
sequences = st.integers(1, (1 << 40) - 1)


WRONG: list[Any] = [-1, 0, 1, 300, 1 << 40, b"", bytes(8), bytes(32), 4.0, True, None, "text", [], [1, 2], {}]


@st.composite
def otherwise(draw: st.DrawFn, value: Any) -> Any:
    """The same, but for one thing somewhere in it."""
    if isinstance(value, list) and value and draw(st.integers(0, 7)):
        at = draw(st.integers(0, len(value) - 1))
        return [*value[:at], draw(otherwise(value[at])), *value[at + 1 :]]
    return draw(st.sampled_from(WRONG))


def gives_peer_errors_only(raw: bytes) -> None:
    """A message is read, with the rows that it brings if it is part of a batch, or it is the peer's fault."""
    with suppress(PeerError):
        message = messages.decode(raw)
        if isinstance(message, BatchPart):
            batches.extend(Batch(), message)
