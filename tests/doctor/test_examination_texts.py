"""The texts of the checks, word for word, and their corner cases."""

from __future__ import annotations

import os
import socket
from hashlib import blake2b
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import trio

from cellsync.cell.clocks import OtherClock
from cellsync.core.crypto import labels
from cellsync.core.ids import CircleId, SessionSecret, SigningSecret
from cellsync.core.versions import Versions
from cellsync.doctor import Finding, Grade, OtherDevice, Subject, examination, examine
from cellsync.doctor.clock import clock, other_clocks
from cellsync.doctor.copies import copied_folder
from cellsync.doctor.daemons import daemon
from cellsync.doctor.disk import MB, disk_space
from cellsync.doctor.files import profile_folder, vault_folder
from cellsync.doctor.machine import Machine
from cellsync.doctor.memory import core_dumps, memory
from cellsync.doctor.mounts import file_system
from cellsync.doctor.network import network, vpn
from cellsync.doctor.shown import shown
from cellsync.doctor.subject import Visit
from cellsync.doctor.swap import swap
from cellsync.doctor.vault import BACK, vault_header
from cellsync.doctor.versions import versions
from cellsync.store.passphrases import forms
from cellsync.store.vault import Identity, Kdf, Vault
from tests.doctor.machines import HERE, Look, one, write
from tests.patience import PATIENCE

SWAPS = "Filename Type Size Used Priority\n"


def saying(visit: Visit, **subject: Any) -> Visit:
    return visit._replace(subject=visit.subject._replace(**subject))


# --- the vault ---------------------------------------------------------------------------------------


def test_the_vaults_header(tmp_path: Path, visit: Visit) -> None:
    folder = tmp_path / "made"
    identity = Identity(SigningSecret(b"S" * 32), SessionSecret(b"X" * 32), "Iryna")
    with Vault.create(folder, forms("four random words")[0], identity, kdf=Kdf.CHEAP) as vault:
        vault.create_circle(CircleId(b"M" * 32)).close()
    at = saying(visit, vault=folder)
    assert vault_header(at) == [Finding("vault", Grade.GOOD, "The vault's header is whole.", "")]

    for path in folder.iterdir():
        if path.name != "vault":
            path.unlink()
    assert one(vault_header, at)[1:] == (Grade.BAD, "The vault's database is missing.", BACK)
    content = (folder / "vault").read_bytes()
    for damaged in (content[:-1], content[:100] + bytes([content[100] ^ 1]) + content[101:], b"", b"a letter"):
        (folder / "vault").write_bytes(damaged)
        said = "The vault's header is damaged: no passphrase opens it."
        assert one(vault_header, at)[1:] == (Grade.BAD, said, BACK)
    newer = content[:9] + b"\x09" + content[10:-32]
    check = blake2b(newer, digest_size=32, person=labels.VAULT_CHECK).digest()
    (folder / "vault").write_bytes(newer + check)
    assert one(vault_header, at).text == "The vault was written by a newer cellsync."
    (folder / "vault").unlink()
    assert vault_header(at) == []


# --- folders ---------------------------------------------------------------------------------------


def test_folders(visit: Visit, tmp_path: Path) -> None:
    profile, vault = visit.subject.profile, visit.subject.vault
    assert one(profile_folder, visit).text == "Only you can open the profile's folder."
    assert one(vault_folder, visit).text == "Only you can open the vault's folder."

    (vault / "vault").chmod(0o604)
    assert one(profile_folder, visit).grade is Grade.GOOD  # what is wrong with the vault is said of the vault
    assert one(vault_folder, visit)[1:] == (
        Grade.BAD, "Some files of the vault are open to other users of this machine.", "chmod -R go= PROFILE/vault",
    )  # fmt: skip
    vault.chmod(0o710)
    assert one(vault_folder, visit)[1:] == (
        Grade.BAD, "Other users of this machine can look into the vault's folder.", "chmod -R go= PROFILE/vault",
    )  # fmt: skip
    profile.chmod(0o500)
    assert one(profile_folder, visit)[1:] == (
        Grade.BAD, "The profile's folder cannot be read or written.", "chmod u+rwx PROFILE",
    )  # fmt: skip
    profile.chmod(0o700)
    assert one(profile_folder, visit, user=lambda: 12345)[1:] == (
        Grade.BAD, "The profile's folder belongs to another user of this machine.",
        'sudo chown -R "$(id -un)" PROFILE',
    )  # fmt: skip


def test_the_hint_repairs_it(visit: Visit) -> None:
    vault = visit.subject.vault
    vault.chmod(0o755)
    (vault / "vault").chmod(0o666)
    found = one(vault_folder, visit._replace(redact=False))
    assert os.system(found.hint) == 0  # noqa: S605
    assert one(vault_folder, visit).grade is Grade.GOOD
    assert (vault / "vault").stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_files_of_somebody_else(visit: Visit) -> None:
    os.chown(visit.subject.profile / "settings.json", 12345, -1)
    assert one(profile_folder, visit)[1:] == (
        Grade.BAD, "Some files of the profile belong to another user of this machine.",
        'sudo chown -R "$(id -un)" PROFILE',
    )  # fmt: skip


def test_a_link_has_no_permissions_of_its_own(visit: Visit) -> None:
    (visit.subject.profile / "link").symlink_to("settings.json")
    assert one(profile_folder, visit).grade is Grade.GOOD


def test_folders_that_are_missing_or_something_else(visit: Visit, tmp_path: Path) -> None:
    begin = "cellsync init CELL, or to enter a cell that exists: cellsync join"
    nowhere = saying(visit, profile=tmp_path / "no")
    assert one(profile_folder, nowhere)[1:] == (Grade.WARNING, "There is no profile here yet.", begin)
    empty = saying(visit, vault=visit.subject.profile / "no")
    assert one(vault_folder, empty)[1:] == (Grade.WARNING, "There is no vault here yet.", begin)
    file = saying(visit, vault=visit.subject.profile / "settings.json")
    assert one(vault_folder, file)[1:] == (
        Grade.BAD, "Where the vault's folder should be is something else.",
        "Look what it is: ls -ld PROFILE/settings.json",
    )  # fmt: skip


def test_how_folders_are_named(visit: Visit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "my data"))
    usual = saying(visit, profile=tmp_path / "my data" / "cellsync")
    assert usual.named(usual.subject.profile / "vault").startswith("~/")
    assert str(tmp_path) not in usual.named(usual.subject.profile)
    elsewhere = saying(visit, profile=Path("/media/ana's stick"))
    assert elsewhere.named(Path("/media/ana's stick/vault")) == "PROFILE/vault"
    assert elsewhere.named(Path("/srv/mill-street")) == "VAULT"
    assert elsewhere._replace(redact=False).named(Path("/media/ana's stick")) == "'/media/ana'\"'\"'s stick'"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("ext4", "The vault is on this machine's own file system (ext4)."),
        ("fuse.sshfs", "The vault is on a network file system (fuse.sshfs), where locks may not hold."),
        ("9p", "The vault is on a network file system (9p), where locks may not hold."),
        ("vfat", "The vault is on a file system without permissions (vfat): all users can read it."),
        ("tmpfs", "The vault is in memory only (tmpfs): it is gone when this machine restarts."),
        ("marsfs", "The vault is on a file system that cellsync does not know (marsfs)."),
    ],
)
def test_file_systems(kind: str, text: str, visit: Visit) -> None:
    profile = os.path.realpath(visit.subject.profile).replace("/profile", "/pro\\146ile")
    mounts = (
        "22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n"
        f"23 22 8:2 / {profile} rw shared:2 master:1 - {kind} /dev/sdb1 rw\n"
        f"24 22 8:3 / {profile}s rw - nfs server:/ rw\n"
    )
    write(visit.machine.root / "proc/self/mountinfo", mounts)
    found = one(file_system, visit)
    assert found.text == text
    assert found.hint.startswith("cellsync daemon stop") == (found.grade in (Grade.WARNING, Grade.BAD))


def test_a_mount_over_another_and_two_folders_on_two_file_systems(visit: Visit) -> None:
    profile = os.path.realpath(visit.subject.profile)
    mounts = (
        "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
        f"2 1 8:2 / {profile}/vault rw - nfs server:/ rw\n"
        f"3 2 8:3 / {profile}/vault rw - vfat /dev/sdc1 rw\n"
    )
    write(visit.machine.root / "proc/self/mountinfo", mounts)
    assert [found.grade for found in file_system(visit)] == [Grade.GOOD, Grade.BAD]
    (visit.machine.root / "proc/self/mountinfo").unlink()
    assert one(file_system, visit)[1:] == (
        Grade.UNKNOWN, "On this system cellsync cannot tell which file system the vault is on.", "",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("folder", "program"),
    [
        ("Dropbox (Personal)", "Dropbox"),
        ("OneDrive - Mill Street", "OneDrive"),
        ("Google Drive", "Google Drive"),
        ("Library/Mobile Documents/com~apple~CloudDocs", "iCloud"),
        ("Library/CloudStorage/Box-Box", "A cloud program"),
        ("Nextcloud", "Nextcloud"),
        ("Yandex.Disk", "Yandex.Disk"),
    ],
)
def test_folders_that_a_cloud_program_copies(folder: str, program: str, visit: Visit, tmp_path: Path) -> None:
    there = tmp_path / folder / "profile"
    text = f"{program} copies the profile's folder: copies of a vault that are used twice fork."
    assert one(copied_folder, saying(visit, profile=there, vault=there / "vault")).text == text
    there.parent.mkdir(parents=True)
    (tmp_path / "link").symlink_to(there.parent)
    linked = tmp_path / "link" / "profile"
    assert one(copied_folder, saying(visit, profile=linked, vault=linked / "vault")).text == text


@pytest.mark.parametrize(("mark", "program"), [(".stfolder", "Syncthing"), (".dropbox", "Dropbox")])
def test_folders_that_a_program_has_marked(mark: str, program: str, visit: Visit, tmp_path: Path) -> None:
    assert one(copied_folder, visit).text == "No cloud program seems to copy the profile's folder."
    (tmp_path / mark).mkdir()
    assert one(copied_folder, visit).text.startswith(f"{program} copies the profile's folder")


def test_room(visit: Visit) -> None:
    assert one(disk_space, visit).text == "There is room on the disk."
    assert one(disk_space, visit, free=lambda _: 49 * MB).text == "Only 49 MB are free on the disk."
    vault = visit.subject.vault
    found = one(disk_space, visit, is_read_only=lambda path: path == vault)
    assert (found.grade, found.text) == (
        Grade.WARNING, "The disk is read-only: the cell can be read there, and nothing else."
    )  # fmt: skip
    found = one(disk_space, visit, free=lambda path: 60 * MB if path == vault else 900 * MB)
    assert (found.grade, found.text) == (Grade.WARNING, "Only 60 MB are free on the disk.")
    # A folder that is not there yet would be made where its first parent is.
    missing = saying(visit, vault=vault / "not" / "yet")
    assert one(disk_space, missing, free=lambda path: 1 if path == vault else 900 * MB).grade is Grade.BAD


# --- the machine -----------------------------------------------------------------------------------


def test_versions_of_others(visit: Visit) -> None:
    def said(*others: Versions | None, redact: bool = True) -> list[tuple[Grade, str]]:
        known = [OtherDevice("Ben", True, versions=one) for one in others]
        looked = saying(visit, others=known, versions=Versions(2, 2))._replace(redact=redact)
        return [(one.grade, one.text) for one in versions(looked)]

    assert [grade for grade, _ in said() + said(None)] == [Grade.UNKNOWN] * 2
    common = "This cellsync has a version of the protocol in common with"
    assert said(None, Versions(1, 3)) == [(Grade.GOOD, f"{common} the other device that was met (version 2 here).")]
    assert said(Versions(2, 2), Versions(2, 3)) == [
        (Grade.GOOD, f"{common} the 2 other devices that were met (version 2 here).")
    ]
    older = "The cellsync of Known device 2 is older: it speaks version 1 of the protocol, and this one version 2."
    assert said(None, Versions(1, 1)) == [(Grade.BAD, older)]
    newer = "The cellsync of Ben is newer: it speaks versions 3 to 4 of the protocol, and this one version 2."
    assert said(Versions(3, 4), Versions(2, 2), redact=False) == [(Grade.BAD, newer)]


def test_clocks_of_others(visit: Visit) -> None:
    """It measures against the devices that it knows, says whose differs, and says so when there was none."""

    def device(ahead: float | None, connected: bool = True, measured: bool = True) -> OtherDevice:
        return OtherDevice("Ben", connected, (), None if ahead is None else OtherClock(ahead, measured))

    def said(*others: OtherDevice, ahead: float | None = None, redact: bool = True) -> list[tuple[Grade, str]]:
        looked = saying(visit, others=others, others_ahead=ahead)._replace(redact=redact)
        return [(one.grade, one.text) for one in other_clocks(looked)]

    alone = [(Grade.UNKNOWN, "There was no other device to measure this machine's clock against.")]
    assert said() == said(device(None)) == alone
    assert said(device(0.4)) == [
        (Grade.GOOD, "This machine's clock agrees with the other device measured, within 1 s.")
    ]
    assert said(device(2), device(None), device(-9)) == [
        (Grade.GOOD, "This machine's clock agrees with the 2 other devices measured, within 9 s.")
    ]
    assert said(device(None), device(3 * 86_400)) == [
        (Grade.WARNING, "The clock of Known device 2 is 3 days ahead of this machine's.")
    ]
    assert said(device(-7_200, False), redact=False) == [
        (Grade.WARNING, "The clock of Ben was, when last met, 2 hours behind this machine's.")
    ]
    assert said(device(-7_200, False, False), redact=False) == [
        (Grade.WARNING, "The clock of Ben seems to be 2 hours behind this machine's.")
    ]
    assert said(device(3_600), device(3_601), ahead=3_600) == [
        (Grade.BAD, "This machine's clock is 60 minutes behind the clocks of the others (2 measured).")
    ]
    assert said(device(0), device(3_600), ahead=0) == [
        (Grade.WARNING, "The clock of Known device 2 is 60 minutes ahead of this machine's.")
    ]


def test_clock(visit: Visit) -> None:
    right, wrong = "The clock is kept right by the network.", "This machine's clock is wrong: it shows a day before"
    agree = "Devices find each other at once only while their clocks agree within five minutes."
    assert one(clock, visit).text == right
    assert one(clock, visit, now=lambda: 0.0).text == f"{wrong} this version was made."
    assert one(clock, visit, now=lambda: 0.0).hint == f"sudo date --set 'YYYY-MM-DD HH:MM'. {agree}"
    assert one(clock, visit, now=lambda: 0.0, system="darwin").hint == f"Set date and time. {agree}"
    assert one(clock, visit, is_synchronised=lambda: False)[1:] == (
        Grade.WARNING, "The clock is not kept right by the network.", f"sudo timedatectl set-ntp true. {agree}",
    )  # fmt: skip
    assert (
        one(clock, visit, is_synchronised=lambda: None).text == "This system does not say whether its clock is right."
    )
    text = "On this system cellsync cannot tell whether the clock is right."
    assert one(clock, visit, system="darwin").text == text


def test_swap(visit: Visit) -> None:
    root = visit.machine.root

    def areas(*lines: str) -> Finding:
        write(root / "proc/swaps", SWAPS + "".join(f"{line} 1024 0 -2\n" for line in lines))
        return one(swap, visit)

    assert areas().text == "There is no swap."
    assert areas("/dev/zram0 partition").text == "Swap is encrypted, or stays in memory."
    assert areas("/dev/zram0 partition", "/dev/sda2 partition")[1:] == (
        Grade.WARNING, "Swap is not encrypted: keys may end up on the disk.",
        "sudo swapoff -a, until this machine's disk is encrypted",
    )  # fmt: skip
    assert areas("/swap\\040file file")[1:3] == (
        Grade.UNKNOWN, "Swap is a file: it is only as safe as the disk that it is on.",
    )  # fmt: skip
    assert areas("/swapfile file", "/dev/sda2 partition").grade is Grade.WARNING
    assert one(swap, visit, system="darwin").text == "This system encrypts its swap."
    text = "On this system cellsync cannot tell whether swap is encrypted."
    assert one(swap, visit, system="freebsd").text == text


def test_swap_on_devices_made_of_devices(visit: Visit) -> None:
    """A logical volume inside an encrypted partition, as installers make it, is encrypted; over two, both must be."""
    root = visit.machine.root
    write(root / "sys/block/dm-1/dm/uuid", "LVM-0123\n")
    write(root / "sys/block/dm-1/slaves/dm-0", "")
    write(root / "sys/block/dm-0/dm/uuid", "CRYPT-LUKS2-0123\n")
    (root / "dev/mapper").mkdir(parents=True)
    (root / "dev/mapper/group-swap").symlink_to("../dm-1")
    for name in ("/dev/dm-1", "/dev/mapper/group-swap"):
        write(root / "proc/swaps", f"{SWAPS}{name} partition 1024 0 -2\n")
        assert one(swap, visit).grade is Grade.GOOD
    write(root / "sys/block/dm-1/slaves/sdb1", "")
    assert one(swap, visit).grade is Grade.WARNING


def test_memory(visit: Visit) -> None:
    assert one(core_dumps, visit).text == "A crash leaves nothing of cellsync's memory on the disk."
    assert one(core_dumps, visit, is_dumpable=lambda: None).grade is Grade.GOOD  # the limit is 0
    assert one(core_dumps, visit, is_dumpable=lambda: True, core_limit=lambda: -1)[1:] == (
        Grade.WARNING, "After a crash this system writes cellsync's memory to the disk.",
        "ulimit -c 0, in the shell that starts cellsync",
    )  # fmt: skip
    write(visit.machine.root / "proc/sys/kernel/core_pattern", "|/usr/lib/crash\n")
    assert one(core_dumps, visit, is_dumpable=lambda: True)[1:] == (
        Grade.WARNING, "After a crash this system hands cellsync's memory to a program that reports crashes.",
        "sudo sysctl kernel.core_pattern='|/bin/false'",
    )  # fmt: skip
    assert one(memory, visit).text == "Other programs of this user cannot read cellsync's memory."
    write(visit.machine.root / "proc/sys/kernel/yama/ptrace_scope", "0\n")
    assert one(memory, visit, is_dumpable=lambda: True)[1:] == (
        Grade.WARNING, "Other programs of this user can read cellsync's memory.",
        "sudo sysctl kernel.yama.ptrace_scope=1",
    )  # fmt: skip
    text = "On this system cellsync cannot tell whether other programs can read its memory."
    assert one(memory, visit, is_dumpable=lambda: None).text == text


def test_running(visit: Visit) -> None:
    assert daemon(saying(visit, daemon=False)) == [
        Finding(
            "daemon", Grade.WARNING,
            "No daemon runs: this device is in step with the others only while a command works.",
            "cellsync daemon run, or at every login: cellsync daemon install",
        )
    ]  # fmt: skip


# --- the network -----------------------------------------------------------------------------------


def test_network(visit: Visit) -> None:
    assert one(network, visit).text == "This device is on a network."
    assert one(network, visit._replace(redact=False)).text == "This device is on a network: 192.168.1.20."


def test_whether_others_find_this_device(visit: Visit) -> None:
    asked = visit.subject._replace(mode="asked")
    assert one(shown, visit._replace(subject=asked)).grade is Grade.GOOD
    never = one(shown, visit._replace(subject=asked._replace(hidden_by_members=True)))
    assert (never.grade, never.text[:27]) == (Grade.WARNING, "The members have chosen tha")
    off = one(shown, visit)
    assert (off.grade, off.text[:19]) == (Grade.WARNING, "By its own settings")
    assert "cellsync peers add" in never.hint == off.hint
    assert one(network, visit, present=lambda _: ())[1:] == (
        Grade.BAD, "There is no network.", "Join a Wi-Fi, plug in a cable, or use a phone's hotspot.",
    )  # fmt: skip
    chosen = saying(visit, interfaces=("10.0.0.1",))
    text = "The addresses that cellsync may use are not on this device now."
    hint = "cellsync daemon run --interface ADDRESS, with an address that this device has now"
    moved = {"present": lambda choice: (HERE,) if choice == "all" else ()}
    assert one(network, chosen, **moved)[1:] == (Grade.BAD, text, f"{hint}.")
    assert one(network, chosen._replace(redact=False), **moved).hint == f"{hint}: 192.168.1.20."
    assert one(network, chosen, present=lambda _: ()).text == "There is no network."


@pytest.mark.parametrize("name", ["tun0", "tap1", "wg0", "wg-mullvad", "utun4", "nordlynx", "proton0"])
def test_vpns(name: str, visit: Visit) -> None:
    assert one(vpn, visit, ways_out=lambda: frozenset({"eth0", name}))[1:] == (
        Grade.WARNING, "A VPN carries this machine's traffic: it may hide the devices next to you.",
        "Allow access to the local network in the VPN's settings; it can stay on.",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["eth0", "wlan0", "wlp3s0", "en0", "wwan0", "ppp0", "br0"])
def test_what_is_no_vpn(name: str, visit: Visit) -> None:
    assert one(vpn, visit, ways_out=lambda: frozenset({name})).text == "No VPN hides the devices next to you."


# --- the examination -------------------------------------------------------------------------------


async def test_what_hangs_is_left_behind(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server of files that went away: whoever looks there hangs."""
    monkeypatch.setattr(examination, "MORE_SECONDS", 0.2)
    back = Event()

    def hang(_: Path) -> int:
        back.wait(PATIENCE)
        return 0

    try:
        with trio.fail_after(PATIENCE):
            found = await examine(visit.subject, listen_seconds=0.1, machine=visit.machine._replace(free=hang))
    finally:
        back.set()
    [disk] = [one for one in found if one.check == "disk_space"]
    assert disk[1:] == (Grade.UNKNOWN, "This could not be checked: disk_space (TooSlowError).", "")


async def test_what_fails_inside_a_group_is_named(visit: Visit) -> None:
    async def look(_: Visit) -> list[Finding]:
        async with trio.open_nursery():
            raise PermissionError("/home/somebody")

    found: list[Finding] = []
    await examination._note("lan_blocked", look, visit, found)
    assert found == [
        Finding("lan_blocked", Grade.UNKNOWN, "This could not be checked: lan_blocked (PermissionError).", "")
    ]


async def test_findings_come_in_the_order_of_the_table(visit: Visit) -> None:
    found = await examine(visit.subject._replace(daemon=False), listen_seconds=0.1, machine=visit.machine)
    assert [one.check for one in found] == [check for check, _ in examination.CHECKS]


async def test_on_the_machine_that_this_is(tmp_path: Path) -> None:
    """Nothing of it is known, but that every check comes to an end and says nothing of anybody."""
    found = await examine(Subject(tmp_path, tmp_path / "vault", mode="off"), listen_seconds=0.1)
    assert {one.check for one in found} >= {check for check, _ in examination.CHECKS} - {"daemon", "vault"}
    for finding in found:
        assert finding.text.endswith(".")
        assert not any(known in str(finding) for known in (str(tmp_path), f" {socket.gethostname()} "))
        assert "could not be checked" not in finding.text
    assert Machine().is_synchronised() in (True, False, None)


@pytest.mark.parametrize("look", [profile_folder, vault_folder, file_system, copied_folder, swap])
def test_checks_change_nothing(look: Look, visit: Visit) -> None:
    before = [(path, path.lstat().st_mode) for path in visit.subject.profile.parent.rglob("*")]
    look(visit)
    assert [(path, path.lstat().st_mode) for path in visit.subject.profile.parent.rglob("*")] == before
