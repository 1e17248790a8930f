"""Children: other processes of a measurement.

A child gets its job as one line of JSON on stdin (including keys: argv is visible to everyone on the machine), answers
in lines of JSON on stdout, and ends when its stdin does.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import trio

from cellsync.ledger.pause import spare

LIMIT: Final = 900.0  # seconds after which a child counts as broken
_HOME: Final = Path(__file__).resolve().parent.parent


class Child:
    """A process that runs `bench.MODULE.FUNCTION(job)`."""

    def __init__(self, module: str, function: str, job: Mapping[str, Any]) -> None:
        command = [sys.executable, "-m", "bench.children", module, function]
        self._process = subprocess.Popen(command, cwd=_HOME, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.tell(job)

    def tell(self, message: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        """The child's next line. Raises RuntimeError if it ended instead; its own error is on stderr."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("a process of the benchmark has failed")
        heard: dict[str, Any] = json.loads(line)
        return heard

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        if kind is not None:
            self._process.kill()
        failed = self._process.wait(LIMIT) != 0
        if self._process.stdout is not None:
            self._process.stdout.close()
        if failed and kind is None:
            raise RuntimeError("a process of the benchmark has failed")


def run(module: str, function: str, job: Mapping[str, Any]) -> dict[str, Any]:
    """The single answer of a child."""
    with Child(module, function, job) as child:
        return child.hear()


def tell(message: Mapping[str, Any]) -> None:
    """Send a message from a child to its parent."""
    print(json.dumps(message), flush=True)


async def until_dismissed() -> None:
    """Wait until the parent sends a line, or closes this child's stdin."""
    await trio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)


def main() -> None:
    module, function = sys.argv[1:]
    job = json.loads(sys.stdin.readline())
    work = getattr(import_module(f"bench.{module}"), function)
    spare()  # as a daemon does when it has started
    work(job)


if __name__ == "__main__":
    main()
