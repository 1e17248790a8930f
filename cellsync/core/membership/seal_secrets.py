"""Seal secrets: the seal keys of this device, each with the entry that introduced it, oldest first.

A thief of the device opens every wrap that was ever sealed to a secret on it. So a secret is renewed as soon as it has
opened something, and every week; and deleted as soon as nobody seals to it any more:

- once every active device has cited the entry that introduced a newer one, or
- 14 days after another member has cited it, by the days that others' entries attest.

Never by our clock alone, and never while nobody has seen the newer one: a device that lost the secret to which others
still seal would be locked out. (protocol/40-membership.md, Epochs)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from cellsync.core import caps
from cellsync.core.crypto.primitives import KEY_BYTES
from cellsync.core.errors import Malformed
from cellsync.core.ids import ID_BYTES, Day, EntryId, SealSecret
from cellsync.core.membership.control import is_day
from cellsync.core.rule import Rule
from cellsync.core.wire import codec

RENEWED_AFTER: Final = 7  # days
DELETED_AFTER: Final = 14  # days after another member has cited a newer one


class KeptSecret(NamedTuple):
    """A seal secret of this device."""

    entry: EntryId  # which introduced its public half
    secret: SealSecret
    made: Day
    used: bool = False  # it has opened something
    cited: Day | None = None  # the day on which another member had cited a newer one, and none before that


class Citing(NamedTuple):
    """Who has cited the entry that introduced one of our seal keys, or is it."""

    by_all: bool  # every active device
    by_another: bool  # a device of another member


class SealSecrets:
    """The ring of this device's seal secrets."""

    def __init__(self, kept: Iterable[KeptSecret]) -> None:
        self._kept = list(kept)

    @property
    def newest(self) -> KeptSecret:
        return self._kept[-1]

    @property
    def oldest(self) -> KeptSecret:
        return self._kept[0]

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[KeptSecret]:
        """The newest first: others are most likely to seal to it."""
        return reversed(self._kept)

    def holds(self, entry: EntryId | None) -> bool:
        """Whether the secret is still here whose public half an entry introduced."""
        return any(one.entry == entry for one in self._kept)

    def add(self, entry: EntryId, secret: SealSecret, day: Day) -> None:
        """A new secret; the entry that introduces its public half becomes durable in the same step."""
        self._kept.append(KeptSecret(entry, secret, day))

    def withdraw(self, count: int) -> None:
        """Take back all but the first `count`: the entry that was to introduce another one was not written."""
        del self._kept[count:]

    def note_use(self, entry: EntryId) -> None:
        """The secret whose public half this entry introduced has opened a wrap."""
        self._kept = [one._replace(used=True) if one.entry == entry else one for one in self._kept]

    def is_renewal_due(self, today: Day) -> bool:
        """Whether the newest has been used, or is a week away from our clock's day, on either side."""
        return self.newest.used or abs(today - self.newest.made) >= RENEWED_AFTER

    def forget(self, citing: Callable[[EntryId], Citing], own: Day, attested: Day | None) -> bool:
        """Delete the secrets to which nobody seals any more; returns whether there was one. Irreversible.

        `attested`: the day that others' entries have reached; None without any.
        """
        before = self._kept
        kept: list[KeptSecret] = []
        cited_by_all = cited_by_another = False  # a newer one
        for one in reversed(before):
            noted = one.cited
            if cited_by_another and attested is not None:  # of a day in doubt the later: a mark is early only by proof
                later = max(own, attested)
                noted = later if noted is None else min(noted, later)
            passed = noted is not None and attested is not None and min(own, attested) - noted >= DELETED_AFTER
            if not (cited_by_all or (cited_by_another and passed)):
                kept.append(one._replace(cited=noted))
            by = citing(one.entry)
            cited_by_all, cited_by_another = cited_by_all or by.by_all, cited_by_another or by.by_another
        self._kept = kept[::-1]
        return len(kept) < len(before)

    def encode(self) -> bytes:
        """For the circle's own database only."""
        return codec.encode([[one.entry, one.secret.reveal(), *one[2:]] for one in self._kept])

    @classmethod
    def decode(cls, raw: bytes) -> SealSecrets:
        """Raises Malformed or CapExceeded for what `encode` does not make."""
        kept: list[KeptSecret] = []
        rows = codec.decode(raw, caps.ENTRY, Rule.CAP_KEPT)
        for row in rows if type(rows) is list and rows else [None]:
            match row:
                case [bytes(entry), bytes(secret), int(made), bool(used), cited] if (
                    len(entry) == ID_BYTES and len(secret) == KEY_BYTES and is_day(made)
                ) and (cited is None or is_day(cited)):
                    kept.append(KeptSecret(EntryId(entry), SealSecret(secret), Day(made), used, cited))
                case _:
                    raise Malformed(Rule.KEPT)
        return cls(kept)
