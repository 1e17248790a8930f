"""Rejudging: what another edition judged is judged anew.

What an edition did not know was void to it, and had no place in control pasts. So all of these are made again, in order
of height, which puts pasts first; then the standings. What entries say and who signed them stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from cellsync.core.errors import VaultDamaged
from cellsync.core.history.chain import Chain
from cellsync.core.history.entry import Entry, Standing, chain_of, has_effect, sequence_of, unpack_slots
from cellsync.core.history.holdings import Holdings
from cellsync.core.history.store import Commit, StandingRow, Store
from cellsync.core.ids import CircleId
from cellsync.core.membership.circle import EMPTY_PAST, Circle
from cellsync.core.membership.deeds import Bit
from cellsync.core.membership.editions import Edition
from cellsync.core.replica.court import Court
from cellsync.core.replica.stage import Stage
from cellsync.core.wire.tags import Kind

_PAGE: Final = 256  # entries per read


class _Held(NamedTuple):
    height: int
    slot: int
    case: int
    kind: int
    standing: int
    parents: bytes


WAY: Final = 2
"""How control pasts are made here. Once only grants had a place in them."""


def is_needed(identity: CircleId, store: Store, before: bytes | None) -> bool:
    """Whether what is held could be judged otherwise now. `before`: by which edition, and how, it was judged."""
    held = Holdings.load(identity, store)
    kinds = range(Kind.ADMIT + 1, 256)  # grants of the first edition had their places in the same order
    return before is not None or next(held.controls(store, kinds, void=True), None) is not None


def judge_anew(identity: CircleId, store: Store, edition: Edition) -> Commit:
    """All standings and control pasts, as this edition makes them."""
    held, circle = Holdings.load(identity, store), Circle(identity, edition=edition)
    held.count_anew(store)
    entries = sorted(row for chain in held.chains.values() for row in _rows(store, chain))
    placed: dict[int, StandingRow] = {}
    slots: dict[Bit, int] = {}
    for row in entries:
        one = placed[row.slot] = _place(held, store, circle, row, placed)
        bit = circle.bit(one.id) if row.kind else None
        if bit is not None:
            slots[bit] = row.slot
    stage = Stage(held, circle, store)
    court = Court(circle, held, store, slots)
    standings = {verdict.slot: verdict for verdict in court.judge_all(stage, placed.values())}
    rows: list[tuple[int, int, int]] = []
    refolded: set[int] = set()
    for row in entries:
        one = placed[row.slot]
        verdict = standings.get(row.slot)
        standing = one.standing if verdict is None else verdict.standing(row.kind, one.standing)
        rows.append((row.slot, one.past, standing))
        if not row.kind and has_effect(row.standing) != has_effect(standing):
            refolded.add(row.case)
    chains = [
        chain._replace(past=placed[chain.number << 40 | chain.length].past)
        for chain in held.chains.values()
        if chain.length >= chain.first
    ]
    return Commit([], chains, [], list(circle.pasts.after(0)), [], sorted(refolded), judged_anew=rows)


def _rows(store: Store, chain: Chain) -> Iterator[_Held]:
    for first in range(chain.first, chain.length + 1, _PAGE):
        for entry in store.chain_slice(chain.number, first, min(first + _PAGE - 1, chain.length)):
            yield _Held(entry.height, entry.slot, entry.case, entry.kind, entry.standing, entry.parents)


def _place(held: Holdings, store: Store, circle: Circle, row: _Held, placed: dict[int, StandingRow]) -> StandingRow:
    """An entry with its control past, and whether it is void."""
    entry = store.entry_at(row.slot)
    if entry is None:
        raise VaultDamaged
    number, sequence = chain_of(row.slot), sequence_of(row.slot)
    before = [held.slot_on(number, sequence - 1)] if sequence > 1 else []
    past = EMPTY_PAST
    for slot in [*before, *unpack_slots(row.parents)]:
        if placed[slot].past != past:
            past = circle.pasts.union(past, placed[slot].past)
    past, counts = _judged(circle, entry, past, held.chains[number])
    return StandingRow(row.slot, entry.id, row.kind, past, Standing.IN if counts else Standing.VOID)


def _judged(circle: Circle, entry: Entry, past: int, chain: Chain) -> tuple[int, bool]:
    if entry.kind == Kind.CASE:
        return past, circle.counts(entry.kind, past, chain.device)
    operation = circle.edition.decode(entry.kind, entry.shape, entry.content, held=True)
    return circle.add(entry.id, entry.kind, past, chain.device, operation, entry.height)
