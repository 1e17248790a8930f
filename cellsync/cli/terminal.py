"""The terminal: results go to standard output, all other messages to standard error.

Without a terminal to answer from, no question is asked: a script gets an error that names the option to give.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import click

from cellsync import system
from cellsync.api.contract.problems import USAGE, Problem, Refusal
from cellsync.cli.options import Options, options_of
from cellsync.cli.output import fit_into, put, say, width_of
from cellsync.core.errors import CallerError, InvalidValue
from cellsync.core.plain import steady_json

_USUAL_WIDTH: Final = 80
_ANSWERS: Final = {"y": True, "yes": True, "n": False, "no": False, "": False}
_LONGEST_LINE: Final = 4096  # bytes read from a descriptor at most


class NoTerminal(CallerError):
    """There is no terminal to ask on."""

    code = "no_terminal"


class Terminal:
    """The messages and the questions of a command."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self._has_said_next = False

    # --- saying -----------------------------------------------------------------------------------------------

    def result(self, text: str, *, fit: bool = True) -> None:
        """Write a result as text; nothing with --json. With `fit` it is broken between words in a narrow window."""
        if not self.options.json:
            put(text, fit=fit)

    def answer(self, answer: dict[str, Any]) -> None:
        """Write a result as JSON; nothing without --json."""
        if self.options.json:
            put(steady_json(answer))

    def say(self, text: str) -> None:
        """Report progress."""
        if not self.options.quiet:
            say(text)

    def need(self, text: str) -> None:
        """Say what a person needs for the next step, even with -q: a code, words to compare, a new passphrase."""
        say(text)

    def next(self, command: str, *, writes: bool = False) -> None:
        """Suggest the next command, one only; not one that `writes` if nothing can be written."""
        if not self.options.json and not self._has_said_next and not (writes and self.options.only_read):
            self._has_said_next = True
            self.say(f"  next: {command}")

    @property
    def draws(self) -> bool:
        """Whether bars and drawings make sense."""
        return bool(sys.stderr and sys.stderr.isatty()) and not self.options.quiet

    @property
    def width(self) -> int:
        """The width of the window that shows messages."""
        return width_of(sys.stderr) or _USUAL_WIDTH

    @contextmanager
    def bar(self, what: str, before: str = "") -> Iterator[Any]:
        """A function that takes (done, total) and moves a bar, on a terminal; elsewhere nothing moves.

        `before`: the label while the total is not known.
        """
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") in ("dumb", "unknown")
        if not self.draws or plain:
            yield lambda done, total: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        columns = TextColumn("{task.description}"), BarColumn(30), TextColumn("{task.fields[count]}")
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task(before or what, total=None, count="")

            def move(done: int, total: int) -> None:
                if total:
                    progress.update(task, description=what, completed=done, total=total, count=f"{done}/{total}")

            yield move

    # --- asking -----------------------------------------------------------------------------------------------

    @property
    def asks(self) -> bool:
        return bool(sys.stdin and sys.stdin.isatty() and sys.stderr and sys.stderr.isatty())

    def ask(self, question: str, give: str, default: str | None = None) -> str:
        """Ask, and return the answer. Raises NoTerminal; `give` tells a script what to give instead."""
        self._need(give)
        with line_ended():
            answer: str = click.prompt(
                fit_into(sys.stderr, question), err=True, default=default, show_default=bool(default)
            )
        return answer

    def own_name(self, given: str | None) -> str:
        """The name that the others will see: as given, or asked for until it is a valid one. Raises InvalidValue."""
        return self.name_for("Your name, as the others will see it", given)

    def name_for(self, question: str, given: str | None) -> str:
        """A name as given, or asked for until it is a valid one. Raises InvalidValue."""
        from cellsync.core.membership.control import checked_name

        if given is not None:
            return checked_name(given)
        while True:
            try:
                return checked_name(self.ask(question, "--name NAME"))
            except InvalidValue as error:
                self.need(f"error: {error}")

    def ask_yes(self, question: str, give: str = "") -> bool:
        """Ask a question for yes or no; Enter alone means no."""
        self._need(give)
        while True:
            with line_ended():
                answer: str = click.prompt(f"{question} [y/N]", err=True, default="", show_default=False)
            said = _ANSWERS.get(answer.strip().lower())
            if said is not None:
                return said
            self.need("error: that is neither y nor n")

    def ask_hidden(self, question: str, give: str, *, empty: bool = False) -> str:
        self._need(give)
        answer: str = click.prompt(
            question, err=True, hide_input=True, default="" if empty else None, show_default=False
        )
        return answer

    @property
    def gives_passphrase(self) -> bool:
        """Whether a person or a script can give a passphrase."""
        return self.options.passphrase_fd is not None or self.asks

    def passphrase(self, question: str = "Passphrase") -> str:
        """The passphrase of an existing vault. Each call reads one line of a descriptor."""
        if self.options.passphrase_fd is not None:
            return read_line(self.options.passphrase_fd)
        return self.ask_hidden(question, "--passphrase-fd N")

    def new_passphrase(self, *known: str, question: str = "Passphrase") -> tuple[str, bool]:
        """A passphrase for a new vault, or a new one; and whether it was made up here, so that it must be shown.

        `known`: names, which are no secrets. Raises WeakPassphrase if no person can be asked for a better one.
        """
        from cellsync.store.passphrases import make_passphrase
        from cellsync.store.strength import WeakPassphrase, check

        if self.options.passphrase_fd is not None:
            given = read_line(self.options.passphrase_fd)
            check(given, known)
            return given, False
        made = make_passphrase()
        with _unseen():
            while True:
                chosen = self.ask_hidden(f"{question} (Enter = make one for me)", "--passphrase-fd N", empty=True)
                if not chosen:
                    return made, True
                try:
                    check(chosen, known)
                except WeakPassphrase as weak:
                    self.need(f"error: {weak}\n  hint: {weak.hint} Enter takes this one: {made}")
                    continue
                if self.ask_hidden("The same again", "--passphrase-fd N", empty=True) == chosen:
                    return chosen, False
                self.need("They differ. Once more.")

    def _need(self, give: str) -> None:
        if not self.asks:
            raise NoTerminal(hint=f"Give it: {give}" if give else "Run this in a terminal.")


@contextmanager
def _unseen() -> Iterator[None]:
    """Also hide input typed between two hidden questions, as when several lines are pasted."""
    if not (sys.stdin and sys.stdin.isatty()):
        yield
        return
    with system.terminal.unseen(sys.stdin.fileno()):
        yield


@contextmanager
def line_ended() -> Iterator[None]:
    """After Ctrl-C or Ctrl-D end the question's line, so the next message begins on its own."""
    try:
        yield
    except click.Abort:
        click.echo(err=True)
        raise


def terminal_of(context: click.Context) -> Terminal:
    return Terminal(options_of(context))


def read_line(descriptor: int) -> str:
    """Read a script's input from a descriptor, up to the end of the line. Raises Refusal."""
    raw = b""
    try:
        while len(raw) < _LONGEST_LINE and not raw.endswith(b"\n"):
            piece = os.read(descriptor, 1)  # one byte at a time: another program may read the rest
            if not piece:
                break
            raw += piece
        return raw.decode().rstrip("\r\n")
    except (OSError, UnicodeDecodeError):
        raise Refusal(
            Problem("unreadable_descriptor", "That file descriptor cannot be read.", "Open it for reading.", USAGE)
        ) from None
