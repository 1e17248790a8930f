"""Rights: the rules as tables, whole circles against a model that walks the graph, and attempts to evade the rules."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellsync.core import caps
from cellsync.core.errors import Malformed, WrongLink
from cellsync.core.history.entry import Standing
from cellsync.core.ids import (
    NO_ID,
    CaseId,
    DeviceId,
    EntryId,
    Incarnation,
    MemberId,
    SealPublic,
    SessionPublic,
    SigningPublic,
)
from cellsync.core.membership import rules
from cellsync.core.membership.control import Admit, DeviceKeys, Role, encode_admit
from cellsync.core.membership.editions import OURS
from cellsync.core.membership.rules import KnownDevice
from cellsync.core.replica.founding import device_secrets
from cellsync.core.replica.planner import Intention
from cellsync.core.replica.replica import Replica
from cellsync.core.rule import Rule
from cellsync.core.wire.batches import BatchChain
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Kind
from tests.core.attacks import Draft, forge, of, pointer
from tests.core.replicas import MemoryReplica, admitted, founded, pass_on
from tests.models import rights

CASE = CaseId(b"c" * 32)


def keys(number: int) -> DeviceKeys:
    return DeviceKeys(
        SigningPublic(bytes([number]) * 32), SessionPublic(bytes([number]) * 32), SealPublic(bytes([number]) * 1_216)
    )


def grant(number: int) -> KnownDevice:
    one = bytes([number]) * 32
    return KnownDevice(number, MemberId(one), DeviceId(one), keys(number).known, f"member {number}")


# --- the rules, one by one ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [*Kind, 255])
@pytest.mark.parametrize("role", [None, *Role])
def test_rule_2_is_this_table(kind: int, role: Role | None) -> None:
    coordinators = {
        Kind.ADMIT, Kind.SET_ROLE, Kind.REMOVE, Kind.ENDORSE, Kind.RELEASE, Kind.REQUIRE, Kind.RECOVERY, Kind.SETTINGS,
    }  # fmt: skip
    anyone = {Kind.LINK, Kind.ROTATE, Kind.REWRAP, Kind.REJECT, Kind.SEAL_KEY, Kind.LEAVE}
    writers = anyone | {Kind.CASE}
    may = {Role.COORDINATOR: coordinators | writers, Role.WRITER: writers, Role.READER: anyone}
    assert rules.rule_2_cause(OURS.needs.get(kind), role) == (role is not None and kind in may[role])
    assert set(OURS.needs) == coordinators | writers


@pytest.mark.parametrize("part", range(3))
def test_rule_1_any_key_seen_before(part: int) -> None:
    new: list[Any] = list(keys(9))
    assert rules.rule_1_names(DeviceKeys(*new).known, [grant(1), grant(2)])
    new[part] = keys(2)[part]
    assert not rules.rule_1_names(DeviceKeys(*new).known, [grant(1), grant(2)])


# --- against the model ----------------------------------------------------------------------------


def verdicts(device: MemoryReplica) -> dict[bytes, bool]:
    return {
        entry.id: entry.standing == Standing.IN
        for chain in device.store.chains()
        for entry in device.store.chain_slice(chain.number, 1, chain.length)
    }


def check(device: MemoryReplica) -> None:
    history = rights.read(device)
    known: dict[bytes, bool] = {}
    assert verdicts(device) == {entry: rights.counts(history, device.id, entry, known) for entry in history}
    pasts = {
        entry.id: {g.device for g in device.replica.circle.seen(entry.past)}
        for chain in device.store.chains()
        for entry in device.store.chain_slice(chain.number, 1, chain.length)
    }
    for entry, seen in pasts.items():
        reach = rights.past(history, entry) | {entry}
        assert seen == {one for one in reach if history[one].role and known[one]}
    before = device.replica.digest(), device.replica.state_digest(), list(device.replica.circle.pasts.after(0))
    reloaded = Replica(device.id, device.store)
    assert before == (reloaded.digest(), reloaded.state_digest(), list(reloaded.circle.pasts.after(0)))
    assert reloaded.circle.grants == device.replica.circle.grants


@settings(max_examples=40)
@given(st.data())
def test_circles_agree_with_the_model(data: st.DataObject) -> None:
    devices = [founded()]
    seeds = iter(range(2, 50))
    for _ in range(data.draw(st.integers(3, 16))):
        one = data.draw(st.sampled_from(devices))
        action = data.draw(st.sampled_from(["admit", "again", "write", "write", "hear", "hear", "hear", "leave"]))
        if action == "admit" and len(devices) < 6:  # by anybody: most may not
            new = admitted(one, "new", next(seeds), data.draw(st.sampled_from([*Role])))
            if one.replica.circle.is_active(new.device):
                pass_on(one, new)
                devices.append(new)
        elif action == "again":  # keys that are in use already
            again = data.draw(st.sampled_from(devices))
            one.admit(again.secrets.public, "again", Role.COORDINATOR)
        elif action == "write":
            one.edit(CASE, Operation(1, "f", b"", data.draw(st.integers(0, 3))))
        elif action == "leave":
            shape, content = b"\xc0", bytes(16) + b"\x90"
            pass_on(devices[0], one)
            one.write(Intention(Kind.LEAVE, CaseId(one.id), shape, content))
        else:
            pass_on(data.draw(st.sampled_from(devices)), one)
    for device in devices:
        check(device)
    for _ in range(2):
        for device in devices:
            pass_on(devices[0], device)
            pass_on(device, devices[0])
    assert len({device.replica.digest() + device.replica.state_digest() for device in devices}) == 1
    assert len({frozenset(verdicts(device).items()) for device in devices}) == 1
    check(devices[0])


# --- attacks ------------------------------------------------------------------------------------------


def circle(role: Role) -> tuple[MemoryReplica, MemoryReplica]:
    ana = founded()
    bea = admitted(ana, "bea", 2, role)
    pass_on(ana, bea)
    return ana, bea


def new_keys(seed: int) -> DeviceKeys:
    return device_secrets(random.Random(seed).randbytes(96)).public


def test_a_reader_writes() -> None:
    ana, bea = circle(Role.READER)
    bea.edit(CASE, Operation(1, "f", b"", 1))
    (plan,) = pass_on(bea, ana)
    assert len(plan.void) == len(plan.commit.entries) == 1
    assert not plan.changes
    check(ana)


@pytest.mark.parametrize("role", [Role.READER, Role.WRITER])
def test_who_may_not_admit_introduces_nobody(role: Role) -> None:
    ana, bea = circle(role)
    puppet = admitted(bea, "puppet", 9, Role.COORDINATOR)
    pass_on(bea, ana)
    assert not ana.replica.circle.is_active(puppet.device)
    assert ana.replica.circle.signing_key(puppet.device) is None
    chains = len(ana.replica.held.chains)
    plan = ana.receive(forge(of(puppet), [Draft()])[0])
    assert [gap.line for gap in plan.gaps] == [puppet.line]
    assert len(ana.replica.held.chains) == chains  # else a reader could fill everybody's frontier
    check(ana)


def test_void_control_entries_have_no_place_in_pasts() -> None:
    ana, bea = circle(Role.READER)
    before = ana.replica.circle.pasts.count
    for seed in range(10, 30):
        bea.admit(new_keys(seed), "puppet")
    pass_on(bea, ana)
    assert ana.replica.circle.pasts.count <= before + 1
    check(ana)


def test_a_key_introduced_twice() -> None:
    ana, bea = circle(Role.WRITER)
    twin = ana.admit(bea.secrets.public, "bea again", Role.COORDINATOR)
    assert not ana.replica.circle.is_active(twin)
    assert ana.replica.circle.devices_with(bea.secrets.public.session) == (bea.device,)
    pass_on(ana, bea)
    check(bea)


def test_the_49th_device() -> None:
    ana = founded()
    for number in range(caps.DEVICES - 1):
        device = ana.admit(new_keys(1_000 + number), "member")
        assert ana.replica.circle.is_active(device)
    assert len(ana.replica.circle.active()) == caps.DEVICES
    device = ana.admit(new_keys(999), "one too many")
    assert not ana.replica.circle.is_active(device)


def test_an_unknown_device() -> None:
    ana, _ = circle(Role.WRITER)
    stranger = MemoryReplica(ana.id, device_secrets(bytes(96)), DeviceId(b"?" * 32), Incarnation(bytes(8)), 5)
    plan = ana.receive(forge(of(stranger), [Draft()])[0])
    assert [gap.line for gap in plan.gaps] == [stranger.line]
    assert not plan.commit.entries
    assert not plan.commit.chains


def test_the_founding_of_another_circle() -> None:
    ana, bea = circle(Role.COORDINATOR)
    zoe = founded("zoe", 77)
    entry: Any = zoe.store.entry_at(1 << 40 | 1)
    draft = Draft(clock=entry.clock, kind=Kind.FOUND, case=CaseId(ana.id), shape=entry.shape, content=entry.content)
    for writer in (of(bea), of(bea)._replace(device=ana.device, incarnation=zoe.line[1])):
        with pytest.raises(WrongLink):
            ana.replica.plan(forge(writer, [draft])[0])


def test_what_has_not_its_authors_admission_in_its_past_does_not_attach() -> None:
    """Not even what comes behind it, and has."""
    ana, bea = circle(Role.WRITER)
    row, head, height = pointer(ana, ana)
    backdated = BatchChain(*ana.line, 2, EntryId(ana.id), None)  # from before it
    cites = Draft([(1, 1, head, height)])
    for writer in (of(bea), of(bea)._replace(incarnation=Incarnation(b"backdate"))):
        for batch in (
            forge(writer._replace(root=None), [Draft()])[0],
            forge(writer._replace(root=None), [Draft(), cites], [row])[0],
            forge(writer, [Draft([(1, 1, EntryId(ana.id), 1)])], [backdated])[0],
        ):
            plan = ana.receive(batch)
            assert plan.refused == [0]
            assert [gap.line for gap in plan.gaps] == [batch.chains[0][:2]]
            assert not plan.commit.entries
        assert not ana.receive(forge(writer, [cites, Draft()], [row])[0]).refused
    check(ana)


@pytest.mark.parametrize("shape", [b"\xc0", b"\x90", b"\x92\x02\x90", b"\x92\x05\x93\xc4\x00\xc4\x00\xc4\x00"])
def test_malformed_admissions(shape: bytes) -> None:
    ana, bea = circle(Role.COORDINATOR)
    draft = Draft(kind=Kind.ADMIT, case=CaseId(ana.id), shape=shape, content=bytes(16) + b"\x91\xa1x")
    with pytest.raises(Malformed):
        ana.replica.plan(forge(of(bea), [draft])[0])


@pytest.mark.parametrize("name", ["", "x" * 257])
def test_names_that_are_none(name: str) -> None:
    ana, bea = circle(Role.COORDINATOR)
    with pytest.raises(Malformed) as caught:
        ana.replica.plan(forge(of(bea), [admission_of(ana, name)])[0])
    assert caught.value.rule is Rule.ENTRY_NAME


@pytest.mark.parametrize(
    ("name", "shown"),
    [("a\x00b", "a\ufffdb"), ("a\u202eb", "a\ufffdb"), ("e\u0301", "é"), ("a\nb", "a b"), ("\u2028", "\ufffd")],
)
def test_any_other_name_counts_and_is_shown_without_harm(name: str, shown: str) -> None:
    ana, bea = circle(Role.COORDINATOR)
    plan = ana.replica.plan(forge(of(bea), [admission_of(ana, name)])[0])
    admitted = plan.circle.grant(DeviceId(plan.commit.entries[0].id))
    assert admitted is not None
    assert (admitted.name, plan.circle.name(admitted.device)) == (shown, shown)


def admission_of(ana: MemoryReplica, name: str) -> Draft:
    shape, content = encode_admit(Admit(Role.READER, new_keys(5), name), bytes(16))
    return Draft(kind=Kind.ADMIT, case=CaseId(ana.id), shape=shape, content=content)


# --- what grants cost -----------------------------------------------------------------------------------


@pytest.mark.parametrize("branches", [4, 16])
def test_a_grant_costs_the_same_however_many_there_are(branches: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A coordinator with many branches, on each of which it admits: every step went through all grants, and each kept a
    bit for every other one, so 12,000 of them took 40 s, and again whenever the vault was opened."""
    ana, mo = circle(Role.COORDINATOR)
    row, head, height = pointer(mo, ana)
    drawn = random.Random(7)

    def admission() -> Draft:
        shape, content = encode_admit(Admit(Role.READER, new_keys(drawn.getrandbits(30)), "p"), drawn.randbytes(16))
        return Draft([(1, 1, head, height)], kind=Kind.ADMIT, case=CaseId(ana.id), shape=shape, content=content)

    steps = []
    seen = rules.rule_1_names
    monkeypatch.setattr(rules, "rule_1_names", lambda keys, grants: seen(keys, counted(grants, compared)))
    compared: list[KnownDevice] = []
    for number in range(branches):
        writer = of(mo)._replace(incarnation=Incarnation(number.to_bytes(8, "big")), first=1, height=0)
        writer = writer._replace(previous=EntryId(NO_ID))
        first, *rest = [admission() for _ in range(10)]
        plan = ana.receive(forge(writer, [first, *(one._replace(parents=()) for one in rest)], [row])[0])
        assert not plan.void
        steps.append(len(compared))
        compared.clear()
    assert len(ana.replica.circle.active()) == 2 + 10 * branches
    assert set(steps) == {10 * 2 + 45}  # each looks at those in its own past
    Replica(ana.id, ana.store)
    assert len(compared) <= branches * (10 * 2 + 45) + 1


def counted(grants: Iterable[KnownDevice], into: list[KnownDevice]) -> Iterator[KnownDevice]:
    for one in grants:
        into.append(one)
        yield one
