"""What a set of entries says: heads, who is an equivocator, what counts, who may do what (30-history, 40-membership).

Computed from the whole set each time, with no regard to the order in which it came.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import msgpack
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from protocol.generate.cell import ADMIT, CASE, COORDINATOR, RECOVERY, REQUIRE, WRITER
from protocol.generate.hashes import h
from protocol.generate.header import FOUND, Entry
from protocol.generate.packed import packed
from protocol.generate.state import State, Written, decoded, is_opaque

REQUIRED = {CASE: WRITER, ADMIT: COORDINATOR, REQUIRE: COORDINATOR, RECOVERY: COORDINATOR}


class Holding:
    """All that is held of a circle."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = {entry.id: entry for entry in entries}
        self.circle = next(entry.id for entry in self.entries.values() if entry.kind == FOUND)

    # --- places -------------------------------------------------------------------------------------

    @cached_property
    def pasts(self) -> dict[bytes, frozenset[bytes]]:
        """The past of each entry, itself included."""
        pasts: dict[bytes, frozenset[bytes]] = {}
        for entry in sorted(self.entries.values(), key=lambda entry: entry.height):
            cites = [*entry.parents, *([entry.previous] if entry.sequence > 1 else [])]
            pasts[entry.id] = frozenset({entry.id}).union(*(pasts[cited] for cited in cites))
        return pasts

    def ends(self, among: Iterable[Entry]) -> list[Entry]:
        """Those that no other of them continues."""
        among = list(among)
        continued = {entry.previous for entry in among}
        return [entry for entry in among if entry.id not in continued]

    @cached_property
    def equivocators(self) -> set[bytes]:
        branches: dict[bytes, int] = {}
        for entry in self.ends(self.entries.values()):
            branches[entry.device] = branches.get(entry.device, 0) + 1
        return {device for device, count in branches.items() if count > 16}

    @cached_property
    def counting(self) -> set[bytes]:
        """All but what equivocators wrote and nobody else has in an entry's past."""
        honest = [entry.id for entry in self.entries.values() if entry.device not in self.equivocators]
        return {entry for identity in honest for entry in self.pasts[identity]}

    # --- rights -------------------------------------------------------------------------------------

    @cached_property
    def void(self) -> set[bytes]:
        """Entries whose authors lacked the right to write them, in their own past."""
        void: set[bytes] = set()
        grants: dict[bytes, tuple[int, list[bytes]]] = {}  # role and keys, of those that count
        for entry in sorted(self.entries.values(), key=lambda entry: (entry.height, entry.id)):
            if entry.kind == FOUND:
                grants[entry.id] = COORDINATOR, _shape(entry)[1]
                continue
            seen = {grant: grants[grant] for grant in self.pasts[entry.id] if grant in grants}
            role = seen[entry.device][0] if entry.device in seen else 0
            if role < REQUIRED.get(entry.kind, COORDINATOR + 1) or not _has_form(entry):
                void.add(entry.id)
            elif entry.kind == ADMIT:
                granted, keys = _shape(entry)
                taken = {key for _, others in seen.values() for key in others}
                if len(seen) >= 48 or taken & set(keys):
                    void.add(entry.id)
                else:
                    grants[entry.id] = granted, keys
        return void

    # --- what holds for the circle ------------------------------------------------------------------

    def _effective(self, *kinds: int) -> list[Entry]:
        return [
            entry
            for entry in self.entries.values()
            if entry.kind in kinds and entry.id in self.counting and entry.id not in self.void
        ]

    @property
    def floor(self) -> int:
        """What two coordinators require, or the only one there is, or the founding. An equivocator is not heard."""
        coordinators = [
            entry.id
            for entry in self._effective(FOUND, ADMIT)
            if (entry.kind == FOUND or _shape(entry)[0] == COORDINATOR) and entry.id not in self.equivocators
        ]
        said = sorted(
            (
                max((_shape(entry)[0] for entry in self._effective(REQUIRE) if entry.device == device), default=1)
                for device in coordinators
            ),
            reverse=True,
        )
        founding = min((_shape(entry)[0] for entry in self._effective(REQUIRE) if entry.height == 2), default=1)
        return max(int(said[min(len(said), 2) - 1]) if said else 1, founding)

    @property
    def recovery(self) -> list[list[bytes | None]]:
        """The public halves of the keys in force."""
        brought: dict[bytes, tuple[bytes, bytes | None]] = {}
        gone: set[bytes] = set()
        for entry in self._effective(FOUND, RECOVERY):
            first = _shape(entry)[0]
            brought[entry.id] = (first, None) if type(first) is bytes else (first[0], first[1])
        for entry in self._effective(RECOVERY):
            keys, rows = _shape(entry)
            for replaced, signature in rows:
                signed = b"cellsync/1 recovery\0" + self.circle + replaced + b"".join(keys)
                if replaced in brought and _verifies(brought[replaced][0], signed, signature):
                    gone.add(replaced)
        return sorted([*keys] for entry, keys in brought.items() if entry not in gone)

    # --- what a vector says of it -------------------------------------------------------------------

    @property
    def heads(self) -> list[list[Any]]:
        return sorted(map(place, self.ends(self.entries.values())))

    @property
    def counted_heads(self) -> list[list[Any]]:
        """Rows of the digest."""
        return sorted(map(place, self.ends(self.entries[one] for one in self.counting)))

    @property
    def counted_equivocators(self) -> list[bytes]:
        return sorted(device for device in self.equivocators if device in self.counting)

    @property
    def digest(self) -> bytes:
        return h("cs1 frontier", packed([self.counted_heads, self.counted_equivocators, []]))

    @property
    def documents(self) -> list[list[bytes]]:
        """With the digests of their states: the circle's own case is none."""
        return [row for row in self.cases if row[0] != self.circle]

    @property
    def state(self) -> bytes:
        return h("cs1 state", b"".join(case + digest for case, digest in self.documents))

    @property
    def cases(self) -> list[list[bytes]]:
        folded = [
            entry
            for entry in self.entries.values()
            if entry.kind == CASE and entry.id in self.counting and entry.id not in self.void
        ]
        states = {
            case: State(written(entry) for entry in folded if entry.case == case)
            for case in {entry.case for entry in folded}
        }
        return sorted([case, state.digest()] for case, state in states.items())

    @property
    def circle_result(self) -> dict[str, Any]:
        return {"digest": self.digest, "state": self.state, "floor": self.floor, "recovery": self.recovery}

    @property
    def result(self) -> dict[str, Any]:
        return {
            "digest": self.digest,
            "heads": self.heads,
            "equivocators": sorted(self.equivocators),
            "void": sorted(self.void),
            "cases": self.cases,
        }


def place(entry: Entry) -> list[Any]:
    return [entry.device, entry.incarnation, entry.sequence, entry.id]


def written(entry: Entry) -> Written:
    return Written(entry.id, entry.device, entry.height, entry.clock, entry.shape, entry.content)


def _has_form(entry: Entry) -> bool:
    """Whether an entry of a kind that grew has the form that this edition gives it: any other is void."""
    if entry.kind not in (REQUIRE, RECOVERY):
        return True
    if is_opaque(entry.shape, entry.content) or decoded(entry.content[16:]) is not None:
        return False
    match entry.kind, _shape(entry):
        case 13, [edition]:
            return type(edition) is int and 1 <= edition <= 255
        case 14, [[bytes(signing), bytes(seal)], [*rows]]:
            sizes = [[len(element) for element in row] for row in rows if type(row) is list]
            ids = [row[0] for row in rows if type(row) is list]
            fit = sizes == [[32, 64]] * len(rows) and ids == sorted(set(ids)) and len(rows) <= 16
            return fit and len(signing) == 32 and len(seal) == 1_216
    return False


def _verifies(key: bytes, signed: bytes, signature: bytes) -> bool:
    try:
        VerifyKey(key).verify(signed, signature)
    except BadSignatureError:
        return False
    return True


def _shape(entry: Entry) -> Any:
    return msgpack.unpackb(entry.shape, raw=False)
