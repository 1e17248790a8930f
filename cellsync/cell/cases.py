"""The cases of an open cell, for readers: found by id, by kind or by the links that point at them.

All readers of a case share one state of it. It moves forward in place with each step (`Followers`), and is dropped with
its last reader.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import partial
from typing import Any, Final, TypeVar

import trio

from cellsync.cell.catalogue import OpenCatalogue
from cellsync.cell.wrote import wrote
from cellsync.core.case.fold import CaseState
from cellsync.core.crypto import labels, primitives
from cellsync.core.errors import InvalidValue, NotFound, Timeout
from cellsync.core.history.store import Listings
from cellsync.core.ids import CaseId, CircleId, Ref
from cellsync.core.replica.replica import Replica
from cellsync.core.schema import host
from cellsync.core.schema.generic import GenericCase
from cellsync.core.schema.host import Host
from cellsync.core.schema.schema import Schema, begun, kind_of
from cellsync.core.wire import codec
from cellsync.core.wire.operations import Operation
from cellsync.ledger.circle import OpenCircle
from cellsync.node.node import Node

AT_ONCE: Final = 64  # cases read before other tasks get their turn
_ID: Final = re.compile("[0-9a-fA-F]{64}")
_ID_HINT: Final = "Give `case.id`, or `case.id.hex()`: 64 hexadecimal digits."

S = TypeVar("S", bound=Schema)
T = TypeVar("T")

Work = Callable[[Replica, Listings], Generator[None, None, T]]
"""Work on many cases, in steps."""


def external_ids(circle: CircleId) -> Callable[[str, str], CaseId]:
    """From a kind and an external id to the id of a case (protocol/35-cases.md, Ids of cases)."""
    hashed: Callable[[bytes], Any] = primitives.hasher(labels.CASE, key=circle)  # Any spares a call of CaseId
    return lambda kind, external: hashed(codec.encode_known([kind, external]))


class OpenCases:
    """The cases of one circle. They are bound to `host`, which edits and follows them."""

    def __init__(
        self, circle: OpenCircle, node: Node, catalogue: OpenCatalogue, host: Host, check_open: Callable[[], None]
    ) -> None:
        self._circle = circle
        self._node = node
        self._catalogue = catalogue
        self._host = host
        self._check_open = check_open
        self.case_id: Final = external_ids(circle.id)
        """As `Cell.case_id`."""
        self.read: Final = weakref.WeakValueDictionary[int, CaseState]()  # by number: the states with readers

    async def get(self, schema: type[S], case: CaseId | str, wait: float | None = None) -> S:
        """As `Cell.get`."""
        identity = case if isinstance(case, bytes) else id_of(case)
        deadline = trio.current_time() + (wait or 0)
        while True:
            self._check_open()
            changed = self._node.links.changed
            async with self._circle.lock:
                held = self._circle.replica.held
                number = held.cases.find(identity)
                if held.heads.of(number):
                    state = self.read.get(number) or (await self._states([number]))[0]
                    if state.counted or schema is GenericCase:  # a GenericCase also shows history that does not count
                        return self._bind(schema, identity, state)
            if wait is None:
                raise NotFound
            with trio.move_on_at(deadline) as scope:
                await changed.wait()
            if scope.cancelled_caught:
                raise Timeout("the case has not arrived in time")

    async def of_kind(self, schema: type[S]) -> list[S]:
        """As `Cell.cases`."""
        self._check_open()
        wanted = kind_of(schema)
        numbers = await self._catalogue.look(lambda _, listings: listings.of_kind(wanted))
        cases: list[S] = []
        for first in range(0, len(numbers), AT_ONCE):
            async with self._circle.lock:
                self._check_open()
                some = numbers[first : first + AT_ONCE]
                states = await self._states(some)
                ids = map(self._circle.replica.held.case_ids.__getitem__, some)
                cases += [self._bind(schema, case, state) for case, state in zip(ids, states, strict=True)]
        return cases

    async def pointing_at(self, cases: Collection[bytes]) -> dict[CaseId, str]:
        """As `Cell.pointing_at`."""
        self._check_open()

        def pointing(replica: Replica, listings: Listings) -> dict[CaseId, str]:
            numbers = {number: None for case in cases for number in listings.linking(case)}
            return {replica.held.case_ids[listing.number]: listing.kind for listing in listings.get(numbers)}

        return await self._catalogue.look(pointing)

    async def kinds(self, cases: Collection[bytes]) -> dict[CaseId, str]:
        """As `Cell.kinds`."""
        self._check_open()

        def known(replica: Replica, listings: Listings) -> dict[CaseId, str]:
            numbers = (replica.held.cases.get(CaseId(case)) for case in cases)
            found = listings.get(number for number in numbers if number is not None)
            return {replica.held.case_ids[listing.number]: listing.kind for listing in found}

        return await self._catalogue.look(known)

    async def wrote(self, case: CaseId, refs: Collection[Ref], within: int) -> tuple[dict[Ref, Operation], int]:
        """As `Cell.wrote`."""
        self._check_open()
        circle = self._circle
        async with circle.lock:
            held = circle.replica.held
            head = held.heads.of(held.cases.find(case))
            return await circle.apart(lambda: wrote(circle.store, head, refs, within))

    # --- many of them at one moment ----------------------------------------------------------------------

    async def at_one_moment(self, work: Work[T]) -> T:
        """As `Cell.at_one_moment`."""
        results: list[T] = []
        await self._catalogue.ready()
        await self._work_off(work, self._circle.lock, results)
        if not results:
            await self._catalogue.ready()
            async with self._circle.lock:
                await self._work_off(work, nullcontext(), results)
        return results[0]

    async def _work_off(self, work: Work[T], turn: AbstractAsyncContextManager[None], results: list[T]) -> None:
        """Append the result of this work, unless something changes between two of its steps."""
        begun: list[Generator[None, None, T]] = []
        moment = -1

        def step() -> None:
            if not begun:
                begun.append(work(self._circle.replica, self._catalogue.fresh()))
            try:
                next(begun[0])
            except StopIteration as end:
                results.append(end.value)

        while not results:
            async with turn:
                self._check_open()
                if begun and moment != self._circle.last_arrival():
                    return
                moment = self._circle.last_arrival()
                await self._circle.apart(step)
            await trio.lowlevel.checkpoint()

    def look_up(self, schema: type[S], number: int) -> S:
        """As `Cell.look_up`."""
        state = self.read.get(number) or self._circle.replica.states.read(number)
        return self._bind(schema, self._circle.replica.held.case_ids[number], state)

    # --- their states (with the lock held) ----------------------------------------------------------------

    async def _states(self, numbers: list[int]) -> list[CaseState]:
        """The full states of cases, shared by all objects bound to these cases."""
        known, read = self.read, self._circle.replica.states.read
        states = await self._circle.apart(lambda: [known.get(number) or read(number) for number in numbers])
        for number, state in zip(numbers, states, strict=True):
            known[number] = state
        return states

    def refold(self, numbers: list[int]) -> Iterator[Callable[[], None]]:
        """Other entries of these cases count than before: refold, in place, those that have readers."""
        for number in numbers:
            state = self.read.get(number)
            if state is not None:
                folded: list[CaseState] = []
                yield partial(_read_into, folded, self._circle.replica.states.read, number)
                state.become(folded.pop())

    def as_written(self, schema: type[S], case: CaseId, fields: Mapping[str, object]) -> S:
        """A new case that nobody is shown, to whoever has just written it: what they wrote."""
        return host.bind(schema, self._host, case, begun(schema, fields))

    def _bind(self, schema: type[S], case: CaseId, state: CaseState) -> S:
        if schema is not GenericCase and state.kind != kind_of(schema):
            raise InvalidValue("this case is of another kind", hint="Read it with the schema of its kind.")
        return host.bind(schema, self._host, case, state)


def _read_into(folded: list[CaseState], read: Callable[[int], CaseState], number: int) -> None:
    folded.append(read(number))


def id_of(text: object) -> CaseId:
    """The id that a text is. Raises InvalidValue."""
    if not isinstance(text, str):
        raise InvalidValue(f"a case's id is a CaseId or its text, and no {type(text).__name__}", hint=_ID_HINT)
    if not _ID.fullmatch(text):
        raise InvalidValue("this text is no case's id", hint=_ID_HINT)
    return CaseId(bytes.fromhex(text))
