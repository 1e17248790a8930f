"""Makes protocol/vectors/crypto/*.json from protocol/10-crypto.md alone: hashlib, and nothing of cellsync.

    python protocol/generate/crypto.py

Each line below restates one line of the specification, so that an implementation in another language can be
checked against these files without trusting the one in this repository. Bytes are hexadecimal.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from pathlib import Path
from typing import Any

OUTPUT = Path(__file__).parent.parent / "vectors" / "crypto"

SUITE = b"25519_ChaChaPoly_BLAKE2b"
BRANCHES = {"session": b"cs1 session", "spool": b"cs1 spool", "discovery": b"cs1 discovery", "bundle": b"cs1 bundle"}
HINT_LABELS = {"session": b"cs1 hint", "pairing": b"cs1 pair hint"}
ROLES = {"caller": b"\x01", "callee": b"\x02"}


def h(label: bytes, data: bytes, key: bytes, size: int = 32) -> bytes:
    return blake2b(data, digest_size=size, key=key, person=label).digest()


def invented(name: str, size: int = 32) -> bytes:
    """Bytes without meaning, the same on every run."""
    return blake2b(name.encode(), digest_size=size).digest()


# --- ratchet ------------------------------------------------------------------------------------


def branch_states(root: bytes, first: int, day: int) -> dict[str, bytes]:
    states = {name: h(label, first.to_bytes(4, "big"), root) for name, label in BRANCHES.items()}
    for later in range(first + 1, day + 1):
        states = {name: h(b"cs1 ratchet", later.to_bytes(4, "big"), state) for name, state in states.items()}
    return states


def ratchet() -> list[dict[str, Any]]:
    vectors = []
    for number, (first, day) in enumerate([(0, 0), (20_000, 20_000), (20_000, 20_001), (20_454, 20_819)]):
        root, circle = invented(f"root {number}"), invented(f"circle {number}")
        states = branch_states(root, first, day)
        vectors.append(
            {
                "root": root.hex(),
                "first_day": first,
                "day": day,
                "circle": circle.hex(),
                "commitment": h(b"cs1 commitment", b"", root).hex(),
                "states": {name: state.hex() for name, state in states.items()},
                "psk": h(b"cs1 psk", circle, states["session"]).hex(),
            }
        )
    return vectors


# --- channel ------------------------------------------------------------------------------------


def xor(one: bytes, two: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, two, strict=True))


def headers() -> list[dict[str, Any]]:
    vectors = []
    for kind, label in HINT_LABELS.items():
        for role, role_byte in ROLES.items():
            psk = invented(f"psk {kind}")
            key = h(b"cs1 hint key", b"", psk)
            context = b"" if role == "caller" else invented(f"caller's ephemeral {kind}")
            ephemeral = invented(f"ephemeral {kind} {role}")
            length = {"caller": 1_700, "callee": 1_104}[role]
            plain = ephemeral + length.to_bytes(2, "big")
            hint = h(label, role_byte + context + plain, key, 8)
            mask = h(b"cs1 mask", role_byte + context + hint, key, 34)
            vectors.append(
                {
                    "kind": kind,
                    "role": role,
                    "psk": psk.hex(),
                    "hint_key": key.hex(),
                    "context": context.hex(),
                    "ephemeral": ephemeral.hex(),
                    "length": length,
                    "header": (hint + xor(plain, mask)).hex(),
                }
            )
    return vectors


def frame_masks() -> list[dict[str, Any]]:
    vectors = []
    for number in (0, 1, 255, 256, (1 << 64) - 2):
        cipher_key = invented(f"cipher key {number}")
        key = h(b"cs1 frame key", b"", cipher_key)
        mask = h(b"cs1 frame mask", number.to_bytes(8, "big"), key, 2)
        vectors.append({"cipher_key": cipher_key.hex(), "frame": number, "frame_key": key.hex(), "mask": mask.hex()})
    return vectors


def tails() -> list[dict[str, Any]]:
    """What may follow the ML-KEM key in a handshake's payload: the versions that it says; None where it is refused."""
    said: list[tuple[bytes, tuple[int, int] | None]] = [
        (b"", (1, 1)),
        (b"\0", (1, 1)),
        (b"\0\0", (1, 1)),
        (bytes(511), (1, 1)),
        (b"\1\1", (1, 1)),
        (b"\2\2", (2, 2)),
        (b"\2\2" + bytes(509), (2, 2)),
        (b"\1\x07\0\0", (1, 7)),
        (b"\xff\xff", (255, 255)),
        (b"\0\1", None),
        (b"\3\2", None),
        (b"\2\0", None),
    ]
    return [{"tail": tail.hex(), "versions": None if versions is None else [*versions]} for tail, versions in said]


def agreements() -> list[dict[str, Any]]:
    """Which version is in use between two builds, and if there is none, whose is older."""
    pairs = [(1, 1), (2, 2), (1, 2), (2, 3), (3, 3), (1, 3), (4, 9), (255, 255)]
    vectors = []
    for ours in pairs:
        for theirs in pairs:
            version = min(ours[1], theirs[1])
            if version >= max(ours[0], theirs[0]):
                vectors.append({"ours": [*ours], "theirs": [*theirs], "in_use": version, "older": None})
            else:
                older = "theirs" if theirs[1] < ours[0] else "ours"
                vectors.append({"ours": [*ours], "theirs": [*theirs], "in_use": None, "older": older})
    return vectors


def prologues() -> list[dict[str, Any]]:
    return [
        {"carrier": carrier, "prologue": (b"cellsync/1 noise\0\x01" + SUITE + b"\0" + carrier.encode()).hex()}
        for carrier in ("tcp", "relay", "")
    ]


def everything() -> dict[str, dict[str, Any]]:
    return {
        "ratchet.json": {"vectors": ratchet()},
        "channel.json": {"headers": headers(), "frame_masks": frame_masks(), "prologues": prologues()},
        "versions.json": {"tails": tails(), "agreements": agreements()},
    }


if __name__ == "__main__":
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for name, content in everything().items():
        (OUTPUT / name).write_text(json.dumps(content, indent=1) + "\n")
