"""A device made from the text alone joins a circle of ours, gets its history, and writes what ours shows."""

from __future__ import annotations

import ast
from pathlib import Path

from cellsync.core.ids import CaseId, Incarnation
from cellsync.core.pairing import code, inviter
from cellsync.core.pairing.messages import Welcome
from cellsync.core.pairing.words import WORDS
from cellsync.core.session.session import Session
from cellsync.core.versions import SPOKEN
from cellsync.core.wire.operations import Operation
from tests.core.replicas import START, MemoryReplica, founded
from tests.core.session.pumps import End, entropy
from tests.protocol.stranger import Call, Stranger

CASE = CaseId(b"c" * 32)
SECRET = bytes(range(16))


def admitted(ana: MemoryReplica) -> Stranger:
    """A pairing of ours with the stranger."""
    Call.versions = SPOKEN.encode()
    invitation = code.invite(SECRET, 0.0)
    ours = inviter.Inviter(invitation, bytes(range(66)), 0.0, b"lan", 30.0, clock=START)
    ben = Stranger("ben")
    ours.receive(ben.dial(invitation.code).opening, 0.0)
    ben.call.answered(ours.outgoing())
    ours.receive(ben.introduction(START), 0.0)
    [nonce] = ben.call.hear(ours.outgoing())
    reveal, numbers = ben.reveal(nonce)
    [introduced] = ours.receive(reveal, 0.0)
    assert isinstance(introduced, inviter.Introduced)
    assert [WORDS[number] for number in numbers] == list(introduced.words)
    ours.confirm(True, 0.0)
    [agreed] = ours.receive(ben.call.say([4, True]), 0.0)
    assert isinstance(agreed, inviter.Agreed)
    identity = ana.admit(agreed.keys, agreed.name)
    epoch = ana.epochs.newest
    ours.welcome(Welcome(ana.id, identity, epoch, ana.epochs.today(START), ana.device, ana.public.session), 0.0)
    verdict, welcome = ben.call.hear(ours.outgoing())
    assert verdict == [4, True]
    [finished] = ours.receive(ben.welcomed(welcome), 0.0)
    assert isinstance(finished, inviter.Finished)
    return ben


def test_the_stranger_imports_nothing_of_ours() -> None:
    tree = ast.parse((Path(__file__).parent / "stranger.py").read_text())
    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert not [name for name in imported if name.split(".")[0] in ("cellsync", "tests")]


def test_a_stranger_joins_and_both_hold_the_same() -> None:
    ana = founded()
    ben = admitted(ana)
    ana.edit(CASE, Operation(0, "note", 1, None), Operation(1, "title", b"", "Bakery"))
    ana.edit(CASE, Operation(7, "log", None, "Called at noon."))
    ana.edit(CASE, Operation(7, "log", None, "No answer."))

    session = Session.answer([ana], ana.secrets.session, b"lan", entropy(2), 0.0, 30.0, clock=START)
    ours = End(session, ana)
    ours.take(ben.ring().opening, 0.0)
    ben.call.answered(ours.give())
    ours.take(ben.greeting(START), 0.0)
    said = ben.call.hear(ours.give())
    assert [message[0] for message in said] == [1, 11, 2, 3, 4]
    offer, _, digest, frontier, batch = said
    assert ben.tag(b"callee") in offer[1]
    ours.take(ben.take(batch), 0.0)
    assert ben.digest() == digest[2] == ana.replica.digest()
    assert ben.heads() == frontier[3]

    ours.take(ben.write(CASE, [[7, "log", None]], ["Trying again soon."], START + 1_000), 0.0)
    assert ben.call.hear(ours.give()) == [[5, ben.tag(b"caller")[:8], []]]
    ours.take(ben.write(CASE, [[7, "log", None]], ["They opened."], START + 2_000), 0.0)
    ben.call.hear(ours.give())
    assert ours.error is None
    assert ben.digest() == ana.replica.digest()
    state = ana.replica.read(CASE)
    assert state is not None
    assert [item.current[0].value for item in state.logs["log"].items()] == [
        "Called at noon.", "No answer.", "Trying again soon.", "They opened.",
    ]  # fmt: skip
    assert Incarnation(ben.incarnation) in {chain.incarnation for chain in ana.replica.held.chains.values()}
