"""Evidence: what a whole replica says of a circle's secrets, step by step, and when its store is opened again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cellsync.core.ids import DeviceId, EntryId, EpochId
from cellsync.core.membership.editions import SECOND
from cellsync.core.replica.evidence import KeyEvidence
from cellsync.core.replica.replica import Replica
from cellsync.store.sqlite import SqliteStore
from tests.core.written import Written
from tests.histories.reader import read

ENTRIES: list[dict[str, Any]] = [
    {"id": "f", "kind": "found", "device": "F1", "member": "F"},
    {"id": "a", "kind": "admit", "by": "F1", "device": "A1", "member": "A", "role": "reader", "parents": ["f"]},
    {"id": "b", "kind": "admit", "by": "F1", "device": "B1", "member": "B", "role": "writer", "parents": ["a"]},
    {"id": "k", "kind": "seal_key", "by": "A1", "parents": ["b"]},
    {"id": "e", "kind": "rotate", "by": "B1", "to": ["F1", "A1", "B1"], "parents": ["k"]},
    {"id": "w", "kind": "rewrap", "by": "B1", "of": "e", "to": ["A1"]},
    {"id": "l", "kind": "seal_key", "by": "A1", "parents": ["w"]},
    {"id": "j", "kind": "reject", "by": "A1", "of": "e"},
    {"id": "d", "kind": "rotate", "by": "F1", "to": ["F1", "A1"], "parents": ["b"]},
]


class Held:
    """A replica of edition 2 that took the history, and what it says."""

    def __init__(self, folder: Path) -> None:
        story = {"name": "evidence", "from": "none", "story": "One epoch after another.", "entries": ENTRIES}
        path = folder / "evidence.json"
        path.write_text(json.dumps({**story, "expect": {}}))
        self.written = Written(read(path))
        self.replica, self.store = self.written.replica([one["id"] for one in ENTRIES])
        self.evidence = KeyEvidence(self.replica, self.store, self.device("A1"))

    def device(self, name: str) -> DeviceId:
        return self.written.device(name)  # type: ignore[arg-type]

    def entry(self, name: str) -> EntryId:
        return EntryId(self.written.ids[name])  # type: ignore[index]

    def epoch(self, name: str) -> EpochId:
        return EpochId(self.entry(name))


def test_a_replica_says_what_a_keyring_needs(tmp_path: Path) -> None:
    held = Held(tmp_path)
    facts = held.evidence.facts()
    assert facts.chosen == held.epoch("e"), "of three members one rejects it"
    assert facts.usable == {held.epoch("e"), held.epoch("f")}, "the other one leaves somebody out"
    assert set(facts.rotations) == {held.epoch(name) for name in "fed"}
    assert facts.rotations[held.epoch("e")].author == held.device("B1")
    assert facts.rotations[held.epoch("f")].author == held.device("F1")
    assert [one.author for one in facts.followed] == [held.device("B1")]
    assert facts.rejected == {held.device("A1"): {held.epoch("e")}}
    assert set(facts.active) == {held.device(name) for name in ("F1", "A1", "B1")}
    assert [one.entry for one in facts.introduced] == [held.entry(name) for name in "akl"]


def test_who_saw_what_is_known_of_keys_without_a_bit_as_well(tmp_path: Path) -> None:
    held = Held(tmp_path)
    facts = held.evidence.facts()
    assert facts.saw(held.entry("e"), held.entry("k")), "it was sealed to this key"
    assert not facts.saw(held.entry("e"), held.entry("l"))
    assert not facts.saw(held.entry("d"), held.entry("k"))
    assert facts.saw(held.entry("d"), held.entry("a"))
    assert facts.has_cited(held.device("A1"), held.entry("e"))
    assert facts.has_cited(held.device("B1"), held.entry("k"))
    assert not facts.has_cited(held.device("F1"), held.entry("e"))
    assert not facts.has_cited(held.device("F1"), held.entry("k"))


def test_a_device_was_given_what_was_chosen_before_it_came(tmp_path: Path) -> None:
    held = Held(tmp_path)
    facts = held.evidence.facts()
    assert facts.given(held.device("A1")) == held.epoch("f")
    assert facts.given(held.device("F1")) is None, "it founded the circle"


def test_a_store_that_is_opened_again_says_the_same(tmp_path: Path) -> None:
    held = Held(tmp_path)
    again = KeyEvidence(Replica(held.written.circle, held.store, SECOND), held.store, held.device("A1")).facts()
    facts = held.evidence.facts()
    assert again[:-2] == facts[:-2]


def test_step_by_step_it_says_the_same(tmp_path: Path) -> None:
    held = Held(tmp_path)
    store = SqliteStore.in_memory()
    replica = Replica(held.written.circle, store, SECOND)
    evidence = KeyEvidence(replica, store, held.device("A1"))
    for one in ENTRIES:
        plan = replica.plan(held.written.batches[one["id"]])
        store.write(plan.commit)
        replica.advance(plan)
        evidence.take(plan.controls)
    assert evidence.facts()[:-2] == held.evidence.facts()[:-2]
