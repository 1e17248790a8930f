"""Another implementation, driven over the lines of its standard input and output (protocol/06-vectors.md)."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from subprocess import PIPE, Popen
from threading import Thread
from typing import IO

from cellsync.testing.harness import Reply


class Gone(Exception):
    """It ended before it had answered, or answered something else than it was asked."""


@contextmanager
def driven(command: str) -> Iterator[Driven]:
    """The program of this command, for as long as it is asked; then it is ended. Raises Gone if it does not start."""
    arguments = shlex.split(command)
    try:
        process = Popen(arguments, stdin=PIPE, stdout=PIPE, text=True, encoding="utf-8")  # noqa: S603 who asks names it
    except (OSError, IndexError) as error:
        raise Gone(f"{command!r} cannot be started: {error}") from None
    other = Driven(process)
    try:
        yield other
    finally:
        process.kill()
        process.wait()
        other.close()


class Driven:
    """Questions are written from a thread of their own, so that neither side waits for the other."""

    def __init__(self, process: Popen[str]) -> None:
        self._questions: IO[str] = process.stdin  # type: ignore[assignment]
        self._answers: IO[str] = process.stdout  # type: ignore[assignment]
        self._next = 0

    def close(self) -> None:
        for pipe in (self._questions, self._answers):
            with suppress(BrokenPipeError):  # what was not read of the questions
                pipe.close()

    def ask(self, questions: Iterable[tuple[str, object]]) -> Iterator[Reply]:
        """The replies to questions (part, given), in their order. Raises Gone."""
        asked = [
            json.dumps({"id": number, "part": part, "given": given})
            for number, (part, given) in enumerate(questions, start=self._next)
        ]
        writer = Thread(target=self._write, args=(asked,), daemon=True)
        writer.start()
        for number in range(self._next, self._next + len(asked)):
            yield self._read(number)
        self._next += len(asked)
        writer.join()

    def _write(self, lines: list[str]) -> None:
        try:
            for line in lines:
                self._questions.write(line + "\n")
                self._questions.flush()
        except (BrokenPipeError, ValueError):
            pass  # the reader finds out

    def _read(self, number: int) -> Reply:
        line = self._answers.readline()
        if not line:
            raise Gone("it ended before it had answered")
        try:
            reply = json.loads(line)
        except ValueError:
            raise Gone("a line that is no JSON") from None
        if not isinstance(reply, dict) or reply.get("id") != number:
            raise Gone(f"an answer to another question than {number}")
        return reply
