"""Words: what members say of the circle as a whole. One of them alone makes nothing so.

A floor that no build reaches stops everybody, and a setting can have vaults wiped: one coordinator gone bad must not be
able to do either. Whoever holds the paper can, as they can remove everybody. (protocol/40-membership.md)
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

NEEDED: Final = 2  # members whose words reach as far, unless there is only one coordinator


def reached(words: Collection[int], unsaid: int, paper: Collection[int] = ()) -> int:
    """The furthest that two of the words reach, or the only one; the word of a recovery key reaches as far by itself.

    `words`: one of each member who is an active coordinator, `unsaid` of one who has said nothing. `paper`: those of
    recovery keys.
    """
    ranked = sorted(words, reverse=True)
    agreed = ranked[min(NEEDED, len(ranked)) - 1] if ranked else unsaid
    return max([agreed, *paper])
