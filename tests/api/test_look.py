"""A cell on a read-only disk: which requests it answers, and that neither disk nor memory keeps a trace."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from cellsync import system
from cellsync.api.client import Client
from cellsync.api.contract.table import OPERATIONS
from cellsync.api.look import NoMemory, looking
from cellsync.cell import opening
from cellsync.core.errors import VaultInUse
from cellsync.core.ids import CircleId
from cellsync.ledger.circle import OpenCircle
from cellsync.profile.profile import Profile
from cellsync.store.files import ReadOnlyDisk, lock_directory
from cellsync.system.port import Memory
from tests.api.services import PASSPHRASE
from tests.api.test_direct import profile, working

__all__ = ["profile"]  # a fixture
READ: Final = {
    "health", "doctor", "unlock", "lock", "status", "audit", "forks", "fork.proof", "fork.check", "members", "peers",
    "roster", "permission", "quarantine", "member.why", "removal.preview", "leave.preview", "endorsable", "contestable",
    "circles", "devices",
    "invites", "invite.show", "join.show", "sync.show", "schemas", "case.list", "case.show", "case.log", "case.graph",
    "case.move.preview", "recovery.keys", "settings", "import.show", "rekey.show", "export", "export.read", "events",
}  # fmt: skip
ROOM: Final = 1 << 30


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where copies are kept."""
    folder = tmp_path / "memory"
    folder.mkdir()
    monkeypatch.setattr(system.files, "memory", lambda: Memory(folder, ROOM))
    return folder


@pytest.fixture
def cell(profile: Profile) -> Profile:
    """A closed one with a case that may leave."""
    with working(profile) as client:
        client.call("init", cell="Mill", name="Ana", passphrase=PASSPHRASE)
        case = client.call("case.new", set={"title": "Parcel"})["id"]
        client.call("case.new", kind="consent", set={"scope": "public"}, add={"links": [f"about:{case}"]})
    return profile


def content(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*") if path.is_file()
    }  # fmt: skip


def reading(client: Client) -> dict[str, Any]:
    client.call("unlock", passphrase=PASSPHRASE)
    return client.call("status")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_who_may_only_read_is_told_apart(operation: Any) -> None:
    assert operation.reads == (operation.name in READ)


def test_it_is_read_as_it_was_written(cell: Profile, shelf: Path) -> None:
    os.utime(cell.vault / "vault", (4e9, 4e9))  # the newest of the files says of when it is
    before = content(cell.folder)
    with looking(cell) as (client, as_of):
        assert as_of == datetime.fromtimestamp(4e9, UTC)
        (copy,) = shelf.iterdir()
        assert copy.stat().st_mode & 0o777 == 0o700
        found = reading(client)
        assert (found["cell"], found["cases"], found["as_of"]) == ("Mill", 1, "2096-10-02T07:06:40+00:00")
        assert client.call("case.show", case="parcel")["title"] == "Parcel"
        assert client.call("audit")["entries"] == found["changes"] == 4
        exported = client.call("export", format="json", audience="internal")
        assert (exported["leaving"], exported["record"]) == (1, None)  # what leaves is noted in no entry
        assert client.call("status")["changes"] == 4
    assert content(cell.folder) == before
    assert list(shelf.iterdir()) == []
    with working(cell) as client:
        assert reading(client)["as_of"] is None


def test_what_is_to_be_wiped_is_not_shown_and_nobody_says_that_it_was(
    cell: Profile, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def due(circles: Iterable[OpenCircle], *, opened: bool = False) -> list[CircleId]:
        return [circle.id for circle in circles]

    before = content(cell.folder)
    monkeypatch.setattr(opening, "doomed", due)
    with pytest.raises(ReadOnlyDisk, match="it is still there"), looking(cell) as (client, _):
        reading(client)
    assert content(cell.folder) == before
    assert list(shelf.iterdir()) == []


def test_of_several_circles_one_that_is_to_be_wiped_is_counted_and_the_others_are_shown(
    cell: Profile, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with working(cell) as client:
        assert client.call("unlock", passphrase=PASSPHRASE)["wiped"] == 0
        client.call("circle.create", name="Lawyers")

    def due(circles: Iterable[OpenCircle], *, opened: bool = False) -> list[CircleId]:
        return [circle.id for circle in circles][1:]

    before = content(cell.folder)
    monkeypatch.setattr(opening, "doomed", due)
    with looking(cell) as (client, _):
        assert client.call("unlock", passphrase=PASSPHRASE)["wiped"] == 1
        assert [one["name"] for one in client.call("circles")["circles"]] == ["Mill"]
    assert content(cell.folder) == before


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("case.new", {"set": {"title": "Letter"}}),
        ("case.edit", {"case": "parcel", "set": {"title": "Letter"}}),
        ("flags.dismiss", {}),
        ("carry_on", {}),
        ("invite", {}),
        ("sync", {}),
        ("backup", {"to": "/nowhere/copy"}),
        ("import", {"table": ""}),
        ("init", {"cell": "Mill", "name": "Ana", "passphrase": PASSPHRASE}),
    ],
)
def test_nothing_is_written(cell: Profile, shelf: Path, name: str, given: dict[str, Any]) -> None:
    with looking(cell) as (client, _):
        changes = reading(client)["changes"]
        with pytest.raises(ReadOnlyDisk):
            client.call(name, **given)
        assert client.call("status")["changes"] == changes


@pytest.mark.parametrize("kind", [KeyboardInterrupt, ValueError])
def test_whatever_ends_it_the_copy_is_gone(cell: Profile, shelf: Path, kind: type[BaseException]) -> None:
    with pytest.raises(kind), looking(cell):
        raise kind
    assert list(shelf.iterdir()) == []
    with looking(cell) as (client, _):  # and nobody holds the vault
        assert reading(client)["cases"] == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_process_that_is_told_to_end_takes_the_copy_along(cell: Profile, shelf: Path, number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as ended, looking(cell):
        signal.raise_signal(number)
    assert ended.value.code == 128 + number
    assert list(shelf.iterdir()) == []
    assert signal.getsignal(number) is before


def test_not_where_there_is_no_memory_for_it(cell: Profile, shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = sum(path.stat().st_size for path in cell.vault.iterdir())
    needed = size + size // 2 + (32 << 20)
    monkeypatch.setattr(system.files, "memory", lambda: Memory(shelf, needed - 1))
    with pytest.raises(NoMemory, match=r"^This cell has 0 MB, and 34 MB of memory are free: too little to look at it"):
        looking(cell).__enter__()
    monkeypatch.setattr(system.files, "memory", lambda: None)
    with pytest.raises(ReadOnlyDisk, match="On this system"):
        looking(cell).__enter__()
    assert list(shelf.iterdir()) == []


def test_it_fills_up_meanwhile(cell: Profile, shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "no space")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(NoMemory):
        looking(cell).__enter__()
    assert list(shelf.iterdir()) == []


def test_not_while_somebody_writes_to_it(cell: Profile, shelf: Path) -> None:
    lock = lock_directory(cell.vault)
    with pytest.raises(VaultInUse):
        looking(cell).__enter__()
    os.close(lock)
    assert list(shelf.iterdir()) == []


@pytest.fixture
def left_over(shelf: Path, tmp_path: Path) -> Iterator[None]:
    """Of a look that was killed, of one that goes on, of one that has just begun; and what others have there."""
    for name in ("cellsync-look-killed", "cellsync-look-goes-on", "others", "cellsync-look-of-others"):
        (shelf / name).mkdir(mode=0o700)
        (shelf / name / "vault").touch()
    (shelf / "cellsync-look-of-others").chmod(0o755)
    (shelf / "cellsync-look-begun").mkdir(mode=0o700)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (elsewhere / "letter.txt").touch()
    (shelf / "cellsync-look-link").symlink_to(elsewhere)
    lock = lock_directory(shelf / "cellsync-look-goes-on")
    yield
    os.close(lock)
    assert (elsewhere / "letter.txt").exists()


def test_what_was_killed_is_taken_away(cell: Profile, shelf: Path, left_over: None) -> None:
    with looking(cell):
        pass
    left = sorted(path.name.removeprefix("cellsync-look-") for path in shelf.iterdir())
    assert left == ["begun", "goes-on", "link", "of-others", "others"]
