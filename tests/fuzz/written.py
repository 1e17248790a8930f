"""Entries: their shapes and contents, control operations, whole batches, proofs of forks."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final
from unittest import mock

from cellsync.core.case.fold import CaseState, Stamp
from cellsync.core.history import fork_proof
from cellsync.core.ids import (
    CaseId,
    Day,
    DeviceId,
    EntryId,
    EpochId,
    MemberId,
    Millis,
    Signature,
    SigningPublic,
    Wrap,
)
from cellsync.core.membership import control
from cellsync.core.membership.control import Admit, Found, Role
from cellsync.core.membership.editions import SECOND
from cellsync.core.membership.endorsement import Endorse
from cellsync.core.membership.floor import Require
from cellsync.core.membership.link import LinkDevice
from cellsync.core.membership.recovery import Recovery, RecoveryKeys, Replaced
from cellsync.core.membership.release import Release
from cellsync.core.membership.removal import Leave, Remove
from cellsync.core.membership.role_change import SetRole
from cellsync.core.membership.rotation import Reject, Rewrap, Rotation
from cellsync.core.membership.seal_key import SealKey
from cellsync.core.membership.settings import CircleSettings
from cellsync.core.replica import planner
from cellsync.core.replica.replica import Replica
from cellsync.core.wire import batches, operations
from cellsync.core.wire.batches import Batch
from cellsync.core.wire.operations import Operation, split_refs
from cellsync.core.wire.tags import Kind, Op
from tests.core.attacks import Draft, content, forge, of, pointer
from tests.core.pairing.pairs import KEYS
from tests.core.replicas import START, MemoryReplica, three
from tests.fuzz.said import CIRCLE, read_batch
from tests.fuzz.wire_type import WireType, of_two, two_parts

_SALT: Final = bytes(operations.SALT_BYTES)
_SIGNATURE: Final = Signature(bytes(64))
_DEVICES: Final = DeviceId(b"a" * 32), DeviceId(b"b" * 32)


def _entry_parts(case: bytes) -> list[bytes]:
    """The shape, the salt and the values of the content."""
    shape, said = two_parts(case)
    return [shape, said[: operations.SALT_BYTES], said[operations.SALT_BYTES :]]


def _entry_of(parts: list[bytes]) -> bytes:
    return of_two(parts[0], parts[1] + parts[2])


def _control_parts(case: bytes) -> list[bytes]:
    """The kind, and the same."""
    return [case[:1], *_entry_parts(case[1:])]


def _control_of(parts: list[bytes]) -> bytes:
    return parts[0] + _entry_of(parts[1:])


def read_shape(raw: bytes) -> None:
    heads = operations._heads(raw)
    assert operations.encode_shape([Operation(*head, None) for head in heads]) == raw
    if (lone := operations.lone_head(raw)) is not None:
        assert (lone,) == heads
    for _, _, detail in heads:
        if isinstance(detail, bytes) and len(detail) % 10 == 0:
            assert b"".join(split_refs(detail)) == detail


def read_entry(raw: bytes) -> None:
    """A shape and a content, written by two devices at once: they fold, whatever the values are, and in any order."""
    shape, said = two_parts(raw)
    found = operations.decode(shape, said)
    if operations.is_opaque(shape, said):
        assert not found
        return
    assert operations.encode_shape(found) == shape
    assert operations.encode_content(said[: operations.SALT_BYTES], found) == said
    assert len(found) == operations.count(shape, said)
    one, other = (Stamp(EntryId(device), device, Millis(5), 1) for device in _DEVICES)
    states = [CaseState(logs=True), CaseState(logs=True)]
    for state, order in zip(states, ((one, other), (other, one)), strict=True):
        for stamp in order:
            state.apply(stamp, found)
    assert states[0].digest() == states[1].digest()
    assert len(states[0].conflicts()) == len(states[1].conflicts())
    for name, kind in states[0].fields():
        assert states[0].shows(name, kind)
        list(states[0].parts(kind, name))
    lean = CaseState()
    lean.apply(one, found)
    assert CaseState.decode(lean.encode()).encode() == lean.encode()


def read_control(raw: bytes) -> None:
    """The first byte is the kind."""
    shape, said = two_parts(raw[1:])
    kind = raw[0] if raw else 0
    match SECOND.decode(kind, shape, said):
        case Found() as found:
            assert control.encode_found(found, said[:16]) == (shape, said)
            assert isinstance(found.keys.usable, bool)
        case Admit() as admit:
            assert control.encode_admit(admit, said[:16]) == (shape, said)
            assert isinstance(admit.keys.usable, bool)
            assert control.harmless(admit.name)
        case None:
            assert kind not in (Kind.FOUND, Kind.ADMIT)
        case operation:
            assert SECOND.kinds[kind].encode(operation, said[:16]) == (shape, said)


def read_step(raw: bytes) -> None:
    """A batch of a member whose every signature is right: it is planned, and changes nothing yet."""
    replica, before = _replica()
    batch = read_batch(raw)
    with mock.patch.object(planner, "verify", return_value=True):
        plan = replica.plan(batch)
    assert replica.digest() == before
    assert len(plan.reached) == len(batch.chains)
    assert {entry.id for entry in plan.commit.entries}.isdisjoint(_held())


def read_proof(raw: bytes) -> None:
    proof = fork_proof.decode(raw)
    assert proof.encode() == raw
    fork_proof.check(proof, _key())


# --- good ones ----------------------------------------------------------------------------------


@cache
def _three() -> tuple[MemoryReplica, MemoryReplica, MemoryReplica]:
    return three()


@cache
def _replica() -> tuple[Replica, bytes]:
    replica = _three()[0].replica
    return replica, replica.digest()


@cache
def _held() -> frozenset[EntryId]:
    device = _three()[0]
    chains = device.replica.held.chains.values()
    return frozenset(entry.id for chain in chains for entry in device.store.chain_slice(chain.number, 1, 1 << 39))


def _key() -> SigningPublic:
    return _three()[1].secrets.public.signing


_REF: Final = bytes(10)
_SAID: Final = (
    [Operation(Op.CREATE, "org.example.case", 1, None), Operation(Op.SET, "title", b"", "лес")],
    [Operation(Op.SET, "title", _REF * 2, [1, {"a": b"b"}])],
    [Operation(Op.ADD, "tags", None, "x"), Operation(Op.DISCARD, "tags", _REF, None)],
    [Operation(Op.PUT, "phones", b"", ["key", 5]), Operation(Op.PUT, "phones", b"", "no pair")],
    [Operation(Op.DELETE, "phones", _REF, None), *(Operation(Op.COUNT, "n", None, value) for value in (-3, 1.5))],
    [Operation(Op.APPEND, "notes", None, "text")],
    [Operation(Op.APPEND, "notes", bytes(16), ["item", 2**63]), Operation(Op.CORRECT, "notes", _REF, float("nan"))],
    [Operation(Op.RETRACT, "notes", _REF, None), Operation(99, "later", 7, {"k": None})],
)  # fmt: skip


def shapes() -> list[bytes]:
    return [operations.encode_shape(said) for said in _SAID]


def entries() -> list[bytes]:
    written = [(operations.encode_shape(said), operations.encode_content(_SALT, said)) for said in _SAID]
    opaque = operations.encode_content(_SALT, [Operation(Op.APPEND, "notes", None, [0] * 1_030)])
    return [of_two(*one) for one in written] + [of_two(shapes()[5], opaque)]


def controls() -> Iterator[bytes]:
    founding = _three()[0].store.entry_at(1 << 40 | 1)
    assert founding is not None
    yield bytes([Kind.FOUND]) + of_two(founding.shape, founding.content)
    for role in Role:
        yield bytes([Kind.ADMIT]) + of_two(*control.encode_admit(Admit(role, KEYS.public, "ben"), _SALT))
    yield bytes([Kind.LEAVE]) + of_two(b"\xc0", _SALT + b"\xc0")
    for kind, operation in _said_in_edition_2():
        yield bytes([kind]) + of_two(*SECOND.kinds[kind].encode(operation, _SALT))


def _said_in_edition_2() -> Iterator[tuple[Kind, object]]:
    ids, wrap = [EntryId(bytes([number]) * 32) for number in range(4)], Wrap(bytes(control.WRAP_BYTES))
    one, other = map(DeviceId, ids[:2])
    begun = Rotation(ids[2], Day(20_000), {one: wrap, other: None}, {ids[3]: wrap})
    yield Kind.LINK, LinkDevice(KEYS.public, "laptop")
    yield Kind.SET_ROLE, SetRole(MemberId(one), Role.WRITER)
    yield Kind.REMOVE, Remove((one, other), (other,), (ids[2],), begun)
    yield Kind.ENDORSE, Endorse(tuple(ids))
    yield Kind.ROTATE, begun
    yield Kind.REWRAP, Rewrap(EpochId(ids[2]), {one: wrap})
    yield Kind.REJECT, Reject(EpochId(ids[2]))
    yield Kind.SEAL_KEY, SealKey(KEYS.public.seal)
    yield Kind.RELEASE, Release(tuple(ids[:2]), tuple(ids[2:]))
    yield Kind.LEAVE, Leave()
    yield Kind.REQUIRE, Require(2)
    yield Kind.RECOVERY, Recovery(RecoveryKeys(KEYS.public.signing, KEYS.public.seal), (Replaced(ids[0], _SIGNATURE),))
    yield Kind.SETTINGS, CircleSettings({1: 1, 2: 30, 9: 0})


def steps() -> Iterator[bytes]:
    ana, bea, _ = _three()
    row, head, height = pointer(ana, ana)
    admit = control.encode_admit(Admit(Role.WRITER, KEYS.public, "ben"), _SALT)
    for drafts in (
        [Draft()],
        [Draft([(1, 1, head, height)]), Draft(content=content(2)), Draft(clock=START + 9)],
        [Draft(shape=operations.encode_shape(said), content=operations.encode_content(_SALT, said)) for said in _SAID],
    ):
        yield from _parts(forge(of(bea), drafts, [row])[0])
    control_case = CaseId(ana.id)
    for kind, shape, said in ((Kind.ADMIT, *admit), (Kind.LEAVE, b"\xc0", _SALT + b"\xc0")):
        yield from _parts(forge(of(ana), [Draft(kind=kind, case=control_case, shape=shape, content=said)])[0])


def _parts(batch: Batch) -> list[bytes]:
    return batches.encode_batch(CIRCLE, batch, 60_000)


def proofs() -> Iterator[bytes]:
    ana, bea, _ = three()
    for longer in (1, 3):
        ana.receive(forge(of(bea), [Draft(content=content(f"one {at}")) for at in range(longer)])[0])
        ana.receive(forge(of(bea), [Draft(content=content(f"other {longer}"))])[0])
    for chain in ana.replica.forks():
        proof = ana.replica.fork_proof(chain.number)
        assert proof is not None
        yield proof.encode()


TYPES: Final = (
    WireType("shape", "any bytes as the shape of a case entry", read_shape, shapes),
    WireType("entry", "a shape and a content; two devices write them, and both orders fold alike", read_entry, entries,
             most=1_200, parts=(_entry_parts, _entry_of)),
    WireType("control", "a kind, a shape and a content of a control entry", read_control, controls,
             most=5_200, parts=(_control_parts, _control_of)),
    WireType("step", "a batch whose every signature is right, planned by a replica", read_step, steps, b"\x96\x04",
             most=1_600),
    WireType("proof", "any bytes as the proof of a fork", read_proof, proofs),
)  # fmt: skip
