"""A cell that is open on this device: cases to read and write, members, and what reaches whom.

Reads are snapshots in memory that move forward in place; writes happen in `edit()`, and returning means durable here.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import AsyncIterator, Callable, Collection, Generator, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, nullcontext, suppress
from datetime import UTC, datetime
from functools import partial
from os import PathLike, fspath
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar, cast

import trio

from cellsync.cell import forks
from cellsync.cell.backup import AtRest, back_up
from cellsync.cell.catalogue import OpenCatalogue
from cellsync.cell.confirmation import Confirm
from cellsync.cell.flags import LASTING, Facts, Flag, Gaps, Reason, encode, flags_of
from cellsync.cell.followers import BACKLOG_BYTES, Follower, cause_of, change_size, readings, told, touched
from cellsync.cell.forks import Fork
from cellsync.cell.member import Member, members
from cellsync.cell.peer import Peer as Peer
from cellsync.cell.peer import only_here, only_here_cases, peers
from cellsync.cell.sync import Progress, sync
from cellsync.cell.wrote import wrote
from cellsync.core import caps, drawers
from cellsync.core.case.fold import CaseState, Stamp
from cellsync.core.crypto import labels, primitives
from cellsync.core.errors import CellsyncError, Closed, InvalidValue, NoPeer, NotFound, Timeout, TooLarge
from cellsync.core.history.entry import chain_of
from cellsync.core.history.store import Listings
from cellsync.core.ids import ID_BYTES, CaseId, DeviceId, Ref
from cellsync.core.membership.control import Role
from cellsync.core.replica.audit import audit
from cellsync.core.replica.founding import DeviceSecrets
from cellsync.core.replica.planner import Intention
from cellsync.core.replica.replica import Replica
from cellsync.core.replica.stage import Plan
from cellsync.core.schema import host
from cellsync.core.schema.generic import GenericCase
from cellsync.core.schema.host import Bound, Change
from cellsync.core.schema.schema import Schema, check_whole, creation, kind_of
from cellsync.core.wire import codec, operations
from cellsync.core.wire.operations import SALT_BYTES, Operation
from cellsync.core.wire.tags import Kind
from cellsync.ledger.circle import Noting, OpenCircle
from cellsync.ledger.source import OwnHand, Source
from cellsync.node.network import Address, checked_address
from cellsync.node.node import Node
from cellsync.store.header import Kdf
from cellsync.store.passphrases import forms

if TYPE_CHECKING:
    from cellsync.cell.graph import Graph
    from cellsync.cell.invites import Invite
    from cellsync.cell.short_codes import ShortCodes
    from cellsync.store.backup import Backup

FLAGS: Final = 250  # kept of each reason, the newest: a flood of one reason cannot evict another
AT_ONCE: Final = 64  # operations or cases that are dealt with before others get their turn
_ID: Final = re.compile("[0-9a-fA-F]{64}")
_ID_HINT: Final = "Give `case.id`, or `case.id.hex()`: 64 hexadecimal digits."
_NUMBER: Final = re.compile("[0-9]{1,18}")

P = ParamSpec("P")
S = TypeVar("S", bound=Schema)
B = TypeVar("B", bound=Bound)
T = TypeVar("T")


def _read_into(found: list[CaseState], read: Callable[[int], CaseState], number: int) -> None:
    found.append(read(number))


def _id_of(text: object) -> CaseId:
    """Raises InvalidValue."""
    if not isinstance(text, str):
        raise InvalidValue(f"a case's id is a CaseId or its text, and no {type(text).__name__}", hint=_ID_HINT)
    if not _ID.fullmatch(text):
        raise InvalidValue("this text is no case's id", hint=_ID_HINT)
    return CaseId(bytes.fromhex(text))


class Cell:
    """Made by `open_cell`."""

    def __init__(
        self, circle: OpenCircle, node: Node, secrets: DeviceSecrets, nursery: trio.Nursery, flags: list[Flag],
        kept: AtRest,
    ) -> None:  # fmt: skip
        self.circle = circle
        self.node = node
        self.nursery = nursery
        self._secrets = secrets
        self._kept = kept
        self._states: weakref.WeakValueDictionary[int, CaseState] = weakref.WeakValueDictionary()
        self._followers: list[Follower] = []
        self._closed = False
        self._flags: dict[Reason, dict[Flag, None]] = {reason: {} for reason in Reason if reason not in LASTING}
        for flag in flags:
            self._flags[flag.reason][flag] = None
        self._facts, self._gaps = Facts(circle, node), Gaps()
        self._keeping_flags = False
        self._codes: ShortCodes | None = None  # while nobody has been invited
        self._told = self.cursor()
        self.catalogue = OpenCatalogue(circle)
        nursery.start_soon(self.catalogue.run)
        circle.watch(self._committed)

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

        self._codes = self._codes or ShortCodes(self._alarm)
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
        case = CaseId(self.circle.surroundings.entropy(ID_BYTES))
        check_whole(kind, fields)
        await self.write([(case, creation(kind, fields))])
        return await self.get(kind, case)

    async def get(self, schema: type[S], case: CaseId | str, *, wait: float | None = None) -> S:
        """A case by its id, waiting at most `wait` seconds for it to arrive. As a text: `case.id.hex()`.

        Raises NotFound, or Timeout if it was waited for; InvalidValue if it is a case of another kind, or no id.
        """
        if not isinstance(case, bytes):
            case = _id_of(case)
        deadline = trio.current_time() + (wait or 0)
        while True:
            self._check_open()
            changed = self.node.links.changed
            async with self.circle.lock:
                number = self.circle.replica.held.cases.get(case)
                if number is not None and self.circle.replica.held.heads.get(number):
                    state = await self._state(number)
                    if state.counted or schema is GenericCase:  # this one shows the history of whatever is here
                        return self._bind(schema, case, state)
            if wait is None:
                raise NotFound
            with trio.move_on_at(deadline) as scope:
                await changed.wait()
            if scope.cancelled_caught:
                raise Timeout("the case has not arrived in time")

    async def cases(self, schema: type[S]) -> list[S]:
        """All cases of a kind, in the order in which this device met them."""
        self._check_open()
        wanted = kind_of(schema)
        found = await self.catalogue.look(lambda _, listings: listings.of_kind(wanted))
        bound: list[S] = []
        for first in range(0, len(found), AT_ONCE):
            async with self.circle.lock:
                self._check_open()
                some = found[first : first + AT_ONCE]
                states = await self._whole(some)
                cases = map(self.circle.replica.held.case_ids.__getitem__, some)
                bound += [self._bind(schema, case, state) for case, state in zip(cases, states, strict=True)]
        return bound

    async def pointing_at(self, cases: Collection[bytes]) -> dict[CaseId, str]:
        """The cases with a link to one of these, by their ids, and their kinds.

        One with more links than are listed is among them, wherever they lead: look at its links.
        """
        self._check_open()

        def pointing(replica: Replica, listings: Listings) -> dict[CaseId, str]:
            numbers = {number: None for case in cases for number in listings.linking(case)}
            return {replica.held.case_ids[one.number]: one.kind for one in listings.get(numbers)}

        return await self.catalogue.look(pointing)

    async def kinds(self, cases: Collection[bytes]) -> dict[CaseId, str]:
        """The kinds of those of these cases that are here."""
        self._check_open()

        def known(replica: Replica, listings: Listings) -> dict[CaseId, str]:
            numbers = (replica.held.cases.get(CaseId(case)) for case in cases)
            found = listings.get(number for number in numbers if number is not None)
            return {replica.held.case_ids[one.number]: one.kind for one in found}

        return await self.catalogue.look(known)

    async def wrote(self, case: CaseId, refs: Collection[Ref], within: int) -> tuple[dict[Ref, Operation], int]:
        """The operations of these refs among so many of a case's newest entries, and how many were read."""
        self._check_open()
        circle = self.circle
        async with circle.lock:
            held = circle.replica.held
            head = held.heads.get(held.cases.get(case, 0), 0)
            return await circle.apart(lambda: wrote(circle.store, head, refs, within))

    async def at_one_moment(self, work: Callable[[Replica, Listings], Generator[None, None, T]]) -> T:
        """What comes of work on many cases, as they all are at one moment. It opens them with `look_up`.

        Each step of it runs in a thread with the lock held, and between two of them others get their turn. If one of
        them writes something, or something arrives, all is started over; then the others wait until it is done.
        """
        done: list[T] = []
        await self.catalogue.ready()
        await self._work_off(work, self.circle.lock, done)
        if not done:
            await self.catalogue.ready()
            async with self.circle.lock:
                await self._work_off(work, nullcontext(), done)
        return done[0]

    async def _work_off(
        self, work: Callable[[Replica, Listings], Generator[None, None, T]], turn: AbstractAsyncContextManager[None],
        done: list[T],
    ) -> None:  # fmt: skip
        """Note what comes of it, unless something changes while it is another's turn."""
        steps: list[Generator[None, None, T]] = []
        moment = -1

        def step() -> None:
            if not steps:
                steps.append(work(self.circle.replica, self.catalogue.fresh()))
            try:
                next(steps[0])
            except StopIteration as end:
                done.append(end.value)

        while not done:
            async with turn:
                self._check_open()
                if steps and moment != self.circle.last_arrival():
                    return
                moment = self.circle.last_arrival()
                await self.circle.apart(step)
            await trio.lowlevel.checkpoint()

    def look_up(self, schema: type[S], number: int) -> S:
        """A case as it is now, for work of `at_one_moment`: it is not kept, and does not move forward."""
        state = self._states.get(number) or self.circle.replica.states.read(number)
        return self._bind(schema, self.circle.replica.held.case_ids[number], state)

    async def graph(self, case: Bound) -> Graph:
        """The history of a case: who wrote what, having seen what. `cellsync.cell.drawing` draws it."""
        self._check_open()
        from cellsync.cell.graph import graph_of  # only those who draw need it

        await self.catalogue.ready()
        return await graph_of(self.circle, case, named=self.catalogue.title)

    def case_id(self, kind: str, external: str) -> CaseId:
        """The id that a case with this external id has on every device of this circle."""
        named = codec.encode([kind, external])
        return CaseId(primitives.blake2b(labels.CASE, named, key=self.circle.id))

    async def _state(self, number: int) -> CaseState:
        """The whole state of a case, as all show it that are bound to it. With the lock held."""
        return self._states.get(number) or (await self._whole([number]))[0]

    async def _whole(self, numbers: list[int]) -> list[CaseState]:
        """The same of several cases."""
        known, read = self._states, self.circle.replica.states.read
        states = await self.circle.apart(lambda: [known.get(number) or read(number) for number in numbers])
        for number, state in zip(numbers, states, strict=True):
            known[number] = state
        return states

    def _bind(self, schema: type[S], case: CaseId, state: CaseState) -> S:
        if schema is not GenericCase and state.kind != kind_of(schema):
            raise InvalidValue("this case is of another kind", hint="Read it with the schema of its kind.")
        return host.bind(schema, self, case, state)

    # --- writing ---------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def edit(self, case: B) -> AsyncIterator[B]:
        """As `case.edit()`: leaving the block without an error writes one entry."""
        draft = host.begin(case, self.device, self.circle.surroundings.now())
        yield draft
        async with self.circle.lock:
            self._check_open()
            written = host.finish(draft, case._state)
            if not written:
                return
            if case._state.counted.get(self.device, 0) + len(written) > caps.CASE_OPERATIONS:
                raise InvalidValue("this device has written all that a case can show", hint="Go on in a new case.")
            await self.write_locked([(case.id, written)])

    async def write(self, edits: list[tuple[CaseId, list[Operation]]]) -> Plan:
        """Write entries, one per edit, all or none of them; returning means durable here."""
        async with self.circle.lock:
            return await self.write_locked(edits)

    async def write_locked(
        self, edits: list[tuple[CaseId, list[Operation]]], noting: Noting = lambda _: {}, *, begin: bool = True
    ) -> Plan:
        """The same for one who holds the circle's lock, from reading a case until what was decided on it is written.

        `noting`: what is kept beside it, in one transaction. `begin`: whether the states of cases that begin with it
        are kept (`States.apply`).
        """
        entropy = self.circle.surroundings.entropy
        intentions = [
            Intention(
                Kind.CASE,
                case,
                operations.encode_shape(done),
                operations.encode_content(entropy(SALT_BYTES), done),
                operations.decoded(done),
            )
            for case, done in edits
        ]
        if any(one.operations is None and operations.is_opaque(one.shape, one.content) for one in intentions):
            most = f"{caps.ENTRY_ELEMENTS} elements, {caps.VALUE_ELEMENTS} of them in one value"
            raise TooLarge(f"one edit holds at most {most}", hint="Write it in several edits.")
        return await self.circle.write_locked(self._secrets.signing, intentions, noting, begin=begin)

    # --- following -------------------------------------------------------------------------------------------

    def cursor(self) -> str:
        """Where the order of arrival stands; give it to `changes(since=…)` later, also after a restart."""
        return self._cursor(self.circle.last_arrival())

    def _cursor(self, arrival: int) -> str:
        return f"{self.circle.life.hex()[:8]}:{arrival}"

    @asynccontextmanager
    async def changes(
        self, case: Bound | None = None, since: str | None = None
    ) -> AsyncIterator[AsyncIterator[Change]]:
        """Changes of one case, or of all, from now on or after a cursor.

        Bounded: a slow reader gets a "reset". So does one whose case shows less than before, or that was told more.
        """
        self._check_open()
        follower = Follower(case, self.cursor)
        async with self.circle.lock:
            if since is not None:
                self._replay(follower, since)
            self._followers.append(follower)
        try:
            yield follower
        finally:
            self._followers.remove(follower)
            follower.close()

    def _replay(self, follower: Follower, since: str) -> None:
        life, _, number = since.partition(":")
        identity = CaseId(self.circle.id) if follower.case is None else follower.case.id
        known = life == self.circle.life.hex()[:8] and _NUMBER.fullmatch(number) is not None
        if not (known and self.circle.refolded_at <= int(number) <= self.circle.last_arrival()):
            follower.reset(Change(identity, "", None, None, "", False, "reset", self.cursor()))
            return
        store, held = self.circle.store, self.circle.replica.held
        at, before = int(number), since
        while arrivals := store.arrivals(at, 256):
            for at, chain, sequence, _, _ in arrivals:
                device = held.chains[chain].device
                local, author = device == self.device, self.name_of(device)
                changes: list[Change] = []
                for entry in store.chain_slice(chain, store.arrived_before(chain, sequence) + 1, sequence):
                    case = held.case_ids[entry.case]
                    if held.shows(entry) and follower.wants(case):
                        done = operations.decode(entry.shape, entry.content)
                        changes += told(follower.case, case, done, {}, author, local, host.cause(local))
                for _ in follower.tell_all(changes, before, self._cursor(at)):
                    pass
                before = self._cursor(at)

    @property
    def flags(self) -> list[Flag]:
        """What needs a person's eye, each once: what is still so, then by reason what has happened, until dismissed."""
        return [*self._facts.flags(), *(flag for kept in self._flags.values() for flag in kept)]

    def _alarm(self) -> None:
        self._flag([Flag(Reason.BURNT_CODES, self.device, self.name_of(self.device), None)])

    def dismiss(self, flag: Flag) -> None:
        """A person has seen it. It is raised again if it comes again; what is still so stays until it is over."""
        if flag.reason not in LASTING and self._flags[flag.reason].pop(flag, 0) is None:
            self._keep_flags_soon()
            self.node.links.wake()

    def _flag(self, flags: Iterable[Flag]) -> None:
        for flag in flags:
            kept = self._flags[flag.reason]
            if flag not in kept:
                kept[flag] = None
                self._keep_flags_soon()
                self.node.links.wake()
            if len(kept) > FLAGS:
                del kept[next(iter(kept))]

    def _attached(self, devices: Collection[DeviceId]) -> None:
        kept = self._flags[Reason.UNATTACHED]
        for flag in [flag for flag in kept if flag.device in devices]:
            del kept[flag]
            self._keep_flags_soon()

    def _keep_flags_soon(self) -> None:
        if not self._keeping_flags and not self._closed:
            self._keeping_flags = True
            self.nursery.start_soon(self._keep_flags_later)

    async def _keep_flags_later(self) -> None:
        await trio.sleep(1)  # they seldom come alone
        await self.keep_flags()

    async def keep_flags(self) -> None:
        """Make the flags durable. A full disk is no error here: they are kept at the next chance."""
        self._keeping_flags = False
        with suppress(CellsyncError):
            await self.circle.keep(drawers.FLAGS, encode(flag for kept in self._flags.values() for flag in kept))

    def _committed(self, plan: Plan, source: Source) -> Iterator[Callable[[], None] | None]:
        local = isinstance(source, OwnHand)
        cause = cause_of(source)
        self._attached(self._gaps.filled(self.circle, plan))
        arrived = flags_of(self.circle, plan, FLAGS)
        self._flag(one for one in arrived if not (local and one.reason is Reason.NAMESAKE))  # its inviter was asked
        self._gaps.note(plan, FLAGS)
        self._facts.look(plan)
        held = self.circle.replica.held
        self.catalogue.note(plan)
        yield from self._refold(plan.refold)
        waiting: dict[Follower, list[Change]] = {follower: [] for follower in self._followers}
        sizes = dict.fromkeys(waiting, 0)
        cut: set[Follower] = set()  # those for whom there is more than may wait
        work = 0
        read = self._states
        # nobody follows and few are read: what nobody asked for must cost an arrival next to nothing
        steps = plan.changes if waiting else [one for one in plan.changes if one.entry.case in read] if read else ()
        for entry, device, done in steps:
            work += 1 + len(done)
            if work > AT_ONCE:
                work = 0
                yield None
            case = held.case_ids[entry.case]
            followers = [one for one in waiting if one not in cut and one.wants(case)]
            names = touched(done) if followers else []
            before = [readings(one.case, names) if one.case is not None else {} for one in followers]
            state = read.get(entry.case)
            if state is not None:
                state.apply(Stamp(entry.id, device, entry.clock, entry.height), done)
            if not followers:
                continue
            author = self.name_of(device)
            for follower, earlier in zip(followers, before, strict=True):
                more = told(follower.case, case, done, earlier, author, local, cause)
                for change in more:
                    waiting[follower].append(change)
                    sizes[follower] += change_size(change)
                    if len(waiting[follower]) > follower.backlog or sizes[follower] > BACKLOG_BYTES:
                        cut.add(follower)
                        break
        reached, self._told = self._told, self.cursor()
        taken_back = [held.case_ids[number] for number in plan.refold]
        restood = {held.case_ids[one.case] for one in plan.restanding if one.changes_case}
        for follower, changes in waiting.items():
            if follower not in cut and any(map(follower.wants, taken_back)):
                changes.append(self._reset(follower, taken_back, restood, plan, local=local))
            yield from follower.tell_all(changes, reached, self._told)
            if follower in cut:
                follower.miss()

    def _reset(
        self, follower: Follower, cases: list[CaseId], restood: set[CaseId], plan: Plan, *, local: bool
    ) -> Change:
        """What a follower is told when earlier entries of these cases count no more, or count now. `restood`: those of
        them in which entries stand otherwise."""
        everything = cases[0] if len(cases) == 1 else CaseId(self.circle.id)
        anew = everything if follower.case is None else follower.case.id
        if restood if anew == bytes(self.circle.id) else anew in restood:
            chains = self.circle.replica.held.chains
            deciding = {chains[chain_of(entry.slot)].device for entry in plan.controls}
            author = self.name_of(deciding.pop()) if len(deciding) == 1 else ""
            return Change(anew, "", None, None, author, local, "reset", "", why="standing")
        return Change(anew, "", None, None, "", local, "reset", "", why="equivocator")

    def _refold(self, numbers: list[int]) -> Iterator[Callable[[], None]]:
        """What counts of these cases is not what it was: those that somebody reads are folded again, in place."""
        read = self.circle.replica.states.read
        for number in numbers:
            state = self._states.get(number)
            if state is not None:
                anew: list[CaseState] = []
                yield partial(_read_into, anew, read, number)
                state.become(anew.pop())

    # --- others ----------------------------------------------------------------------------------------------

    def name_of(self, device: DeviceId) -> str:
        """A device's display name, or the start of its id where the name is not known."""
        return self.circle.replica.name(device)

    async def synced(self, case: Bound | None = None, min_peers: int = 1, timeout: float = 30.0) -> None:
        """Return when this many other devices have confirmed every entry written here so far.

        Raises PeerOlder or PeerNewer (all that could have confirmed it were met, and with one there is no version of
        the protocol in common), Timeout.
        """
        own, began = self.circle.own_length, trio.current_time()
        self.node.calls.now()
        with trio.move_on_after(timeout):
            while True:
                self._check_open()
                others = self.circle.others()
                confirmed = {
                    self.circle.key_of(one) for one in others if self.node.others.delivered.get(one, -1) >= own
                }
                if len(confirmed) >= min_peers:  # by keys: one that was introduced twice is one device
                    return
                missing = [one for one in others if self.circle.key_of(one) not in confirmed]
                parted = [one for one in missing if self.node.others.parted_since(began, one)]
                if parted and parted == missing:
                    break  # until somebody has updated, nobody else can
                await self.node.links.changed.wait()
        apart = [
            (one, self.node.apart(one)) for one in self.circle.others() if self.node.others.parted_since(began, one)
        ]
        for device, error in apart:
            theirs = self.node.others.spoken(device)
            if error is not None and theirs is not None:
                ours = self.node.versions.said
                raise type(error)(f"{error} It speaks {theirs.said} of the protocol there, and {ours} here.")
        raise Timeout("not enough other devices have confirmed in time")

    async def sync(
        self, *, everyone: bool = False, timeout: float = 30.0, progress: Progress | None = None
    ) -> list[Peer]:
        """Call the other devices and return when those that were reached are in step; then the list says who was not.

        With `everyone` only when all are. After `timeout` seconds one that is in step is enough. While it lasts, this
        device shows itself as if it were inviting. `progress` is called with the list whenever it changes, at most ten
        times a second.

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
        store = self._kept.store
        async with self.circle.lock:
            self._check_open()
            if most is not None and store.size > most:
                return False
            await self.circle.surroundings.in_thread(store.check)
            return True

    async def audit(self, progress: Callable[[int, int], None] | None = None) -> int:
        """Read every page and every entry of this cell at rest, and verify what is signed. How many entries there are.

        Takes some 0.1 ms for each entry; edits and sessions go on meanwhile, but wait while the pages are read.
        `progress` is told (entries looked at, entries to look at). Raises VaultDamaged.
        """
        await self.check()
        circle, done = self.circle, 0
        total = circle.replica.held.entries()
        looking = audit(circle.replica, self._kept.store)
        while True:
            async with circle.lock:
                self._check_open()
                step = await circle.surroundings.in_thread(lambda: next(looking, None))
            if step is None:
                return done
            done += step
            if progress is not None and step:
                progress(done, total)
            await trio.lowlevel.checkpoint()

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
        """What waits on this cell, in whatever task, goes on: followers end, the rest raises Closed."""
        self._closed = True
        for follower in self._followers:
            follower.close()
        self.node.links.wake()
        with suppress(ValueError):
            self.circle.unwatch(self._committed)
