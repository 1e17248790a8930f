"""Histories as several replicas write them: each sees a subset, writes on top of it, and sometimes misbehaves.

Everything is drawn through Hypothesis, order included, so a failing history shrinks to a short one.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, NamedTuple

from hypothesis import strategies as st

from cellsync.core.case.fold import CaseState, Stamp
from cellsync.core.ids import DeviceId, EntryId, Millis, Ref
from cellsync.core.wire.operations import Operation, ref
from cellsync.core.wire.tags import Op
from tests.models.cases import Did

NAN = float("nan")

values = st.sampled_from(
    [
        "a",
        "b",
        None,
        True,
        1,
        1.0,
        0.0,
        -0.0,
        NAN,
        b"a",
        [],
        ["k", 1],
        ["k", "v"],
        [["x"], NAN],
        {"k": [1]},
        -7,
        2**53 + 1,
    ]
)
fields = st.sampled_from(["f", "g"])
tags = st.sampled_from([*Op, 77])
_sources = st.sampled_from([None, b"s" * 16, b"t" * 16])


class Written(NamedTuple):
    """One entry."""

    stamp: Stamp
    operations: list[Operation]

    def dids(self) -> list[Did]:
        _, device, clock, height = self.stamp
        return [
            Did(ref(self.stamp.id, index), device, clock, height, tag, field, detail, value)
            for index, (tag, field, detail, value) in enumerate(self.operations)
        ]


@st.composite
def histories(draw: st.DrawFn, *, most: int = 10, replicas: int = 3, operations: int = 3) -> list[Written]:
    """Entries in the order of writing; each names what its writer had seen, or something invented."""
    written: list[Written] = []
    seen: list[set[int]] = [set() for _ in range(replicas)]
    for number in range(draw(st.integers(1, most))):
        writer = draw(st.integers(0, replicas - 1))
        for other in draw(st.lists(st.integers(0, replicas - 1), max_size=1)):
            seen[writer] |= seen[other]
        done = [draw(_operations(written, seen[writer])) for _ in range(draw(st.integers(1, operations)))]
        height = 1 + max((written[index].stamp.height for index in seen[writer]), default=0)
        stamp = Stamp(
            EntryId(blake2b(bytes([number]), digest_size=32).digest()),
            DeviceId(bytes([writer]) * 32),
            Millis(draw(st.integers(0, 9))),
            height,
        )
        written.append(Written(stamp, done))
        seen[writer].add(number)
    return written


@st.composite
def _operations(draw: st.DrawFn, written: list[Written], seen: set[int]) -> Operation:
    tag, field = draw(tags), draw(fields)
    wanted = {Op.SET: Op.SET, Op.DISCARD: Op.ADD, Op.PUT: Op.PUT, Op.DELETE: Op.PUT}.get(tag)
    candidates = [
        did.ref
        for index in sorted(seen)
        for did in written[index].dids()
        if did.field == field and did.tag in (wanted, *([Op.APPEND, Op.CORRECT] if wanted is None else []))
    ]
    candidates.append(b"\0nowhere\0\0")
    detail: Any = None
    if tag == Op.CREATE:
        detail = draw(st.integers(0, 3))
    elif wanted is not None:
        detail = b"".join(draw(st.lists(st.sampled_from(candidates), max_size=3, unique=True)))
    elif tag in (Op.CORRECT, Op.RETRACT):
        detail = draw(st.sampled_from(candidates))
    elif tag == Op.APPEND:
        detail = draw(_sources)
    value: Any = None if tag in (Op.DISCARD, Op.DELETE, Op.CREATE) else draw(values)
    if tag == Op.PUT and draw(st.integers(0, 4)):  # mostly well-typed
        value = [draw(values), value]
    if tag == Op.COUNT and draw(st.integers(0, 4)):
        value = draw(st.integers(-3, 3))
    return Operation(int(tag), field, detail, value)


def fold(written: list[Written], *, logs: bool = True) -> CaseState:
    state = CaseState(logs=logs)
    for stamp, operations in written:
        state.apply(stamp, operations)
    return state


def dids_of(written: list[Written]) -> list[Did]:
    return [did for one in written for did in one.dids()]


__all__ = ["NAN", "Ref", "Written", "dids_of", "fields", "fold", "histories", "values"]
