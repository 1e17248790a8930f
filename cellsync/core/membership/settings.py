"""Settings: what the members of a circle have chosen together (protocol/40-membership.md, Edition 2).

    settings   shape [[number, value], …]        content salt ‖ nil

One coordinator alone makes nothing harsher, and one of two who made it so takes it back alone. Only the words of
electors weigh (rule 8): else one who makes coordinators would have as many words as they want.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum
from typing import Final, NamedTuple

from cellsync.core.ids import EntryId, MemberId
from cellsync.core.membership import words
from cellsync.core.membership.rows import table
from cellsync.core.wire import codec

MOST: Final = 16  # numbers in one entry
_NUMBERS: Final = range(1, 256)
_VALUES: Final = range(1 << 32)


class Setting(IntEnum):
    """The numbers that mean something."""

    WHEN_REMOVED = 1  # what a device does that learns of its own removal
    LOCKS_AFTER = 2  # minutes without use
    KEPT_FOR = 3  # days for which what a schema lets expire is kept
    SHOWN = 4  # when a device shows itself on a network


class WhenRemoved(IntEnum):
    LOCK = 0
    WIPE = 1  # as well, 72 hours later, if the removal is final (rule 15)


class Shown(IntEnum):
    """The most that a device shows itself on a network. Its owner may hide it more."""

    NEVER = 0
    ASKED = 1  # only while inviting or syncing
    ALWAYS = 2


SCALES: Final[Mapping[Setting, range]] = {
    Setting.WHEN_REMOVED: range(len(WhenRemoved)),
    Setting.LOCKS_AFTER: range(1_440, 0, -1),
    Setting.KEPT_FOR: range((1 << 32) - 1, 0, -1),
    Setting.SHOWN: range(len(Shown)),
}
"""The values of each setting, the gentlest first."""

_UNSAID: Final = -1  # gentler than all


class CircleSettings(NamedTuple):
    """The operation of a `settings` entry."""

    values: Mapping[int, int]  # by number; not all of them mean something

    def says(self, setting: Setting) -> int | None:
        """Its value of a setting; None if it has none that means something."""
        value = self.values.get(setting)
        return value if value is not None and value in SCALES[setting] else None


def encode(chosen: CircleSettings, salt: bytes) -> tuple[bytes, bytes]:
    """(shape, content) of a `settings` entry."""
    return codec.encode([list(row) for row in sorted(chosen.values.items())]), salt + codec.encode(None)


def read(shape: object, content: object) -> CircleSettings | None:
    """The operation in a decoded shape and content; None if they lack the form."""
    if content is not None:
        return None
    values = table(shape, _is_of(_NUMBERS), _is_of(_VALUES), 1, MOST)
    return None if values is None else CircleSettings(values)


def _is_of(numbers: range) -> Callable[[object], bool]:
    return lambda value: type(value) is int and value in numbers


Said = Mapping[EntryId, CircleSettings]
"""The `settings` that one member, or a recovery key, has written and that are IN; what an entry saw comes before it."""
Sees = Callable[[EntryId, EntryId], bool]
"""Whether the first entry has the second in its past."""


def in_force(said: Mapping[MemberId, Said], sees: Sees, paper: Iterable[Said] = ()) -> dict[Setting, int]:
    """The values in force; of any other setting each device decides for itself.

    `said`: what every elector has said; nothing of one who is no active coordinator. `paper`: what each recovery key in
    force has said.
    """
    papers, found = list(paper), dict[Setting, int]()
    for setting, scale in SCALES.items():
        ranks = [_rank(setting, one, sees) for one in said.values()]
        rank = words.reached(ranks, _UNSAID, [_rank(setting, one, sees) for one in papers])
        if rank != _UNSAID:
            found[setting] = scale[rank]
    return found


def word(setting: Setting, said: Said, sees: Sees) -> int | None:
    """One member's word: of the newest that do not see each other, the gentlest. None if they have said nothing."""
    rank = _rank(setting, said, sees)
    return None if rank == _UNSAID else SCALES[setting][rank]


def _rank(setting: Setting, said: Said, sees: Sees) -> int:
    """A member's word as its place on the scale."""
    newest: dict[EntryId, int] = {}
    for entry in reversed(list(said)):
        value = said[entry].says(setting)
        if value is not None and not any(sees(later, entry) for later in newest):
            newest[entry] = SCALES[setting].index(value)
    return min(newest.values(), default=_UNSAID)
