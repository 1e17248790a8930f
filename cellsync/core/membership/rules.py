"""The rules of membership, each a pure function with its sentence above it (protocol/40-membership.md).

A rule judges an entry against that entry's own past only, so every replica that holds it gives the same answer.
In force so far: names (1) and cause (2), with the grants `found` and `admit`. The rules about strikes, disputes,
electors and forks (3-11) judge a grant against more than its past; they turn `RoleGrant.counts` from a constant into
the label IN / OUT / UNDECIDED of a fixpoint, and change nothing else here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from cellsync.core import caps
from cellsync.core.ids import DeviceId, MemberId
from cellsync.core.membership.control import KnownKeys, Role
from cellsync.core.wire.tags import Kind


class RoleGrant(NamedTuple):
    """A `found` or `admit` entry that gives a role. An entry void in its own past is no grant: it introduces nobody."""

    bit: int  # in control pasts
    member: MemberId
    device: DeviceId  # the device that it introduces
    role: Role
    keys: KnownKeys
    name: str
    counts: bool
    usable: bool = True  # whether a session can be held with this device, and a secret sealed to it

    def __repr__(self) -> str:
        return f"<grant {self.device.hex()[:8]}, {self.role.name}>"  # no name


NEEDS: Final[dict[int, Role]] = {Kind.CASE: Role.WRITER, Kind.ADMIT: Role.COORDINATOR}
"""Rule 2, second half: the role that each frozen kind of entry requires of its author. For others: `editions`."""


def rule_1_names(keys: KnownKeys, seen: Iterable[RoleGrant]) -> bool:
    """A device is its introducing entry; introducing a key already introduced in the entry's past is void."""
    return all(
        keys.signing != grant.keys.signing and keys.session != grant.keys.session and keys.seal != grant.keys.seal
        for grant in seen
    )


def rule_2_cause(needed: Role | None, role: Role | None) -> bool:
    """An entry counts only if its past holds grants that give its author the role that its kind requires.

    `needed`: None for a kind that nobody may write, or that is unknown.
    """
    return needed is not None and role is not None and role >= needed


def role_in(device: DeviceId, seen: Iterable[RoleGrant]) -> Role | None:
    """The highest role that the grants in a past give to a device."""
    roles = [grant.role for grant in seen if grant.device == device and grant.counts]
    return max(roles, default=None)


def within_caps(seen: Iterable[RoleGrant]) -> bool:
    """A circle has at most 48 devices: one that would be the 49th in its own past is void."""
    return sum(grant.counts for grant in seen) < caps.DEVICES
