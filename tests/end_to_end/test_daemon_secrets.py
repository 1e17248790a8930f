"""Traces after panic, and those visible to others on this machine: connections, memory, arguments, logs, core dumps."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pytest

from cellsync.core.ids import Passphrase
from cellsync.store.vault import Vault
from tests.end_to_end.devices import ROOT, check_vault
from tests.end_to_end.programs import LOOPBACK, PASSPHRASE, Program, environment, pair, programs
from tests.patience import PATIENCE, wait_until

pytestmark = pytest.mark.e2e

CANARY: Final = "Canary Wharfinger"
TABLE: Final = ROOT / "examples" / "data" / "cases.csv"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can look into another process")


def signing_key(one: Program, spare: Path) -> bytes:
    """Of the device; from a copy, because a process may have the vault open."""
    copy = spare / f"{one.name}-copy"
    shutil.copytree(one.profile.vault, copy)
    with Vault.open(copy, Passphrase(PASSPHRASE.encode()), allow_cheap=True) as vault:
        key: bytes = vault.identity.signing.reveal()
        return key


def in_memory(pid: int, *wanted: bytes) -> set[bytes]:
    """Which of these stand in a process's memory, of whatever kind. One that has ended has none."""
    found: set[bytes] = set()
    longest = max(map(len, wanted))
    with suppress(FileNotFoundError, ProcessLookupError), open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, permissions, *_ = line.split()
            if not permissions.startswith("r") or "[v" in line:
                continue
            start, end = (int(part, 16) for part in span.split("-"))
            rest = b""
            with suppress(OSError, OverflowError):
                memory.seek(start)
                while start < end and (piece := memory.read(min(end - start, 16 << 20))):
                    start += len(piece)
                    whole = rest + piece
                    found.update(one for one in wanted if one in whole)
                    rest = piece[-longest:]
    return found


def connections(pid: int) -> set[str]:
    """The TCP connections of a process. One that has ended has none."""
    own: set[str] = set()
    made: set[str] = set()
    with suppress(OSError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                own.add(os.readlink(link).removeprefix("socket:[").removesuffix("]"))
        for kind in ("tcp", "tcp6"):
            rows = [row.split() for row in Path(f"/proc/{pid}/net/{kind}").read_text().splitlines()[1:]]
            made.update(row[9] for row in rows if row[3] == "01")  # established
    return own & made


def connected(one: Program) -> bool:
    return any(peer["connected"] for peer in one.call("peers")["peers"])


@pytest.fixture
def two(tmp_path: Path) -> Iterator[list[Program]]:
    """Ana and Ben, their daemons open and connected."""
    announced = ("--lan", "announce", *LOOPBACK)
    with programs(tmp_path, "ana", "ben", alone=True) as [ana, ben]:
        ana.init(*announced)
        ana.start()
        pair(ana, ben, network=announced)
        ben.start()
        wait_until(lambda: connected(ana) and connected(ben), "they are connected")
        yield [ana, ben]


# --- panic -----------------------------------------------------------------------------------------------------


@needs_root
def test_panic_closes_what_is_connected_and_empties_the_memory(two: list[Program], tmp_path: Path) -> None:
    """In the moment in which the command returns, if the daemon has answered; nobody waits here."""
    ana, ben = two
    ana.json("case", "new", CANARY)
    wanted = signing_key(ana, tmp_path), CANARY.encode(), PASSPHRASE.encode()
    assert in_memory(ana.pid, *wanted) >= set(wanted[:2])
    assert connections(ana.pid)
    changes, before = ana.call("status")["changes"], ana.pid

    assert ana.run("panic", passphrase=None).out == "Locked.\n"
    if killed := ana.state is None:  # too busy to answer in time; the kernel needs a moment to take it away
        wait_until(lambda: not connections(before) and not in_memory(before, *wanted), "it is gone")
    assert connections(before) == set()
    assert in_memory(before, *wanted) == set()
    wait_until(lambda: not connected(ben), "Ben has lost Ana")

    if killed:
        ana.stop()
        ana.start()
    ana.unlock()
    assert ana.call("status")["changes"] >= changes
    wait_until(lambda: connected(ben), "and finds her again")
    assert ana.json("case", "show", "canary")["title"] == CANARY


@needs_root
def test_panic_during_an_import_that_is_being_sent(two: list[Program], tmp_path: Path) -> None:
    """The daemon writes, and sends what it has written. Both end; what was written stays, and the rest follows."""
    ana, ben = two
    ana.json("case", "new", CANARY)
    wanted = signing_key(ana, tmp_path), CANARY.encode(), PASSPHRASE.encode()
    changes, size, before = ana.call("status")["changes"], vault_size(ana), ana.pid
    importing = ana.begin("case", "import", str(TABLE), "--json")
    # not over the API: a daemon that imports answers only between two batches
    wait_until(lambda: vault_size(ana) > size + 400_000, "two batches are written")
    assert ana.run("panic", passphrase=None).exit == 0
    wait_until(lambda: not connections(before), "the connections are closed")
    wait_until(lambda: not in_memory(before, *wanted), "the memory holds no secret")
    wait_until(lambda: ana.state in ("locked", None), "it starts anew, or was killed")
    wait_until(lambda: not connected(ben), "Ben has lost Ana")
    out, err = importing.communicate(timeout=PATIENCE)
    assert importing.returncode in (3, 8), (out, err)  # it asked once more, and met the locked cell or nobody

    ana.stop()
    ana.start()
    assert changes < ana.call("status")["changes"] < 2400, "it was not in the middle"
    again = ana.json("case", "import", str(TABLE))
    assert again["created"] + again["updated"] + again["unchanged"] == 500
    total = ana.call("status")["changes"]
    wait_until(lambda: ben.call("status")["changes"] == total, "Ben has it all")
    for one in two:
        assert one.run("daemon", "stop").exit == 0
        assert one.ended() == 0
        assert check_vault(one.profile.vault, PASSPHRASE) == total


def vault_size(one: Program) -> int:
    return sum(file.stat().st_size for file in one.profile.vault.iterdir())


@needs_root
def test_panic_ends_a_command_that_works_by_itself(tmp_path: Path) -> None:
    """Without a daemon, it is that command that has the keys."""
    with programs(tmp_path, "ana", alone=True) as [ana]:
        ana.init()
        ana.json("case", "new", CANARY)
        key = signing_key(ana, tmp_path)
        watching = ana.begin("watch")
        try:
            assert watching.stderr is not None
            assert watching.stderr.readline() == "Watching. Ctrl-C ends it.\n"
            assert in_memory(watching.pid, key) == {key}
            assert ana.run("panic", passphrase=None).out == "Locked.\n"
            watching.communicate(timeout=PATIENCE)
            assert watching.returncode == -signal.SIGKILL
        finally:
            watching.kill()
        assert ana.json("case", "show", "canary")["title"] == CANARY
        assert check_vault(ana.profile.vault, PASSPHRASE) == 3


def test_panic_where_nothing_is(tmp_path: Path) -> None:
    with programs(tmp_path, "ana", alone=True) as [ana]:
        assert ana.run("panic", passphrase=None).out == "Locked.\n"
        assert not ana.profile.folder.exists()


# --- others on this machine --------------------------------------------------------------------------------------


@contextmanager
def passer_by(folder: Path) -> Iterator[set[bytes]]:
    """Somebody who looks at every process again and again: arguments and environments of those with this folder."""
    seen: set[bytes] = set()
    enough = threading.Event()

    def look() -> None:
        while not enough.wait(0.005):
            for process in Path("/proc").iterdir():
                with suppress(OSError):
                    arguments = (process / "cmdline").read_bytes() if process.name.isdigit() else b""
                    if bytes(folder) in arguments:
                        seen.update((arguments, (process / "environ").read_bytes()))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        enough.set()
        thread.join()


def test_whoever_looks_all_the_time_sees_no_secret(tmp_path: Path) -> None:
    """From the founding to a wrong passphrase; every text comes on standard input."""
    texts = ("heron velvet title", "heron velvet line", "heron velvet person")
    changed = "kitchen orbit seventeen lampshade"
    with programs(tmp_path, "ana", "ben", alone=True) as [ana, ben], passer_by(tmp_path) as seen:
        recovery = ana.json("init", "Mill Street", "--name", "ana", *LOOPBACK)["recovery_key"]
        ana.start("-v")
        inviting, joining = pair(ana, ben)
        ben.start("-v")
        case = written(ana, texts[0], "case", "new", "-")["short"]
        written(ana, texts[1], "case", "log", case, "--write", "-")
        written(ana, texts[2], "case", "new", "--kind", "person", "--set", "description=-")
        assert ben.run("sync", "--wait").exit == 0
        assert ana.run("unlock", passphrase="wrong " + PASSPHRASE).exit == 3  # though it is open
        assert ana.run("lock").exit == 0
        assert ana.run("unlock", passphrase="wrong " + PASSPHRASE).exit == 3
        ana.unlock()
        assert texts[1] in ana.run("case", "log", case).out
        assert ana.run("passphrase", "change", "--rekey", passphrase=f"{PASSPHRASE}\n{changed}").exit == 0
        for paper in (recovery[::-1], recovery):
            with_paper(ana, paper, "recovery", "use", "--coordinator", "ben", "--confirm", "Mill Street")
        assert {row["role"] for row in ana.call("roster")["members"]} == {"coordinator"}
        logs = ana.log.read_text() + ben.log.read_text()
    words = next(line for line in inviting.err.splitlines() if line.startswith("Yours: ")).removeprefix("Yours: ")
    secrets = [PASSPHRASE, changed, recovery, recovery.replace("-", ""), recovery[::-1], words, *texts]
    everything = b"\n".join(seen).decode(errors="replace")
    assert "--words-fd" in everything, "nobody has looked while they paired"
    assert "--rekey" in everything, "nobody has looked while the passphrase was changed"
    assert "--key-fd" in everything, "nobody has looked while the recovery key was used"
    assert "--write" in everything or "--kind" in everything, "nobody has looked while they worked"
    assert [secret for secret in secrets if secret in everything] == []
    assert logs.count('"level": "debug"') > 0
    assert [secret for secret in (*secrets, "Mill Street", "127.0.0.1", '"ana"') if secret in logs] == []
    assert PASSPHRASE not in inviting.out + inviting.err + joining.out + joining.err


def written(one: Program, text: str, *arguments: str) -> Any:
    """What a command answers that is given a text on standard input."""
    done = with_input(one, text, *arguments, "--json")
    assert done.returncode == 0, done
    return json.loads(done.stdout)


def with_paper(one: Program, key: str, *arguments: str) -> None:
    """A command that is given a recovery key, which it must not repeat."""
    done = with_input(one, key, *arguments, "--key-fd", "0")
    assert key not in done.stdout + done.stderr


def with_input(one: Program, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    reading, writing = os.pipe()
    os.write(writing, text.encode())
    os.close(writing)
    try:
        return subprocess.run(
            one.command(*arguments), stdin=reading, capture_output=True, text=True, timeout=PATIENCE,
            check=False, env=environment(),
        )  # fmt: skip
    finally:
        os.close(reading)


def test_no_core_even_where_cores_are_wanted(tmp_path: Path) -> None:
    """Its starter allows them, the folder would take one, and it has been replaced by its successor meanwhile."""
    wanted = tmp_path / "cores"
    wanted.mkdir()
    with programs(tmp_path, "ana", alone=True) as [ana]:
        ana.init()
        ana._prefix = ("sh", "-c", 'ulimit -c unlimited; exec "$@"', "sh")
        ana.start(cwd=wanted)
        ana._prefix = ()
        assert core_limit(ana.pid) == ["0", "0"]
        assert ana.run("lock").exit == 0
        wait_until(lambda: ana.state == "locked", "it has started anew")
        ana.unlock()
        assert core_limit(ana.pid) == ["0", "0"]
        assert Path(f"/proc/{ana.pid}/environ").stat().st_uid == 0  # not dumpable: nobody's but root's
        ana.send(signal.SIGABRT)
        assert ana.ended() == -signal.SIGABRT
        assert list(wanted.iterdir()) == []
        assert check_vault(ana.profile.vault, PASSPHRASE) == 2


def core_limit(pid: int) -> list[str]:
    [row] = [line for line in Path(f"/proc/{pid}/limits").read_text().splitlines() if line.startswith("Max core")]
    return row.split()[4:6]
