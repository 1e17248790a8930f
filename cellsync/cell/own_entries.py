"""This device's own entries: each edit made here, and each case created, becomes one entry.

The circle's lock is held from the moment an edit reads the case until it is durable. So a decision made on a case's
state is written on top of that same state.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from cellsync.core import caps
from cellsync.core.errors import InvalidValue, Removed, TooLarge
from cellsync.core.ids import ID_BYTES, CaseId, SigningSecret
from cellsync.core.replica.planner import Intention
from cellsync.core.replica.stage import Plan
from cellsync.core.schema import host
from cellsync.core.schema.host import Bound
from cellsync.core.schema.schema import Schema, check_whole, creation
from cellsync.core.wire import operations
from cellsync.core.wire.operations import SALT_BYTES, Operation
from cellsync.core.wire.tags import Kind
from cellsync.ledger.circle import LARGE, Noting, OpenCircle

B = TypeVar("B", bound=Bound)

CaseEdits = list[tuple[CaseId, list[Operation]]]
"""The entries to write: for each, its case and operations."""


class OwnEntries:
    """Writes them, signed with `secret`. `check_told`: raises LinkLeaks for what the circle's members must not see."""

    def __init__(
        self, circle: OpenCircle, secret: SigningSecret, check_open: Callable[[], None],
        check_told: Callable[[list[Operation]], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self._circle = circle
        self._secret = secret
        self._check_open = check_open
        self._check_told = check_told

    async def create(self, schema: type[Schema], fields: dict[str, object]) -> CaseId:
        """A new case; its id."""
        case = CaseId(self._circle.surroundings.entropy(ID_BYTES))
        check_whole(schema, fields)
        await self.write([(case, creation(schema, fields))])
        return case

    @asynccontextmanager
    async def edit(self, case: B) -> AsyncIterator[B]:
        """As `Cell.edit`."""
        circle = self._circle
        draft = host.begin(case, circle.device, circle.surroundings.now())
        yield draft
        async with circle.lock:
            self._check_open()
            written = host.finish(draft, case._state)
            if not written:
                return
            if case._state.counted.get(circle.device, 0) + len(written) > caps.CASE_OPERATIONS:
                raise InvalidValue("this device has written all that a case can show", hint="Go on in a new case.")
            await self.write_locked([(case.id, written)])

    async def write(self, edits: CaseEdits) -> Plan:
        """As `Cell.write`."""
        async with self._circle.lock:
            return await self.write_locked(edits)

    async def write_locked(self, edits: CaseEdits, noting: Noting = lambda _: {}, *, begin: bool = True) -> Plan:
        """The same for a caller that holds the circle's lock, from reading a case until the resulting edit is written.

        `noting`: values to store in the same transaction. `begin`: whether to keep the states of cases that begin with
        it (`States.apply`).
        """
        if self._circle.is_removed:
            raise Removed
        if len(edits) > LARGE:
            intentions = await self._circle.apart(lambda: self._intentions(edits))
        else:
            intentions = self._intentions(edits)
        return await self._circle.write_locked(self._secret, intentions, noting, begin=begin)

    def _intentions(self, edits: CaseEdits) -> list[Intention]:
        """The entries that these edits become. Raises TooLarge, LinkLeaks."""
        for _, written in edits:
            self._check_told(written)
        intentions = [self._intention(case, written) for case, written in edits]
        if any(edit.operations is None and operations.is_opaque(edit.shape, edit.content) for edit in intentions):
            most = f"{caps.ENTRY_ELEMENTS} elements (some 800 changes), {caps.VALUE_ELEMENTS} of them in one value"
            raise TooLarge(f"one edit holds at most {most}", hint="Write it in several edits.")
        return intentions

    def _intention(self, case: CaseId, written: list[Operation]) -> Intention:
        salt = self._circle.surroundings.entropy(SALT_BYTES)
        said = operations.decoded(written)
        content = operations.encode_content(salt, written) if said is None else operations.encode_decoded(salt, said)
        return Intention(Kind.CASE, case, operations.encode_shape(written), content, said)
