"""The proof of a fork: a third device accepts it, and refuses it after any change."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellsync.core import caps
from cellsync.core.crypto import labels, primitives
from cellsync.core.errors import BadSignature, CapExceeded, Malformed, PeerError
from cellsync.core.history import fork_proof
from cellsync.core.history.fork_proof import ForkProof
from cellsync.core.ids import EntryId, Signature, SigningPublic
from cellsync.core.replica.replica import Replica
from cellsync.core.rule import Rule
from cellsync.core.wire import codec
from tests.core.attacks import Draft, content, forge, of
from tests.core.noise import any_bytes
from tests.core.replicas import MemoryReplica, three
from tests.vectors import vectors


@pytest.mark.parametrize("vector", vectors("proof"), ids=lambda vector: vector["name"])
def test_vectors(vector: dict[str, Any]) -> None:
    raw = bytes.fromhex(vector["proof"])
    proof = fork_proof.decode(raw)
    fork_proof.check(proof, SigningPublic(bytes.fromhex(vector["signing"])))
    assert [proof.ids(side)[0].hex() for side in proof.sides] == vector["ids"]
    assert proof.encode() == raw


def forked(longer: int, common: int = 2) -> tuple[MemoryReplica, MemoryReplica, MemoryReplica, ForkProof]:
    """Ana holds both sides of a fork of Bea's; one has so many entries under one signature."""
    ana, bea, eva = three()
    first, ids = forge(of(bea), [Draft(content=content(at)) for at in range(common)])
    if common:
        ana.receive(first)
    on = of(bea).after(ids) if common else of(bea)
    ana.receive(forge(on, [Draft(content=content(f"one {at}")) for at in range(longer)])[0])
    ana.receive(forge(on, [Draft(content=content("other"))])[0])
    branch = max(chain.number for chain in ana.branches(bea.line))
    proof = ana.replica.fork_proof(branch)
    assert proof is not None
    return ana, bea, eva, proof


@pytest.mark.parametrize(("longer", "common"), [(1, 0), (1, 2), (5, 2), (300, 1)])
def test_a_third_device_that_holds_neither_side_checks_it(longer: int, common: int) -> None:
    ana, bea, eva, proof = forked(longer, common)
    shown = fork_proof.decode(proof.encode())
    assert shown == proof
    key = eva.replica.circle.signing_key(shown.device)
    assert key is not None
    fork_proof.check(shown, key)
    assert sorted(len(side.outlines) for side in shown.sides) == sorted([1, longer])
    held = {entry.id for chain in ana.branches(bea.line) for entry in ana.store.chain_slice(chain.number, 1, 1 << 39)}
    assert {entry for side in shown.sides for entry in shown.ids(side)} <= held
    with pytest.raises(BadSignature):
        fork_proof.check(shown, eva.secrets.public.signing)


def test_both_branches_of_a_fork_prove_it_and_no_other_does() -> None:
    ana, _, _, proof = forked(3)
    assert len(ana.replica.forks()) == 1  # the other side is counted to the common beginning
    assert {chain.number for chain in ana.replica.forks()} == {3}
    for chain in ana.replica.held.chains.values():
        found = ana.replica.fork_proof(chain.number)
        assert found is None or found == proof
    again = Replica(ana.id, ana.store)
    assert again.fork_proof(3) == proof


def test_forks_at_a_chains_first_entry_and_on_a_branch() -> None:
    ana, bea, eva, _ = forked(3, 0)
    side = max(ana.branches(bea.line), key=lambda chain: chain.length)
    on = of(bea).after([EntryId(ana.entry_id(side.number, at) or b"") for at in (1, 2)])
    ana.receive(forge(on, [Draft(content=content("a third"))])[0])
    proofs = [ana.replica.fork_proof(chain.number) for chain in ana.replica.forks()]
    assert sorted(proof.sequence for proof in proofs if proof is not None) == [1, 3]
    for proof in proofs:
        assert proof is not None
        fork_proof.check(proof, eva.replica.circle.grants[bea.device].keys.signing)


def test_one_history_is_no_fork() -> None:
    """The same entries twice, a part of them, and two entries in different places."""
    _, bea, _, proof = forked(2)
    key = bea.secrets.public.signing
    one, other = proof.sides
    for sides in ((one, one), (other, other), (other, one)):
        with pytest.raises(Malformed):
            fork_proof.check(proof._replace(sides=sides), key)
    longer = max(proof.sides, key=lambda side: len(side.outlines))
    cut = longer._replace(outlines=longer.outlines[:1])
    one, other = (cut if side is longer else side for side in proof.sides)
    with pytest.raises(BadSignature):
        fork_proof.check(proof._replace(sides=(one, other)), key)


@settings(max_examples=150)
@given(st.data())
def test_whatever_is_changed_it_proves_nothing(data: st.DataObject) -> None:
    _, bea, _, proof = forked(data.draw(st.integers(1, 3)))
    raw = bytearray(proof.encode())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(PeerError):
        fork_proof.check(fork_proof.decode(bytes(raw)), bea.secrets.public.signing)


@given(any_bytes(300))
def test_any_bytes_give_peer_errors_only(raw: bytes) -> None:
    with pytest.raises(Malformed):
        fork_proof.decode(raw)


def test_the_forms_that_are_none() -> None:
    _, _, _, proof = forked(2)
    good: Any = codec.decode(proof.encode(), caps.FORK_PROOF, Rule.CAP_PROOF)
    side = good[6][0]
    outline = side[0][0]
    wrong = [
        [2, *good[1:]], [True, *good[1:]], good[:6], [*good, 1],
        [*good[:4], 0, *good[5:]], [*good[:4], True, *good[5:]],
        [*good[:6], [side]], [*good[:6], [side, side, side]], [*good[:6], [side, [[], bytes(64)]]],
        [*good[:6], [side, [side[0], bytes(63)]]], [*good[:1], bytes(31), *good[2:]],
        *[
            [*good[:6], [[[[*outline[:place], value, *outline[place + 1 :]]], bytes(64)], side]]
            for place, value in [
                (0, -1), (0, 1.0), (1, True), (2, 256), (3, bytes(31)), (4, b""), (5, caps.ENTRY + 1), (7, [b""]),
                (7, [bytes(32)] * 65), (7, None),
            ]
        ],
    ]  # fmt: skip
    for one in wrong:
        with pytest.raises(Malformed):
            fork_proof.decode(codec.encode(one))
    with pytest.raises(CapExceeded):
        fork_proof.decode(bytes(caps.FORK_PROOF + 1))


def test_nothing_of_what_was_written_is_in_it() -> None:
    ana, bea, _ = three()
    on = of(bea)
    for text in ("Vera Ivanova lives here", "Vera Ivanova does not"):
        ana.receive(forge(on, [Draft(content=content(text))])[0])
    raw = (ana.replica.fork_proof(max(chain.number for chain in ana.branches(bea.line))) or forked(1)[3]).encode()
    assert b"Vera" not in raw
    assert bytes(Draft().case) not in raw
    assert "Vera" not in repr(fork_proof.decode(raw))


@pytest.mark.parametrize("label", [b"", labels.PAIRING_PROOF, b"cellsync/2 entry signature\0"])
def test_a_signature_under_another_label_is_none(label: bytes) -> None:
    """What a key has signed for another purpose proves nothing here."""
    _, bea, _, proof = forked(1)
    key, sides = bea.secrets.public.signing, []
    for side in proof.sides:
        [entry] = proof.ids(side)
        sides.append(side._replace(signature=primitives.sign(bea.secrets.signing, label + entry)))
    with pytest.raises(BadSignature):
        fork_proof.check(proof._replace(sides=(sides[0], sides[1])), key)


def test_the_signature_of_the_other_side_is_none() -> None:
    _, bea, _, proof = forked(1)
    one, other = proof.sides
    swapped = (one._replace(signature=other.signature), other._replace(signature=Signature(one.signature)))
    with pytest.raises(BadSignature):
        fork_proof.check(proof._replace(sides=swapped), bea.secrets.public.signing)
