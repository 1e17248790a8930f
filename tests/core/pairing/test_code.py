"""The code of an invitation: the changes that people may make to it, and that no wrong code passes."""

from __future__ import annotations

import traceback
from base64 import b32encode
from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync.core.errors import InvalidValue, MalformedCode
from cellsync.core.ids import PairingSecret
from cellsync.core.pairing import code

secrets = st.binary(min_size=16, max_size=16)
QR_ALPHANUMERIC = set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")


@given(secrets)
def test_the_code_by_hand(secret: bytes) -> None:
    invitation = code.invite(secret, 5.0)
    check = blake2b(secret, digest_size=32, person=b"cs1 pair check").digest()[:4]
    characters = b32encode(secret + check).decode()
    assert invitation.code.replace("-", "") == characters
    assert [len(group) for group in invitation.code.split("-")] == [4] * 8
    assert invitation.qr_payload == "CELLSYNC:" + characters
    assert set(invitation.qr_payload) <= QR_ALPHANUMERIC
    assert invitation.expires == 605.0
    psk = blake2b(b"", digest_size=32, key=secret, person=b"cs1 pair psk").digest()
    assert code.pairing_key(invitation.secret).psk.reveal() == psk
    tag = blake2b(b"", digest_size=32, key=secret, person=b"cs1 pair tag").digest()
    assert code.beacon_key(invitation.secret) == tag


@given(secrets, st.data())
def test_a_code_is_read_however_it_was_written_down(secret: bytes, data: st.DataObject) -> None:
    invitation = code.invite(secret, 0.0)
    text = data.draw(st.sampled_from([invitation.code, invitation.qr_payload]))
    if data.draw(st.booleans()):
        text = text.lower()
    for right, wrong in ("O0", "I1", "B8"):
        if data.draw(st.booleans()):
            text = text.replace(right, wrong)
    filler = st.sampled_from(
        ["", "-", " ", "\t", "\n", "\u2013", "\u2014", "\u2212", "\u00a0", "\u200b", "\ufeff", "_"]
    )
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=10)), reverse=True)
    for place in places:
        text = text[:place] + data.draw(filler) + text[place:]
    assert code.parse(text) == PairingSecret(secret)


@given(secrets, st.integers(0, 31), st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
def test_a_slip_of_the_finger_is_noticed(secret: bytes, place: int, character: str) -> None:
    text = code.invite(secret, 0.0).code.replace("-", "")
    wrong = text[:place] + character + text[place + 1 :]
    if wrong != text:
        with pytest.raises(MalformedCode):
            code.parse(wrong)


@given(secrets, st.integers(0, 30))
def test_neighbours_that_changed_places_are_noticed(secret: bytes, place: int) -> None:
    text = code.invite(secret, 0.0).code.replace("-", "")
    wrong = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    if wrong != text:
        with pytest.raises(MalformedCode):
            code.parse(wrong)


@given(st.text(max_size=64))
def test_anything_else_is_malformed(text: str) -> None:
    with pytest.raises(MalformedCode):
        code.parse(text)


@pytest.mark.parametrize("length", [0, 31, 33, 40, 1_000_000])
def test_other_lengths_are_malformed(length: int) -> None:
    with pytest.raises(MalformedCode):
        code.parse("A" * length)


def test_what_is_much_longer_than_a_code_is_not_searched_for_one() -> None:
    text = code.invite(bytes(16), 0.0).code
    assert code.parse(text + " " * 200) == PairingSecret(bytes(16))
    with pytest.raises(MalformedCode):
        code.parse(text + " " * 300)


def test_letters_of_other_scripts_are_malformed() -> None:
    text = code.invite(bytes(16), 0.0).code
    with pytest.raises(MalformedCode):
        code.parse(text.replace("A", "\u0410"))  # Cyrillic


def test_the_error_does_not_show_what_was_typed() -> None:
    text = code.invite(bytes(range(16)), 0.0).code
    wrong = text[:-1] + ("A" if text[-1] != "A" else "B")
    for attempt in (wrong, wrong.replace("-", "") + "=", wrong[:-1] + "!"):
        with pytest.raises(MalformedCode) as raised:
            code.parse(attempt)
        error = raised.value
        assert error.__cause__ is None
        assert error.__suppress_context__ or error.__context__ is None
        shown = "".join(traceback.format_exception(error)) + str(error) + error.hint
        assert wrong[:9] not in shown


def test_an_invitation_hides_its_secret() -> None:
    invitation = code.invite(b"sixteen bytes ok", 0.0)
    assert "hidden" in repr(invitation)
    assert "sixteen" not in repr(invitation)
    assert repr(code.pairing_key(invitation.secret)) == "ChannelKey(hidden)"


@pytest.mark.parametrize("length", [0, 15, 17, 32])
def test_a_secret_has_128_bits(length: int) -> None:
    with pytest.raises(InvalidValue):
        code.invite(bytes(length), 0.0)
    with pytest.raises(InvalidValue):
        code.pairing_key(PairingSecret(bytes(length)))
    with pytest.raises(InvalidValue):
        code.beacon_key(PairingSecret(bytes(length)))
