"""A cell that is open on this device: cases to read and write, members, and what reaches whom.

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
from cellsync.cell.backup import AtRest, back_up
from cellsync.cell.cases import OpenCases
from cellsync.cell.catalogue import OpenCatalogue
from cellsync.cell.confirmation import Confirm
from cellsync.cell.flag import Flag
from cellsync.cell.flags import Flags
from cellsync.cell.followers import Followers
from cellsync.cell.forks import Fork
from cellsync.cell.member import Member, members
from cellsync.cell.own_entries import CaseEdits, OwnEntries
from cellsync.cell.peer import Peer as Peer
from cellsync.cell.peer import only_here, only_here_cases, peers
from cellsync.cell.sync import Progress, confirmed, sync
from cellsync.core.errors import Closed, NoPeer, NotFound, Timeout
from cellsync.core.history.store import Listings
from cellsync.core.ids import CaseId, DeviceId, Ref
from cellsync.core.membership.control import Role
from cellsync.core.replica.founding import DeviceSecrets
from cellsync.core.replica.replica import Replica
from cellsync.core.replica.stage import Plan
from cellsync.core.schema.host import Bound, Change
from cellsync.core.schema.schema import Schema
from cellsync.core.wire.operations import Operation
from cellsync.ledger.circle import OpenCircle
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

    def __init__(
        self, circle: OpenCircle, node: Node, secrets: DeviceSecrets, nursery: trio.Nursery, flags: list[Flag],
        kept: AtRest,
    ) -> None:  # fmt: skip
        self.circle = circle
        self.node = node
        self.nursery = nursery
        self.catalogue = OpenCatalogue(circle)
        self._secrets = secrets
        self._kept = kept
        self._closed = False
        self._codes: ShortCodes | None = None  # while nobody has been invited
        self._flags = Flags(circle, node, nursery, flags)
        self._cases = OpenCases(circle, node, self.catalogue, self, self._check_open)
        self.own_entries = OwnEntries(circle, secrets.signing, self._check_open)
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
        """The circle's name; "" while its history has not come yet."""
        found = self.circle.replica.circle.found
        return "" if found is None else found.circle_name

    @property
    def device(self) -> DeviceId:
        """This device's id in the circle."""
        return self.circle.device

    @property
    def port(self) -> int:
        """Where this device listens; with its IP address it is what others give to `add_address`."""
        return self.node.port

    def members(self) -> list[Member]:
        """Every member's device, this one among them."""
        return members(self.circle)

    def peers(self) -> list[Peer]:
        """The other devices, and what of ours has reached them; much of it is remembered from before a restart."""
        return peers(self.circle, self.node)

    def only_here(self) -> int:
        """How many entries of this device no other device is known to hold."""
        return only_here(self.circle, self.node)

    async def only_here_cases(self) -> list[tuple[CaseId, int]]:
        """Which cases these entries changed, and how many of them each; the newest first, at most 100 cases.

        Looks at the newest 1,000 of these entries, and leaves out those that are about members.
        """
        self._check_open()
        return await only_here_cases(self.circle, self.node)

    @property
    def role(self) -> Role | None:
        """What this device may do; None while its admission has not come yet."""
        return self.circle.replica.circle.current_role(self.device)

    @property
    def secrets(self) -> DeviceSecrets:
        return self._secrets

    async def create_invite(self, role: str = "writer", *, confirm: Confirm, short_code: bool = True) -> Invite:
        """Invite one device, for ten minutes: show `code`, `qr()` or `short_code`, then wait for `joined()`.

        `confirm` is asked with the name and the matching words before anybody is added. Anybody nearby can use up an
        invitation by guessing at its short code; `short_code=False` makes one without. Raises NotPermitted
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

        Raises NotFound, or Timeout if it was waited for; InvalidValue if it is a case of another kind, or no id.
        """
        return await self._cases.get(schema, case, wait)

    async def cases(self, schema: type[S]) -> list[S]:
        """All cases of a kind, in the order in which this device met them."""
        return await self._cases.of_kind(schema)

    async def pointing_at(self, cases: Collection[bytes]) -> dict[CaseId, str]:
        """The cases with a link to one of these, by their ids, and their kinds.

        One with more links than are listed is among them, wherever they lead: look at its links.
        """
        return await self._cases.pointing_at(cases)

    async def kinds(self, cases: Collection[bytes]) -> dict[CaseId, str]:
        """The kinds of those of these cases that are here."""
        return await self._cases.kinds(cases)

    async def wrote(self, case: CaseId, refs: Collection[Ref], within: int) -> tuple[dict[Ref, Operation], int]:
        """The operations of these refs among so many of a case's newest entries, and how many were read."""
        return await self._cases.wrote(case, refs, within)

    async def at_one_moment(self, work: Callable[[Replica, Listings], Generator[None, None, T]]) -> T:
        """What comes of work on many cases, as they all are at one moment. It opens them with `look_up`.

        Each step of it runs in a thread with the lock held, and between two of them others get their turn. If one of
        them writes something, or something arrives, all is started over; then the others wait until it is done.
        """
        return await self._cases.at_one_moment(work)

    def look_up(self, schema: type[S], number: int) -> S:
        """A case as it is now, for work of `at_one_moment`: it is not kept, and does not move forward."""
        return self._cases.look_up(schema, number)

    async def graph(self, case: Bound) -> Graph:
        """The history of a case: who wrote what, having seen what. `cellsync.cell.drawing` draws it."""
        self._check_open()
        from cellsync.cell.graph import graph_of  # only those who draw need it

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
        """Write entries, one per edit, all or none of them; returning means durable here."""
        return await self.own_entries.write(edits)

    # --- following -------------------------------------------------------------------------------------------

    def cursor(self) -> str:
        """Where the order of arrival stands; give it to `changes(since=…)` later, also after a restart."""
        return self._followers.cursor()

    @asynccontextmanager
    async def changes(
        self, case: Bound | None = None, since: str | None = None
    ) -> AsyncIterator[AsyncIterator[Change]]:
        """Changes of one case, or of all, from now on or after a cursor.

        Bounded: a slow reader gets a "reset". So does one whose case shows less than before, or that was told more.
        """
        self._check_open()
        async with self._followers.following(case, since) as follower:
            yield follower

    @property
    def flags(self) -> list[Flag]:
        """What needs a person's eye, each once: what is still so, then by reason what has happened, until dismissed."""
        return self._flags.all()

    def dismiss(self, flag: Flag) -> None:
        """A person has seen it. It is raised again if it comes again; what is still so stays until it is over."""
        self._flags.dismiss(flag)

    async def keep_flags(self) -> None:
        """Make the flags durable. A full disk is no error here: they are kept at the next chance."""
        await self._flags.keep()

    # --- others ----------------------------------------------------------------------------------------------

    def name_of(self, device: DeviceId) -> str:
        """A device's display name, or the start of its id where the name is not known."""
        return self.circle.replica.name(device)

    async def synced(self, case: Bound | None = None, min_peers: int = 1, timeout: float = 30.0) -> None:
        """Return when this many other devices have confirmed every entry written here so far.

        Raises PeerOlder or PeerNewer (all that could have confirmed it were met, and with one there is no version of
        the protocol in common), Timeout.
        """
        await confirmed(self.circle, self.node, self._check_open, min_peers, timeout)

    async def sync(
        self, *, everyone: bool = False, timeout: float = 30.0, progress: Progress | None = None
    ) -> list[Peer]:
        """Call the other devices and return when those that were reached are in step; then the list says who was not.

        With `everyone` only when all are, or have been since it began: one that was may have left again
        (`Peer.came_in_step`). After `timeout` seconds one that is in step is enough. While it lasts, this device shows
        itself as if it were inviting. `progress` is called with the list whenever it changes, at most ten times a
        second.

        Raises NoPeer (there is no other device, or none was reached), ClocksDiffer (none was reached, and one is there
        whose clock is too far off), Timeout (none of those reached was in step), PeerOlder or PeerNewer (none was in
        step, and with one that was met there is no version in common).
        """
        self._check_open()
        return await sync(self.circle, self.node, self._check_open, everyone, timeout, progress)

    @property
    def others_ahead(self) -> float | None:
        """By how many seconds the others' clocks are ahead of this device's; None unless two members agree on it."""
        shift = self.circle.shift()
        return None if shift is None else shift / 1000

    def showing(self) -> AbstractContextManager[None]:
        """While the block lasts, this device shows itself also on a network that is opened with `mode="asked"`."""
        self._check_open()
        return self.node.showing()

    async def ping(self, device: DeviceId, timeout: float = 5.0) -> float:
        """Seconds for a round trip to another device, which is called first if it is not connected.

        Raises NoPeer (there is no way to it), PeerOlder or PeerNewer (one of the two has to be updated first), Timeout.
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
        """Where another device listened when it was last met, or somebody said that it does."""
        return self.node.whereabouts.addresses_of(device)

    async def add_address(self, device: DeviceId, host_: str, port: int) -> None:
        """Where another device listens, for networks that carry no multicast. Raises InvalidValue for a host's name."""
        await self.node.add_address(device, checked_address(host_, port))

    async def state_digest(self) -> bytes:
        """32 bytes that are equal on devices where all cases read the same."""
        self._check_open()
        async with self.circle.lock:
            return self.circle.replica.state_digest()

    # --- copies ----------------------------------------------------------------------------------------------

    async def backup(
        self, to: str | PathLike[str], *, below: str = "", beside: Mapping[str, bytes] | None = None
    ) -> Backup:
        """Copy this cell as it is now into a new folder: encrypted, opened by the same passphrase, checked, and synced.

        The folder can be used as a home, and `restore` makes another of it; either knows that it is a copy. With
        `below` the vault is a folder of that name in it, and the files `beside` stand next to that.

        Raises PlaceTaken, NoSuchPlace (its parent), InsideVault, NotWritable, DiskFull, StorageFailed, CopyDiffers, and
        VaultDamaged if this vault is: then there is no backup.
        """
        self._check_open()
        return await back_up(self.circle, self._kept, self._check_open, fspath(to), below, beside or {})

    async def forks(self) -> list[Fork]:
        """Where devices signed two entries in one place, the oldest first. Both sides are kept; it blames nobody."""
        self._check_open()
        async with self.circle.lock:
            return await self.circle.apart(lambda: forks.forks(self.circle))

    async def fork_proof(self, fork: Fork) -> bytes:
        """That its device signed both: for somebody who holds neither side. It says nothing of what was written.

        Raises NotFound if it is not held here, or too large to be shown.
        """
        self._check_open()
        async with self.circle.lock:
            found = await self.circle.apart(lambda: forks.proof(self.circle, fork.id))
        if found is None:
            raise NotFound("There is no such fork here, or its proof is too large.")
        return found

    async def check_fork_proof(self, proof: bytes) -> Fork:
        """The fork that a proof shows, of a device of this cell. Raises ProvesNothing."""
        self._check_open()
        return await self.circle.surroundings.in_thread(lambda: forks.check(self.circle, proof))

    async def check(self, most: int | None = None) -> bool:
        """Read every page of this cell at rest; edits and sessions wait, some ms for each MB. False: it is larger.

        Raises VaultDamaged.
        """
        self._check_open()
        return await check(self.circle, self._kept.store, self._check_open, most)

    async def audit(self, progress: Callable[[int, int], None] | None = None) -> int:
        """Read every page and every entry of this cell at rest, and verify what is signed. How many entries there are.

        Takes some 0.1 ms for each entry; edits and sessions go on meanwhile, but wait while the pages are read.
        `progress` is told (entries looked at, entries to look at). Raises VaultDamaged.
        """
        self._check_open()
        return await audit(self.circle, self._kept.store, self._check_open, progress)

    @property
    def derivation(self) -> Kdf:
        """What a guess at this vault's passphrase costs: passes, and bytes of memory."""
        return self._kept.vault.derivation

    async def check_passphrase(self, passphrase: str) -> None:
        """That this opens the vault, though it is open already. Raises WrongPassphrase, InvalidValue."""
        self._check_open()
        guess, vault = forms(passphrase), self._kept.vault
        await self.circle.surroundings.in_thread(lambda: vault.check_passphrase(guess))

    @property
    def copied_at(self) -> datetime | None:
        """When the backup was taken that this cell was put back from; None once something has been written here."""
        at = self.circle.copied_at
        return None if at is None else datetime.fromtimestamp(at / 1000, UTC)

    def entries(self) -> int:
        """How many entries are here that count: as many as on every device that is in step."""
        return self.circle.replica.held.counted_entries()

    def _check_open(self) -> None:
        if self._closed:
            raise Closed

    def close(self) -> None:
        """Wake every task that waits on this cell: followers end, the others raise Closed."""
        self._closed = True
        self._flags.close()
        self._followers.close()
        self.node.links.wake()
        for watcher in self._watchers:
            with suppress(ValueError):
                self.circle.unwatch(watcher)
