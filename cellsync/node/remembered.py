"""A device's memory of the others, in the circle's own database: where they were, what they hold, when they were last
heard, whether both held the same then, and which versions of the protocol they spoke.

None of it is worth an error: unreadable values are forgotten. The count of our entries they hold can only be too low:
it is stored after it became known, and is valid only in the life of the store that stored it. Having held the same is
stored as the digest held, so it lapses as soon as anything else is held here, even after a crash.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from cellsync.core import caps
from cellsync.core.drawers import ADDRESSES, REACHED, VERSIONS
from cellsync.core.errors import InvalidValue, PeerError
from cellsync.core.ids import DeviceId, Millis
from cellsync.core.rule import Rule
from cellsync.core.versions import Versions
from cellsync.core.wire import codec
from cellsync.node.network import checked_address, without_scope
from cellsync.node.shared import SharedCircle
from cellsync.node.sites import UNRECOGNISED, Site
from cellsync.node.spots import Basis, Spot

_NOTHING: Final = codec.encode([])


def encode_spots(known: Mapping[DeviceId, Sequence[Spot]]) -> bytes:
    """The last places of devices."""
    likely = sorted(known.items(), key=lambda item: min((spot.source for spot in item[1]), default=Basis.HEARD))
    return _encode(
        [device, [[spot.host, spot.port, spot.site, int(spot.source)] for spot in spots]]
        for device, spots in likely
        if spots
    )


def _encode(rows: Iterable[list[object]]) -> bytes:
    return codec.encode(_fitting(rows))


def _fitting(rows: Iterable[list[object]]) -> list[list[object]]:
    """As many of the first rows as can be read back: one too many, of thousands, must not cost them all."""
    kept: list[list[object]] = []
    room = caps.ENTRY - 64
    for row in rows:
        room -= len(codec.encode(row))
        if room < 0:
            break
        kept.append(row)
    return kept


def spots(circle: SharedCircle) -> dict[DeviceId, list[Spot]]:
    try:
        rows = codec.decode(circle.store.kept(ADDRESSES) or _NOTHING, caps.ENTRY, Rule.CAP_KEPT)
        return {DeviceId(device): [_spot(*spot) for spot in known] for device, known in rows}
    except (PeerError, InvalidValue, ValueError, TypeError, AttributeError):
        return {}


def _spot(host: str, port: int, site: bytes = UNRECOGNISED, source: int = Basis.MET) -> Spot:
    """A row; earlier versions stored neither the site nor the source. Raises ValueError, TypeError, AttributeError."""
    address = checked_address(without_scope(host), port)
    if type(site) is not bytes:
        raise TypeError("a site is bytes")
    return Spot(address.host, address.port, Site(site), Basis(source))


class Reached(NamedTuple):
    """The state known of each other device."""

    delivered: dict[DeviceId, int]  # how many of our own entries it holds
    seen: dict[DeviceId, Millis]  # when it was last heard
    in_step: dict[DeviceId, bytes]  # the digest of what both held then; none if they held different things


def encode_reached(circle: SharedCircle, known: Reached) -> bytes:
    rows = [
        [device, known.delivered.get(device, 0), known.seen.get(device, 0), known.in_step.get(device, b"")]
        for device in circle.others()
        if device in known.delivered or device in known.seen
    ]
    return codec.encode([circle.life, _fitting(row for row in rows if any(row[1:]))])


def reached(circle: SharedCircle) -> Reached:
    """The same; of another life of this store only when each was last heard, for a copy may lack entries."""
    try:
        kept: Any = codec.decode(circle.store.kept(REACHED) or _NOTHING, caps.ENTRY, Rule.CAP_KEPT)
    except PeerError:
        kept = []
    delivered: dict[DeviceId, int] = {}
    seen: dict[DeviceId, Millis] = {}
    in_step: dict[DeviceId, bytes] = {}
    match kept:
        case [bytes(life), [*rows]]:
            for row in rows:
                match row:
                    case [bytes(device), int(count), int(when), *more] if count >= 0 and when >= 0:
                        if when:
                            seen[DeviceId(device)] = Millis(when)
                        if life != circle.life:
                            continue
                        if count:
                            delivered[DeviceId(device)] = min(count, circle.own_length)
                        match more:  # earlier versions kept none
                            case [bytes(digest)] if digest:
                                in_step[DeviceId(device)] = digest
    return Reached(delivered, seen, in_step)


class SpokenVersions(NamedTuple):
    """The versions of the protocol that another device's build speaks."""

    last: Versions  # when it last proved it
    highest: int  # that it has ever spoken


def encode_versions(circle: SharedCircle, spoken: Mapping[DeviceId, SpokenVersions]) -> bytes:
    known = ((device, spoken[device]) for device in circle.others() if device in spoken)
    return _encode([device, *versions.last, versions.highest] for device, versions in known)


def versions(circle: SharedCircle) -> dict[DeviceId, SpokenVersions]:
    try:
        rows: Any = codec.decode(circle.store.kept(VERSIONS) or _NOTHING, caps.ENTRY, Rule.CAP_KEPT)
    except PeerError:
        rows = []
    spoken: dict[DeviceId, SpokenVersions] = {}
    for row in rows if isinstance(rows, list) else []:
        match row:
            case [bytes(device), int(lowest), int(highest), *more] if 0 < lowest <= highest < 256:
                match more:
                    case []:  # as earlier versions kept it
                        spoken[DeviceId(device)] = SpokenVersions(Versions(lowest, highest), highest)
                    case [int(ever)] if highest <= ever < 256:
                        spoken[DeviceId(device)] = SpokenVersions(Versions(lowest, highest), ever)
    return spoken
