"""Messages of pairing: their form, and what has another."""

from __future__ import annotations

import pytest

from cellsync.core.errors import CapExceeded, Malformed, PeerError
from cellsync.core.ids import Signature
from cellsync.core.pairing import messages
from cellsync.core.pairing.messages import Done, Nonce, PairingVerdict, Reveal
from cellsync.core.wire import codec
from tests.core.pairing.pairs import (
    CLOCK,
    HELLO,
    KEYS,
    WELCOME,
)


@pytest.mark.parametrize(
    "message",
    [HELLO, Nonce(bytes(32), CLOCK), Reveal(bytes(32), Signature(bytes(64))), PairingVerdict(False), WELCOME, Done()],
)
def test_messages_survive(message: messages.AnyMessage) -> None:
    raw = messages.encode(message)
    assert messages.decode(raw) == message
    assert len(raw) <= 2_048
    for other in (raw[:-1], raw + b"\0", b"\xc1" + raw):
        with pytest.raises(Malformed):
            messages.decode(other)


@pytest.mark.parametrize(
    "value",
    [
        [], [0], [7], [6, 0], None, 6, [True, 1], [2, "x" * 32], [2, bytes(31)], [3, bytes(32), bytes(63)], [4, 1],
        [1, 2, list(KEYS.public), "ana", bytes(32)], [True, 1, list(KEYS.public), "ana", bytes(32)],
        [1, True, list(KEYS.public), "ana", bytes(32)],
        [1, 1, list(KEYS.public), b"ana", bytes(32)], [1, 1, list(KEYS.public), "ana", bytes(31)],
        [1, 1, list(KEYS.public)[:2], "ana", bytes(32)], [1, 1, ["a", "b", "c"], "ana", bytes(32)],
        [5, *[bytes(32)] * 3, [-1, *[bytes(32)] * 4], bytes(32), KEYS.public.session],
        [5, *[bytes(32)] * 3, [1, *[bytes(32)] * 3], bytes(32), KEYS.public.session],
        [5, *[bytes(32)] * 3, [1, *[bytes(32)] * 4], bytes(31), KEYS.public.session],
        [5, *[bytes(32)] * 3, [1, *[bytes(32)] * 4], bytes(32), bytes(32)],
    ],
)  # fmt: skip
def test_other_forms_are_refused(value: object) -> None:
    with pytest.raises(PeerError):
        messages.decode(codec.encode(value))


def test_the_cap_comes_before_decoding() -> None:
    with pytest.raises(CapExceeded, match="pairing message"):
        messages.decode(codec.encode([6, bytes(2_048)]))
