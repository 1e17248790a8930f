"""The control operations that are frozen: how the entries that say who is a member are written down.

    found   shape   [recovery keys, keys, [commitment, day, wrap, wrap to the recovery key]]
            content salt ‖ [name of the circle, name of the founder]
    admit   shape   [role, keys]
            content salt ‖ [name of the member]
    keys  = [Ed25519, X25519, X-Wing]        recovery keys = [Ed25519, X-Wing]

An older `found` has one recovery key, Ed25519, and one wrap. Kinds that may grow are in `editions`.
Everything but the display names is in the shape, so erasing a name never changes who is a member.
(protocol/40-membership.md)
"""

from __future__ import annotations

import hashlib
import unicodedata
from enum import IntEnum
from typing import Final, NamedTuple, TypeGuard

from cellsync.core import caps
from cellsync.core.crypto import primitives
from cellsync.core.errors import InvalidValue, Malformed
from cellsync.core.ids import Day, SealPublic, SessionPublic, SigningPublic, Wrap
from cellsync.core.membership.recovery import SEAL_PUBLIC_BYTES, RecoveryKeys, are_keys
from cellsync.core.plain import REPLACED, shown
from cellsync.core.rule import Rule
from cellsync.core.wire import codec
from cellsync.core.wire.operations import SALT_BYTES, after_salt, is_opaque
from cellsync.core.wire.tags import Kind

WRAP_BYTES: Final = 1_168
_DAYS: Final = 1 << 32  # the day of a branch's state is a u32


class Role(IntEnum):
    """What a member may do; each includes the ones below it."""

    READER = 1
    WRITER = 2
    COORDINATOR = 3


class DeviceKeys(NamedTuple):
    """The public keys that introduce a device."""

    signing: SigningPublic
    session: SessionPublic
    seal: SealPublic

    @property
    def usable(self) -> bool:
        """Whether a session can be held with this device and a secret sealed to it.

        Without that an introduction is at fault. An older vault may hold one that counted: it still does there, but
        such a device is never called, answered or sealed to.
        """
        return primitives.is_session_key(self.session) and primitives.is_seal_key(self.seal)

    @property
    def known(self) -> KnownKeys:
        return KnownKeys(self.signing, self.session, hash_of(self.seal))


class KnownKeys(NamedTuple):
    """The keys that introduce a device, as kept in memory: a seal key is long, and there may be many."""

    signing: SigningPublic
    session: SessionPublic
    seal: bytes  # its hash, which never leaves the memory


def hash_of(seal: SealPublic) -> bytes:
    """As in `KnownKeys`."""
    return hashlib.blake2b(seal, digest_size=32).digest()


class FirstRotation(NamedTuple):
    """The first epoch: a commitment to its secret, the day of its first branch states, and the secret sealed."""

    commitment: bytes
    day: Day
    wrap: Wrap  # to its author
    recovery_wrap: Wrap | None = None  # to the recovery key, if that opens


class Found(NamedTuple):
    recovery: RecoveryKeys
    keys: DeviceKeys
    rotation: FirstRotation
    circle_name: str
    name: str

    def __repr__(self) -> str:
        return "<found>"  # no names


class Admit(NamedTuple):
    role: Role
    keys: DeviceKeys
    name: str

    def __repr__(self) -> str:
        return "<admit>"  # no name


Control = Found | Admit


def encode_found(found: Found, salt: bytes) -> tuple[bytes, bytes]:
    """(shape, content) of a `found` entry."""
    *rotation, recovery_wrap = found.rotation
    opens = found.recovery.seal is not None
    recovery = list(found.recovery) if opens else found.recovery.signing
    shape = codec.encode([recovery, list(found.keys), [*rotation, recovery_wrap] if opens else rotation])
    return shape, salt + codec.encode([found.circle_name, found.name])


def encode_admit(admit: Admit, salt: bytes) -> tuple[bytes, bytes]:
    """(shape, content) of an `admit` entry."""
    return codec.encode([int(admit.role), list(admit.keys)]), salt + codec.encode([admit.name])


def decode(kind: int, shape: bytes, content: bytes, *, held: bool = False) -> Control:
    """The operation of a `found` or `admit` entry.

    `held`: it is here already, so its keys may be unusable. Raises Malformed or CapExceeded.
    """
    if is_opaque(shape, content):
        raise Malformed(Rule.ENTRY_CONTROL)
    fields = codec.decode(shape, caps.ENTRY, Rule.CAP_ENTRY)
    names = codec.decode(after_salt(content), caps.ENTRY, Rule.CAP_ENTRY)
    match kind, fields, names:
        case Kind.FOUND, [recovery, keys, [*rotation]], [circle_name, name]:
            paper, begun = _recovery(recovery), _rotation(rotation, type(recovery) is list)
            return Found(paper, _keys(keys, held), begun, claimed_name(circle_name), claimed_name(name))
        case Kind.ADMIT, [role, keys], [name]:
            if not is_role(role):
                raise Malformed(Rule.ENTRY_ROLE)
            return Admit(Role(role), _keys(keys, held), claimed_name(name))
    raise Malformed(Rule.ENTRY_CONTROL)


def stand_in(kind: int) -> bytes:
    """A content in the place of one that was withheld: it names nobody. No rule looks at names."""
    named: dict[int, object] = {Kind.ADMIT: [REPLACED], Kind.LINK: [REPLACED]}
    return bytes(SALT_BYTES) + codec.encode(named.get(kind))


def checked_name(name: str) -> str:
    """A display name fit to be written: 1 to 256 bytes, and nothing that would not be shown. Raises InvalidValue."""
    if not isinstance(name, str):
        raise InvalidValue(f"a name is a text (str), and no {type(name).__name__}")
    composed = unicodedata.normalize("NFC", name.strip())
    if not 0 < _size(composed) <= caps.NAME or harmless(composed) != composed:
        raise InvalidValue("a name has 1 to 256 bytes and no control characters")
    return composed


def harmless(claimed: str) -> str:
    """A claimed name as people see it, at most 256 bytes: one line, composed, without what hides or steers.

    What that is depends on this Python's edition of Unicode, so no verdict does (protocol/00-conventions, Names).
    """
    name = shown(unicodedata.normalize("NFC", " ".join(claimed.split())))
    while _size(name) > caps.NAME:
        name = name[:-1]
    return name.rstrip() or REPLACED


def claimed_name(name: object) -> str:
    """A name in an entry or a pairing, as its author wrote it. Raises Malformed."""
    if not is_name(name):
        raise Malformed(Rule.ENTRY_NAME)
    return name


def is_name(name: object) -> TypeGuard[str]:
    return type(name) is str and 0 < _size(name) <= caps.NAME


def is_role(role: object) -> TypeGuard[int]:
    return type(role) is int and role in set(Role)


def is_commitment(commitment: object) -> TypeGuard[bytes]:
    return type(commitment) is bytes and len(commitment) == 32


def is_day(day: object) -> TypeGuard[Day]:
    """Whether a rotation may begin on it."""
    return type(day) is int and 0 <= day < _DAYS


def is_wrap(wrap: object) -> TypeGuard[Wrap]:
    return type(wrap) is bytes and len(wrap) == WRAP_BYTES


def device_keys(keys: object, *, held: bool = False) -> DeviceKeys | None:
    """Keys that introduce a device; None if they are not. `held`: they did already, so they may be unusable."""
    match keys:
        case [bytes(signing), bytes(session), bytes(seal)] if primitives.is_signing_key(signing):
            found = DeviceKeys(SigningPublic(signing), SessionPublic(session), SealPublic(seal))
            if len(session) == 32 and len(seal) == SEAL_PUBLIC_BYTES and (held or found.usable):
                return found
    return None


def _size(name: str) -> int:
    return len(name.encode("utf-8", "surrogatepass"))


def _keys(keys: object, held: bool) -> DeviceKeys:
    found = device_keys(keys, held=held)
    if found is None:
        raise Malformed(Rule.ENTRY_KEYS)
    return found


def _recovery(recovery: object) -> RecoveryKeys:
    match recovery:
        case bytes(signing) if primitives.is_signing_key(signing):
            return RecoveryKeys(SigningPublic(signing), None)
        case [bytes(signing), bytes(seal)] if are_keys(signing, seal):
            return RecoveryKeys(SigningPublic(signing), SealPublic(seal))
    raise Malformed(Rule.ENTRY_CONTROL)


def _rotation(rotation: list[object], opens: bool) -> FirstRotation:
    """`opens`: whether the recovery key does, and so has a wrap."""
    match rotation:
        case [commitment, day, *wraps] if is_commitment(commitment) and is_day(day):
            sealed = [wrap for wrap in wraps if is_wrap(wrap)]
            if len(sealed) == len(wraps) == 1 + opens:
                return FirstRotation(commitment, day, *sealed)
    raise Malformed(Rule.ENTRY_CONTROL)
