"""A disk that fills: a clear error, nothing lost, and work continues as soon as there is space."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from cellsync.core.errors import DiskFull
from cellsync.core.ids import DatabaseKey
from cellsync.store.sqlite import SqliteStore
from tests.end_to_end.devices import PASSPHRASE, Device, Refused, Workshop, agree, check_vault
from tests.patience import wait_until
from tests.store.commits import Author

FILE_SYSTEM = 12 << 20
LEFT = 64 << 10  # bytes of space when it is nearly full


class Disk:
    """A small file system with some ballast on it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def fill(self, left: int = 0) -> None:
        with self._ballast.open("ab", buffering=0) as ballast:
            room = shutil.disk_usage(self.path).free - left
            if room > 0:
                ballast.write(bytes(room))

    def free(self) -> None:
        self._ballast.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    if os.geteuid() != 0:
        pytest.fail("this test mounts a small file system and needs root: run it with sudo")
    mounted = tmp_path / "disk"
    mounted.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={FILE_SYSTEM},mode=700", "tmpfs", str(mounted)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.fail(f"mounting a tmpfs failed ({done.stderr.strip()}): run it with sudo, outside a container")
    yield Disk(mounted)
    # lazily: a test that failed may leave a process with open files for a moment
    subprocess.run(["umount", "--lazy", str(mounted)], check=True)


def write_until_full(device: Device) -> str:
    """Cases until one is refused; the message."""
    for number in range(10_000):
        refused = device.refusal(device.send("create", title=f"{number} {'long ' * 300}"))
        if refused is not None:
            assert refused.code == "disk_full"
            assert refused.hint == "Free some space, then try again."
            return refused.message
    raise AssertionError("the disk did not fill")


@pytest.mark.e2e
def test_an_edit_on_a_full_disk(disk: Disk, workshop: Workshop) -> None:
    device = workshop.founded(folder=disk.path / "vault")
    case = device.ask("create", title="before")["case"]
    disk.fill(LEFT)
    assert write_until_full(device) == "The disk is full; the last change was not stored, everything before it was."
    held = device.ask("status")["entries"]
    with pytest.raises(Refused) as refused:
        device.ask("edit", case=case, line="long " * 5000)
    assert refused.value.code == "disk_full"
    assert device.ask("status")["entries"] == held
    read = device.ask("read", case=case)
    assert (read["title"], read["lines"]) == ("before", [])  # what was refused is not shown either

    disk.free()
    device.ask("edit", case=case, line="after")
    assert device.ask("read", case=case)["lines"] == ["after"]
    device.kill()
    assert check_vault(device.folder) == held + 1


@pytest.mark.e2e
def test_closed_and_opened_on_a_full_disk(disk: Disk, workshop: Workshop) -> None:
    device = workshop.founded(folder=disk.path / "vault")
    disk.fill(LEFT)
    write_until_full(device)
    held = device.ask("status")["entries"]
    disk.fill()
    device.ask("close")
    assert device.ask("open", passphrase=PASSPHRASE)["entries"] == held
    assert device.stop() == 0
    disk.free()
    assert check_vault(device.folder) == held


@pytest.mark.e2e
def test_the_log_takes_no_room_that_its_pages_need(disk: Disk) -> None:
    """Small commits fill nearly all of the disk; a log that was emptied by its size alone would stop at half of it."""
    key = DatabaseKey(bytes(32))
    store = SqliteStore.create(disk.path / "db", key)
    author, written = Author(), 0
    with suppress(DiskFull):
        while True:
            store.write(author.commit([(1, 1, bytes(1000))] * 40))
            store.flush()
            written += 40
    assert store.size > FILE_SYSTEM * 0.9
    assert [chain.length for chain in store.chains()] == [written]
    store.close()
    assert SqliteStore.open(disk.path / "db", key).size > FILE_SYSTEM * 0.9


@pytest.mark.e2e
def test_founding_on_a_full_disk(disk: Disk, workshop: Workshop) -> None:
    device = workshop.start("ana", folder=disk.path / "vault")
    disk.fill()
    with pytest.raises(Refused) as refused:
        device.ask("found", name="ana", circle="Mill Street", passphrase=PASSPHRASE)
    assert (refused.value.code, refused.value.message) == ("disk_full", "The disk is full: nothing was founded.")
    disk.free()
    device.ask("found", name="ana", circle="Mill Street", passphrase=PASSPHRASE)
    assert device.ask("open", passphrase=PASSPHRASE)["entries"] == 2


@pytest.mark.e2e
def test_the_disk_fills_during_catch_up(disk: Disk, workshop: Workshop) -> None:
    """It keeps what it has, tries again by itself, and completes when there is space."""
    ana = workshop.founded()
    ben = workshop.joined(ana, "ben", folder=disk.path / "vault")
    total = ana.ask("bulk", rows=500, times=12, size=400)["entries"]
    disk.fill(2 << 20)
    ben.ask("open", passphrase=PASSPHRASE)
    wait_until(lambda: ben.ask("status")["full"] > 1, "it runs into the full disk more than once")
    held = ben.ask("status")["entries"]
    assert held < total
    assert ben.lives
    ana.ask("create", title="the other one works on")
    disk.free()
    assert agree([ana, ben])["entries"] >= total + 1  # his first seal key may come to it
    ben.ask("create", title="and this one, too")
    agree([ana, ben])
    assert ben.stop() == 0
    assert check_vault(ben.folder) == total + 2
