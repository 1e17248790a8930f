"""Commits made from numbers alone, as a replica would plan them: parents first, lists linked, slots dense."""

from __future__ import annotations

from collections.abc import Sequence

from cellsync.core.history.chain import Chain
from cellsync.core.history.entry import Entry, pack_slots, slot_of
from cellsync.core.history.store import Arrival, Case, Commit
from cellsync.core.ids import CaseId, DeviceId, EntryId, Incarnation, Millis, Signature
from cellsync.store.sqlite import SqliteStore

CANARY = b"CANARY: a name that must never rest in the clear"


class Author:
    """Keeps what the next commit has to link to."""

    def __init__(self) -> None:
        self.lengths: dict[int, int] = {}
        self.heads: dict[int, int] = {}
        self.arrived = 0

    def commit(self, plan: Sequence[tuple[int, int, bytes]], *, signed: bool = True) -> Commit:
        """`plan` = (chain, case, content) per entry; one without content cites nobody."""
        entries: list[Entry] = []
        chains: dict[int, Chain] = {}
        cases: dict[int, Case] = {}
        for chain, case, content in plan:
            sequence = self.lengths[chain] = self.lengths.get(chain, 0) + 1
            slot = slot_of(chain, sequence)
            entry = Entry(
                slot=slot,
                case=case,
                prior=self.heads.get(case, 0),
                id=EntryId(slot.to_bytes(32, "big")),
                height=sequence,
                clock=Millis(1_700_000_000_000 + sequence),
                kind=1,
                past=1,
                standing=0,
                parents=pack_slots([slot - 1, slot]) if content else b"",
                shape=b"shape" + bytes([chain]),
                content=content,
                signature=Signature(bytes([chain]) * 64) if signed else None,
            )
            entries.append(entry)
            self.heads[case] = slot
            chains[chain] = Chain(
                number=chain,
                device=DeviceId(bytes([chain]) * 32),
                incarnation=Incarnation(bytes(8)),
                base=0,
                first=1,
                length=sequence,
                head=entry.id,
                height=sequence,
                past=1,
                cited=chain % 2 == 0,
            )
            cases[case] = Case(case, CaseId(case.to_bytes(32, "big")), slot, 0)
        arrivals: list[Arrival] = []
        for newest in chains.values():
            self.arrived += 1
            last = len(arrivals) + 1 == len(chains)
            arrivals.append(Arrival(self.arrived, newest.number, newest.length, 100 * len(plan), last))
        pasts = [(self.arrived, self.arrived.to_bytes(4, "big"))] if arrivals else []
        return Commit(entries, list(chains.values()), list(cases.values()), pasts, arrivals)


def numbered(author: Author, number: int, size: int = 5) -> Commit:
    """The n-th of a sequence of commits whose content says which they are."""
    content = CANARY + number.to_bytes(8, "big")
    return author.commit([(1 + i % 2, 1 + (number + i) % 7, content) for i in range(size)])


def lay_out_by_slot(store: SqliteStore) -> None:
    """As up to version 5 of the schema: each entry rests in the row of its slot."""
    store._db.execute("""
        UPDATE entries SET number = number +
            (SELECT ahead FROM slices WHERE number BETWEEN slices.first - ahead AND slices.last - ahead);
        DROP TABLE slices;
        ALTER TABLE entries RENAME COLUMN number TO slot;
        PRAGMA user_version = 5;
    """)
