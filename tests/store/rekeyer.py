"""Kills a re-key, or a change of the passphrase or of a circle's own one, at each of its steps, and looks what is left.

Run by the tests. A step is what asks the system or SQLite for something. The process forks for each: the child works
and kills itself just before its step, and the parent opens what it has left. At the end it says how often it found
what.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, Final

from cellsync.core.errors import WrongPassphrase
from cellsync.core.ids import CircleId, Passphrase
from cellsync.store import rekey, sqlite
from cellsync.store.header import Kdf
from cellsync.store.passphrases import forms
from cellsync.store.vault import Vault

OWN, OTHER_OWN = forms("of its own at first")[0], forms("of its own afterwards")[0]
OLD, NEW = forms("before it was changed")[0], forms("after it was changed")[0]
CIRCLES: Final = (CircleId(b"M" * 32), CircleId(b"O" * 32))
ENTRIES: Final = 80  # of each circle
_STEPS: Final = {"execute", "wal_checkpoint", "replace", "unlink", "fsync", "ask"}

Work = Callable[[Vault], None]


def renew(vault: Vault) -> None:
    rekey.rekey(vault, OLD, kdf=Kdf.CHEAP)


def change(vault: Vault) -> None:
    vault.change_passphrase(NEW, kdf=Kdf.CHEAP)


def with_own(circle: CircleId, passphrase: Passphrase | None) -> Work:
    return lambda vault: vault.set_circle_passphrase(circle, passphrase, kdf=Kdf.CHEAP)


FIRST, FURTHER = CIRCLES
WORKS: Final[dict[str, Work]] = {
    "rekey": renew, "change": change,
    "lock": with_own(FURTHER, OWN), "lock anew": with_own(FURTHER, OTHER_OWN), "free": with_own(FURTHER, None),
    "lock the first": with_own(FIRST, OWN), "lock the first anew": with_own(FIRST, OTHER_OWN),
    "free the first": with_own(FIRST, None),
}  # fmt: skip


def worked(folder: Path, work: Work, step: int) -> bool:
    """Do it in a child that dies before this step; whether it came to the end before that."""
    child = os.fork()
    if not child:
        vault = Vault.open(folder, OLD, allow_cheap=True)
        unlock(vault)
        sys.setprofile(killer(step))
        work(vault)
        sys.setprofile(None)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.waitstatus_to_exitcode(status) == 0
    return True


def killer(step: int) -> Callable[[FrameType, str, Any], None]:
    left = step

    def count(frame: FrameType, event: str, what: Any) -> None:
        nonlocal left
        called = what.__name__ if event == "c_call" else "ask" if event == "call" and is_question(frame) else ""
        if called in _STEPS:
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return count


def is_question(frame: FrameType) -> bool:
    """Whether SQLite asks in the middle of a copy if it shall go on."""
    return frame.f_code.co_name == "_report"


def left_behind(folder: Path, before: set[str]) -> str:
    """What a vault is like after a kill: with which passphrase it opens, and whether its files are the old ones."""
    try:
        vault, opened = Vault.open(folder, OLD, allow_cheap=True), "old passphrase"
    except WrongPassphrase:
        vault, opened = Vault.open(folder, NEW, allow_cheap=True), "new passphrase"
    with vault:
        assert vault.circles == CIRCLES
        own = unlock(vault)
        for circle in CIRCLES:
            store = vault.open_circle(circle)
            assert sum(chain.length for chain in store.chains()) == ENTRIES
            store.check()
            store.close()
        named = {vault.circle_file(circle).file for circle in CIRCLES}
        assert {path.name for path in folder.iterdir()} - {"vault.new"} == {"vault", *named}, "not tidied up"
        assert named == before or not named & before, "some files are old and some new"
        rekey.rekey(vault, OLD, kdf=Kdf.CHEAP)  # and it can be done once more
    return f"{opened}, {'old' if named == before else 'new'} files{own}"


def unlock(vault: Vault) -> str:
    """Open what is locked; with which passphrase of its own."""
    for circle in vault.locked:
        try:
            vault.unlock(circle, OWN)
        except WrongPassphrase:
            vault.unlock(circle, OTHER_OWN)
            return ", another one of its own"
        return ", one of its own"
    return ""


def main(template: str, work: str) -> None:
    folder = Path(template).with_name("at work")
    before = {path.name for path in Path(template).iterdir()} - {"vault"}
    sqlite.STEPS = 600  # type: ignore[misc]  # so that a copy of a few entries is asked about as well
    found: Counter[str] = Counter()
    step, ended = 0, False
    while not ended:
        shutil.copytree(template, folder)
        ended = worked(folder, WORKS[work], step)
        found[left_behind(folder, before)] += 1
        shutil.rmtree(folder)
        step += 1
    for outcome, times in sorted(found.items()):
        print(f"{outcome}: {times}")


if __name__ == "__main__":
    main(*sys.argv[1:])
