"""A guard that notes who reads a circle's store, or asks its rules, without the circle's lock."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import wraps
from types import FrameType
from typing import Any, Final

import pytest
import trio

from cellsync.cell import opening
from cellsync.cell.cell import Cell
from cellsync.cell.circle import CellCircle
from cellsync.core.membership.deliberation import Deliberation
from cellsync.ledger.circle import OpenCircle
from cellsync.ledger.circles import OpenCircles
from cellsync.store.listings import SqliteListings
from cellsync.store.sqlite import SqliteStore

_NO_READS: Final = {"close", "create", "open", "size", "spacious", "lost"}
_ASKING: Final = ("decide", "electors", "forked", "by_paper", "frozen", "labels", "put", "withdraw")


class Guard:
    """From when a cell is open until it is closed. `breaches`: who did so, innermost first."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.breaches: list[str] = []
        self.looked = 0  # how often somebody held it
        self._circles: dict[int, OpenCircle] = {}  # by what must not be used without its lock
        self._patch = patch
        for of in (SqliteStore, SqliteListings):
            for name, method in list(vars(of).items()):
                if callable(method) and not name.startswith("_") and name not in _NO_READS:
                    patch.setattr(of, name, self._guarded(method))
        for name in _ASKING:
            patch.setattr(Deliberation, name, self._guarded(getattr(Deliberation, name)))
        began, added, ended = Cell.__init__, Cell._add, opening._close

        def begin(cell: Cell, ledger: OpenCircles, *given: Any) -> None:
            for circle in ledger.values():
                self._watch(circle)
            began(cell, ledger, *given)

        async def add(cell: Cell, circle: OpenCircle) -> CellCircle:
            found = await added(cell, circle)  # until then nobody else knows of it
            self._watch(circle)
            return found

        def end(*given: Any) -> None:
            for circle in given[1].values():
                self._circles = {key: one for key, one in self._circles.items() if one is not circle}
            ended(*given)

        patch.setattr(Cell, "__init__", begin)
        patch.setattr(Cell, "_add", add)
        patch.setattr(opening, "_close", end)

    def _watch(self, circle: OpenCircle) -> None:
        for one in (circle.store, circle.store.listings, circle.replica.circle._bench):
            self._circles[id(one)] = circle

    def _guarded(self, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def guarded(this: Any, *given: Any, **named: Any) -> Any:
            circle = self._circles.get(id(this))
            if circle is not None and _is_held(circle):
                self.looked += 1
            elif circle is not None:
                self.breaches.append(f"{method.__qualname__}: {' < '.join(_callers())}")
            return method(this, *given, **named)

        return guarded


def _is_held(circle: OpenCircle) -> bool:
    """By the task that runs: what runs in threads in earnest is run inline in virtual time."""
    return circle.lock.statistics().owner is trio.lowlevel.current_task()


def _callers() -> Iterator[str]:
    """Those of our own modules, innermost first."""
    frame: FrameType | None = sys._getframe(2)
    found = 0
    while frame is not None and found < 9:
        name = frame.f_globals.get("__name__", "")
        if name.startswith(("cellsync", "tests")) and not name.endswith(".locks"):
            found += 1
            yield f"{name}.{frame.f_code.co_qualname}:{frame.f_lineno}"
        frame = frame.f_back
