"""Keyed edits: the edits that came with a key, remembered beyond the process that wrote them.

A client whose daemon ended, or locked itself, before the answer came cannot know whether its edit was written. To tell
it, a record is stored in one transaction with the edit, in the circle's encrypted database: hashes of the key and of
the request, the case, and the entry. The newest 256 are kept, 72 bytes each. Other operations need no such record: the
id of a new case is derived from its key (`cases.new`), an import changes nothing the second time, and invitations and
syncs end with the process.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Final, NamedTuple

import msgspec

from cellsync.api.contract.problems import KeyReused
from cellsync.core.ids import ID_BYTES, CaseId

KEPT: Final = 256
_HASH: Final = 16
_SLOT: Final = 8
_ROW: Final = 2 * _HASH + ID_BYTES + _SLOT


class Request(NamedTuple):
    """A request, and its key."""

    key: bytes
    said: bytes

    @classmethod
    def of(cls, key: str, given: Any) -> Request:
        return cls(_hash(key.encode()), _hash(msgspec.json.encode(given)))


class Wrote(NamedTuple):
    """The written edit."""

    case: CaseId
    head: int  # the slot of the entry


def find(kept: bytes | None, asked: Request) -> Wrote | None:
    """The edit written by this request; None if it is new. Raises KeyReused if the key came with another request."""
    for row in _rows(kept or b""):
        if row[:_HASH] == asked.key:
            if row[_HASH : 2 * _HASH] != asked.said:
                raise KeyReused
            return Wrote(CaseId(row[2 * _HASH : -_SLOT]), int.from_bytes(row[-_SLOT:], "big"))
    return None


def add(kept: bytes | None, asked: Request, wrote: Wrote) -> bytes:
    """The records to store from now on."""
    row = asked.key + asked.said + wrote.case + wrote.head.to_bytes(_SLOT, "big")
    return b"".join([*_rows(kept or b"")[1 - KEPT :], row])


def _rows(kept: bytes) -> list[bytes]:
    return [kept[at : at + _ROW] for at in range(0, len(kept) - _ROW + 1, _ROW)]


def _hash(said: bytes) -> bytes:
    return blake2b(said, digest_size=_HASH).digest()
