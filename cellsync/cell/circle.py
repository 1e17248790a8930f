"""One circle of an open cell: its members and their cases.

A cell answers for all of its circles together; what is of one circle alone, its members, who wrote what and where a new
case goes, is asked here. Made by `Cell`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Generator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar, cast

import trio

from cellsync.cell import flag
from cellsync.cell.cases import OpenCases
from cellsync.cell.catalogue import OpenCatalogue
from cellsync.cell.confirmation import Confirm
from cellsync.cell.elsewhere import removed_elsewhere
from cellsync.cell.flag import Flag
from cellsync.cell.flags import Flags
from cellsync.cell.followers import Followers, following
from cellsync.cell.forks import Fork, forks
from cellsync.cell.intake import Admission, Intake, Linking, Return
from cellsync.cell.keyholder import Keyholder
from cellsync.cell.member import Member, members
from cellsync.cell.membership import Membership
from cellsync.cell.own_entries import CaseEdits, OwnEntries
from cellsync.cell.peer import Peer, only_here, only_here_cases, peers
from cellsync.cell.restriction import check_told, is_restricted
from cellsync.cell.standing import OwnStanding
from cellsync.cell.sync import Progress, confirmed, sync
from cellsync.core import drawers
from cellsync.core.errors import CellsyncError, NotFound
from cellsync.core.history.store import Listings
from cellsync.core.ids import CaseId, CircleId, DeviceId, MemberId, Ref
from cellsync.core.membership.control import Role, harmless
from cellsync.core.membership.settings import Setting
from cellsync.core.replica.founding import DeviceSecrets
from cellsync.core.replica.replica import Replica
from cellsync.core.replica.stage import Plan
from cellsync.core.schema.host import Bound, Change
from cellsync.core.schema.schema import Schema
from cellsync.core.wire.operations import Operation
from cellsync.ledger import duty
from cellsync.ledger.aftermath import RemovalAftermath
from cellsync.ledger.circle import OpenCircle
from cellsync.ledger.source import OwnHand, Source
from cellsync.node.node import Node
from cellsync.store.header import Identity

if TYPE_CHECKING:
    from cellsync.cell.graph import Graph
    from cellsync.cell.invites import Invite
    from cellsync.cell.short_codes import ShortCodes

_LOOK_AGAIN: Final = 3_600.0  # seconds: a day may have passed
_HEAR_AGAIN: Final = 60.0  # seconds

P = ParamSpec("P")
S = TypeVar("S", bound=Schema)
B = TypeVar("B", bound=Bound)
T = TypeVar("T")


class CellCircle:
    """A circle of an open cell. The methods that `Cell` has as well do here what they do there, for this circle."""

    def __init__(
        self, circle: OpenCircle, identity: Identity, node: Node, nursery: trio.Nursery,
        check_open: Callable[[], None], every: Callable[[], Sequence[CellCircle]],
    ) -> None:  # fmt: skip
        """`every`: all circles of the cell, this one among them."""
        self.circle = circle
        self.node = node
        self.nursery = nursery
        self.catalogue = OpenCatalogue(circle)
        self._identity = identity
        self._check_open = check_open
        self._every = every
        self._flags = Flags(circle, node, nursery, flag.decode(circle, circle.store.kept(drawers.FLAGS)))
        self._cases = OpenCases(circle, node, self.catalogue, self, check_open)
        self.own_entries = OwnEntries(circle, identity.signing, check_open, self._check_told)
        self.followers = Followers(circle, self._cases)
        self.membership = Membership(circle, node, identity.signing, nursery, check_open)
        self.keyholder = Keyholder(circle, node, identity.signing, check_open)
        self.aftermath = RemovalAftermath(circle)
        self.aftermath.look()
        self._owes = trio.Event()
        self._hears_again = False
        self._watchers = (
            self._flags.committed, self.catalogue.committed, self.followers.committed, self.membership.committed,
            self.keyholder.committed, self._look_at_duties, self._look_at_removal,
        )  # fmt: skip
        nursery.start_soon(self.catalogue.run)
        nursery.start_soon(self._do_duties)
        nursery.start_soon(self._count)
        for watcher in self._watchers:
            circle.watch(watcher)

    def __repr__(self) -> str:
        return f"<circle {self.id.hex()[:8]}>"  # no name

    # --- what this device owes the circle ----------------------------------------------------------------

    def _look_at_duties(self, plan: Plan, _: Source) -> None:
        if plan.controls or plan.ruling is not None:
            self._owes.set()
        if self.circle.hearsay.is_behind and not self._hears_again:
            self._hears_again = True
            self.nursery.start_soon(self._hear_again)

    async def _hear_again(self) -> None:
        """Many small steps come together: what they change in what was told is looked at once."""
        await trio.sleep(_HEAR_AGAIN)
        self._hears_again = False
        with suppress(CellsyncError):
            await self.circle.catch_up()

    async def _do_duties(self) -> None:
        """Write what is owed for the circle's secrets (`ledger/duty`), after each step that may have brought it about,
        and as time passes."""
        while True:
            await trio.sleep(await duty.patience(self.circle))
            self._owes = trio.Event()
            with suppress(CellsyncError):  # it is due again
                while await duty.do(self.circle, self._identity.signing):
                    pass
            with trio.move_on_after(_LOOK_AGAIN):
                await self._owes.wait()

    # --- once this device is removed ----------------------------------------------------------------------

    def _look_at_removal(self, _: Plan, source: Source) -> None:
        was_due, before = self.aftermath.is_lock_due, self.aftermath.countdown
        self.aftermath.look()
        if (before is None) is not (self.aftermath.countdown is None):
            self.aftermath.stage()
            self.nursery.start_soon(self._flush)
        if isinstance(source, OwnHand) and not was_due:
            self.aftermath.heed()  # it is no news to whoever did it here
        if self.aftermath.is_lock_due:
            self.node.links.wake()

    async def _count(self) -> None:
        """Count the time until a wipe, and remember it."""
        while True:
            await trio.sleep(_LOOK_AGAIN)
            self.aftermath.tick()
            await self._keep_aftermath()

    async def _flush(self) -> None:
        with suppress(CellsyncError):
            async with self.circle.lock:
                await self.circle.make_durable()

    async def _keep_aftermath(self) -> None:
        with suppress(CellsyncError):  # a full disk: time that is not remembered was not lived
            await self.aftermath.keep()

    @property
    def wipes_in(self) -> float | None:
        """For how many more seconds this device has to be on until it wipes the circle; None if it does not."""
        self.aftermath.tick()
        count = self.aftermath.countdown
        return None if count is None else count.left / 1000

    async def heed_removal(self) -> None:
        """This device locks now for what removed it, and not again. A full disk is no reason to stay open."""
        self.aftermath.heed()
        await self._keep_aftermath()

    # --- who ---------------------------------------------------------------------------------------------

    @property
    def id(self) -> CircleId:
        return self.circle.id

    @property
    def name(self) -> str:
        """As its founder named it; "" until its history has arrived."""
        found = self.circle.replica.circle.found
        return "" if found is None else harmless(found.circle_name)

    @property
    def device(self) -> DeviceId:
        """This device's id in the circle."""
        return self.circle.device

    @property
    def role(self) -> Role | None:
        """This device's role; None until its admission has arrived."""
        return self.circle.replica.circle.current_role(self.device)

    async def waiting(self) -> OwnStanding | None:
        """As `Cell.waiting`."""
        return await self.membership.own() if self.is_suspended else None

    @property
    def is_suspended(self) -> bool:
        """Whether what this device writes is shown to nobody, itself included, until a dispute is decided. How it
        stands, and who decides: `membership.own`."""
        return self.circle.is_suspended

    @property
    def secrets(self) -> DeviceSecrets:
        """This device's keys here: to seal the one that others use now. Keep it nowhere: it is renewed."""
        newest = self.circle.safe.keyring.secrets.newest
        return DeviceSecrets(self._identity.signing, self._identity.session, newest.secret)

    def members(self) -> list[Member]:
        return members(self.circle)

    def choice(self, setting: Setting) -> int | None:
        """What the members have chosen together; None: each device for itself."""
        return self.circle.choice(setting)

    def peers(self) -> list[Peer]:
        return peers(self.circle, self.node)

    def only_here(self) -> int:
        return only_here(self.circle, self.node)

    async def only_here_cases(self) -> list[tuple[CaseId, int]]:
        self._check_open()
        return await only_here_cases(self.circle, self.node)

    def name_of(self, device: DeviceId) -> str:
        return self.circle.replica.name(device)

    async def invite(
        self, codes: ShortCodes, role: str, confirm: Confirm, *, short_code: bool, after_custody: MemberId | None = None
    ) -> Invite:  # fmt: skip
        """As `Cell.create_invite`."""
        if after_custody is not None:
            back = Return(self.circle, self._identity.signing, after_custody)
            return await self._open(back, codes, confirm, short_code)
        return await self._open(Admission(self.circle, self._identity.signing, role), codes, confirm, short_code)

    async def link(self, codes: ShortCodes, name: str, confirm: Confirm, *, short_code: bool) -> Invite:
        """As `Cell.create_link`."""
        return await self._open(Linking(self.circle, self._identity.signing, name), codes, confirm, short_code)

    async def _open(self, intake: Intake, codes: ShortCodes, confirm: Confirm, short_code: bool) -> Invite:
        self._check_open()
        from cellsync.cell.invites import open_invite  # with it come pairing and QR codes

        invite = await open_invite(
            intake, self.node, self.secrets, confirm, codes, self.add_burnt_codes, short_code=short_code
        )
        self.nursery.start_soon(invite.run)
        await trio.lowlevel.checkpoint()
        return invite

    def is_restricted(self, other: CellCircle) -> bool:
        """Whether all of its members are in the other one: only then may a case here point at a case there."""
        return is_restricted(self.circle, other.circle)

    # --- cases ---------------------------------------------------------------------------------------------

    async def create(self, schema: Callable[P, S], /, *_: P.args, **fields: P.kwargs) -> S:
        kind = cast("type[S]", schema)
        case = await self.own_entries.create(kind, fields)
        try:
            return await self.get(kind, case)
        except NotFound:  # written, and in quarantine: `waiting` says so
            return self._cases.as_written(kind, case, fields)

    async def get(self, schema: type[S], case: CaseId | str, *, wait: float | None = None) -> S:
        return await self._cases.get(schema, case, wait)

    def holds(self, case: CaseId) -> bool:
        """Whether entries of this case are here, also if they do not count."""
        held = self.circle.replica.held
        return bool(held.heads.get(held.cases.get(case, 0)))

    async def cases(self, schema: type[S]) -> list[S]:
        return await self._cases.of_kind(schema)

    async def pointing_at(self, cases: Collection[bytes]) -> dict[CaseId, str]:
        return await self._cases.pointing_at(cases)

    async def kinds(self, cases: Collection[bytes]) -> dict[CaseId, str]:
        return await self._cases.kinds(cases)

    async def wrote(self, case: CaseId, refs: Collection[Ref], within: int) -> tuple[dict[Ref, Operation], int]:
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
        self._check_open()
        from cellsync.cell.graph import graph_of  # only drawing needs it

        await self.catalogue.ready()
        return await graph_of(self.circle, case, named=self.catalogue.title)

    def case_id(self, kind: str, external: str) -> CaseId:
        """The id that a case with this external id has on every device of this circle, and in no other circle."""
        return self._cases.case_id(kind, external)

    def short(self, case: CaseId) -> str:
        """The beginning of a case's id that tells it from all others on this device, in whatever circle."""
        return max((circle.catalogue.short(case) for circle in self._every()), key=len)

    # --- writing ---------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def edit(self, case: B) -> AsyncIterator[B]:
        async with self.own_entries.edit(case) as draft:
            yield draft

    async def write(self, edits: CaseEdits) -> Plan:
        return await self.own_entries.write(edits)

    def _check_told(self, written: list[Operation]) -> None:
        check_told((circle.circle for circle in self._every()), self.circle, written)

    # --- following -------------------------------------------------------------------------------------------

    def cursor(self) -> str:
        return self.followers.cursor()

    @asynccontextmanager
    async def changes(
        self, case: Bound | None = None, since: str | None = None
    ) -> AsyncIterator[AsyncIterator[Change]]:
        self._check_open()
        async with following([self.followers], self.cursor, case, since) as follower:
            yield follower

    @property
    def flags(self) -> list[Flag]:
        elsewhere = removed_elsewhere(self.circle, (circle.circle for circle in self._every()))
        return [*self._flags.all(), *elsewhere, *self.keyholder.flags()]

    def dismiss(self, flag: Flag) -> None:
        self._flags.dismiss(flag)

    def add_burnt_codes(self) -> None:
        self._flags.add_burnt_codes()

    async def carry_on(self) -> None:
        self._check_open()
        await self.circle.carry_on()
        self.node.links.wake()

    async def keep_flags(self) -> None:
        await self._flags.keep()

    # --- others ----------------------------------------------------------------------------------------------

    async def synced(self, case: Bound | None = None, min_peers: int = 1, timeout: float = 30.0) -> None:
        await confirmed(self.circle, self.node, self._check_open, min_peers, timeout)

    async def sync(
        self, *, everyone: bool = False, timeout: float = 30.0, progress: Progress | None = None
    ) -> list[Peer]:
        self._check_open()
        return await sync([self.circle], self.node, self._check_open, everyone, timeout, progress)

    async def state_digest(self) -> bytes:
        """32 bytes, equal on devices where all cases of the circle read the same."""
        self._check_open()
        async with self.circle.lock:
            return self.circle.replica.state_digest()

    async def forks(self) -> list[Fork]:
        self._check_open()
        async with self.circle.lock:
            return await self.circle.apart(lambda: forks(self.circle))

    def entries(self) -> int:
        return self.circle.replica.held.counted_entries()

    def close(self) -> None:
        self._flags.close()
        self.followers.close()
        for watcher in self._watchers:
            with suppress(ValueError):
                self.circle.unwatch(watcher)
