"""Scripts of this folder as processes, if need be in a namespace, whose lines are read as they come."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any, Final

import pytest

from tests.end_to_end import hatchery
from tests.patience import PATIENCE

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parent.parent
WAIT_SECONDS: Final = PATIENCE


class Process:
    """A script; its lines are read as they come."""

    def __init__(self, prefix: Sequence[str], script: str, *arguments: str) -> None:
        self.lines: list[str] = []
        self._queue: Queue[str] = Queue()
        self._process = hatchery.popen(prefix)(
            [*prefix, sys.executable, str(HERE / script), *arguments],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        assert self._process.stdout is not None
        self._reader = Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    def _read(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._queue.put(line.rstrip("\n"))

    def wait_for(self, wanted: Callable[[str], bool]) -> str:
        """The next line that is wanted; earlier ones are gone."""
        while True:
            try:
                line = self._queue.get(timeout=WAIT_SECONDS)
            except Empty:
                pytest.fail(f"waited {WAIT_SECONDS} s in vain; so far: {self.lines[-20:]}")
            self.lines.append(line)
            if wanted(line):
                return line

    def event(self, key: str) -> dict[str, Any]:
        """The next event that has `key`."""
        event: dict[str, Any] = json.loads(self.wait_for(lambda line: key in json.loads(line)))
        return event

    def rest(self) -> list[str]:
        """All lines until now."""
        while not self._queue.empty():
            self.lines.append(self._queue.get())
        return self.lines

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(WAIT_SECONDS)
        self._reader.join(WAIT_SECONDS)
        if self._process.stdout is not None:
            self._process.stdout.close()
