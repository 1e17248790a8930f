"""Makes protocol/transcript.md and protocol/transcript.json from the text alone: nothing of cellsync.

    python -m protocol.generate

A pairing, a session, two batches and their acknowledgements, byte by byte; then one batch explained by itself.
"""

from __future__ import annotations

import json
import re
from base64 import b32encode
from pathlib import Path
from typing import Any, NamedTuple

from protocol.generate import story
from protocol.generate.conversation import Conversation, Drawn, Piece, Pieces, Side, h, joined
from protocol.generate.packing import array, binary, boolean, integer, numbers, text
from protocol.generate.story import ADMIT, ANA, BEN, CIRCLE, DAY, NOON, Entry, drawn

PROTOCOL = Path(__file__).parents[1]
VERSIONS = b"\3\3"
SHOWN = 40  # bytes of one piece that are shown; of longer ones the first 8 and the last 4
WIDTH = 46


class Step(NamedTuple):
    """What one side sends at once: a message of a handshake, or a frame."""

    sender: str
    title: str
    wire: Pieces
    plain: Pieces | None
    note: str = ""


# --- the pairing ----------------------------------------------------------------------------------

SECRET = drawn("invitation", 16)
CHARACTERS = b32encode(SECRET + h(b"cs1 pair check", SECRET)[:4]).decode()
CODE = "-".join(re.findall("....", CHARACTERS))
PAIRING = Conversation(
    "pairing", h(b"cs1 pair psk", b"", SECRET), VERSIONS,
    Drawn(drawn("pairing joiner ephemeral"), drawn("pairing joiner kem", 64), 3),
    Drawn(drawn("pairing inviter ephemeral"), drawn("pairing inviter m"), 5), None,
)  # fmt: skip
JOINERS_NONCE, INVITERS_NONCE = drawn("joiner nonce"), drawn("inviter nonce")


def states() -> dict[str, bytes]:
    labels = {"session": b"cs1 session", "spool": b"cs1 spool", "discovery": b"cs1 discovery", "bundle": b"cs1 bundle"}
    return {name: h(label, DAY.to_bytes(4, "big"), story.ROOT) for name, label in labels.items()}


def hello() -> Pieces:
    commitment = h(b"cs1 pair commit", PAIRING.hash + JOINERS_NONCE)
    return [
        array(6, "message"), integer(1, "HELLO"), integer(1, "always 1"), *BEN.keys_packed(), text("ben", "name"),
        binary(commitment, 'H("cs1 pair commit", hash ‖ Ben\'s nonce)'), integer(NOON, "Ben's clock"),
    ]  # fmt: skip


def words() -> list[str]:
    block = (PROTOCOL / "55-pairing.md").read_text().split("## The words")[1].split("```")[1]
    listed = re.findall(r"[a-z]+", block)
    digest = h(b"cs1 words", PAIRING.hash + INVITERS_NONCE + JOINERS_NONCE + joined(hello()))
    return [listed[byte] for byte in digest[:4]]


def pairing() -> list[Step]:
    joiner, inviter = PAIRING.caller, PAIRING.callee
    claim = b"cellsync/1 pairing proof\0" + PAIRING.hash + joined(hello())
    verdict = [array(2, "message"), integer(4, "VERDICT"), boolean(True, "the words are the same")]
    welcome = [
        array(7, "message"), integer(5, "WELCOME"), binary(CIRCLE, "circle"), binary(BEN.id, "Ben's id: the admit's"),
        binary(CIRCLE, "epoch: the found brought it in"), array(5, "states of the branches"), integer(DAY, "    day"),
        *(binary(state, f"    {name}") for name, state in states().items()),
        binary(ANA.id, "sponsor: Ana's id"), binary(ANA.keys[1], "sponsor's X25519 key"),
    ]  # fmt: skip
    return [
        Step("ben", "Opening", PAIRING.opening, None, "The psk is that of the code. The carrier is `lan`."),
        Step("ana", "Reply", PAIRING.reply, None),
        framed("ben", "HELLO", joiner, hello()),
        framed(
            "ana", "NONCE", inviter,
            [array(3, "message"), integer(2, "NONCE"), binary(INVITERS_NONCE, "nonce"), integer(NOON, "Ana's clock")],
        ),
        framed(
            "ben", "REVEAL", joiner,
            [
                array(3, "message"), integer(3, "REVEAL"), binary(JOINERS_NONCE, "nonce"),
                binary(BEN.signing.sign(claim).signature, "proof of the signing key"),
            ],
            note=f"Both now show the words **{' '.join(words())}**.",
        ),
        framed("ben", "VERDICT", joiner, verdict, note="Ben's human says yes."),
        framed("ana", "VERDICT", inviter, verdict, note="So does Ana's. Her device writes the `admit` entry, durably."),
        framed("ana", "WELCOME", inviter, welcome),
        framed("ben", "DONE", joiner, [array(1, "message"), integer(6, "DONE")], note="Ben's device has stored it."),
    ]  # fmt: skip


def framed(sender: str, title: str, side: Side, payload: Pieces, note: str = "") -> Step:
    plain, wire = side.frame(payload)
    return Step(sender, title, wire, plain, note)


# --- the session ----------------------------------------------------------------------------------

PSK = h(b"cs1 psk", CIRCLE, states()["session"])
SESSION = Conversation(
    "session", PSK, VERSIONS,
    Drawn(drawn("session caller ephemeral"), drawn("session caller kem", 64), 0),
    Drawn(drawn("session callee ephemeral"), drawn("session callee m"), 7), (BEN.session, ANA.session),
)  # fmt: skip


def tag(role: bytes) -> bytes:
    return h(b"cs1 offer", role + SESSION.hash + CIRCLE, PSK, 16)


NAME = tag(b"caller")[:8]


def offer(role: bytes) -> Pieces:
    """One tag that means something, among 31 random ones."""
    fill = drawn(f"{role.decode()} fill", 31 * 16)
    tags = sorted([tag(role), *(fill[at : at + 16] for at in range(0, len(fill), 16))])
    noted = [binary(one, "    the circle's tag" if one == tag(role) else "    random") for one in tags]
    return [array(2, "message"), integer(1, "OFFER"), array(32, "32 tags, ascending"), *noted]


def clock() -> Pieces:
    return [array(2, "message"), integer(11, "CLOCK"), integer(NOON, "the sender's clock")]


def head(device: story.Device, entry: Entry) -> list[Piece]:
    sequence = 1 + device.entries.index(entry)
    return [
        array(4, f"    {device.name.title()}'s branch"), binary(device.id, "        device"),
        binary(device.incarnation, "        incarnation"), integer(sequence, "        sequence"),
        binary(entry.id, "        id"),
    ]  # fmt: skip


def frontier_digest(rows: list[Piece]) -> bytes:
    parts = [array(3, ""), array(1 if rows else 0, ""), *rows, array(0, ""), array(0, "")]
    return h(b"cs1 frontier", joined(parts))


def about(number: int, note: str, size: int) -> Pieces:
    return [array(size, "message"), integer(number, note), binary(NAME, "the circle's name: the caller's tag, 8 bytes")]


def digest(rows: list[Piece]) -> Pieces:
    return [*about(2, "DIGEST", 3), binary(frontier_digest(rows), "digest of the frontier")]


def frontier(rows: list[Piece]) -> Pieces:
    heads = [array(1 if rows else 0, "heads" if rows else "heads: none"), *rows]
    last = boolean(True, "last part: true")
    return [*about(3, "FRONTIER", 6), last, *heads, array(0, "equivocators: none"), array(0, "gaps: none")]


def ack() -> Pieces:
    return [*about(5, "ACK", 3), *numbers([], "rows that were refused: none")]


def session() -> list[Step]:
    caller, callee = SESSION.caller, SESSION.callee
    held = head(ANA, story.CREATED)
    return [
        Step("ben", "Opening", SESSION.opening, None, "The psk is the circle's of this day."),
        Step("ana", "Reply", SESSION.reply, None, "Ana has verified the opening and committed its ephemeral key."),
        framed("ben", "OFFER", caller, offer(b"caller"), "Only this first frame proves that the caller is Ben."),
        framed("ben", "CLOCK", caller, clock()),
        framed("ana", "OFFER", callee, offer(b"callee")),
        framed("ana", "CLOCK", callee, clock()),
        framed("ana", "DIGEST", callee, digest(held), "Both have offered the circle: it is shared."),
        framed("ben", "DIGEST", caller, digest([]), "Ben holds nothing: three empty arrays. The digests differ."),
        framed("ben", "FRONTIER", caller, frontier([])),
        framed("ana", "FRONTIER", callee, frontier(held)),
        framed("ana", "BATCH", callee, story.to_ben(NAME), "Everything that Ana holds."),
        framed("ben", "ACK", caller, ack(), "The batch is durable at Ben's. Then he writes two entries."),
        framed("ben", "BATCH", caller, story.to_ana(NAME), "What is new is served from where the peer is."),
        framed("ana", "ACK", callee, ack()),
    ]  # fmt: skip


# --- as JSON --------------------------------------------------------------------------------------


def told(steps: list[Step]) -> list[dict[str, str]]:
    return [
        {"from": step.sender, "what": step.title, "wire": joined(step.wire).hex()}
        | ({} if step.plain is None else {"payload": payload(step.plain).hex()})
        for step in steps
    ]


def payload(plain: Pieces) -> bytes:
    return joined(plain[1:-1])


def entry_told(entry: Entry) -> dict[str, Any]:
    return {
        "kind": entry.kind,
        "case": entry.case.hex(),
        "clock": entry.clock,
        "height": entry.height,
        "parents": [parent.hex() for parent in entry.parents],
        "shape": joined(entry.shape).hex(),
        "content": joined(entry.content).hex(),
        "header": joined(entry.header).hex(),
        "id": entry.id.hex(),
        "signature": entry.signature.hex(),
    }


def conversation_told(conversation: Conversation, steps: list[Step]) -> dict[str, Any]:
    return {
        "handshake_hash": conversation.hash.hex(),
        "kem_secret": conversation.secret.hex(),
        "kem_ciphertext": conversation.ciphertext.hex(),
        "caller_key": conversation.caller.key.hex(),
        "callee_key": conversation.callee.key.hex(),
        "steps": told(steps),
    }


def facts(talks: tuple[list[Step], list[Step]]) -> dict[str, Any]:
    return {
        "clock": NOON,
        "day": DAY,
        "code": CODE,
        "words": words(),
        "circle": CIRCLE.hex(),
        "ben": BEN.id.hex(),
        "psk": PSK.hex(),
        "wraps": {key.hex(): wrap.hex() for key, wrap in zip((ANA.seal, story.OPENS), story.WRAPS, strict=True)},
        "entries": {
            "ana": [entry_told(entry) for entry in ANA.entries],
            "ben": [entry_told(entry) for entry in BEN.entries],
        },
        "pairing": conversation_told(PAIRING, talks[0]),
        "session": conversation_told(SESSION, talks[1]),
        "worked": {"held": joined(story.held_before(NAME)).hex(), "batch": joined(story.worked(NAME)).hex()},
    }


# --- as text --------------------------------------------------------------------------------------


def hexed(data: bytes) -> str:
    if len(data) > 2 and not any(data):
        return f"00 × {len(data):,}"
    if len(data) <= SHOWN:
        return data.hex()
    return f"{data[:8].hex()}…{data[-4:].hex()} ({len(data):,})"


def table(pieces: Pieces) -> str:
    lines = [f"{note:<{WIDTH}}  {hexed(data)}" for data, note in pieces if data]
    return "```text\n" + "\n".join(lines) + "\n```"


def step_told(number: int, step: Step, other: str) -> str:
    lines = [f"### {number}. {step.title}: {step.sender.title()} → {other.title()}"]
    if step.note:
        lines.append(step.note)
    if step.plain is not None:
        lines += ["Plaintext of the frame:", table(step.plain), "On the wire:"]
    lines.append(table(step.wire))
    return "\n\n".join(lines)


def talk_told(steps: list[Step]) -> str:
    pairs = {"ana": "ben", "ben": "ana"}
    return "\n\n".join(step_told(number, step, pairs[step.sender]) for number, step in enumerate(steps, 1))


def entry_text(title: str, entry: Entry) -> str:
    return "\n\n".join(
        [
            f"**{title}**: shape, content, header, id and signature.",
            table(entry.shape),
            table(entry.content),
            table(entry.header),
            table([(entry.id, 'id = H("cs1 entry", header)'), (entry.signature, "signature, 64 bytes")]),
        ]
    )


def document(talks: tuple[list[Step], list[Step]]) -> str:
    template = (Path(__file__).parent / "transcript.template.md").read_text()
    filled = {
        "CODE": CODE,
        "SECRET": SECRET.hex(),
        "CIRCLE": CIRCLE.hex(),
        "FOUND": entry_text("Ana 1, `found`", story.FOUND),
        "REQUIRED": entry_text("Ana 2, `require`", story.REQUIRED),
        "ADMIT": entry_text("Ana 3, `admit`", ADMIT),
        "CREATED": entry_text("Ana 4", story.CREATED),
        "FIRST": entry_text("Ben 1", story.FIRST),
        "SECOND": entry_text("Ben 2", story.SECOND),
        "THIRD": entry_text("Ana 5", story.THIRD),
        "PAIRING-KEYS": keys_text(PAIRING),
        "SESSION-KEYS": keys_text(SESSION),
        "PAIRING": talk_told(talks[0]),
        "SESSION": talk_told(talks[1]),
        "PSK": PSK.hex(),
        "WORKED": table(story.worked(NAME)),
    }
    return re.sub(r"\{\{([A-Z-]+)\}\}", lambda match: filled[match[1]], template)


def keys_text(conversation: Conversation) -> str:
    rows = [
        (conversation.prologue, "prologue"),
        (conversation.hash[:32], "handshake hash, first half"),
        (conversation.hash[32:], "and second half"),
        (conversation.secret, "ML-KEM secret"),
        (conversation.caller.key, "cipher key, caller → callee"),
        (conversation.caller.frame_key, "its frame key"),
        (conversation.callee.key, "cipher key, callee → caller"),
        (conversation.callee.frame_key, "its frame key"),
    ]
    return "```text\n" + "\n".join(f"{note:<{WIDTH}}  {data.hex()}" for data, note in rows) + "\n```"


def everything() -> tuple[str, dict[str, Any]]:
    """The document, and the same in full."""
    talks = pairing(), session()
    return document(talks), facts(talks)


def write() -> None:
    page, full = everything()
    (PROTOCOL / "transcript.md").write_text(page)
    (PROTOCOL / "transcript.json").write_text(json.dumps(full, indent=1, ensure_ascii=False) + "\n")
