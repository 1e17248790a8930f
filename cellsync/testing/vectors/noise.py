"""Published vectors of the Noise Protocol Framework, in the JSON form of cacophony and snow.

A file is `{"vectors": [vector, …]}`. A vector names its protocol, gives both sides' keys, prologue and psks as
hexadecimal texts, and then the payload and ciphertext of each message: first those of the handshake, then those of the
conversation, in turns (a one-way pattern has only one writer). It may have the handshake hash.

The handshake patterns are those of the specification (revision 34, sections 7.4, 7.5 and 18.1) with any psk modifiers.
A vector of another key agreement or cipher, or with another modifier, is *unsupported*.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2s, sha256, sha512
from typing import Any, Final

from cellsync.core.crypto.noise import BLAKE2B, HandshakeState, Hash, Pattern
from cellsync.core.errors import CellsyncError
from cellsync.core.ids import Psk, SessionPublic, SessionSecret
from cellsync.testing.vectors.verdict import Failed, Unsupported

HASHES: Final = {
    one.name.decode(): one
    for one in (BLAKE2B, Hash(b"BLAKE2s", blake2s), Hash(b"SHA256", sha256), Hash(b"SHA512", sha512))
}

# The messages of each pattern, from the initiator and from the responder in turns.
_MESSAGES: Final = {
    "N": "e es",
    "K": "e es ss",
    "X": "e es s ss",
    "NN": "e / e ee",
    "NK": "e es / e ee",
    "NX": "e / e ee s es",
    "XN": "e / e ee / s se",
    "XK": "e es / e ee / s se",
    "XX": "e / e ee s es / s se",
    "KN": "e / e ee se",
    "KK": "e es ss / e ee se",
    "KX": "e / e ee se s es",
    "IN": "e s / e ee se",
    "IK": "e es s ss / e ee se",
    "IX": "e s / e ee se s es",
    "NK1": "e / e ee es",
    "NX1": "e / e ee s / es",
    "X1N": "e / e ee / s / se",
    "X1K": "e es / e ee / s / se",
    "XK1": "e / e ee es / s se",
    "X1K1": "e / e ee es / s / se",
    "X1X": "e / e ee s es / s / se",
    "XX1": "e / e ee s / es s se",
    "X1X1": "e / e ee s / es s / se",
    "K1N": "e / e ee / se",
    "K1K": "e es / e ee / se",
    "KK1": "e / e ee se es",
    "K1K1": "e / e ee es / se",
    "K1X": "e / e ee s es / se",
    "KX1": "e / e ee se s / es",
    "K1X1": "e / e ee s / se es",
    "I1N": "e s / e ee / se",
    "I1K": "e es s / e ee / se",
    "IK1": "e s / e ee se es",
    "I1K1": "e s / e ee es / se",
    "I1X": "e s / e ee s es / se",
    "IX1": "e s / e ee se s / es",
    "I1X1": "e s / e ee s / se es",
}


def pattern(name: str) -> Pattern:
    """The pattern of this name, such as `IK1` or `XXpsk0+psk3`. Raises Unsupported."""
    base, _, modifiers = name.partition("psk")
    if base not in _MESSAGES:
        raise Unsupported("pattern")
    messages = [message.split() for message in _MESSAGES[base].split(" / ")]
    for modifier in modifiers.split("+psk") if modifiers else ():
        if not modifier.isdecimal() or int(modifier) > len(messages):
            raise Unsupported("modifier")
        if modifier == "0":
            messages[0].insert(0, "psk")
        else:
            messages[int(modifier) - 1].append("psk")
    caller_is_known, callee_is_known = base[0] == "K", len(base) == 1 or "K" in base[1:]
    return Pattern(
        name.encode(), ("s",) * caller_is_known, ("s",) * callee_is_known, tuple(tuple(one) for one in messages)
    )


def is_file(content: object) -> bool:
    """Whether a file has such vectors, and nothing else."""
    vectors = content.get("vectors") if isinstance(content, dict) else None
    known = isinstance(vectors, list) and all(isinstance(one, dict) and "protocol_name" in one for one in vectors)
    return bool(vectors) and known


def run(vector: Mapping[str, Any]) -> None:
    """Carry out both sides of a vector. Raises Failed where one of them differs, Unsupported."""
    parts = vector["protocol_name"].split("_")
    if len(parts) != 5 or parts[2:4] != ["25519", "ChaChaPoly"] or parts[4] not in HASHES:
        raise Unsupported("suite")
    if vector.get("fallback"):
        raise Unsupported("fallback")
    chosen = pattern(parts[1])
    try:
        sides = [_side(chosen, HASHES[parts[4]], vector, caller) for caller in (True, False)]
        _converse(chosen, sides, vector)
    except CellsyncError as error:
        raise Failed(error.code) from None


def _side(chosen: Pattern, function: Hash, vector: Mapping[str, Any], caller: bool) -> HandshakeState:
    whose = "init" if caller else "resp"
    static = vector.get(f"{whose}_static")
    remote = vector.get(f"{whose}_remote_static")
    return HandshakeState(
        chosen,
        caller,
        bytes.fromhex(vector.get(f"{whose}_prologue", "")),
        static=None if static is None else SessionSecret(bytes.fromhex(static)),
        remote_static=None if remote is None else SessionPublic(bytes.fromhex(remote)),
        psks=[Psk(bytes.fromhex(psk)) for psk in vector.get(f"{whose}_psks", ())],
        function=function,
    )


def _converse(chosen: Pattern, sides: list[HandshakeState], vector: Mapping[str, Any]) -> None:
    ephemerals = [vector.get(f"{whose}_ephemeral") for whose in ("init", "resp")]
    messages = [(bytes.fromhex(one["payload"]), bytes.fromhex(one["ciphertext"])) for one in vector["messages"]]
    count = len(chosen.messages)
    if len(messages) < count:
        raise Failed("fewer messages than the handshake has")
    for turn, (payload, ciphertext) in enumerate(messages[:count]):
        writer, reader, given = sides[turn % 2], sides[1 - turn % 2], ephemerals[turn % 2]
        ephemeral = None if given is None else SessionSecret(bytes.fromhex(given))
        _same("a message of the handshake", writer.write_message(payload, ephemeral), ciphertext)
        _same("a payload", reader.read_message(ciphertext), payload)
    if "handshake_hash" in vector:
        for side in sides:
            _same("the handshake hash", side.handshake_hash, bytes.fromhex(vector["handshake_hash"]))
    sending, receiving = (side.split() for side in sides)
    one_way = count == 1
    for turn, (payload, ciphertext) in enumerate(messages[count:], start=count):
        direction = 0 if one_way else turn % 2
        _same("a message", sending[direction].encrypt_with_ad(b"", payload), ciphertext)
        _same("a payload", receiving[direction].decrypt_with_ad(b"", ciphertext), payload)


def _same(what: str, ours: bytes, published: bytes) -> None:
    if ours != published:
        raise Failed(what)
