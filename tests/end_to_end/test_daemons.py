"""Daemons and commands as people use them: pairing, partitions, conflicts, kills, panic, other users, full disks."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from cellsync.cli.settlement import command
from cellsync.core.errors import CellsyncError
from cellsync.core.ids import Passphrase
from cellsync.store.vault import Vault
from tests.end_to_end.devices import ROOT, check_vault
from tests.end_to_end.programs import PASSPHRASE, Program, pair, programs
from tests.end_to_end.test_disk_full import Disk, disk
from tests.patience import PATIENCE, wait_until

__all__ = ["disk"]  # a fixture
pytestmark = pytest.mark.e2e

TABLE = ROOT / "cellsync" / "casework" / "data" / "cases.csv"
CANARY = "Canary Wharfinger"


@pytest.fixture
def ana(tmp_path: Path) -> Iterator[Program]:
    """A cell, and its daemon, open."""
    with programs(tmp_path, "ana") as [one]:
        one.init()
        one.start()
        yield one


def same(*among: Program) -> bool:
    listed = [one.json("case", "list", "--all")["cases"] for one in among]
    return all(sorted(map(str, one)) == sorted(map(str, listed[0])) for one in listed)


# --- together ------------------------------------------------------------------------------------------------


def test_three_devices_a_partition_and_a_conflict(tmp_path: Path) -> None:
    with programs(tmp_path, "ana", "ben", "vera") as [ana, ben, vera]:
        ana.init()
        ana.start()
        for other in (ben, vera):
            pair(ana, other)
            other.start()
        case = ana.json("case", "new", "12 Mill St", "--set", "status=active")["id"]
        for other in (ben, vera):
            other.run("sync")
            assert other.json("case", "list")["cases"][0]["title"] == "12 Mill St"

        assert ben.run("daemon", "stop").exit == 0
        assert ben.ended() == 0
        ana.json("case", "edit", case[:8], "--set", "status=pending", "--append", "timeline=Ana's line")
        ben.json("case", "edit", "mill", "--set", "status=closed", "--append", "timeline=Ben's line")
        assert ben.json("status")["only_here"] == 1
        ben.start()
        assert ben.run("sync", "--wait", "--timeout", "20").exit == 0
        assert ben.call("status")["only_here"] == 0
        conflicts: list[Any] = []
        for one in (ana, ben):
            shown = one.json("case", "show", case)
            conflicts = shown["conflicts"]
            [conflict] = conflicts
            assert {(value["text"], value["author"]) for value in conflict["values"]} == {
                ("pending", "ana"), ("closed", "ben"),
            }  # fmt: skip
            [timeline] = [field for field in shown["fields"] if field["name"] == "timeline"]
            assert len(timeline["items"]) == 2
        settle = shlex.split(command(case, conflicts[0]))
        assert settle[0] == "cellsync"
        assert ana.run(*settle[1:]).exit == 0
        for one in (ana, vera, ben):
            one.run("sync")
            assert one.json("case", "show", case)["conflicts"] == []
        assert same(ana, ben, vera)


# --- ends ----------------------------------------------------------------------------------------------------


ROWS = 2_500


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """One that takes seconds to import."""
    made = tmp_path / "cases.csv"
    rows = [f"VR-{number},Name {number},active,A line about number {number}" for number in range(ROWS)]
    made.write_text("\n".join(["external_id,name,status,note", *rows]) + "\n")
    return made


def until_imported(one: Program, rows: int) -> int:
    """Wait until so many rows of an import are durable; how many there were."""
    there = 0
    began = time.monotonic()
    while there < rows:
        assert time.monotonic() - began < PATIENCE, "the import never came so far"
        there = one.call("status")["cases"]
    return there


@pytest.mark.parametrize("rows", [pytest.param(50, marks=pytest.mark.slow), 600])
def test_killed_in_the_middle_of_an_import(ana: Program, table: Path, rows: int) -> None:
    """What was imported stays, the same command again does the rest, and nothing is there twice."""
    importing = ana.begin("case", "import", str(table), "--json")
    confirmed = until_imported(ana, rows)
    ana.send(signal.SIGKILL)
    out, err = importing.communicate(timeout=PATIENCE)
    assert importing.returncode == 8, (out, err)
    assert "cellsync daemon run" in err
    ana.stop()
    ana.start()
    again = ana.json("case", "import", str(table))
    assert 0 < again["created"] <= ROWS - confirmed
    assert again["created"] + again["unchanged"] + again["updated"] == ROWS
    assert ana.call("status")["cases"] == ROWS
    changes = ana.call("status")["changes"]
    assert ana.json("case", "import", str(table))["unchanged"] == ROWS
    assert ana.call("status")["changes"] == changes


def test_ctrl_c_ends_an_import_in_the_daemon_and_says_what_it_wrote(ana: Program, table: Path) -> None:
    importing = ana.begin("case", "import", str(table))
    until_imported(ana, 50)
    importing.send_signal(signal.SIGINT)
    _, err = importing.communicate(timeout=PATIENCE)
    assert importing.returncode == 130, err
    said = re.search(r"(\d+) cases were created and 0 updated; they stay. (\d+) rows were not reached", err)
    assert said, err
    there = ana.call("status")["cases"]
    assert (there, int(said[2])) == (int(said[1]), ROWS - there)
    again = ana.json("case", "import", str(table))
    assert (again["created"], again["unchanged"]) == (ROWS - there, there)


@pytest.mark.parametrize(
    "how", [signal.SIGTERM, *(pytest.param(one, marks=pytest.mark.slow) for one in (signal.SIGINT, signal.SIGHUP))]
)
def test_a_signal_ends_it_in_good_order(ana: Program, how: signal.Signals) -> None:
    ana.json("case", "new", "a case")
    ana.send(how)
    assert ana.ended() == 0
    assert not ana.profile.socket.exists()
    assert check_vault(ana.profile.vault, PASSPHRASE) == 3
    assert ana.run("case", "list").exit == 0  # nothing holds it any more


IGNORING = ["sh", "-c", 'trap "" HUP INT; exec "$@"', "-"]  # as with `nohup`, and in the background of a script


@pytest.mark.parametrize("how", [signal.SIGHUP, signal.SIGINT])
def test_what_was_ignored_at_its_start_does_not_end_it(tmp_path: Path, how: signal.Signals) -> None:
    with programs(tmp_path, "ana", inside=lambda _: IGNORING) as [ana]:
        ana.init()
        ana.start()
        ana.send(how)
        assert ana.run("lock", passphrase=None).exit == 0  # and it does not end the program that takes over
        ana.unlock()
        ana.send(how)
        assert ana.call("status")["changes"] == 2
        ana.send(signal.SIGTERM)
        assert ana.ended() == 0


def test_the_service_manager_is_told(tmp_path: Path) -> None:
    with (
        programs(tmp_path, "ana") as [ana],
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
    ):
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(PATIENCE)
        ana.start(unlocked=False, environment={"NOTIFY_SOCKET": str(tmp_path / "notify")})
        assert manager.recv(100) == b"READY=1\nSTATUS=empty"
        ana.send(signal.SIGTERM)
        assert manager.recv(100) == b"STOPPING=1"
        assert ana.ended() == 0


def test_a_killed_daemon_is_no_obstacle(ana: Program) -> None:
    ana.send(signal.SIGKILL)
    ana.stop()
    assert ana.profile.socket.exists()  # left over
    assert ana.run("status").exit == 0
    ana.start()
    assert ana.state == "open"


def test_a_frozen_daemon_is_ended(ana: Program) -> None:
    ana.send(signal.SIGSTOP)
    began = time.monotonic()
    assert ana.run("panic").exit == 0
    assert time.monotonic() - began < 3
    assert ana.ended() == -signal.SIGKILL
    assert ana.run("status").exit == 0


def test_two_at_once_are_refused_and_harm_nothing(ana: Program) -> None:
    second = ana.run("daemon", "run", passphrase=None)
    assert second.exit == 8
    assert "error: A daemon is running for this profile already, since 20" in second.err
    assert "cellsync daemon stop" in second.err
    with pytest.raises(CellsyncError, match="Another program"):
        Vault.open(ana.profile.vault, Passphrase(PASSPHRASE.encode()), allow_cheap=True)
    assert ana.json("case", "new", "a case")["written"]
    ana.run("daemon", "stop")
    ana.ended()
    waiting = ana.begin("watch")  # without a daemon a command holds the profile itself
    assert waiting.stderr is not None
    assert waiting.stderr.readline() == "Watching. Ctrl-C ends it.\n"
    assert ana.run("members", "--json").json["error"]["code"] == "busy"
    assert ana.run("daemon", "run", passphrase=None).exit == 8
    waiting.send_signal(signal.SIGINT)
    waiting.communicate(timeout=PATIENCE)
    assert waiting.returncode == 130
    assert check_vault(ana.profile.vault, PASSPHRASE) == 3


# --- locks ---------------------------------------------------------------------------------------------------


def secrets_of(one: Program) -> list[bytes]:
    """The device's signing key, the passphrase, and a case's title."""
    with Vault.open(one.profile.vault, Passphrase(PASSPHRASE.encode()), allow_cheap=True) as vault:
        key = vault.identity.signing.reveal()
    return [key, PASSPHRASE.encode(), CANARY.encode()]


def in_memory(pid: int, wanted: list[bytes]) -> list[bool]:
    """Which of these stand in a process's memory."""
    found = [False] * len(wanted)
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, permissions, *_ = line.split()
            if not permissions.startswith("rw") or "[v" in line:
                continue
            first, last = (int(part, 16) for part in span.split("-"))
            with suppress(OSError, OverflowError, ValueError):
                memory.seek(first)
                piece = memory.read(last - first)
                found = [seen or one in piece for seen, one in zip(found, wanted, strict=True)]
    return found


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can look into another process")
@pytest.mark.parametrize("how", ["lock", "panic"])
def test_nothing_is_left_in_memory(tmp_path: Path, how: str) -> None:
    with programs(tmp_path, "ana") as [ana]:
        ana.init()
        wanted = secrets_of(ana)
        ana.start()
        ana.json("case", "new", CANARY)
        assert in_memory(ana.pid, wanted)[0::2] == [True, True]
        before = ana.pid
        assert ana.run(how, passphrase=None).exit == 0
        if how == "panic" and ana.state is None:
            return  # it was too busy and was ended, with all its memory
        wait_until(lambda: ana.state == "locked", "it starts anew")
        assert ana.pid == before
        wait_until(lambda: in_memory(ana.pid, wanted) == [False] * 3, "nothing is left")
        ran = ana.run("case", "list", passphrase=None)
        assert (ran.exit, "cellsync unlock" in ran.err) == (3, True)
        ana.unlock()
        assert ana.json("case", "list")["cases"][0]["title"] == CANARY


def test_panic_in_the_middle_of_work_loses_nothing_confirmed(ana: Program, table: Path) -> None:
    importing = ana.begin("case", "import", str(table))
    confirmed = until_imported(ana, 50)
    assert ana.run("panic", passphrase=None).exit == 0
    importing.communicate(timeout=PATIENCE)
    assert importing.returncode in (3, 8)  # it still heard that the cell is locked, or its daemon was gone
    wait_until(lambda: ana.state in ("locked", None), "it starts anew, or it was too busy and was ended")
    ana.stop()
    ana.start()
    assert ana.call("status")["cases"] >= confirmed


def test_commands_right_after_a_lock_are_not_lost(ana: Program) -> None:
    """They wait at the door until the new program opens it."""
    for _ in range(3):
        assert ana.run("lock", passphrase=None).exit == 0
        ran = ana.run("unlock", passphrase="wrong")
        assert (ran.exit, "passphrase is wrong" in ran.err) == (3, True), ran
        ana.unlock()
    assert len(os.listdir(f"/proc/{ana.pid}/fd")) < 40  # nothing piles up


@pytest.mark.slow
def test_it_locks_by_itself(tmp_path: Path) -> None:
    with programs(tmp_path, "ana", "ben") as [ana, ben]:
        ana.init()
        ben.init()
        ana.start("--idle-lock", "2s")
        wait_until(lambda: ana.state == "locked", "it locks")
        ana.unlock("--for", "off")
        assert ana.call("status")["locks_in"] is None
        ben.start("--idle-lock", "2s")
        wait_until(lambda: ben.state == "locked", "one that began later locks")
        assert ana.state == "open"


# --- others on this machine ----------------------------------------------------------------------------------


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_user_gets_nothing(ana: Program) -> None:
    for folder in ana.profile.folder.parents:
        if len(folder.parts) > 2:
            folder.chmod(0o755)  # whatever lies above it is open to everybody
    attempts = [
        f"socket.socket(socket.AF_UNIX).connect({str(ana.profile.socket)!r})",
        f"os.listdir({str(ana.profile.folder)!r})",
        f"open({str(ana.profile.vault / 'vault')!r})",
        f"open('/proc/{ana.pid}/mem', 'rb')",
        f"open('/proc/{ana.pid}/environ', 'rb').read()",
        f"os.kill({ana.pid}, 0)",
    ]
    for attempt in attempts:
        done = subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-c",
             f"import os, socket; {attempt}"], capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "PermissionError" in done.stderr, (attempt, done)


def test_no_secret_in_arguments_environment_or_logs(tmp_path: Path) -> None:
    seen: list[bytes] = []

    def look() -> None:
        for process in Path("/proc").iterdir():
            if process.name.isdigit() and int(process.name) != os.getpid():
                with suppress(OSError):
                    line = (process / "cmdline").read_bytes()
                    if str(tmp_path).encode() in line:  # others may run the same
                        seen.extend([line, (process / "environ").read_bytes()])

    with programs(tmp_path, "ana", "ben", alone=True) as [ana, ben]:
        key = ana.init().out
        ana.start("-v")
        look()
        inviting, joining = pair(ana, ben)
        look()
        ben.start("-v")
        ana.json("case", "new", "a case")
        ben.run("sync")
        look()
        logs = ana.log.read_bytes() + ben.log.read_bytes()
    words = [line.split("Yours: ")[1].strip() for line in inviting.err.splitlines() if line.startswith("Yours: ")]
    recovery = key.split("Recovery key: ")[1].split("\n")[0]
    assert len(seen) >= 4
    assert logs.count(b"\n") > 3
    for secret in (PASSPHRASE, recovery, words[0], "Mill Street"):
        assert all(secret.encode() not in one for one in seen), "in a process"
        assert secret.encode() not in logs, "in a log"
    assert b"127.0.0.1" not in logs
    assert b"ben" not in logs
    assert "joined" in joining.err.lower() or joining.out


def test_no_core_is_left(ana: Program, tmp_path: Path) -> None:
    limits = Path(f"/proc/{ana.pid}/limits").read_text()
    [core] = [line.split() for line in limits.splitlines() if line.startswith("Max core file size")]
    assert core[4:6] == ["0", "0"]
    ana.send(signal.SIGABRT)
    assert ana.ended() == -signal.SIGABRT
    assert [file.name for file in [*Path.cwd().iterdir(), *tmp_path.iterdir()] if file.name.startswith("core")] == []


# --- the disk ------------------------------------------------------------------------------------------------


def test_a_full_disk_is_said_and_survived(disk: Disk) -> None:
    with programs(disk.path, "ana") as [ana]:
        ana.init()
        ana.start()
        ana.json("case", "new", "before")
        disk.fill()
        ran = ana.run("case", "edit", "before", "--append", f"timeline={'long ' * 9000}")
        assert (ran.exit, "The disk is full" in ran.err) == (1, True), ran
        assert ana.run("case", "import", str(TABLE)).exit == 1
        assert ana.run("status").exit == 0
        disk.free()
        assert ana.json("case", "edit", "before", "--append", "timeline=after")["written"]
        disk.fill()
        assert ana.run("lock").exit == 0
        wait_until(lambda: ana.state == "locked", "it starts anew")
        disk.free()
        ana.unlock()
        assert len(ana.json("case", "log", "before")["lines"]) == 1


def test_founding_on_a_full_disk(disk: Disk) -> None:
    with programs(disk.path, "ana") as [ana]:
        disk.fill()
        ran = ana.run("init", "Mill Street", "--name", "ana")
        assert (ran.exit, "disk" in ran.err) == (1, True), ran
        disk.free()
        ana.init()
