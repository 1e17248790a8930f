"""Of two faults, the one that protocol/05-rules.md checks first is named (Order of checks)."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import msgpack
import pytest

from cellsync.core.crypto import channel, labels
from cellsync.core.crypto.channel import Transport
from cellsync.core.crypto.noise import CipherState
from cellsync.core.errors import ExternalError, NewerVersion, NotAVault, PeerError, VaultDamaged
from cellsync.core.pairing import messages as pairing_messages
from cellsync.core.rule import Rule
from cellsync.store import header
from cellsync.testing.answers import answer
from tests.core.pairing.pairs import KEYS

VECTORS: Final = Path(__file__).parents[2] / "protocol" / "vectors"
NAME: Final = b"n" * 8
ID: Final = b"i" * 32

Tables = list[Any]


def verdict(part: str, **given: Any) -> str:
    return answer(part, given)[0]


# --- values and messages ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        (b"\x91" * 9 + b"\xc1" + bytes(64_512), "cap.entry"),
        (b"\x91" * 9 + b"\xcd\x00\x01", "cap.nesting"),
        (b"\x92\xcd\x00\x01", "codec.msgpack"),
        (b"\xcd\x00\x01", "codec.canonical"),
    ],
)
def test_a_value(raw: bytes, rule: str) -> None:
    assert verdict("codec", bytes=raw.hex()) == f"fault:{rule}"


HEAD: Final = [ID, NAME, 1, ID]


@pytest.mark.parametrize(
    ("message", "rule"),
    [
        ([2, b"short", ID, 0], "message"),  # the number of elements, before the circle's name
        ([2, b"short", b"short"], "message"),
        ([1, [b"b" * 16, *[b"a" * 16] * 30]], "message"),  # 31 tags, not ascending
        ([3, b"short", True, [0], [], []], "form.circle"),
        ([3, NAME, True, [0], [ID, ID], []], "frontier.row"),
        ([3, NAME, True, [[ID, b"", 0, b""]], [], []], "form.incarnation"),
        ([3, NAME, True, [[b"", NAME, 0, b""]], [], []], "form.device"),
        ([3, NAME, True, [HEAD, HEAD], [b""], []], "frontier.twice"),
        ([5, b"short", [True]], "message"),
        ([5, b"short", [1, 0]], "form.circle"),
        ([10, b"short", [[ID, [[b"", 0]]]]], "form.circle"),
        ([10, b"short", [[ID, [[bytes(4), 1]]]] * 49], "form.circle"),
        ([10, NAME, [[ID, [[bytes(4), 1]]]] * 49], "cap.whereabouts"),
        ([10, NAME, [[ID, [[b"", 0]]]] * 2], "whereabouts.row"),
        ([10, NAME, [[ID, [[bytes(4), 1]]]] * 2], "whereabouts.twice"),
        ([4, NAME, True, [[ID, NAME, 0, ID, b""]], [b""], []], "batch.chain"),
        ([4, NAME, True, [[b"", b"", 1, ID, b""]], [b""], []], "form.incarnation"),
        ([4, NAME, True, [], [b""], [[0, 0, [], 0, 0, b"", b""]]], "batch.case"),
        ([4, NAME, True, [], [], [[0, 0, [1] * 131, 0, 0, b"", b""]]], "batch.entry"),
        ([4, NAME, True, [], [], [[0, None, [1] * 131, 0, 512, 0, b""]]], "entry.form"),  # a skeleton with a number
        ([4, NAME, True, [[ID, NAME, 1, ID, b""]], [], [[0, None, [0] * 131, 0, 768, b"", b""]]], "entry.mark"),
        ([4, NAME, True, [[ID, NAME, 1, ID, b""]], [], [[0, None, [0] * 131, 0, 256, b"", b""]]], "entry.form"),
        ([4, NAME, True, [[ID, NAME, 1, ID, b""]], [], [[0, None, [0], 0, 512, b"", b""]]], "entry.parents"),
        ([4, NAME, True, [[ID, NAME, 1, ID, b""]], [ID], [[0, 0, [0] * 131, 0, 0, b"", bytes(65_000)]]], "cap.parents"),
        ([4, NAME, True, [[ID, NAME, 1, ID, b""]], [ID], [[0, 0, [0], 0, 0, b"", bytes(65_000)]]], "entry.parents"),
    ],
)
def test_a_message(message: list[Any], rule: str) -> None:
    assert verdict("message", payload=msgpack.packb(message).hex()) == f"fault:{rule}"


# --- conversations ----------------------------------------------------------------------------------


def of_frame(plaintext: bytes, *, flipped: int | None = None) -> Rule:
    """The rule that a frame with this plaintext breaks, perhaps with a byte of it changed on its way."""
    sending, receiving = CipherState(bytes(32)), CipherState(bytes(32))
    reader = Transport(CipherState(ID), receiving, bytes(64))
    mask = channel._mask_length(len(plaintext) + 16, sending.derive(labels.FRAME_KEY), 0)
    frame = bytearray(mask.to_bytes(2, "big") + sending.encrypt_with_ad(b"", plaintext))
    if flipped is not None:
        frame[flipped] ^= 1
    with pytest.raises(PeerError) as caught:
        reader.receive(bytes(frame))
    return caught.value.rule


def test_a_frame() -> None:
    everything = (60_000).to_bytes(2, "big") + b"p" * 1_022
    assert of_frame(everything[:-1], flipped=100) is Rule.FRAME_LENGTH
    assert of_frame(everything, flipped=100) is Rule.OPENS
    assert of_frame(everything) is Rule.FRAME_PAYLOAD
    assert of_frame((3).to_bytes(2, "big") + b"p" * 1_022) is Rule.FRAME_CLASS
    assert of_frame((1_000).to_bytes(2, "big") + b"p" * 1_022) is Rule.FRAME_PADDING


def test_a_message_of_a_pairing() -> None:
    """Each of these parts is checked before those that follow it."""
    good = [1, 1, list(KEYS.public), "ben", bytes(32), 0]
    bad: list[tuple[Rule, Callable[[list[Any]], None]]] = [
        (Rule.PAIRING_MESSAGE, lambda hello: hello.__setitem__(4, b"short")),
        (Rule.ENTRY_KEYS, lambda hello: hello[2].__setitem__(0, bytes(32))),
        (Rule.KEY_X_WING, lambda hello: hello[2].__setitem__(2, b"short")),
        (Rule.KEY_X25519, lambda hello: hello[2].__setitem__(1, bytes(32))),
        (Rule.ENTRY_NAME, lambda hello: hello.__setitem__(3, "")),
        (Rule.PAIRING_CLOCK, lambda hello: hello.__setitem__(5, -1)),
    ]
    for at, (rule, _) in enumerate(bad):
        hello = [*good[:2], list(KEYS.public), *good[3:]]
        for _, spoil in bad[at:]:
            spoil(hello)
        with pytest.raises(PeerError) as caught:
            pairing_messages.decode(msgpack.packb(hello))
        assert caught.value.rule is rule


def test_a_vaults_header() -> None:
    """Magic, checksum, version, the rest: 70-vault, Errors of a header."""

    def error(file: bytes, *, checked: bool = True) -> type[Exception]:
        content = file[:-32]
        checksum = blake2b(content, digest_size=32, person=b"cs1 vault check").digest()
        with pytest.raises(ExternalError) as caught:
            header.decode(content + (checksum if checked else bytes(32)))
        return caught.type

    newer = b"csvault\0\0\3\7" + bytes(5_000)
    assert error(b"x" + newer[1:], checked=False) is NotAVault
    assert error(newer, checked=False) is VaultDamaged
    assert error(newer) is NewerVersion
    assert error(newer[:9] + b"\1" + newer[10:]) is VaultDamaged


# --- entries of a batch -----------------------------------------------------------------------------

CHAINS, CASES, ENTRIES = 3, 4, 5
PARENTS, CLOCK, KIND, SHAPE, CONTENT = 2, 3, 4, 5, 6


def of_batch(case: str, *changes: Callable[[Tables], None]) -> str:
    """The verdict about a batch of a vector that was changed."""
    given: dict[str, Any] = json.loads((VECTORS / "batch" / f"{case}.json").read_text())["given"]
    [part] = given["batch"]
    tables: Tables = msgpack.unpackb(bytes.fromhex(part))
    for change in changes:
        change(tables)
    return verdict("batch", **given | {"batch": [msgpack.packb(tables).hex()]})


def entry(column: int, value: Any) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        tables[ENTRIES][0][column] = value

    return change


def chain(column: int, value: Any) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        tables[CHAINS][0][column] = value

    return change


def cites_itself_and_the_void(tables: Tables) -> None:
    """Its own chain by another row, before sequence 1."""
    tables[CHAINS].append([*tables[CHAINS][0][:4], b""])
    tables[ENTRIES][0][PARENTS] = [1, 99]


unattached = chain(3, ID)
wrong_clock = entry(CLOCK, -1)
wrong_case, wrong_shape = entry(KIND, 2), entry(SHAPE, b"\x90")
wrong_content = entry(CONTENT, b"short")
wrong_signature = chain(4, bytes(64))
no_signature = chain(4, b"")


def test_what_does_not_attach_is_refused_whatever_else_it_is() -> None:
    changes = wrong_clock, wrong_case, wrong_shape, wrong_content, wrong_signature
    for change in changes:
        assert of_batch("a-chain-goes-on", change).startswith("fault:")
    assert of_batch("a-chain-goes-on", unattached, *changes) == "refused:[0]"
    assert of_batch("a-chain-goes-on", unattached, no_signature) == "fault:batch.signature"  # the part shows it


def test_an_entry() -> None:
    """Each of these is checked before those that follow it."""
    order = [
        (wrong_clock, "entry.clock"),
        (cites_itself_and_the_void, "entry.parents"),
        (wrong_case, "entry.case"),
    ]
    later = wrong_shape, wrong_content, wrong_signature
    for at, (_, rule) in enumerate(order):
        assert of_batch("a-chain-goes-on", *(change for change, _ in order[at:]), *later) == f"fault:{rule}"


def test_the_form_and_then_the_signature() -> None:
    order = [(wrong_shape, "entry.operations"), (wrong_content, "entry.content"), (no_signature, "batch.signature")]
    for at, (_, rule) in enumerate(order):
        assert of_batch("a-chain-goes-on", *(change for change, _ in order[at:])) == f"fault:{rule}"


def test_what_is_held_is_passed_over() -> None:
    """Its id says that it is the same, so nothing in it is looked at again: only the signature of the slice."""
    given = json.loads((VECTORS / "batch" / "a-chain-goes-on.json").read_text())["given"]
    held = [*given["held"], given["batch"]]
    assert verdict("batch", circle=given["circle"], held=held, batch=given["batch"]) == "ok"
