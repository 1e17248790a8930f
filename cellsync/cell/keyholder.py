"""The keyholder: whoever has the recovery key of a circle on paper, and what they may do with it.

preview     what orders would change, before anybody gives them
use         give them
keys        which keys speak for the circle, and who may hold one that should not
draw        a new key, to be written down before anything rests on it
replace     put it in the place of this one, or of one that is lost
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from cellsync.cell import paper
from cellsync.cell.flag import Flag, Reason, flag_of_device
from cellsync.cell.paper import Orders
from cellsync.cell.safekeeping import KeptKey, dated, kept_keys
from cellsync.cell.standing import CircleStanding, MemberStanding, StrikeStanding
from cellsync.core.crypto.primitives import signing_public
from cellsync.core.errors import InvalidValue, WrongPaper
from cellsync.core.ids import DeviceId, EntryId, MemberId, RecoverySecret, Signature, SigningSecret
from cellsync.core.membership import editions, recovery
from cellsync.core.membership.floor import Require
from cellsync.core.membership.label import OUT
from cellsync.core.membership.recovery import SIGNATURE_BYTES, RecoveryKeys, Replaced
from cellsync.core.replica.stage import Plan
from cellsync.core.wire.tags import Kind
from cellsync.ledger.circle import OpenCircle
from cellsync.ledger.coordination import Coordination
from cellsync.ledger.source import Source
from cellsync.node.node import Node

if TYPE_CHECKING:
    from cellsync.cell.founding import RecoveryKey

UNSIGNED: Final = Signature(bytes(SIGNATURE_BYTES))
"""In place of a signature by a key that is lost."""


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
        self._flags = list(self._find_flags())

    def fits(self, key: RecoveryKey) -> bool:
        """Whether a recovery key speaks for this circle."""
        return self._circle.signing_of(key.secret) is not None

    async def unsettled(self, member: MemberId) -> list[EntryId]:
        """What about a member the word of the recovery key settles: removals of them that are not final; if there is
        none, and they are here, the grants by which they coordinate although their word does not count yet."""
        async with self._circle.lock:
            return self._unsettled_about(member)

    def _unsettled_about(self, member: MemberId) -> list[EntryId]:
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
        stays = not removals and standing.is_present(member) and member in decision.roles
        promoted = decision.promotion(member) if stays else None
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

    def flags(self) -> list[Flag]:
        """Who is gone and may hold a key that counts; and whose replacements of one key contradict each other."""
        return self._flags

    def committed(self, plan: Plan, _: Source) -> None:
        """Called by the circle after every step."""
        if plan.ruling is not None:
            self._flags = list(self._find_flags())

    def _find_flags(self) -> Iterator[Flag]:
        standing = self._standing()
        keys, me = kept_keys(self._circle, standing), standing.me  # whoever is gone knows whether they have it
        for member in sorted({one for key in keys if key.state != "waits" for one in key.exposed if one != me}):
            yield flag_of_device(self._circle, Reason.KEY_EXPOSED, DeviceId(member))
        if any(key.state == "undecided" for key in keys):
            yield flag_of_device(self._circle, Reason.KEY_UNDECIDED, self._circle.device)

    async def keys(self) -> list[KeptKey]:
        """The recovery keys that speak for the circle, or would with more words, in order of arrival."""
        self._check_open()
        async with self._circle.lock:
            return await self._circle.apart(
                lambda: [dated(self._circle, key) for key in kept_keys(self._circle, self._standing())]
            )

    def draw(self) -> RecoveryKey:
        """A new key, to be written down first: it is kept nowhere, and nothing is written."""
        from cellsync.cell.founding import RECOVERY_BYTES, RecoveryKey  # done seldom

        return RecoveryKey(RecoverySecret(self._circle.surroundings.entropy(RECOVERY_BYTES)))

    async def replace(self, key: RecoveryKey | None, new: RecoveryKey) -> EntryId:
        """Put a new key in place of this one; if that is None, in place of all that speak, which are lost. From here on
        whoever has not written it down has none.

        What is lost is replaced by the words of two coordinators: the other one endorses it. Raises WrongPaper,
        NotPermitted, FloorTooLow, Outdated, DiskFull, StorageFailed.
        """
        self._check_open()
        circle = self._circle
        if key is not None and circle.replica.floor < editions.SECOND.number:
            required = paper.intention(circle, Kind.REQUIRE, Require(editions.SECOND.number))
            await circle.write_with_paper(key.secret, [required])
        replaced = tuple(self._give_way(key, new.public))
        if not replaced:
            raise WrongPaper
        replacing = recovery.Recovery(new.public, replaced)
        entry = await self._coordination.replace_paper(replacing, with_words=key is None)
        self._node.links.wake()
        return entry

    def _give_way(self, key: RecoveryKey | None, new: RecoveryKeys) -> Iterator[Replaced]:
        charter, decision = self._circle.replica.charter, self._circle.replica.court.ruling.decision
        signing = None if key is None else self._circle.signing_of(key.secret)
        for entry in sorted(decision.papers)[: recovery.MOST_REPLACED]:
            if key is None:
                yield Replaced(entry, UNSIGNED)
            elif signing is not None and charter.keys(entry).signing == signing_public(signing):
                yield recovery.replace(self._circle.id, entry, signing, new)

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
    """Removals that are undecided, or stand on one word; not of those whom another one has removed for good."""
    strikes = standing.strikes()
    gone = {member for one in strikes if one.final for member in one.members}
    return [
        one for one in strikes
        if one.state == "undecided" or (one.state == "stands" and one.lacks is not None and not one.members <= gone)
    ]  # fmt: skip
