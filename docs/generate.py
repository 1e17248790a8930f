"""`python docs/generate.py`: write what is made from the program itself (docs/reference, docs/man).

openapi.json            the local API
commands.schema.json    what each command prints with --json
commands.md             every command's help
library.md              what programs import, out of its docstrings
limits.md               how much of what is taken
architecture.md         the picture of the floors in it, and the one in CONTRIBUTING.md
37-casework.md          the tables of kinds and fields in protocol/
cellsync.1 …            the manual pages
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
from click_man.core import generate_man_page

from cellsync import __version__
from cellsync.api.contract.openapi import document
from cellsync.api.contract.table import BY_NAME
from cellsync.cli.main import main
from docs import kinds
from docs.floors import ROOT, with_floors
from docs.library import reference
from docs.limits import limits

DOCS: Final = Path(__file__).parent
PRINTS: Final = {  # command -> the operation whose answer it prints; None: an object of its own
    "init": "init", "invite": "invite.show", "join": "join.show", "unlock": "unlock", "lock": "lock", "panic": "panic",
    "status": "status",
    "circle create": "circle.create", "circle list": "circles",
    "circle unlock": "circle.unlock", "circle lock": "circle.lock", "circle passphrase set": "circle.passphrase",
    "circle passphrase change": "circle.passphrase", "circle passphrase remove": "circle.passphrase",
    "members": "roster", "peers": "peers",
    "members why": "member.why", "members remove": "removal", "members role": "role", "members endorse": "endorse",
    "members contest": "contest", "members tell": "tell", "members leave": "leave", "members require": "require",
    "settings": "settings", "settings show": "settings", "settings set": "settings.choose",
    "device link": "invite.show", "device list": "devices", "device remove": "removal",
    "quarantine list": "roster", "quarantine show": "quarantine", "quarantine release": "release",
    "recovery use": "recovery.use", "recovery replace": "recovery.replace", "recovery show": "recovery.keys",
    "peers add": "peers.add", "peers ping": "peers.ping",
    "case new": "case.new", "case list": "case.list", "case show": "case.show", "case edit": "case.edit",
    "case log": "case.log", "case move": "case.move",
    "case import": "import.show", "case export": "export", "graph": "case.graph",
    "fork list": "forks", "fork proof": "fork.proof", "fork check": "fork.check",
    "passphrase change": "passphrase.change", "passphrase rekey": "rekey.show",
    "backup": "backup", "restore": "restore", "sync": "sync.show", "watch": "events", "doctor": "doctor",
    "daemon stop": "lock",
}  # fmt: skip
_REQUESTS: Final = {".SH", ".PP", ".B", ".TP"}  # of troff, that click-man writes


def commands(group: click.Group = main, path: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command with its full name, groups among them."""
    for name, command in sorted(group.commands.items()):
        yield f"{path}{name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path}{name} ")


def files() -> dict[Path, str]:
    """All that is made here, by path."""
    made = {
        DOCS / "reference" / "openapi.json": _json(document()),
        DOCS / "reference" / "commands.schema.json": _json(_printed()),
        DOCS / "reference" / "commands.md": _commands(),
        DOCS / "reference" / "library.md": reference(),
        DOCS / "reference" / "limits.md": limits(),
        DOCS / "architecture.md": with_floors(DOCS / "architecture.md"),
        ROOT / "CONTRIBUTING.md": with_floors(ROOT / "CONTRIBUTING.md"),
        kinds.PATH: kinds.with_kinds(),
    }
    top = click.Context(main, info_name="cellsync")
    made[DOCS / "man" / "cellsync.1"] = _page(top)
    for name, command in commands():
        context = click.Context(command, info_name=name, parent=top)
        made[DOCS / "man" / f"cellsync-{name.replace(' ', '-')}.1"] = _page(context)
    return made


def _json(content: Any) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _printed() -> dict[str, Any]:
    """JSON Schema (2020-12): under `$defs`, one schema per command; every command may print `error` instead."""
    schemas: dict[str, Any] = json.loads(
        json.dumps(document()["components"]["schemas"]).replace("#/components/schemas/", "#/$defs/shapes/")
    )
    named = {"error": {"$ref": "#/$defs/shapes/Failed"}}
    for command, operation in PRINTS.items():
        named[command] = {"$ref": f"#/$defs/shapes/{BY_NAME[operation].gives}"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What the commands of cellsync print with --json",
        "$defs": {**named, "shapes": schemas},
    }


def _commands() -> str:
    parts = ["# Commands", "", "Made from the program by `make reference`.", ""]
    for name, command in [("", main), *commands()]:
        context = click.Context(command, info_name=f"cellsync {name}".strip(), max_content_width=100)
        context.terminal_width = 100
        parts += [f"## {context.info_name}", "", "```text", command.get_help(context), "```", ""]
    return "\n".join(parts)


def _page(context: click.Context) -> str:
    """A manual page, with the command's last words and without the day on which it was made."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # click-man's, of click
        page: str = generate_man_page(context, __version__)
    _, _, body = page.partition("\n")
    body = body.rstrip()
    if context.command.epilog:  # click-man leaves it out
        body += f"\n.SH NOTES\n{context.command.epilog}"
    requests = {line.split()[0] for line in body.splitlines() if line.startswith((".", "'"))}
    assert requests <= _REQUESTS, "a line of help that begins with a dot or an apostrophe would be lost"
    name = context.command_path.upper().replace(" ", "\\-")
    return f'.TH "{name}" "1" "" "cellsync {__version__}" "cellsync"\n{body}\n'


def write() -> int:
    for path, content in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return 0


if __name__ == "__main__":
    sys.exit(write())
