"""The charter: what the control entries of one circle lay down, apart from who belongs to it.

Its floor (`floor`), its recovery keys (`recovery`) and what its members have chosen together (`settings`). Only what is
IN says anything.
(protocol/40-membership.md)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

from cellsync.core.ids import CircleId, DeviceId, EntryId, MemberId
from cellsync.core.membership import floor, recovery
from cellsync.core.membership.control import Found
from cellsync.core.membership.floor import Require
from cellsync.core.membership.recovery import Recovery, RecoveryKeys
from cellsync.core.membership.settings import CircleSettings

Stands = Callable[[EntryId, int], bool]
"""Whether an entry, and its slot, counts and is IN."""


class _Said(NamedTuple):
    entry: EntryId
    slot: int
    edition: int
    at_founding: bool


class _Brought(NamedTuple):
    slot: int
    keys: Recovery


class Chosen(NamedTuple):
    """A `settings` entry, and whose it is."""

    entry: EntryId
    author: DeviceId
    settings: CircleSettings


class Charter:
    """The floor, the recovery keys and the settings of one circle."""

    def __init__(self) -> None:
        self._required: dict[DeviceId, list[_Said]] = {}  # by author
        self._brought: dict[EntryId, _Brought] = {}  # what brought in recovery keys, in order of arrival
        self._chosen: list[Chosen] = []  # likewise

    def take(self, entry: EntryId, slot: int, author: DeviceId, operation: object, height: int) -> None:
        """Take in a control entry that is held and not void."""
        match operation:
            case Require(edition):
                said = _Said(entry, slot, edition, height == floor.FOUNDING_HEIGHT)
                self._required.setdefault(author, []).append(said)
            case Found(keys):
                self._brought[entry] = _Brought(slot, Recovery(keys))
            case Recovery():
                self._brought[entry] = _Brought(slot, operation)
            case CircleSettings():
                self._chosen.append(Chosen(entry, author, operation))

    @property
    def chosen(self) -> Sequence[Chosen]:
        """What was written of settings, in order of arrival, whether or not it is IN."""
        return self._chosen

    def floor(
        self, stands: Stands, coordinators: Collection[tuple[MemberId, DeviceId]], papers: Iterable[EntryId] = ()
    ) -> int:
        """The least edition with which the circle may be used.

        `coordinators`: the active ones whose word counts; `papers`: what brought in the recovery keys that speak for
        the circle.
        """
        required = {device: self.word(device, stands) for _, device in coordinators}
        paper = [self.word(device, stands) for device in self.devices(papers)]
        return floor.floor(required, coordinators, paper, self._of_founding(stands))

    def _of_founding(self, stands: Stands) -> list[int]:
        said = (one for own in self._required.values() for one in own if one.at_founding)
        return [one.edition for one in said if stands(one.entry, one.slot)]

    def devices(self, papers: Iterable[EntryId]) -> list[DeviceId]:
        """The ids under which recovery keys write, by the entries that brought them in."""
        return [recovery.device(self._brought[entry].keys.keys.signing) for entry in papers]

    def word(self, author: DeviceId, stands: Stands) -> int:
        """The greatest edition that one device, or a recovery key, requires."""
        said = (one.edition for one in self._required.get(author, ()) if stands(one.entry, one.slot))
        return max(said, default=floor.LOWEST)

    def brought(self) -> list[EntryId]:
        """What brought in recovery keys, in order of arrival."""
        return list(self._brought)

    def keys(self, entry: EntryId) -> RecoveryKeys:
        """The recovery key that an entry brought in."""
        return self._brought[entry].keys.keys

    def opening(self, stands: Stands, replaced: Collection[EntryId]) -> dict[EntryId, RecoveryKeys]:
        """What is sealed to from edition 2 on: all keys but those that were replaced (rule 12), in order of arrival."""
        brought = self._brought.items()
        return {entry: one.keys.keys for entry, one in brought if entry not in replaced and stands(entry, one.slot)}

    def recovery_keys(self, circle: CircleId, stands: Stands) -> dict[EntryId, RecoveryKeys]:
        """The recovery keys in force in edition 1, in order of arrival, by the entries that brought them in."""
        standing = {entry: one.keys for entry, one in self._brought.items() if stands(entry, one.slot)}
        return recovery.in_force(circle, standing)
