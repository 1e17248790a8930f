"""A network in memory, in virtual time, that can misbehave like any real one: late, twice, garbled, cut, gone.

    net = MemoryNetwork(seed=1)
    ana, ben = net.device("ana"), net.device("ben")
    net.latency(0.05)
    net.partition("ana", "ben")
    net.heal()
    await net.settle()
    net.host("ben").move("café")                     # another LAN; back again later

All randomness comes from the seed. Faults affect everything sent from then on; `heal` ends all of them except latency.
A stream must not lose or reorder bytes, so `drop` breaks connections, and `duplicate` and `reorder` work on whole
deliveries (beacons, connections); only `garble` breaks that promise.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from ipaddress import IPv4Network
from itertools import count
from random import Random
from typing import Final
from weakref import WeakKeyDictionary

import trio
import trio.testing

from cellsync.cell.cell import Cell
from cellsync.cell.home import Home
from cellsync.core.errors import CellsyncError, NoPeer
from cellsync.core.ids import Millis
from cellsync.node.lan import CARRIER, Mode, hides, shows
from cellsync.node.network import Address, Ends, Handler, Here, MakeBlob, Sighting, without_scope
from cellsync.node.sites import UNRECOGNISED, Sites
from cellsync.testing.device import SimulatedDevice, level
from cellsync.testing.home import make_home
from cellsync.testing.pipe import Chunk, End, Pipe

CONNECTIONS: Final = 768  # concurrent ones of one host, as over TCP
WAITING: Final = 64  # sightings
ROTATE_SECONDS: Final = (240.0, 300.0)
USUAL: Final = "usual"  # the LAN on which every host is at first
LOOK_EVERY: Final = 24 * 3600.0  # seconds: a port may have expired
SPREAD_SECONDS: Final = 0.2  # by how much `reorder` delays a delivery, at most


class MemoryNetwork:
    """Hosts, and what happens between them."""

    def __init__(self, seed: int = 0) -> None:
        self.bytes_sent: Counter[tuple[str, str]] = Counter()  # (from, to) -> bytes, including lost ones
        self.failures: list[Exception] = []  # raised by handlers; a test may want it to stay empty
        self._seed = seed
        self._random = Random(seed)
        self._hosts: dict[str, MemoryHost] = {}
        self._homes: dict[str, Home] = {}
        self._devices: dict[str, SimulatedDevice] = {}
        self._parted: set[frozenset[str]] = set()
        self._silent: set[frozenset[str]] = set()
        self._pipes: list[Pipe] = []
        self._lans = {USUAL: IPv4Network("10.0.0.0/16")}  # by name
        self._addresses: dict[str, Iterator[int]] = {}  # the next free one, by LAN
        self._latency = 0.0
        self._lags: dict[str, float] = {}  # by host
        self._drop = 0.0
        self._duplicate = False
        self._reorder: Random | None = None
        self._garble: tuple[Random, float] | None = None
        self._cut_after: int | None = None

    def host(self, name: str) -> MemoryHost:
        """The host of this name; a new one gets the next free address."""
        if name not in self._hosts:
            self._hosts[name] = MemoryHost(self, name, self.next_address(USUAL), Random(f"{self._seed}/{name}"))
        return self._hosts[name]

    def home(self, name: str) -> Home:
        """The home of the device on the host of this name; the same at every call."""
        if name not in self._homes:
            self._homes[name] = make_home(self.host(name), f"{self._seed}/home/{name}")
        return self._homes[name]

    def device(self, name: str) -> SimulatedDevice:
        """The device on the host of this name; the same at every call."""
        if name not in self._devices:
            self._devices[name] = SimulatedDevice(name, self.home(name))
        return self._devices[name]

    @asynccontextmanager
    async def cells(self, *names: str, role: str = "writer") -> AsyncIterator[list[Cell]]:
        """One cell, open on a device for each name; the first has founded it and admitted the others. All are level."""
        async with AsyncExitStack() as stack:
            first = await self.device(names[0]).found()
            opened = [await stack.enter_async_context(first.opened())]
            for name in names[1:]:
                device = await self.device(name).join(opened[0], role)
                opened.append(await stack.enter_async_context(device.opened()))
            await level(opened)
            yield opened

    # --- faults -----------------------------------------------------------------------------------

    def partition(self, one: str | Iterable[str], other: str | Iterable[str], *, silent: bool = False) -> None:
        """Separate two hosts, or two groups. Connections between them break; if `silent` they stall until healed."""
        for a in _names(one):
            for b in _names(other):
                link = frozenset((a, b))
                self._parted.add(link)
                if silent:
                    self._silent.add(link)
        for pipe in self._live():
            if self._link(pipe) in self._silent:
                pipe.stalled = True
            elif self._link(pipe) in self._parted:
                pipe.cut()

    def heal(self) -> None:
        """End every fault. Latency stays, broken connections stay broken; hosts see each other's beacons again."""
        self._parted.clear()
        self._silent.clear()
        self._drop, self._duplicate = 0.0, False
        self._reorder = self._garble = self._cut_after = None
        for pipe in self._live():
            pipe.release()
        for host in self._hosts.values():
            host.show_again()

    def latency(self, seconds: float) -> None:
        """Set the one-way delay of everything."""
        self._latency = seconds

    def lag(self, name: str, seconds: float) -> None:
        """How much longer all takes that one host sends."""
        self._lags[name] = seconds

    def drop(self, probability: float) -> None:
        """With this probability, each chunk sent is lost and breaks its connection."""
        self._drop = probability

    def duplicate(self) -> None:
        """Beacons arrive twice; and for each new connection the callee gets a second one that repeats everything the
        caller sends, like a recorded replay. The callee's answers on it are discarded."""
        self._duplicate = True

    def reorder(self, seed: int) -> None:
        """Each delivery takes up to 0.2 s longer: beacons and connections overtake each other, bytes of one do not."""
        self._reorder = Random(seed)

    def garble(self, seed: int, probability: float = 0.2) -> None:
        """Each chunk is, with this probability, repeated, swapped with the one before, or has one bit flipped."""
        self._garble = (Random(seed), probability)

    def cut_after(self, n_bytes: int) -> None:
        """The connection that carries the n-th byte from now on breaks after it; everything before arrives."""
        self._cut_after = n_bytes

    # --- looking ----------------------------------------------------------------------------------

    async def settle(self) -> None:
        """Wait until nothing is in transit and every task is blocked; a mock clock is advanced as far as needed.

        Bytes that have arrived unread are not in transit. Timers of the hosts are not run down.
        """
        while True:
            await trio.testing.wait_all_tasks_blocked()
            now = trio.current_time()
            arrivals = [chunk.arrives for pipe in self._live() if not pipe.stalled for chunk in pipe.chunks]
            arrivals += [arrives for host in self._hosts.values() for arrives in host.expected()]
            soon = min((arrives for arrives in arrivals if arrives > now), default=None)
            if soon is None:
                return
            clock = trio.lowlevel.current_clock()
            if isinstance(clock, trio.testing.MockClock) and clock.autojump_threshold == float("inf"):
                clock.jump(soon - now)
            else:
                await trio.sleep_until(soon)

    def check_failures(self) -> None:
        """Assert that handlers have failed only because a peer broke the protocol."""
        unexpected = [error for error in self.failures if not isinstance(error, CellsyncError)]
        if unexpected:
            raise AssertionError(f"handlers ended for reasons of their own: {unexpected}") from unexpected[0]

    # --- what hosts ask ---------------------------------------------------------------------------

    def reaches(self, one: str, other: str) -> bool:
        """Whether `other` receives what `one` sends."""
        here, there = self._hosts[one].lan, self._hosts[other].lan
        return here is not None and here == there and frozenset((one, other)) not in self._parted

    async def connect(self, source: MemoryHost, address: Address) -> trio.abc.Stream:
        """A connection of `source` to the listener at `address`."""
        await trio.sleep(self._delay())
        for target in self._hosts.values():
            listener = target.listener(address)
            if listener is not None and self.reaches(source.name, target.name):
                break
        else:
            raise NoPeer("nobody answers at that address")
        there, back = self._pipes_between(source, target)
        callee, caller = End(there, back), End(back, there)
        source.note(caller, Ends(source.host, target.host))
        target.note(callee, Ends(target.host, source.host))
        listener.accept(callee)
        if self._duplicate:
            there.copy, nowhere = self._pipes_between(source, target)
            nowhere.discard()
            listener.accept(End(there.copy, nowhere))
        return caller

    def show(self, source: MemoryHost, sighting: Sighting) -> None:
        """Deliver a beacon to every host that `source` reaches."""
        for target in self._hosts.values():
            if target is not source and self.reaches(source.name, target.name):
                for _ in range(2 if self._duplicate else 1):
                    target.expect(trio.current_time() + self._delay(), sighting)

    def visible_to(self, target: MemoryHost) -> list[Sighting]:
        """The current beacons of all hosts that reach `target`."""
        others = [host for host in self._hosts.values() if host is not target]
        return [s for host in others if self.reaches(host.name, target.name) for s in host.shown.values()]

    def break_connections(self, name: str) -> None:
        """Break all connections of one host."""
        for pipe in self._live():
            if name in self._link(pipe):
                pipe.cut()

    def network_of(self, lan: str) -> IPv4Network:
        """The addresses of a LAN."""
        if lan not in self._lans:
            self._lans[lan] = IPv4Network(f"10.{len(self._lans)}.0.0/16")
        return self._lans[lan]

    def next_address(self, lan: str) -> str:
        """A free address of a LAN."""
        return str(self.network_of(lan)[next(self._addresses.setdefault(lan, count(1)))])

    # --- carrying ---------------------------------------------------------------------------------

    def _carry(self, pipe: Pipe, content: bytes) -> None:
        self.bytes_sent[pipe.source, pipe.target] += len(content)
        cut = self._cut_after is not None and self._cut_after <= len(content)
        if self._cut_after is not None:
            content = content[: self._cut_after]
            self._cut_after = None if cut else self._cut_after - len(content)
        if self._drop and self._random.random() < self._drop:
            self._cut(pipe, deliver=False)
            return
        arrives = trio.current_time() + self._delay() + self._lags.get(pipe.source, 0.0)
        pipe.put(content, arrives)
        if pipe.copy is not None:
            pipe.copy.put(content, arrives) if pipe.copy.has_room(len(content)) else pipe.copy.cut()
        if self._garble is not None:
            self._spoil(pipe, *self._garble)
        if cut:
            self._cut(pipe, deliver=True)

    def _spoil(self, pipe: Pipe, random: Random, probability: float) -> None:
        """Damage the last chunk put."""
        if not pipe.chunks or random.random() >= probability:
            return
        arrives, content = pipe.chunks[-1]
        way = random.choice(("repeat", "swap", "flip"))
        if way == "repeat" and pipe.has_room(len(content)):
            pipe.put(content, arrives)
        elif way == "swap" and len(pipe.chunks) > 1:
            before = pipe.chunks[-2]
            pipe.chunks[-2] = Chunk(before.arrives, content)
            pipe.chunks[-1] = Chunk(arrives, before.content)
        else:
            damaged = bytearray(content)
            damaged[random.randrange(len(damaged))] ^= 1 << random.randrange(8)
            pipe.chunks[-1] = Chunk(arrives, bytes(damaged))

    def _cut(self, pipe: Pipe, *, deliver: bool) -> None:
        """Break both directions of a connection."""
        pipe.cut(deliver=deliver)
        if pipe.back is not None:
            pipe.back.cut(deliver=deliver)

    def _pipes_between(self, source: MemoryHost, target: MemoryHost) -> tuple[Pipe, Pipe]:
        there, back = Pipe(source.name, target.name, self._carry), Pipe(target.name, source.name, self._carry)
        there.back, back.back = back, there
        self._pipes = [*self._live(), there, back]
        return there, back

    def _live(self) -> list[Pipe]:
        return [pipe for pipe in self._pipes if not pipe.is_over]

    def _link(self, pipe: Pipe) -> frozenset[str]:
        return frozenset((pipe.source, pipe.target))

    def _delay(self) -> float:
        return self._latency + (self._reorder.uniform(0, SPREAD_SECONDS) if self._reorder is not None else 0.0)


class MemoryHost:
    """One device's `Network`; made by `MemoryNetwork.host`."""

    carrier = CARRIER

    def __init__(self, net: MemoryNetwork, name: str, host: str, random: Random) -> None:
        self.name = name
        self.host = host
        self.shown: dict[object, Sighting] = {}
        self.dialled: list[Address] = []
        self.mode: Mode = "announce"  # as on a LAN, but only for showing; it looks in every mode
        self.lan: str | None = USUAL
        self._net = net
        self._random = random
        self._leases: dict[str, str] = {USUAL: host}  # its address in each LAN, which it gets again there
        self._ends: WeakKeyDictionary[trio.abc.Stream, Ends] = WeakKeyDictionary()
        self._on: str | None = None  # the LAN on which it listens
        self._site = UNRECOGNISED
        self._ports: dict[Listener, list[int]] = {}  # the current one, and perhaps the previous one
        self._listeners: dict[int, Listener] = {}
        self._moved = trio.Event()
        self._inboxes: list[Inbox] = []
        self._subscribers: list[trio.MemorySendChannel[None]] = []

    # --- Network ----------------------------------------------------------------------------------

    async def serve(
        self, handler: Handler, sites: Sites | None = None, *,
        task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
    ) -> None:  # fmt: skip
        """As `Network.serve`."""
        sites = sites or Sites(now=lambda: Millis(0), entropy=self._random.randbytes)
        started = False
        async with trio.open_nursery() as nursery:
            listener = Listener(nursery, handler, self._net.failures)
            try:
                while True:
                    moved = self._moved
                    if await self._listen(listener, sites) and started:
                        self._tell()
                    if not started:
                        started = True
                        task_status.started(next((at.port for network in self.here() for at in network.addresses), 0))
                    with trio.move_on_after(LOOK_EVERY):
                        await moved.wait()
            finally:
                self._stop(listener)

    async def _listen(self, listener: Listener, sites: Sites) -> bool:
        """Move this listener to the port kept for this LAN; returns whether anything has changed."""
        lan = self.lan
        if lan is None:
            self._stop(listener)
            self._on = None
            return False
        site = sites.site(lan.encode())
        port = await sites.port(site)
        while self._listeners.get(port, listener) is not listener:  # taken
            port = await sites.another(site)
        before = sites.port_before(site)
        wanted = [port] if before is None else [port, before]
        if self.lan != lan or (self._on == lan and self._ports.get(listener) == wanted):
            return False
        self._stop(listener)
        self._listeners.update({each: listener for each in wanted if each not in self._listeners})
        self._on, self._site, self._ports[listener] = lan, site, wanted
        return True

    def _stop(self, listener: Listener) -> None:
        for port in [port for port, open_listener in self._listeners.items() if open_listener is listener]:
            del self._listeners[port]
        self._ports.pop(listener, None)

    async def dial(self, address: Address) -> trio.abc.Stream:
        """As `Network.dial`, but an address that does not answer fails immediately."""
        self.dialled.append(address)
        return await self._net.connect(self, address)

    def here(self) -> tuple[Here, ...]:
        """As `Network.here`."""
        if self.lan is None or self.lan != self._on or not self._listeners:
            return ()
        addresses = tuple(Address(self.host, port) for port, *_ in self._ports.values())
        return (Here(self._site, 1, addresses, (self._net.network_of(self.lan),)),)

    def ends(self, stream: trio.abc.Stream) -> Ends | None:
        """As `Network.ends`."""
        return self._ends.get(stream)

    @property
    def is_hidden(self) -> bool:
        """As `Network.is_hidden`."""
        return hides(self.mode)

    async def announce(self, make_blob: MakeBlob) -> None:
        """As `Network.announce`."""
        if not shows(self.mode, make_blob):
            return
        me = object()
        try:
            while True:
                moved = self._moved
                addresses = tuple(address for here in self.here() for address in here.addresses)
                self.shown.pop(me, None)
                if addresses:
                    self.shown[me] = Sighting(make_blob(addresses), addresses)
                    self._net.show(self, self.shown[me])
                with trio.move_on_after(self._random.uniform(*ROTATE_SECONDS)):
                    await moved.wait()
        finally:
            self.shown.pop(me, None)

    @asynccontextmanager
    async def sightings(self) -> AsyncIterator[trio.MemoryReceiveChannel[Sighting]]:
        """As `Network.sightings`."""
        send, receive = trio.open_memory_channel[Sighting](WAITING)
        inbox = Inbox()
        with send, receive:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(inbox.pump, send)
                self._inboxes.append(inbox)
                for sighting in self._net.visible_to(self):
                    inbox.expect(trio.current_time(), sighting)
                try:
                    yield receive
                finally:
                    self._inboxes.remove(inbox)
                    nursery.cancel_scope.cancel()

    @asynccontextmanager
    async def changes(self) -> AsyncIterator[trio.MemoryReceiveChannel[None]]:
        """As `Network.changes`: after `change_address`."""
        send, receive = trio.open_memory_channel[None](1)
        with send, receive:
            self._subscribers.append(send)
            try:
                yield receive
            finally:
                self._subscribers.remove(send)

    # --- for tests --------------------------------------------------------------------------------

    def change_address(self) -> None:
        """Get another address on the same LAN: connections break, beacons are made again."""
        if self.lan is not None:
            self._leases[self.lan] = self._net.next_address(self.lan)
            self.move(self.lan)

    def move(self, lan: str | None) -> None:
        """Join another LAN, or none: connections break, beacons are made again. Coming back restores its address."""
        self._net.break_connections(self.name)
        self.lan = lan
        if lan is not None:
            self.host = self._leases.setdefault(lan, self._net.next_address(lan))
        self._tell()

    def _tell(self) -> None:
        self._moved.set()
        self._moved = trio.Event()
        for subscriber in self._subscribers:
            with suppress(trio.WouldBlock):
                subscriber.send_nowait(None)

    # --- what the network asks --------------------------------------------------------------------

    def listener(self, address: Address) -> Listener | None:
        """The listener at `address` on this host."""
        return self._listeners.get(address.port) if without_scope(address.host) == self.host else None

    def note(self, stream: trio.abc.Stream, ends: Ends) -> None:
        """Note the ends of a stream of this host."""
        self._ends[stream] = ends

    def expect(self, arrives: float, sighting: Sighting) -> None:
        """Let a beacon arrive here."""
        for inbox in self._inboxes:
            inbox.expect(arrives, sighting)

    def expected(self) -> list[float]:
        """The arrival times of the beacons in transit."""
        return [arrives for inbox in self._inboxes for arrives in inbox.expected()]

    def show_again(self) -> None:
        """Show the current beacons to all hosts that can see them."""
        for sighting in self.shown.values():
            self._net.show(self, sighting)


class Listener:
    """One `serve`."""

    def __init__(self, nursery: trio.Nursery, handler: Handler, failures: list[Exception]) -> None:
        self._nursery, self._handler, self._failures = nursery, handler, failures
        self._open_now = 0

    def accept(self, stream: trio.abc.Stream) -> None:
        """Pass it to the handler; one too many is closed."""
        self._nursery.start_soon(self._run, stream, self._open_now < CONNECTIONS)
        self._open_now += 1

    async def _run(self, stream: trio.abc.Stream, welcome: bool) -> None:
        try:
            async with stream:
                if welcome:
                    await self._handler(stream)
        except Exception as error:
            self._failures.append(error)
        finally:
            self._open_now -= 1


class Inbox:
    """Beacons in transit to one listener, in order of arrival."""

    def __init__(self) -> None:
        self._coming: list[tuple[float, int, Sighting]] = []
        self._order = count()
        self._more = trio.Event()

    def expect(self, arrives: float, sighting: Sighting) -> None:
        """Add one; beyond 96 they are dropped."""
        if len(self._coming) < WAITING:
            heapq.heappush(self._coming, (arrives, next(self._order), sighting))
            self._more.set()

    def expected(self) -> list[float]:
        """Their arrival times."""
        return [arrives for arrives, _, _ in self._coming]

    async def pump(self, send: trio.MemorySendChannel[Sighting]) -> None:
        """Hand them on as they arrive, until cancelled."""
        while True:
            wait = self._coming[0][0] - trio.current_time() if self._coming else float("inf")
            if wait > 0:
                self._more = trio.Event()
                with trio.move_on_after(wait):
                    await self._more.wait()
            else:
                with suppress(trio.WouldBlock):
                    send.send_nowait(heapq.heappop(self._coming)[2])


def _names(hosts: str | Iterable[str]) -> list[str]:
    return [hosts] if isinstance(hosts, str) else list(hosts)
