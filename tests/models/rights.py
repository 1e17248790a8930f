"""A naive model of who had which right: it walks the graph of entries for every question.

Written from protocol/30-history.md and rules 1 and 2 of membership: the past of an entry is everything reachable
through `previous` and `parents`; an entry counts if the grants that count in its past give its author the role.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgpack

# kind -> role: case entries take a writer (2), admissions, floors and recovery keys a coordinator (3)
NEEDED = {0: 2, 2: 3, 13: 3, 14: 3}
NOBODY = 4  # may write an entry of an unknown kind


class Said(NamedTuple):
    """One entry as the model knows it."""

    id: bytes
    author: bytes
    kind: int
    role: int  # granted by it, 0 if none
    key: bytes  # introduced by it
    parents: frozenset[bytes]  # previous included


def past(history: dict[bytes, Said], entry: bytes) -> set[bytes]:
    reached: set[bytes] = set()
    waiting = set(history[entry].parents)
    while waiting:
        one = waiting.pop()
        if one not in reached:
            reached.add(one)
            waiting |= history[one].parents
    return reached


def counts(history: dict[bytes, Said], circle: bytes, entry: bytes, known: dict[bytes, bool] | None = None) -> bool:
    known = {} if known is None else known
    if entry not in known:
        said = history[entry]
        grants = [
            history[one]
            for one in past(history, entry)
            if history[one].role and counts(history, circle, one, known)
        ]  # fmt: skip
        role = max((grant.role for grant in grants if grant.id == said.author), default=0)
        verdict = role >= NEEDED.get(said.kind, NOBODY)
        if said.role:
            verdict = verdict and said.key not in {grant.key for grant in grants} and len(grants) < 48
        known[entry] = verdict or entry == circle
    return known[entry]


def read(device: Any) -> dict[bytes, Said]:
    """The entries that a device of tests/core/replicas.py holds."""
    replica, store = device.replica, device.store
    history: dict[bytes, Said] = {}
    for chain in store.chains():
        previous: set[bytes] = set()
        for entry in store.chain_slice(chain.number, 1, chain.length):
            slots = [int.from_bytes(entry.parents[at : at + 8], "big") for at in range(0, len(entry.parents), 8)]
            parents = previous | {store.entry_at(slot).id for slot in slots}
            role, key = 0, b""
            if entry.kind in (1, 2):
                shape = msgpack.unpackb(entry.shape)
                role, key = (3, shape[1][0]) if entry.kind == 1 else (shape[0], shape[1][0])
            history[entry.id] = Said(entry.id, chain.device, entry.kind, role, key, frozenset(parents))
            previous = {entry.id}
    assert len(history) == replica.held.entries()
    return history
