"""Unattached: slices from a peer that did not attach here. Another peer may deliver what was missing."""

from __future__ import annotations

from typing import NamedTuple

from cellsync.core import caps
from cellsync.core.errors import CapExceeded
from cellsync.core.rule import Rule
from cellsync.core.session.ahead import Ahead
from cellsync.core.wire.places import Line


class _Slices(NamedTuple):
    """Of one chain."""

    last: int  # their greatest sequence
    parted: bool  # whether a branch as long was here, so they belong to another one


class Unattached:
    """These slices, by chain."""

    def __init__(self, ahead: Ahead) -> None:
        self._ahead = ahead
        self._slices: dict[Line, _Slices] = {}

    def add(self, line: Line, last: int) -> None:
        """Raises CapExceeded."""
        before = self._slices.get(line, _Slices(0, parted=False))
        parted = before.parted or last <= self._ahead.longest(line)
        self._slices[line] = _Slices(max(last, before.last), parted)
        if len(self._slices) > caps.CHAINS:
            raise CapExceeded(Rule.CAP_CHAINS)

    def take(self, line: Line, sequence: int) -> None:
        """The peer has delivered a chain up to there, perhaps with what did not attach before."""
        if line in self._slices and self._slices[line].last <= sequence:
            del self._slices[line]

    @property
    def open(self) -> bool:
        """Whether any of them still does not attach."""
        return any(each.parted or self._ahead.longest(line) < each.last for line, each in self._slices.items())
