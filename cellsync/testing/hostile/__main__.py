"""`python -m cellsync.testing.hostile`: misbehave towards a device, with the vault of a member.

    python -m cellsync.testing.hostile --profile FOLDER --device ID --at 127.0.0.1:51234 [BEHAVIOUR …]

FOLDER is the profile of a member that has joined and has synced once; nothing in it is changed, and no other program
may have it open. ID is the beginning of the device's id. The passphrase is the first line of standard input. Without a
BEHAVIOUR all of them are carried out in turn; `--list` prints their names. For each there is a line of JSON:

    {"behaviour": "equivocate", "left": false, "acknowledged": 22, "refused": 0}

What the device broke off is in its own log, under the name of the rule.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import trio

from cellsync.cell.home import vault_in
from cellsync.core.errors import CellsyncError, NotFound
from cellsync.core.ids import DeviceId
from cellsync.ledger.circle import OpenCircle
from cellsync.ledger.circles import OpenCircles
from cellsync.ledger.surroundings import REAL
from cellsync.node.lan import CARRIER
from cellsync.node.network import Address
from cellsync.node.tcp import dial
from cellsync.store.passphrases import forms
from cellsync.store.vault import Vault
from cellsync.testing.hostile.behaviours import BEHAVIOURS, carry_out
from cellsync.testing.hostile.turncoat import Turncoat


def main(arguments: Sequence[str]) -> int:
    parser = _parser()
    asked = parser.parse_args(arguments)
    if asked.list:
        print(*BEHAVIOURS, sep="\n")
        return 0
    if unknown := [name for name in asked.behaviours if name not in BEHAVIOURS]:
        print(f"no such behaviour: {', '.join(unknown)}", file=sys.stderr)
        return 2
    if None in (asked.profile, asked.device, asked.at):
        parser.error("--profile, --device and --at are needed")
    host, _, port = asked.at.rpartition(":")
    try:
        turncoat = _turncoat(asked.profile, asked.device, sys.stdin.readline().rstrip("\n"))
        trio.run(_misbehave, turncoat, Address(host, int(port)), asked.behaviours or list(BEHAVIOURS))
    except CellsyncError as error:
        print(f"{error} {error.hint}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("cellsync.testing.hostile", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--profile", type=Path)
    parser.add_argument("--device", help="the beginning of the id of the device, in hexadecimal")
    parser.add_argument("--at", help="where it listens: ADDRESS:PORT")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("behaviours", nargs="*", metavar="BEHAVIOUR")
    return parser


def _turncoat(profile: Path, victim: str, passphrase: str) -> Turncoat:
    with Vault.open(vault_in(profile), forms(passphrase), allow_cheap=True) as vault:
        circles = OpenCircles.open(vault, REAL)
        try:
            circle, device = _found(circles, victim)
            return Turncoat.of(circle, circles.secrets(circle.id), device)
        finally:
            circles.close()


def _found(circles: OpenCircles, beginning: str) -> tuple[OpenCircle, DeviceId]:
    """The victim, and the circle in which it has this id."""
    devices = [
        (circle, device)
        for circle in circles.values()
        for device in circle.others()
        if device.hex().startswith(beginning)
    ]
    if len(devices) != 1:
        raise NotFound("this is not the beginning of one device's id")
    return devices[0]


async def _misbehave(turncoat: Turncoat, at: Address, names: Sequence[str]) -> None:
    for name in names:
        outcome = await carry_out(BEHAVIOURS[name], turncoat, lambda: dial(at, None), CARRIER, os.urandom)
        print(json.dumps({"behaviour": name, **outcome._asdict()}), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
