"""Makes protocol/vectors/pairing/pairing.json from protocol/55-pairing.md alone: hashlib, and nothing of cellsync.

    python protocol/generate/pairing.py

Bytes are hexadecimal. The messages are written out by hand, byte by byte, as the specification's table says; the word
list is read from the specification itself.
"""

from __future__ import annotations

import hmac
import json
import re
from base64 import b32encode
from hashlib import blake2b, sha256
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


def integer(value: int) -> bytes:
    """msgpack's shortest form of a number from 0 on."""
    if value < 128:
        return bytes([value])
    head, size = next(
        (head, size) for head, size in ((0xCC, 1), (0xCD, 2), (0xCE, 4), (0xCF, 8)) if value < 1 << (8 * size)
    )
    return bytes([head]) + value.to_bytes(size, "big")


def conversations() -> list[dict[str, Any]]:
    words = word_list()
    vectors = []
    names = ["Alder", "Ноутбук на чердаке", "a name of more than thirty-one bytes"]
    for number, (name, clock) in enumerate(zip(names, [1_790_000_000_000, 0, 86_400_000], strict=True)):
        handshake_hash = invented(f"handshake hash {number}", 64)
        joiners_nonce, inviters_nonce = invented(f"joiner {number}"), invented(f"inviter {number}")
        signing, session, seal = invented(f"e {number}"), invented(f"x {number}"), invented(f"xw {number}", 1_216)
        commitment = h(b"cs1 pair commit", handshake_hash + joiners_nonce)
        keys = b"\x93" + binary(signing) + binary(session) + binary(seal)
        hello = b"\x96\x01\x01" + keys + text(name) + binary(commitment) + integer(clock)
        digest = h(b"cs1 words", handshake_hash + inviters_nonce + joiners_nonce + hello)
        vectors.append(
            {
                "handshake_hash": handshake_hash.hex(),
                "joiners_nonce": joiners_nonce.hex(),
                "inviters_nonce": inviters_nonce.hex(),
                "keys": [signing.hex(), session.hex(), seal.hex()],
                "name": name,
                "commitment": commitment.hex(),
                "clock": clock,
                "hello": hello.hex(),
                "inviters_clock": clock + 300,
                "nonce": (b"\x93\x02" + binary(inviters_nonce) + integer(clock + 300)).hex(),
                "signed": (b"cellsync/1 pairing proof\0" + handshake_hash + hello).hex(),
                "words": [words[byte] for byte in digest[:4]],
            }
        )
    return vectors


# --- the short code -----------------------------------------------------------------------------

Q = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, Q) % Q

Point = tuple[int, int]


def add(one: Point, other: Point) -> Point:
    (x1, y1), (x2, y2) = one, other
    t = D * x1 * x2 * y1 * y2 % Q
    return (x1 * y2 + x2 * y1) * pow(1 + t, -1, Q) % Q, (y1 * y2 + x1 * x2) * pow(1 - t, -1, Q) % Q


def times(scalar: int, point: Point) -> Point:
    result = (0, 1)
    for bit in bin(scalar % L)[2:]:
        result = add(result, result)
        if bit == "1":
            result = add(result, point)
    return result


def unpacked(packed: bytes) -> Point:
    """RFC 8032, section 5.1.3."""
    number = int.from_bytes(packed, "little")
    y, odd = number % 2**255, number >> 255
    square = (y * y - 1) * pow(D * y * y + 1, -1, Q) % Q
    x = pow(square, (Q + 3) // 8, Q)
    if (x * x - square) % Q:
        x = x * pow(2, (Q - 1) // 4, Q) % Q
    assert (x * x - square) % Q == 0
    return (x if x % 2 == odd else Q - x), y


def packed(point: Point) -> bytes:
    return (point[1] + (point[0] % 2 << 255)).to_bytes(32, "little")


B = unpacked((4 * pow(5, -1, Q) % Q).to_bytes(32, "little"))


def constants() -> tuple[Point, Point]:
    m, n = re.findall(r"^    [MN] += ([0-9a-f]{64})$", SPECIFICATION.read_text(), re.MULTILINE)
    return unpacked(bytes.fromhex(m)), unpacked(bytes.fromhex(n))


def hkdf(secret: bytes, info: bytes, size: int) -> bytes:
    """RFC 5869 with SHA-256 and an empty salt."""
    key, block, result = hmac.digest(bytes(32), secret, "sha256"), b"", b""
    for number in range(1, -(-size // 32) + 1):
        block = hmac.digest(key, block + info + bytes([number]), "sha256")
        result += block
    return result[:size]


def short_codes() -> list[dict[str, Any]]:
    m, n = constants()
    words = word_list()
    vectors = []
    for number, indices in ((7, (133, 19, 255)), (99, (0, 0, 0)), (1, (200, 100, 50))):
        text = "-".join([str(number), *(words[index] for index in indices)])
        password = text.encode()
        x_entropy, y_entropy = invented(f"x {text}", 64), invented(f"y {text}", 64)
        x, y = (int.from_bytes(entropy, "big") % L for entropy in (x_entropy, y_entropy))
        w = int.from_bytes(hkdf(password, b"SPAKE2 pw", 48), "big") % L
        big_x, big_y = add(times(x, B), times(w, m)), add(times(y, B), times(w, n))
        shared = times(x, add(big_y, times(-w, n)))
        assert shared == times(y, add(big_x, times(-w, m)))
        elements = packed(big_x) + packed(big_y)
        ids = [sha256(b"cellsync/1 short code\0" + role).digest() for role in (b"\x01", b"\x02")]
        key = sha256(sha256(password).digest() + b"".join(ids) + elements + packed(shared)).digest()
        number_key = h(b"cs1 short number", bytes([number]))
        vectors.append(
            {
                "code": text,
                "number_key": number_key.hex(),
                "beacon_key": h(b"cs1 short tag", b"", number_key).hex(),
                "x_entropy": x_entropy.hex(),
                "y_entropy": y_entropy.hex(),
                "knock": short_header(number_key, b"\x01", b"", packed(big_x)).hex(),
                "answer": short_header(number_key, b"\x02", packed(big_x), packed(big_y)).hex(),
                "proof": h(b"cs1 short proof", b"\x01" + elements, key).hex(),
                "reply": h(b"cs1 short proof", b"\x02" + elements, key).hex(),
                "secret": blake2b(elements, digest_size=16, key=key, person=b"cs1 short secret").hexdigest(),
            }
        )
    return vectors


def short_header(key: bytes, role: bytes, context: bytes, element: bytes) -> bytes:
    hint = blake2b(role + context + element, digest_size=10, key=key, person=b"cs1 short hint").digest()
    mask = h(b"cs1 short mask", role + context + hint, key)
    return hint + bytes(one ^ other for one, other in zip(element, mask, strict=True))


def everything() -> dict[str, dict[str, Any]]:
    return {"pairing.json": {"codes": codes(), "conversations": conversations(), "short_codes": short_codes()}}


if __name__ == "__main__":
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for name, content in everything().items():
        (OUTPUT / name).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
