"""Requests to a process, in lines of JSON on its standard input (`child` has their forms): each calls a method."""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable
from typing import Any, Final

import trio

from cellsync.core.errors import CellsyncError

_CHUNK: Final = 64 << 10

Answer = dict[str, Any]
Tell = Callable[[Answer], object]


async def serve(target: object, tell: Tell, nursery: trio.Nursery) -> None:
    """Call `target` for each request, several at a time in `nursery`, until the input ends.

    Errors of cellsync's own types are sent as answers. Any other error ends the nursery, and the parent sees that.
    """
    rest = b""
    while data := await trio.to_thread.run_sync(os.read, 0, _CHUNK, abandon_on_cancel=True):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            nursery.start_soon(_do, target, json.loads(line), tell)


async def _do(target: object, request: Answer, tell: Tell) -> None:
    number, what = request.pop("id"), request.pop("do")
    action: Callable[..., Awaitable[Answer | None]] = getattr(target, what)
    try:
        done = await action(**request)
    except CellsyncError as error:
        tell({"id": number, "failed": {"code": error.code, "message": str(error), "hint": error.hint}})
    else:
        tell({"id": number, "done": done or {}})
