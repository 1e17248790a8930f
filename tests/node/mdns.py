"""Multicast DNS in virtual time: `Discovery` as it ships, over zeroconf's own registry, cache, answers and encoder.

What zeroconf does in a thread with sockets and timers is done here in trio: when a packet is sent is simulated, what is
in it is not. Everything that is sent on a LAN is in its `sent`.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeVar

import trio
import zeroconf
from zeroconf import DNSCache, DNSIncoming, DNSOutgoing, ServiceRegistry  # type: ignore[attr-defined]
from zeroconf._handlers.answers import construct_outgoing_multicast_answers, construct_outgoing_unicast_answers
from zeroconf._handlers.multicast_outgoing_queue import MulticastOutgoingQueue
from zeroconf._handlers.query_handler import QueryHandler
from zeroconf._handlers.record_manager import RecordManager
from zeroconf._history import QuestionHistory
from zeroconf._services.browser import generate_service_query
from zeroconf.asyncio import AsyncServiceInfo

from cellsync.node.discovery import LocalLink
from cellsync.node.interfaces import Local

START: Final = 1_000_000_000.0  # ms: what zeroconf's clock shows at first
PORT: Final = 5353
BROADCASTS: Final = 3
REGISTER_EVERY: Final = 0.225  # s, as zeroconf has it
GOODBYE_EVERY: Final = 0.125
QUESTIONS_AT: Final = (0.1, 1.1, 4.1)  # s after a browser has begun
STALE_LOOK_EVERY: Final = 60.0

T = TypeVar("T")


class Sent(NamedTuple):
    """One packet on a LAN."""

    at: float
    source: str  # the device that sent it
    content: bytes


@dataclass(eq=False)
class Lan:
    """A network, and everything that was sent on it."""

    name: str
    link: int  # the index of everybody's interface to it
    nursery: trio.Nursery
    sent: list[Sent] = field(default_factory=list)
    responders: list[Responder] = field(default_factory=list)

    def locals(self, number: int) -> tuple[Local, ...]:
        """The addresses of the device with this number."""
        hosts = ((f"10.9.{self.link}.{number}", 24), (f"fe80::{self.link}:{number}%{self.link}", 64))
        return tuple(Local(self.link, host, bits) for host, bits in hosts)

    def send(self, source: Responder, content: bytes) -> None:
        """Record it, and let everybody hear it, the sender too."""
        self.sent.append(Sent(trio.current_time(), source.device, content))
        for responder in list(self.responders):
            responder.hear(content, source)


class Responder(zeroconf.Zeroconf):
    """zeroconf on one link of one device, without sockets."""

    def __init__(self, lan: Lan, device: str, host: str) -> None:
        self.lan, self.device, self.host = lan, device, host
        self.done = False
        self.loop = None
        self.registry = ServiceRegistry()
        self.cache = DNSCache()
        self.question_history = QuestionHistory()
        self.out_queue = MulticastOutgoingQueue(self, 0, 0)  # which are not used: answers are taken from the handler
        self.out_delay_queue = MulticastOutgoingQueue(self, 0, 0)
        self.query_handler = QueryHandler(self)
        self.record_manager = RecordManager(self)
        self._notify_futures = set()
        lan.responders.append(self)

    @property
    def clock(self) -> float:
        return START + 1000 * trio.current_time()

    # --- saying ------------------------------------------------------------------------------------------

    def say(self, out: DNSOutgoing) -> None:
        if not self.done:
            for packet in out.packets():
                self.lan.send(self, bytes(packet))

    async def show(self, info: AsyncServiceInfo) -> None:
        info.set_server_if_missing()
        self.registry.async_add(info)
        await self._broadcast(info, REGISTER_EVERY, None)

    async def withdraw(self, info: AsyncServiceInfo) -> None:
        self.registry.async_remove(info)
        await self._broadcast(info, GOODBYE_EVERY, 0)

    async def _broadcast(self, info: AsyncServiceInfo, every: float, ttl: int | None) -> None:
        for number in range(BROADCASTS):
            if number:
                await trio.sleep(every)
            self.say(self.generate_service_broadcast(info, ttl))

    def browse(self, service_type: str) -> trio.CancelScope:
        """Ask who is there, and again about whom nobody has heard of for long."""
        scope = trio.CancelScope()
        self.lan.nursery.start_soon(self._ask, service_type, scope)
        return scope

    async def _ask(self, service_type: str, scope: trio.CancelScope) -> None:
        with scope:
            began = trio.current_time()
            for at in QUESTIONS_AT:
                await trio.sleep_until(began + at)
                self.ask(service_type)
            while True:
                await trio.sleep(STALE_LOOK_EVERY)
                self.cache.async_expire(self.clock)
                known = self.cache.get_all_by_details(service_type, 12, 1)
                if any(record.is_stale(self.clock) for record in known):
                    self.ask(service_type)

    def ask(self, service_type: str) -> None:
        """One question, with what is known already."""
        for out in generate_service_query(self, self.clock, {service_type}, True, None):
            self.say(out)

    # --- hearing -----------------------------------------------------------------------------------------

    def hear(self, content: bytes, source: Responder) -> None:
        message = DNSIncoming(content, (source.host, PORT), None, self.clock)
        assert message.valid
        if not message.is_query():
            self.record_manager.async_updates_from_response(message)
        elif source is not self:
            self.lan.nursery.start_soon(self._answer, message)

    async def _answer(self, message: DNSIncoming) -> None:
        found = self.query_handler.async_response([message], False)
        if found is None:
            return
        await trio.sleep(0.05)
        for answers in (found.mcast_now, found.mcast_aggregate, found.mcast_aggregate_last_second):
            if answers:
                self.say(construct_outgoing_multicast_answers(answers))
        if found.ucast:
            self.say(construct_outgoing_unicast_answers(found.ucast, False, message.questions, message.id))

    def leave(self) -> None:
        """Say goodbye for everything that is shown, and be gone."""
        goodbye = self.generate_unregister_all_services()
        if goodbye is not None:
            for _ in range(BROADCASTS):
                self.say(goodbye)
        self.done = True
        self.lan.responders.remove(self)


class CapturedLink(LocalLink):
    """A link whose responder works in this task."""

    zeroconf: Responder

    async def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return await coroutine

    async def close(self) -> None:
        self.over.set()
        self.zeroconf.leave()


class Wires:
    """The links of one device: its interfaces, as `Discovery` sees them."""

    def __init__(self, device: str, number: int) -> None:
        self.device, self.number = device, number
        self.here: tuple[Local, ...] = ()
        self.lans: dict[int, Lan] = {}  # by link
        self._changed = trio.Event()

    def plug(self, lans: Iterable[Lan]) -> None:
        """Be on these LANs, and no other."""
        self.lans = {lan.link: lan for lan in lans}
        self.here = tuple(local for lan in self.lans.values() for local in lan.locals(self.number))
        self._changed.set()
        self._changed = trio.Event()

    async def other_than(self, known: tuple[Local, ...]) -> tuple[Local, ...]:
        while self.here == known:
            await self._changed.wait()
        return self.here
