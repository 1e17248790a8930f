"""Recovery keys: derived from paper, opening what is sealed to them, replaced, and in force."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cellsync.core.crypto import primitives, seal
from cellsync.core.errors import InvalidValue, Malformed
from cellsync.core.history.entry import entry_id, founding_prefix
from cellsync.core.ids import (
    NO_ID,
    CaseId,
    CircleId,
    DeviceId,
    EntryId,
    EpochSecret,
    Incarnation,
    RecoverySecret,
    Signature,
    SigningSecret,
    day_of,
)
from cellsync.core.membership import control, editions, epochs
from cellsync.core.membership.control import FirstRotation, Found, Role
from cellsync.core.membership.editions import OURS
from cellsync.core.membership.recovery import Recovery, RecoveryKeys, Replaced, encode, from_paper, replace
from cellsync.core.replica.founding import ENTROPY, device_secrets, found
from cellsync.core.replica.planner import Intention
from cellsync.core.replica.replica import Replica
from cellsync.core.rule import Rule
from cellsync.core.wire import codec
from cellsync.core.wire.tags import Kind
from tests.core.replicas import START, MemoryReplica, admitted, founded, pass_on

SALT = b"\0" * 16
PAPER = RecoverySecret(bytes(range(32)))


def public(paper: RecoverySecret) -> RecoveryKeys:
    secrets = from_paper(paper)
    return RecoveryKeys(primitives.signing_public(secrets.signing), primitives.xwing_public(secrets.seal))


KEYS = public(PAPER)
SIGNED = Signature(bytes(64))


def paper(seed: int) -> RecoverySecret:
    return RecoverySecret(random.Random(seed).randbytes(32))


def renewed(writer: MemoryReplica, seed: int, replaced: Mapping[EntryId, SigningSecret]) -> EntryId:
    """The id of an entry by which a device brings in the recovery key of a seed.

    `replaced`: the entries that brought in those that it replaces, and by which secret that is signed.
    """
    keys = key_of(seed)
    rows = tuple(replace(writer.id, entry, by, keys) for entry, by in replaced.items())
    shape, content = encode(Recovery(keys, rows), SALT)
    return writer.write(Intention(Kind.RECOVERY, CaseId(writer.id), shape, content)).commit.entries[0].id


def key_of(seed: int) -> RecoveryKeys:
    return public(paper(seed))


def paper_of(device: MemoryReplica) -> SigningSecret:
    """What speaks for a circle that `founded` made."""
    secret = RecoverySecret(random.Random(1).randbytes(96 + 32)[96:])
    assert public(secret) in device.replica.recovery_keys()
    return from_paper(secret).signing


def test_paper_gives_two_different_keys() -> None:
    secrets = from_paper(PAPER)
    assert secrets.signing.reveal() != secrets.seal.reveal()
    assert PAPER.reveal() not in (secrets.signing.reveal(), secrets.seal.reveal())
    assert "hidden" in repr(secrets.signing)


def test_the_paper_of_a_new_circle_speaks_for_it_and_opens_it() -> None:
    made = found("Mill Street", "ana", device_secrets(bytes(96)).public, START, random.Random(1).randbytes(ENTROPY))
    operation = control.decode(Kind.FOUND, made.intention.shape, made.intention.content)
    assert isinstance(operation, Found)
    assert operation.recovery == public(made.recovery)
    opened = epochs.recover_rotation(operation.rotation, from_paper(made.recovery).seal, START)
    assert opened.encode() == made.branches.encode()
    with pytest.raises(Malformed):
        epochs.recover_rotation(operation.rotation, from_paper(PAPER).seal, START)


def older_circle() -> tuple[CircleId, Incarnation, Intention, RecoverySecret]:
    """A circle as it was founded before: its paper has authority only."""
    keys = device_secrets(bytes(96)).public
    made = epochs.rotation(EpochSecret(bytes(32)), day_of(START), keys.seal, keys.seal)
    recovery = RecoveryKeys(primitives.signing_public(from_paper(PAPER).signing), None)
    older = Found(recovery, keys, FirstRotation(*made[:3]), "Mill Street", "ana")
    shape, content = control.encode_found(older, SALT)
    life = Incarnation(bytes(8))
    circle = entry_id(
        founding_prefix(life), 1, EntryId(NO_ID), 1, START, Kind.FOUND, CaseId(NO_ID), shape, content, b""
    )  # fmt: skip
    return CircleId(circle), life, Intention(Kind.FOUND, CaseId(circle), shape, content), PAPER


def test_an_older_circle_stays_valid_and_its_paper_opens_nothing() -> None:
    circle, life, intention, _ = older_circle()
    assert len(codec.decode(intention.shape, 1 << 16, Rule.CAP_ENTRY)[2]) == 3
    ana = MemoryReplica(circle, device_secrets(bytes(96)), DeviceId(circle), life, 1)
    ana.write(intention)
    assert ana.replica.circle.is_active(ana.device)
    (keys,) = ana.replica.recovery_keys()
    assert keys.seal is None
    operation = control.decode(Kind.FOUND, intention.shape, intention.content)
    assert isinstance(operation, Found)
    with pytest.raises(InvalidValue):
        epochs.recover_rotation(operation.rotation, from_paper(PAPER).seal, START)
    renewed(ana, 5, {EntryId(circle): from_paper(PAPER).signing})
    assert ana.replica.recovery_keys() == [key_of(5)] != [keys]
    assert Replica(circle, ana.store).recovery_keys() == [key_of(5)]


@pytest.fixture
def first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A build of edition 1, in which any coordinator adds keys. For later ones: rule 12, in `tests/histories`."""
    monkeypatch.setattr(editions, "OURS", editions.FIRST)


@pytest.mark.usefixtures("first")
def test_who_does_not_hold_the_paper_replaces_nothing() -> None:
    """Not with another signature, nor one for another circle, entry or new key."""
    ana = founded()
    before = ana.replica.recovery_keys()
    held, other = paper_of(ana), key_of(6)
    for seed, row in enumerate(
        [
            replace(ana.id, EntryId(ana.id), from_paper(paper(7)).signing, key_of(50)),
            replace(CircleId(bytes(32)), EntryId(ana.id), held, key_of(51)),
            replace(ana.id, EntryId(bytes(32)), held, key_of(52))._replace(entry=EntryId(ana.id)),
            replace(ana.id, EntryId(ana.id), held, other),
            replace(ana.id, EntryId(ana.id), held, RecoveryKeys(key_of(54).signing, other.seal)),
        ],
        50,
    ):
        shape, content = encode(Recovery(key_of(seed), (row,)), SALT)
        ana.write(Intention(Kind.RECOVERY, CaseId(ana.id), shape, content))
    assert ana.replica.recovery_keys() == [*before, *map(key_of, range(50, 55))]
    renewed(ana, 9, {EntryId(ana.id): held})
    assert ana.replica.recovery_keys() == [*map(key_of, range(50, 55)), key_of(9)]


FAULTS: dict[str, Any] = {
    "recovery alone with two wraps": lambda shape: [shape[0][0], shape[1], shape[2]],
    "two keys with one wrap": lambda shape: [shape[0], shape[1], shape[2][:3]],
    "three wraps": lambda shape: [shape[0], shape[1], [*shape[2], shape[2][3]]],
    "a short wrap": lambda shape: [shape[0], shape[1], [*shape[2][:3], shape[2][3][1:]]],
    "an Ed25519 key of small order": lambda shape: [[bytes(31) + b"\x01", shape[0][1]], *shape[1:]],
    "an X-Wing key of low order": lambda shape: [[shape[0][0], shape[0][1][:1_184] + bytes(32)], *shape[1:]],
    "a day that is a boolean": lambda shape: [*shape[:2], [shape[2][0], True, *shape[2][2:]]],
    "no commitment": lambda shape: [*shape[:2], [shape[2][0][1:], *shape[2][1:]]],
}


@pytest.mark.parametrize("change", FAULTS.values(), ids=FAULTS)
def test_a_founding_of_another_form_is_at_fault(change: Any) -> None:
    made = found("Mill Street", "ana", device_secrets(bytes(96)).public, START, random.Random(1).randbytes(ENTROPY))
    shape = codec.decode(made.intention.shape, 1 << 16, Rule.CAP_ENTRY)
    with pytest.raises(Malformed) as caught:
        control.decode(Kind.FOUND, codec.encode(change(shape)), made.intention.content)
    assert caught.value.rule is Rule.ENTRY_CONTROL


def test_what_is_written_is_read() -> None:
    rows = (Replaced(EntryId(b"a" * 32), SIGNED), Replaced(EntryId(b"b" * 32), SIGNED))
    recovery = Recovery(KEYS, rows)
    assert OURS.decode(Kind.RECOVERY, *encode(recovery, SALT)) == recovery


@pytest.mark.parametrize(
    "shape",
    [
        [[KEYS.signing, KEYS.seal]],
        [[KEYS.signing], []],
        [[KEYS.signing, (KEYS.seal or b"")[1:]], []],
        [[bytes(32), KEYS.seal], []],
        [[KEYS.signing, b"\xff" * 1_216], []],
        [list(KEYS), [b"a" * 32]],
        [list(KEYS), [[b"short", SIGNED]]],
        [list(KEYS), [[b"a" * 32, SIGNED[1:]]]],
        [list(KEYS), [[b"a" * 32, SIGNED, None]]],
        [list(KEYS), [[b"b" * 32, SIGNED], [b"a" * 32, SIGNED]]],
        [list(KEYS), [[b"a" * 32, SIGNED], [b"a" * 32, SIGNED]]],
        [list(KEYS), [[bytes([at]) * 32, SIGNED] for at in range(17)]],
        [list(KEYS), None],
        None,
    ],
)
def test_another_form_is_void(shape: Any) -> None:
    assert OURS.decode(Kind.RECOVERY, codec.encode(shape), SALT + codec.encode(None)) is None


@pytest.mark.usefixtures("first")
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_keys_in_force_are_those_that_nothing_replaces(data: st.DataObject) -> None:
    """However the entries arrive: a model of sets, and a replica that is opened anew."""
    ana = founded()
    ben, cara = (admitted(ana, name, seed, Role.COORDINATOR) for name, seed in (("ben", 2), ("cara", 3)))
    writer = admitted(ana, "dan", 4, Role.WRITER)
    brought: dict[EntryId, tuple[RecoveryKeys, set[EntryId]]] = {
        EntryId(ana.id): (ana.replica.recovery_keys()[0], set())
    }
    secrets = {EntryId(ana.id): paper_of(ana)}
    for device in (ben, cara, writer):
        pass_on(ana, device)
    for seed in range(10, 10 + data.draw(st.integers(0, 5))):
        author = data.draw(st.sampled_from([ana, ben, cara, writer]))
        replaced = data.draw(st.sets(st.sampled_from(sorted(brought)), max_size=3))
        false = data.draw(st.sets(st.sampled_from(sorted(brought)), max_size=1))
        by = {entry: from_paper(paper(99)).signing if entry in false else secrets[entry] for entry in replaced}
        entry = renewed(author, seed, by)
        if author is not writer:
            brought[entry], secrets[entry] = (key_of(seed), replaced - false), from_paper(paper(seed)).signing
    everyone = [ana, ben, cara, writer]
    for giver in [*data.draw(st.permutations(everyone)), *everyone]:
        for taker in everyone:
            if giver is not taker:
                pass_on(giver, taker)
    gone = {entry for _, replaced in brought.values() for entry in replaced}
    expected = {keys for entry, (keys, _) in brought.items() if entry not in gone}
    for device in everyone:
        assert set(device.replica.recovery_keys()) == expected
        again = Replica(device.id, device.store, editions.OURS)
        assert again.recovery_keys() == device.replica.recovery_keys()


def test_what_is_sealed_to_the_recovery_key_opens_with_the_paper() -> None:
    assert KEYS.seal is not None
    assert seal.unseal(from_paper(PAPER).seal, b"info", seal.seal(KEYS.seal, b"info", b"root")) == b"root"
