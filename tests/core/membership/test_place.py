"""What is decided of a case entry by its place is what would be decided of it as a deed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from random import Random

from cellsync.core.ids import EntryId
from cellsync.core.membership.deliberation import Decision, Deliberation
from cellsync.core.membership.label import IN, OUT, UNDECIDED, Label
from tests.core.deeds import Told
from tests.histories import reader
from tests.histories.drawing import draw
from tests.histories.forms import Device, Entry, History, Id, Kind, Role
from tests.models.facts import is_grant, is_strike


class Bare:
    """A history of which only the control entries are deeds."""

    def __init__(self, history: History) -> None:
        self.history = history
        ids = next(iter(reader.assignments(history, 1)))
        self.told = Told(history, ids)
        self.control = [name for name, entry in history.entries.items() if entry.kind is not Kind.WRITE]
        everything = self.told.deeds(history.entries)
        bits = {name: bit for bit, name in enumerate(history.entries)}
        here = {bits[name]: bit for bit, name in enumerate(self.control)}
        deeds = [
            everything[bits[name]]._replace(
                past=sum(1 << here[bit] for bit in here if everything[bits[name]].past >> bit & 1)
            )
            for name in self.control
        ]
        self.here = {name: bit for bit, name in enumerate(self.control)}
        self.decision: Decision = Deliberation(deeds).decide()
        self.whole: Decision = Deliberation(everything).decide()

    def cases(self) -> Iterator[tuple[Entry, Label, Label]]:
        """Each case entry with its label as a deed, and by its place."""
        names = {entry: name for name, entry in self.told.ids.items()}
        for entry in self.history.entries.values():
            if entry.kind is Kind.WRITE and entry.device is not None:
                past = sum(1 << self.here[name] for name in entry.past if name in self.here)

                def seen_by(strike: EntryId, case: Id = entry.id) -> bool:
                    return case in self.history.entries[names[strike]].past

                device = self.told.devices[entry.device]
                yield (
                    entry,
                    self.whole.label(self.told.ids[entry.id]),
                    self.decision.label_of_case(device, past, seen_by),
                )

    def was_writer(self, entry: Entry) -> bool:
        """By its past, whatever is decided of that."""
        entries = self.history.entries
        return any(
            is_grant(grant) and (grant.role or 0) >= Role.WRITER and self._subject(grant) == self._author(entry)
            for grant in (entries[name] for name in entry.past)
        )

    def writers(self) -> Iterator[tuple[Device, Id]]:
        """Devices, with the grants that make their owners writers."""
        for device, member in self.history.owners.items():
            for grant in self.history.entries.values():
                if is_grant(grant) and (grant.role or 0) >= Role.WRITER and self._subject(grant) == member:
                    yield device, grant.id

    def _author(self, entry: Entry) -> str:
        assert entry.device is not None
        return self.history.owners[entry.device]

    def _subject(self, grant: Entry) -> str:
        return grant.member if grant.member is not None else next(iter(grant.members))


@cache
def bare_histories() -> list[Bare]:
    """Those of the folder, and many in which everybody writes, and is struck."""
    drawn = []
    for seed in range(150):
        random = Random(f"places {seed}")
        told = draw(random.randrange, 2 + random.randrange(4), 6 + random.randrange(10))
        devices = {each["device"] for each in told["entries"] if "device" in each}
        for number, device in enumerate(sorted(devices)):
            seen = random.sample([each["id"] for each in told["entries"]], random.randrange(3))
            told["entries"].append({"id": f"n{number}", "kind": "write", "by": device, "parents": seen})
        drawn.append(Bare(reader.parse(told)))
    return [*map(Bare, reader.histories().values()), *drawn]


def test_a_case_entry_has_the_label_of_the_same_entry_as_a_deed() -> None:
    labels = [(as_deed, by_place) for bare in bare_histories() for _, as_deed, by_place in bare.cases()]
    assert all(as_deed == by_place for as_deed, by_place in labels)
    assert {as_deed for as_deed, _ in labels} == {IN, UNDECIDED, OUT}


def test_control_entries_have_the_labels_that_they_have_beside_case_entries() -> None:
    for bare in bare_histories():
        assert bare.decision.labels.items() <= bare.whole.labels.items()
        assert bare.decision.statuses == bare.whole.statuses
        assert bare.decision.roles == bare.whole.roles
        assert bare.decision.epoch == bare.whole.epoch


def test_who_is_in_no_trouble_has_case_entries_that_are_in() -> None:
    spared = 0
    for bare in bare_histories():
        for entry, _, label in bare.cases():
            if entry.device is not None and bare.was_writer(entry) and not _is_troubled(bare, entry):
                spared += 1
                assert label == IN
    assert spared > 200


def test_whoever_is_in_no_trouble_stands_wherever_the_entry_is() -> None:
    """For any past that makes its author a writer, and whichever strikes saw it."""
    for seed, bare in enumerate(bare_histories()):
        random = Random(seed)
        for device, grant in bare.writers():
            if bare.told.devices[device] not in bare.decision.troubled:
                for _ in range(3):
                    introduction = bare.history.introductions[device]
                    rests = 1 << bare.here[introduction] | 1 << bare.here[grant]
                    past = random.getrandbits(len(bare.control)) & random.getrandbits(len(bare.control)) | rests
                    seeing = set(random.sample(sorted(bare.told.ids.values()), len(bare.told.ids) // 2))
                    by = bare.told.devices[device]
                    assert bare.decision.label_of_case(by, past, seeing.__contains__) == IN


def _is_troubled(bare: Bare, entry: Entry) -> bool:
    assert entry.device is not None
    return bare.told.devices[entry.device] in bare.decision.troubled


def test_nobody_is_in_trouble_for_a_strike_that_fell_or_that_leaves_a_writer() -> None:
    cascade = Bare(reader.histories()["01-cascade"])
    names = {device for device, entry in cascade.told.devices.items() if entry in cascade.decision.troubled}
    assert names == {"M1", "P1"}
    assert any(is_strike(each) and each.device == "P1" for each in cascade.history.entries.values())


def test_statuses_and_roles_are_those_of_each() -> None:
    for name in ("01-cascade", "R2-readmission-race", "attack-concurrent-roles"):
        bare = Bare(reader.histories()[name])
        assert set(bare.decision.statuses) == set(bare.told.devices.values())
        for device, status in bare.decision.statuses.items():
            assert bare.decision.status(device) == status
        for member in bare.told.members.values():
            assert bare.decision.role(member) == bare.decision.roles.get(member)


def test_a_device_that_nobody_introduced_in_its_past_writes_nothing() -> None:
    bare = Bare(reader.histories()["01-cascade"])
    device = bare.told.devices[next(iter(bare.history.introductions))]
    assert bare.decision.label_of_case(device, 0, lambda _: False) == OUT
