"""A type of bytes that come from outside, and what is claimed of every string of them:

1. It is read, or refused by an error that says whose fault it is; a peer's names its rule. Nothing else is raised.
2. What was read is what was written: `read` writes it again and compares.
3. One case needs no more memory than `MEMORY`, whatever lengths it claims (`tests/fuzz/guided.py` measures that).

A reader that a stranger's noise never gets past (behind a key, a seal or a signature) is given what a *holder* of the
key could send: the case is what is inside, and `read` seals it rightly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random
from typing import Final, NamedTuple

from cellsync.core.errors import CellsyncError, PeerError
from cellsync.core.rule import Rule
from tests.fuzz import mutations

MEMORY: Final = 64 << 20  # bytes


Parts = tuple[Callable[[bytes], list[bytes]], Callable[[list[bytes]], bytes]]
"""How a case is taken apart, and put together again: each part may be a value of the codec."""

WHOLE: Final[Parts] = lambda case: [case], b"".join


class WireType(NamedTuple):
    name: str
    tries: str  # what one case is
    read: Callable[[bytes], object]  # raises AssertionError if it comes back otherwise than it came
    seeds: Callable[[], Iterable[bytes]]  # good ones
    begins: bytes = b""  # of every case: so that none goes to another type
    most: int = 600  # bytes of a case, without its beginning: the shorter, the more of them
    refusals: tuple[type[CellsyncError], ...] = (PeerError,)
    parts: Parts = WHOLE

    def accepts(self, case: bytes) -> bool:
        """Whether a case is read. Raises whatever is a finding."""
        try:
            self.read(self.begins + case)
        except self.refusals as error:
            refused = error
        else:
            return True
        assert not isinstance(refused, PeerError) or isinstance(refused.rule, Rule)
        return False

    def good(self) -> list[bytes]:
        """The seeds as cases."""
        return [seed[len(self.begins) :] for seed in self.seeds() if seed.startswith(self.begins)]

    def mutated(self, case: bytes, random: Random) -> bytes | None:
        """A case in which a value is another; None if there is no value in it that could be."""
        take, put = self.parts
        parts = take(self.begins + case)
        at = random.randrange(len(parts))
        changed = mutations.mutated(parts[at], random)
        if changed is None:
            return None
        if len(changed) > self.most:
            return None
        whole = put([*parts[:at], changed, *parts[at + 1 :]])
        fits = whole.startswith(self.begins) and len(whole) <= len(self.begins) + self.most
        return whole[len(self.begins) :] if fits else None


def two_parts(case: bytes) -> tuple[bytes, bytes]:
    """A case that is two strings: the first two bytes are the length of the first."""
    end = 2 + int.from_bytes(case[:2], "big")
    return case[2:end], case[end:]


def of_two(one: bytes, other: bytes) -> bytes:
    return len(one).to_bytes(2, "big") + one + other
