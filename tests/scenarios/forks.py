"""Histories with forks: vaults put back, vaults used twice, an equivocator; and crowds of branches that are cited late.

After healing all replicas have one digest and show the same, nothing that an honest device wrote is lost, and no honest
device has more branches than it may. The oracle is naive: the ids that were written, and the digests side by side.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from functools import cached_property
from itertools import combinations
from typing import Final

from cellsync.core import caps
from cellsync.core.case.fold import CaseState
from cellsync.core.case.states import stamp_of
from cellsync.core.history.entry import slot_of
from cellsync.core.ids import CaseId, DeviceId, EntryId, Incarnation
from cellsync.core.membership.control import Admit, Role, encode_admit
from cellsync.core.replica.founding import device_secrets
from cellsync.core.replica.stage import Plan
from cellsync.core.wire.batches import Batch, BatchChain
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Kind
from tests.core.attacks import Draft, Root, Writer, content, forge, of
from tests.core.replicas import MemoryReplica, admitted, founded, pass_on
from tests.core.session.pumps import met

CASES: Final = [CaseId(bytes([number]) * 32) for number in (1, 2, 3)]
ROUNDS: Final = 6  # every pair once in each


class Honest(MemoryReplica):
    """A person's device: if it is shown entries of its present incarnation that it lacks, it continues under another.

    A reader follows it all the time, takes in what each step tells, and reads again only the cases that the step names.
    """

    due = False

    def commit(self, plan: Plan) -> Plan:
        super().commit(plan)
        for number in plan.refold:
            self.shown[number] = self.replica.states.read(number)
        for entry, author, done in plan.changes:
            assert entry.case not in plan.refold, "told twice"
            self.shown.setdefault(entry.case, CaseState(logs=True)).apply(stamp_of(entry, author), done)
        return plan

    @cached_property
    def shown(self) -> dict[int, CaseState]:
        return {}

    def receive(self, batch: Batch, peer: DeviceId | None = None) -> Plan:
        plan = super().receive(batch, peer)
        for entry in plan.commit.entries:
            self.due = self.due or self.replica.held.chains[entry.slot >> 40].line == self.line
        return plan

    def note(self, source: random.Random) -> set[EntryId]:
        """Write one edit; none if the device may not take another incarnation."""
        if self.due:
            if self.replica.held.branches(self.device) >= caps.BRANCHES - 1:
                return set()
            self.line, self.due = (self.device, Incarnation(source.randbytes(8))), False
        return {self.edit(source.choice(CASES), Operation(1, "f", b"", source.randrange(9)))}


def life_of(device: MemoryReplica, giver: MemoryReplica, seed: int) -> Honest:
    """A store of this device with everything that `giver` holds, as if newly founded or put back from a backup."""
    life = Honest(device.id, device.secrets, device.device, device.line[1], seed)
    life.epochs, life.sponsor = device.epochs, device.sponsor
    pass_on(giver, life)
    return life


class Equivocator:
    """A device that signs anything, from any place where it has been, and shows it to any device it chooses."""

    def __init__(self, device: MemoryReplica, ana: MemoryReplica, source: random.Random) -> None:
        self.device, self.source = device, source
        [admission] = [entry for entry in ana.store.chain_slice(1, 1, 99) if bytes(entry.id) == device.device]
        self.row = BatchChain(*ana.line, admission.slot - slot_of(1, 0) + 1, admission.id, None)
        self.cited = (1, 1, admission.id, admission.height)
        root = Writer(device.id, *device.line, secret=device.secrets.signing)
        self.places = [root]

    def show(self, victim: MemoryReplica) -> None:
        before = self.source.choice(self.places[-3:] if self.source.random() < 0.5 else self.places)
        if self.source.random() < 0.1:
            before = self.places[0]._replace(incarnation=Incarnation(self.source.randbytes(8)))
        case = self.source.choice(CASES)
        drafts = [
            Draft([] if at else [self.cited], case=case, content=content(self.source.randrange(99)))
            for at in range(self.source.randint(1, 3))
        ]
        batch, ids = forge(before, drafts, [self.row])
        if victim.receive(batch).refused:
            return
        number = victim.find((before.device, before.incarnation), before.first + len(ids) - 1, ids[-1])
        assert number is not None
        entry = victim.store.entry_at(slot_of(number, before.first + len(ids) - 1))
        assert entry is not None
        self.places.append(before._replace(first=before.first + len(ids), previous=ids[-1], height=entry.height))


def history(seed: int) -> int:
    """Play one history. Raises AssertionError if replicas differ in the end, or an entry is lost."""
    source = random.Random(f"forks {seed}")
    ana = founded(seed=1)
    born = [admitted(ana, f"device {number}", number) for number in range(2, 2 + source.randint(2, 4))]
    people: list[MemoryReplica] = [life_of(device, ana, number) for number, device in enumerate(born)]
    hostile = Equivocator(born[-1], ana, source) if source.random() < 0.7 else None
    if hostile is not None:
        people.pop()
    devices = [ana, *people]
    written: set[EntryId] = set()
    many = source.random() < 0.4  # branches without end
    for step in range(source.randint(5, 40)):
        choice = source.random()
        if choice < 0.35:
            device = source.choice(devices)
            if isinstance(device, Honest):
                written |= device.note(source)
            else:
                written.add(device.edit(CASES[0], Operation(1, "f", b"", step)))
        elif choice < 0.6:
            one, other = source.sample(devices, 2)
            met(one, other, seed * 100 + step)
        elif choice < 0.7:
            at = source.randrange(1, len(devices))
            if isinstance(devices[at], Honest):
                lost = devices[at]
                back = life_of(lost, ana, step)
                if source.random() < 0.5:  # both continue, so the vault is used twice
                    devices.append(back)
                else:  # entries that reached no other device were lost with the disk
                    held = {entry for entry in written if any(_holds(one, entry) for one in devices if one is not lost)}
                    devices[at], written = back, held
        elif hostile is not None:
            for _ in range(source.randint(1, 25) if many else 1):
                hostile.show(source.choice(devices))  # a device that is shown one cites it with its next entry
    for device in devices:
        if isinstance(device, Honest) and source.random() < 0.5:
            written |= device.note(source)
    _heal(devices, source, seed)
    check(devices, written, hostile)
    return 1


def _heal(devices: list[MemoryReplica], source: random.Random, seed: int) -> None:
    for turn in range(ROUNDS):
        pairs = list(combinations(devices, 2))
        source.shuffle(pairs)
        for at, (one, other) in enumerate(pairs):
            met(one, other, seed * 1_000 + turn * 100 + at)
        if len({device.replica.digest() for device in devices}) == 1:
            break


def check(
    devices: list[MemoryReplica], written: set[EntryId], hostile: Equivocator | None, puppets: Collection[DeviceId] = ()
) -> None:
    bad = {*puppets, *([] if hostile is None else [hostile.device.device])}
    assert len({device.replica.digest() for device in devices}) == 1, "the digests differ"
    assert len({device.replica.state_digest() for device in devices}) == 1, "the cases read differently"
    for device in devices:
        held = {
            entry.id
            for chain in device.store.chains()
            for entry in device.store.chain_slice(chain.number, chain.first, chain.length)
        }
        assert written <= held, "an entry was lost"
        for author, numbers in device.replica.held.by_device.items():
            assert len(numbers) <= caps.BRANCHES or author in bad
        if isinstance(device, Honest):
            for number, state in device.shown.items():
                assert state.digest() == device.replica.states.read(number).digest(), "a reader was told too little"
        again = type(device.replica)(device.id, device.store)
        assert again.digest() == device.replica.digest()
        assert again.state_digest() == device.replica.state_digest()


def _holds(device: MemoryReplica, entry: EntryId) -> bool:
    return any(
        found.id == entry
        for chain in device.store.chains()
        for found in device.store.chain_slice(chain.number, chain.first, chain.length)
    )


# --- a crowd of branches, and who cites them late --------------------------------------------------------------


class Colluder:
    """A member with one chain that holds branches which others were not shown, and cites them at any time."""

    def __init__(self, device: MemoryReplica, source: random.Random) -> None:
        self.device, self.source = device, source

    def cite(self, hostile: Equivocator) -> EntryId:
        """Cite any one of the branches that it was shown, in an entry of its own chain."""
        held = self.device.replica.held.of_device(hostile.device.device)
        branch = self.source.choice(held)
        seen = BatchChain(*branch.line, branch.length + 1, branch.head, None)
        draft = Draft([(1, 1, branch.head, branch.height)], case=self.source.choice(CASES), content=content("late"))
        batch, [written] = forge(of(self.device), [draft], [seen])
        assert not self.device.receive(batch, self.device.device).refused
        return written


def crowd(seed: int) -> int:
    """An equivocator shows each replica different branches; a colluder cites some when all others are in step."""
    source = random.Random(f"crowd {seed}")
    branches = 1_000 if seed % 50 == 0 else 40
    ana = founded(seed=1)
    born = [admitted(ana, f"device {number}", number) for number in range(2, 2 + source.randint(3, 4))]
    people: list[MemoryReplica] = [life_of(device, ana, number) for number, device in enumerate(born[:-1])]
    hostile, colluder = Equivocator(born[-1], ana, source), Colluder(people[-1], source)
    devices = [ana, *people]
    honest = devices[:-1]
    for device in devices:
        pass_on(ana, device)
    root = hostile.places[0]
    for number in range(branches):
        victim = source.choice([*devices, colluder.device])
        life = Incarnation(source.randbytes(8)) if source.random() < 0.3 else root.incarnation
        writer = root._replace(incarnation=life)
        draft = Draft([hostile.cited], case=source.choice(CASES), content=content(number))
        victim.receive(forge(writer, [draft], [hostile.row])[0], source.choice(devices).device)
    written: set[EntryId] = set()
    for turn in range(3):
        for at, (one, other) in enumerate(combinations(honest, 2)):
            met(one, other, seed * 10_000 + turn * 100 + at)
        written |= {source.choice(honest).edit(CASES[0], Operation(1, "f", b"", turn))}
        written |= {colluder.cite(hostile) for _ in range(source.randint(1, 3))}
        met(colluder.device, source.choice(honest), seed * 10_000 + turn * 100 + 99)
    _heal(devices, source, seed)
    check(devices, written, hostile)
    return 1


# --- a coordinator gone bad, and devices that it introduces here and there -------------------------------------


def puppets(seed: int) -> int:
    """A coordinator with branches without end introduces devices on some of them, and shows these to some.

    These devices, too, send entries to some replicas, with or without their introduction in the past, and begin any
    number of chains.
    """
    source = random.Random(f"puppets {seed}")
    ana = founded(seed=1)
    born = [admitted(ana, f"device {number}", number) for number in range(2, 2 + source.randint(1, 3))]
    bad = admitted(ana, "bad", 9, Role.COORDINATOR)
    devices = [ana, *(life_of(device, ana, number) for number, device in enumerate(born))]
    hostile = Equivocator(bad, ana, source)
    made: list[Writer] = []
    written: set[EntryId] = set()
    for step in range(source.randint(10, 60)):
        choice, victim, by = source.random(), source.choice(devices), source.choice(devices).device
        if choice < 0.2:
            written.add(victim.edit(source.choice(CASES), Operation(1, "f", b"", step)))
        elif choice < 0.4:
            one, other = source.sample(devices, 2)
            met(one, other, seed * 100 + step)
        elif choice < 0.55:
            for _ in range(source.randint(1, 12)):
                hostile.show(victim)
        elif choice < 0.7:
            batch, puppet = _introduced(hostile, source)
            if not victim.receive(batch, by).refused:
                made.append(puppet)
        elif made:
            for _ in range(source.choice([1, 1, 3, 20])):
                puppet = source.choice(made[-3:])
                life = puppet._replace(incarnation=Incarnation(source.randbytes(source.choice([0, 0, 1])).rjust(8)))
                life = life._replace(root=None) if source.random() < 0.3 else life
                victim.receive(forge(life, [Draft(case=source.choice(CASES), content=content(step))])[0], by)
    _heal(devices, source, seed)
    check(devices, written, hostile, [puppet.device for puppet in made])
    return 1


def _introduced(hostile: Equivocator, source: random.Random) -> tuple[Batch, Writer]:
    """A device that the hostile coordinator introduces on another branch of its own."""
    secrets = device_secrets(source.randbytes(96))
    shape, names = encode_admit(Admit(Role.WRITER, secrets.public, "puppet"), source.randbytes(16))
    writer = hostile.places[0]._replace(incarnation=Incarnation(source.randbytes(8)))
    grant = Draft([hostile.cited], kind=Kind.ADMIT, case=CaseId(writer.circle), shape=shape, content=names)
    batch, [entry] = forge(writer, [grant], [hostile.row])
    root = Root(BatchChain(writer.device, writer.incarnation, 2, entry, None), hostile.cited[3] + 1)
    return batch, Writer(writer.circle, DeviceId(entry), Incarnation(bytes(8)), secrets.signing, root=root)
