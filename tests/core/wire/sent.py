"""Messages that tests send."""

from __future__ import annotations

from hypothesis import strategies as st

from cellsync.core.ids import DeviceId, Incarnation

CIRCLE = b"circle 8"


def fixed(size: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=size, max_size=size)


names = st.builds(lambda device, incarnation: (DeviceId(device), Incarnation(incarnation)), fixed(32), fixed(8))
sequences = st.integers(1, (1 << 40) - 1)
