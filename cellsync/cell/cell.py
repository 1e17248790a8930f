"""A cell open on this device: its circles, cases to read and write, and the state of replication.

Reads are snapshots in memory that move forward in place; writes happen in `edit()`, and returning means durable here.

Most devices are in one circle, and need not name it. In several, what can be asked of all together is: lists, changes,
flags, peers, a case by its id. What belongs into one circle only names it, `cell.circle("Lawyers").create(…)`, and
raises WhichCircle otherwise: what was written where too many read it cannot be taken back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractContextManager, asynccontextmanager
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import trio

from cellsync.cell.cases import id_of
from cellsync.cell.circle import CellCircle
from cellsync.cell.flag import Flag
from cellsync.cell.followers import following
from cellsync.cell.own_entries import CaseEdits
from cellsync.cell.peer import Peer as Peer
from cellsync.cell.standing import OwnStanding
from cellsync.cell.sync import Progress, confirmed, sync
from cellsync.cell.vault import CellVault
from cellsync.cell.which import Which
from cellsync.core.errors import NoPeer, NotFound, Timeout
from cellsync.core.ids import CaseId, DeviceId, Ref
from cellsync.core.replica.stage import Plan
from cellsync.core.schema.host import Bound, Change
from cellsync.core.schema.schema import Schema
from cellsync.core.wire.operations import Operation
from cellsync.node.network import Address, checked_address

if TYPE_CHECKING:
    from cellsync.cell.graph import Graph

P = ParamSpec("P")
S = TypeVar("S", bound=Schema)
B = TypeVar("B", bound=Bound)


class Cell(CellVault):
    """Made by `open_cell`."""

    # --- cases ---------------------------------------------------------------------------------------------

    async def create(self, schema: Callable[P, S], /, *_: P.args, **fields: P.kwargs) -> S:
        """A new case with these registers, in the only circle; returning means durable here. Whether others are shown
        it: `waiting`; whether they hold it: `case.synced`.

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
        """As `case.edit()`: leaving the block without an error writes one entry. What becomes of it: `waiting`."""
        async with self._circle_of(case).edit(case) as draft:
            yield draft

    async def waiting(self, case: Bound | None = None) -> OwnStanding | None:
        """The receipt for what this device writes: how it stands in the circle of a case (or in the only one) if that
        waits in quarantine, since it is suspended, and whose word decides; None: all who may read it are shown it.
        `listed`: it is shown here in the meantime, and nowhere else."""
        return await (self.circle() if case is None else self._circle_of(case)).waiting()

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
        step, and one that was met has no version in common), CircleLocked (all circles are).
        """
        self._check_open()
        self._check_any()
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
