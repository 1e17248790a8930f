"""Labels: what is decided of a deed.

A rule answers with a label as well: IN means that it lets a deed stand. Where all of several conditions have to hold
the least label says whether they do; where one is enough, the greatest. (protocol/40-membership.md)
"""

from __future__ import annotations

from enum import IntEnum


class Label(IntEnum):
    OUT = 0
    UNDECIDED = 1
    IN = 2


OUT, UNDECIDED, IN = Label


def opposite(label: Label) -> Label:
    """IN if the other is OUT."""
    return (IN, UNDECIDED, OUT)[label]
