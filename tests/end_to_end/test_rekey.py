"""New keys as processes: killed, on a full disk, with a daemon that is in use, and of many entries."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from tests.end_to_end.devices import ROOT
from tests.end_to_end.imported import ana, imported
from tests.end_to_end.programs import PASSPHRASE, Program, environment, pair, programs
from tests.end_to_end.test_disk_full import Disk, disk
from tests.patience import wait_until

__all__ = ["ana", "disk", "imported"]  # fixtures
pytestmark = pytest.mark.e2e

NEW = "kitchen orbit seventeen lampshade"


def databases(one: Program) -> set[str]:
    return {path.name for path in one.profile.vault.iterdir() if len(path.name) == 32}


def files(one: Program) -> set[str]:
    return {path.name for path in one.profile.vault.iterdir()} - {"vault.new"}


def cases(one: Program) -> int:
    return len(one.json("case", "list")["cases"])


def test_with_a_daemon_that_is_in_use(tmp_path: Path) -> None:
    """The passphrase and then the keys, with another device in touch: what is written then reaches it."""
    with programs(tmp_path, "ana", "ben") as [ana, ben]:
        ana.init()
        ana.start()
        pair(ana, ben)
        ben.start()
        ana.json("case", "new", "one")
        before = databases(ana)
        ran = ana.run("passphrase", "change", passphrase=f"{PASSPHRASE}\n{NEW}")
        assert ran.exit == 0, ran
        assert "still open with the old one" in ran.out
        assert ana.run("unlock").exit == 3
        ran = ana.run("passphrase", "rekey", passphrase=NEW)
        assert ran.exit == 0, ran
        assert ana.state == "open"
        assert not databases(ana) & before
        assert len(databases(ana)) == 1
        ana.json("case", "new", "two")
        assert ana.run("sync", "--wait").exit == 0
        wait_until(lambda: len(ben.call("case.list")["cases"]) == 2, "both cases are there")
        assert ana.call("status")["flags"] == []
        ana.run("lock")
        wait_until(lambda: ana.state == "locked", "it is locked")
        ran = ana.run("passphrase", "rekey", passphrase=NEW)
        assert ran.exit == 0, ran
        assert ana.state == "locked"
        secrets = (PASSPHRASE, NEW)
        assert not [secret for secret in secrets if secret in ana.log.read_text()]


@pytest.mark.parametrize("daemon", [False, True], ids=["a command", "a daemon"])
def test_killed_in_the_middle(ana: Program, daemon: bool) -> None:
    """However far it was, the vault opens, with all that was in it; and what the kill left is gone then."""
    if daemon:
        ana.start()
    count, outcomes = cases(ana), set[str]()
    for moment in range(4):
        before = databases(ana)
        with ana.begin("passphrase", "rekey") as process:
            wait_until(partial(begun, ana, before, moment, process), "it is so far")
            if daemon:
                ana.send(signal.SIGKILL)
                ana.stop()
            else:
                process.kill()
            process.communicate()
        assert cases(ana) == count
        after = databases(ana)
        assert files(ana) == {"vault", *after}
        assert len(after) == 1
        outcomes.add("old" if after == before else "new")
        assert not after - before or not after & before
        if daemon:
            ana.start()
    assert outcomes  # which of them, is up to the moment


def begun(one: Program, before: set[str], moment: int, process: subprocess.Popen[str]) -> bool:
    """Whether it is so far: the new file is there; has been filled; the header is being written; the old one is gone.

    Or over: on a fast machine it may be before anybody looks.
    """
    if process.poll() is not None:
        return True
    now = databases(one)
    new = [one.profile.vault / name for name in now - before]
    match moment:
        case 0:
            return bool(new)
        case 1:
            return any(path.stat().st_size > 100_000 for path in new)
        case 2:
            return (one.profile.vault / "vault.new").exists() or not before & now
    return bool(new) and not before & now


def test_on_a_full_disk(disk: Disk) -> None:
    """It says how much is missing before it begins, and works as soon as there is so much. A change takes little."""
    with programs(disk.path, "ana") as [ana]:
        ana.init("--no-lan")
        before, head = databases(ana), (ana.profile.vault / "vault").read_bytes()
        disk.fill(1 << 20)
        ran = ana.run("passphrase", "rekey")
        assert ran.exit == 1
        assert "MB of free space for a while, and there are 1 MB. Nothing was changed." in ran.err
        assert "MB on the vault's disk, then try again." in ran.err
        assert ((ana.profile.vault / "vault").read_bytes(), databases(ana)) == (head, before)
        disk.fill()
        ran = ana.run("passphrase", "change", passphrase=f"{PASSPHRASE}\n{NEW}")
        assert ran.exit == 1
        assert "The disk is full" in ran.err
        disk.free()
        ran = ana.run("passphrase", "change", passphrase=f"{PASSPHRASE}\n{NEW}")
        assert ran.exit == 0, ran
        ran = ana.run("passphrase", "rekey", passphrase=NEW)
        assert ran.exit == 0, ran
        assert not databases(ana) & before


MANY = """
import resource, sys
from pathlib import Path
from cellsync.core.ids import CircleId
from cellsync.store import rekey
from cellsync.store.header import Kdf
from cellsync.store.passphrases import forms
from cellsync.store.vault import Vault
from tests.store.commits import Author
from tests.store.test_vault import IDENTITY
words, author = forms("many entries")[0], Author()
def fill(store):
    for _ in range(100):
        store.write(author.commit([(1 + i % 5, 1 + i % 97, bytes(200)) for i in range(1000)]))
        store.flush()
with Vault.create(Path(sys.argv[1]), words, IDENTITY, kdf=Kdf.CHEAP) as vault:
    vault.create_circle(CircleId(b"M" * 32), fill).close()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rekey.rekey(vault, words, kdf=Kdf.CHEAP)
    store = vault.open_circle(vault.circles[0])
    print(store.census()[1], store.size, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10)
    store.close()
"""


@pytest.mark.slow
def test_a_hundred_thousand_entries_in_little_memory(tmp_path: Path) -> None:
    assert sys.platform == "linux", resource.RUSAGE_SELF  # where ru_maxrss counts KiB
    done = subprocess.run(
        [sys.executable, "-c", MANY, str(tmp_path / "vault")], cwd=ROOT, capture_output=True, text=True, check=False,
        env=environment(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    entries, size, grown = map(int, done.stdout.split())
    assert entries == 100_000
    assert size > 30_000_000
    assert grown < 24 << 20  # caches of two connections, whatever the size
