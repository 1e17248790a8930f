"""The vault's header, byte by byte (protocol/70-vault.md, Header). Layout only: nothing here opens a seal.

The checksum answers one question before any key derivation: is the file intact? So a damaged file can be told from
a wrong passphrase. It protects nothing; the seals do.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from hashlib import blake2b
from typing import ClassVar, Final, NamedTuple

from cellsync.core import caps
from cellsync.core.crypto import labels
from cellsync.core.errors import InvalidValue, NewerVersion, NotAVault, VaultDamaged
from cellsync.core.ids import CircleId, DatabaseKey, SessionSecret, SigningSecret

MAGIC: Final = b"csvault\0"
VERSION: Final = 1
SLOTS: Final = 8  # bounds how long a wrong passphrase takes
BODY_BYTES: Final = 4_096  # one size, whatever the number of circles
NONCE_BYTES: Final = 24
TAG_BYTES: Final = 16
FILE_NAME_BYTES: Final = 16

_PREAMBLE: Final = struct.Struct(">8sHBB")  # magic, version, profile, number of slots
_SLOT: Final = struct.Struct(">BBHIQ16s24s48s")  # kind, kdf, zero, ops, memory, salt, nonce, wrapped master key
_SLOT_BOUND: Final = 32  # bytes of a slot that its seal binds: everything before the nonce
_KEYS: Final = struct.Struct(">32s32sH")  # signing, session, length of the name
_CIRCLE: Final = struct.Struct(">32s16s32s")  # circle, file name, database key
_CHECK_BYTES: Final = 32


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
        return labels.VAULT_SLOT + _PREAMBLE.pack(MAGIC, VERSION, profile, 0) + _SLOT.pack(*self)[:_SLOT_BOUND]


class Header(NamedTuple):
    profile: int
    slots: tuple[Slot, ...]
    nonce: bytes
    sealed: bytes  # the body, BODY_BYTES and a tag


class Identity(NamedTuple):
    """A device's own keys and its name in its circles."""

    signing: SigningSecret
    session: SessionSecret
    name: str

    def __repr__(self) -> str:
        return "<identity, hidden>"  # neither keys nor name


class CircleFile(NamedTuple):
    """The file of a circle, and the key to it."""

    circle: CircleId
    file: str  # 32 hexadecimal digits, random: a name that says nothing
    key: DatabaseKey


def encode_open_part(profile: int, slots: tuple[Slot, ...]) -> bytes:
    """Everything before the body's nonce; the body's seal binds it."""
    return _PREAMBLE.pack(MAGIC, VERSION, profile, len(slots)) + b"".join(_SLOT.pack(*slot) for slot in slots)


def encode(header: Header) -> bytes:
    content = encode_open_part(header.profile, header.slots) + header.nonce + header.sealed
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
    body = _PREAMBLE.size + count * _SLOT.size
    whole = body + NONCE_BYTES + BODY_BYTES + TAG_BYTES
    if version < 1 or profile > KdfProfile.CHEAP or not 1 <= count <= SLOTS or len(content) != whole:
        raise VaultDamaged
    slots = tuple(Slot._make(fields) for fields in _SLOT.iter_unpack(content[_PREAMBLE.size : body]))
    if not all(slot.allowed(profile) for slot in slots):
        raise VaultDamaged
    return Header(profile, slots, content[body : body + NONCE_BYTES], content[body + NONCE_BYTES :])


def _checksum(content: bytes) -> bytes:
    return blake2b(content, digest_size=_CHECK_BYTES, person=labels.VAULT_CHECK).digest()


def encode_body(identity: Identity, circles: list[CircleFile]) -> bytes:
    """Raises InvalidValue for a name over the cap; the caller checks the number of circles."""
    name = identity.name.encode()
    if len(name) > caps.NAME:
        raise InvalidValue("The device's name is too long.")
    body = _KEYS.pack(identity.signing.reveal(), identity.session.reveal(), len(name)) + name
    body += bytes([len(circles)])
    for circle, file, key in circles:
        body += _CIRCLE.pack(circle, bytes.fromhex(file), key.reveal())
    return body.ljust(BODY_BYTES, b"\0")


def decode_body(body: bytes) -> tuple[Identity, list[CircleFile]]:
    """Raises VaultDamaged, which after an authentic seal means a writer other than ours."""
    signing, session, length = _KEYS.unpack_from(body)
    name, rest = body[_KEYS.size : _KEYS.size + length], body[_KEYS.size + length :]
    if length > caps.NAME or rest[0] > caps.CIRCLES or any(rest[1 + rest[0] * _CIRCLE.size :]):
        raise VaultDamaged
    rows = _CIRCLE.iter_unpack(rest[1 : 1 + rest[0] * _CIRCLE.size])
    circles = [CircleFile(CircleId(circle), file.hex(), DatabaseKey(key)) for circle, file, key in rows]
    try:
        identity = Identity(SigningSecret(signing), SessionSecret(session), name.decode())
    except UnicodeDecodeError:
        identity = None
    if identity is None:
        raise VaultDamaged
    return identity, circles
