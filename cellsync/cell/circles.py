"""The circles of an open cell: which there are, who is in them, and who comes in."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import trio

from cellsync.cell.circle import CellCircle
from cellsync.cell.confirmation import Confirm
from cellsync.cell.device import OwnDevice, own_devices
from cellsync.cell.followers import Follower
from cellsync.cell.home import Home
from cellsync.cell.member import Member
from cellsync.cell.passphrase import change_circle
from cellsync.cell.peer import CASES, Peer
from cellsync.cell.which import Which, circle_with, said_of_locked, the_circle
from cellsync.core.errors import CircleLocked, Closed, InvalidValue, NotFound, WrongPassphrase
from cellsync.core.ids import CaseId, CircleId, DeviceId, MemberId
from cellsync.core.membership.control import Role
from cellsync.core.replica.founding import DeviceSecrets
from cellsync.ledger.circle import OpenCircle
from cellsync.ledger.circles import OpenCircles
from cellsync.node.node import Node
from cellsync.store.passphrases import forms

if TYPE_CHECKING:
    from cellsync.cell.founding import RecoveryKey
    from cellsync.cell.invites import Invite
    from cellsync.cell.short_codes import ShortCodes


class CellCircles:
    """Those that are open on this device."""

    def __init__(self, ledger: OpenCircles, node: Node, nursery: trio.Nursery, home: Home) -> None:
        self.ledger = ledger
        self.node = node
        self.nursery = nursery
        self._home = home
        self._closed = False
        self._codes: ShortCodes | None = None  # until the first invitation
        self._everywhere: set[Follower] = set()  # followers of all circles
        self._circles: list[CellCircle] = []
        for circle in ledger.values():
            self._take(circle)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def _take(self, circle: OpenCircle) -> CellCircle:
        identity, every = self.ledger.vault.identity, lambda: self._circles
        taken = CellCircle(circle, identity, self.node, self.nursery, self._check_open, every)
        self._circles.append(taken)
        order = self.ledger.vault.circles  # a circle that was unlocked stands where it did
        self._circles.sort(key=lambda one: order.index(one.id))
        return taken

    def _check_open(self) -> None:
        if self._closed:
            raise Closed

    def close(self) -> None:
        """Wake every task that waits on this cell: followers end, other waits raise Closed."""
        self._closed = True
        self.node.links.wake()
        for circle in self._circles:
            circle.close()

    # --- its circles ---------------------------------------------------------------------------------------

    @property
    def circles(self) -> list[CellCircle]:
        """The circles that are open on this device, in the order of joining: none, if all are locked."""
        return list(self._circles)

    @property
    def first(self) -> CellCircle:
        """The first of those that are open: the one with which the vault was made, unless that is locked. Raises
        CircleLocked if all are."""
        self._check_any()
        return self._circles[0]

    def circle(self, which: Which = None) -> CellCircle:
        """One of them. Raises WhichCircle if there are several and none is named, or several are called so;
        NotFound; CircleLocked if none is open."""
        self._check_any()
        return the_circle(self._circles, which)

    def _check_any(self) -> None:
        locked = self.locked_circles
        if not self._circles and locked:
            raise CircleLocked(said_of_locked(locked))

    def circle_with(self, case: CaseId) -> CellCircle:
        """The circle that a case is in. Raises NotFound; WhichCircle if two have a case of this id."""
        return circle_with(self._circles, case)

    async def create_circle(self, name: str) -> tuple[CellCircle, RecoveryKey]:
        """Found one more circle, with this device as its coordinator; and its recovery key: write it down.

        Nobody else learns that it exists before they are invited into it. Raises InvalidValue for an unusable name, or
        one that a circle here has, or if this device is in as many as it can be; DiskFull or StorageFailed.
        """
        self._check_open()
        from cellsync.cell.founding import RecoveryKey  # done seldom

        if any(circle.name.casefold() == name.strip().casefold() for circle in self._circles):
            raise InvalidValue("This device is in a circle of that name already.", hint="Choose another name.")
        circle, recovery = await self.ledger.found(name)
        return await self._add(circle), RecoveryKey(recovery)

    async def join(
        self, code: str, *, confirm: Confirm, address: tuple[str, int] | None = None, timeout: float = 60.0
    ) -> CellCircle:
        """Join one more circle with the code on another device's screen, under the name that this device has.

        The other device learns this one's name and keys, and of no circle that it is in. As `cellsync.join` otherwise.
        """
        self._check_open()
        from cellsync.cell.newcomers import join_as_well  # with it comes pairing

        circle = await join_as_well(
            self.ledger, self.node, self._home, code, confirm=confirm, address=address, timeout=timeout
        )
        return await self._add(circle)

    # --- circles with a passphrase of their own --------------------------------------------------------------

    @property
    def locked_circles(self) -> list[CircleId]:
        """The circles of this device that are locked with a passphrase of their own: they are not kept in step, and
        nothing of them is read, not even a name."""
        return [] if self._closed else list(self.ledger.vault.locked)

    async def unlock_circle(self, passphrase: str, which: str = "") -> CellCircle:
        """Unlock the locked circle that this passphrase opens, until the cell is closed.

        `which`: the beginning of its id, if there are several; else it is tried on each. Raises WrongPassphrase,
        NotFound (nothing of that id is locked), InvalidValue.
        """
        self._check_open()
        words = forms(passphrase)
        found = [circle for circle in self.ledger.vault.locked if circle.hex().startswith(which.lower())]
        if not found:
            raise NotFound("There is no locked circle here of that id.", hint="cellsync circle list")
        for circle in found:
            with suppress(WrongPassphrase):
                return await self._add(await self.ledger.unlock(circle, words))
        raise WrongPassphrase

    async def change_circle_passphrase(self, circle: Which, *, old: str, new: str | None) -> None:
        """Give a circle a passphrase of its own, another one, or (None) none. It stays open, until the cell is closed.

        `old`: its own, or the vault's if it has none. Copies of the vault from before open it as they did, until a
        `rekey`. Raises WrongPassphrase, WeakPassphrase, InvalidValue (it has none, and `new` is none), DiskFull.
        """
        self._check_open()
        of, vault, home = self.circle(circle), self.ledger.vault, self._home
        known = *(other.name for other in self._circles), vault.identity.name
        async with self.ledger.adding:
            await home.surroundings.in_thread(lambda: change_circle(vault, home, of.id, old, new, known))

    async def _add(self, circle: OpenCircle) -> CellCircle:
        taken = self._take(circle)
        self.node.add(circle)
        for follower in list(self._everywhere):
            taken.followers.prepare(follower, None)
            await taken.followers.begin(follower, None)
        self.node.links.wake()
        return taken

    # --- who ---------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The name of the `first` circle; "" until its history has arrived, or if all circles are locked."""
        return self._circles[0].name if self._circles else ""

    @property
    def own_name(self) -> str:
        """What this device is called in the `first` circle; with which name it would join one, if all are locked."""
        return self.first.name_of(self.device) if self._circles else self.ledger.vault.identity.name

    @property
    def device(self) -> DeviceId:
        """This device's id in the `first` circle; it has another one in each. Raises CircleLocked."""
        return self.first.device

    @property
    def role(self) -> Role | None:
        """This device's role there; None until its admission has arrived, or if all circles are locked."""
        return self._circles[0].role if self._circles else None

    @property
    def secrets(self) -> DeviceSecrets:
        """This device's keys there. Those to sign and to talk are the same in all. Raises CircleLocked."""
        return self.first.secrets

    @property
    def port(self) -> int:
        """The port on which this device listens; others pass it to `add_address` with this device's IP address."""
        return self.node.port

    def members(self) -> list[Member]:
        """Every member's device, this one among them; those who are in several circles once for each."""
        return [member for circle in self._circles for member in circle.members()]

    def peers(self) -> list[Peer]:
        """The other devices, and how much of ours has reached them; much of it is remembered across restarts.

        Those who are in several circles once for each.
        """
        return [peer for circle in self._circles for peer in circle.peers()]

    def own_devices(self) -> list[OwnDevice]:
        """One's own devices, this one first, and the circles in which each of them is."""
        return own_devices(self._circles)

    def circles_without(self, device: DeviceId) -> list[CellCircle]:
        """The circles of this device in which another one is not: a link is into one circle alone."""
        key = self.node.circles.key_of(device)
        return [one for one in self._circles if key is None or not one.circle.replica.circle.devices_with(key)]

    def only_here(self) -> int:
        """How many entries of this device no other device is known to hold."""
        return sum(circle.only_here() for circle in self._circles)

    async def only_here_cases(self) -> list[tuple[CaseId, int]]:
        """The cases that these entries changed, with the number of entries; the newest first, at most 100 cases.

        Looks at the newest 1,000 of these entries of each circle, leaving out those about members.
        """
        found: list[tuple[CaseId, int]] = []
        for circle in self.circles:
            found += await circle.only_here_cases()
        return found[:CASES]

    async def create_invite(
        self, role: str = "writer", *, confirm: Confirm, short_code: bool = True, circle: Which = None,
        after_custody: MemberId | None = None,
    ) -> Invite:  # fmt: skip
        """Invite one device, for ten minutes: show `code`, `qr()` or `short_code`, then wait for `joined()`.

        `confirm` is asked, with the name and the matching words, before the device is added. Anyone nearby can use up
        an invitation by guessing at its short code; `short_code=False` makes one without.

        `after_custody`: a member who was removed and comes back: with new keys, as a reader, under the name that they
        had. Their removal must have a second word first, and more than a reader they become by another coordinator.

        Raises NotPermitted (coordinators invite), CircleFull or WhichCircle.
        """
        return await self.circle(circle).invite(
            self._short_codes(), role, confirm, short_code=short_code, after_custody=after_custody
        )

    async def create_link(
        self, name: str, *, confirm: Confirm, short_code: bool = True, circle: Which = None
    ) -> Invite:
        """Invite a further device of one's own into one circle, where it will be called `Ben / NAME`: as
        `create_invite`, and it joins as any other. It needs no coordinator; every coordinator is shown it.

        Raises TooManyDevices (a member has at most four), FloorTooLow (coordinators have to require first what linking
        needs), InvalidValue for an unusable name, or one that another device of one's own has; CircleFull or
        WhichCircle.
        """
        return await self.circle(circle).link(self._short_codes(), name, confirm, short_code=short_code)

    def _short_codes(self) -> ShortCodes:
        self._check_open()
        from cellsync.cell.short_codes import ShortCodes

        self._codes = self._codes or ShortCodes()
        return self._codes
