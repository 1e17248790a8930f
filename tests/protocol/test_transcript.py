"""protocol/transcript.md: made from the text, and what our program sends with the same randomness is what it says."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest

from cellsync.core.crypto import channel, seal
from cellsync.core.history.serving import PeerHoldings
from cellsync.core.ids import CaseId, DeviceId, EpochId, Incarnation, Millis
from cellsync.core.pairing import code, inviter, joiner
from cellsync.core.pairing.messages import Welcome
from cellsync.core.replica.founding import device_secrets, found
from cellsync.core.session.connection import ENTROPY, FILL, HANDSHAKE_ENTROPY
from cellsync.core.session.session import Session
from cellsync.core.versions import SPOKEN, Versions
from cellsync.core.wire import batches, codec
from cellsync.core.wire.batches import Batch, BatchPart
from cellsync.core.wire.messages import decode
from cellsync.core.wire.operations import Operation
from protocol.generate import transcript
from protocol.generate.story import drawn
from tests.core.replicas import MemoryReplica, pass_on
from tests.core.session.pumps import End

PROTOCOL: Final = Path(__file__).parents[2] / "protocol"
FULL: Final[dict[str, Any]] = json.loads((PROTOCOL / "transcript.json").read_text())
CASE: Final = CaseId(drawn("case"))
NOON: Final = Millis(FULL["clock"])
VERSIONS: Final = Versions(*transcript.VERSIONS)
CARRIER: Final = b"lan"

hexed = bytes.fromhex
T = TypeVar("T")


def test_the_files_are_what_the_generator_makes() -> None:
    page, full = transcript.everything()
    assert page == (PROTOCOL / "transcript.md").read_text(), "python -m protocol.generate"
    assert full == FULL


def test_its_versions_are_ours() -> None:
    assert VERSIONS == SPOKEN, "change it in protocol/generate/transcript.py"


def test_every_placeholder_is_filled() -> None:
    assert "{{" not in (PROTOCOL / "transcript.md").read_text()


# --- our program, with the same randomness --------------------------------------------------------


@pytest.fixture(autouse=True)
def recorded_encapsulations(monkeypatch: pytest.MonkeyPatch) -> None:
    """The two libraries that draw their own randomness give what the transcript drew."""
    drawn_secrets = iter([*(encapsulated(FULL[name]) for name in ("pairing", "session"))])
    monkeypatch.setattr(channel, "encapsulate", lambda public: next(drawn_secrets))
    monkeypatch.setattr(seal, "hpke_seal", lambda public, info, plaintext: hexed(FULL["wraps"][public.hex()]))


def encapsulated(conversation: dict[str, Any]) -> tuple[bytes, bytes]:
    return hexed(conversation["kem_secret"]), hexed(conversation["kem_ciphertext"])


def written(conversation: str, sender: str) -> bytes:
    steps = FULL[conversation]["steps"]
    return b"".join(hexed(step["wire"]) for step in steps if step["from"] == sender)


def padded(zeros: int) -> bytes:
    return zeros.to_bytes(2, "big")


class Salts(random.Random):
    """Gives the salt of the entry that is being written."""

    entry = ""

    def randbytes(self, n: int) -> bytes:
        return drawn(f"{self.entry} salt", n)


class Author(MemoryReplica):
    """A device that writes at the transcript's times, with its salts."""

    def at(self, second: int, entry: str) -> Author:
        self.now = Millis(NOON + 1_000 * second)
        self.random = Salts()
        self.random.entry = entry
        return self


def secrets_of(name: str) -> Any:
    return device_secrets(drawn(f"{name} signing") + drawn(f"{name} session") + drawn(f"{name} seal"))


def founder() -> Author:
    secrets = secrets_of("ana")
    entropy = drawn("recovery") + drawn("root") + drawn("ana incarnation", 8)
    entropy += drawn("found salt", 16) + drawn("required salt", 16)
    founding = found("Mill Street", "ana", secrets.public, NOON, entropy)
    ana = Author(founding.circle, secrets, DeviceId(founding.circle), founding.incarnation, 0)
    ana.now = NOON
    ana.write(founding.intention)
    ana.at(1, "required").write(founding.required)
    ana.epochs.add(EpochId(founding.circle), founding.branches)
    return ana


def last(events: Sequence[object], kind: type[T]) -> T:
    assert isinstance(events[-1], kind)
    return events[-1]


def admitted(ana: Author) -> tuple[Author, bytes, bytes]:
    """Ben, after the pairing; what Ana's device and his have sent in it."""
    secrets = secrets_of("ben")
    invitation = code.invite(drawn("invitation", 16), 0.0)
    theirs = inviter.Inviter(
        invitation, drawn("pairing inviter ephemeral") + padded(5) + drawn("inviter nonce"), 0.0, CARRIER, 30.0,
        clock=NOON, versions=VERSIONS,
    )  # fmt: skip
    opening = drawn("pairing joiner ephemeral") + drawn("pairing joiner kem", 64) + padded(3)
    ours = joiner.Joiner(
        invitation.secret, secrets, "ben", opening + drawn("joiner nonce"), 0.0, CARRIER, clock=NOON, versions=VERSIONS
    )
    sent = bytearray(), bytearray()
    invited: list[inviter.Event] = []
    joined: list[joiner.Event] = []

    def carry() -> None:
        while any(said := (theirs.outgoing(), ours.outgoing())):
            sent[0].extend(said[0])
            sent[1].extend(said[1])
            joined.extend(ours.receive(said[0], 0.0))
            invited.extend(theirs.receive(said[1], 0.0))

    carry()
    assert list(last(joined, joiner.WordsReady).words) == FULL["words"]
    ours.confirm(True, 0.0)
    carry()
    invited += theirs.confirm(True, 0.0)
    agreed = last(invited, inviter.Agreed)
    identity = ana.at(2, "admit").admit(agreed.keys, agreed.name)
    epoch = ana.epochs.newest
    welcome = Welcome(ana.replica.circle.id, identity, epoch, ana.epochs.today(NOON), ana.device, ana.public.session)
    theirs.welcome(welcome, 0.0)
    carry()
    given = last(joined, joiner.Welcomed).welcome
    ours.done()
    carry()
    last(invited, inviter.Finished)
    ben = Author(given.circle, secrets, given.device, Incarnation(drawn("ben incarnation", 8)), 0)
    ben.epochs.add(given.epoch, given.branches)
    ben.sponsor = given.sponsor, given.sponsor_session
    return ben, bytes(sent[0]), bytes(sent[1])


def entropy(handshake: bytes, fill: bytes) -> bytes:
    return (handshake.ljust(HANDSHAKE_ENTROPY, b"\0") + fill.ljust(FILL, b"\0")).ljust(ENTROPY, b"\0")


def carried(one: End, other: End) -> None:
    while any(said := (one.give(), other.give())):
        other.take(said[0], 0.0)
        one.take(said[1], 0.0)


def first_written(ana: Author) -> None:
    ana.at(3, "created").edit(CASE, Operation(0, "note", 1, None), Operation(1, "title", b"", "Bakery"))


def then_written(ben: Author) -> None:
    ben.at(4, "first").edit(CASE, Operation(7, "log", None, "Called at noon."))
    ben.at(5, "second").edit(CASE, Operation(7, "log", None, "No answer."))


def test_a_pairing_sends_what_the_transcript_says() -> None:
    ana = founder()
    assert ana.replica.circle.id.hex() == FULL["circle"]
    ben, inviters, joiners = admitted(ana)
    assert ben.device.hex() == FULL["ben"]
    assert inviters == written("pairing", "ana")
    assert joiners == written("pairing", "ben")


def test_a_session_sends_what_the_transcript_says() -> None:
    ana = founder()
    ben, _, _ = admitted(ana)
    first_written(ana)
    hand = drawn("session caller ephemeral") + drawn("session caller kem", 64) + padded(0)
    calling = Session.call(
        [ben], ben.id, (ana.device, ana.public.session), ben.secrets.session, CARRIER,
        entropy(hand, drawn("caller fill", 31 * 16)), 0.0, clock=NOON, versions=VERSIONS,
    )  # fmt: skip
    answering = Session.answer(
        [ana], ana.secrets.session, CARRIER,
        entropy(drawn("session callee ephemeral") + padded(7), drawn("callee fill", 31 * 16)), 0.0, 30.0,
        clock=NOON, versions=VERSIONS,
    )  # fmt: skip
    caller, callee = End(calling, ben), End(answering, ana)
    carried(caller, callee)
    assert ben.replica.digest() == ana.replica.digest()
    then_written(ben)
    carried(caller, callee)
    assert ben.replica.digest() == ana.replica.digest()
    assert bytes(caller.sent) == written("session", "ben")
    assert bytes(callee.sent) == written("session", "ana")


def test_every_entry_has_the_id_that_the_transcript_says() -> None:
    ana = founder()
    ben, _, _ = admitted(ana)
    tell_all(ana, ben)
    for author, name in ((ana, "ana"), (ben, "ben")):
        chain = author.own()
        assert chain is not None
        told = FULL["entries"][name]
        assert chain.length == len(told)
        ids = [author.entry_id(chain.number, sequence) for sequence in range(1, chain.length + 1)]
        assert [None if held is None else held.hex() for held in ids] == [entry["id"] for entry in told]


def tell_all(ana: Author, ben: Author) -> None:
    """The whole story, in replicas."""
    first_written(ana)
    pass_on(ana, ben)
    then_written(ben)
    pass_on(ben, ana)
    ana.at(6, "third").edit(CASE, Operation(7, "log", None, "Trying again soon."))


# --- the worked batch -----------------------------------------------------------------------------


def read(raw: bytes) -> Batch:
    part = decode(raw)
    assert isinstance(part, BatchPart)
    batch = Batch()
    batches.extend(batch, part)
    return batch


def test_the_worked_batch_is_what_we_serve_and_brings_what_it_says() -> None:
    ana = founder()
    ben, _, _ = admitted(ana)
    tell_all(ana, ben)
    held, worked = (hexed(FULL["worked"][name]) for name in ("held", "batch"))
    eva = Author(ana.replica.circle.id, secrets_of("eva"), DeviceId(bytes(32)), Incarnation(bytes(8)), 0)
    eva.receive(read(held))
    known = ana.known_of(eva)
    assert list(known.values()) == [3]
    peer = PeerHoldings(known, (), ())
    served = ana.serve(ana.cursor_for(peer), peer, ana.last_arrival())
    assert served.batch is not None
    assert batches.encode_batch(codec.decode_message(worked)[1], served.batch, channel.MAX_PAYLOAD) == [worked]
    plan = eva.receive(read(worked))
    assert not plan.refused
    assert eva.replica.digest() == ana.replica.digest()
    assert eva.replica.state_digest() == ana.replica.state_digest()
