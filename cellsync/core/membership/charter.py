"""The charter of a circle: what its coordinators have laid down for all, besides who belongs to it.

Its floor (`floor`) and its recovery keys (`recovery`). A coordinator can write any number of entries about them, so
only the greatest edition that a device requires is kept, and of recovery keys only where they stand in the history.
(protocol/40-membership.md)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from cellsync.core.errors import VaultDamaged
from cellsync.core.history.entry import Entry, has_effect
from cellsync.core.ids import CircleId, DeviceId, MemberId
from cellsync.core.membership import control, floor
from cellsync.core.membership.control import Found
from cellsync.core.membership.editions import Edition
from cellsync.core.membership.floor import Require
from cellsync.core.membership.recovery import Recovery, RecoveryKeys, in_force
from cellsync.core.wire.tags import Kind


class Charter:
    """The floor and the recovery keys of one circle."""

    KINDS: Final = frozenset({int(Kind.FOUND), int(Kind.REQUIRE), int(Kind.RECOVERY)})

    def __init__(self) -> None:
        self._required: dict[DeviceId, int] = {}  # the greatest edition that each device has required
        self._recovery: list[int] = []  # the slots of the entries that brought in recovery keys

    def take(self, entry: Entry, author: DeviceId, edition: Edition) -> None:
        """Take in a control entry that is held, of any kind and standing."""
        if entry.kind not in self.KINDS or not has_effect(entry.standing):
            return
        if entry.kind != Kind.REQUIRE:
            self._recovery.append(entry.slot)
            return
        match edition.decode(entry.kind, entry.shape, entry.content):
            case Require(required):
                self._required[author] = max(required, self._required.get(author, floor.LOWEST))

    def floor(self, coordinators: Iterable[tuple[MemberId, DeviceId]]) -> int:
        """The least edition with which the circle may be used. `coordinators`: the active ones."""
        return floor.floor(self._required, list(coordinators))

    def recovery_keys(
        self, circle: CircleId, edition: Edition, entry_at: Callable[[int], Entry | None], counts: Callable[[int], bool]
    ) -> list[RecoveryKeys]:
        """The recovery keys in force, in order of arrival. `counts`: whether a place lets its entry count."""
        entries = (entry_at(slot) for slot in self._recovery if counts(slot))
        return in_force(circle, {entry.id: _brought(entry, edition) for entry in entries if entry is not None})


def _brought(entry: Entry, edition: Edition) -> Recovery:
    """The recovery keys that a held entry brought in."""
    if entry.kind == Kind.FOUND:
        operation: object = control.decode(entry.kind, entry.shape, entry.content, held=True)
    else:
        operation = edition.decode(entry.kind, entry.shape, entry.content)
    match operation:
        case Found(keys):
            return Recovery(keys)
        case Recovery():
            return operation
    raise VaultDamaged
