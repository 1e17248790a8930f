"""The vectors of protocol/55-pairing.md: we compute what the generator makes from the specification."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from cellsync.core.ids import Millis, PairingSecret, SealPublic, SessionPublic, SigningPublic
from cellsync.core.membership.control import DeviceKeys, Role
from cellsync.core.pairing import code, commitment, messages, short
from cellsync.core.pairing.code import Invitation
from cellsync.core.pairing.exchange import InvitersExchange, JoinersExchange
from cellsync.core.pairing.messages import Hello, Nonce
from cellsync.core.pairing.short import ShortCode
from cellsync.core.pairing.words import WORDS

PROTOCOL = Path(__file__).parents[3] / "protocol"
GENERATOR = PROTOCOL / "generate" / "pairing.py"
STORED: Any = json.loads((PROTOCOL / "vectors" / "pairing" / "pairing.json").read_text())

hexed = bytes.fromhex


def test_the_file_is_what_the_generator_makes() -> None:
    assert runpy.run_path(str(GENERATOR))["everything"]() == {"pairing.json": STORED}


def test_the_generator_shares_no_code_with_us() -> None:
    assert not re.search(r"^\s*(import|from) cellsync", GENERATOR.read_text(), re.MULTILINE)


def test_the_specification_lists_our_words() -> None:
    assert runpy.run_path(str(GENERATOR))["word_list"]() == list(WORDS)


@pytest.mark.parametrize("vector", STORED["codes"], ids=lambda vector: str(vector["code"][:4]))
def test_codes(vector: dict[str, str]) -> None:
    secret = PairingSecret(hexed(vector["secret"]))
    invitation = Invitation(secret, Role.READER, 0.0)
    assert (invitation.code, invitation.qr_payload) == (vector["code"], vector["qr"])
    assert code.parse(vector["code"]) == code.parse(vector["qr"]) == secret
    assert code.pairing_key(secret).psk.reveal().hex() == vector["psk"]
    assert code.beacon_key(secret).hex() == vector["beacon_key"]


@pytest.mark.parametrize("vector", STORED["conversations"], ids=lambda vector: str(vector["words"][0]))
def test_conversations(vector: dict[str, Any]) -> None:
    handshake_hash, joiners, inviters = (
        hexed(vector[name]) for name in ("handshake_hash", "joiners_nonce", "inviters_nonce")
    )
    signing, session, seal = map(hexed, vector["keys"])
    committed = commitment.commit(handshake_hash, joiners)
    keys = DeviceKeys(SigningPublic(signing), SessionPublic(session), SealPublic(seal))
    hello = messages.encode(Hello(keys, vector["name"], committed, Millis(vector["clock"])))
    assert committed.hex() == vector["commitment"]
    assert hello.hex() == vector["hello"]
    assert messages.encode(Nonce(inviters, Millis(vector["inviters_clock"]))).hex() == vector["nonce"]
    assert commitment.claim(handshake_hash, hello).hex() == vector["signed"]
    assert list(commitment.matching_words(handshake_hash, inviters, joiners, hello)) == vector["words"]


@pytest.mark.parametrize("vector", STORED["short_codes"], ids=lambda vector: str(vector["code"]))
def test_short_codes(vector: dict[str, str]) -> None:
    shown = short.parse(vector["code"])
    assert isinstance(shown, ShortCode)
    assert shown.text == vector["code"]
    assert short.number_key(shown.number).hex() == vector["number_key"]
    assert short.beacon_key(shown.number).hex() == vector["beacon_key"]
    calls = JoinersExchange(shown, hexed(vector["x_entropy"]))
    answers = InvitersExchange(shown, calls.knock, hexed(vector["y_entropy"]) + bytes(32))
    proof = calls.prove(answers.answer)
    secret, reply = answers.check(proof)
    assert secret is not None
    assert secret == calls.accept(reply)
    told = {"knock": calls.knock, "answer": answers.answer, "proof": proof, "reply": reply, "secret": secret.reveal()}
    assert {name: value.hex() for name, value in told.items()} == {name: vector[name] for name in told}
