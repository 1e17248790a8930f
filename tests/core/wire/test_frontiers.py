"""Frontiers and paths: all that are written are read back; any other form is a PeerError, and no other error."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync.core import caps
from cellsync.core.crypto.channel import MAX_PAYLOAD
from cellsync.core.errors import Malformed
from cellsync.core.ids import DeviceId, EntryId, Incarnation
from cellsync.core.wire import codec, frontiers, messages
from cellsync.core.wire.frontiers import FrontierPart, Path
from cellsync.core.wire.places import Frontier, Head
from tests.core.wire.sent import CIRCLE, fixed, names, sequences

heads = st.builds(lambda line, at, entry: Head(line[0], line[1], at, EntryId(entry)), names, sequences, fixed(32))
any_frontiers = st.builds(
    Frontier, st.frozensets(heads, max_size=12), st.frozensets(fixed(32).map(DeviceId), max_size=4),
    st.frozensets(heads, max_size=4),
)  # fmt: skip


@given(any_frontiers, st.integers(200, 1_000))
def test_a_frontier_comes_back_from_parts(frontier: Frontier, limit: int) -> None:
    parts = frontiers.encode_frontier(CIRCLE, frontier, limit)
    found = Frontier(frozenset())
    for at, raw in enumerate(parts, start=1):
        part = messages.decode(raw)
        assert len(raw) <= limit
        assert isinstance(part, FrontierPart)
        assert (part.circle, part.last) == (CIRCLE, at == len(parts))
        more = part.frontier
        found = Frontier(found.heads | more.heads, found.equivocators | more.equivocators, found.gaps | more.gaps)
    assert found == frontier


steps = st.lists(st.tuples(sequences, fixed(32).map(EntryId)), min_size=1, max_size=41, unique_by=lambda step: step[0])


@given(st.lists(st.builds(Path, names, steps), max_size=40))
def test_paths_come_back(paths: list[Path]) -> None:
    paths = [Path(path.line, sorted(path.steps, reverse=True)) for path in paths]
    parts = frontiers.encode_paths(CIRCLE, paths)
    assert all(len(part) <= MAX_PAYLOAD for part in parts)
    read = [messages.decode(part) for part in parts]
    assert [path for part in read if isinstance(part, frontiers.Paths) for path in part.paths] == paths


@pytest.mark.parametrize(
    "steps", [[], [[1, bytes(32)], [2, bytes(32)]], [[2, bytes(32)]] * 2, [[0, bytes(32)]], [[1]], [1]]
)
def test_paths_in_no_agreed_form(steps: list[Any]) -> None:
    with pytest.raises(Malformed):
        messages.decode(codec.encode([8, CIRCLE, [[bytes(32), bytes(8), steps]]]))


def test_the_largest_frontier_fits_into_frames() -> None:
    far = (1 << 40) - 1
    held = frozenset(
        Head(DeviceId(at.to_bytes(32, "big")), Incarnation(bytes(8)), far, EntryId(bytes(32)))
        for at in range(caps.CHAINS)
    )
    parts = frontiers.encode_frontier(CIRCLE, Frontier(held, frozenset(head.device for head in held)), MAX_PAYLOAD)
    assert max(map(len, parts)) <= MAX_PAYLOAD
