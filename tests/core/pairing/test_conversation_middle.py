"""An attacker with a photograph of the code is between the two devices."""

from __future__ import annotations

import random
from hashlib import blake2b

from cellsync.core.pairing import commitment, inviter, joiner
from cellsync.core.pairing.commitment import matching_words
from cellsync.core.pairing.words import WORDS
from tests.core.pairing.pairs import Pair, new_inviter, new_joiner


def test_the_words_by_hand() -> None:
    digest = blake2b(b"h" * 64 + b"i" * 32 + b"j" * 32 + b"hello", digest_size=32, person=b"cs1 words").digest()
    assert matching_words(b"h" * 64, b"i" * 32, b"j" * 32, b"hello") == tuple(WORDS[byte] for byte in digest[:4])
    committed = blake2b(b"h" * 64 + b"j" * 32, digest_size=32, person=b"cs1 pair commit").digest()
    assert commitment.commit(b"h" * 64, b"j" * 32) == committed


def between(seed: int) -> tuple[inviter.Introduced, joiner.WordsReady]:
    """What the two honest screens show when each talks to the one in the middle, who relays the rest faithfully."""
    towards_joiner, towards_inviter = Pair(), Pair()
    towards_joiner.inviter = new_inviter(seed + 1)  # the middle's
    towards_joiner.joiner = new_joiner(seed + 2)
    towards_inviter.inviter = new_inviter(seed + 3)
    towards_inviter.joiner = new_joiner(seed + 4)  # the middle's
    return towards_inviter.ask()[0], towards_joiner.ask()[1]


def test_the_words_differ() -> None:
    for seed in range(0, 100, 5):
        on_the_inviters_screen, on_the_joiners_screen = between(seed)
        assert on_the_inviters_screen.words != on_the_joiners_screen.words


def test_relaying_the_bytes_gains_nothing() -> None:
    """Whoever passes every byte on is a cable: the words agree, and it has read nothing."""
    pair = Pair(cuts=(7, 11, 13))
    asked, asked_too = pair.ask()
    assert asked.words == asked_too.words


def test_a_word_agrees_as_often_as_chance_says() -> None:
    """4,096 attempts at one word: about 16 succeed. The middle may not choose its nonce after the honest one."""
    source = random.Random("middle")
    agree = 0
    for _ in range(4_096):
        one, two, joiners, inviters, own_1, own_2 = (source.randbytes(32) for _ in range(6))
        towards_joiner = matching_words(one * 2, own_1, joiners, b"HELLO of the joiner")
        towards_inviter = matching_words(two * 2, inviters, own_2, b"HELLO of the middle")
        agree += towards_joiner[0] == towards_inviter[0]
    assert 4 <= agree <= 36


def test_without_the_commitment_a_word_could_be_chosen() -> None:
    """Why it is there: a nonce chosen last makes the word agree after a few hundred attempts, four after 2^32."""
    source = random.Random("grinding")
    one, two, joiners, inviters, own = (source.randbytes(32) for _ in range(5))
    wanted = matching_words(one * 2, own, joiners, b"HELLO of the joiner")[0]
    committed = commitment.commit(two * 2, own)
    attempts = (number.to_bytes(32, "big") for number in range(4_096))
    chosen = next(
        nonce for nonce in attempts if matching_words(two * 2, inviters, nonce, b"HELLO of the middle")[0] == wanted
    )
    assert not commitment.opens(committed, two * 2, chosen)  # and this is where it ends
    assert commitment.opens(committed, two * 2, own)
