"""What a device shows on a LAN: 208 bytes that its own circle recognises and everyone else sees as noise.

    beacon = nonce(16), 48 slots of 4 bytes
    slot   = H_4(DISCOVERY_TAG, nonce ‖ period ‖ port ‖ len(address) ‖ address ‖ who, key), or random

The rules (protocol/60-lan.md):

1. A listener who holds the key computes the tag of every device it knows and looks for it. Without the key every
   slot is random, so the number of circles, of addresses and of members is hidden.
2. Address, port and five-minute period are inside the tag: a record replayed elsewhere or later matches nothing.
   A match names the address it holds for, and only that one is dialled: a stranger may have added another.
3. Nothing repeats: a new nonce changes every slot. Slots are shuffled, because their order would reveal what
   changed.
4. A false match (one slot in 2³²) costs one refused handshake, so four bytes are enough. A search tries up to 250,000
   tags for each beacon, so one beacon of strangers in 360 fits by chance: what fits once is called and not believed.
5. A device whose clock is off shows other periods. While a user waits, `search` tries many of them, nearest first;
   its find may be a replayed old beacon, so it proves nothing about the clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from typing import Final, NamedTuple

from cellsync.core.crypto import labels
from cellsync.core.crypto.primitives import blake2b, hasher
from cellsync.core.errors import InvalidValue
from cellsync.core.ids import Millis

NONCE: Final = 16  # bytes
SLOT: Final = 4  # bytes of one truncated tag
SLOTS: Final = 48
SIZE: Final = NONCE + SLOTS * SLOT  # 208 bytes: fits one string of a TXT record (255)
PERIOD: Final = 300_000  # ms
ENTROPY: Final = 32  # bytes
SPAN: Final = 45 * 288  # periods that a search covers in each direction: 45 days
SLICE: Final = 1_000  # hashes between two pauses: about a millisecond


class Match(NamedTuple):
    """The device that shows a beacon, and the address for which the match holds."""

    who: bytes
    address: bytes


def period_of(now: Millis) -> int:
    """The five-minute period that a clock reading falls in."""
    return now // PERIOD


def tag(key: bytes, nonce: bytes, who: bytes, address: bytes, port: int, period: int) -> bytes:
    """The 4 bytes by which holders of `key` recognise `who` at this address, port and period.

    `key` is today's discovery branch, or the tag key of an invitation (up to 64 bytes); `who` a device id;
    `address` the 4 or 16 packed bytes of the IP address, without scope.
    """
    return blake2b(labels.DISCOVERY_TAG, nonce + _in(period) + _at(address, port) + who, key=key, size=SLOT)


def _in(period: int) -> bytes:
    return period.to_bytes(8, "big")


def _at(address: bytes, port: int) -> bytes:
    return port.to_bytes(2, "big") + bytes([len(address)]) + address


def make(tags: Iterable[bytes], nonce: bytes, entropy: bytes) -> bytes:
    """The beacon that carries `tags` among random slots, in random order.

    Of more than 48 tags it carries a random 48, so over the periods each has its turn. `nonce` is the 16 random
    bytes that the tags were made with; `entropy` 32 others. `InvalidValue` for other lengths.
    """
    if len(nonce) != NONCE or len(entropy) != ENTROPY:
        raise InvalidValue("a beacon needs a nonce of 16 bytes and 32 bytes of entropy")
    chosen = [slot for _, slot in sorted(zip(_draws(entropy, b"choice"), tags, strict=False))][:SLOTS]
    if any(len(slot) != SLOT for slot in chosen):
        raise InvalidValue("a tag has 4 bytes")
    random = _draws(entropy, b"filler")
    slots = chosen + [next(random)[:SLOT] for _ in range(SLOTS - len(chosen))]
    return nonce + b"".join(slot for _, slot in sorted(zip(_draws(entropy, b"order"), slots, strict=False)))


def match(
    beacon: bytes,
    candidates: Iterable[tuple[bytes, bytes]],
    addresses: Iterable[bytes],
    port: int,
    now: Millis,
) -> Match | None:
    """The one of `candidates` (key, who) that shows this beacon at one of `addresses` (packed), or None.

    The periods before and after are accepted too: clocks differ. For anything a stranger might send in place of a
    beacon, the answer is None.
    """
    if len(beacon) != SIZE or not 0 < port < 1 << 16:
        return None
    nonce = beacon[:NONCE]
    # A set is no timing oracle here: Python's hash of bytes is keyed differently in each process.
    slots = {beacon[at : at + SLOT] for at in range(NONCE, SIZE, SLOT)}
    places = [address for address in addresses if len(address) in (4, 16)]
    periods = [period for period in range(period_of(now) - 1, period_of(now) + 2) if period >= 0]
    for key, who in candidates:
        for address in places:
            if any(tag(key, nonce, who, address, port, period) in slots for period in periods):
                return Match(who, address)
    return None


class Trace(NamedTuple):
    """The find of a search."""

    who: bytes
    address: bytes
    period: int  # in which the beacon was made
    fits: int = 1  # how many of its tags say so, each for another address; by chance hardly ever more than one


class Place(NamedTuple):
    """An address and port for which a beacon may hold."""

    address: bytes
    port: int


def search(
    beacon: bytes, whose: Callable[[int], Iterable[tuple[bytes, bytes]]], places: Sequence[Place], now: Millis, *,
    hashes: int,
) -> Iterator[Trace | None]:  # fmt: skip
    """Search for the maker of this beacon within `SPAN` periods of now, in about `hashes` hashes at most.

    `whose` gives the candidates (key, who) of a period. Yields a `Trace` for all that fits, also by chance, and None
    from time to time to let other tasks run.
    """
    if len(beacon) != SIZE:
        return
    nonce = beacon[:NONCE]
    slots = {beacon[at : at + SLOT] for at in range(NONCE, SIZE, SLOT)}
    told = [(place, _at(*place)) for place in places]
    tags: dict[bytes, Callable[[bytes], bytes]] = {}  # by key
    own, tried, since = period_of(now), 0, 0
    for away in range(2 * SPAN + 1):
        period = own + (away + 1) // 2 * (1 if away % 2 else -1)
        if period < 0:
            continue
        begun = nonce + _in(period)
        for key, who in whose(period):
            tried += len(places)
            tagged = tags.get(key) or tags.setdefault(key, hasher(labels.DISCOVERY_TAG, key=key, size=SLOT))
            fitting = [place for place, at in told if tagged(begun + at + who) in slots]
            if fitting:
                yield Trace(who, fitting[0].address, period, len(set(fitting)))
        if tried >= hashes:
            return
        if tried - since >= SLICE:
            since = tried
            yield None


def _draws(entropy: bytes, purpose: bytes) -> Iterator[bytes]:
    """An endless stream of 32-byte random strings, derived from `entropy` for one purpose."""
    drawn = hasher(labels.BEACON, key=entropy)
    for number in count():
        yield drawn(purpose + number.to_bytes(8, "big"))
