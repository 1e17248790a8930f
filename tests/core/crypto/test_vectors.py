"""The other way round: what the vectors of a conversation have us read, we also write (protocol/10-crypto.md)."""

from __future__ import annotations

from typing import Any

import pytest

from cellsync.core.crypto import channel
from cellsync.core.crypto.channel import PAIRING, SESSION, ChannelKey, Transport
from cellsync.core.crypto.noise import CipherState
from cellsync.core.ids import Psk
from tests.vectors import vectors

PURPOSES = {"session": SESSION, "pairing": PAIRING}
ROLES = {"caller": channel._CALLER, "callee": channel._CALLEE}

hexed = bytes.fromhex


@pytest.mark.parametrize("vector", vectors("header"), ids=lambda vector: str(vector["name"]))
def test_header(vector: dict[str, Any]) -> None:
    key = ChannelKey(Psk(hexed(vector["psk"])))
    assert key.hint_key.hex() == vector["hint_key"]
    place = (PURPOSES[vector["purpose"]], key, ROLES[vector["role"]], hexed(vector["context"]))
    assert channel._cover(*place, hexed(vector["ephemeral"]), vector["length"]).hex() == vector["header"]


@pytest.mark.parametrize("vector", vectors("frame"), ids=lambda vector: str(vector["name"]))
def test_frame(vector: dict[str, Any]) -> None:
    sending = CipherState(hexed(vector["key"]))
    assert sending.derive(b"cs1 frame key").hex() == vector["frame_key"]
    sending.nonce = int(vector["number"])
    transport = Transport(sending, CipherState(bytes(32)), b"")
    assert transport.encrypt_frame(hexed(vector["payload"])).hex() == vector["frame"]
