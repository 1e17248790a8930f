"""Options that every command takes, before or after its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import click

from cellsync.cli.output import put


@dataclass
class Options:
    """The shared options as given."""

    profile: str | None = None
    json: bool = False
    quiet: bool = False
    verbose: bool = False
    passphrase_fd: int | None = None
    only_read: bool = False  # no option: set when the cell turns out to be on a read-only disk


def options_of(context: click.Context) -> Options:
    found: Options = context.find_root().ensure_object(Options)
    return found


def _note(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value and parameter.name:
        setattr(options_of(context), parameter.name, value)
    elif value == 0 and parameter.name == "passphrase_fd" and value is not False:
        options_of(context).passphrase_fd = 0


def _shared() -> list[click.Parameter]:
    return [
        click.Option(
            ["--profile"], metavar="DIR", help="The folder of the cell, in place of $CELLSYNC_PROFILE.",
            expose_value=False, callback=_note,
        ),
        click.Option(
            ["--json"], is_flag=True, help="Print one JSON object on standard output, also for an error.",
            expose_value=False, callback=_note,
        ),
        click.Option(["-q", "--quiet"], is_flag=True, help="Results only.", expose_value=False, callback=_note),
        click.Option(["-v", "--verbose"], is_flag=True, help="Say more.", expose_value=False, callback=_note),
        click.Option(
            ["--passphrase-fd"], type=int, metavar="N", expose_value=False, callback=_note,
            help="Read the passphrase from this file descriptor, up to the end of the line.",
        ),
    ]  # fmt: skip


SHARED: Final = tuple(option.name for option in _shared())


class Helpful(click.Command):
    """Whose help goes where results go."""

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        option = super().get_help_option(ctx)
        if option is not None:
            option.callback = _explain
        return option


def _explain(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        put(context.get_help())
        context.exit()


class Command(Helpful):
    """A command that takes the shared options too."""

    def __init__(self, name: str | None, params: Sequence[click.Parameter] | None = None, **given: Any) -> None:
        super().__init__(name, params=[*(params or ()), *_shared()], **given)


class Group(Helpful, click.Group):
    """A group of such commands."""

    command_class = Command
    group_class = type

    def __init__(self, name: str | None = None, params: Sequence[click.Parameter] | None = None, **given: Any) -> None:
        super().__init__(name, params=[*(params or ()), *_shared()], **given)


def circle_option(text: str) -> Callable[[Any], Any]:
    """The option that names a circle."""
    return click.option("--circle", default="", metavar="CIRCLE", help=f"{text} Its name, or the beginning of its id.")
