"""What a device remembers of the others, in the circle's own database: where they were, what they hold, when they
were heard last, which versions of the protocol they spoke then.

None of it is worth an error: what cannot be read is forgotten. What they hold of ours is only ever claimed too low: it
is kept after it became known, and counts only in the life of the store in which it was kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cellsync.core import caps
from cellsync.core.errors import InvalidValue, PeerError
from cellsync.core.ids import DeviceId, Millis
from cellsync.core.versions import Versions
from cellsync.core.wire import codec
from cellsync.node.circle import OpenCircle
from cellsync.node.network import checked_address, without_scope
from cellsync.node.sites import UNRECOGNISED, Site
from cellsync.node.spots import Source, Spot

ADDRESSES: Final = "addresses"  # names in the database
REACHED: Final = "reached"
VERSIONS: Final = "versions"
_NOTHING: Final = codec.encode([])


def encode_spots(known: Mapping[DeviceId, Sequence[Spot]]) -> bytes:
    """Where devices were last."""
    rows = [
        [device, [[spot.host, spot.port, spot.site, int(spot.source)] for spot in spots]]
        for device, spots in known.items()
    ]
    return codec.encode(rows)


def spots(circle: OpenCircle) -> dict[DeviceId, list[Spot]]:
    try:
        rows = codec.decode(circle.store.kept(ADDRESSES) or _NOTHING, caps.ENTRY, ADDRESSES)
        return {DeviceId(device): [_spot(*one) for one in known] for device, known in rows}
    except (PeerError, InvalidValue, ValueError, TypeError, AttributeError):
        return {}


def _spot(host: str, port: int, site: bytes = UNRECOGNISED, source: int = Source.MET) -> Spot:
    """A row; earlier versions kept neither the site nor the source. Raises ValueError, TypeError, AttributeError."""
    address = checked_address(without_scope(host), port)
    if type(site) is not bytes:
        raise TypeError("a site is bytes")
    return Spot(address.host, address.port, Site(site), Source(source))


def encode_reached(circle: OpenCircle, delivered: Mapping[DeviceId, int], seen: Mapping[DeviceId, Millis]) -> bytes:
    """How many of our own entries each other device is known to hold, and when it was last heard."""
    rows = [[device, delivered.get(device, 0), seen.get(device, 0)] for device in circle.others()]
    return codec.encode([circle.life, [row for row in rows if any(row[1:])]])


def reached(circle: OpenCircle) -> tuple[dict[DeviceId, int], dict[DeviceId, Millis]]:
    """The same; nothing if it was kept in another life of this store."""
    try:
        kept: Any = codec.decode(circle.store.kept(REACHED) or _NOTHING, caps.ENTRY, REACHED)
    except PeerError:
        kept = []
    delivered: dict[DeviceId, int] = {}
    seen: dict[DeviceId, Millis] = {}
    match kept:
        case [circle.life, [*rows]]:
            for row in rows:
                match row:
                    case [bytes(device), int(count), int(when)] if count >= 0 and when >= 0:
                        if count:
                            delivered[DeviceId(device)] = min(count, circle.own_length)
                        if when:
                            seen[DeviceId(device)] = Millis(when)
    return delivered, seen


def encode_versions(circle: OpenCircle, spoken: Mapping[DeviceId, Versions]) -> bytes:
    """What each other device's build spoke when it last proved it."""
    return codec.encode([[device, *spoken[device]] for device in circle.others() if device in spoken])


def versions(circle: OpenCircle) -> dict[DeviceId, Versions]:
    try:
        rows: Any = codec.decode(circle.store.kept(VERSIONS) or _NOTHING, caps.ENTRY, VERSIONS)
    except PeerError:
        rows = []
    spoken: dict[DeviceId, Versions] = {}
    for row in rows if isinstance(rows, list) else []:
        match row:
            case [bytes(device), int(lowest), int(highest)] if 0 < lowest <= highest < 256:
                spoken[DeviceId(device)] = Versions(lowest, highest)
    return spoken
