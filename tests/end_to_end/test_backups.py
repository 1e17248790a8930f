"""A cell is backed up while it is in use, lost, put back and used; full and closed disks, and kills in between."""

from __future__ import annotations

import shutil
import signal
import subprocess
import threading
from functools import partial
from pathlib import Path

import pytest

from tests.end_to_end.devices import ROOT
from tests.end_to_end.imported import ana, imported
from tests.end_to_end.programs import PASSPHRASE, Program, pair, programs
from tests.end_to_end.test_disk_full import Disk, disk
from tests.patience import wait_until

__all__ = ["ana", "disk", "imported"]  # fixtures
pytestmark = pytest.mark.e2e

SAID = "Put back from the backup of "


def titles(one: Program) -> list[str]:
    return sorted(case["title"] for case in one.json("case", "list")["cases"])


def restored(folder: Path, backup: Path) -> Program:
    one = Program(folder, f"of {backup.name}")
    ran = one.run("restore", str(backup))
    assert ran.exit == 0, ran
    return one


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def holds(one: Program, expected: list[str]) -> bool:
    """Whether its daemon lists these."""
    return sorted(case["title"] for case in one.call("case.list")["cases"]) == expected


def begun(place: Path, part: Path, files: int) -> bool:
    """Whether there are so many files, or it is done."""
    return place.exists() or (part.exists() and len([path for path in part.rglob("*") if path.is_file()]) >= files)


def test_lost_put_back_and_used(tmp_path: Path) -> None:
    """Nobody notices, but for one sentence."""
    with programs(tmp_path, "ana", "ben") as [ana, ben]:
        ana.init()
        ana.start()
        pair(ana, ben)
        ben.start()
        ana.json("case", "new", "one")
        backup = tmp_path / "backup"
        ran = ana.run("backup", str(backup))
        assert ran.exit == 0
        assert ran.out.startswith("✓ Backed up: ")
        ana.json("case", "new", "two")
        assert ana.run("sync", "--wait").exit == 0
        port = (ana.profile.folder / "settings.json").read_bytes()
        ana.run("daemon", "stop")
        ana.ended()
        shutil.rmtree(ana.profile.folder)

        back = ana.run("restore", str(backup))
        assert back.exit == 0
        assert back.out.count(SAID) == 1
        assert (ana.profile.folder / "settings.json").read_bytes() == port
        ben.run("daemon", "stop")
        ben.ended()
        ana.start(unlocked=False)
        unlocked = ana.run("unlock")
        assert SAID in unlocked.out
        ana.json("case", "new", "three")  # before it has met anybody
        assert SAID not in ana.run("status").out
        ben.start()
        synced = ana.run("sync", "--wait")
        assert synced.exit == 0
        assert synced.out.startswith("ben  ✓ in step at ")
        for one in (ana, ben):
            wait_until(partial(holds, one, ["one", "three", "two"]), "all of it is everywhere")
            assert one.call("status")["flags"] == []


def test_merely_put_back_by_hand(tmp_path: Path, ana: Program) -> None:
    backup = tmp_path / "backup"
    assert ana.run("backup", str(backup)).exit == 0
    shutil.rmtree(ana.profile.folder)
    shutil.copytree(backup, ana.profile.folder)
    assert SAID in ana.run("status").out
    assert len(titles(ana)) == 500


def test_while_others_write(tmp_path: Path, ana: Program) -> None:
    """Each backup holds all that was acknowledged when it began, and nothing half-way."""
    ana.start()
    acknowledged: list[str] = []
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            acknowledged.append(ana.json("case", "new", f"case {len(acknowledged)}")["id"])

    writing = threading.Thread(target=write)
    writing.start()
    bounds = []
    try:
        wait_until(lambda: bool(acknowledged), "somebody writes")
        for number in range(3):
            before = len(acknowledged)
            assert ana.run("backup", str(tmp_path / f"backup {number}")).exit == 0
            bounds.append((before, len(acknowledged) + 1))
    finally:
        stop.set()
        writing.join()
    for number, (low, high) in enumerate(bounds):
        one = restored(tmp_path, tmp_path / f"backup {number}")
        held = {case["id"] for case in one.json("case", "list")["cases"]}
        assert 500 + low <= len(held) <= 500 + high
        assert set(acknowledged[:low]) <= held
    assert bounds[-1][0] > 0  # somebody did write


def test_killed_in_between(tmp_path: Path, ana: Program) -> None:
    """At any moment: there is a whole backup or none, and the next one goes through."""
    for number in range(4):
        place, part = tmp_path / f"backup {number}", tmp_path / f"backup {number}.incomplete"
        with ana.begin("backup", str(place)) as process:
            wait_until(partial(begun, place, part, number % 2), "it has begun")
            process.send_signal(signal.SIGKILL)
            process.communicate()
        if not place.exists():
            ran = Program(tmp_path, "nobody").run("restore", str(part))
            assert ran.exit != 0
            assert ana.run("backup", str(place)).exit == 0
        assert not part.exists()
        assert len(titles(restored(tmp_path, place))) == 500
    assert len(titles(ana)) == 500


def test_a_disk_without_room(disk: Disk, tmp_path: Path, ana: Program) -> None:
    disk.fill(200 << 10)
    place = disk.path / "backup"
    ran = ana.run("backup", str(place), "--json")
    assert (ran.exit, ran.json["error"]["code"]) == (1, "disk_full")
    assert ran.json["error"]["message"] == "There is not enough room there; what was written was deleted."
    assert left(disk.path) == ["ballast"]
    disk.free()
    assert ana.run("backup", str(place)).exit == 0  # another file system than the profile's
    disk.fill()
    assert len(titles(restored(tmp_path, place))) == 500
    assert left(disk.path) == ["backup", "ballast"]


def test_putting_back_where_there_is_no_room(disk: Disk, tmp_path: Path, ana: Program) -> None:
    assert ana.run("backup", str(tmp_path / "backup")).exit == 0
    disk.fill(200 << 10)
    one = Program(disk.path, "profile")
    ran = one.run("restore", str(tmp_path / "backup"), "--json")
    assert (ran.exit, ran.json["error"]["code"]) == (1, "disk_full")
    assert not one.profile.vault.exists()
    disk.free()
    assert one.run("restore", str(tmp_path / "backup")).exit == 0
    assert len(titles(one)) == 500


def test_a_disk_that_is_closed(disk: Disk, tmp_path: Path, ana: Program) -> None:
    """It takes nothing, and can be read."""
    assert ana.run("backup", str(disk.path / "backup")).exit == 0
    subprocess.run(["mount", "-o", "remount,ro", str(disk.path)], check=True)
    ran = ana.run("backup", str(disk.path / "another"), "--json")
    assert (ran.exit, ran.json["error"]["code"]) == (1, "not_writable")
    assert left(disk.path) == ["backup"]
    assert len(titles(restored(tmp_path, disk.path / "backup"))) == 500


def test_what_is_refused(tmp_path: Path, ana: Program) -> None:
    backup = tmp_path / "backup"
    assert ana.run("backup", str(backup)).exit == 0
    before = {path: path.read_bytes() for path in backup.rglob("*") if path.is_file()}
    ana.start()  # the same from a daemon
    for place, code in (
        (backup, "place_taken"), (ana.profile.folder / "x", "inside_vault"), (tmp_path / "no" / "x", "no_such_place")
    ):  # fmt: skip
        ran = ana.run("backup", str(place), "--json")
        assert (ran.exit, ran.json["error"]["code"]) == (2, code)
    assert ana.run("restore", str(backup), "--json").json["error"]["code"] == "vault_exists"
    ben = Program(tmp_path, "ben")
    assert ben.run("restore", str(backup), "--json", passphrase="wrong").exit == 3
    assert ben.run("restore", str(tmp_path), "--json").json["error"]["code"] == "vault_missing"
    ran = ben.run("restore", str(ana.profile.folder), "--json")  # it is open: no backup
    assert ran.json["error"]["code"] == "vault_in_use"
    assert not ben.profile.vault.exists()
    assert {path: path.read_bytes() for path in before} == before


def test_a_daemon_that_is_empty_puts_back(tmp_path: Path, ana: Program) -> None:
    assert ana.run("backup", "backup", cwd=tmp_path).exit == 0  # a relative name is the command's, not the daemon's
    with programs(tmp_path, "ben") as [ben]:
        ben.start(unlocked=False, cwd=ROOT)
        ran = ben.run("restore", "backup", cwd=tmp_path, passphrase=PASSPHRASE)
        assert ran.exit == 0, ran
        assert ben.state == "open"
        assert len(titles(ben)) == 500
