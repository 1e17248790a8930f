"""The parts `code`, `short` and `pairing` (protocol/55-pairing.md). The list of words is read from the text itself."""

from __future__ import annotations

import hmac
import re
from base64 import b32encode
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Final

from nacl.signing import SigningKey

from protocol.generate.conversation import x25519, xor
from protocol.generate.curve import (
    BASE,
    LOW_ORDER,
    NEUTRAL,
    NOT_REDUCED,
    OFF_THE_CURVE,
    WITH_TORSION,
    L,
    add,
    decoded,
    encoded,
    times,
)
from protocol.generate.encapsulation import xwing_keys
from protocol.generate.hashes import h, invented
from protocol.generate.packed import packed
from protocol.generate.vector import VECTORS, Vector, fault, shown

TEXT: Final = (VECTORS.parent / "55-pairing.md").read_text()
WORDS: Final[list[str]] = re.findall(r"[a-z]+", TEXT.split("## The words")[1].split("```")[1])


# --- the code -----------------------------------------------------------------------------------


def characters(secret: bytes) -> str:
    return b32encode(secret + h("cs1 pair check", secret)[:4]).decode()


def grouped(of: str) -> str:
    return "-".join(re.findall("....", of))


def codes() -> Iterator[Vector]:
    def read(name: str, typed: str, secret: bytes) -> Vector:
        result = {
            "secret": secret,
            "written": grouped(characters(secret)),
            "qr": "CELLSYNC:" + characters(secret),
            "psk": h("cs1 pair psk", key=secret),
            "beacon_key": h("cs1 pair tag", key=secret),
        }
        return Vector("code", name, {"code": typed}, result=result)

    def no_code(name: str, typed: str) -> Vector:
        return Vector(
            "code", name, {"code": typed}, result=dict.fromkeys(("secret", "written", "qr", "psk", "beacon_key"))
        )

    for name, secret in (
        ("a code of zeros", bytes(16)),
        ("a code of ones", b"\xff" * 16),
        ("a code that counts", bytes(range(16))),
        ("a code", invented("secret", 16)),
    ):
        yield read(name, grouped(characters(secret)), secret)
    secret = bytes(range(16))
    plain = characters(secret)
    assert "O" in plain or "I" in plain or "B" in plain
    yield read("as a QR code says it", "CELLSYNC:" + plain, secret)
    yield read("in small letters", grouped(plain).lower(), secret)
    yield read("with a prefix in small letters", "cellsync:" + plain.lower(), secret)
    yield read("without dashes", plain, secret)
    yield read("with blanks and line ends", " " + plain[:10] + " \n\t" + plain[10:] + "\r\n", secret)
    yield read("with dashes of every kind", "\u2013".join(re.findall("....", plain)) + "\u2212_", secret)
    yield read("with format characters", "\ufeff" + "\u200b".join(plain), secret)
    yield read("with digits that look alike", plain.translate(str.maketrans("OIB", "018")), secret)
    wrong = ("B" if plain[0] == "A" else "A") + plain[1:]
    yield no_code("a letter that is wrong", grouped(wrong))
    yield no_code("two letters in each other's place", grouped(plain[:9] + plain[10] + plain[9] + plain[11:]))
    yield no_code("31 letters", plain[:31])
    yield no_code("33 letters", plain + "A")
    yield no_code("a digit that there is not", "9" + plain[1:])
    yield no_code("an empty code", "")
    yield no_code("a short code in place of a long one", "7-orbit-maple-tulip")


# --- the short code -----------------------------------------------------------------------------


def constants() -> tuple[tuple[int, int], ...]:
    return tuple(
        decoded(bytes.fromhex(found)) for found in re.findall(r"^    [MN] += ([0-9a-f]{64})$", TEXT, re.MULTILINE)
    )


def hkdf(secret: bytes, info: bytes, size: int) -> bytes:
    """RFC 5869 with SHA-256 and an empty salt."""
    key, block, result = hmac.digest(bytes(32), secret, "sha256"), b"", b""
    for number in range(1, -(-size // 32) + 1):
        block = hmac.digest(key, block + info + bytes([number]), "sha256")
        result += block
    return result[:size]


def header(key: bytes, role: bytes, context: bytes, element: bytes) -> bytes:
    hint = h("cs1 short hint", role + context + element, key, 10)
    return hint + xor(element, h("cs1 short mask", role + context + hint, key))


def short_codes() -> Iterator[Vector]:
    m, n = constants()
    for number, indices, typed in (
        (7, (133, 19, 255), None),
        (99, (0, 0, 0), None),
        (1, (200, 100, 50), None),
        (7, (133, 19, 255), " 7 {} - {}\u2013{}. "),
        (12, (1, 2, 3), "12{} {} {}"),
    ):
        words = [WORDS[index] for index in indices]
        code = "-".join([str(number), *words])
        x_entropy, y_entropy = invented(f"x {code}", 64), invented(f"y {code}", 64)
        x, y = (int.from_bytes(entropy, "big") % L for entropy in (x_entropy, y_entropy))
        w = int.from_bytes(hkdf(code.encode(), b"SPAKE2 pw", 48), "big") % L
        one, other = add(times(x, BASE), times(w, m)), add(times(y, BASE), times(w, n))
        shared = times(x, add(other, times(L - w, n)))
        assert shared == times(y, add(one, times(L - w, m)))
        elements = encoded(one) + encoded(other)
        ids = b"".join(sha256(b"cellsync/1 short code\0" + role).digest() for role in (b"\x01", b"\x02"))
        key = sha256(sha256(code.encode()).digest() + ids + elements + encoded(shared)).digest()
        number_key = h("cs1 short number", bytes([number]))
        result = {
            "number_key": number_key,
            "beacon_key": h("cs1 short tag", key=number_key),
            "knock": header(number_key, b"\x01", b"", encoded(one)),
            "answer": header(number_key, b"\x02", encoded(one), encoded(other)),
            "proof": h("cs1 short proof", b"\x01" + elements, key),
            "reply": h("cs1 short proof", b"\x02" + elements, key),
            "secret": h("cs1 short secret", elements, key, 16),
        }
        said = code if typed is None else typed.format(*(word.upper() for word in words))
        given = {"code": said, "x": x_entropy, "y": y_entropy}
        yield Vector("short", code if typed is None else f"{code} as typed", given, result=result)


def knocks() -> Iterator[Vector]:
    """What an inviter makes of the first 42 bytes."""
    code, number_key = f"7-{WORDS[133]}-{WORDS[19]}-{WORDS[255]}", h("cs1 short number", b"\x07")
    m, n = constants()
    y_entropy = invented("y", 64)
    w = int.from_bytes(hkdf(code.encode(), b"SPAKE2 pw", 48), "big") % L
    own = encoded(add(times(int.from_bytes(y_entropy, "big") % L, BASE), times(w, n)))
    element = encoded(add(times(0x5EED, BASE), times(w, m)))

    def knock(name: str, sent: bytes, rule: str = "") -> Vector:
        given = {"code": code, "y": y_entropy, "knock": sent}
        if rule:
            return Vector("knock", name, given, fault(rule))
        return Vector("knock", name, given, result={"answer": header(number_key, b"\x02", element, own)})

    good = header(number_key, b"\x01", b"", element)
    yield knock("a knock", good)
    yield knock(
        "a knock under another number", header(h("cs1 short number", b"\x08"), b"\x01", b"", element), "handshake"
    )
    yield knock("a knock in the other role", header(number_key, b"\x02", b"", element), "handshake")
    yield knock("a knock with a bit flipped", good[:-1] + bytes([good[-1] ^ 1]), "handshake")
    for name, bad in (
        ("of order 8", LOW_ORDER),
        ("with a part of order 8", WITH_TORSION),
        ("that is the neutral element", encoded(NEUTRAL)),
        ("that is not reduced", NOT_REDUCED),
        ("off the curve", OFF_THE_CURVE),
        ("that is the inviter's own", own),
    ):
        yield knock(f"an element {name}", header(number_key, b"\x01", b"", bad), "short.element")


# --- the conversation ---------------------------------------------------------------------------

HASH: Final = invented("handshake hash", 64)
JOINERS, INVITERS = invented("joiner's nonce"), invented("inviter's nonce")
KEY: Final = SigningKey(invented("joiner's signing key"))
KEYS: Final = [KEY.verify_key.encode(), x25519(invented("joiner's session key")), xwing_keys(invented("seal"))[2]]
NOON: Final = 1_790_000_000_000
COMMITMENT: Final = h("cs1 pair commit", HASH + JOINERS)
HELLO: Final[list[Any]] = [1, 1, KEYS, "Ben", COMMITMENT, NOON]
NONCE: Final[list[Any]] = [2, INVITERS, NOON]
WELCOME: Final[list[Any]] = [
    5, invented("circle"), invented("device"), invented("epoch"),
    [20_717, *(invented(f"{branch} state") for branch in ("session", "spool", "discovery", "bundle"))],
    invented("sponsor"), x25519(invented("sponsor's session key")),
]  # fmt: skip


def changed(message: list[Any], at: int, value: Any) -> list[Any]:
    return [*message[:at], value, *message[at + 1 :]]


def signed(hello: bytes, over: bytes = HASH, key: SigningKey = KEY) -> bytes:
    return key.sign(b"cellsync/1 pairing proof\0" + over + hello).signature


def messages() -> Iterator[Vector]:
    def good(turn: str, name: str, message: list[Any]) -> Vector:
        return Vector("pairing", name, {"turn": turn, "message": packed(message)}, result={"value": shown(message)})

    def bad(turn: str, name: str, message: Any, rule: str) -> Vector:
        return Vector("pairing", name, {"turn": turn, "message": packed(message)}, fault(rule))

    yield good("hello", "HELLO", HELLO)
    yield good("hello", "HELLO with a Cyrillic name", changed(HELLO, 3, "Ноутбук на чердаке"))
    yield good("hello", "HELLO with a name of 256 bytes", changed(HELLO, 3, "a" * 256))
    yield good("hello", "HELLO at the first moment", changed(HELLO, 5, 0))
    yield good("hello", "HELLO at the last moment", changed(HELLO, 5, (1 << 63) - 1))
    yield good("nonce", "NONCE", NONCE)
    yield good("verdict", "VERDICT", [4, True])
    yield good("verdict", "VERDICT that declines", [4, False])
    yield good("welcome", "WELCOME", WELCOME)
    yield good("done", "DONE", [6])
    for reason in (0, 1, 4, 255):
        yield good("refusal", f"REFUSAL for reason {reason}", [7, reason])
    for what, refusal in (
        ("without a reason", [7]),
        ("for reason 256", [7, 256]),
        ("for a reason below 0", [7, -1]),
        ("for a reason that is true", [7, True]),
        ("that says more", [7, 1, "taken"]),
    ):
        yield bad("refusal", f"REFUSAL {what}", refusal, "pairing.message")

    others = [
        SigningKey(invented("a member's signing key")).verify_key.encode(),
        x25519(invented("a member's session key")),
    ]
    other = [*others, xwing_keys(invented("a member's seal"))[2]]

    def taken(*devices: list[bytes]) -> dict[str, Any]:
        return {"turn": "hello", "message": packed(HELLO), "taken": devices}

    yield Vector("pairing", "HELLO of a device that is new", taken(other), result={"value": shown(HELLO)})
    for at, what in enumerate(("signing", "session", "seal")):
        one = changed(other, at, KEYS[at])
        yield Vector(
            "pairing", f"HELLO with a {what} key that is taken", taken(other, one), fault("pairing.keys-taken")
        )
    yield bad("hello", "HELLO with two keys", changed(HELLO, 2, KEYS[:2]), "entry.keys")
    yield bad(
        "hello", "HELLO with a signing key of small order", changed(HELLO, 2, [LOW_ORDER, *KEYS[1:]]), "entry.keys"
    )
    yield bad(
        "hello", "HELLO with a session key of zeros", changed(HELLO, 2, [KEYS[0], bytes(32), KEYS[2]]), "key.x25519"
    )
    yield bad(
        "hello", "HELLO with a session key of 31 bytes", changed(HELLO, 2, [KEYS[0], bytes(31), KEYS[2]]), "key.x25519"
    )
    yield bad(
        "hello", "HELLO with a seal key that is none", changed(HELLO, 2, [*KEYS[:2], b"\xff" * 1_216]), "key.x-wing"
    )
    yield bad(
        "hello", "HELLO with a seal key of 1,215 bytes", changed(HELLO, 2, [*KEYS[:2], KEYS[2][:-1]]), "key.x-wing"
    )
    half = KEYS[2][:1_184] + bytes(32)
    yield bad("hello", "HELLO with half a seal key of low order", changed(HELLO, 2, [*KEYS[:2], half]), "key.x-wing")
    yield bad("hello", "HELLO without a name", changed(HELLO, 3, ""), "entry.name")
    yield bad("hello", "HELLO with a name of 257 bytes", changed(HELLO, 3, "a" * 257), "entry.name")
    yield bad("hello", "HELLO with a name that is a binary", changed(HELLO, 3, b"Ben"), "entry.name")
    yield bad("hello", "HELLO with a clock below 0", changed(HELLO, 5, -1), "pairing.clock")
    yield bad("hello", "HELLO with a clock too late", changed(HELLO, 5, 1 << 63), "pairing.clock")
    yield bad("hello", "HELLO with a clock that is a float", changed(HELLO, 5, 1.0), "pairing.clock")
    yield bad("hello", "HELLO without a clock", HELLO[:5], "pairing.message")
    yield bad("hello", "HELLO of another form", changed(HELLO, 1, 2), "pairing.message")
    yield bad("hello", "HELLO of a form that is true", changed(HELLO, 1, True), "pairing.message")
    yield bad("hello", "HELLO with a commitment of 31 bytes", changed(HELLO, 4, COMMITMENT[:31]), "pairing.message")
    yield bad("nonce", "NONCE of 31 bytes", changed(NONCE, 1, INVITERS[:31]), "pairing.message")
    yield bad("nonce", "NONCE without a clock", NONCE[:2], "pairing.message")
    yield bad("nonce", "NONCE with a clock that is nil", changed(NONCE, 2, None), "pairing.clock")
    yield bad("verdict", "VERDICT of 1", [4, 1], "pairing.message")
    yield bad("verdict", "VERDICT of nil", [4, None], "pairing.message")
    yield bad("welcome", "WELCOME to a circle of 31 bytes", changed(WELCOME, 1, bytes(31)), "pairing.message")
    yield bad("welcome", "WELCOME with a session key of zeros", changed(WELCOME, 6, bytes(32)), "key.x25519")
    states: list[Any] = WELCOME[4]
    yield bad("welcome", "WELCOME with three states", changed(WELCOME, 4, states[:4]), "epoch.branches")
    yield bad(
        "welcome",
        "WELCOME with a state of 31 bytes",
        changed(WELCOME, 4, changed(states, 2, bytes(31))),
        "epoch.branches",
    )
    yield bad("welcome", "WELCOME on a day below 0", changed(WELCOME, 4, changed(states, 0, -1)), "epoch.branches")
    yield bad(
        "welcome", "WELCOME on a day that is a boolean", changed(WELCOME, 4, changed(states, 0, True)), "epoch.branches"
    )
    yield bad(
        "welcome", "WELCOME on a day of five bytes", changed(WELCOME, 4, changed(states, 0, 1 << 32)), "epoch.branches"
    )
    yield bad("done", "DONE that says more", [6, True], "pairing.message")
    yield bad("done", "a message 8", [8], "pairing.message")
    yield bad("done", "a message 0", [0], "pairing.message")
    yield bad("verdict", "a message whose number is true", [True, True], "pairing.message")
    yield bad("verdict", "a message that is no array", {}, "pairing.message")
    yield bad("verdict", "an empty message", [], "pairing.message")
    for turn, message in (
        ("hello", NONCE),
        ("nonce", HELLO),
        ("verdict", [6]),
        ("welcome", [4, True]),
        ("done", WELCOME),
        ("done", [7, 1]),
    ):
        yield bad(turn, f"message {message[0]} in place of {turn.upper()}", message, "pairing.turn")
    long = {"turn": "verdict", "message": packed([4, bytes(2_048)])}
    yield Vector("pairing", "a message over its cap", long, fault("cap.pairing"))
    after = {"turn": "verdict", "message": packed([4, True]) + b"\0"}
    yield Vector("pairing", "a byte after a message", after, fault("codec.msgpack"))
    longer = {"turn": "verdict", "message": b"\xdc\x00\x02\x04\xc3"}
    yield Vector("pairing", "a message in a longer encoding", longer, fault("codec.canonical"))
    deep = {"turn": "verdict", "message": packed([4, [[[[[[[[]]]]]]]]])}
    yield Vector("pairing", "a message too deep", deep, fault("cap.nesting"))


def reveals() -> Iterator[Vector]:
    hello = packed(HELLO)

    def reveal(name: str, message: list[Any], rule: str = "", hello: bytes = hello, over: bytes = HASH) -> Vector:
        given = {"turn": "reveal", "message": packed(message), "hash": over, "hello": hello, "nonce": INVITERS}
        if rule:
            return Vector("pairing", name, given, fault(rule))
        digest = h("cs1 words", over + INVITERS + JOINERS + hello)
        words = [WORDS[byte] for byte in digest[:4]]
        return Vector(
            "pairing", name, given, result={"value": shown(message), "words": words}, steps={"digest": digest}
        )

    good = [3, JOINERS, signed(hello)]
    yield reveal("REVEAL", good)
    other = packed(changed(HELLO, 3, "Ноутбук на чердаке"))
    yield reveal("REVEAL after another name", [3, JOINERS, signed(other)], hello=other)
    long = packed(changed(changed(HELLO, 3, "a name of more than thirty-one bytes"), 5, 86_400_000))
    yield reveal("REVEAL after another clock", [3, JOINERS, signed(long)], hello=long)
    yield reveal("REVEAL of another nonce", [3, INVITERS, signed(hello)], "pairing.commitment")
    yield reveal(
        "REVEAL in another conversation", [3, JOINERS, signed(hello)], "pairing.commitment", over=invented("o", 64)
    )
    yield reveal("REVEAL with a proof of another HELLO", [3, JOINERS, signed(other)], "pairing.proof")
    yield reveal(
        "REVEAL with a proof of another conversation", [3, JOINERS, signed(hello, INVITERS * 2)], "pairing.proof"
    )
    stolen = signed(hello, key=SigningKey(invented("another's signing key")))
    yield reveal("REVEAL with a proof of another key", [3, JOINERS, stolen], "pairing.proof")
    yield reveal("REVEAL of 31 bytes", [3, JOINERS[:31], signed(hello)], "pairing.message")
    yield reveal("REVEAL with a signature of 63 bytes", [3, JOINERS, signed(hello)[:63]], "pairing.message")
    yield reveal("NONCE in place of REVEAL", NONCE, "pairing.turn")


def vectors() -> Iterator[Vector]:
    for make in (codes, short_codes, knocks, messages, reveals):
        yield from make()
