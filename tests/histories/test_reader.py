from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.histories import reader
from tests.histories.forms import Device, Id, Label, Member, Role, Status

TOLD: dict[str, Any] = {
    "name": "A removal",
    "from": "here",
    "story": "A removes M.",
    "entries": [
        {"id": "f", "kind": "found", "device": "A1", "member": "A"},
        {"id": "m", "kind": "admit", "by": "A1", "device": "M1", "member": "M", "role": "writer"},
        {"id": "l", "kind": "link", "by": "M1", "device": "M2"},
        {"id": "n", "kind": "write", "by": "M2"},
        {"id": "r", "kind": "remove", "by": "A1", "of": ["M"], "rotates_to": ["A"]},
        {"id": "q", "kind": "remove", "by": "recovery", "of": ["M2"], "parents": ["n"]},
        {"id": "v", "kind": "endorse", "by": "recovery", "of": ["r"], "parents": ["r"]},
        {"id": "g", "kind": "rotate", "by": "M1", "to": ["M"], "previous": None},
    ],
    "before": [{"without": ["r"], "expect": {"roles": {"M": "writer"}, "epoch": ["f", "g"]}}],
    "expect": {"labels": {"r": "IN"}, "devices": {"M1": "removed"}, "quarantined": ["n"], "epoch": None},
}


def test_a_history_is_read() -> None:
    history = reader.parse(TOLD)
    entries = history.entries
    assert entries[Id("n")].parents == {Id("l")}, "a device's first entry cites its introduction"
    assert entries[Id("n")].previous is None
    assert entries[Id("r")].previous == Id("m")
    assert entries[Id("r")].past == {Id("f"), Id("m")}
    assert entries[Id("r")].to == frozenset({Device("A1")})
    assert entries[Id("q")].devices == {Device("M2")}
    assert (entries[Id("q")].device, entries[Id("q")].key, entries[Id("q")].height) == (None, Id("f"), 5)
    assert entries[Id("v")].previous == Id("q"), "the recovery key has a chain of its own"
    assert entries[Id("g")].to == frozenset({Device("M1")}), "it had not seen M2"
    assert entries[Id("g")].parents == {Id("m")}
    assert history.owners[Device("M2")] == Member("M")
    without, whole = history.moments
    assert without.held == {Id("f"), Id("m"), Id("l"), Id("n"), Id("q"), Id("g")} - {Id("v")} - {Id("r")}
    assert without.expected.roles == {Member("M"): Role.WRITER}
    assert without.expected.epoch == {Id("f"), Id("g")}
    assert whole.held == set(entries)
    assert whole.expected.labels == {Id("r"): Label.IN}
    assert whole.expected.devices == {Device("M1"): Status.REMOVED}
    assert whole.expected.quarantined == frozenset({Id("n")})
    assert whole.expected.final is None
    assert whole.expected.epoch == {None}


@pytest.mark.parametrize(
    ("where", "what", "says"),
    [
        ("entries.3.kid", "n", "has no kid"),
        ("entries.3.kind", "wrote", "'wrote' is not one of"),
        ("entries.3.by", "M3", "no device is called 'M3'"),
        ("entries.3.parents", ["r"], "no entry 'r' up to here"),
        ("entries.3.parents", "l", "no list of names"),
        ("entries.3.id", "l", "one of this id already"),
        ("entries.1.kind", "found", "has no by, role"),
        ("entries.1.member", "A", "a member 'A' already"),
        ("entries.1.device", "A1", "is taken"),
        ("entries.1.role", "chief", "'chief' is not one of"),
        ("entries.2.member", "M", "has no member"),
        ("entries.3.previous", "m", "another author's"),
        ("entries.4.of", ["N"], "no member or device is called 'N'"),
        ("entries.4.of", ["M2"], "which is not in its past"),
        ("entries.4.of", [], "names nothing"),
        ("entries.4.disputes", ["m"], "'m' is not one of"),
        ("entries.5.kind", "write", "has no of"),
        ("entries.6.of", ["n"], "'n' is not one of"),
        ("expect.label", {}, "has no label"),
        ("expect.labels", {"r": "in"}, "'in' is not one of"),
        ("expect.labels", {"x": "IN"}, "no entry 'x'"),
        ("expect.devices", {"M": "removed"}, "called 'M'"),
        ("expect.roles", {"M1": "writer"}, "no member then"),
        ("before.0.without", ["m"], "who is no member then"),
        ("before.0.expect.final", ["r"], "not held then"),
        ("open.", "yes", "has no open."),
    ],
)
def test_what_is_misspelt_is_refused(where: str, what: object, says: str) -> None:
    told = deepcopy(TOLD)
    *path, last = where.split(".") if where != "open." else ["open."]
    place: Any = told
    for step in path:
        place = place[int(step)] if isinstance(place, list) else place[step]
    place[last] = what
    with pytest.raises(reader.BadHistory, match=says):
        reader.parse(told)


def test_a_file_is_named_in_what_is_wrong_with_it(tmp_path: Path) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(TOLD).replace('"story"', '"tale"'), encoding="utf-8")
    with pytest.raises(reader.BadHistory, match=r"wrong\.json: the history lacks story"):
        reader.read(path)
    path.write_text(json.dumps(TOLD).replace('"name"', '"story"'), encoding="utf-8")
    with pytest.raises(reader.BadHistory, match="twice"):
        reader.read(path)


def test_ids_are_assigned_in_several_ways_and_always_the_same() -> None:
    history = reader.parse(TOLD)
    first, turned, drawn = reader.assignments(history, 3)
    assert sorted(first, key=first.__getitem__) == list(history.entries)
    assert sorted(turned, key=turned.__getitem__) == list(history.entries)[::-1]
    assert len({*drawn.values()}) == len(history.entries)
    assert list(reader.assignments(history, 3))[2] == drawn


def test_every_history_of_this_folder_is_read() -> None:
    assert len(reader.histories()) >= 90
