"""Keys: unusable ones, and one that is introduced twice."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellsync.core.crypto import primitives
from cellsync.core.errors import Malformed
from cellsync.core.ids import CaseId, DeviceId, SealPublic, SessionPublic
from cellsync.core.membership.control import Admit, DeviceKeys, Role, encode_admit
from cellsync.core.replica.founding import device_secrets
from cellsync.core.replica.replica import Replica
from cellsync.core.rule import Rule
from cellsync.core.wire.batches import Batch
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Kind
from tests.core.attacks import Draft, forge, of
from tests.core.replicas import MemoryReplica, admitted, founded, pass_on

CASE = CaseId(b"c" * 32)
ZERO = bytes(32)
ORDER_8 = bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")
MODULUS = (3_329).to_bytes(2, "little") + bytes(1_182)  # the first coefficient of 12 bits is not reduced
LARGEST = (3_328).to_bytes(2, "little") + bytes(1_182)


def new_keys(seed: int) -> DeviceKeys:
    return device_secrets(random.Random(seed).randbytes(96)).public


GOOD = new_keys(90)


UNUSABLE = [
    (ZERO, GOOD.seal),
    (ORDER_8, GOOD.seal),
    (GOOD.session, GOOD.seal[:1_184] + ZERO),
    (GOOD.session, GOOD.seal[:1_184] + ORDER_8),
    (GOOD.session, MODULUS + GOOD.session),
    (GOOD.session, b"\xff" * 1_184 + GOOD.session),
]
IDS = ["zero", "of order 8", "sealed to zero", "sealed to order 8", "not reduced", "ones"]


def admitting(writer: MemoryReplica, session: bytes, seal: bytes) -> Batch:
    """A batch in which a coordinator admits a device with these keys."""
    keys = DeviceKeys(new_keys(7).signing, SessionPublic(session), SealPublic(seal))
    shape, content = encode_admit(Admit(Role.WRITER, keys, "bea"), bytes(16))
    return forge(of(writer), [Draft(kind=Kind.ADMIT, case=CaseId(writer.id), shape=shape, content=content)])[0]


@pytest.mark.parametrize(("session", "seal"), UNUSABLE, ids=IDS)
def test_who_introduces_keys_that_cannot_be_used_is_at_fault(session: bytes, seal: bytes) -> None:
    ana = founded()
    ben = admitted(ana, "ben", 3, Role.COORDINATOR)
    pass_on(ana, ben)
    with pytest.raises(Malformed) as caught:
        ana.replica.plan(admitting(ben, session, seal))
    assert caught.value.rule is Rule.ENTRY_KEYS


@pytest.mark.parametrize("seal", [GOOD.seal, LARGEST + GOOD.session], ids=["drawn", "largest coefficient"])
def test_any_other_keys_introduce_a_device(seal: bytes) -> None:
    ana = founded()
    ben = admitted(ana, "ben", 3, Role.COORDINATOR)
    pass_on(ana, ben)
    (entry,) = ana.receive(admitting(ben, GOOD.session, seal)).commit.entries
    assert ana.replica.circle.devices_with(GOOD.session) == (DeviceId(entry.id),)


@pytest.mark.parametrize(("session", "seal"), UNUSABLE, ids=IDS)
def test_an_older_vault_that_holds_such_keys_opens(
    session: bytes, seal: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There the device counts as before, and what it writes is held; but nobody calls it or answers it."""
    ana = founded()
    secrets = device_secrets(random.Random(7).randbytes(96))
    with monkeypatch.context() as older:
        older.setattr(primitives, "is_session_key", lambda _: True)
        older.setattr(primitives, "is_seal_key", lambda _: True)
        keys = DeviceKeys(secrets.public.signing, SessionPublic(session), SealPublic(seal))
        bea = MemoryReplica(ana.id, secrets, ana.admit(keys, "bea"), ana.line[1], 7)
        pass_on(ana, bea)
    ana.replica = Replica(ana.id, ana.store)
    circle = ana.replica.circle
    assert circle.is_active(bea.device)
    assert circle.devices_with(SessionPublic(session)) == ()
    assert circle.session_key(bea.device) is None
    bea.edit(CASE, Operation(1, "f", b"", 1))
    (plan,) = pass_on(bea, ana)
    assert not plan.void
    assert not plan.refused
    assert len(plan.commit.entries) == 1


@settings(max_examples=40)
@given(st.data())
def test_no_introduction_shadows_another(data: st.DataObject) -> None:
    """Coordinators who did not see each other introduce one session key; replicas hear of it in any order."""
    ana = founded()
    ben, cara, dan = (
        admitted(ana, name, seed, Role.COORDINATOR) for name, seed in (("ben", 2), ("cara", 3), ("dan", 4))
    )
    others = [ben, cara, dan]
    for device in others:
        pass_on(ana, device)
    honest = new_keys(50)
    introduced = [ana.admit(honest, "eva")]
    for seed, hostile in enumerate(
        data.draw(st.lists(st.sampled_from(others), min_size=1, max_size=3, unique=True)), 60
    ):
        other = new_keys(seed)
        signing = data.draw(st.sampled_from([other.signing, honest.signing]))
        seal = data.draw(st.sampled_from([other.seal, honest.seal]))
        introduced.append(hostile.admit(DeviceKeys(signing, honest.session, seal), "not eva", Role.COORDINATOR))
        hostile.admit(DeviceKeys(new_keys(seed + 20).signing, honest.session, other.seal), "again")  # void: seen before
    expected = tuple(sorted(introduced))
    everyone = [ana, *others]
    for taker in everyone:
        for giver in data.draw(st.permutations(everyone)):
            if giver is not taker:
                pass_on(giver, taker)
        for circle in (taker.replica.circle, Replica(taker.id, taker.store).circle):
            assert circle.devices_with(honest.session) == expected
            assert {circle.session_key(device) for device in introduced} == {honest.session}
    assert DeviceId(introduced[0]) in expected
