"""The circles that are open on this device: all of one vault.

Rules:

1. **One device, one clock.** In all its circles a device signs and talks with the same keys, those of the vault's
   header, and takes the time from the same surroundings.
2. **Nothing else is common.** Each circle has a database, the key to it, a key that others seal to, epochs, and a chain
   of its own; nothing kept in one database refers to another. So a circle can be copied or closed by itself.
3. **All are open, or none**, and they close together; but one that has a passphrase of its own (`Vault.locked`) is
   absent until it is unlocked. So there may be none, in a vault that is open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple, Self

import trio

from cellsync.core.errors import NotFound, VaultDamaged
from cellsync.core.ids import INCARNATION_BYTES, CircleId, Incarnation, RecoverySecret
from cellsync.core.replica import founding
from cellsync.core.replica.founding import DeviceSecrets
from cellsync.core.replica.stage import Plan
from cellsync.ledger import founding as own_founding
from cellsync.ledger import joining
from cellsync.ledger.aftermath import doomed
from cellsync.ledger.circle import OpenCircle
from cellsync.ledger.circle import Watcher as CircleWatcher
from cellsync.ledger.pause import collector_paused
from cellsync.ledger.source import Source
from cellsync.ledger.surroundings import Surroundings
from cellsync.store.sqlite import SqliteStore
from cellsync.store.vault import Vault, Words
from cellsync.store.wipe import VaultWiped

if TYPE_CHECKING:
    from cellsync.core.pairing.messages import Welcome  # it comes with what only pairing needs

Watcher = Callable[[OpenCircle, Plan, Source], Iterator[Callable[[], None] | None] | None]
"""As a watcher of one circle, told which circle it is."""
_NOTHING: Final[Mapping[str, bytes]] = {}


class _Opened(NamedTuple):
    circle: OpenCircle
    store: SqliteStore


class OpenCircles(Mapping[CircleId, OpenCircle]):
    """The circles of an unlocked vault, in the order of joining. Made by `open`."""

    def __init__(self, vault: Vault, surroundings: Surroundings) -> None:
        self.vault = vault
        self.surroundings = surroundings
        self._opened: dict[CircleId, _Opened] = {}
        self._watchers: list[tuple[Watcher, dict[CircleId, CircleWatcher]]] = []
        self.wiped = 0  # how many were destroyed as the vault was opened: their time had come
        self.adding = trio.Lock()  # a header is replaced as a whole; what is locked stays so

    def __getitem__(self, circle: CircleId) -> OpenCircle:
        return self._opened[circle].circle

    def __iter__(self) -> Iterator[CircleId]:
        return iter(list(self._opened))

    def __len__(self) -> int:
        return len(self._opened)

    # --- open and closed ---------------------------------------------------------------------------------

    @classmethod
    def open(cls, vault: Vault, surroundings: Surroundings) -> Self:
        """Open all circles of a vault that are not locked with a passphrase of their own: none, if all are. Blocks.

        Raises VaultDamaged (also if there is none), VaultInUse, NewerVersion or StorageFailed.
        """
        if not vault.circles:
            raise VaultDamaged("this vault has no circle")
        circles = cls(vault, surroundings)
        try:
            for circle in [circle for circle in vault.circles if circle not in vault.locked]:
                circles._open(circle, vault.open_circle(circle))
        except BaseException:
            circles.close()
            raise
        return circles

    def close(self) -> None:
        """Close all databases, also if one of them fails. Blocks. The vault stays open."""
        opened = list(self._opened.values())
        self._opened.clear()
        failure: Exception | None = None
        for each in opened:
            try:
                each.store.close()
            except Exception as error:
                failure = error
        if failure is not None:
            raise failure

    def hold(self, circle: OpenCircle, store: SqliteStore) -> None:
        """Hold a circle that is open already; `store` is closed with the others."""
        self._opened[circle.id] = _Opened(circle, store)

    def _open(self, circle: CircleId, store: SqliteStore) -> None:
        try:
            with collector_paused():
                self.hold(OpenCircle(circle, store, self.surroundings), store)
        except BaseException:
            store.close()
            raise

    # --- one of them -------------------------------------------------------------------------------------

    def store(self, circle: CircleId) -> SqliteStore:
        """Where a circle rests."""
        return self._opened[circle].store

    def secrets(self, circle: CircleId) -> DeviceSecrets:
        """This device's keys in a circle: of those to seal the one that others use now."""
        identity, newest = self.vault.identity, self._opened[circle].circle.safe.keyring.secrets.newest
        return DeviceSecrets(identity.signing, identity.session, newest.secret)

    # --- one more ----------------------------------------------------------------------------------------

    async def found(self, name: str) -> tuple[OpenCircle, RecoverySecret]:
        """Found one more circle, with this device as its coordinator; and its recovery key, which is stored nowhere.

        Raises InvalidValue for a name that cannot be stored, or if the vault has as many circles as it can hold;
        DiskFull or StorageFailed.
        """
        now, entropy, secrets = self.surroundings.now(), self.surroundings.entropy, self.new_secrets()
        founded = founding.found(name, self.vault.identity.name, secrets.public, now, entropy(founding.ENTROPY))
        circle = await self._add(founded.circle, lambda store: own_founding.fill(store, founded, secrets, now))
        return circle, founded.recovery

    def new_secrets(self) -> DeviceSecrets:
        """This device's keys for one more circle: those to sign and to talk are the same in all."""
        identity, entropy = self.vault.identity, self.surroundings.entropy
        return founding.secrets_of_one_more(identity.signing, identity.session, entropy(founding.SEAL_ENTROPY))

    async def join(
        self, welcome: Welcome, secrets: DeviceSecrets, kept: Mapping[str, bytes] = _NOTHING
    ) -> OpenCircle:  # fmt: skip
        """Open a circle to which this device was admitted, with these `new_secrets`. Its history comes by sync.

        `kept`: what is known of the inviting device, by drawer.

        Raises InvalidValue (the vault has it already, or as many as it can hold), DiskFull or StorageFailed.
        """
        incarnation = Incarnation(self.surroundings.entropy(INCARNATION_BYTES))
        return await self._add(welcome.circle, lambda store: joining.fill(store, welcome, secrets, incarnation, kept))

    async def unlock(self, circle: CircleId, passphrase: Words) -> OpenCircle:
        """Open a circle that is locked with this passphrase. If its time has come, it is destroyed before it is shown.

        Raises WrongPassphrase, NotFound (it was destroyed), VaultWiped (it was the last), and what `open` raises.
        """

        def work() -> None:
            self.vault.unlock(circle, passphrase)
            try:
                self._open(circle, self.vault.open_circle(circle))
                due = doomed([self[circle]], opened=True)
            except BaseException:
                self.vault.lock_circle(circle)
                raise
            if due:
                self._opened.pop(circle).store.close()
                self.vault.wipe(due)
                if not self.vault.circles:
                    raise VaultWiped
                raise NotFound("This device was removed from that circle, and has wiped it: that was chosen there.")

        async with self.adding:
            if circle not in self:
                await self.surroundings.in_thread(work)
                self._bind_all(circle)
        return self[circle]

    async def _add(self, circle: CircleId, fill: Callable[[SqliteStore], None]) -> OpenCircle:
        """Open a circle that is new to the vault. `fill` stages in its database what it must hold before it is listed.

        A crash before that leaves the vault without the circle. Raises InvalidValue (it is known, or there are too
        many), DiskFull or StorageFailed.
        """
        async with self.adding:
            await self.surroundings.in_thread(lambda: self._open(circle, self.vault.create_circle(circle, fill)))
            self._bind_all(circle)
        return self[circle]

    # --- watching ----------------------------------------------------------------------------------------

    def watch(self, watcher: Watcher) -> None:
        """Tell `watcher` of every step of every circle, also of those that come later."""
        bound: dict[CircleId, CircleWatcher] = {}
        self._watchers.append((watcher, bound))
        for circle in self:
            self._bind(watcher, bound, circle)

    def unwatch(self, watcher: Watcher) -> None:
        for entry in [entry for entry in self._watchers if entry[0] == watcher]:
            self._watchers.remove(entry)
            for circle, bound in entry[1].items():
                if circle in self:
                    self[circle].unwatch(bound)

    def _bind_all(self, circle: CircleId) -> None:
        for watcher, bound in self._watchers:
            self._bind(watcher, bound, circle)

    def _bind(self, watcher: Watcher, bound: dict[CircleId, CircleWatcher], circle: CircleId) -> None:
        opened = self[circle]

        def told(plan: Plan, source: Source) -> Iterator[Callable[[], None] | None] | None:
            return watcher(opened, plan, source)

        bound[circle] = told
        opened.watch(told)
