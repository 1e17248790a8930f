"""The codec's helpers at their edges: headers of arrays, readers of one form, what hides in a repr."""

from __future__ import annotations

import pytest

from cellsync.core.errors import Malformed
from cellsync.core.ids import DeviceId, EntryId, Incarnation, Millis
from cellsync.core.rule import Rule
from cellsync.core.wire import codec, frontiers, messages
from cellsync.core.wire.batches import BatchEntry
from cellsync.core.wire.frontiers import PATH_STEPS, Path
from cellsync.core.wire.places import Frontier, Head

CIRCLE = b"circle 8"
LINE = DeviceId(bytes(32)), Incarnation(bytes(8))


@pytest.mark.parametrize("size", [0, 1, 15, 16, 255, 256, 65_535, 65_536, 70_000])
def test_the_length_of_an_array_is_in_its_header(size: int) -> None:
    assert codec.array_length(codec.encode([None] * size)) == size
    assert codec.encode([None] * size).startswith(codec.array_header(size))


def test_a_reader_reads_one_form_in_its_one_encoding() -> None:
    read = codec.reader(list[int])
    assert read(codec.encode([1, 300])) == [1, 300]
    for other in (
        codec.encode(["1"]),
        codec.encode(5),
        b"\x91\xcc\x01",
        b"\xdc\x00\x01\x01",
        b"",
        b"\x91",
        b"\x91\x01\x01",
    ):
        assert read(other) is None


def test_extension_types_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^extension types are not used$"):
        codec._no_extension(1, b"")
    with pytest.raises(Malformed):
        codec.decode(b"\xd4\x01\x00", 9, Rule.CAP_KEPT)


def test_nothing_that_was_written_shows_in_a_repr() -> None:
    assert repr(BatchEntry(0, 0, [], 0, 0, b"", b"secret")) == "BatchEntry(hidden)"
    assert repr(messages.Whereabouts(CIRCLE, {})) == "Whereabouts(hidden)"


def test_parts_of_a_frontier_hold_as_many_rows_as_fit_and_one_at_least() -> None:
    heads = frozenset(Head(*LINE, at, EntryId(bytes(32))) for at in range(1, 6))
    for limit, rows in ((1, 1), (64 + 88, 1), (64 + 2 * 88 - 1, 1), (64 + 2 * 88, 2), (10_000, 5)):
        parts = frontiers.encode_frontier(CIRCLE, Frontier(heads), limit)
        assert len(parts) == -(-5 // rows)
        assert all(map(frontiers.is_frontier, parts))
    assert not frontiers.is_frontier(messages.encode_clock(Millis(1)))


@pytest.mark.parametrize("row", [None, [], [bytes(32), bytes(8), 1], [bytes(32), bytes(8), 1, bytes(32), 1], {}])
def test_a_row_of_another_form_is_refused_for_that(row: object) -> None:
    for tables in ([[row], [], []], [[], [], [row]]):
        with pytest.raises(Malformed) as caught:
            messages.decode(codec.encode([3, CIRCLE, True, *tables]))
        assert caught.value.rule is Rule.FRONTIER_ROW


def test_a_path_has_at_most_41_steps() -> None:
    for steps, known in ((PATH_STEPS, True), (PATH_STEPS + 1, False)):
        path = Path(LINE, [(100 - at, EntryId(bytes(32))) for at in range(steps)])
        [raw] = frontiers.encode_paths(CIRCLE, [path])
        if known:
            assert messages.decode(raw) == frontiers.Paths(CIRCLE, [path])
        else:
            with pytest.raises(Malformed) as caught:
                messages.decode(raw)
            assert caught.value.rule is Rule.PATH
