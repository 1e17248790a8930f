"""The seals of a vault's header: the master key in its slots, the body, and the locks of circles in it.

(protocol/70-vault.md, Header)
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from math import ceil
from time import thread_time
from typing import Final, NamedTuple

from nacl import bindings
from nacl.exceptions import CryptoError

from cellsync.core.crypto import labels
from cellsync.core.errors import ExternalError, VaultDamaged, WrongPassphrase
from cellsync.core.ids import CircleId, DatabaseKey, LockKey, MasterKey, Passphrase
from cellsync.store import header
from cellsync.store.header import CircleFile, CircleLock, Header, Kdf, Slot, SlotKind

_KEY_BYTES: Final = 32
_SALT_BYTES: Final = 16

Entropy = Callable[[int], bytes]  # as `secrets.token_bytes`

Words = Passphrase | tuple[Passphrase, ...]
"""Passphrases that may open a vault, tried in turn (`passphrases.forms`)."""


def derive(passphrase: Passphrase, salt: bytes, kdf: Kdf) -> bytes:
    """Argon2id version 1.3, one lane, 32 bytes (RFC 9106). Releases the interpreter's lock while it runs."""
    try:
        return bindings.crypto_pwhash_alg(
            _KEY_BYTES, passphrase.reveal(), salt, kdf.ops, kdf.memory, bindings.crypto_pwhash_ALG_ARGON2ID13
        )
    except CryptoError:
        pass
    raise ExternalError("There is not enough memory to derive the key.", hint="Close other programs, then try again.")


def wrap(
    master: MasterKey, passphrase: Passphrase, kdf: Kdf, entropy: Entropy, profile: int | None = None,
    at_least: float = 0.0,
) -> Slot:  # fmt: skip
    """A slot that leads to the master key. Deriving its key takes `at_least` so many seconds of this machine."""
    salt, nonce = entropy(_SALT_BYTES), entropy(header.NONCE_BYTES)
    kdf, key = _calibrated(passphrase, salt, kdf, at_least)
    blank = Slot(SlotKind.PASSPHRASE, header.ARGON2ID, 0, kdf.ops, kdf.memory, salt, nonce, b"")
    bound = blank.bound(kdf.profile if profile is None else profile)
    wrapped = bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(master.reveal(), bound, nonce, key)
    return blank._replace(wrapped=wrapped)


def _calibrated(passphrase: Passphrase, salt: bytes, kdf: Kdf, at_least: float) -> tuple[Kdf, bytes]:
    """A key, and the parameters that it took: so many passes that this machine works for so many seconds.

    Where there is not so much memory, half of it, or a quarter, is made up for with passes.
    """
    while True:
        began = thread_time()  # what others do on this machine must not make a guess cheaper
        try:
            key = derive(passphrase, salt, kdf)
        except ExternalError:
            less = Kdf(kdf.ops, kdf.memory // 2)
            if not at_least or less.profile != kdf.profile:
                raise
            kdf = less
            continue
        took = thread_time() - began
        if took >= at_least or kdf.ops == Kdf.MOST_PASSES:
            return kdf, key
        slower = max(kdf.ops + 1, ceil(kdf.ops * at_least / max(took, 1e-6)))
        kdf = Kdf(min(Kdf.MOST_PASSES, slower), kdf.memory)


def unwrap(slots: tuple[Slot, ...], profile: int, passphrase: Words) -> MasterKey:
    """Raises WrongPassphrase."""
    for words in passphrase if isinstance(passphrase, tuple) else (passphrase,):
        for slot in slots:
            if slot.kind != SlotKind.PASSPHRASE:
                continue
            key = derive(words, slot.salt, slot.derivation)
            master = _opened(slot.wrapped, slot.bound(profile), slot.nonce, key)
            if master is not None:
                return MasterKey(master)
    raise WrongPassphrase


class CircleKey(NamedTuple):
    """What a circle's own passphrase became, while the circle is unlocked; it opens and makes locks of that circle."""

    derivation: Kdf
    salt: bytes
    key: LockKey

    def __repr__(self) -> str:
        return "<key of a circle, hidden>"


def circle_key(passphrase: Passphrase, kdf: Kdf, entropy: Entropy, at_least: float = 0.0) -> CircleKey:
    """Of a new passphrase. Deriving it takes `at_least` so many seconds of this machine."""
    salt = entropy(_SALT_BYTES)
    kdf, key = _calibrated(passphrase, salt, kdf, at_least)
    return CircleKey(kdf, salt, LockKey(key))


def lock(
    circle: CircleId, file: str, database: DatabaseKey, key: CircleKey, profile: int, entropy: Entropy
) -> CircleLock:  # fmt: skip
    """The key to a circle's file, sealed with what its passphrase became."""
    blank = CircleLock(key.derivation.ops, key.derivation.memory, key.salt, entropy(header.NONCE_BYTES), b"")
    bound = blank.bound(profile, circle, file)
    sealed = bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(
        database.reveal(), bound, blank.nonce, key.key.reveal()
    )
    return blank._replace(sealed=sealed)


def open_lock(row: CircleFile, profile: int, key: CircleKey) -> DatabaseKey | None:
    """The key to a circle's file; None if this does not open it."""
    if row.lock is None or key.salt != row.lock.salt or key.derivation != row.lock.derivation:
        return None
    bound = row.lock.bound(profile, row.circle, row.file)
    opened = _opened(row.lock.sealed, bound, row.lock.nonce, key.key.reveal())
    return None if opened is None else DatabaseKey(opened)


def unlock(row: CircleFile, profile: int, passphrase: Words) -> CircleKey | None:
    """What a passphrase becomes for a circle; None if it is not that of the circle."""
    if row.lock is None:
        return None
    for words in passphrase if isinstance(passphrase, tuple) else (passphrase,):
        derivation, salt = row.lock.derivation, row.lock.salt
        key = CircleKey(derivation, salt, LockKey(derive(words, salt, derivation)))
        if open_lock(row, profile, key) is not None:
            return key
    return None


def seal_body(body: bytes, profile: int, slots: tuple[Slot, ...], nonce: bytes, master: MasterKey) -> bytes:
    bound = _body_bound(profile, slots)
    return bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(body, bound, nonce, _body_key(master))


def open_body(found: Header, master: MasterKey) -> bytes:
    """Raises VaultDamaged."""
    bound = _body_bound(found.profile, found.slots, found.version)
    body = _opened(found.sealed, bound, found.nonce, _body_key(master))
    if body is None:
        raise VaultDamaged
    return body


def _opened(sealed: bytes, bound: bytes, nonce: bytes, key: bytes) -> bytes | None:
    try:
        return bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, bound, nonce, key)
    except CryptoError:
        return None


def _body_key(master: MasterKey) -> bytes:
    return blake2b(digest_size=_KEY_BYTES, key=master.reveal(), person=labels.VAULT_KEY).digest()


def _body_bound(profile: int, slots: tuple[Slot, ...], version: int = header.VERSION) -> bytes:
    return labels.VAULT_BODY + header.encode_open_part(profile, slots, version)
