"""The primitives: the only module of the core that imports PyNaCl and cryptography.

Every function here is one call of a library with types around it, and no protocol in it. Two rules hold
throughout:

1. Lengths are checked here. libsodium's bindings read a fixed number of bytes whatever they are given, so a
   short key from a peer would be read past its end.
2. Input from a peer never raises a library's own exception: a signature check returns True or False, everything
   else raises a `PeerError`.

Randomness is passed in, with one exception: ML-KEM encapsulation and HPKE draw their own, because
neither library offers the derandomised form (and FIPS 203 keeps it internal for good reason).

Sources: RFC 7693 (BLAKE2), RFC 8032 (Ed25519), RFC 7748 (X25519), RFC 8439 (ChaCha20-Poly1305), FIPS 203
(ML-KEM), RFC 9180 (HPKE), draft-connolly-cfrg-xwing-kem (X-Wing).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from nacl import bindings
from nacl.exceptions import CryptoError

from cellsync.core.errors import HandshakeFailed, InvalidValue, Malformed
from cellsync.core.ids import (
    KemPublic,
    KemSecret,
    SealPublic,
    SealSecret,
    SessionPublic,
    SessionSecret,
    Signature,
    SigningPublic,
    SigningSecret,
)
from cellsync.core.rule import Rule

KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
TAG_BYTES: Final = 16
NONCE_BYTES: Final = 12
KEM_SEED_BYTES: Final = 64
KEM_PUBLIC_BYTES: Final = 1_184
KEM_CIPHERTEXT_BYTES: Final = 1_088
SEAL_PUBLIC_BYTES: Final = KEM_PUBLIC_BYTES + KEY_BYTES
SEAL_OVERHEAD: Final = KEM_CIPHERTEXT_BYTES + KEY_BYTES + TAG_BYTES  # what HPKE adds to a plaintext

Buffer = bytes | bytearray | memoryview


# --- hashing ------------------------------------------------------------------------------------


def blake2b(label: bytes, data: Buffer, *, key: bytes = b"", size: int = 32) -> bytes:
    """BLAKE2b of `data`; `label` is its `person` parameter (at most 16 bytes), `key` its key, if any."""
    return hashlib.blake2b(data, digest_size=size, key=key, person=label).digest()


def hasher(label: bytes, *, key: bytes = b"", size: int = 32) -> Callable[[bytes], bytes]:
    """The same for many inputs, in half the time: label and key are absorbed once."""
    begun = hashlib.blake2b(digest_size=size, key=key, person=label)

    def hashed(data: bytes) -> bytes:
        state = begun.copy()
        state.update(data)
        return state.digest()

    return hashed


# --- Ed25519 ------------------------------------------------------------------------------------


def signing_public(secret: SigningSecret) -> SigningPublic:
    """The public half of an Ed25519 key."""
    public, _ = bindings.crypto_sign_seed_keypair(_key(secret.reveal()))
    return SigningPublic(public)


def sign(secret: SigningSecret, message: bytes) -> Signature:
    """The Ed25519 signature of `message`, 64 bytes."""
    return signer(secret)(message)


def signer(secret: SigningSecret) -> Callable[[bytes], Signature]:
    """A function that signs message after message. Do not keep it: it holds the secret.

    The public half is derived here: signing with a public half that does not belong to the secret would give the secret
    away, so the caller cannot supply one.
    """
    expanded = secret.expanded(_expand)
    return lambda message: Signature(bindings.crypto_sign(message, expanded)[:SIGNATURE_BYTES])


def _expand(seed: bytes) -> bytes:
    """An Ed25519 seed with its public half."""
    expanded: bytes = bindings.crypto_sign_seed_keypair(_key(seed))[1]
    return expanded


def verify(public: SigningPublic, signature: Signature, message: bytes) -> bool:
    """Whether `signature` is the Ed25519 signature of `message` by `public`. Never raises."""
    if len(public) != KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    try:
        bindings.crypto_sign_open(signature + message, public)
    except CryptoError:
        return False
    return True


def is_signing_key(public: bytes) -> bool:
    """Whether these bytes are a canonical Ed25519 point of the main subgroup, and not one of small order."""
    return len(public) == KEY_BYTES and bindings.crypto_core_ed25519_is_valid_point(bytes(public))


# --- X25519 -------------------------------------------------------------------------------------


def session_public(secret: SessionSecret) -> SessionPublic:
    """The public half of an X25519 key."""
    return SessionPublic(bindings.crypto_scalarmult_base(_key(secret.reveal())))


def dh(secret: SessionSecret, public: SessionPublic) -> bytes:
    """X25519: the 32-byte shared secret. `HandshakeFailed` for a public key of low order or wrong length."""
    if len(public) != KEY_BYTES:
        raise HandshakeFailed(Rule.KEY_X25519)
    try:
        return bindings.crypto_scalarmult(_key(secret.reveal()), public)
    except CryptoError:
        raise HandshakeFailed(Rule.KEY_X25519) from None


def is_session_key(public: bytes) -> bool:
    """Whether an X25519 exchange with these bytes can succeed: 32 bytes, and not a point of low order."""
    try:
        dh(_ANY_SECRET, SessionPublic(public))
    except HandshakeFailed:
        return False
    return True


_ANY_SECRET: Final = SessionSecret(bytes(range(KEY_BYTES)))  # which points are of low order depends on no secret


# --- ChaCha20-Poly1305 --------------------------------------------------------------------------


class Aead:
    """ChaCha20-Poly1305 under one 32-byte key. The caller never repeats a 12-byte nonce."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        self._cipher = ChaCha20Poly1305(_key(key))

    def seal(self, nonce: bytes, plaintext: Buffer, associated: bytes = b"") -> bytes:
        """The ciphertext, 16 bytes longer than the plaintext."""
        return self._cipher.encrypt(nonce, plaintext, associated)

    def open(self, nonce: bytes, ciphertext: Buffer, associated: bytes = b"") -> bytes:
        """The plaintext. `Malformed` if it was not sealed with this key, nonce and associated data."""
        try:
            return self._cipher.decrypt(nonce, ciphertext, associated)
        except InvalidTag:
            raise Malformed(Rule.OPENS) from None


# --- ML-KEM-768 ---------------------------------------------------------------------------------


def kem_public(secret: KemSecret) -> KemPublic:
    """The encapsulation key, 1,184 bytes, of a 64-byte seed (d, then z)."""
    return KemPublic(_kem_key(secret).public_key().public_bytes_raw())


def encapsulate(public: KemPublic) -> tuple[bytes, bytes]:
    """A fresh 32-byte secret and its 1,088-byte ciphertext. Draws its own randomness.

    `Malformed` if `public` is not an encapsulation key.
    """
    try:
        return MLKEM768PublicKey.from_public_bytes(public).encapsulate()
    except ValueError:
        raise Malformed(Rule.KEY_ML_KEM) from None


def decapsulate(secret: KemSecret, ciphertext: bytes) -> bytes:
    """The 32-byte secret in a ciphertext. A forged one gives an unrelated secret (implicit rejection).

    `Malformed` if the length is wrong.
    """
    try:
        return _kem_key(secret).decapsulate(ciphertext)
    except ValueError:
        raise Malformed(Rule.KEY_ML_KEM) from None


def _kem_key(secret: KemSecret) -> MLKEM768PrivateKey:
    return MLKEM768PrivateKey.from_seed_bytes(secret.reveal())


# --- HPKE with X-Wing ---------------------------------------------------------------------------

_SUITE: Final = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)


def xwing_public(secret: SealSecret) -> SealPublic:
    """The X-Wing public key: ML-KEM-768's, then X25519's; 1,216 bytes."""
    kem, curve = _xwing_halves(secret)
    return SealPublic(kem.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw())


def hpke_seal(public: SealPublic, info: bytes, plaintext: bytes) -> bytes:
    """HPKE base mode, one message: encapsulated key, then ciphertext. Draws its own randomness.

    `Malformed` if `public` is not an X-Wing key or of low order.
    """
    if len(public) != SEAL_PUBLIC_BYTES:
        raise Malformed(Rule.KEY_X_WING)
    try:
        kem = MLKEM768PublicKey.from_public_bytes(public[:KEM_PUBLIC_BYTES])
        curve = X25519PublicKey.from_public_bytes(public[KEM_PUBLIC_BYTES:])
        return _SUITE.encrypt(plaintext, hpke.MLKEM768X25519PublicKey(kem, curve), info)
    except ValueError:
        raise Malformed(Rule.KEY_X_WING) from None


def is_seal_key(public: bytes) -> bool:
    """Whether something can be sealed to these bytes: FIPS 203's checks of the one half, no low order of the other."""
    try:
        MLKEM768PublicKey.from_public_bytes(public[:KEM_PUBLIC_BYTES])
    except ValueError:
        return False
    return is_session_key(public[KEM_PUBLIC_BYTES:])


def hpke_open(secret: SealSecret, info: bytes, sealed: bytes) -> bytes:
    """The plaintext of `hpke_seal`. `Malformed` if it was not sealed to this key with this info."""
    try:
        return _SUITE.decrypt(sealed, hpke.MLKEM768X25519PrivateKey(*_xwing_halves(secret)), info)
    except (InvalidTag, ValueError):
        raise Malformed(Rule.OPENS) from None


def _xwing_halves(secret: SealSecret) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    """The two private keys of a 32-byte X-Wing seed: SHAKE-256 to d, z (ML-KEM) and the X25519 scalar."""
    expanded = hashlib.shake_256(_key(secret.reveal())).digest(KEM_SEED_BYTES + KEY_BYTES)
    return (
        MLKEM768PrivateKey.from_seed_bytes(expanded[:KEM_SEED_BYTES]),
        X25519PrivateKey.from_private_bytes(expanded[KEM_SEED_BYTES:]),
    )


def _key(key: bytes) -> bytes:
    """Our own keys have 32 bytes; any other length is a bug on this side of the wire."""
    if len(key) != KEY_BYTES:
        raise InvalidValue("a key has 32 bytes")
    return key
