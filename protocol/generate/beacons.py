"""The part `beacon`: what a device shows on a LAN (protocol/60-lan.md, The beacon)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from protocol.generate.hashes import h, invented
from protocol.generate.vector import Vector

NONCE: Final = bytes(range(16))
KEY: Final = b"\x01" * 32
WHO: Final = b"\x02" * 32
PORT: Final = 40_001
PERIOD: Final = 6_000_000
FOUR: Final = bytes([10, 0, 0, 7])
OTHER: Final = bytes([192, 168, 7, 7])
SIX: Final = bytes.fromhex("fe80000000000000021122fffe334455")


def tag(address: bytes, *, period: int = PERIOD, who: bytes = WHO, key: bytes = KEY, port: int = PORT) -> bytes:
    place = period.to_bytes(8, "big") + port.to_bytes(2, "big") + bytes([len(address)]) + address
    return h("cs1 tag", NONCE + place + who, key, 4)


def beacon(**tags: bytes) -> bytes:
    """`tags`: by the number of their slot, as `s7`. All other slots are drawn."""
    slots = [tags.get(f"s{number}", invented(f"slot {number}", 4)) for number in range(48)]
    return NONCE + b"".join(slots)


def vectors() -> Iterator[Vector]:
    def seen(name: str, shown: bytes, address: bytes | None, **changes: Any) -> Vector:
        given: dict[str, Any] = {"beacon": shown, "key": KEY, "who": WHO, "port": PORT, "period": PERIOD}
        given |= {"addresses": [FOUR]} | changes
        return Vector("beacon", name, given, result={"address": address})

    assert tag(FOUR) == bytes.fromhex("70d3077a")  # as the text says
    one = beacon(s13=tag(FOUR))
    yield seen("an IPv4 address", one, FOUR)
    yield seen("an IPv6 address", beacon(s13=tag(SIX)), SIX, addresses=[SIX])
    yield seen("in the first slot", beacon(s0=tag(FOUR)), FOUR)
    yield seen("in the last slot", beacon(s47=tag(FOUR)), FOUR)
    yield seen("in the period before", beacon(s5=tag(FOUR, period=PERIOD - 1)), FOUR)
    yield seen("in the period after", beacon(s5=tag(FOUR, period=PERIOD + 1)), FOUR)
    yield seen("two periods before", beacon(s5=tag(FOUR, period=PERIOD - 2)), None)
    yield seen("two periods after", beacon(s5=tag(FOUR, period=PERIOD + 2)), None)
    yield seen("the second of three addresses", beacon(s9=tag(OTHER)), OTHER, addresses=[FOUR, OTHER, SIX])
    yield seen("two that fit", beacon(s9=tag(OTHER), s3=tag(FOUR)), FOUR, addresses=[FOUR, OTHER])
    yield seen("an address that was added", one, None, addresses=[OTHER])
    yield seen("no addresses", one, None, addresses=[])
    yield seen("another port", one, None, port=PORT + 1)
    yield seen("another device", one, None, who=invented("another device"))
    yield seen("another key", one, None, key=invented("another key"))
    yield seen("an invitation", beacon(s40=tag(FOUR, who=b"")), FOUR, who=b"")
    yield seen("an invitation, taken for a device", one, None, who=b"")
    yield seen("a beacon of strangers", beacon(), None)
    yield seen("a beacon of 207 bytes", one[:-1], None)
    yield seen("a beacon of 209 bytes", one + b"\0", None)
    yield seen("nothing at all", b"", None)
    shifted = NONCE + (b"\0" + one[16:])[:192]
    yield seen("a tag that is in no slot", shifted, None)
    yield seen("the first period of all", beacon(s5=tag(FOUR, period=0)), FOUR, period=0)
