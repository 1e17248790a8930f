"""A person at a terminal of 80x24: what they type, and what they see."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import pexpect
import pyte
from pexpect.fdpexpect import fdspawn

from tests.end_to_end import hatchery
from tests.patience import PATIENCE

ROOT: Final = Path(__file__).parent.parent.parent
CHEAP: Final = str(Path(__file__).parent / "cheap.py")
WITHIN: Final = PATIENCE
PASSPHRASE: Final = "harbour pickle staircase moth"
LINES: Final = 24
COLUMNS: Final = 80
CTRL_C: Final = "\x03"
ENTER: Final = "\r"

ESCAPE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")  # every control character but TAB, LF, CR


def environment(**more: str) -> dict[str, str]:
    """A usual one, of nobody in particular."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return kept | {"PYTHONPATH": str(ROOT), "LANG": "C.UTF-8", "TERM": "xterm-256color"} | more


def command(*arguments: str, cheap: bool = True) -> list[str]:
    return [sys.executable, *([CHEAP] if cheap else ["-m", "cellsync"]), *arguments]


class Ran:
    """What a command without a terminal did."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.exit, self.out, self.err = done.returncode, done.stdout, done.stderr

    def __repr__(self) -> str:
        return f"<exit {self.exit}\n{self.out}\n---\n{self.err}>"


def run(*arguments: str, given: str | None = None, cheap: bool = True, **more: str) -> Ran:
    """Run a command without a terminal, with `given` on its standard input; without, there is nothing to read."""
    words, pipe = command(*arguments, cheap=cheap), subprocess.PIPE
    with _popen(cheap, more)(
        words, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment(**more)
    ) as process:  # fmt: skip
        try:
            out, err = process.communicate("" if given is None else given, timeout=WITHIN)
        except BaseException:
            process.kill()
            raise
    return Ran(subprocess.CompletedProcess(words, process.returncode, out, err))


def _popen(cheap: bool, more: Mapping[str, str]) -> type[subprocess.Popen[Any]]:
    """As e2e tests do: what a program loads was loaded before, unless it matters to the test how it is loaded."""
    return hatchery.popen(alone=not cheap or any(name.startswith(("PYTHON", "LANG", "LC_")) for name in more))


class Person:
    """Somebody who gives one command, in a terminal: of 80 columns, if none are given as `COLUMNS`."""

    def __init__(self, *arguments: str, **more: str) -> None:
        width = int(more.pop("COLUMNS", COLUMNS))
        self.screen: Any = pyte.Screen(width, LINES)
        self._stream: Any = pyte.ByteStream(self.screen)
        self.raw = b""
        ours, its = os.openpty()
        termios.tcsetwinsize(its, (LINES, width))
        try:
            popen = _popen(True, more)
            self._process = popen(
                command(*arguments), stdin=its, stdout=its, stderr=its, env=environment(**more), start_new_session=True,
                preexec_fn=None if popen is hatchery.Hatched else hatchery.take_terminal,
            )  # fmt: skip
        finally:
            os.close(its)
        self._terminal: Any = fdspawn(ours, timeout=WITHIN)
        self._terminal.delaybeforesend = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._terminal.close()  # which hangs up
        try:
            self._process.wait(1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if error is not None:
            error.add_note("the screen was:\n" + self.text)

    # --- seeing -----------------------------------------------------------------------------------------------

    @property
    def lines(self) -> list[str]:
        """What stands on the screen, without the empty end."""
        shown: list[str] = [line.rstrip() for line in self.screen.display]
        while shown and not shown[-1]:
            shown.pop()
        return shown

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def all(self) -> str:
        """All that was ever written, without control sequences' effect."""
        return self.raw.decode(errors="replace").replace("\r\n", "\n")

    def sees(self, what: str, within: float = WITHIN) -> str:
        """Wait until this text has come since the last time; what came."""
        until = time.monotonic() + within
        while what not in self._new:
            assert time.monotonic() < until, f"never saw {what!r}"
            assert self._read(), f"it ended before it said {what!r}"
        at = self._new.index(what) + len(what)
        came, self._new = self._new[:at], self._new[at:]
        return came

    _new = ""

    def _read(self, within: float = 0.2) -> bool:
        try:
            piece: bytes = self._terminal.read_nonblocking(65536, timeout=within)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.raw += piece
        self._new += piece.decode(errors="replace").replace("\r\n", "\n")
        self._stream.feed(piece)
        return True

    # --- typing ----------------------------------------------------------------------------------------------

    def types(self, text: str) -> None:
        self._terminal.send(text)

    def answers(self, question: str, text: str) -> None:
        """Wait for the question, then type the answer and Enter."""
        self.sees(question)
        self.types(text + ENTER)

    def gives_up(self) -> int:
        """Ctrl-C, when the program waits for somebody; the exit code.

        Python looks whether a signal has come between two steps of its own: of one that comes just before a read it
        learns after the read, and no person is as fast as that.
        """
        until = time.monotonic() + WITHIN
        quiet = 0
        while quiet < 3:
            assert time.monotonic() < until, "it never waits"
            self._read(0.02)
            quiet = quiet + 1 if self._sleeps() else 0
        self.types(CTRL_C)
        return self.ends()

    def _sleeps(self) -> bool:
        stat = Path(f"/proc/{self._process.pid}/stat")
        return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "S"

    @property
    def echoes(self) -> bool:
        """Whether the terminal shows what is typed."""
        return bool(termios.tcgetattr(self._terminal.child_fd)[3] & termios.ECHO)

    # --- the end ----------------------------------------------------------------------------------------------

    def ends(self, within: float = WITHIN) -> int:
        """Wait for the end; the exit code."""
        until = time.monotonic() + within
        while self._read():
            assert time.monotonic() < until, "it does not end"
        code: int = self._process.wait()
        assert code >= 0, f"ended by signal {-code}"
        return code
