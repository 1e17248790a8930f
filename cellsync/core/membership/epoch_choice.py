"""Rule 14: which epoch everybody seals under."""

from __future__ import annotations

from collections.abc import Iterator

from cellsync.core.ids import DeviceId
from cellsync.core.membership.ballots import WORDS
from cellsync.core.membership.bench import Bench
from cellsync.core.membership.deeds import PAPER, Bit, each, has
from cellsync.core.membership.label import IN, UNDECIDED
from cellsync.core.membership.rulings import label_of
from cellsync.core.membership.standing import DeviceStatus, rule_10_status


def rule_14_epoch(bench: Bench) -> Bit | None:
    """Of the usable rotations the one with the greatest (height, id). Without any: rotate before anything is sealed."""
    return next(usable(bench), None)


def usable(bench: Bench) -> Iterator[Bit]:
    """The usable rotations, the greatest (height, id) first."""
    deeds = bench.deeds
    statuses = {device: rule_10_status(bench, device) for device in each(deeds.introductions & bench.within)}
    active = {device for device, status in statuses.items() if status == DeviceStatus.ACTIVE}
    fallen = sum(1 << device for device in statuses if bench.label(device) != IN)
    to_be_seen = fallen | _inactivating(bench, statuses)
    rotations = each(deeds.rotations & bench.within)
    greatest_first = sorted(rotations, key=lambda r: (deeds[r].height, deeds[r].id), reverse=True)
    return (r for r in greatest_first if is_usable(bench, r, active, to_be_seen))


def is_usable(bench: Bench, rotation: Bit, active: set[Bit], to_be_seen: int) -> bool:
    """A rotation is usable if it is IN, its author active, its recipients are the active devices whose introduction it
    saw, and it saw every strike that makes a device inactive (it may be that strike) and every introduction that is not
    IN; and too few of them reject it."""
    deeds, author = bench.deeds, bench.deeds.device(rotation)
    seen = deeds[rotation].past | 1 << rotation
    recipients = {device for device in active if has(seen, device)}
    return (
        label_of(bench, rotation) == IN
        and (author == PAPER or author in active)
        and not to_be_seen & ~seen
        and set(deeds[rotation].recipients or ()) == {DeviceId(deeds[device].id) for device in recipients}
        and not _is_rejected(bench, rotation, recipients)
    )


def _inactivating(bench: Bench, statuses: dict[Bit, DeviceStatus]) -> int:
    """The strikes that make a device inactive: IN removals, and the UNDECIDED strikes on one that is suspended."""
    deeds, found = bench.deeds, 0
    for device, status in statuses.items():
        if status != DeviceStatus.ACTIVE:
            for strike in deeds.strikes_at(device):
                if has(bench.within, strike):
                    label = bench.label(strike)
                    if (label == IN and deeds.is_removal(strike)) or (
                        label == UNDECIDED and status == DeviceStatus.SUSPENDED
                    ):
                        found |= 1 << strike
    return found


def _is_rejected(bench: Bench, rotation: Bit, recipients: set[Bit]) -> bool:
    """Recipients of two members reject it, or of one, if it is for at most two members. So nobody alone denies every
    rotation to the others; and who locks out two is not obeyed."""
    deeds = bench.deeds
    rejecting = {
        deeds.member(reject)
        for reject in each(deeds.rejects & bench.within)
        if rotation in deeds.named(reject) and deeds.device(reject) in recipients and label_of(bench, reject) == IN
    }
    members = {deeds.owner(device) for device in recipients}
    return len(rejecting) >= (1 if len(members) <= WORDS else WORDS)
