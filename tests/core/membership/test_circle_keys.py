"""Keys: unusable ones, and one that is introduced twice."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellsync.core.ids import CaseId, DeviceId, SealPublic, SessionPublic
from cellsync.core.membership.control import DeviceKeys, Role
from cellsync.core.replica.founding import device_secrets
from cellsync.core.replica.replica import Replica
from cellsync.core.wire.operations import Operation
from tests.core.replicas import MemoryReplica, admitted, founded, pass_on

CASE = CaseId(b"c" * 32)
ZERO = bytes(32)
ORDER_8 = bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")
MODULUS = (3_329).to_bytes(2, "little") + bytes(1_182)  # the first coefficient of 12 bits is not reduced
LARGEST = (3_328).to_bytes(2, "little") + bytes(1_182)


def new_keys(seed: int) -> DeviceKeys:
    return device_secrets(random.Random(seed).randbytes(96)).public


GOOD = new_keys(90)


@pytest.mark.parametrize(
    ("session", "seal", "usable"),
    [
        (GOOD.session, GOOD.seal, True),
        (ZERO, GOOD.seal, False),
        (ORDER_8, GOOD.seal, False),
        (GOOD.session, GOOD.seal[:1_184] + ZERO, False),
        (GOOD.session, GOOD.seal[:1_184] + ORDER_8, False),
        (GOOD.session, MODULUS + GOOD.session, False),
        (GOOD.session, LARGEST + GOOD.session, True),
        (GOOD.session, b"\xff" * 1_184 + GOOD.session, False),
    ],
)
def test_a_device_whose_keys_cannot_be_used(session: bytes, seal: bytes, usable: bool) -> None:
    """It counts, on every device and for ever, and what it writes is held; but nobody calls it or answers it."""
    ana = founded()
    source = random.Random(7)
    secrets = device_secrets(source.randbytes(96))
    keys = DeviceKeys(secrets.public.signing, SessionPublic(session), SealPublic(seal))
    assert keys.usable is usable
    bea = MemoryReplica(ana.id, secrets, ana.admit(keys, "bea"), ana.line[1], 7)
    for replica in (ana.replica, Replica(ana.id, ana.store)):
        circle = replica.circle
        assert circle.is_active(bea.device)
        assert circle.devices_with(SessionPublic(session)) == ((bea.device,) if usable else ())
        assert circle.session_key(bea.device) == (session if usable else None)
    pass_on(ana, bea)
    bea.edit(CASE, Operation(1, "f", b"", 1))
    (plan,) = pass_on(bea, ana)
    assert not plan.void
    assert not plan.refused


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
