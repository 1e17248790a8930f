"""The vectors of protocol/10-crypto.md: we compute what the generator makes from the specification."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from cellsync.core.crypto import channel
from cellsync.core.crypto.channel import PAIRING, SESSION, ChannelKey, prologue
from cellsync.core.crypto.noise import CipherState
from cellsync.core.crypto.primitives import is_signing_key, verify
from cellsync.core.crypto.ratchet import branches, commitment, session_psk
from cellsync.core.ids import CircleId, Day, EpochSecret, Psk, Signature, SigningPublic

PROTOCOL = Path(__file__).parents[3] / "protocol"
FILES = ["ratchet.json", "channel.json"]
KINDS = {"session": SESSION, "pairing": PAIRING}
ROLES = {"caller": channel._CALLER, "callee": channel._CALLEE}

hexed = bytes.fromhex


def stored(name: str) -> Any:
    return json.loads((PROTOCOL / "vectors" / "crypto" / name).read_text())


@pytest.mark.parametrize("name", FILES)
def test_the_files_are_what_the_generator_makes(name: str) -> None:
    generator = runpy.run_path(str(PROTOCOL / "generate" / "crypto.py"))
    assert generator["everything"]()[name] == stored(name)


def test_the_signatures_are_what_their_generator_makes() -> None:
    generator = runpy.run_path(str(PROTOCOL / "generate" / "signatures.py"))
    assert generator["vectors"]() == stored("signatures.json")["vectors"]


@pytest.mark.parametrize("name", ["crypto.py", "signatures.py"])
def test_the_generators_share_no_code_with_us(name: str) -> None:
    text = (PROTOCOL / "generate" / name).read_text()
    assert "import cellsync" not in text
    assert "from cellsync" not in text


@pytest.mark.parametrize("vector", stored("signatures.json")["vectors"], ids=lambda vector: vector["name"])
def test_signature(vector: dict[str, Any]) -> None:
    public = SigningPublic(hexed(vector["public"]))
    if "verifies" in vector:
        signature = Signature(hexed(vector["signature"]))
        assert verify(public, signature, hexed(vector["message"])) is vector["verifies"]
    else:
        assert is_signing_key(public) is vector["introduces"]


@pytest.mark.parametrize("vector", stored("ratchet.json")["vectors"], ids=lambda vector: str(vector["day"]))
def test_ratchet(vector: dict[str, Any]) -> None:
    root = EpochSecret(hexed(vector["root"]))
    held = branches(root, Day(vector["first_day"])).at(Day(vector["day"]))
    states = {name: getattr(held, name).reveal().hex() for name in vector["states"]}
    assert states == vector["states"]
    assert commitment(root).hex() == vector["commitment"]
    assert session_psk(held.session, CircleId(hexed(vector["circle"]))).reveal().hex() == vector["psk"]


@pytest.mark.parametrize("vector", stored("channel.json")["headers"], ids=lambda v: v["kind"] + " " + v["role"])
def test_header(vector: dict[str, Any]) -> None:
    key = ChannelKey(Psk(hexed(vector["psk"])))
    assert key.hint_key.hex() == vector["hint_key"]
    place = (KINDS[vector["kind"]], key, ROLES[vector["role"]], hexed(vector["context"]))
    ephemeral, length, header = hexed(vector["ephemeral"]), vector["length"], hexed(vector["header"])
    assert channel._cover(*place, ephemeral, length) == header
    assert channel._uncover(*place, header) == (ephemeral, length)


@pytest.mark.parametrize("vector", stored("channel.json")["frame_masks"], ids=lambda v: str(v["frame"]))
def test_frame_mask(vector: dict[str, Any]) -> None:
    key = CipherState(hexed(vector["cipher_key"])).derive(b"cs1 frame key")
    assert key.hex() == vector["frame_key"]
    assert channel._mask_length(0, key, vector["frame"]).to_bytes(2, "big").hex() == vector["mask"]


@pytest.mark.parametrize("vector", stored("channel.json")["prologues"], ids=lambda v: v["carrier"] or "none")
def test_prologue(vector: dict[str, Any]) -> None:
    assert prologue(vector["carrier"].encode()).hex() == vector["prologue"]
