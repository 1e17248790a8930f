"""Cells: values that stay live until an operation names them. Register, Set and Map are three ways to read them.

The rule (protocol/35-cases.md, Replacing):

    live(S) = the value operations in S whose ref no operation in S names

That is a function of the set S alone: operations may arrive in any order, and any subset has a state. To compute it one
operation at a time, a state keeps the live cells, and the refs it was told to remove before it saw them (`absent`). It
keeps nothing of dead operations. It relies on being given each operation exactly once; the history ensures that.

A ref stays in `absent` for ever if it was already replaced when a second, concurrent operation replaced it. That costs
ten bytes per such pair, is never visible, and is the reason why `absent` is not part of any digest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from typing import Any, Final, NamedTuple, Self

from cellsync.core.ids import DeviceId, Millis, Ref
from cellsync.core.packed import Packed, plain
from cellsync.core.runs import in_order
from cellsync.core.wire.operations import split_refs

Canonical = Callable[[Any], bytes]
"""The canonical bytes of a value. Two values are the same if and only if these are equal: 1, 1.0 and True differ."""


class LiveValue(NamedTuple):
    """A value, and the operation that wrote it. `height` and `ref` order cells; the clock is for people."""

    resting: Any  # the value; a list or map is `Packed`
    device: DeviceId
    clock: Millis
    height: int
    ref: Ref

    def __repr__(self) -> str:
        return f"<cell {self.ref.hex()}>"  # no content

    @property
    def value(self) -> Any:
        return plain(self.resting)

    def canonical(self, canonical: Canonical) -> bytes:
        """The canonical bytes of the value."""
        return self.resting.raw if type(self.resting) is Packed else canonical(self.resting)

    def said(self) -> tuple[Any, DeviceId, Millis, int, Ref]:
        """All of it, with the plain value."""
        return self.value, self.device, self.clock, self.height, self.ref


def rank(cell: LiveValue) -> tuple[int, Ref]:
    """What orders cells, the same on every device: (height, ref)."""
    return cell.height, cell.ref


def newest_first(cells: Iterable[LiveValue]) -> list[LiveValue]:
    """The cells in the order in which they are displayed: the greatest (height, ref) first."""
    return sorted(cells, key=rank, reverse=True)


def alike(cells: Iterable[LiveValue], canonical: Canonical) -> list[list[LiveValue]]:
    """Cells grouped by value, each group one value with several authors; groups and cells newest first."""
    groups: dict[bytes, list[LiveValue]] = {}
    for cell in newest_first(cells):
        groups.setdefault(cell.canonical(canonical), []).append(cell)
    return list(groups.values())


def differ(cells: Iterable[LiveValue], canonical: Canonical) -> bool:
    """Whether they hold different values."""
    before: bytes | None = None
    for cell in cells:
        encoded = cell.canonical(canonical)
        if before is not None and encoded != before:
            return True
        before = encoded
    return False


class Groups(Mapping[bytes, list[LiveValue]]):
    """Cells grouped by a key, ascending. A lone cell is stored without a list: nearly all are alone."""

    __slots__ = ("_found", "_order")

    def __init__(self, named: Iterable[tuple[bytes, LiveValue]]) -> None:
        found: dict[bytes, LiveValue | list[LiveValue]] = {}
        for name, cell in named:
            there = found.setdefault(name, cell)
            if there is not cell:
                if isinstance(there, list):
                    there.append(cell)
                else:
                    found[name] = [there, cell]
        self._found = found
        self._order = list(in_order(found))

    def __getitem__(self, name: bytes) -> list[LiveValue]:
        there = self._found[name]
        return there if isinstance(there, list) else [there]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._order)

    def __len__(self) -> int:
        return len(self._order)


class Held:
    """Cells by ref. A lone cell is stored without a dict: most fields have one, and a case may have 131,072 fields."""

    __slots__ = ("_held",)

    def __init__(self, held: dict[Ref, LiveValue] | None = None) -> None:
        self._held: dict[Ref, LiveValue] | LiveValue | None = None
        self._hold(held or {})

    def _hold(self, held: dict[Ref, LiveValue]) -> None:
        self._held = held if len(held) > 1 else next(iter(held.values()), None)

    def _table(self) -> dict[Ref, LiveValue]:
        """Read-only."""
        held = self._held
        return held if isinstance(held, dict) else {} if held is None else {held.ref: held}

    def put(self, cell: LiveValue) -> None:
        held = self._held
        if isinstance(held, dict):
            held[cell.ref] = cell
        elif held is None or held.ref == cell.ref:
            self._held = cell
        else:
            self._held = {held.ref: held, cell.ref: cell}

    def take(self, ref: Ref) -> bool:
        """Remove it; returns whether it was here."""
        held = self._held
        if isinstance(held, dict):
            return held.pop(ref, None) is not None
        if held is None or held.ref != ref:
            return False
        self._held = None
        return True


_NONE: Final[frozenset[Ref]] = frozenset()


class Cells(Held):
    """Live cells by ref."""

    __slots__ = ("_absent",)

    def __init__(self, live: dict[Ref, LiveValue] | None = None, absent: set[Ref] | None = None) -> None:
        super().__init__(live)
        # Nearly always none, otherwise nearly always one: an empty set takes as much memory as two cells.
        self._absent: set[Ref] | Ref | None = (next(iter(absent)) if len(absent) == 1 else absent) if absent else None

    @property
    def live(self) -> Mapping[Ref, LiveValue]:
        return self._table()

    @property
    def absent(self) -> Set[Ref]:
        absent = self._absent
        return absent if isinstance(absent, set) else _NONE if absent is None else frozenset((absent,))

    def write(self, cell: LiveValue, replaced: Iterable[Ref]) -> None:
        """A new value that replaces those it names."""
        for ref in replaced:
            if not self.take(ref):
                self._note_absent(ref)
        if self._absent is None or not self._came(cell.ref):
            self.put(cell)

    def write_over(self, cell: LiveValue, detail: Any) -> None:
        """The same, with the refs concatenated as in an operation.

        Spelt out for speed: nearly always the field is empty, or holds the one value that this one names.
        """
        held = self._held
        if self._absent is None and ((held is None and not detail) or (type(held) is LiveValue and held[4] == detail)):
            self._held = cell
        else:
            self.write(cell, split_refs(detail))

    def remove(self, refs: Iterable[Ref]) -> None:
        """Remove the named values, including those that have not arrived yet."""
        for ref in refs:
            if not self.take(ref):
                self._note_absent(ref)

    def _note_absent(self, ref: Ref) -> None:
        absent = self._absent
        if isinstance(absent, set):
            absent.add(ref)
        else:
            self._absent = ref if absent is None or absent == ref else {absent, ref}

    def _came(self, ref: Ref) -> bool:
        """Whether something that replaces it came first; if so, stop waiting for it."""
        absent = self._absent
        if ref not in (absent if isinstance(absent, set) else (absent,)):
            return False
        if isinstance(absent, set):
            absent.discard(ref)
        if not isinstance(absent, set) or not absent:
            self._absent = None
        return True

    def copy(self) -> Self:
        return type(self)(dict(self._table()), set(self.absent))
