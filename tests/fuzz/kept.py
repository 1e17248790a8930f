"""What lies on disks and sticks: headers of vaults and of backups, and the records of a circle's database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final

from cellsync.core.case.fold import CaseState, Stamp
from cellsync.core.crypto import ratchet
from cellsync.core.errors import ExternalError, PeerError
from cellsync.core.ids import (
    CircleId,
    DatabaseKey,
    Day,
    DeviceId,
    EntryId,
    EpochId,
    EpochSecret,
    Millis,
    SessionSecret,
    SigningSecret,
)
from cellsync.core.membership.clocks import Clocks, Difference
from cellsync.core.membership.epochs import Epochs
from cellsync.core.replica.surplus import Surplus
from cellsync.core.wire import operations
from cellsync.store import backup, header
from cellsync.store.header import BODY_BYTES, CircleFile, CircleLock, Header, Identity, Kdf, KdfProfile, Slot, SlotKind
from tests.fuzz import written
from tests.fuzz.wire_type import WireType, two_parts

_CIRCLE: Final = CircleId(b"c" * 32)
_BODY: Final = BODY_BYTES[header.VERSION]


def read_header(raw: bytes) -> None:
    """The header of a vault or of a backup of one, under a right checksum, which anybody can compute."""
    found = header.decode(raw + header._checksum(raw))
    assert header.encode(found) == raw + header._checksum(raw)
    for slot in found.slots:  # what slots of other kinds hold is a later version's
        assert slot.kind != SlotKind.PASSPHRASE or Kdf(slot.ops, slot.memory).allowed(found.profile)


def read_body(raw: bytes) -> None:
    """What is sealed in such a header, as a holder of its key could write it."""
    body = raw[:_BODY].ljust(_BODY, b"\0")
    assert header.encode_body(*header.decode_body(body, KdfProfile.CHEAP)) == body
    with suppress(ExternalError):
        header.decode_body(body[: BODY_BYTES[1]], KdfProfile.CHEAP, 1)


def _read_epochs(raw: bytes) -> None:
    epochs = Epochs.decode(_CIRCLE, raw)
    assert Epochs.decode(_CIRCLE, epochs.encode()).encode() == epochs.encode()


def _read_clocks(raw: bytes) -> None:
    clocks = Clocks.decode(raw)
    assert Clocks.decode(clocks.encode()).encode() == clocks.encode()
    clocks.shift(lambda _: None)


def _read_surplus(raw: bytes) -> None:
    surplus = Surplus.decode(raw)
    assert Surplus.decode(surplus.encode()).encode() == surplus.encode()


def _read_snapshot(raw: bytes) -> None:
    state = CaseState.decode(raw)
    again = state.encode()
    assert CaseState.decode(again).encode() == again
    state.conflicts()
    list(state.fields())


def _read_mark(raw: bytes) -> None:
    at = backup.time_of(raw)
    assert at is None or at.to_bytes(8, "big") == raw


RECORDS: Final[tuple[Callable[[bytes], Any], ...]] = (
    _read_epochs, _read_clocks, _read_surplus, _read_snapshot, _read_mark,
)  # fmt: skip


def read_record(raw: bytes) -> None:
    """The first byte says of which kind the record is."""
    RECORDS[(raw[0] if raw else 0) % len(RECORDS)](raw[1:])


# --- good ones ----------------------------------------------------------------------------------


def headers() -> Iterator[bytes]:
    slot = Slot(SlotKind.PASSPHRASE, header.ARGON2ID, 0, 3, 256 << 20, bytes(16), bytes(24), bytes(48))
    cheap = slot._replace(kind=SlotKind.RECOVERY_CODE, ops=Kdf.CHEAP.ops, memory=Kdf.CHEAP.memory)
    later = slot._replace(kind=200, kdf=9, ops=0, memory=0)
    sealed = bytes(_BODY + header.TAG_BYTES)
    for profile, slots in (
        (KdfProfile.REAL, (slot,)),
        (KdfProfile.REAL, (slot,) * 8),
        (KdfProfile.CHEAP, (cheap, slot)),
        (KdfProfile.REAL, (slot, later)),
    ):
        yield header.encode(Header(profile, slots, bytes(24), sealed))[:-32]


def bodies() -> Iterator[bytes]:
    identity = Identity(SigningSecret(b"s" * 32), SessionSecret(b"x" * 32), "лаптоп")
    for count in (0, 1, 32):
        circles = [CircleFile(CircleId(bytes([at]) * 32), "0f" * 16, DatabaseKey(b"k" * 32)) for at in range(count)]
        yield header.encode_body(identity, circles)
    lock = CircleLock(Kdf.CHEAP.ops, Kdf.CHEAP.memory, bytes(16), bytes(24), bytes(48))
    rows = [CircleFile(CircleId(bytes([at]) * 32), "0f" * 16, DatabaseKey(b"k" * 32)) for at in range(2)]
    yield header.encode_body(identity, [rows[0], rows[1]._replace(key=None, lock=lock, copied=9)])


def records() -> Iterator[bytes]:
    branches = ratchet.branches(EpochSecret(b"r" * 32), Day(20_000))
    yield b"\0" + Epochs(_CIRCLE, {EpochId(b"e" * 32): branches}).encode()
    yield b"\1" + Clocks({DeviceId(b"d" * 32): Difference(-5, 3, Millis(9))}).encode()
    yield b"\2" + Surplus({4: DeviceId(b"d" * 32)}).encode()
    for entry in written.entries():
        state = CaseState()
        state.apply(Stamp(EntryId(b"i" * 32), DeviceId(b"d" * 32), Millis(5), 1), operations.decode(*two_parts(entry)))
        yield b"\3" + state.encode()
    yield b"\4" + bytes(8)


_OURS: Final = (ExternalError, PeerError)
TYPES: Final = (
    WireType("header", "the header of a vault or backup, under a right checksum", read_header, headers, most=10_000,
             refusals=_OURS),
    WireType("body", "what is sealed in such a header", read_body, bodies, most=_BODY, refusals=_OURS),
    WireType("record", "a record of a circle's database", read_record, records, refusals=_OURS,
             parts=(lambda case: [case[:1], case[1:]], b"".join)),
)  # fmt: skip
