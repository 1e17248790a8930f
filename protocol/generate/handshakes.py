"""The parts `versions`, `agreement`, `header`, `opening`, `call`, `frame`: the bytes of a conversation (10-crypto)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from protocol.generate.conversation import CALLEE, CALLER, HINTS, Conversation, Drawn, Side, h, joined, x25519, xor
from protocol.generate.hashes import invented
from protocol.generate.vector import Vector, fault

SPOKEN: Final = b"\x02\x02"
LEAST: Final = {
    ("session", CALLER): 1_248,
    ("pairing", CALLER): 1_200,
    ("session", CALLEE): 1_104,
    ("pairing", CALLEE): 1_104,
}
ROLES: Final = {CALLER: "caller", CALLEE: "callee"}


# --- versions -----------------------------------------------------------------------------------


def versions() -> Iterator[Vector]:
    for name, tail, said in (
        ("no tail", b"", (1, 1)),
        ("one zero", b"\0", (1, 1)),
        ("one byte", b"\x07", (1, 1)),
        ("two zeros", b"\0\0", (1, 1)),
        ("511 zeros", bytes(511), (1, 1)),
        ("version 1", b"\x01\x01", (1, 1)),
        ("version 2", b"\x02\x02", (2, 2)),
        ("version 2 and the longest padding", b"\x02\x02" + bytes(509), (2, 2)),
        ("versions 1 to 7, and padding", b"\x01\x07\0\0", (1, 7)),
        ("padding that is not of zeros", b"\x02\x03\xff\xff", (2, 3)),
        ("version 255", b"\xff\xff", (255, 255)),
    ):
        yield Vector("versions", name, {"tail": tail}, result={"versions": list(said)})
    for name, tail in (
        ("a lowest of 0", b"\0\x01"),
        ("a highest below the lowest", b"\x03\x02"),
        ("a highest of 0", b"\x02\0"),
    ):
        yield Vector("versions", name, {"tail": tail}, fault("handshake.versions"))


def agreements() -> Iterator[Vector]:
    pairs = [(1, 1), (2, 2), (1, 2), (2, 3), (3, 3), (1, 3), (4, 9), (255, 255)]
    for ours in pairs:
        for theirs in pairs:
            name = f"{ours[0]} to {ours[1]} and {theirs[0]} to {theirs[1]}"
            given = {"ours": list(ours), "theirs": list(theirs)}
            version = min(ours[1], theirs[1])
            if version >= max(ours[0], theirs[0]):
                yield Vector("agreement", name, given, result={"in_use": version})
            else:
                older = "theirs" if theirs[1] < ours[0] else "ours"
                yield Vector("agreement", name, given, fault("version"), {"older": older})


# --- headers ------------------------------------------------------------------------------------


def covered(kind: str, psk: bytes, role: bytes, context: bytes, ephemeral: bytes, length: int) -> bytes:
    key = h(b"cs1 hint key", b"", psk)
    plain = ephemeral + length.to_bytes(2, "big")
    hint = h(HINTS[kind], role + context + plain, key, 8)
    return hint + xor(plain, h(b"cs1 mask", role + context + hint, key, 34))


def headers() -> Iterator[Vector]:
    for (kind, role), least in LEAST.items():
        yield from headers_of(kind, role, least)


def headers_of(kind: str, role: bytes, least: int) -> Iterator[Vector]:
    psk, context = invented(f"psk {kind}"), b"" if role == CALLER else invented(f"caller's ephemeral {kind}")
    ephemeral = invented(f"ephemeral {kind} {ROLES[role]}")
    steps = {"hint_key": h(b"cs1 hint key", b"", psk)}

    def given(header: bytes, key: bytes = psk) -> dict[str, Any]:
        return {"purpose": kind, "role": ROLES[role], "psk": key, "context": context, "header": header}

    def named(name: str) -> str:
        return f"{name} of a {kind}'s {ROLES[role]}"

    for name, length in (("the shortest", least), ("one with padding", least + 300), ("the longest", least + 511)):
        header = covered(kind, psk, role, context, ephemeral, length)
        yield Vector("header", named(name), given(header), "ok", {"ephemeral": ephemeral, "length": length}, steps)
    for name, length in (("one too short", least - 1), ("one too long", least + 512), ("one of 0 bytes", 0)):
        header = covered(kind, psk, role, context, ephemeral, length)
        yield Vector("header", named(name), given(header), fault("handshake.length"))
    good = covered(kind, psk, role, context, ephemeral, least)
    other_role, other_kind = CALLEE if role == CALLER else CALLER, "pairing" if kind == "session" else "session"
    for name, question in (
        ("a bit flipped in the hint", given(flipped(good, 0))),
        ("a bit flipped in the length", given(flipped(good, -1))),
        ("another key", given(good, invented("another psk"))),
        ("the other role in the header", given(covered(kind, psk, other_role, context, ephemeral, least))),
        ("another purpose in the header", given(covered(other_kind, psk, role, context, ephemeral, least))),
    ):
        yield Vector("header", named(name), question, fault("handshake"))


# --- handshakes ---------------------------------------------------------------------------------


class Told:
    """A conversation in which both sides' randomness is known."""

    def __init__(
        self, kind: str, carrier: str = "lan", callees: bytes | None = None, padding: tuple[int, int] = (7, 11),
        claimed: bytes | None = None,
    ) -> None:  # fmt: skip
        self.kind, self.carrier = kind, carrier
        self.psk = invented(f"psk {kind}")
        self.statics = (invented("caller's static"), invented("callee's static")) if kind == "session" else None
        self.caller = Drawn(invented("caller's ephemeral secret"), invented("caller's seed", 64), padding[0])
        self.callee = Drawn(invented("callee's ephemeral secret"), invented("callee's m"), padding[1])
        self.conversation = Conversation(
            kind, self.psk, SPOKEN, self.caller, self.callee, self.statics, carrier.encode(), callees, claimed
        )
        self.opening, self.reply = joined(self.conversation.opening), joined(self.conversation.reply)
        self.callees = SPOKEN if callees is None else callees

    def called(self) -> dict[str, Any]:
        """What the callee knows."""
        given: dict[str, Any] = {"purpose": self.kind, "carrier": self.carrier, "psk": self.psk}
        return given | ({"static": self.statics[1]} if self.statics else {})

    def calls(self) -> dict[str, Any]:
        """What the caller knows, and draws."""
        given: dict[str, Any] = {"purpose": self.kind, "carrier": self.carrier, "psk": self.psk}
        if self.statics:
            given |= {"static": self.statics[0], "remote_static": x25519(self.statics[1])}
        drawn = {"ephemeral": self.caller.ephemeral, "kem": self.caller.kem}
        return given | drawn | {"versions": list(SPOKEN), "padding": self.caller.padding}


def openings() -> Iterator[Vector]:
    for kind in ("session", "pairing"):
        told = Told(kind)

        def asked(name: str, opening: bytes, rule: str = "", told: Told = told) -> Vector:
            given = told.called() | {"opening": opening}
            if rule:
                return Vector("opening", f"{name} of a {told.kind}", given, fault(rule))
            static = x25519(told.statics[0]) if told.statics else None
            result = {"ephemeral": x25519(told.caller.ephemeral), "static": static, "versions": list(SPOKEN)}
            return Vector("opening", f"{name} of a {told.kind}", given, result=result)

        good = told.opening
        yield asked("an opening", good)
        yield asked("the shortest opening", Told(kind, padding=(0, 0)).opening)
        yield asked("the longest opening", Told(kind, padding=(509, 0)).opening)
        yield asked("a stranger's opening", invented("noise", len(good)), "handshake")
        yield asked("a bit flipped in the header of an opening", flipped(good, 20), "handshake")
        yield asked("a bit flipped at the end of an opening", flipped(good, -1), "handshake")
        yield asked("a byte behind an opening", good + b"\0", "handshake.early")
        yield asked("an opening over another carrier", Told(kind, "relay").opening, "handshake")
        yield asked(
            "an ML-KEM key that fails its check in an opening",
            Told(kind, claimed=b"\xff" * 1_184).opening,
            "key.ml-kem",
        )
        low = covered(kind, told.psk, CALLER, b"", bytes(32), len(good) - 42) + good[42:]
        yield asked(
            "an ephemeral key of low order in an opening", low, "key.x25519" if kind == "session" else "handshake"
        )
    told = Told("session")
    given = told.called() | {"opening": told.opening, "static": invented("another static")}
    yield Vector("opening", "an opening for another device", given, fault("handshake"))


def calls() -> Iterator[Vector]:
    for kind in ("session", "pairing"):
        told = Told(kind)

        def asked(
            name: str, told: Told, reply: bytes = b"", rule: str = "", payloads: Any = (), sends: Any = ()
        ) -> Vector:
            received = [joined(told.conversation.callee.frame([(one, "")])[1]) for one in payloads]
            given = told.calls() | {"reply": reply or told.reply, "received": received, "sends": list(sends)}
            if rule:
                return Vector("call", f"{name} of a {told.kind}", given, fault(rule))
            frames = [joined(told.conversation.caller.frame([(one, "")])[1]) for one in sends]
            said = {"payloads": list(payloads), "frames": frames, "hash": told.conversation.hash}
            result = {"opening": told.opening, "versions": list(told.callees)} | said
            return Vector("call", f"{name} of a {told.kind}", given, result=result)

        good = told.reply
        said = [b"", b"\x91\x06", bytes(254), bytes(255), invented("long", 5_000)]
        yield asked("a call", told, payloads=said, sends=said[::-1])
        yield asked("a call over another carrier", Told(kind, "relay"), payloads=[b"over a relay"])
        yield asked("a call over no carrier", Told(kind, ""))
        yield asked("a call without padding", Told(kind, padding=(0, 0)))
        yield asked("a callee of other versions in a call", Told(kind, callees=b"\x01\x09"))
        yield asked("a stranger's reply to a call", told, invented("noise", len(good)), "handshake")
        yield asked("a bit flipped in the reply to a call", told, flipped(good, -1), "handshake")
        length = covered(kind, told.psk, CALLEE, x25519(told.caller.ephemeral), x25519(told.callee.ephemeral), 1_103)
        yield asked("a reply too short to a call", told, length + good[42:], "handshake.length")
        low = covered(kind, told.psk, CALLEE, x25519(told.caller.ephemeral), bytes(32), len(good) - 42)
        yield asked("an ephemeral key of low order in the reply to a call", told, low + good[42:], "key.x25519")
        yield asked("versions in no order in the reply to a call", *_at_odds(kind), "handshake.versions")
        yield asked("its own opening as the reply to a call", told, told.opening, "handshake")


def _at_odds(kind: str) -> tuple[Told, bytes]:
    told = Told(kind, callees=b"\x03\x02")
    return told, told.reply


def flipped(raw: bytes, at: int) -> bytes:
    changed = bytearray(raw)
    changed[at] ^= 1
    return bytes(changed)


# --- frames -------------------------------------------------------------------------------------


def framed(key: bytes, number: int, plaintext: bytes, length: int | None = None) -> bytes:
    ciphertext = ChaCha20Poly1305(key).encrypt(bytes(4) + number.to_bytes(8, "little"), plaintext, b"")
    mask = h(b"cs1 frame mask", number.to_bytes(8, "big"), h(b"cs1 frame key", b"", key), 2)
    return xor((len(ciphertext) if length is None else length).to_bytes(2, "big"), mask) + ciphertext


def frames() -> Iterator[Vector]:
    key = invented("cipher key")
    frame_key = h(b"cs1 frame key", b"", key)

    def good(name: str, payload: bytes, number: int = 0) -> Vector:
        side = Side(key)
        side.number = number
        frame = joined(side.frame([(payload, "")])[1])
        given = {"key": key, "number": number, "frame": frame}
        return Vector("frame", name, given, result={"payload": payload}, steps={"frame_key": frame_key})

    def bad(name: str, frame: bytes, rule: str, number: int = 0) -> Vector:
        return Vector("frame", name, {"key": key, "number": number, "frame": frame}, fault(rule))

    yield good("an empty payload", b"")
    yield good("one byte", b"\x06")
    for size, next_size in ((256, 1_024), (1_024, 4_096), (4_096, 16_384), (16_384, 65_519)):
        yield good(f"as much as fits into {size}", bytes(size - 2))
        yield good(f"as little as needs {next_size}", invented("payload", size - 1))
    yield good("as much as fits into a frame", invented("payload", 65_517))
    yield good("a payload of zeros", bytes(100))
    for number in (1, 255, 256, (1 << 32) + 1, (1 << 64) - 2):
        yield good(f"frame {number}", b"numbered", number)
    zeros = bytes(254)
    yield bad("beyond the last frame", framed(key, (1 << 64) - 1, bytes(256)), "cap.messages", (1 << 64) - 1)
    plain = framed(key, 0, b"\x00\x05hello".ljust(256, b"\0"))
    yield bad("a bit flipped in a frame", flipped(plain, -1), "opens")
    yield bad("a frame of another number", framed(key, 1, bytes(256), 272), "frame.length")
    again = framed(key, 1, bytes(256))
    replayed = (
        xor(again[:2], xor(*[h(b"cs1 frame mask", n.to_bytes(8, "big"), frame_key, 2) for n in (0, 1)])) + again[2:]
    )
    yield bad("a frame of another number with the right length", replayed, "opens")
    for length in (0, 271, 273, 65_534):
        yield bad(f"a length of {length}", framed(key, 0, bytes(256), length), "frame.length")
    yield bad("a plaintext of no class", framed(key, 0, b"\x00\x05hello".ljust(300, b"\0")), "frame.length")
    yield bad("a frame that breaks off", plain[:-1], "frame.length")
    yield bad("a byte after the frame", plain + b"\0", "frame.length")
    yield bad("a payload longer than its frame", framed(key, 0, b"\x00\xff" + zeros), "frame.payload")
    yield bad("a payload as long as there can be none", framed(key, 0, b"\xff\xff" + zeros), "frame.payload")
    yield bad("a frame larger than it needs to be", framed(key, 0, b"\x00\x05hello".ljust(1_024, b"\0")), "frame.class")
    yield bad("the largest frame for nothing", framed(key, 0, bytes(65_519)), "frame.class")
    yield bad(
        "padding that ends with one", framed(key, 0, b"\x00\x05hello".ljust(255, b"\0") + b"\x01"), "frame.padding"
    )
    yield bad("padding that begins with one", framed(key, 0, b"\x00\x05hello\x01".ljust(256, b"\0")), "frame.padding")


def vectors() -> Iterator[Vector]:
    for make in (versions, agreements, headers, openings, calls, frames):
        yield from make()
