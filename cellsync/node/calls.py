"""Calls: to devices that were seen, to places where they were before, and again after a failed call.

    call        one device, at one of its addresses, under the keys of the days on which it may be
    redial      devices at addresses that worked before, without any broadcast, with increasing delays

A callee does not say why it is silent; the two clocks may be more than a day apart, and after a quarrel both may have
only an older epoch in common. So an unanswered caller tries the days on which the other device may be, in turn, and a
few of the older epochs at each call; while a user waits, all of these, and also days that it guesses.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from random import Random
from typing import Final

import trio

from cellsync.core.errors import CellsyncError, NoPeer
from cellsync.core.ids import DeviceId, SessionPublic, SessionSecret
from cellsync.core.membership.epochs import SessionKey
from cellsync.core.session.connection import ENTROPY
from cellsync.core.session.session import Session
from cellsync.core.versions import Versions
from cellsync.node.backoff import Backoff
from cellsync.node.circles import Circles
from cellsync.node.link import PeerLink
from cellsync.node.links import Links
from cellsync.node.network import Address, Network
from cellsync.node.others import Others
from cellsync.node.search import Fit
from cellsync.node.shared import SharedCircle
from cellsync.node.whereabouts import CircleWhereabouts

log = logging.getLogger(__name__)

YIELD: Final = 1.0  # seconds for which the device with the greater id lets the other call first
ANSWER_WITHIN: Final = 2.0  # seconds until a call is also tried under another day's key
OLDER_AT_A_CALL: Final = 3  # older epochs tried at each call: whoever was removed and holds one recognises the attempt
FURTHER_EVERY: Final = 0.5  # seconds between further days tried
FURTHER_AT_ONCE: Final = 6  # of these at the same time
NEXT_ADDRESS: Final = 0.3  # seconds after which a device is also called at its next address
LOOK_AGAIN: Final = 30.0  # seconds after which a redial looks again for devices to call, even if nothing happened
STEADY: Final = 60.0  # seconds after which a link counts as good
SEEMS_OFF: Final = 1_800_000  # ms: a record without a goodbye is cached for twenty minutes, and looks that old


Where = Callable[[DeviceId], CircleWhereabouts | None]
"""Where the devices of its circle are; None for one that is active in none."""


class Calls:
    """Calls the devices to which there is no link, each under the keys of a circle in which it is."""

    def __init__(
        self, circles: Circles, secret: SessionSecret, network: Network, versions: Versions, links: Links,
        others: Others, whereabouts: Where,
    ) -> None:  # fmt: skip
        self._circles, self._secret, self._network, self._versions = circles, secret, network, versions
        self._links, self._others, self._where = links, others, whereabouts
        self.under_way: set[DeviceId] = set()
        self.guesses: dict[DeviceId, Fit] = {}  # by how much a clock may be ahead, until it is measured
        self._traced: set[tuple[DeviceId, Address]] = set()  # where a search found devices, while a user waits
        self.unanswered: dict[DeviceId, float] = {}  # when our call to a device's address was accepted, and met silence
        self.further = False  # a user waits: also try guessed days
        self._attempts: dict[DeviceId, list[PeerLink]] = {}  # calls to one device under several days
        self._older: dict[DeviceId, int] = {}  # how many of the older epochs have had their turn
        self._backoffs: dict[DeviceId, Backoff] = {}
        self._at_once = True  # call regardless of earlier failures
        self._soon: set[DeviceId] = set()  # devices to call once, regardless of earlier failures
        self._look = trio.Event()
        self._random = Random(circles.surroundings.entropy(16))  # noqa: S311 (for jitter)
        self._nursery: trio.Nursery | None = None

    async def run(self) -> None:
        """Make calls until cancelled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            try:
                await self._redial(nursery)
            finally:  # inside: a finished nursery accepts no tasks, even before its block has ended
                self._nursery = None

    # --- whom to call, and when ----------------------------------------------------------------------------

    def now(self) -> None:
        """Forget earlier failures: something has changed, or a user waits."""
        self._at_once = True
        self._look.set()

    def soon(self, device: DeviceId) -> None:
        """Call a device once, regardless of earlier failures: a peer has said where it is."""
        self._soon.add(device)
        self._look.set()

    def seen(self, device: DeviceId, address: Address) -> None:
        """Call a device that has been seen."""
        if self._nursery is not None:
            self._nursery.start_soon(self._call_politely, device, address)

    def traced(self, fit: Fit) -> None:
        """Call a device whose beacon was made under a different clock, or replayed, or fits by chance."""
        known = self.guesses.get(fit.device)
        if abs(fit.ahead) >= SEEMS_OFF and (known is None or fit.agreed or not known.agreed):
            self.guesses[fit.device] = fit
            self._links.wake()
        if self._nursery is not None:
            self._nursery.start_soon(self._call_traced, fit.device, fit.address)

    def forget_traced(self) -> None:
        """No user waits any more: do not call again where a search found devices that were not met there."""
        for device, address in self._traced:
            if (where := self._where(device)) is not None:
                where.not_shown(device, address)
        self._traced.clear()

    def opened(self, device: DeviceId, devices: Sequence[DeviceId], link: PeerLink) -> None:
        """A session with `device` has opened, and `devices` have its key: no other call to it is needed."""
        for known in devices:
            self.unanswered.pop(known, None)
        for attempt in self._attempts.get(device, ()):
            if attempt is not link:
                attempt.give_up()

    def ended(self, devices: Sequence[DeviceId], link: PeerLink) -> None:
        """The link of these devices has ended."""
        if trio.current_time() - link.began > STEADY:
            for device in devices:
                self._backoffs.pop(device, None)
        self._look.set()

    async def _redial(self, nursery: trio.Nursery) -> None:
        """Call devices where they were met at our present sites, repeatedly, with increasing delays.

        A session that opens and soon breaks off, because of a full disk, say, counts as a failure too: each opening
        uses up a little of a callee's daily limit.
        """
        due: dict[DeviceId, float] = {}
        while True:
            now = trio.current_time()
            if self._at_once:
                self._at_once = False
                # otherwise repeated requests would put off every call
                due = dict.fromkeys(self._circles.others(), -math.inf)
                self._backoffs.clear()
            for device in self._soon:
                due[device] = -math.inf
            self._soon.clear()
            others = dict.fromkeys(self._circles.others())
            due = {device: at for device, at in due.items() if device in others}  # the rest will never be called
            for device in others:
                if device in self._links or not (known := self._callable(device)):
                    due.pop(device, None)
                elif device in self.under_way:
                    continue  # if it fails, a call that became due meanwhile follows
                elif device not in due:
                    due[device] = now + self._backoffs.setdefault(device, Backoff(self._random)).next()
                elif now >= due[device]:
                    del due[device]
                    nursery.start_soon(self._try, device, *known)
            again = self._look = trio.Event()
            waiting = (at for device, at in due.items() if device not in self.under_way)
            with trio.move_on_at(min([now + LOOK_AGAIN, *waiting])):
                await again.wait()

    async def _call_politely(self, device: DeviceId, address: Address) -> None:
        """Call a device we have seen; if both see each other, the smaller id goes first."""
        await self._let_it_call(device)
        # if this call fails, it is made again
        if (where := self._where(device)) is not None:
            where.shown(device, address)
        await self._try(device, address)

    async def _call_traced(self, device: DeviceId, address: Address) -> None:
        """The same for what a search found: it may be a replay, or chance, so it is called only while a user waits."""
        await self._let_it_call(device)
        if self.further:
            if (where := self._where(device)) is not None and where.shown(device, address):
                self._traced.add((device, address))
            await self._try(device, address)

    async def _let_it_call(self, device: DeviceId) -> None:
        circle = self._circles.of(device)
        if circle is not None and device < circle.device:
            await trio.sleep(YIELD * self._random.uniform(0.5, 1.5))

    def _callable(self, device: DeviceId) -> list[Address]:
        """The addresses at which a device can be called from here, the likeliest first."""
        where = self._where(device)
        # for those of whom nothing is known, of whom there may be thousands, the networks here are not looked at
        return [] if where is None or device not in where.spots.known else where.callable(device)

    def _failed(self, device: DeviceId, address: Address) -> None:
        if (where := self._where(device)) is not None:
            where.spots.failed(device, address)

    async def _try(self, device: DeviceId, *addresses: Address) -> None:
        try:
            await self.call(device, *addresses)
        except CellsyncError:
            pass
        except Exception as error:  # a bug met on one call must not end the others; no content, so no text of it
            log.error("a call failed: %s", type(error).__name__)

    # --- one call ------------------------------------------------------------------------------------------

    async def ping(self, device: DeviceId) -> float:
        """Seconds for a round trip, calling the device first if need be. Raises NoPeer, NoCommonVersion."""
        for _ in range(3):  # one breaks off; of two crossing ones after it, the first may be dropped
            link = self._links.get(device) or await self._reach(device)
            began, number = trio.current_time(), link.ask()
            while self._links.get(device) is link:
                if link.session.answered >= number:
                    return trio.current_time() - began
                await self._links.changed.wait()
        raise NoPeer("the connection broke off")

    async def _reach(self, device: DeviceId) -> PeerLink:
        """Call a device, until there is a link. Raises NoPeer, NoCommonVersion."""
        began, called = trio.current_time(), False
        while device not in self._links:
            if device in self.under_way:  # by another task, perhaps a moment ago
                await self._links.changed.wait()
            elif not called:
                called = True
                await self._start_calling(device)
            else:
                raise (self._others.apart(device) if self._others.parted_since(began, device) else None) or NoPeer
        return self._links[device]

    async def _start_calling(self, device: DeviceId) -> None:
        """Call, and return once there is a link, or it is clear that there will be none."""
        over = trio.Event()

        async def call() -> None:
            try:
                await self._try(device, *self._callable(device))
            finally:
                over.set()
                self._links.wake()

        if self._nursery is not None:
            self._nursery.start_soon(call)
            while device not in self._links and not over.is_set():
                await self._links.changed.wait()

    async def call(self, device: DeviceId, *addresses: Address) -> None:
        """Call a device at one of these addresses, and stay until the session ends. Raises NoPeer, PeerError."""
        circle = self._circles.of(device)
        key = None if circle is None else circle.key_of(device)
        if circle is None or key is None or device in self._links or device in self.under_way:
            return
        called = {device, *self._ids_elsewhere(circle, key)}
        self.under_way |= called
        left = list(addresses)
        try:
            while left:
                stream, address = await self._dial_any(device, left)
                left.remove(address)
                if await self._call_under_keys(circle, (device, key), address, stream):
                    return
                self._failed(device, address)  # someone else listens there
        finally:
            self.under_way -= called
            self._look.set()
            self._links.wake()

    def _ids_elsewhere(self, called: SharedCircle, key: SessionPublic) -> Iterator[DeviceId]:
        """The ids of the device with this key in other circles than the one in which it is called.

        Not in that one: a coordinator who introduces a device's key again, at an address where nobody answers, would
        keep it from being called.
        """
        return (device for circle in self._circles if circle is not called for device in circle.devices_with(key))

    async def _call_under_keys(
        self, circle: SharedCircle, peer: tuple[DeviceId, SessionPublic], address: Address, first: trio.abc.Stream
    ) -> bool:
        """Call under the likely days' keys until the device answers to one; then stay with that session.

        Returns whether there was one. The first call goes over the existing stream.

        A callee without a key for the day of the call is silent, as towards a stranger; any other answers immediately.
        """
        device, _ = peer
        guess = self.guesses.get(device)
        likely = circle.calling_keys(device, None if guess is None else guess.ahead)
        older = circle.older_keys(device)
        if not self.further:
            likely += self._next_of(device, older)
        stream: trio.abc.Stream | None = first
        attempts = self._attempts[device] = []
        try:
            async with trio.open_nursery() as nursery:
                for key in likely:
                    stream = stream or await self._dial_again(device, address)
                    if stream is None:
                        break
                    nursery.start_soon(self._attempt, self._attempted(circle, peer, address, key, stream))
                    stream = None
                    await self._unanswered(device, ANSWER_WITHIN)
                for key in (*older, *circle.further_keys(device)) if self.further else ():
                    stream = await self._dial_again(device, address) if self.further else None
                    if stream is None:
                        break
                    if len(attempts) >= len(likely) + FURTHER_AT_ONCE:
                        attempts[-FURTHER_AT_ONCE].give_up()
                    nursery.start_soon(self._attempt, self._attempted(circle, peer, address, key, stream))
                    await self._unanswered(device, FURTHER_EVERY)
            return device in self._links or any(link.opened.is_set() for link in attempts)
        finally:
            del self._attempts[device]

    def _next_of(self, device: DeviceId, older: list[SessionKey]) -> list[SessionKey]:
        """Those keys of older epochs whose turn it is."""
        at = self._older.get(device, 0) % max(len(older), 1)
        turn = [*older[at:], *older[:at]][:OLDER_AT_A_CALL]
        self._older[device] = at + len(turn)
        return turn

    def _attempted(
        self, circle: SharedCircle, peer: tuple[DeviceId, SessionPublic], address: Address, key: SessionKey,
        stream: trio.abc.Stream,
    ) -> PeerLink:  # fmt: skip
        surroundings = circle.surroundings
        session = Session.call(
            list(self._circles), circle.id, peer, self._secret, self._network.carrier,
            surroundings.entropy(ENTROPY), trio.current_time(), clock=surroundings.now(), key=key,
            versions=self._versions,
        )  # fmt: skip
        link = self._links.link(session, stream)
        link.address = address
        self._attempts[peer[0]].append(link)
        return link

    async def _attempt(self, link: PeerLink) -> None:
        try:
            await self._links.run(link)
        finally:
            link.over.set()
            self._links.wake()

    async def _dial_again(self, device: DeviceId, address: Address) -> trio.abc.Stream | None:
        """Another connection; None if there is a session by now, or the address no longer answers."""
        if device in self._links or any(link.opened.is_set() for link in self._attempts[device]):
            return None
        with suppress(NoPeer):
            return await self._network.dial(address)
        return None

    async def _unanswered(self, device: DeviceId, seconds: float) -> None:
        """Return after so many seconds, or once there is a session, or these attempts can no longer lead to one."""
        with trio.move_on_after(seconds):
            while device not in self._links and not all(link.over.is_set() for link in self._attempts[device]):
                await self._links.changed.wait()
        if device not in self._links and not any(link.opened.is_set() for link in self._attempts[device]):
            self.unanswered[device] = trio.current_time()

    async def _dial_any(self, device: DeviceId, addresses: Sequence[Address]) -> tuple[trio.abc.Stream, Address]:
        """The first connection to succeed; each address is tried a moment after the last, or once that has failed."""
        won: list[tuple[trio.abc.Stream, Address]] = []

        async def dial(address: Address, failed: trio.Event) -> None:
            try:
                stream = await self._network.dial(address)
            except NoPeer:
                self._failed(device, address)
                failed.set()
                return
            if won:
                await trio.aclose_forcefully(stream)
            else:
                won.append((stream, address))
                nursery.cancel_scope.cancel()

        try:
            async with trio.open_nursery() as nursery:
                for address in addresses:
                    failed = trio.Event()
                    nursery.start_soon(dial, address, failed)
                    with trio.move_on_after(NEXT_ADDRESS):
                        await failed.wait()
        except BaseException:
            for stream, _ in won:
                await trio.aclose_forcefully(stream)
            raise
        if not won:
            raise NoPeer
        return won[0]
