"""A cell open on this device: cases to read and write, members, and the state of replication.

Reads are snapshots in memory that move forward in place; writes happen in `edit()`, and returning means durable here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Generator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from datetime import UTC, datetime
from os import PathLike, fspath
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

import trio

from cellsync.cell import forks
from cellsync.cell.audit import audit, check
from cellsync.cell.backup import back_up
from cellsync.cell.cases import OpenCases
from cellsync.cell.catalogue import OpenCatalogue
from cellsync.cell.confirmation import Confirm
from cellsync.cell.flag import Flag
from cellsync.cell.flags import Flags
from cellsync.cell.followers import Followers
from cellsync.cell.forks import Fork
from cellsync.cell.home import Home
from cellsync.cell.member import Member, members
from cellsync.cell.own_entries import CaseEdits, OwnEntries
from cellsync.cell.passphrase import change
from cellsync.cell.peer import Peer as Peer
from cellsync.cell.peer import only_here, only_here_cases, peers
from cellsync.cell.sync import Progress, confirmed, sync
from cellsync.core.errors import Closed, NoPeer, NotFound, Timeout
from cellsync.core.history.store import Listings
from cellsync.core.ids import CaseId, DeviceId, Ref
from cellsync.core.membership.control import Role, harmless
from cellsync.core.replica.founding import DeviceSecrets
from cellsync.core.replica.replica import Replica
from cellsync.core.replica.stage import Plan
from cellsync.core.schema.host import Bound, Change
from cellsync.core.schema.schema import Schema
from cellsync.core.wire.operations import Operation
from cellsync.ledger.circles import OpenCircles
from cellsync.node.network import Address, checked_address
from cellsync.node.node import Node
from cellsync.store.header import Kdf
from cellsync.store.passphrases import forms

if TYPE_CHECKING:
    from cellsync.cell.graph import Graph
    from cellsync.cell.invites import Invite
    from cellsync.cell.short_codes import ShortCodes
    from cellsync.store.backup import Backup

P = ParamSpec("P")
S = TypeVar("S", bound=Schema)
B = TypeVar("B", bound=Bound)
T = TypeVar("T")


class Cell:
    """Made by `open_cell`."""

    def __init__(self, circles: OpenCircles, node: Node, nursery: trio.Nursery, flags: list[Flag], home: Home) -> None:
        circle = circles.first
        self.circles = circles
        self.circle = circle
        self.node = node
        self.nursery = nursery
        self.catalogue = OpenCatalogue(circle)
        self._secrets = circles.secrets(circle.id)
        self._home = home
        self._closed = False
        self._codes: ShortCodes | None = None  # until the first invitation
        self._flags = Flags(circle, node, nursery, flags)
        self._cases = OpenCases(circle, node, self.catalogue, self, self._check_open)
        self.own_entries = OwnEntries(circle, self._secrets.signing, self._check_open)
        self._followers = Followers(circle, self._cases)
        self._watchers = (self._flags.committed, self.catalogue.committed, self._followers.committed)
        nursery.start_soon(self.catalogue.run)
        for watcher in self._watchers:
            circle.watch(watcher)

    def __repr__(self) -> str:
        return "<Cell>"

    # --- who ---------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The circle's name; "" until its history has arrived."""
        found = self.circle.replica.circle.found
        return "" if found is None else harmless(found.circle_name)

    @property
    def device(self) -> DeviceId:
        """This device's id in the circle."""
        return self.circle.device

    @property
    def port(self) -> int:
        """The port on which this device listens; others pass it to `add_address` with this device's IP address."""
        return self.node.port

    def members(self) -> list[Member]:
        """Every member's device, this one among them."""
        return members(self.circle)

    def peers(self) -> list[Peer]:
        """The other devices, and how much of ours has reached them; much of it is remembered across restarts."""
        return peers(self.circle, self.node)

    def only_here(self) -> int:
        """How many entries of this device no other device is known to hold."""
        return only_here(self.circle, self.node)

    async def only_here_cases(self) -> list[tuple[CaseId, int]]:
        """The cases that these entries changed, with the number of entries; the newest first, at most 100 cases.

        Looks at the newest 1,000 of these entries, leaving out those about members.
        """
        self._check_open()
        return await only_here_cases(self.circle, self.node)

    @property
    def role(self) -> Role | None:
        """This device's role; None until its admission has arrived."""
        return self.circle.replica.circle.current_role(self.device)

    @property
    def secrets(self) -> DeviceSecrets:
        return self._secrets

    async def create_invite(self, role: str = "writer", *, confirm: Confirm, short_code: bool = True) -> Invite:
        """Invite one device, for ten minutes: show `code`, `qr()` or `short_code`, then wait for `joined()`.

        `confirm` is asked, with the name and the matching words, before the device is added. Anyone nearby can use up
        an invitation by guessing at its short code; `short_code=False` makes one without. Raises NotPermitted
        (coordinators invite) or CircleFull.
        """
        self._check_open()
        from cellsync.cell.invites import open_invite  # with it come pairing and QR codes
        from cellsync.cell.short_codes import ShortCodes

        self._codes = self._codes or ShortCodes(self._flags.add_burnt_codes)
        codes, secrets = self._codes, self._secrets
        invite = open_invite(self.circle, self.node, secrets, role, confirm, codes, short_code=short_code)
        self.nursery.start_soon(invite.run)
        await trio.lowlevel.checkpoint()
        return invite

    # --- cases ---------------------------------------------------------------------------------------------

    async def create(self, schema: Callable[P, S], /, *_: P.args, **fields: P.kwargs) -> S:
        """A new case with these registers; returning means durable here.

        Raises InvalidValue (naming the field; a register without a default has to be given), NotPermitted (readers do
        not write), DiskFull.
        """
        kind = cast("type[S]", schema)
        return await self.get(kind, await self.own_entries.create(kind, fields))

    async def get(self, schema: type[S], case: CaseId | str, *, wait: float | None = None) -> S:
        """A case by its id, waiting at most `wait` seconds for it to arrive. As a text: `case.id.hex()`.

        Raises NotFound, or Timeout after waiting; InvalidValue if it is a case of another kind, or no id.
        """
        return await self._cases.get(schema, case, wait)

    async def cases(self, schema: type[S]) -> list[S]:
        """All cases of a kind, in the order in which they arrived on this device."""
        return await self._cases.of_kind(schema)

    async def pointing_at(self, cases: Collection[bytes]) -> dict[CaseId, str]:
        """The cases with a link to one of these, by id, with their kinds.

        A case with more links than are listed is always included, wherever they lead: look at its links.
        """
        return await self._cases.pointing_at(cases)

    async def kinds(self, cases: Collection[bytes]) -> dict[CaseId, str]:
        """The kinds of these cases, as far as they are here."""
        return await self._cases.kinds(cases)

    async def wrote(self, case: CaseId, refs: Collection[Ref], within: int) -> tuple[dict[Ref, Operation], int]:
        """The operations of these refs among the `within` newest entries of a case, and how many entries were read."""
        return await self._cases.wrote(case, refs, within)

    async def at_one_moment(self, work: Callable[[Replica, Listings], Generator[None, None, T]]) -> T:
        """The result of work on many cases, on a consistent view of them all. It opens them with `look_up`.

        Each step runs in a thread with the lock held; other tasks get their turn between steps. If anything is written
        or arrives in between, the work starts over, and other tasks wait until it is done.
        """
        return await self._cases.at_one_moment(work)

    def look_up(self, schema: type[S], number: int) -> S:
        """A case as it is now, for work of `at_one_moment`: a throw-away snapshot that does not move forward."""
        return self._cases.look_up(schema, number)

    async def graph(self, case: Bound) -> Graph:
        """The history of a case: who wrote what, having seen what. `cellsync.cell.drawing` draws it."""
        self._check_open()
        from cellsync.cell.graph import graph_of  # only drawing needs it

        await self.catalogue.ready()
        return await graph_of(self.circle, case, named=self.catalogue.title)

    def case_id(self, kind: str, external: str) -> CaseId:
        """The id that a case with this external id has on every device of this circle."""
        return self._cases.case_id(kind, external)

    # --- writing ---------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def edit(self, case: B) -> AsyncIterator[B]:
        """As `case.edit()`: leaving the block without an error writes one entry."""
        async with self.own_entries.edit(case) as draft:
            yield draft

    async def write(self, edits: CaseEdits) -> Plan:
        """Write entries, one per edit, atomically; returning means durable here."""
        return await self.own_entries.write(edits)

    # --- following -------------------------------------------------------------------------------------------

    def cursor(self) -> str:
        """The current position in the order of arrival, for a later `changes(since=…)`, even after a restart."""
        return self._followers.cursor()

    @asynccontextmanager
    async def changes(
        self, case: Bound | None = None, since: str | None = None
    ) -> AsyncIterator[AsyncIterator[Change]]:
        """Changes of one case, or of all, from now on or after a cursor.

        Bounded: a slow reader gets a "reset". So does one whose case shows, or was told, entries that no longer count.
        """
        self._check_open()
        async with self._followers.following(case, since) as follower:
            yield follower

    @property
    def flags(self) -> list[Flag]:
        """What needs a person's eye, each once: lasting facts, then, by reason, events until they are dismissed."""
        return self._flags.all()

    def dismiss(self, flag: Flag) -> None:
        """A person has seen it. It is raised again if it recurs; a lasting fact stays until it is over."""
        self._flags.dismiss(flag)

    async def carry_on(self) -> None:
        """Write and hand out in spite of what coordinators now require, or have announced ahead of its history.

        For who knows better: two coordinators gone bad can require an edition that no build has, and one can tell each
        device that the others were removed. What they require or announce after this counts again. Raises DiskFull.
        """
        self._check_open()
        await self.circle.carry_on()
        self.node.links.wake()

    async def keep_flags(self) -> None:
        """Make the flags durable. A full disk is no error here: they are saved at the next chance."""
        await self._flags.keep()

    # --- others ----------------------------------------------------------------------------------------------

    def name_of(self, device: DeviceId) -> str:
        """A device's display name, or the start of its id if the name is not known."""
        return self.circle.replica.name(device)

    async def synced(self, case: Bound | None = None, min_peers: int = 1, timeout: float = 30.0) -> None:
        """Return when this many other devices have confirmed every entry written here so far.

        Raises Timeout, or PeerOlder or PeerNewer: all that could have confirmed it were met, and one has no version of
        the protocol in common with this device.
        """
        await confirmed(self.circle, self.node, self._check_open, min_peers, timeout)

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
        return await sync(self.circle, self.node, self._check_open, everyone, timeout, progress)

    @property
    def others_ahead(self) -> float | None:
        """By how many seconds the others' clocks are ahead of this device's; None unless two members agree."""
        shift = self.circle.shift()
        return None if shift is None else shift / 1000

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
        return self.node.whereabouts[self.circle.id].addresses_of(device)

    async def add_address(self, device: DeviceId, host_: str, port: int) -> None:
        """Note where another device listens, for networks without multicast. Raises InvalidValue for a host name."""
        await self.node.add_address(device, checked_address(host_, port))

    async def state_digest(self) -> bytes:
        """32 bytes, equal on devices where all cases read the same."""
        self._check_open()
        async with self.circle.lock:
            return self.circle.replica.state_digest()

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
        return await back_up(self.circles, self._check_open, fspath(to), below, beside or {})

    async def forks(self) -> list[Fork]:
        """The places where devices signed two entries, the oldest first. Both sides are kept; a fork blames nobody."""
        self._check_open()
        async with self.circle.lock:
            return await self.circle.apart(lambda: forks.forks(self.circle))

    async def fork_proof(self, fork: Fork) -> bytes:
        """The proof that its device signed both sides, for someone who holds neither. It reveals no content.

        Raises NotFound if the fork is not held here, or its proof would be too large.
        """
        self._check_open()
        async with self.circle.lock:
            found = await self.circle.apart(lambda: forks.proof(self.circle, fork.id))
        if found is None:
            raise NotFound("There is no such fork here, or its proof is too large.")
        return found

    async def check_fork_proof(self, proof: bytes) -> Fork:
        """The fork of a device of this cell that a proof shows. Raises ProvesNothing."""
        self._check_open()
        return await self.circle.surroundings.in_thread(lambda: forks.check(self.circle, proof))

    async def check(self, most: int | None = None) -> bool:
        """Read every page of this cell at rest; edits and sessions wait, some ms for each MB. Raises VaultDamaged.

        False if it has more than `most` bytes: nothing is read then.
        """
        self._check_open()
        return await check(self.circles, self._check_open, most)

    async def audit(self, progress: Callable[[int, int], None] | None = None) -> int:
        """Read every page and entry of this cell at rest, and verify all signatures; returns the number of entries.

        Takes some 0.1 ms per entry; edits and sessions continue meanwhile, but wait while the pages are read.
        `progress` is called with (entries checked, entries in all). Raises VaultDamaged.
        """
        self._check_open()
        return await audit(self.circles, self._check_open, progress)

    @property
    def derivation(self) -> Kdf:
        """The cost of a guess at this vault's passphrase: passes, and bytes of memory."""
        return self.circles.vault.derivation

    async def check_passphrase(self, passphrase: str) -> None:
        """Check that this passphrase opens the vault, which is already open. Raises WrongPassphrase, InvalidValue."""
        self._check_open()
        guess, vault = forms(passphrase), self.circles.vault
        await self.circle.surroundings.in_thread(lambda: vault.check_passphrase(guess))

    async def change_passphrase(self, *, old: str, new: str) -> None:
        """As `cellsync.change_passphrase`, of an open cell. Raises WrongPassphrase, WeakPassphrase, DiskFull."""
        self._check_open()
        vault, home = self.circles.vault, self._home
        await self.check_passphrase(old)
        known = self.name, self.name_of(self.device)
        await home.surroundings.in_thread(lambda: change(vault, home, old, new, known))

    @property
    def copied_at(self) -> datetime | None:
        """When the backup was taken from which this cell was restored; None once something has been written here."""
        at = self.circle.copied_at
        return None if at is None else datetime.fromtimestamp(at / 1000, UTC)

    def entries(self) -> int:
        """The number of entries here that count: the same on every device that is in step."""
        return self.circle.replica.held.counted_entries()

    def _check_open(self) -> None:
        if self._closed:
            raise Closed

    def close(self) -> None:
        """Wake every task that waits on this cell: followers end, other waits raise Closed."""
        self._closed = True
        self._flags.close()
        self._followers.close()
        self.node.links.wake()
        for watcher in self._watchers:
            with suppress(ValueError):
                self.circle.unwatch(watcher)
