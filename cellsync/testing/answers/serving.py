"""`serving`: what a suspended or a removed device is sent of what is held. `allowance`: how much a removed one may
bring."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final, cast

from cellsync.core.crypto.channel import MAX_PAYLOAD
from cellsync.core.history.chain import Chain
from cellsync.core.history.store import Store
from cellsync.core.ids import ID_BYTES, CircleId, Day, DeviceId, MemberId, SessionPublic
from cellsync.core.membership.editions import OURS
from cellsync.core.session.exchange import Exchange
from cellsync.core.session.view import CircleView, Extent
from cellsync.core.wire import batches, messages
from cellsync.core.wire.batches import Batch, BatchPart
from cellsync.core.wire.frontiers import FrontierPart, frontier_of
from cellsync.core.wire.messages import Digest
from cellsync.ledger import audience
from cellsync.ledger.allowance import Allowance
from cellsync.ledger.view import ReplicaView
from cellsync.testing.answers.batch import holding
from cellsync.testing.answers.question import Answer, BadQuestion, Given, ok

_NAME: Final = bytes(8)  # of the circle, in a session
_STANDINGS: Final = {"suspended": Extent.CONTROLS, "removed": Extent.REMOVAL}


class Sender(ReplicaView):
    """A circle as a session sees it, with a device that is not told all."""

    def __init__(self, given: Given) -> None:
        self.store: Store = holding(given, OURS).store
        super().__init__(CircleId(given.raw("circle", ID_BYTES)), self.store)
        self.device = DeviceId(given.raw("device", ID_BYTES))
        self._check(given)

    def _check(self, given: Given) -> None:
        """What the rules say is given, too, for those who do not have all of them."""
        decision = self.replica.court.ruling.decision
        hit = {strike.entry for strike in audience.removals(self.replica, [self.device])}
        if (
            self.extent is not given.one_of("standing", _STANDINGS)
            or (hit if self.extent is Extent.REMOVAL else set()) != {*given.raws("removals", ID_BYTES)}
            or decision.electors != {*given.raws("electors", ID_BYTES)}
        ):
            raise BadQuestion("by the rules this is not how things stand")

    @property
    def extent(self) -> Extent:
        return audience.extent(self.replica, [self.device])

    def last_told(self, _: SessionPublic) -> int:
        return audience.last_told(self.replica, self.store, [self.device])

    def own_chains(self, _: SessionPublic) -> list[Chain]:
        return list(self.replica.held.of_device(self.device))


def answer(given: Given) -> Answer:
    view = Sender(given)
    exchange = Exchange(cast(CircleView, view), _NAME, MAX_PAYLOAD)  # it asks for neither keys nor states
    exchange.extent = view.extent
    digests = [one.digest for one in _read([exchange.greet()]) if isinstance(one, Digest)]
    heads = [[bytes.fromhex(one) if type(one) is str else one for one in head] for head in given.values("named")]
    named = frontier_of(heads, [], [])
    told = exchange.on_frontier(FrontierPart(_NAME, True, named))
    while not exchange.is_live or exchange.restless:
        told += exchange.settle() or []
    answered = [head for one in _read(told) if isinstance(one, FrontierPart) for head in one.frontier.heads]
    cases, sent = _sent(view, exchange)
    return ok(digest=digests[0], frontier=sorted(map(list, answered)), cases=cases, sent=sent)


def _sent(view: Sender, exchange: Exchange) -> tuple[list[bytes], list[list[object]]]:
    """The cases that are named in all batches; and their entries: id, marked kind, shape and content as they travel."""
    cases: list[bytes] = []
    sent: list[tuple[int, list[object]]] = []
    while (built := exchange.due(math.inf)) is not None:
        built.build()
        batch = _joined(exchange.send(built))
        cases += batch.cases
        ends = [chain.first - 1 for chain in batch.chains]
        for row in batch.entries:
            ends[row.chain] += 1
            entry = view.store.entry_at(view.replica.held.slot_on(built.served.rows[row.chain], ends[row.chain]))
            if entry is not None:
                sent.append((entry.height, [entry.id, row.kind, row.shape, row.content]))
        if batch.entries:
            exchange.on_ack([], 0.0)
    if [height for height, _ in sent] != sorted(height for height, _ in sent):
        raise BadQuestion("what is given is no order of arrival")
    return cases, [row for _, row in sorted(sent, key=lambda one: (one[0], one[1][0]))]


def _joined(parts: Iterable[bytes]) -> Batch:
    batch = Batch()
    for part in _read(parts):
        if isinstance(part, BatchPart):
            batches.extend(batch, part)
    return batch


def _read(payloads: Iterable[bytes]) -> list[object]:
    return [messages.decode(payload) for payload in payloads]


def allowance(given: Given) -> Answer:
    member, allowed = MemberId(bytes(ID_BYTES)), Allowance()
    for day, size in given.values("brought"):
        allowed.spend(member, size, Day(day))
    allowed.spend(member, given.number("size"), Day(given.number("day")))
    return ok()
