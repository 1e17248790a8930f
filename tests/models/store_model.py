"""The naive store: dicts, copied at every flush. `SqliteStore` must be indistinguishable from it."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence

from cellsync.core import caps
from cellsync.core.history.chain import Chain
from cellsync.core.history.entry import Entry, chain_of, sequence_of
from cellsync.core.history.store import Arrival, Case, Commit, Outgoing


class Rows:
    def __init__(self) -> None:
        self.entries: dict[int, Entry] = {}
        self.chains: dict[int, Chain] = {}
        self.cases: dict[int, Case] = {}
        self.snapshots: dict[int, bytes] = {}
        self.pasts: dict[int, bytes] = {}
        self.arrivals: dict[int, Arrival] = {}
        self.kept: dict[str, bytes] = {}
        self.ephemerals: set[tuple[int, bytes, bytes]] = set()


class StoreModel:
    def __init__(self) -> None:
        self.rows = Rows()
        self.durable = Rows()

    # --- what ends a transaction

    def flush(self) -> None:
        self.durable = copy.deepcopy(self.rows)

    def lose(self) -> None:
        """A crash, a failure, or a close without flush."""
        self.rows = copy.deepcopy(self.durable)

    # --- writes

    def write(self, commit: Commit) -> None:
        for entry in commit.entries:
            self.rows.entries[entry.slot] = entry
        for restanding in commit.restanding:
            entry = self.rows.entries[restanding.slot]
            self.rows.entries[restanding.slot] = entry._replace(standing=restanding.standing)
        for number in commit.refolded:
            self.rows.snapshots.pop(number, None)
            self.rows.cases[number] = self.rows.cases[number]._replace(folded=0)
        for chain in commit.chains:
            self.rows.chains[chain.number] = chain
        for case in commit.cases:
            old = self.rows.cases.get(case.number)
            self.rows.cases[case.number] = case._replace(folded=old.folded if old else 0)
        self.rows.pasts.update(commit.pasts)
        for arrival in commit.arrivals:
            self.rows.arrivals[arrival.number] = arrival

    def save_snapshots(self, snapshots: Iterable[tuple[int, int, bytes]]) -> None:
        for case, folded, snapshot in snapshots:
            self.rows.snapshots[case] = snapshot
            self.rows.cases[case] = self.rows.cases[case]._replace(folded=folded)

    def keep(self, name: str, value: bytes) -> None:
        self.rows.kept[name] = value

    def forget(self, name: str) -> None:
        self.rows.kept.pop(name, None)

    def accept_ephemeral(self, day: int, device: bytes, ephemeral: bytes) -> bool:
        if any(row[1:] in ((device, ephemeral), (b"", ephemeral)) for row in self.rows.ephemerals):
            return False
        if sum(row[:2] == (day, device) for row in self.rows.ephemerals) >= caps.EPHEMERALS:
            return False
        self.rows.ephemerals.add((day, device, ephemeral))
        return True

    def forget_ephemerals(self, before: int) -> None:
        self.rows.ephemerals = {row for row in self.rows.ephemerals if row[0] >= before}

    # --- reads

    def arrivals(self, after: int, limit: int) -> list[Arrival]:
        numbers = sorted(number for number in self.rows.arrivals if number > after)
        return [self.rows.arrivals[number] for number in numbers[:limit]]

    def snapshot(self, case: int) -> tuple[int, bytes] | None:
        snapshot = self.rows.snapshots.get(case)
        return None if snapshot is None else (self.rows.cases[case].folded, snapshot)

    def first_arrival(self, chain: int, sequence: int) -> int:
        holding = (a.number for a in self.rows.arrivals.values() if a.chain == chain and a.sequence >= sequence)
        return min(holding, default=0)

    def chain_slice(self, chain: int, first: int, last: int) -> list[Entry]:
        return [
            self.rows.entries[slot]
            for slot in sorted(self.rows.entries)
            if chain_of(slot) == chain and first <= sequence_of(slot) <= last
        ]

    def outgoing(self, chain: int, first: int, last: int) -> list[Outgoing]:
        return [
            (
                entry.height, entry.slot, entry.case, entry.clock, entry.kind, entry.parents, entry.shape,
                entry.content, entry.signature,
            )
            for entry in self.chain_slice(chain, first, last)
        ]  # fmt: skip

    def citing(self, chain: int, first: int, last: int, limit: int) -> list[tuple[int, int, bytes]]:
        found = [one for one in self.chain_slice(chain, first, last) if one.parents]
        return [(one.slot, one.height, one.parents) for one in found[:limit]]

    def citations(self) -> list[tuple[int, bytes]]:
        return [(one.slot, one.parents) for one in self.rows.entries.values() if one.parents]

    def case_page(self, head: int, folded: int, limit: int) -> list[Entry]:
        return self.case_entries(head, folded)[:limit]

    def case_beginning(self, head: int, begins: Sequence[str], limit: int) -> list[int]:
        entries = self.case_entries(head, 0)
        return [one.slot for one in entries if any(one.id.hex().startswith(begin) for begin in begins)][:limit]

    def case_entries(self, head: int, folded: int) -> list[Entry]:
        found = []
        while head != folded:
            found.append(self.rows.entries[head])
            head = found[-1].prior
        return found
