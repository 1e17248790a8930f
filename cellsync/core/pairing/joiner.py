"""The side that was given the code: it calls, says who it is, proves its keys, asks its human, and is welcomed.

A used or expired code is answered with silence, so silence before the first answer is reported as `InviteExpired`.
Nothing is stored before `Welcomed`; from then on this device is a member, whatever happens to the connection.
"""

from __future__ import annotations

import math
from typing import ClassVar, Final, NamedTuple, Protocol

from cellsync.core.crypto import channel, primitives
from cellsync.core.crypto.channel import Initiator
from cellsync.core.errors import CellsyncError, Interrupted, InvalidValue, InviteExpired, Malformed, Timeout
from cellsync.core.ids import Millis, PairingSecret, SigningSecret
from cellsync.core.membership.clocks import Difference
from cellsync.core.membership.control import DeviceKeys, checked_name
from cellsync.core.pairing import commitment, refusal
from cellsync.core.pairing.code import pairing_key
from cellsync.core.pairing.commitment import NONCE_BYTES, Words
from cellsync.core.pairing.conversation import (
    ADMIT_WITHIN,
    GRACE,
    HUMAN_WITHIN,
    INTRODUCED_WITHIN,
    MACHINE_WITHIN,
    Awaited,
    Conversation,
)
from cellsync.core.pairing.messages import AnyMessage, Done, Hello, Nonce, PairingRefusal, Reveal, Welcome
from cellsync.core.rule import Rule
from cellsync.core.versions import SPOKEN, Versions

ENTROPY: Final = channel.OPENING_ENTROPY + NONCE_BYTES


class OwnKeys(Protocol):
    """The joiner's keys: `founding.DeviceSecrets` is one."""

    @property
    def signing(self) -> SigningSecret: ...

    @property
    def public(self) -> DeviceKeys: ...


class Matched(NamedTuple):
    """The code is right. Ask the human for a name, then `introduce`."""


class WordsReady(NamedTuple):
    """Show these words; the human compares them with the other screen, then `confirm`."""

    words: Words
    difference: Difference  # of the other clock from ours

    def __repr__(self) -> str:
        return "<asked>"  # no words


class Welcomed(NamedTuple):
    """This device is a member. Store this durably, then `done`."""

    welcome: Welcome


class JoiningFailed(NamedTuple):
    """The conversation ended before `Welcomed`. Store nothing."""

    error: CellsyncError


Event = Matched | WordsReady | Welcomed | JoiningFailed


class Joiner(Conversation[Event]):
    """One call to a device that is inviting. `entropy` is 130 fresh random bytes; without a `name` it asks for one.

    Raises InvalidValue for a name that no circle would take.
    """

    patience: ClassVar = {
        Awaited.HELLO: INTRODUCED_WITHIN,
        Awaited.NONCE: MACHINE_WITHIN + GRACE,
        Awaited.WORDS: HUMAN_WITHIN + GRACE,
        Awaited.WELCOME: ADMIT_WITHIN + GRACE,
        Awaited.STORING: math.inf,
    }

    def __init__(
        self, secret: PairingSecret, keys: OwnKeys, name: str | None, entropy: bytes, now: float, carrier: bytes, *,
        clock: Millis, versions: Versions = SPOKEN,
    ) -> None:  # fmt: skip
        if len(entropy) != ENTROPY:
            raise InvalidValue("a joiner takes 130 random bytes")
        super().__init__(Awaited.OPENING, now + MACHINE_WITHIN, now, clock, versions)
        self._signing = keys.signing
        self._keys = keys.public
        self._name = None if name is None else checked_name(name)
        self._nonce = entropy[channel.OPENING_ENTROPY :]
        key, prologue = pairing_key(secret), channel.prologue(carrier)
        self._initiator = Initiator(
            channel.PAIRING, key, entropy[: channel.OPENING_ENTROPY], prologue, versions=versions
        )
        self._handshake_hash = b""
        self._hello = b""
        self._outgoing.append(self._initiator.opening)

    def introduce(self, name: str, now: float) -> list[Event]:
        """The name that the human chose. No effect if the conversation has ended meanwhile.

        Raises InvalidValue for one that no circle would take; another may then be given.
        """
        checked = checked_name(name)
        if self._in_time(now):
            if self.awaited is not Awaited.HELLO:
                raise ValueError("nobody was asked for a name")
            self._say_hello(checked, now)
        return self._drain()

    def done(self) -> None:
        """The welcome is stored. Without effect if the connection has been lost."""
        if self.over:
            return
        if self.awaited is not Awaited.STORING:
            raise ValueError("there was no welcome yet")
        self._send(Done())
        self._close()

    # --- the conversation ------------------------------------------------------------------------------

    def _handshake(self, data: bytes, now: float) -> None:
        opened = self._initiator.receive(data)
        if opened is None:
            return
        self._transport, surplus = opened
        if not self._agree(self._initiator.remote_versions):
            return
        self._handshake_hash = self._transport.handshake_hash
        if self._name is None:
            self._go(Awaited.HELLO, now)
            self._events.append(Matched())
        else:
            self._say_hello(self._name, now)
        self._talk(self._transport, surplus, now)

    def _say_hello(self, name: str, now: float) -> None:
        committed = commitment.commit(self._handshake_hash, self._nonce)
        self._hello = self._send(Hello(self._keys, name, committed, self._wall(now)))
        self._asked = now
        self._go(Awaited.NONCE, now)

    def _take(self, data: bytes, now: float) -> None:
        if self.awaited is not Awaited.STORING:  # after the welcome there is nothing more to hear
            super()._take(data, now)

    def _hear(self, message: AnyMessage, now: float) -> None:
        match self.awaited, message:
            case Awaited.NONCE, Nonce(inviters_nonce, clock):
                claim = commitment.claim(self._handshake_hash, self._hello)
                self._send(Reveal(self._nonce, primitives.sign(self._signing, claim)))
                words = commitment.matching_words(self._handshake_hash, inviters_nonce, self._nonce, self._hello)
                self._go(Awaited.WORDS, now)
                self._events.append(WordsReady(words, self._compare(clock, now)))
            case Awaited.WELCOME, Welcome():
                self._go(Awaited.STORING, now)
                self._events.append(Welcomed(message))
            case Awaited.WELCOME, PairingRefusal(reason):
                self._end(refusal.error_of(reason))
            case _:
                raise Malformed(Rule.PAIRING_TURN)

    def _agreed(self, now: float) -> None:
        self._go(Awaited.WELCOME, now)

    # --- the end ---------------------------------------------------------------------------------------

    def _too_late(self, now: float) -> None:
        self._end(InviteExpired() if self.awaited is Awaited.OPENING else Timeout())

    def _break_off(self) -> None:
        if self.awaited is Awaited.STORING:
            self._close()
        else:
            self._end(InviteExpired() if self.awaited is Awaited.OPENING else Interrupted())

    def _report(self, error: CellsyncError) -> JoiningFailed:
        return JoiningFailed(error)
