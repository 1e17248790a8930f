"""The recovery key of a circle, as somebody has typed it from paper. It is in no answer, log or memory afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from cellsync.api.contract import shapes
from cellsync.api.contract.problems import Ambiguous, NotTyped
from cellsync.api.operations.membership import kept_there, member_named, strike_shape, words_shape
from cellsync.api.service import Service
from cellsync.cell.circle import CellCircle
from cellsync.cell.founding import RecoveryKey
from cellsync.cell.keyholder import Effect
from cellsync.cell.mistyped import mistyped_group
from cellsync.cell.paper import Orders
from cellsync.cell.safekeeping import KeptKey
from cellsync.cell.standing import MemberStanding
from cellsync.core.errors import NotFound, WrongPaper
from cellsync.core.folded import folded
from cellsync.core.ids import DeviceId, EntryId


async def preview(service: Service, ask: shapes.PaperOrders) -> shapes.PaperPreview:
    key = RecoveryKey.read(ask.paper)
    circle = await _spoken_for(service, key, ask.circle)
    orders = await _orders(circle, ask)
    effect, kept = await circle.keyholder.preview(key, orders), await circle.membership.preview(orders.remove)
    return shapes.PaperPreview(
        circle=circle.id.hex(), name=circle.name, members=[_becomes(*pair) for pair in _pairs(effect)],
        unsettled=[await strike_shape(circle, one) for one in effect.unsettled],
        left_unsettled=[await strike_shape(circle, one) for one in effect.left_unsettled],
        agrees=[circle.membership.said(entry) for entry in orders.endorse],
        devices=[kept_there(one) for one in kept.devices], cases=kept.cases, changes=kept.changes,
        no_coordinator=effect.leaves_no_coordinator,
    )  # fmt: skip


async def use(service: Service, ask: shapes.GivePaperOrders) -> shapes.PaperUsed:
    key = RecoveryKey.read(ask.paper)
    circle = await _spoken_for(service, key, ask.circle)
    if folded(ask.confirm) != folded(circle.name):
        raise NotTyped
    orders = await _orders(circle, ask)
    effect = await circle.keyholder.preview(key, orders)
    entries = await circle.keyholder.use(key, orders)
    known = [set(await circle.membership.confirmed(entry)) for entry in entries]
    return shapes.PaperUsed(
        circle=circle.id.hex(), name=circle.name, entries=[entry.hex() for entry in entries],
        members=[_becomes(*pair) for pair in _pairs(effect) if _changes(*pair)],
        left_unsettled=[await strike_shape(circle, one) for one in effect.left_unsettled],
        confirmed=len(set.intersection(*known)), others=len(circle.circle.others()),
    )  # fmt: skip


async def keys(service: Service, ask: shapes.OfCircle) -> shapes.KeptKeys:
    circles = [service.cell.circle(ask.circle)] if ask.circle else service.cell.circles
    return shapes.KeptKeys(keys=[_kept(one, key) for one in circles for key in await one.keyholder.keys()])


async def draw(service: Service, _: shapes.Nothing) -> shapes.DrawnPaper:
    return shapes.DrawnPaper(recovery_key=service.cell.first.keyholder.draw().text)


async def replace(service: Service, ask: shapes.ReplacePaper) -> shapes.ReplacedPaper:
    key, new = RecoveryKey.read(ask.paper) if ask.paper else None, RecoveryKey.read(ask.new)
    circle = service.cell.circle(ask.circle or None) if key is None else await _spoken_for(service, key, ask.circle)
    entry = await circle.keyholder.replace(key, new)
    kept = next((one for one in await circle.keyholder.keys() if one.entry == entry), None)
    return shapes.ReplacedPaper(
        circle=circle.id.hex(), name=circle.name, recovery_key=new.text, entry=entry.hex(),
        kept=None if kept is None else _kept(circle, kept),
        confirmed=len(await circle.membership.confirmed(entry)), others=len(circle.circle.others()),
    )  # fmt: skip


def _kept(circle: CellCircle, key: KeptKey) -> shapes.KeptKey:
    exposed = [circle.name_of(DeviceId(member)) for member in key.exposed]
    return shapes.KeptKey(
        entry=key.entry.hex(), state=key.state, by=key.by, since=key.since, exposed=exposed,
        lacks=words_shape(key.lacks), circle=circle.id.hex(),
    )  # fmt: skip


async def _spoken_for(service: Service, key: RecoveryKey, which: str) -> CellCircle:
    """The circle for which a key speaks. Raises WrongPaper, which says in which group somebody has slipped, if it was
    one slip; and Ambiguous."""
    circles = [service.cell.circle(which)] if which else service.cell.circles
    found = [circle for circle in circles if circle.keyholder.fits(key)]
    if not found:
        raise WrongPaper(await _where_mistyped(circles, key))
    if len(found) > 1:
        raise Ambiguous(hint="It speaks for several circles: name one with --circle.")
    return found[0]


async def _where_mistyped(circles: Sequence[CellCircle], key: RecoveryKey) -> str:
    """In words; "" if it was not one slip. Takes a second."""
    for one in circles:
        async with one.circle.lock:
            group = await one.circle.apart(partial(mistyped_group, key, one.keyholder.fits))
        if group is not None:
            return f"Group {group} is mistyped: all the others are as on the paper."
    return ""


async def _orders(circle: CellCircle, ask: shapes.PaperOrders) -> Orders:
    roster = await circle.membership.roster()

    def named(names: list[str]) -> list[MemberStanding]:
        return [member_named(roster, name) for name in names]

    agreed: list[EntryId] = []
    for member in named(ask.endorse):
        found = await circle.keyholder.unsettled(member.member)
        if not found:
            raise NotFound("Nothing about them is open that this key could settle.", hint="cellsync members")
        agreed += found
    return Orders(
        tuple(dict.fromkeys(one.member for one in named(ask.remove))),
        tuple(dict.fromkeys(one.member for one in named(ask.coordinators))),
        tuple(dict.fromkeys(agreed)),
    )


def _pairs(effect: Effect) -> Iterator[tuple[MemberStanding, MemberStanding]]:
    return zip(effect.before, effect.after, strict=True)


def _changes(before: MemberStanding, after: MemberStanding) -> bool:
    return (before.status, before.role, before.counts) != (after.status, after.role, after.counts)


def _becomes(before: MemberStanding, after: MemberStanding) -> shapes.MemberBecomes:
    return shapes.MemberBecomes(
        member=after.member.hex(), name=after.name, me=after.is_me,
        was=before.status, status=after.status, old_role=before.role, role=after.role,
    )  # fmt: skip
