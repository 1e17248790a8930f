"""`batch`: what a replica makes of a batch, given all the batches before it. `circle`: what they add up to. `telling`:
what it learns of one in which something is withheld, and does not hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cellsync.core.errors import PeerError
from cellsync.core.history.entry import Standing
from cellsync.core.ids import CircleId, DeviceId, Millis
from cellsync.core.membership.editions import FIRST, Edition
from cellsync.core.replica.detached import DetachedEntries
from cellsync.core.replica.hearing import hear, is_withholding
from cellsync.core.replica.replica import Replica
from cellsync.core.replica.stage import Plan
from cellsync.core.replica.surplus import Surplus
from cellsync.core.wire import batches, messages
from cellsync.core.wire.batches import Batch, BatchPart
from cellsync.core.wire.detached import DetachedEntry
from cellsync.store.sqlite import SqliteStore
from cellsync.testing.answers.question import Answer, BadQuestion, Given, ok

_PEER = DeviceId(bytes(32))  # all of it comes from one


class Receiver:
    """A replica that holds nothing yet. It judges as edition 1, of which most vectors are (06-vectors)."""

    def __init__(self, circle: CircleId, edition: Edition = FIRST) -> None:
        self.store = SqliteStore.in_memory()
        self.replica = Replica(circle, self.store, edition)
        self.surplus = Surplus()

    def receive(self, parts: Sequence[bytes]) -> Plan:
        """Take in a batch. Raises PeerError."""
        batch = _read(parts)
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


def _read(parts: Sequence[bytes]) -> Batch:
    batch, complete = Batch(), False
    for raw in parts:
        part = messages.decode(raw)
        if not isinstance(part, BatchPart) or complete:
            raise BadQuestion("a batch is an array of parts, and ends with its last")
        batches.extend(batch, part)
        complete = part.last
    if not complete:
        raise BadQuestion("a batch without its last part")
    return batch


def answer(given: Given) -> Answer:
    asked = given.raws("batch")
    receiver = holding(given)
    plan = receiver.receive(asked)
    return Answer(_verdict(plan), receiver.result())


def telling(given: Given) -> Answer:
    """Of what was told before, some may be held by now."""
    asked = given.raws("batch")
    receiver = holding(given)
    circle, edition = receiver.replica.circle.id, receiver.replica.circle.edition
    told = [_read(Given({"parts": parts}).raws("parts")) for parts in given.values("told")]
    try:
        for batch in told:
            hear(circle, receiver.store, edition, [batch])
    except PeerError:
        raise BadQuestion("what was told is at fault") from None
    plan, batch = receiver.receive(asked), _read(asked)
    if is_withholding(batch):
        told.append(batch)
    heard = hear(circle, receiver.store, edition, told)
    first = sum(len(one.chains) for one in told[:-1])
    lost = {row - first for row in heard.refused} if is_withholding(batch) else set(plan.refused)
    refused = [row for row in plan.refused if row in lost]
    expect = f"refused:[{','.join(map(str, refused))}]" if refused else "ok"
    return Answer(expect, {"digest": receiver.replica.digest(), "told": sorted(heard.new)})


def circle(given: Given) -> Answer:
    receiver = holding(given)
    kept = DetachedEntries(receiver.replica, receiver.store, _PEER)
    for payload in given.raws("detached"):
        message = messages.decode(payload)
        if not isinstance(message, DetachedEntry) or message.entry is None:
            raise BadQuestion("what is detached is no entry of a version that is known")
        if not kept.take(message.entry, Millis(0)):
            raise BadQuestion("what is detached has no effect here")
    replica = receiver.replica
    recovery = sorted(map(list, replica.recovery_keys()))
    return ok(digest=replica.digest(), state=replica.state_digest(), floor=replica.floor, recovery=recovery)


def holding(given: Given, edition: Edition = FIRST) -> Receiver:
    """Whoever holds what is given."""
    receiver = Receiver(CircleId(given.raw("circle", 32)), edition)
    for held in given.values("held"):
        try:
            receiver.receive(Given({"parts": held}).raws("parts"))
        except PeerError:
            raise BadQuestion("what is held is at fault") from None
    return receiver


def _verdict(plan: Plan) -> str:
    if plan.refused:
        return f"refused:[{','.join(map(str, plan.refused))}]"
    return "void" if plan.void or plan.unknown else "ok"
