"""People and devices: members, peers, the cell at a glance."""

from __future__ import annotations

from functools import partial
from typing import Final

from msgspec.structs import asdict

from cellsync.api.contract import shapes
from cellsync.api.contract.problems import Ambiguous
from cellsync.api.operations.circles import locked, rows
from cellsync.api.service import Service
from cellsync.api.times import time_text
from cellsync.cell.cell import Cell, Peer
from cellsync.cell.flag import LASTING, Flag, Reason
from cellsync.cell.member import Member
from cellsync.core.errors import NotFound
from cellsync.core.folded import folded
from cellsync.core.history.store import Listings
from cellsync.core.ids import CaseId
from cellsync.core.replica.replica import Replica

FLAGS: Final = {
    Reason.NO_RIGHT: "wrote something that their role does not allow. It is kept, and has no effect",
    Reason.NEWER: "wrote something with a newer cellsync that this one does not know. It is kept: update this one",
    Reason.OUTDATED: "is below what this cell requires: it writes nothing, and hands nothing on. Update cellsync here",
    Reason.WAIVED: "carries on below what this cell requires: others may not take what it writes. Update cellsync here",
    Reason.FUTURE: "dates what it writes more than a day ahead. Is the clock there right?",
    Reason.UNATTACHED: "is said to have written what continues nothing here: a part is missing, or it is not theirs",
    Reason.FORK: "wrote two things in one place: was that vault copied, or put back from a backup? Both are kept",
    Reason.EQUIVOCATOR: "writes more histories than one device can: only what others built on counts",
    Reason.FEW_BRANCHES_LEFT: "has been put back or copied often, and soon cannot write: join with a fresh vault",
    Reason.BURNT_CODES: "had three short codes used up by wrong guesses. Is someone guessing? Invite with the QR",
    Reason.TOO_NEW: "has a cellsync that is too old to take in everything that came: update it",
    Reason.REMOVAL_AHEAD: "says that {} removed; the entry is not here. Nothing is sent to them (status --carry-on)",
    Reason.REMOVAL_LAPSED: "said 30 days ago that {} removed; the entry has not arrived, so they are sent everything",
    Reason.REMOVED: "was removed on this device: nothing is sent or received. It can be read and exported (members)",
    Reason.LEFT: "has left, on this device: nothing is sent or received. It can be read and exported (members)",
    Reason.MEMBER_LEFT: "has left by themselves, with all their devices, and is sent nothing from here any more",
    Reason.MEMBER_REMOVED: "was removed, and is sent nothing from here any more. Do you agree? (members why)",
    Reason.REMOVED_ELSEWHERE: "was removed from {where}, and is still in this circle, which you coordinate (members)",
    Reason.ONE_WORD: "says that {} removed, on one word. Until it has a second it can be contested (members)",
    Reason.UNDECIDED: "says that {} removed. It is contested, and undecided: whose word settles it? (members why)",
    Reason.SUSPENDED: "is suspended: until a dispute is decided it is sent nothing of cases (members why)",
    Reason.LEAVING: "wants to leave. It counts once the recovery key has made another coordinator (recovery use)",
    Reason.WANTED: "wants {what}. It takes a second coordinator's word (settings)",
    Reason.QUARANTINED: "wrote what waits, or what its remover had not seen: kept, and not shown (quarantine list)",
    Reason.LINKED: "is a further device, which that member has linked. Ask them if it is theirs (members)",
    Reason.KEY_EXPOSED: "is gone, and may hold the recovery key. Replace it now (recovery replace)",
    Reason.KEY_UNDECIDED: "sees two new recovery keys in the place of one: neither counts (recovery show)",
    Reason.NAMESAKE: "has a name that could be taken for another member's. Is it the same person?",
    Reason.OLDER: "has an older cellsync than before. Was it set up anew, or does someone else have its keys?",
}

SHOWN: Final = 4  # names in one sentence


def shape_of(peer: Peer) -> shapes.Peer:
    return shapes.Peer(
        name=peer.name, device=peer.device.hex(), connected=peer.connected, last_seen=time_text(peer.last_seen),
        lacks=peer.lacks, lacks_of_others=peer.lacks_of_others, owes=peer.owes, in_step_now=peer.in_step_now,
        in_step=peer.in_step, version=peer.version,
        clock=None if peer.clock is None else shapes.OtherClock(ahead=peer.clock.ahead, measured=peer.clock.measured),
        circle=peer.circle.hex(), member=None if peer.member is None else peer.member.hex(), suspended=peer.suspended,
    )  # fmt: skip


def shape_in_sync(peer: Peer) -> shapes.SyncPeer:
    return shapes.SyncPeer(**asdict(shape_of(peer)), reached=peer.reached, came_in_step=time_text(peer.came_in_step))


def peer_named(cell: Cell, name: str) -> Peer:
    """By the name of its member, or the beginning of its id. Raises NotFound, Ambiguous."""
    peers = cell.peers()
    wanted = folded(name)
    found = [peer for peer in peers if folded(peer.name) == wanted]
    found = found or [peer for peer in peers if folded(_claimed(cell, peer)) == wanted]
    found = found or [peer for peer in peers if peer.device.hex().startswith(name.lower())]
    if not found:
        raise NotFound("There is no other device of that name.", hint="cellsync members")
    if len({cell.node.circles.key_of(peer.device) for peer in found}) > 1:  # one device has several ids, one a circle
        raise Ambiguous(hint="Give the beginning of its id: " + ", ".join(peer.device.hex()[:8] for peer in found))
    return found[0]


def _claimed(cell: Cell, peer: Peer) -> str:
    """What its member calls itself, without what tells it from namesakes."""
    return cell.circle(peer.circle).circle.replica.circle.names.claimed(peer.device)


async def show_members(service: Service, ask: shapes.OfCircle) -> shapes.Members:
    cell = service.cell
    circles = [cell.circle(ask.circle)] if ask.circle else cell.circles
    return shapes.Members(members=[member_shape(member) for circle in circles for member in circle.members()])


def member_shape(member: Member) -> shapes.Member:
    return shapes.Member(
        name=member.name, role=member.role, device=member.device.hex(), me=member.is_me,
        circle=member.circle.hex(), member=member.member.hex(),
    )  # fmt: skip


async def show_peers(service: Service, _: shapes.Nothing) -> shapes.Peers:
    cell = service.cell
    return shapes.Peers(port=cell.port, peers=[shape_of(peer) for peer in cell.peers()])


async def add_address(service: Service, ask: shapes.AddAddress) -> shapes.Done:
    await service.cell.add_address(peer_named(service.cell, ask.peer).device, ask.host, ask.port)
    return shapes.Done()


async def ping(service: Service, ask: shapes.Ping) -> shapes.Pinged:
    peer = peer_named(service.cell, ask.peer)
    seconds = await service.cell.ping(peer.device, timeout=ask.timeout)
    return shapes.Pinged(name=peer.name, device=peer.device.hex(), seconds=seconds)


async def status(service: Service, _: shapes.Nothing) -> shapes.Status:
    cell = service.cell
    first = cell.circles[0] if cell.circles else None
    me = None if first is None else next((member for member in first.members() if member.is_me), None)
    only_here = await cell.only_here_cases()
    titles: dict[CaseId, str] = {}
    for circle in cell.circles:
        titles |= await circle.catalogue.look(partial(_titles, [case for case, _ in only_here]))
    circles = await rows(cell)
    return shapes.Status(
        cell=cell.name,
        state=service.state,
        name=me.name if me else cell.own_name,
        role=me.role if me else None,
        device="" if first is None else first.device.hex(),
        locks_in=service.locks_in,
        key_memory=cell.derivation.memory >> 20,
        copied=time_text(cell.copied_at),
        as_of=time_text(service.as_of),
        cases=sum(circle.cases for circle in circles),
        beside=sum(circle.beside for circle in circles),
        changes=cell.entries(),
        only_here=cell.only_here(),
        only_here_cases=[
            shapes.CaseChanges(case=case.hex(), title=titles.get(case, ""), changes=changes)
            for case, changes in only_here
        ],
        conflicts=sum(circle.conflicts for circle in circles),
        circles=circles,
        locked=locked(cell),
        others_ahead=cell.others_ahead,
        peers=[shape_of(peer) for peer in cell.peers()],
        flags=[_flag(flag) for flag in cell.flags],
    )


def _titles(cases: list[CaseId], replica: Replica, listings: Listings) -> dict[CaseId, str]:
    """Of those of these cases that are in this circle."""
    numbers = [number for case in cases if (number := replica.held.cases.get(case)) is not None]
    return {replica.held.case_ids[listing.number]: listing.title for listing in listings.get(numbers)}


def _flag(flag: Flag) -> shapes.Flag:
    case = flag.case.hex() if flag.case else None
    text = FLAGS[flag.reason].format(_who_were(flag.about), where=_and(flag.about), what=" ".join(flag.about))
    return shapes.Flag(
        reason=flag.reason.value, text=text, author=flag.author,
        device=flag.device.hex(), case=case, lasting=flag.reason in LASTING, about=list(flag.about),
        circle=flag.circle.hex(),
    )  # fmt: skip


def _who_were(names: tuple[str, ...]) -> str:
    """`Cara was`, `Cara and Dan were`: the beginning of what is said about these."""
    if not names:
        return "somebody who is not known here was"
    return f"{_and(names)} {'was' if len(names) == 1 else 'were'}"


def _and(names: tuple[str, ...]) -> str:
    """`Cara`, `Cara and Dan`."""
    if len(names) < 2:
        return "".join(names)
    last = names[-1] if len(names) <= SHOWN else f"{len(names) - SHOWN + 1} others"
    return f"{', '.join(names[: min(len(names), SHOWN) - 1])} and {last}"


async def carry_on(service: Service, ask: shapes.CarryOn) -> shapes.Done:
    await service.cell.carry_on(ask.circle or None)
    return shapes.Done()


async def dismiss(service: Service, _: shapes.Nothing) -> shapes.Done:
    for flag in service.cell.flags:
        service.cell.dismiss(flag)
    await service.cell.keep_flags()
    return shapes.Done()
