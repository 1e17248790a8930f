"""The service: one profile at work. It is empty, locked or open, and does what the operations ask.

Rules:

1. The passphrase goes to the vault and is kept nowhere. While the service is locked it holds no key.
2. Wrong passphrases cost the machine half a second each, and after three of them the caller a growing wait.
3. An unused cell is locked. The time that a laptop sleeps counts as unused.
4. A fault in the cell ends only the cell: the service is then locked, and continues.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Final

import trio

from cellsync import system
from cellsync.api.contract.problems import Locked, TooSoon
from cellsync.api.contract.shapes import State
from cellsync.api.exports import Exports
from cellsync.api.feed import Feed
from cellsync.api.jobs import Jobs
from cellsync.api.news import news
from cellsync.api.repeats import Repeats
from cellsync.cell.cell import Cell
from cellsync.cell.circle import CellCircle
from cellsync.cell.lone_error import the_only
from cellsync.cell.opening import cell_of, open_vault
from cellsync.cell.passphrase import change_passphrase, names_behind, rekey
from cellsync.core.errors import InvalidValue, VaultExists, WrongPassphrase
from cellsync.core.ids import CircleId
from cellsync.core.membership.settings import Setting
from cellsync.profile.profile import Profile, Settings
from cellsync.store.rekey import Seen, check_room
from cellsync.store.seals import CircleKey
from cellsync.store.wipe import VaultWiped

if TYPE_CHECKING:
    from cellsync.cell.founding import RecoveryKey
    from cellsync.cell.home import Home
    from cellsync.store.backup import Backup

IDLE: Final = 15 * 60.0  # seconds
FREE_GUESSES: Final = 3
LONGEST_WAIT: Final = 60.0  # seconds between guesses
LOOK_EVERY: Final = 1.0  # seconds
SLEPT: Final = 5.0  # seconds of sleep after which other devices are looked for

log = logging.getLogger(__name__)


class Service:
    """Runs in `nursery`, which must outlive it. Not `online`: it reads and writes, and contacts no device.

    `as_of`: this is a look (`look`), at what was written up to then. It only reads.
    """

    def __init__(
        self, profile: Profile, settings: Settings, nursery: trio.Nursery, idle: float | None = None, *,
        online: bool = True, as_of: datetime | None = None,
    ) -> None:  # fmt: skip
        self.profile = profile
        self.settings = settings
        self.nursery = nursery
        self.as_of = as_of
        self.jobs = Jobs()
        self.on_lock: Callable[[], None] = lambda: None  # the cell was open, and is closed now
        self.on_panic: Callable[[], None] = lambda: None
        self._default_idle = self._idle = idle
        self._online = online
        self._cell: Cell | None = None
        self._inside: trio.Nursery | None = None
        self._scope = trio.CancelScope()
        self._closed = trio.Event()
        self._round = trio.CancelScope()  # within that: a cell of the circles that are not locked
        self._leaving: CircleId | None = None  # the circle without which it opens anew
        self._left = trio.Event()
        self._opening = trio.Lock()
        self.repeats = Repeats()  # of the open cell
        self.exports = Exports()
        self._feeds: set[Feed] = set()
        self._turned = trio.Event()  # it has been opened since, or has ended
        self._ended = False
        self._in_use = 0
        self._used = system.clock.since_boot()
        self._wrong = 0
        self._not_before = 0.0

    # --- what it is -----------------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        if self._cell is not None:
            return "open"
        return "locked" if self.profile.exists else "empty"

    @property
    def cell(self) -> Cell:
        """Raises Locked, or VaultMissing."""
        if self._cell is None:
            raise Locked if self.profile.exists else self.profile.missing()
        return self._cell

    @property
    def inside(self) -> trio.Nursery:
        """For what ends with the open cell. Raises Locked."""
        if self._inside is None:
            raise Locked
        return self._inside

    @property
    def connected(self) -> bool:
        """Whether any other device is connected."""
        return self._cell is not None and bool(self._cell.node.links)

    @property
    def locks_in(self) -> float | None:
        """Seconds; None if it does not lock by itself."""
        longest = self._longest_idle
        return None if longest is None else max(0.0, longest - (system.clock.since_boot() - self._used))

    @property
    def _longest_idle(self) -> float | None:
        """The shortest of what was chosen here and in the circles. Seconds; None: it does not lock by itself."""
        if self._cell is None:
            return None
        chosen = (circle.choice(Setting.LOCKS_AFTER) for circle in self._cell.circles)
        limits = [60.0 * minutes for minutes in chosen if minutes is not None]
        return min(limits if self._idle is None else [*limits, self._idle], default=None)

    # --- opening and closing ----------------------------------------------------------------------------------

    async def found(self, cell: str, name: str, passphrase: str, settings: Settings) -> RecoveryKey:
        """Found a cell, and open it. Raises VaultExists and what `found_cell` raises."""
        async with self._opening:
            if self.profile.exists:
                raise VaultExists
            self.profile.make_folders()
            from cellsync.cell.founding import found_cell  # done once in the life of a profile

            key = await found_cell(self.profile.home(settings), cell, name=name, passphrase=passphrase)
            self.settings = settings
            self.profile.save(settings)
        await self.unlock(passphrase)
        return key

    async def restore(self, source: Profile, passphrase: str) -> tuple[Cell, Backup]:
        """Put a backup back, with its settings, and open it. Raises VaultExists, TooSoon and what `restore` raises."""
        async with self._opening:
            if self.profile.exists:
                raise VaultExists
            settings = source.settings()
            self.profile.make_folders()
            with self._one_guess():
                from cellsync.cell.backup import restore  # done when all was lost

                made = await restore(
                    source.copied_vault, self.profile.home(settings), passphrase=passphrase,
                    before_it_is_there=lambda: self.profile.save(settings),  # or it shows itself as nobody has asked
                )  # fmt: skip
            self.settings = settings
        return await self.unlock(passphrase), made

    async def unlock(self, passphrase: str, idle: float | None = None) -> Cell:
        """Open the vault. If it is open already the passphrase is checked all the same, and only `idle` changes:
        seconds, 0 for never.

        Raises TooSoon, and what `open_cell` raises.
        """
        async with self._opening:
            with self._one_guess():
                if self._cell is not None:
                    await self._cell.check_passphrase(passphrase)
                else:
                    await self._open(passphrase)
        if idle is not None:
            self._idle = idle or None
        self._touch()
        return self.cell

    async def names_behind(self, passphrase: str) -> tuple[str, str]:
        """The names of the cell and of this device, if this passphrase opens the vault, which stays open or closed.

        Raises TooSoon, and what `open_cell` raises.
        """
        async with self._opening:
            with self._one_guess():
                if self._cell is None:
                    return await names_behind(self._home, passphrase=passphrase)
                await self._cell.check_passphrase(passphrase)
                return self._cell.name, self._cell.own_name

    async def change_passphrase(self, old: str, new: str) -> None:
        """Raises TooSoon, and what `change_passphrase` raises."""
        async with self._opening:
            with self._one_guess():
                if self._cell is None:
                    await change_passphrase(self._home, old=old, new=new)
                else:
                    await self._cell.change_passphrase(old=old, new=new)

    async def rekey(self, passphrase: str, seen: Seen) -> None:
        """Re-key the vault. An open cell is closed meanwhile, and open again afterwards, however it ends.

        Raises TooSoon, and what `rekey` raises; before anything is closed if the passphrase is wrong, or there is not
        enough space.
        """
        async with self._opening:
            with self._one_guess():
                cell = self._cell
                if cell is None:
                    await rekey(self._home, passphrase=passphrase, seen=seen)
                    return
                await cell.check_passphrase(passphrase)
            check_room(self.profile.vault)
            idle = self._idle
            unlocked = cell.ledger.vault.unlocked
            async with self._closed_for_a_while(passphrase, unlocked):
                await rekey(self._home, passphrase=passphrase, seen=seen, unlocked=unlocked)
            self._idle = idle

    @property
    def _home(self) -> Home:
        """Raises VaultMissing."""
        if not self.profile.exists:
            raise self.profile.missing()
        return self.profile.home(self.settings, online=self._online)

    @asynccontextmanager
    async def _closed_for_a_while(self, passphrase: str, unlocked: Mapping[CircleId, CircleKey]) -> AsyncIterator[None]:
        """Within the block the cell is closed; afterwards the same circles are open. Nobody is told that it was
        locked, unless it cannot be opened again."""
        on_lock, self.on_lock = self.on_lock, lambda: None
        opened = False
        try:
            closed = self._closed
            self._scope.cancel()
            await closed.wait()
            try:
                yield
            finally:
                await self._open(passphrase, unlocked)
                opened = True
        finally:
            self.on_lock = on_lock
            if not opened:
                on_lock()

    async def unlock_circle(self, passphrase: str, which: str) -> CellCircle:
        """Unlock a circle with its own passphrase. Raises Locked, TooSoon, and what `Cell.unlock_circle` raises."""
        async with self._opening:
            with self._one_guess():
                try:
                    return await self.cell.unlock_circle(passphrase, which)
                except VaultWiped:  # its time had come, and it was the last
                    closed = self._closed
                    self._scope.cancel()
                    await closed.wait()
                    raise

    async def change_circle_passphrase(self, circle: str, old: str, new: str | None) -> None:
        """Raises Locked, TooSoon, and what `Cell.change_circle_passphrase` raises."""
        async with self._opening:
            with self._one_guess():
                await self.cell.change_circle_passphrase(circle, old=old, new=new)

    async def lock_circle(self, which: str) -> None:
        """Lock a circle that has a passphrase of its own. For a moment the cell is closed, and open again without it:
        so nothing is left of it in any session, list or task.

        Raises Locked, NotFound, WhichCircle, InvalidValue (it has no passphrase of its own).
        """
        async with self._opening:
            cell = self.cell
            circle = cell.circle(which).id
            if not cell.ledger.vault.has_own_passphrase(circle):
                raise InvalidValue("It has no passphrase of its own.", hint="cellsync circle passphrase set NAME")
            idle = self._idle
            self._leaving, self._left = circle, trio.Event()
            self._round.cancel()
            await self._left.wait()
            self._idle = idle
            self.cell  # noqa: B018 (raises Locked if it could not be opened again)

    async def lock(self) -> None:
        """Close the vault, in good order, also one that is being opened. Returns when it is closed."""
        async with self._opening:
            if self._cell is not None:
                closed = self._closed
                self._scope.cancel()
                await closed.wait()

    def panic(self) -> None:
        """Drop everything, now."""
        self.on_panic()

    @contextmanager
    def _one_guess(self) -> Iterator[None]:
        """Try a passphrase in the block. Raises TooSoon."""
        if system.clock.since_boot() < self._not_before:
            raise TooSoon(self._not_before - system.clock.since_boot())
        try:
            yield
        except WrongPassphrase:
            self._wrong += 1
            if self._wrong >= FREE_GUESSES:
                self._not_before = system.clock.since_boot() + min(2.0 ** (self._wrong - FREE_GUESSES), LONGEST_WAIT)
            raise
        self._wrong = 0

    async def _open(self, passphrase: str, unlocked: Mapping[CircleId, CircleKey] | None = None) -> None:
        try:
            await self.nursery.start(self._keep_open, passphrase, unlocked or {})
        except Exception as error:
            raise the_only(error) from None

    async def _keep_open(
        self, passphrase: str, unlocked: Mapping[CircleId, CircleKey], task_status: trio.TaskStatus[None]
    ) -> None:
        started = False
        self._scope, self._closed = trio.CancelScope(), trio.Event()
        try:
            with self._scope:
                home = self.profile.home(self.settings, online=self._online)
                async with open_vault(home, passphrase) as vault:
                    vault.unlock_with(unlocked)
                    while True:
                        with trio.CancelScope() as self._round:
                            async with cell_of(home, vault) as cell, trio.open_nursery() as nursery:
                                self._cell, self._inside, self._idle = cell, nursery, self._default_idle
                                nursery.start_soon(news, cell, self._tell)
                                self._touch()
                                self._turn()
                                self._left.set()
                                if not started:
                                    started = True
                                    task_status.started()
                                try:
                                    await trio.sleep_forever()
                                finally:  # a nursery that is through takes nothing, and closing takes a while
                                    self._inside = None
                        self._forget()
                        if self._leaving is not None:
                            vault.lock_circle(self._leaving)
                            self._leaving = None
        except Exception as error:
            if not started:
                raise
            log.error("the cell was closed by a fault: %s", type(the_only(error)).__name__)
        finally:
            self._forget()
            self._left.set()
            self._closed.set()
            if started:
                self.on_lock()

    def _forget(self) -> None:
        """What was of the open cell."""
        self._cell = None
        self.repeats = Repeats()
        self.exports.end()
        for feed in list(self._feeds):
            feed.end()

    # --- use ----------------------------------------------------------------------------------------------------

    @contextmanager
    def in_use(self, passive: bool) -> Iterator[None]:
        """Within the block, the cell is not idle."""
        if passive:
            yield
            return
        self._in_use += 1
        self._touch()
        try:
            yield
        finally:
            self._in_use -= 1
            self._touch()

    def _touch(self) -> None:
        self._used = system.clock.since_boot()

    async def keep_watch(self) -> None:
        """Lock the cell once it has been unused for long enough; look for other devices when the machine wakes up."""
        asleep = system.clock.asleep()
        while True:
            await trio.sleep(LOOK_EVERY)
            before, asleep = asleep, system.clock.asleep()
            if self._cell is not None and self._cell.is_lock_due:
                log.info("locked: this device was removed from a circle")
                await self._cell.heed_removals()
                await self.lock()
            elif self._in_use or self.jobs.at_work:
                self._touch()
            elif self.locks_in == 0:
                log.info("locked: nobody used it")
                await self.lock()
            if asleep - before > SLEPT and self._cell is not None:
                log.info("the machine has slept")
                self._cell.node.calls.now()

    # --- events ---------------------------------------------------------------------------------------------------

    def follow(self, since: str) -> Feed:
        """Events from now on, or after a cursor. `end` it. Raises Locked."""
        inside = self.inside
        feed = Feed(self.cell, self._feeds)
        inside.start_soon(feed.run, since)
        return feed

    async def opened(self) -> bool:
        """Wait until the cell is open; false if the service ends before."""
        while self._cell is None and not self._ended:
            await self._turned.wait()
        return self._cell is not None

    def end(self) -> None:
        """Wake all that wait for the cell to be opened. Call it when requests are to end."""
        self._ended = True
        self._turn()

    def _turn(self) -> None:
        self._turned.set()
        self._turned = trio.Event()

    def tell(self, event: str, **data: object) -> None:
        """Tell all followers of something that is not stored."""
        self._tell(event, data)

    def _tell(self, event: str, data: Mapping[str, object]) -> None:
        for feed in self._feeds:
            feed.tell(event, data)
