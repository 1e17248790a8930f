"""A link: one session over one stream, and the pump that drives it.

feed arriving bytes  ->  commit received batches  ->  send what is due  ->  wait for bytes, news or the deadline
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

import trio

from cellsync.core import caps
from cellsync.core.errors import CellsyncError
from cellsync.core.ids import CircleId, DeviceId, Millis
from cellsync.core.session.events import (
    Acknowledged,
    Answered,
    Apart,
    Called,
    Ended,
    Event,
    Forewarned,
    Located,
    Measured,
    Opened,
    Received,
)
from cellsync.core.session.session import Session
from cellsync.core.session.state import State
from cellsync.core.session.way import Way
from cellsync.core.wire.messages import Places
from cellsync.ledger.pause import collector_paused
from cellsync.ledger.source import FromSession, Source
from cellsync.node.network import Address, Ends
from cellsync.node.shared import SharedCircle
from cellsync.node.sites import UNRECOGNISED, Site

CHUNK: Final = 64 << 10  # bytes per read: about a frame, whose rows take 10 ms if they are as small as possible
ASK_EVERY: Final = 2.0  # seconds between two questions for a waiting user
UNHEARD: Final = 20.0  # seconds of silence after which a status request checks that the peer is still there
HOLD: Final = 0.3  # seconds before entries from one peer are passed on to another: it probably gets them itself
SEND_WITHIN: Final = 60.0  # seconds for 64 KiB: any slower, and the peer is not reading
CLOCK_SET: Final = 60.0  # a jump of the clock, in seconds, that means it was set or the machine has slept
_SLICE: Final = 64 << 10


class PeerLink:
    """Runs one session, called or answered, until it ends. `outcome` says why, if there was a fault."""

    def __init__(
        self, session: Session, stream: trio.abc.Stream, circles: Mapping[CircleId, SharedCircle],
        report: Callable[[PeerLink, Event], None], now: Callable[[], Millis], number: int,
    ) -> None:  # fmt: skip
        self.session = session
        self.number = number  # unique among the links of its circle
        self.called = session.state is State.OPENING  # by us
        self.told: Places = {}  # the places last told to the peer
        self.named: Collection[DeviceId] = ()  # devices whose places the peer has told
        self.lost_since = math.inf  # since when it has seemed to know few devices
        self.told_of_all = False
        self.other: DeviceId | None = None  # the device it is told about, if not about all
        self.address: Address | None = None  # where we called
        self.site: Site = UNRECOGNISED  # the network on our end, when it was opened
        self.ends: Ends | None = None  # its addresses at both ends, as far as known when it was opened
        self.said: Places = {}  # the peer's last word on where it is
        self.began = trio.current_time()
        self.since = math.inf  # when it became the link with its peer
        self.sparse = False  # there are many links, and not all of them pass everything on
        self.near = False  # this one does, until it turns out to be spare
        self.watched = False  # the peer is asked often what it holds
        self.outcome: CellsyncError | None = None
        self.opened = trio.Event()  # both sides have proved who they are
        self.over = trio.Event()
        self.sent = 0
        self.received = 0
        self.heard = now()  # when something last arrived
        self.stream = stream
        self._now = now
        self._question = 0, -math.inf  # the last question asked for a waiting user, and when
        self._clock_leads = self._lead()
        self._circles = circles
        # A node keeps one circle in step.
        [(self._circle, self._lock)] = [(circle.id, circle.lock) for circle in circles.values()]
        self._report = report
        self._wake = trio.Event()
        self._wake.set()  # a caller speaks first
        self._ripe = math.inf  # the arrival up to which entries may be passed on
        self._held: deque[tuple[float, int]] = deque()  # when, and up to which arrival it will be
        self._batches, self._received = trio.open_memory_channel[Received](caps.UNACKNOWLEDGED)
        self._ingested = trio.Event()
        self._scope = trio.CancelScope()

    @property
    def device(self) -> DeviceId | None:
        return self.session.device

    def gave(self, source: Source) -> bool:
        """Whether a step came over this link."""
        return isinstance(source, FromSession) and source.link == self.number

    @property
    def way(self) -> Way:
        """How new entries travel over this link.

        TRIED: the peer is told immediately, and gets them in a moment. NEEDED: it gets them immediately. SPARE: when
        either side asks.
        """
        way = self.session.way(self._circle) if self.sparse else Way.TRIED
        return Way.NEEDED if way is Way.TRIED and self.near else way

    def place(self, *, sparse: bool, near: bool, watched: bool) -> None:
        """Set the place of this link in the overlay."""
        self.sparse, self.near, self.watched = sparse, near, watched
        self.session.watch(watched)
        self._wake.set()

    def news(self, first: int, last: int, *, local: bool) -> None:
        """These arrivals were committed: there may be something to send, now or in a moment."""
        if local and not self.sparse:
            self._held.clear()
            self._ripe = math.inf
        else:
            self._ripe = min(self._ripe, first - 1)
            way = self.way
            if way is Way.SPARE:
                return
            if way is Way.TRIED:
                self._held.append((trio.current_time() + HOLD, last))
        self._wake.set()

    def look(self) -> None:
        """There may be something to send that is no entry."""
        self._wake.set()

    def tell(self, circle: CircleId, grown: Sequence[bytes]) -> None:
        """As `Session.tell`."""
        self.session.tell(circle, grown, trio.current_time())
        self._wake.set()

    def locate(self, circle: CircleId, places: Places) -> None:
        """As `Session.locate`, if it is news."""
        if places == self.told:
            return
        self.told = places
        self.session.locate(circle, places)
        self._wake.set()

    def ask(self) -> int:
        """As `Session.ping`."""
        number = self.session.ping()
        self._question = number, trio.current_time()
        self._wake.set()
        return number

    def ask_again(self) -> None:
        """Ask if the peer may hold more than it has told, or may be gone, and no question is open."""
        balance = self.session.balance(self._circle)
        may_hold_more = self.way is Way.SPARE and balance is not None and not balance.level
        may_be_gone = self._now() - self.heard >= 1000 * UNHEARD
        if (may_hold_more or may_be_gone) and not self.waited and trio.current_time() >= self._question[1] + ASK_EVERY:
            self.ask()

    @property
    def waited(self) -> float:
        """For how many seconds a user has waited for an answer."""
        number, since = self._question
        return trio.current_time() - since if self.session.answered < number else 0.0

    def close(self) -> None:
        self._scope.cancel()

    def _lead(self) -> float:
        """The wall clock minus elapsed time: constant unless the clock is set."""
        return self._now() / 1000 - trio.current_time()

    def give_up(self) -> None:
        """End it unless the other side has answered."""
        if not self.opened.is_set():
            self.close()

    async def run(self, already: bytes = b"") -> None:
        """Drive the session; `already` was read from the stream earlier. Closes the stream."""
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._write)
                    nursery.start_soon(self._ingest)
                    await self._read(already)
                    self._batches.close()
                    await self._ingested.wait()  # finish what came before the end
                    nursery.cancel_scope.cancel()
        except* CellsyncError as group:
            self.outcome = next((error for error in group.exceptions if isinstance(error, CellsyncError)), None)
        except* (trio.BrokenResourceError, trio.ClosedResourceError, trio.BusyResourceError, trio.TooSlowError):
            pass
        finally:
            await trio.aclose_forcefully(self.stream)

    async def _read(self, data: bytes) -> None:
        while not self.session.closed:
            if data:
                self.received += len(data)
                self.heard = self._now()
                with collector_paused():
                    events = self.session.receive(data, trio.current_time())
                await self._handle(events)
                self._wake.set()
            if not self.session.closed:
                data = bytes(await self.stream.receive_some(CHUNK))
                if not data:
                    return

    async def _write(self) -> None:
        while not self.session.closed:
            self._ripen()
            next_ripe = self._held[0][0] if self._held else math.inf
            with trio.move_on_at(min(self.session.deadline, next_ripe)):
                await self._wake.wait()
            if abs(self._lead() - self._clock_leads) >= CLOCK_SET:
                self.close()  # and start over: by how much the clocks differ is measured at the beginning
            self._wake = trio.Event()
            await self._handle(self.session.tick(trio.current_time()))
            while True:
                self._ripen()
                events: list[Event] = []
                async with self._lock:
                    for building in self.session.pulling(self._ripe, events):
                        await self._circles[building.circle].build(building)
                await self._handle(events)
                data = self.session.outgoing()
                if not data:
                    if self.session.restless:
                        continue
                    break
                self.sent += len(data)
                for at in range(0, len(data), _SLICE):
                    with trio.fail_after(SEND_WITHIN):
                        await self.stream.send_all(data[at : at + _SLICE])
        self.close()

    def _ripen(self) -> None:
        way = self.way
        if way is not Way.TRIED:
            self._held.clear()
        if way is Way.SPARE:
            return
        while self._held and self._held[0][0] <= trio.current_time():
            self._ripe = self._held.popleft()[1]
        if not self._held:
            self._ripe = math.inf

    async def _ingest(self) -> None:
        async for received in self._received:
            # While a batch and its plan live, the collector would traverse them all: free them first.
            with collector_paused():
                await self._take(received)
                del received
            self._wake.set()
        self._ingested.set()

    async def _take(self, received: Received) -> None:
        plan = await self._circles[received.circle].ingest(received.batch, FromSession(self.device, self.number))
        async with self._lock:
            events = self.session.committed(
                received.circle, plan.reached, plan.refused, plan.gaps, news=bool(plan.commit.arrivals)
            )
        await self._handle(events)

    async def _handle(self, events: list[Event]) -> None:
        for event in events:
            match event:
                case Received():
                    await self._batches.send(event)
                case Forewarned(circle, entry):
                    if not await self._circles[circle].forewarn(entry):
                        continue
                case Ended(error):
                    self.outcome = error
                case Apart(error):
                    self.outcome = error
                    self.opened.set()
                case Opened():
                    self.opened.set()
                case Called() | Acknowledged() | Measured() | Answered() | Located():
                    pass
            self._report(self, event)
