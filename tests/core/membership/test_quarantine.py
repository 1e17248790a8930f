"""What a release takes out of quarantine. Who may release is in the histories."""

from __future__ import annotations

from cellsync.core.ids import EntryId
from cellsync.core.membership.deliberation import Deliberation
from tests.core.deeds import Told
from tests.histories import reader
from tests.histories.forms import Id

TOLD = {
    "name": "Two testimonies", "from": "here", "story": "M writes twice, unknown to A, who removes M.",
    "entries": [
        {"id": "f", "kind": "found", "device": "A1", "member": "A"},
        {"id": "m", "kind": "admit", "by": "A1", "device": "M1", "member": "M", "role": "writer"},
        {"id": "l", "kind": "link", "by": "M1", "device": "M2"},
        {"id": "r", "kind": "remove", "by": "A1", "of": ["M"]},
        {"id": "n1", "kind": "write", "by": "M1"},
        {"id": "n2", "kind": "write", "by": "M1"},
        {"id": "o", "kind": "write", "by": "M2", "parents": ["n2"]},
        {"id": "n3", "kind": "write", "by": "M1"},
        {"id": "i", "kind": "write", "by": "M1", "previous": None, "parents": ["n3"]},
        {"id": "x", "kind": "release", "by": "A1", "of": ["n1"], "parents": ["o"]},
    ],
    "expect": {},
}  # fmt: skip


def quarantined(names: tuple[str, ...], heads: tuple[str, ...]) -> set[str]:
    history = reader.parse(TOLD)
    told = Told(history, next(iter(reader.assignments(history, 1))))

    def ids(those: tuple[str, ...]) -> tuple[EntryId, ...]:
        return tuple(told.ids[Id(name)] for name in those)

    *deeds, release = told.deeds(history.entries)
    shown = Deliberation([*deeds, release._replace(names=ids(names), heads=ids(heads))]).decide().quarantined
    return {name for name, entry in told.ids.items() if entry in shown}


def test_entries_are_released_one_by_one() -> None:
    assert quarantined(("n1",), ()) == {"n2", "n3", "o", "i"}


def test_a_head_releases_what_is_before_it_in_its_chain() -> None:
    assert quarantined((), ("n2",)) == {"n3", "o", "i"}
    assert quarantined(("n1",), ("o",)) == {"n2", "n3", "i"}


def test_a_head_releases_nothing_of_another_incarnation() -> None:
    """Although it has seen it: what a copied vault wrote is another question."""
    assert quarantined((), ("i",)) == {"n1", "n2", "n3", "o"}


def test_a_release_names_what_it_has_not_seen() -> None:
    assert quarantined(("n3",), ()) == {"n1", "n2", "o", "i"}
    assert quarantined((), ("n3",)) == {"o", "i"}


def test_a_decision_says_what_is_released_whether_it_is_held_or_not() -> None:
    history = reader.parse(TOLD)
    told = Told(history, next(iter(reader.assignments(history, 1))))
    *deeds, release = told.deeds(history.entries)
    elsewhere = EntryId(b"\xee" * 32)
    release = release._replace(names=(elsewhere,), heads=(told.ids[Id("n1")], elsewhere))
    decision = Deliberation([*deeds, release]).decide()
    assert decision.released == {elsewhere}
    assert decision.released_heads == {elsewhere, told.ids[Id("n1")]}
    assert decision.quarantined == {told.ids[Id(name)] for name in ("n2", "n3", "o", "i")}
