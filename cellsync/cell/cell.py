"""A cell open on this device: its circles, cases to read and write, and the state of replication.

Reads are snapshots in memory that move forward in place; writes happen in `edit()`, and returning means durable here.

Most devices are in one circle, and need not name it. In several, what can be asked of all together is: lists, changes,
flags, peers, a case by its id. What belongs into one circle only names it, `cell.circle("Lawyers").create(…)`, and
raises WhichCircle otherwise: what was written where too many read it cannot be taken back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from datetime import UTC, datetime
from os import PathLike, fspath
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import trio

from cellsync.cell import forks
from cellsync.cell.audit import audit, check
from cellsync.cell.backup import back_up
from cellsync.cell.cases import id_of
from cellsync.cell.circle import CellCircle
from cellsync.cell.confirmation import Confirm
from cellsync.cell.device import OwnDevice, own_devices
from cellsync.cell.flag import Flag
from cellsync.cell.followers import Follower, following
from cellsync.cell.forks import Fork
from cellsync.cell.home import Home
from cellsync.cell.member import Member
from cellsync.cell.own_entries import CaseEdits
from cellsync.cell.passphrase import change, change_circle
from cellsync.cell.peer import CASES
from cellsync.cell.peer import Peer as Peer
from cellsync.cell.sync import Progress, confirmed, sync
from cellsync.cell.which import Which, circle_with, the_circle
from cellsync.core.errors import Closed, InvalidValue, NoPeer, NotFound, ProvesNothing, Timeout, WrongPassphrase
from cellsync.core.ids import CaseId, CircleId, DeviceId, MemberId, Ref
from cellsync.core.membership.control import Role
from cellsync.core.replica.founding import DeviceSecrets
from cellsync.core.replica.stage import Plan
from cellsync.core.schema.host import Bound, Change
from cellsync.core.schema.schema import Schema
from cellsync.core.wire.operations import Operation
from cellsync.ledger.circle import OpenCircle
from cellsync.ledger.circles import OpenCircles
from cellsync.node.network import Address, checked_address
from cellsync.node.node import Node
from cellsync.store.header import Kdf
from cellsync.store.passphrases import forms

if TYPE_CHECKING:
    from cellsync.cell.founding import RecoveryKey
    from cellsync.cell.graph import Graph
    from cellsync.cell.invites import Invite
    from cellsync.cell.short_codes import ShortCodes
    from cellsync.store.backup import Backup

P = ParamSpec("P")
S = TypeVar("S", bound=Schema)
B = TypeVar("B", bound=Bound)


class Cell:
    """Made by `open_cell`."""

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
        return "<Cell>"

    def _take(self, circle: OpenCircle) -> CellCircle:
        identity, every = self.ledger.vault.identity, lambda: self._circles
        self._circles.append(CellCircle(circle, identity, self.node, self.nursery, self._check_open, every))
        return self._circles[-1]

    # --- its circles ---------------------------------------------------------------------------------------

    @property
    def circles(self) -> list[CellCircle]:
        """The circles of this device, in the order of joining."""
        return list(self._circles)

    @property
    def first(self) -> CellCircle:
        """The circle with which the vault was made."""
        return self._circles[0]

    def circle(self, which: Which = None) -> CellCircle:
        """One of them. Raises WhichCircle if there are several and none is named, or several are called so;
        NotFound."""
        return the_circle(self._circles, which)

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
        `rekey`. Raises WrongPassphrase, WeakPassphrase, InvalidValue (the first circle can have none), DiskFull.
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
        """The name of the circle with which the vault was made; "" until its history has arrived."""
        return self.first.name

    @property
    def device(self) -> DeviceId:
        """This device's id in the circle with which the vault was made; it has another one in each."""
        return self.first.device

    @property
    def role(self) -> Role | None:
        """This device's role there; None until its admission has arrived."""
        return self.first.role

    @property
    def secrets(self) -> DeviceSecrets:
        """This device's keys there. Those to sign and to talk are the same in all."""
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

    # --- cases ---------------------------------------------------------------------------------------------

    async def create(self, schema: Callable[P, S], /, *_: P.args, **fields: P.kwargs) -> S:
        """A new case with these registers, in the only circle; returning means durable here.

        Raises InvalidValue (naming the field; a register without a default has to be given), NotPermitted (readers do
        not write), DiskFull; WhichCircle if there are several: `cell.circle(…).create(…)`.
        """
        return await self.circle().create(schema, *_, **fields)

    async def get(self, schema: type[S], case: CaseId | str, *, wait: float | None = None) -> S:
        """A case by its id, waiting at most `wait` seconds for it to arrive. As a text: `case.id.hex()`.

        Raises NotFound, or Timeout after waiting; InvalidValue if it is a case of another kind, or no id; WhichCircle
        if somebody gave two cases in two circles the same id."""
        identity = case if isinstance(case, bytes) else id_of(case)
        deadline = trio.current_time() + (wait or 0)
        while True:
            self._check_open()
            changed = self.node.links.changed
            try:
                return await self.circle_with(identity).get(schema, identity)
            except NotFound:
                if wait is None:
                    raise
            with trio.move_on_at(deadline) as scope:
                await changed.wait()
            if scope.cancelled_caught:
                raise Timeout("the case has not arrived in time")

    async def cases(self, schema: type[S]) -> list[S]:
        """All cases of a kind, in the order in which they arrived on this device; one circle after the other."""
        return [case for circle in self.circles for case in await circle.cases(schema)]

    async def pointing_at(self, cases: Collection[bytes]) -> dict[CaseId, str]:
        """The cases with a link to one of these, by id, with their kinds.

        A case with more links than are listed is always included, wherever they lead: look at its links.
        """
        found: dict[CaseId, str] = {}
        for circle in self.circles:
            found |= await circle.pointing_at(cases)
        return found

    async def kinds(self, cases: Collection[bytes]) -> dict[CaseId, str]:
        """The kinds of these cases, as far as they are here."""
        found: dict[CaseId, str] = {}
        for circle in reversed(self.circles):
            found |= await circle.kinds(cases)
        return found

    async def wrote(self, case: CaseId, refs: Collection[Ref], within: int) -> tuple[dict[Ref, Operation], int]:
        """The operations of these refs among the `within` newest entries of a case, and how many entries were read."""
        return await self.circle_with(case).wrote(case, refs, within)

    async def graph(self, case: Bound) -> Graph:
        """The history of a case: who wrote what, having seen what. `cellsync.cell.drawing` draws it."""
        return await self._circle_of(case).graph(case)

    def case_id(self, kind: str, external: str) -> CaseId:
        """The id that a case with this external id has on every device of the only circle; each has its own."""
        return self.circle().case_id(kind, external)

    def _circle_of(self, case: Bound) -> CellCircle:
        host = case._host
        return host if isinstance(host, CellCircle) else self.circle_with(case.id)

    # --- writing ---------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def edit(self, case: B) -> AsyncIterator[B]:
        """As `case.edit()`: leaving the block without an error writes one entry."""
        async with self._circle_of(case).edit(case) as draft:
            yield draft

    async def write(self, edits: CaseEdits) -> Plan:
        """Write entries, one per edit, atomically, into the only circle; returning means durable here."""
        return await self.circle().write(edits)

    # --- following -------------------------------------------------------------------------------------------

    def cursor(self) -> str:
        """The current position in the order of arrival, for a later `changes(since=…)`, even after a restart."""
        return ",".join(circle.cursor() for circle in self._circles)

    @asynccontextmanager
    async def changes(
        self, case: Bound | None = None, since: str | None = None
    ) -> AsyncIterator[AsyncIterator[Change]]:
        """Changes of one case, or of all, from now on or after a cursor.

        Bounded: a slow reader gets a "reset". So does one whose case shows, or was told, entries that no longer count.
        """
        self._check_open()
        if case is not None:
            async with self._circle_of(case).changes(case, since) as of_case:
                yield of_case
            return
        circles = [circle.followers for circle in self._circles]
        async with following(circles, self.cursor, None, since, self._everywhere) as follower:
            yield follower

    @property
    def flags(self) -> list[Flag]:
        """What needs a person's eye, each once: lasting facts, then, by reason, events until they are dismissed."""
        return [flag for circle in self._circles for flag in circle.flags]

    @property
    def is_lock_due(self) -> bool:
        """Whether this device has learnt that it was removed from a circle, and not locked for that; or has to wipe
        one, which happens when the cell is closed."""
        after = [circle.aftermath for circle in self._circles]
        return any(one.is_lock_due or one.is_wipe_due for one in after)

    async def heed_removals(self) -> None:
        """Remember that this device locks for its removals now: call it before closing."""
        for circle in self._circles:
            await circle.heed_removal()

    def dismiss(self, flag: Flag) -> None:
        """A person has seen it. It is raised again if it recurs; a lasting fact stays until it is over."""
        for circle in self._circles:
            if circle.id == flag.circle:
                circle.dismiss(flag)

    async def carry_on(self, circle: Which = None) -> None:
        """Write and hand out in spite of what coordinators now require, or have announced ahead of its history.

        For who knows better: two coordinators gone bad can require an edition that no build has, and one can tell each
        device that the others were removed. What they require or announce after this counts again. Raises DiskFull, or
        WhichCircle.
        """
        await self.circle(circle).carry_on()

    async def keep_flags(self) -> None:
        """Make the flags durable. A full disk is no error here: they are saved at the next chance."""
        for circle in self._circles:
            await circle.keep_flags()

    # --- others ----------------------------------------------------------------------------------------------

    def name_of(self, device: DeviceId) -> str:
        """A device's display name, or the start of its id if the name is not known."""
        of = self.node.circles.of(device)
        return next((circle.name_of(device) for circle in self._circles if of is circle.circle), None) or (
            self.first.name_of(device)
        )

    async def synced(self, case: Bound | None = None, min_peers: int = 1, timeout: float = 30.0) -> None:
        """Return when this many other devices have confirmed every entry written here so far, in each circle.

        With a case: in its circle. Raises Timeout, or PeerOlder or PeerNewer: all that could have confirmed it were
        met, and one has no version of the protocol in common with this device.
        """
        until = trio.current_time() + timeout
        for circle in self.circles if case is None else [self._circle_of(case)]:
            left = max(0.0, until - trio.current_time())
            await confirmed(circle.circle, self.node, self._check_open, min_peers, left)

    async def sync(
        self, *, everyone: bool = False, timeout: float = 30.0, progress: Progress | None = None
    ) -> list[Peer]:
        """Call the other devices and return when those reached are in step; the list also names those that were not.

        With `everyone`, return only when all are or have been in step since the call: a device may have left again
        since (`Peer.came_in_step`). After `timeout` seconds one device in step is enough. Meanwhile this device shows
        itself as if it were inviting. `progress` is called with the list whenever it changes, at most ten times a
        second.

        Raises NoPeer (there is no other device, or none was reached), ClocksDiffer (none was reached, and one that is
        there has a clock too far off), Timeout (none of those reached was in step), PeerOlder or PeerNewer (none was in
        step, and one that was met has no version in common).
        """
        self._check_open()
        circles = [circle.circle for circle in self._circles]
        return await sync(circles, self.node, self._check_open, everyone, timeout, progress)

    @property
    def others_ahead(self) -> float | None:
        """By how many seconds the others' clocks are ahead of this device's; None unless two members agree.

        The most of what is known so in any circle.
        """
        shifts = [shift for circle in self._circles if (shift := circle.circle.shift()) is not None]
        return max(shifts, key=abs) / 1000 if shifts else None

    def showing(self) -> AbstractContextManager[None]:
        """Within the block, this device shows itself even on a network opened with `mode="asked"`."""
        self._check_open()
        return self.node.showing()

    async def ping(self, device: DeviceId, timeout: float = 5.0) -> float:
        """Seconds for a round trip to another device, which is called first if it is not connected.

        Raises NoPeer (it cannot be reached), PeerOlder or PeerNewer (one of the two has to be updated first), Timeout.
        """
        self._check_open()
        with trio.move_on_after(timeout):
            try:
                return await self.node.calls.ping(device)
            except NoPeer:
                self._check_open()
                raise
        self._check_open()
        raise Timeout("no answer in time")

    def addresses_of(self, device: DeviceId) -> list[Address]:
        """The addresses where another device listened when last met, or is said to listen."""
        of = self.node.circles.of(device)
        return [] if of is None else self.node.whereabouts[of.id].addresses_of(device)

    async def add_address(self, device: DeviceId, host_: str, port: int) -> None:
        """Note where another device listens, for networks without multicast. Raises InvalidValue for a host name."""
        await self.node.add_address(device, checked_address(host_, port))

    async def state_digest(self) -> bytes:
        """32 bytes, equal on devices where all cases of the only circle read the same."""
        return await self.circle().state_digest()

    # --- copies ----------------------------------------------------------------------------------------------

    async def backup(
        self, to: str | PathLike[str], *, below: str = "", beside: Mapping[str, bytes] | None = None
    ) -> Backup:
        """Copy this cell as it is now into a new folder: encrypted under the same passphrase, checked, and synced.

        The folder can be used as a home, or `restore` makes another vault of it; either knows that it is a copy. With
        `below` the vault is a subfolder of that name, with the files `beside` next to it.

        Raises PlaceTaken, NoSuchPlace (its parent), InsideVault, NotWritable, DiskFull, StorageFailed, CopyDiffers, and
        VaultDamaged if this vault is damaged: no backup is then made.
        """
        self._check_open()
        await self.node.keep()  # when each device was last seen goes along
        return await back_up(self.ledger, self._check_open, fspath(to), below, beside or {})

    async def forks(self) -> list[Fork]:
        """The places where devices signed two entries, the oldest first. Both sides are kept; a fork blames nobody."""
        return [fork for circle in self.circles for fork in await circle.forks()]

    async def fork_proof(self, fork: Fork) -> bytes:
        """The proof that its device signed both sides, for someone who holds neither. It reveals no content.

        Raises NotFound if the fork is not held here, or its proof would be too large.
        """
        self._check_open()
        circle = self.circle(fork.circle).circle
        async with circle.lock:
            found = await circle.apart(lambda: forks.proof(circle, fork.id))
        if found is None:
            raise NotFound("There is no such fork here, or its proof is too large.")
        return found

    async def check_fork_proof(self, proof: bytes) -> Fork:
        """The fork of a device of this cell that a proof shows. Raises ProvesNothing."""
        self._check_open()

        def shown() -> Fork:
            for circle in self.ledger.values():
                try:
                    return forks.check(circle, proof)
                except ProvesNothing:
                    continue
            raise ProvesNothing

        return await self.ledger.surroundings.in_thread(shown)

    async def check(self, most: int | None = None) -> bool:
        """Read every page of this cell at rest; edits and sessions wait, some ms for each MB. Raises VaultDamaged.

        False if it has more than `most` bytes: nothing is read then.
        """
        self._check_open()
        return await check(self.ledger, self._check_open, most)

    async def audit(self, progress: Callable[[int, int], None] | None = None) -> int:
        """Read every page and entry of this cell at rest, and verify all signatures; returns the number of entries.

        Takes some 0.1 ms per entry; edits and sessions continue meanwhile, but wait while the pages are read.
        `progress` is called with (entries checked, entries in all). Raises VaultDamaged.
        """
        self._check_open()
        return await audit(self.ledger, self._check_open, progress)

    @property
    def derivation(self) -> Kdf:
        """The cost of a guess at this vault's passphrase: passes, and bytes of memory."""
        return self.ledger.vault.derivation

    async def check_passphrase(self, passphrase: str) -> None:
        """Check that this passphrase opens the vault, which is already open. Raises WrongPassphrase, InvalidValue."""
        self._check_open()
        guess, vault = forms(passphrase), self.ledger.vault
        await self.ledger.surroundings.in_thread(lambda: vault.check_passphrase(guess))

    async def change_passphrase(self, *, old: str, new: str) -> None:
        """As `cellsync.change_passphrase`, of an open cell. Raises WrongPassphrase, WeakPassphrase, DiskFull."""
        self._check_open()
        vault, home = self.ledger.vault, self._home
        await self.check_passphrase(old)
        known = *(circle.name for circle in self._circles), vault.identity.name
        await home.surroundings.in_thread(lambda: change(vault, home, old, new, known))

    @property
    def copied_at(self) -> datetime | None:
        """When the backup was taken from which this cell was restored; None once something has been written here."""
        known = [circle.circle.copied_at for circle in self._circles]
        copied = [at for at in known if at is not None]
        return datetime.fromtimestamp(min(copied) / 1000, UTC) if len(copied) == len(known) else None

    def entries(self) -> int:
        """The number of entries here that count: the same on every device that is in step, and in the same circles."""
        return sum(circle.entries() for circle in self._circles)

    def _check_open(self) -> None:
        if self._closed:
            raise Closed

    def close(self) -> None:
        """Wake every task that waits on this cell: followers end, other waits raise Closed."""
        self._closed = True
        self.node.links.wake()
        for circle in self._circles:
            circle.close()
