"""Runs a transcript in real terminals, and compares their output."""

from __future__ import annotations

import difflib
import os
import re
import select
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from secrets import token_hex
from typing import Final

from cellsync import make_passphrase
from tests.patience import PATIENCE
from tests.transcripts import processes
from tests.transcripts.examples import Examples, NotSeenYet
from tests.transcripts.terminal import Terminal
from tests.transcripts.transcript import INTERRUPT, Line, Question, Step, Transcript

SIZE: Final = 40, 400  # rows, columns: a line of a page is not broken
_MARK: Final = "TRANSCRIPT"  # in the environment of all that a run starts
_RUNTIME: Final = ".run"
_PASSPHRASE: Final = "{passphrase}"  # of a document: whatever stands in one, no vault takes
_LOOK_AGAIN: Final = 0.1  # seconds: some things change without a sound


class Differs(AssertionError):
    """The program does not do what the document says."""


def run(
    transcript: Transcript, home: Path, name: str = "", *, patience: float = PATIENCE, size: tuple[int, int] = SIZE,
    programs: Sequence[Path] = (),
) -> None:  # fmt: skip
    """`home` becomes $HOME, `name` is what the document is called in a failure. Programs are looked for in `programs`
    first. Raises Differs.
    """
    (home / _RUNTIME).mkdir(mode=0o700, parents=True)
    runner = _Runner(transcript, home, name, patience, size, [*programs, Path(sys.executable).parent])
    try:
        for step in transcript.steps:
            runner.step(step)
    finally:
        runner.close()


class _Runner:
    def __init__(
        self, transcript: Transcript, home: Path, name: str, patience: float, size: tuple[int, int],
        programs: Sequence[Path],
    ) -> None:  # fmt: skip
        self._transcript, self._home, self._name, self._patience, self._size = transcript, home, name, patience, size
        self._path = os.pathsep.join([*map(str, programs), os.environ.get("PATH", os.defpath)])
        self._examples = Examples(transcript.examples)
        self._terminals: dict[str, Terminal] = {}
        self._seen: dict[str, list[Line]] = {}  # what the present command of each terminal had to show so far
        self._mark = token_hex(16)
        self._passphrase = make_passphrase()
        self._until = 0.0

    def step(self, step: Step) -> None:
        self._until = time.monotonic() + self._patience
        terminal = self._terminals.get(step.terminal) or self._open(step)
        if step.command:
            self._start(terminal, step)
        seen = self._seen[step.terminal]
        for line in step.lines:
            if line.question is not None:
                self._answer(terminal, [*seen, line], line.question)
            seen.append(line)
        pattern = self._examples.pattern(line.text for line in seen)
        if step.goes_on:
            self._see(terminal, step.number, seen, pattern.match)
        else:
            self._see(terminal, step.number, seen, lambda said: pattern.fullmatch(said) if terminal.idle else None)

    # --- the keyboard -----------------------------------------------------------------------------------------

    def _open(self, step: Step) -> Terminal:
        environment = self._environment(step.terminal)
        terminal = Terminal(step.terminal, self._home / step.terminal, environment, self._size)
        self._terminals[step.terminal] = terminal
        if not self._wait(terminal, lambda: terminal.idle):
            raise self._failure(step.number, "the shell does not start")
        return terminal

    def _environment(self, terminal: str) -> dict[str, str]:
        """Nothing of the machine's own environment, so that a document means the same everywhere."""
        folders = {"CONFIG": ".config", "DATA": ".local/share", "STATE": ".local/state", "CACHE": ".cache"}
        return {
            "PATH": self._path,
            "HOME": str(self._home),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "TERM": "dumb",
            "NO_COLOR": "1",
            **{f"XDG_{kind}_HOME": str(self._home / folder) for kind, folder in folders.items()},
            "XDG_RUNTIME_DIR": str(self._home / _RUNTIME),
            **{one.name: one.value for one in self._transcript.environment if one.terminal in ("", terminal)},
            "PASSPHRASE": self._passphrase,
            _MARK: self._mark,
        }

    def _start(self, terminal: Terminal, step: Step) -> None:
        self._seen[step.terminal] = []
        if terminal.closed:
            raise self._failure(step.number, "the shell of this terminal has ended")
        first, *more = [self._filled(step.number, line) for line in step.command]
        terminal.start(first)
        for line in more:
            if not self._wait(terminal, lambda: terminal.wants_more):
                raise self._failure(step.number, "the shell wants no more lines of this command")
            terminal.more(line)

    def _answer(self, terminal: Terminal, lines: list[Line], question: Question) -> None:
        """Type the answer as soon as the last of these lines asks for it."""
        *before, line = lines
        prompt = self._examples.pattern((one.text for one in before), question.prompt)
        self._see(terminal, line.number, [*before, line._replace(text=question.prompt)], prompt.fullmatch)
        if question.hidden and not self._wait(terminal, lambda: not terminal.echoes):
            raise self._failure(line.number, "what is typed here would be seen")
        if question.keys == INTERRUPT and not self._wait(terminal, lambda: terminal.waits):
            raise self._failure(line.number, "nothing waits here that could be interrupted")
        terminal.type(self._filled(line.number, question.keys))

    def _filled(self, number: int, text: str) -> str:
        try:
            return self._examples.fill(text).replace(_PASSPHRASE, self._passphrase)
        except NotSeenYet as error:
            raise self._failure(number, str(error)) from None

    # --- the screens ------------------------------------------------------------------------------------------

    def _see(
        self, terminal: Terminal, number: int, lines: list[Line], match: Callable[[str], re.Match[str] | None]
    ) -> None:  # fmt: skip
        """Wait until the output of the present command is what it has to be. Raises Differs."""
        if self._wait(terminal, lambda: match(terminal.output) is not None):
            found = match(terminal.output)
            assert found is not None
            self._examples.learn(found)
            return
        agreed, difference = self._difference([line.text for line in lines], terminal.output)
        if terminal.idle:
            problem = "the output differs"
        else:
            problem = f"{'not seen' if difference else 'it still runs'} after {self._patience:g} s"
        raise self._failure(lines[agreed].number if agreed < len(lines) else number, problem, difference)

    def _wait(self, terminal: Terminal, ready: Callable[[], bool]) -> bool:
        """Until it is so, or the command has ended, or the time is over."""
        while not ready():
            left = self._until - time.monotonic()
            if terminal.idle or left < 0:
                return False
            self._read(min(left, _LOOK_AGAIN))
        return True

    def _read(self, seconds: float) -> None:
        """All terminals are read, so that no program waits until somebody looks at it."""
        for terminal in select.select([one for one in self._terminals.values() if not one.closed], [], [], seconds)[0]:
            terminal.read()

    def _difference(self, expected: Sequence[str], output: str) -> tuple[int, str]:
        """How many lines agree, and a unified diff in which all that agrees stands as it was seen."""
        agreed, found = next(
            (count, found)
            for count in range(len(expected), -1, -1)
            if (found := self._examples.pattern(expected[:count]).match(output))
        )
        self._examples.learn(found)
        rest = output[found.end() :].splitlines()
        shown = output[: found.end()].splitlines()
        got = [*shown, *rest]
        for line in expected[agreed:]:
            like = self._examples.pattern([line])
            shown.append(next((one for one in rest if like.fullmatch(one + "\n")), line))
        return agreed, "\n".join(difflib.unified_diff(shown, got, "expected", "got", lineterm=""))

    def _failure(self, number: int, problem: str, difference: str = "") -> Differs:
        parts = [f"{self._name}:{number}: {problem}", difference]
        parts += [f"{name} = {value}" for name, value in self._examples.values.items()]
        parts += [f"--- terminal {name} ".ljust(60, "-") + f"\n{one.shown}" for name, one in self._terminals.items()]
        return Differs("\n".join(part for part in parts if part))

    def close(self) -> None:
        processes.end({terminal.session for terminal in self._terminals.values()}, f"{_MARK}={self._mark}")
        for terminal in self._terminals.values():
            terminal.close()
