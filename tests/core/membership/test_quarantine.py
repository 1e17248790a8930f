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
    assert quarantined(("n1",), ()) == {"n2", "n3", "o"}


def test_a_head_releases_what_its_own_device_wrote_up_to_it() -> None:
    assert quarantined((), ("n2",)) == {"n3", "o"}
    assert quarantined(("n1",), ("o",)) == {"n2", "n3"}


def test_what_a_release_has_not_seen_it_does_not_release() -> None:
    assert quarantined(("n3",), ("n3",)) == {"n1", "n2", "n3", "o"}
