"""The part shared by every state of a session: the two devices, the time, and the bytes waiting to be sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from cellsync.core.crypto.channel import Transport
from cellsync.core.errors import CapExceeded, HandshakeFailed, NoCommonVersion
from cellsync.core.ids import CircleId, Day, DeviceId, Millis, SessionPublic
from cellsync.core.membership.epochs import SessionKey
from cellsync.core.rule import Rule
from cellsync.core.session.silence import CALLEE_WAITS, CALLER_WAITS, KEY_BYTES, Silence
from cellsync.core.session.view import CircleView, Extent
from cellsync.core.versions import Versions
from cellsync.core.wire import frontiers
from cellsync.core.wire.messages import OFFERS, TAG_BYTES, Places

HANDSHAKE_WITHIN: Final = 20.0  # seconds; a slow laptop needs one
UNSENT: Final = 4 << 20  # bytes that may be queued for a peer that does not read
HANDSHAKE_ENTROPY: Final = 128
FILL: Final = OFFERS * TAG_BYTES  # bytes: for tags of an offer that name no circle
ENTROPY: Final = HANDSHAKE_ENTROPY + FILL + KEY_BYTES
HANG_UP_ENTROPY: Final = 4

CALLER: Final = b"caller"
CALLEE: Final = b"callee"


def hang_up_at(entropy: bytes, began: float) -> float:
    """When to hang up on a connection that turns out to be a stranger's. Draw it once, when the connection begins."""
    return began + HANDSHAKE_WITHIN * (1 + int.from_bytes(entropy[:HANG_UP_ENTROPY], "big") / (1 << 32))


class Connection:
    """One connection, in whatever state its session is."""

    def __init__(
        self, circles: Sequence[CircleView], entropy: bytes, now: float, clock: Millis, versions: Versions,
        hang_up: float | None = None,
    ) -> None:  # fmt: skip
        """`hang_up`: when a callee hangs up on a peer that has not proved its identity. None for a caller."""
        if len(entropy) != ENTROPY:
            raise ValueError(f"a session takes {ENTROPY} random bytes")
        self.role: Final = CALLER if hang_up is None else CALLEE
        self.views: Final = {view.id: view for view in circles}
        self.entropy: Final = entropy
        waits = CALLER_WAITS if self.role == CALLER else CALLEE_WAITS
        self.silence: Final = Silence(waits, entropy[-KEY_BYTES:])
        self.versions: Final = versions
        self.started: Final = now
        self.hang_up: Final = now + HANDSHAKE_WITHIN if hang_up is None else hang_up
        self.now = now
        self.heard = now
        self.asked = now  # the earliest moment at which the peer may have read its clock
        self.day = Day(0)  # of the key that opened this session
        self.key: SessionKey | None = None  # that opened this session
        self.hinted: CircleId | None = None
        self.device: DeviceId | None = None
        self.remote = SessionPublic(b"")
        self.version: int | None = None  # of the protocol, in use; known from the reply on
        self.remote_versions: Versions | None = None  # as soon as `version` is known, also if there is none in common
        self.transport: Transport | None = None
        self.watched = False  # the peer is asked more often what it holds
        self.pings = 0
        self.wanted = 0  # the last ping whose answer someone waits for
        self.answered = 0  # of these pings
        self.telling = False  # our last message was a frontier
        self.places: dict[CircleId, Places] = {}  # to be told as soon as the circle is shared
        self.outgoing: list[bytes] = []
        self.unsent = 0
        self._clock = clock  # our clock when it started

    def secured(self) -> Transport:
        """The transport, once the handshake is over."""
        if self.transport is None:
            raise HandshakeFailed
        return self.transport

    def wall(self) -> Millis:
        """Our clock now."""
        return Millis(self._clock + round((self.now - self.started) * 1000))

    def agree(self, theirs: Versions | None) -> NoCommonVersion | None:
        """After the handshake, with both payloads read: None if there is a common version."""
        if theirs is None:
            raise HandshakeFailed
        self.heard = self.asked = self.now
        self.remote_versions = theirs
        self.version = self.versions.common(theirs)
        return self.versions.apart(theirs)

    def is_active(self, view: CircleView) -> bool:
        """Whether the peer is in a circle for us: its sessions are about it, however little it is told."""
        return view.device_with(self.remote) is not None

    def extent(self, view: CircleView) -> Extent:
        """What the peer is told of a circle now."""
        return view.extent(self.remote) if self.is_active(view) else Extent.NOTHING

    # --- bytes -----------------------------------------------------------------------------------------

    def take_outgoing(self) -> bytes:
        """Take the bytes to send now."""
        data = b"".join(self.outgoing)
        self.outgoing.clear()
        self.unsent = 0
        return data

    def send_raw(self, data: bytes) -> None:
        self.outgoing.append(data)
        self.unsent += len(data)
        if self.unsent > UNSENT:
            raise CapExceeded(Rule.CAP_UNSENT)

    def send(self, message: bytes) -> None:
        if self.transport is not None:
            self.telling = frontiers.is_frontier(message)
            self.send_raw(self.transport.encrypt_frame(message))

    def send_all(self, parts: Iterable[bytes]) -> None:
        for part in parts:
            self.send(part)
