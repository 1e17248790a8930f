"""Rules 1 and 2, as far as an entry's own past decides (protocol/40-membership.md).

Each is a pure function with its sentence above it. What they refuse is void, for ever and on every replica. The other
rules give labels, which what others write can change: `deliberation`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from cellsync.core.ids import DeviceId, MemberId
from cellsync.core.membership.control import KnownKeys, Role
from cellsync.core.wire.tags import Kind


class KnownDevice(NamedTuple):
    """What an entry that is not void says of the device that it introduces."""

    bit: int  # in control pasts
    member: MemberId
    device: DeviceId
    keys: KnownKeys
    name: str
    usable: bool = True  # whether a session can be held with this device, and a secret sealed to it

    def __repr__(self) -> str:
        return f"<device {self.device.hex()[:8]}>"  # no name


NEEDS: Final[dict[int, Role]] = {Kind.CASE: Role.WRITER, Kind.ADMIT: Role.COORDINATOR}
"""Rule 2, second half: the role that each frozen kind of entry requires of its author. For others: `editions`."""


def rule_1_names(keys: KnownKeys, seen: Iterable[KnownDevice]) -> bool:
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
