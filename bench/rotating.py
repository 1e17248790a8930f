"""A rotation for a full circle: an epoch's secret, sealed to 48 devices; and opened by one of them."""

from __future__ import annotations

from collections.abc import Iterator
from time import process_time
from typing import Final

from bench.rows import Row
from cellsync.core import caps
from cellsync.core.crypto import seal
from cellsync.core.ids import Day, DeviceId, EpochSecret, Millis
from cellsync.core.membership import sealing

TIMES: Final = 5
DAY: Final = Day(20_000)


def measure() -> Iterator[Row]:
    """The floor: nothing but the 48 seals, and one opened."""
    root, now = EpochSecret(b"r" * 32), Millis(DAY * 86_400_000)
    pairs = {DeviceId(bytes([n]) * 32): seal.seal_keypair(bytes([n]) * 32) for n in range(caps.DEVICES)}
    devices = {device: public for device, (_, public) in pairs.items()}
    bare = _least(lambda: [seal.seal(public, b"", root.reveal()) for public in devices.values()])
    made = _least(lambda: sealing.sealed(root, DAY, devices, {}))
    yield Row(f"a rotation for {caps.DEVICES} devices", made, "ms", 100, bare)
    begun = sealing.sealed(root, DAY, devices, {})
    device, (secret, public) = next(iter(pairs.items()))
    wrap, plain = begun.devices[device], seal.seal(public, b"", root.reveal())
    assert wrap is not None
    opening = _least(lambda: sealing.opened(begun, [wrap], [secret], now))
    yield Row("the same, opened by one of them", opening, "ms", None, _least(lambda: seal.unseal(secret, b"", plain)))


def _least(work: object) -> float:
    """In milliseconds of processor time."""
    assert callable(work)
    took = []
    for _ in range(TIMES):
        began = process_time()
        work()
        took.append(1000 * (process_time() - began))
    return min(took)
