"""`batch`: what a replica makes of a batch, given all the batches before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cellsync.core.errors import PeerError
from cellsync.core.history.entry import Standing
from cellsync.core.ids import CircleId, DeviceId
from cellsync.core.replica.replica import Replica
from cellsync.core.replica.stage import Plan
from cellsync.core.replica.surplus import Surplus
from cellsync.core.wire import batches, messages
from cellsync.core.wire.batches import Batch, BatchPart
from cellsync.store.sqlite import SqliteStore
from cellsync.testing.answers.question import Answer, BadQuestion, Given

_PEER = DeviceId(bytes(32))  # all of it comes from one


class Receiver:
    """A replica that holds nothing yet."""

    def __init__(self, circle: CircleId) -> None:
        self.store = SqliteStore.in_memory()
        self.replica = Replica(circle, self.store)
        self.surplus = Surplus()

    def receive(self, parts: Sequence[bytes]) -> Plan:
        """Take in a batch. Raises PeerError."""
        batch, complete = Batch(), False
        for raw in parts:
            part = messages.decode(raw)
            if not isinstance(part, BatchPart) or complete:
                raise BadQuestion("a batch is an array of parts, and ends with its last")
            batches.extend(batch, part)
            complete = part.last
        if not complete:
            raise BadQuestion("a batch without its last part")
        plan = self.replica.plan(batch, self.surplus.room(self.replica.held, _PEER))
        self.store.write(plan.commit)
        self.replica.advance(plan)
        self.surplus.take(plan.surplus, _PEER)
        return plan

    def result(self) -> dict[str, Any]:
        replica, held = self.replica, self.replica.held
        entries = [
            entry
            for chain in held.chains.values()
            for entry in self.store.chain_slice(chain.number, chain.first, chain.length)
        ]
        cases = ((case, replica.read(case)) for case, number in held.cases.items())
        return {
            "digest": replica.digest(),
            "heads": sorted(map(list, replica.frontier().heads)),
            "equivocators": sorted(held.equivocators),
            "void": sorted(entry.id for entry in entries if entry.standing == Standing.VOID),
            "cases": sorted([case, state.digest()] for case, state in cases if state is not None),
        }


def answer(given: Given) -> Answer:
    receiver = Receiver(CircleId(given.raw("circle", 32)))
    asked = given.raws("batch")
    for held in given.values("held"):
        try:
            receiver.receive(Given({"parts": held}).raws("parts"))
        except PeerError:
            raise BadQuestion("what is held is at fault") from None
    plan = receiver.receive(asked)
    return Answer(_verdict(plan), receiver.result())


def _verdict(plan: Plan) -> str:
    if plan.refused:
        return f"refused:[{','.join(map(str, plan.refused))}]"
    return "void" if plan.void or plan.unknown else "ok"
