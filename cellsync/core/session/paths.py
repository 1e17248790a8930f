"""Paths to our heads, for a peer whose side of a chain has diverged from ours: they show it how far both agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice

from cellsync.core.history.chain import Chain
from cellsync.core.ids import EntryId
from cellsync.core.session.view import CircleView
from cellsync.core.wire import frontiers
from cellsync.core.wire.frontiers import PATH_STEPS, Path
from cellsync.core.wire.places import Line


class PathsToShow:
    """The chains whose paths are to be sent to a peer. True if there are any."""

    def __init__(self, view: CircleView) -> None:
        self._view = view
        self._lines: dict[Line, None] = {}
        self._shown: dict[int, int] = {}  # number of our branch -> sequence whose path the peer has

    def __bool__(self) -> bool:
        return bool(self._lines)

    def add(self, lines: Iterable[Line]) -> None:
        self._lines |= dict.fromkeys(lines)

    def take(self, known: Mapping[int, int]) -> list[Path]:
        """Paths for one message, to heads that the peer is not `known` to hold, each once. Reads the store."""
        paths: list[Path] = []
        for line in list(self._lines):
            if len(paths) >= frontiers.PATHS:
                break
            del self._lines[line]
            missed = (
                branch
                for branch in self._view.branches(line)
                if self._shown.get(branch.number) != branch.length > known.get(branch.number, 0)
            )
            for branch in islice(missed, frontiers.PATHS):  # only an equivocator has more
                self._shown[branch.number] = branch.length
                paths.append(self._path(branch))
        return paths

    def _path(self, branch: Chain) -> Path:
        steps: list[tuple[int, EntryId]] = []
        back = 0
        while back < branch.length and len(steps) < PATH_STEPS:
            entry = self._view.entry_id(branch.number, branch.length - back)
            if entry is not None:
                steps.append((branch.length - back, entry))
            back = max(1, 2 * back)
        return Path(branch.line, steps)
