"""Makes protocol/vectors/pairing/pairing.json from protocol/55-pairing.md alone: hashlib, and nothing of cellsync.

    python protocol/generate/pairing.py

Bytes are hexadecimal. The messages are written out by hand, byte by byte, as the specification's table says; the word
list is read from the specification itself.
"""

from __future__ import annotations

import json
import re
from base64 import b32encode
from hashlib import blake2b
from pathlib import Path
from typing import Any

SPECIFICATION = Path(__file__).parent.parent / "55-pairing.md"
OUTPUT = Path(__file__).parent.parent / "vectors" / "pairing"


def h(label: bytes, data: bytes, key: bytes = b"") -> bytes:
    return blake2b(data, digest_size=32, key=key, person=label).digest()


def invented(name: str, size: int = 32) -> bytes:
    """Bytes without meaning, the same on every run."""
    return b"".join(blake2b(f"{name} {n}".encode()).digest() for n in range(size // 64 + 1))[:size]


def word_list() -> list[str]:
    block = SPECIFICATION.read_text().split("## The words")[1].split("```")[1]
    words: list[str] = re.findall(r"[a-z]+", block)
    return words


# --- the code -----------------------------------------------------------------------------------


def codes() -> list[dict[str, str]]:
    vectors = []
    for secret in (bytes(16), b"\xff" * 16, bytes(range(16)), invented("secret", 16)):
        characters = b32encode(secret + h(b"cs1 pair check", secret)[:4]).decode()
        vectors.append(
            {
                "secret": secret.hex(),
                "code": "-".join(re.findall("....", characters)),
                "qr": "CELLSYNC:" + characters,
                "psk": h(b"cs1 pair psk", b"", secret).hex(),
                "beacon_key": h(b"cs1 pair tag", b"", secret).hex(),
            }
        )
    return vectors


# --- the words ----------------------------------------------------------------------------------


def binary(data: bytes) -> bytes:
    """msgpack bin 8 or bin 16."""
    return b"\xc4" + bytes([len(data)]) + data if len(data) < 256 else b"\xc5" + len(data).to_bytes(2, "big") + data


def text(value: str) -> bytes:
    """msgpack fixstr or str 8."""
    data = value.encode()
    return bytes([0xA0 + len(data)]) + data if len(data) < 32 else b"\xd9" + bytes([len(data)]) + data


def conversations() -> list[dict[str, Any]]:
    words = word_list()
    vectors = []
    for number, name in enumerate(["Alder", "Ноутбук на чердаке", "a name of more than thirty-one bytes"]):
        handshake_hash = invented(f"handshake hash {number}", 64)
        joiners_nonce, inviters_nonce = invented(f"joiner {number}"), invented(f"inviter {number}")
        signing, session, seal = invented(f"e {number}"), invented(f"x {number}"), invented(f"xw {number}", 1_216)
        commitment = h(b"cs1 pair commit", handshake_hash + joiners_nonce)
        keys = b"\x93" + binary(signing) + binary(session) + binary(seal)
        hello = b"\x95\x01\x01" + keys + text(name) + binary(commitment)
        digest = h(b"cs1 words", handshake_hash + inviters_nonce + joiners_nonce + hello)
        vectors.append(
            {
                "handshake_hash": handshake_hash.hex(),
                "joiners_nonce": joiners_nonce.hex(),
                "inviters_nonce": inviters_nonce.hex(),
                "keys": [signing.hex(), session.hex(), seal.hex()],
                "name": name,
                "commitment": commitment.hex(),
                "hello": hello.hex(),
                "signed": (b"cellsync/1 pairing proof\0" + handshake_hash + hello).hex(),
                "words": [words[byte] for byte in digest[:4]],
            }
        )
    return vectors


def everything() -> dict[str, dict[str, Any]]:
    return {"pairing.json": {"codes": codes(), "conversations": conversations()}}


if __name__ == "__main__":
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for name, content in everything().items():
        (OUTPUT / name).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
