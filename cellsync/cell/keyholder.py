"""The keyholder: whoever has the recovery key of a circle on paper, and what they may do with it.

preview     what orders would change, before anybody gives them
use         give them
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from cellsync.cell import paper
from cellsync.cell.founding import RecoveryKey
from cellsync.cell.paper import Orders
from cellsync.cell.standing import CircleStanding, MemberStanding, StrikeStanding
from cellsync.core.errors import InvalidValue, WrongPaper
from cellsync.core.ids import EntryId, MemberId, SigningSecret
from cellsync.core.membership.label import OUT
from cellsync.core.wire.tags import Kind
from cellsync.ledger.circle import OpenCircle
from cellsync.ledger.coordination import Coordination
from cellsync.node.node import Node


class Effect(NamedTuple):
    """How all stand before and after what somebody orders."""

    before: list[MemberStanding]
    after: list[MemberStanding]  # the same members in the same order
    unsettled: list[StrikeStanding]  # removals that are undecided, or rest on one word, before
    left_unsettled: list[StrikeStanding]  # after

    def __repr__(self) -> str:
        return f"<effect on {len(self.after)}>"

    @property
    def leaves_no_coordinator(self) -> bool:
        return not any(one.role == "coordinator" and one.status == "active" for one in self.after)


class Keyholder:
    """Of one circle."""

    def __init__(
        self, circle: OpenCircle, node: Node, secret: SigningSecret, check_open: Callable[[], None]
    ) -> None:  # fmt: skip
        self._circle, self._node, self._check_open = circle, node, check_open
        self._coordination = Coordination(circle, secret)

    def fits(self, key: RecoveryKey) -> bool:
        """Whether a recovery key speaks for this circle."""
        return self._circle.signing_of(key.secret) is not None

    def unsettled(self, member: MemberId) -> list[EntryId]:
        """What about a member the word of the recovery key settles: removals of them that are not final; if there is
        none, the grants by which they coordinate although their word does not count yet."""
        standing = self._standing()
        decision = standing.decision
        removals = [
            strike.entry
            for strike in decision.strikes
            if strike.kind == Kind.REMOVE
            and member in standing.parties(strike)
            and strike.author not in (member, None)
            and strike.label != OUT
            and not decision.is_final(strike.entry)
        ]
        promoted = decision.promotion(member) if not removals and member in decision.roles else None
        return [*removals, *(() if promoted is None else promoted.entries)]

    async def preview(self, key: RecoveryKey, orders: Orders) -> Effect:
        """What orders would change here. Nothing is written. Raises WrongPaper, Outdated, InvalidValue."""
        self._check_open()
        async with self._circle.lock:
            if not self.fits(key):
                raise WrongPaper
            return await self._circle.apart(lambda: self._effect(key, orders))

    async def use(self, key: RecoveryKey, orders: Orders) -> list[EntryId]:
        """Carry out orders, at once, also offline, and whatever the role of this device; the entries.

        Raises WrongPaper, Outdated, InvalidValue, DiskFull, StorageFailed.
        """
        self._check_open()
        if not orders.any:
            raise InvalidValue("nothing was ordered")
        plan = await paper.use(self._circle, key, **orders._asdict())
        self._node.links.wake()
        return [entry.id for entry in plan.commit.entries if entry.kind != Kind.REQUIRE]

    def _effect(self, key: RecoveryKey, orders: Orders) -> Effect:
        before, after = self._standing(), self._standing()
        if orders.any:
            ruling = self._circle.plan_with_paper(key.secret, list(paper.intentions(self._circle, orders))).ruling
            decision = None if ruling is None else ruling.decision
            after = CircleStanding(self._circle, self._coordination, decision)
        return Effect(before.members(), after.members(), _unsettled(before), _unsettled(after))

    def _standing(self) -> CircleStanding:
        return CircleStanding(self._circle, self._coordination)


def _unsettled(standing: CircleStanding) -> list[StrikeStanding]:
    return [
        one for one in standing.strikes()
        if one.state == "undecided" or (one.state == "stands" and one.lacks is not None)
    ]  # fmt: skip
