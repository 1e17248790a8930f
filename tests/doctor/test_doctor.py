"""The doctor on simulated machines: every check, with good and bad results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio

from cellsync.doctor import Finding, Grade, Subject, examine
from cellsync.doctor.clock import clock
from cellsync.doctor.copies import copied_folder
from cellsync.doctor.daemons import daemon
from cellsync.doctor.disk import MB, disk_space
from cellsync.doctor.files import profile_folder, vault_folder
from cellsync.doctor.memory import core_dumps, memory
from cellsync.doctor.mounts import file_system
from cellsync.doctor.network import network, vpn
from cellsync.doctor.subject import Visit
from cellsync.doctor.swap import swap
from tests.doctor.machines import HERE, Look, one, write

LOOKS: tuple[Look, ...] = (
    profile_folder, vault_folder, file_system, copied_folder, disk_space, clock, swap, core_dumps, memory, network, vpn,
)  # fmt: skip


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.__name__)
def test_all_is_well(look: Look, visit: Visit) -> None:
    found = one(look, visit)
    assert (found.grade, found.hint) == (Grade.GOOD, "")


@pytest.mark.parametrize("look", [profile_folder, vault_folder])
def test_folders_that_others_can_enter(look: Look, visit: Visit) -> None:
    folder = visit.subject.profile if look is profile_folder else visit.subject.vault
    folder.chmod(0o750)
    found = one(look, visit)
    assert (found.grade, found.hint.startswith("chmod -R go= ")) == (Grade.BAD, True)
    folder.chmod(0o700)
    next(file for file in folder.iterdir() if file.is_file()).chmod(0o640)
    assert one(look, visit).grade is Grade.BAD
    assert one(look, visit, user=lambda: 12345).hint.startswith("sudo chown -R")


def test_a_profile_that_is_not_there(visit: Visit, tmp_path: Path) -> None:
    nowhere = visit._replace(subject=Subject(tmp_path / "no", tmp_path / "no" / "vault"))
    assert "cellsync init" in one(profile_folder, nowhere).hint
    assert vault_folder(nowhere) == []


@pytest.mark.parametrize(
    ("kind", "grade"),
    [
        ("nfs4", Grade.WARNING), ("cifs", Grade.WARNING), ("vfat", Grade.BAD), ("exfat", Grade.BAD),
        ("tmpfs", Grade.WARNING), ("marsfs", Grade.UNKNOWN), ("btrfs", Grade.GOOD),
    ],
)  # fmt: skip
def test_file_systems(kind: str, grade: Grade, visit: Visit) -> None:
    write(visit.machine.root / "proc/self/mountinfo", f"1 0 8:1 / / rw - {kind} /dev/x rw\n")
    assert one(file_system, visit).grade is grade


@pytest.mark.parametrize("name", ["Dropbox", "OneDrive - Work", "Nextcloud"])
def test_folders_that_are_copied(name: str, visit: Visit, tmp_path: Path) -> None:
    folder = tmp_path / name / "profile"
    found = one(copied_folder, visit._replace(subject=Subject(folder, folder / "vault")))
    assert (found.grade, "fork" in found.text) == (Grade.WARNING, True)


@pytest.mark.parametrize(
    ("free", "grade"), [(49, Grade.BAD), (50, Grade.WARNING), (499, Grade.WARNING), (500, Grade.GOOD)]
)
def test_room_on_the_disk(free: int, grade: Grade, visit: Visit) -> None:
    assert one(disk_space, visit, free=lambda _: free * MB).grade is grade


def test_clocks(visit: Visit) -> None:
    assert one(clock, visit, now=lambda: 0.0).grade is Grade.BAD
    assert one(clock, visit, is_synchronised=lambda: False).grade is Grade.WARNING
    assert one(clock, visit, is_synchronised=lambda: None).grade is Grade.UNKNOWN
    write(visit.machine.root / "run/systemd/timesync/synchronized", "")
    assert one(clock, visit, is_synchronised=lambda: False).grade is Grade.GOOD
    assert one(clock, visit, system="darwin").grade is Grade.UNKNOWN


def test_swap(visit: Visit) -> None:
    root = visit.machine.root
    for area, grade in (
        ("/dev/sda2 partition", Grade.WARNING), ("/dev/zram0 partition", Grade.GOOD),
        ("/dev/dm-1 partition", Grade.WARNING), ("/swapfile file", Grade.UNKNOWN),
    ):  # fmt: skip
        write(root / "proc/swaps", f"Filename Type Size\n{area} 1\n")
        assert one(swap, visit).grade is grade, area
    write(root / "proc/swaps", "Filename Type Size\n/dev/dm-1 partition 1\n")
    write(root / "sys/block/dm-1/dm/uuid", "CRYPT-LUKS2-…")
    assert one(swap, visit).grade is Grade.GOOD


def test_memory(visit: Visit) -> None:
    assert one(memory, visit, is_dumpable=lambda: True).grade is Grade.WARNING
    write(visit.machine.root / "proc/sys/kernel/yama/ptrace_scope", "1\n")
    assert one(memory, visit, is_dumpable=lambda: True).grade is Grade.GOOD
    assert one(core_dumps, visit, is_dumpable=lambda: True, core_limit=lambda: 1).grade is Grade.WARNING
    write(visit.machine.root / "proc/sys/kernel/core_pattern", "|/usr/lib/crash\n")
    assert "hands cellsync's memory" in one(core_dumps, visit, is_dumpable=lambda: True).text


def test_networks(visit: Visit) -> None:
    assert one(network, visit, present=lambda _: ()).text == "There is no network."
    chosen = visit._replace(subject=visit.subject._replace(interfaces=("10.0.0.1",)))
    found = one(network, chosen, present=lambda choice: (HERE,) if choice == "all" else ())
    assert "may use are not on this device" in found.text
    assert one(vpn, visit, ways_out=lambda: frozenset({"wg0"})).grade is Grade.WARNING


def test_whether_a_daemon_runs(visit: Visit) -> None:
    for runs, findings in ((None, 0), (True, 0), (False, 1)):
        assert len(daemon(visit._replace(subject=visit.subject._replace(daemon=runs)))) == findings
    none = visit._replace(subject=visit.subject._replace(daemon=False))
    read_only = none.machine._replace(is_read_only=lambda _: True)
    assert daemon(none._replace(machine=read_only)) == []  # where none could run


def test_an_examination_never_fails(visit: Visit) -> None:
    def fault() -> Any:
        raise OSError("/home/somebody/secret")

    broken = visit.machine._replace(is_synchronised=fault, ways_out=fault, is_dumpable=fault)

    async def look() -> list[Finding]:
        return await examine(visit.subject, listen_seconds=0.1, machine=broken)

    found = {one.check: one for one in trio.run(look)}
    for check in ("clock", "vpn", "memory", "core_dumps"):
        assert found[check].grade is Grade.UNKNOWN
        assert "OSError" in found[check].text
    assert found["disk_space"].grade is Grade.GOOD
    assert all("secret" not in one.text + one.hint for one in found.values())
    assert found["lan_blocked"].text == "Did not listen for other devices: LAN discovery is off here."


def test_nothing_of_anybody_is_said(visit: Visit) -> None:
    visit.subject.profile.chmod(0o755)
    found = one(profile_folder, visit)
    assert str(visit.subject.profile) not in found.hint
    assert str(visit.subject.profile) in one(profile_folder, visit._replace(redact=False)).hint
    assert "192.168" not in one(network, visit).text
    assert "192.168" in one(network, visit._replace(redact=False)).text
