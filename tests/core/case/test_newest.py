"""Pages of logs against logs read whole, and which entries a page does not read."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from cellsync.core.case.fold import CaseState, Stamp
from cellsync.core.case.newest import Logged, Newest
from cellsync.core.crdt.log import LogItem, Logs
from cellsync.core.ids import DeviceId, EntryId, Millis, Ref
from cellsync.core.wire.operations import Operation, ref
from cellsync.core.wire.tags import Op

Entries = list[tuple[Stamp, list[Operation]]]
BOTH = (DeviceId(b"a" * 32), DeviceId(b"b" * 32))


class Arrived:
    """Stands in for the states of a case: its entries, in the order in which they arrived."""

    def __init__(self, entries: Entries, void: frozenset[int] = frozenset()) -> None:
        self.entries, self.void = entries, void
        self.looked_at = self.read_whole = 0

    def backwards(self, _: int, first: int = 0) -> Iterator[tuple[int, Stamp | None, list[Operation]]]:
        for slot in range(first or len(self.entries), 0, -1):
            self.looked_at += 1
            stamp, done = self.entries[slot - 1]
            yield (slot, None, []) if slot in self.void else (slot, stamp, done)

    def logs(self, _: int) -> Logs:
        self.read_whole += 1
        return self._folded(CaseState(only_logs=True)).logs

    def read(self, _: int) -> CaseState:
        return self._folded(CaseState(logs=True))

    def get(self) -> CaseState:
        """Without its logs."""
        state = self._folded(CaseState())
        for slot, (stamp, done) in enumerate(self.entries, start=1):
            if slot not in self.void:
                state.recall(stamp, done)
        return state

    def newest_of(self, _: int, said: list[Ref]) -> int:
        return max(
            slot for slot, (stamp, _) in enumerate(self.entries, start=1) if stamp.id[:8] in {one[:8] for one in said}
        )

    def _folded(self, state: CaseState) -> CaseState:
        for slot, (stamp, done) in enumerate(self.entries, start=1):
            if slot not in self.void:
                state.apply(stamp, done)
        return state


def reading(arrived: Arrived) -> Newest:
    return Newest(arrived, 1, arrived.get())  # type: ignore[arg-type]


def history(seed: int, *, sources: bool) -> Entries:
    """Two devices write apart and read of one another now and then: nobody corrects what they have not seen."""
    random = Random(seed)
    seen: dict[DeviceId, list[Ref]] = {device: [] for device in BOTH}
    heights = dict.fromkeys(BOTH, 0)
    made: Entries = []
    for number in range(random.randrange(1, 40)):
        device = random.choice(BOTH)
        if random.random() < 0.3:
            seen[device] = [*dict.fromkeys(seen[BOTH[0]] + seen[BOTH[1]])]
            heights[device] = max(heights.values())
        heights[device] += 1
        entry = EntryId(random.randbytes(32))
        done: list[Operation] = []
        for index in range(random.randrange(1, 4)):
            field, known = random.choice(("notes", "calls")), seen[device]
            done.append(_one(random, field, known, f"{number}.{index}", sources))
            if done[-1].tag in (Op.APPEND, Op.CORRECT):
                known.append(ref(entry, index))
        made.append((Stamp(entry, device, Millis(number), heights[device]), done))
    return made


def _one(random: Random, field: str, known: list[Ref], text: str, sources: bool) -> Operation:
    match random.randrange(6):
        case 0 if known:
            return Operation(int(Op.CORRECT), field, random.choice(known), text)
        case 1 if known:
            return Operation(int(Op.RETRACT), field, random.choice(known), None)
        case 2:
            return Operation(int(Op.SET), "status", b"", text)
    source = random.choice((b"1" * 16, b"2" * 16)) if sources and random.random() < 0.3 else None
    return Operation(int(Op.APPEND), field, source, text)


def whole(arrived: Arrived) -> list[tuple[str, LogItem]]:
    logs = arrived.read(1).logs
    return sorted((name, item) for name, log in logs.items() for item in log.items() if not item.retractions)


def pages(arrived: Arrived, random: Random) -> list[list[Logged]]:
    """Read as an answer does, each page from its beginning."""
    found: list[list[Logged]] = []
    first = 0
    while True:
        page: list[Logged] = []
        length = random.randrange(1, 5)
        for slot, items in reading(arrived).entries(first):
            if page and len(page) + len(items) > length:
                first = slot
                break
            page += items
        else:
            return [*found, page]
        found.append(page)


@pytest.mark.parametrize("sources", [False, True])
def test_all_pages_together_are_what_is_read_whole(sources: bool) -> None:
    for seed in range(150):
        random = Random(seed)
        entries = history(seed, sources=sources)
        void = frozenset(slot for slot in range(1, len(entries) + 1) if random.random() < 0.1)
        arrived = Arrived(entries, void)
        read = [one for page in pages(arrived, random) for one in page]
        assert sorted(read) == whole(arrived), seed


def test_only_what_is_shown_is_looked_at() -> None:
    arrived = Arrived(
        [
            (Stamp(EntryId(bytes([at]) * 32), BOTH[0], Millis(at), at), [Operation(int(Op.APPEND), "notes", None, at)])
            for at in range(200)
        ]
    )
    items = reading(arrived).entries()
    newest = [one.item.shown.value for _ in range(3) for one in next(items)[1]]
    assert newest == [199, 198, 197]
    assert (arrived.looked_at, arrived.read_whole) == (3, 0)
    first = reading(arrived).entries(3)
    assert [[one.item.shown.value for one in items] for _, items in first] == [[2], [1], [0]]
    assert (arrived.looked_at, arrived.read_whole) == (6, 0)
