"""`cellsync`: one command for each thing.

Every command is a light module that says what it takes; what it needs to do it is imported when it runs, so that
`--help` answers at once.
"""

from __future__ import annotations

import click

from cellsync.cli.demo.command import demo


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from cellsync import __version__

        click.echo(f"cellsync {__version__}")
        context.exit()


@click.group(name="cellsync", context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_show_version, help="Show the version."
)
def main() -> None:
    """Encrypted case logs for small cells, kept in step between trusted devices without any server."""


main.add_command(demo)
