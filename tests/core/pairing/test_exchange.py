"""From a short code to a secret: one guess; an attacker in between or with a recording learns nothing."""

from __future__ import annotations

import random
from hashlib import blake2b
from itertools import product

import pytest
from hypothesis import given, settings

from cellsync.core.crypto.pake import Pake
from cellsync.core.errors import HandshakeFailed, InvalidValue
from cellsync.core.pairing import exchange, inviter, joiner, short
from cellsync.core.pairing.exchange import InvitersExchange, JoinersExchange, knocks
from cellsync.core.pairing.inviter import Inviter
from cellsync.core.pairing.joiner import Joiner
from cellsync.core.pairing.short import ShortCode
from tests.core.noise import any_bytes
from tests.core.pairing.pairs import CLOCK, INVITATION, KEYS, Pair

CODE = ShortCode(7, ("orbit", "maple", "tulip"))
WRONG = ShortCode(7, ("orbit", "maple", "tunnel"))


def entropy(seed: object, size: int) -> bytes:
    return random.Random(str(seed)).randbytes(size)


def new_joiner(given: ShortCode = CODE, seed: object = "joiner") -> JoinersExchange:
    return JoinersExchange(given, entropy(seed, exchange.JOINER_ENTROPY))


def new_inviter(knock: bytes, shown: ShortCode = CODE, seed: object = "inviter") -> InvitersExchange:
    return InvitersExchange(shown, knock, entropy(seed, exchange.INVITER_ENTROPY))


def test_both_have_one_secret() -> None:
    calls = new_joiner()
    assert knocks(CODE, calls.knock)
    answers = new_inviter(calls.knock)
    secret, reply = answers.check(calls.prove(answers.answer))
    assert secret is not None
    assert calls.accept(reply) == secret
    assert len(calls.knock) == len(answers.answer) == exchange.HEADER_BYTES == 42


def test_the_conversation_begins_with_it() -> None:
    calls = new_joiner()
    answers = new_inviter(calls.knock)
    secret, reply = answers.check(calls.prove(answers.answer))
    assert secret is not None
    pair = Pair()
    secret_entropy = entropy(1, inviter.ENTROPY)
    pair.inviter = Inviter(INVITATION._replace(secret=secret), secret_entropy, 0.0, b"test", 20.0, clock=CLOCK)
    pair.joiner = Joiner(calls.accept(reply), KEYS, "ben", entropy(2, joiner.ENTROPY), 0.0, b"test", clock=CLOCK)
    one, other = pair.ask()
    assert one.words == other.words


def test_the_confirmation_by_hand() -> None:
    """Recomputed with hashlib from the key of the exchange alone."""
    pakes = [
        Pake(CODE.text.encode(), calls=calls, entropy=entropy(who, 96)[:64])
        for who, calls in (("joiner", True), ("inviter", False))
    ]
    elements = b"".join(one.element for one in pakes)
    key = pakes[0].finish(pakes[1].element)
    calls = new_joiner(seed="joiner")
    answers = new_inviter(calls.knock)
    proof = calls.prove(answers.answer)
    secret, reply = answers.check(proof)

    def by_hand(label: bytes, data: bytes, size: int = 32) -> bytes:
        return blake2b(data, digest_size=size, key=key, person=label).digest()

    assert proof == by_hand(b"cs1 short proof", b"\x01" + elements)
    assert reply == by_hand(b"cs1 short proof", b"\x02" + elements)
    assert secret is not None
    assert secret.reveal() == by_hand(b"cs1 short secret", elements, 16)


def test_one_wrong_word_is_refused_and_told_nothing() -> None:
    calls = new_joiner(WRONG)
    assert knocks(CODE, calls.knock)  # the number is right
    answers = new_inviter(calls.knock)
    proof = calls.prove(answers.answer)
    secret, reply = answers.check(proof)
    assert secret is None
    assert reply == entropy("inviter", exchange.INVITER_ENTROPY)[64:]  # random bytes, not a proof under any key
    with pytest.raises(HandshakeFailed):
        calls.accept(reply)


def test_another_number_does_not_knock() -> None:
    other = CODE._replace(number=8)
    assert not knocks(other, new_joiner().knock)
    with pytest.raises(HandshakeFailed):
        new_inviter(new_joiner().knock, other)


def test_somebody_in_between_has_one_guess_each_way() -> None:
    """Knowing the number only, they hold an exchange with each side, and guess wrong."""
    victim = new_joiner()
    posing = new_inviter(victim.knock, WRONG, "middle")
    assert posing.check(victim.prove(posing.answer))[0] is None
    calling = new_joiner(WRONG, "middle")
    host = new_inviter(calling.knock)
    assert host.check(calling.prove(host.answer))[0] is None
    # nor does what one side said help with the other
    proof = new_joiner().prove(posing.answer)
    assert host.check(proof)[0] is None


def test_what_is_sent_back_proves_nothing() -> None:
    calls = new_joiner()
    answers = new_inviter(calls.knock)
    with pytest.raises(HandshakeFailed):
        new_joiner().prove(calls.knock)  # its own knock as the answer
    proof = calls.prove(answers.answer)
    with pytest.raises(HandshakeFailed):
        calls.accept(proof)
    _, reply = answers.check(proof)
    assert new_inviter(calls.knock).check(reply)[0] is None


def test_what_was_recorded_proves_nothing() -> None:
    calls = new_joiner()
    first = new_inviter(calls.knock, seed="first")
    proof = calls.prove(first.answer)
    _, reply = first.check(proof)
    second = new_inviter(calls.knock, seed="second")
    assert second.answer != first.answer
    assert second.check(proof)[0] is None
    again = new_joiner(seed="again")
    with pytest.raises(HandshakeFailed):
        again.prove(first.answer)  # it answers another knock
    again.prove(new_inviter(again.knock).answer)
    with pytest.raises(HandshakeFailed):
        again.accept(reply)


def test_every_bit_of_the_headers_counts() -> None:
    calls = new_joiner()
    answer = new_inviter(calls.knock).answer
    for place, bit in product(range(exchange.HEADER_BYTES), (1, 128)):
        spoiled = bytearray(calls.knock)
        spoiled[place] ^= bit
        assert not knocks(CODE, bytes(spoiled))
        spoiled = bytearray(answer)
        spoiled[place] ^= bit
        with pytest.raises(HandshakeFailed):
            calls.prove(bytes(spoiled))


@settings(max_examples=30, deadline=None)
@given(any_bytes(100))
def test_junk_is_only_refused(junk: bytes) -> None:
    calls = new_joiner()
    assert not knocks(CODE, junk)
    with pytest.raises(HandshakeFailed):
        calls.prove(junk)
    with pytest.raises(HandshakeFailed):
        calls.accept(junk)
    assert new_inviter(calls.knock).check(junk)[0] is None


def test_a_reply_before_the_proof_is_refused() -> None:
    elements = bytes(64)
    forged = blake2b(b"\x02" + elements, digest_size=32, person=b"cs1 short proof").digest()
    with pytest.raises(HandshakeFailed):
        new_joiner().accept(forged)


def test_no_bit_of_a_knock_is_constant() -> None:
    """Nor do those that share a number share bytes: without it, nothing tells a knock from noise."""
    seen = [new_joiner(seed=seed).knock for seed in range(24)]
    ones, zeros = 0, (1 << 8 * exchange.HEADER_BYTES) - 1
    for knock in seen:
        ones |= int.from_bytes(knock, "big")
        zeros &= int.from_bytes(knock, "big")
    assert ones == (1 << 8 * exchange.HEADER_BYTES) - 1
    assert zeros == 0


@pytest.mark.parametrize("size", [0, 95, 97])
def test_entropy_is_counted(size: int) -> None:
    with pytest.raises(InvalidValue):
        InvitersExchange(CODE, new_joiner().knock, bytes(size))


def test_the_number_is_the_text_too() -> None:
    """The code as a whole is the password: the same words under another number give another key."""
    other = CODE._replace(number=8)
    keys = set()
    for shown in (CODE, other):
        one = Pake(shown.text.encode(), calls=True, entropy=bytes(64))
        keys.add(one.element)
    assert len(keys) == 2
    assert short.number_key(7) != short.number_key(8)
