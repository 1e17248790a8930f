"""A talk: a session as a member opens one, in which anything may then be said.

It begins as the specification has it: handshake, offers, one shared circle. After that nothing is said unless somebody
calls `say`, and nothing that the other device says is obeyed.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import trio

from cellsync.core import caps
from cellsync.core.crypto import channel, labels, primitives
from cellsync.core.crypto.channel import Initiator, Transport
from cellsync.core.ids import EntryId
from cellsync.core.session.connection import CALLEE, CALLER
from cellsync.core.wire import batches, frontiers, messages
from cellsync.core.wire.batches import Batch, BatchChain
from cellsync.core.wire.forms import NAME_BYTES
from cellsync.core.wire.messages import OFFERS, TAG_BYTES, AnyMessage
from cellsync.core.wire.places import Frontier
from cellsync.testing.hostile.forging import Forgery, Writer, forge
from cellsync.testing.hostile.turncoat import Turncoat

CHUNK: Final = 64 << 10

M = TypeVar("M", bound=AnyMessage)


class Left(Exception):
    """The other device has ended the session."""


class Talk:
    """Made by `opened`."""

    def __init__(
        self, turncoat: Turncoat, stream: trio.abc.Stream, transport: Transport, entropy: Callable[[int], bytes]
    ) -> None:
        self.turncoat = turncoat
        self.name = b""  # of the circle in this session
        self.transport = transport
        self.pen = turncoat.writer(entropy(8))  # writes on in one chain, while nothing is refused
        self.entropy = entropy
        self.refused = 0  # rows
        self.acknowledged = 0  # batches
        self.brought: list[int] = []  # how many chains each batch names that was brought and is not answered
        self._rows = 0  # of one that is being brought
        self._stream = stream
        self._said, self._heard = trio.open_memory_channel[AnyMessage](math.inf)
        self._attends = trio.Event()
        self._attends.set()

    # --- saying ------------------------------------------------------------------------------------------

    async def say(self, *said: bytes) -> None:
        """Say these messages, each in its frame, as fast as they are read. Raises Left."""
        await self.send(b"".join(map(self.transport.encrypt_frame, said)))

    async def send(self, data: bytes) -> None:
        """Send these bytes as they are. Raises Left."""
        try:
            await self._stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise Left from None

    async def tell(self, frontier: Frontier) -> None:
        """Say what we allegedly hold: from then on we are served. Raises Left."""
        await self.say(*frontiers.encode_frontier(self.name, frontier, channel.MAX_PAYLOAD))

    async def hand(self, batch: Batch) -> None:
        """Hand over a batch. Raises Left."""
        await self.say(*batches.encode_batch(self.name, batch, channel.MAX_PAYLOAD))

    async def give(self, batch: Batch) -> list[int]:
        """Hand over a batch; the rows that were refused. Raises Left."""
        await self.hand(batch)
        return await self.answer()

    async def write(self, *drafts: Forgery, others: Sequence[BatchChain] = ()) -> list[EntryId]:
        """Go on in our chain, rightly; the ids of the entries. Raises Left."""
        batch, ids = self.forge(*drafts, others=others)
        refused = await self.give(batch)
        if not refused:
            self.pen = self.pen.after(ids)
        return ids

    def forge(
        self, *drafts: Forgery, others: Sequence[BatchChain] = (), by: Writer | None = None
    ) -> tuple[Batch, list[EntryId]]:
        """A batch that goes on in our chain, or in that of another writer."""
        return forge(by or self.pen, drafts, others)

    def chain(self) -> Writer:
        """We begin another chain."""
        return self.turncoat.writer(self.entropy(8))

    # --- listening ---------------------------------------------------------------------------------------

    async def hear(self, kind: type[M]) -> M:
        """The next message of this kind; others are passed over. Raises Left."""
        async for message in self._heard:
            if isinstance(message, kind):
                return message
        raise Left

    async def answer(self) -> list[int]:
        """The rows that the next acknowledgement refuses. Raises Left."""
        refused = (await self.hear(messages.Ack)).refused
        self.refused += len(refused)
        self.acknowledged += 1
        return refused

    async def ask(self) -> None:
        """Whether it still listens. Raises Left."""
        await self.say(messages.PING_BYTES)
        await self.hear(messages.Pong)

    async def left(self) -> None:
        """Say nothing, read everything, until it has ended the session. Raises Left."""
        while True:
            await self.hear(messages.Pong)

    def stop_reading(self) -> None:
        self._attends = trio.Event()

    # --- inside ------------------------------------------------------------------------------------------

    async def listen(self, data: bytes) -> None:
        """Read until the other side is gone; `data` has arrived already."""
        try:
            with self._said:
                while True:
                    for payload in self.transport.receive(data):
                        message = messages.decode(payload)
                        if isinstance(message, batches.BatchPart):  # which may be large
                            self._count(message)
                        else:
                            self._said.send_nowait(message)
                    await self._attends.wait()
                    data = bytes(await self._stream.receive_some(CHUNK))
                    if not data:
                        return
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return

    def _count(self, part: batches.BatchPart) -> None:
        self._rows += len(part.chains)
        if part.last:
            self.brought.append(self._rows)
            self._rows = 0

    async def meet(self) -> None:
        """Offer the circle, and hear that the other side offers it. Raises Left."""
        own, theirs = self._tag(CALLER), self._tag(CALLEE)
        fill = [self.entropy(TAG_BYTES) for _ in range(OFFERS - 1)]
        await self.say(messages.encode_offer([own, *fill]), messages.encode_clock(self.turncoat.now()))
        if theirs not in (await self.hear(messages.Offer)).tags:
            raise Left
        self.name = own[:NAME_BYTES]

    def _tag(self, role: bytes) -> bytes:
        data = role + self.transport.handshake_hash + self.turncoat.circle
        return primitives.blake2b(labels.OFFER, data, key=self.turncoat.key.key.psk.reveal(), size=TAG_BYTES)


@asynccontextmanager
async def opened(
    turncoat: Turncoat, stream: trio.abc.Stream, carrier: bytes, entropy: Callable[[int], bytes]
) -> AsyncIterator[Talk]:
    """A conversation with its victim over this stream, which is closed afterwards. Raises Left."""
    async with stream:
        transport, rest = await _called(turncoat, stream, carrier, entropy)
        conversation = Talk(turncoat, stream, transport, entropy)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(conversation.listen, rest)
            try:
                await conversation.meet()
                yield conversation
            finally:
                nursery.cancel_scope.cancel()


async def _called(
    turncoat: Turncoat, stream: trio.abc.Stream, carrier: bytes, entropy: Callable[[int], bytes]
) -> tuple[Transport, bytes]:
    initiator = Initiator(
        channel.SESSION, turncoat.key.key, entropy(channel.OPENING_ENTROPY), channel.prologue(carrier),
        static=turncoat.secrets.session, remote_static=turncoat.victim[1],
    )  # fmt: skip
    try:
        await stream.send_all(initiator.opening)
        while data := bytes(await stream.receive_some(caps.FRAME)):
            if (done := initiator.receive(data)) is not None:
                return done
    except trio.BrokenResourceError:
        pass
    raise Left
