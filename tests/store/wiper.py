"""Kills a wipe at each of its steps, and looks what is left. Run by the tests.

Everything else is as for a re-key (`rekeyer`): the process forks for each step, and the child kills itself before it.
"""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Final

from cellsync.core.ids import CircleId
from cellsync.store import header
from cellsync.store.header import Slot
from cellsync.store.vault import Vault
from cellsync.store.wipe import VaultWiped
from tests.store import rekeyer
from tests.store.rekeyer import CIRCLES, OLD, Work

MAIN, OTHER = CIRCLES
ALONE: Final[dict[str, tuple[CircleId, ...]]] = {"all": CIRCLES, "one": (OTHER,), "the first": (MAIN,)}


def wiping(circles: tuple[CircleId, ...]) -> Work:
    return lambda vault: vault.wipe(circles)


def slots_left(folder: Path, slots: tuple[Slot, ...]) -> bool:
    """Whether any file still holds a wrapped key."""
    found = [path.read_bytes() for path in folder.iterdir()]
    return any(slot.wrapped in content for slot in slots for content in found)


def left_behind(folder: Path, slots: tuple[Slot, ...], files: dict[CircleId, str], gone: tuple[CircleId, ...]) -> str:
    """What a kill leaves: all as it was, or what is to go without its keys; and whoever comes next ends it."""
    names = {path.name for path in folder.iterdir()}
    decided, opens = "wiping" in names or "wiped" in names, slots_left(folder, slots)
    if not opens:
        assert gone == CIRCLES, "the keys of a circle that stays are gone"
    left = tuple(circle for circle in CIRCLES if circle not in gone)
    if not decided and opens and files[gone[-1]] in names:
        with Vault.open(folder, OLD, allow_cheap=True) as vault:
            assert vault.circles in (CIRCLES, left)
            rekeyer.unlock(vault)
            if vault.circles == CIRCLES:
                for circle in CIRCLES:
                    store = vault.open_circle(circle)
                    store.check()
                    store.close()
                return "as it was"
    if gone == CIRCLES:
        try:
            Vault.open(folder, OLD, allow_cheap=True).close()
            raise AssertionError("it opens")
        except VaultWiped:
            pass
        assert {path.name for path in folder.iterdir()} == {"wiped"}
        assert not slots_left(folder, slots)
        return "decided" if opens else "without keys"
    with Vault.open(folder, OLD, allow_cheap=True) as vault:
        assert vault.circles == left
        rekeyer.unlock(vault)
        store = vault.open_circle(left[0])
        store.check()
        store.close()
    assert {path.name for path in folder.iterdir()} - {"vault.new"} == {"vault", files[left[0]]}
    return "decided" if decided else "gone"


def main(template: str, what: str) -> None:
    folder, gone = Path(template).with_name("at work"), ALONE[what]
    slots = header.decode(Path(template, "vault").read_bytes()).slots
    with Vault.open(Path(template), OLD, allow_cheap=True) as vault:
        files = {circle: vault.locked_file(circle).file for circle in CIRCLES}
    found: Counter[str] = Counter()
    step, ended = 0, False
    while not ended:
        shutil.copytree(template, folder)
        ended = rekeyer.worked(folder, wiping(gone), step)
        found[left_behind(folder, slots, files, gone)] += 1
        shutil.rmtree(folder)
        step += 1
    for outcome, times in sorted(found.items()):
        print(f"{outcome}: {times}")


if __name__ == "__main__":
    main(*sys.argv[1:])
