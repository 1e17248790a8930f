"""A terminal: a real shell on a pseudo-terminal, and the contents of its screen.

The screen is much larger than programs are told, so no line is broken on it and nothing scrolls away. The shell's
prompts set the window's title: they are not shown on the screen, and tell that a command has ended.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from secrets import token_hex
from typing import Final

import pexpect
import pyte

from tests.transcripts import processes

COLUMNS: Final = 2000
ROWS: Final = 5000
_PIECE: Final = 1 << 16
# What the shell says of a job that has ended or stopped: at the next prompt, whichever that happens to be.
_JOB: Final = re.compile(r"(?m:(?:^\n)?^\[\d+\][-+ ]  Stopped.*\n?|^\[\d+\][-+ ]  [A-Z].*\n?)")


class Terminal:
    """`size` is rows and columns, as programs are told."""

    def __init__(self, name: str, folder: Path, environment: Mapping[str, str], size: tuple[int, int]) -> None:
        self.closed = False
        self._prompt = f"{name}$ "
        self._before: list[str] = []  # the screen up to the present command
        self._typed = 0  # rows that the command itself takes
        self._mark = token_hex(8)
        self._screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.Stream(self._screen)
        folder.mkdir(parents=True, exist_ok=True)
        self._child = pexpect.spawn(
            "bash", ["--norc", "--noprofile", "--noediting"], cwd=str(folder), dimensions=size,
            env={**environment, "PS1": rf"\e]2;{self._mark}\a", "PS2": rf"\e]2;{self._mark}+\a> ",
                 "PROMPT_COMMAND": "export -n PS1 PS2; unset PROMPT_COMMAND"},
            encoding="utf-8", codec_errors="replace",
        )  # fmt: skip
        self._child.delaybeforesend = None

    @property
    def session(self) -> int:
        process: int = self._child.pid
        return process

    def fileno(self) -> int:
        descriptor: int = self._child.fileno()
        return descriptor

    # --- the keyboard -----------------------------------------------------------------------------------------

    def start(self, command: str) -> None:
        """Type the first line of a command."""
        self._before += self.rows
        self._screen.reset()
        self._stream.feed(self._prompt)
        self._typed = 0
        self.more(command)

    def more(self, line: str) -> None:
        """Type another line of it."""
        self._typed += 1
        self._screen.title = ""
        self.type(line + "\n")

    def type(self, keys: str) -> None:
        self._child.send(keys)

    # --- the screen -------------------------------------------------------------------------------------------

    def read(self) -> None:
        """What has come."""
        try:
            self._stream.feed(self._child.read_nonblocking(_PIECE, timeout=0))
        except pexpect.TIMEOUT:
            pass
        except pexpect.EOF:
            self.closed = True

    @property
    def idle(self) -> bool:
        """No command runs any more."""
        return self.closed or self._screen.title == self._mark

    @property
    def waits(self) -> bool:
        """A program has got so far that it waits, and Ctrl-C will reach it.

        Between a shell's fork and the new program the signal would be lost, and between a prompt and the call that
        reads the answer many programs notice it only when the answer comes.
        """
        front = os.tcgetpgrp(self.fileno())
        if front == self.session:
            begun = bool(self.output)  # the shell itself asks something
        else:
            begun = processes.command_line(front) != processes.command_line(self.session)
        return begun and not processes.works(front)

    @property
    def wants_more(self) -> bool:
        """The command is not complete yet."""
        return bool(self._screen.title == self._mark + "+")

    @property
    def echoes(self) -> bool:
        """What is typed now will be seen."""
        return bool(self._child.getecho())

    @property
    def output(self) -> str:
        """What the present command has said; the last line has an end if it ended, or if the command has.

        Without what the shell says of its jobs.
        """
        text = _JOB.sub("", "\n".join(self._lines()[self._typed :]))
        return text + "\n" if text and self.idle and not text.endswith("\n") else text

    @property
    def rows(self) -> list[str]:
        """The screen so far, from the present command on."""
        lines = self._lines()
        return lines if lines[-1] else lines[:-1]

    @property
    def shown(self) -> str:
        """The whole screen so far."""
        return "\n".join([*self._before, *self.rows, *([self._prompt] if self.idle and not self.closed else [])])

    def _lines(self) -> list[str]:
        buffer, last = self._screen.buffer, self._screen.cursor.y
        return ["".join(buffer[y][x].data for x in range(max(buffer[y], default=-1) + 1)).rstrip()
                for y in range(last + 1)]  # fmt: skip

    def close(self) -> None:
        """After its processes were ended."""
        self._child.wait()
        self._child.close()
