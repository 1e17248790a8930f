"""The vault's header, byte by byte (protocol/70-vault.md, Header). Layout only: nothing here opens a seal.

The checksum answers one question before any key derivation: is the file intact? So a damaged file can be told from
a wrong passphrase. It protects nothing; the seals do.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, ClassVar, Final, NamedTuple

from cellsync.core import caps
from cellsync.core.crypto import labels
from cellsync.core.errors import InvalidValue, NewerVersion, NotAVault, VaultDamaged
from cellsync.core.ids import CircleId, DatabaseKey, SessionSecret, SigningSecret

MAGIC: Final = b"csvault\0"
VERSION: Final = 2
NONCE_BYTES: Final = 24
TAG_BYTES: Final = 16
BODY_BYTES: Final = {1: 4_096, VERSION: 8_192}  # by version: one size, whatever circles there are
SLOTS: Final = 8  # bounds how long a wrong passphrase takes
FILE_NAME_BYTES: Final = 16

_PREAMBLE: Final = struct.Struct(">8sHBB")  # magic, version, profile, number of slots
_SLOT: Final = struct.Struct(">BBHIQ16s24s48s")  # kind, kdf, zero, ops, memory, salt, nonce, wrapped master key
_SLOT_VERSION: Final = 1  # what a slot's seal binds: a header of a later version takes slots along without opening them
_SLOT_BOUND: Final = 32  # bytes of a slot that its seal binds: everything before the nonce
_KEYS: Final = struct.Struct(">32s32sH")  # signing, session, length of the name
_CIRCLE_1: Final = struct.Struct(">32s16s32s")  # version 1: circle, file name, database key
_CIRCLE: Final = struct.Struct(">32s16sQIQ16s24s48s")  # circle, file name, copied at, own lock
_LOCK_BOUND: Final = struct.Struct(">32s16sHIQ16s")  # circle, file name, profile, passes, memory, salt
_NO_SALT, _NO_NONCE = bytes(16), bytes(NONCE_BYTES)
_CHECK_BYTES: Final = 32
_KEY_BYTES: Final = 32


class KdfProfile:
    """The key derivation parameters that a vault may have."""

    REAL: Final = 0
    CHEAP: Final = 1  # for tests; refused unless the caller says so


class SlotKind:
    PASSPHRASE: Final = 1
    RECOVERY_CODE: Final = 2


ARGON2ID: Final = 1


@dataclass(frozen=True)
class Kdf:
    """Argon2id parameters: passes, and memory in bytes (RFC 9106; one lane)."""

    ops: int
    memory: int

    MODERATE: ClassVar[Kdf]  # what a new vault has at least: 256 MiB
    MOST_PASSES: ClassVar[int] = 20
    CHEAP: ClassVar[Kdf]  # microseconds: for tests, in vaults that say so

    @property
    def profile(self) -> int:
        return KdfProfile.REAL if self.allowed(KdfProfile.REAL) else KdfProfile.CHEAP

    def allowed(self, profile: int) -> bool:
        """Neither weaker than the floor, nor so large that a file could exhaust its reader's memory."""
        floor = _FLOOR if profile == KdfProfile.REAL else Kdf.CHEAP
        return floor.ops <= self.ops <= _CEILING.ops and floor.memory <= self.memory <= _CEILING.memory


Kdf.MODERATE = Kdf(3, 256 << 20)
Kdf.CHEAP = Kdf(1, 8 << 10)
_FLOOR: Final = Kdf(3, 64 << 20)
_CEILING: Final = Kdf(Kdf.MOST_PASSES, 2 << 30)


class Slot(NamedTuple):
    """One way to the master key."""

    kind: int
    kdf: int
    zero: int
    ops: int
    memory: int
    salt: bytes
    nonce: bytes
    wrapped: bytes

    @property
    def derivation(self) -> Kdf:
        return Kdf(self.ops, self.memory)

    def allowed(self, profile: int) -> bool:
        """Whether a key may be derived with this. What another kind's slot holds is a later version's."""
        if self.kind != SlotKind.PASSPHRASE:
            return True
        return self.kdf == ARGON2ID and not self.zero and self.derivation.allowed(profile)

    def bound(self, profile: int) -> bytes:
        """The associated data of the slot's seal: its own parameters and the vault's profile."""
        return labels.VAULT_SLOT + _PREAMBLE.pack(MAGIC, _SLOT_VERSION, profile, 0) + _SLOT.pack(*self)[:_SLOT_BOUND]


class Header(NamedTuple):
    profile: int
    slots: tuple[Slot, ...]
    nonce: bytes
    sealed: bytes  # the body, BODY_BYTES and a tag
    version: int = VERSION


class Identity(NamedTuple):
    """A device's own keys and its name in its circles."""

    signing: SigningSecret
    session: SessionSecret
    name: str

    def __repr__(self) -> str:
        return "<identity, hidden>"  # neither keys nor name


class CircleLock(NamedTuple):
    """What a circle's own passphrase opens: the key to its file."""

    ops: int
    memory: int
    salt: bytes
    nonce: bytes
    sealed: bytes

    @property
    def derivation(self) -> Kdf:
        return Kdf(self.ops, self.memory)

    def bound(self, profile: int, circle: CircleId, file: str) -> bytes:
        """The associated data of its seal: it opens this file of this circle only."""
        row = circle, bytes.fromhex(file), profile, self.ops, self.memory, self.salt
        return labels.VAULT_CIRCLE + _LOCK_BOUND.pack(*row)


class CircleFile(NamedTuple):
    """The file of a circle, and the key to it, or what is locked with the circle's own passphrase."""

    circle: CircleId
    file: str  # 32 hexadecimal digits, random: a name that says nothing
    key: DatabaseKey | None  # None: as long as it is locked
    lock: CircleLock | None = None
    copied: int = 0  # ms: when a copy was made of the file while it was locked, and not marked in it yet


def encode_open_part(profile: int, slots: tuple[Slot, ...], version: int = VERSION) -> bytes:
    """Everything before the body's nonce; the body's seal binds it."""
    return _PREAMBLE.pack(MAGIC, version, profile, len(slots)) + b"".join(_SLOT.pack(*slot) for slot in slots)


def encode(header: Header) -> bytes:
    content = encode_open_part(header.profile, header.slots, header.version) + header.nonce + header.sealed
    return content + _checksum(content)


def decode(file: bytes) -> Header:
    """Raises NotAVault (foreign), VaultDamaged (not intact) or NewerVersion."""
    if file[: len(MAGIC)] != MAGIC:
        raise VaultDamaged if MAGIC.startswith(file) else NotAVault
    content, checksum = file[:-_CHECK_BYTES], file[-_CHECK_BYTES:]
    if len(content) < _PREAMBLE.size or checksum != _checksum(content):
        raise VaultDamaged
    _, version, profile, count = _PREAMBLE.unpack_from(content)
    if version > VERSION:
        raise NewerVersion
    if version < 1:
        raise VaultDamaged
    body = _PREAMBLE.size + count * _SLOT.size
    whole = body + NONCE_BYTES + BODY_BYTES[version] + TAG_BYTES
    if profile > KdfProfile.CHEAP or not 1 <= count <= SLOTS or len(content) != whole:
        raise VaultDamaged
    slots = tuple(Slot._make(fields) for fields in _SLOT.iter_unpack(content[_PREAMBLE.size : body]))
    if not all(slot.allowed(profile) for slot in slots):
        raise VaultDamaged
    return Header(profile, slots, content[body : body + NONCE_BYTES], content[body + NONCE_BYTES :], version)


def _checksum(content: bytes) -> bytes:
    return blake2b(content, digest_size=_CHECK_BYTES, person=labels.VAULT_CHECK).digest()


def encode_body(identity: Identity, circles: list[CircleFile]) -> bytes:
    """Raises InvalidValue for a name over the cap; the caller checks the number of circles."""
    name = identity.name.encode()
    if len(name) > caps.NAME:
        raise InvalidValue("The device's name is too long.")
    body = _KEYS.pack(identity.signing.reveal(), identity.session.reveal(), len(name)) + name
    body += bytes([len(circles)])
    for row in circles:
        body += _encode_circle(row)
    return body.ljust(BODY_BYTES[VERSION], b"\0")


def _encode_circle(row: CircleFile) -> bytes:
    """Rows have one size, whatever opens them."""
    open_ = b"" if row.key is None else row.key.reveal().ljust(_KEY_BYTES + TAG_BYTES, b"\0")
    lock = row.lock or CircleLock(0, 0, _NO_SALT, _NO_NONCE, open_)
    return _CIRCLE.pack(row.circle, bytes.fromhex(row.file), row.copied, *lock)


def decode_body(body: bytes, profile: int, version: int = VERSION) -> tuple[Identity, list[CircleFile]]:
    """Raises VaultDamaged, which after an authentic seal means a writer other than ours."""
    signing, session, length = _KEYS.unpack_from(body)
    name, rest = body[_KEYS.size : _KEYS.size + length], body[_KEYS.size + length :]
    layout = _CIRCLE_1 if version == 1 else _CIRCLE
    if length > caps.NAME or rest[0] > caps.CIRCLES or any(rest[1 + rest[0] * layout.size :]):
        raise VaultDamaged
    rows = layout.iter_unpack(rest[1 : 1 + rest[0] * layout.size])
    circles = [_circle_1(*row) if version == 1 else _circle(profile, *row) for row in rows]
    try:
        identity = Identity(SigningSecret(signing), SessionSecret(session), name.decode())
    except UnicodeDecodeError:
        identity = None
    if identity is None:
        raise VaultDamaged
    return identity, circles


def _circle_1(circle: bytes, file: bytes, key: bytes) -> CircleFile:
    return CircleFile(CircleId(circle), file.hex(), DatabaseKey(key))


def _circle(profile: int, circle: bytes, file: bytes, copied: int, *fields: Any) -> CircleFile:
    """Raises VaultDamaged."""
    lock, id_, name = CircleLock(*fields), CircleId(circle), file.hex()
    if lock.ops or lock.memory:
        if not lock.derivation.allowed(profile):
            raise VaultDamaged
        return CircleFile(id_, name, None, lock, copied)
    if any(lock.salt) or any(lock.nonce) or any(lock.sealed[_KEY_BYTES:]):
        raise VaultDamaged
    return CircleFile(id_, name, DatabaseKey(lock.sealed[:_KEY_BYTES]), None, copied)
