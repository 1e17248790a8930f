"""Circles of many devices, some of which lie about what they hold: drawn networks, in memory and in virtual time.

A liar takes part as all devices do, and in addition, as drawn:

    swallows   keeps the entries of others to itself; while it does not, it passes all on to every peer immediately
    denies     never tells what it has received
    invents    names heads that no device holds: beyond the ends of chains, and in chains that do not exist
    lag        sends everything late

Only the circle that a liar's sessions see, and the links over which it sends, are manipulated. Honest devices run the
usual code, and are connected with each other, directly or through other honest ones.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache
from itertools import combinations
from random import Random
from typing import Any, Final, NamedTuple

import trio

from cellsync.core.history.serving import PeerHoldings, Served
from cellsync.core.history.withholding import Withheld
from cellsync.core.ids import CaseId, CircleId, EntryId, Incarnation, Millis
from cellsync.core.replica.planner import Intention
from cellsync.core.session.session import growth
from cellsync.core.session.way import Way
from cellsync.core.wire import operations
from cellsync.core.wire.batches import Batch
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.places import Frontier, Head
from cellsync.core.wire.tags import Kind, Op
from cellsync.ledger.circle import OpenCircle
from cellsync.ledger.source import FromSession, Source
from cellsync.ledger.surroundings import Surroundings
from cellsync.node.link import PeerLink
from cellsync.node.node import Node
from cellsync.node.strand import Strand
from cellsync.store.sqlite import SqliteStore
from cellsync.testing import MemoryNetwork, simulate
from tests.core.replicas import START, MemoryReplica, admitted, founded

HOP: Final = 0.01  # seconds
SETTLED: Final = 30.0  # seconds after which all are connected, and have told what they hold
INVENTS_EVERY: Final = 3.0  # seconds
LATE: Final = 15.0  # seconds for which swallowers may delay an entry, at most
IN_STEP: Final = 400.0  # seconds
FRAME: Final = 274  # bytes of the smallest frame
FRAMES_EACH: Final = 8  # frames that one link may take for an entry
QUIET: Final = 15.0  # seconds in which a link carries one frame at most, while nothing is written
WATCHING: Final = 3.0  # frames a second of devices that ask and are asked often
STARTS: Final = 100  # frames of beginning connections
CASE: Final = CaseId(bytes(32))


class Lies(NamedTuple):
    """The behaviour of a liar."""

    denies: bool = False
    invents: bool = False
    lag: float = 0.0  # seconds


@cache
def _members(size: int) -> tuple[list[MemoryReplica], Batch]:
    """The devices of a circle, and the batch that introduces them."""
    first = founded("device 0", 1)
    made = [first, *(admitted(first, f"device {number}", number + 1) for number in range(1, size))]
    served = first.serve(0, PeerHoldings({}, (), ()), first.last_arrival())
    assert served.batch is not None
    return made, served.batch


class Eager(Strand):
    """What a link carries immediately, whatever its way."""

    way = property(lambda self: Way.NEEDED)


class LyingCircle(OpenCircle):
    """What a liar's sessions see of its circle."""

    lies = Lies()
    swallows = False
    random = Random(0)

    def serve(self, cursor: int, peer: PeerHoldings, until: int, withheld: Withheld = Withheld.NOTHING) -> Served:
        if self.swallows:
            others = {chain.number for chain in self.replica.held.chains.values() if chain.device != self.device}
            peer = PeerHoldings(peer.known, others, peer.equivocators)
        return super().serve(cursor, peer, until, withheld)

    def frontier(self) -> Frontier:
        held = super().frontier()
        heads = frozenset(head for head in held.heads if head.device == self.device) if self.lies.denies else held.heads
        return held._replace(heads=heads | (self.invented() if self.lies.invents else frozenset()))

    def invented(self) -> frozenset[Head]:
        """Heads that no device holds."""
        chains = self.random.sample(sorted(super().frontier().heads), 1)
        after = {
            head._replace(sequence=head.sequence + self.random.randint(1, 3), id=EntryId(self.random.randbytes(32)))
            for head in chains
        }
        return frozenset(
            {*after, *(head._replace(incarnation=Incarnation(self.random.randbytes(8))) for head in after)}
        )


class Member:
    """A running device, which is a liar if there are `lies`."""

    def __init__(self, net: MemoryNetwork, number: int, size: int, lies: Lies | None) -> None:
        made, introduction = _members(size)
        replica = made[number]
        self.name = f"device {number}"
        self.lies = lies
        self.secrets = replica.secrets
        self.held: dict[EntryId, float] = {}  # entry -> since when
        self._introduction = introduction
        random = Random(f"{self.name} of {size}")
        store = SqliteStore.in_memory()
        first = made[0]
        circle = CircleId(first.replica.circle.id)
        OpenCircle.prepare(
            store, replica.device, replica.line[1], first.epochs.newest, first.epochs.today(START), circle
        )
        store.flush()
        surroundings = Surroundings(
            lambda: Millis(START + int(1000 * trio.current_time())), random.randbytes, threads=False
        )
        self.circle = (OpenCircle if lies is None else LyingCircle)(circle, store, surroundings)
        self.circle.watch(self._committed)
        self.node = Node([self.circle], self.secrets.session, net.host(self.name))
        if isinstance(self.circle, LyingCircle) and lies is not None:
            self.circle.lies, self.circle.random = lies, random
            self._lie(net, lies)
        self._random = random

    def _lie(self, net: MemoryNetwork, lies: Lies) -> None:
        net.lag(self.name, lies.lag)
        links: Any = self.node.links
        link = links.link

        def eager(session: Any, stream: Any) -> PeerLink:
            if lies.denies:
                session.note = lambda *_: None
            made: PeerLink = link(session, stream)
            for strand in made._strands.values():
                strand.__class__ = Eager
            if lies.denies:
                made.tell = lambda *_: None  # type: ignore[method-assign]
            return made

        links.link = eager

    def _committed(self, plan: Any, source: Source) -> None:
        for entry in plan.commit.entries:
            self.held[entry.id] = trio.current_time()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        await self.circle.ingest(self._introduction, FromSession(None, 0))
        async with self.node.running(), trio.open_nursery() as nursery:
            if self.lies is not None and self.lies.invents:
                nursery.start_soon(self._invent)
            yield
            nursery.cancel_scope.cancel()

    async def _invent(self) -> None:
        assert isinstance(self.circle, LyingCircle)
        while True:
            await trio.sleep(self._random.uniform(0, 2 * INVENTS_EVERY))
            told = growth(Frontier(self.circle.invented()))
            for link in self.node.links.all():
                link.session.tell(self.circle.id, told, trio.current_time())
                link._wake.set()

    async def write(self) -> EntryId:
        """An entry of its own."""
        done = [Operation(Op.SET, "title", b"", f"of {self.name}")]
        shape, content = operations.encode_shape(done), operations.encode_content(self._random.randbytes(16), done)
        plan = await self.circle.write(self.secrets.signing, [Intention(Kind.CASE, CASE, shape, content)])
        return EntryId(plan.commit.entries[-1].id)


class Script(NamedTuple):
    """A network, its liars and their lies, and the steps: (what happens, to which device)."""

    size: int
    liars: dict[int, Lies]
    parted: frozenset[tuple[int, int]]  # pairs that do not reach each other
    steps: list[tuple[str, int]]


def connected(size: int, parted: Collection[tuple[int, int]], without: Collection[int]) -> bool:
    """Whether all devices but those left out are connected, directly or through each other."""
    members = [number for number in range(size) if number not in without]
    found, waiting = set(members[:1]), members[:1]
    while waiting:
        one = waiting.pop()
        for other in members:
            if other not in found and (min(one, other), max(one, other)) not in parted:
                found.add(other)
                waiting.append(other)
    return found == set(members)


def drawn(random: Random) -> Script:
    """A script for 3 to 12 devices. In a third of all scripts all reach each other; in the rest as few as possible.

    In some, all but two lie.
    """
    size = random.randint(3, 12)
    shuffled = random.sample(range(size), size)
    liars = {
        number: Lies(random.random() < 0.5, random.random() < 0.5, random.choice((0.0, 0.0, 0.3, 3.0, 12.0)))
        for number in shuffled[: min(random.choice((0, 1, 2, 2, 3, size - 2)), size - 2)]
    }
    parted: set[tuple[int, int]] = set()
    pairs = list(combinations(range(size), 2))
    for pair in random.sample(pairs, random.choice((0, random.randint(0, len(pairs)), len(pairs)))):
        if connected(size, {*parted, pair}, ()) and connected(size, {*parted, pair}, liars):
            parted.add(pair)
    words = ["write"] * 4 + ["lure", "lure", "turn", "drop", "wait"]
    steps = [(random.choice(words), random.randrange(size)) for _ in range(random.randint(4, 14))]
    return Script(size, liars, frozenset(parted), steps)


class Overlay:
    """The running devices of a script."""

    def __init__(self, script: Script, seed: int) -> None:
        self.net = MemoryNetwork(seed)
        self.net.latency(HOP)
        self.members = [
            Member(self.net, number, script.size, script.liars.get(number)) for number in range(script.size)
        ]
        self.honest = [member for member in self.members if member.lies is None]
        self.liars = [member for member in self.members if member.lies is not None]
        self.late = 0.0  # most seconds until all honest devices held what one of them wrote
        self.written = 0  # entries, including those of liars
        for one, other in script.parted:
            self.net.partition(self.members[one].name, self.members[other].name)

    async def play(self, steps: Iterable[tuple[str, int]]) -> None:
        """Perform these steps, and wait until all are in step. The network works throughout, except for the liars."""
        async with AsyncExitStack() as stack:
            for member in self.members:
                await stack.enter_async_context(member.running())
            await trio.sleep(SETTLED)
            await self.write(0)
            await trio.sleep(SETTLED)
            began, before = trio.current_time(), self._sent()
            for what, who in steps:
                if what == "write" or self.liars:
                    await getattr(self, what)(who)
                await trio.sleep(1)
            await self.in_step()
            self._check_cost(trio.current_time() - began, self._sent() - before)
            self.net.check_failures()

    async def in_step(self) -> None:
        with trio.fail_after(IN_STEP):
            while len({member.circle.digest() for member in self.honest}) > 1:  # noqa: ASYNC110
                await trio.sleep(0.25)

    def _sent(self) -> int:
        honest = {member.name for member in self.honest}
        return sum(sent for (source, _), sent in self.net.bytes_sent.items() if source in honest)

    def _check_cost(self, seconds: float, sent: int) -> None:
        """Whatever the lies, the cost is some frames per entry and link, beside that of a connection at rest."""
        links = sum(len(member.node.links) for member in self.honest)
        frames = links * (FRAMES_EACH * self.written + seconds / QUIET) + len(self.honest) * seconds * WATCHING
        assert sent <= FRAME * (frames + STARTS * len(self.members)), (sent, FRAME * frames)

    # --- what happens -------------------------------------------------------------------------------------

    async def write(self, who: int) -> None:
        """An honest device writes, and all honest devices get the entry soon."""
        author = self.honest[who % len(self.honest)]
        began = trio.current_time()
        entry = await author.write()
        self.written += 1
        with trio.move_on_after(2 * LATE):
            while not all(entry in member.held for member in self.honest):  # noqa: ASYNC110
                await trio.sleep(0.05)
        self.late = max(self.late, trio.current_time() - began)

    async def lure(self, who: int) -> None:
        """A liar sends its entries to all devices before they can pass them to each other, and then swallows."""
        liar = self._liar(who)
        self._swallow(liar, False)
        for _ in range(3):
            await liar.write()
            self.written += 1
            await trio.sleep(1)
        self._swallow(liar, True)

    async def turn(self, who: int) -> None:
        """A liar begins to swallow, or stops."""
        liar = self._liar(who)
        self._swallow(liar, not liar.circle.swallows)  # type: ignore[attr-defined]

    async def drop(self, who: int) -> None:
        """All connections of a liar break, and are made again."""
        self.net.break_connections(self._liar(who).name)

    async def wait(self, who: int) -> None:
        await trio.sleep(20)

    def _liar(self, who: int) -> Member:
        return self.liars[who % len(self.liars)]

    @staticmethod
    def _swallow(liar: Member, swallows: bool) -> None:
        assert isinstance(liar.circle, LyingCircle)
        liar.circle.swallows = swallows


def play(script: Script, seed: int) -> None:
    """Raises if an honest device lacks an entry in the end, had to wait too long for it, or sent too much."""

    async def scenario() -> None:
        overlay = Overlay(script, seed)
        await overlay.play(script.steps)
        assert overlay.late <= LATE, f"{overlay.late:.1f} s late"

    simulate(scenario, seed)


def history(seed: int) -> int:
    """For `tests/searches`."""
    play(drawn(Random(f"overlay {seed}")), seed)
    return 1


def two_groups(each: int) -> Script:
    """Two groups joined by one connection, and a liar that all reach, which lures and swallows."""
    pairs = combinations(range(2 * each), 2)
    parted = frozenset((one, other) for one, other in pairs if one < each <= other and (one, other) != (0, each))
    steps = [("lure", 0), ("write", each - 1), ("write", 1), ("lure", 0), ("write", 2 * each - 1)]
    return Script(2 * each + 1, {2 * each: Lies()}, parted, steps)
