"""What a member gone bad does in sessions: memory, and the event loop. `bench/hostile` has the largest that it writes.

A child serves a profile as a daemon does. The parent calls it as one device after another, and misbehaves; for each
behaviour the child says how much it grew, and how long its loop was held up.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

import trio

from bench.children import Child, run, tell
from bench.hostile import BLOCKED, GROWTH, PASSPHRASE, SETTINGS, Watch, served
from bench.rows import Row
from bench.scale import QUICK_KDF
from cellsync.api import dispatch
from cellsync.casework import CaseFile
from cellsync.cell.founding import found_cell
from cellsync.cell.opening import open_cell
from cellsync.core.ids import DeviceId
from cellsync.core.membership.control import Role
from cellsync.core.replica.founding import KEYS_ENTROPY, DeviceSecrets, device_secrets
from cellsync.ledger.circle import OpenCircle
from cellsync.ledger.pause import spare
from cellsync.ledger.surroundings import REAL
from cellsync.node.lan import CARRIER
from cellsync.node.network import Address
from cellsync.node.tcp import dial
from cellsync.profile.profile import Profile
from cellsync.store.passphrases import forms
from cellsync.store.vault import Vault
from cellsync.testing.hostile.behaviours import SPOKEN, WRITTEN, Behaviour, carry_out
from cellsync.testing.hostile.turncoat import Turncoat

TABLES: Final = (SPOKEN, WRITTEN)
LONG: Final = {name for name, one in SPOKEN.items() if one.tires} | {
    "never acknowledge",
    "refuse everything",
}  # wait, and cost nothing


def measure(folder: Path, scale: int) -> Iterator[Row]:
    """All behaviours; in a quick run every third."""
    for number, table in enumerate(TABLES):
        names = [name for name in table if name not in LONG][:: 1 if scale == 1 else 3]
        for name, costs in suffered(folder / f"turncoats-{number}", {name: table[name] for name in names}):
            yield Row(f"a hostile member: {name}: growth", costs["growth"], "MB", GROWTH)
            yield Row(f"a hostile member: {name}: event loop held up", costs["blocked"], "ms", BLOCKED)


def suffered(folder: Path, table: Mapping[str, Behaviour]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What each behaviour of a device of its own costs its victim."""
    devices = run("turncoat", "prepare", {"folder": str(folder), "count": len(table)})["devices"]
    among = turncoats(Path(shutil.copytree(folder, folder.with_name(folder.name + "-copy"))), devices)
    with Child("turncoat", "stand", {"folder": str(folder)}) as child:
        call = partial(dial, Address("127.0.0.1", child.hear()["port"]), None)
        for turncoat, (name, behaviour) in zip(among, table.items(), strict=True):
            child.tell({"phase": name})
            child.hear()
            trio.run(carry_out, behaviour, turncoat, call, CARRIER, os.urandom)
            child.tell({})
            yield name, child.hear()


def turncoats(copy: Path, devices: Sequence[str]) -> list[Turncoat]:
    """These devices, as they know the circle that is in this copy of a profile."""
    with Vault.open(Profile(copy).vault, forms(PASSPHRASE), allow_cheap=True) as vault:
        store = vault.open_circle(vault.circles[0])
        try:
            circle = OpenCircle(vault.circles[0], store, REAL)
            named = (DeviceId(bytes.fromhex(device)) for device in devices)
            return [Turncoat(circle, device, keys(at), circle.device) for at, device in enumerate(named)]
        finally:
            store.close()


def keys(number: int) -> DeviceSecrets:
    return device_secrets(Random(number).randbytes(KEYS_ENTROPY))


# --- the child ----------------------------------------------------------------------------------


def prepare(job: Mapping[str, Any]) -> None:
    tell({"devices": trio.run(_prepare, Profile(Path(job["folder"])), job["count"])})


async def _prepare(profile: Profile, count: int) -> list[str]:
    """Make a vault with an honest case, and admit so many devices. Returns their ids."""
    profile.save(SETTINGS)
    home = replace(profile.home(SETTINGS), kdf=QUICK_KDF)
    await found_cell(home, "Mill Street", name="ana", passphrase=PASSPHRASE)
    async with open_cell(home, passphrase=PASSPHRASE) as cell:
        await cell.create(CaseFile, title="honest")
        secret, circle = cell.secrets.signing, cell.first.circle
        return [(await circle.admit(secret, keys(at).public, f"mal {at}", Role.WRITER)).hex() for at in range(count)]


def stand(job: Mapping[str, Any]) -> None:
    trio.run(_stand, Path(job["folder"]))


async def _stand(folder: Path) -> None:
    logging.getLogger("cellsync").setLevel(logging.ERROR)  # the rules that are broken are no news here
    dispatch.load()  # as a daemon does
    spare()
    async with served(folder) as service:
        tell({"port": service.cell.port})
        while line := await trio.to_thread.run_sync(sys.stdin.readline):
            async with Watch().over(json.loads(line)["phase"]):
                tell({})
                await trio.to_thread.run_sync(sys.stdin.readline)
