"""A link: one session over one stream, and the pump that drives it.

feed arriving bytes  ->  commit received batches  ->  send what is due  ->  wait for bytes, news or the deadline
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import trio

from cellsync.core import caps
from cellsync.core.errors import CellsyncError
from cellsync.core.ids import CircleId, DeviceId, EpochId, Millis
from cellsync.core.session.events import (
    Acknowledged,
    Answered,
    Apart,
    Called,
    Ended,
    Entrusted,
    Event,
    Forewarned,
    HandedOver,
    Located,
    Measured,
    Opened,
    Received,
)
from cellsync.core.session.session import Session
from cellsync.core.session.state import State
from cellsync.core.wire.messages import Places
from cellsync.ledger.pause import collector_paused
from cellsync.ledger.source import FromSession, Source
from cellsync.node.network import Address, Ends
from cellsync.node.shared import SharedCircle
from cellsync.node.sites import UNRECOGNISED, Site
from cellsync.node.strand import Strand

CHUNK: Final = 64 << 10  # bytes per read: about a frame, whose rows take 10 ms if they are as small as possible
ASK_EVERY: Final = 2.0  # seconds between two questions for a waiting user
UNHEARD: Final = 20.0  # seconds of silence after which a status request checks that the peer is still there
SEND_WITHIN: Final = 60.0  # seconds for 64 KiB: any slower, and the peer is not reading
CLOCK_SET: Final = 60.0  # a jump of the clock, in seconds, that means it was set or the machine has slept
_SLICE: Final = 64 << 10


class PeerLink:
    """Runs one session, called or answered, until it ends. `outcome` says why, if there was a fault."""

    def __init__(
        self, session: Session, stream: trio.abc.Stream, circles: Iterable[SharedCircle],
        report: Callable[[PeerLink, Event], None], now: Callable[[], Millis], number: int,
    ) -> None:  # fmt: skip
        self.session = session
        self.number = number  # unique among all links
        self.called = session.state is State.OPENING  # by us
        self.address: Address | None = None  # where we called
        self.site: Site = UNRECOGNISED  # the network on our end, when it was opened
        self.ends: Ends | None = None  # its addresses at both ends, as far as known when it was opened
        self.began = trio.current_time()
        self.since = math.inf  # when it became the link with its peer
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
        self._strands = {circle.id: Strand(session, circle) for circle in circles}
        self._shared: set[CircleId] = set()  # also once the session is over
        self._report = report
        self._wake = trio.Event()
        self._wake.set()  # a caller speaks first
        self._batches, self._received = trio.open_memory_channel[Received](caps.UNACKNOWLEDGED)
        self._ingested = trio.Event()
        self._scope = trio.CancelScope()

    @property
    def device(self) -> DeviceId | None:
        return self.session.device

    def gave(self, source: Source) -> bool:
        """Whether a step came over this link."""
        return isinstance(source, FromSession) and source.link == self.number

    # --- its circles ---------------------------------------------------------------------------------------

    def strand(self, circle: CircleId) -> Strand:
        """The part of it that is about one circle. Raises KeyError for one that was not open when it began."""
        return self._strands[circle]

    def has(self, circle: CircleId) -> bool:
        """Whether a circle was open here when this link began: if not, it will not come up."""
        return circle in self._strands

    def is_about(self, circle: CircleId) -> bool:
        """Whether it is about a circle: the one under whose key it began, or one that both sides have offered.

        In any other one somebody else may have introduced the peer's key: the peer has not said that it is there.
        """
        return self.has(circle) and (circle == self.session.hinted or circle in self._shared)

    def device_in(self, circle: SharedCircle) -> DeviceId | None:
        """The peer's id in a circle, if it is active there; in the one under whose key it called or was, the same."""
        return self.device if circle.id == self.session.hinted else circle.device_with(self.session.remote)

    def _speaking(self) -> list[Strand]:
        """The strands of the circles that both sides speak of."""
        return [self._strands[circle] for circle in self.session.shared]

    def place(self, circle: CircleId, *, sparse: bool, near: bool, watched: bool) -> None:
        """Set the place of this link in the overlay of a circle."""
        self._strands[circle].place(sparse=sparse, near=near, watched=watched)
        self.session.watch(any(strand.watched for strand in self._strands.values()))
        self._wake.set()

    def news(self, circle: CircleId, first: int, last: int, *, local: bool) -> None:
        """These arrivals were committed: there may be something to send, now or in a moment."""
        if self._strands[circle].news(first, last, local=local):
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
        strand = self._strands[circle]
        if places == strand.told:
            return
        strand.told = places
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
        may_hold_more = any(strand.may_hold_more for strand in self._speaking())
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
                self._shared.update(self.session.shared)
                await self._handle(events)
                self._wake.set()
            if not self.session.closed:
                data = bytes(await self.stream.receive_some(CHUNK))
                if not data:
                    return

    async def _note_holder(self, of: CircleId, epoch: EpochId) -> None:
        circle = self._strands[of].circle
        for device in circle.devices_with(self.session.remote):
            await circle.note_holder(device, epoch)

    async def _write(self) -> None:
        while not self.session.closed:
            self._ripen()
            next_ripe = min((strand.next_ripe for strand in self._strands.values()), default=math.inf)
            with trio.move_on_at(min(self.session.deadline, next_ripe)):
                await self._wake.wait()
            if abs(self._lead() - self._clock_leads) >= CLOCK_SET:
                self.close()  # and start over: by how much the clocks differ is measured at the beginning
            self._wake = trio.Event()
            await self._handle(self.session.tick(trio.current_time()))
            while True:
                self._ripen()
                events: list[Event] = []
                for strand in self._speaking():
                    async with strand.circle.lock:
                        for building in self.session.pulling(strand.ripe, events, strand.circle.id):
                            await strand.circle.build(building)
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
        for strand in self._strands.values():
            strand.ripen()

    async def _ingest(self) -> None:
        async for received in self._received:
            # While a batch and its plan live, the collector would traverse them all: free them first.
            with collector_paused():
                await self._take(received)
                del received
            self._wake.set()
        self._ingested.set()

    async def _take(self, received: Received) -> None:
        circle = self._strands[received.circle].circle
        plan = await circle.ingest(received.batch, FromSession(self.device_in(circle), self.number))
        async with circle.lock:
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
                    if not await self._strands[circle].circle.forewarn(entry):
                        continue
                case Entrusted(circle, epoch, states):
                    await self._strands[circle].circle.entrust(epoch, states)
                case HandedOver(circle, epoch):
                    await self._note_holder(circle, epoch)
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
