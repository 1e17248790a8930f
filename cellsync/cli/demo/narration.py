"""The narration of the demo: short sentences for readers who know nothing of all this, in 80 columns.

On a terminal there are colours and moving bars (NO_COLOR is honoured); elsewhere it is plain text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from textwrap import fill
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from cellsync.cli.demo.child import Child
from cellsync.cli.demo.outcome import DeviceState

WIDTH: Final = 80
INDENT: Final = "   "
NAME: Final = 7  # columns of a device's name
_SHORT: Final = 12  # hex digits of a digest


class Narrator:
    """Tells to one console."""

    def __init__(self, console: Console) -> None:
        self.console = console
        console.width = min(console.width, WIDTH)

    def chapter(self, number: int, title: str) -> None:
        self.console.print()
        self.console.print(Text(f"{number}  {title}", style="bold cyan"))

    def say(self, text: str, style: str = "") -> None:
        self._print(fill(text, self.console.width, initial_indent=INDENT, subsequent_indent=INDENT), style)

    def quote(self, who: str, what: str, style: str = "") -> None:
        """What a person wrote or holds, with the following lines under the first."""
        first = f"{INDENT}{who:<{NAME}}"
        text = Text(fill(what, self.console.width, initial_indent=first, subsequent_indent=" " * len(first)), style)
        text.stylize("bold not dim", 0, len(first))
        self.console.print(text, soft_wrap=True)

    def gap(self) -> None:
        self.console.print()

    def _print(self, text: str, style: str) -> None:
        self.console.print(Text(text, style=style), soft_wrap=True)

    def verbatim(self, text: str) -> None:
        """Print a text unchanged, without our colours: a QR code has its own."""
        for line in text.splitlines():
            self.console.print(Text.from_ansi(INDENT + line), soft_wrap=True)

    @contextmanager
    def bars(self, children: Sequence[Child], goal: int) -> Iterator[None]:
        """A bar per device for the cases that it holds; without a terminal, the numbers at the end."""
        if not self.console.is_terminal or self.console.quiet:
            yield
            for child in children:
                self.quote(child.name, f"{child.cases}/{goal}")
            return
        columns = TextColumn(INDENT + f"{{task.description:<{NAME - 1}}}"), BarColumn(40), MofNCompleteColumn()
        with Progress(*columns, console=self.console, auto_refresh=False) as progress:
            tasks = [progress.add_task(child.name, total=goal) for child in children]

            def update() -> None:
                for child, task in zip(children, tasks, strict=True):
                    progress.update(task, completed=child.cases)
                progress.refresh()

            for child in children:
                child.watch = update
            try:
                yield
            finally:
                for child in children:
                    child.watch = None
                update()

    def table(self, devices: Sequence[DeviceState]) -> None:
        rows = [
            f"{device.name:<{NAME}}{device.cases:>7}{device.entries:>9}   {device.digest[:_SHORT]}…"
            for device in devices
        ]
        self._print(f"{INDENT}{'device':<{NAME}}{'cases':>7}{'entries':>9}   digest of all cases", "bold")
        for row in rows:
            self._print(INDENT + row, "")
