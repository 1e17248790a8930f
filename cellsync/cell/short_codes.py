"""Short codes online: one guess, made and judged before the conversation of a pairing begins.

The number of a code is not secret, so anyone nearby can make a guess and thereby burn the code. One burnt code may be
an accident; from the third on each raises a flag, in the circle into which it led.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final, final

import trio

from cellsync.core.errors import CodeBurnt, HandshakeFailed, Interrupted, InviteExpired, WrongCode
from cellsync.core.ids import PairingSecret
from cellsync.core.pairing import exchange, short
from cellsync.core.pairing.conversation import MACHINE_WITHIN
from cellsync.core.pairing.exchange import HEADER_BYTES, PROOF_BYTES, InvitersExchange, JoinersExchange
from cellsync.core.pairing.short import ShortCode
from cellsync.node.network import BROKEN

ALARM: Final = 3  # burnt codes, since the cell was opened

Entropy = Callable[[int], bytes]

_USED_UP: Final = "The code is used up: ask for a new one."


@final
class ShortCodes:
    """The short codes of this device: the numbers taken, and how many codes were burnt."""

    def __init__(self) -> None:
        self._taken: set[int] = set()
        self._burnt = 0

    def draw(self, entropy: Entropy) -> ShortCode | None:
        """A new code; `release` it when its invitation has ended. None if all 99 numbers are taken."""
        drawn = short.draw(entropy(short.ENTROPY), self._taken)
        if drawn is not None:
            self._taken.add(drawn.number)
        return drawn

    def release(self, shown: ShortCode) -> None:
        self._taken.discard(shown.number)

    async def check(
        self, shown: ShortCode, stream: trio.abc.Stream, already: bytes, entropy: Entropy, alarm: Callable[[], None]
    ) -> PairingSecret:
        """Let the other side make its guess. Raises CodeBurnt if it is wrong, or not made in time.

        `alarm` is called if by now so many were burnt that somebody may be guessing.
        """
        secret: PairingSecret | None = None
        reply = b""
        with trio.move_on_after(MACHINE_WITHIN):
            try:
                knock, already = already[:HEADER_BYTES], already[HEADER_BYTES:]
                machine = InvitersExchange(shown, knock, entropy(exchange.INVITER_ENTROPY))
                await stream.send_all(machine.answer)
                secret, reply = machine.check(await _exactly(stream, PROOF_BYTES, already))
            except (HandshakeFailed, Interrupted, *BROKEN):
                pass
        if secret is None:  # burnt before anything is said
            self._burnt += 1
            if self._burnt >= ALARM:
                alarm()
        with trio.move_on_after(MACHINE_WITHIN), suppress(*BROKEN):
            await stream.send_all(reply)
        if secret is None:
            raise CodeBurnt
        return secret


async def prove(stream: trio.abc.Stream, given: ShortCode, entropy: Entropy) -> PairingSecret:
    """As the joiner, make the guess `given`. Closes the stream unless it returns.

    Raises WrongCode, Interrupted; InviteExpired if there is no answer.
    """
    machine = JoinersExchange(given, entropy(exchange.JOINER_ENTROPY))
    proven = answered = False
    try:
        with trio.move_on_after(MACHINE_WITHIN):
            await stream.send_all(machine.knock)
            answer = await _exactly(stream, HEADER_BYTES)
            answered = True
            await stream.send_all(machine.prove(answer))
            secret = machine.accept(await _exactly(stream, PROOF_BYTES))
            proven = True
            return secret
    except HandshakeFailed:
        raise WrongCode from None
    except (Interrupted, *BROKEN):
        pass
    finally:
        if not proven:
            await trio.aclose_forcefully(stream)
    raise Interrupted(hint=_USED_UP) if answered else InviteExpired


async def _exactly(stream: trio.abc.Stream, size: int, already: bytes = b"") -> bytes:
    """The next `size` bytes. Raises Interrupted if the stream ends early, HandshakeFailed if more have arrived."""
    while len(already) < size:
        data = bytes(await stream.receive_some(size - len(already)))
        if not data:
            raise Interrupted
        already += data
    if len(already) > size:
        raise HandshakeFailed
    return already
