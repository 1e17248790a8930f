"""The parent's end of a device: a process of its own, asked in lines of JSON over its pipes.

    to it      {"id": 7, "do": "join", …}
    from it    {"id": 7, "done": {…}}  or  {"id": 7, "failed": {"code", "message", "hint"}};  {"tell": "words", …}

Secrets go only through the pipe: other processes can read a process's arguments and environment. The child has a
session of its own, so Ctrl-C reaches only the parent; it ends when its input does, however the parent ended.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import trio

import cellsync
from cellsync.core.errors import ExternalError

PATIENCE: Final = 120.0  # seconds for one step: a busy or old machine needs twenty for a key
END_WITHIN: Final = 5.0  # seconds, before it is killed
_CHUNK: Final = 64 << 10
_LAST_LINES: Final = 12
_PACKAGES: Final = str(Path(cellsync.__path__[0]).parent)

Answer = dict[str, Any]


class DemoFailed(ExternalError):
    """The demo failed."""

    code = "demo_failed"
    default_hint = "If it happens again, please report it with these lines."


class Child:
    """A running device. Made by `started`."""

    def __init__(self, name: str, process: trio.Process) -> None:
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise ValueError("start it with three pipes")
        self.name = name
        self._in, self._out, self._err = process.stdin, process.stdout, process.stderr
        self.entries = 0  # as it last reported; `cases`: how many of those that it was told to expect
        self.cases = 0
        self.watch: Callable[[], None] | None = None  # called at each such report
        self._process = process
        self._asked = 0
        self._answers: dict[int, Answer] = {}
        self._told: dict[str, deque[Answer]] = {}
        self._news = trio.Event()
        self._gone = False
        self._errors: deque[str] = deque(maxlen=_LAST_LINES)

    async def ask(self, what: str, within: float = PATIENCE, /, **details: object) -> Answer:
        """Send a request. Raises DemoFailed if it fails, or the device ends or takes longer than `within` seconds."""
        self._asked += 1
        number = self._asked
        request = {"id": number, "do": what, **details}
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):  # it has ended: `wait_until` says so
            await self._in.send_all(json.dumps(request).encode() + b"\n")
        await self.wait_until(lambda: number in self._answers, what, within)
        answer = self._answers.pop(number)
        if "failed" in answer:
            failed = answer["failed"]
            raise DemoFailed(f"{self.name}: {what}: {failed['message']}", hint=failed["hint"])
        done: Answer = answer["done"]
        return done

    async def hear(self, what: str, within: float = PATIENCE) -> Answer:
        """The next message of this kind that the device sends unasked."""
        await self.wait_until(lambda: bool(self._told.get(what)), what, within)
        return self._told[what].popleft()

    async def wait_until(self, ready: Callable[[], bool], what: str, within: float = PATIENCE) -> None:
        """Wait for a condition that depends on the device's messages."""
        with trio.move_on_after(within):
            while not ready():
                if self._gone:
                    lines = "".join(f"\n  {line}" for line in self._errors)
                    raise DemoFailed(f"{self.name}'s process ended during: {what}{lines}")
                await self._news.wait()
            return
        raise DemoFailed(f"{self.name} took longer than {within:.0f} s to: {what}")

    async def _listen(self) -> None:
        async for line in _lines(self._out):
            message = json.loads(line)
            if "id" in message:
                self._answers[message["id"]] = message
            elif message["tell"] == "holds":
                self.entries, self.cases = message["entries"], message["cases"]
                if self.watch is not None:
                    self.watch()
            else:
                self._told.setdefault(message["tell"], deque()).append(message)
            self._announce()
        with trio.move_on_after(1):  # for its last words
            await self._process.wait()
            await trio.sleep(0.1)
        self._gone = True
        self._announce()

    async def _keep_errors(self) -> None:
        async for line in _lines(self._err):
            self._errors.append(line.decode(errors="replace"))

    def _announce(self) -> None:
        self._news.set()
        self._news = trio.Event()

    async def _end(self) -> None:
        """Close the device's input, which ends it."""
        await trio.aclose_forcefully(self._in)
        with trio.move_on_after(END_WITHIN):
            await self._process.wait()
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def started(name: str, folder: Path) -> AsyncIterator[Child]:
    """A device that runs until the block ends, with its vault in `folder`."""
    # -P: modules in the current folder are not imported.
    process = await trio.lowlevel.open_process(
        [sys.executable, "-P", "-m", "cellsync.cli.demo.device", name, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (_PACKAGES, os.environ.get("PYTHONPATH"))))},
    )
    child = Child(name, process)
    async with child._out, child._err, trio.open_nursery() as nursery:
        nursery.start_soon(child._listen)
        nursery.start_soon(child._keep_errors)
        try:
            yield child
        finally:
            with trio.CancelScope(shield=True):
                await child._end()
            nursery.cancel_scope.cancel()


async def _lines(pipe: trio.abc.ReceiveStream) -> AsyncIterator[bytes]:
    rest = b""
    while data := await pipe.receive_some(_CHUNK):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            yield line
