"""Published vectors, and hostile inputs to each primitive."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync.core.crypto import primitives
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

hexed = bytes.fromhex


def test_blake2b_of_rfc_7693() -> None:
    expected = (
        "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
        "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923"
    )
    assert primitives.blake2b(b"", b"abc", size=64) == hexed(expected)


def test_a_label_a_key_and_a_size_each_change_the_hash() -> None:
    hashes = [
        primitives.blake2b(b"one", b"data"),
        primitives.blake2b(b"two", b"data"),
        primitives.blake2b(b"one", b"data", key=b"k"),
        primitives.blake2b(b"one", b"data", size=31),
    ]
    assert len({digest[:31] for digest in hashes}) == 4


ED25519 = [  # RFC 8032, section 7.1: secret, public, message, signature
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
]


@given(
    st.binary(max_size=16), st.binary(max_size=64), st.integers(1, 64), st.lists(st.binary(max_size=300), max_size=3)
)
def test_a_hasher_of_many_is_the_hash_of_each(label: bytes, key: bytes, size: int, data: list[bytes]) -> None:
    hashed = primitives.hasher(label, key=key, size=size)
    assert [hashed(one) for one in data] == [primitives.blake2b(label, one, key=key, size=size) for one in data]


@pytest.mark.parametrize(("secret", "public", "message", "signature"), ED25519)
def test_ed25519_of_rfc_8032(secret: str, public: str, message: str, signature: str) -> None:
    key = SigningSecret(hexed(secret))
    assert primitives.signing_public(key) == hexed(public)
    assert primitives.sign(key, hexed(message)) == hexed(signature)
    assert primitives.verify(SigningPublic(hexed(public)), Signature(hexed(signature)), hexed(message))


def test_what_signs_is_derived_once_for_each_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deriving it takes as long as a signature, and each edit signs."""
    derive, seeds = primitives._expand, list[bytes]()

    def expand(seed: bytes) -> bytes:
        seeds.append(seed)
        return derive(seed)

    monkeypatch.setattr(primitives, "_expand", expand)
    keys = [SigningSecret(hexed(secret)) for secret, *_ in ED25519[:2]]
    for _ in range(3):
        for key, (_, _, message, signature) in zip(keys, ED25519, strict=False):
            assert primitives.sign(key, hexed(message)) == hexed(signature)
    assert seeds == [key.reveal() for key in keys]
    assert "hidden" in repr(keys[0])


@given(st.integers(0, 95), st.integers(1, 255))
def test_no_changed_byte_verifies(place: int, change: int) -> None:
    _, public, message, signature = ED25519[1]
    both = bytearray(hexed(public + signature))
    both[place] ^= change
    assert not primitives.verify(SigningPublic(bytes(both[:32])), Signature(bytes(both[32:])), hexed(message))


@given(st.binary(max_size=70), st.binary(max_size=70), st.binary(max_size=40))
def test_verify_never_raises(public: bytes, signature: bytes, message: bytes) -> None:
    assert primitives.verify(SigningPublic(public), Signature(signature), message) is False


def test_lengths_are_checked_before_a_library_reads_past_an_end() -> None:
    key, sealed, message = (hexed(ED25519[1][field]) for field in (1, 3, 2))
    public, signature = SigningPublic(key), Signature(sealed)
    assert primitives.verify(public, signature, message)
    assert not primitives.verify(SigningPublic(key[:31]), signature, message)
    assert not primitives.verify(SigningPublic(key + b"\0"), signature, message)
    # the library takes signature and message as one string: the border may not move
    assert not primitives.verify(public, Signature(sealed[:63]), sealed[63:] + message)
    assert not primitives.verify(public, Signature(sealed + message), b"")
    with pytest.raises(HandshakeFailed):
        primitives.dh(SessionSecret(bytes(32)), SessionPublic(b"\x09" * 31))


@pytest.mark.parametrize(
    "point",
    [
        b"\x01" + bytes(31),  # the identity
        bytes(32),  # of order 4
        b"\xec" + b"\xff" * 30 + b"\x7f",  # of order 2
        b"\x01" + bytes(30) + b"\x80",  # the identity, not canonical
        b"\x02" + bytes(31),  # not on the curve
        b"\xff" * 32,
        b"",
        bytes(31),
    ],
)
def test_what_is_not_a_signing_key(point: bytes) -> None:
    assert not primitives.is_signing_key(point)


def test_what_is_a_signing_key() -> None:
    assert all(primitives.is_signing_key(hexed(public)) for _, public, _, _ in ED25519)


def test_x25519_of_rfc_7748() -> None:
    scalar = SessionSecret(hexed("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"))
    point = SessionPublic(hexed("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"))
    shared = hexed("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552")
    assert primitives.dh(scalar, point) == shared


@pytest.mark.parametrize("point", [bytes(32), b"\x01" + bytes(31), b"\xed" + b"\xff" * 30 + b"\x7f"])
def test_a_point_of_low_order_is_refused(point: bytes) -> None:
    with pytest.raises(HandshakeFailed):
        primitives.dh(SessionSecret(b"\x07" * 32), SessionPublic(point))


def test_chacha20_poly1305_of_rfc_8439() -> None:
    aead = primitives.Aead(bytes(range(0x80, 0xA0)))
    nonce = hexed("070000004041424344454647")
    associated = hexed("50515253c0c1c2c3c4c5c6c7")
    plaintext = (
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
        b"sunscreen would be it."
    )
    sealed = aead.seal(nonce, plaintext, associated)
    assert sealed[:16] == hexed("d31a8d34648e60db7b86afbc53ef7ec2")
    assert sealed[-16:] == hexed("1ae10b594f09e26a7e902ecbd0600691")
    assert aead.open(nonce, sealed, associated) == plaintext
    for wrong in (b"", sealed[:15], sealed[:-1], sealed + b"\0", sealed[:-1] + bytes([sealed[-1] ^ 1])):
        with pytest.raises(Malformed):
            aead.open(nonce, wrong, associated)
    with pytest.raises(Malformed):
        aead.open(nonce, sealed, b"")


def test_ml_kem() -> None:
    secret = KemSecret(bytes(range(64)))
    public = primitives.kem_public(secret)
    assert len(public) == primitives.KEM_PUBLIC_BYTES
    shared, ciphertext = primitives.encapsulate(public)
    assert len(ciphertext) == primitives.KEM_CIPHERTEXT_BYTES
    assert primitives.decapsulate(secret, ciphertext) == shared
    forged = bytes([ciphertext[0] ^ 1]) + ciphertext[1:]
    assert primitives.decapsulate(secret, forged) != shared  # implicit rejection, no oracle
    assert primitives.encapsulate(public)[0] != shared


@pytest.mark.parametrize("public", [b"", bytes(1_183), bytes(1_185), b"\xff" * 1_184])
def test_what_is_not_an_ml_kem_key(public: bytes) -> None:
    with pytest.raises(Malformed):
        primitives.encapsulate(KemPublic(public))


def test_an_ml_kem_ciphertext_of_the_wrong_length() -> None:
    with pytest.raises(Malformed):
        primitives.decapsulate(KemSecret(bytes(64)), bytes(1_087))


def test_x_wing_public_key_of_the_draft() -> None:
    """draft-connolly-cfrg-xwing-kem, first vector: the ends of its two halves."""
    seed = SealSecret(hexed("7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26"))
    public = primitives.xwing_public(seed)
    assert len(public) == primitives.SEAL_PUBLIC_BYTES
    assert public[:32] == hexed("e2236b35a8c24b39b10aa1323a96a919a2ced88400633a7b07131713fc14b2b5")
    assert public[-32:] == hexed("859edb06eff389b27dce59844570216223593d4ba32d9abac8cd049040ef6534")


@pytest.mark.parametrize("public", [b"", bytes(1_215), b"\xff" * 1_216, bytes(1_216)])
def test_what_is_not_an_x_wing_key(public: bytes) -> None:
    with pytest.raises(Malformed):
        primitives.hpke_seal(SealPublic(public), b"info", b"plaintext")


def test_a_key_of_ours_that_is_not_a_key() -> None:
    with pytest.raises(InvalidValue):
        primitives.sign(SigningSecret(b"short"), b"")
    with pytest.raises(InvalidValue):
        primitives.session_public(SessionSecret(b"short"))
    with pytest.raises(InvalidValue):
        primitives.Aead(b"short")
