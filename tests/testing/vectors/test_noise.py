"""Published vectors of Noise, and that a changed one fails."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from cellsync.testing.vectors import noise
from cellsync.testing.vectors.verdict import Failed, Unsupported

FOLDER = Path(__file__).parents[3] / "protocol" / "vectors" / "noise"


def published(name: str) -> list[dict[str, Any]]:
    vectors: list[dict[str, Any]] = json.loads((FOLDER / name).read_text())["vectors"]
    return vectors


ALL = [*published("cacophony.json"), *published("snow.json")]


@pytest.mark.parametrize("vector", ALL, ids=lambda vector: vector["protocol_name"].removeprefix("Noise_"))
def test_published(vector: dict[str, Any]) -> None:
    noise.run(vector)


def test_every_pattern_and_every_hash_is_among_them() -> None:
    names = [vector["protocol_name"].split("_") for vector in ALL]
    assert {name[1].partition("psk")[0] for name in names} == set(noise._MESSAGES)
    assert {name[4] for name in names} == set(noise.HASHES)


def of(name: str) -> dict[str, Any]:
    (vector,) = [one for one in ALL if one["protocol_name"] == f"Noise_{name}_25519_ChaChaPoly_BLAKE2b"]
    return copy.deepcopy(vector)


def flipped(text: str) -> str:
    return f"{int(text[:2], 16) ^ 1:02x}{text[2:]}"


@pytest.mark.parametrize(
    "key", ["init_prologue", "resp_prologue", "init_ephemeral", "resp_ephemeral", "init_static", "handshake_hash"]
)
def test_any_other_value_fails(key: str) -> None:
    vector = of("XK")
    vector[key] = "ff" * 32 if key.endswith(("static", "ephemeral")) else flipped(vector[key])
    with pytest.raises(Failed):
        noise.run(vector)


@pytest.mark.parametrize("at", range(6))
@pytest.mark.parametrize("key", ["payload", "ciphertext"])
def test_any_other_message_fails(at: int, key: str) -> None:
    vector = of("XX")
    message = vector["messages"][at]
    message[key] = flipped(message[key])
    with pytest.raises(Failed):
        noise.run(vector)


def test_psks_are_taken_in_their_order() -> None:
    vector = of("NNpsk0+psk2")
    noise.run(vector)
    vector["init_psks"].reverse()
    vector["resp_psks"].reverse()
    with pytest.raises(Failed):
        noise.run(vector)


@pytest.mark.parametrize("missing", ["init_psks", "init_static", "messages"])
def test_what_lacks_something_fails(missing: str) -> None:
    vector = of("IKpsk1")
    vector[missing] = []
    if missing == "init_static":
        del vector[missing]
    with pytest.raises(Failed):
        noise.run(vector)


@pytest.mark.parametrize(
    "name",
    [
        "Noise_NN_448_ChaChaPoly_BLAKE2b",
        "Noise_NN_25519_AESGCM_BLAKE2b",
        "Noise_NN_25519_ChaChaPoly_SHA3",
        "Noise_QQ_25519_ChaChaPoly_BLAKE2b",
        "Noise_NNpsk3_25519_ChaChaPoly_BLAKE2b",
        "Noise_NNfallback_25519_ChaChaPoly_BLAKE2b",
        "Noise_NN",
    ],
)
def test_what_is_not_there_is_unsupported(name: str) -> None:
    with pytest.raises(Unsupported):
        noise.run(of("NN") | {"protocol_name": name})
