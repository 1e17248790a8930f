"""A batch put in disarray: its tables keep their forms, so a reader gets as far as what the rows mean.

The signatures stay what they were. They are verified last, so everything before is still compared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import Any, Final

BATCH: Final = 4
_KINDS: Final = (0, 1, 2, 3, 5, 12, 13, 14, 200, 255, 256, 512, 768, 1_024, 65_535)

Inside = Callable[[bytes, Random], bytes]
"""Changes a value of msgpack inside a binary."""


def is_batch(value: Any) -> bool:
    """Whether it is a message with rows that can be put in disarray."""
    if type(value) is not list or len(value) != 6 or value[0] != BATCH:
        return False
    chains, cases, entries = value[3:]
    tables = all(type(table) is list for table in (chains, cases, entries))
    return tables and all(type(row) is list and len(row) == 5 for row in chains) and all(
        type(row) is list and len(row) == 7 for row in entries
    )  # fmt: skip


def disarranged(value: list[Any], inside: Inside, random: Random) -> list[Any]:
    chains, cases, entries = value[3:]
    moves: list[Callable[[], None]] = []
    if entries:
        moves += [partial(move, random.choice(entries), chains, cases, inside, random) for move in _OF_ENTRIES]
        moves += [partial(_shuffled, entries, random)] * 3
    if chains:
        moves += [partial(move, random.choice(chains), chains, random) for move in _OF_CHAINS]
        moves += [partial(chains.append, [*random.choice(chains)[:4], b""]), partial(_shuffled, chains, random)]
    if moves:
        random.choice(moves)()
    return value


def _shuffled(table: list[Any], random: Random) -> None:
    at, other = random.randrange(len(table)), random.randrange(len(table))
    match random.randrange(3):
        case 0:
            table[at], table[other] = table[other], table[at]
        case 1:
            table.insert(at, list(table[other]))
        case _:
            del table[at]


# --- entries ------------------------------------------------------------------------------------


def _parents(row: list[Any], chains: list[Any], cases: list[Any], inside: Inside, random: Random) -> None:
    pairs = [(random.randrange(len(chains) + 1), random.choice((1, 1, 1, 2, 3, 9))) for _ in range(random.randrange(4))]
    row[2] = [number for pair in pairs for number in pair]


def _chain(row: list[Any], chains: list[Any], cases: list[Any], inside: Inside, random: Random) -> None:
    row[0] = random.randrange(len(chains) + 1)


def _case(row: list[Any], chains: list[Any], cases: list[Any], inside: Inside, random: Random) -> None:
    row[1] = random.choice((None, *range(len(cases) + 1)))


def _clock(row: list[Any], chains: list[Any], cases: list[Any], inside: Inside, random: Random) -> None:
    row[3] = random.choice((0, -1, 1, -(1 << 62), 1 << 62, (1 << 63) - 1))


def _kind(row: list[Any], chains: list[Any], cases: list[Any], inside: Inside, random: Random) -> None:
    row[4] = random.choice(_KINDS)


def _shape(row: list[Any], chains: list[Any], cases: list[Any], inside: Inside, random: Random) -> None:
    row[5] = inside(row[5], random) if type(row[5]) is bytes and random.random() < 0.8 else random.randrange(3)


def _content(row: list[Any], chains: list[Any], cases: list[Any], inside: Inside, random: Random) -> None:
    if type(row[6]) is bytes:
        row[6] = row[6][:16] + inside(row[6][16:], random)


_OF_ENTRIES: Final[Sequence[Callable[[list[Any], list[Any], list[Any], Inside, Random], None]]] = (
    _parents, _parents, _chain, _case, _clock, _kind, _kind, _shape, _shape, _content,
)  # fmt: skip


# --- chains -------------------------------------------------------------------------------------


def _first(row: list[Any], chains: list[Any], random: Random) -> None:
    row[2] = random.choice((1, 2, 3, 4, (1 << 40) - 1))


def _previous(row: list[Any], chains: list[Any], random: Random) -> None:
    row[3] = random.choice([bytes(32), random.randbytes(32), *(other[3] for other in chains)])


def _device(row: list[Any], chains: list[Any], random: Random) -> None:
    row[0] = random.choice([random.randbytes(32), *(other[0] for other in chains)])


def _incarnation(row: list[Any], chains: list[Any], random: Random) -> None:
    row[1] = random.choice([random.randbytes(8), *(other[1] for other in chains)])


def _signature(row: list[Any], chains: list[Any], random: Random) -> None:
    row[4] = random.choice([b"", bytes(64), *(other[4] for other in chains)])


_OF_CHAINS: Final[Sequence[Callable[[list[Any], list[Any], Random], None]]] = (
    _first, _previous, _device, _incarnation, _signature,
)  # fmt: skip
