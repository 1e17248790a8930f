"""A batch in disarray keeps the forms of its tables."""

from __future__ import annotations

from random import Random
from typing import Any

from cellsync.testing.disarray import disarranged, is_batch


def batch() -> list[Any]:
    chains: list[Any] = [[b"d" * 32, b"i" * 8, 1, bytes(32), b"s" * 64], [b"e" * 32, b"j" * 8, 3, b"p" * 32, b""]]
    entries: list[Any] = [[0, 0, [], 5, 0, b"\x90", bytes(16) + b"\x90"], [0, 0, [1, 1], 1, 0, 0, bytes(16) + b"\x90"]]
    return [4, b"name 8..", True, chains, [b"c" * 32], entries]


def test_it_stays_a_batch_and_is_another() -> None:
    found = [disarranged(batch(), lambda raw, random: b"\x91\x01", Random(seed)) for seed in range(300)]
    assert all(map(is_batch, found))
    for table in (3, 5):
        assert len({str(one[table]) for one in found}) > 30
    assert all(one[:3] == batch()[:3] for one in found)


def test_an_empty_batch_stays_what_it_is() -> None:
    empty = [4, b"", True, [], [], []]
    assert is_batch(empty)
    assert disarranged(list(empty), lambda raw, random: raw, Random(1)) == empty


def test_other_messages_are_none() -> None:
    assert not is_batch([6])
    assert not is_batch([4, b"", True, [[]], [], []])
    assert not is_batch([3, b"", True, [], [], []])
    assert not is_batch(5)
