"""What the command line says about `cellsync demo`."""

from __future__ import annotations

import click


@click.command(short_help="Three devices, one network that breaks and heals.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output, and nothing else.")
def demo(as_json: bool) -> None:
    """Three devices, one encrypted case log, one network that breaks and heals.

    Starts three processes on this machine, each with its own vault in a temporary folder; they talk over 127.0.0.1
    only. All cases in it are invented. Nothing stays behind.

    Exit code: 0 if all three devices agree, both values of the conflict are kept, and no plaintext was found; 1 if
    not, or if something failed; 130 if interrupted.
    """
    from cellsync.cli.demo.run import run

    raise SystemExit(run(as_json))
