"""The common part of both pairing machines: time, bytes, verdicts. Bytes and time in; bytes, events, a deadline out.

    inviter   Header ──hint matches──▶ Opening ──reply──▶ Hello ──▶ Reveal ──▶ Words ──▶ Admitting ──▶ Done ──▶ Over
                 └──stranger──▶ Silent ◀──failure──┘
    joiner    Opening ──▶ Nonce ──▶ Words ──▶ Welcome ──▶ Storing ──▶ Over

Rules (protocol/55-pairing.md):
  1  A peer's bytes never raise: they end the conversation with a failure event. Nothing follows a failure.
  2  Every step has a time limit, and every method checks the time first: a late yes is no yes.
  3  Any message but the awaited one ends the conversation; so does a repeated one.
  4  Builds without a common version of the protocol end it after the handshake, before any message.
  5  No device is admitted, and nothing is handed over, before both humans have said yes.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from enum import Enum, auto
from typing import ClassVar, Final, Generic, TypeVar

from cellsync.core.crypto.channel import Transport
from cellsync.core.errors import CellsyncError, Declined, HandshakeFailed, Malformed, PeerError, WordsDiffer
from cellsync.core.ids import Millis
from cellsync.core.membership import clocks
from cellsync.core.membership.clocks import Difference
from cellsync.core.pairing import messages
from cellsync.core.pairing.messages import AnyMessage, PairingVerdict
from cellsync.core.rule import Rule
from cellsync.core.versions import Versions

# Seconds. Humans get the longest; the joiner waits a little longer than the inviter at each step, so that an admitted
# device has rarely given up by then.
MACHINE_WITHIN: Final = 20.0
HUMAN_WITHIN: Final = 120.0
INTRODUCED_WITHIN: Final = 300.0  # a person chooses a name and a passphrase
ADMIT_WITHIN: Final = 30.0
STORE_WITHIN: Final = 60.0
GRACE: Final = 30.0

_AFTER_UPDATING: Final = "Nobody was added. After the update, pair with a new code."

E = TypeVar("E")


class Awaited(Enum):
    """What a machine is waiting for."""

    HEADER = auto()  # inviter: the first 42 bytes
    SILENT = auto()  # inviter: a random moment
    OPENING = auto()  # the rest of the handshake
    HELLO = auto()  # joiner: its own human, who chooses a name
    NONCE = auto()
    REVEAL = auto()
    WORDS = auto()  # both humans
    ADMITTING = auto()  # inviter: its own store
    WELCOME = auto()
    STORING = auto()  # joiner: its own store
    DONE = auto()
    OVER = auto()


class Conversation(ABC, Generic[E]):
    """One side. Feed `receive`, `tick` and `lost`; send what `outgoing` gives; close the connection when `over`."""

    patience: ClassVar[Mapping[Awaited, float]]

    def __init__(self, awaited: Awaited, until: float, now: float, clock: Millis, versions: Versions) -> None:
        self.awaited = awaited
        self.version: int | None = None  # of the protocol, in use; known from the reply on
        self._versions = versions
        self._clock = clock - round(now * 1000)  # our clock at time zero
        self._asked = now  # the earliest moment at which the other side may have read its clock
        self._until = until
        self._events: list[E] = []
        self._outgoing: list[bytes] = []
        self._transport: Transport | None = None
        self._mine = self._theirs = False  # who has said yes

    # --- for the shell ---------------------------------------------------------------------------------

    @property
    def over(self) -> bool:
        """Nothing more will be received; remaining `outgoing` bytes may still be sent."""
        return self.awaited is Awaited.OVER

    @property
    def deadline(self) -> float:
        """When `tick` has something to do."""
        return self._until

    def outgoing(self) -> bytes:
        """Take the bytes to send now."""
        data = b"".join(self._outgoing)
        self._outgoing.clear()
        return data

    def receive(self, data: bytes, now: float) -> list[E]:
        """The events that these bytes cause."""
        if self._in_time(now):
            try:
                self._take(data, now)
            except PeerError as error:
                self._fail(error)
        return self._drain()

    def tick(self, now: float) -> list[E]:
        """Time has passed."""
        self._in_time(now)
        return self._drain()

    def lost(self, now: float) -> list[E]:
        """The other side has closed the connection, or it broke."""
        if self._in_time(now):
            self._break_off()
        return self._drain()

    def confirm(self, agree: bool, now: float) -> list[E]:
        """The human's answer: the words agree, or not. No effect if the conversation has ended meanwhile."""
        if self._in_time(now):
            if self.awaited is not Awaited.WORDS or self._mine:
                raise ValueError("there is no question to answer")
            self._send(PairingVerdict(agree))
            self._mine = agree
            if not agree:
                self._end(Declined())
            elif self._theirs:
                self._agreed(now)
        return self._drain()

    # --- for the two sides -----------------------------------------------------------------------------

    @abstractmethod
    def _handshake(self, data: bytes, now: float) -> None:
        """Bytes of the handshake."""

    @abstractmethod
    def _hear(self, message: AnyMessage, now: float) -> None:
        """A message other than a verdict."""

    @abstractmethod
    def _agreed(self, now: float) -> None:
        """Both humans have said yes."""

    @abstractmethod
    def _too_late(self, now: float) -> None:
        """The deadline has passed."""

    @abstractmethod
    def _break_off(self) -> None:
        """The connection is gone."""

    def _fail(self, error: PeerError) -> None:
        """The peer is at fault."""
        self._end(error)

    @abstractmethod
    def _report(self, error: CellsyncError) -> E:
        """The event of a failure."""

    def _agree(self, theirs: Versions | None) -> bool:
        """After the handshake: whether both builds have a common version. If not, this ends the conversation."""
        if theirs is None:
            raise HandshakeFailed
        self.version = self._versions.common(theirs)
        apart = self._versions.apart(theirs)
        if apart is not None:
            apart.hint = _AFTER_UPDATING
            self._fail(apart)
        return apart is None

    def _wall(self, now: float) -> Millis:
        return Millis(self._clock + round(now * 1000))

    def _compare(self, theirs: Millis, now: float) -> Difference:
        """The difference of the other clock, read after we began to wait, and at most one message's time ago."""
        return clocks.compare(theirs, self._wall(now), min(now - self._asked, MACHINE_WITHIN))

    def _go(self, awaited: Awaited, now: float) -> None:
        self.awaited = awaited
        self._until = now + self.patience[awaited]

    def _close(self) -> None:
        self.awaited = Awaited.OVER
        self._until = math.inf
        self._transport = None

    def _end(self, error: CellsyncError) -> None:
        self._close()
        self._events.append(self._report(error))

    def _send(self, message: AnyMessage) -> bytes:
        """Queue a message; returns its bytes."""
        raw = messages.encode(message)
        if self._transport is not None:
            self._outgoing.append(self._transport.encrypt_frame(raw))
        return raw

    # --- inside ----------------------------------------------------------------------------------------

    def _in_time(self, now: float) -> bool:
        if self.over:
            return False
        if now >= self.deadline:
            self._too_late(now)
            return False
        return True

    def _take(self, data: bytes, now: float) -> None:
        if self._transport is None:
            self._handshake(data, now)
        else:
            self._talk(self._transport, data, now)

    def _talk(self, transport: Transport, data: bytes, now: float) -> None:
        for payload in transport.receive(data):
            if self.over:
                break
            match messages.decode(payload):
                case PairingVerdict(agree) if self.awaited is Awaited.WORDS and not self._theirs:
                    self._theirs = agree
                    if not agree:
                        self._end(WordsDiffer())
                    elif self._mine:
                        self._agreed(now)
                case PairingVerdict():
                    raise Malformed(Rule.PAIRING_TURN)
                case message:
                    self._hear(message, now)

    def _drain(self) -> list[E]:
        events, self._events = self._events, []
        return events
