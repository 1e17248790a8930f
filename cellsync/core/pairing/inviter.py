"""The side that shows the code: it asks its human, has the device admitted, and welcomes it.

An `Inviter` serves one connection. A caller without the code gets no byte, and silence until a moment drawn when the
connection began (`hang_up_at` in core/session), before its purpose was known: neither bytes nor timing reveal that
someone is inviting.

An invitation has one use. `Knocked` says that this connection was opened with the code: from then on the shell offers
the invitation to no other connection, however this one ends. On failure, `InvitingFailed` says that it is burnt.
"""

from __future__ import annotations

from typing import ClassVar, Final, NamedTuple

from cellsync.core.crypto import channel, primitives
from cellsync.core.crypto.channel import HEADER_BYTES, Responder
from cellsync.core.errors import (
    CellsyncError,
    HandshakeFailed,
    Interrupted,
    InvalidValue,
    InviteExpired,
    Malformed,
    PeerError,
    Timeout,
)
from cellsync.core.ids import Millis
from cellsync.core.membership.clocks import Difference
from cellsync.core.membership.control import DeviceKeys, harmless
from cellsync.core.pairing import commitment, messages, refusal
from cellsync.core.pairing.code import Invitation, matches, pairing_key
from cellsync.core.pairing.commitment import NONCE_BYTES, Words
from cellsync.core.pairing.conversation import (
    ADMIT_WITHIN,
    HUMAN_WITHIN,
    INTRODUCED_WITHIN,
    MACHINE_WITHIN,
    STORE_WITHIN,
    Awaited,
    Conversation,
)
from cellsync.core.pairing.messages import AnyMessage, Done, Hello, Nonce, PairingRefusal, Reveal, Welcome
from cellsync.core.rule import Rule
from cellsync.core.versions import SPOKEN, Versions

ENTROPY: Final = channel.REPLY_ENTROPY + NONCE_BYTES


class Knocked(NamedTuple):
    """The code was used. Do not offer it to another connection."""


class Introduced(NamedTuple):
    """Show these words and the name; the human compares them with the other screen, then `confirm`."""

    name: str
    words: Words
    keys: DeviceKeys
    difference: Difference  # of the other clock from ours

    def __repr__(self) -> str:
        return "<asked>"  # no name, no words


class Agreed(NamedTuple):
    """Both said yes. Write the `admit` entry durably, then `welcome`."""

    name: str
    keys: DeviceKeys

    def __repr__(self) -> str:
        return "<admit>"  # no name


class Finished(NamedTuple):
    """The new device has stored its welcome."""


class InvitingFailed(NamedTuple):
    """The conversation ended without `Finished`. `burnt`: the code was used, and another is needed.

    Before `Agreed` no device was added. After it, the device is a member that may not know it: the hint says so.
    """

    error: CellsyncError
    burnt: bool


Event = Knocked | Introduced | Agreed | Finished | InvitingFailed

_HALF_ADMITTED: Final = "The device was admitted but may not know it. Remove it, then invite it again."


class Inviter(Conversation[Event]):
    """One connection to a device that is inviting. `entropy` is 66 fresh random bytes."""

    patience: ClassVar = {
        Awaited.HELLO: INTRODUCED_WITHIN,
        Awaited.REVEAL: MACHINE_WITHIN,
        Awaited.WORDS: HUMAN_WITHIN,
        Awaited.ADMITTING: ADMIT_WITHIN,
        Awaited.DONE: STORE_WITHIN,
    }

    def __init__(
        self, invitation: Invitation, entropy: bytes, now: float, carrier: bytes, hang_up: float, *, clock: Millis,
        versions: Versions = SPOKEN,
    ) -> None:  # fmt: skip
        if len(entropy) != ENTROPY:
            raise InvalidValue("an inviter takes 66 random bytes")
        super().__init__(Awaited.HEADER, hang_up, now, clock, versions)  # until we answer, whatever arrives
        self._invitation = invitation
        self._reply_entropy = entropy[: channel.REPLY_ENTROPY]
        self._nonce = entropy[channel.REPLY_ENTROPY :]
        candidates = [(pairing_key(invitation.secret), None)]
        self._responder = Responder(channel.PAIRING, candidates, channel.prologue(carrier), versions=versions)
        self._header = bytearray()
        self._reason: PeerError = HandshakeFailed()  # for our own eyes, while we are silent
        self._knocked = False
        self._admitted = False
        self._hello: Hello | None = None
        self._difference: Difference | None = None
        self._handshake_hash = b""

    # --- for the shell ---------------------------------------------------------------------------------

    @property
    def deadline(self) -> float:
        """When `tick` has something to do; until the device is admitted, no later than the invitation expires."""
        open_to_expiry = self._transport is not None and not self._admitted
        return min(self._until, self._invitation.expires) if open_to_expiry else self._until

    def welcome(self, welcome: Welcome, now: float) -> list[Event]:
        """The device is admitted durably; hand over what it needs. No effect if the conversation has ended."""
        if self._in_time(now):
            if self.awaited is not Awaited.ADMITTING:
                raise ValueError("nobody is to be welcomed")
            self._send(welcome)
            self._go(Awaited.DONE, now)
        return self._drain()

    def refuse(self, error: CellsyncError, now: float) -> list[Event]:
        """The device could not be admitted: it is told why. No effect if the conversation has ended."""
        if self._in_time(now):
            if self.awaited is not Awaited.ADMITTING:
                raise ValueError("nobody is to be admitted")
            self._admitted = False
            self._send(PairingRefusal(refusal.reason_of(error)))
            self._end(error)
        return self._drain()

    # --- the handshake ---------------------------------------------------------------------------------

    def _handshake(self, data: bytes, now: float) -> None:
        if self.awaited is Awaited.SILENT:
            return
        try:
            if now >= self._invitation.expires:
                raise HandshakeFailed(Rule.PAIRING_EXPIRED)
            if self.awaited is Awaited.HEADER:
                self._header += data
                if len(self._header) < HEADER_BYTES:
                    return
                if not matches(self._invitation, bytes(self._header)):
                    raise HandshakeFailed
                self._knocked = True
                self._events.append(Knocked())
                self.awaited = Awaited.OPENING
                data = bytes(self._header)
                self._header.clear()
            if not self._responder.receive(data):
                return
            reply, self._transport = self._responder.accept(self._reply_entropy)
        except PeerError as error:
            self._reason = error
            self.awaited = Awaited.SILENT
            self._header.clear()
            return
        self._handshake_hash = self._transport.handshake_hash
        self._outgoing.append(reply)
        self._asked = now
        if self._agree(self._responder.remote_versions):  # if not, the joiner learns so from the reply
            self._go(Awaited.HELLO, now)

    # --- the conversation ------------------------------------------------------------------------------

    def _hear(self, message: AnyMessage, now: float) -> None:
        match self.awaited, message:
            case Awaited.HELLO, Hello():
                self._hello = message
                self._difference = self._compare(message.clock, now)
                self._send(Nonce(self._nonce, self._wall(now)))
                self._go(Awaited.REVEAL, now)
            case Awaited.REVEAL, Reveal() if self._hello is not None and self._difference is not None:
                words = self._check(self._hello, message)
                self._go(Awaited.WORDS, now)
                self._events.append(Introduced(harmless(self._hello.name), words, self._hello.keys, self._difference))
            case Awaited.DONE, Done():
                self._close()
                self._events.append(Finished())
            case _:
                raise Malformed(Rule.PAIRING_TURN)

    def _check(self, hello: Hello, reveal: Reveal) -> Words:
        raw = messages.encode(hello)  # the bytes received: there is only one encoding
        if not commitment.opens(hello.commitment, self._handshake_hash, reveal.nonce):
            raise HandshakeFailed(Rule.PAIRING_COMMITMENT)
        claim = commitment.claim(self._handshake_hash, raw)
        if not primitives.verify(hello.keys.signing, reveal.signature, claim):
            raise HandshakeFailed(Rule.PAIRING_PROOF)
        return commitment.matching_words(self._handshake_hash, self._nonce, reveal.nonce, raw)

    def _agreed(self, now: float) -> None:
        if self._hello is not None:
            self._admitted = True
            self._go(Awaited.ADMITTING, now)
            self._events.append(Agreed(harmless(self._hello.name), self._hello.keys))

    # --- the end ---------------------------------------------------------------------------------------

    def _too_late(self, now: float) -> None:
        if self._transport is None:
            self._end(self._reason)
        elif not self._admitted and now >= self._invitation.expires:
            self._end(InviteExpired())
        else:
            self._end(Timeout(hint=_HALF_ADMITTED) if self._admitted else Timeout())

    def _break_off(self) -> None:
        if self._transport is None:
            self._end(self._reason)
        else:
            self._end(Interrupted(hint=_HALF_ADMITTED) if self._admitted else Interrupted())

    def _fail(self, error: PeerError) -> None:
        if self._admitted:
            error.hint = _HALF_ADMITTED
        self._end(error)

    def _report(self, error: CellsyncError) -> InvitingFailed:
        return InvitingFailed(error, self._knocked)
